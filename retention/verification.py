"""The independent reader: what is still there, asked with other code than the purge's (D8).

It reads every item of a dataset and decides each with `decide` alone; it knows nothing of compiled questions,
of what was flagged or of what the purge believes it did, and so the two hold each other to account each night.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice

from retention import following_reader, replay, substitutes_reader
from retention.closed import known_again, unpacked
from retention.connectors.contract import Candidate, Connector, TellsCrowds
from retention.crowd_reader import Survey, all_dated, patterns
from retention.domain.decisions import Decision, Item, State, decide, with_own
from retention.domain.errors import RuleError
from retention.domain.events import NEVER, asked
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.lifecycle import RETRIED, LotState, Outcome
from retention.domain.periods import ONE_DAY
from retention.domain.predicates import is_false, negation
from retention.domain.returned import own_part
from retention.domain.rules import Grain, Hold
from retention.evidence_log import subject_digest
from retention.following_reader import Connect
from retention.holds import active, holding, of_item, on
from retention.ledger import ledger_items
from retention.ledger_reader import LedgerReader
from retention.lot_keys import LotKey, unpack
from retention.models import Doubted, FirstSeen, Lot, RegisterEvent
from retention.plan import DatasetPlan, Plan
from retention.replay import settled_dates
from ropa.models import Organisation

BATCH = 2_000
"""Items joined with the ledger at once."""


@dataclass
class Reading:
    """What the reader found of one dataset.

    overdue         items that are due and no hold suspends
    unexplained     of these, what waits for nothing: no approval, no grace, no paper order under way
    people_overdue  distinct data subjects of the overdue
    overdue_since   the earliest day from which one of them should have gone
    oldest_kept     the earliest start date among what is still there
    estimated       items that are decided by a substitute for a date that is missing
    returned        what had been destroyed and is back, where the rules alone do not say that it is due: nobody knows
                    its person any more
    """

    by_state: Counter[str] = field(default_factory=Counter)
    overdue: int = 0
    unexplained: int = 0
    people_overdue: int = 0
    overdue_since: date | None = None
    oldest_kept: date | None = None
    estimated: int = 0
    returned: list[LotKey] = field(default_factory=list)


def read(
    plan: Plan,
    dataset: DatasetPlan,
    connector: Connector,
    organisation: Organisation,
    today: date,
    connect: Connect | None = None,
) -> Reading:
    """Read one dataset whole; `connect` opens what it follows.

    Raises RuleError if it is not reached by us, ConnectorError if the register fails.
    """
    if dataset.mapping is None:
        raise RuleError("has no mapping: it is not reached by us", dataset.code)
    holds = on(organisation, plan, dataset)
    explained = _explained(organisation, dataset, today)
    reading, people = Reading(), set()
    strangers: list[LotKey] = []
    items = _found(plan, dataset, connector, organisation, holds, today, connect, reading)
    for candidate, item, decision, known in items:
        reading.by_state[decision.state.value] += 1
        reading.estimated += bool(decision.estimated)
        began = _began(plan, candidate, item, today)
        if began is not None and (reading.oldest_kept is None or began < reading.oldest_kept):
            reading.oldest_kept = began
        ref = candidate.ref
        stranger = decision.state is State.TRIGGER_MISSING and ref.subject and not known
        stranger = stranger and _goes_again(plan, dataset, item, today)
        if stranger and (dates := settled_dates(candidate)):
            strangers.append(LotKey(ref.key, ref.subject, today, candidate.contract, ref.name, dates))
            if len(strangers) >= BATCH:
                reading.returned += _returned(organisation, dataset, strangers)
                strangers.clear()
        if decision.state is not State.DUE:
            continue
        reading.overdue += 1
        if candidate.ref.subject:
            people.add(candidate.ref.subject)
        if candidate.ref.key not in explained:
            reading.unexplained += 1
        if decision.due_from is not None and (
            reading.overdue_since is None or decision.due_from < reading.overdue_since
        ):
            reading.overdue_since = decision.due_from
    reading.returned += _returned(organisation, dataset, strangers)
    reading.people_overdue = len(people)
    return reading


@dataclass(frozen=True)
class ClosedReading:
    """What a dataset of a closed register answered: items that are there, and why that is not as it was left."""

    items: int
    alarm: str = ""


def verify_closed(
    dataset: DatasetPlan, connector: Connector, organisation: Organisation, closing: RegisterEvent, today: date
) -> ClosedReading:
    """Whether a dataset of a closed register is as its certificate says. Raises ConnectorError if it cannot be asked.

    What was held there must still be held; what was migrated is gone by the day that was recorded; nothing is new.
    """
    if dataset.mapping is None:
        raise RuleError("has no mapping: it is not reached by us", dataset.code)
    certificate = json.loads(closing.certificate)
    told = next((one for one in certificate["datasets"] if one["dataset"] == dataset.code), None)
    left = unpacked(closing.remaining.get(dataset.code, ""))
    until = ((told or {}).get("moved") or {}).get("destroy_by")
    holds = active(organisation, dataset.register, dataset.code, dataset.subject_kind)
    items = new = free = 0
    for candidate in connector.find(dataset.mapping):
        items += 1
        people = {candidate.ref.subject, *candidate.maybe}
        if known_again(subject_digest(candidate.ref.key)) not in left:
            new += 1
        elif not any(holding(holds, person, today) for person in people):
            free += 1
    if new:
        return ClosedReading(items, f"it was closed, and {new} items are there that were not when it closed")
    if free and until is None:
        return ClosedReading(items, f"it was closed, and {free} items there are held no longer: reopen it for them")
    if free and date.fromisoformat(str(until)) < today:
        return ClosedReading(items, f"it was closed, and {free} items are there that were to be destroyed by {until}")
    return ClosedReading(items)


def _returned(organisation: Organisation, dataset: DatasetPlan, strangers: Sequence[LotKey]) -> list[LotKey]:
    """Under other rules than those by which it went, what is back is a person's to decide: it is shown as it is."""
    back = replay.returned(organisation, dataset.code, strangers)
    return [entry for entry in strangers if entry.key in back and back[entry.key].rules_digest == dataset.rules_digest]


