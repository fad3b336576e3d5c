"""Who K-Systems' artificial customers are and what happened to them: one seed, one story.

A customer is a company; each of its contracts is one service with one domain, its web space and its mail. All days
are counted back from `today`; the days at both sides of a deadline are there on purpose. Domains end in
`example.invalid`, because any name under .fi could be somebody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from samples.days import day_between, years_before
from samples.frame import PlannedHold, TooFewError
from samples.people import Person, make_person

TOWNS = (("18100", "Heinola"), ("18130", "Heinola"), ("19700", "Sysmä"), ("17200", "Vääksy"))
TRADES = ("Puutyö", "Kahvila", "Tilitoimisto", "Taimitarha", "Autokorjaamo", "Kiinteistöhuolto")
FIRST_CUSTOMER = 2_001
LEAST_CUSTOMERS = 34
"""With fewer, not every situation below would have its people."""
GRACE_DAYS = 30
"""Content, mail and a deleted domain stay so many days after the end."""


class Situation(StrEnum):
    """Why a customer is in the story."""

    RUNNING = "running"
    TWO_DOMAINS = "two services: one ended last year, the other runs"
    ENDED_LATELY = "ended less than three years ago"
    ENDED_LONG_AGO = "ended more than three years ago: the backlog"
    ENDS_TODAY = "the service ends today: kept tonight, due tomorrow"
    ENDED_YESTERDAY = "the service ended yesterday"
    GRACE_LAST_DAY = "thirty days after the end are full today"
    GRACE_OVER = "thirty days after the end were full yesterday"
    CLOSED_WITHOUT_DATE = "closed, and nobody wrote down when"
    REOPENED = "gave notice, and stayed"
    UNPAID = "ended long ago, but an invoice of theirs was reminded of last year"
    PAID_LATE = "ended long ago; the debt was paid in the end"
    BANNED = "running; forbade marketing"
    BANNED_AND_GONE = "ended long ago; had forbidden marketing"
    TRANSFERRED = "running; moved the domain to another registrar last month"
    DELETED_LATELY = "running; had the domain deleted ten days ago"
    INSTRUCTED = "running; the authority said that the domain user's data must go"
    ON_HOLD_DISPUTE = "ended long ago; in dispute with us"
    ON_HOLD_REQUEST = "ended long ago; asked for restriction of processing and waits for the answer"


FEW: tuple[tuple[Situation, int], ...] = (
    (Situation.RUNNING, 6),
    (Situation.TWO_DOMAINS, 2),
    (Situation.ENDED_LATELY, 3),
    (Situation.ENDED_LONG_AGO, 3),
    (Situation.ENDS_TODAY, 1),
    (Situation.ENDED_YESTERDAY, 1),
    (Situation.GRACE_LAST_DAY, 1),
    (Situation.GRACE_OVER, 1),
    (Situation.CLOSED_WITHOUT_DATE, 2),
    (Situation.REOPENED, 1),
    (Situation.UNPAID, 2),
    (Situation.PAID_LATE, 1),
    (Situation.BANNED, 2),
    (Situation.BANNED_AND_GONE, 1),
    (Situation.TRANSFERRED, 2),
    (Situation.DELETED_LATELY, 1),
    (Situation.INSTRUCTED, 1),
    (Situation.ON_HOLD_DISPUTE, 1),
    (Situation.ON_HOLD_REQUEST, 1),
)
GONE_LONG_AGO = frozenset(
    {
        Situation.ENDED_LONG_AGO,
        Situation.UNPAID,
        Situation.PAID_LATE,
        Situation.BANNED_AND_GONE,
        Situation.ON_HOLD_DISPUTE,
        Situation.ON_HOLD_REQUEST,
    }
)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain; `ended`: the day on which it was deleted, or moved to another registrar."""

    name: str
    ordered: date
    registered: date
    ended: date | None = None
    deleted: bool = False
    closed: bool = False
    instructed: date | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """One service; closed without `ended` is a date that nobody wrote down."""

    number: str
    domain: Domain
    started: date
    ended: date | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody whom the company named; `left`: the day on which they stopped being its contact."""

    person: Person
    added: date
    left: date | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice and what became of it."""

    number: str
    dated: date
    due: date
    paid: date | None
    cents: int
    reminded: date | None = None


@dataclass(frozen=True)
class Customer:
    """A company with its contracts, contacts and invoices."""

    number: str
    company: str
    business_id: str
    situation: Situation
    contracts: Sequence[Contract]
    contacts: Sequence[Contact]
    invoices: Sequence[Invoice]

    @property
    def last_end(self) -> date | None:
        """The day on which the last service ended; None while one runs or nobody knows."""
        ends = [contract.ended for contract in self.contracts]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def accounts(self) -> tuple[str, ...]:
        """Its mail accounts, on its first domain; the part before the @ is the customer's number."""
        domain = self.contracts[0].domain.name
        office = (f"{self.number}@toimisto.{domain}",) if len(self.contacts) > 1 else ()
        return (f"{self.number}@{domain}", *office)


@dataclass(frozen=True)
class Story:
    """Everybody, and the day that it is told on."""

    today: date
    customers: Sequence[Customer]
    holds: Sequence[PlannedHold]


def tell(today: date, seed: int, customers: int) -> Story:
    """The story of `customers` customers. Raises TooFewError for fewer than every situation needs."""
    if customers < LEAST_CUSTOMERS:
        raise TooFewError(f"{customers} customers are too few to show every situation; at least {LEAST_CUSTOMERS}")
    random = Random(seed)  # noqa: S311 - a story, not a secret
    people = [_customer(random, today, n, situation) for n, situation in enumerate(_situations(random, customers))]
    return Story(today, people, _holds(today, people))


