"""Items counted where they lie: how many each data subject has, and their earliest day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from retention.connectors.contract import Crowd, DatasetMapping
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.checks import check_columns
from retention.connectors.sql.database import Database
from retention.connectors.sql.reading import is_item, stored_day
from retention.connectors.sql.values import as_text
from retention.connectors.sql.where import condition
from retention.domain.predicates import AtLeast, AtMost, Expression, conjunction

ROWS = 10_000
"""Crowds in memory at a time."""


def crowds(
    database: Database, known: Catalogue, mapping: DatasetMapping, patterns: Sequence[Expression]
) -> Iterator[Crowd]:
    """Grouped by what a number is exactly: spellings that the database takes for equal are two persons."""
    relation = check_columns(known, mapping)
    names = [name for name in (mapping.subject, mapping.contract) if name is not None]
    exact = [relation.idiom.order(relation.column(name), relation.table.c[name]) for name in names]
    shown = [
        _shown(relation, name, one).label(f"who{n}") for n, (name, one) in enumerate(zip(names, exact, strict=True))
    ]
    wanted = [condition(pattern, mapping, relation, relation.table.c) for pattern in patterns]
    counts = [sa.func.count(sa.case((one, 1))).label(f"of{n}") for n, one in enumerate(wanted)]
    question = (
        sa.select(*shown, *counts, sa.func.count().label("items"))
        .select_from(relation.table)
        .where(*is_item(mapping, relation))
    )
    if names:
        question = question.group_by(*exact).order_by(*exact)
    texts = [_text(relation, name) for name in names]
    subject, contract = (None if name is None else names.index(name) for name in (mapping.subject, mapping.contract))
    with database.told(), database.snapshot() as connection:
        options = {"stream_results": True, "max_row_buffer": ROWS}
        with connection.execute(question, execution_options=options) as answer:
            for page in answer.partitions(ROWS):
                for *row, items in page:  # as many as there are people: by place, since names would cost more
                    yield Crowd(
                        None if subject is None else texts[subject](row[subject]),
                        None if contract is None else texts[contract](row[contract]),
                        tuple(row[len(names) :]),
                        items,
                    )


def _text(relation: Relation, name: str) -> Callable[[Any], str | None]:
    kind, where = relation.column(name).kind, f"{relation.name}.{name}"
    return lambda value: None if value is None else as_text(value, kind, where)


def _shown(relation: Relation, name: str, exact: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What is read of a group: of one that is grouped by bytes, the text that all its rows have."""
    return sa.func.min(relation.table.c[name]) if isinstance(exact.type, sa.LargeBinary) else exact


def oldest(
    database: Database,
    connection: sa.Connection,
    known: Catalogue,
    mapping: DatasetMapping,
    since: date,
    until: date,
) -> date | None:
    """One walk over the table."""
    relation = check_columns(known, mapping)
    columns = relation.table.c
    least = []
    names = sorted(mapping.events.items())
    for event, name in names:
        own = relation.idiom.in_time(relation.column(name), columns[name], f"{relation.name}.{name}")
        within = condition(conjunction([AtLeast(event, since), AtMost(event, until)]), mapping, relation, columns)
        least.append(sa.func.min(sa.case((within, own))))
    if not least:
        return None
    found = connection.execute(sa.select(*least).where(*is_item(mapping, relation))).one()
    days = [stored_day(database, relation, name, value) for (_, name), value in zip(names, found, strict=True)]
    return min((day for day in days if day is not None), default=None)
