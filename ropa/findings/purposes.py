"""Why data are processed, and on what ground: Article 30(1)(b), 6(1), 13(1)(c)–(d)."""

from __future__ import annotations

from ropa.article30 import Document
from ropa.findings.citations import lapsed, maps_to
from ropa.findings.finding import Verdict, missing, not_applicable, outdated, partial, present
from ropa.findings.inventory import Inventory, Placed, said, value_of
from ropa.places import empty

INTEREST = "6(1)(f)"


def purposes(inventory: Inventory) -> Verdict:
    """The purposes are told, and all of them."""
    if not inventory.purposes:
        return missing(*(place for place, _ in inventory.controlled))
    loose = [
        f"{place}.listings"
        for place, one in [("organisation", inventory.organisation), *inventory.controlled]
        if (one.get("listings") or {}).get("purposes") == "examples"
    ]
    return partial(*loose) if loose else present(*(place for place, _ in inventory.purposes))


def legal_basis(inventory: Inventory) -> Verdict:
    """Each purpose has its legal basis under Article 6(1)."""
    based = [(place, one) for place, one in inventory.purposes if value_of(one, "legal_basis") is not None]
    if not based:
        return missing(*(place for place, _ in inventory.purposes or inventory.controlled))
    old = [f"{place}.legal_basis" for place, one in based if not _article(one) and _only_repealed(inventory, one)]
    if old:
        return outdated(*old)
    unmapped = [place for place, one in inventory.purposes if not _article(one)]
    if unmapped:
        return partial(*unmapped, count=str(len(unmapped)), whole=str(len(inventory.purposes)))
    return present(*(place for place, _ in inventory.purposes))


def _article(purpose: Document) -> str:
    """The Article 6(1) item of a purpose; nothing where it has none."""
    article = str((value_of(purpose, "legal_basis") or {}).get("article") or "")
    return article if article.startswith("6(1)") else ""


def articles(purpose: Document) -> set[str]:
    """Every item of Article 6(1) that a purpose rests on."""
    basis = value_of(purpose, "legal_basis") or {}
    return {str(one) for one in [basis.get("article"), *(basis.get("also") or ())] if one}


def _only_repealed(inventory: Inventory, purpose: Document) -> bool:
    """Whether all that a basis cites is law of yesterday."""
    cited = (value_of(purpose, "legal_basis") or {}).get("references") or ()
    return bool(cited) and all(lapsed(inventory, code) for code in cited)


def on_interest(inventory: Inventory) -> list[Placed]:
    """Purposes that rest on a legitimate interest."""
    return [(place, one) for place, one in inventory.purposes if INTEREST in articles(one)]


def legitimate_interest(inventory: Inventory) -> Verdict:
    """Where a legitimate interest is the ground, it is named."""
    resting = on_interest(inventory)
    stated = [(place, one) for place, one in inventory.purposes if _interest(one)]
    unnamed = [place for place, one in resting if not _interest(one)]
    if stated:
        return partial(*unnamed) if unnamed else present(*(f"{place}.legal_basis" for place, _ in stated))
    mapped = bool(inventory.purposes) and all(_article(one) for _, one in inventory.purposes)
    if mapped and not resting:
        return not_applicable()
    return missing(*unnamed or (place for place, one in inventory.purposes if not _article(one)))


def _interest(purpose: Document) -> bool:
    return not empty((value_of(purpose, "legal_basis") or {}).get("interest"))


def consents(inventory: Inventory) -> list[str]:
    """Places where a consent or permission is what processing, marketing or a transfer rests on."""
    found = [
        place for place, one in inventory.purposes if "6(1)(a)" in articles(one) or _consent_of_old(inventory, one)
    ]
    found += [place for place, one in inventory.purposes if _special(one) == "9(2)(a)"]
    found += [place for place, item, _ in inventory.items if "6(1)(a)" in articles(item)]
    found += [f"{place}.inclusion" for place, one in inventory.own("subject_groups") if _permission(one)]
    found += [place for place, one in inventory.all("marketing_rules") if one.get("basis") == "consent"]
    found += [place for place, one in inventory.own("transfers") if "consent" in (one.get("safeguards") or ())]
    return found + [place for place, rule, _ in inventory.rules if rule.get("kind") == "consent"]


def _consent_of_old(inventory: Inventory, purpose: Document) -> bool:
    cited = (value_of(purpose, "legal_basis") or {}).get("references") or ()
    return any("6(1)(a)" in maps_to(inventory, code) for code in cited)


def _special(holder: Document) -> str:
    return str((value_of(holder, "special") or {}).get("article") or "")


def _permission(group: Document) -> bool:
    return bool((group.get("inclusion") or {}).get("permission"))


def withdraw_consent(inventory: Inventory) -> Verdict:
    """Where consent is used, the right to withdraw it is told."""
    used = consents(inventory)
    told = [place for place, one in inventory.all("rights") if one.get("right") == "withdraw_consent"]
    if told:
        return present(*told)
    return missing(*used) if used else not_applicable()


def mandatory_provision(inventory: Inventory) -> Verdict:
    """It is told whether giving the data is a duty, and what follows from not giving them."""
    return _told(inventory, "provision")


def automated_decisions(inventory: Inventory) -> Verdict:
    """Automated decisions and profiling are told, or ruled out."""
    rights = [place for place, one in inventory.all("rights") if one.get("right") == "automated_decisions"]
    return present(*rights) if rights else _told(inventory, "automated_decisions")


def _told(inventory: Inventory, key: str) -> Verdict:
    """A statement that the organisation makes for all of it, or each of the controller's activities for itself."""
    if said(inventory.organisation, key):
        return present(f"organisation.{key}")
    silent = [place for place, one in inventory.controlled if not said(one, key)]
    if inventory.controlled and not silent:
        return present(*(f"{place}.{key}" for place, _ in inventory.controlled))
    return partial(*silent) if len(silent) < len(inventory.controlled) else missing("organisation")
