"""Nothing in the repository tells of the machine it was written on, or of the hosts it was fetched from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRACES = {
    "a folder of somebody's": r"(?<![\w.~-])/(?:root|home/[a-z]\w*|Users/\w+|work|opt/\w+|tmp/\w+)/",
    "a registry's host": r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|debian|ubuntu)\.(?:org|com|net)\b",
    "a folder beside the repository": r"\.\./" + "shared",
    "a private key": "BEGIN (?:[A-Z]+ )?PRIVATE" + " KEY",
}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_trace_in_any_tracked_file():
    files = tracked()
    assert files
    found = []
    for path in files:
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for what, pattern in TRACES.items():
            found += [f"{path.relative_to(ROOT)}: {what}: {hit.group()}" for hit in re.finditer(pattern, text)]
    assert found == []


def test_what_is_made_is_not_tracked():
    made = {".mo", ".pyc", ".sqlite3", ".key", ".pem"}
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.suffix in made] == []
