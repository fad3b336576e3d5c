"""Find, collect, export and describe: the statements that only read.

Pages by key, each a statement of its own, so that no lock is kept on the register between two pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from retention.connectors.sql.checks import anonymise_option, check_columns, targets_of, unindexed_name
from retention.connectors.sql.database import Database
from retention.connectors.sql.family import family_of
from retention.connectors.sql.values import as_fact, as_stored, as_text, unreadable
from retention.connectors.sql.where import closed_condition, condition, emptied, of_subjects
from retention.domain.predicates import Expression
from retention.domain.rules import Action, FactValue

SAMPLE = 200
"""Rows that a guess of personal data looks at."""


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
        return [*(table.c[name] for name in sorted(named)), sa.case((closed, 1), else_=0).label(self.closed_label)]

    @property
    def closed_label(self) -> str:
        return "closed of " + " ".join(self.relation.columns)  # no column of the table has this name

    def day(self, row: Mapping[str, Any], name: str | None) -> date | None:
        if name is None or row[name] is None:
            return None
        day = self.database.days.of(row[name])
        if day is None:
            raise unreadable(f"{self.relation.name}.{name}", "a date")
        return day

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


@dataclass(frozen=True)
class Reading:
    """Questions to one file over an open connection, `page` rows at a time."""

    database: Database
    connection: sa.Connection
    catalogue: Catalogue
    page: int

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression,
        subjects: Sequence[str] | None,
        contracts: Sequence[str] | None,
    ) -> Iterator[Candidate]:
        """Items in key order. A row whose columns an earlier disposal has emptied is no item any more."""
        relation = check_columns(self.catalogue, mapping)
        reader = Reader(self.database, relation, mapping)
        columns = relation.table.c
        key = columns[mapping.key]
        terms = [condition(where, mapping, relation, columns), key.is_not(None)]
        terms += [sa.not_(emptied(targets, columns)) for targets in _emptied_to(mapping, relation)]
        for name, numbers, what in ((mapping.subject, subjects, "subject"), (mapping.contract, contracts, "contract")):
            if numbers is not None:
                if name is None:
                    raise ConnectorError(
                        f"{mapping.place}: asked by {what}, but the mapping names none", permanent=True
                    )
                terms.append(of_subjects(columns[name], relation.column(name).kind, numbers))
        order = [sa.collate(key, "BINARY") if relation.column(mapping.key).kind == "text" else key]
        question = sa.select(*reader.columns(mapping.key)).where(*terms)
        for row in self._pages(question, order, [mapping.key]):
            found = reader.text(row, mapping.key)
            if found is not None:
                yield Candidate(
                    Ref(found, reader.text(row, mapping.subject)),
                    reader.text(row, mapping.contract),
                    reader.events(row),
                    reader.facts(row),
                    bool(row[reader.closed_label]),
                )

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """The rows of a table or view; a row without a subject is nobody's and has no place in the ledger."""
        relation = check_columns(self.catalogue, mapping)
        reader = Reader(self.database, relation, mapping)
        more = [name for name in (mapping.started, mapping.ended, mapping.thing) if name is not None]
        subject_column = relation.table.c[mapping.subject]
        identity = [part.label(f"part {n} of {reader.closed_label}") for n, part in enumerate(relation.row_identity)]
        question = sa.select(*reader.columns(*more), *identity).where(subject_column.is_not(None))
        order, names = list(relation.row_identity), [part.name for part in identity]
        for row in self._pages(question, order, names):
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

    def _pages(
        self, question: sa.Select[Any], order: Sequence[sa.ColumnElement[Any]], names: Sequence[str]
    ) -> Iterator[Mapping[str, Any]]:
        """Rows in `order`, whose values stand under `names`; all in one statement where there is none to page by."""
        if not order:
            with self.database.told():
                result = self.connection.execute(question).mappings()
                for row in result:
                    yield dict(row)
            return
        left = sa.tuple_(*order) if len(order) > 1 else order[0]
        last: tuple[Any, ...] | None = None
        while True:
            asked = question.order_by(*order).limit(self.page)
            if last is not None:
                asked = asked.where(left > (sa.tuple_(*last) if len(order) > 1 else last[0]))
            with self.database.told():
                rows = self.connection.execute(asked).mappings().all()
            for row in rows:
                yield dict(row)
            if len(rows) < self.page:
                return
            last = tuple(rows[-1][name] for name in names)


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
    kind = relation.column(mapping.key).kind
    shown = (
        [mapping.key, *(name for name in mapping.fields if name != mapping.key)]
        if mapping.fields
        else list(relation.columns)
    )
    for ref in refs:
        stored = as_stored(ref.key, kind)
        if stored is None:
            continue
        table = relation.table

        def this(columns: Any, stored: int | str = stored) -> sa.ColumnElement[bool]:
            return sa.and_(sa.true(), columns[mapping.key] == stored)

        row = connection.execute(sa.select(*(table.c[name] for name in shown)).where(this(table.c))).mappings().first()
        if row is None:
            continue
        exported: dict[str, Any] = dict(row)
        for name in family.members[:-1]:
            child = catalogue.relation(name).table
            rows = connection.execute(sa.select(*child.c).where(family.going(name, child.c, this))).mappings()
            exported[name] = [dict(one) for one in rows]
        yield exported


def describe(connection: sa.Connection, catalogue: Catalogue) -> Iterator[Place]:
    """Tables and views in the order of their names."""
    for name, relation in sorted(catalogue.relations.items()):
        table = relation.table
        rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        sample = connection.execute(sa.select(*table.c).limit(SAMPLE)).mappings().all()
        yield Place(
            name,
            rows,
            {column.name: column.declared for column in relation.columns.values()},
            guess({column: [row[column] for row in sample] for column in relation.columns}),
            tuple(unindexed_name(key) for key in relation.foreign_keys if not relation.is_indexed(key.columns)),
        )
