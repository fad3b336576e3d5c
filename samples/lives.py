"""What happened to a small company's artificial customers: contracts, invoices, debts, bans, holds.

Each company's registers tell parts of one such story, so that a customer's contract, invoices and papers
agree. All days are counted back from `today`; the days at both sides of a deadline are there on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from samples.days import day_between, years_before
from samples.frame import TooFewError
from samples.people import Person, make_person


class Situation(StrEnum):
    """Why a customer is in the story. "Ended": the contract; three years is how long claims may come."""

    RUNNING = "running"
    ENDED_LATELY = "ended less than three years ago"
    ENDED_LONG_AGO = "ended more than three years ago: the backlog"
    LAST_DAY = "three years are full today: kept tonight, due tomorrow"
    DUE_TODAY = "three years were full yesterday"
    CLOSED_WITHOUT_DATE = "closed, and nobody wrote down when"
    STILL_USED = "the contract ended long ago, and the service is still used"
    UNPAID = "ended long ago, but an invoice of theirs was reminded of last year"
    PAID_LATE = "ended long ago; the debt was paid in the end"
    ON_HOLD = "ended long ago; in dispute with us"
    BANNED = "ended long ago; had forbidden marketing"
    LEAD = "asked for an offer long ago, and never became a customer"
    FRESH_LEAD = "asked for an offer lately"


FEW: tuple[tuple[Situation, int], ...] = (
    (Situation.LAST_DAY, 1),
    (Situation.DUE_TODAY, 1),
    (Situation.CLOSED_WITHOUT_DATE, 2),
    (Situation.STILL_USED, 1),
    (Situation.UNPAID, 2),
    (Situation.PAID_LATE, 2),
    (Situation.ON_HOLD, 2),
    (Situation.BANNED, 2),
    (Situation.LEAD, 6),
    (Situation.FRESH_LEAD, 4),
)
LEADS = frozenset({Situation.LEAD, Situation.FRESH_LEAD})
LEAST_CUSTOMERS = 40
"""With fewer, not every situation would have its people."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice and what became of it."""

    number: str
    dated: date
    due: date
    paid: date | None
    cents: int
    reminded: date | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Electronic marketing: when it was allowed, and when that was taken back."""

    given: date
    withdrawn: date | None


@dataclass(frozen=True, slots=True)
class Ban:
    """Marketing forbidden, and allowed again."""

    since: date
    lifted: date | None


@dataclass(frozen=True)
class Customer:
    """A customer or a lead. `ended`: the contract; `used_until`: the service; `closed` without `ended`: no date."""

    number: str
    person: Person
    situation: Situation
    recorded: date
    started: date | None = None
    ended: date | None = None
    closed: bool = False
    used_until: date | None = None
    invoices: Sequence[Invoice] = ()
    consent: Consent | None = None
    ban: Ban | None = None

    @property
    def is_lead(self) -> bool:
        return self.situation in LEADS


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody with an account."""

    number: str
    person: Person
    started: date
    ended: date | None


def customers_of(
    random: Random, today: date, count: int, first: int, villages: Sequence[tuple[str, str]]
) -> list[Customer]:
    """`count` customers, numbered from `first`. Raises TooFewError for fewer than every situation needs."""
    if count < LEAST_CUSTOMERS:
        raise TooFewError(f"{count} customers are too few to show every situation; at least {LEAST_CUSTOMERS}")
    few = [situation for situation, number in FEW for _ in range(number)]
    rest = random.choices(
        [Situation.RUNNING, Situation.ENDED_LATELY, Situation.ENDED_LONG_AGO], [60, 18, 22], k=count - len(few)
    )
    every = few + rest
    random.shuffle(every)
    return [
        _customer(random, today, str(first + index), make_person(random, index, villages), situation)
        for index, situation in enumerate(every)
    ]


