"""The same rules as `decide`, compiled for one day into questions that a register can answer in a set.

What the ledger knows of a subject is first reduced to *verdicts*: how each event that only the ledger tells
stands with each rule, and whether it lies behind the rule's cutoff (the exact inverse of the period, P6).
Subjects with equal verdicts share one expression over the item's own dates and facts. A property test holds
`due` equal to `decide`, and `attention` true of everything that is neither open nor kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from retention.domain.events import NEVER, Absent, event, openings, with_openings
from retention.domain.items import OVERRIDE, Item, Reading, Standing, Start, things
from retention.domain.periods import ONE_DAY, cutoff
from retention.domain.predicates import (
    FALSE,
    TRUE,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Recorded,
    conjunction,
    disjunction,
    negation,
)
from retention.domain.rules import Absence, Ceiling, Condition, Ground, Kind, RuleSet, Status, Trigger, comparable


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger tells of one event: nothing (None), or how it stands and whether it is behind the cutoff.

    still_open  it has a day, and is open too
    day         its day, where a day that the row tells is held against it
    """

    standing: Standing | None
    passed: bool = False
    still_open: bool = False
    day: date | None = None


@dataclass(frozen=True, slots=True)
class ThingVerdict:
    """One rule, one thing: each event that the ledger is asked, and whether one of `ends_on` has ended it.

    ending  days on which something ended it that ends what was, if the row does not say that it began later
    began   when it began, where the row itself may say that something ended what was
    """

    told: tuple[tuple[str, Told], ...]
    ended_before_today: bool
    ended_today: bool
    ending: tuple[date, ...] = ()
    began: Start | None = None


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule: its conditions on facts that the item does not tell (None: unknown), and every thing it is about."""

    facts: tuple[tuple[str, bool | None], ...]
    things: frozenset[ThingVerdict]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that matters today of what the ledger and the organisation know of one subject."""

    grounds: tuple[RuleVerdict, ...]
    ceilings: tuple[RuleVerdict, ...]


def verdicts(
    item: Item, rules: RuleSet, today: date, own_events: frozenset[str], own_facts: frozenset[str]
) -> Verdicts:
    """Reduce what is known beside the item itself to what matters today. Raises RuleError for an unknown event."""
    return Verdicts(
        tuple(
            _verdict(item, rules, today, ground, _ends_on(ground), ground.purpose, own_events, own_facts)
            for ground in rules.grounds
        ),
        tuple(_verdict(item, rules, today, ceiling, (), "", own_events, own_facts) for ceiling in rules.ceilings),
    )


def _ends_on(ground: Ground) -> tuple[str, ...]:
    return (*ground.ends_on, "consent_withdrawn") if ground.kind is Kind.CONSENT else ground.ends_on


def _starts(rule: Ground | Ceiling) -> tuple[str, ...]:
    """The events with which it begins: its trigger's, and a consent's."""
    consent = ("consent_given",) if isinstance(rule, Ground) and rule.kind is Kind.CONSENT else ()
    return (*rule.trigger.events, *consent)


def _names(rule: Ground | Ceiling) -> tuple[str, ...]:
    """The events whose standing the rule reads: with which it begins, and those that open them."""
    return with_openings(_starts(rule))


def last_passing(rule: Ground | Ceiling, rules: RuleSet, today: date) -> date | None:
    """The last day on which a rule can have started whose period has passed; None: none can, or it has no period."""
    if rule.period is None:
        return None
    return cutoff(today, rule.period, rule.rounding, rules.financial_years)