def _goes_again(plan: Plan, dataset: DatasetPlan, item: Item, today: date) -> bool:
    """Whether the item itself says nothing against its former destruction: what was reopened since stays."""
    facts = {*(dataset.mapping.facts if dataset.mapping else ()), *plan.organisation.facts}
    return decide(item, own_part(dataset.rules, item.own, facts), (), today).state is State.DUE


def _found(
    plan: Plan,
    dataset: DatasetPlan,
    connector: Connector,
    organisation: Organisation,
    holds: Mapping[str, Sequence[Hold]],
    today: date,
    connect: Connect | None,
    reading: Reading,
) -> Iterator[tuple[Candidate, Item, Decision, bool]]:
    """Each item that must be read, with its decision, and whether the ledger knows its person at all.

    The others are counted into the reading. Raises ConnectorError.
    """
    mapping, survey = dataset.mapping, _survey(plan, dataset, connector, organisation, today)
    if mapping is None or survey is None or not isinstance(connector, TellsCrowds):
        yield from _decided(plan, dataset, connector, organisation, holds, today, connect)
        return

    def decided(stream: Iterator[Candidate]) -> Iterator[tuple[Candidate, Item, Decision, bool]]:
        return _each(plan, dataset, stream, organisation, holds, today)

    for numbers in survey.whom_to_read(connector):
        yield from decided(connector.find(mapping, survey.surveyed, subjects=numbers))
    rest = negation(survey.surveyed)
    if not is_false(rest):
        yield from decided(connector.find(mapping, rest))
    reading.by_state.update({state.value: items for state, items in survey.counts.items() if items})
    first = plan.organisation.first_plausible_day
    oldest = [survey.oldest_end, connector.oldest(mapping, first, min(today, NEVER - ONE_DAY))]
    reading.oldest_kept = min((day for day in (reading.oldest_kept, *oldest) if day is not None), default=None)


def _survey(
    plan: Plan, dataset: DatasetPlan, connector: Connector, organisation: Organisation, today: date
) -> Survey | None:
    """How the dataset's items can be counted by person; None where each must be read."""
    found = patterns(dataset, today) if isinstance(connector, TellsCrowds) else ()
    if not found or dataset.mapping is None or substitutes_reader.standing(plan, dataset, organisation, today).by_row:
        return None
    by_contract = dataset.grain is Grain.CONTRACT
    counted = dataset if by_contract else replace(dataset, mapping=replace(dataset.mapping, contract=None))
    stranger = _stranger(plan, dataset)
    events = asked(dataset.rules.events) - set(dataset.mapping.events)
    contracts = by_contract or bool(asked(dataset.rules.events) & CONTRACT_EVENTS) or not all_dated(found)
    ledger = LedgerReader(organisation.pk, dataset.subject_kind, events, dataset.rules.facts, contracts)
    survey = Survey(
        counted,
        today,
        found,
        known=ledger.people,
        join=lambda candidate, known: _joined(plan, dataset, candidate, known, stranger),
        decide=lambda item: decide(item, dataset.rules, (), today),
        batch=BATCH,
    )
    return survey if survey.readable() else None


