"""Every setting that is read is documented, in the example and in the reference; and nothing else is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def settings_read() -> set[str]:
    found = set()
    for path in (ROOT / "config").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^SELOSTE_[A-Z_]+$", node.value))
    return found


def test_the_example_names_every_setting():
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?(SELOSTE_[A-Z_]+)=", text, re.MULTILINE)) == settings_read()


def test_the_reference_explains_every_setting():
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert set(re.findall(r"^\| `(SELOSTE_[A-Z_]+)` \|", text, re.MULTILINE)) == settings_read()


def test_the_example_can_be_read_by_a_shell_and_sets_nothing():
    for line in (ROOT / ".env.example").read_text().splitlines():
        assert not line or line.startswith("#"), "a copy of the example, unchanged, must change nothing"
