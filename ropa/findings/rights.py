"""The data subject's rights and how they are used: Article 12, 13(2)(b)–(d), 15–22, 77."""

from __future__ import annotations

from collections.abc import Callable

from ropa.article30 import Document
from ropa.findings.citations import lapsed
from ropa.findings.finding import Verdict, missing, not_applicable, outdated, partial, present
from ropa.findings.inventory import Inventory, Placed, period_of
from ropa.findings.purposes import articles
from ropa.places import empty

NARROW_FORMS = {"signed", "in_person", "identity_document"}
EASY_CHANNELS = {"email", "phone", "web"}
MONTH = 31
"""Days: a deadline in days that is no longer than the longest month is read as a month."""


def told(inventory: Inventory, right: str) -> list[Placed]:
    """Entries about a right. `all` is how every request is made, and tells of no right that it exists."""
    return [(place, one) for place, one in inventory.all("rights") if one.get("right") == right]


def _right(right: str) -> Callable[[Inventory], Verdict]:
    def check(inventory: Inventory) -> Verdict:
        found = told(inventory, right)
        given = [(place, one) for place, one in found if not one.get("limited")]
        if not found:
            return missing("organisation")
        if not given:
            return partial(*(place for place, _ in found), about="limited")
        old = [place for place, one in given if any(lapsed(inventory, code) for code in one.get("references") or ())]
        if old:
            return outdated(*old)
        narrow = [place for place, one in given if right == "erase" and not empty(one.get("condition"))]
        if narrow and len(narrow) == len(given):
            return partial(*narrow, about="narrow")
        return present(*(place for place, _ in given))

    return check


access = _right("access")
rectify = _right("rectify")
erase = _right("erase")
restrict = _right("restrict")
complain = _right("complain")


def portability(inventory: Inventory) -> Verdict:
    """Told, unless nothing rests on consent or a contract (art. 20(1)(a))."""
    return _unless(inventory, "portability", {"6(1)(a)", "6(1)(b)"})


def object_(inventory: Inventory) -> Verdict:
    """Told, unless nothing rests on a public task or a legitimate interest (art. 21(1))."""
    return _unless(inventory, "object", {"6(1)(e)", "6(1)(f)"})


def _unless(inventory: Inventory, right: str, grounds: set[str]) -> Verdict:
    mapped = bool(inventory.purposes) and all(articles(one) for _, one in inventory.purposes)
    used = any(articles(one) & grounds for _, one in inventory.purposes)
    if mapped and not used and not told(inventory, right):
        return not_applicable()
    return _right(right)(inventory)


def object_marketing(inventory: Inventory) -> Verdict:
    """Where data are used for direct marketing, the right to object to it is told."""
    if not inventory.markets and not told(inventory, "object_marketing"):
        return not_applicable()
    verdict = _right("object_marketing")(inventory)
    return verdict if told(inventory, "object_marketing") else missing(*inventory.markets)


def electronic_marketing(inventory: Inventory) -> Verdict:
    """Electronic direct marketing only with consent, or to customers of similar products (917/2014, section 200)."""
    rules = inventory.all("marketing_rules")
    good = [
        place
        for place, one in rules
        if one.get("channel") == "electronic" and one.get("basis") in ("consent", "soft_opt_in")
    ]
    if good:
        return present(*good)
    if not inventory.markets:
        return not_applicable()
    permitted = [
        place for place, one in rules if one.get("basis") == "consent" or "permission" in (one.get("stores") or ())
    ]
    return partial(*permitted) if permitted else missing(*inventory.markets)


def reply_deadline(inventory: Inventory) -> Verdict:
    """A reply comes within a month."""
    found = [(place, period_of((one.get("deadline") or {}).get("period"))) for place, one in inventory.all("rights")]
    dated = [(f"{place}.deadline", period) for place, period in found if period is not None]
    if not dated:
        return missing("organisation")
    late = [place for place, one in dated if one.months * MONTH + one.days > MONTH]
    return outdated(*late) if late else present(*(place for place, _ in dated))


def fee(inventory: Inventory) -> Verdict:
    """Rights are free; a fee is for requests that are manifestly unfounded or excessive."""
    found = [(f"{place}.fee", one["fee"]) for place, one in inventory.all("rights") if not empty(one.get("fee"))]
    if not found:
        return not_applicable()
    charged = [place for place, one in found if one.get("free", True) is False or not empty(one.get("free_interval"))]
    return outdated(*charged) if charged else present(*(place for place, _ in found))


def form_requirement(inventory: Inventory) -> Verdict:
    """No signature, visit or paper is asked for where an easier way would do."""
    found = [
        (place, one)
        for place, one in inventory.all("rights")
        if not (empty(one.get("forms")) and empty(one.get("channels")))
    ]
    if not found:
        return not_applicable()
    hard = [place for place, one in found if _hard(one)]
    return outdated(*hard) if hard else present(*(place for place, _ in found))


def _hard(right: Document) -> bool:
    forms, channels = set(right.get("forms") or ()), set(right.get("channels") or ())
    if forms & NARROW_FORMS:
        return True
    return "written" in forms and "electronic" not in forms and not channels & EASY_CHANNELS
