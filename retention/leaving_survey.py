"""What is left in a register that is to close, asked of the real system with queries of its own, dataset by dataset.

    empty     it answered to its end, and there was no item
    migrated  a person recorded where it went, and each item that is left is found there by its key and person
    held      each item that is left is under a hold
    left      anything else that was found
    unknown   it could not be asked, which is never empty

Keys are compared as keyed digests in temporary tables of our own database, with constant memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from itertools import islice
from typing import Any

from django.db import connection

from retention.closed import closings, packed
from retention.connectors.contract import Candidate, ConnectorError, DatasetMapping
from retention.domain.errors import SelosteError
from retention.domain.evidence import merkle_root
from retention.evidence_log import subject_digest
from retention.identity import Names
from retention.models import Hold, Migration
from retention.plan import DatasetPlan, Plan, RegisterPlan
from retention.selectors import connector_of
from ropa.models import Organisation

EMPTY, MIGRATED, HELD, LEFT, UNKNOWN = "empty", "migrated", "held", "left", "unknown"
OVER = frozenset({EMPTY, MIGRATED, HELD})
"""The states in which a dataset's register may close."""

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A hold, and how many items that are left it keeps."""

    hold: int
    reason: str
    review_by: str
    items: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The record of a migration, and what comparing found: items counted here and there, and those not found there."""

    to_register: str
    to_dataset: str
    recorded: int
    recorded_by: str
    recorded_on: str
    there: int
    missing: int
    destroy_by: str | None


