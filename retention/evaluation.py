"""What is due tonight: the compiled question, asked of one register and joined with what the ledger knows.

Set-based (V4): the ledger's knowledge of each subject is reduced to verdicts, equal verdicts share one
expression, and the register is asked with it in batches of keys. What comes back is few, and is decided
once per distinct set of dates and facts. Nothing is asked of subjects whose verdicts leave nothing to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Protocol

from retention.connectors.contract import Candidate, Connector, DatasetMapping
from retention.domain import compiled
from retention.domain.compiled import Verdicts
from retention.domain.decisions import Decision, Item, State, Why, decide, with_own
from retention.domain.errors import RuleError
from retention.domain.events import asked
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.predicates import TRUE, Expression, is_false
from retention.domain.rules import Action, Grain, Hold
from retention.evidence_log import subject_digest
from retention.holds import active, of_item
from retention.ledger import ledger_items
from retention.lot_keys import LotKey
from retention.models import Doubted, FirstSeen
from retention.plan import DatasetPlan, Plan
from retention.replay import settled_dates
from ropa.models import Organisation

BATCH = 2_000
"""Keys asked of a register, or of our own tables, at once."""

Scope = tuple[str, str | None]
"""A subject's number, and the contract where the dataset's grain is the contract."""


@dataclass(frozen=True, slots=True)
class Due:
    """One item that may go, as it goes into a lot."""

    key: str
    subject: str | None
    contract: str | None
    due_from: date
    action: Action
    why: Why
    name: str | None = None
    dates: str = ""


@dataclass
class Evaluation:
    """What a dataset's question brought tonight. `counts` leaves out what is open or kept: it was not asked for."""

    due: list[Due] = field(default_factory=list)
    counts: Counter[State] = field(default_factory=Counter)


class Follower(Protocol):
    """What decides about items that follow others (`retention.following`)."""

    def examine(
        self, connector: Connector, holds: Mapping[str, Sequence[Hold]]
    ) -> Iterator[tuple[Candidate, Decision]]: ...

    def stale(
        self, connector: Connector, entries: Sequence[LotKey], holds: Mapping[str, Sequence[Hold]]
    ) -> frozenset[str]: ...


@dataclass(frozen=True)
class Question:
    """One dataset's rules on one day, ready to be asked again for any subject. `follower`: of one that follows."""

    organisation: Organisation
    plan: Plan
    dataset: DatasetPlan
    today: date
    follower: Follower | None = None

    @cached_property
    def mapping(self) -> DatasetMapping:
        if self.dataset.mapping is None:
            raise RuleError("has no mapping: it is not reached by us", self.dataset.code)
        return self.dataset.mapping

    def holds(self, subjects: Collection[str | None] | None = None) -> Mapping[str, Sequence[Hold]]:
        """Every hold on the dataset as it is now, and on what it follows: held when any of that is.

        With `subjects` only what concerns them, unless what it follows may be other people's.
        """
        wanted = None if self.dataset.rules.follows else subjects
        found: dict[str, dict[Hold, None]] = {}
        followed = (self.plan.find_dataset(follow.dataset) for follow in self.dataset.rules.follows)
        for one in (self.dataset, *followed):
            if one is not None:
                for subject, holds in active(
                    self.organisation, one.register, one.held_as, one.subject_kind, wanted
                ).items():
                    found.setdefault(subject, {}).update(dict.fromkeys(holds))
        return {subject: tuple(holds) for subject, holds in found.items()}

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
        events = self.ledger_events | (self.opening_events & self.told)
        return self.mapping.subject is not None and bool(events or facts)

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

    def items(self, subjects: Sequence[str] | None = None) -> Iterator[tuple[Scope, Item]]:
        """What the ledger knows: one item per subject, or per contract where that is the grain."""
        untold = (self.ledger_events | self.opening_events) - self.told
        for subject, item in ledger_items(self.organisation, self.dataset.subject_kind, subjects):
            unknown = untold - CONTRACT_EVENTS if item.contracts else untold
            known = replace(
                item,
                events={**dict.fromkeys(unknown), **item.events},
                facts={**self.plan.organisation.facts, **item.facts},
            )
            if not self.contract_grain:
                yield (subject, None), known
                continue
            for contract in known.contracts:
                yield (subject, contract.ref), replace(known, scope=contract.ref)

    def known(self, subjects: Iterable[str]) -> frozenset[str]:
        """Of these, whom the ledger knows at all."""
        wanted, kind = sorted(subjects), self.dataset.subject_kind
        return frozenset(
            subject
            for start in range(0, len(wanted), BATCH)
            for subject, _ in ledger_items(self.organisation, kind, wanted[start : start + BATCH])
        )

    def scope_of(self, candidate: Candidate) -> Scope:
        contract = candidate.contract if self.contract_grain else None
        return candidate.ref.subject or "", contract

    def still_due(self, scopes: Iterable[tuple[str | None, str | None]]) -> dict[Scope, Expression]:
        """Ask again: for each subject (and contract), under which condition its items are due now."""
        wanted = {(subject or "", contract if self.contract_grain else None) for subject, contract in scopes}
        if self.dataset.rules.follows:
            return dict.fromkeys(wanted, TRUE)  # what it follows is read again instead: `moved_on`
        if not self.asks_ledger:
            return dict.fromkeys(wanted, self.due(self.verdicts(self.stranger)))
        stranger = self.due(self.verdicts(self.stranger))
        found: dict[Scope, Expression] = dict.fromkeys(wanted, stranger)
        memo: dict[Verdicts, Expression] = {}
        subjects = sorted({subject for subject, _ in wanted if subject})
        for start in range(0, len(subjects), BATCH):
            for scope, item in self.items(subjects[start : start + BATCH]):
                if scope in wanted:
                    verdicts = self.verdicts(item)
                    if verdicts not in memo:
                        memo[verdicts] = self.due(verdicts)
                    found[scope] = memo[verdicts]
        return found


