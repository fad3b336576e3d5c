"""What the independent reader can know of items without reading each: those of one person that are decided alike.

A dataset's items fall into *patterns*, told from their own dates by this module's own reasoning: the one start that
stands in the row lies so late that its period cannot have passed, or has not come yet. Within a pattern a person's
items are decided alike, whatever their days, so `decide` is asked once for an item made up with a day of today; and
people of whom the rules see the same are asked about together. Whatever fits no pattern, and every item of a person
with whom something is due, held or strange, is read as it is. Nothing of this knows what the evaluation compiles.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, islice
from operator import attrgetter

from retention.connectors.contract import Candidate, Crowd, Ref, TellsCrowds
from retention.domain.decisions import Decision, Item, State
from retention.domain.events import CATALOGUE, NEVER, Absent, asked, event
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import ONE_DAY, cutoff
from retention.domain.predicates import (
    FALSE,
    TRUE,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    Recorded,
    conjunction,
    disjunction,
    is_false,
    negation,
)
from retention.domain.rules import Grain, Ground, Kind, RuleSet
from retention.ledger_reader import KNOWN, WITH_CONTRACTS
from retention.plan import DatasetPlan

ALIKE = 20_000
"""So many sorts of people are remembered at once."""

READ = frozenset({State.DUE, State.HELD})
"""Of these it matters which items they are."""


@dataclass(frozen=True)
class Pattern:
    """Items whose own dates say the same of the rules: what a register is asked, and the dates of one made up."""

    where: Expression
    events: Mapping[str, date | None]

    @property
    def dated(self) -> bool:
        """Whether each such item has a day of its own."""
        return any(day is not None for day in self.events.values())


def patterns(dataset: DatasetPlan, today: date) -> tuple[Pattern, ...]:
    """The patterns of a dataset's items, which exclude each other; none where only reading each can tell."""
    rules, mapping = dataset.rules, dataset.mapping
    if mapping is None or rules.follows:
        return ()
    own = frozenset(mapping.events)
    if rules.facts & set(mapping.facts) or asked(rules.events) & own & CONTRACT_EVENTS:
        return ()
    here = [ground for ground in rules.grounds if _asks(ground) & own]
    ceilings = asked({name for ceiling in rules.ceilings for name in ceiling.trigger.events})
    if not here and not ceilings & own:
        return (Pattern(TRUE, {}),)  # the rules ask nothing of the row
    if len(here) != 1 or rules.ceilings or not _keeps_alone(here[0], own):
        return ()
    found = (_running(here[0], rules, today), _not_yet(here[0], rules, today, own, mapping.closed is not None))
    return tuple(pattern for pattern in found if pattern is not None and not is_false(pattern.where))


def _asks(ground: Ground) -> frozenset[str]:
    consent = ("consent_given", "consent_withdrawn") if ground.kind is Kind.CONSENT else ()
    return asked({*ground.trigger.events, *ground.ends_on, *consent})


def _keeps_alone(ground: Ground, own: frozenset[str]) -> bool:
    """Whether of the row one date alone says that it keeps; status and conditions are the same for all a person has."""
    (first, *more) = ground.trigger.events
    return (
        not more
        and first in own
        and ground.kind is not Kind.CONSENT
        and ground.period is not None
        and not asked(ground.ends_on) & own
        and not any(event(name).ends_what_was for name in ground.ends_on)
    )


def _running(ground: Ground, rules: RuleSet, today: date) -> Pattern | None:
    """Its start lies so late that its period has not passed."""
    (name,) = ground.trigger.events
    if ground.period is None:
        return None
    passed = cutoff(today, ground.period, ground.rounding, rules.financial_years)
    first = rules.first_plausible_day if passed is None else max(passed + ONE_DAY, rules.first_plausible_day)
    return Pattern(_within(name, first, today), {name: today})


