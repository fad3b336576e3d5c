"""R1, R2 and R4: one hosting panel with customers, contracts, domains, contacts, credit checks and company data."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import day_between, iso, years_before
from samples.invoices import INVOICE_TABLES, invoice_rows
from samples.kotisivutaivas.story import VILLAGES, Story, business_id, is_company
from samples.lives import Customer, Situation
from samples.people import make_person

SCHEMA = (
    INVOICE_TABLES
    + """
CREATE TABLE asiakas (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL, hetu TEXT,
    ytunnus TEXT, katuosoite TEXT NOT NULL, postinumero TEXT NOT NULL, postitoimipaikka TEXT NOT NULL, puhelin TEXT,
    sahkoposti TEXT, luotu DATE NOT NULL);
CREATE TABLE sopimus (id INTEGER PRIMARY KEY, sopimusnro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    palvelu TEXT NOT NULL, alkupvm DATE NOT NULL, paattymispvm DATE, tila TEXT NOT NULL);
CREATE INDEX sopimus_asiakas ON sopimus (asiakasnro);
CREATE TABLE sopimusmuutos (id INTEGER PRIMARY KEY, sopimus_id INTEGER NOT NULL REFERENCES sopimus (id),
    muutettu DATE NOT NULL, selite TEXT NOT NULL);
CREATE INDEX sopimusmuutos_sopimus ON sopimusmuutos (sopimus_id);
CREATE TABLE verkkotunnus (id INTEGER PRIMARY KEY, tunnus TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    nimi TEXT NOT NULL, sahkoposti TEXT NOT NULL, tilattu DATE NOT NULL, rekisteroity DATE, paattynyt DATE);
CREATE INDEX verkkotunnus_asiakas ON verkkotunnus (asiakasnro);
CREATE TABLE yhteyshenkilo (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, rooli TEXT NOT NULL, nimi TEXT NOT NULL,
    puhelin TEXT NOT NULL, sahkoposti TEXT NOT NULL, lisatty DATE NOT NULL, korvattu DATE);
CREATE INDEX yhteyshenkilo_asiakas ON yhteyshenkilo (asiakasnro);
CREATE TABLE tekninen_yhteyshenkilo (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, nimi TEXT NOT NULL,
    puhelin TEXT NOT NULL, sahkoposti TEXT NOT NULL, lisatty DATE NOT NULL, korvattu DATE);
CREATE INDEX tekninen_yhteyshenkilo_asiakas ON tekninen_yhteyshenkilo (asiakasnro);
CREATE TABLE luottotieto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, lahde TEXT NOT NULL, luokka TEXT NOT NULL,
    paatos TEXT NOT NULL, tarkistettu DATE NOT NULL);
CREATE INDEX luottotieto_asiakas ON luottotieto (asiakasnro);
CREATE TABLE yritystieto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, lahde TEXT NOT NULL, ytunnus TEXT NOT NULL,
    paattaja TEXT NOT NULL, toimiala TEXT NOT NULL, haettu DATE NOT NULL);
