"""Who KaseNet's artificial customers and staff are and what happened to them: one seed, one story.

The eight registers tell parts of this one story, so that a customer's contract, invoices, tickets, map
point, papers and mailbox agree. All days are counted back from `today`; the days at both sides of a
deadline are there on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from samples.days import day_between, years_before
from samples.frame import PlannedHold, TooFewError
from samples.kasenet.people import make_person
from samples.people import Person

FIRST_CUSTOMER = 10_001
FIRST_STAFF = 501
STAFF = 14
LEAST_CUSTOMERS = 60
"""With fewer, not every situation below would have its people."""


class Situation(StrEnum):
    """Why a customer is in the story."""

    RUNNING = "running"
    ENDED_LATELY = "ended less than three years ago"
    ENDED_LONG_AGO = "ended more than three years ago: the backlog"
    LAST_DAY = "three years are full today: kept tonight, due tomorrow"
    DUE_TODAY = "three years were full yesterday"
    CLOSED_WITHOUT_DATE = "closed, and nobody wrote down when"
    REOPENED = "ended, and opened again"
    UNPAID = "ended long ago, but an invoice of theirs was reminded of last year"
    PAID_LATE = "ended long ago; the debt was paid in the end"
    DEBT_SOLD = "ended long ago; the debt was sold"
    ON_HOLD_DISPUTE = "ended long ago; in dispute with us"
    ON_HOLD_REQUEST = "ended long ago; asked for their data and waits for the answer"
    LEAD = "answered, never became a customer"
    UNKNOWN = "nobody knows whether they became a customer"


FEW: tuple[tuple[Situation, int], ...] = (
    (Situation.LAST_DAY, 1),
    (Situation.DUE_TODAY, 1),
    (Situation.CLOSED_WITHOUT_DATE, 4),
    (Situation.REOPENED, 2),
    (Situation.UNPAID, 4),
    (Situation.PAID_LATE, 2),
    (Situation.DEBT_SOLD, 1),
    (Situation.ON_HOLD_DISPUTE, 2),
    (Situation.ON_HOLD_REQUEST, 1),
    (Situation.UNKNOWN, 3),
)


@dataclass(frozen=True, slots=True)
class Contract:
    """A connection's contract; `closed` without `ended` is a date that nobody wrote down."""

    number: str
    service: str
    started: date
    ended: date | None = None
    closed: bool = False
    reopened: date | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice and what became of it."""

    number: str
    dated: date
    due: date
    paid: date | None
    cents: int
    reminded: date | None = None
    assigned: date | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Marketing: when it was given, and when it was withdrawn."""

    given: date
    withdrawn: date | None
    channel: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A fault or a question; `closed` without a day is a date that nobody wrote down."""

    opened: date
    ended: date | None
    closed: bool
    subject: str
    attachment: bool


@dataclass(frozen=True)
class Customer:
    """A customer, or someone who answered a survey."""

    number: str
    person: Person
    situation: Situation
    recorded: date
    became_customer: bool | None
    contracts: Sequence[Contract] = ()
    invoices: Sequence[Invoice] = ()
    consents: Sequence[Consent] = ()
    tickets: Sequence[Ticket] = ()
    marketing: bool = False
    mailbox: bool = False

    @property
    def last_end(self) -> date | None:
        """The day on which the last contract ended; None while one runs or nobody knows."""
        ends = [contract.ended for contract in self.contracts]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody with an account; `left` without a day is a date that nobody wrote down."""

    number: str
    person: Person
    started: date
    ended: date | None
    left: bool


@dataclass(frozen=True)
class Story:
    """Everybody, and the day that it is told on."""

    today: date
    customers: Sequence[Customer]
    staff: Sequence[Employee]
    holds: Sequence[PlannedHold] = field(default=())


