"""Register 5: answers to the fibre survey, and the work orders that came of it.

Some who answered became customers, some did not, and of a few nobody wrote down which: `tilasi` is NULL.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.kasenet.story import Customer, Story

SCHEMA = """
CREATE TABLE kysely (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, nimi TEXT NOT NULL, osoite TEXT NOT NULL,
    puhelin TEXT, sahkoposti TEXT, vastattu DATE NOT NULL, kysely_paattyi DATE NOT NULL, tilasi BOOLEAN);
CREATE INDEX kysely_asiakas ON kysely (asiakasnro);
CREATE TABLE tyomaarain (id INTEGER PRIMARY KEY, tyonro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    nimi TEXT NOT NULL, osoite TEXT NOT NULL, tyo TEXT NOT NULL, kirjattu DATE NOT NULL, valmis DATE,
    tila TEXT NOT NULL);
CREATE INDEX tyomaarain_asiakas ON tyomaarain (asiakasnro);
CREATE INDEX tyomaarain_valmis ON tyomaarain (valmis);
"""


def build(directory: Path, story: Story, random: Random) -> None:
    """Write tyomaaraimet.sqlite3."""
    sqlite.write(
        directory / "tyomaaraimet.sqlite3",
        SCHEMA,
        {"kysely": _answers(story), "tyomaarain": _orders(story, random)},
    )


def _answers(story: Story) -> list[tuple[sqlite.Value, ...]]:
    rows: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        answered_at_all = customer.became_customer is not True or int(customer.number) % 3 == 0
        if not answered_at_all:
            continue
        person, closed = customer.person, min(date(customer.recorded.year, 12, 31), story.today)
        rows.append(
            (
                len(rows) + 1,
                customer.number,
                person.name,
                person.address,
                person.phone,
                person.email,
                customer.recorded.isoformat(),
                closed.isoformat(),
                customer.became_customer,
            )
        )
    return rows


def _orders(story: Story, random: Random) -> list[tuple[sqlite.Value, ...]]:
    rows: list[tuple[sqlite.Value, ...]] = []

    def order(customer: Customer, written: date, done: date | None, state: str) -> None:
        number, person = f"T-{len(rows) + 1:05}", customer.person
        day = None if done is None else done.isoformat()
        work = "Kuituliittymän rakentaminen"
        rows.append(
            (len(rows) + 1, number, customer.number, person.name, person.address, work, written.isoformat(), day, state)
        )

    for customer in story.customers:
        if not customer.contracts:
            continue
        started = min(contract.started for contract in customer.contracts)
        done = started - timedelta(days=random.randint(1, 15))
        order(
            customer,
            started - timedelta(days=random.randint(20, 60)),
            done if random.random() > 0.02 else None,
            "valmis",
        )
        if customer.last_end is None and random.random() < 0.05:
            order(customer, story.today - timedelta(days=random.randint(1, 25)), None, "kesken")
    return rows
