"""Who Kymenlaakson Sähkö's artificial customers are and what happened to them: one seed, one story.

A customer has a contract for each place of use and moves out of it on the day on which the contract ends. All days
are counted back from `today`; the days at both sides of a deadline are there on purpose.
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

TOWNS = (("47200", "Elimäki"), ("45360", "Valkeala"), ("46800", "Myllykoski"), ("49400", "Hamina"))
FIRST_CUSTOMER = 30_001
FIRST_PROSPECT = 40_001
FIRST_PLACE = 700_001
LEAST_CUSTOMERS = 40
"""With fewer, not every situation below would have its people."""
YEARS_OF_CONTRACT = 6
"""How long data of a contract are kept after its end (Electricity Market Act, s. 75c)."""


class Situation(StrEnum):
    """Why a customer is in the story."""

    RUNNING = "running"
    MOVED = "moved out of one place of use and into another"
    ENDED_LATELY = "ended less than three years ago"
    SETTLED = "ended eight months ago: nothing is left to be paid back"
    ENDED_SINCE = "ended three to six years ago"
    ENDED_LONG_AGO = "ended more than six years ago: the backlog"
    LAST_DAY = "six years are full today: kept tonight, due tomorrow"
    DUE_TODAY = "six years were full yesterday"
    CLOSED_WITHOUT_DATE = "closed, and nobody wrote down when they moved out"
    REOPENED = "gave notice, and stayed"
    UNPAID = "ended long ago, but an invoice of theirs was reminded of last year"
    PAID_LATE = "ended long ago; the debt was paid in the end"
    BANNED = "ended long ago; had forbidden marketing"
    DEMOLISHED = "ended long ago; the house was pulled down"
    ON_HOLD_DISPUTE = "ended long ago; in dispute with us"
    ON_HOLD_REQUEST = "ended long ago; asked for their data and waits for the answer"


FEW: tuple[tuple[Situation, int], ...] = (
    (Situation.MOVED, 4),
    (Situation.LAST_DAY, 1),
    (Situation.DUE_TODAY, 1),
    (Situation.CLOSED_WITHOUT_DATE, 2),
    (Situation.REOPENED, 2),
    (Situation.UNPAID, 2),
    (Situation.PAID_LATE, 1),
    (Situation.BANNED, 2),
    (Situation.DEMOLISHED, 1),
    (Situation.ON_HOLD_DISPUTE, 2),
    (Situation.ON_HOLD_REQUEST, 1),
    (Situation.ENDED_LATELY, 2),
    (Situation.SETTLED, 1),
    (Situation.ENDED_SINCE, 3),
    (Situation.ENDED_LONG_AGO, 3),
    (Situation.RUNNING, 8),
)


class Permission(StrEnum):
    """How a prospect's permission stands."""

    GIVEN = "given and in use"
    NONE = "never given: should not be there"
    WITHDRAWN = "withdrawn"
    STALE = "not used for more than two years"
    BECAME_CUSTOMER = "given; became a customer"
    UNKNOWN = "given; nobody knows whether they became a customer"


