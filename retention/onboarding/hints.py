"""Words that often tell which kind of entry a sentence belongs to. They are shown with the word; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_PERSON = re.compile(r"\b[A-ZÅÄÖ][a-zåäö]+(?:-[A-ZÅÄÖ][a-zåäö]+)? (?!(?:Oy|Oyj|Ab|Ry|Ky)\b)[A-ZÅÄÖ][a-zåäö]+\b")
_REACHED = re.compile(r"[\w.+-]+(?:@|\(at\)|\(a\))[\w-]+\.\w+|\+?\d[\d ()-]{6,}\d")


@cache
def words() -> Mapping[str, tuple[str, ...]]:
    """Per list of the document (and `organisation`, `purposes`) the stems, in small letters."""
    read = yaml.safe_load(Path(__file__).with_name("hints.yaml").read_text(encoding="utf-8"))
    return {kind: tuple(str(stem).lower() for stem in stems) for kind, stems in read.items()}


def hints(text: str) -> dict[str, list[str]]:
    """Per kind the stems that stand in the text at the beginning of a word; kinds with the most first."""
    small = text.lower()
    found = {
        kind: [stem for stem in stems if re.search(rf"(?<!\w){re.escape(stem)}", small)]
        for kind, stems in words().items()
    }
    return dict(sorted(((kind, stems) for kind, stems in found.items() if stems), key=lambda one: -len(one[1])))


def may_name_a_person(text: str) -> bool:
    """Whether it looks like a person's name beside a number or address: say the role instead."""
    return bool(_PERSON.search(text) and _REACHED.search(text))
