"""Who is responsible, and how to reach them: Article 30(1)(a), 13(1)(a)–(b), 26, 37."""

from __future__ import annotations

from ropa.article30 import Document
from ropa.findings.finding import Verdict, missing, not_applicable, partial, present
from ropa.findings.inventory import Inventory, said, value_of
from ropa.places import empty

REACHED_BY = ("postal_address", "visiting_address", "email", "phone")


def controller_name(inventory: Inventory) -> Verdict:
    """The controller is named."""
    named = not empty(inventory.organisation.get("name"))
    return present("organisation.name") if named else missing("organisation")


def controller_address(inventory: Inventory) -> Verdict:
    """The controller has contact data: an address is what the article means, and anything else is less."""
    contact = inventory.organisation.get("contact") or {}
    if not (empty(contact.get("postal_address")) and empty(contact.get("visiting_address"))):
        return present("organisation.contact")
    return partial("organisation.contact") if not empty(contact) else missing("organisation")


def controller_business_id(inventory: Inventory) -> Verdict:
    """The business ID is told: good practice, no duty."""
    told = not empty(inventory.organisation.get("business_id"))
    return present("organisation.business_id") if told else missing("organisation")


def contact_point(inventory: Inventory) -> Verdict:
    """Somebody can be asked about the registers, and reached."""
    points = [
        (place, one)
        for place, one in inventory.all("contact_points")
        if {"register", "requests", "dpo"} & set(one.get("tasks") or ())
    ]
    if not points:
        return missing("organisation")
    reachable = [place for place, one in points if _reached(inventory, one)]
    return present(*reachable) if reachable else partial(*(place for place, _ in points))


def _reached(inventory: Inventory, point: Document) -> bool:
    """Whether a contact point, or the one that it is the same as, can be reached."""
    points = {one["id"]: one for _, one in inventory.all("contact_points")}
    seen: set[str] = set()
    while True:
        if any(not empty(point.get(key)) for key in REACHED_BY):
            return True
        seen.add(point["id"])
        other = points.get(point.get("same_as") or "")
        if other is None or other["id"] in seen:
            return False
        point = other


def dpo(inventory: Inventory) -> Verdict:
    """A data protection officer is named with contact data, or it is told that none is needed."""
    officer = value_of(inventory.organisation, "dpo")
    named = [(place, one) for place, one in inventory.all("contact_points") if "dpo" in (one.get("tasks") or ())]
    points = [place for place, one in named if _reached(inventory, one)]
    if officer is not None:
        reached = any(not empty(officer.get(key)) for key in REACHED_BY) or bool(points)
        return present("organisation.dpo", *points) if reached else partial("organisation.dpo")
    if said(inventory.organisation, "dpo"):
        return present("organisation.dpo")
    if points:
        return present(*points)
    return partial(*(place for place, _ in named)) if named else missing("organisation")


def group_controller(inventory: Inventory) -> Verdict:
    """Where other companies are named beside the controller, their role is told."""
    related = value_of(inventory.organisation, "related_organisations")
    if related is None:
        return not_applicable()
    unknown = [n for n, one in enumerate(related) if one.get("role", "unknown") == "unknown"]
    if not unknown:
        return present("organisation.related_organisations")
    return partial(
        *(f"organisation.related_organisations.value[{n}]" for n in unknown),
        names=", ".join(related[n]["name"] for n in unknown),
    )