def examine(
    question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]
) -> Iterator[tuple[Candidate, Decision]]:
    """Every item whose state is neither open nor keep, with its decision. Streams; the order is the register's."""
    if question.dataset.rules.follows:
        yield from _follower_of(question).examine(connector, holds)
        return
    decided: dict[object, Decision] = {}
    for where, batch in _batches(question):
        for candidate in _ask(question, connector, where, batch):
            scope = question.scope_of(candidate)
            item = question.stranger if batch is None else batch.get(scope)
            if item is None:
                continue  # another subject's row under the same contract number: asked for under its own
            own = _of(holds, candidate)
            memo_key = (
                scope if batch is not None else None,
                tuple(candidate.events.items()),
                tuple(candidate.facts.items()),
                candidate.closed,
                own,
            )
            decision = decided.get(memo_key)
            if decision is None:
                whole = with_own(item, candidate.events, candidate.facts, candidate.closed)
                decision = decided[memo_key] = decide(whole, question.dataset.rules, own, question.today)
            if decision.state not in {State.OPEN, State.KEEP}:
                yield candidate, doubted(candidate, decision)
        if batch is not None:
            decided.clear()
    if question.asks_ledger:
        yield from _strangers(question, connector, holds)


def _follower_of(question: Question) -> Follower:
    if question.follower is None:
        raise RuleError("follows others, and they are not at hand", question.dataset.code)
    return question.follower


def _batches(question: Question) -> Iterator[tuple[Expression, dict[Scope, Item] | None]]:
    """(condition, the subjects it is asked for); None: everybody, because the ledger is not asked."""
    if not question.asks_ledger:
        where = question.attention(question.verdicts(question.stranger))
        if not is_false(where):
            yield where, None
        return
    conditions: dict[Verdicts, Expression] = {}
    waiting: dict[Verdicts, dict[Scope, Item]] = {}
    for scope, item in question.items():
        verdicts = question.verdicts(item)
        where_ = conditions.get(verdicts)
        if where_ is None:
            where_ = conditions[verdicts] = question.attention(verdicts)
        if is_false(where_):
            continue
        batch = waiting.setdefault(verdicts, {})
        batch[scope] = item
        if len(batch) >= BATCH:
            yield where_, waiting.pop(verdicts)
    for verdicts, batch in waiting.items():
        yield conditions[verdicts], batch


def _ask(
    question: Question, connector: Connector, where: Expression, batch: dict[Scope, Item] | None
) -> Iterator[Candidate]:
    if batch is None:
        return connector.find(question.mapping, where)
    if question.contract_grain:
        return connector.find(question.mapping, where, contracts=sorted({ref for _, ref in batch if ref is not None}))
    return connector.find(question.mapping, where, subjects=sorted({subject for subject, _ in batch}))


def _strangers(
    question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]
) -> Iterator[tuple[Candidate, Decision]]:
    """Items of subjects whom the ledger does not know, where they can be due at all (a ceiling has passed).

    Those that cannot be due are missing their start event; the independent reader counts them.
    """
    where = question.due(question.verdicts(question.stranger))
    if is_false(where):
        return
    waiting: list[Candidate] = []
    for candidate in connector.find(question.mapping, where):
        waiting.append(candidate)
        if len(waiting) >= BATCH:
            yield from _unknown_of(question, waiting, holds)
            waiting.clear()
    yield from _unknown_of(question, waiting, holds)


def _unknown_of(
    question: Question, candidates: Sequence[Candidate], holds: Mapping[str, Sequence[Hold]]
) -> Iterator[tuple[Candidate, Decision]]:
    subjects = sorted({candidate.ref.subject for candidate in candidates if candidate.ref.subject})
    known = {scope for scope, _ in question.items(subjects)} if subjects else set()
    for candidate in candidates:
        if question.scope_of(candidate) in known:
            continue
        whole = with_own(question.stranger, candidate.events, candidate.facts, candidate.closed)
        decision = decide(whole, question.dataset.rules, _of(holds, candidate), question.today)
        if decision.state in {State.DUE, State.HELD}:
            yield candidate, doubted(candidate, decision)


