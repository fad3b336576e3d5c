"""An expression as a condition on a table's columns. Every leaf is two-valued, so NOT means not.

What differs from database to database is said by the relation's idiom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Anything
from typing import Protocol

import sqlalchemy as sa

from retention.connectors.contract import ClosedWhen, ConnectorError, DatasetMapping, LedgerMapping, Ref
from retention.connectors.sql.catalogue import Column, Relation
from retention.connectors.sql.idiom import Condition as Condition
from retention.connectors.sql.values import ColumnKind, Stored
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


class Columns(Protocol):
    """The columns of a table or of an alias of it, by name."""

    def __getitem__(self, name: str, /) -> sa.ColumnElement[Anything]: ...


def condition(expression: Expression, mapping: DatasetMapping, relation: Relation, columns: Columns) -> Condition:
    """The expression over `columns` of the mapping's table. Raises ConnectorError for a name that is not mapped."""

    idiom = relation.idiom

    def of(term: Expression) -> Condition:
        match term:
            case Literal(value):
                return sa.true() if value else sa.false()
            case AtMost(event, day):
                name = _column(mapping.events, event)
                return idiom.at_most(relation.column(name), columns[name], day, f"{relation.name}.{name}")
            case AtLeast(event, day):
                name = _column(mapping.events, event)
                return idiom.at_least(relation.column(name), columns[name], day, f"{relation.name}.{name}")
            case Recorded(event):
                name = _column(mapping.events, event)
                return idiom.present(relation.column(name), columns[name])
            case FactIs(fact, value):
                name = _column(mapping.facts, fact)
                return _equals(relation, relation.column(name), columns[name], value)
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
    column = relation.column(closed.column)
    values = [_state(value, relation, column) for value in closed.values]
    known = [value for value in values if value is not None]
    own = columns[closed.column]
    if not known:
        return sa.false()
    if column.kind is ColumnKind.BOOLEAN:
        return sa.and_(own.is_not(None), relation.idiom.value(column, own).in_(known))
    return sa.and_(own.is_not(None), relation.idiom.among(column, own, known))


def among(relation: Relation, name: str, columns: Columns, texts: Sequence[str]) -> Condition:
    """The column is one of these numbers or keys; what the column cannot hold matches nothing."""
    column, idiom = relation.column(name), relation.idiom
    stored = [v for v in idiom.all_stored(list(dict.fromkeys(texts)), column.kind) if v is not None]
    return idiom.among(column, columns[name], stored) if stored else sa.false()


def of_refs(refs: Sequence[Ref], mapping: DatasetMapping, relation: Relation, columns: Columns) -> Condition:
    """The row is one of these items and still its subject's: a ref without a subject means a row without one.

    Never NULL: its negation is asked too.
    """
    own = columns[mapping.key]
    keys = among(relation, mapping.key, columns, [ref.key for ref in refs])  # so that its index is used
    return sa.and_(own.is_not(None), keys, still_theirs(refs, mapping, relation, columns))


def still_theirs(refs: Sequence[Ref], mapping: DatasetMapping, relation: Relation, columns: Columns) -> Condition:
    """The same of a row that is known to be one of these items: no index serves it, and it is never NULL."""
    if mapping.subject is None:
        return sa.true()
    idiom, key, subject = relation.idiom, relation.column(mapping.key), relation.column(mapping.subject)
    own_key, own_subject = columns[mapping.key], columns[mapping.subject]
    named = [(ref.key, ref.subject) for ref in refs if ref.subject is not None]
    keys = idiom.all_stored([one for one, _ in named], key.kind)
    subjects = idiom.all_stored([one for _, one in named], subject.kind)
    pairs = [(a, b) for a, b in zip(keys, subjects, strict=True) if a is not None and b is not None]
    nobodys = [v for v in idiom.all_stored([r.key for r in refs if r.subject is None], key.kind) if v is not None]
    terms: list[Condition] = []
    if pairs:
        terms.append(idiom.paired((key, own_key), (subject, own_subject), pairs))
    if nobodys:
        terms.append(sa.and_(own_subject.is_(None), idiom.listed(key, own_key, nobodys)))
    return sa.func.coalesce(sa.or_(sa.false(), *terms), sa.false())


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
    ways = (
        (sorted(dates), relation.idiom.wrong_date, "a date"),
        (sorted(str(name) for name in numbers), relation.idiom.wrong_number, ""),
        (sorted(set(mapping.facts.values())), relation.idiom.wrong_fact, ""),
    )
    found = []
    for names, ask, what in ways:
        for name in names:
            column = relation.column(name)
            wrong = ask(column, columns[name])
            if wrong is not None:
                found.append(Probe(f"{relation.name}.{name}", what or _meant(ask, relation, column), wrong))
    return found


def _meant(ask: object, relation: Relation, column: Column) -> str:
    if ask == relation.idiom.wrong_fact:
        return f"of its type ({column.kind.value})"
    return "a whole number" if column.kind is ColumnKind.INTEGER else "text"


def _column(names: Mapping[str, str], name: str) -> str:
    if name not in names:
        raise ConnectorError(f"{name} is asked for but not mapped", permanent=True)
    return names[name]


def _equals(relation: Relation, column: Column, own: sa.ColumnElement[Anything], value: FactValue) -> Condition:
    """As Python compares: 1 is true, and no number is a text."""
    idiom = relation.idiom
    if column.kind is ColumnKind.TEXT:
        stored = idiom.stored(value, column.kind) if isinstance(value, str) else None
    elif column.kind is ColumnKind.BOOLEAN:
        if not isinstance(value, int) or value not in (0, 1):
            return sa.false()
        return sa.and_(own.is_not(None), idiom.value(column, own) == idiom.truth(bool(value)))
    else:
        stored = idiom.stored(str(int(value)), column.kind) if isinstance(value, int) else None
    return sa.and_(own.is_not(None), idiom.among(column, own, [stored])) if stored is not None else sa.false()


def _state(value: str, relation: Relation, column: Column) -> Stored | None:
    if column.kind is ColumnKind.BOOLEAN:
        truth = {"true": True, "1": True, "false": False, "0": False}.get(value.casefold())
        return None if truth is None else relation.idiom.truth(truth)
    return relation.idiom.stored(value, column.kind)


def emptied(targets: Mapping[str, str | None], relation: Relation, columns: Columns) -> Condition:
    """Every one of these columns is what it is emptied to; where that is NULL, an empty text counts too."""
    terms = [_emptied(relation.column(name), columns[name], target, relation) for name, target in targets.items()]
    return sa.and_(*(sa.func.coalesce(term, sa.false()) for term in terms)) if terms else sa.false()


def _emptied(column: Column, own: sa.ColumnElement[Anything], target: str | None, relation: Relation) -> Condition:
    idiom = relation.idiom
    if target is not None:
        return idiom.among(column, own, [target])
    if idiom.dialect_name == "sqlite":  # any value may stand in any column
        return sa.or_(own.is_(None), own == "")
    if column.kind is not ColumnKind.TEXT:
        return own.is_(None)
    return sa.or_(own.is_(None), idiom.among(column, own, [""]))
