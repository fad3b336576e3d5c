"""Tonight's collection of the ledger from the registers that are its source of truth (V5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Max

from retention.connectors.contract import Connector, LedgerRow
from retention.domain.errors import SelosteError
from retention.domain.events import Absent, event
from retention.domain.lifecycle import GONE
from retention.ledger import BATCH, ContractRow, EventRow, FactRow, Row, write_collected, wrong
from retention.models import Attempt, Collection, LedgerContract, LedgerEvent, LedgerFact, Run
from retention.plan import LedgerSource, RegisterPlan, plan_of

FEWEST_ROWS_TO_COMPARE = 4
"""A source that told fewer rows than this the time before may shrink as it likes."""


class IncompleteError(SelosteError):
    """A source did not tell the ledger a whole and believable story; nothing of it was taken in."""


def collect(run: Run, register: RegisterPlan, connector: Connector) -> None:
    """Take in what each source of this register tells, each in a transaction of its own, and note how it went.

    A source whose rows contradict themselves, or that lost half of them since the last time, is noted as
    incomplete and changes nothing. Raises ConnectorError where the register itself fails.
    """
    for source in register.ledger:
        name = f"{register.code}:{source.code}"
        rows, problem = 0, ""
        try:
            with transaction.atomic():
                rows = _take_in(run, name, source, connector.collect(source.mapping))
                _refuse_shrinking(run, name, register, source, rows)
        except IncompleteError as error:
            problem = str(error)
        Collection.objects.update_or_create(
            run=run,
            source=name,
            defaults={"register": register.code, "rows": rows, "complete": not problem, "problem": problem},
        )


def _take_in(run: Run, name: str, source: LedgerSource, rows: Iterable[LedgerRow]) -> int:
    """Write what the source tells as a new generation, then take out what it tells no more. The number of rows."""
    mine = [
        model._default_manager.filter(organisation=run.organisation, source=name)
        for model in (LedgerContract, LedgerEvent, LedgerFact)
    ]
    generation = 1 + max(told.aggregate(last=Max("revision", default=0))["last"] for told in mine)
    mapping = source.mapping
    once = bool(mapping.facts) and not (mapping.events or mapping.started or mapping.ended)
    count = bad = twice = 0
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        count += len(batch)
        told = [row for ledger_row in batch for row in _rows(source, ledger_row, generation)]
        bad += sum(1 for row in told if any(True for _ in wrong(row)))
        if not bad:
            twice += write_collected(run.organisation, name, told, once)
    if bad:
        raise IncompleteError(
            f"{bad} of {count} rows contradict themselves (an end before its start, a number left out)"
        )
    if twice:
        raise IncompleteError(f"{twice} of {count} rows tell something else of what another row told already")
    for told_before in mine:
        told_before.exclude(revision=generation).delete()
    return count


def _rows(source: LedgerSource, row: LedgerRow, revision: int) -> Iterator[Row]:
    mapping = source.mapping
    if mapping.started or mapping.ended:
        yield ContractRow(
            source.subject_kind, row.subject, row.contract or "", row.started, row.ended, row.closed, revision
        )
    for name, day in row.events.items():
        if _is_told(name, day, row.closed):
            yield EventRow(
                source.subject_kind, row.subject, name, day, row.contract or "", mapping.purpose, row.thing, revision
            )
    for name, value in row.facts.items():
        if value is not None:
            yield FactRow(source.subject_kind, row.subject, name, value, revision)


def _is_told(name: str, day: date | None, closed: bool) -> bool:
    """NULL of an awaited or optional event is "not recorded"; where a date must be, or the row is closed, missing."""
    absent = event(name).absent
    return day is not None or absent is Absent.MISSING or (absent is Absent.AWAITED and closed)


def _refuse_shrinking(run: Run, name: str, register: RegisterPlan, source: LedgerSource, rows: int) -> None:
    """A source that fell to half or less of the last time, our own disposals allowed for, is not believed."""
    previous = (
        Collection.objects.filter(
            run__organisation=run.organisation, source=name, complete=True, run__business_date__lt=run.business_date
        )
        .order_by("-run__business_date")
        .select_related("run")
        .first()
    )
    if previous is None or previous.rows < FEWEST_ROWS_TO_COMPARE:
        return
    believable = previous.rows - _ours(run, previous, register, source)
    if rows * 2 <= believable:
        raise IncompleteError(f"told {rows} rows, after {previous.rows} on {previous.run.business_date}")


def _ours(run: Run, previous: Collection, register: RegisterPlan, source: LedgerSource) -> int:
    """At most how many of the source's rows we ourselves have destroyed since: rows of its table, or of a parent's.

    A parent's children are reckoned at twice their average number.
    """
    if run.version is None:
        return 0
    place = source.mapping.place
    ours = 0
    for dataset in plan_of(run.version).datasets_of(register.code):
        if dataset.mapping is None or place not in (dataset.mapping.place, *dataset.mapping.children):
            continue
        tallies: list[dict[str, Any]] = list(
            Attempt.objects.filter(
                lot__organisation=run.organisation,
                lot__dataset=dataset.code,
                run__business_date__gte=previous.run.business_date,
            ).values_list("tally", flat=True)
        )
        gone = sum(tally.get(outcome.value, 0) for tally in tallies for outcome in GONE)
        ours += gone if place == dataset.mapping.place else gone * _children_each(run, name_of(register, source))
    return ours


def name_of(register: RegisterPlan, source: LedgerSource) -> str:
    """How a source is named in the ledger and in tonight's collections."""
    return f"{register.code}:{source.code}"


def _children_each(run: Run, name: str) -> int:
    subjects: set[str] = set()
    rows = 0
    for model in (LedgerContract, LedgerEvent, LedgerFact):
        mine = model._default_manager.filter(organisation=run.organisation, source=name)
        rows += mine.count()
        subjects |= set(mine.values_list("subject", flat=True).distinct()[:BATCH])
    return max(1, 2 * -(-rows // max(1, len(subjects))))
