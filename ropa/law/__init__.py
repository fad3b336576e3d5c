"""The law library: citable time limits, each in the versions that were in force, with how sure we are of it.

Nothing here is legal advice. `certainty` grades the text of the statute, `number_certainty` the number that
is offered: where the law gives no number, the controller chooses one, and a number graded D is a suggestion.

A   the statute was read        B   an authority's or court's text was read       C   own knowledge, sure
D   practice: a suggestion      E   uncertain: not offered

`docs/reference/law-library.md` says what a row is and how to propose a correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

from ropa.law.loading import DIRECTORY, categories, load
from ropa.law.rows import LANGUAGES, Bound, LawRule, Library

__all__ = [
    "DIRECTORY",
    "LANGUAGES",
    "Bound",
    "LawRule",
    "Library",
    "categories",
    "editions",
    "library",
    "limits_on",
    "load",
    "read_on",
    "versions_of",
    "withheld",
]


@cache
def _whole() -> Library:
    return load(DIRECTORY)


def library(day: date | None = None) -> Mapping[str, LawRule]:
    """Rows by id, in the order of the files: the versions in force on a day, or without one the newest of each.

    Without a day it holds repealed rows too: a rule that cites one is read, and `ropa.citing` says what it cites.
    Rows of grade E are in neither. Raises RuleError that names the row if the library itself is wrong.
    """
    return _whole().newest if day is None else _whole().on(day)


def read_on(day: date) -> Mapping[str, LawRule]:
    """Rows by id for reading what cites them: the version in force on a day, or where none is, the newest.

    So a coming version does not speak before its day, and a repealed row can still be read. `versions_of` tells what
    lies ahead.
    """
    return _whole().read_on(day)


def editions() -> Mapping[str, tuple[LawRule, ...]]:
    """Every version of each row that may be cited, by id, oldest first."""
    return _whole().editions


def versions_of(id_: str) -> tuple[LawRule, ...]:
    """Every version of a row, oldest first; empty for an id that the library does not have."""
    return _whole().versions.get(id_, ())


def withheld() -> Mapping[str, LawRule]:
    """Rows of grade E, newest version each: known to us and too uncertain to be offered."""
    return _whole().withheld


def limits_on(
    day: date, category: str = "", sector: str = "", facts: Mapping[str, bool] | None = None
) -> tuple[LawRule, ...]:
    """What is offered on a day, for a data category and a sector if they are given.

    `facts` are what is known of the organisation: a row that binds only some (a designated operator, a collector)
    is left out where its fact is known to be otherwise, and stays, with its condition, where nobody has said.
    Raises ValueError for a category or sector that the library does not know.
    """
    known = categories()
    _known(category, known.data, "category")
    _known(sector, known.sectors, "sector")
    return tuple(
        row
        for row in library(day).values()
        if (not category or category in row.categories)
        and (not sector or sector in row.sectors)
        and (row.condition is None or (facts or {}).get(row.condition.fact, row.condition.value) == row.condition.value)
    )


def _known(name: str, names: Iterable[str], what: str) -> None:
    if name and name not in names:
        raise ValueError(f"{name!r} is no {what} of the law library; known are {', '.join(names)}")
