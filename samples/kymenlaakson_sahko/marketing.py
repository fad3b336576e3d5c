"""KS-R2 potential customers, KS-R4 permissions and bans per channel, KS-R8 what comes in before the gate.

A ban names its person by a digest and a number, nothing more: it is to outlive everything else that we know of them.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import iso, years_before
from samples.kymenlaakson_sahko.story import Customer, Permission, Prospect, Situation, Story

CHANNELS = ("suoramainonta", "etämyynti", "muu suoramarkkinointi")
PROSPECTS = """
CREATE TABLE prospekti (id INTEGER PRIMARY KEY, numero TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL, puhelin TEXT,
    sahkoposti TEXT, lahde TEXT NOT NULL, tallennettu DATE NOT NULL, lupa_annettu DATE, lupa_peruttu DATE,
    viimeksi_yhteydessa DATE, tuli_asiakkaaksi BOOLEAN);
"""
PERMISSIONS = """
CREATE TABLE lupa (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, kanava TEXT NOT NULL, annettu DATE NOT NULL,
    peruttu DATE, sanamuoto TEXT NOT NULL, on_asiakas BOOLEAN NOT NULL);
CREATE INDEX lupa_asiakas ON lupa (asiakasnro);
CREATE TABLE kielto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, kanava TEXT NOT NULL, tunniste TEXT NOT NULL,
    kielletty DATE NOT NULL, peruttu DATE);
CREATE INDEX kielto_asiakas ON kielto (asiakasnro);
"""
Row = tuple[sqlite.Value, ...]


def build_prospects(directory: Path, story: Story, random: Random) -> None:
    """Write potentiaaliset.sqlite3."""
    rows: list[Row] = []
    for prospect in story.prospects:
        person, source = prospect.person, random.choice(("arvonta", "kilpailu", "puhelinmyynti"))
        days = (prospect.recorded, prospect.given, prospect.withdrawn, prospect.last_contact)
        named = (len(rows) + 1, prospect.number, person.name, person.phone, person.email, source)
        rows.append((*named, *map(iso, days), prospect.became_customer))
    sqlite.write(directory / "potentiaaliset.sqlite3", PROSPECTS, {"prospekti": rows})


def build_permissions(directory: Path, story: Story, random: Random) -> None:
    """Write luvat.sqlite3."""
    permissions: list[Row] = []
    bans: list[Row] = []
    for number, customer in enumerate(story.customers):
        if number % 3 == 1:
            given = customer.first_day + timedelta(days=random.randint(0, 30))
            withdrawn = given + timedelta(days=random.randint(20, 55)) if random.random() < 0.4 else None
            channel = random.choice(CHANNELS)
            permissions.append(
                (len(permissions) + 1, customer.number, channel, iso(given), iso(withdrawn), "2013-01", True)
            )
        for channel in _banned(number, customer):
            said = customer.first_day + timedelta(days=40)
            lifted = said + timedelta(days=20) if number % 10 == 7 else None
            digest = hashlib.blake2b(customer.person.phone.encode(), digest_size=8).hexdigest()
            bans.append((len(bans) + 1, customer.number, channel, digest, iso(said), iso(lifted)))
    for prospect in story.prospects:
        if prospect.given is not None and prospect.permission is not Permission.BECAME_CUSTOMER:
            days = (iso(prospect.given), iso(prospect.withdrawn))
            permissions.append((len(permissions) + 1, prospect.number, "etämyynti", *days, "2013-01", False))
    old = (iso(years_before(story.today, 6)), None)
    permissions.append((len(permissions) + 1, "49999", "etämyynti", *old, "2013-01", False))
    sqlite.write(directory / "luvat.sqlite3", PERMISSIONS, {"lupa": permissions, "kielto": bans})


def _banned(number: int, customer: Customer) -> tuple[str, ...]:
    if customer.situation is Situation.BANNED:
        return CHANNELS
    if customer.situation is Situation.RUNNING and number % 4 == 1:
        return (CHANNELS[number % 3],)
    return (CHANNELS[0],) if number % 10 == 7 else ()


def build_intake(directory: Path, story: Story, random: Random) -> None:
    """Write keruu/: arvonnat/LAST DAY/… one slip each, and soittolistat/."""
    raffles, lists = directory / "keruu" / "arvonnat", directory / "keruu" / "soittolistat"
    lists.mkdir(parents=True)
    running, past = story.today + timedelta(days=20), story.today - timedelta(days=200)
    permitted = [prospect for prospect in story.prospects if prospect.given is not None]
    for ended, entrants, first in ((running, permitted[:8], 0), (past, permitted[8:14], 500)):
        folder = raffles / ended.isoformat()
        folder.mkdir(parents=True)
        for prospect in entrants:
            _slip(folder, prospect.number, ended - timedelta(days=random.randint(25, 50)), True, prospect)
        for n in range(4):
            number = str(48_001 + first + n)
            _slip(folder, number, ended - timedelta(days=random.randint(25, 50)), False, story.prospects[n])
    (raffles / past.isoformat() / "lipuke epäselvä.txt").write_text("Käsiala ei aukea.\n", encoding="utf-8")
    for ended in (story.today - timedelta(days=400), story.today - timedelta(days=30), running):
        people = [prospect.person for prospect in story.prospects[:5]]
        text = "nimi;puhelin;tulos\n" + "".join(f"{one.name};{one.phone};ei tavoitettu\n" for one in people)
        (lists / f"soittolista_{ended.isoformat()}.csv").write_text(text, encoding="utf-8")


def _slip(folder: Path, number: str, day: object, permitted: bool, prospect: Prospect) -> None:
    name = f"{number}_{day}_{'true' if permitted else 'false'}.txt"
    (folder / name).write_text(f"{prospect.person.name}\n{prospect.person.phone}\n", encoding="utf-8")