def _verdict(
    item: Item,
    rules: RuleSet,
    today: date,
    rule: Ground | Ceiling,
    ends_on: tuple[str, ...],
    purpose: str,
    own_events: frozenset[str],
    own_facts: frozenset[str],
) -> RuleVerdict:
    asking = _names(rule)
    names = [name for name in asking if name not in own_events]
    ends = [name for name in ends_on if name not in own_events]
    limit = last_passing(rule, rules, today)
    starts = _starts(rule)
    beginning = frozenset(with_openings(name for name in starts if not event(name).is_mark))
    of_what_was = [name for name in ends if event(name).ends_what_was and own_events & beginning]
    own_ends = any(event(name).ends_what_was for name in ends_on if name in own_events)
    found = set()
    for thing in things(item, [name for name in (*asking, *ends_on) if name not in own_events]):
        reading = Reading(item, today, rules.first_plausible_day, purpose, thing)
        told = []
        for name in names:
            start = reading.told(name)
            passed = start is not None and start.day is not None and limit is not None and start.day <= limit
            still_open = start is not None and start.standing is Standing.DAY and reading.is_open(name)
            told.append((name, Told(None if start is None else start.standing, passed, still_open)))
        ending = _last_days(reading.endings(of_what_was), today)
        if ending:
            told = [(name, replace(one, day=_day(reading, name)) if name in beginning else one) for name, one in told]
        ended = reading.ended_on([name for name in ends if name not in of_what_was], starts)
        began = reading.began(starts, own_events) if own_ends else None
        found.add(ThingVerdict(tuple(told), ended is not None and ended < today, ended == today, ending, began))
    facts = tuple(
        (condition.fact, _answer(item, condition)) for condition in rule.conditions if condition.fact not in own_facts
    )
    return RuleVerdict(facts, frozenset(found))


def without_beginnings(verdict: Verdicts) -> Verdicts:
    """What `attention` is made from: the day on which a person's began would make a question of each start day."""
    grounds = (
        replace(rule, things=frozenset(replace(thing, began=None) for thing in rule.things)) for rule in verdict.grounds
    )
    return replace(verdict, grounds=tuple(grounds))


def _last_days(endings: Sequence[tuple[str, date]], today: date) -> tuple[date, ...]:
    """The last day before today, and today: what a later day does not end, no earlier one does."""
    days = {day for _, day in endings}
    before = max((day for day in days if day < today), default=None)
    return (*([] if before is None else [before]), *([today] if today in days else []))


def _day(reading: Reading, name: str) -> date | None:
    start = reading.told(name)
    return None if start is None else start.day


def _answer(item: Item, condition: Condition) -> bool | None:
    told = item.facts.get(condition.fact)
    return None if told is None or not comparable(told, condition.value) else told == condition.value


@dataclass(frozen=True, slots=True)
class _Start:
    """How a start stands: day, awaited, missing or none (it does not apply) exclude one another; passed is a day."""

    day: Expression = FALSE
    passed: Expression = FALSE
    awaited: Expression = FALSE
    missing: Expression = FALSE
    none: Expression = FALSE


_FIXED = {
    Standing.AWAITED: _Start(awaited=TRUE),
    Standing.MISSING: _Start(missing=TRUE),
    Standing.NOT_APPLICABLE: _Start(none=TRUE),
}


@dataclass(frozen=True, slots=True)
class _Lies:
    """An event's day held against another: it has one, which is later; or it must have one and has none."""

    told: Expression
    later: Expression
    missing: Expression


