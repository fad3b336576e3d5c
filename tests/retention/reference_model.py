"""What must be there, what may go and what must have gone: said again, in other words and with other arithmetic.

Two datasets of one register. `asiakkaat` goes by itself once every contract of its person has ended so long ago and the
row has been there so long; `muistiot` goes by its own day, after somebody approved it. No date, no number is asked of
the code that this is held against.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

CUSTOMERS, NOTES = "asiakkaat", "muistiot"


class Span(NamedTuple):
    """So many months and then so many days."""

    months: int
    days: int

    @property
    def iso(self) -> str:
        return f"P{self.months}M{self.days}D"

    def last_day(self, start: date) -> date:
        year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        return date(year, month + 1, day) + timedelta(days=self.days)


class Rules(NamedTuple):
    """How long after the last contract's end, how long at least, how long a note."""

    ended: Span
    least: Span
    note: Span


class Key(NamedTuple):
    dataset: str
    id: int


@dataclass
class Row:
    person: str
    recorded: date


@dataclass
class Hold:
    """Of nobody it is everybody's, of no dataset every dataset's."""

    person: str
    dataset: str
    released: date | None = None

    def holds(self, key: Key, row: Row, day: date) -> bool:
        meant = self.person in {"", row.person} and self.dataset in {"", key.dataset}
        return meant and (self.released is None or self.released > day)


@dataclass
class Model:
    versions: list[tuple[date, Rules]] = field(default_factory=list)
    contracts: dict[str, dict[str, date | None]] = field(default_factory=dict)
    rows: dict[Key, Row] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    approved: dict[Key, Span] = field(default_factory=dict)
    """Notes that somebody signed, and under which period."""
    since: dict[Key, date] = field(default_factory=dict)
    """From which day on they were due when they were signed: due from another day is not what was signed."""

    def rules_on(self, day: date) -> Rules:
        return [rules for since, rules in self.versions if since <= day][-1]

    def last_day(self, key: Key, rules: Rules) -> date | None:
        """None: there is none, a contract runs or nobody knows one."""
        row = self.rows[key]
        if key.dataset == NOTES:
            return rules.note.last_day(row.recorded)
        ends = self.contracts.get(row.person, {}).values()
        if not ends or None in ends:
            return None
        return max(rules.ended.last_day(max(end for end in ends if end)), rules.least.last_day(row.recorded))

    def due(self, day: date, rules: Rules) -> set[Key]:
        """Needed no longer, held or not."""
        return {key for key in self.rows if (last := self.last_day(key, rules)) is not None and last < day}

    def held(self, keys: set[Key], day: date) -> set[Key]:
        return {key for key in keys if any(hold.holds(key, self.rows[key], day) for hold in self.holds)}

    def goes(self, day: date, rules: Rules) -> set[Key]:
        """What a night of this day destroys."""
        due = self.due(day, rules)
        free = due - self.held(due, day)
        return {key for key in free if key.dataset == CUSTOMERS or self.signed(key, rules)}

    def signed(self, key: Key, rules: Rules) -> bool:
        """Whether somebody signed just this."""
        last = self.last_day(key, rules)
        return self.approved.get(key) == rules.note and last is not None and self.since[key] == last + timedelta(days=1)

    def unknown(self) -> int:
        """Customers of whom no contract tells anything: an alarm, and they stay."""
        return sum(key.dataset == CUSTOMERS and row.person not in self.contracts for key, row in self.rows.items())
