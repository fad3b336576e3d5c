"""A house with one table and its ledger on a real database, in which one rule at a time is carried out by nights."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from retention import offline
from retention.evidence_export import export
from retention.models import Connection, Gate, Run
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Organisation
from tests.connectors.sql_servers import Postgres, Server, Sqlite, wait_until_ready
from tests.retention.company import ground, publish

SCHEMA = (
    "create table tieto(id integer primary key, nro varchar(20), sopimusnro varchar(20), luotu date, paattyi date, "
    "laji varchar(20), nimi varchar(40), teksti varchar(80))",
    "create table sopimus(id integer primary key, nro varchar(20), sopimusnro varchar(20), alku date, loppu date)",
    "create table suostumus(id integer primary key, nro varchar(20), annettu date, peruttu date)",
    "create table kielto(id integer primary key, nro varchar(20), kielletty date, peruttu date)",
    "create table pyynto(id integer primary key, nro varchar(20), hyvaksytty date)",
    "create table lasku(id integer primary key, nro varchar(20), laskunro varchar(20), era date, maksettu date)",
    "create table asiakkuus(id integer primary key, nro varchar(20), on_asiakas boolean)",
    "create table tilinpito(id integer primary key, nro varchar(20), paatos date)",
)
LEDGER: Sequence[Mapping[str, Any]] = (
    {"id": "sopimukset", "place": "sopimus", "contract": "sopimusnro", "started": "alku", "ended": "loppu"},
    {
        "id": "suostumukset",
        "place": "suostumus",
        "purpose": "markkinointi",
        "events": {"consent_given": "annettu", "consent_withdrawn": "peruttu"},
    },
    {
        "id": "kiellot",
        "place": "kielto",
        "events": {"objection": "kielletty", "ban_lifted": "peruttu"},
        "options": {"bans": {"channels": ["all"]}},
    },
    {"id": "pyynnot", "place": "pyynto", "events": {"erasure_requested": "hyvaksytty"}},
    {
        "id": "velat",
        "place": "lasku",
        "thing": "laskunro",
        "events": {"debt_due": "era", "debt_settled": "maksettu"},
    },
    {"id": "asiakkuudet", "place": "asiakkuus", "facts": {"became_customer": "on_asiakas"}},
    {"id": "roolit", "place": "tilinpito", "events": {"service_ended": "paatos"}},
)
TABLES = ("tieto", "sopimus", "suostumus", "kielto", "pyynto", "lasku", "asiakkuus", "tilinpito")
POLICY = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
MAPPING = {
    "place": "tieto",
    "key": "id",
    "subject": "nro",
    "events": {"recorded": "luotu"},
}


def dataset(code: str = "tiedot", **over: Any) -> dict[str, Any]:
    """A dataset over the one table; `mapping` adds to the usual one."""
    mapping = {**MAPPING, **over.pop("mapping", {})}
    return {
        "id": code,
        "name": {"fi": code},
        "register": "talo",
        "activity": "asiakkaat",
        "grain": "record",
        "subject_kind": "customer",
        "enforced_by": "us",
        "mapping": mapping,
        "policy": POLICY,
        "grounds": [],
        "ceilings": [],
        **over,
    }


@dataclass
class House:
    """The organisation, and its register reached from outside."""

    server: Server
    organisation: Organisation
    facts: dict[str, Any] = field(default_factory=dict)
    financial_year_end: str = "12-31"
    versions: int = 0
    ledger: Sequence[Mapping[str, Any]] = LEDGER

    def put(self, table: str, *rows: Sequence[object]) -> None:
        """Rows as they stand in the table's columns."""
        marks = ", ".join(["%s"] * len(rows[0]))
        self.server.run(f"insert into {table} values ({marks})", rows=rows)

    def tiedot(self, *rows: tuple[object, ...]) -> None:
        """Rows of `tieto`: id, number, contract, recorded, ended, kind; the rest is filled in."""
        self.put("tieto", *((*row, *[None] * (6 - len(row)), f"Testi {row[0]}", f"teksti {row[0]}") for row in rows))

    def publish(
        self, *datasets: Mapping[str, Any], registers: Sequence[Mapping[str, Any]] = (), since: date | None = None
    ) -> None:
        """A version with these datasets, in force from the beginning unless a day is said."""
        self.versions += 1
        publish(
            self.organisation,
            {
                "seloste": 1,
                "organisation": {
                    "slug": "testi",
                    "name": "Testi Oy",
                    "language": "fi",
                    "time_zone": "Europe/Helsinki",
                    "financial_year_end": self.financial_year_end,
                    "first_plausible_day": "1950-01-01",
                    "facts": self.facts,
                },
                "registers": [
                    {
                        "id": "talo",
                        "name": {"fi": "Talo"},
                        "medium": "database",
                        "connection": "talo",
                        "backups": {"value": {"every": "P1D", "keep_for": "P30D", "at_most": "P35D"}},
                        "ledger": [{"subject_kind": "customer", "subject": "nro", **source} for source in self.ledger],
                    },
                    *registers,
                ],
                "activities": [
                    {
                        "id": "asiakkaat",
                        "name": {"fi": "Asiakassuhde"},
                        "role": "controller",
                        "purposes": [
                            {"id": "sopimus", "name": {"fi": "Sopimus"}},
                            {"id": "markkinointi", "name": {"fi": "Markkinointi"}},
                        ],
                    }
                ],
                "datasets": list(datasets),
            },
            self.versions,
            since.isoformat() if since else f"2020-01-{self.versions:02}",
        )

    def night(self, day: date | str, **how: Any) -> Run:
        """The night of a day, confirmed if it is not the one after the last."""
        day = date.fromisoformat(day) if isinstance(day, str) else day
        Run.objects.get_or_create(organisation=self.organisation, business_date=day, defaults={"gap_confirmed": True})
        return run_night(self.organisation, day, datetime(day.year, day.month, day.day, 1, tzinfo=UTC), **how)

    def night_in_which(self, day: str, *statements: str) -> None:
        """A night; once an intent has been journalled, and before anything goes, the register is changed."""
        waiting = list(statements)

        def at(point: str) -> None:
            if point == "intent journalled" and waiting:
                self.server.run(*waiting)
                waiting.clear()

        self.night(day, at=at)
        assert not waiting

    def left(self, table: str = "tieto") -> set[int]:
        return set(self.server.column(f"select id from {table}"))

    def goes_on(self, day: str, keys: set[int], *, stays: set[int] = frozenset()) -> Run:  # type: ignore[assignment]
        """The night before leaves them, the night of the day takes these and nothing else."""
        on = date.fromisoformat(day)
        self.night(on - timedelta(days=1))
        assert self.left() == keys | stays
        run = self.night(on)
        assert self.left() == stays
        assert succeeded(run), run.summary
        return run


