"""Who Kotisivutaivas's artificial customers are: every third one a company or an association."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from samples.frame import PlannedHold, chance
from samples.lives import Customer, Situation, customers_of

VILLAGES = (("44800", "Pihtipudas"), ("44500", "Viitasaari"), ("43800", "Kivijärvi"), ("40100", "Jyväskylä"))
FIRST_CUSTOMER = 30_001
WEIGHTS = (7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class Story:
    """Everybody, and the day that it is told on."""

    today: date
    customers: Sequence[Customer]
    holds: Sequence[PlannedHold]


def tell(today: date, seed: int, customers: int) -> Story:
    """The story of `customers` customers. Raises TooFewError for fewer than every situation needs."""
    people = customers_of(chance(seed, "customers"), today, customers, FIRST_CUSTOMER, VILLAGES)
    disputed = tuple(person.number for person in people if person.situation is Situation.ON_HOLD)
    hold = PlannedHold(
        disputed,
        "dispute",
        "Riita verkkotunnuksen menettämisestä käräjäoikeudessa",
        "toimitusjohtaja",
        today - timedelta(days=90),
        today + timedelta(days=275),
    )
    return Story(today, people, [hold])


def is_company(customer: Customer) -> bool:
    """Whether the customer has a business ID instead of a personal identity code."""
    return int(customer.number) % 3 == 0


def business_id(customer: Customer) -> str:
    """A business ID of the customer's own, with its check digit, from numbers that no company has been given yet."""
    number = 9_900_000 + int(customer.number) % 10_000 * 7
    while True:
        rest = sum(int(digit) * weight for digit, weight in zip(str(number), WEIGHTS, strict=True)) % 11
        if rest != 1:  # no check digit exists for these
            return f"{number}-{0 if rest == 0 else 11 - rest}"
        number += 1