CREATE INDEX yritystieto_asiakas ON yritystieto (asiakasnro);
"""
)
ROLES = ("päättäjä", "hallinto", "laskutus", "tekninen kontakti")
SOMEBODY_ELSE = 5_000
"""Serial numbers from here on are of people who are no customers."""

Row = tuple[sqlite.Value, ...]


def build(directory: Path, story: Story, random: Random) -> None:
    """Write paneeli.sqlite3."""
    customers = [customer for customer in story.customers if not customer.is_lead]
    sqlite.write(
        directory / "paneeli.sqlite3",
        SCHEMA,
        {
            **invoice_rows(customers, "Webhotelli, 3 kk"),
            "asiakas": [_customer(row, one) for row, one in enumerate(customers, 1)],
            "sopimus": [_contract(row, one) for row, one in enumerate(customers, 1)],
            "sopimusmuutos": [(row, row, iso(one.started), "Palvelu avattu") for row, one in enumerate(customers, 1)],
            "verkkotunnus": _domains(story, customers, random),
            "yhteyshenkilo": _contacts(story, customers, random),
            "tekninen_yhteyshenkilo": _technical(story, customers, random),
            "luottotieto": _credit(story, random),
            "yritystieto": [
                (
                    row,
                    one.number,
                    random.choice(("YTJ", "PRH Yhdistysnetti", "Fonecta Oy")),
                    business_id(one),
                    one.person.name,
                    random.choice(("vähittäiskauppa", "rakentaminen", "yhdistys")),
                    iso(one.started),
                )
                for row, one in enumerate(filter(is_company, customers), 1)
            ],
        },
    )


def _customer(row: int, one: Customer) -> Row:
    person, company = one.person, is_company(one)
    codes = (None, business_id(one)) if company else (person.identity_code, None)
    address = (person.street, person.postal_code, person.village)
    return row, one.number, person.name, *codes, *address, person.phone, person.email, iso(one.recorded)


def _contract(row: int, one: Customer) -> Row:
    state = "paattynyt" if one.closed else "voimassa"
    return row, f"W-{one.number}", one.number, "Webhotelli", iso(one.started), iso(one.ended), state


def _domains(story: Story, customers: list[Customer], random: Random) -> list[Row]:
    rows: list[Row] = []
    for one in customers:
        started = one.started or one.recorded
        ended = None
        if one.ended is not None:  # a name is paid for a year at a time, so it outlives the contract
            ended = one.ended + timedelta(days=random.randint(20, 300))
        registered = iso(started + timedelta(days=1))
        lapsed = iso(ended if ended is not None and ended <= story.today else None)
        name = f"esimerkki{one.number}.example.invalid"
        person = one.person
        rows.append((len(rows) + 1, name, one.number, person.name, person.email, iso(started), registered, lapsed))
    return rows


def _contacts(story: Story, customers: list[Customer], random: Random) -> list[Row]:
    rows: list[Row] = []
    for one in filter(is_company, customers):
        for role in ROLES:
            person = make_person(random, SOMEBODY_ELSE + len(rows), VILLAGES)
            first = one.started or one.recorded
            last = min(one.ended or story.today, story.today)
            replaced = day_between(random, first, last) if random.random() < 0.3 else None
            told = (person.name, person.phone, person.email)
            rows.append((len(rows) + 1, one.number, role, *told, iso(first), iso(replaced)))
    return rows


def _technical(story: Story, customers: list[Customer], random: Random) -> list[Row]:
    rows: list[Row] = []
    for one in customers:
        if random.random() < 0.5 and one.situation is not Situation.ON_HOLD:
            continue
        person = make_person(random, SOMEBODY_ELSE + 1_000 + len(rows), VILLAGES)
        first = one.started or one.recorded
        replaced = None
        if one.situation is Situation.RUNNING and random.random() < 0.3:
            replaced = day_between(random, first, story.today - timedelta(days=40))
        told = (person.name, person.phone, person.email)
        rows.append((len(rows) + 1, one.number, *told, iso(first), iso(replaced)))
    return rows


def _credit(story: Story, random: Random) -> list[Row]:
    """Checked when the service was ordered, and again after an unpaid invoice; refused ones became no customers."""
    rows: list[Row] = []

    def add(one: Customer, when: str | None, decision: str) -> None:
        level = "C" if decision == "hylätty" else random.choice("AB")
        rows.append((len(rows) + 1, one.number, "Suomen Asiakastieto Oy", level, decision, when))

    for one in story.customers:
        add(one, iso(one.recorded), "hylätty" if one.is_lead else "hyväksytty")
        if one.situation is Situation.RUNNING and random.random() < 0.3:
            lately = day_between(random, years_before(story.today, 1), story.today)
            add(one, iso(lately), "hyväksytty")
    return rows
