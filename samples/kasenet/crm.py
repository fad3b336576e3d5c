"""Register 1: customers, contracts, invoices, consents, as a small telecom's billing system keeps them.

An invoice carries the name and address that were printed on it: it goes by its own rule and keeps no
customer's row alive. So there is no foreign key from an invoice to a customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from samples import sqlite
from samples.kasenet.story import Contract, Story

SCHEMA = """
CREATE TABLE asiakas (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL, hetu TEXT,
    puhelin TEXT, sahkoposti TEXT, luotu DATE NOT NULL, on_asiakas BOOLEAN);
CREATE TABLE osoite (id INTEGER PRIMARY KEY, asiakas_id INTEGER NOT NULL REFERENCES asiakas (id), tyyppi TEXT NOT NULL,
    katuosoite TEXT NOT NULL, postinumero TEXT NOT NULL, postitoimipaikka TEXT NOT NULL);
CREATE INDEX osoite_asiakas ON osoite (asiakas_id);
CREATE TABLE sopimus (id INTEGER PRIMARY KEY, sopimusnro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    palvelu TEXT NOT NULL, alkupvm DATE NOT NULL, paattymispvm DATE, tila TEXT NOT NULL);
CREATE INDEX sopimus_asiakas ON sopimus (asiakasnro);
CREATE TABLE sopimusmuutos (id INTEGER PRIMARY KEY, sopimus_id INTEGER NOT NULL REFERENCES sopimus (id),
    muutettu DATE NOT NULL, selite TEXT NOT NULL);
CREATE INDEX sopimusmuutos_sopimus ON sopimusmuutos (sopimus_id);
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
CREATE TABLE suostumus (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, annettu DATE NOT NULL, peruttu DATE,
    kanava TEXT NOT NULL, sanamuoto TEXT NOT NULL);
CREATE INDEX suostumus_asiakas ON suostumus (asiakasnro);
CREATE TABLE markkinointi (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, kiinnostukset TEXT NOT NULL,
    luotu DATE NOT NULL);
"""


def build(directory: Path, story: Story) -> None:
    """Write crm.sqlite3."""
    sqlite.write(
        directory / "crm.sqlite3",
        SCHEMA,
        {
            "asiakas": _customers(story),
            "osoite": _addresses(story),
            "sopimus": _contracts(story),
            "sopimusmuutos": _changes(story),
            "lasku": _invoices(story),
            "laskurivi": _lines(story),
            "maksu": _payments(story),
            "suostumus": _consents(story),
            "markkinointi": _profiles(story),
        },
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _customers(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    for row, customer in enumerate(story.customers, 1):
        person = customer.person
        yield (
            row,
            customer.number,
            person.name,
            person.identity_code if customer.contracts else None,
            person.phone,
            person.email,
            customer.recorded.isoformat(),
            customer.became_customer,
        )


def _addresses(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    for row, customer in enumerate(story.customers, 1):
        person = customer.person
        yield (row, row, "liittymä", person.street, person.postal_code, person.village)


def _every_contract(story: Story) -> Iterator[tuple[int, str, Contract]]:
    pairs = ((customer.number, contract) for customer in story.customers for contract in customer.contracts)
    for row, (number, contract) in enumerate(pairs, 1):
        yield row, number, contract


def _contracts(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    for row, number, contract in _every_contract(story):
        state = "paattynyt" if contract.closed else "voimassa"
        yield row, contract.number, number, contract.service, _iso(contract.started), _iso(contract.ended), state


def _changes(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    number = 0
    for row, _, contract in _every_contract(story):
        changes = [(contract.started, "Liittymä avattu")]
        if contract.ended is not None and contract.closed:
            changes.append((contract.ended, "Sopimus päättynyt"))
        if contract.reopened is not None:
            changes.append((contract.reopened - timedelta(days=14), "Sopimus päättynyt"))
            changes.append((contract.reopened, "Irtisanominen peruttu, sopimus jatkuu"))
        for day, text in changes:
            number += 1
            yield number, row, day.isoformat(), text


def _invoices(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    number = 0
    for customer in story.customers:
        for invoice in customer.invoices:
            number += 1
            yield (
                number,
                invoice.number,
                customer.number,
                customer.person.name,
                customer.person.address,
                _iso(invoice.dated),
                _iso(invoice.due),
                _iso(invoice.reminded),
                _iso(invoice.paid),
                _iso(invoice.assigned),
                invoice.cents,
            )


def _lines(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    invoices = [invoice for customer in story.customers for invoice in customer.invoices]
    for row, invoice in enumerate(invoices, 1):
        yield row, row, "Liittymän kuukausimaksu, 3 kk", invoice.cents


def _payments(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    number = 0
    invoices = [invoice for customer in story.customers for invoice in customer.invoices]
    for row, invoice in enumerate(invoices, 1):
        if invoice.paid is not None:
            number += 1
            yield number, row, invoice.paid.isoformat(), invoice.cents


def _consents(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    number = 0
    for customer in story.customers:
        for consent in customer.consents:
            number += 1
            yield number, customer.number, _iso(consent.given), _iso(consent.withdrawn), consent.channel, "2018-05"


def _profiles(story: Story) -> Iterator[tuple[sqlite.Value, ...]]:
    marketed = [customer for customer in story.customers if customer.marketing]
    for row, customer in enumerate(marketed, 1):
        yield row, customer.number, "nopeammat yhteydet", customer.recorded.isoformat()
