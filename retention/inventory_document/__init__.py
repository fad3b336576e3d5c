"""One YAML document describes an organisation wholly: its inventory (ropa) and its connections (retention) joined.

`read` takes a text apart and checks it, `import_document` makes it the organisation's draft, `export_document`
writes the draft down: reading what was written changes nothing. Importing never publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django.db import transaction

from retention.domain.errors import DocumentError, Problem
from retention.domain.evidence import canonical
from retention.inventory_document import yaml_text
from retention.inventory_document.checks import check
from retention.inventory_document.findings import Law
from retention.inventory_document.shape import ordered
from retention.models import Connection, Gate
from ropa import draft
from ropa.models import Organisation
from ropa.services import draft_of, save_draft

__all__ = ["export_document", "import_document", "normalised", "read", "warnings_of"]


def read(text: str, laws: Mapping[str, Law] | None = None) -> dict[str, Any]:
    """The document that a YAML text holds. `laws`: the law library if left out.

    Raises DocumentError: for what is no YAML, the line and column; else every problem, by ids.
    """
    document = yaml_text.parse(text)
    _refuse(document, laws)
    checked: dict[str, Any] = document
    return checked


def warnings_of(document: Mapping[str, Any], laws: Mapping[str, Law] | None = None) -> tuple[Problem, ...]:
    """What is doubtful in a document without being wrong."""
    return check(document, laws).warnings


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what decides written out and what says nothing left out: what an export reads back as."""
    connections = document.get("connections") or {}
    return {
        **draft.normalised(document),
        "connections": {
            code: {"kind": one["kind"], "config": deepcopy(dict(one.get("config") or {}))}
            for code, one in connections.items()
        },
    }


@transaction.atomic
def import_document(
    document: Mapping[str, Any], by: str, reason: str = "", laws: Mapping[str, Law] | None = None
) -> Organisation:
    """Make the organisation's draft and connections equal to the document; all of it, or nothing.

    What the document does not have is deleted from the draft. Nothing is published, and what is published stays.
    Raises DocumentError with every problem.
    """
    _refuse(document, laws)
    organisation = save_draft(document, by, reason)
    _connections(organisation, normalised(document)["connections"], f"{by}: {reason}" if reason else by)
    Gate.objects.get_or_create(organisation=organisation)
    return organisation


def export_document(organisation: Organisation) -> str:
    """The draft and its connections as YAML. Secrets are references there too."""
    connections = {
        row.code: {"kind": row.kind, "config": row.config}
        for row in Connection.objects.filter(organisation=organisation).order_by("code")
    }
    return yaml_text.write(ordered({**draft_of(organisation), "connections": connections}))


def _refuse(document: Any, laws: Mapping[str, Law] | None) -> None:
    errors = check(document, laws).errors
    if errors:
        raise DocumentError(errors)


def _connections(organisation: Organisation, wanted: Mapping[str, Any], reason: str) -> None:
    found = {row.code: row for row in Connection.objects.filter(organisation=organisation)}
    for code, connection in wanted.items():
        row = found.pop(code, None) or Connection(organisation=organisation, code=code)
        if (
            row.pk is not None
            and row.kind == connection["kind"]
            and canonical(row.config) == canonical(connection["config"])
        ):
            continue
        row.kind, row.config = connection["kind"], connection["config"]
        row._change_reason = reason  # type: ignore[attr-defined]
        row.save()
    for row in found.values():
        row._change_reason = reason  # type: ignore[attr-defined]
        row.delete()
