"""What need not be asked tonight, because nothing it rests on was written since it was asked, and no day has come.

A source of the ledger, or a dataset, *stands* on its last complete answer while all of this is as it was: what its
system counts of writes (`TellsChanges`), the ledger's revision, the holds, the published version, the registers that
are open, the connections, our own release; and for a dataset the day on which a state would change by itself still
lies ahead (`retention.domain.horizon`). Anything of that unknown, and it is asked as ever; after seven days it is
asked in any case (V5). A night that relies on this says so in its evidence, and never that it asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q

from retention.connectors.contract import Connector, ConnectorError, TellsChanges
from retention.disposal import lots_to_look_at
from retention.domain.evidence import canonical
from retention.domain.horizon import Question, next_change, questions
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.rules import Hold
from retention.evidence_log import EvidenceLog, subject_digest
from retention.models import (
    Collection,
    DatasetNight,
    DatasetState,
    LedgerContract,
    LedgerEvent,
    LedgerRevision,
    Lot,
    Run,
)
from retention.models import Hold as PlacedHold
from retention.plan import DatasetPlan, Plan, RegisterPlan
from retention.release import release
from retention.runs import uncounted
from retention.unchanged_sources import FULL, LONG, Told, sources, standing_sources, write_sources

NUMBERS = ("overdue_left", "unexplained", "people_overdue", "overdue_since", "oldest_kept")


@dataclass(frozen=True)
class Basis:
    """What tonight's answers rest on beside the registers, as it was read in one moment."""

    run: Run
    plan: Plan
    told: Told
    ledgers: Mapping[str, LedgerRevision]
    holds: Sequence[tuple[str, str, date, date | None, int]]
    states: Mapping[str, DatasetState]
    lots: frozenset[str]
    rows: Mapping[str, DatasetNight]
    complete: bool

    def digest(self, dataset: DatasetPlan) -> str:
        """Of all that a dataset's answer rests on; "" where that is not known."""
        if dataset.mapping is None or dataset.rules.follows or dataset.step or self.plan.steps_of(dataset.code):
            return ""  # what it follows, or what its steps have made, lies elsewhere
        wanted = {dataset.register: {dataset.mapping.place}}
        if dataset.subject_key is not None:
            named = wanted.setdefault(dataset.subject_key.via, set())
            named |= {mapping.place for mapping in self.plan.identities(dataset)}
        written = []
        for code, places in sorted(wanted.items()):
            register = self.plan.find_register(code)
            tokens = {} if register is None else self.told.of(self.run, self.plan, register)
            if register is None or not places <= tokens.keys():
                return ""
            written.append(
                [
                    code,
                    self.told.way(self.run, register),
                    [tokens[p] for p in sorted(places)],
                ]
            )
        ledger = self.ledgers.get(dataset.subject_kind) if dataset.mapping.subject is not None else None
        rest = [
            release(),
            self.plan.digest,
            dataset.rules_digest,  # with the substitutes that are in force
            [register.code for register in self.plan.registers],
            dataset.code,
            ledger.number if ledger is not None else 0,
            [[number, register, code, str(start), str(end)] for register, code, start, end, number in self.holds],
        ]
        return subject_digest(canonical([*rest, written]).decode("utf-8"))

    def standing(self, datasets: Iterable[DatasetPlan], but: Some[str] = ()) -> Mapping[str, DatasetState]:
        """Of these, what stands tonight; nothing at all where the ledger is not complete."""
        return {d.code: self.states[d.code] for d in datasets if d.code not in but and self._stands(d)}

    def _stands(self, dataset: DatasetPlan) -> bool:
        state = self.states.get(dataset.code)
        if state is None or state.night.problem or not self.complete or dataset.code in self.lots:
            return False
        age = self.run.business_date - state.night.run.business_date
        if not timedelta(0) < age < FULL or self.run.business_date >= state.next_day:
            return False
        return self.digest(dataset) == state.digest


