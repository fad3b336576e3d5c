"""Databases and a source of one's own for what is broken on purpose: real servers, gone at the end.

A *place* is our own database with keys and tables (SQLite or PostgreSQL, `tests.own_database`), and a register's
database beside it (`tests.connectors.sql_servers`). Everything that is done there is done in processes of their own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.core.management import call_command

from benchmarks import a_django as a_django
from config.keys import make_keys
from samples.servers import Running, server
from tests.connectors.sql_servers import Postgres, Server, Sqlite, wait_until_ready
from tests.own_database import OwnDatabase, administer

VENDORS = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Place:
    """Our own database, and a register's."""

    own: OwnDatabase
    source: Server


@contextmanager
def servers(own: str, source: str) -> Iterator[Running | None]:
    """PostgreSQL, if one of both lies there."""
    if "postgresql" not in {own, source}:
        yield None
        return
    with server("postgres", environment={"POSTGRES_OPTIONS": "-c max_connections=100"}) as running:
        wait_until_ready(running.port)
        yield running


@contextmanager
def places(own: str, source: str) -> Iterator[Iterator[Place]]:
    """As many places as one asks for, all with the same empty tables; the last one ends with the next."""
    with tempfile.TemporaryDirectory(prefix="seloste-faults-") as directory, servers(own, source) as running:
        empty = _migrated(own, Path(directory) / "empty", running)

        def one_by_one() -> Generator[Place, None, None]:
            number = 0
            while True:
                number += 1
                with ExitStack() as stack:
                    here = stack.enter_context(empty.copy(Path(directory) / f"place-{number}"))
                    yield Place(here, stack.enter_context(source_of(source, here.directory, running)))

        made = one_by_one()
        try:
            yield made
        finally:
            made.close()


def _migrated(vendor: str, directory: Path, running: Running | None) -> OwnDatabase:
    make_keys(directory / "keys")
    found = OwnDatabase(directory)
    if vendor == "postgresql" and running is not None:
        found = OwnDatabase(directory, f"postgresql://postgres@127.0.0.1:{running.port}", "migrated")
        administer(found.server, "CREATE DATABASE migrated")
    if found.in_process(lambda: call_command("migrate", verbosity=0)) != 0:
        raise SystemExit("the tables could not be made")
    return found


class Schema(Postgres):
    """A register's tables in a schema of their own, on a server that need not know geometry."""

    def __init__(self, port: int) -> None:
        self.port, self.name = port, f"t{uuid4().hex[:12]}"
        self.run(f"create schema {self.name}")


@contextmanager
def source_of(vendor: str, directory: Path, running: Running | None) -> Iterator[Server]:
    """A register's database with nothing in it."""
    if vendor == "postgresql" and running is not None:
        one = Schema(running.port)
        yield one
        one.drop()
    else:
        yield Sqlite(directory / "register.sqlite3")
