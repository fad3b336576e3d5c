"""KSC-R2: our copy of what the authority's register holds of .fi domain users; the data is the authority's."""

from __future__ import annotations

from pathlib import Path

from samples import sqlite
from samples.days import iso
from samples.k_systems.story import Story

SCHEMA = """
CREATE TABLE verkkotunnus (id INTEGER PRIMARY KEY, tunnus TEXT NOT NULL, asiakasnro TEXT NOT NULL,
    haltija TEXT NOT NULL, ytunnus TEXT NOT NULL, yhteyshenkilo TEXT NOT NULL, osoite TEXT NOT NULL,
    sahkoposti TEXT NOT NULL, puhelin TEXT NOT NULL, tilattu DATE NOT NULL, rekisteroity DATE,
    hallinta_paattyi DATE, poistettu BOOLEAN NOT NULL, ohje_poistaa DATE, tila TEXT NOT NULL);
CREATE INDEX verkkotunnus_asiakas ON verkkotunnus (asiakasnro);
"""


def build(directory: Path, story: Story) -> None:
    """Write verkkotunnukset.sqlite3."""
    rows: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        person = customer.contacts[0].person
        for contract in customer.contracts:
            domain = contract.domain
            days = (iso(domain.ordered), iso(domain.registered), iso(domain.ended))
            holder = (customer.number, customer.company, customer.business_id)
            contact = (person.name, person.address, person.email, person.phone)
            state = "paattynyt" if domain.closed else "voimassa"
            told = (len(rows) + 1, domain.name, *holder, *contact, *days)
            rows.append((*told, domain.deleted, iso(domain.instructed), state))
    sqlite.write(directory / "verkkotunnukset.sqlite3", SCHEMA, {"verkkotunnus": rows})