class PlainPostgres(Postgres):
    """A schema without any extension."""

    def __init__(self, port: int) -> None:
        self.port, self.name = port, f"t{uuid4().hex[:12]}"
        self.run(f"create schema {self.name}")


def a_server(kind: str, request: pytest.FixtureRequest, directory: Path) -> Iterator[Server]:
    """An empty database of that kind, gone with the test."""
    if kind == "sqlite":
        yield Sqlite(directory / f"{uuid4().hex[:12]}.sqlite3")
        return
    port = request.getfixturevalue("postgres_server").port
    wait_until_ready(port)
    server = PlainPostgres(port)
    yield server
    server.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, db, data_dir, tmp_path) -> Iterator[House]:
    """Empty, on each kind of database. Whatever goes on in it: at the end its evidence is recomputed offline."""
    with contextmanager(a_server)(request.param, request, tmp_path) as server:
        yield found(server)
    out = io.BytesIO()
    export("testi", out)
    assert offline.Reader(io.BytesIO(out.getvalue())).read().problems == []


def found(server: Server, schema: Sequence[str] = SCHEMA, ledger: Sequence[Mapping[str, Any]] = LEDGER) -> House:
    """The house on an empty database, with all of its tables or with these."""
    server.run(*schema)
    organisation = Organisation.objects.create(slug="testi", name="Testi Oy")
    Gate.objects.create(organisation=organisation)
    Connection.objects.create(organisation=organisation, code="talo", kind="sql", config={"url": server.url()})
    return House(server, organisation, ledger=ledger)


__all__ = ["House", "dataset", "found", "ground", "house"]
