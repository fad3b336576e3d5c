"""One YAML document describes an organisation wholly: its inventory (ropa) and its connections (retention) joined.

`read` takes a text apart and checks it, `import_document` makes it the organisation's draft, `export_document`
writes the draft down: reading what was written changes nothing. Importing never publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from retention.connection_changes import keep_confirmed
from retention.domain.errors import DocumentError, Problem
from retention.domain.evidence import canonical
from retention.inventory_document import yaml_text
from retention.inventory_document.checks import check
from retention.inventory_document.confirming import refuse_confirming
from retention.inventory_document.findings import Law
from retention.inventory_document.shape import ordered
from retention.models import Connection, Gate
from ropa import draft
from ropa.models import Organisation
from ropa.services import draft_of, lock, remove_entry, save_draft, save_entry, save_head

__all__ = [
    "draft_with",
    "edit_connection",
    "edit_entry",
    "edit_head",
    "export_document",
    "import_document",
    "normalised",
    "read",
    "refuse_connecting",
    "warnings_of",
    "whole_draft",
]

Change = Callable[[dict[str, Any] | None], Mapping[str, Any] | None]
"""What makes of an entry, or of None, what it shall be; None: not there."""


def read(text: str, laws: Mapping[str, Sequence[Law]] | None = None) -> dict[str, Any]:
    """The document that a YAML text holds. `laws`: the law library if left out.

    Raises DocumentError: for what is no YAML, the line and column; else every problem, by ids.
    """
    document = yaml_text.parse(text)
    _refuse(document, laws)
    checked: dict[str, Any] = document
    return checked


def warnings_of(
    document: Mapping[str, Any], today: date, laws: Mapping[str, Sequence[Law]] | None = None
) -> tuple[Problem, ...]:
    """What is doubtful in a document without being wrong. `today`: the day of the law that its rules cite."""
    return check(document, laws, today=today).warnings


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what decides written out and what says nothing left out: what an export reads back as."""
    return {**draft.normalised(document), "connections": _connections_of(document)}


def _connections_of(document: Mapping[str, Any]) -> dict[str, Any]:
    connections = document.get("connections") or {}
    return {
        code: _connection_of(one["kind"], one.get("config") or {}, one.get("limits") or {})
        for code, one in connections.items()
    }


def _connection_of(kind: str, config: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "config": dict(config), **({"limits": dict(limits)} if limits else {})}


@transaction.atomic
def import_document(
    document: Mapping[str, Any],
    by: str,
    reason: str = "",
    laws: Mapping[str, Sequence[Law]] | None = None,
    *,
    connects: bool = True,
) -> Organisation:
    """Make the organisation's draft and connections equal to the document; all of it, or nothing.

    What the document does not have is deleted from the draft. Nothing is published, and what is published stays.
    `connects`: whether whoever does this may say how registers are reached. Raises DocumentError with every problem;
    also where the DPO would confirm a rule, and where a connection is another and they may not.
    """
    _refuse(document, laws)
    _refuse_confirming(document, by)
    organisation = save_draft(document, by, reason)
    if not connects:
        refuse_connecting(organisation, document)
    _connections(organisation, _connections_of(document), f"{by}: {reason}" if reason else by)
    Gate.objects.get_or_create(organisation=organisation)
    return organisation


@transaction.atomic
def edit_entry(
    organisation: Organisation,
    kind: str,
    code: str,
    change: Change,
    by: str,
    reason: str,
    laws: Mapping[str, Sequence[Law]] | None = None,
) -> dict[str, Any] | None:
    """Change one entry of the draft (`kind`: the list it stands in), create it or take it out; what it is then.

    `change` gets the entry as the document has it, or None, and gives what it shall be, or None: not there. The
    whole is checked as an import is. Raises DocumentError with every problem, and whatever `change` raises.
    """
    organisation = lock(organisation)
    document = whole_draft(organisation)
    found = _entry(document, kind, code)
    wanted = change(found)
    changed, only = _with_entry(document, kind, code, wanted)
    _refuse(changed, laws, only)
    if wanted is not None:
        was = {"datasets": [found]} if kind == "datasets" and found is not None else {}
        refuse_confirming(by, draft.normalised({**only, **was}) if was else {}, draft.normalised(only))
        save_entry(organisation, kind, only[kind][0], by, reason)
        written: dict[str, Any] = draft.normalised(only)[kind][0]
        return written
    if found is not None:
        remove_entry(organisation, kind, code, by, reason)
    return None


