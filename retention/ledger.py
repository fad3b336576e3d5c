"""What we know of data subjects: contracts, events and facts of numbers, from registers and from the API.

One row per thing that is known; a later revision supersedes an earlier one. Rows that a register tells are
collected every night as a whole: what a complete collection no longer tells is taken out, and a collection
that broke off or shrank beyond belief changes nothing (V5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet

from retention.domain.errors import DocumentError, Problem, RuleError
from retention.domain.events import event
from retention.domain.items import Contract, Item, Occurrence
from retention.models import LedgerContract, LedgerEvent, LedgerFact
from ropa.models import Organisation

BATCH = 2_000
"""Rows written, or subjects read, at once."""


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract as somebody tells it. `closed` without `ended`: it is over, and nobody knows since when."""

    subject_kind: str
    subject: str
    ref: str
    started: date | None = None
    ended: date | None = None
    closed: bool = False
    revision: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.subject_kind, self.subject, self.ref)


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as somebody tells it. `date` None: it must have happened, and nobody knows when."""

    subject_kind: str
    subject: str
    name: str
    date: date | None
    contract: str = ""
    purpose: str = ""
    thing: str = ""
    revision: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.subject_kind, self.subject, self.contract, self.purpose, self.name, self.thing)


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact about a subject that a condition may ask."""

    subject_kind: str
    subject: str
    name: str
    value: Any
    revision: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.subject_kind, self.subject, self.name)


Row = ContractRow | EventRow | FactRow


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows were written, and how many were not because the ledger knew as late a revision."""

    contracts: int
    events: int
    facts: int
    superseded: int


def upsert(
    organisation: Organisation,
    *,
    contracts: Sequence[ContractRow] = (),
    events: Sequence[EventRow] = (),
    facts: Sequence[FactRow] = (),
    source: str,
) -> Upserted:
    """Write what somebody tells, all or nothing; a revision that is not later changes nothing.

    Raises DocumentError with every problem and its place; it names no data subject.
    """
    problems = [
        *_problems("contracts", contracts),
        *_problems("events", events),
        *_problems("facts", facts),
    ]
    if problems:
        raise DocumentError(problems)
    with transaction.atomic():
        written = [
            sum(_write(organisation, source, batch) for batch in _batched(rows)) for rows in (contracts, events, facts)
        ]
    superseded = len(contracts) + len(events) + len(facts) - sum(written)
    return Upserted(written[0], written[1], written[2], superseded)


def _problems(what: str, rows: Sequence[Row]) -> Iterator[Problem]:
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(rows):
        path = f"{what}[{number}]"
        if row.identity in seen:
            yield Problem(path, "stands here twice")
        seen.add(row.identity)
        yield from (Problem(f"{path}.{name}", message) for name, message in wrong(row))


def wrong(row: Row) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) of one row, without its content."""
    if not 0 < len(row.subject_kind) <= 20:
        yield "subject_kind", "is missing or longer than 20 characters"
    if not 0 < len(row.subject) <= 100:
        yield "subject", "is missing or longer than 100 characters"
    match row:
        case ContractRow():
            if not 0 < len(row.ref) <= 100:
                yield "ref", "is missing or longer than 100 characters"
            if row.started is not None and row.ended is not None and row.ended < row.started:
                yield "ended", "lies before the contract starts"
        case EventRow():
            try:
                event(row.name)
            except RuleError as error:
                yield "name", error.message
            if max(len(row.contract), len(row.thing)) > 100 or len(row.purpose) > 60:
                yield "thing", "contract, thing or purpose is too long"
        case FactRow():
            if not 0 < len(row.name) <= 60:
                yield "name", "is missing or longer than 60 characters"
            if not isinstance(row.value, (bool, int, str)):
                yield "value", "is neither true or false, a number nor a text"


@dataclass(frozen=True, slots=True)
class _Table:
    model: type[models.Model]
    identity: tuple[str, ...]
    told: tuple[str, ...]
    by_source: bool = False


_TABLES: dict[type, _Table] = {
    ContractRow: _Table(LedgerContract, ("subject_kind", "subject", "ref"), ("started", "ended", "closed")),
    EventRow: _Table(
        LedgerEvent, ("subject_kind", "subject", "contract", "purpose", "name", "thing"), ("date",), by_source=True
    ),
    FactRow: _Table(LedgerFact, ("subject_kind", "subject", "name"), ("value",)),
}


def _write(organisation: Organisation, source: str, rows: Sequence[Row], *, always: bool = False) -> int:
    """Bulk upsert of one kind of rows; `always`: also what is no later than what is known. The number written."""
    if not rows:
        return 0
    table = _TABLES[type(rows[0])]
    known = {} if always else _revisions(organisation, source, table, rows)
    newer = [row for row in rows if row.revision > known.get(row.identity, -1)]
    fields = (*table.identity, *table.told, "revision")
    table.model._default_manager.bulk_create(
        [
            table.model(organisation=organisation, source=source, **{name: getattr(row, name) for name in fields})
            for row in newer
        ],
        update_conflicts=True,
        unique_fields=["organisation", *table.identity, *(["source"] if table.by_source else [])],
        update_fields=[*table.told, "revision", *([] if table.by_source else ["source"])],
        batch_size=BATCH,
    )
    return len(newer)


