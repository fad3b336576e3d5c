"""What is due tonight: the compiled question, asked of one register and joined with what the ledger knows.

Set-based (V4): the ledger's knowledge of each subject is reduced to verdicts, equal verdicts share one
expression, and the register is asked with it in batches of keys. What comes back is few, and is decided
once per distinct set of dates and facts. Nothing is asked of subjects whose verdicts leave nothing to ask, and most
of those are not even read (`retention.alike`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice
from typing import NamedTuple

from retention.alike import Sorting
from retention.by_key import of_keys
from retention.connectors.contract import Candidate, Connector
from retention.domain.breakers import sprung_on
from retention.domain.decisions import Decision, Item, State, Why, decide, with_own
from retention.domain.errors import RuleError
from retention.domain.predicates import TRUE, Expression, disjunction, is_false
from retention.domain.rules import Action, Hold, RuleSet
from retention.domain.substitutes import Cause
from retention.evidence_log import subject_digest, subject_digests
from retention.holds import of_item
from retention.ledger import Known
from retention.lot_keys import LotKey
from retention.models import Doubted, FirstSeen
from retention.question import BATCH, Follower, Question, Scope
from retention.replay import settled_dates
from ropa.models import Organisation

PAGE = 2_000
"""Items whose people are looked up in the ledger together."""

_UNDECIDED = Decision(State.REVIEW)


@dataclass(frozen=True, slots=True)
class Due:
    """One item that may go, as it goes into a lot. `sprung_on`: the day of an event that nobody knew ahead of it."""

    key: str
    subject: str | None
    contract: str | None
    due_from: date
    action: Action
    why: Why
    name: str | None = None
    dates: str = ""
    basis: str = ""
    estimated: tuple[int, ...] = ()
    sprung_on: date | None = None


@dataclass
class Evaluation:
    """What a dataset's question brought tonight. `counts` leaves out what is open or kept: it was not asked for."""

    due: list[Due] = field(default_factory=list)
    counts: Counter[State] = field(default_factory=Counter)


def examine(
    question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]
) -> Iterator[tuple[Candidate, Decision]]:
    """Every item whose state is neither open nor keep, with its decision. Streams; the order is the register's."""
    for candidate, decision, _ in examine_estimated(question, connector, holds):
        yield candidate, decision


def examine_estimated(
    question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]
) -> Iterator[tuple[Candidate, Decision, tuple[int, ...]]]:
    """The same, with the numbers of the campaigns whose substitutes an item was decided by."""
    if question.dataset.rules.follows:
        for candidate, decision in _follower_of(question).examine(connector, holds):
            yield candidate, decision, ()
        return
    decided = _decided(question, connector, holds)
    if not question.dataset.substitutes:
        found: Iterator[tuple[_Decided, tuple[int, ...]]] = ((one, ()) for one in decided)
    else:
        found = _substituted(question, decided)
    for one, numbers in found:
        if one.decision.state in {State.OPEN, State.KEEP}:
            continue
        if one.stranger and one.decision.state not in {State.DUE, State.HELD}:
            continue  # nobody knows its person: the independent reader counts it
        yield one.candidate, doubted(one.candidate, one.decision), numbers


class _Decided(NamedTuple):
    """A candidate with what is known beside it, the holds on it, and the decision. `stranger`: it was asked last."""

    candidate: Candidate
    item: Callable[[], Item]
    holds: tuple[Hold, ...]
    decision: Decision
    known: bool
    stranger: bool = False


def _decided(question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]) -> Iterator[_Decided]:
    """Whatever the register was asked for, each item decided without substitutes."""
    rules = replace(question.dataset.rules, steps=())  # a step's items are asked for as the step's
    memo = question.memory.of(question)
    for where, batch in _batches(question):
        told: dict[Scope, Hashable] = {}
        for candidate, scope, known in _with_known(question, _ask(question, connector, where, batch), batch):
            own = _of(holds, candidate)
            if known is not None and scope not in told:
                told[scope] = question.exactly(scope, known)
            alike = (told.get(scope), question.sight.own(candidate.events, candidate.facts))
            find = partial(_decide, question, rules, candidate, scope, known, own)
            decision = memo.decided((*alike, candidate.closed, own), find)
            yield _Decided(candidate, partial(_known_item, question, scope, known), own, decision, batch is not None)
    if question.asks_ledger:
        yield from _strangers(question, connector, holds)


