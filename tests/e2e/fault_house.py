"""A company whose register is a PostgreSQL of its own that may be stopped, cut off, slowed down and restored."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command

from benchmarks.fault_world import Place
from benchmarks.kill_scenarios import NightOnSql
from retention.evidence_log import Journal, subject_digest
from retention.models import Connection
from retention.night import run_night
from ropa.models import Organisation
from samples.servers import free_port, server
from tests.composed import until
from tests.connectors.sql_servers import Server, wait_until_ready
from tests.own_database import OwnDatabase, wait
from tests.retention.company import DUE_CUSTOMERS, NOW, SURVIVORS, TICKETS, TODAY

TOMORROW = TODAY + timedelta(days=1)
CHUNK = 2
PATIENCE_SECONDS = 60.0
PEOPLE = len(DUE_CUSTOMERS | SURVIVORS)
INTENTS = "select body from retention_evidenceentry where kind = 'intent'"
OLD_TICKETS = "select count(*) from tiketti where suljettu < '2024-01-01'"


class Stoppable:
    """PostgreSQL that goes and comes back where it was, with all that it was told."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="seloste-source-"))
        self.port = free_port()
        self.stack = ExitStack()

    def start(self) -> None:
        options = {"POSTGRES_OPTIONS": "-c full_page_writes=on -c synchronous_commit=on"}
        self.stack.enter_context(server("postgres", self.directory, port=self.port, environment=options))
        wait_until_ready(self.port)

    def stop(self) -> None:
        """At once, as if the machine had gone. By its number: a night that was forked keeps the keeper's pipe open."""
        number = self.directory / "data" / "postmaster.pid"
        if number.exists():
            os.kill(int(number.read_text().split()[0]), signal.SIGQUIT)
        self.stack.close()

    def throw_away(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Crm(Server):
    """A database of that server."""

    kind = "postgresql"

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name = port, name

    def connect(self) -> Any:
        return psycopg.connect(self._address(self.name), autocommit=True)

    def _address(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def url(self, user: str = "postgres", password: str = "", **query: str) -> str:
        more = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql+psycopg://{user}@127.0.0.1:{query.pop('port', self.port)}/{self.name}?{more}"

    def through(self, port: int) -> str:
        """Where a connector finds it behind a proxy."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port}/{self.name}"

    def administer(self, statement: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as db:
            db.execute(statement.encode())

    def make(self, template: str = "template1") -> None:
        self.administer(f"create database {self.name} template {template}")

    def drop(self) -> None:
        self.administer(f"drop database if exists {self.name} with (force)")

    def customers(self) -> set[str]:
        return {number for (number,) in self.rows("select asiakasnro from asiakas")}

    @contextmanager
    def kept_busy(self, statement: str = "select 1 from tiketti for update") -> Iterator[None]:
        """Another program holds these rows."""
        with psycopg.connect(self._address(self.name)) as other:
            other.execute(statement.encode())
            yield
            other.rollback()

    def waiting(self) -> list[int]:
        """Backends that wait for somebody's lock."""
        asked = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return [pid for (pid,) in self.rows(asked)]


class Standing:
    """A night in a process of its own that stands still at a point until it is told to go on."""

    def __init__(self, point: str, number: int) -> None:
        context = get_context("fork")
        self.point, self.number, self.seen = point, number, 0
        self.here, self.on = context.Event(), context.Event()
        self.pid = 0
        self.status: int | None = None

    def at(self, told: str) -> None:
        self.seen += told == self.point
        if told == self.point and self.seen == self.number:
            self.here.set()
            assert self.on.wait(PATIENCE_SECONDS)

    def go_on(self) -> None:
        self.on.set()

    def end(self) -> int:
        """Its exit status."""
        self.on.set()
        if self.status is None:
            self.status = wait(self.pid)
        return self.status


@dataclass
class House:
    """The company's own database, its register, its nights."""

    own: OwnDatabase
    crm: Any
    """A `Crm`, or another register that tells its customers."""

    def found(self) -> House:
        assert self.own.in_process(NightOnSql(Place(self.own, self.crm)).prepare) == 0
        return self

    def connect(self, **config: str) -> None:
        """From the next night on the register is reached so."""
        told = {"url": self.crm.url(), **config}
        assert self.own.in_process(lambda: Connection.objects.update(config=told)) == 0

    def night(self, day: date = TODAY, at: Callable[[str], None] = lambda point: None) -> int:
        """A night in a process of its own; its exit status."""
        return self.own.in_process(partial(one_night, day, at))

    def nightly(self, day: date, **options: Any) -> int:
        """The ordinary command; 0 only where every register answered and nothing is overdue unexplained."""
        return self.own.in_process(partial(call_command, "nightly", on=day, stdout=StringIO(), **options))

    @contextmanager
    def standing_at(self, point: str, number: int = 1, day: date = TODAY) -> Iterator[Standing]:
        """A night that stands still where it comes to this point for the n-th time."""
        one = Standing(point, number)
        one.pid = self.own.start(partial(one_night, day, one.at))
        assert one.here.wait(PATIENCE_SECONDS), f"the night did not come to {point!r}"
        try:
            yield one
        finally:
            one.end()

    def run(self, day: date = TODAY) -> tuple[str, dict[str, Any]]:
        """State and summary of a night."""
        asked = f"select state, cast(summary as text) from retention_run where business_date = '{day}'"
        ((state, summary),) = self.own.rows(asked)
        return str(state), json.loads(summary)

    def problems(self, day: date = TODAY) -> dict[str, str]:
        return dict(self.run(day)[1]["problems"])

    def tallies(self) -> dict[str, int]:
        """Outcome -> keys, over all lots; gone by an interrupted attempt is gone."""
        found: dict[str, int] = {}
        for (tally,) in self.own.rows("select cast(tally as text) from retention_lot"):
            for name, number in json.loads(tally).items():
                found[name] = found.get(name, 0) + number
        return found

    def open_intents(self) -> int:
        ((number,),) = self.own.rows("select count(*) from retention_attempt where state = 'intent'")
        return int(number)

    def sound(self) -> None:
        """D3's identity per attempt and lot, and the evidence verifies: whatever was broken, at any time."""
        sent: dict[int, int] = {}
        asked = "select lot_id, state, cast(positions as text), cast(tally as text) from retention_attempt"
        for lot, state, positions, tally in self.own.rows(asked):
            number = sum(json.loads(tally).values())
            assert number == (len(json.loads(positions)) if state == "outcome" else 0)
            sent[lot] = sent.get(lot, 0) + number
        asked = "select id, next_position, cast(tally as text) from retention_lot"
        for lot, position, tally in self.own.rows(asked):
            assert sum(json.loads(tally).values()) == position <= sent.get(lot, 0)
        if self.own.rows("select 1 from retention_evidenceentry"):
            assert self.own.in_process(partial(call_command, "evidence", "verify", stdout=StringIO())) == 0

    def traced(self) -> None:
        """Of every row that went an intent is in the chain, and was in the journal before it went."""
        assert self.own.in_process(self._traced) == 0

    def _traced(self) -> None:
        gone = set()
        for dataset, table, number in (("tiketit", "tiketti", len(TICKETS)), ("asiakastiedot", "asiakas", PEOPLE)):
            there = {key for (key,) in self.crm.rows(f"select id from {table}")}
            gone |= {(dataset, subject_digest(str(key))) for key in range(1, number + 1) if key not in there}
        chained = [json.loads(body) for (body,) in self.own.rows(INTENTS)]
        paths = (self.own.directory / "journal" / "testi").glob("*.jsonl")
        journalled = [record for path in paths for _, record, _ in Journal.at(path).lines()]
        for told in (chained, [record for record in journalled if record["kind"] == "intent"]):
            assert gone <= {(one["dataset"], key) for one in told for key in one["keys"]}

    def left(self) -> set[str]:
        """What was due on the first night and is there still: datasets."""
        found = {"asiakastiedot"} if DUE_CUSTOMERS & self.crm.customers() else set()
        ((tickets,),) = self.crm.rows(OLD_TICKETS)
        return found | ({"tiketit"} if tickets else set())

    def named(self, day: date = TODAY) -> None:
        """The night says of each dataset that something of it is left why that is so."""
        self.sound()
        assert self.left() <= set(self.problems(day))

    def whole(self, day: date = TOMORROW) -> None:
        """All that was due has gone, once each, and the reader says 0."""
        self.sound()
        assert self.open_intents() == 0
        state, summary = self.run(day)
        assert (state, summary["problems"], summary["unexplained"]) == ("finished", {}, 0)
        assert self.left() == set()
        assert self.crm.customers() == (SURVIVORS - {"1004"} if day > TODAY else SURVIVORS)
        due = 6 + (day > TODAY)  # 1004 is due on the next day
        found = self.tallies()
        assert sum(found.get(name, 0) for name in ("destroyed", "recovered")) == sum(found.values()) == due


def one_night(day: date, at: Callable[[str], None]) -> None:
    run_night(Organisation.objects.get(), day, NOW + (day - TODAY), chunk=CHUNK, at=at)


class Proxy:
    """Between a connector and its server; at a chosen moment it cuts the connection, once.

    "answer lost"  COMMIT of a deletion was carried out, and nobody is told
    "commit lost"  COMMIT of a deletion never arrives
    "half"         of the first answer that has this text, half arrives
    """

    def __init__(self, port: int, what: str, text: bytes = b"") -> None:
        self.to, self.what, self.text = port, what, text
        self.cut = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.sockets = [self.listening]
        self.threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, act: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=act, daemon=True))
        self.threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                self.sockets.append(client)
                behind = socket.create_connection(("127.0.0.1", self.to))
                self.sockets.append(behind)
                one = _Through(self, client, behind)
                self._run(one.asked)
                self._run(one.answered)

    def close(self) -> None:
        """Whoever waits in a socket is woken, and only then is it closed."""
        for one in self.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
        for one in self.sockets:
            one.close()


