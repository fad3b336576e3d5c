"""A company that leaves its old CRM for a new one: both real databases. All people are made up.

In the old one: customers 2001, 2002 and 2003 (ids 1, 2, 3) and two notes; the new one tells the contracts, and has
the same customers under ids of its own, with the old id beside them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from retention.models import Connection, Gate, Hold, HoldSubject
from ropa.models import Organisation, Version
from tests.retention.company import ground, publish

POLICY = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
CUSTOMERS = [(1, "2001", "Testi Yksi"), (2, "2002", "Testi Kaksi"), (3, "2003", "Testi Kolme")]
OLD = (
    "create table asiakas(id integer primary key, asiakasnro text not null, nimi text)",
    "create table muistio(id integer primary key, asiakasnro text, teksti text, pvm date not null)",
    "create table liite(id integer primary key, muistio_id integer not null references muistio(id), tiedosto text)",
    "create index liite_muistio_id on liite(muistio_id)",
)
NEW = (
    "create table henkilo(nro integer primary key, vanha_id text unique, tunnus text unique, asiakasnro text not null)",
    "create table sopimus(sopimusnro text primary key, asiakasnro text not null, alku date, loppu date)",
)


def dataset(code: str, register: str, place: str, **over: Any) -> dict[str, Any]:
    return {
        "id": code,
        "name": {"fi": f"Tiedot {code}"},
        "register": register,
        "activity": "asiakkaat",
        "grain": "subject",
        "subject_kind": "customer",
        "enforced_by": "us",
        "policy": POLICY,
        "grounds": [ground("sopimus")],
        "mapping": {"place": place, "key": "id", "subject": "asiakasnro", **over},
    }


def inventory(lifecycle: str = "frozen", backups: dict[str, Any] | None = None) -> dict[str, Any]:
    old = {
        "id": "vanha",
        "name": {"fi": "Vanha asiakasrekisteri", "en": "Old CRM"},
        "medium": "database",
        "connection": "vanha",
        "lifecycle": lifecycle,
    }
    if backups is not None:
        old["backups"] = backups
    return {
        "seloste": 1,
        "organisation": {"slug": "testi", "name": "Testi & Pojat Oy", "language": "fi", "time_zone": "Europe/Helsinki"},
        "registers": [
            old,
            {
                "id": "uusi",
                "name": {"fi": "Uusi"},
                "medium": "database",
                "connection": "uusi",
                "ledger": [
                    {
                        "id": "sopimukset",
                        "subject_kind": "customer",
                        "place": "sopimus",
                        "subject": "asiakasnro",
                        "contract": "sopimusnro",
                        "started": "alku",
                        "ended": "loppu",
                    }
                ],
            },
        ],
        "activities": [
            {"id": "asiakkaat", "name": {"fi": "Hoito"}, "role": "controller", "purposes": []},
        ],
        "datasets": [
            dataset("vanhat-asiakkaat", "vanha", "asiakas"),
            dataset("muistiot", "vanha", "muistio", children=["liite"]),
            dataset("uudet-asiakkaat", "uusi", "henkilo", key="nro"),
        ],
    }


def fill_sqlite(directory: Path) -> dict[str, Path]:
    directory.mkdir(parents=True, exist_ok=True)
    paths = {name: directory / f"{name}.sqlite3" for name in ("vanha", "uusi")}
    for name, statements in (("vanha", OLD), ("uusi", NEW)):
        run(paths[name], *statements)
    with closing(sqlite3.connect(paths["vanha"])) as old, old:
        old.executemany("insert into asiakas values (?, ?, ?)", CUSTOMERS)
        old.execute("insert into muistio values (1, '2001', 'x', '2020-01-01')")
    with closing(sqlite3.connect(paths["uusi"])) as new, new:
        new.executemany(
            "insert into henkilo values (?, ?, ?, ?)",
            [(key + 100, str(key), f"V-{key}", number) for key, number, _ in CUSTOMERS],
        )
        new.executemany(
            "insert into sopimus values (?, ?, '2020-01-01', null)",
            [(f"S{key}", number) for key, number, _ in CUSTOMERS],
        )
    return paths


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def found(data_dir: Path, lifecycle: str = "frozen", backups: dict[str, Any] | None = None) -> Organisation:
    """The organisation with both registers and its published inventory."""
    paths = fill_sqlite(data_dir / "registers")
    organisation = Organisation.objects.create(slug="testi", name="Testi & Pojat Oy")
    Gate.objects.create(organisation=organisation)
    for code, path in paths.items():
        Connection.objects.create(organisation=organisation, code=code, kind="sql", config={"url": f"sqlite:///{path}"})
    publish(organisation, inventory(lifecycle, backups))
    return organisation


def say(organisation: Organisation, content: dict[str, Any]) -> None:
    """Another inventory, in force instead."""
    number = Version.objects.filter(organisation=organisation).count() + 1
    publish(organisation, content, number, "2020-02-02")


def hold(organisation: Organisation, *numbers: str, reason: str = "dispute") -> Hold:
    placed = Hold.objects.create(
        organisation=organisation,
        register="vanha",
        reason=reason,
        owner="lakiasiat",
        start=date(2026, 1, 1),
        review_by=date(2027, 1, 31),
    )
    for number in numbers:
        HoldSubject.objects.create(hold=placed, subject_kind="customer", subject=number)
    return placed