def _decide(
    question: Question,
    rules: RuleSet,
    candidate: Candidate,
    scope: Scope,
    known: Known | None,
    holds: tuple[Hold, ...],
) -> Decision:
    item = _known_item(question, scope, known)
    return decide(with_own(item, candidate.events, candidate.facts, candidate.closed), rules, holds, question.today)


def _with_known(
    question: Question, candidates: Iterator[Candidate], batch: _Batch | None
) -> Iterator[tuple[Candidate, Scope, Known | None]]:
    """Each item of those who were asked about with what the ledger knows of its person, read where it was not yet."""
    while batch is not None and (page := list(islice(candidates, PAGE))):
        # another subject's row under the same contract number is asked for under its own
        theirs = [(candidate, scope) for candidate in page if (scope := question.scope_of(candidate)) in batch]
        unread = {scope[0] for _, scope in theirs if batch[scope] is None}
        found = dict(question.scopes(sorted(unread))) if unread else {}
        for candidate, scope in theirs:
            known = batch[scope] or found.get(scope)
            if known is not None:
                yield candidate, scope, known
    if batch is None:
        yield from ((candidate, question.scope_of(candidate), None) for candidate in candidates)


def _or_stranger(question: Question, item: Item | None) -> Item:
    return question.stranger if item is None else item


def _known_item(question: Question, scope: Scope, known: Known | None) -> Item:
    return question.stranger if known is None else question.item(scope, known)


def _substituted(question: Question, stream: Iterator[_Decided]) -> Iterator[tuple[_Decided, tuple[int, ...]]]:
    """Decided again where a substitute fills a gap; batch by batch, in the stream's order."""
    while batch := list(islice(stream, BATCH)):
        wholes = {one.candidate.ref.key: _whole(one) for one in batch}
        known = {one.candidate.ref.key: one.known for one in batch}
        filled = question.filler.fill_all((key, whole, known[key]) for key, whole in wholes.items())
        for one in batch:
            if (found := filled.get(one.candidate.ref.key)) is None:
                yield one, ()
                continue
            item, numbers = found
            again = decide(item, question.dataset.rules, one.holds, question.today)
            yield one._replace(decision=again), tuple(sorted(numbers))


def _whole(one: _Decided) -> Item:
    return with_own(one.item(), one.candidate.events, one.candidate.facts, one.candidate.closed)


def _follower_of(question: Question) -> Follower:
    if question.follower is None:
        raise RuleError("follows others, and they are not at hand", question.dataset.code)
    return question.follower


_Batch = Mapping[Scope, Known | None]
"""Whom a register is asked about, with what the ledger knows of them; None where that was not read."""


def _batches(question: Question) -> Iterator[tuple[Expression, _Batch | None]]:
    """(condition, the subjects it is asked for); None: everybody, because the ledger is not asked."""
    if not question.asks_ledger:
        where = disjunction([question.attention(question.verdicts(question.stranger)), question.own_gaps])
        if not is_false(where):
            yield where, None
        return
    sorting = Sorting.of(question)
    if sorting is None:
        yield from _read(question, question.scopes())
        return
    asking: dict[Expression, list[int]] = defaultdict(list)
    for sort in sorting.sorts():
        where = question.attention(sort.verdicts)
        if not is_false(where):
            asking[where].append(sort.looks)
    for where, looks in asking.items():
        for scopes in sorting.members(looks):
            yield where, dict.fromkeys(scopes)
    yield from _read(question, (scope for page in sorting.apart() for scope in question.scopes(page)))


def _read(question: Question, scopes: Iterable[tuple[Scope, Known]]) -> Iterator[tuple[Expression, _Batch]]:
    """People read one by one, gathered by what is asked of them."""
    conditions: dict[tuple[int, bool], Expression] = {}
    waiting: dict[tuple[int, bool], dict[Scope, Known | None]] = {}
    for scope, known in scopes:
        # of whom the ledger itself has a gap, everything is asked for: what fills it is read with the item
        verdicts = question.asked_alike(question.verdicts_of(scope, known))
        filled = question.may_be_filled(scope, known)
        sort = id(verdicts), filled
        where_ = conditions.get(sort)
        if where_ is None:
            asked = TRUE if filled else disjunction([question.attention(verdicts), question.own_gaps])
            where_ = conditions[sort] = asked
        if is_false(where_):
            continue
        batch = waiting.setdefault(sort, {})
        batch[scope] = known
        if len(batch) >= BATCH:
            yield where_, waiting.pop(sort)
    for sort, batch in waiting.items():
        yield conditions[sort], batch


