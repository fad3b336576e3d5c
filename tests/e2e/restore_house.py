"""Backups of a register and of our own database, brought back: pg_dump and pg_restore, or a copy of the file."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

from benchmarks.fault_world import Place
from benchmarks.kill_scenarios import NightOnSql
from retention import offline
from retention.evidence_export import export
from retention.night import run_night
from ropa.models import Organisation, Version
from tests.connectors.sql_servers import Server, Sqlite
from tests.e2e.fault_house import PATIENCE_SECONDS, Crm, Standing
from tests.own_database import OwnDatabase, administer
from tests.retention.company import NOW, TODAY, document, publish

TOMORROW, LATER, LAST = (TODAY + timedelta(days=n) for n in (1, 2, 3))
CHUNK = 2


class DumpedCrm(Crm):
    """A register on PostgreSQL."""

    def backup(self, path: Path) -> Path:
        _run("pg_dump", "-Fc", "-f", str(path), self._address(self.name))
        return path

    def restore(self, path: Path) -> None:
        self.drop()
        self.make()
        _run("pg_restore", "-d", self._address(self.name), str(path))

    def restore_table(self, path: Path, table: str) -> None:
        """One table as it was; the others stay."""
        self.run(f"delete from {table}")
        _run("pg_restore", "--data-only", "-d", self._address(self.name), "-t", table, str(path))


class CopiedCrm(Sqlite):
    """A register that is a file."""

    def backup(self, path: Path) -> Path:
        shutil.copy(self.path, path)
        return path

    def restore(self, path: Path) -> None:
        shutil.copy(path, self.path)

    def restore_table(self, path: Path, table: str) -> None:
        self.run(
            f"attach '{path}' as old",
            f"delete from {table}",
            f"insert into {table} select * from old.{table}",
        )

    def customers(self) -> set[str]:
        return {number for (number,) in self.rows("select asiakasnro from asiakas")}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)


@dataclass
class RestoreHouse:
    """The small company whose customers' rows say when they were recorded."""

    own: OwnDatabase
    crm: Any

    def found(self, policy: dict[str, Any] | None = None) -> RestoreHouse:
        source: Server = self.crm
        assert self.own.in_process(NightOnSql(Place(self.own, source)).prepare) == 0
        source.run("alter table asiakas add column kirjattu date", "update asiakas set kirjattu = '2015-01-01'")
        assert self.do(partial(_dated, policy)) == 0
        return self

    def do(self, act: Callable[[], object]) -> int:
        """In a process of its own; its exit status."""
        return self.own.in_process(act)

    def night(self, day: Any) -> int:
        return self.do(partial(_night, day))

    def command(self, *words: str, **options: Any) -> int:
        """A management command; its exit status."""
        return self.do(partial(_command, words, options))

    def verify(self, away: Path | None = None) -> int:
        """Recomputed here, and where it is intact from its own file too, by what an inspector has."""
        return self.command("evidence", "verify", **({"heads": away} if away else {})) or self.do(_checked_offline)

    def adopt(self, **options: Any) -> int:
        said = {"organisation": "testi", "by": "controller", "reason": "disk failure"}
        return self.command("evidence", "adopt", **said, **options)

    def backup(self, path: Path) -> Path:
        if self.own.server:
            _run("pg_dump", "-Fc", "-f", str(path), self.own.url)
        else:
            with (
                closing(sqlite3.connect(self.own.directory / "seloste.sqlite3")) as here,
                closing(sqlite3.connect(path)) as there,
            ):
                here.backup(there)  # with what lies in the write-ahead log
        return path

    def restore(self, path: Path) -> None:
        if self.own.server:
            administer(self.own.server, f"drop database {self.own.name} with (force)")
            administer(self.own.server, f"create database {self.own.name}")
            _run("pg_restore", "-d", self.own.url, str(path))
            return
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.own.directory}/seloste.sqlite3{suffix}").unlink(missing_ok=True)
        shutil.copy(path, self.own.directory / "seloste.sqlite3")

    @contextmanager
    def standing_at(self, point: str, number: int, day: Any) -> Iterator[Standing]:
        """A night that stands still there, and goes on to its end after the block."""
        one = Standing(point, number)
        one.pid = self.own.start(partial(_night, day, one.at))
        assert one.here.wait(PATIENCE_SECONDS), f"the night did not come to {point!r}"
        try:
            yield one
        finally:
            one.end()

    def entries(self, kind: str) -> list[dict[str, Any]]:
        asked = f"select body from retention_evidenceentry where kind = '{kind}' order by id"
        return [json.loads(body) for (body,) in self.own.rows(asked)]

    def tallies(self) -> dict[str, int]:
        """Outcome -> keys, over all lots."""
        found: dict[str, int] = {}
        for (tally,) in self.own.rows("select cast(tally as text) from retention_lot"):
            for name, number in json.loads(tally).items():
                found[name] = found.get(name, 0) + number
        return found

    def problems(self, day: Any) -> dict[str, str]:
        ((summary,),) = self.own.rows(f"select cast(summary as text) from retention_run where business_date = '{day}'")
        return dict(json.loads(summary)["problems"])


def _dated(policy: dict[str, Any] | None) -> None:
    content = document(policy)
    content["datasets"][1]["mapping"]["events"] = {"recorded": "kirjattu"}
    Version.objects.all().delete()
    publish(Organisation.objects.get(), content)


def _night(day: Any, at: Callable[[str], None] = lambda point: None) -> None:
    run_night(Organisation.objects.get(), day, NOW + (day - TODAY), chunk=CHUNK, at=at)


def _checked_offline() -> None:
    written = BytesIO()
    export("testi", written)
    written.seek(0)
    if problems := offline.Reader(written).read().problems:
        raise AssertionError(problems)


def _command(words: tuple[str, ...], options: dict[str, Any]) -> None:
    call_command(*words, stdout=StringIO(), **options)
