"""KaseNet's people: artificial ones, who live where its fibre lies."""

from __future__ import annotations

from random import Random

from samples.people import CHECK_CHARACTERS as CHECK_CHARACTERS
from samples.people import Person
from samples.people import identity_code as identity_code
from samples.people import make_person as _make_person

VILLAGES = (("69440", "Lestijärvi"), ("69510", "Halsua"), ("69300", "Toholampi"), ("69600", "Kaustinen"))


def make_person(random: Random, serial: int) -> Person:
    """The `serial`-th person."""
    return _make_person(random, serial, VILLAGES)
