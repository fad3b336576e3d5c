"""What the references library knows of a citation: its name in the report's language, and what came in its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ropa.references import references
from ropa.report.texts import Report

Document = Mapping[str, Any]


def known_as(reference: Document, language: str, day: date) -> Report | None:
    """`{words, outdated, successor}` of the row that a reference names; None where the library has no such row."""
    rows = references()
    row = rows.get(reference.get("row") or "")
    if row is None:
        return None
    outdated = row.status_on(day) not in ("in_force", "not_yet")
    successors = [rows[one].name[language] for one in row.successors] if outdated else []
    return {"words": row.name[language], "outdated": outdated, "successor": ", ".join(successors) or None}
