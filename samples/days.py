"""Days of a story, counted back from its own day."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 28 February where there is no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def day_between(random: Random, first: date, last: date) -> date:
    """One of the days from `first` to `last`, both included; `first` where they are the wrong way round."""
    return first + timedelta(days=random.randrange(max((last - first).days, 0) + 1))


def iso(day: date | None) -> str | None:
    """A day as a table holds it; None stays None."""
    return None if day is None else day.isoformat()
