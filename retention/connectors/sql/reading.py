"""Find, collect, export and describe: the statements that only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from retention.connectors.contract import (
    Candidate,
    ConnectorError,
    DatasetMapping,
    LedgerMapping,
    LedgerRow,
    Place,
    Ref,
)
from retention.connectors.personal import guess
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.checks import anonymise_option, check_columns, targets_of, written_out
from retention.connectors.sql.database import Database
from retention.connectors.sql.family import family_of
from retention.connectors.sql.history import history_of
from retention.connectors.sql.pages import Order, by_identity, by_key, pages
from retention.connectors.sql.values import ColumnKind, as_fact, as_text, unreadable
from retention.connectors.sql.where import among, closed_condition, condition, emptied
from retention.domain.predicates import AtLeast, Expression
from retention.domain.rules import Action, FactValue

SAMPLE = 200
"""Rows that a guess of personal data looks at."""

ASKED_APART = 100
"""Texts of which each has an answer of its own in one statement."""


@dataclass(frozen=True)
class Reader:
    """How the rows of one mapped table read."""

    database: Database
    relation: Relation
    mapping: DatasetMapping | LedgerMapping

    def columns(self, *more: str) -> list[sa.ColumnElement[Any]]:
        """What is selected: each mapped column once, by its name, and the row's own state."""
        mapping = self.mapping
        named = {*more, *mapping.events.values(), *mapping.facts.values()}
        named |= {name for name in (mapping.subject, mapping.contract) if name is not None}
        table = self.relation.table
        closed = closed_condition(mapping.closed, self.relation, table.c)
        return [
            *(self.selected(name) for name in sorted(named)),
            sa.case((closed, 1), else_=0).label(self.closed_label),
        ]

    def selected(self, name: str) -> sa.ColumnElement[Any]:
        own = self.relation.table.c[name]
        value = self.relation.idiom.value(self.relation.column(name), own)
        return own if value is own else value.label(name)

    @cached_property
    def closed_label(self) -> str:
        label = "closed?"
        while any(name.startswith(label) for name in self.relation.columns):
            label += "?"
        return label

    def day(self, row: Mapping[str, Any], name: str | None) -> date | None:
        return None if name is None else stored_day(self.database, self.relation, name, row[name])

    def text(self, row: Mapping[str, Any], name: str | None) -> str | None:
        if name is None or row[name] is None:
            return None
        return as_text(row[name], self.relation.column(name).kind, f"{self.relation.name}.{name}")

    def events(self, row: Mapping[str, Any]) -> dict[str, date | None]:
        return {event: self.day(row, name) for event, name in self.mapping.events.items()}

    def facts(self, row: Mapping[str, Any]) -> dict[str, FactValue | None]:
        return {
            fact: as_fact(row[name], self.relation.column(name).kind, f"{self.relation.name}.{name}")
            for fact, name in self.mapping.facts.items()
        }


def stored_day(database: Database, relation: Relation, name: str, value: Any) -> date | None:
    """The day that a column holds, as it was read. Raises ConnectorError naming the column for what is none."""
    stored = None if value is None else relation.idiom.read_date(relation.column(name), value)
    if stored is None:
        return None
    day = database.days.of(stored)
    if day is None:
        raise unreadable(f"{relation.name}.{name}", "a date")
    return day


