"""An expression answered in Python, for systems that have no question language of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from retention.connectors.contract import Candidate, ConnectorError
from retention.domain.predicates import (
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Not,
    Recorded,
)

Value = TypeVar("Value")


def satisfies(expression: Expression, candidate: Candidate) -> bool:
    """Whether the item is as the expression says. A leaf about what has no value is false.

    Raises ConnectorError(permanent) for an event or fact that the mapping does not name: taking it for
    absent would make its negation true of everything.
    """
    match expression:
        case Literal(value):
            return value
        case AtMost(event, day):
            own = _named(candidate.events, event)
            return own is not None and own <= day
        case AtLeast(event, day):
            own = _named(candidate.events, event)
            return own is not None and own >= day
        case Recorded(event):
            return _named(candidate.events, event) is not None
        case FactIs(fact, value):
            known = _named(candidate.facts, fact)
            return type(known) is type(value) and known == value
        case FactKnown(fact):
            return _named(candidate.facts, fact) is not None
        case Closed():
            return candidate.closed
        case Not(term):
            return not satisfies(term, candidate)
        case All(terms):
            return all(satisfies(term, candidate) for term in terms)
        case Any(terms):
            return any(satisfies(term, candidate) for term in terms)


def _named(values: Mapping[str, Value], name: str) -> Value:
    if name not in values:
        raise ConnectorError(f"asked about {name}, which the mapping does not name", permanent=True)
    return values[name]
