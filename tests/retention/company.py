"""A small company with real registers: a CRM in SQLite with contracts, invoices and tickets. All people are made up.

Customers, as of 2026-06-30 (contract data goes three years after the end):
    1001 ended 2022-01-31, long due          1002 running
    1003 ended 2023-06-29, due today         1004 ended 2023-06-30, due tomorrow
    1005 ended 2022-05-31, under a hold      1006 closed without an end date
    1007 ended 2021-03-01, but a new contract runs
    1008 ended 2020-12-31, due, three tickets
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model

from retention.domain.evidence import canonical
from retention.models import Connection, Gate, Hold, HoldSubject
from ropa.models import Membership, Organisation, Role, Version

TODAY = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 1, 0, tzinfo=UTC)
DUE_CUSTOMERS = {"1001", "1003", "1008"}
SURVIVORS = {"1002", "1004", "1005", "1006", "1007"}

SCHEMA = """
create table asiakas(id integer primary key, asiakasnro text not null unique, nimi text, osoite text);
create table sopimus(id integer primary key, sopimusnro text not null unique, asiakasnro text not null, alku date,
  loppu date, tila text not null);
create index sopimus_asiakas on sopimus(asiakasnro);
create table tiketti(id integer primary key, asiakasnro text, aihe text, avattu date not null, suljettu date,
  tila text not null);
create table viesti(id integer primary key, tiketti_id integer not null references tiketti(id), teksti text);
create index viesti_tiketti on viesti(tiketti_id);
"""

CONTRACTS = [
    ("1001", "S1", "2015-01-01", "2022-01-31", "paattynyt"),
    ("1002", "S2", "2015-01-01", None, "voimassa"),
    ("1003", "S3", "2015-01-01", "2023-06-29", "paattynyt"),
    ("1004", "S4", "2015-01-01", "2023-06-30", "paattynyt"),
    ("1005", "S5", "2015-01-01", "2022-05-31", "paattynyt"),
    ("1006", "S6", "2015-01-01", None, "paattynyt"),
    ("1007", "S7", "2015-01-01", "2021-03-01", "paattynyt"),
    ("1007", "S8", "2024-01-01", None, "voimassa"),
    ("1008", "S9", "2015-01-01", "2020-12-31", "paattynyt"),
]
TICKETS = [
    ("1001", "2020-01-01", "2020-02-01", "suljettu"),
    ("1002", "2026-01-01", None, "auki"),
    ("1002", "2020-01-01", None, "suljettu"),
    ("1008", "2019-01-01", "2019-03-01", "suljettu"),
    ("1008", "2019-02-01", "2019-03-01", "suljettu"),
    ("1008", "2025-02-01", "2025-03-01", "suljettu"),
]
DUE_TICKETS = 3
"""Closed two years ago or more; the others are open, too young, or closed without a date."""


def make_registers(directory: Path) -> Path:
    """The CRM as a file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "crm.sqlite3"
    with sqlite3.connect(path) as crm:
        crm.executescript(SCHEMA)
        numbers = sorted({row[0] for row in CONTRACTS})
        crm.executemany(
            "insert into asiakas(asiakasnro, nimi, osoite) values (?, ?, ?)",
            [(n, f"Testihenkilö {n}", f"Esimerkkikatu {n}") for n in numbers],
        )
        crm.executemany(
            "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values (?, ?, ?, ?, ?)", CONTRACTS
        )
        for subject, opened, closed, state in TICKETS:
            ticket = crm.execute(
                "insert into tiketti(asiakasnro, aihe, avattu, suljettu, tila) values (?, 'vika', ?, ?, ?)",
                (subject, opened, closed, state),
            ).lastrowid
            crm.executemany(
                "insert into viesti(tiketti_id, teksti) values (?, ?)", [(ticket, f"viesti {n}") for n in range(2)]
            )
    crm.close()
    return path


def ground(code: str, **over: Any) -> dict[str, Any]:
    return {
        "id": code,
        "kind": "need",
        "trigger": "contract_ended",
        "period": "P3Y",
        "action": "delete",
        "status": "confirmed",
        **over,
    }