def doubted(candidate: Candidate, decision: Decision) -> Decision:
    """Whose item it is must be certain before it goes: what is in doubt is a person's to decide."""
    in_doubt = bool(candidate.doubt) and decision.state in {State.DUE, State.HELD}
    return replace(decision, state=State.REVIEW) if in_doubt else decision


def _of(holds: Mapping[str, Sequence[Hold]], candidate: Candidate) -> tuple[Hold, ...]:
    return of_item(holds, candidate.ref.subject)


def evaluate(
    question: Question,
    connector: Connector,
    holds: Mapping[str, Sequence[Hold]],
    already: frozenset[str] = frozenset(),
) -> Evaluation:
    """What is due tonight and not `already` in an open lot; and how many items are in which other state."""
    result = Evaluation()
    groundless: list[int] = []
    doubted: set[str] = set()
    for candidate, decision in examine(question, connector, holds):
        result.counts[decision.state] += 1
        if len(candidate.maybe) > 1:
            doubted.add(subject_digest(candidate.ref.key))
        if decision.state is not State.DUE or candidate.ref.key in already:
            continue
        if decision.due_from is None or decision.action is None or decision.why is None:
            raise RuleError("a due decision without day, action or reason", question.dataset.code)
        if decision.why is Why.NO_GROUND:
            groundless.append(len(result.due))
        result.due.append(
            Due(
                candidate.ref.key,
                candidate.ref.subject,
                candidate.contract,
                decision.due_from,
                decision.action,
                decision.why,
                candidate.ref.name,
                settled_dates(candidate),
            )
        )
    _remember_doubts(question, doubted)
    doubtful = in_doubt(question.organisation, question.dataset.code, [due.key for due in result.due])
    result.counts[State.DUE] -= len(doubtful)
    result.counts[State.REVIEW] += len(doubtful)
    result.counts = +result.counts  # without what is zero
    if groundless:
        first = first_seen(question, [result.due[index].key for index in groundless])
        for index in groundless:
            result.due[index] = replace(result.due[index], due_from=first[result.due[index].key])
    result.due = [due for due in result.due if due.key not in doubtful]
    return result


def _remember_doubts(question: Question, digests: Iterable[str]) -> None:
    rows = (Doubted(organisation=question.organisation, dataset=question.dataset.code, key=d) for d in sorted(digests))
    Doubted.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def in_doubt(organisation: Organisation, dataset: str, keys: Sequence[str]) -> frozenset[str]:
    """Of these, what was once seen to be perhaps several persons': it stays a person's to decide."""
    mine = Doubted.objects.filter(organisation=organisation, dataset=dataset)
    if not mine.exists():
        return frozenset()
    found: set[str] = set()
    for start in range(0, len(keys), BATCH):
        digests = {subject_digest(key): key for key in keys[start : start + BATCH]}
        found |= {digests[digest] for digest in mine.filter(key__in=list(digests)).values_list("key", flat=True)}
    return frozenset(found)


def under_another_contract(question: Question, connector: Connector, entries: Sequence[LotKey]) -> frozenset[str]:
    """Keys that are not found under the contract whose end made them due.

    A connector repeats the subject's number only, so the contract is read again just before (D1).
    """
    if not question.contract_grain:
        return frozenset()
    wanted = sorted({entry.contract for entry in entries if entry.contract is not None})
    there = {(c.ref.key, c.contract) for c in connector.find(question.mapping, contracts=wanted)} if wanted else set()
    return frozenset(e.key for e in entries if e.contract is not None and (e.key, e.contract) not in there)


def moved_on(
    question: Question, connector: Connector, entries: Sequence[LotKey], holds: Mapping[str, Sequence[Hold]]
) -> frozenset[str]:
    """Keys that may stay for a reason that no condition on their own row tells: read again just before (D1)."""
    if not question.dataset.rules.follows:
        return under_another_contract(question, connector, entries)
    return _follower_of(question).stale(connector, entries, holds)


def first_seen(question: Question, keys: Sequence[str]) -> dict[str, date]:
    """Since when each of these has been seen to have no ground left; today for those seen first tonight."""
    days: dict[str, date] = {}
    organisation, code = question.organisation, question.dataset.code
    mine = FirstSeen.objects.filter(organisation=organisation, dataset=code)
    for start in range(0, len(keys), BATCH):
        batch = {key: subject_digest(key) for key in keys[start : start + BATCH]}
        seen = dict(mine.filter(key__in=batch.values()).values_list("key", "day"))
        days.update((key, seen.get(digest, question.today)) for key, digest in batch.items())
        FirstSeen.objects.bulk_create(
            FirstSeen(organisation=organisation, dataset=code, key=digest, day=question.today)
            for digest in batch.values()
            if digest not in seen
        )
    return days
