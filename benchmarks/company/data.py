"""Customers with contracts, devices, contacts and invoices, from a seed: the same numbers give the same rows.

About 12.5 rows a customer. 12 % of the rows are due on TODAY, beside those of the 5 % of customers who are held and
those of customers with an unpaid invoice. Nobody's date lies in the forty days after a cutoff: on the next night
nothing is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from random import Random

TODAY = date(2026, 6, 30)

CONTACT_LAST = date(2023, 6, 29)
DEVICE_LAST = date(2025, 6, 29)
INVOICE_LAST = date(2019, 12, 31)
CONTRACT_LAST = date(2019, 6, 29)
DEBT_LAST = date(2016, 6, 29)
"""The last start dates that are due on TODAY: after three, one, six (from the year's end), seven and ten years."""
CUTOFFS = (CONTACT_LAST, DEVICE_LAST, INVOICE_LAST, CONTRACT_LAST, DEBT_LAST)
QUIET_DAYS = 40

GONE = 0.0799
"""Share of customers whose last contract ended more than seven years ago."""
LEFT = 0.18
"""Share of those who left since."""
UNPAID = 0.02
OLD_CONTACT, OLD_INVOICE = 0.05, 0.03
"""Of a customer who is not gone: shares of what is older than its time."""
HELD_ONE_IN = 20

SCHEMA = """
create table customer(id bigint primary key, name text not null, address text not null, email text not null);
create table contract(id bigint primary key, customer_id bigint not null, started date not null, ended date,
    product text not null);
create table device(id bigint primary key, customer_id bigint not null, contract_id bigint not null,
    installed date not null, returned date, serial text not null);
create table contact(id bigint primary key, customer_id bigint not null, occurred date not null, said text not null);
create table invoice(id bigint primary key, customer_id bigint not null, contract_id bigint not null,
    dated date not null, due date not null, settled date, cents integer not null);
create table hold(customer_id bigint primary key);
"""
INDEXES = """
alter table contract add foreign key (customer_id) references customer(id);
alter table device add foreign key (customer_id) references customer(id),
    add foreign key (contract_id) references contract(id);
alter table contact add foreign key (customer_id) references customer(id);
alter table invoice add foreign key (customer_id) references customer(id),
    add foreign key (contract_id) references contract(id);
create index on contract(customer_id);
create index on device(customer_id);
create index on device(contract_id);
create index on contact(customer_id);
create index on invoice(customer_id);
create index on invoice(contract_id);
create index invoice_unpaid on invoice(customer_id) where settled is null;
create view unpaid as select id, customer_id, due, settled from invoice where settled is null;
"""
TABLES = ("customer", "contract", "device", "contact", "invoice", "hold")

_FIRST = date(2008, 1, 1)


@cache
def _days() -> tuple[str, ...]:
    """Each day since the first as text; one in the quiet days after a cutoff as the day that ends them."""
    found = []
    for number in range((TODAY - _FIRST).days + 400):
        day = _FIRST + timedelta(days=number)
        for cutoff in CUTOFFS:
            if cutoff < day <= cutoff + timedelta(days=QUIET_DAYS):
                day = cutoff + timedelta(days=QUIET_DAYS + 1)
        found.append(day.isoformat())
    return tuple(found)


def blocks(customers: int, seed: int = 1, size: int = 20_000) -> Iterator[Mapping[str, list[str]]]:
    """Rows by table as lines of COPY's text format, some customers at a time."""
    made = _Maker(seed)
    for start in range(1, customers + 1, size):
        lines: dict[str, list[str]] = {table: [] for table in TABLES}
        for number in range(start, min(start + size, customers + 1)):
            made.customer(number, lines)
        yield lines


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random  # noqa: S311 - no secret hangs on it
        self.contracts = self.contacts = self.invoices = 0
        self.held = 0

    def between(self, first: int, last: int) -> int:
        return first + int(self.random() * (last - first + 1))

    def customer(self, number: int, lines: Mapping[str, list[str]]) -> None:
        today, years = (TODAY - _FIRST).days, 365
        if number % HELD_ONE_IN == 1:
            self.held = number + self.between(0, HELD_ONE_IN - 1)
        if number == self.held:
            lines["hold"].append(f"{number}\n")
        kind = self.random()
        ended: int | None = None
        if kind < GONE:
            ended = today - self.between(7 * years + 60, 9 * years + 300)
        elif kind < GONE + LEFT:
            ended = today - self.between(30, 6 * years + 300)
        until = today if ended is None else ended
        started = max(0, until - self.between(400, 6 * years))
        lines["customer"].append(
            f"{number}\tTestihenkilö {number}\tEsimerkkitie {number % 977}, 00100 Esimerkkilä"
            f"\ta{number}@example.invalid\n"
        )
        contract = self._contract(number, started, ended, lines)
        if self.random() < 0.25:
            self._contract(number, started, self.between(started + 30, until), lines)
        for _ in range(2 + (self.random() < 0.5)):
            self._contact(number, started, until, kind < GONE, lines["contact"])
        invoices = self.between(4, 9)
        unpaid = self.between(0, invoices - 1) if self.random() < UNPAID else -1
        for n in range(invoices):
            self._invoice(number, contract, (started, until, kind < GONE, n == unpaid), lines["invoice"])

    def _contract(self, customer: int, started: int, ended: int | None, lines: Mapping[str, list[str]]) -> int:
        self.contracts += 1
        number, days = self.contracts, _days()
        end = "\\N" if ended is None else days[ended]
        back = "\\N" if ended is None else days[min(ended + 10, (TODAY - _FIRST).days)]
        lines["contract"].append(f"{number}\t{customer}\t{days[started]}\t{end}\tKuitu 100/10\n")
        lines["device"].append(f"{number}\t{customer}\t{number}\t{days[started]}\t{back}\tSN-{number:010d}\n")
        return number

    def _contact(self, customer: int, started: int, until: int, gone: bool, lines: list[str]) -> None:
        self.contacts += 1
        recent = (CONTACT_LAST - _FIRST).days + QUIET_DAYS + 1
        if gone:
            day = self.between(started, until)
        elif self.random() < OLD_CONTACT:
            day = recent - self.between(QUIET_DAYS + 1, 700)
        else:
            day = self.between(recent, (TODAY - _FIRST).days)
        lines.append(
            f"{self.contacts}\t{customer}\t{_days()[day]}\tYhteys katkeilee, laite käynnistetty uudelleen {day}\n"
        )

    def _invoice(self, customer: int, contract: int, life: tuple[int, int, bool, bool], lines: list[str]) -> None:
        self.invoices += 1
        started, until, gone, unpaid = life
        recent = (INVOICE_LAST - _FIRST).days + QUIET_DAYS + 1
        if gone:
            day = self.between(started, until)
        elif self.random() < OLD_INVOICE:
            day = recent - self.between(QUIET_DAYS + 1, 500)
        else:
            day = self.between(recent, (TODAY - _FIRST).days)
        days = _days()
        settled = "\\N" if unpaid else days[day + 20]
        lines.append(
            f"{self.invoices}\t{customer}\t{contract}\t{days[day]}\t{days[day + 14]}\t{settled}\t{2990 + day % 4000}\n"
        )