def write_collected(organisation: Organisation, source: str, rows: Sequence[Row], once: bool) -> int:
    """Write rows of one generation (their revision) of a source; how many contradict another row of it.

    Of an event that several rows tell, the one that counts by the catalogue stays; a missing date outweighs all.
    Contracts and facts may be told twice, but not differently; `once`: not twice at all.
    """
    contradicting = 0
    for kind in _TABLES:
        told = [row for row in rows if type(row) is kind]
        merged = _of_this_generation(organisation, source, kind, told)
        for row in told:
            other = merged.get(row.identity)
            if other is None or (isinstance(row, EventRow) and isinstance(other, EventRow) and _counts(row, other)):
                merged[row.identity] = row
            elif not isinstance(row, EventRow) and (once or row != other):
                contradicting += 1
        _write(organisation, source, list(merged.values()), always=True)
    return contradicting


def _counts(row: EventRow, other: EventRow) -> bool:
    if row.date is None or other.date is None:
        return row.date is None
    return row.date < other.date if event(row.name).many == "first" else row.date > other.date


def _of_this_generation(
    organisation: Organisation, source: str, kind: type[Row], rows: Sequence[Row]
) -> dict[tuple[str, ...], Row]:
    if not rows:
        return {}
    table = _TABLES[kind]
    fields = (*table.identity, *table.told, "revision")
    written = table.model._default_manager.filter(
        organisation=organisation,
        source=source,
        revision=rows[0].revision,
        subject__in={row.subject for row in rows},
    )
    found = (kind(**dict(zip(fields, values, strict=True))) for values in written.values_list(*fields))
    return {row.identity: row for row in found}


def _revisions(
    organisation: Organisation, source: str, table: _Table, rows: Sequence[Row]
) -> dict[tuple[str, ...], int]:
    known: QuerySet[Any] = table.model._default_manager.filter(
        organisation=organisation, subject__in={row.subject for row in rows}
    )
    if table.by_source:
        known = known.filter(source=source)
    return {tuple(found[:-1]): found[-1] for found in known.values_list(*table.identity, "revision")}


def _batched(rows: Iterable[Row], size: int = BATCH) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, size)):
        yield batch


def ledger_items(
    organisation: Organisation, subject_kind: str, subjects: Sequence[str] | None = None
) -> Iterator[tuple[str, Item]]:
    """(number, what the ledger knows), by number; of these subjects, or of all. Constant memory.

    Events keep the contract, thing and purpose they are about; what an item may see of them is `Reading`'s to say.
    """
    if subjects is not None:
        wanted = sorted(set(subjects))
        for start in range(0, len(wanted), BATCH):
            yield from _known_of(organisation, subject_kind, wanted[start : start + BATCH])
        return
    last = ""
    while page := _next_subjects(organisation, subject_kind, last):
        yield from _known_of(organisation, subject_kind, page)
        last = page[-1]


def _next_subjects(organisation: Organisation, subject_kind: str, last: str) -> list[str]:
    contracts, events, facts = (
        model._default_manager.filter(organisation=organisation, subject_kind=subject_kind, subject__gt=last)
        .order_by()
        .values_list("subject", flat=True)
        for model in (LedgerContract, LedgerEvent, LedgerFact)
    )
    return list(contracts.union(events, facts).order_by("subject")[:BATCH])


@dataclass
class _Known:
    contracts: list[Contract] = field(default_factory=list)
    events: dict[str, list[Occurrence]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, bool | int | str] = field(default_factory=dict)

    def item(self) -> Item:
        return Item(
            contracts=tuple(self.contracts),
            events={name: tuple(found) for name, found in self.events.items()},
            facts=self.facts,
        )


def _known_of(organisation: Organisation, subject_kind: str, page: Sequence[str]) -> Iterator[tuple[str, Item]]:
    known: dict[str, _Known] = defaultdict(_Known)
    mine = {"organisation": organisation, "subject_kind": subject_kind, "subject__in": page}
    for subject, ref, started, ended, closed in (
        LedgerContract.objects.filter(**mine)
        .order_by("subject", "ref")
        .values_list("subject", "ref", "started", "ended", "closed")
    ):
        known[subject].contracts.append(Contract(ref, started, ended, closed))
    for subject, name, day, thing, purpose, contract in (
        LedgerEvent.objects.filter(**mine)
        .order_by("subject", "name", "thing", "date")
        .values_list("subject", "name", "date", "thing", "purpose", "contract")
    ):
        known[subject].events[name].append(Occurrence(day, thing, purpose, contract))
    for subject, name, value in LedgerFact.objects.filter(**mine).values_list("subject", "name", "value"):
        known[subject].facts[name] = value
    for subject in page:
        if subject in known:
            yield subject, known[subject].item()
