"""Artificial people: surnames that nobody bears, identifiers from the ranges that nobody is given.

A personal identity code has an individual number of 900–999, which the Digital and Population Data
Services Agency never gives to a person (decree 128/2010 s. 2); mail addresses end in `example.invalid`
(RFC 2606), telephone numbers in the run of zeros that no subscriber has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

FIRST_NAMES = (
    "Aino", "Anja", "Arvo", "Eero", "Eila", "Elina", "Esko", "Hanna", "Heikki", "Helmi", "Ilona", "Jaakko", "Johanna",
    "Kaisa", "Kalle", "Katri", "Lauri", "Leena", "Liisa", "Maija", "Martti", "Minna", "Niilo", "Olli", "Outi", "Pekka",
    "Raija", "Reino", "Riitta", "Saara", "Sampo", "Seppo", "Sirpa", "Taina", "Tapio", "Teppo", "Tuula", "Urho",
    "Veikko", "Vilma",
)  # fmt: skip
SURNAMES = (
    "Esimerkkinen", "Keksilä", "Koehaara", "Kuvitelma", "Kuviteltu", "Leikkiranta", "Malliharju", "Mallikkala",
    "Näytelä", "Näytesaari", "Oletusmäki", "Satulainen", "Tarinalampi", "Tekaistu", "Testikorpi", "Testilä",
    "Tietueinen", "Tyhjäkenttä", "Valeharju", "Vertausvuo",
)  # fmt: skip
CHECK_CHARACTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist."""

    first: str
    last: str
    identity_code: str
    phone: str
    email: str
    street: str
    postal_code: str
    village: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def address(self) -> str:
        return f"{self.street}, {self.postal_code} {self.village}"


def identity_code(born: date, individual: int) -> str:
    """A personal identity code of the test range. Raises ValueError for a number that a person could have."""
    if not 900 <= individual <= 999:
        raise ValueError(f"{individual} is outside the test range 900–999")
    century = {18: "+", 19: "-", 20: "A"}[born.year // 100]
    digits = f"{born:%d%m%y}"
    return f"{digits}{century}{individual}{CHECK_CHARACTERS[int(f'{digits}{individual}') % 31]}"


def make_person(random: Random, serial: int, villages: Sequence[tuple[str, str]]) -> Person:
    """The `serial`-th person: the serial makes telephone number and mail address their own.

    `villages`: postal code and name of where people live.
    """
    first, last = random.choice(FIRST_NAMES), random.choice(SURNAMES)
    born = date(1935, 1, 1) + timedelta(days=random.randrange(25_000))
    postal_code, village = random.choice(villages)
    return Person(
        first,
        last,
        identity_code(born, random.randint(900, 999)),
        f"040 000 {serial:04}",
        f"{_plain(first)}.{_plain(last)}.{serial}@example.invalid",
        f"Esimerkkitie {random.randint(1, 180)}",
        postal_code,
        village,
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFD", name.lower()).encode("ascii", "ignore").decode()
