"""Who Keski-Suomen Valokuituverkot's artificial customers and staff are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from samples.frame import PlannedHold, chance
from samples.lives import Customer, Employee, Situation, customers_of, staff_of

VILLAGES = (("40100", "Jyväskylä"), ("44800", "Pihtipudas"), ("43100", "Saarijärvi"), ("41930", "Kuohu"))
FIRST_CUSTOMER = 20_001
FIRST_STAFF = 601
STAFF = 8


@dataclass(frozen=True)
class Story:
    """Everybody, and the day that it is told on."""

    today: date
    customers: Sequence[Customer]
    staff: Sequence[Employee]
    holds: Sequence[PlannedHold]


def tell(today: date, seed: int, customers: int) -> Story:
    """The story of `customers` customers. Raises TooFewError for fewer than every situation needs."""
    people = customers_of(chance(seed, "customers"), today, customers, FIRST_CUSTOMER, VILLAGES)
    staff = staff_of(chance(seed, "staff"), today, STAFF, FIRST_STAFF, customers, VILLAGES)
    disputed = tuple(person.number for person in people if person.situation is Situation.ON_HOLD)
    holds = [
        PlannedHold(
            disputed,
            "dispute",
            "Riita liittymän toimitusviasta kuluttajariitalautakunnassa",
            "toimitusjohtaja",
            today - timedelta(days=120),
            today + timedelta(days=245),
        )
    ]
    return Story(today, people, staff, holds)
