"""The draft: an organisation's rows as a document, and a document as its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from ropa.kinds import KINDS, ORGANISATION, Key, Kind, kind_of
from ropa.models import Organisation
from ropa.row_values import row_values

Document = Mapping[str, Any]
ALWAYS = ("registers", "activities", "datasets")
"""Lists that are written also when they are empty."""
SAYS_NOTHING: tuple[Any, ...] = ("", [], {})


def normalised(document: Document) -> dict[str, Any]:
    """The draft that this document makes: what decides written out, what says nothing left out."""
    return {
        "seloste": 1,
        "organisation": in_document(ORGANISATION, _fields(ORGANISATION, document["organisation"])),
        **{
            kind.name: [_entry(kind, one) for one in document.get(kind.name) or ()]
            for kind in KINDS
            if document.get(kind.name) or kind.name in ALWAYS
        },
    }


def _entry(kind: Kind, document: Document) -> dict[str, Any]:
    return {
        **in_document(kind.keys, _fields(kind.keys, document)),
        **{key: document[key] for key in kind.refers},
        **{child.name: [_entry(child, one) for one in document.get(child.name) or ()] for child in kind.children},
    }


def document_of(organisation: Organisation) -> dict[str, Any]:
    """The draft as it stands in the rows: what `normalised` gives for the document that made them.

    A query for each table, whatever the number of rows.
    """
    document: dict[str, Any] = {"seloste": 1, "organisation": head_of(organisation)}
    codes: dict[str, dict[int, str]] = {}
    for kind in KINDS:
        rows = _values(kind, organisation)
        inside = {child.name: _inside(child, organisation) for child in kind.children}
        codes[kind.name] = {row["pk"]: row["code"] for row in rows}
        entries = [
            {
                **in_document(kind.keys, row),
                **{key: codes[name][row[f"{key}_id"]] for key, name in kind.refers.items()},
                **{name: of.get(row["pk"], []) for name, of in inside.items()},
            }
            for row in rows
        ]
        if entries or kind.name in ALWAYS:
            document[kind.name] = entries
    return document


def head_of(organisation: Organisation) -> dict[str, Any]:
    """What the draft says of the organisation itself."""
    return in_document(ORGANISATION, {key.field: getattr(organisation, key.field) for key in ORGANISATION})


def rows_of(kind: Kind, organisation: Organisation) -> Any:
    """A kind's rows with all that `entry_of` reads: as many queries for a hundred as for one."""
    rows: Any = kind.model._default_manager.filter(organisation=organisation)
    return rows.select_related(*kind.refers).prefetch_related(*(child.name for child in kind.children))


def entry_of(kind: Kind, row: Any) -> dict[str, Any]:
    """One row as its entry of the document."""
    return {
        **in_document(kind.keys, {key.field: getattr(row, key.field) for key in kind.keys}),
        **{key: getattr(row, key).code for key in kind.refers},
        **{child.name: [entry_of(child, one) for one in getattr(row, child.name).all()] for child in kind.children},
    }


def _values(kind: Kind, organisation: Organisation) -> list[dict[str, Any]]:
    fields = [key.field for key in kind.keys]
    rows: Any = kind.model._default_manager
    if kind.parent and not _has(kind.model, "organisation"):
        rows = rows.filter(**{f"{kind.parent}__organisation": organisation})
    else:
        rows = rows.filter(organisation=organisation)
    parents = [f"{kind.parent}_id"] if kind.parent else []
    return list(row_values(rows, "pk", *fields, *(f"{key}_id" for key in kind.refers), *parents))


