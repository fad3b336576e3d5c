"""R4: terminal devices at customers, and what they measure. Some are never returned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import iso
from samples.ksvv.story import Story
from samples.lives import Situation

SCHEMA = """
CREATE TABLE paatelaite (id INTEGER PRIMARY KEY, sarjanro TEXT NOT NULL UNIQUE, malli TEXT NOT NULL, asiakasnro TEXT,
    osoite TEXT, verkon_nimi TEXT, toimitettu DATE NOT NULL, palautettu DATE);
CREATE INDEX paatelaite_asiakas ON paatelaite (asiakasnro);
CREATE TABLE mittaus (id INTEGER PRIMARY KEY, laite_id INTEGER NOT NULL REFERENCES paatelaite (id), pvm DATE NOT NULL,
    vaimennus_db REAL NOT NULL, virheita INTEGER NOT NULL);
CREATE INDEX mittaus_laite ON mittaus (laite_id);
CREATE INDEX mittaus_pvm ON mittaus (pvm);
"""
MEASURED_DAYS = 140


def build(directory: Path, story: Story, random: Random) -> None:
    """Write laitteet.sqlite3."""
    devices: list[tuple[sqlite.Value, ...]] = []
    measured: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        if customer.started is None:
            continue
        kept = random.random() < 0.15 or customer.situation in {Situation.DUE_TODAY, Situation.LAST_DAY}
        ended = customer.used_until
        returned = None if ended is None or kept else ended + timedelta(days=random.randint(1, 21))
        if returned is not None and returned > story.today:
            returned = None
        serial = f"KSVV{len(devices) + 1:06}"
        model = random.choice(("ONT-1", "ONT-2"))
        network = f"koti-{customer.person.last.lower()}"
        devices.append(
            (
                len(devices) + 1,
                serial,
                model,
                customer.number,
                customer.person.address,
                network,
                iso(customer.started),
                iso(returned),
            )
        )
        if customer.situation is Situation.RUNNING:
            for back in range(MEASURED_DAYS, -1, -7):
                day = story.today - timedelta(days=back)
                if day >= customer.started:
                    loss = round(random.uniform(8, 24), 1)
                    measured.append((len(measured) + 1, len(devices), day.isoformat(), loss, random.randrange(5)))
    sqlite.write(directory / "laitteet.sqlite3", SCHEMA, {"paatelaite": devices, "mittaus": measured})
