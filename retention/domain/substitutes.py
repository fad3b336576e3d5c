"""What stands in for a start event's date that is missing or a migration's: gaps of an item, and the item without them.

A *gap* is one date of one contract or thing. Whether it is filled, and by what, people have decided for a closed group
of gaps (docs/explanation/campaign.md); here is only what a gap is, and what an item is once it is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from retention.domain.events import NEVER, event
from retention.domain.items import Contract, Item, Occurrence, Reading, Standing, by_contracts, recorded
from retention.domain.rules import Absence, Ceiling, Ground, RuleSet

NEVER_ESTIMATED = frozenset({"consent_given", "consent_withdrawn", "objection", "erasure_requested"})
"""What a person says or does: nobody else can say when."""


class Cause(StrEnum):
    """Why a date is a gap."""

    NO_DATE = "no_date"
    IMPLAUSIBLE = "implausible"
    SAME_DAY = "same_day"
    UNKNOWN_SUBJECT = "unknown_subject"


@dataclass(frozen=True, slots=True)
class Gap:
    """A date that is not there or not believed: of which event, and of which contract, thing and purpose; `day`: what
    stands there instead."""

    event: str
    cause: Cause
    day: date | None = None
    contract: str = ""
    thing: str = ""
    purpose: str = ""

    def written(self) -> list[str]:
        """What tells it from every other gap of its item."""
        day = "" if self.day is None else self.day.isoformat()
        return [self.event, self.cause.value, day, self.contract, self.thing, self.purpose]


@dataclass(frozen=True, slots=True)
class Substitute:
    """What the campaign of this number puts in place of a group's dates: a `day`, or the day of the event `by`.

    same_day  which day is not believed (cause SAME_DAY)
    """

    number: int
    event: str
    cause: Cause
    same_day: date | None = None
    day: date | None = None
    by: str = ""

    def meant(self, gap: Gap) -> bool:
        """Whether a gap is of its sort; whether it is of its group is the group's to say."""
        if (gap.event, gap.cause) != (self.event, self.cause):
            return False
        return self.cause is not Cause.SAME_DAY or gap.day == self.same_day


def estimable(rules: RuleSet) -> frozenset[str]:
    """The events whose dates may be estimated: those with which a ground or a ceiling starts."""
    return frozenset(name for rule in _rules(rules) for name in rule.trigger.events) - NEVER_ESTIMATED


def rules_starting(rules: RuleSet, name: str) -> tuple[str, ...]:
    """The ids of the grounds and ceilings that start with an event."""
    return tuple(rule.id for rule in _rules(rules) if name in rule.trigger.events)


def _rules(rules: RuleSet) -> tuple[Ground | Ceiling, ...]:
    return (*rules.grounds, *rules.ceilings)


def gaps(
    item: Item, rules: RuleSet, today: date, known: bool, disbelieved: frozenset[tuple[str, date]] = frozenset()
) -> tuple[Gap, ...]:
    """Every gap of an item, in a fixed order. `known`: the ledger knows its person; `disbelieved`: (event, day).

    A date from 2200 on is no gap: it says "not yet". Raises RuleError for an event that the catalogue does not have.
    """
    reading = Reading(item, today, rules.first_plausible_day)
    found: dict[Gap, None] = {}
    for name in sorted(estimable(rules)):
        if by_contracts(item, name) and _mine(item):
            found.update(dict.fromkeys(_of_contracts(reading, name, disbelieved)))
        elif name in item.events:
            found.update(dict.fromkeys(_of_occurrences(reading, name, known, disbelieved)))
        elif _missed(reading, rules, name):
            cause = Cause.NO_DATE if known or name in item.own else Cause.UNKNOWN_SUBJECT
            found[Gap(name, cause)] = None
    return tuple(found)


def dated(item: Item, rules: RuleSet) -> tuple[tuple[str, date], ...]:
    """(event, day) of every date that a rule starts with and that an item has, "not yet" (from 2200 on) included."""
    found: dict[tuple[str, date], None] = {}
    for name in sorted(estimable(rules)):
        if by_contracts(item, name):
            days = [c.started if name == "contract_started" else c.ended for c in _mine(item)]
        else:
            days = [one.day for one in recorded(item, name)]
        found.update(((name, day), None) for day in days if day is not None)
    return tuple(found)


def _mine(item: Item) -> list[Contract]:
    return [contract for contract in item.contracts if item.scope in {None, contract.ref}]


