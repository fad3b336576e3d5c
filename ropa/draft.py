"""The draft: an organisation's rows as a document, and a document as its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import models
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from retention.domain.evidence import canonical
from ropa.kinds import KINDS, ORGANISATION, Key, Kind
from ropa.models import Organisation

Document = Mapping[str, Any]
ALWAYS = ("registers", "activities", "datasets")
"""Lists that are written also when they are empty."""
SAYS_NOTHING: tuple[Any, ...] = ("", [], {})


def normalised(document: Document) -> dict[str, Any]:
    """The draft that this document makes: what decides written out, what says nothing left out."""
    return {
        "seloste": 1,
        "organisation": _written(ORGANISATION, _fields(ORGANISATION, document["organisation"])),
        **{
            kind.name: [_entry(kind, one) for one in document.get(kind.name) or ()]
            for kind in KINDS
            if document.get(kind.name) or kind.name in ALWAYS
        },
    }


def _entry(kind: Kind, document: Document) -> dict[str, Any]:
    return {
        **_written(kind.keys, _fields(kind.keys, document)),
        **{key: document[key] for key in kind.refers},
        **{child.name: [_entry(child, one) for one in document.get(child.name) or ()] for child in kind.children},
    }


def document_of(organisation: Organisation) -> dict[str, Any]:
    """The draft as it stands in the rows: what `normalised` gives for the document that made them."""
    document = {"seloste": 1, "organisation": _row(ORGANISATION, organisation)}
    for kind in KINDS:
        rows = kind.model._default_manager.filter(organisation=organisation)
        rows = rows.select_related(*kind.refers).prefetch_related(*(child.name for child in kind.children))
        entries = [_entry_of(kind, row) for row in rows]
        if entries or kind.name in ALWAYS:
            document[kind.name] = entries
    return document


def _entry_of(kind: Kind, row: Any) -> dict[str, Any]:
    return {
        **_row(kind.keys, row),
        **{key: getattr(row, key).code for key in kind.refers},
        **{child.name: [_entry_of(child, one) for one in getattr(row, child.name).all()] for child in kind.children},
    }


def _fields(keys: Sequence[Key], document: Document) -> dict[str, Any]:
    """Field values; a key that is left out and one that says nothing are the same."""
    values = {}
    for key in keys:
        written = document.get(key.key)
        values[key.field] = key.read(key.absent if written is None else written)
    return values


def _row(keys: Sequence[Key], row: models.Model) -> dict[str, Any]:
    return _written(keys, {key.field: getattr(row, key.field) for key in keys})


def _written(keys: Sequence[Key], values: Mapping[str, Any]) -> dict[str, Any]:
    """A value that is what an absent key means is left out, unless it decides."""
    written = {}
    for key in keys:
        value = key.write(values[key.field])
        if key.shown or not (value is None or value in SAYS_NOTHING or _same(value, key.absent)):
            written[key.key] = value
    return written


def write_rows(document: Document, reason: str) -> Organisation:
    """Make the rows equal to the document, in the caller's transaction. Unchanged rows get no history.

    Trusts the document's shape and references: whoever calls has checked them.
    """
    head = document["organisation"]
    organisation = Organisation.objects.select_for_update().filter(slug=head["slug"]).first() or Organisation()
    values = _fields(ORGANISATION, head)
    if organisation.pk is None or _changed(organisation, values):
        _set(organisation, values)
        organisation._change_reason = reason  # type: ignore[attr-defined]
        organisation.save()
    kept: dict[str, Rows] = {}
    gone: list[Any] = []
    for kind in KINDS:
        listed = {}
        for position, entry in enumerate(document.get(kind.name) or ()):
            refers = {key: kept[name][entry[key]] for key, name in kind.refers.items()}
            listed[entry["id"]] = {**_fields(kind.keys, entry), **refers, "position": position}
        found = _by_code(kind.model, organisation)
        kept[kind.name] = _write(kind.model, listed, found, reason, organisation=organisation)
        gone += [row for code, row in found.items() if code not in listed]
    for kind in KINDS:
        for child in kind.children:
            gone += _children(kind, child, organisation, document.get(kind.name) or (), kept[kind.name], reason)
    for row in reversed(gone):
        row._change_reason = reason
        row.delete()
    return organisation


Rows = dict[Any, Any]
"""Rows by what names them: a code, or the parent's key and a code."""


def _children(
    kind: Kind, child: Kind, organisation: Organisation, entries: Iterable[Document], parents: Rows, reason: str
) -> list[Any]:
    """Write the rows of a list inside entries; those that no entry has any more are given back."""
    own = _has(child.model, "organisation")
    whose = {"organisation": organisation} if own else {f"{child.parent}__organisation": organisation}
    rows: Iterable[Any] = child.model._default_manager.filter(**whose)
    found = {(row.code if own else (getattr(row, f"{child.parent}_id"), row.code)): row for row in rows}
    listed = {}
    for entry in entries:
        parent = parents[entry["id"]]
        for position, one in enumerate(entry.get(child.name) or ()):
            name = one["id"] if own else (parent.pk, one["id"])
            listed[name] = {**_fields(child.keys, one), child.parent: parent, "position": position}
    _write(child.model, listed, found, reason, **({"organisation": organisation} if own else {}))
    return [row for name, row in found.items() if name not in listed]


def _write(model: Any, listed: Mapping[Any, Mapping[str, Any]], found: Rows, reason: str, **whose: Any) -> Rows:
    """Create or change a row per entry, many at once, with their history."""
    rows = {name: found.get(name) or model(**whose) for name in listed}
    new: list[Any] = []
    changed: list[Any] = []
    fields: set[str] = set()
    for name, row in rows.items():
        different = listed[name] if row.pk is None else _changed(row, listed[name])
        if not different:
            continue
        _set(row, listed[name])
        (new if row.pk is None else changed).append(row)
        fields |= set() if row.pk is None else set(different)
    if new:
        bulk_create_with_history(new, model, batch_size=BATCH, default_change_reason=reason)
    if changed:
        bulk_update_with_history(changed, model, sorted(fields), batch_size=BATCH, default_change_reason=reason)
    return rows


BATCH = 200
"""Rows in one statement: SQLite takes so many fields of the widest table."""


def _by_code(model: Any, organisation: Organisation) -> Rows:
    rows: Iterable[Any] = model._default_manager.filter(organisation=organisation)
    return {row.code: row for row in rows}


def _has(model: type[models.Model], name: str) -> bool:
    return any(one.name == name for one in model._meta.concrete_fields)


def _changed(row: Any, values: Mapping[str, Any]) -> list[str]:
    return [field for field, value in values.items() if not _same(getattr(row, field), value)]


def _set(row: Any, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(row, field, value)


def _same(stored: Any, wanted: Any) -> bool:
    """Whether nothing changes; in JSON `true` is not 1, though Python says so."""
    if isinstance(stored, models.Model | date):
        return bool(stored == wanted)
    return not isinstance(wanted, models.Model | date) and canonical(stored) == canonical(wanted)