def document(policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """The inventory, without its connections."""
    policy = policy or {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
    return {
        "seloste": 1,
        "organisation": {
            "slug": "testi",
            "name": "Testi Oy",
            "language": "fi",
            "time_zone": "Europe/Helsinki",
            "financial_year_end": "12-31",
            "first_plausible_day": "1950-01-01",
        },
        "registers": [
            {
                "id": "crm",
                "name": {"fi": "Asiakashallinta"},
                "medium": "database",
                "connection": "crm",
                "ledger": [
                    {
                        "id": "contracts",
                        "subject_kind": "customer",
                        "place": "sopimus",
                        "subject": "asiakasnro",
                        "contract": "sopimusnro",
                        "started": "alku",
                        "ended": "loppu",
                        "closed": {"column": "tila", "values": ["paattynyt"]},
                    }
                ],
            }
        ],
        "activities": [
            {
                "id": "asiakkaat",
                "name": {"fi": "Asiakassuhteen hoito"},
                "role": "controller",
                "purposes": [{"id": "sopimus", "name": {"fi": "Sopimus"}}],
            }
        ],
        "datasets": [
            {
                "id": "tiketit",
                "name": {"fi": "Tiketit"},
                "register": "crm",
                "activity": "asiakkaat",
                "grain": "record",
                "subject_kind": "customer",
                "enforced_by": "us",
                "mapping": {
                    "place": "tiketti",
                    "key": "id",
                    "subject": "asiakasnro",
                    "events": {"case_opened": "avattu", "case_closed": "suljettu"},
                    "closed": {"column": "tila", "values": ["suljettu"]},
                    "children": ["viesti"],
                },
                "policy": policy,
                "grounds": [ground("tuki", trigger="case_closed", period="P2Y")],
            },
            {
                "id": "asiakastiedot",
                "name": {"fi": "Asiakkaan perustiedot"},
                "register": "crm",
                "activity": "asiakkaat",
                "grain": "subject",
                "subject_kind": "customer",
                "enforced_by": "us",
                "mapping": {"place": "asiakas", "key": "id", "subject": "asiakasnro"},
                "policy": policy,
                "grounds": [ground("sopimus", period="P0D"), ground("vaateet", kind="claim")],
            },
        ],
    }


def publish(
    organisation: Organisation, content: dict[str, Any], number: int = 1, day: str = "2020-01-01", at: datetime = NOW
) -> Version:
    snapshot = canonical(content)
    return Version.objects.create(
        organisation=organisation,
        number=number,
        in_force_from=day,
        published_at=at,
        publisher="controller",
        snapshot=snapshot.decode(),
        digest=hashlib.sha256(snapshot).hexdigest(),
    )


def found_company(data_dir: Path, policy: dict[str, Any] | None = None) -> Organisation:
    """The organisation with its published inventory, its registers and one hold."""
    path = make_registers(data_dir / "registers")
    organisation = Organisation.objects.create(slug="testi", name="Testi Oy")
    Gate.objects.create(organisation=organisation)
    Connection.objects.create(organisation=organisation, code="crm", kind="sql", config={"url": f"sqlite:///{path}"})
    publish(organisation, document(policy))
    hold = Hold.objects.create(
        organisation=organisation,
        reason="dispute",
        owner="lakiasiat",
        start=date(2025, 1, 1),
        review_by=date(2027, 1, 1),
    )
    HoldSubject.objects.create(hold=hold, subject_kind="customer", subject="1005")
    return organisation


def customers(data_dir: Path) -> set[str]:
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        return {number for (number,) in crm.execute("select asiakasnro from asiakas")}


def tickets(data_dir: Path) -> tuple[int, int]:
    """Tickets and messages that are left."""
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        return (
            crm.execute("select count(*) from tiketti").fetchone()[0],
            crm.execute("select count(*) from viesti").fetchone()[0],
        )


def controller(organisation: Organisation, name: str = "toimitusjohtaja") -> Any:
    """An account of that name that is a controller of the organisation."""
    user, _ = get_user_model().objects.get_or_create(username=name)
    Membership.objects.get_or_create(user=user, organisation=organisation, role=Role.CONTROLLER)
    return user