def business_id(serial: int) -> str:
    """The next business ID, from a run that nobody is given, whose check digit exists."""
    weights = (7, 9, 10, 5, 8, 4, 2)
    number = 9_900_000 + serial
    remainder = sum(int(digit) * weight for digit, weight in zip(str(number), weights, strict=True)) % 11
    if remainder == 1:
        return business_id(serial + 500)
    return f"{number}-{0 if remainder == 0 else 11 - remainder}"


def _situations(random: Random, customers: int) -> list[Situation]:
    few = [situation for situation, number in FEW for _ in range(number)]
    rest = random.choices(
        [Situation.RUNNING, Situation.ENDED_LATELY, Situation.ENDED_LONG_AGO],
        weights=[70, 15, 15],
        k=customers - len(few),
    )
    every = few + rest
    random.shuffle(every)
    return every


def _customer(random: Random, today: date, index: int, situation: Situation) -> Customer:
    number = str(FIRST_CUSTOMER + index)
    contracts = _contracts(random, today, number, situation)
    contacts = _contacts(random, today, index, contracts)
    company = f"{contacts[0].person.last} {random.choice(TRADES)} Oy"
    invoices = _invoices(random, today, number, contracts, situation)
    return Customer(number, company, business_id(index), situation, contracts, contacts, invoices)


def _end(random: Random, today: date, situation: Situation) -> date | None:
    if situation in GONE_LONG_AGO:
        return day_between(random, years_before(today, 8), years_before(today, 3) - timedelta(days=40))
    match situation:
        case Situation.ENDED_LATELY:
            return day_between(random, years_before(today, 3) + timedelta(days=30), today - timedelta(days=90))
        case Situation.ENDS_TODAY:
            return today
        case Situation.ENDED_YESTERDAY:
            return today - timedelta(days=1)
        case Situation.GRACE_LAST_DAY:
            return today - timedelta(days=GRACE_DAYS)
        case Situation.GRACE_OVER:
            return today - timedelta(days=GRACE_DAYS + 1)
        case _:
            return None


def _contracts(random: Random, today: date, number: str, situation: Situation) -> list[Contract]:
    end = _end(random, today, situation)
    started = day_between(random, years_before(end or today, 7), (end or today) - timedelta(days=500))
    closed = end is not None or situation is Situation.CLOSED_WITHOUT_DATE
    domain = _domain(f"yritys{number}", started, end, random.random() < 0.5, closed)
    match situation:
        case Situation.TRANSFERRED:
            domain = replace(domain, ended=today - timedelta(days=random.randint(12, 28)), closed=True)
        case Situation.DELETED_LATELY:
            domain = replace(domain, ended=today - timedelta(days=10), deleted=True, closed=True)
        case Situation.INSTRUCTED:
            domain = replace(domain, instructed=today - timedelta(days=2))
        case _:
            pass
    contract = Contract(f"P-{number}-1", domain, started, end, closed)
    if situation is not Situation.TWO_DOMAINS:
        return [contract]
    ended = today - timedelta(days=random.randint(100, 300))
    begun = ended - timedelta(days=900)
    other = _domain(f"yritys{number}-kauppa", begun, ended, True, True)
    return [contract, Contract(f"P-{number}-2", other, begun, ended, True)]


def _domain(name: str, started: date, ended: date | None, deleted: bool, closed: bool) -> Domain:
    gone = deleted and ended is not None
    return Domain(f"{name}.example.invalid", started, started + timedelta(days=2), ended, gone, closed)


def _contacts(random: Random, today: date, index: int, contracts: Sequence[Contract]) -> list[Contact]:
    first = min(contract.started for contract in contracts)
    contacts = [Contact(make_person(random, 2 * index, TOWNS), first)]
    if index % 3 == 0:
        left = min(first + timedelta(days=400), today - timedelta(days=5))
        contacts.append(Contact(make_person(random, 2 * index + 1, TOWNS), first, left))
    return contacts


def _invoices(
    random: Random, today: date, number: str, contracts: Sequence[Contract], situation: Situation
) -> list[Invoice]:
    first = min(contract.started for contract in contracts)
    last = min(max(contract.ended or today for contract in contracts), today)
    invoices: list[Invoice] = []
    day = first + timedelta(days=random.randint(5, 30))
    while day <= last:
        due = day + timedelta(days=14)
        paid = due + timedelta(days=random.randint(-9, 6))
        cents = random.choice((9_900, 12_900, 24_900))
        invoices.append(Invoice(f"L-{number}-{len(invoices) + 1}", day, due, paid if paid <= today else None, cents))
        day += timedelta(days=182)
    reminded = day_between(random, years_before(today, 1), today - timedelta(days=60))
    if situation is Situation.UNPAID:
        invoices[-1] = replace(invoices[-1], paid=None, reminded=reminded)
    elif situation is Situation.PAID_LATE:
        invoices[-1] = replace(invoices[-1], paid=reminded + timedelta(days=20), reminded=reminded)
    return invoices


def _holds(today: date, people: Sequence[Customer]) -> list[PlannedHold]:
    def numbers(situation: Situation) -> tuple[str, ...]:
        return tuple(person.number for person in people if person.situation is situation)

    return [
        PlannedHold(
            numbers(Situation.ON_HOLD_DISPUTE),
            "dispute",
            "Riita verkkotunnuksen käyttöoikeudesta",
            "toimitusjohtaja",
            today - timedelta(days=80),
            today + timedelta(days=280),
        ),
        PlannedHold(
            numbers(Situation.ON_HOLD_REQUEST),
            "request",
            "Kiistanalaisten tietojen käsittelyn rajoittaminen (18 artikla), asia kesken",
            "toimitusjohtaja",
            today - timedelta(days=14),
            today + timedelta(days=16),
        ),
    ]