PROSPECTS: tuple[tuple[Permission, int], ...] = (
    (Permission.GIVEN, 9),
    (Permission.NONE, 3),
    (Permission.WITHDRAWN, 3),
    (Permission.STALE, 3),
    (Permission.BECAME_CUSTOMER, 2),
    (Permission.UNKNOWN, 1),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place of use: it stays where it is when people move."""

    number: str
    street: str
    postal_code: str
    town: str
    connected: date
    demolished: date | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract for one place; `ended` is the move-out date, and closed without it nobody wrote that down."""

    number: str
    place: Place
    started: date
    ended: date | None = None
    closed: bool = False


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
    """A customer with their contracts, oldest first."""

    number: str
    person: Person
    situation: Situation
    contracts: Sequence[Contract]
    invoices: Sequence[Invoice]

    @property
    def last_end(self) -> date | None:
        """The day on which the last contract ended; None while one runs or nobody knows."""
        ends = [contract.ended for contract in self.contracts]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def first_day(self) -> date:
        return min(contract.started for contract in self.contracts)


@dataclass(frozen=True, slots=True)
class Prospect:
    """Somebody who is no customer yet, or was none when they filled in the slip."""

    number: str
    person: Person
    permission: Permission
    recorded: date
    given: date | None
    withdrawn: date | None
    last_contact: date | None
    became_customer: bool | None


@dataclass(frozen=True)
class Story:
    """Everybody, and the day that it is told on."""

    today: date
    customers: Sequence[Customer]
    prospects: Sequence[Prospect]
    holds: Sequence[PlannedHold]


def tell(today: date, seed: int, customers: int) -> Story:
    """The story of `customers` customers. Raises TooFewError for fewer than every situation needs."""
    if customers < LEAST_CUSTOMERS:
        raise TooFewError(f"{customers} customers are too few to show every situation; at least {LEAST_CUSTOMERS}")
    random = Random(seed)  # noqa: S311 - a story, not a secret
    people = [
        _customer(random, today, index, make_person(random, index, TOWNS), situation)
        for index, situation in enumerate(_situations(random, customers))
    ]
    people = _moved_in_after(people)
    prospects = _prospects(random, today, customers, people)
    return Story(today, people, prospects, _holds(today, people))


def _situations(random: Random, customers: int) -> list[Situation]:
    few = [situation for situation, number in FEW for _ in range(number)]
    rest = random.choices(
        [Situation.RUNNING, Situation.ENDED_LATELY, Situation.ENDED_SINCE, Situation.ENDED_LONG_AGO],
        weights=[60, 14, 13, 13],
        k=customers - len(few),
    )
    every = few + rest
    random.shuffle(every)
    return every


def _customer(random: Random, today: date, index: int, person: Person, situation: Situation) -> Customer:
    number = str(FIRST_CUSTOMER + index)
    contracts = _contracts(random, today, index, person, situation)
    return Customer(number, person, situation, contracts, _invoices(random, today, number, contracts, situation))


def _end(random: Random, today: date, situation: Situation) -> date | None:
    full = years_before(today, YEARS_OF_CONTRACT)
    match situation:
        case Situation.RUNNING | Situation.MOVED | Situation.REOPENED | Situation.CLOSED_WITHOUT_DATE:
            return None
        case Situation.ENDED_LATELY:
            return day_between(random, years_before(today, 3) + timedelta(days=40), today - timedelta(days=45))
        case Situation.SETTLED:
            return today - timedelta(days=245)
        case Situation.ENDED_SINCE:
            return day_between(random, full + timedelta(days=30), years_before(today, 3) - timedelta(days=30))
        case Situation.LAST_DAY:
            return full
        case Situation.DUE_TODAY:
            return full - timedelta(days=1)
        case _:
            return day_between(random, years_before(today, 9), full - timedelta(days=60))


def _contracts(random: Random, today: date, index: int, person: Person, situation: Situation) -> list[Contract]:
    end = _end(random, today, situation)
    number = FIRST_CUSTOMER + index
    connected = day_between(random, date(1985, 1, 1), date(2005, 12, 31))
    demolished = None if situation is not Situation.DEMOLISHED else years_before(today, 8)
    place = Place(
        str(FIRST_PLACE + 2 * index), person.street, person.postal_code, person.village, connected, demolished
    )
    if situation is Situation.DEMOLISHED:
        end = years_before(today, 8) - timedelta(days=40)
    started = day_between(random, years_before(end or today, 7), (end or today) - timedelta(days=400))
    if situation is Situation.MOVED:
        moved = day_between(random, years_before(today, 4), today - timedelta(days=90))
        started = day_between(random, years_before(moved, 6), moved - timedelta(days=400))
        street = f"Esimerkkitie {random.randint(1, 180)}"
        new = Place(str(FIRST_PLACE + 2 * index + 1), street, person.postal_code, person.village, connected)
        return [
            Contract(f"S-{number}-1", place, started, moved, True),
            Contract(f"S-{number}-2", new, moved + timedelta(days=1)),
        ]
    closed = end is not None or situation is Situation.CLOSED_WITHOUT_DATE
    return [Contract(f"S-{number}-1", place, started, end, closed)]


def _moved_in_after(people: Sequence[Customer]) -> list[Customer]:
    """Two of those who moved left a place into which somebody else, of the running ones, moved the day after."""
    moved = [customer.contracts for customer in people if customer.situation is Situation.MOVED][:2]
    left = [(old.place, new.started) for old, new in moved]
    return [
        _moved_in(customer, *left.pop(0)) if left and customer.situation is Situation.RUNNING else customer
        for customer in people
    ]


def _moved_in(customer: Customer, place: Place, day: date) -> Customer:
    contract = replace(customer.contracts[0], place=place, started=day)
    invoices = [invoice for invoice in customer.invoices if invoice.dated > day]
    return replace(customer, contracts=[contract], invoices=invoices)


def _invoices(
    random: Random, today: date, number: str, contracts: Sequence[Contract], situation: Situation
) -> list[Invoice]:
    first = min(contract.started for contract in contracts)
    last = min(max(contract.ended or today for contract in contracts), today)
    if situation is Situation.CLOSED_WITHOUT_DATE:
        last = first + timedelta(days=300)
    invoices: list[Invoice] = []
    day = first + timedelta(days=random.randint(5, 30))
    while day <= last:
        due = day + timedelta(days=14)
        paid = due + timedelta(days=random.randint(-9, 6))
        cents = random.randint(40_00, 400_00)
        invoices.append(Invoice(f"L-{number}-{len(invoices) + 1}", day, due, paid if paid <= today else None, cents))
        day += timedelta(days=91)
    reminded = day_between(random, years_before(today, 1), today - timedelta(days=60))
    if situation is Situation.UNPAID:
        invoices[-1] = replace(invoices[-1], paid=None, reminded=reminded)
    elif situation is Situation.PAID_LATE:
        invoices[-1] = replace(invoices[-1], paid=reminded + timedelta(days=20), reminded=reminded)
    return invoices


def _prospects(random: Random, today: date, customers: int, people: Sequence[Customer]) -> list[Prospect]:
    running = [customer for customer in people if customer.situation is Situation.RUNNING]
    told: list[Prospect] = []
    for permission, number in PROSPECTS:
        for _ in range(number):
            serial = customers + len(told)
            person, own = make_person(random, serial, TOWNS), str(FIRST_PROSPECT + len(told))
            recorded = day_between(random, years_before(today, 1), today - timedelta(days=40))
            if permission is Permission.STALE:
                recorded = day_between(random, years_before(today, 5), years_before(today, 4))
            given = None if permission is Permission.NONE else recorded
            withdrawn = today - timedelta(days=random.randint(2, 30)) if permission is Permission.WITHDRAWN else None
            contact = recorded + timedelta(days=random.randint(5, 35)) if given is not None else None
            became = permission is Permission.BECAME_CUSTOMER
            if became:
                customer = running.pop()
                own, person = customer.number, customer.person
            told.append(
                Prospect(
                    own,
                    person,
                    permission,
                    recorded,
                    given,
                    withdrawn,
                    contact,
                    None if permission is Permission.UNKNOWN else became,
                )
            )
    return told


def _holds(today: date, people: Sequence[Customer]) -> list[PlannedHold]:
    def numbers(situation: Situation) -> tuple[str, ...]:
        return tuple(person.number for person in people if person.situation is situation)

    return [
        PlannedHold(
            numbers(Situation.ON_HOLD_DISPUTE),
            "dispute",
            "Kulutuslukemaa koskeva riita kuluttajariitalautakunnassa",
            "asiakaspalvelupäällikkö",
            today - timedelta(days=120),
            today + timedelta(days=240),
        ),
        PlannedHold(
            numbers(Situation.ON_HOLD_REQUEST),
            "request",
            "Tietopyyntö (15 artikla), kirjallinen vastaus kesken",
            "yhteyshenkilö rekisteriasioissa",
            today - timedelta(days=12),
            today + timedelta(days=18),
        ),
    ]