class _Through:
    """One connection."""

    def __init__(self, proxy: Proxy, client: socket.socket, behind: socket.socket) -> None:
        self.proxy, self.client, self.behind = proxy, client, behind
        self.deletes = self.commits = False

    def asked(self) -> None:
        self._pump(self.client, self.behind, self._may_ask)

    def answered(self) -> None:
        self._pump(self.behind, self.client, self._may_answer)

    def _pump(self, source: socket.socket, sink: socket.socket, may: Callable[[bytes], bytes | None]) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                told = may(data)
                sink.sendall(data if told is None else told)
                if told is not None:
                    self.proxy.cut.set()
                    break
        for one in (self.client, self.behind):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _may_ask(self, data: bytes) -> bytes | None:
        """None: all of it; else so much, and then nothing more."""
        self.deletes |= b"DELETE FROM" in data
        self.commits |= self.deletes and b"COMMIT" in data
        stop = self.commits and self.proxy.what == "commit lost" and not self.proxy.cut.is_set()
        return b"" if stop else None

    def _may_answer(self, data: bytes) -> bytes | None:
        if self.proxy.cut.is_set():
            return None
        if self.proxy.what == "answer lost" and self.commits and b"COMMIT" in data:
            return b""
        if self.proxy.what == "half" and self.proxy.text in data:
            return data[: len(data) // 2]
        return None


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    return until(condition, what, PATIENCE_SECONDS)
