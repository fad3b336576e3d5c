"""The two records of Article 30, and what of an inventory belongs to which: they are never mixed.

30(1) is the controller's: its purposes, categories, recipients, time limits. 30(2) is the processor's: whom it serves,
what it does for each, transfers, measures. An organisation that is both keeps both, as two documents.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ropa import article30

Document = Mapping[str, Any]

CONTROLLER, PROCESSOR = "controller", "processor"
RECORDS = (CONTROLLER, PROCESSOR)
PARAGRAPHS = {CONTROLLER: "30(1)", PROCESSOR: "30(2)"}

FOR_BOTH = ("transfers", "security_measures", "contact_points", "references", "notices")
"""Kinds whose entries, where they name neither activity nor register, speak of a processor's work too."""


def records_of(document: Document) -> tuple[str, ...]:
    """The records that this document is: a document without activities is a controller's."""
    kept = {CONTROLLER: article30.controls(document) or not article30.processes(document)}
    kept[PROCESSOR] = article30.processes(document)
    return tuple(record for record in RECORDS if kept[record])


def part_of(document: Document, record: str) -> dict[str, Any]:
    """The document as if only this record were kept: its activities, and what is about them.

    A register without any dataset stands in the controller's record, if there is one. Names of what belongs to the
    other record are left out of the entries that remain. Raises ValueError for a record that the document is not.
    """
    kept = records_of(document)
    if record not in kept:
        raise ValueError(f"this inventory has no record under Article {PARAGRAPHS.get(record, record)}")
    if kept == (record,):
        return dict(document)
    activities = [one for one in document["activities"] if article30.is_processor(one) == (record == PROCESSOR)]
    mine = {one["id"] for one in activities}
    datasets = [one for one in document.get("datasets") or () if one.get("activity") in mine]
    filled = {one["register"] for one in document.get("datasets") or ()}
    here = {one["register"] for one in datasets}
    registers = [
        one
        for one in document.get("registers") or ()
        if one["id"] in here or (record == CONTROLLER and one["id"] not in filled)
    ]
    places = {one["id"] for one in registers}
    part = {**document, "activities": activities, "datasets": datasets, "registers": registers}
    for name, entries in document.items():
        if name in ("activities", "datasets", "registers") or not isinstance(entries, list):
            continue
        everywhere = record == CONTROLLER or name in FOR_BOTH
        part[name] = [_within(entry, mine, places) for entry in entries if _belongs(entry, mine, places, everywhere)]
    cited = _cited({name: value for name, value in part.items() if name != "references"})
    elsewhere = _cited({name: value for name, value in document.items() if name != "references"}) - cited
    part["references"] = [one for one in document.get("references") or () if one["id"] not in elsewhere]
    return part


def _belongs(entry: Document, activities: Collection[str], registers: Collection[str], everywhere: bool) -> bool:
    named = [*(entry.get("activities") or ()), *(entry.get("registers") or ())]
    if not named:
        return everywhere
    return any(one in activities for one in entry.get("activities") or ()) or any(
        one in registers for one in entry.get("registers") or ()
    )


def _within(entry: Document, activities: Collection[str], registers: Collection[str]) -> dict[str, Any]:
    kept = dict(entry)
    for key, known in (("activities", activities), ("registers", registers)):
        if entry.get(key):
            kept[key] = [one for one in entry[key] if one in known]
    return kept


def _cited(value: Any) -> set[str]:
    """The ids of references that a part of the document names."""
    if isinstance(value, Mapping):
        found: set[str] = set()
        for key, part in value.items():
            found |= set(part) if key in ("references", "instruments") and _ids(part) else _cited(part)
        return found
    if isinstance(value, list):
        return set().union(*(_cited(one) for one in value)) if value else set()
    return set()


def _ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
