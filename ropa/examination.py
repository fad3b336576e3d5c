"""The findings of an organisation's version or draft, as data in one language: what commands and the API tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from ropa.findings import Finding, findings
from ropa.findings.finding import Decision, Text
from ropa.law import read_on
from ropa.models import Organisation
from ropa.references import mentions, references
from ropa.selectors import version_in_force
from ropa.services import draft_of

DRAFT = "draft"
GROUPS = ("all", "listed", "further")


class NoVersionError(LookupError):
    """The organisation has no such version; the text says which are asked for."""


def document_asked(organisation: Organisation, version: int | str | None, today: date) -> dict[str, Any]:
    """The document of a version by number, of the draft, or of the version in force (None). Raises NoVersionError."""
    if version == DRAFT:
        return draft_of(organisation)
    if version is None:
        found = version_in_force(organisation, today)
        if found is None:
            raise NoVersionError(f"no version of {organisation.slug} is in force on {today.isoformat()}")
    else:
        found = organisation.versions.filter(number=version).first()
        if found is None:
            raise NoVersionError(f"{organisation.slug} has no version {version}")
    document: dict[str, Any] = json.loads(found.snapshot)
    return document


def examine(organisation: Organisation, version: int | str | None, today: date, group: str = "all") -> list[Finding]:
    """One finding per check of a group, listed ones first. Raises NoVersionError."""
    return examined(document_asked(organisation, version, today), today, group)


def examined(document: dict[str, Any], today: date, group: str = "all") -> list[Finding]:
    """The same of a document at hand."""
    found = findings(document, references(), read_on(today), today, mentions)
    return [one for one in found if group in ("all", one.group)]


def as_data(finding: Finding, language: str) -> dict[str, Any]:
    """A finding as commands and the API tell it."""
    return {
        "check": finding.check,
        "group": finding.group,
        "status": finding.status.value,
        "severity": finding.severity,
        "article": finding.article,
        "name": finding.label[language],
        "message": finding.message[language],
        "remedy": _in(finding.remedy, language),
        "where": list(finding.where),
        "decision": _decision(finding.decision, language),
    }


def _in(text: Text | None, language: str) -> str | None:
    return None if text is None else text[language]


def _decision(decision: Decision | None, language: str) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {
        "name": decision.name[language],
        "about": decision.about[language],
        "year": decision.year,
        "amount": decision.amount,
        "currency": decision.currency,
        "under_appeal": decision.under_appeal,
    }


def expected_of(table: Any, slug: str) -> Mapping[str, str]:
    """Check -> status for an organisation, in a table by organisation (perhaps under `matrix`). Raises KeyError."""
    whole = table.get("matrix", table)
    found = whole[slug] if slug in whole else whole[slug.replace("-", "_")]
    return {str(check): str(status) for check, status in found.items()}


def compared(expected: Mapping[str, str], found: list[Finding]) -> list[tuple[str, str, str]]:
    """Each expected check, the status that is expected, and the one that was found; "" for no such check."""
    got = {one.check: one.status.value for one in found}
    return [(check, status, got.get(check, "")) for check, status in expected.items()]
