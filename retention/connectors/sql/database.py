"""One SQLite file: opened as it is and never made, its settings for one connection, its errors without its contents.

Other people's databases are left as they are: no journal mode is set, nothing is written but what `dispose`
destroys. Foreign keys are enforced, deleted bytes are overwritten (`secure_delete`), a lock is waited for.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from retention.connectors.contract import ConnectorError
from retention.connectors.sql import geometry
from retention.connectors.sql.values import Days, unreadable

PERMANENT = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_READONLY", "SQLITE_ERROR"})
"""Errors that trying again does not help; a lock or a full disk is none of them."""


def path_of(url: str) -> Path:
    """The file that a URL `sqlite:///…` names. Raises ConnectorError(permanent) that does not tell the URL."""
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise ConnectorError("url is not a database URL such as sqlite:////path/to/file", permanent=True) from None
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise ConnectorError("url: this connector reaches SQLite files only, so far", permanent=True)
    if not parsed.database or parsed.database == ":memory:" or parsed.query or parsed.host:
        raise ConnectorError("url must name a file and nothing else: sqlite:////path/to/file", permanent=True)
    return Path(parsed.database).absolute()


class Database:
    """A file and how its days read. Each `connect` is a connection of its own."""

    def __init__(self, path: Path, timeout: float, days: Days) -> None:
        self._path = path
        self._timeout = timeout
        self.days = days
        self._unreadable = ""
        self._engine = sa.create_engine(
            "sqlite://", creator=self._open, poolclass=NullPool, hide_parameters=True, query_cache_size=100
        )

    def __repr__(self) -> str:
        return "<Database>"

    @property
    def writable(self) -> bool:
        """Whether this process may write the file."""
        return _may_write(self._path) and _may_write(self._path.parent)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",  # rw: a file that is not there is an error, not a new database
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma secure_delete = on")
        connection.create_function("seloste_day", 2, self._day, deterministic=True)
        connection.create_function("seloste_readable", 1, self._readable, deterministic=True)
        connection.create_function("ST_IsEmpty", 1, geometry.is_empty, deterministic=True)
        for which, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
            connection.create_function(name, 1, partial(_bound, which), deterministic=True)
        return connection

    def _day(self, value: object, where: str) -> str | None:
        """A stored moment's local day, for SQL; a value that is none fails the statement."""
        if value is None:
            return None
        day = self.days.of(value)
        if day is None:
            self._unreadable = where
            raise ValueError(where)
        return day.isoformat()

    def _readable(self, value: object) -> int:
        return int(value is None or self.days.of(value) is not None)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection; every statement stands alone until `transaction`. Raises ConnectorError."""
        with self.told(), self._engine.connect() as connection:
            yield connection

    def open(self) -> sa.Connection:
        """A connection that the caller closes. Raises ConnectorError."""
        with self.told():
            return self._engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The only writer, from its first statement on: all of it is kept, or nothing."""
        with self.connect() as connection:
            connection.exec_driver_sql("begin immediate")
            yield connection
            connection.commit()

    def rewrite(self) -> None:
        """VACUUM, and empty a write-ahead log: what was deleted is in no page of the file any more."""
        with self.connect() as connection:
            connection.exec_driver_sql("vacuum")
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)").all()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turns a database's error into one that names its kind, and no value, statement or path."""
        try:
            yield
        except DBAPIError as error:
            raise self._error(error) from None
        except SQLAlchemyError as error:
            raise ConnectorError(f"the database could not be asked ({type(error).__name__})", permanent=True) from None

    def _error(self, error: DBAPIError) -> ConnectorError:
        if self._unreadable:
            where, self._unreadable = self._unreadable, ""
            return unreadable(where, "a date")
        name = getattr(error.orig, "sqlite_errorname", None) or type(error.orig).__name__
        code = "_".join(name.split("_")[:2])
        if code == "SQLITE_CANTOPEN":
            return ConnectorError("the database file is not there or may not be opened", permanent=True)
        if code == "SQLITE_NOTADB":
            return ConnectorError("the file is not a database", permanent=True)
        if code in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
            return ConnectorError("the database is locked by another program", permanent=False)
        return ConnectorError(f"the database answered {name}", permanent=code in PERMANENT)


def _bound(which: int, blob: bytes | None) -> float | None:
    return geometry.bound(blob, which)


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK)