def basis(run: Run, plan: Plan, told: Told, fresh: bool = False) -> Basis:
    """What tonight's answers rest on, as it is now; `fresh`: of a night of which nothing is written yet."""
    organisation = run.organisation
    holds = PlacedHold.objects.filter(organisation=organisation).order_by("pk")
    lots = Lot.objects.filter(lots_to_look_at(run.business_date), organisation=organisation)
    states = DatasetState.objects.filter(organisation=organisation).select_related("night__run")
    return Basis(
        run,
        plan,
        told,
        {row.subject_kind: row for row in LedgerRevision.objects.filter(organisation=organisation)},
        list(holds.values_list("register", "dataset", "start", "released", "pk")),
        {state.dataset: state for state in states.defer(*(f"night__run__{field}" for field in LONG))},
        frozenset(lots.order_by().values_list("dataset", flat=True).distinct()),
        {} if fresh else {row.dataset: row for row in DatasetNight.objects.filter(run=run)},
        fresh or not Collection.objects.filter(run=run, complete=False).exists(),
    )


def take_over(
    run: Run, datasets: Iterable[DatasetPlan], standing: Mapping[str, DatasetState], log: EvidenceLog
) -> None:
    """Of these, write the numbers of what stands into tonight's rows, and into the evidence that nobody was asked."""
    rows = _taken_over(run, datasets, standing)
    if not rows:
        return
    with transaction.atomic(savepoint=False):
        log.append(*_entry(rows, standing))
        _write(rows)


def _taken_over(run: Run, datasets: Iterable[DatasetPlan], standing: Mapping[str, DatasetState]) -> list[DatasetNight]:
    rows = []
    for dataset in datasets:
        if dataset.code not in standing:
            continue
        last = standing[dataset.code].night
        kept = {name: n for name, n in last.counts.items() if name != "due"}
        row = DatasetNight(
            run=run,
            register=dataset.register,
            dataset=dataset.code,
            counts={**kept, "outcomes": {}},
            unchanged_since=last.run.business_date,
        )
        for name in NUMBERS:
            setattr(row, name, getattr(last, name))
        rows.append(row)
    return rows


def _entry(rows: Iterable[DatasetNight], standing: Mapping[str, DatasetState]) -> tuple[str, Mapping[str, Any]]:
    told = {row.dataset: [str(row.unchanged_since), standing[row.dataset].digest] for row in rows}
    return "unchanged", {"datasets": told}


def _write(rows: Sequence[DatasetNight]) -> None:
    DatasetNight.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["run", "dataset"],
        update_fields=["register", "problem", "counts", "unchanged_since", *NUMBERS],
    )


def remember(before: Basis, dataset: DatasetPlan, digest: str, connector: Connector, overdue: int) -> None:
    """After a dataset was asked and read whole: how it stands, and until when that lasts by itself.

    Nothing is remembered of what is overdue, waits in a lot or had a problem: that is looked at every night. `digest`
    is from before the reading, so that whatever was written meanwhile is another one.
    """
    row = DatasetNight.objects.filter(run=before.run, dataset=dataset.code, problem="").first()
    if not digest or row is None or overdue or dataset.code in before.lots or not before.complete:
        return
    if not isinstance(connector, TellsChanges) or dataset.mapping is None:
        return
    today = before.run.business_date
    wanted = questions(dataset.rules, today, dataset.substitutes)
    own = sorted(question for question in wanted if question[0] in dataset.mapping.events)
    try:
        told = connector.earliest(dataset.mapping, own)
    except ConnectorError:
        return  # then the next night asks it all
    answers: dict[Question, list[date | None]] = defaultdict(list)
    for question, day in zip(own, told, strict=True):
        answers[question].append(day)
    if dataset.mapping.subject is not None:
        for question, day in _ledger_earliest(before.run, dataset.subject_kind, sorted(wanted - set(own))):
            answers[question].append(day)
    holds = [Hold(start, released) for _, _, start, released, _ in before.holds]
    DatasetState.objects.update_or_create(
        organisation=before.run.organisation,
        dataset=dataset.code,
        defaults={
            "night": row,
            "digest": digest,
            "next_day": next_change(dataset.rules, holds, today, answers, dataset.substitutes),
        },
    )