def _missed(reading: Reading, rules: RuleSet, name: str) -> bool:
    """Nothing is recorded of it at all, and a rule reads that as a date that must be there."""
    absences: list[Absence | None] = [rule.if_absent for rule in _rules(rules) if name in rule.trigger.events]
    return any(reading.start(name, absence).standing is Standing.MISSING for absence in absences)


def _of_contracts(reading: Reading, name: str, disbelieved: frozenset[tuple[str, date]]) -> Iterator[Gap]:
    for contract in _mine(reading.item):
        day = contract.started if name == "contract_started" else contract.ended
        unset = day is None or day >= NEVER
        if unset and (name == "contract_started" or contract.closed):
            yield Gap(name, Cause.NO_DATE, contract=contract.ref)
        elif day is not None and not unset:
            cause = _cause(reading, name, day, disbelieved)
            if cause is not None:
                yield Gap(name, cause, day, contract.ref)


def _of_occurrences(
    reading: Reading, name: str, known: bool, disbelieved: frozenset[tuple[str, date]]
) -> Iterator[Gap]:
    for told in recorded(reading.item, name):
        if reading.item.scope is not None and told.contract not in {"", reading.item.scope}:
            continue
        if told.day is None:
            cause: Cause | None = Cause.NO_DATE if known or name in reading.item.own else Cause.UNKNOWN_SUBJECT
        elif told.day >= NEVER:
            continue
        else:
            cause = _cause(reading, name, told.day, disbelieved)
        if cause is not None:
            yield Gap(name, cause, told.day, told.contract, told.thing, told.purpose)


def _cause(reading: Reading, name: str, day: date, disbelieved: frozenset[tuple[str, date]]) -> Cause | None:
    if not reading.plausible(name, day):
        return Cause.IMPLAUSIBLE
    return Cause.SAME_DAY if (name, day) in disbelieved else None


def fill(item: Item, rules: RuleSet, filling: Mapping[Gap, Substitute], today: date) -> tuple[Item, frozenset[int]]:
    """The item with these of its gaps filled, and the numbers of the campaigns that filled one.

    A gap stays where the substitute is not known of the item, lies ahead, or before what opened it.
    """
    reading = Reading(item, today, rules.first_plausible_day)
    days = {gap: _day(reading, gap, substitute) for gap, substitute in filling.items()}
    filled = {gap: day for gap, day in days.items() if day is not None}
    if not filled:
        return item, frozenset()
    contracts = tuple(_contract(contract, filled) for contract in item.contracts)
    events = dict(item.events)
    for name in {gap.event for gap in filled}:
        if not (by_contracts(item, name) and _mine(item)):
            events[name] = _occurrences(item, name, filled)
    estimated = item.estimated | {gap.event for gap in filled}
    numbers = frozenset(filling[gap].number for gap in filled)
    return replace(item, contracts=contracts, events=events, estimated=estimated), numbers


def _day(reading: Reading, gap: Gap, substitute: Substitute) -> date | None:
    narrowed = replace(reading, item=replace(reading.item, scope=gap.contract)) if gap.contract else reading
    if gap.thing:
        narrowed = replace(narrowed, thing=gap.thing)
    day = substitute.day
    if substitute.by:
        day = narrowed.start(substitute.by).day
    if day is None or day > reading.today or not reading.plausible(gap.event, day):
        return None
    opening = event(gap.event).opened_by
    opened = narrowed.start(opening).day if opening else None
    return None if opened is not None and opened > day else day


def _contract(contract: Contract, filled: Mapping[Gap, date]) -> Contract:
    for gap, day in filled.items():
        if gap.contract == contract.ref and gap.event == "contract_ended":
            contract = replace(contract, ended=day)
        elif gap.contract == contract.ref and gap.event == "contract_started":
            contract = replace(contract, started=day)
    return contract


def _occurrences(item: Item, name: str, filled: Mapping[Gap, date]) -> tuple[Occurrence, ...]:
    places = {(g.day, g.thing, g.purpose, g.contract): day for g, day in filled.items() if g.event == name}
    told = recorded(item, name)
    if not told:
        return tuple(Occurrence(day) for day in places.values())
    return tuple(replace(one, day=places.get((one.day, one.thing, one.purpose, one.contract), one.day)) for one in told)


def disbelieved(substitutes: Sequence[Substitute]) -> frozenset[tuple[str, date]]:
    """The days that these do not believe."""
    return frozenset((one.event, one.same_day) for one in substitutes if one.same_day is not None)
