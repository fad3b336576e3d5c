"""A block as sentences, the Finnish way: a full stop after an ordinal, a date or an abbreviation ends nothing."""

from __future__ import annotations

import re

# fmt: off
ABBREVIATIONS = frozenset({
    "mm", "esim", "n", "ks", "vrt", "ym", "yms", "jne", "tms", "ns", "eli", "em", "ent", "kpl", "klo", "puh",
    "p", "s", "sis", "os", "nro", "no", "alk", "ao", "eaa", "oy", "ab", "oyj", "ry", "art", "mom", "tai",
    "t.ex", "bl.a", "osv", "dvs", "m.m", "d.v.s", "e.g", "i.e", "etc",
})
# fmt: on
_END = re.compile(r"(?<=[.!?])(?:[\"”»)]?)\s+(?=[\"”»(]?[A-ZÅÄÖ0-9])")
_LAST_WORD = re.compile(r"([\w.§]+)\.$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, word for word: joined by one blank they are the text. A heading is one sentence."""
    found: list[str] = []
    begin = 0
    for end in _END.finditer(text):
        said = text[begin : end.start()].rstrip()
        if _goes_on(said, text[end.end() :]):
            continue
        found.append(text[begin : end.end()].strip())
        begin = end.end()
    rest = text[begin:].strip()
    return [*found, rest] if rest else found


def _goes_on(said: str, rest: str) -> bool:
    last = _LAST_WORD.search(said)
    if last is None:
        return False
    word = last.group(1).lower()
    if word in ABBREVIATIONS:
        return word not in {"oy", "ab", "oyj", "ry"} or rest[:1].islower()
    return word.isdigit() or re.fullmatch(r"\d{1,2}\.\d{1,2}|\d{1,2}\.\d{1,2}\.?", word) is not None
