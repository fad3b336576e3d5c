"""What the law library knows of a citation: its name in the report's language, and what came in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ropa.law import library
from ropa.report.texts import Report

Document = Mapping[str, Any]


def known_as(reference: Document, language: str) -> Report | None:
    """`{words, outdated, successor}` of the row that a reference names; None where the library has no such row."""
    row = library().get(reference.get("row") or "")
    if row is None:
        return None
    return {"words": row.citation[language], "outdated": False, "successor": None}