@dataclass(frozen=True)
class _Compiler:
    """One rule on one day, for one thing that the ledger tells of."""

    rules: RuleSet
    today: date
    own_events: frozenset[str]
    has_closed: bool
    limit: date | None
    told: dict[str, Told]
    ends_what_was: bool | None = None

    def start(self, name: str, if_absent: Absence | None = None) -> _Start:
        if name in self.own_events:
            return self._own(name, if_absent)
        told = self.told[name]
        if told.standing is None:
            return self._absent(name, if_absent)
        if told.standing is Standing.DAY and told.still_open:
            absent = self._absent(name, if_absent)
            passed = conjunction([absent.none, Literal(told.passed)])
            return _Start(absent.none, passed, absent.awaited, absent.missing)
        if told.standing is Standing.DAY:
            return _Start(day=TRUE, passed=Literal(told.passed))
        return _FIXED[told.standing]

    def _own(self, name: str, if_absent: Absence | None) -> _Start:
        entry = event(name)
        day = self.plausible(name, NEVER - ONE_DAY if entry.may_lie_ahead else self.today)
        passed = FALSE if self.limit is None else self.plausible(name, self.limit)
        if entry.absent is Absent.MISSING:
            return _Start(day, passed, missing=negation(day))
        unset = self._unset(name)
        absent = self._absent(name, if_absent)
        awaited = conjunction([unset, absent.awaited])
        none = conjunction([unset, absent.none])
        return _Start(day, passed, awaited, negation(disjunction([day, awaited, none])), none)

    def plausible(self, name: str, latest: date) -> Expression:
        """The item's own date of the event is real and no later than `latest`."""
        entry = event(name)
        ceiling = min(latest, NEVER - ONE_DAY if entry.may_lie_ahead else self.today)
        if ceiling < self.rules.first_plausible_day:
            return FALSE
        return conjunction([AtLeast(name, self.rules.first_plausible_day), AtMost(name, ceiling)])

    def _absent(self, name: str, if_absent: Absence | None) -> _Start:
        if if_absent is not None:
            return _FIXED[OVERRIDE[if_absent]]
        entry = event(name)
        if entry.absent is Absent.MISSING:
            return _FIXED[Standing.MISSING]
        if entry.absent is Absent.OPTIONAL:
            return _FIXED[Standing.NOT_APPLICABLE]
        opening = self.start(entry.opened_by)
        return _Start(awaited=disjunction([opening.day, opening.awaited]), missing=opening.missing, none=opening.none)

    def trigger(self, trigger: Trigger, if_absent: Absence | None) -> _Start:
        starts = [self.start(name, if_absent) for name in trigger.events]
        if trigger.choose == "only":
            return starts[0]
        any_day = disjunction(start.day for start in starts)
        any_missing = disjunction(start.missing for start in starts)
        any_awaited = disjunction(start.awaited for start in starts)
        none = conjunction(start.none for start in starts)
        if trigger.choose == "earliest_of":
            missing = conjunction([negation(any_day), any_missing])
            awaited = conjunction([negation(any_day), negation(any_missing), any_awaited])
            return _Start(any_day, disjunction(start.passed for start in starts), awaited, missing, none)
        awaited = conjunction([negation(any_missing), any_awaited])
        day = conjunction([negation(any_missing), negation(any_awaited), any_day])
        each = [disjunction([start.none, start.passed]) for start in starts]
        return _Start(day, conjunction([day, *each]), awaited, any_missing, none)

    def ended(self, rule: Ground, thing: ThingVerdict, latest: date) -> Expression:
        """One of the item's own events had ended it by `latest`, or one of the ledger's that ends what was."""
        ended = []
        for name in _ends_on(rule):
            if name in self.own_events:
                ended.append(conjunction([self.plausible(name, latest), self._after_its_start(name, thing)]))
        for day in thing.ending:
            if day <= latest:
                starts = [name for name in _starts(rule) if not event(name).is_mark]
                ended.append(conjunction(self._began_by(name, day) for name in starts))
        return disjunction(ended)

    def _after_its_start(self, name: str, thing: ThingVerdict) -> Expression:
        if not event(name).ends_what_was:
            return TRUE
        if self.ends_what_was is not None:
            return Literal(self.ends_what_was)
        if thing.began is None:
            return TRUE
        return FALSE if thing.began.day is None else AtLeast(name, thing.began.day)

    def _began_by(self, name: str, day: date) -> Expression:
        """What an event starts had begun by that day; without a day that tells of it, nothing of it is known to be."""
        opened = [self._lies(one, day) for one in openings(name)]
        opened_once = disjunction(one.told for one in opened)
        mine = self._lies(name, day)
        still_open = name not in self.own_events and self.told[name].still_open
        by_itself = conjunction([mine.told, negation(mine.later), Literal(not still_open)])
        untold = negation(disjunction([mine.told, mine.missing, *(one.missing for one in opened)]))
        return disjunction(
            [
                conjunction([opened_once, negation(disjunction(one.later for one in opened))]),
                conjunction([negation(opened_once), disjunction([by_itself, untold])]),
            ]
        )

    def _lies(self, name: str, day: date) -> _Lies:
        if name not in self.own_events:
            told = self.told[name]
            is_later = told.day is not None and told.day > day
            return _Lies(Literal(told.day is not None), Literal(is_later), Literal(told.standing is Standing.MISSING))
        there = self.plausible(name, NEVER - ONE_DAY)
        later = conjunction([there, AtLeast(name, day + ONE_DAY)])
        return _Lies(there, later, negation(disjunction([there, self._unset(name)])))

    def _unset(self, name: str) -> Expression:
        """The item's own column says that it has not happened."""
        absent = event(name).absent
        if absent is Absent.MISSING:
            return FALSE
        if absent is Absent.OPTIONAL:
            return negation(Recorded(name))
        not_closed = negation(Closed()) if self.has_closed else TRUE
        return conjunction([disjunction([negation(Recorded(name)), AtLeast(name, NEVER)]), not_closed])


