"""KS-R1: customers, contracts per place of use, invoices, and what was obtained with consent.

An invoice carries the name and address that were printed on it: it goes by its own rule and keeps no customer's row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import iso
from samples.kymenlaakson_sahko.story import Story

SCHEMA = """
CREATE TABLE asiakas (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL, hetu TEXT,
    juridinen BOOLEAN NOT NULL, kieli TEXT, puhelin TEXT, sahkoposti TEXT, laskutusosoite TEXT, laskutusrytmi TEXT,
    laskutustapa TEXT, tilinumero TEXT);
CREATE TABLE sopimus (id INTEGER PRIMARY KEY, sopimusnro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    kayttopaikkanro TEXT NOT NULL, alkupvm DATE NOT NULL, muuttopvm DATE, tila TEXT NOT NULL);
CREATE INDEX sopimus_asiakas ON sopimus (asiakasnro);
CREATE TABLE lasku (id INTEGER PRIMARY KEY, laskunro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    laskutusnimi TEXT NOT NULL, laskutusosoite TEXT NOT NULL, laskupvm DATE NOT NULL, erapvm DATE NOT NULL,
    muistutettu DATE, maksettu DATE, siirretty DATE, senttia INTEGER NOT NULL);
CREATE INDEX lasku_asiakas ON lasku (asiakasnro);
CREATE INDEX lasku_laskupvm ON lasku (laskupvm);
CREATE TABLE laskurivi (id INTEGER PRIMARY KEY, lasku_id INTEGER NOT NULL REFERENCES lasku (id), selite TEXT NOT NULL,
    senttia INTEGER NOT NULL);
CREATE INDEX laskurivi_lasku ON laskurivi (lasku_id);
CREATE TABLE maksu (id INTEGER PRIMARY KEY, lasku_id INTEGER NOT NULL REFERENCES lasku (id), maksettu DATE NOT NULL,
    senttia INTEGER NOT NULL);
CREATE INDEX maksu_lasku ON maksu (lasku_id);
CREATE TABLE valtuutus (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, palvelu TEXT NOT NULL,
    tieto TEXT NOT NULL, annettu DATE NOT NULL, peruttu DATE);
CREATE INDEX valtuutus_asiakas ON valtuutus (asiakasnro);
"""
Rows = Iterator[tuple[sqlite.Value, ...]]


def build(directory: Path, story: Story, random: Random) -> None:
    """Write asiakastieto.sqlite3."""
    sqlite.write(
        directory / "asiakastieto.sqlite3",
        SCHEMA,
        {
            "asiakas": _customers(story, random),
            "sopimus": _contracts(story),
            "lasku": _invoices(story),
            "laskurivi": _lines(story),
            "maksu": _payments(story),
            "valtuutus": _authorisations(story, random),
        },
    )


def _customers(story: Story, random: Random) -> Rows:
    for row, customer in enumerate(story.customers, 1):
        person = customer.person
        yield (
            row,
            customer.number,
            person.name,
            person.identity_code,
            False,
            random.choice(("fi", "fi", "fi", "sv")),
            person.phone,
            person.email,
            person.address,
            random.choice(("kuukausi", "neljännesvuosi")),
            random.choice(("paperilasku", "e-lasku")),
            f"FI00 0000 0000 {row:04} 00",
        )


def _contracts(story: Story) -> Rows:
    row = 0
    for customer in story.customers:
        for contract in customer.contracts:
            row += 1
            state = "paattynyt" if contract.closed else "voimassa"
            yield (
                row,
                contract.number,
                customer.number,
                contract.place.number,
                iso(contract.started),
                iso(contract.ended),
                state,
            )


def _invoices(story: Story) -> Rows:
    row = 0
    for customer in story.customers:
        for invoice in customer.invoices:
            row += 1
            yield (
                row,
                invoice.number,
                customer.number,
                customer.person.name,
                customer.person.address,
                iso(invoice.dated),
                iso(invoice.due),
                iso(invoice.reminded),
                iso(invoice.paid),
                None,
                invoice.cents,
            )


def _lines(story: Story) -> Rows:
    invoices = [invoice for customer in story.customers for invoice in customer.invoices]
    for row, invoice in enumerate(invoices, 1):
        yield row, row, "Sähköenergia ja perusmaksu, 3 kk", invoice.cents


def _payments(story: Story) -> Rows:
    number = 0
    invoices = [invoice for customer in story.customers for invoice in customer.invoices]
    for row, invoice in enumerate(invoices, 1):
        if invoice.paid is not None:
            number += 1
            yield number, row, invoice.paid.isoformat(), invoice.cents


def _authorisations(story: Story, random: Random) -> Rows:
    """Every third customer asked for a service that needed more than the contract."""
    for row, customer in enumerate(story.customers[::3], 1):
        given = customer.first_day + timedelta(days=random.randint(1, 30))
        withdrawn = given + timedelta(days=50) if random.random() < 0.3 else None
        yield row, customer.number, "Energianeuvonta", "asukkaiden määrä: 3", iso(given), iso(withdrawn)
