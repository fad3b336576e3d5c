"""KSC-R1: companies, their contact persons and service contracts. KSC-R6: billing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from samples import sqlite
from samples.days import iso
from samples.k_systems.story import Story

CUSTOMERS = """
CREATE TABLE yritys (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL,
    ytunnus TEXT NOT NULL);
CREATE TABLE yhteyshenkilo (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, nimi TEXT NOT NULL,
    osoite TEXT NOT NULL, sahkoposti TEXT NOT NULL, puhelin TEXT NOT NULL, lisatty DATE NOT NULL,
    tehtava_paattyi DATE);
CREATE INDEX yhteyshenkilo_asiakas ON yhteyshenkilo (asiakasnro);
CREATE TABLE palvelusopimus (id INTEGER PRIMARY KEY, sopimusnro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    palvelu TEXT NOT NULL, alkoi DATE NOT NULL, paattyi DATE, tila TEXT NOT NULL);
CREATE INDEX palvelusopimus_asiakas ON palvelusopimus (asiakasnro);
"""
BILLING = """
CREATE TABLE lasku (id INTEGER PRIMARY KEY, laskunro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    saaja TEXT NOT NULL, viitehenkilo TEXT NOT NULL, laskupvm DATE NOT NULL, erapvm DATE NOT NULL,
    muistutettu DATE, maksettu DATE, siirretty DATE, senttia INTEGER NOT NULL);
CREATE INDEX lasku_asiakas ON lasku (asiakasnro);
CREATE TABLE laskurivi (id INTEGER PRIMARY KEY, lasku_id INTEGER NOT NULL REFERENCES lasku (id),
    selite TEXT NOT NULL, senttia INTEGER NOT NULL);
CREATE INDEX laskurivi_lasku ON laskurivi (lasku_id);
"""
Row = tuple[sqlite.Value, ...]


def build(directory: Path, story: Story) -> None:
    """Write asiakkaat.sqlite3."""
    companies: list[Row] = []
    contacts: list[Row] = []
    contracts: list[Row] = []
    for customer in story.customers:
        companies.append((len(companies) + 1, customer.number, customer.company, customer.business_id))
        for contact in customer.contacts:
            person, days = contact.person, (iso(contact.added), iso(contact.left))
            told = (person.name, person.address, person.email, person.phone)
            contacts.append((len(contacts) + 1, customer.number, *told, *days))
        for contract in customer.contracts:
            state = "paattynyt" if contract.closed else "voimassa"
            days = (iso(contract.started), iso(contract.ended))
            contracts.append((len(contracts) + 1, contract.number, customer.number, "Webhotelli", *days, state))
    sqlite.write(
        directory / "asiakkaat.sqlite3",
        CUSTOMERS,
        {"yritys": companies, "yhteyshenkilo": contacts, "palvelusopimus": contracts},
    )


def build_billing(directory: Path, story: Story) -> None:
    """Write laskutus.sqlite3. An invoice names its company and a person, and goes by its own rule."""
    invoices: list[Row] = []
    lines: list[Row] = []
    for customer in story.customers:
        for invoice in customer.invoices:
            row = len(invoices) + 1
            days = (invoice.dated, invoice.due, invoice.reminded, invoice.paid, None)
            named = (row, invoice.number, customer.number, customer.company, customer.contacts[0].person.name)
            invoices.append((*named, *map(iso, days), invoice.cents))
            until = invoice.dated + timedelta(days=182)
            lines.append((row, row, f"Webhotelli {until.isoformat()} asti", invoice.cents))
    sqlite.write(directory / "laskutus.sqlite3", BILLING, {"lasku": invoices, "laskurivi": lines})