def tell(today: date, seed: int, customers: int) -> Story:
    """The story of `customers` customers. Raises TooFewError for fewer than every situation needs."""
    if customers < LEAST_CUSTOMERS:
        raise TooFewError(f"{customers} customers are too few to show every situation; at least {LEAST_CUSTOMERS}")
    random = Random(seed)  # noqa: S311 - a story, not a secret
    situations = _situations(random, customers)
    people = [
        _customer(random, today, str(FIRST_CUSTOMER + index), make_person(random, index), situation)
        for index, situation in enumerate(situations)
    ]
    staff = [_employee(random, today, index, customers) for index in range(STAFF)]
    return Story(today, people, staff, _holds(today, people))


def _situations(random: Random, customers: int) -> list[Situation]:
    few = [situation for situation, number in FEW for _ in range(number)]
    rest = random.choices(
        [Situation.RUNNING, Situation.ENDED_LATELY, Situation.ENDED_LONG_AGO, Situation.LEAD],
        weights=[60, 14, 20, 6],
        k=customers - len(few),
    )
    every = few + rest
    random.shuffle(every)
    return every


def _customer(random: Random, today: date, number: str, person: Person, situation: Situation) -> Customer:
    if situation in {Situation.LEAD, Situation.UNKNOWN}:
        recorded = day_between(random, years_before(today, 3), today - timedelta(days=30))
        return Customer(number, person, situation, recorded, False if situation is Situation.LEAD else None)
    contracts = _contracts(random, today, number, situation)
    recorded = min(contract.started for contract in contracts) - timedelta(days=random.randint(0, 40))
    consents = _consents(random, today, recorded)
    return Customer(
        number,
        person,
        situation,
        recorded,
        True,
        contracts,
        _invoices(random, today, number, contracts, situation),
        consents,
        _tickets(random, today, contracts),
        marketing=bool(consents) or random.random() < 0.02,
        mailbox=random.random() < 0.2,
    )


def _end(random: Random, today: date, situation: Situation) -> date | None:
    three_years_ago = years_before(today, 3)
    if situation is Situation.RUNNING:
        return None
    if situation is Situation.ENDED_LATELY:
        return day_between(random, three_years_ago + timedelta(days=40), today - timedelta(days=3))
    if situation is Situation.LAST_DAY:
        return three_years_ago
    if situation is Situation.DUE_TODAY:
        return three_years_ago - timedelta(days=1)
    return day_between(random, years_before(today, 7), three_years_ago - timedelta(days=60))


def _contracts(random: Random, today: date, number: str, situation: Situation) -> list[Contract]:
    service = random.choice(("Valokuitu 100", "Valokuitu 300", "Valokuitu 1000"))
    end = _end(random, today, situation)
    if situation is Situation.CLOSED_WITHOUT_DATE:
        return [
            Contract(
                f"S-{number}-1",
                service,
                day_between(random, years_before(today, 9), years_before(today, 5)),
                None,
                True,
            )
        ]
    if situation is Situation.REOPENED:
        started = day_between(random, years_before(today, 10), years_before(today, 8))
        reopened = day_between(random, years_before(today, 1), today - timedelta(days=20))
        return [Contract(f"S-{number}-1", service, started, reopened=reopened)]
    started = day_between(random, years_before(end or today, 6), (end or today) - timedelta(days=200))
    last = Contract(f"S-{number}-2", service, started, end, end is not None)
    if random.random() < 0.25:
        first_end = started - timedelta(days=random.randint(1, 30))
        first_start = first_end - timedelta(days=random.randint(400, 1500))
        return [Contract(f"S-{number}-1", "Valokuitu 50", first_start, first_end, True), last]
    return [last]


