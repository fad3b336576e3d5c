"""The source: a server of the benchmark's own, a template database, a copy of it for each measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from benchmarks.company.data import INDEXES, SCHEMA, TABLES, blocks
from benchmarks.company.rules import BY_HAND, FREE
from samples.servers import server

OPTIONS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "shared_preload_libraries": "pg_stat_statements",
}
"""Durable as in production, with room enough that no checkpoint falls into a measurement of its own accord."""

TEMPLATE, COPY = "company_template", "company"


@dataclass(frozen=True)
class Source:
    """Where it answers; `url` of one database of it."""

    server: str

    def url(self, name: str = COPY) -> str:
        return f"{self.server}/{name}"

    def connect(self, name: str = COPY) -> psycopg.Connection[tuple[object, ...]]:
        """In autocommit; no statement is prepared, since a generic plan of key arrays is several times slower."""
        return psycopg.connect(self.url(name), autocommit=True, prepare_threshold=None)

    def administer(self, *statements: str) -> None:
        with self.connect("postgres") as db:
            for statement in statements:
                db.execute(statement.encode())

    def copy(self, template: str = TEMPLATE, name: str = COPY) -> None:
        """A fresh copy under the name, everything written to disk, nothing counted yet."""
        self.drop(name)
        self.administer(f"create database {name} template {template} strategy file_copy", "checkpoint", _RESET_COUNTS)

    def drop(self, name: str) -> None:
        self.administer(f"drop database if exists {name} with (force)")

    def statements(self, name: str = COPY) -> int:
        """How many statements this database has been sent since it was copied, transactions' own ones included."""
        asked = (
            "select coalesce(sum(calls), 0)::int8 from pg_stat_statements s"
            " join pg_database d on d.oid = s.dbid where datname = %s"
        )
        with self.connect("postgres") as db:
            return _number(db.execute(asked, (name,)).fetchone())


_RESET_COUNTS = "select pg_stat_statements_reset()"


def _number(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row else 0


@contextmanager
def running() -> Iterator[Source]:
    """The server, with nothing in it. Raises ServerError if PostgreSQL is not installed."""
    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    with server("postgres", environment={"POSTGRES_OPTIONS": options}) as started:
        source = Source(f"postgresql://postgres@127.0.0.1:{started.port}")
        source.administer("create extension pg_stat_statements")
        yield source


def fill(source: Source, customers: int, seed: int = 1, name: str = TEMPLATE) -> None:
    """Make a database of that many customers by COPY, indexed, vacuumed and analysed."""
    source.administer(f"create database {name}")
    with source.connect(name) as db:
        db.execute(SCHEMA)
        with db.transaction():
            for block in blocks(customers, seed):
                for table in TABLES:
                    with db.cursor() as cursor, cursor.copy(f"copy {table} from stdin".encode()) as stream:
                        stream.write("".join(block[table]))
        db.execute(INDEXES)
        db.execute("vacuum (freeze, analyze)")


def rows(db: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """How many rows each table has."""
    asked = {table: f"select count(*) from {table}".encode() for table in TABLES}  # noqa: S608 - constants
    return {table: _number(db.execute(one).fetchone()) for table, one in asked.items()}


def due(db: psycopg.Connection[tuple[object, ...]], free: bool = True) -> dict[str, int]:
    """How many rows of each table are due; with `free`, and neither held nor kept by a debt."""
    found = {}
    for table in BY_HAND:
        terms = f"({table.due}) and {FREE.format(f't.{table.subject}') if free else 'true'}"
        asked = f"select count(*) from {table.table} t where {terms}"  # noqa: S608 - constants
        found[table.table] = _number(db.execute(asked.encode()).fetchone())
    return found


def left(db: psycopg.Connection[tuple[object, ...]]) -> Mapping[str, tuple[object, ...]]:
    """Of each table the number of rows and checksums over their keys: equal where the same rows are left."""
    found = {}
    for written in BY_HAND:
        key, subject = "hashint8extended(id, 7)", f"hashint8extended({written.subject}, id)"
        asked = f"select count(*), bit_xor({key}), bit_xor({subject}) from {written.table}"  # noqa: S608 - constants
        found[written.table] = db.execute(asked.encode()).fetchone() or ()
    return found