def staff_of(
    random: Random, today: date, count: int, first: int, serial: int, villages: Sequence[tuple[str, str]]
) -> list[Employee]:
    """`count` employees, at least four: of the last three one left long ago, one lately, one will leave."""
    people = []
    for index in range(count):
        started = day_between(random, years_before(today, 12), years_before(today, 3))
        left = {
            count - 3: day_between(random, years_before(today, 2), today - timedelta(days=250)),
            count - 2: today - timedelta(days=40),
            count - 1: today + timedelta(days=30),
        }
        people.append(
            Employee(str(first + index), make_person(random, serial + index, villages), started, left.get(index))
        )
    return people


def _customer(random: Random, today: date, number: str, person: Person, situation: Situation) -> Customer:
    if situation is Situation.LEAD:
        recorded = day_between(random, years_before(today, 3), today - timedelta(days=500))
        return Customer(number, person, situation, recorded)
    if situation is Situation.FRESH_LEAD:
        return Customer(number, person, situation, day_between(random, today - timedelta(days=90), today))
    ended = _end(random, today, situation)
    closed = ended is not None
    started = day_between(random, years_before(ended or today, 6), (ended or today) - timedelta(days=200))
    used_until = ended
    if situation is Situation.CLOSED_WITHOUT_DATE:
        started, closed = day_between(random, years_before(today, 9), years_before(today, 5)), True
    elif situation is Situation.STILL_USED:
        used_until = None
    recorded = started - timedelta(days=random.randint(0, 30))
    return Customer(
        number,
        person,
        situation,
        recorded,
        started,
        ended,
        closed,
        used_until,
        _invoices(random, today, number, started, ended, situation),
        _consent(random, today, started) if situation is not Situation.BANNED else None,
        _ban(random, today, started, situation),
    )


def _end(random: Random, today: date, situation: Situation) -> date | None:
    three_years_ago = years_before(today, 3)
    if situation in {Situation.RUNNING, Situation.CLOSED_WITHOUT_DATE}:
        return None
    if situation is Situation.ENDED_LATELY:
        return day_between(random, three_years_ago + timedelta(days=40), today - timedelta(days=3))
    if situation is Situation.LAST_DAY:
        return three_years_ago
    if situation is Situation.DUE_TODAY:
        return three_years_ago - timedelta(days=1)
    return day_between(random, years_before(today, 6), three_years_ago - timedelta(days=200))


def _invoices(
    random: Random, today: date, number: str, started: date, ended: date | None, situation: Situation
) -> list[Invoice]:
    last = min(ended or today, today)
    if situation is Situation.CLOSED_WITHOUT_DATE:
        last = started + timedelta(days=900)
    cents = random.choice((2990, 3990, 4990)) * 3
    invoices: list[Invoice] = []
    day = started + timedelta(days=random.randint(5, 30))
    while day <= last:
        due = day + timedelta(days=14)
        paid = due + timedelta(days=random.randint(-9, 6))
        of_it = f"L-{number}-{len(invoices) + 1}"
        invoices.append(Invoice(of_it, day, due, paid if paid <= today else None, cents))
        day += timedelta(days=91)
    reminded = day_between(random, years_before(today, 1), today - timedelta(days=60))
    if situation is Situation.UNPAID:
        invoices[-1] = replace(invoices[-1], paid=None, reminded=reminded)
    if situation is Situation.PAID_LATE:
        invoices[-1] = replace(invoices[-1], paid=reminded + timedelta(days=20), reminded=reminded)
    return invoices


def _consent(random: Random, today: date, started: date) -> Consent | None:
    if random.random() > 0.5:
        return None
    given = started + timedelta(days=random.randint(0, 20))
    withdrawn = day_between(random, given + timedelta(days=10), today) if random.random() < 0.4 else None
    return Consent(given, withdrawn)


def _ban(random: Random, today: date, started: date, situation: Situation) -> Ban | None:
    chance = random.random()
    since = started + timedelta(days=random.randint(30, 150))
    if situation is Situation.BANNED:
        return Ban(since, None)
    if situation is not Situation.RUNNING or chance > 0.3:
        return None
    return Ban(since, since + timedelta(days=40) if chance < 0.1 else None)
