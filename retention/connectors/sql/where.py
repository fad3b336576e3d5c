"""An expression as a condition on a table's columns. Every leaf is two-valued, so NOT means not.

A day is compared as the local day of what is stored. The stored text is compared first, a few days wider,
so that an index on the column is used; the exact comparison follows on what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any as Anything
from typing import Protocol

import sqlalchemy as sa

from retention.connectors.contract import ClosedWhen, ConnectorError, DatasetMapping, LedgerMapping, Ref
from retention.connectors.sql.catalogue import Relation
from retention.connectors.sql.values import ColumnKind, as_stored
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
from retention.domain.rules import FactValue

Condition = sa.ColumnElement[bool]


class Columns(Protocol):
    """The columns of a table or of an alias of it, by name."""

    def __getitem__(self, name: str, /) -> sa.ColumnElement[Anything]: ...


WIDER = timedelta(days=3)
"""More than any two time zones differ."""


def condition(expression: Expression, mapping: DatasetMapping, relation: Relation, columns: Columns) -> Condition:
    """The expression over `columns` of the mapping's table. Raises ConnectorError for a name that is not mapped."""

    def of(term: Expression) -> Condition:
        match term:
            case Literal(value):
                return sa.true() if value else sa.false()
            case AtMost(event, day):
                return _at_most(columns[_column(mapping.events, event)], day, _where(relation, mapping.events[event]))
            case AtLeast(event, day):
                return _at_least(columns[_column(mapping.events, event)], day, _where(relation, mapping.events[event]))
            case Recorded(event):
                return columns[_column(mapping.events, event)].is_not(None)
            case FactIs(fact, value):
                name = _column(mapping.facts, fact)
                return _equals(columns[name], value, relation.column(name).kind)
            case FactKnown(fact):
                return columns[_column(mapping.facts, fact)].is_not(None)
            case Closed():
                return closed_condition(mapping.closed, relation, columns)
            case Not(inner):
                return sa.not_(of(inner))
            case All(terms):
                return sa.and_(sa.true(), *(of(inner) for inner in terms))
            case Any(terms):
                return sa.or_(sa.false(), *(of(inner) for inner in terms))

    return of(expression)


def closed_condition(closed: ClosedWhen | None, relation: Relation, columns: Columns) -> Condition:
    """Whether the row's own state says closed; false where there is no such column or it is NULL."""
    if closed is None:
        return sa.false()
    kind = relation.column(closed.column).kind
    column = columns[closed.column]
    values = [_state(value, kind) for value in closed.values]
    known = [value for value in values if value is not None]
    exact = column if kind in {ColumnKind.BOOLEAN, ColumnKind.INTEGER} else sa.collate(column, "BINARY")
    return sa.and_(column.is_not(None), exact.in_(known)) if known else sa.false()


def of_subjects(column: sa.ColumnElement[Anything], kind: ColumnKind, numbers: Sequence[str]) -> Condition:
    """The column is one of these numbers or keys; what the column cannot hold matches nothing."""
    stored = [value for value in (as_stored(number, kind) for number in dict.fromkeys(numbers)) if value is not None]
    return exactly(column, kind).in_(stored) if stored else sa.false()


def of_refs(refs: Sequence[Ref], mapping: DatasetMapping, relation: Relation, columns: Columns) -> Condition:
    """The row is one of these items and still its subject's: a ref without a subject means a row without one."""
    key_kind = relation.column(mapping.key).kind
    key = exactly(columns[mapping.key], key_kind)
    stored = [(as_stored(ref.key, key_kind), ref.subject) for ref in refs]
    known = [(value, subject) for value, subject in stored if value is not None]
    if mapping.subject is None:
        return key.in_([value for value, _ in known]) if known else sa.false()
    subject_kind = relation.column(mapping.subject).kind
    subject = exactly(columns[mapping.subject], subject_kind)
    whose = [(value, as_stored(number, subject_kind)) for value, number in known if number is not None]
    pairs = [(value, number) for value, number in whose if number is not None]
    nobodys = [value for value, number in known if number is None]
    terms: list[Condition] = []
    if pairs:
        terms.append(sa.and_(key.in_([value for value, _ in pairs]), sa.tuple_(key, subject).in_(pairs)))
    if nobodys:
        terms.append(sa.and_(key.in_(nobodys), columns[mapping.subject].is_(None)))
    return sa.or_(sa.false(), *terms)


