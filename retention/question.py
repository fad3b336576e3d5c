"""One dataset's rules on one day, as a question that can be asked of a register, of everybody or of some people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Protocol
from zlib import crc32

from retention.connectors.contract import Candidate, Connector, DatasetMapping
from retention.domain import compiled
from retention.domain.compiled import Verdicts
from retention.domain.decisions import Decision, Item
from retention.domain.errors import RuleError
from retention.domain.events import asked
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.leaves import basis
from retention.domain.predicates import TRUE, Expression, conjunction, disjunction
from retention.domain.returned import own_part
from retention.domain.rules import Grain, Hold
from retention.domain.sight import Sight
from retention.holds import epoch_of, on
from retention.ledger import EVERYBODY, Known, Span, known_to_ledger
from retention.lot_keys import LotKey
from retention.plan import DatasetPlan, Plan
from retention.substitutes import Filler, still_a_gap
from ropa.models import Organisation

BATCH = 10_000
"""Keys asked of a register, or of our own tables, at once."""

ALIKE = 20_000
"""So many sorts of people are remembered at once."""

Scope = tuple[str, str | None]
"""A subject's number, and the contract where the dataset's grain is the contract."""


class Follower(Protocol):
    """What decides about items that follow others (`retention.following`)."""

    def examine(
        self, connector: Connector, holds: Mapping[str, Sequence[Hold]]
    ) -> Iterator[tuple[Candidate, Decision]]: ...

    def stale(
        self, connector: Connector, entries: Sequence[LotKey], holds: Mapping[str, Sequence[Hold]]
    ) -> frozenset[str]: ...


class Sources(Protocol):
    """The sources of truth, to be asked again just before something goes (`retention.recollection`)."""

    def ask(self, subject_kind: str, wanted: Collection[str], subjects: Sequence[str]) -> None: ...


@dataclass
class Memo:
    """What was decided of one dataset's items, and how the evidence tells it: many items are decided alike."""

    decisions: dict[Hashable, Decision] = field(default_factory=dict)
    bases: dict[int, tuple[Decision, str]] = field(default_factory=dict)
    """By the decision's identity; the decision is kept, so that its identity stays its own."""

    def decided(self, alike: Hashable, decide: Callable[[], Decision]) -> Decision:
        """The decision of all who are alike; `decide` is asked once."""
        found = self.decisions.get(alike)
        if found is None:
            if len(self.decisions) >= ALIKE:
                self.decisions.clear()
            found = self.decisions[alike] = decide()
        return found

    def basis(self, decision: Decision) -> str:
        """What the evidence says of it."""
        found = self.bases.get(id(decision))
        if found is None:
            if len(self.bases) >= ALIKE:
                self.bases.clear()
            found = self.bases[id(decision)] = decision, basis(decision)
        return found[1]


@dataclass
class Memory:
    """The memo of the dataset that was asked about last: a process has one for a night, so that parts share it."""

    about: Hashable = None
    memo: Memo = field(default_factory=Memo)
    held_about: Hashable = None
    held: Mapping[str, Sequence[Hold]] = field(default_factory=dict)

    def forget(self) -> None:
        """Remember nothing: what comes next asks nothing of it, and need not lie in memory beside it."""
        self.about, self.memo = None, Memo()
        self.held_about, self.held = None, {}

    def of(self, question: Question) -> Memo:
        """The memo, or a new one where other rules, another day or other sources of the ledger decide."""
        dataset = question.dataset
        about = (question.plan.digest, dataset.code, dataset.rules_digest, question.today, question.told)
        if about != self.about:
            self.about, self.memo = about, Memo()  # whoever is at the former one goes on with it
        return self.memo

    def holds(self, question: Question) -> Mapping[str, Sequence[Hold]]:
        """Every hold on a dataset, read anew when one was placed since: tens of thousands of people may be held."""
        epoch = epoch_of(question.organisation)  # before they are read: one that comes meanwhile counts as unread
        about = (question.plan.digest, question.dataset.code, epoch)
        if about != self.held_about:
            self.held, self.held_about = question.holds(), about
        return self.held


