"""Who gets a newsletter, who agreed to it, and who forbade marketing: the last outlives the customer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samples import sqlite
from samples.days import iso
from samples.lives import Customer

SCHEMA = """
CREATE TABLE uutiskirje (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL UNIQUE, nimi TEXT NOT NULL,
    sahkoposti TEXT NOT NULL, kiinnostus TEXT NOT NULL, lisatty DATE NOT NULL);
CREATE TABLE suostumus (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, annettu DATE NOT NULL, peruttu DATE,
    sanamuoto TEXT NOT NULL);
CREATE INDEX suostumus_asiakas ON suostumus (asiakasnro);
CREATE TABLE kielto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, sahkoposti TEXT NOT NULL,
    kielletty DATE NOT NULL, peruttu DATE);
CREATE INDEX kielto_asiakas ON kielto (asiakasnro);
"""


def build(directory: Path, customers: Sequence[Customer], interest: str) -> None:
    """Write markkinointi.sqlite3. `interest`: what the newsletter is about."""
    agreed = [(customer, customer.consent) for customer in customers if customer.consent]
    forbade = [(customer, customer.ban) for customer in customers if customer.ban]
    sqlite.write(
        directory / "markkinointi.sqlite3",
        SCHEMA,
        {
            "uutiskirje": [
                (row, one.number, one.person.name, one.person.email, interest, iso(consent.given))
                for row, (one, consent) in enumerate(agreed, 1)
            ],
            "suostumus": [
                (row, one.number, iso(consent.given), iso(consent.withdrawn), "2018-05")
                for row, (one, consent) in enumerate(agreed, 1)
            ],
            "kielto": [
                (row, one.number, one.person.email, iso(ban.since), iso(ban.lifted))
                for row, (one, ban) in enumerate(forbade, 1)
            ],
        },
    )
