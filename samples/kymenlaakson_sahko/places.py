"""KS-R5: places of use with who holds them now, and what was metered there month by month.

A reading names the customer and contract that it was metered for; the place outlives both. No foreign key points at
a place, so that one which was pulled down can go by its own rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import iso
from samples.kymenlaakson_sahko.story import Contract, Customer, Story

SCHEMA = """
CREATE TABLE kayttopaikka (kayttopaikkanro TEXT PRIMARY KEY, lahiosoite TEXT NOT NULL, postinumero TEXT NOT NULL,
    postitoimipaikka TEXT NOT NULL, lammitysmuoto TEXT NOT NULL, paasulake TEXT NOT NULL, liitetty DATE NOT NULL,
    purettu DATE, asiakasnro TEXT, sopimusnro TEXT, haltija TEXT, asumismuoto TEXT, omistussuhde TEXT,
    kayton_ajoitus TEXT);
CREATE INDEX kayttopaikka_asiakas ON kayttopaikka (asiakasnro);
CREATE INDEX kayttopaikka_sopimus ON kayttopaikka (sopimusnro);
CREATE TABLE mittaus (id INTEGER PRIMARY KEY, kayttopaikkanro TEXT NOT NULL, asiakasnro TEXT, sopimusnro TEXT,
    kausi_paattyi DATE NOT NULL, kwh INTEGER NOT NULL);
CREATE INDEX mittaus_asiakas ON mittaus (asiakasnro);
CREATE INDEX mittaus_kausi ON mittaus (kausi_paattyi);
CREATE INDEX mittaus_paikka ON mittaus (kayttopaikkanro);
"""


def build(directory: Path, story: Story, random: Random) -> None:
    """Write kayttopaikat.sqlite3."""
    holders: dict[str, tuple[Customer, Contract]] = {}
    for customer in story.customers:
        for contract in customer.contracts:
            before = holders.get(contract.place.number)
            if before is None or before[1].started < contract.started:
                holders[contract.place.number] = (customer, contract)
    places: list[tuple[sqlite.Value, ...]] = []
    for number, (customer, contract) in sorted(holders.items()):
        place = contract.place
        heating, fuse = random.choice(("sähkö", "kaukolämpö", "maalämpö", "öljy")), random.choice(("3x25 A", "3x35 A"))
        stays = (number, place.street, place.postal_code, place.town, heating, fuse)
        goes = (customer.number, contract.number, customer.person.name)
        home = (random.choice(("omakotitalo", "rivitalo", "kerrostalo")), random.choice(("omistaja", "vuokralainen")))
        timing = random.choice(("vakituinen", "vapaa-aika"))
        places.append((*stays, iso(place.connected), iso(place.demolished), *goes, *home, timing))
    readings: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        for contract in customer.contracts:
            for day in _months(contract, story.today):
                named = (contract.place.number, customer.number, contract.number)
                readings.append((len(readings) + 1, *named, day.isoformat(), random.randint(80, 2400)))
    sqlite.write(directory / "kayttopaikat.sqlite3", SCHEMA, {"kayttopaikka": places, "mittaus": readings})


def _months(contract: Contract, today: date) -> Iterator[date]:
    """The last day of every month that was metered whole."""
    last = contract.ended or (contract.started + timedelta(days=300) if contract.closed else today)
    day = contract.started.replace(day=1)
    while True:
        day = (day + timedelta(days=32)).replace(day=1)
        if day - timedelta(days=1) > last:
            return
        yield day - timedelta(days=1)
