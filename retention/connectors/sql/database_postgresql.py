"""A PostgreSQL database through psycopg.

Every connection says what it relies on: UTC, ISO dates, timeouts, and that row-level security fails rather than hides
rows, since a row that we cannot see would look as if it were gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from retention.connectors.contract import ConnectorError
from retention.connectors.sql import changes
from retention.connectors.sql.catalogue import Catalogue
from retention.connectors.sql.catalogue_postgresql import read_catalogue
from retention.connectors.sql.changes import Counts, Written
from retention.connectors.sql.database import Database, Need, Patience
from retention.connectors.sql.idiom_postgresql import PostgresqlIdiom
from retention.connectors.sql.values import Days

PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that may be otherwise next time: connection, rollback, resources, locks, intervention, system."""
REFUSING = ("23", "P0")
"""A constraint, or a trigger that raised an exception of its own."""
_STARTING = re.compile(r"starting up|shutting down|too many|remaining connection slots|recovery", re.IGNORECASE)
_TLS = re.compile(r"\bSSL\b|certificate|\bTLS\b", re.IGNORECASE)


class PostgresqlDatabase(Database):
    """One database of a server."""

    def __init__(self, url: sa.URL, days: Days, patience: Patience) -> None:
        super().__init__(days, patience)
        self.idiom = PostgresqlIdiom(days)
        self._engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": max(2, round(patience.connect)),
                "tcp_user_timeout": round(patience.statement * 1000),
                "client_encoding": "utf8",
                "prepare_threshold": None,  # a generic plan of two arrays is several times slower
            },
        )
        sa.event.listen(self._engine, "connect", self._settle)

    def _settle(self, connection: Any, _record: object) -> None:
        settings = {
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
            "row_security": "off",
            "lock_timeout": f"{max(1, round(self.patience.lock * 1000))}ms",
            "statement_timeout": f"{round(self.patience.statement * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{round(self.patience.statement * 1000) + 60_000}ms",
        }
        asked = ["set_config(%s, %s, false)"] * len(settings)
        asked.append(
            "CASE current_setting('synchronous_commit')"
            " WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
        )
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(asked)}", [one for setting in settings.items() for one in setting])
        if not connection.autocommit:
            connection.commit()

    def catalogue(self, connection: sa.Connection) -> Catalogue:
        return read_catalogue(connection, self.idiom)

    def clock(self, connection: sa.Connection) -> datetime | None:
        moment = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None

    def missing_rights(self, connection: sa.Connection, catalogue: Catalogue, needs: Sequence[Need]) -> tuple[str, ...]:
        preparer = self.idiom.dialect().identifier_preparer
        missing: list[str] = []
        for need in needs:
            relation = catalogue.relation(need.table)
            there = sa.func.to_regclass(preparer.format_table(relation.table))
            asked: dict[str, Any] = {}
            if need.select:
                asked["SELECT"] = sa.func.has_any_column_privilege(there, "SELECT")
            for right, columns in (("SELECT", need.select), ("UPDATE", need.update), ("INSERT", need.insert)):
                for name in columns:
                    asked[f"{right} ({name})"] = sa.func.has_column_privilege(there, name, right)
            if need.delete:
                asked["DELETE"] = sa.func.has_table_privilege(there, "DELETE")
            if need.lock and not need.update:
                asked["UPDATE of any column (to lock rows)"] = sa.func.has_any_column_privilege(there, "UPDATE")
            if not asked:
                continue
            row = connection.execute(sa.select(*(question.label(f"r{n}") for n, question in enumerate(asked.values()))))
            lacking = [name for name, given in zip(asked, row.one(), strict=True) if not given]
            if "SELECT" in lacking:
                lacking = [name for name in lacking if not name.startswith("SELECT (")]
            missing += [f"{name} on {need.table}" for name in lacking]
        return tuple(missing)

    def written(self, connection: sa.Connection, places: Sequence[str]) -> Mapping[str, Written]:
        return changes.postgresql(connection, places)

    def own_writes(self, connection: sa.Connection) -> Mapping[int, Counts] | None:
        return changes.postgresql_own(connection)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """What is read there is locked, so that it stays as it was read. Deferred constraints speak at once."""
        with (
            self.told(),
            self._engine.connect().execution_options(isolation_level="READ COMMITTED") as one,
            one.begin(),
        ):
            one.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            yield one

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A cursor lives in a transaction there, and ends with it."""
        with self.told(), self._engine.connect().execution_options(isolation_level="READ COMMITTED") as one:
            yield one

    def rewrite(self) -> None:
        """The server writes its own files anew, when it sees fit."""

    def refuses(self, error: DBAPIError) -> bool:
        return _state(error).startswith(REFUSING)

    def classified(self, error: DBAPIError) -> ConnectorError:
        state = _state(error)
        if not state and not isinstance(error.orig, OperationalError):
            return ConnectorError("a stored value cannot be read, such as an infinite date", permanent=True)
        if not state:
            return _unconnected(str(error.orig))
        named = {
            "42501": "the database refuses: a right is missing, or row-level security would hide rows",
            "40P01": "the database ended a deadlock",
            "40001": "another program changed the same rows",
            "53100": "the database server's disk is full",
            "55P03": "the database is locked by another program",
            "57014": "the database took longer than the statement timeout",
            "57P01": "the database ended the connection",
            "42P01": "a table is not there any more",
            "42703": "a column is not there any more",
        }
        told = named.get(state, f"the database answered {type(error.orig).__name__} ({state})")
        return ConnectorError(told, permanent=not state.startswith(PASSING))


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _unconnected(text: str) -> ConnectorError:
    """libpq tells what went wrong in words only. What the server itself says of a log-in has two blanks after it."""
    if _TLS.search(text):
        return ConnectorError("the database server: TLS failed, or its certificate is not trusted", permanent=True)
    if re.search(r"failed: \w+: {2}", text):
        if _STARTING.search(text):
            return ConnectorError("the database server takes no connections now", permanent=False)
        return ConnectorError("the database server refuses the user, the password or the database", permanent=True)
    return ConnectorError("the database server could not be reached, or the connection broke", permanent=False)
