"""KSC-R4: the mailing list, and who forbade it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from samples import sqlite
from samples.k_systems.story import Situation, Story

SCHEMA = """
CREATE TABLE postituslista (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, nimi TEXT NOT NULL,
    sahkoposti TEXT NOT NULL, lisatty DATE NOT NULL);
CREATE INDEX postituslista_asiakas ON postituslista (asiakasnro);
CREATE TABLE kielto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, tunniste TEXT NOT NULL,
    kielletty DATE NOT NULL, peruttu DATE);
CREATE INDEX kielto_asiakas ON kielto (asiakasnro);
"""


def build(directory: Path, story: Story) -> None:
    """Write markkinointi.sqlite3. One ban was lifted: that customer is written to again."""
    listed: list[tuple[sqlite.Value, ...]] = []
    bans: list[tuple[sqlite.Value, ...]] = []
    lifted = next(customer for customer in story.customers if customer.situation is Situation.REOPENED)
    for customer in story.customers:
        person, added = customer.contacts[0].person, customer.contacts[0].added
        listed.append((len(listed) + 1, customer.number, person.name, person.email, added.isoformat()))
        if customer.situation in {Situation.BANNED, Situation.BANNED_AND_GONE} or customer is lifted:
            digest = hashlib.blake2b(person.email.encode(), digest_size=8).hexdigest()
            said = added + timedelta(days=100)
            undone = (said + timedelta(days=50)).isoformat() if customer is lifted else None
            bans.append((len(bans) + 1, customer.number, digest, said.isoformat(), undone))
    sqlite.write(directory / "markkinointi.sqlite3", SCHEMA, {"postituslista": listed, "kielto": bans})