@dataclass(frozen=True)
class Question:
    """One dataset's rules on one day, ready to be asked again for any subject. `follower`: of one that follows.

    `span`: whose items are asked for, of everybody whom the ledger knows; of whom it does not know, whose hash leaves
    the first of `share` when divided by the second.

    `sources`: asked before the ledger when it is asked again; without them it says what was collected.
    `estimated`: asked again only of items that are due by these campaigns' substitutes for a date that is missing.
    """

    organisation: Organisation
    plan: Plan
    dataset: DatasetPlan
    today: date
    follower: Follower | None = None
    estimated: tuple[int, ...] = ()
    sources: Sources | None = None
    span: Span = EVERYBODY
    share: tuple[int, int] = (0, 1)
    memory: Memory = field(default_factory=Memory, compare=False)

    @cached_property
    def filler(self) -> Filler:
        return Filler(self.organisation, self.dataset, self.today)

    @cached_property
    def own_gaps(self) -> Expression:
        """True of every item that a substitute may be meant for, as far as its own columns say."""
        first = self.dataset.rules.first_plausible_day
        own = [one for one in self.dataset.substitutes if one.event in self.own_events]
        return disjunction(still_a_gap(one, first, self.today) for one in own)

    def may_be_filled(self, scope: Scope, known: Known) -> bool:
        """Whether the ledger itself has a gap of a person that a substitute may be meant for."""
        if not self.dataset.substitutes:
            return False
        return bool(self.filler.open(self.item(scope, known), known=True, but=self.own_events))

    @cached_property
    def mapping(self) -> DatasetMapping:
        if self.dataset.mapping is None:
            raise RuleError("has no mapping: it is not reached by us", self.dataset.code)
        return self.dataset.mapping

    def holds(self, subjects: Collection[str | None] | None = None) -> Mapping[str, Sequence[Hold]]:
        """Every hold on the dataset as it is now, on what it follows, and on what goes with them: held when any is.

        With `subjects` only what concerns them, unless what it follows may be other people's.
        """
        wanted = None if self.dataset.rules.follows else subjects
        followed = (self.plan.find_dataset(follow.dataset) for follow in self.dataset.rules.follows)
        return on(self.organisation, self.plan, self.dataset, *(one for one in followed if one), subjects=wanted)

    @cached_property
    def own_events(self) -> frozenset[str]:
        return frozenset(self.mapping.events)

    @cached_property
    def own_facts(self) -> frozenset[str]:
        return frozenset(self.mapping.facts)

    @cached_property
    def ledger_events(self) -> frozenset[str]:
        """The events that the rules name and only the ledger can tell."""
        return self.dataset.rules.events - self.own_events

    @cached_property
    def opening_events(self) -> frozenset[str]:
        """Events that no rule names, but that say how the absence of a named one reads."""
        return asked(self.dataset.rules.events) - self.ledger_events - self.own_events

    @cached_property
    def standing_in(self) -> frozenset[str]:
        """Events of the ledger whose day stands in for a date that is missing."""
        return frozenset(one.by for one in self.dataset.substitutes if one.by) - self.own_events

    @cached_property
    def told(self) -> frozenset[str]:
        """What a source of the ledger is declared to tell of such subjects; of the rest, absence says nothing (V5)."""
        return self.plan.told(self.dataset.subject_kind)

    @cached_property
    def contract_grain(self) -> bool:
        return self.dataset.grain is Grain.CONTRACT

    @cached_property
    def asks_ledger(self) -> bool:
        """Whether the rules need anything that the item itself and the organisation's facts do not say."""
        facts = self.dataset.rules.facts - self.own_facts - set(self.plan.organisation.facts)
        events = self.ledger_events | (self.opening_events & self.told) | self.standing_in
        return self.mapping.subject is not None and bool(events or facts)

    @cached_property
    def wanted(self) -> frozenset[str]:
        """Events and facts that only the ledger can tell, those that say how an absence reads, and what stands in."""
        facts = self.dataset.rules.facts - self.own_facts
        return self.ledger_events | self.opening_events | facts | self.standing_in

    def recollect(self, subjects: Iterable[str]) -> None:
        """Have the ledger say of these subjects what its sources say now (D1). Raises ConnectorError."""
        if self.sources is not None:
            wanted = self.wanted if self.asks_ledger else frozenset()
            self.sources.ask(self.dataset.subject_kind, wanted, sorted(set(subjects)))

    @cached_property
    def stranger(self) -> Item:
        """Someone the ledger does not know: what only it could tell is missing, never absent (V5)."""
        unknown = self.ledger_events | self.opening_events
        return Item(events=dict.fromkeys(unknown), facts=dict(self.plan.organisation.facts))

    def verdicts(self, item: Item) -> Verdicts:
        return compiled.verdicts(item, self.dataset.rules, self.today, self.own_events, self.own_facts)

    def attention(self, verdicts: Verdicts) -> Expression:
        """True of every item whose state is neither open nor keep; may be true of others."""
        return compiled.attention(
            self.dataset.rules, verdicts, self.today, self.own_events, self.own_facts, self.mapping.closed is not None
        )

    def due(self, verdicts: Verdicts) -> Expression:
        """True of exactly the items that are due or held."""
        return compiled.due(
            self.dataset.rules, verdicts, self.today, self.own_events, self.own_facts, self.mapping.closed is not None
        )

    @cached_property
    def due_again(self) -> Expression:
        """True of what came back and goes again, though nobody knows its person: its own columns keep it no longer."""
        facts = self.own_facts | set(self.plan.organisation.facts)
        rules = own_part(self.dataset.rules, self.own_events, facts)
        verdicts = compiled.verdicts(self.stranger, rules, self.today, self.own_events, self.own_facts)
        has_closed = self.mapping.closed is not None
        return compiled.due(rules, verdicts, self.today, self.own_events, self.own_facts, has_closed)

    def items(self, subjects: Sequence[str] | None = None) -> Iterator[tuple[Scope, Item]]:
        """What the ledger knows: one item per subject, or per contract where that is the grain."""
        for scope, known in self.scopes(subjects):
            yield scope, self.item(scope, known)

    def scopes(self, subjects: Sequence[str] | None = None) -> Iterator[tuple[Scope, Known]]:
        """The same, as the ledger's rows have it; of a contract all that is known of its subject."""
        for subject, known in known_to_ledger(self.organisation, self.dataset.subject_kind, subjects, self.span):
            if not self.contract_grain:
                yield (subject, None), known
                continue
            for ref, *_ in known.contracts:
                yield (subject, ref), known

    @cached_property
    def untold(self) -> frozenset[str]:
        """Events that only the ledger could tell, and that no source of it is declared to tell."""
        return (self.ledger_events | self.opening_events) - self.told

    @property
    def can_be_shared(self) -> bool:
        """Whether it is asked by the ledger's numbers, so that several may ask it, each for a span of them."""
        return self.asks_ledger and not self.dataset.rules.follows

    def is_ours(self, subject: str | None) -> bool:
        """Of whom the ledger does not know: whether the item is in our share."""
        mine, of = self.share
        return of == 1 or crc32((subject or "").encode()) % of == mine

    def item(self, scope: Scope, known: Known) -> Item:
        """What the ledger knows, as `decide` takes it: what nobody tells is missing, never absent (V5)."""
        item = known.item()
        unknown = self.untold - CONTRACT_EVENTS if item.contracts else self.untold
        return replace(
            item,
            events={**dict.fromkeys(unknown), **item.events},
            facts={**self.plan.organisation.facts, **item.facts},
            scope=scope[1],
        )

    @cached_property
    def sight(self) -> Sight:
        return Sight.of(self.dataset.rules, self.today, self.own_events)

    @cached_property
    def seen(self) -> dict[Hashable, Verdicts]:
        """Verdicts by what the rules see of a person: so many people, so few sorts of them."""
        return {}

    @cached_property
    def sorts(self) -> dict[Verdicts, Verdicts]:
        """Every sort of people once, so that two are of one sort where their verdicts are the same object."""
        return {}

    def verdicts_of(self, scope: Scope, known: Known) -> Verdicts:
        """The same as of the item, made only for the first of those who look alike; equal ones are one object."""
        look = self.sight.look(known.contracts, known.events, known.facts, scope[1], known.still_open)
        found = self.seen.get(look)
        if found is None:
            if len(self.seen) >= ALIKE:
                self.seen.clear()
            verdicts = self.verdicts(self.item(scope, known))
            found = self.seen[look] = self.sorts.setdefault(verdicts, verdicts)
        return found

    def asked_alike(self, verdicts: Verdicts) -> Verdicts:
        """One object for all verdicts of which the register is asked the same (`attention`)."""
        if not self.sight.each_day:
            return verdicts
        fewer = compiled.without_beginnings(verdicts)
        return self.sorts.setdefault(fewer, fewer)

    def exactly(self, scope: Scope, known: Known) -> Hashable:
        """Equal for people (and contracts) of whom `decide` reads the same, so that it is asked once."""
        return self.sight.exactly(known.contracts, known.events, known.facts, scope[1], known.still_open)

    def known(self, subjects: Iterable[str]) -> frozenset[str]:
        """Of these, whom the ledger knows at all."""
        wanted, kind = sorted(subjects), self.dataset.subject_kind
        return frozenset(
            subject
            for start in range(0, len(wanted), BATCH)
            for subject, _ in known_to_ledger(self.organisation, kind, wanted[start : start + BATCH])
        )

    def scope_of(self, candidate: Candidate) -> Scope:
        contract = candidate.contract if self.contract_grain else None
        return candidate.ref.subject or "", contract

    def still_due(self, scopes: Iterable[tuple[str | None, str | None]]) -> dict[Scope, Expression]:
        """Ask again: for each subject (and contract), under which condition its items are due now.

        Equal conditions are one object, so that what is due under one is sent together.
        """
        wanted = {(subject or "", contract if self.contract_grain else None) for subject, contract in scopes}
        self.recollect(subject for subject, _ in wanted if subject)
        if self.dataset.rules.follows:
            return dict.fromkeys(wanted, TRUE)  # what it follows is read again instead: `moved_on`
        if self.estimated:
            return self._still_due_by_substitute(wanted)
        if not self.asks_ledger:
            return dict.fromkeys(wanted, self.due(self.verdicts(self.stranger)))
        stranger = self.due(self.verdicts(self.stranger))
        found: dict[Scope, Expression] = dict.fromkeys(wanted, stranger)
        conditions: dict[int, Expression] = {}
        once: dict[Expression, Expression] = {}
        subjects = sorted({subject for subject, _ in wanted if subject})
        for start in range(0, len(subjects), BATCH):
            for scope, known in self.scopes(subjects[start : start + BATCH]):
                if scope in wanted:
                    verdicts = self.verdicts_of(scope, known)
                    condition = conditions.get(id(verdicts))
                    if condition is None:
                        due = self.due(verdicts)
                        condition = conditions[id(verdicts)] = once.setdefault(due, due)
                    found[scope] = condition
        return found

    def _still_due_by_substitute(self, wanted: set[Scope]) -> dict[Scope, Expression]:
        """The same of what is due by substitutes: their gaps in its own columns are still there, and all else is due.

        Whether a gap is of the group, and which day another event gives, no condition tells: `moved_on` reads it again.
        """
        mine = [one for one in self.dataset.substitutes if one.number in self.estimated]
        replaced = {one.event: one for one in mine if one.event in self.own_events}
        own, first = self.own_events - replaced.keys(), self.dataset.rules.first_plausible_day
        days = {name: one.day or first for name, one in replaced.items()}
        there = [still_a_gap(one, first, self.today) for one in replaced.values()]
        once: dict[Expression, Expression] = {}

        def condition(item: Item, known: bool) -> Expression:
            whole = self.filler.fill_meant(item, known)
            still_open = {name: told for name, told in whole.still_open.items() if name not in days}
            whole = replace(whole, events={**whole.events, **days}, still_open=still_open)
            verdicts = compiled.verdicts(whole, self.dataset.rules, self.today, own, self.own_facts)
            has_closed = self.mapping.closed is not None
            due = compiled.due(self.dataset.rules, verdicts, self.today, own, self.own_facts, has_closed)
            whole_condition = conjunction([due, *there])
            return once.setdefault(whole_condition, whole_condition)

        found: dict[Scope, Expression] = dict.fromkeys(wanted, condition(self.stranger, False))
        subjects = sorted({subject for subject, _ in wanted if subject}) if self.asks_ledger else []
        for start in range(0, len(subjects), BATCH):
            for scope, item in self.items(subjects[start : start + BATCH]):
                if scope in wanted:
                    found[scope] = condition(item, True)
        return found