def _ask(question: Question, connector: Connector, where: Expression, batch: _Batch | None) -> Iterator[Candidate]:
    if batch is None:
        return connector.find(question.mapping, where)
    if not batch:
        return iter(())  # all of them are set apart
    if question.contract_grain:
        return connector.find(question.mapping, where, contracts=sorted({ref for _, ref in batch if ref is not None}))
    return connector.find(question.mapping, where, subjects=sorted({subject for subject, _ in batch}))


def _strangers(question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]]) -> Iterator[_Decided]:
    """Items of subjects whom the ledger does not know, where they can be due at all (a ceiling has passed).

    Those that cannot be due are missing their start event; the independent reader counts them.
    """
    where = disjunction([question.due(question.verdicts(question.stranger)), question.own_gaps])
    if any(one.cause is Cause.UNKNOWN_SUBJECT for one in question.dataset.substitutes):
        where = TRUE
    if is_false(where):
        return
    waiting: list[Candidate] = []
    for candidate in connector.find(question.mapping, where):
        if not question.is_ours(candidate.ref.subject):
            continue
        waiting.append(candidate)
        if len(waiting) >= BATCH:
            yield from _unknown_of(question, waiting, holds)
            waiting.clear()
    yield from _unknown_of(question, waiting, holds)


def _unknown_of(
    question: Question, candidates: Sequence[Candidate], holds: Mapping[str, Sequence[Hold]]
) -> Iterator[_Decided]:
    subjects = sorted({candidate.ref.subject for candidate in candidates if candidate.ref.subject})
    known = {scope for scope, _ in question.items(subjects)} if subjects else set()
    for candidate in candidates:
        if question.scope_of(candidate) in known:
            continue
        own = _of(holds, candidate)
        whole = with_own(question.stranger, candidate.events, candidate.facts, candidate.closed)
        decision = decide(whole, question.dataset.rules, own, question.today)
        stranger = partial(_known_item, question, question.scope_of(candidate), None)
        yield _Decided(candidate, stranger, own, decision, known=False, stranger=True)


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
    result, memo = Evaluation(), question.memory.of(question)
    groundless: list[int] = []
    doubted: set[str] = set()
    for candidate, decision, estimated in examine_estimated(question, connector, holds):
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
                "" if question.dataset.rules.follows else memo.basis(decision),
                estimated,
                sprung_on(decision),
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
        page = keys[start : start + BATCH]
        digests = dict(zip(subject_digests(page), page, strict=True))
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
    if question.estimated:
        return _no_longer_estimated(question, connector, entries)
    if not question.dataset.rules.follows:
        return under_another_contract(question, connector, entries)
    return _follower_of(question).stale(connector, entries, holds)


def _no_longer_estimated(question: Question, connector: Connector, entries: Sequence[LotKey]) -> frozenset[str]:
    """Of a lot's keys, those that are there and not due by the same substitutes now: a real date has come."""
    mapping, keys = question.mapping, {entry.key for entry in entries}
    subjects = sorted({entry.subject for entry in entries if entry.subject})
    if mapping.subject is not None and all(entry.subject for entry in entries):
        found = connector.find(mapping, subjects=subjects)
    else:
        found = of_keys(connector, mapping, keys)
    known = dict(question.items(subjects)) if subjects and question.asks_ledger else {}
    stream = (
        _Decided(
            c,
            partial(_or_stranger, question, known.get(question.scope_of(c))),
            (),
            _UNDECIDED,
            question.scope_of(c) in known,
        )
        for c in found
        if c.ref.key in keys
    )
    there, due = set(), set()
    for one, numbers in _substituted(question, stream):
        there.add(one.candidate.ref.key)
        if doubted(one.candidate, one.decision).state is State.DUE and numbers == question.estimated:
            due.add(one.candidate.ref.key)
    return frozenset(there - due)


def first_seen(question: Question, keys: Sequence[str]) -> dict[str, date]:
    """Since when each of these has been seen to have no ground left; today for those seen first tonight."""
    days: dict[str, date] = {}
    organisation, code = question.organisation, question.dataset.code
    mine = FirstSeen.objects.filter(organisation=organisation, dataset=code)
    for start in range(0, len(keys), BATCH):
        page = keys[start : start + BATCH]
        batch = dict(zip(page, subject_digests(page), strict=True))
        seen = dict(mine.filter(key__in=batch.values()).values_list("key", "day"))
        days.update((key, seen.get(digest, question.today)) for key, digest in batch.items())
        FirstSeen.objects.bulk_create(
            FirstSeen(organisation=organisation, dataset=code, key=digest, day=question.today)
            for digest in batch.values()
            if digest not in seen
        )
    return days
