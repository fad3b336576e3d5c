"""To whom data go, on whose behalf, and to which country: Article 30(1)(d)–(e), 28, 30(2), 44–49."""

from __future__ import annotations

from ropa.article30 import Document
from ropa.findings.finding import Verdict, contradictory, missing, not_applicable, partial, present
from ropa.findings.inventory import Inventory, Placed, said, value_of
from ropa.places import empty

HOSTING = {"hosting", "email"}
"""Services in which a customer's own content lies with us."""
NARROWING = ("condition", "purpose", "purposes", "scope", "data_categories", "party", "registers")
"""What bounds a statement that data are not passed on; without any of them it is about everything."""


def disclosed(inventory: Inventory) -> list[Placed]:
    """Recipients to whom data do go."""
    return [(place, one) for place, one in inventory.own("recipients") if one.get("disclosed", True) is not False]


def recipients(inventory: Inventory) -> Verdict:
    """Recipients are told by name or category, whole, and nothing else says that there are none."""
    going = disclosed(inventory)
    if not going:
        return _by_activity(inventory, "recipients")
    specified = [(place, one) for place, one in going if one.get("specified", True) is not False]
    denied = [place for place, one in inventory.own("recipients") if _denies_all(one) and not _no_processors(one)]
    if denied and specified:
        return contradictory(*denied, *(place for place, _ in specified))
    told = [place for place, one in specified if one.get("declared", True) is not False]
    if not told or all(_anybody(one) for _, one in specified):
        return partial(*(place for place, _ in going))
    loose = [place for place, one in going if one.get("listing") == "examples"]
    loose += [
        f"{place}.listings"
        for place, one in [("organisation", inventory.organisation), *inventory.controlled]
        if (one.get("listings") or {}).get("recipients") == "examples"
    ]
    return partial(*loose, about="examples") if loose else present(*told)


def _anybody(recipient: Document) -> bool:
    """Whether an entry says no more than that somebody may process for us: a processor without a name or agreement."""
    unnamed = empty(recipient.get("party")) and value_of(recipient, "agreement") is None
    return recipient.get("role") == "processor" and unnamed


def _denies_all(recipient: Document) -> bool:
    """Whether an entry says that data go to nobody, with no purpose, data or condition that bounds it."""
    return recipient.get("disclosed", True) is False and all(empty(recipient.get(key)) for key in NARROWING)


def _no_processors(recipient: Document) -> bool:
    """Whether an entry says that no processors are used at all."""
    return recipient.get("role") == "processor" and _denies_all(recipient)


def processors(inventory: Inventory) -> Verdict:
    """Processors are named, or their agreements are; or it is told that there are none."""
    found = [(place, one) for place, one in disclosed(inventory) if one.get("role") == "processor"]
    if not found:
        none = inventory.controlled and all(
            said(one, "recipients") and value_of(one, "recipients") is None for _, one in inventory.controlled
        )
        denied = [place for place, one in inventory.own("recipients") if _no_processors(one)]
        if denied:
            return present(*denied)
        return not_applicable() if none else missing("organisation")
    unnamed = [place for place, one in found if _anybody(one)]
    return partial(*unnamed) if unnamed else present(*(place for place, _ in found))


def transfers(inventory: Inventory) -> Verdict:
    """Transfers to third countries are told with country and safeguard, or ruled out."""
    entries = inventory.own("transfers")
    if not entries:
        return _by_activity(inventory, "transfers")
    none = [place for place, one in entries if one.get("status") == "none" and not _bounded(one)]
    going = [place for place, one in entries if one.get("status") == "yes"]
    if none and going:
        return contradictory(*none, *going)
    open_ = [place for place, one in entries if one.get("status") in ("conditional", "not_stated")]
    if open_:
        return partial(*open_)
    bare = [
        place
        for place, one in entries
        if one.get("status") == "yes" and (empty(one.get("countries")) or empty(one.get("safeguards")))
    ]
    return partial(*bare, about="bare") if bare else present(*(place for place, _ in entries))


def _bounded(transfer: Document) -> bool:
    return any(not empty(transfer.get(key)) for key in ("countries", "recipients", "condition", "registers"))


def _by_activity(inventory: Inventory, key: str) -> Verdict:
    """What each activity says for itself where no entry says it."""
    silent = [place for place, one in inventory.controlled if not said(one, key)]
    if inventory.controlled and not silent:
        return present(*(f"{place}.{key}" for place, _ in inventory.controlled))
    return partial(*silent, about="silent") if len(silent) < len(inventory.controlled) else missing("organisation")


def processor_record(inventory: Inventory) -> Verdict:
    """Where the organisation processes on behalf of others, that has its own record."""
    hosted = HOSTING & set(inventory.organisation.get("services") or ())
    if inventory.processed:
        bare = [place for place, one in inventory.processed if not (said(one, "on_behalf_of") and one.get("mandate"))]
        if bare:
            return partial(*bare, about="bare")
        by_contract = [place for place, one in inventory.processed if _by_contract(one)]
        if hosted and not by_contract:
            return partial("organisation.services", *(place for place, _ in inventory.processed), about="hosted")
        return present(*(place for place, _ in inventory.processed))
    if hosted:
        return missing("organisation.services")
    unclear = [place for place, one in inventory.purposes if not empty(one.get("on_behalf_of"))]
    return partial(*unclear) if unclear else not_applicable()


def _by_contract(activity: Document) -> bool:
    """Whether it is done under an agreement, as with a customer's content, and not under an act of law."""
    return bool((activity.get("mandate") or {}).get("instrument", "contract") == "contract")
