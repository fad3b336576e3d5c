"""What retention rules must have to be carried out: a start, a watchdog, a ground, a law that is in force."""

from __future__ import annotations

from typing import Any

from retention.domain.errors import RuleError
from retention.domain.events import CATALOGUE, Absent
from retention.domain.periods import FinancialYears, Rounding, last_day, parse_financial_years
from retention.domain.rules import Condition, Kind, Trigger
from retention.domain.written import parse_day, parse_trigger
from ropa.article30 import Document
from ropa.findings.finding import Verdict, contradictory, missing, not_applicable, outdated, partial, present
from ropa.findings.inventory import Inventory, events_of, period_of
from ropa.findings.purposes import on_interest
from ropa.places import empty

WHOLE_RELATIONSHIP = {"relationship_ended", "contract_ended", "service_ended"}
"""Ends that a loyal customer never comes to."""
WITHOUT_END = {"relationship_ended", "account_closed"}
"""Ends that nothing brings about: nobody terminates an account or a lead."""
ACTIVITY = {"last_activity", "last_contact"}
STARTS = tuple((year, month) for year in (2023, 2024) for month in range(1, 13))


def maximum_without_start(inventory: Inventory) -> Verdict:
    """A maximum says from when it runs."""
    maxima = [(place, one) for place, one in inventory.all("time_limits") if one.get("bound") == "maximum"]
    maxima += [(place, rule) for place, rule, _ in inventory.rules if "kind" not in rule]
    if not maxima:
        return not_applicable()
    bare = [place for place, one in maxima if not events_of(one.get("trigger"))]
    return missing(*bare) if bare else present(*(place for place, _ in maxima))


def ceiling_without_ground(inventory: Inventory) -> Verdict:
    """A ceiling says until when at most, and never why: beside it stands a ground."""
    capped = [(place, one) for place, one in inventory.all("datasets") if one.get("ceilings")]
    if not capped:
        return not_applicable()
    alone = [place for place, one in capped if not (one.get("grounds") or one.get("no_reason_to_keep"))]
    return missing(*alone) if alone else present(*(place for place, _ in capped))


def start_without_watchdog(inventory: Inventory) -> Verdict:
    """A rule that waits for an event has beside it a ceiling from an event that must exist."""
    awaiting = [
        (place, dataset)
        for place, rule, dataset in inventory.rules
        if "kind" in rule and _awaits(rule.get("trigger")) and rule.get("kind") != "obligation"
    ]
    if not awaiting:
        return not_applicable()
    unwatched = [place for place, dataset in awaiting if not _watched(dataset)]
    return missing(*unwatched, count=str(len(unwatched))) if unwatched else present(*(place for place, _ in awaiting))


def _awaits(trigger: Any) -> bool:
    """Whether a start may never come. Of `earliest_of`, one that must exist is enough."""
    awaited = [CATALOGUE[name].absent is Absent.AWAITED for name in events_of(trigger)]
    earliest = isinstance(trigger, dict) and "earliest_of" in trigger
    return bool(awaited) and (all(awaited) if earliest else any(awaited))


def _watched(dataset: Document) -> bool:
    return any(
        any(CATALOGUE[name].absent is Absent.MISSING for name in events_of(one.get("trigger")))
        for one in dataset.get("ceilings") or ()
    )


def history_without_end(inventory: Inventory) -> Verdict:
    """History goes by its own age, and does not wait for the end of the whole relationship."""
    histories = [
        (place, one)
        for place, one in inventory.all("datasets")
        if one.get("grain") in ("record", "window") and one.get("grounds")
    ]
    if not histories:
        return not_applicable()
    endless = [place for place, one in histories if _waits_for_the_end(one)]
    return partial(*endless) if endless else present(*(place for place, _ in histories))


def _waits_for_the_end(dataset: Document) -> bool:
    """Whether its rules start from nothing but the whole relationship's end, and nothing cuts them."""
    if dataset.get("ceilings") or (dataset.get("mapping") or {}).get("contract"):
        return False  # bounded, or its contract is its own and ends by itself
    starts = {name for one in dataset["grounds"] for name in events_of(one.get("trigger"))}
    return bool(starts) and starts <= WHOLE_RELATIONSHIP


