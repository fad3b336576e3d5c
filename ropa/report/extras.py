"""Beyond Article 30: how rights are used, whom to ask, marketing, destruction, what was published, what is cited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ropa.article30 import State, state_of
from ropa.report.entries import entry
from ropa.report.inventory import Inventory
from ropa.report.references import known_as
from ropa.report.texts import Report, field

Document = Mapping[str, Any]

KINDS = ("rights", "marketing_rules", "disposal_methods", "contact_points", "notices", "references")


def extras(inventory: Inventory, day: date) -> Report:
    """The annex beyond Article 30, as of a day; a list without entries is left out."""
    organisation = inventory.document["organisation"]
    built: Report = {
        kind: [entry(inventory, kind, one) for one in inventory.entries(kind)]
        for kind in KINDS
        if inventory.entries(kind)
    }
    for one, told in zip(inventory.entries("references"), built.get("references", ()), strict=False):
        told["known"] = known_as(one, inventory.language, day)
    for key in ("provision", "automated_decisions"):
        if state_of(organisation.get(key)) is not State.MISSING:
            built[key] = field(organisation, key, "", inventory.language)
    return built
