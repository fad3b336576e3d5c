"""What we know of data subjects: contracts, events and facts of numbers, from registers and from the API.

One row per thing that is known. What programs send comes with revisions, and a later one supersedes an earlier
one; what a register tells is taken in as a whole every night (`retention.collection`), and is its alone to tell.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL

from retention.connectors.sql.arrays import array_of_texts
from retention.domain.errors import DocumentError, Problem
from retention.domain.events import CATALOGUE, OUTWEIGHING
from retention.domain.items import CONTRACT_EVENTS, Contract, Item, Occurrence, last_told
from retention.domain.sight import ContractTold, OccurrenceTold
from retention.models import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen, LedgerRevision
from ropa.models import Organisation

BATCH = 2_000
"""Rows written, or subjects read, at once."""

LONGEST = 100
"""Characters of a number at most."""

API = "api:"
"""How the sources of programs begin: `api:USER`. Any other source is a register's."""

UNTOLD = -1
"""The revision of a row that its source told once and tells no more: anybody may tell it again."""

SUBJECT_KIND = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)
_LATEST_REVISION = 2**63 - 1


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

    Raises DocumentError with every problem and its place; it names no data subject. A contract or fact that a
    register tells is refused: two sources of truth are none.
    """
    problems = [
        *_problems("contracts", contracts),
        *_problems("events", events),
        *_problems("facts", facts),
    ]
    if not 0 < len(source) <= 120:
        problems.append(Problem("source", "is missing or longer than 120 characters"))
    if problems:
        raise DocumentError(problems)
    contracts = [replace(row, ended=last_told(row.ended)) for row in contracts]
    with transaction.atomic():
        # one at a time: of two at once the later revision stays, whichever comes first
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        taken = [
            *_told_by_registers(organisation, source, "contracts", contracts),
            *_told_by_registers(organisation, source, "facts", facts),
        ]
        if taken:
            raise DocumentError(taken)
        written = [
            sum(_write(organisation, source, rows[n : n + BATCH]) for n in range(0, len(rows), BATCH))
            for rows in (contracts, events, facts)
        ]
        if any(written):
            changed(organisation.pk, {row.subject_kind for rows in (contracts, events, facts) for row in rows})
    superseded = len(contracts) + len(events) + len(facts) - sum(written)
    return Upserted(written[0], written[1], written[2], superseded)


_CHANGED = """INSERT INTO retention_ledgerrevision (organisation_id, subject_kind, number, whole) VALUES (%s, %s, 1, 0)
    ON CONFLICT (organisation_id, subject_kind) DO UPDATE SET number = retention_ledgerrevision.number + 1"""


def changed(organisation_id: int, subject_kinds: Iterable[str]) -> None:
    """Say that the ledger of these kinds of subject is another now, in the transaction that changes it.

    Whoever writes the ledger says so: what rests on it is asked again by the next night (`retention.unchanged`).
    """
    with connection.cursor() as cursor:
        for kind in sorted(subject_kinds):
            cursor.execute(_CHANGED, (organisation_id, kind))


def changed_whole(organisation_id: int, subject_kind: str) -> None:
    """After `changed`: a source did it that was read whole, and may have been read long before."""
    mine = LedgerRevision.objects.filter(organisation=organisation_id, subject_kind=subject_kind)
    mine.update(whole=F("whole") + 1)


def changes_whole(organisation: Organisation) -> Mapping[str, int]:
    """By kind of subject, how often that was so: other numbers than before say that the ledger is to be asked again."""
    return dict(LedgerRevision.objects.filter(organisation=organisation).values_list("subject_kind", "whole"))


def _problems(what: str, rows: Sequence[Row]) -> Iterator[Problem]:
    first: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows):
        path = f"{what}[{number}]"
        same = first.setdefault(row.identity, number)
        if same != number:
            yield Problem(path, f"tells of the same as {what}[{same}]")
        yield from (Problem(f"{path}.{name}", message) for name, message in wrong(row))


def wrong(row: Row) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) of one row, without its content."""
    if not SUBJECT_KIND.fullmatch(row.subject_kind):
        yield "subject_kind", "is no kind of subject such as customer or staff"
    yield from _wrong_text("subject", row.subject)
    if not 0 <= row.revision <= _LATEST_REVISION:
        yield "revision", "is no whole number from 0 on"
    match row:
        case ContractRow():
            yield from _wrong_text("ref", row.ref)
            if row.started is not None and row.ended is not None and row.ended < row.started:
                yield "ended", "lies before the contract starts"
        case EventRow():
            if row.name in CONTRACT_EVENTS:
                yield "name", f"{row.name} is told by the contract itself"
            elif row.name not in CATALOGUE:
                yield "name", f"unknown event {row.name!r}"
            yield from _wrong_text("contract", row.contract, least=0)
            yield from _wrong_text("thing", row.thing, least=0)
            yield from _wrong_text("purpose", row.purpose, least=0, most=60)
        case FactRow():
            yield from _wrong_text("name", row.name, most=60)
            if not isinstance(row.value, (bool, int, str)):
                yield "value", "is neither true or false, a number nor a text"
            elif isinstance(row.value, str):
                yield from _wrong_text("value", row.value, least=0)


