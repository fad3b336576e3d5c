"""One SQLite file: opened as it is and never made, its settings for one connection.

No journal mode is set. Foreign keys are enforced, deleted bytes are overwritten (`secure_delete`), a lock is
waited for.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from retention.connectors.contract import ConnectorError
from retention.connectors.sql import geometry
from retention.connectors.sql.catalogue import Catalogue
from retention.connectors.sql.catalogue_sqlite import read_catalogue
from retention.connectors.sql.changes import Written
from retention.connectors.sql.database import Database, Need, Patience
from retention.connectors.sql.idiom_sqlite import SqliteIdiom
from retention.connectors.sql.values import Days, unreadable

PERMANENT = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_READONLY", "SQLITE_ERROR"})
"""Errors that trying again does not help; a lock or a full disk is none of them."""

SETTLED_SECONDS = 2.0
"""How long a file must have lain untouched until its times tell two states of it apart on any file system."""


def path_of(url: sa.URL) -> Path:
    """The file that a URL `sqlite:///…` names. Raises ConnectorError(permanent) that does not tell the URL."""
    if not url.database or url.database == ":memory:" or url.query or url.host:
        raise ConnectorError("url must name a file and nothing else: sqlite:////path/to/file", permanent=True)
    return Path(url.database).absolute()


class SqliteDatabase(Database):
    """A file and how its days read."""

    def __init__(self, path: Path, days: Days, patience: Patience) -> None:
        super().__init__(days, patience)
        self._path = path
        self._unreadable = ""
        self.idiom = SqliteIdiom(days)
        self._engine = sa.create_engine(
            "sqlite://", creator=self._open, poolclass=NullPool, hide_parameters=True, query_cache_size=100
        )

    def catalogue(self, connection: sa.Connection) -> Catalogue:
        return read_catalogue(connection, self.idiom)

    def missing_rights(self, connection: sa.Connection, catalogue: Catalogue, needs: Sequence[Need]) -> tuple[str, ...]:
        writable = os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)
        return () if writable else ("write the database file and its directory",)

    def written(self, connection: sa.Connection, places: Sequence[str]) -> Mapping[str, Written]:
        """By the file and its write-ahead log, looked at while nobody can write the file; all places alike.

        The change counter in the file's header would be exact, but in WAL mode it stands still, and to open the file a
        second time would drop the locks that this process holds on it. A time is only believed once it is past: what
        was written within the same tick of the clock leaves no trace.
        """
        connection.exec_driver_sql("begin")
        try:
            connection.exec_driver_sql("select count(*) from sqlite_master").scalar_one()
            version = connection.exec_driver_sql("pragma schema_version").scalar_one()
            seen = [_looked_at(Path(f"{self._path}{suffix}")) for suffix in ("", "-wal")]
        finally:
            connection.exec_driver_sql("rollback")
        newest = max(one.st_mtime for one in seen if one is not None)
        if not newest <= time.time() - SETTLED_SECONDS:
            return {}
        fixed = [str(version), *(repr(_told_apart(one)) for one in seen)]
        return {place: Written(fixed) for place in places}

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",  # rw: a file that is not there is an error, not a new database
            uri=True,
            timeout=self.patience.lock,
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
            (busy, *_), *_ = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").all()
        if busy:
            raise ConnectorError(
                "another program reads the file: deleted bytes are left in its write-ahead log until it closes",
                permanent=False,
            )

    def refuses(self, error: DBAPIError) -> bool:
        return isinstance(error, IntegrityError)

    def classified(self, error: DBAPIError) -> ConnectorError:
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
        if code == "SQLITE_FULL":
            return ConnectorError("the disk with the database file is full", permanent=False)
        return ConnectorError(f"the database answered {name}", permanent=code in PERMANENT)


def _looked_at(path: Path) -> os.stat_result | None:
    """None: it is not there, or it is a write-ahead log in which nothing is."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found if found.st_size else None


def _told_apart(one: os.stat_result | None) -> tuple[int, ...]:
    return () if one is None else (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns)


def _bound(which: int, blob: bytes | None) -> float | None:
    return geometry.bound(blob, which)