def relationship_without_end(inventory: Inventory) -> Verdict:
    """ "As long as the relationship lasts" is a time limit only where the relationship has a defined end."""
    bound = [
        (place, bool(ACTIVITY & set(events_of(rule.get("trigger")))) or bool(dataset.get("ceilings")))
        for place, rule, dataset in inventory.rules
        if "kind" in rule and WITHOUT_END & set(events_of(rule.get("trigger")))
    ]
    bound += [
        (place, False)
        for place, one in inventory.own("time_limits")
        if WITHOUT_END & set(events_of(one.get("trigger"))) and one.get("bound") != "minimum"
    ]
    if not bound:
        return not_applicable()
    endless = [place for place, ends in bound if not ends]
    return partial(*endless) if endless else present(*(place for place, _ in bound))


def obligation_differs(inventory: Inventory) -> Verdict:
    """An obligation has the start, period and rounding of its row of the law library, and binds where the row does.

    A row that leaves the time to the controller, or says until when at most, makes no obligation.
    """
    obligations = [(place, rule) for place, rule, _ in inventory.rules if rule.get("kind") == "obligation"]
    if not obligations:
        return not_applicable()
    uncited = [place for place, rule in obligations if rule.get("law") not in inventory.laws]
    other = [place for place, rule in obligations if rule.get("law") in inventory.laws and _differs(inventory, rule)]
    if other:
        return contradictory(*other)
    return partial(*uncited) if uncited else present(*(place for place, _ in obligations))


def _differs(inventory: Inventory, rule: Document) -> bool:
    law = inventory.laws[rule["law"]]
    rounding = rule.get("rounding") or "none"
    return (
        (law.trigger is not None and _trigger(rule) != law.trigger)
        or (law.period is not None and period_of(rule.get("period")) != law.period)
        or (law.rounding is not None and rounding != law.rounding.text)
        or getattr(law, "kind", Kind.OBLIGATION) is not Kind.OBLIGATION
        or not _binds(inventory, rule, getattr(law, "condition", None))
    )


def _binds(inventory: Inventory, rule: Document, condition: Condition | None) -> bool:
    """Whether a duty of some is written with what it takes to be one of them, or the organisation is known to be."""
    if condition is None:
        return True
    known = (inventory.organisation.get("facts") or {}).get(condition.fact)
    asked = {(one["fact"], one["is"]) for one in _conditions(rule)}
    return known == condition.value or (condition.fact, condition.value) in asked


def _trigger(rule: Document) -> Trigger | None:
    try:
        return parse_trigger(rule.get("trigger"), "")
    except RuleError:
        return None


def ceiling_before_obligation(inventory: Inventory) -> Verdict:
    """A ceiling does not end before a duty by law to keep, unless it yields to it: else nothing goes at all."""
    pairs = [
        (f"{place}.ceilings[{ceiling['id']}]", ceiling, ground)
        for place, dataset in inventory.all("datasets")
        for ceiling in dataset.get("ceilings") or ()
        for ground in dataset.get("grounds") or ()
        if ground.get("kind") == "obligation"
    ]
    if not pairs:
        return not_applicable()
    years = _financial_years(inventory)
    early = [place for place, ceiling, ground in pairs if _ends_before(ceiling, ground, years)]
    return contradictory(*dict.fromkeys(early)) if early else present(*dict.fromkeys(place for place, _, _ in pairs))


def _ends_before(ceiling: Document, ground: Document, years: FinancialYears) -> bool:
    yields = ceiling.get("yields_to") or ()
    if yields == "any_basis" or (yields != "none" and "obligation" in yields):
        return False
    until, duty = period_of(ceiling.get("period")), period_of(ground.get("period"))
    if until is None or duty is None or _trigger(ceiling) != _trigger(ground) or _excluded(ceiling, ground):
        return False
    try:
        first, second = Rounding(ceiling.get("rounding") or "none"), Rounding(ground.get("rounding") or "none")
    except RuleError:
        return False
    days = [parse_day(f"{year}-{month:02d}-01", "") for year, month in STARTS]
    return any(last_day(day, until, first, years) < last_day(day, duty, second, years) for day in days)


