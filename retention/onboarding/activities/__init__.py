"""Activities taken into a draft: from the library of ready-made ones, or from another organisation's draft.

Looked at first, then made part of the draft, all of it or nothing. Nothing is published, and nothing is decided: rules
come as proposals, and what the controller must settle is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, LifecycleError, Problem
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import import_document, warnings_of, whole_draft
from retention.inventory_document.checks import check
from retention.onboarding.activities.joining import Joined, joined
from retention.onboarding.activities.part import Part, part_of
from ropa.models import Organisation
from ropa.ready_made import ready_made
from ropa.services import draft_of, lock

__all__ = ["Joined", "Taking", "preview", "take"]


@dataclass(frozen=True, slots=True)
class Taking:
    """What is taken: activities by id, of the library or (`source`) of another organisation's draft.

    `registers`: of the registers that come along, those in whose place one of the draft stands.
    """

    activities: tuple[str, ...]
    source: Organisation | None = None
    registers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What the draft would become, with the digest of what was looked at; `decide`: place and question."""

    joined: Joined
    decide: tuple[tuple[str, Mapping[str, str]], ...]
    warnings: tuple[Problem, ...]
    digest: str


def preview(organisation: Organisation, taking: Taking, today: date) -> Preview:
    """What would become of the draft. Changes nothing. `today`: the day of the law that its rules cite.

    Raises DocumentError for activities that are not there.
    """
    draft = whole_draft(organisation)
    part = _part(organisation, taking)
    found = joined(draft, part, taking.registers or {})
    warnings: tuple[Problem, ...] = ()
    if not found.problems:
        verdict = check(found.document, today=today)
        before = set(warnings_of(draft, today))
        warnings = tuple(one for one in verdict.warnings if one not in before)
        found = replace(found, problems=verdict.errors)
    digest = sha256_hex(canonical([draft, dict(part.lists), dict(taking.registers or {})]))
    return Preview(found, _decide(taking), warnings, digest)


@transaction.atomic
def take(
    organisation: Organisation, taking: Taking, today: date, by: str, reason: str, digest: str | None = None
) -> Preview:
    """Make the activities part of the draft: all of it, or nothing and DocumentError with every problem.

    `digest`: of the preview that was looked at; LifecycleError if draft or source are others by now.
    """
    if not reason.strip():
        raise DocumentError([Problem("reason", _("is missing: the history says why"))])
    organisation = lock(organisation)
    found = preview(organisation, taking, today)
    if digest is not None and digest != found.digest:
        raise LifecycleError("the draft or what is taken is not what was looked at: look at it again")
    if found.joined.problems:
        raise DocumentError(found.joined.problems)
    import_document(found.joined.document, by, reason, connects=False)
    return found


def _part(organisation: Organisation, taking: Taking) -> Part:
    if not taking.activities:
        raise DocumentError([Problem("activities", _("is missing: at least one"))])
    if taking.source == organisation:
        raise DocumentError([Problem("source", _("is the organisation itself"))])
    library = ready_made()
    document: Mapping[str, Any] = draft_of(taking.source) if taking.source else library.document
    known = {entry["id"] for entry in document.get("activities") or ()}
    unknown = [code for code in taking.activities if code not in known]
    if unknown:
        raise DocumentError([Problem(f"activities[{code[:60]}]", _("there is no such activity")) for code in unknown])
    return part_of(document, taking.activities, {} if taking.source else _brought(taking.activities))


def _brought(activities: Collection[str]) -> dict[str, list[str]]:
    brought: dict[str, list[str]] = {}
    for code in activities:
        for name, codes in ready_made().offered[code].brings.items():
            brought.setdefault(name, []).extend(codes)
    return brought


def _decide(taking: Taking) -> tuple[tuple[str, Mapping[str, str]], ...]:
    if taking.source is not None:
        return ()
    offered = ready_made().offered
    return tuple((f"activities[{code}]", question) for code in taking.activities for question in offered[code].decide)