@dataclass(frozen=True)
class Left:
    """What is left of one dataset; `root`: Merkle root over the digests of its items; `why`: what is in the way."""

    dataset: str
    state: str
    items: int | None
    why: str = ""
    root: str = ""
    holds: tuple[HeldBy, ...] = ()
    moved: Moved | None = None
    remaining: str = field(default="", repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As a certificate has it, without the digests themselves."""
        told = asdict(self)
        del told["remaining"]
        return told


def survey(organisation: Organisation, plan: Plan, register: RegisterPlan, lifecycle: str, today: date) -> list[Left]:
    """Ask every dataset of the register. Raises nothing that the register does: what fails is `unknown`."""
    found = []
    with Names(organisation, plan) as names:
        for dataset in plan.datasets_of(register.code):
            if dataset.mapping is None:
                found.append(Left(dataset.code, UNKNOWN, None, "it has no mapping: nobody can ask for it"))
                continue
            try:
                found.append(_ask(organisation, plan, dataset, dataset.mapping, names, lifecycle, today))
            except SelosteError as error:
                found.append(Left(dataset.code, UNKNOWN, None, f"could not be asked: {error}"))
    return found


def beside(organisation: Organisation, plan: Plan, register: RegisterPlan) -> dict[str, int]:
    """Places of the register in which something lies that no dataset asks for, with how much. Raises ConnectorError.

    Who asks for some columns of a place sees nothing once these are emptied, whatever else lies in its rows.
    """
    mappings = [d.mapping for d in plan.datasets_of(register.code) if d.mapping is not None]
    mapped = {mapping.place for mapping in mappings if not mapping.fields}
    if "*" in mapped:
        return {}
    with connector_of(organisation, register) as connector:
        return {place.name: place.rows for place in connector.describe() if place.rows and place.name not in mapped}


def children_left(plan: Plan, register: RegisterPlan, lying: Mapping[str, int]) -> dict[str, int]:
    """Of these places, those that a dataset names as going with its items."""
    named = {child for d in plan.datasets_of(register.code) if d.mapping is not None for child in d.mapping.children}
    return {place: rows for place, rows in lying.items() if place in named}


def _ask(
    organisation: Organisation,
    plan: Plan,
    dataset: DatasetPlan,
    mapping: DatasetMapping,
    names: Names,
    lifecycle: str,
    today: date,
) -> Left:
    record = Migration.objects.filter(organisation=organisation, dataset=dataset.code).order_by("-id").first()
    target = None if record is None else _target(organisation, plan, dataset, record)
    holders = _Holders(organisation, dataset, today)
    by_hold: Counter[int] = Counter()
    by_person = target is None or _by_person(mapping, target)
    with _tables(), names.connect(dataset) as connector:
        connector.check([mapping])
        items = free = 0
        for batch in _batches(connector.find(mapping)):
            rows = []
            for candidate in batch:
                holds = holders.of(candidate)
                by_hold.update(holds)
                free += not holds
                wanted = candidate.ref.key if record is None else _there(record, candidate.ref.key)
                rows.append((_digest(candidate, wanted, by_person), subject_digest(candidate.ref.key), bool(holds)))
            items += len(batch)
            _insert("INSERT INTO leaving_old VALUES (%s, %s, %s)", rows)
        told = tuple(
            HeldBy(hold.pk, hold.reason, hold.review_by.isoformat(), by_hold[hold.pk])
            for hold in holders.named(by_hold)
        )
        if not items:
            return Left(dataset.code, EMPTY, 0, root=merkle_root([]))
        digests = _column("SELECT own FROM leaving_old ORDER BY own")
        left = Left(dataset.code, HELD, items, "", merkle_root(digests), told, None, packed(digests))
        if not free:
            return _in_frozen(left, lifecycle)
        if record is None or target is None:
            return replace(left, state=LEFT, why=f"{free} of {items} items are neither held nor recorded as migrated")
        moved = _compare(names, dataset, record, target, by_person)
    return _migrated(replace(left, moved=moved), record, lifecycle, today)


def _in_frozen(left: Left, lifecycle: str) -> Left:
    if lifecycle == "frozen":
        return left
    return replace(left, state=LEFT, why="what is held stays only in a register that is frozen: say so and publish it")


def _migrated(left: Left, record: Migration, lifecycle: str, today: date) -> Left:
    moved = left.moved
    why = ""
    if moved is not None and moved.missing:
        why = f"{moved.missing} of {left.items} items are not in {moved.to_register}"
    elif record.items != left.items:
        why = f"{record.items} items were recorded as migrated, and {left.items} are here"
    elif lifecycle != "frozen":
        why = "what was migrated stays only in a register that is frozen: say so and publish it"
    elif record.destroy_by is None or record.destroy_by < today:
        why = "nobody recorded until when what is left here is destroyed, or that day has passed"
    return replace(left, state=LEFT if why else MIGRATED, why=why)


def _target(organisation: Organisation, plan: Plan, dataset: DatasetPlan, record: Migration) -> DatasetPlan:
    target = plan.find_dataset(record.to_dataset)
    if target is None or target.mapping is None:
        raise ConnectorError(f"it was migrated to {record.to_dataset}, which nobody can ask", permanent=True)
    if target.register == dataset.register or target.register in closings(organisation):
        raise ConnectorError(
            f"it was migrated to {record.to_dataset}, which is in no other open register", permanent=True
        )
    return target


def _by_person(mapping: DatasetMapping, target: DatasetPlan) -> bool:
    """Whether both places tell whose an item is: an equal key of another person is another item."""
    return mapping.subject is not None and target.mapping is not None and target.mapping.subject is not None


def _there(record: Migration, key: str) -> str:
    """How the new place writes an old key."""
    return record.key_template.replace("{key}", key) if record.key_template else key


def _compare(names: Names, dataset: DatasetPlan, record: Migration, target: DatasetPlan, by_person: bool) -> Moved:
    mapping = target.mapping
    if mapping is None:
        raise ConnectorError(f"{target.code} has no mapping", permanent=True)
    if record.key_column:
        mapping = replace(mapping, key=record.key_column)
    there = 0
    with names.connect(target) as connector:
        connector.check([mapping])
        for batch in _batches(connector.find(mapping)):
            there += len(batch)
            rows = [(_digest(candidate, candidate.ref.key, by_person),) for candidate in batch]
            _insert("INSERT INTO leaving_new VALUES (%s)", rows)
    (missing,) = _column(
        "SELECT count(*) FROM leaving_old WHERE NOT held AND digest NOT IN (SELECT digest FROM leaving_new)"
    )
    return Moved(
        target.register,
        target.code,
        record.items,
        record.by,
        record.day.isoformat(),
        there,
        int(missing),
        record.destroy_by.isoformat() if record.destroy_by else None,
    )


def _digest(candidate: Candidate, key: str, by_person: bool) -> str:
    whose = candidate.ref.subject or "" if by_person else ""
    return subject_digest(f"{len(whose)}:{whose}{key}")


class _Holders:
    """Which active holds keep an item: those on everybody in their scope, and those on its person."""

    def __init__(self, organisation: Organisation, dataset: DatasetPlan, today: date) -> None:
        scope = Hold.objects.filter(
            organisation=organisation, register__in=["", dataset.register], dataset__in=["", dataset.code]
        )
        self._holds = {
            hold.pk: hold for hold in scope if hold.start <= today and (hold.released is None or hold.released > today)
        }
        self._all: list[int] = []
        self._unnamed: list[int] = []
        self._of: dict[str, list[int]] = {}
        for hold in scope.filter(pk__in=list(self._holds)).prefetch_related("subjects"):
            subjects = list(hold.subjects.all())
            if not subjects:
                self._all.append(hold.pk)
            elif hold.register or hold.dataset:
                self._unnamed.append(hold.pk)
            for one in subjects:
                if one.subject_kind == dataset.subject_kind:
                    self._of.setdefault(one.subject, []).append(hold.pk)

    def of(self, candidate: Candidate) -> list[int]:
        people = {candidate.ref.subject, *candidate.maybe} - {None}
        mine = [pk for person in people for pk in self._of.get(str(person), ())] if people else self._unnamed
        return sorted({*self._all, *mine})

    def named(self, pks: Iterable[int]) -> list[Hold]:
        return [self._holds[pk] for pk in sorted(pks)]


@contextmanager
def _tables() -> Iterator[None]:
    dropped = ("DROP TABLE IF EXISTS leaving_old", "DROP TABLE IF EXISTS leaving_new")
    _run(
        *dropped,
        "CREATE TEMPORARY TABLE leaving_old (digest varchar(64), own varchar(64), held boolean)",
        "CREATE TEMPORARY TABLE leaving_new (digest varchar(64))",
        "CREATE INDEX leaving_new_digest ON leaving_new (digest)",
    )
    try:
        yield
    finally:
        _run(*dropped)


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _insert(statement: str, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _column(question: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return [row[0] for row in cursor.fetchall()]


def _batches(found: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    stream = iter(found)
    while batch := list(islice(stream, BATCH)):
        yield batch
