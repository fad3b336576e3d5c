"""How the version in force was decided, and what it changed: who published it, the DPO's opinion, each difference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ropa.change_words import Teller, said
from ropa.changes import Change, Kind, difference
from ropa.places import empty
from ropa.report.records import part_of, records_of
from ropa.report.texts import Report
from ropa.wording import day_in_words

Document = Mapping[str, Any]

MOST = 400
"""Differences that are said one by one; a record that changed more is another record, and two documents tell it."""


def decided(version: Document, language: str) -> list[dict[str, str]]:
    """Who published the version and why, and what the DPO said of it (art. 38(1), 39(1)(a)): a line each."""
    lines = []
    if version.get("publisher"):
        lines.append(
            said("published", language, by=version["publisher"], day=day_in_words(version["published_on"], language))
        )
    if version.get("reason"):
        lines.append(said("reason", language, text=version["reason"]))
    opinion = version.get("opinion")
    if opinion:
        stance = said(f"stance_{opinion['stance']}", language)
        worded = said("opinion", language, by=opinion["by"], stance=stance, text=opinion.get("text") or "–")
        lines.append(worded.removesuffix(": –"))
    if version.get("opinion_reason"):
        lines.append(said("opinion_reason", language, text=version["opinion_reason"]))
    return [{"text": line, "lang": language} for line in lines]


TECHNICAL = frozenset({"seloste", "connection", "ledger", "identities", "mapping", "notes", "addition"})
"""Keys that say how a register is reached or what we noted, not what the record says."""


_NAMED = re.compile(r"(?P<list>[a-z_]+)\[(?P<id>[^]]+)\]\.(?P<key>registers|activities)\b")


def _says_something(change: Change) -> bool:
    if change.kind is Kind.MOVED or TECHNICAL.intersection(map(str, change.steps)):
        return False
    return not (empty(change.before) and empty(change.after))


def _with_lists(document: Document, other: Document) -> dict[str, Any]:
    """The document with each list that the other has, so that every entry is a difference of its own."""
    return {**{key: [] for key, value in other.items() if isinstance(value, list)}, **document}


def changes(
    document: Document, previous: Document | None, record: str, language: str, whole: Document
) -> Report | None:
    """What differs from the version before, within this record; None for the first version.

    `lines`: in words, those of the first MOST, where what is said of several entries is one line; `number`: of all;
    `told`: of those that the lines say. Left out is what only moved in its list, and how a register is technically
    reached. `whole` is the document that the record is a part of.
    """
    if previous is None:
        return None
    earlier = previous["document"]
    kept = record in records_of(earlier)
    before = part_of(earlier, record) if kept else {"organisation": earlier["organisation"]}
    before, after = _with_lists(before, document), _with_lists(document, before)
    found = [one for one in difference(before, after) if _says_something(one) and not _only_parted(one, earlier, whole)]
    lines = Teller(before, after, language, (earlier, whole)).lines(found[:MOST])
    return {
        "since": {key: previous[key] for key in ("number", "in_force_from")},
        "number": len(found),
        "told": min(len(found), MOST),
        "lines": [{"text": line, "lang": language} for line in lines],
    }


def _only_parted(change: Change, earlier: Document, whole: Document) -> bool:
    """Whether an entry names the same places as before, and only fewer or more of them belong to this record."""
    match = _NAMED.match(change.path)
    if match is None:
        return False
    was, now = (
        next((one.get(match["key"]) for one in document.get(match["list"]) or () if one["id"] == match["id"]), None)
        for document in (earlier, whole)
    )
    return bool(was == now)
