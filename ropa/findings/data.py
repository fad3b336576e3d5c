"""Whose data, which data, and where from: Article 30(1)(c), 14(2)(f), 87; security measures: 30(1)(g)."""

from __future__ import annotations

from ropa.findings.finding import Verdict, missing, not_applicable, partial, present
from ropa.findings.inventory import Inventory, said, value_of, words_of

REGISTER_SOURCES = {"public_register", "private_register", "other_controller"}
ANY_REGISTER = {
    *("julkiset", "yksityiset", "muut", "viranomaisten", "rekisterit", "lähteet", "tietolähteet", "ja", "tai"),
    *("offentliga", "privata", "andra", "myndigheters", "register", "källor", "uppgiftskällor", "och", "eller"),
    *("public", "private", "other", "authorities'", "registers", "sources", "and", "or"),
}
"""Words of which a name can be made that names no register."""
VAGUE_MEASURES = {"general", "legal_compliance"}


def subject_categories(inventory: Inventory) -> Verdict:
    """The categories of data subjects are listed as such."""
    groups = inventory.own("subject_groups")
    if not groups:
        datasets = [place for place, one in inventory.datasets if value_of(one, "subjects")]
        return partial(*datasets, about="datasets") if datasets else missing("organisation")
    implied = [place for place, one in groups if one.get("declared", True) is False]
    if implied:
        return partial(*implied)
    loose = _examples(inventory, "subject_groups")
    return partial(*loose) if loose else present(*(place for place, _ in groups))


def data_categories(inventory: Inventory) -> Verdict:
    """The categories of personal data are told, whole, and for the register that they are in."""
    categories = inventory.own("data_categories")
    if not categories:
        datasets = [place for place, one in inventory.datasets if value_of(one, "items")]
        return partial(*datasets, about="datasets") if datasets else missing("organisation")
    undivided = [place for place, one in categories if one.get("scope") == "unspecified"]
    if undivided:
        return partial(*undivided, about="undivided")
    loose = [place for place, one in categories if one.get("listing") == "examples"]
    loose += _examples(inventory, "data_categories")
    return partial(*loose) if loose else present(*(place for place, _ in categories))


def _examples(inventory: Inventory, name: str) -> list[str]:
    holders = [("organisation", inventory.organisation), *inventory.controlled, *inventory.all("registers")]
    return [f"{place}.listings" for place, one in holders if (one.get("listings") or {}).get(name) == "examples"]


def national_id(inventory: Inventory) -> Verdict:
    """Where the personal identity code is kept, it is told why (Data Protection Act, section 29)."""
    codes = [(place, item) for place, item, _ in inventory.items if item.get("identity_code")]
    if not codes:
        return not_applicable()
    bare = [place for place, item in codes if value_of(item, "justification") is None]
    return missing(*bare) if bare else present(*(place for place, _ in codes))


def sources(inventory: Inventory) -> Verdict:
    """It is told where the data come from."""
    entries = inventory.own("sources")
    if entries:
        return present(*(place for place, _ in entries))
    silent = [place for place, one in inventory.controlled if not said(one, "sources")]
    if inventory.controlled and not silent:
        return present(*(f"{place}.sources" for place, _ in inventory.controlled))
    return partial(*silent, about="silent") if len(silent) < len(inventory.controlled) else missing("organisation")


def sources_named(inventory: Inventory) -> Verdict:
    """A register that data are obtained from is named: "public and private registers" tells nobody where to look."""
    registers = [(place, one) for place, one in inventory.own("sources") if one.get("kind") in REGISTER_SOURCES]
    if not registers:
        return not_applicable()
    unnamed = [place for place, one in registers if set(words_of(one.get("name")).split()) <= ANY_REGISTER]
    return partial(*unnamed) if unnamed else present(*(place for place, _ in registers))


def security_measures(inventory: Inventory) -> Verdict:
    """The technical and organisational measures are described in general terms."""
    measures = inventory.all("security_measures")
    if any(one.get("kind") not in VAGUE_MEASURES for _, one in measures):
        return present(*(place for place, _ in measures))
    if said(inventory.organisation, "security_measures"):
        return present("organisation.security_measures")
    silent = [place for place, one in inventory.activities if not said(one, "security_measures")]
    if inventory.activities and not silent:
        return present(*(f"{place}.security_measures" for place, _ in inventory.activities))
    if measures:
        return partial(*(place for place, _ in measures))
    return partial(*silent, about="silent") if len(silent) < len(inventory.activities) else missing("organisation")
