"""Whether new rules could let anything go earlier than the old ones did: by comparing rules, not by counting items.

It answers for every item that could ever exist. What cannot be shown to go no earlier counts as shortened, so it errs
on the side of asking a second person, and never the other way: a property test holds it to `decide` on random rules,
items and days. What it rests on:

- An item is due when every ground has ended or does not count, no ceiling is undecided or lacks its start, and no
  obligation outlives a ceiling. So further grounds only keep, and a ground is at least as long as another where it
  has ended only if the other has too.
- A ceiling ends grounds, and where its start is missing it stops everything. So a new one shortens, and so may the
  loss of one: what it stopped is then decided by the grounds alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache

from retention.domain.events import NEVER, Absent, event
from retention.domain.periods import FinancialYears, Period, Rounding, last_day
from retention.domain.rules import Absence, Action, Ceiling, Ground, Kind, RuleSet, Status, Step, StepAction, Trigger

SAME_CUT = {Kind.NEED, Kind.INSTRUCTION}
"""Kinds that ceilings treat alike (`Ceiling.cuts`)."""


class Way(StrEnum):
    """In which way a rule set shortens."""

    PERIOD = "period"
    GROUND_GONE = "ground_gone"
    GROUND_CHANGED = "ground_changed"
    CONFIRMED = "confirmed"
    CEILING_NEW = "ceiling_new"
    CEILING_GONE = "ceiling_gone"
    CEILING_CHANGED = "ceiling_changed"
    BEGINS = "begins"
    STRONGER = "stronger"
    FOLLOWS = "follows"
    STEP = "step"
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Shortening:
    """One way in which the new rules may let something go earlier, or let more of it go.

    before, after  what differs, as it is written
    where          the list and the rule: grounds[sopimus]; "" where it is the whole
    """

    way: Way
    where: str = ""
    before: str = ""
    after: str = ""


def shortened(before: RuleSet, after: RuleSet, followed: bool = False) -> tuple[Shortening, ...]:
    """Every way in which `after` may let an item go that `before` still keeps, or ends it more strongly.

    `followed`: other datasets follow this one, and their ceilings count for its grounds too.
    """
    if not followed and _undecidable(after):
        return tuple(dict.fromkeys(_steps(before, after)))
    return tuple(dict.fromkeys(_shortened(before, after)))


def _undecidable(rules: RuleSet) -> bool:
    """Whether a person decides about every item: there is no rule, or one that always counts is not confirmed."""
    if rules.ceilings:
        return False
    return _undecided(rules) or any(
        ground.status is not Status.CONFIRMED and not ground.conditions and ground.kind is not Kind.CONSENT
        for ground in rules.grounds
    )


def _shortened(before: RuleSet, after: RuleSet) -> Iterator[Shortening]:
    if before.first_plausible_day != after.first_plausible_day:
        yield Shortening(Way.READING, "", before.first_plausible_day.isoformat(), after.first_plausible_day.isoformat())
    yield from _followed(before, after)
    if _undecided(before) and (after.grounds or after.no_reason_to_keep):
        yield Shortening(Way.BEGINS)
    for ground in before.grounds:
        if not any(_lasts(new, ground, before, after) for new in after.grounds):
            yield _of_ground(ground, before, after)
    yield from _ceilings(before, after)
    yield from _stronger(before, after)
    yield from _steps(before, after)


def _undecided(rules: RuleSet) -> bool:
    """Whether nobody has decided why it is kept: a review until a ceiling passes, if there is one."""
    return not (rules.grounds or rules.follows or rules.no_reason_to_keep)


def _followed(before: RuleSet, after: RuleSet) -> Iterator[Shortening]:
    old = {(follow.dataset, follow.by) for follow in before.follows}
    new = {(follow.dataset, follow.by) for follow in after.follows}
    if not old <= new or (new and not old):
        yield Shortening(Way.FOLLOWS, "", _listed(name for name, _ in old), _listed(name for name, _ in new))


def _of_ground(ground: Ground, before: RuleSet, after: RuleSet) -> Shortening:
    """The words for a ground that nothing in the new rules lasts as long as."""
    where = f"grounds[{ground.id}]"
    new = next((one for one in after.grounds if one.id == ground.id), None)
    if new is None:
        return Shortening(Way.GROUND_GONE, where)
    if ground.status is not Status.CONFIRMED and new.status is Status.CONFIRMED:
        return Shortening(Way.CONFIRMED, where, ground.status.value, new.status.value)
    like = replace(
        new, period=ground.period, rounding=ground.rounding, review_by=ground.review_by, action=ground.action
    )
    if _lasts(like, ground, before, before):
        return Shortening(Way.PERIOD, where, _written(ground), _written(new))
    return Shortening(Way.GROUND_CHANGED, where)


def _of_ceiling(ceiling: Ceiling, before: RuleSet, after: RuleSet) -> Shortening:
    where = f"ceilings[{ceiling.id}]"
    old = next((one for one in before.ceilings if one.id == ceiling.id), None)
    if old is None:
        return Shortening(Way.CEILING_NEW, where, "", _written(ceiling))
    if old.status is not Status.CONFIRMED and ceiling.status is Status.CONFIRMED:
        return Shortening(Way.CONFIRMED, where, old.status.value, ceiling.status.value)
    like = replace(ceiling, period=old.period, rounding=old.rounding)
    if _cuts_no_earlier(like, old, before, before) and _stops(like, old):
        return Shortening(Way.PERIOD, where, _written(old), _written(ceiling))
    return Shortening(Way.CEILING_CHANGED, where)


def _ceilings(before: RuleSet, after: RuleSet) -> Iterator[Shortening]:
    kinds = {ground.kind for ground in after.grounds}
    for new in after.ceilings:
        harmless = bool(after.grounds) and not after.follows and not any(new.cuts(kind) for kind in kinds)
        harmless = harmless or new.status is not Status.CONFIRMED or _only_checks(new, after)
        if not harmless and not any(_cuts_no_earlier(new, old, before, after) for old in before.ceilings):
            yield _of_ceiling(new, before, after)
    for old in before.ceilings:
        if any(_stops(new, old) for new in after.ceilings):
            continue
        same = next((one for one in after.ceilings if one.id == old.id), None)
        if same is None:
            yield Shortening(Way.CEILING_GONE, f"ceilings[{old.id}]", _written(old))
        else:
            yield _of_ceiling(same, before, after)


def _only_checks(ceiling: Ceiling, rules: RuleSet) -> bool:
    """Whether it moves no date: what yields to any basis is a check when the rule is written (semantics, "Words")."""
    return ceiling.yields_to == "any_basis"


def _lasts(new: Ground, old: Ground, before: RuleSet, after: RuleSet) -> bool:
    """Whether `new` has ended, or does not count, only if `old` has ended or does not count."""
    if not (new.kind == old.kind or {new.kind, old.kind} <= SAME_CUT):
        return False
    if set(new.conditions) != set(old.conditions):
        return False
    if new.purpose != old.purpose:
        return False
    if new.status is not Status.CONFIRMED:  # undecided: over only where a ceiling ends the other as well
        return True
    if old.status is not Status.CONFIRMED or set(new.ends_on) != set(old.ends_on):
        return False
    if not _starts_no_earlier(new.trigger, old.trigger) or not _as_strict(new, old):
        return False
    if new.period is None:
        return True
    return old.period is not None and _no_shorter(new.period, new.rounding, after, old.period, old.rounding, before)


def _starts_no_earlier(new: Trigger, old: Trigger) -> bool:
    if new == old or (len(new.events) == 1 and new.events == old.events):
        return True
    latest = {"only", "latest_of"}
    return new.choose in latest and old.choose in latest and set(old.events) <= set(new.events)


def _as_strict(new: Ground | Ceiling, old: Ground | Ceiling) -> bool:
    """Whether the absence of a start is never "does not apply" for `new` where it is not for `old`."""
    if new.if_absent == old.if_absent or new.if_absent in {Absence.PENDING, Absence.MISSING}:
        return True
    if old.if_absent is Absence.NOT_APPLICABLE:
        return True
    return new.if_absent is None and not any(_may_not_apply(name) for name in new.trigger.events)


def _may_not_apply(name: str) -> bool:
    entry = event(name)
    if entry.absent is Absent.AWAITED:
        return _may_not_apply(entry.opened_by)
    return entry.absent is Absent.OPTIONAL


def _cuts_no_earlier(new: Ceiling, old: Ceiling, before: RuleSet, after: RuleSet) -> bool:
    """Whether wherever `new` ends a ground on a day, `old` ended it on that day or earlier, if it was confirmed.

    What an `old` one that is not confirmed stopped is looked after by `_stops`.
    """
    return (
        set(new.conditions) == set(old.conditions)
        and new.trigger == old.trigger
        and new.if_absent == old.if_absent
        and all(old.cuts(kind) or not new.cuts(kind) for kind in Kind)
        and (old.yields_to != "any_basis" or new.yields_to == "any_basis")
        and _no_shorter(new.period, new.rounding, after, old.period, old.rounding, before)
    )


def _stops(new: Ceiling, old: Ceiling) -> bool:
    """Whether `new` leaves undecided, or lacks its start, wherever `old` did."""
    if set(new.conditions) != set(old.conditions):
        return False
    if new.status is not Status.CONFIRMED:
        return True
    return old.status is Status.CONFIRMED and new.trigger == old.trigger and new.if_absent == old.if_absent


def _stronger(before: RuleSet, after: RuleSet) -> Iterator[Shortening]:
    """Rules whose action destroys more than it did, new ones than the weakest before."""
    was, will = _actions(before), _actions(after)
    weakest = min((one for name, one in was.items() if not name.startswith("follows")), key=_strength, default=None)
    for name, action in will.items():
        old = was.get(name, None if name.startswith("follows") else weakest)
        if old is not None and action.strength > old.strength:
            yield Shortening(Way.STRONGER, name, old.value, action.value)


def _actions(rules: RuleSet) -> dict[str, Action]:
    return {
        **{f"grounds[{rule.id}]": rule.action for rule in rules.grounds},
        **{f"ceilings[{rule.id}]": rule.action for rule in rules.ceilings},
        **{f"follows[{follow.dataset}]": follow.action for follow in rules.follows},
    }


def _strength(action: Action) -> int:
    return action.strength


def _steps(before: RuleSet, after: RuleSet) -> Iterator[Shortening]:
    olds = {step.id: step for step in before.steps}
    for step in after.steps:
        old = olds.pop(step.id, None)
        if step.status is not Status.CONFIRMED and old is None:
            continue
        if old is None or not _step_lasts(step, old, before, after):
            yield Shortening(Way.STEP, f"steps[{step.id}]", _written(old) if old else "", _written(step))
    for old in olds.values():
        # what was to be moved or added up first is then destroyed without that
        if old.status is Status.CONFIRMED and old.action not in {StepAction.CLEAR, StepAction.BLOCK}:
            yield Shortening(Way.STEP, f"steps[{old.id}]", _written(old))


def _step_lasts(new: Step, old: Step, before: RuleSet, after: RuleSet) -> bool:
    """Whether a step does the same, and no earlier."""
    same = replace(new, period=old.period, rounding=old.rounding, law=old.law, status=old.status)
    if same != old:
        return False
    if new.status is not Status.CONFIRMED:
        return old.status is not Status.CONFIRMED or old.action in {StepAction.CLEAR, StepAction.BLOCK}
    return old.status is Status.CONFIRMED and _no_shorter(
        new.period, new.rounding, after, old.period, old.rounding, before
    )


def _no_shorter(
    new: Period, new_rounding: Rounding, after: RuleSet, old: Period, old_rounding: Rounding, before: RuleSet
) -> bool:
    """Whether whatever starts on any day that can be one ends no earlier. Exact: each such day is tried."""
    years = (after.financial_years, before.financial_years)
    if new_rounding == old_rounding and years[0] == years[1] and new.months >= old.months and new.days >= old.days:
        return True
    first = min(after.first_plausible_day, before.first_plausible_day)
    ends = _ends(new, new_rounding, years[0], first), _ends(old, old_rounding, years[1], first)
    return all(map(int.__ge__, *ends))


@lru_cache(maxsize=64)
def _ends(period: Period, rounding: Rounding, years: FinancialYears, first: date) -> Sequence[int]:
    """The last day of whatever starts on each day that can be one (P1), as ordinals."""
    days = map(date.fromordinal, range(first.toordinal(), NEVER.toordinal()))
    return array("l", (last_day(day, period, rounding, years).toordinal() for day in days))


def _written(rule: Ground | Ceiling | Step) -> str:
    """A rule's length as it is written."""
    if rule.period is None:
        return f"review {rule.review_by}" if isinstance(rule, Ground) else ""
    rounding = "" if rule.rounding.text == "none" else f" {rule.rounding}"
    return f"{rule.period}{rounding}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
