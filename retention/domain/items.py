"""One item as its register and the ledger tell it, and when its start events happened.

What is not recorded is read by the catalogue: not yet (awaited), nothing happened (does not apply), or a
date that must be there and is not (missing). A placeholder or an impossible date is missing too (P1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from retention.domain.events import NEVER, Absent, event, openings
from retention.domain.rules import Absence, FactValue

CONTRACT_EVENTS = frozenset({"contract_started", "contract_ended"})
"""Told by the contracts themselves, unless the item has a date of its own for them."""


class Standing(StrEnum):
    """How it stands with a start event."""

    DAY = "day"
    AWAITED = "awaited"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"


OVERRIDE = {
    Absence.PENDING: Standing.AWAITED,
    Absence.MISSING: Standing.MISSING,
    Absence.NOT_APPLICABLE: Standing.NOT_APPLICABLE,
}


@dataclass(frozen=True, slots=True)
class Start:
    """A start event's day, or why there is none."""

    standing: Standing
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract of the subject. Closed without an end date: the date is missing, the contract not running."""

    ref: str
    started: date | None
    ended: date | None = None
    closed: bool = False


def last_told(ended: date | None) -> date | None:
    """A contract's last day; a date that stands for "not yet" is none, or nobody would see that it runs."""
    return None if ended is None or ended >= NEVER else ended


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened: when (None: nobody knows), and what it was about."""

    day: date | None
    thing: str = ""
    purpose: str = ""
    contract: str = ""


Recorded = date | None | tuple[Occurrence, ...]


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Item:
    """What is known of one item of a dataset.

    scope       the contract whose data it is; None: the subject's, over all contracts
    events      name -> day, None (must be there and is not), or every occurrence; what is not here is absent
    still_open  name -> what some source tells as opened and without an end, which outweighs what has ended; of
                `events.OUTWEIGHING` alone, and without a day
    facts       name -> value; a fact that is not here is unknown
    own         events whose day stands with the item itself: a column holds the present state, so none undoes it
    first_seen  the first day on which no ground was left; today if not known
    estimated   events whose day people have put in place of one that is missing (`domain.substitutes`)
    """

    contracts: tuple[Contract, ...] = ()
    scope: str | None = None
    events: Mapping[str, Recorded] = field(default_factory=_empty)
    facts: Mapping[str, FactValue] = field(default_factory=_empty)
    own: frozenset[str] = frozenset()
    first_seen: date | None = None
    estimated: frozenset[str] = frozenset()
    still_open: Mapping[str, tuple[Occurrence, ...]] = field(default_factory=_empty)


def with_own(
    item: Item, events: Mapping[str, date | None], facts: Mapping[str, FactValue | None], closed: bool
) -> Item:
    """The item with what stands in its own row, which wins over the ledger.

    NULL in a column of an awaited or optional event reads as "not recorded"; of one that must be there, or
    awaited where the row's state says closed, as missing.
    """
    merged: dict[str, Recorded] = dict(item.events)
    for name, day in events.items():
        absent = event(name).absent
        merged.pop(name, None)
        unset = day is None or (day >= NEVER and absent is Absent.AWAITED)
        if not unset:
            merged[name] = day
        elif absent is Absent.MISSING or (absent is Absent.AWAITED and closed):
            merged[name] = None
    known = {name: value for name, value in item.facts.items() if name not in facts}
    known |= {name: value for name, value in facts.items() if value is not None}
    still_open = {name: told for name, told in item.still_open.items() if name not in events}
    return replace(item, events=merged, facts=known, own=frozenset(events), still_open=still_open)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one rule reads an item on one day: for which purpose and thing, and from which first plausible day."""

    item: Item
    today: date
    first_plausible_day: date
    purpose: str = ""
    thing: str | None = None

    def occurrences(self, name: str) -> list[Occurrence]:
        """What is recorded of an event within the rule's purpose, thing and contract, and was not undone."""
        found = self._within(name)
        if name in self.item.own:
            return found
        undoing = [
            other.day
            for opposite in event(name).undone_by
            if opposite not in self.item.own
            for other in self._within(opposite)
            if self.plausible(opposite, other.day)
        ]
        return [o for o in found if o.day is None or not any(day is not None and day > o.day for day in undoing)]

    def _within(self, name: str) -> list[Occurrence]:
        scope = self.item.scope
        found = [
            o
            for o in recorded(self.item, name)
            if (not self.purpose or o.purpose in {"", self.purpose}) and (scope is None or o.contract in {"", scope})
        ]
        if self.thing is not None and any(o.thing for o in found):
            return [o for o in found if o.thing == self.thing]
        return found

    def plausible(self, name: str, day: date | None) -> bool:
        """Whether this can be the day of such an event (P1): no placeholder, nothing ahead that cannot lie ahead."""
        if day is None or day < self.first_plausible_day or day >= NEVER:
            return False
        return day <= self.today or event(name).may_lie_ahead

    def start(self, name: str, if_absent: Absence | None = None) -> Start:
        """How it stands with an event; `if_absent` overrides what the catalogue says of its absence.

        Where it has ended and is open too, it reads as if it had not ended, unless that would mean that it never was.
        """
        told = self.told(name)
        if told is None:
            return self._absent(name, if_absent)
        if told.standing is Standing.DAY and self.is_open(name):
            absent = self._absent(name, if_absent)
            return told if absent.standing is Standing.NOT_APPLICABLE else absent
        return told

    def is_open(self, name: str) -> bool:
        """Whether a source has the event open still: for the rule's purpose, thing and contract, or it does not say."""
        scope = self.item.scope
        return any(
            (not self.purpose or o.purpose in {"", self.purpose})
            and (scope is None or o.contract in {"", scope})
            and (not self.thing or o.thing in {"", self.thing})
            for o in self.item.still_open.get(name, ())
        )

    def told(self, name: str) -> Start | None:
        """What is recorded of an event: a day, a date that is missing, a running contract; None: it is absent."""
        if by_contracts(self.item, name):
            return self._told_by_contracts(name)
        entry = event(name)
        days: list[date] = []
        for occurrence in self.occurrences(name):
            day = occurrence.day
            if day is not None and day >= NEVER and entry.absent is Absent.AWAITED:
                continue
            if day is None or not self.plausible(name, day):
                return Start(Standing.MISSING)
            days.append(day)
        if not days:
            return None
        return Start(Standing.DAY, min(days) if entry.many == "first" else max(days))

    def _absent(self, name: str, if_absent: Absence | None) -> Start:
        if if_absent is not None:
            return Start(OVERRIDE[if_absent])
        entry = event(name)
        if entry.absent is Absent.MISSING:
            return Start(Standing.MISSING)
        if entry.absent is Absent.OPTIONAL:
            return Start(Standing.NOT_APPLICABLE)
        opening = self.start(entry.opened_by)
        return Start(Standing.AWAITED) if opening.standing is Standing.DAY else opening

    def _told_by_contracts(self, name: str) -> Start | None:
        mine = [c for c in self.item.contracts if self.item.scope in {None, c.ref}]
        if not mine:
            return None
        starts = [c.started for c in mine if c.started is not None]
        if len(starts) < len(mine) or not all(self.plausible("contract_started", day) for day in starts):
            return Start(Standing.MISSING)
        if name == "contract_started":
            return Start(Standing.DAY, max(starts))
        ends = [c.ended for c in mine if c.ended is not None and c.ended < NEVER]
        open_ended = [c for c in mine if c.ended is None or c.ended >= NEVER]
        if any(c.closed for c in open_ended) or not all(self.plausible("contract_ended", day) for day in ends):
            return Start(Standing.MISSING)
        return Start(Standing.AWAITED) if open_ended else Start(Standing.DAY, max(ends))

    def ended_on(self, names: Iterable[str], starts: Sequence[str] = ()) -> date | None:
        """The earliest day, today or before, on which one of these events ended something; None if none has."""
        return min((day for _, day in self.endings(names, starts)), default=None)

    def endings(self, names: Iterable[str], starts: Sequence[str] = ()) -> list[tuple[str, date]]:
        """(event, day) of each of these events that ended something today or before: what begins with `starts`."""
        return [
            (name, o.day)
            for name in names
            for o in self._ending(name)
            if o.day is not None and o.day <= self.today and self.plausible(name, o.day)
            if not event(name).ends_what_was or self._had_begun(starts, name, o.day)
        ]

    def _had_begun(self, starts: Sequence[str], ending: str, day: date) -> bool:
        """Whether what begins with `starts` had begun by that day; what the row tells of both is of one state."""
        begun = self.began(starts, self.item.own if ending in self.item.own else frozenset())
        return begun is None or (begun.day is not None and begun.day <= day)

    def began(self, starts: Iterable[str], beside: frozenset[str] = frozenset()) -> Start | None:
        """The latest day on which something began of what begins or is opened with these events, marks left out.

        MISSING where nobody knows the day, None where nothing is told of any. `beside`: events that are not asked.
        """
        found = [self._began(name, beside) for name in starts if not event(name).is_mark]
        if any(start is not None and start.standing is Standing.MISSING for start in found):
            return Start(Standing.MISSING)
        days = [start.day for start in found if start is not None and start.day is not None]
        return Start(Standing.DAY, max(days)) if days else None

    def _began(self, name: str, beside: frozenset[str]) -> Start | None:
        opened = [self.told(one) for one in openings(name) if one not in beside]
        days = [start.day for start in opened if start is not None and start.day is not None]
        if days:
            return Start(Standing.DAY, max(days))
        mine = None if name in beside else self.told(name)
        if mine is not None and mine.standing is Standing.DAY:
            return Start(Standing.MISSING) if self.is_open(name) else mine
        unknown = any(start is not None and start.standing is Standing.MISSING for start in (mine, *opened))
        return Start(Standing.MISSING) if unknown else None

    def _ending(self, name: str) -> Sequence[Occurrence]:
        if by_contracts(self.item, name):
            start = self._told_by_contracts(name)
            return [Occurrence(start.day)] if start is not None and start.day is not None else []
        return [] if self.is_open(name) else self.occurrences(name)


def by_contracts(item: Item, name: str) -> bool:
    """Whether an item's contracts tell of an event: not where its own row has a column for it, an empty one too."""
    return name in CONTRACT_EVENTS and name not in item.events and name not in item.own


def recorded(item: Item, name: str) -> tuple[Occurrence, ...]:
    """Every occurrence of an event that the item has, missing dates included."""
    if name not in item.events:
        return ()
    found = item.events[name]
    return found if isinstance(found, tuple) else (Occurrence(found),)


def things(item: Item, names: Iterable[str]) -> tuple[str | None, ...]:
    """The things that these events are about, sorted; (None,) where no event has any.

    Of what is open those count beside which something has ended.
    """
    named = set()
    for name in names:
        found = {o.thing for o in recorded(item, name)}
        if found:
            found |= {o.thing for o in item.still_open.get(name, ()) if o.thing}
        if found - {""}:
            named |= found
    return tuple(sorted(named)) or (None,)