def _inside(child: Kind, organisation: Organisation) -> dict[int, list[dict[str, Any]]]:
    """The entries of a list inside others, by the number of the row that they stand in."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in _values(child, organisation):
        found.setdefault(row[f"{child.parent}_id"], []).append(in_document(child.keys, row))
    return found


def _fields(keys: Sequence[Key], document: Document) -> dict[str, Any]:
    """Field values; a key that is left out and one that says nothing are the same."""
    values = {}
    for key in keys:
        written = document.get(key.key)
        values[key.field] = key.read(key.absent if written is None else written)
    return values


def in_document(keys: Sequence[Key], values: Mapping[str, Any]) -> dict[str, Any]:
    """A value that says nothing, or is what an absent key means, is left out, unless it decides."""
    written = {}
    for key in keys:
        value = key.write(values[key.field])
        if key.shown or not (value is None or value in SAYS_NOTHING or alike(value, key.absent)):
            written[key.key] = value
    return written


def write_rows(document: Document, reason: str) -> Organisation:
    """Make the rows equal to the document, in the caller's transaction. Unchanged rows get no history.

    Trusts the document's shape and references: whoever calls has checked them.
    """
    head = document["organisation"]
    organisation = Organisation.objects.select_for_update().filter(slug=head["slug"]).first() or Organisation()
    write_head(organisation, head, reason)
    kept: dict[str, Rows] = {}
    gone: list[Any] = []
    for kind in KINDS:
        listed = {}
        for position, entry in enumerate(document.get(kind.name) or ()):
            refers = {f"{key}_id": kept[name][entry[key]].pk for key, name in kind.refers.items()}
            listed[entry["id"]] = {**_fields(kind.keys, entry), **refers, "position": position}
        found = _by_code(kind.model, organisation)
        kept[kind.name] = _write(kind.model, listed, found, reason, organisation=organisation)
        gone += [row for code, row in found.items() if code not in listed]
    for kind in KINDS:
        for child in kind.children:
            gone += _children(child, organisation, document.get(kind.name) or (), kept[kind.name], reason)
    _drop(gone, reason)
    return organisation


def write_entry(organisation: Organisation, kind: Kind, entry: Document, reason: str) -> None:
    """Make one entry's row, and the rows inside it, equal to this; a new one comes last. Nothing else is touched."""
    rows: Any = kind.model._default_manager.filter(organisation=organisation)
    row = rows.filter(code=entry["id"]).first()
    last = rows.order_by("-position").values_list("position", flat=True).first()
    values = {
        **_fields(kind.keys, entry),
        **{f"{key}_id": _number(organisation, name, entry[key]) for key, name in kind.refers.items()},
        "position": row.position if row else 0 if last is None else last + 1,
    }
    found = {entry["id"]: row} if row else {}
    kept = _write(kind.model, {entry["id"]: values}, found, reason, organisation=organisation)
    for child in kind.children:
        _drop(_children(child, organisation, [entry], kept, reason, only=kept[entry["id"]]), reason)


def delete_entry(organisation: Organisation, kind: Kind, code: str, reason: str) -> None:
    """Delete one entry's row and the rows inside it, each with its history. Trusts that nothing refers to it."""
    row: Any = kind.model._default_manager.get(organisation=organisation, code=code)
    _drop([row, *(one for child in kind.children for one in getattr(row, child.name).all())], reason)


def write_head(organisation: Organisation, head: Document, reason: str) -> None:
    """Make the organisation's own row equal to the document's head."""
    values = _fields(ORGANISATION, head)
    if organisation.pk is None or _changed(organisation, values):
        _set(organisation, values)
        organisation._change_reason = reason  # type: ignore[attr-defined]
        organisation.save()


def _number(organisation: Organisation, name: str, code: str) -> int:
    rows: Any = kind_of(name).model._default_manager
    number: int = rows.values_list("pk", flat=True).get(organisation=organisation, code=code)
    return number


def _drop(rows: Iterable[Any], reason: str) -> None:
    """What stands inside goes before what it stands in: that comes first in the list."""
    for row in reversed(list(rows)):
        row._change_reason = reason
        row.delete()


Rows = dict[Any, Any]
"""Rows by what names them: a code, or the parent's key and a code."""


def _children(
    child: Kind,
    organisation: Organisation,
    entries: Iterable[Document],
    parents: Rows,
    reason: str,
    only: Any = None,
) -> list[Any]:
    """Write the rows of a list inside entries (`only`: inside one); those no longer listed are given back."""
    own = _has(child.model, "organisation")
    whose = {"organisation": organisation} if own else {f"{child.parent}__organisation": organisation}
    if only is not None:
        whose = {child.parent: only}
    rows: Iterable[Any] = child.model._default_manager.filter(**whose)
    found = {(row.code if own else (getattr(row, f"{child.parent}_id"), row.code)): row for row in rows}
    listed = {}
    for entry in entries:
        parent = parents[entry["id"]]
        for position, one in enumerate(entry.get(child.name) or ()):
            name = one["id"] if own else (parent.pk, one["id"])
            listed[name] = {**_fields(child.keys, one), f"{child.parent}_id": parent.pk, "position": position}
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
    return [field for field, value in values.items() if not alike(getattr(row, field), value)]


def _set(row: Any, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(row, field, value)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same; in JSON `true` is not 1, though Python says so."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
