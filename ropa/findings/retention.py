"""How long data are kept, as told and as carried out: Article 30(1)(f), 13(2)(a), 5(1)(e)."""

from __future__ import annotations

from ropa.article30 import Document
from ropa.findings.finding import Verdict, contradictory, missing, not_applicable, partial, present
from ropa.findings.inventory import Inventory, Placed, events_of, period_of, words_of
from ropa.places import empty

MONEY_AIMS = {"billing", "debt_collection", "accounting"}
MONEY_WORDS = (
    "lasku",
    "maksu",
    "perint",
    "kirjanpi",
    "faktur",
    "betaln",
    "indriv",
    "bokför",
    "billing",
    "invoic",
    "payment",
)
"""Beginnings of words by which a category or item is known to hold accounting material."""
MONTH, YEAR = 30, 360
"""Days, a little short, so that six years in months or in days are six years."""
BY_DECLARATION = "declared_unneeded"
"""Somebody's finding that data are not needed is no criterion: nobody can know when it comes."""


def limits(inventory: Inventory) -> list[Placed]:
    """Time limits that say when data go: with a period, an event, or a criterion in words."""
    return [(place, one) for place, one in inventory.own("time_limits") if _says_when(one)]


def _says_when(limit: Document) -> bool:
    if limit.get("otherwise") or limit.get("action") == "keep":
        return period_of(limit.get("period")) is not None and not limit.get("otherwise")
    if period_of(limit.get("period")) is not None:
        return True
    if limit.get("trigger"):
        return any(event != BY_DECLARATION for event in events_of(limit["trigger"]))
    return not empty(limit.get("criterion"))


def decided(dataset: Document) -> bool:
    """Whether every rule of a dataset says until when: a period, or a criterion with its review; or none is needed."""
    if dataset.get("no_reason_to_keep") or dataset.get("follows"):
        return True
    grounds = dataset.get("grounds") or ()
    return bool(grounds) and all(one.get("period") or one.get("review_by") for one in grounds)


def _confirmed(dataset: Document) -> bool:
    rules = [*(dataset.get("grounds") or ()), *(dataset.get("ceilings") or ())]
    return all(one.get("status") == "confirmed" for one in rules)


def retention_period(inventory: Inventory) -> Verdict:
    """Each category of data has a time limit, or criteria for it."""
    stated = limits(inventory)
    ruled = [(place, one) for place, one in inventory.datasets if decided(one)]
    if not stated and not ruled:
        return missing(*[place for place, _ in inventory.own("time_limits")] or ["organisation"])
    without = _categories_without(inventory, stated, ruled)
    if not inventory.datasets:
        without += [place for place, one in stated if period_of(one.get("period")) is None and place not in without]
    without += [place for place, one in inventory.datasets if not decided(one)]
    if without:
        return partial(*without)
    open_ = [place for place, one in inventory.datasets if not _confirmed(one)]
    if open_:
        return partial(*open_, about="proposed")
    return present(*(place for place, _ in [*stated, *ruled]))


def _categories_without(inventory: Inventory, stated: list[Placed], ruled: list[Placed]) -> list[str]:
    """Categories that no time limit with a period and no dataset with rules reaches."""
    dated = [one for _, one in stated if period_of(one.get("period")) is not None and one.get("bound") != "minimum"]
    categories = inventory.own("data_categories")
    linked = {code for _, one in ruled for code in one.get("data_categories") or ()}
    if inventory.datasets and not any(one.get("data_categories") for _, one in inventory.datasets):
        return []  # its datasets are its categories
    reached = linked | {code for one in dated for code in one.get("data_categories") or ()}
    if any(_reaches_all(one) for one in dated):
        return []
    if not categories:
        return [place for place, _ in stated]
    return [place for place, one in categories if one["id"] not in reached]


def _reaches_all(limit: Document) -> bool:
    return not any(limit.get(key) for key in ("data_categories", "subject_groups", "registers", "condition"))


def retention_conflict(inventory: Inventory) -> Verdict:
    """A promise to delete does not reach what the law keeps longer (accounting material, 6 and 10 years)."""
    money = _money_categories(inventory)
    promises = [(place, one) for place, one in limits(inventory) if _promise(one)]
    touching = [
        (place, one)
        for place, one in promises
        if not one.get("data_categories") or set(one["data_categories"]) & set(money)
    ]
    if not promises:
        return not_applicable()
    billed = any(one.get("aim") in MONEY_AIMS for _, one in inventory.purposes) or bool(money)
    if not touching or not billed or _kept_by_law(inventory, set(money)):
        return present(*(place for place, _ in promises))
    at_once = [place for place, one in touching if _at_once(one)]
    return contradictory(*at_once) if at_once else partial(*(place for place, _ in touching))


def _promise(limit: Document) -> bool:
    """Whether it says that data go after an event, or so many years after it."""
    return limit.get("bound") != "minimum" and limit.get("action", "delete") != "keep" and bool(limit.get("trigger"))


def _at_once(limit: Document) -> bool:
    """Whether it is over sooner than a voucher's six years can be: a period is given, and it is shorter."""
    period = period_of(limit.get("period"))
    return period is not None and period.months * MONTH + period.days < 6 * YEAR


def _money_categories(inventory: Inventory) -> list[str]:
    """Ids of categories that hold what is accounting material, by their name or an item's."""
    return [
        one["id"]
        for _, one in inventory.own("data_categories")
        if any(stem in words_of(part.get("name")) for part in [one, *(one.get("items") or ())] for stem in MONEY_WORDS)
    ]


def _kept_by_law(inventory: Inventory, money: set[str]) -> bool:
    """Whether a duty by law to keep is told beside the promise, or carried out."""
    minima = [one for _, one in inventory.own("time_limits") if one.get("bound") == "minimum"]
    told = any(not one.get("data_categories") or set(one["data_categories"]) & money for one in minima)
    return told or any(rule.get("kind") == "obligation" for _, rule, _ in inventory.rules)