def _not_yet(ground: Ground, rules: RuleSet, today: date, own: frozenset[str], has_closed: bool) -> Pattern | None:
    """Its start has not come: nothing stands there, and what opens it is told by the row or by the ledger."""
    (name,) = ground.trigger.events
    entry = event(name)
    if entry.absent is not Absent.AWAITED or ground.if_absent is not None or event(entry.opened_by).opened_by:
        return None
    unset = disjunction([negation(Recorded(name)), AtLeast(name, NEVER)])
    terms: list[Expression] = [unset, *([negation(Closed())] if has_closed else [])]
    events: dict[str, date | None] = {name: None}
    if entry.opened_by in own:
        if event(entry.opened_by).absent is not Absent.MISSING:
            return None
        terms.append(_within(entry.opened_by, rules.first_plausible_day, today))
        events[entry.opened_by] = today
    return Pattern(conjunction(terms), events)


def _within(name: str, first: date, today: date) -> Expression:
    last = NEVER - ONE_DAY if event(name).may_lie_ahead else today
    return conjunction([AtLeast(name, first), AtMost(name, last)]) if first <= last else FALSE


def all_dated(found: Sequence[Pattern]) -> bool:
    """Whether no item of these patterns is without a day of its own."""
    return all(pattern.dated for pattern in found)


Join = Callable[[Candidate, Item | None], Item]
Decide = Callable[[Item], Decision]


