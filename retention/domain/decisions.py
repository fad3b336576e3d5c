"""When must it go? One item, its rules and holds, on one day. Pure, total, and it says why.

GDPR art. 5(1)(e) and 17; semantics section 2. Grounds keep, ceilings cut, holds suspend; what nobody has
decided is a review, what nobody knows is shown as missing, and nothing of either is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from retention.domain.events import event, with_openings
from retention.domain.items import Contract, Item, Occurrence, Reading, Standing, Start, things, with_own
from retention.domain.periods import ONE_DAY, last_day
from retention.domain.rules import (
    Action,
    Ceiling,
    Condition,
    FactValue,
    Ground,
    Hold,
    Kind,
    RuleSet,
    Status,
    StepAction,
    Trigger,
    comparable,
)

__all__ = [
    "Contract",
    "Decision",
    "Item",
    "Occurrence",
    "Reason",
    "ReasonCode",
    "State",
    "StepDecision",
    "Why",
    "decide",
    "with_own",
]


class State(StrEnum):
    """How an item stands on one day."""

    OPEN = "open"
    KEEP = "keep"
    DUE = "due"
    HELD = "held"
    REVIEW = "review"
    TRIGGER_MISSING = "trigger_missing"
    RULE_CONFLICT = "rule_conflict"


class Why(StrEnum):
    """What made it due, or will."""

    GROUNDS_ENDED = "GROUNDS_ENDED"
    CEILING = "CEILING"
    NO_GROUND = "NO_GROUND"


class ReasonCode(StrEnum):
    """What one rule or hold says about the item; only the doors put it into words."""

    OPEN = "open"
    LASTS = "lasts"
    ENDED = "ended"
    ENDED_BY_EVENT = "ended_by_event"
    CUT = "cut"
    CONDITION_FALSE = "condition_false"
    NEVER_BEGAN = "never_began"
    START_MISSING = "start_missing"
    NOT_CONFIRMED = "not_confirmed"
    FACT_UNKNOWN = "fact_unknown"
    CRITERION_OPEN = "criterion_open"
    CRITERION_DUE = "criterion_due"
    NO_RULE = "no_rule"
    NO_REASON_TO_KEEP = "no_reason_to_keep"
    CEILING_AHEAD = "ceiling_ahead"
    CEILING_PASSED = "ceiling_passed"
    CEILING_NOT_BEGUN = "ceiling_not_begun"
    CONFLICT = "conflict"
    HELD = "held"
    FOLLOWED_GONE = "followed_gone"
    FOLLOWED_UNKNOWN = "followed_unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's part in a decision: `day` is its last day (of a hold: its first), `by` a fact, event or ceiling.

    `start`: the day from which its period was counted; `told`: the value of the fact by which it does not count.
    `estimated`: the rule starts with an event whose day people have put in place of one that is missing.
    `sudden`: the event that ended it or began its period could be known of on its day at the earliest.
    """

    code: ReasonCode
    rule: str = ""
    day: date | None = None
    by: str = ""
    start: date | None = field(default=None, compare=False)
    told: FactValue | None = field(default=None, compare=False)
    estimated: bool = False
    sudden: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What must become of an item, from when, and why.

    due_from      the first day on which it may go; None where nobody can say
    blocked       of what is open or kept: only obligations and claims keep it, so its use is restricted
    overdue_days  of what is due: days since due_from or the last release, at least 0
    estimated     events that a rule starts with, and whose day people have put in place of one that is missing
    """

    state: State
    due_from: date | None = None
    action: Action | None = None
    why: Why | None = None
    blocked: bool = False
    overdue_days: int | None = None
    reasons: tuple[Reason, ...] = ()
    steps: tuple[StepDecision, ...] = ()
    estimated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepDecision:
    """When a step of an item is due, as far as anybody can say; `fields`: what it is about, where not all."""

    step: str
    state: State
    due_from: date | None
    action: StepAction
    fields: tuple[str, ...] = ()


class _Stands(StrEnum):
    """What a rule comes to before rules meet."""

    ENDS = "ends"
    OPEN = "open"
    UNDECIDED = "undecided"
    MISSING = "missing"
    NOT_COUNTING = "not_counting"


@dataclass(slots=True)
class _Ground:
    rule: Ground
    stands: _Stands
    reason: Reason
    day: date | None = None
    actions: tuple[Action, ...] = ()
    cut: bool = False

    def end(self, day: date, ceilings: Sequence[_Ceiling]) -> None:
        self.stands, self.day, self.cut = _Stands.ENDS, day, True
        self.actions = tuple(ceiling.rule.action for ceiling in ceilings)
        self.reason = Reason(ReasonCode.CUT, self.rule.id, day, ceilings[0].rule.id)


@dataclass(frozen=True, slots=True)
class _Ceiling:
    rule: Ceiling
    stands: _Stands
    reason: Reason
    day: date | None = None


def decide(
    item: Item, rules: RuleSet, holds: Sequence[Hold], today: date, beside: Sequence[tuple[Item, RuleSet]] = ()
) -> Decision:
    """Decide one item on `today`. Raises RuleError only for an event that the catalogue does not have.

    The ceilings of what stands `beside` it count too, each by the dates of its own item.
    """
    end = _marked(_end(item, rules, holds, today, beside), item, rules)
    if not rules.steps:
        return end
    steps = []
    for step in rules.steps:
        found = _end(item, step.rules(rules), holds, today, ())
        steps.append(StepDecision(step.id, found.state, found.due_from, step.action, step.fields))
    return replace(end, steps=tuple(steps))


def _marked(decision: Decision, item: Item, rules: RuleSet) -> Decision:
    """The decision with what of it rests on an estimated day."""
    if not item.estimated:
        return decision
    starts = {rule.id: frozenset(rule.trigger.events) for rule in rules.grounds}
    starts |= {rule.id: frozenset(rule.trigger.events) for rule in rules.ceilings}
    on_it = {rule for rule, names in starts.items() if names & item.estimated}
    named = {name for rule in on_it for name in starts[rule]}
    reasons = tuple(replace(one, estimated=True) if one.rule in on_it else one for one in decision.reasons)
    return replace(decision, reasons=reasons, estimated=tuple(sorted(named & item.estimated)))


def _end(
    item: Item, rules: RuleSet, holds: Sequence[Hold], today: date, beside: Sequence[tuple[Item, RuleSet]]
) -> Decision:
    grounds = [_ground(rule, item, rules, today) for rule in rules.grounds]
    ceilings = [_ceiling(rule, one, its, today) for one, its in ((item, rules), *beside) for rule in its.ceilings]
    dated = [ceiling for ceiling in ceilings if ceiling.stands is _Stands.ENDS]
    conflict = _conflict(grounds, dated, today)
    if conflict is None:
        _cut(grounds, dated, today)
    reasons = (*(ground.reason for ground in grounds), *(ceiling.reason for ceiling in ceilings))
    if conflict is not None:
        return Decision(State.RULE_CONFLICT, reasons=(*reasons, conflict))
    undecided = {*(ground.stands for ground in grounds), *(ceiling.stands for ceiling in ceilings)}
    if _Stands.MISSING in undecided:
        return Decision(State.TRIGGER_MISSING, reasons=reasons)
    if _Stands.UNDECIDED in undecided:
        return Decision(State.REVIEW, reasons=reasons)
    if not rules.grounds and not rules.no_reason_to_keep:
        return _without_grounds(dated, holds, today, reasons)
    counting = [ground for ground in grounds if ground.stands is not _Stands.NOT_COUNTING]
    if not counting and rules.is_step:
        return Decision(State.OPEN, reasons=reasons)  # its day never comes: nothing happens
    if not counting:
        if rules.no_reason_to_keep and not rules.grounds:
            reasons = (Reason(ReasonCode.NO_REASON_TO_KEEP), *reasons)
        first = min(item.first_seen or today, today)
        action = _strongest([ceiling.rule.action for ceiling in dated] or [Action.DELETE])
        return _due(first, action, Why.NO_GROUND, holds, today, reasons)
    return _by_dates(counting, holds, today, reasons)


def _without_grounds(
    dated: Sequence[_Ceiling], holds: Sequence[Hold], today: date, reasons: tuple[Reason, ...]
) -> Decision:
    """A ceiling says until when at most, not why: alone it is a review until its last day, and due after it."""
    ends = [(c.day, c.rule.action) for c in dated if c.day is not None and c.rule.yields_to != "any_basis"]
    first = min((day for day, _ in ends), default=today)
    if first >= today:
        return Decision(State.REVIEW, reasons=(Reason(ReasonCode.NO_RULE), *reasons))
    action = _strongest([action for day, action in ends if day == first])
    return _due(first + ONE_DAY, action, Why.CEILING, holds, today, reasons)


def _by_dates(counting: Sequence[_Ground], holds: Sequence[Hold], today: date, reasons: tuple[Reason, ...]) -> Decision:
    running = [g for g in counting if g.stands is _Stands.OPEN or (g.day is not None and g.day >= today)]
    blocked = bool(running) and all(g.rule.kind in {Kind.OBLIGATION, Kind.CLAIM} for g in running)
    if any(g.stands is _Stands.OPEN for g in counting):
        return Decision(State.OPEN, blocked=blocked, reasons=reasons)
    keep_until = max(g.day for g in counting if g.day is not None)
    last = [g for g in counting if g.day == keep_until]
    action = _strongest([action for g in last for action in g.actions])
    why = Why.CEILING if all(g.cut for g in last if action in g.actions) else Why.GROUNDS_ENDED
    if running:
        return Decision(State.KEEP, keep_until + ONE_DAY, action, why, blocked, reasons=reasons)
    return _due(keep_until + ONE_DAY, action, why, holds, today, reasons)


def _due(
    due_from: date, action: Action, why: Why, holds: Sequence[Hold], today: date, reasons: tuple[Reason, ...]
) -> Decision:
    active = [hold for hold in holds if hold.holds_on(today)]
    if active:
        held = tuple(Reason(ReasonCode.HELD, day=hold.start, by=hold.reason) for hold in active)
        return Decision(State.HELD, due_from, action, why, reasons=(*reasons, *held))
    free = [hold.released + ONE_DAY for hold in holds if hold.released is not None and hold.released <= today]
    since = max([due_from, *free])
    return Decision(State.DUE, due_from, action, why, overdue_days=max(0, (today - since).days), reasons=reasons)


def _strongest(actions: Iterable[Action]) -> Action:
    return max(actions, key=lambda action: action.strength)


def _counts(conditions: Sequence[Condition], item: Item) -> tuple[bool | None, str]:
    """Whether all conditions hold, None where a fact is unknown (of several, one false decides); and the fact.

    A text told of a fact that is true or false, or a number, and the reverse, says nothing: it is unknown.
    """
    unknown = ""
    for condition in conditions:
        if condition.fact not in item.facts or not comparable(item.facts[condition.fact], condition.value):
            unknown = unknown or condition.fact
        elif item.facts[condition.fact] != condition.value:
            return False, condition.fact
    return (None, unknown) if unknown else (True, "")


def _does_not_count(rule: Ground | Ceiling, fact: str, item: Item) -> Reason:
    return Reason(ReasonCode.CONDITION_FALSE, rule.id, by=fact, told=item.facts[fact])


def _trigger(reading: Reading, trigger: Trigger, rule: Ground | Ceiling) -> Start:
    """When a rule starts: one event, the latest or the earliest of several."""
    starts = [reading.start(name, rule.if_absent) for name in trigger.events]
    if trigger.choose == "only":
        return starts[0]
    days = [start.day for start in starts if start.day is not None]
    if trigger.choose == "earliest_of" and days:
        return Start(Standing.DAY, min(days))
    for standing in (Standing.MISSING, Standing.AWAITED):
        if any(start.standing is standing for start in starts):
            return Start(standing)
    return Start(Standing.DAY, max(days)) if days else Start(Standing.NOT_APPLICABLE)


def _is_sudden(reading: Reading, rule: Ground | Ceiling, day: date | None) -> bool:
    """Whether it is a sudden event by which a rule starts on that day, and would not start without."""
    started = {name: reading.start(name, rule.if_absent).day for name in rule.trigger.events}
    of_day = [event(name).is_sudden for name, told in started.items() if told == day]
    return any(of_day) if rule.trigger.choose == "latest_of" else bool(of_day) and all(of_day)


def _ground(rule: Ground, item: Item, rules: RuleSet, today: date) -> _Ground:
    counts, fact = _counts(rule.conditions, item)
    if counts is False:
        return _Ground(rule, _Stands.NOT_COUNTING, _does_not_count(rule, fact, item))
    if counts is None:
        return _Ground(rule, _Stands.UNDECIDED, Reason(ReasonCode.FACT_UNKNOWN, rule.id, by=fact))
    ends_on = rule.ends_on
    consent = ("consent_given",) if rule.kind is Kind.CONSENT else ()
    if consent:
        ends_on = (*ends_on, "consent_withdrawn")
    parts = [
        _part(rule, Reading(item, today, rules.first_plausible_day, rule.purpose, thing), ends_on, rules)
        for thing in things(item, (*with_openings((*rule.trigger.events, *consent)), *ends_on))
    ]
    counting = [part for part in parts if part.stands is not _Stands.NOT_COUNTING]
    for stands in (_Stands.MISSING, _Stands.UNDECIDED, _Stands.OPEN):
        for part in counting:
            if part.stands is stands:
                return part
    return max(counting, key=lambda part: part.day or date.min) if counting else parts[0]


def _part(rule: Ground, reading: Reading, ends_on: tuple[str, ...], rules: RuleSet) -> _Ground:
    """One ground for one thing."""
    if rule.kind is Kind.CONSENT:
        given = reading.start("consent_given")
        if given.standing is Standing.NOT_APPLICABLE:
            return _Ground(rule, _Stands.NOT_COUNTING, Reason(ReasonCode.NEVER_BEGAN, rule.id, by="consent_given"))
        if given.standing is not Standing.DAY and rule.status is Status.CONFIRMED:
            return _Ground(rule, _Stands.MISSING, Reason(ReasonCode.START_MISSING, rule.id, by="consent_given"))
    if rule.status is not Status.CONFIRMED:
        return _Ground(rule, _Stands.UNDECIDED, Reason(ReasonCode.NOT_CONFIRMED, rule.id))
    start = _trigger(reading, rule.trigger, rule)
    by = " ".join(rule.trigger.events)
    if start.standing is Standing.NOT_APPLICABLE:
        return _Ground(rule, _Stands.NOT_COUNTING, Reason(ReasonCode.NEVER_BEGAN, rule.id, by=by))
    starts = (*rule.trigger.events, *(("consent_given",) if rule.kind is Kind.CONSENT else ()))
    ended = reading.ended_on(ends_on, starts)
    natural = None
    if start.day is not None and rule.period is not None:
        natural = last_day(start.day, rule.period, rule.rounding, rules.financial_years)
    if ended is not None and (natural is None or ended < natural):
        sudden = all(event(name).is_sudden for name, day in reading.endings(ends_on, starts) if day == ended)
        reason = Reason(ReasonCode.ENDED_BY_EVENT, rule.id, ended, " ".join(ends_on), start.day, sudden=sudden)
        return _Ground(rule, _Stands.ENDS, reason, ended, (rule.action,))
    if rule.period is None:
        if rule.review_by is not None and rule.review_by > reading.today:
            return _Ground(rule, _Stands.OPEN, Reason(ReasonCode.CRITERION_OPEN, rule.id, rule.review_by))
        return _Ground(rule, _Stands.UNDECIDED, Reason(ReasonCode.CRITERION_DUE, rule.id, rule.review_by))
    if start.standing is Standing.AWAITED:
        return _Ground(rule, _Stands.OPEN, Reason(ReasonCode.OPEN, rule.id, by=by))
    if natural is None:
        return _Ground(rule, _Stands.MISSING, Reason(ReasonCode.START_MISSING, rule.id, by=by))
    code = ReasonCode.ENDED if natural < reading.today else ReasonCode.LASTS
    sudden = _is_sudden(reading, rule, start.day)
    reason = Reason(code, rule.id, natural, by, start.day, sudden=sudden)
    return _Ground(rule, _Stands.ENDS, reason, natural, (rule.action,))


def _ceiling(rule: Ceiling, item: Item, rules: RuleSet, today: date) -> _Ceiling:
    counts, fact = _counts(rule.conditions, item)
    if counts is False:
        return _Ceiling(rule, _Stands.NOT_COUNTING, _does_not_count(rule, fact, item))
    if rule.status is not Status.CONFIRMED:
        return _Ceiling(rule, _Stands.UNDECIDED, Reason(ReasonCode.NOT_CONFIRMED, rule.id))
    if counts is None:
        return _Ceiling(rule, _Stands.UNDECIDED, Reason(ReasonCode.FACT_UNKNOWN, rule.id, by=fact))
    readings = [
        Reading(item, today, rules.first_plausible_day, "", thing)
        for thing in things(item, with_openings(rule.trigger.events))
    ]
    starts = [_trigger(reading, rule.trigger, rule) for reading in readings]
    by = " ".join(rule.trigger.events)
    if any(start.standing is Standing.MISSING for start in starts):
        return _Ceiling(rule, _Stands.MISSING, Reason(ReasonCode.START_MISSING, rule.id, by=by))
    days = [start.day for start in starts if start.day is not None]
    if not days or any(start.standing is Standing.AWAITED for start in starts):
        return _Ceiling(rule, _Stands.NOT_COUNTING, Reason(ReasonCode.CEILING_NOT_BEGUN, rule.id, by=by))
    day = last_day(max(days), rule.period, rule.rounding, rules.financial_years)
    code = ReasonCode.CEILING_PASSED if day < today else ReasonCode.CEILING_AHEAD
    sudden = any(_is_sudden(reading, rule, max(days)) for reading in readings)
    return _Ceiling(rule, _Stands.ENDS, Reason(code, rule.id, day, by, max(days), sudden=sudden), day)


def _conflict(grounds: Sequence[_Ground], dated: Sequence[_Ceiling], today: date) -> Reason | None:
    """An obligation that a ceiling would cut: until both their days have passed a human decides."""
    for ground in grounds:
        if ground.rule.kind is not Kind.OBLIGATION:
            continue
        for ceiling in dated:
            if ceiling.day is None or not ceiling.rule.cuts(Kind.OBLIGATION):
                continue
            open_ = ground.stands is _Stands.OPEN
            later = ground.stands is _Stands.ENDS and ground.day is not None and ground.day > ceiling.day
            if open_ or (later and ground.day is not None and ground.day >= today):
                return Reason(ReasonCode.CONFLICT, ground.rule.id, ceiling.day, ceiling.rule.id)
    return None


def _cut(grounds: Sequence[_Ground], dated: Sequence[_Ceiling], today: date) -> None:
    """End each ground on the earliest ceiling that it does not outrank (semantics 2.4)."""
    for ground in grounds:
        if ground.rule.kind is Kind.OBLIGATION or ground.stands is _Stands.NOT_COUNTING:
            continue
        cutting = [(c.day, c) for c in dated if c.day is not None and c.rule.cuts(ground.rule.kind)]
        if not cutting:
            continue
        first = min(day for day, _ in cutting)
        undecided = ground.stands in {_Stands.UNDECIDED, _Stands.MISSING} and first < today
        later = ground.stands is _Stands.OPEN or (ground.day is not None and ground.day > first)
        if undecided or later:
            ground.end(first, [ceiling for day, ceiling in cutting if day == first])
