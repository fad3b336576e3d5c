"""The notice as a text: dated, without defects, naming every register that it implies. Article 5(2), 12(1), 30(1)."""

from __future__ import annotations

from collections import Counter

from ropa.article30 import Document
from ropa.findings.finding import Verdict, missing, not_applicable, partial, present
from ropa.findings.inventory import Inventory, Placed, words_of
from ropa.places import empty

REGISTERING = {"cctv", "physical_access_control"}
"""Measures that make a register of their own: recordings, a log of who came in."""


def notice_date(inventory: Inventory) -> Verdict:
    """A notice says of which day it is."""
    notices = inventory.all("notices")
    undated = [place for place, one in notices if empty(one.get("created_on")) and empty(one.get("updated_on"))]
    if not notices:
        return missing("organisation")
    return missing(*undated) if undated else present(*(place for place, _ in notices))


def undeclared_register(inventory: Inventory) -> Verdict:
    """Every register that the text implies is declared."""
    implied = [place for place, one in inventory.all("registers") if one.get("declared", True) is False]
    implied += [place for place, _ in registering(inventory)]
    return partial(*implied) if implied else present(*(p for p, _ in inventory.all("registers")))


def registering(inventory: Inventory) -> list[Placed]:
    """Measures that are registers themselves, and that no register is declared for."""
    declared = [
        f"{words_of(one.get('name'))} {' '.join(words_of(name) for name in one.get('alias') or ())}"
        for _, one in inventory.all("registers")
        if one.get("declared", True) is not False
    ]
    return [
        (place, one)
        for place, one in inventory.all("security_measures")
        if (not empty(one.get("implies_register")) or one.get("kind") in REGISTERING) and not _stands(one, declared)
    ]


def _stands(measure: Document, declared: list[str]) -> bool:
    """Whether a declared register has the name that the measure implies."""
    names = [name.casefold() for name in (measure.get("implies_register") or measure.get("name") or {}).values()]
    return any(name and name in register for name in names for register in declared)


def structure_defect(inventory: Inventory) -> Verdict:
    """The text has no numbers twice and no spelling that had to be corrected."""
    if not inventory.all("notices"):
        return not_applicable()
    counted = Counter(one["printed_ordinal"] for _, one in inventory.all("registers") if one.get("printed_ordinal"))
    twice = [
        f"{place}.printed_ordinal"
        for place, one in inventory.all("registers")
        if counted[one.get("printed_ordinal") or ""] > 1
    ]
    mended = [place for place, one in inventory.all("notices", "passages") if not empty(one.get("corrected"))]
    return partial(*twice, *mended) if twice or mended else present(*(place for place, _ in inventory.all("notices")))
