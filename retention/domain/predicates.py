"""A rule set compiled for one day: the question a register can answer in its own words.

An expression speaks of the item's own events and facts by their catalogue names; a connector
translates the names into its columns, attributes or file-name parts. NULL compares as neither
true nor false in the register, so every leaf here is two-valued: `AtMost` is false of NULL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from retention.domain.rules import FactValue


@dataclass(frozen=True, slots=True)
class Literal:
    """True or false, whatever the item says."""

    value: bool


@dataclass(frozen=True, slots=True)
class AtMost:
    """The event has a date, and it is `day` or earlier."""

    event: str
    day: date


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The event has a date, and it is `day` or later."""

    event: str
    day: date


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's column is not NULL (the date may still be implausible)."""

    event: str


@dataclass(frozen=True, slots=True)
class FactIs:
    """The fact is known and has this value."""

    fact: str
    value: FactValue


@dataclass(frozen=True, slots=True)
class FactKnown:
    """The fact's column is not NULL."""

    fact: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The row's own state column says that it is closed; false where a mapping names no such column."""


@dataclass(frozen=True, slots=True)
class Not:
    term: Expression


@dataclass(frozen=True, slots=True)
class All:
    """True when every term is; true of no terms."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True when one term is; false of no terms."""

    terms: tuple[Expression, ...]


Expression = Literal | AtMost | AtLeast | Recorded | FactIs | FactKnown | Closed | Not | All | Any

TRUE = Literal(True)
FALSE = Literal(False)


def is_false(expression: Expression) -> bool:
    """Whether nothing can satisfy it, so that it need not be asked."""
    return expression == FALSE


def negation(term: Expression) -> Expression:
    """Not the term."""
    match term:
        case Literal(value):
            return Literal(not value)
        case Not(inner):
            return inner
    return Not(term)


def conjunction(terms: Iterable[Expression]) -> Expression:
    """All of the terms, flattened; constants and repetitions are left out."""
    return _joined(All, terms, neutral=TRUE, absorbing=FALSE)


def disjunction(terms: Iterable[Expression]) -> Expression:
    """One of the terms, flattened; constants and repetitions are left out."""
    return _joined(Any, terms, neutral=FALSE, absorbing=TRUE)


def _joined(
    kind: type[All] | type[Any], terms: Iterable[Expression], *, neutral: Expression, absorbing: Expression
) -> Expression:
    kept: dict[Expression, None] = {}
    for term in terms:
        if term == absorbing:
            return absorbing
        if isinstance(term, kind):
            kept.update(dict.fromkeys(term.terms))
        elif term != neutral:
            kept[term] = None
    if any(negation(term) in kept for term in kept):
        return absorbing
    if len(kept) > 1:
        return kind(tuple(kept))
    return next(iter(kept), neutral)
