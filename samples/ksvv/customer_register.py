"""R1: customers, contracts and the use of the service, contacts; the register's own users and what they did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import day_between, iso
from samples.ksvv.story import Story
from samples.lives import Customer, Situation

SCHEMA = """
CREATE TABLE asiakas (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL, hetu TEXT,
    puhelin TEXT, sahkoposti TEXT, luotu DATE NOT NULL);
CREATE TABLE osoite (id INTEGER PRIMARY KEY, asiakas_id INTEGER NOT NULL REFERENCES asiakas (id), tyyppi TEXT NOT NULL,
    katuosoite TEXT NOT NULL, postinumero TEXT NOT NULL, postitoimipaikka TEXT NOT NULL);
CREATE INDEX osoite_asiakas ON osoite (asiakas_id);
CREATE TABLE yhteyshenkilo (id INTEGER PRIMARY KEY, asiakas_id INTEGER NOT NULL REFERENCES asiakas (id),
    nimi TEXT NOT NULL, sahkoposti TEXT NOT NULL);
CREATE INDEX yhteyshenkilo_asiakas ON yhteyshenkilo (asiakas_id);
CREATE TABLE sopimus (id INTEGER PRIMARY KEY, sopimusnro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    tuote TEXT NOT NULL, alkupvm DATE NOT NULL, paattymispvm DATE, tila TEXT NOT NULL);
CREATE INDEX sopimus_asiakas ON sopimus (asiakasnro);
CREATE TABLE palvelu (id INTEGER PRIMARY KEY, sopimus_id INTEGER NOT NULL REFERENCES sopimus (id),
    sopimusnro TEXT NOT NULL, asiakasnro TEXT NOT NULL, kaytto_alkoi DATE NOT NULL, kaytto_paattyi DATE);
CREATE INDEX palvelu_sopimus ON palvelu (sopimus_id);
CREATE TABLE tilausmuutos (id INTEGER PRIMARY KEY, sopimus_id INTEGER NOT NULL REFERENCES sopimus (id),
    muutettu DATE NOT NULL, selite TEXT NOT NULL);
CREATE INDEX tilausmuutos_sopimus ON tilausmuutos (sopimus_id);
CREATE TABLE yhteydenotto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, kanava TEXT NOT NULL, aihe TEXT NOT NULL,
    avattu DATE NOT NULL, suljettu DATE, tila TEXT NOT NULL);
CREATE INDEX yhteydenotto_asiakas ON yhteydenotto (asiakasnro);
CREATE TABLE kayttaja (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL,
    tyosuhde_alkoi DATE NOT NULL, tyosuhde_paattyi DATE, tila TEXT NOT NULL);
CREATE TABLE kasittelyloki (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL, pvm DATE NOT NULL,
    toimenpide TEXT NOT NULL);
CREATE INDEX kasittelyloki_pvm ON kasittelyloki (pvm);
"""
SUBJECTS = ("Yhteys katkeilee", "Tilausmuutos", "Laskukysymys", "Lisätieto toimitukseen")
LOG_DAYS = 500


def build(directory: Path, story: Story, random: Random) -> None:
    """Write asiakkaat.sqlite3."""
    customers = [customer for customer in story.customers if not customer.is_lead]
    sqlite.write(
        directory / "asiakkaat.sqlite3",
        SCHEMA,
        {
            "asiakas": [_customer(row, one) for row, one in enumerate(customers, 1)],
            "osoite": _addresses(customers),
            "yhteyshenkilo": [
                (row, row, one.person.name, one.person.email)
                for row, one in enumerate(customers, 1)
                if int(one.number) % 5 == 0
            ],
            "sopimus": [_contract(row, one) for row, one in enumerate(customers, 1)],
            "palvelu": [
                (row, row, f"S-{one.number}", one.number, iso(one.started), iso(one.used_until))
                for row, one in enumerate(customers, 1)
            ],
            "tilausmuutos": [(row, row, iso(one.started), "Liittymä tilattu") for row, one in enumerate(customers, 1)],
            "yhteydenotto": _contacts(story, customers, random),
            "kayttaja": [
                (row, one.number, one.person.name, iso(one.started), iso(one.ended), _state(one.ended, story))
                for row, one in enumerate(story.staff, 1)
            ],
            "kasittelyloki": _log(story, random),
        },
    )


def _customer(row: int, one: Customer) -> tuple[sqlite.Value, ...]:
    person = one.person
    return row, one.number, person.name, person.identity_code, person.phone, person.email, iso(one.recorded)


def _addresses(customers: list[Customer]) -> list[tuple[sqlite.Value, ...]]:
    rows: list[tuple[sqlite.Value, ...]] = []
    for row, one in enumerate(customers, 1):
        for kind in ("toimitus", "laskutus"):
            rows.append((len(rows) + 1, row, kind, one.person.street, one.person.postal_code, one.person.village))
    return rows


def _contract(row: int, one: Customer) -> tuple[sqlite.Value, ...]:
    state = "paattynyt" if one.closed else "voimassa"
    return row, f"S-{one.number}", one.number, "Valokuituliittymä", iso(one.started), iso(one.ended), state


def _state(ended: object, story: Story) -> str:
    return "suljettu" if ended is not None and str(ended) <= story.today.isoformat() else "kaytossa"


def _contacts(story: Story, customers: list[Customer], random: Random) -> list[tuple[sqlite.Value, ...]]:
    rows: list[tuple[sqlite.Value, ...]] = []
    for one in customers:
        last = min(one.ended or story.today, story.today)
        first = one.started or last
        for _ in range(random.randint(0, 4)):
            opened = day_between(random, first, last)
            closed = opened + timedelta(days=random.randint(0, 20))
            dateless = one.situation is Situation.CLOSED_WITHOUT_DATE
            done = closed <= story.today
            day = closed.isoformat() if done and not dateless else None
            channel, subject = random.choice(("puhelin", "sähköposti")), random.choice(SUBJECTS)
            state = "suljettu" if done else "avoin"
            rows.append((len(rows) + 1, one.number, channel, subject, opened.isoformat(), day, state))
    return rows


def _log(story: Story, random: Random) -> list[tuple[sqlite.Value, ...]]:
    rows: list[tuple[sqlite.Value, ...]] = []
    for back in range(LOG_DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        for employee in story.staff:
            at_work = employee.started <= day and (employee.ended is None or day <= employee.ended)
            if at_work and random.random() < 0.2:
                act = random.choice(("katselu", "muutos", "tuloste"))
                rows.append((len(rows) + 1, employee.number, day.isoformat(), act))
    return rows
