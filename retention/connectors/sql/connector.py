"""The verbs of the connector to SQL databases."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, ClassVar, Self
from weakref import WeakSet
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from retention.connectors.contract import (
    Candidate,
    Change,
    ConfigField,
    ConnectorError,
    Crowd,
    DatasetMapping,
    Disposal,
    HandOver,
    HandsOver,
    Health,
    Identity,
    IdentityMapping,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
)
from retention.connectors.sql import crowds, disposal, handover, identities, reading
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.changes import NOTHING, Counts
from retention.connectors.sql.checks import check_columns, check_dataset, check_stored, hindrance_of, needs_of
from retention.connectors.sql.database import Database, Need, Patience
from retention.connectors.sql.database_mariadb import MariadbDatabase
from retention.connectors.sql.database_postgresql import PostgresqlDatabase
from retention.connectors.sql.database_sqlite import SqliteDatabase, path_of
from retention.connectors.sql.receipts import Receipts
from retention.connectors.sql.values import Days
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

WROTE = frozenset({Outcome.DESTROYED, Outcome.ANONYMISED, Outcome.UNLINKED})

PAGE = 10_000
"""Rows read by one statement."""


def _utc() -> datetime:
    return datetime.now(UTC)


class SqlConnector:
    """One database: a SQLite file (a GeoPackage too), PostgreSQL (with PostGIS), MariaDB or MySQL.

    Not for several threads at once. Raises ConnectorError(permanent) for a config that is none.
    """

    kind: ClassVar[str] = "sql"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField(
            "url",
            "The database: sqlite:////path/to/file, postgresql+psycopg://user:password@host/database or "
            "mariadb+pymysql://user:password@host/database, with TLS options after a ?",
            secret=True,
        ),
        ConfigField("timeout", "Seconds to wait for another program's lock", required=False, default="30"),
        ConfigField("connect_timeout", "Seconds to wait for a server to answer", required=False, default="10"),
        ConfigField("statement_timeout", "Seconds that one statement may take", required=False, default="600"),
        ConfigField("time_zone", "The zone that decides a moment's day", required=False, default="Europe/Helsinki"),
        ConfigField(
            "stored_time_zone",
            "The zone in which moments without an offset are stored (UTC in many programs); left out: time_zone",
            required=False,
        ),
        ConfigField(
            "vacuum",
            "Rewrite a SQLite file after disposals, so that no deleted byte is left: yes or no",
            False,
            default="yes",
        ),
        ConfigField("receipts", "A table of the database that takes a receipt of each disposal", required=False),
        ConfigField("receipt_key", "The key under which receipts are made, 32 characters or more", False, secret=True),
    )

    def __init__(
        self,
        url: str,
        *,
        timeout: str = "30",
        connect_timeout: str = "10",
        statement_timeout: str = "600",
        time_zone: str = "Europe/Helsinki",
        stored_time_zone: str = "",
        vacuum: str = "yes",
        receipts: str = "",
        receipt_key: str = "",
        page: int = PAGE,
        clock: Callable[[], datetime] = _utc,
    ) -> None:
        if vacuum not in {"yes", "no"}:
            raise ConnectorError("vacuum must be yes or no", permanent=True)
        days = Days(_zone("time_zone", time_zone), _zone("stored_time_zone", stored_time_zone or time_zone))
        patience = Patience(
            _seconds("timeout", timeout),
            _seconds("connect_timeout", connect_timeout, 1),
            _seconds("statement_timeout", statement_timeout, 1),
        )
        self._database = _database(url, days, patience)
        self._receipts = _receipts(receipts, receipt_key)
        self._vacuum = vacuum == "yes"
        self._page = page
        self._now = clock
        self._open: sa.Connection | None = None
        self._known: Catalogue | None = None
        self._destroyed = False
        self._own: dict[int, Counts] | None = {}
        """Rows that we wrote, by table; None: we wrote, and nobody knows what is counted of it."""
        self._streams: WeakSet[Generator[Any]] = WeakSet()

    def __repr__(self) -> str:
        return "<SqlConnector>"

    def __enter__(self) -> Self:
        self._open, self._own = self._database.open(), {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. After disposals the file is rewritten; where it cannot be, that is the error if there is no other."""
        for stream in list(self._streams):
            stream.close()
        connection, self._open, self._known = self._open, None, None
        if connection is not None:
            connection.close()
        destroyed, self._destroyed = self._destroyed, False
        if not (destroyed and self._vacuum):
            return
        try:
            self._database.rewrite()
        except ConnectorError as failed:
            if error is None:
                raise ConnectorError(
                    f"deleted, but the file could not be rewritten and may hold deleted bytes: {failed}",
                    permanent=failed.permanent,
                ) from None

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Hold each mapping against what is there now; every mapped value must be readable.

        A mapping whose rows may not be read is not held against them; the right is in what is missing.
        """
        with self._asking() as connection:
            offset = self._clock_offset(connection)
            known = self._known = self._database.catalogue(connection)
            for mapping in mappings:
                check_dataset(known, mapping)
            needs = [need for mapping in mappings for need in needs_of(known, mapping)]
            if self._receipts is not None:
                table = self._receipts.relation(known, self._database.idiom).name
                needs.append(Need(table, ("token",), delete=True, insert=("token", "action", "at")))
            missing = tuple(dict.fromkeys(self._database.missing_rights(connection, known, needs)))
            for mapping in mappings:
                if not any(right.startswith("SELECT") and right.endswith(f" on {mapping.place}") for right in missing):
                    check_stored(connection, check_columns(known, mapping), mapping)
            hindrances = dict.fromkeys(filter(None, (hindrance_of(known, mapping) for mapping in mappings)))
        return Health(missing, tuple(hindrances), offset)

    def describe(self) -> Iterator[Place]:
        """Tables and views; virtual tables and their shadows are left out."""
        with self._asking() as connection:
            known = self._catalogue(connection)

            def may_read(name: str) -> bool:
                need = Need(name, tuple(known.relation(name).columns))
                missing = self._database.missing_rights(connection, known, [need])
                return not any(right.startswith("SELECT") for right in missing)

            yield from reading.describe(connection, known, may_read)

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Rows of a table or view, in no settled order."""
        return self._stream(self._reading().collect(mapping))

    def collect_of(self, mapping: LedgerMapping, subjects: Sequence[str]) -> Iterator[LedgerRow]:
        """The same of these subjects, by one statement."""
        return self._stream(self._reading().collect(mapping, subjects))

    def resolve(
        self, mapping: IdentityMapping, subjects: Sequence[str] | None = None, values: Sequence[str] | None = None
    ) -> Iterator[Identity]:
        """Names of these subjects, or of whoever had one of these values; in no settled order."""
        connection = self._connection()
        known = self._catalogue(connection)
        return self._stream(identities.resolve(self._database, connection, known, mapping, subjects, values))

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in key order: numbers by size, text by code point. Never over-selects."""
        yield from self._reading().find(mapping, where, subjects, contracts)

    def find_keys(self, mapping: DatasetMapping, keys: Sequence[str], where: Expression = TRUE) -> Iterator[Candidate]:
        """The same of these keys, by the index that the key has."""
        yield from self._reading().find(mapping, where, keys=keys)

    def not_sure(self, mapping: DatasetMapping, texts: Sequence[str], *, by_subject: bool) -> frozenset[str]:
        """One statement where the column's own comparison takes several texts for one, more only if it finds any."""
        return self._reading().not_sure(mapping, mapping.subject if by_subject else mapping.key, texts)

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """Each item's columns, its children's rows under their tables' names. Personal data."""
        with self._asking() as connection:
            yield from reading.export(connection, self._catalogue(connection), mapping, refs)

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        """In one transaction; an item that another table points at is `refused` with that table's name."""
        catalogue = self._catalogue(self._connection())
        with self._database.transaction() as connection:
            purge = disposal.Purge(self._database, connection, catalogue, mapping, action, still_due, self._receipts)
            disposals = purge.run(refs)
            self._count(self._database.own_writes(connection))
        self._destroyed |= any(one.outcome in WROTE for one in disposals)
        return disposals

    def at_once(self, mapping: DatasetMapping) -> int:
        """A whole lot where keys go as one array; elsewhere thousands of parameters would gain nothing."""
        return self._database.idiom.at_once

    def hand_over(
        self,
        mapping: DatasetMapping,
        refs: Sequence[Ref],
        action: Action,
        still_due: Expression,
        into: HandOver,
        receiver: HandsOver | None,
    ) -> Iterable[Disposal]:
        """In one transaction here; `receiver` commits its own first. What it does not take is `refused`."""
        catalogue = self._catalogue(self._connection())

        def before(connection: sa.Connection, relation: Relation, going: Sequence[Ref]) -> Mapping[str, str]:
            rows = handover.rows_of(connection, relation, mapping, into, going)
            if receiver is not None:
                return receiver.receive(into, rows)
            if into.condensed:
                handover.condense(connection, catalogue, into, rows)
                return {}
            return handover.receive(connection, catalogue, into, rows)

        with self._database.transaction() as connection:
            purge = disposal.Purge(
                self._database, connection, catalogue, mapping, action, still_due, self._receipts, before
            )
            disposals = purge.run(refs)
            self._count(self._database.own_writes(connection))
        self._destroyed |= any(one.outcome in WROTE for one in disposals)
        return disposals

    def receive(self, into: HandOver, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Written in one transaction, and read back on a connection of its own."""
        with self._database.told():
            catalogue = self._catalogue(self._connection())
            with self._database.transaction() as connection:
                refused = handover.receive(connection, catalogue, into, rows)
                self._count(self._database.own_writes(connection))
            taken = {key: row for key, row in rows.items() if key not in refused}
            with self._database.connect() as connection:
                return {**refused, **handover.missing(connection, catalogue, into, taken)}

    def check_hand_over(self, mappings: Sequence[DatasetMapping], into: HandOver, *, here: bool) -> tuple[str, ...]:
        """The rights that are missing for it."""
        with self._asking() as connection:
            known = self._catalogue(connection)
            for mapping in mappings:
                handover.check_source(known, mapping, into)
            if not here:
                return ()
            return tuple(self._database.missing_rights(connection, known, [handover.check_target(known, into)]))

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        """On a connection of its own: rows, children and history tables that still have something of the items."""
        with self._database.connect() as connection:
            known = self._catalogue(connection)
            return list(disposal.ReadBack(connection, known, mapping, action).residues(refs))

    def changes(self, places: Sequence[str]) -> Mapping[str, Change]:
        """By what the database counts or its file tells; one statement for all places."""
        if not places:
            return {}
        with self._asking() as connection:
            found = self._database.written(connection, places)
        own = self._own
        return {
            place: Change(written.token({}), "" if own is None else written.token(own))
            for place, written in found.items()
        }

    def own(self) -> Mapping[str, Sequence[int]] | None:
        """Table -> rows inserted, updated and deleted."""
        return None if self._own is None else {str(table): counts for table, counts in self._own.items()}

    def count_as_own(self, written: Mapping[str, Sequence[int]] | None) -> None:
        """The same, told by another connector of this database."""
        self._count(None if written is None else {int(table): (i, u, d) for table, (i, u, d) in written.items()})

    def earliest(self, mapping: DatasetMapping, asked: Sequence[tuple[str, date]]) -> Sequence[date | None]:
        """By one walk over the table, or its indexes. Rows that an earlier disposal emptied count too."""
        with self._asking():
            return self._reading().earliest(mapping, asked)

    def crowds(self, mapping: DatasetMapping, patterns: Sequence[Expression]) -> Iterator[Crowd]:
        """One statement over the table, on a connection of its own."""
        return self._stream(crowds.crowds(self._database, self._catalogue(self._connection()), mapping, patterns))

    def oldest(self, mapping: DatasetMapping, since: date, until: date) -> date | None:
        with self._asking() as connection:
            return crowds.oldest(self._database, connection, self._catalogue(connection), mapping, since, until)

    def _count(self, written: Mapping[int, Counts] | None) -> None:
        if written is None or self._own is None:
            self._own = None
            return
        for table, counts in written.items():
            before = self._own.get(table, NOTHING)
            self._own[table] = (before[0] + counts[0], before[1] + counts[1], before[2] + counts[2])

    def _clock_offset(self, connection: sa.Connection) -> float | None:
        """Seconds by which the server's clock is ahead of ours, held against the middle of the question."""
        before = self._now()
        theirs = self._database.clock(connection)
        after = self._now()
        return None if theirs is None else (theirs - (before + (after - before) / 2)).total_seconds()

    def _stream(self, stream: Iterator[Any]) -> Iterator[Any]:
        """So that what a reader broke off is closed at the latest with the connector."""
        if isinstance(stream, Generator):
            self._streams.add(stream)
        return stream

    def _connection(self) -> sa.Connection:
        if self._open is None:
            raise ConnectorError("sql: not entered", permanent=True)
        return self._open

    def _reading(self) -> reading.Reading:
        connection = self._connection()
        return reading.Reading(self._database, connection, self._catalogue(connection), self._page)

    @contextmanager
    def _asking(self) -> Iterator[sa.Connection]:
        with self._database.told():
            yield self._connection()

    def _catalogue(self, connection: sa.Connection) -> Catalogue:
        if self._known is None:
            with self._database.told():
                self._known = self._database.catalogue(connection)
        return self._known


def _zone(field: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConnectorError(f"{field} is not a time zone such as Europe/Helsinki", permanent=True) from None


def _seconds(field: str, text: str, least: float = 0) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not least <= seconds <= 3600:
        raise ConnectorError(f"{field} must be seconds, {least} to 3600", permanent=True)
    return seconds


def _database(url: str, days: Days, patience: Patience) -> Database:
    """The database that a URL names. Raises ConnectorError(permanent) that does not tell the URL."""
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise ConnectorError("url is not a database URL such as sqlite:////path/to/file", permanent=True) from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return SqliteDatabase(path_of(parsed), days, patience)
    servers: dict[str, Callable[[sa.URL, Days, Patience], Database]] = {
        "postgresql": PostgresqlDatabase,
        "postgresql+psycopg": PostgresqlDatabase,
        "mariadb+pymysql": MariadbDatabase,
        "mysql+pymysql": MariadbDatabase,
    }
    if parsed.drivername not in servers:
        known = ", ".join(("sqlite", *servers))
        raise ConnectorError(f"url: this connector reaches {known}", permanent=True)
    if not parsed.host or not parsed.database:
        raise ConnectorError("url must name a host and a database", permanent=True)
    return servers[parsed.drivername](parsed, days, patience)


def _receipts(table: str, key: str) -> Receipts | None:
    if not table and not key:
        return None
    if not table or len(key) < 32:
        raise ConnectorError("receipts: a table and a receipt_key of 32 characters or more", permanent=True)
    return Receipts(table, key.encode())
