"""KS-R3: recorded contacts, one file each; customer, day and kind stand in the name.

One was saved by hand under a name that says neither whose it is nor from when: nothing may happen to it by machine.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random

from samples.days import day_between, years_before
from samples.kymenlaakson_sahko.story import Story

STRAY = "tallenne uusi.opus"


def build(directory: Path, story: Story, random: Random) -> None:
    """Write tallenteet/puhelut/YEAR/…"""
    calls = directory / "tallenteet" / "puhelut"
    calls.mkdir(parents=True)

    def record(number: str, day: date, kind: str) -> None:
        folder = calls / str(day.year)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}_{day.isoformat()}_{kind}.opus").write_bytes(b"OggS artificial")

    for customer in story.customers:
        last = min(customer.last_end or story.today, story.today)
        if random.random() < 0.5:
            record(customer.number, customer.first_day, "sopimus")
        if random.random() < 0.3:
            record(
                customer.number,
                day_between(random, max(customer.first_day, years_before(last, 3)), last),
                "reklamaatio",
            )
        for _ in range(random.choice((0, 1, 2))):
            first = max(customer.first_day, last - timedelta(days=200))
            record(customer.number, day_between(random, first, last), "palvelu")
    (calls / STRAY).write_bytes(b"OggS artificial")
