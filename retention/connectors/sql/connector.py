"""The verbs of the connector to SQLite files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from retention.connectors.contract import (
    Candidate,
    ConfigField,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Health,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
)
from retention.connectors.sql import disposal, reading
from retention.connectors.sql.catalogue import Catalogue, read_catalogue
from retention.connectors.sql.checks import check_dataset
from retention.connectors.sql.database import Database, path_of
from retention.connectors.sql.values import Days
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

WROTE = frozenset({Outcome.DESTROYED, Outcome.ANONYMISED, Outcome.UNLINKED})

PAGE = 1_000
"""Rows read by one statement."""


class SqlConnector:
    """One SQLite file. Not for several threads at once. Raises ConnectorError(permanent) for a config that is none."""

    kind: ClassVar[str] = "sql"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("url", "The database: sqlite:////path/to/file", secret=True),
        ConfigField("timeout", "Seconds to wait for another program's lock", required=False, default="30"),
        ConfigField("time_zone", "The zone that decides a moment's day", required=False, default="Europe/Helsinki"),
        ConfigField(
            "stored_time_zone",
            "The zone in which moments without an offset are stored (UTC in many programs); left out: time_zone",
            required=False,
        ),
        ConfigField(
            "vacuum",
            "Rewrite the file after disposals, so that no deleted byte is left: yes or no",
            False,
            default="yes",
        ),
    )

    def __init__(
        self,
        url: str,
        *,
        timeout: str = "30",
        time_zone: str = "Europe/Helsinki",
        stored_time_zone: str = "",
        vacuum: str = "yes",
        page: int = PAGE,
    ) -> None:
        if vacuum not in {"yes", "no"}:
            raise ConnectorError("vacuum must be yes or no", permanent=True)
        days = Days(_zone("time_zone", time_zone), _zone("stored_time_zone", stored_time_zone or time_zone))
        self._database = Database(path_of(url), _seconds(timeout), days)
        self._vacuum = vacuum == "yes"
        self._page = page
        self._open: sa.Connection | None = None
        self._known: Catalogue | None = None
        self._destroyed = False

    def __repr__(self) -> str:
        return "<SqlConnector>"

    def __enter__(self) -> Self:
        self._open = self._database.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. After disposals the file is rewritten; where it cannot be, that is the error if there is no other."""
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
        """Hold each mapping against what is there now; every mapped value must be readable."""
        with self._asking() as connection:
            self._known = read_catalogue(connection)
            for mapping in mappings:
                check_dataset(connection, self._known, mapping)
        return Health(() if self._database.writable else ("write the database file and its directory",))

    def describe(self) -> Iterator[Place]:
        """Tables and views; virtual tables and their shadows are left out."""
        with self._asking() as connection:
            yield from reading.describe(connection, self._catalogue(connection))

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Rows of a table or view, in no settled order."""
        yield from self._reading().collect(mapping)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in key order: numbers by size, text by code point. Never over-selects."""
        yield from self._reading().find(mapping, where, subjects, contracts)

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
            disposals = disposal.Purge(connection, catalogue, mapping, action, still_due).run(refs)
        self._destroyed |= any(one.outcome in WROTE for one in disposals)
        return disposals

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        """On a connection of its own: rows, children and history tables that still have something of the items."""
        with self._database.connect() as connection:
            return list(disposal.ReadBack(connection, read_catalogue(connection), mapping, action).residues(refs))

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
                self._known = read_catalogue(connection)
        return self._known


def _zone(field: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConnectorError(f"{field} is not a time zone such as Europe/Helsinki", permanent=True) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ConnectorError("timeout must be seconds, 0 to 3600", permanent=True)
    return seconds
