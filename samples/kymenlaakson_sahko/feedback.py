"""KS-R7: feedback, satisfaction surveys, and what somebody buys."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import day_between, iso, years_before
from samples.kymenlaakson_sahko.story import Situation, Story

SCHEMA = """
CREATE TABLE palaute (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, saatu DATE NOT NULL, kasitelty DATE,
    tila TEXT NOT NULL, teksti TEXT NOT NULL);
CREATE INDEX palaute_asiakas ON palaute (asiakasnro);
CREATE TABLE tyytyvaisyys (id INTEGER PRIMARY KEY, asiakasnro TEXT, vastattu DATE NOT NULL,
    kysely_paattyi DATE NOT NULL, arvosana INTEGER NOT NULL, avovastaus TEXT);
CREATE INDEX tyytyvaisyys_asiakas ON tyytyvaisyys (asiakasnro);
CREATE TABLE ostotieto (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, kirjattu DATE NOT NULL,
    tuote TEXT NOT NULL);
CREATE INDEX ostotieto_asiakas ON ostotieto (asiakasnro);
"""
Row = tuple[sqlite.Value, ...]


def build(directory: Path, story: Story, random: Random) -> None:
    """Write palautteet.sqlite3."""
    feedback: list[Row] = []
    answers: list[Row] = []
    bought: list[Row] = []
    for n, customer in enumerate(story.customers):
        last = min(customer.last_end or story.today, story.today)
        if n % 3 == 0:
            said = day_between(random, max(customer.first_day, years_before(last, 3)), last)
            done = said + timedelta(days=random.randint(1, 20))
            closed = done <= story.today
            day = None if n == 9 or not closed else done  # one was closed and nobody wrote down when
            state = "kasitelty" if closed or n == 9 else "avoin"
            text = f"Lasku tuli myöhässä. Terveisin {customer.person.name}"
            feedback.append((len(feedback) + 1, customer.number, said.isoformat(), iso(day), state, text))
        for year in range(story.today.year - 4, story.today.year):
            ended = date(year, 10, 31)
            if customer.first_day < ended <= last and random.random() < 0.3:
                answered = (ended - timedelta(days=random.randint(1, 20))).isoformat()
                mark, text = random.randint(1, 5), f"Hyvin on toiminut, {customer.person.first}"
                answers.append((len(answers) + 1, customer.number, answered, ended.isoformat(), mark, text))
        if customer.situation in {Situation.RUNNING, Situation.MOVED, Situation.ENDED_LATELY}:
            for back in (1, 3):
                day = last - timedelta(days=365 * back - 20)
                if day > customer.first_day:
                    product = random.choice(("määräaikainen sähkösopimus", "tuulisähkö", "pörssisähkö"))
                    bought.append((len(bought) + 1, customer.number, day.isoformat(), product))
    sqlite.write(
        directory / "palautteet.sqlite3",
        SCHEMA,
        {"palaute": feedback, "tyytyvaisyys": answers, "ostotieto": bought},
    )
