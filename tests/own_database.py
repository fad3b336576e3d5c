"""Databases of a test's own that several processes share, on SQLite and on PostgreSQL, for what a transaction of the
test's cannot show: kills, races, leases."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test.utils import setup_databases, teardown_databases

from config import env
from config.keys import make_keys
from tests.servers.fixtures import need

NUMBERS = itertools.count()


@dataclass(frozen=True)
class OwnDatabase:
    """A data directory with keys, and a database that belongs to it; `server` is where PostgreSQL answers."""

    directory: Path
    server: str = ""
    name: str = ""

    @property
    def url(self) -> str:
        """As SELOSTE_DATABASE_URL says it."""
        return f"{self.server}/{self.name}" if self.server else f"sqlite:///{self.directory}/seloste.sqlite3"

    def settle(self) -> None:
        """From now on, this process works on this database and this directory."""
        from django.conf import settings

        before = os.environ.get("SELOSTE_OWN")
        os.environ["SELOSTE_OWN"] = self.url
        handler = ConnectionHandler({"default": env.database("SELOSTE_OWN", self.directory)})
        os.environ.pop("SELOSTE_OWN")
        assert before is None
        settings.DATA_DIR = self.directory
        connections.settings["default"] = handler.settings["default"]
        del connections["default"]

    def in_process(self, act: Callable[[], object]) -> int:
        """Run `act` in a process of its own on this database; its exit status (negative: its signal)."""
        return wait(self.start(act))

    def start(self, act: Callable[[], object]) -> int:
        """The same without waiting: the process's id."""
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            try:
                self.settle()
                act()
                connections.close_all()
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a forked child must never return into pytest
                traceback.print_exc(file=sys.__stderr__)
                os._exit(1)
        return pid

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What the database answers; JSON as text."""
        if not self.server:
            with closing(sqlite3.connect(self.directory / "seloste.sqlite3")) as database:
                rows = database.execute(question).fetchall()
                database.commit()
                return rows
        with psycopg.connect(self.url, autocommit=True) as database:
            cursor = database.execute(question)
            return cursor.fetchall() if cursor.description else []

    def environment(self) -> dict[str, str]:
        """What a process that shares nothing else must know."""
        return {
            **os.environ,
            "SELOSTE_DATA": str(self.directory),
            "SELOSTE_DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    @contextmanager
    def copy(self, directory: Path) -> Iterator[OwnDatabase]:
        """The same again in another directory; what told of this one's then tells of that. Gone after the block."""
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        if not self.server:
            other = OwnDatabase(directory)
        else:
            other = OwnDatabase(directory, self.server, f"own_{os.getpid()}_{next(NUMBERS)}")
            administer(self.server, f'CREATE DATABASE {other.name} TEMPLATE "{self.name}"')
        told = f"replace(config{'::text' if self.server else ''}, '{self.directory}', '{directory}')"
        other.rows(f"update retention_connection set config = {told}{'::jsonb' if self.server else ''}")
        try:
            yield other
        finally:
            if self.server:
                administer(self.server, f"DROP DATABASE {other.name} WITH (FORCE)")


def wait(pid: int) -> int:
    """The exit status of a process that was started (negative: its signal)."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def administer(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
        database.execute(statement)


@dataclass(frozen=True)
class Tables:
    """Our tables as the migrations make them, made once for all the processes of a test run and then copied."""

    directory: Path

    def into(self, own: OwnDatabase) -> None:
        """Fill a database that is there and empty."""
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (self._into_server if own.server else self._into_file)(own)

    def _into_file(self, own: OwnDatabase) -> None:
        made = self.directory / "seloste.sqlite3"
        if not made.exists():
            self._migrate(own)
            shutil.copy(own.directory / "seloste.sqlite3", made)
        shutil.copy(made, own.directory / "seloste.sqlite3")

    def _into_server(self, own: OwnDatabase) -> None:
        made = self.directory / "seloste.dump"
        if not made.exists():
            self._migrate(own)
            _run("pg_dump", "-Fc", "-f", str(made), own.url)
        else:
            _run("pg_restore", "-d", own.url, str(made))

    def _migrate(self, own: OwnDatabase) -> None:
        assert own.in_process(lambda: call_command("migrate", verbosity=0)) == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Tables:
    base = tmp_path_factory.getbasetemp()
    directory = (base if worker_id == "master" else base.parent) / "tables"  # of all workers together
    directory.mkdir(exist_ok=True)
    return Tables(directory)


@pytest.fixture(scope="session")
def migrated(
    tables: Tables,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
    request: pytest.FixtureRequest,
) -> Callable[[str], OwnDatabase]:
    """By vendor: a database with tables and nothing in them, made once."""
    made: dict[str, OwnDatabase] = {}

    def of(vendor: str) -> OwnDatabase:
        if vendor not in made:
            directory = tmp_path_factory.mktemp(f"migrated-{vendor}")
            make_keys(directory / "keys")
            found = OwnDatabase(directory)
            if vendor == "postgresql":
                need("postgres")
                running = request.getfixturevalue("postgres_server")
                found = OwnDatabase(directory, f"postgresql://postgres@127.0.0.1:{running.port}", "migrated")
                administer(found.server, "CREATE DATABASE migrated")
            with django_db_blocker.unblock():
                tables.into(found)
            made[vendor] = found
        return made[vendor]

    return of


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, migrated: Callable[[str], OwnDatabase]
) -> Iterator[None]:
    """The database of tests in one process: in memory, with the same tables."""
    with django_db_blocker.unblock():
        made = migrated("sqlite").directory / "seloste.sqlite3"
        default = connections["default"]
        default.settings_dict["TEST"]["MIGRATE"] = False
        before = setup_databases(verbosity=0, interactive=False)
        default.ensure_connection()
        with closing(sqlite3.connect(made)) as source:
            source.backup(default.connection)
    yield
    with django_db_blocker.unblock():
        teardown_databases(before, verbosity=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database(
    request: pytest.FixtureRequest, migrated: Callable[[str], OwnDatabase], tmp_path: Path, django_db_blocker: Any
) -> Iterator[OwnDatabase]:
    """An empty database with tables, and a data directory with keys, that processes of the test share."""
    with django_db_blocker.unblock(), migrated(request.param).copy(tmp_path / "own") as own:
        yield own