def _wrong_text(name: str, text: str, least: int = 1, most: int = LONGEST) -> Iterator[tuple[str, str]]:
    if len(text) < least or (text and not text.strip()):
        yield name, "is missing"
    elif len(text) > most:
        yield name, f"is longer than {most} characters"
    elif "\x00" in text:
        yield name, "holds a null character"


def _told_by_registers(
    organisation: Organisation, source: str, what: str, rows: Sequence[ContractRow] | Sequence[FactRow]
) -> Iterator[Problem]:
    for start in range(0, len(rows), BATCH):
        batch: Sequence[ContractRow | FactRow] = rows[start : start + BATCH]
        table = _TABLES[type(batch[0])]
        others = (
            table.model._default_manager.filter(organisation=organisation, subject__in={row.subject for row in batch})
            .exclude(source=source)
            .exclude(source__startswith=API)
            .exclude(revision=UNTOLD)
        )
        told = {tuple(found[:-1]): found[-1] for found in others.values_list(*table.identity, "source")}
        for number, row in enumerate(batch, start):
            if row.identity in told:
                yield Problem(f"{what}[{number}]", f"is told by {told[row.identity]}, its source of truth")


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


def _write(organisation: Organisation, source: str, rows: Sequence[Row]) -> int:
    """Bulk upsert of one kind of rows, of what is later than what is known. The number written."""
    if not rows:
        return 0
    table = _TABLES[type(rows[0])]
    known = _revisions(organisation, source, table, rows)
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


def _revisions(
    organisation: Organisation, source: str, table: _Table, rows: Sequence[Row]
) -> dict[tuple[str, ...], int]:
    known: QuerySet[Any] = table.model._default_manager.filter(
        organisation=organisation, subject__in={row.subject for row in rows}
    )
    if table.by_source:
        known = known.filter(source=source)
    return {tuple(found[:-1]): found[-1] for found in known.values_list(*table.identity, "revision")}


def ledger_items(
    organisation: Organisation, subject_kind: str, subjects: Sequence[str] | None = None
) -> Iterator[tuple[str, Item]]:
    """(number, what the ledger knows) as items, by number; of these subjects, or of all. Constant memory."""
    for subject, known in known_to_ledger(organisation, subject_kind, subjects):
        yield subject, known.item()


Span = tuple[str, str]
"""Numbers after the first up to the second, as the database orders them; "" is the beginning, or no end."""

EVERYBODY: Span = ("", "")

# `%%`: a sign of the database's, not of a parameter.
_EVERY = """
    SELECT subject FROM (
        SELECT subject, row_number() OVER (ORDER BY subject) AS place FROM (
            SELECT subject FROM retention_ledgercontract WHERE organisation_id = %s AND subject_kind = %s
            UNION SELECT subject FROM retention_ledgerevent WHERE organisation_id = %s AND subject_kind = %s
            UNION SELECT subject FROM retention_ledgerfact WHERE organisation_id = %s AND subject_kind = %s
        ) AS everybody
    ) AS numbered WHERE place %% %s = 0 ORDER BY subject"""


def spans(organisation: Organisation, subject_kind: str, size: int) -> list[Span]:
    """Spans of `size` numbers that the ledger knows, which together are everybody; the last may have fewer or none."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERY, (*(organisation.pk, subject_kind) * 3, size))
        ends = [subject for (subject,) in cursor.fetchall()]
    return list(zip(["", *ends], [*ends, ""], strict=True))


def known_to_ledger(
    organisation: Organisation, subject_kind: str, subjects: Sequence[str] | None = None, span: Span = EVERYBODY
) -> Iterator[tuple[str, Known]]:
    """(number, what the ledger knows), by number; of these subjects, or of all in the span. Constant memory.

    Events keep the contract, thing and purpose they are about; what an item may see of them is `Reading`'s to say.
    `contract_started` and `contract_ended` are the contracts' to tell: an event of that name would hide a running one.
    """
    if subjects is not None:
        wanted = sorted(set(subjects))
        for start in range(0, len(wanted), BATCH):
            page = wanted[start : start + BATCH]
            yield from _known_of(organisation, subject_kind, page, among(page))
        return
    last, until = span
    while page := _next_subjects(organisation, subject_kind, last, until):
        # all between two numbers, which costs less to ask than 2,000 numbers
        yield from _known_of(organisation, subject_kind, page, Q(subject__gt=last, subject__lte=page[-1]))
        last = page[-1]


# Each part pages through its own index; the first page of all lies within the three first pages.
_SUBJECTS = """
    SELECT subject FROM (SELECT DISTINCT subject FROM retention_ledgercontract
        WHERE organisation_id = %s AND subject_kind = %s AND subject > %s AND (%s = '' OR subject <= %s)
        ORDER BY subject LIMIT %s) AS a
    UNION
    SELECT subject FROM (SELECT DISTINCT subject FROM retention_ledgerevent
        WHERE organisation_id = %s AND subject_kind = %s AND subject > %s AND (%s = '' OR subject <= %s)
        ORDER BY subject LIMIT %s) AS b
    UNION
    SELECT subject FROM (SELECT DISTINCT subject FROM retention_ledgerfact
        WHERE organisation_id = %s AND subject_kind = %s AND subject > %s AND (%s = '' OR subject <= %s)
        ORDER BY subject LIMIT %s) AS c
    ORDER BY subject LIMIT %s"""


def _next_subjects(organisation: Organisation, subject_kind: str, last: str, until: str) -> list[str]:
    part = (organisation.pk, subject_kind, last, until, until, BATCH)
    with connection.cursor() as cursor:
        cursor.execute(_SUBJECTS, (*part, *part, *part, BATCH))
        return [subject for (subject,) in cursor.fetchall()]


@dataclass(slots=True)
class Known:
    """What the ledger's rows say of one data subject, as they stand there; most people are never made an item."""

    contracts: list[ContractTold] = field(default_factory=list)
    events: dict[str, list[OccurrenceTold]] = field(default_factory=dict)
    still_open: dict[str, list[OccurrenceTold]] = field(default_factory=dict)
    facts: dict[str, bool | int | str] = field(default_factory=dict)

    def item(self) -> Item:
        return Item(
            contracts=tuple(Contract(*told) for told in self.contracts),
            events={name: tuple(Occurrence(*told) for told in found) for name, found in self.events.items()},
            still_open={name: tuple(Occurrence(*told) for told in found) for name, found in self.still_open.items()},
            facts=self.facts,
        )