def _stranger(plan: Plan, dataset: DatasetPlan) -> Item:
    """What is known of an item whose person nobody knows: all that the ledger could tell is missing."""
    own = set(dataset.mapping.events if dataset.mapping else ())
    return Item(events=dict.fromkeys(asked(dataset.rules.events) - own), facts=dict(plan.organisation.facts))


def _decided(
    plan: Plan,
    dataset: DatasetPlan,
    connector: Connector,
    organisation: Organisation,
    holds: Mapping[str, Sequence[Hold]],
    today: date,
    connect: Connect | None = None,
) -> Iterator[tuple[Candidate, Item, Decision, bool]]:
    """Each item there is, read and decided one by one."""
    if dataset.mapping is None:
        return
    if dataset.rules.follows:
        yield from _followers(plan, dataset, connector, organisation, holds, today, connect)
        return
    yield from _each(plan, dataset, iter(connector.find(dataset.mapping)), organisation, holds, today)


def _each(
    plan: Plan,
    dataset: DatasetPlan,
    stream: Iterator[Candidate],
    organisation: Organisation,
    holds: Mapping[str, Sequence[Hold]],
    today: date,
) -> Iterator[tuple[Candidate, Item, Decision, bool]]:
    """Each of these items with its decision, and whether the ledger knows its person at all."""
    while batch := list(islice(stream, BATCH)):
        for one in join(plan, dataset, organisation, batch, today):
            candidate, decision = one.candidate, decide(one.item, dataset.rules, one.holds(holds), today)
            if one.doubtful and decision.state in {State.DUE, State.HELD}:
                decision = replace(decision, state=State.REVIEW)  # whose it is is not certain
            yield candidate, one.item, decision, one.known


@dataclass(frozen=True)
class Joined:
    """An item of a register with what the ledger knows; `known`: of its person; `doubtful`: whose it is."""

    candidate: Candidate
    item: Item
    known: bool
    doubtful: bool

    def holds(self, every: Mapping[str, Sequence[Hold]]) -> tuple[Hold, ...]:
        return of_item(every, self.candidate.ref.subject)


def join(
    plan: Plan, dataset: DatasetPlan, organisation: Organisation, batch: Sequence[Candidate], today: date
) -> Iterator[Joined]:
    """Items of one dataset, as its rules read them."""
    stranger = _stranger(plan, dataset)
    numbers = sorted({candidate.ref.subject for candidate in batch if candidate.ref.subject})
    known = dict(ledger_items(organisation, dataset.subject_kind, numbers)) if numbers else {}
    seen = _seen(organisation, dataset, batch)
    doubted = _doubted(organisation, dataset, batch)
    theirs = [(candidate, known.get(candidate.ref.subject or "")) for candidate in batch]
    joined = [
        (candidate, _joined(plan, dataset, candidate, told, stranger), _told_of(dataset, candidate, told))
        for candidate, told in theirs
    ]
    filled = substitutes_reader.standing(plan, dataset, organisation, today).filled(joined)
    for candidate, unfilled, _ in joined:
        ref = candidate.ref
        item = filled.get(ref.key, unfilled)
        if ref.key in seen:
            item = replace(item, first_seen=seen[ref.key])
        yield Joined(candidate, item, ref.subject in known, bool(candidate.doubt) or ref.key in doubted)


def _followers(
    plan: Plan,
    dataset: DatasetPlan,
    connector: Connector,
    organisation: Organisation,
    holds: Mapping[str, Sequence[Hold]],
    today: date,
    connect: Connect | None,
) -> Iterator[tuple[Candidate, Item, Decision, bool]]:
    """The same of a dataset that follows others: they are read beside it."""
    if dataset.mapping is None:
        return

    def others(theirs: DatasetPlan, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Item]]:
        found = join(plan, theirs, organisation, candidates, today)
        return ((one.candidate, replace(one.item, first_seen=None)) for one in found)

    with following_reader.reader(plan, dataset, organisation, today, connect, others) as reader:
        stream = iter(connector.find(dataset.mapping))
        while batch := list(islice(stream, BATCH)):
            joined = list(join(plan, dataset, organisation, batch, today))
            for one, found in zip(joined, reader.decide([(j.candidate, j.item) for j in joined], holds), strict=True):
                decision = found
                if one.doubtful and found.state in {State.DUE, State.HELD}:
                    decision = replace(found, state=State.REVIEW)
                yield one.candidate, one.item, decision, True