@dataclass(frozen=True, slots=True)
class _Class:
    """What a ground comes to, as expressions that exclude one another; the rest is still running."""

    not_counting: Expression
    undecided: Expression
    missing: Expression
    ended: Expression


def _conditions(
    conditions: Sequence[Condition], verdict: RuleVerdict, own_facts: frozenset[str]
) -> tuple[Expression, Expression]:
    """(known to be false, unknown) of a rule's conditions: of several, one false decides."""
    elsewhere = dict(verdict.facts)
    false, unknown = [], []
    for condition in conditions:
        if condition.fact in own_facts:
            known, same = FactKnown(condition.fact), FactIs(condition.fact, condition.value)
            false.append(conjunction([known, negation(same)]))
            unknown.append(negation(known))
        else:
            answer = elsewhere[condition.fact]
            false.append(Literal(answer is False))
            unknown.append(Literal(answer is None))
    any_false = disjunction(false)
    return any_false, conjunction([negation(any_false), disjunction(unknown)])


@dataclass(frozen=True)
class _Question:
    """Everything that one expression is made from.

    ends_what_was  whether the row's own request ends a ground, whenever that began; None: as it began
    """

    rules: RuleSet
    verdicts: Verdicts
    today: date
    own_events: frozenset[str]
    own_facts: frozenset[str]
    has_closed: bool
    ends_what_was: bool | None = None

    def compilers(self, rule: Ground | Ceiling, verdict: RuleVerdict) -> list[tuple[_Compiler, ThingVerdict]]:
        limit = last_passing(rule, self.rules, self.today)
        return [(self._compiler(limit, dict(thing.told)), thing) for thing in sorted(verdict.things, key=repr)]

    def _compiler(self, limit: date | None, told: dict[str, Told]) -> _Compiler:
        return _Compiler(self.rules, self.today, self.own_events, self.has_closed, limit, told, self.ends_what_was)

    def ground(self, rule: Ground, verdict: RuleVerdict) -> _Class:
        false, unknown = _conditions(rule.conditions, verdict, self.own_facts)
        parts = [self._part(rule, compiler, thing) for compiler, thing in self.compilers(rule, verdict)]
        counted = conjunction([negation(false), negation(unknown)])
        missing = disjunction(part.missing for part in parts)
        undecided = conjunction([negation(missing), disjunction(part.undecided for part in parts)])
        nothing = conjunction(part.not_counting for part in parts)
        each = conjunction(disjunction([part.not_counting, part.ended]) for part in parts)
        return _Class(
            disjunction([false, conjunction([counted, nothing])]),
            disjunction([unknown, conjunction([counted, undecided])]),
            conjunction([counted, missing]),
            conjunction([counted, negation(nothing), each]),
        )

    def _part(self, rule: Ground, compiler: _Compiler, thing: ThingVerdict) -> _Class:
        none: Expression = FALSE
        missing: Expression = FALSE
        if rule.kind is Kind.CONSENT:
            given = compiler.start("consent_given")
            none = given.none
            missing = disjunction([given.awaited, given.missing])
        if rule.status is not Status.CONFIRMED:
            return _Class(none, negation(none), FALSE, FALSE)
        start = compiler.trigger(rule.trigger, rule.if_absent)
        began = conjunction([negation(none), negation(missing), negation(start.none)])
        before = disjunction([Literal(thing.ended_before_today), compiler.ended(rule, thing, self.today - ONE_DAY)])
        by_today = disjunction([Literal(thing.ended_today), before, compiler.ended(rule, thing, self.today)])
        not_counting = disjunction([none, conjunction([negation(missing), start.none])])
        if rule.period is None:
            ahead = rule.review_by is not None and rule.review_by > self.today
            undecided = FALSE if ahead else conjunction([began, negation(by_today)])
            return _Class(not_counting, undecided, missing, conjunction([began, before]))
        return _Class(
            not_counting,
            FALSE,
            disjunction([missing, conjunction([began, start.missing, negation(by_today)])]),
            conjunction([began, disjunction([before, start.passed])]),
        )

    def ceiling(self, rule: Ceiling, verdict: RuleVerdict) -> tuple[Expression, Expression, Expression, Expression]:
        """(undecided, missing, started, passed)."""
        false, unknown = _conditions(rule.conditions, verdict, self.own_facts)
        if rule.status is not Status.CONFIRMED:
            return negation(false), FALSE, FALSE, FALSE
        counted = conjunction([negation(false), negation(unknown)])
        starts = [compiler.trigger(rule.trigger, rule.if_absent) for compiler, _ in self.compilers(rule, verdict)]
        missing = disjunction(start.missing for start in starts)
        awaited = disjunction(start.awaited for start in starts)
        started = conjunction([counted, negation(missing), negation(awaited), disjunction(s.day for s in starts)])
        each = conjunction(disjunction([start.none, start.passed]) for start in starts)
        return unknown, conjunction([counted, missing]), started, conjunction([started, each])