def _invoices(
    random: Random, today: date, number: str, contracts: Sequence[Contract], situation: Situation
) -> list[Invoice]:
    first = min(contract.started for contract in contracts)
    last = min(max(contract.ended or today for contract in contracts), today)
    if situation is Situation.CLOSED_WITHOUT_DATE:
        last = first + timedelta(days=1000)
    cents = random.choice((2990, 3990, 4990)) * 3
    invoices: list[Invoice] = []
    day = max(first, years_before(today, 11)) + timedelta(days=random.randint(5, 30))
    while day <= last:
        due = day + timedelta(days=21)
        paid = due + timedelta(days=random.randint(-9, 6))
        number_of_it = f"L-{number}-{len(invoices) + 1}"
        invoices.append(Invoice(number_of_it, day, due, paid if paid <= today else None, cents))
        day += timedelta(days=91)
    if invoices:
        invoices[-1] = _unpaid(random, today, invoices[-1], situation)
    return invoices


def _unpaid(random: Random, today: date, invoice: Invoice, situation: Situation) -> Invoice:
    """The last invoice of somebody who did not pay it, or paid late, or whose debt was sold."""
    reminded = day_between(random, years_before(today, 1), today - timedelta(days=60))
    if situation is Situation.UNPAID:
        return replace(invoice, paid=None, reminded=reminded)
    if situation is Situation.PAID_LATE:
        return replace(invoice, paid=reminded + timedelta(days=20), reminded=reminded)
    if situation is Situation.DEBT_SOLD:
        return replace(invoice, paid=None, reminded=reminded, assigned=reminded + timedelta(days=30))
    return invoice


def _consents(random: Random, today: date, recorded: date) -> list[Consent]:
    if random.random() > 0.35:
        return []
    given = recorded + timedelta(days=random.randint(0, 20))
    withdrawn = (
        day_between(random, given + timedelta(days=10), today - timedelta(days=1)) if random.random() < 0.4 else None
    )
    consents = [Consent(given, withdrawn, random.choice(("sähköposti", "tekstiviesti")))]
    if withdrawn is not None and (today - withdrawn).days > 200 and random.random() < 0.15:
        consents.append(Consent(withdrawn + timedelta(days=100), None, "sähköposti"))
    return consents


def _tickets(random: Random, today: date, contracts: Sequence[Contract]) -> list[Ticket]:
    subjects = ("Yhteys katkeilee", "Laskukysymys", "Päätelaite ei käynnisty", "Muutto uuteen osoitteeseen")
    first = min(contract.started for contract in contracts)
    last = min(max(contract.ended or today for contract in contracts), today)
    tickets = []
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        opened = day_between(random, first, last)
        ended = opened + timedelta(days=random.randint(0, 25))
        closed = ended <= today
        dateless = closed and random.random() < 0.015
        tickets.append(
            Ticket(
                opened,
                ended if closed and not dateless else None,
                closed,
                random.choice(subjects),
                random.random() < 0.3,
            )
        )
    return tickets


def _employee(random: Random, today: date, index: int, customers: int) -> Employee:
    started = day_between(random, years_before(today, 14), years_before(today, 3))
    ended, left = None, False
    if index in {9, 10}:
        ended, left = day_between(random, years_before(today, 2), today - timedelta(days=120)), True
    elif index == 11:
        ended, left = today - timedelta(days=50), True
    elif index == 12:
        ended, left = today + timedelta(days=45), False
    elif index == 13:
        left = True
    return Employee(str(FIRST_STAFF + index), make_person(random, customers + index), started, ended, left)


def _holds(today: date, people: Sequence[Customer]) -> list[PlannedHold]:
    def numbers(situation: Situation) -> tuple[str, ...]:
        return tuple(person.number for person in people if person.situation is situation)

    return [
        PlannedHold(
            numbers(Situation.ON_HOLD_DISPUTE),
            "dispute",
            "Riita laskusta kuluttajariitalautakunnassa",
            "toimitusjohtaja",
            today - timedelta(days=200),
            today + timedelta(days=165),
        ),
        PlannedHold(
            numbers(Situation.ON_HOLD_REQUEST),
            "request",
            "Tietopyyntö (15 artikla), vastaus kesken",
            "asiakaspalvelupäällikkö",
            today - timedelta(days=9),
            today + timedelta(days=21),
        ),
    ]