def _doubted(organisation: Organisation, dataset: DatasetPlan, batch: Sequence[Candidate]) -> set[str]:
    """What was once seen to be perhaps several persons'."""
    mine = Doubted.objects.filter(organisation=organisation, dataset=dataset.code)
    if not mine.exists():
        return set()
    digests = {subject_digest(candidate.ref.key): candidate.ref.key for candidate in batch}
    return {digests[digest] for digest in mine.filter(key__in=list(digests)).values_list("key", flat=True)}


def _seen(organisation: Organisation, dataset: DatasetPlan, batch: Sequence[Candidate]) -> dict[str, date]:
    """Since when items without any ground left have been seen so."""
    mine = FirstSeen.objects.filter(organisation=organisation, dataset=dataset.code)
    if not mine.exists():
        return {}
    digests = {subject_digest(candidate.ref.key): candidate.ref.key for candidate in batch}
    return {digests[digest]: day for digest, day in mine.filter(key__in=list(digests)).values_list("key", "day")}


def _joined(plan: Plan, dataset: DatasetPlan, candidate: Candidate, known: Item | None, stranger: Item) -> Item:
    """The item with what the ledger knows of its subject; who or which contract is not known has every date missing."""
    found = stranger
    if known is not None:
        scope = candidate.contract if dataset.grain is Grain.CONTRACT else None
        if _told_of(dataset, candidate, known):
            told = plan.told(dataset.subject_kind) | (CONTRACT_EVENTS if known.contracts else frozenset())
            untold = {name: None for name in stranger.events if name not in told}
            found = replace(
                known,
                scope=scope,
                events={**untold, **known.events},
                facts={**stranger.facts, **known.facts},
            )
    return with_own(found, candidate.events, candidate.facts, candidate.closed)


def _told_of(dataset: DatasetPlan, candidate: Candidate, known: Item | None) -> bool:
    """Whether the ledger tells of an item's person, and of its contract where it is a contract's."""
    if known is None or dataset.grain is not Grain.CONTRACT:
        return known is not None
    return any(contract.ref == candidate.contract for contract in known.contracts)


def _began(plan: Plan, candidate: Candidate, item: Item, today: date) -> date | None:
    """The earliest plausible date of its own, else the earliest end of a contract that has ended."""
    own = [day for day in candidate.events.values() if day is not None]
    days = own or [contract.ended for contract in item.contracts if contract.ended is not None]
    plausible = [day for day in days if plan.organisation.first_plausible_day <= day <= today and day < NEVER]
    return min(plausible, default=None)


def _explained(organisation: Organisation, dataset: DatasetPlan, today: date) -> frozenset[str]:
    """Keys that wait for what was decided they wait for: an approval, the end of grace, a paper order's certificate."""
    if dataset.policy.mode != "purge" or dataset.enforced_by != "us":
        return frozenset()
    found: set[str] = set()
    lots = Lot.objects.filter(
        organisation=organisation,
        dataset=dataset.code,
        rules_digest=dataset.rules_digest,
        state__in=[LotState.FLAGGED, LotState.APPROVED, LotState.CLAIMED],
        keys__isnull=False,
    )
    for pk in list(lots.values_list("pk", flat=True)):
        lot = lots.filter(pk=pk).first()  # one at a time: its keys are many
        if lot is None:
            continue  # moved on meanwhile
        keys = unpack(bytes(lot.keys or b""))
        tried = dict(lot.exceptions.filter(outcome__in=list(RETRIED)).values_list("position", "outcome"))
        found |= {
            keys[position].key for position, outcome in tried.items() if outcome in {Outcome.PENDING, Outcome.WAITING}
        }
        if _waits(lot, today):
            found |= {key.key for position, key in enumerate(keys) if position not in tried}
    return frozenset(found)


def _waits(lot: Lot, today: date) -> bool:
    if lot.state == LotState.FLAGGED:
        return lot.approvals_needed > 0
    if lot.state != LotState.APPROVED:
        return False
    # approved since the last night: that its grace has begun is the next night's to say
    return lot.grace_until is None or lot.grace_until > today
