"""What a document leans on is still so: laws in force, authorities by their names, standards that stand. Art. 5(2)."""

from __future__ import annotations

from ropa.findings.citations import cited, current, names_of
from ropa.findings.finding import Verdict, not_applicable, outdated, present
from ropa.findings.inventory import Inventory


def outdated_law(inventory: Inventory) -> Verdict:
    """No law is cited that is repealed or has another name."""
    return _all_current(inventory, "law")


def outdated_authority(inventory: Inventory) -> Verdict:
    """Authorities are called what they are called."""
    return _all_current(inventory, "authority")


def outdated_standard(inventory: Inventory) -> Verdict:
    """No standard is cited that is withdrawn."""
    return _all_current(inventory, "standard")


def _all_current(inventory: Inventory, kind: str) -> Verdict:
    found = cited(inventory, kind)
    old = [one for one in found if not current(inventory, one.row)]
    if old:
        return outdated(*(one.place for one in old), names=names_of(inventory, old))
    return present(*(one.place for one in found)) if found else not_applicable()