def with_contracts(organisation_id: int, subject_kind: str, subjects: Sequence[str]) -> set[str]:
    """Who of these subjects has a contract."""
    mine = LedgerContract.objects.filter(among(subjects), organisation=organisation_id, subject_kind=subject_kind)
    return set(mine.values_list("subject", flat=True).order_by().distinct())


def contracts_told(
    organisation: Organisation, subject_kind: str, source: str, subjects: Sequence[str]
) -> set[tuple[str, str, date | None, date | None, bool]]:
    """(number, contract, started, ended, closed) of these subjects, as a source told them last and tells them still."""
    mine = LedgerContract.objects.filter(
        among(subjects), organisation=organisation, subject_kind=subject_kind, source=source
    )
    return set(mine.exclude(revision=UNTOLD).values_list("subject", "ref", "started", "ended", "closed").order_by())


def among(subjects: Sequence[str]) -> RawSQL:
    """These subjects, of any table that has them: one parameter, which both databases read far faster than many."""
    if connection.vendor == "postgresql":
        return RawSQL("subject = ANY(%s::text[])", (array_of_texts(subjects),), models.BooleanField())
    return RawSQL("subject IN (SELECT value FROM json_each(%s))", (json.dumps(list(subjects)),), models.BooleanField())


def _with_open(mine: Mapping[str, Any], known: Mapping[str, Known]) -> None:
    """Add what is still open beside something of the same name that is recorded; alone it says nothing.

    One of whose person its source tells nothing any more has perhaps ended, and nobody knows when: its date is missing.
    """
    subjects = [subject for subject, one in known.items() if not OUTWEIGHING.isdisjoint(one.events)]
    if not subjects:
        return
    rows = LedgerOpen.objects.filter(among(subjects), **mine).order_by("subject", "name", "thing", "source")
    found = rows.values_list("subject", "name", "thing", "purpose", "contract", "revision")
    for subject, name, thing, purpose, contract, revision in found:
        one = known[subject]
        if name in one.events:
            one.still_open.setdefault(name, []).append((None, thing, purpose, contract))
            if revision == UNTOLD:
                one.events[name].append((None, thing, purpose, contract))


def _known_of(
    organisation: Organisation, subject_kind: str, page: Sequence[str], of_page: Q | RawSQL
) -> Iterator[tuple[str, Known]]:
    known: dict[str, Known] = defaultdict(Known)
    mine = {"organisation": organisation, "subject_kind": subject_kind}
    for subject, ref, started, ended, closed in (
        LedgerContract.objects.filter(of_page, **mine)
        .order_by("subject", "ref")
        .values_list("subject", "ref", "started", "ended", "closed")
    ):
        known[subject].contracts.append((ref, started, ended, closed))
    for subject, name, day, thing, purpose, contract in (
        LedgerEvent.objects.filter(of_page, **mine)
        .exclude(name__in=CONTRACT_EVENTS)
        .order_by("subject", "name", "thing", "date")
        .values_list("subject", "name", "date", "thing", "purpose", "contract")
    ):
        known[subject].events.setdefault(name, []).append((day, thing, purpose, contract))
    _with_open(mine, known)
    for subject, name, value in LedgerFact.objects.filter(of_page, **mine).values_list("subject", "name", "value"):
        known[subject].facts[name] = value
    for subject in page:
        if subject in known:
            yield subject, known[subject]
