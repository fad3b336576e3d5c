"""R7: requests for an offer: some who asked became customers, some never did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.ksvv.story import Story

SCHEMA = """
CREATE TABLE tarjouspyynto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, nimi TEXT NOT NULL, osoite TEXT NOT NULL,
    puhelin TEXT, sahkoposti TEXT, pyynto TEXT NOT NULL, pyydetty DATE NOT NULL, voimassa_asti DATE NOT NULL,
    tilasi BOOLEAN);
CREATE INDEX tarjouspyynto_asiakas ON tarjouspyynto (asiakasnro);
"""
VALID = timedelta(days=30)


def build(directory: Path, story: Story, random: Random) -> None:
    """Write tarjoukset.sqlite3."""
    rows: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        asked = customer.recorded if customer.is_lead else customer.recorded - timedelta(days=random.randint(5, 25))
        if not customer.is_lead and random.random() > 0.4:
            continue
        person = customer.person
        ordered: bool | None = not customer.is_lead
        rows.append(
            (
                len(rows) + 1,
                customer.number,
                person.name,
                person.address,
                person.phone,
                person.email,
                "Valokuituliittymä, tarjous pyydetty",
                asked.isoformat(),
                (asked + VALID).isoformat(),
                ordered,
            )
        )
    sqlite.write(directory / "tarjoukset.sqlite3", SCHEMA, {"tarjouspyynto": rows})