def _excluded(ceiling: Document, ground: Document) -> bool:
    """Whether the two never apply to the same item."""
    wanted = {one["fact"]: one["is"] for one in _conditions(ground)}
    return any(wanted.get(one["fact"], one["is"]) != one["is"] for one in _conditions(ceiling))


def _conditions(rule: Document) -> list[Document]:
    written = rule.get("condition") or []
    return [written] if isinstance(written, dict) else list(written)


def _financial_years(inventory: Inventory) -> FinancialYears:
    head = inventory.organisation
    try:
        years = [(parse_day(y["start"], ""), parse_day(y["end"], "")) for y in head.get("financial_years") or ()]
        return parse_financial_years(head.get("financial_year_end") or "12-31", years)
    except RuleError:
        return FinancialYears()


def balancing_test(inventory: Inventory) -> Verdict:
    """A claim, and a purpose on a legitimate interest, refer to a balancing test that was made."""
    claims = [(place, rule) for place, rule, _ in inventory.rules if rule.get("kind") == "claim"]
    interests = on_interest(inventory)
    if not claims and not interests:
        return not_applicable()
    bare = [place for place, one in interests if empty(one.get("balancing_test"))]
    bare += [place for place, rule in claims if not _tested(inventory, rule)]
    return missing(*bare, count=str(len(bare))) if bare else present(*(place for place, _ in [*interests, *claims]))


def _tested(inventory: Inventory, rule: Document) -> bool:
    purpose = inventory.purposes_by_id.get(rule.get("purpose") or "") or {}
    recorded = any(one.get("kind") == "balancing_test" for one in rule.get("records") or ())
    return recorded or not empty((purpose.get("balancing_test") or {}).get("value"))


def law_of_rules(inventory: Inventory) -> Verdict:
    """Rules cite law that is in force, and stays so."""
    citing = [(place, rule) for place, rule, _ in inventory.rules if rule.get("law")]
    if not citing:
        return not_applicable()
    gone = [place for place, rule in citing if not _in_force(inventory, rule["law"])]
    if gone:
        return outdated(*gone)
    ending = [place for place, rule in citing if _ends(inventory, rule["law"])]
    return partial(*ending) if ending else present(*(place for place, _ in citing))


def _in_force(inventory: Inventory, code: str) -> bool:
    row = inventory.laws.get(code)
    if row is None:
        return False
    until = getattr(row, "in_force_to", None)
    return bool(row.in_force_from <= inventory.today and (until is None or inventory.today <= until))


def _ends(inventory: Inventory, code: str) -> bool:
    return getattr(inventory.laws[code], "in_force_to", None) is not None


def unconfirmed_rules(inventory: Inventory) -> Verdict:
    """Rules are decided by the controller: nothing is destroyed by machine on a proposal."""
    rules = [(place, rule) for place, rule, _ in inventory.rules]
    if not rules:
        return not_applicable()
    open_ = [place for place, rule in rules if rule.get("status") != "confirmed"]
    return partial(*open_, count=str(len(open_)), whole=str(len(rules))) if open_ else present(*(p for p, _ in rules))


def criterion_review(inventory: Inventory) -> Verdict:
    """A criterion without a period is looked at again on its day."""
    criteria = [(place, rule) for place, rule, _ in inventory.rules if "kind" in rule and not rule.get("period")]
    if not criteria:
        return not_applicable()
    late = [place for place, rule in criteria if inventory.passed(rule.get("review_by"))]
    undated = [place for place, rule in criteria if not rule.get("review_by")]
    if undated:
        return missing(*undated)
    return outdated(*late) if late else present(*(place for place, _ in criteria))


def suggested_number(inventory: Inventory) -> Verdict:
    """Where the law library only suggests a number, the controller has a reason of its own."""
    suggested = [
        (place, rule)
        for place, rule, _ in inventory.rules
        if getattr(inventory.laws.get(rule.get("law") or ""), "suggestion", False)
    ]
    if not suggested:
        return not_applicable()
    bare = [place for place, rule in suggested if empty(rule.get("reason"))]
    return missing(*bare) if bare else present(*(place for place, _ in suggested))