@dataclass
class Survey:
    """The crowds of one dataset: what was found without reading, and whom to read.

    known     what the ledger knows of these numbers
    join      an item with what is known of its person
    """

    dataset: DatasetPlan
    today: date
    found: tuple[Pattern, ...]
    known: Callable[[Sequence[str]], Mapping[str, Item]]
    join: Join
    decide: Decide
    batch: int
    counts: Counter[State] = field(default_factory=Counter)
    oldest_end: date | None = None
    _states: dict[Hashable, tuple[State, ...]] = field(default_factory=dict)

    @property
    def surveyed(self) -> Expression:
        """The items that have a pattern."""
        return disjunction(pattern.where for pattern in self.found)

    def readable(self) -> bool:
        """Whether whom to read can be said by number: what is nobody's and due has none."""
        return not any(state in READ for state in self._decided(None, None, None))

    def whom_to_read(self, connector: TellsCrowds) -> Iterator[list[str]]:
        """Numbers, a batch at a time, of people whose items in a pattern must be read; the others' are counted."""
        mapping = self.dataset.mapping
        if mapping is None:
            return
        asking = [pattern.where for pattern in self.found]
        if not all_dated(self.found):
            nothing_own = conjunction(negation(Recorded(name)) for name in mapping.events)
            asking.append(conjunction([self.surveyed, nothing_own]))
        people = groupby(connector.crowds(mapping, asking), key=attrgetter("subject"))
        stream = ((subject, list(crowds)) for subject, crowds in people)
        plain = self._plain()
        while batch := list(islice(stream, self.batch)):
            known = self.known([subject for subject, _ in batch if subject is not None])
            to_read = []
            alike: dict[int, list[tuple[int, ...]]] = {one: [] for one in plain}
            for subject, crowds in batch:
                item = known.get(subject or "")
                if id(item) in plain:
                    alike[id(item)] += [crowd.matching for crowd in crowds]
                elif not self._counted(subject, crowds, item) and subject is not None:
                    to_read.append(subject)
            for one, matching in alike.items():
                for state, items in zip(plain[one], map(sum, zip(*matching, strict=True)), strict=False):
                    self.counts[state] += items
            if to_read:
                yield to_read

    def _plain(self) -> dict[int, tuple[State, ...]]:
        """Of the two items that stand for people of whom the rules ask nothing: the states, where none must be read.

        By identity; these people are most of all, and are counted without a look at each.
        """
        found = ((id(item), self._decided(None, None, item)) for item in (KNOWN, WITH_CONTRACTS))
        return {one: states for one, states in found if not READ & {*states}}

    def _counted(self, subject: str | None, crowds: Sequence[Crowd], known: Item | None) -> bool:
        """Whether a person's items were counted; else they must be read."""
        mine = []
        for crowd in crowds:
            for state, items in zip(self._decided(subject, crowd.contract, known), crowd.matching, strict=False):
                if items and (state in READ or self._strange(subject, state, known)):
                    return False
                mine.append((state, items))
        for state, items in mine:
            self.counts[state] += items
        if not self._dated:
            self._ended(crowds, known)
        return True

    def _strange(self, subject: str | None, state: State, known: Item | None) -> bool:
        """Nobody knows its person: it may be back, and its own dates tell."""
        return self._lasting and bool(subject) and known is None and state is State.TRIGGER_MISSING

    def _ended(self, crowds: Sequence[Crowd], known: Item | None) -> None:
        """Of items without a day of their own, the earliest end of a contract."""
        if known is None:
            return
        first, refs = self.dataset.rules.first_plausible_day, {contract.ref for contract in known.contracts}
        if any(crowd.matching[-1] and (not self._by_contract or crowd.contract in refs) for crowd in crowds):
            ends = [one.ended for one in known.contracts if one.ended is not None and first <= one.ended <= self.today]
            self.oldest_end = min([*ends, *([self.oldest_end] if self.oldest_end else [])], default=None)

    def _decided(self, subject: str | None, contract: str | None, known: Item | None) -> tuple[State, ...]:
        """The state of an item of each pattern."""
        sort = self._sort(contract, known)
        if sort not in self._states:
            if len(self._states) >= ALIKE:
                self._states.clear()
            made_up = (Candidate(Ref("", subject), contract, pattern.events) for pattern in self.found)
            self._states[sort] = tuple(self.decide(self.join(one, known)).state for one in made_up)
        return self._states[sort]

    def _sort(self, contract: str | None, known: Item | None) -> Hashable:
        """What the rules see of a person: equal for two of whom they must say the same."""
        if known is None or known is KNOWN or known is WITH_CONTRACTS:
            return id(known)
        refs = {one.ref for one in known.contracts}
        events = tuple((name, known.events[name]) for name in sorted(known.events) if name in self._events)
        facts = tuple((name, known.facts[name]) for name in sorted(known.facts) if name in self._facts)
        ours: frozenset[Hashable] = frozenset()
        if self._asks_contracts:
            mine = (one for one in known.contracts if contract in (None, one.ref))
            ours = frozenset((self._began(one.started), self._lies(one.ended), one.closed) for one in mine)
        still_open = tuple((name, known.still_open[name]) for name in sorted(known.still_open) if name in self._events)
        return bool(refs), contract in refs, contract if events else None, still_open, ours, events, facts

    def __post_init__(self) -> None:
        rules, mapping = self.dataset.rules, self.dataset.mapping
        self._events = asked(rules.events)
        self._facts = rules.facts
        self._asks_contracts = bool(self._events & CONTRACT_EVENTS)
        of_what_was = any(event(name).ends_what_was for name in rules.events)
        self._starts_count = of_what_was or "contract_started" in rules.events
        self._by_contract = self.dataset.grain is Grain.CONTRACT
        self._dated = all_dated(self.found)
        self._lasting = mapping is not None and any(CATALOGUE[name].absent is Absent.MISSING for name in mapping.events)
        edges = {rules.first_plausible_day, NEVER, self.today, self.today + ONE_DAY}
        for ground in rules.grounds:
            if ground.period is not None:
                last = cutoff(self.today, ground.period, ground.rounding, rules.financial_years)
                edges |= {last + ONE_DAY} if last is not None else set()
        self._edges = sorted(edges)

    def _lies(self, day: date | None) -> Hashable:
        """Between which edges a contract's end lies; where ceilings meet grounds, days are compared with each other."""
        if day is None or self.dataset.rules.ceilings:
            return day
        return bisect_right(self._edges, day)

    def _began(self, day: date | None) -> Hashable:
        """Of a start, whether it can be one; its day only where a rule starts on it or something ends what was."""
        if day is None or self._starts_count:
            return day
        return self.dataset.rules.first_plausible_day <= day < NEVER
