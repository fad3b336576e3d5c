"""What a record of processing and its notice lack: one finding per check, in three languages, with what to do.

The checks read the document and the two libraries, and know no company. `checks.yaml` holds their articles,
severities and words; `register` says which function carries out which. Plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from ropa.article30 import Document, controls, processes
from ropa.findings.finding import Decision, Finding, Status, Verdict, not_applicable
from ropa.findings.inventory import Inventory
from ropa.findings.register import CHECKS
from ropa.findings.table import Check, checks
from ropa.places import NoPlaceError, Places
from ropa.references import mentions as known_mentions

__all__ = ["Check", "Decision", "Finding", "Status", "checks", "findings"]


def findings(
    document: Document,
    references: Mapping[str, Any],
    laws: Mapping[str, Any],
    today: date,
    mentions: Callable[[str], Iterable[Any]] = known_mentions,
) -> list[Finding]:
    """Exactly one finding per check, listed ones first, in the order of the table.

    `references` and `laws` are the libraries' rows by id (`ropa.references`, `ropa.law.read_on` of the day), `mentions`
    finds the rows of the first that a text names. `today` decides what is repealed, ended, expiring or overdue. The
    document is one that the importer takes.
    """
    inventory, places = Inventory(document, references, laws, today, mentions), Places(document)
    only_processes = processes(document) and not controls(document)
    found = []
    for check in checks():
        verdict = not_applicable() if check.binds_controller and only_processes else CHECKS[check.id](inventory)
        found.append(check.finding(verdict, standing(places, verdict)))
    return found


def standing(places: Places, verdict: Verdict) -> tuple[str, ...]:
    """A verdict's places, each once; for one where nothing stands, the nearest around it that does."""
    found: dict[str, None] = {}
    for place in verdict.where:
        here = place
        while here and not _stands(places, here):
            here = here.rpartition("." if here.rfind(".") > here.rfind("[") else "[")[0]
        if here:
            found[here] = None
    return tuple(found)


def _stands(places: Places, place: str) -> bool:
    try:
        places.at(place)
    except NoPlaceError:
        return False
    return True
