"""What a column is probably about, by the words of its heading in Finnish, Swedish and English: a suggestion only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from retention.onboarding.record.columns import NOTHING, plain
from retention.onboarding.record.foreign import Foreign

FILE = Path(__file__).with_name("headings.yaml")


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def label(target: str, language: str) -> str:
    """What a target is called. Raises KeyError."""
    found: str = _table()[target]["label"][language]
    return found


def suggested(heading: str) -> str:
    """The target that a heading suggests; `nothing` where its words are not known."""
    said = plain(heading)
    words = [(word, target) for target, row in _table().items() for word in row["words"]]
    for word, target in sorted(words, key=lambda one: -len(one[0])):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said):
            return target
    for word, target in sorted(words, key=lambda one: -len(one[0])):
        if len(word) > 5 and re.search(rf"(?<!\w){re.escape(word)}", said):
            return target
    return NOTHING


def suggestion(found: Foreign, language: str = "fi") -> dict[str, Any]:
    """A column mapping to begin with: every heading of every sheet that is not hidden. A person decides."""
    columns: dict[str, Any] = {}
    sheets: dict[str, Any] = {}
    taken: set[str] = set()
    for table in found.tables:
        heading = table.heading()
        if table.hidden or heading is None:
            continue
        sheets[table.name] = {"heading_row": heading.number}
        for text in heading.cells.values():
            if plain(text) in taken:
                continue
            taken.add(plain(text))
            columns[" ".join(text.split())] = {"to": suggested(text)}
    return {"language": language, "sheets": sheets, "columns": columns}