def draft_with(organisation: Organisation, kind: str, code: str, change: Change) -> dict[str, Any]:
    """The draft as `edit_entry` would make it, without connections; nothing is written. Raises as that does."""
    document = whole_draft(organisation)
    changed, only = _with_entry(document, kind, code, change(_entry(document, kind, code)))
    _refuse(changed, None, only)
    return draft.normalised(changed)


def _entry(document: Mapping[str, Any], kind: str, code: str) -> dict[str, Any] | None:
    return next((entry for entry in document.get(kind, ()) if entry["id"] == code), None)


def _with_entry(
    document: Mapping[str, Any], kind: str, code: str, wanted: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document with the entry as it is wanted, and a document of that entry alone."""
    entries = {entry["id"]: entry for entry in document.get(kind, ())}
    only: dict[str, Any] = {"seloste": 1, "organisation": document["organisation"]}
    if wanted is None:
        entries.pop(code, None)
    else:
        entries[code] = {**wanted, "id": code}
        only[kind] = [entries[code]]
    return {**document, kind: list(entries.values())}, only


@transaction.atomic
def edit_connection(organisation: Organisation, code: str, connection: Mapping[str, Any], reason: str) -> None:
    """Say how the registers that name this connection are reached. Raises DocumentError."""
    organisation = lock(organisation)
    document = whole_draft(organisation)
    changed = {**document, "connections": {**document["connections"], code: dict(connection)}}
    only = {"seloste": 1, "organisation": document["organisation"], "connections": {code: dict(connection)}}
    _refuse(changed, None, only)
    _connections(organisation, changed["connections"], reason)


@transaction.atomic
def edit_head(
    organisation: Organisation, change: Callable[[dict[str, Any]], Mapping[str, Any]], by: str, reason: str
) -> dict[str, Any]:
    """Change what the draft says of the organisation itself; what it is then. Raises DocumentError."""
    organisation = lock(organisation)
    document = whole_draft(organisation)
    head = {**change(document["organisation"]), "slug": organisation.slug}
    changed = {**document, "organisation": head}
    _refuse(changed, None, {"seloste": 1, "organisation": head})
    save_head(organisation, head, by, reason)
    written: dict[str, Any] = draft.normalised({"organisation": head})["organisation"]
    return written


def _written_connections(organisation: Organisation) -> dict[str, Any]:
    rows = Connection.objects.filter(organisation=organisation).order_by("code")
    return {row.code: _connection_of(row.kind, row.config, row.limits) for row in rows}


def export_document(organisation: Organisation) -> str:
    """The draft and its connections as YAML. Secrets are references there too."""
    return yaml_text.write(ordered(whole_draft(organisation)))


def whole_draft(organisation: Organisation) -> dict[str, Any]:
    """The draft with its connections, as a document."""
    return {**draft_of(organisation), "connections": _written_connections(organisation)}


def _refuse(document: Any, laws: Mapping[str, Sequence[Law]] | None, only: Mapping[str, Any] | None = None) -> None:
    errors = check(document, laws, only).errors
    if errors:
        raise DocumentError(errors)


def _refuse_confirming(document: Mapping[str, Any], by: str) -> None:
    known = Organisation.objects.filter(slug=document["organisation"]["slug"]).first()
    refuse_confirming(by, draft_of(known) if known is not None else {}, draft.normalised(document))


def refuse_connecting(organisation: Organisation, document: Mapping[str, Any]) -> None:
    """Raises DocumentError naming each connection that is not as it stands: it is changed where connections are."""
    stood, wanted = _written_connections(organisation), _connections_of(document)
    if problems := [
        Problem(
            f"connections[{code}]",
            gettext(
                "is not as it stands: whoever says how registers are reached changes it first; leave it as it is here"
            ),
        )
        for code in sorted({*stood, *wanted})
        if canonical(stood.get(code)) != canonical(wanted.get(code))
    ]:
        raise DocumentError(problems)


def _connections(organisation: Organisation, wanted: Mapping[str, Any], reason: str) -> None:
    found = {row.code: row for row in Connection.objects.filter(organisation=organisation)}
    for code, connection in wanted.items():
        row = found.pop(code, None) or Connection(organisation=organisation, code=code)
        if row.pk is not None and canonical(_connection_of(row.kind, row.config, row.limits)) == canonical(connection):
            continue
        keep_confirmed(organisation, code, timezone.now())
        row.kind, row.config = connection["kind"], connection["config"]
        row.limits = connection.get("limits", {})
        row._change_reason = reason  # type: ignore[attr-defined]
        row.save()
    for row in found.values():
        keep_confirmed(organisation, row.code, timezone.now())
        row._change_reason = reason  # type: ignore[attr-defined]
        row.delete()