@dataclass(frozen=True)
class Reading:
    """Questions to one database over an open connection, `page` rows at a time."""

    database: Database
    connection: sa.Connection
    catalogue: Catalogue
    page: int

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in key order. A row whose columns an earlier disposal has emptied is no item any more."""
        relation = check_columns(self.catalogue, mapping)
        reader = Reader(self.database, relation, mapping)
        columns = relation.table.c
        terms = [condition(where, mapping, relation, columns), *is_item(mapping, relation)]
        asked = (
            (mapping.subject, subjects, "subject"),
            (mapping.contract, contracts, "contract"),
            (mapping.key, keys, "key"),
        )
        for name, numbers, what in asked:
            if numbers is not None:
                if name is None:
                    raise ConnectorError(
                        f"{mapping.place}: asked by {what}, but the mapping names none", permanent=True
                    )
                terms.append(among(relation, name, columns, numbers))
        question = sa.select(*reader.columns(mapping.key)).where(*terms)
        order = by_key(relation, mapping.key)
        for row in pages(self.database, self.connection, question, order, self.page):
            found = reader.text(row, mapping.key)
            if found is not None:
                yield Candidate(
                    Ref(found, reader.text(row, mapping.subject)),
                    reader.text(row, mapping.contract),
                    reader.events(row),
                    reader.facts(row),
                    bool(row[reader.closed_label]),
                )

    def not_sure(self, mapping: DatasetMapping, name: str | None, texts: Sequence[str]) -> frozenset[str]:
        """Of texts that are no item's exactly: what the column cannot hold, or takes itself for an item's."""
        if name is None or not texts:
            return frozenset(texts)
        relation = check_columns(self.catalogue, mapping)
        column, own = relation.column(name), relation.table.c[name]
        stored = dict(zip(texts, relation.idiom.all_stored(list(texts), column.kind), strict=True))
        cannot = frozenset(text for text, value in stored.items() if value is None)
        if column.kind is not ColumnKind.TEXT or column.exact:
            return cannot

        texts = [text for text in stored if text not in cannot]
        there = sa.select(sa.literal(1)).where(own.in_([stored[text] for text in texts]), *is_item(mapping, relation))
        if not texts or self._answer(there.limit(1)) is None:
            return cannot
        found = set(cannot)
        for start in range(0, len(texts), ASKED_APART):
            some = texts[start : start + ASKED_APART]
            each = (sa.exists().where(own == stored[text], *is_item(mapping, relation)) for text in some)
            answer = self._answer(sa.select(*(sa.case((one, 1), else_=0).label(f"t{n}") for n, one in enumerate(each))))
            found |= {text for text, is_there in zip(some, answer or (), strict=True) if is_there}
        return frozenset(found)

    def _answer(self, question: sa.Select[Any]) -> sa.Row[Any] | None:
        with self.database.told():
            return self.connection.execute(question).first()

    def collect(self, mapping: LedgerMapping, subjects: Sequence[str] | None = None) -> Iterator[LedgerRow]:
        """The rows of a table or view; a row without a subject is nobody's and has no place in the ledger.

        Of some subjects only: one statement, since each page would name them again.
        """
        relation = check_columns(self.catalogue, mapping)
        reader = Reader(self.database, relation, mapping)
        more = [name for name in (mapping.started, mapping.ended, mapping.thing) if name is not None]
        columns = relation.table.c
        order, identity = by_identity(relation, reader.closed_label)
        question = sa.select(*reader.columns(*more), *identity).where(columns[mapping.subject].is_not(None))
        if subjects is not None:
            order, question = Order(), question.where(among(relation, mapping.subject, columns, subjects))
        for row in pages(self.database, self.connection, question, order, self.page):
            subject = reader.text(row, mapping.subject)
            if subject is not None:
                yield LedgerRow(
                    subject,
                    reader.text(row, mapping.contract),
                    reader.day(row, mapping.started),
                    reader.day(row, mapping.ended),
                    bool(row[reader.closed_label]),
                    reader.events(row),
                    reader.facts(row),
                    reader.text(row, mapping.thing) or "",
                )

    def earliest(self, mapping: DatasetMapping, asked: Sequence[tuple[str, date]]) -> list[date | None]:
        """For each (event, day) the earliest day from that one on."""
        if not asked:
            return []
        relation = check_columns(self.catalogue, mapping)
        columns = relation.table.c
        least = []
        for event, day in asked:
            name = mapping.events[event]
            own = relation.idiom.in_time(relation.column(name), columns[name], f"{relation.name}.{name}")
            later = condition(AtLeast(event, day), mapping, relation, columns)
            least.append(sa.func.min(sa.case((later, own))))
        found = self.connection.execute(sa.select(*least)).one()
        return [
            stored_day(self.database, relation, mapping.events[event], value)
            for (event, _), value in zip(asked, found, strict=True)
        ]


def is_item(mapping: DatasetMapping, relation: Relation) -> list[sa.ColumnElement[bool]]:
    """What a row must be to be an item: it has a key, and no earlier disposal has emptied it."""
    columns = relation.table.c
    there = [sa.not_(emptied(targets, relation, columns)) for targets in _emptied_to(mapping, relation)]
    return [columns[mapping.key].is_not(None), *there]


def _emptied_to(mapping: DatasetMapping, relation: Relation) -> list[Mapping[str, str | None]]:
    """Each way in which a row may have been disposed of and still be there."""
    ways = [targets_of(mapping, Action.DELETE, relation)]
    if anonymise_option(mapping, relation):
        ways.append(targets_of(mapping, Action.ANONYMISE, relation))
    return [targets for targets in ways if targets]


def export(
    connection: sa.Connection, catalogue: Catalogue, mapping: DatasetMapping, refs: Sequence[Ref]
) -> Iterator[Mapping[str, Any]]:
    """One mapping per item that is there: its columns, and under a child table's name the rows that go with it."""
    relation = check_columns(catalogue, mapping)
    family = family_of(catalogue, mapping)
    shown = (
        [mapping.key, *(name for name in mapping.fields if name != mapping.key)]
        if mapping.fields
        else list(relation.columns)
    )
    table = relation.table
    for ref in refs:

        def this(columns: Any, key: str = ref.key) -> sa.ColumnElement[bool]:
            return sa.and_(sa.true(), among(relation, mapping.key, columns, [key]))

        row = connection.execute(sa.select(*(table.c[name] for name in shown)).where(this(table.c))).mappings().first()
        if row is None:
            continue
        exported: dict[str, Any] = dict(row)
        for name in family.members[:-1]:
            child = catalogue.relation(name).table
            rows = connection.execute(sa.select(*child.c).where(family.going(name, child.c, this))).mappings()
            exported[name] = [dict(one) for one in rows]
        yield exported


def describe(connection: sa.Connection, catalogue: Catalogue, may_read: Callable[[str], bool]) -> Iterator[Place]:
    """Tables and views in the order of their names; of one that we may not read, only what the catalogue says."""
    for name, relation in sorted(catalogue.relations.items()):
        table = relation.table
        rows, samples = None, {column: list[Any]() for column in relation.columns}
        if may_read(name):
            rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            told = [c.name for c in relation.columns.values() if c.kind is ColumnKind.TEXT or relation.rowid]
            if told:
                for row in connection.execute(sa.select(*(table.c[one] for one in told)).limit(SAMPLE)).mappings():
                    for one in told:
                        samples[one].append(row[one])
        yield Place(
            name,
            rows,
            {column.name: column.declared for column in relation.columns.values()},
            guess(samples),
            tuple(written_out(key) for key in relation.foreign_keys if not relation.is_indexed(key.columns)),
            history_of(catalogue, relation),
        )