def _ledger_earliest(run: Run, kind: str, asked: Sequence[Question]) -> Iterator[tuple[Question, date | None]]:
    """The earliest day of each event, from its day on, that the ledger knows of anybody of this kind."""
    mine = {"organisation": run.organisation, "subject_kind": kind}
    told_by = {"contract_started": "started", "contract_ended": "ended"}
    contracts = {f"q{n}": question for n, question in enumerate(asked) if question[0] in CONTRACT_EVENTS}
    events = {f"q{n}": question for n, question in enumerate(asked) if question[0] not in CONTRACT_EVENTS}
    if contracts:
        least = {
            key: Min(told_by[name], filter=Q(**{f"{told_by[name]}__gte": day}))
            for key, (name, day) in contracts.items()
        }
        found = LedgerContract.objects.filter(**mine).aggregate(**least)
        yield from ((contracts[key], day) for key, day in found.items())
    if events:
        rows = LedgerEvent.objects.filter(**mine, name__in={name for name, _ in events.values()})
        least = {key: Min("date", filter=Q(name=name, date__gte=day)) for key, (name, day) in events.items()}
        yield from ((events[key], day) for key, day in rows.aggregate(**least).items())


@dataclass(frozen=True)
class Quiet:
    """A night on which nothing at all is to be asked: what stands."""

    datasets: Sequence[DatasetPlan]
    standing: Mapping[str, DatasetState]
    sources: Sequence[tuple[RegisterPlan, Mapping[str, Collection]]]

    def write(self, run: Run) -> list[DatasetNight]:
        """Write all its rows, in the caller's transaction; those of the night's table."""
        for register, rows in self.sources:
            write_sources(run, register, rows)
        table = _taken_over(run, self.datasets, self.standing)
        _write(table)
        return table

    def told(self, table: Iterable[DatasetNight]) -> tuple[str, Mapping[str, Any]]:
        """The entry of the evidence that says so."""
        return _entry(table, self.standing)


def quiet(run: Run, plan: Plan, told: Told) -> Quiet | None:
    """Whether nothing at all is to be asked in a night of which nothing is written yet.

    Then every source, every dataset and what there is to forget stand, and no lot is open.
    """
    if any(source.bans is not None for register in plan.registers for source in register.ledger):
        return None  # what the ledger tells of bans is looked through every night
    if uncounted(run):
        return None  # what those have destroyed is told by this one
    datasets = [dataset for dataset in plan.datasets if dataset.mapping is not None]
    now = basis(run, plan, told, fresh=True)
    if now.lots or not all(_forgotten(now.ledgers.get(kind)) for kind in _kinds(plan)):
        return None
    standing = now.standing(datasets)
    if len(standing) < len(datasets):
        return None
    telling = [register for register in plan.registers if register.ledger]
    found = [(register, standing_sources(run, register, sources(run, plan, told, register))) for register in telling]
    if any(len(rows) < len(register.ledger) for register, rows in found):
        return None
    return Quiet(datasets, standing, found)


# What the ledger has to forget


def something_was_read(run: Run) -> None:
    """A register answered anew: whether it still needs somebody is to be asked again."""
    LedgerRevision.objects.filter(organisation=run.organisation).exclude(forgotten=None).update(forgotten=None)


def ledgers(run: Run, plan: Plan) -> Mapping[str, LedgerRevision | None]:
    """Of each kind of subject that the ledger is told of, how often it was changed."""
    known = {row.subject_kind: row for row in LedgerRevision.objects.filter(organisation=run.organisation)}
    return {kind: known.get(kind) for kind in _kinds(plan)}


def nothing_to_forget(run: Run, plan: Plan, before: Mapping[str, LedgerRevision | None]) -> bool:
    """Whether no register answered anew since the ledger last had nothing to forget, and it is the same ledger."""
    if not all(_forgotten(row) for row in before.values()):
        return False
    standing = DatasetNight.objects.filter(run=run).exclude(unchanged_since=None).values_list("dataset", flat=True)
    return {*standing}.issuperset(dataset.code for dataset in plan.datasets if dataset.mapping is not None)


def nothing_is_left_to_forget(before: Mapping[str, LedgerRevision | None]) -> None:
    """The ledger was gone through, and holds nobody whom no register needs; as long as it is not changed again."""
    for row in before.values():
        if row is not None:
            LedgerRevision.objects.filter(pk=row.pk, number=row.number).update(forgotten=row.number)


def _kinds(plan: Plan) -> set[str]:
    return {source.subject_kind for register in plan.registers for source in register.ledger}


def _forgotten(row: LedgerRevision | None) -> bool:
    return row is not None and row.forgotten == row.number