def due(
    rules: RuleSet,
    verdict: Verdicts,
    today: date,
    own_events: frozenset[str],
    own_facts: frozenset[str],
    has_closed: bool,
) -> Expression:
    """True of exactly the items that are due, or would be but for a hold."""
    return _due(_Question(rules, verdict, today, own_events, own_facts, has_closed))


def _due(question: _Question) -> Expression:
    rules, ceilings = question.rules, _ceilings(question)
    settled = [negation(disjunction([undecided, missing])) for _, undecided, missing, _, _ in ceilings]
    if not rules.grounds and not rules.no_reason_to_keep:
        passed = [passed for rule, _, _, _, passed in ceilings if rule.yields_to != "any_basis"]
        return conjunction([*settled, disjunction(passed)])
    ended = []
    for rule, rule_verdict in zip(rules.grounds, question.verdicts.grounds, strict=True):
        ground = question.ground(rule, rule_verdict)
        over = ground.ended if rules.is_step else disjunction([ground.not_counting, ground.ended])
        if rule.kind is not Kind.OBLIGATION:
            over = disjunction([over, *(passed for ceiling, _, _, _, passed in ceilings if ceiling.cuts(rule.kind))])
        ended.append(over)
    return conjunction([*settled, *ended])


def attention(
    rules: RuleSet,
    verdict: Verdicts,
    today: date,
    own_events: frozenset[str],
    own_facts: frozenset[str],
    has_closed: bool,
) -> Expression:
    """True of every item that is neither open nor kept; may be true of others.

    It is the same for `verdict` and for what is left of it `without_beginnings`: a request in the row's own column may
    have ended what began on any day, and may have ended nothing.
    """
    verdict = without_beginnings(verdict)
    question = _Question(rules, verdict, today, own_events, own_facts, has_closed, ends_what_was=False)
    ceilings = _ceilings(question)
    if not rules.grounds and not rules.no_reason_to_keep:
        return TRUE
    asking = [_due(replace(question, ends_what_was=True))]
    for _, undecided, missing, _, _ in ceilings:
        asking += [undecided, missing]
    for rule, rule_verdict in zip(rules.grounds, verdict.grounds, strict=True):
        ground = question.ground(rule, rule_verdict)
        asking += [ground.undecided, ground.missing]
        if rule.kind is Kind.OBLIGATION:
            running = negation(disjunction([ground.not_counting, ground.undecided, ground.missing, ground.ended]))
            asking += [
                conjunction([running, started]) for ceiling, _, _, started, _ in ceilings if ceiling.cuts(rule.kind)
            ]
    return disjunction(asking)


def _ceilings(
    question: _Question,
) -> list[tuple[Ceiling, Expression, Expression, Expression, Expression]]:
    """(rule, undecided, missing, started, passed) of every ceiling."""
    return [
        (rule, *question.ceiling(rule, verdict))
        for rule, verdict in zip(question.rules.ceilings, question.verdicts.ceilings, strict=True)
    ]
