"""Reading a large answer a page at a time, each page a statement of its own.

No lock, snapshot or cursor is kept on the register between two pages, and a reader who breaks off leaves nothing
open. Only where rows have no order to page by, one statement streams on a connection of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from retention.connectors.sql.catalogue import Relation
from retention.connectors.sql.database import Database

Element = sa.ColumnElement[Any]

UNSERVED = 10
"""How many usual pages make one where no index serves the order: each page sorts all that is left."""


@dataclass(frozen=True)
class Order:
    """What rows are put in order by, under which names their values stand in a row, and how these are bound."""

    by: tuple[Element, ...] = ()
    names: tuple[str, ...] = ()
    bound: tuple[Any, ...] = ()
    size: int = 1

    def after(self, row: Mapping[str, Any]) -> sa.ColumnElement[bool]:
        """The rows after this one. The first column stands alone too, so that its index is used."""
        last = [bind(row[name]) for name, bind in zip(self.names, self.bound, strict=True)]
        condition: sa.ColumnElement[bool] = self.by[-1] > last[-1]
        for by, value in zip(reversed(self.by[:-1]), reversed(last[:-1]), strict=True):
            condition = sa.and_(by >= value, sa.or_(by > value, condition))
        return condition


def by_key(relation: Relation, key: str) -> Order:
    """By the key that a mapping names: numbers by size, text by code point."""
    column, idiom = relation.column(key), relation.idiom
    served = column.ordered or column.kind != "text" or idiom.dialect_name == "sqlite"
    order = idiom.order(column, relation.table.c[key])
    return Order((order,), (key,), (lambda value: idiom.bound(column, value),), 1 if served else UNSERVED)


def by_identity(relation: Relation, label: str) -> tuple[Order, list[Element]]:
    """By what identifies a row of the table, and the columns to select for it; no order where there is nothing."""
    identity = relation.row_identity
    labelled = [part.label(f"{label}{n}") for n, part in enumerate(identity)]
    same = tuple((lambda value: value) for _ in identity)
    return Order(identity, tuple(part.name for part in labelled), same), list(labelled)


def pages(
    database: Database, connection: sa.Connection, question: sa.Select[Any], order: Order, size: int
) -> Iterator[Mapping[str, Any]]:
    """The rows of a question, in order. `size`: rows in memory at a time."""
    if not order.by:
        with database.streamed(question, size) as rows:
            for row in rows:
                yield dict(row)
        return
    limit = size * order.size
    last: Mapping[str, Any] | None = None
    while True:
        asked = question.order_by(*order.by).limit(limit)
        if last is not None:
            asked = asked.where(order.after(last))
        with database.told():
            answer = connection.execute(asked)
            names, found = tuple(answer.keys()), answer.all()
        for one in found:
            last = dict(zip(names, one, strict=True))  # the driver's own mapping looks each name up for every row
            yield last
        if len(found) < limit:
            return
