"""Tests that share one world run on one worker: otherwise each worker builds that world again."""

from __future__ import annotations

import subprocess
import sys

TESTS = """
import os, pytest
pytestmark = pytest.mark.xdist_group("world")
@pytest.mark.parametrize("n", range(12))
def test_where(n):
    with open("where", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_a_group_stays_together(tmp_path):
    """Silently not so with pytest 9.2 and pytest-xdist 3.8."""
    (tmp_path / "test_world.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    where = (tmp_path / "where").read_text().split()
    assert (len(where), len(set(where))) == (12, 1)
