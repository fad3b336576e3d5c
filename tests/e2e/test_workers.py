"""KaseNet's night on PostgreSQL and Redis, taken by Celery workers as compose.yaml starts them: the embedded one's end.

Each register, each lot with the keyed digests of its keys, each row of the table, what the ledger knows, and the
systems' files, byte for byte; also where a worker is killed, the broker forgets all, and every message comes twice.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from django.core.management import call_command

from retention.night import run_night
from retention.runs import request, stop, succeeded
from ropa.models import Organisation
from samples.servers import free_port, server
from tests.composed import ROOT, command, environment, kill, running, services, until
from tests.own_database import OwnDatabase, administer

pytestmark = pytest.mark.xdist_group("test_workers")  # one world for all of them

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)

CRM = "asiakashallinta"
"""The register whose database is crm.sqlite3."""

TABLES = {
    "lots": """select register, dataset, action, why, size, digest, root, state, next_position, tally, approvals_needed,
        due_from_first, due_from_last from retention_lot""",
    "keys": """select l.digest, e.position, e.outcome, e.detail, e.residue from retention_keyoutcome e
        join retention_lot l on l.id = e.lot_id""",
    "datasets": """select register, dataset, problem, counts, overdue_left, unexplained, people_overdue, overdue_since,
        oldest_kept from retention_datasetnight""",
    "collections": "select register, source, rows, complete, problem from retention_collection",
    "contracts": "select subject, ref, started, ended, closed, source, revision from retention_ledgercontract",
    "events": "select subject, contract, name, thing, date, source, revision from retention_ledgerevent",
    "facts": "select subject, name, value, source, revision from retention_ledgerfact",
    "runs": "select business_date, state, summary, stop_reason from retention_run",
}


def plain(value: Any) -> Any:
    """A value as both databases tell it; what went by an interrupted attempt of ours went."""
    if isinstance(value, str) and value[:1] in {"{", "[", '"'}:
        value = json.loads(value)
    if isinstance(value, dict):
        told = {name: plain(inner) for name, inner in sorted(value.items()) if name != "recovered"}
        if "recovered" in value:
            told["destroyed"] = told.get("destroyed", 0) + value["recovered"]
        return told
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, bool):
        return int(value)
    if value in {"true", "false"}:
        return int(value == "true")
    return str(value) if isinstance(value, date) else value


def end_of(own: OwnDatabase) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: sorted((tuple(map(plain, row)) for row in own.rows(question)), key=repr)
        for name, question in TABLES.items()
    }
    systems = own.directory / "demo"
    files = sorted(path for path in systems.rglob("*") if path.is_file())
    found["files"] = {str(path.relative_to(systems)): path.read_bytes() for path in files}
    return found


def fill() -> None:
    """KaseNet as `manage.py demo` makes it, before its night."""
    call_command("demo", prepare=True, today=TODAY, stdout=StringIO())


@pytest.fixture(scope="module")
def prepared(postgres_server, tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[OwnDatabase]:
    """KaseNet on PostgreSQL, its tables made by the command of the service that prepares."""
    directory = tmp_path_factory.mktemp("kasenet")
    own = OwnDatabase(directory, f"postgresql://postgres@127.0.0.1:{postgres_server.port}", f"kasenet_{os.getpid()}")
    administer(own.server, f"CREATE DATABASE {own.name}")
    secret = directory / "database_url"
    secret.write_text(own.url + "\n")
    settings = environment(directory, SELOSTE_DATABASE_URL_FILE=str(secret))
    done = subprocess.run(
        command("prepare"), cwd=ROOT, env=settings, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (directory / "static" / "admin").is_dir()
    shutil.rmtree(directory / "static")
    with django_db_blocker.unblock():
        assert own.in_process(fill) == 0
    yield own
    administer(own.server, f"DROP DATABASE {own.name} WITH (FORCE)")


@pytest.fixture(scope="module")
def embedded(prepared, tables, tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> dict[str, Any]:
    """The end of the same night, run by one process on SQLite with the same keys."""
    directory = tmp_path_factory.mktemp("embedded") / "data"
    # what is remembered beside a database is that database's: another one would be taken for a restored backup
    shutil.copytree(prepared.directory, directory, ignore=shutil.ignore_patterns("remembered"))

    def night() -> None:
        fill()
        assert succeeded(run_night(Organisation.objects.get(), TODAY, NOW))

    with django_db_blocker.unblock():
        own = OwnDatabase(directory)
        tables.into(own)
        assert own.in_process(night) == 0
    return end_of(own)


class House:
    """An installation with its processes."""

    def __init__(self, own: OwnDatabase, broker: str, stack: ExitStack) -> None:
        self.own = own
        self.broker = broker
        self.stack = stack
        self.application = "worker.app"
        self.workers: list[subprocess.Popen[bytes]] = []
        away = datetime.now(ZoneInfo("Europe/Helsinki")) + timedelta(hours=1)  # no other night begins meanwhile
        self.settings = environment(
            own.directory,
            SELOSTE_DATABASE_URL=own.url,
            SELOSTE_REDIS_URL=broker,
            SELOSTE_NIGHT_AT=away.strftime("%H:%M"),
            SELOSTE_SWEEP_SECONDS="1",
        )

    @property
    def logs(self) -> tuple[Path, ...]:
        return tuple(sorted(self.own.directory.glob("*.log")))

    def start(self, service: str, *more: str) -> subprocess.Popen[bytes]:
        log = self.own.directory / f"{service}{len(self.logs)}.log"
        words = [self.application if word == "worker.app" else word for word in command(service)]
        return self.stack.enter_context(running([*words, *more], self.settings, log))

    def start_all(self) -> None:
        self.workers += [self.start("worker", "--hostname", f"w{n}@%h") for n in range(2)]
        self.start("beat")

    def request(self) -> None:
        assert self.own.in_process(lambda: request(Organisation.objects.get(), TODAY, "api")) == 0

    def in_flight(self, register: str) -> int | None:
        """The process that has sent a chunk to this register and has no outcome yet."""
        question = f"""select s.lease_owner from retention_attempt a join retention_lot l on l.id = a.lot_id
            join retention_nightstep s on s.register = l.register and s.kind = 'work' and s.state = 'running'
            where a.state = 'intent' and l.register = '{register}'"""
        for (owner,) in self.own.rows(question):
            return int((self.own.directory / "locks" / f"{owner}.lease").read_text().split()[0])
        return None

    def state(self) -> str:
        ((state,),) = self.own.rows("select state from retention_run")
        return str(state)

    def finish(self) -> dict[str, Any]:
        until(lambda: self.state() == "finished", "the night ends", logs=self.logs)
        assert self.own.in_process(lambda: call_command("evidence", "verify")) == 0
        return end_of(self.own)


@pytest.fixture
def house(prepared, redis_server, tmp_path, django_db_blocker) -> Iterator[House]:
    broker = f"redis://127.0.0.1:{redis_server.port}/0"
    with redis.Redis.from_url(broker) as connection:
        connection.flushall()
    with django_db_blocker.unblock(), prepared.copy(tmp_path / "data") as own, ExitStack() as stack:
        yield House(own, broker, stack)


@contextmanager
def kept_busy(own: OwnDatabase, database: str) -> Iterator[None]:
    """Another program writes in this register: who wants to delete there must wait."""
    with sqlite3.connect(own.directory / "demo" / "kasenet" / database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    other.close()


def compare(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        assert found[name] == value, name


def test_workers_come_to_the_end_of_one_process(house, embedded):
    assert len(embedded["lots"]) > 8
    house.start_all()
    house.request()
    compare(house.finish(), embedded)


def test_every_message_twice(house, embedded):
    house.application = "tests.e2e.doubling"
    house.start_all()
    house.request()
    compare(house.finish(), embedded)
    assert house.own.rows("select distinct state, tries from retention_nightstep") == [("done", 1)]


def test_a_worker_killed_and_every_message_lost_in_the_middle(house, embedded):
    house.start_all()
    with kept_busy(house.own, "crm.sqlite3"):
        house.request()
        pid = until(lambda: house.in_flight(CRM), "a chunk is in flight", logs=house.logs)
        (killed,) = [worker for worker in house.workers if os.getpgid(pid) == worker.pid]
        kill(killed)
        with redis.Redis.from_url(house.broker) as broker:
            broker.flushall()
    compare(house.finish(), embedded)
    taken = house.own.rows("select register from retention_nightstep where kind = 'work' and tries = 2")
    assert (CRM,) in taken


def test_the_broker_goes_in_the_middle_and_comes_back_empty(house, embedded, tmp_path):
    port = free_port()
    house.broker = house.settings["SELOSTE_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    with server("redis", tmp_path / "first", port=port):
        house.start_all()
        with kept_busy(house.own, "crm.sqlite3"):
            house.request()
            until(lambda: house.in_flight(CRM), "a chunk is in flight", logs=house.logs)
    house.stack.enter_context(server("redis", tmp_path / "second", port=port))
    compare(house.finish(), embedded)
    assert house.own.rows("select count(*) from retention_nightstep where tries > 1") == [(0,)]


def test_a_stopped_night_is_gone_on_with_by_hand_while_the_broker_is_down(house, embedded):
    house.start_all()
    with kept_busy(house.own, "crm.sqlite3"):
        house.request()
        until(lambda: house.in_flight(CRM), "a chunk is in flight", logs=house.logs)

        def stop_it() -> None:
            stop(Organisation.objects.get().runs.get(), "controller", "look")

        assert house.own.in_process(stop_it) == 0
    at_work = "select 1 from retention_nightstep where state = 'running'"
    until(lambda: house.state() == "stopped" and not house.own.rows(at_work), "the stop is heard", logs=house.logs)
    house.settings["SELOSTE_REDIS_URL"] = "redis://127.0.0.1:1/0"
    done = subprocess.run(
        ["python", "manage.py", "nightly", "--on", TODAY.isoformat(), "--json"],
        cwd=ROOT,
        env=house.settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = house.finish()
    compare(begun_anew(found), begun_anew(embedded))


def test_the_web_server_says_how_it_is(house):
    """The service's own command, but for its port; asked as its health check asks, under its host's name."""
    port = free_port()
    words = [f"127.0.0.1:{port}" if word == "0.0.0.0:8000" else word for word in command("web")]
    house.settings["SELOSTE_HOSTS"] = "seloste.example.fi"
    (house.own.directory / "static").mkdir()
    log = house.own.directory / "web.log"
    house.stack.enter_context(running(words, house.settings, log))
    check = services()["web"]["healthcheck"]["test"]
    assert check[0] == "CMD"

    def probe() -> subprocess.CompletedProcess[str]:
        asked = [*check[1:], f"http://127.0.0.1:{port}/healthz"]
        return subprocess.run(asked, cwd=ROOT, env=house.settings, capture_output=True, text=True, check=False)

    well = until(lambda: (done := probe()).returncode == 0 and done, "the web server answers", logs=(log,))
    told = {"database": True, "migrations": True, "keys": True, "broker": True, "night_age_seconds": None}
    assert json.loads(well.stdout) == {"status": "ok", **told}
    (house.own.directory / "keys" / "evidence.pem").rename(house.own.directory / "elsewhere.pem")
    unwell = probe()
    assert unwell.returncode == 1
    assert json.loads(unwell.stderr) == {"status": "unwell", **told, "keys": False}


def begun_anew(end: dict[str, Any]) -> dict[str, Any]:
    """Without how many rows the sources told, and which they told no more: a night that begins anew collects what the
    chunk that was in flight has left."""
    untold = {name: sorted((row[:-1] for row in end[name]), key=repr) for name in ("contracts", "events")}
    return {**end, **untold, "collections": [], "files": contents(end["files"])}


def contents(files: dict[str, bytes]) -> dict[str, Any]:
    """What the files say: where a chunk was sent in two goes, SQLite's pages lie otherwise."""
    return {name: rows(data) if data.startswith(b"SQLite format 3") else data for name, data in files.items()}


def rows(data: bytes) -> dict[str, list[Any]]:
    """Every row of every table."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {name: sorted(database.execute(f'select * from "{name}"'), key=repr) for name in names}