def exactly(column: sa.ColumnElement[Anything], kind: ColumnKind) -> sa.ColumnElement[Anything]:
    """The column compared byte for byte, whatever collation it was declared with."""
    return sa.collate(column, "BINARY") if kind is ColumnKind.TEXT else column


@dataclass(frozen=True)
class Probe:
    """A way in which a stored value may be wrong: where, what it should be, and when it is not."""

    where: str
    what: str
    wrong: Condition


def probes(mapping: DatasetMapping | LedgerMapping, relation: Relation) -> list[Probe]:
    """What a mapped column may hold by mistake in a database that lets any value into any column."""
    columns = relation.table.c
    dates = set(mapping.events.values())
    numbers = {mapping.subject, mapping.contract} - {None}
    if isinstance(mapping, LedgerMapping):
        dates |= {name for name in (mapping.started, mapping.ended) if name is not None}
    else:
        numbers.add(mapping.key)
    found = []
    for name in sorted(dates):
        column = columns[name]
        readable = sa.case((_plain_date(column), 1), else_=sa.func.seloste_readable(column))
        found.append(Probe(f"{relation.name}.{name}", "a date", sa.and_(column.is_not(None), readable == 0)))
    for name in sorted(str(name) for name in numbers):
        column = columns[name]
        integer = relation.column(name).kind is ColumnKind.INTEGER
        typed = sa.func.typeof(column) == ("integer" if integer else "text")
        what = "a whole number" if integer else "text"
        found.append(Probe(f"{relation.name}.{name}", what, sa.and_(column.is_not(None), sa.not_(typed))))
    for name in sorted(set(mapping.facts.values())):
        column = columns[name]
        kind = relation.column(name).kind
        fits = (
            sa.and_(sa.func.typeof(column) == "integer", column.in_([0, 1]))
            if kind is ColumnKind.BOOLEAN
            else sa.func.typeof(column) == kind.value
        )
        found.append(
            Probe(f"{relation.name}.{name}", f"of its type ({kind.value})", column.is_not(None) & sa.not_(fits))
        )
    return found


def _column(names: Mapping[str, str], name: str) -> str:
    if name not in names:
        raise ConnectorError(f"{name} is asked for but not mapped", permanent=True)
    return names[name]


def _where(relation: Relation, column: str) -> str:
    return f"{relation.name}.{column}"


def _plain_date(column: sa.ColumnElement[Anything]) -> Condition:
    """A date and nothing more, for the database to tell by itself; adding no days is what finds 30 February."""
    return sa.and_(sa.func.date(column, "+0 days") == column, column >= date.min.isoformat())


def _day(column: sa.ColumnElement[Anything], where: str) -> sa.ColumnElement[Anything]:
    """The local day: a plain date as it stands, everything else through `values.Days`."""
    return sa.case((_plain_date(column), column), else_=sa.func.seloste_day(column, where))


def _at_most(column: sa.ColumnElement[Anything], day: date, where: str) -> Condition:
    wide = [column < (day + WIDER).isoformat()] if day <= date.max - WIDER else []
    return sa.and_(column.is_not(None), *wide, _day(column, where) <= day.isoformat())


def _at_least(column: sa.ColumnElement[Anything], day: date, where: str) -> Condition:
    wide = [column >= (day - WIDER).isoformat()] if day >= date.min + WIDER else []
    return sa.and_(column.is_not(None), *wide, _day(column, where) >= day.isoformat())


def _equals(column: sa.ColumnElement[Anything], value: FactValue, kind: ColumnKind) -> Condition:
    """As Python compares: 1 is true, and no number is a text."""
    if kind is ColumnKind.TEXT:
        same = exactly(column, kind) == value if isinstance(value, str) else None
    else:
        same = column == int(value) if isinstance(value, int) else None
    return sa.and_(column.is_not(None), same) if same is not None else sa.false()


def _state(value: str, kind: ColumnKind) -> int | str | None:
    if kind is ColumnKind.BOOLEAN:
        return {"true": 1, "1": 1, "false": 0, "0": 0}.get(value.casefold())
    return as_stored(value, kind)


def emptied(targets: Mapping[str, str | None], columns: Columns) -> Condition:
    """Every one of these columns is what it is emptied to; where that is NULL, an empty text counts too."""
    terms = [
        sa.or_(columns[name].is_(None), columns[name] == "") if target is None else columns[name] == target
        for name, target in targets.items()
    ]
    return sa.and_(*(sa.func.coalesce(term, sa.false()) for term in terms)) if terms else sa.false()
