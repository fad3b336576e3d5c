"""PostgreSQL's words. Batches go as one array, hidden from the planner, which would else plan with every element."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine, UserDefinedType

from retention.connectors.sql.arrays import array_of_texts, array_text
from retention.connectors.sql.catalogue import Column
from retention.connectors.sql.idiom import Condition, Element, Idiom
from retention.connectors.sql.values import ColumnKind, Stored


class Geometry(UserDefinedType[Any]):
    """A PostGIS column: it is never read by `find` and comes as its text form where it is exported."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "geometry"


class _Blanked(UserDefinedType[str]):
    """CHAR(n) without a length, for an array that an index over such a column serves."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "bpchar"


class PostgresqlIdiom(Idiom):
    """Every type is what it says; a text never holds NUL. Infinity is no date."""

    dialect_name = "postgresql"
    nul = False
    at_once = 20_000

    def dialect(self) -> sa.Dialect:
        return postgresql.dialect()  # type: ignore[no-untyped-call]

    def value(self, column: Column, own: Element) -> Element:
        return sa.cast(own, sa.Text) if column.cast else own

    def exactly(self, column: Column, own: Element) -> Element:
        value = self.value(column, own)
        return value if column.kind is not ColumnKind.TEXT or column.exact else sa.collate(value, "C")

    def order(self, column: Column, own: Element) -> Element:
        value = self.value(column, own)
        return value if column.kind is not ColumnKind.TEXT or column.ordered else sa.collate(value, "C")

    def among(self, column: Column, own: Element, values: Sequence[Stored]) -> Condition:
        array = _array(column.kind, values)
        terms = [self.exactly(column, own) == sa.any_(_hidden(array, _element(column.kind)))]
        if column.declared.startswith("character("):
            terms.insert(0, own == sa.any_(_hidden(array, _Blanked())))
        elif not column.exact and not column.cast and column.kind is ColumnKind.TEXT:
            terms.insert(0, own == sa.any_(_hidden(array, _element(column.kind))))
        return sa.and_(*terms)

    def listed(self, column: Column, own: Element, values: Sequence[Stored]) -> Condition:
        given = sa.func.unnest(_array(column.kind, values)).table_valued(sa.column("a", _element(column.kind)))
        return self.exactly(column, own).in_(sa.select(given.render_derived().c.a))

    def paired(
        self, key: tuple[Column, Element], other: tuple[Column, Element], pairs: Sequence[tuple[Stored, Stored]]
    ) -> Condition:
        """A subselect, which is hashed; an array that no index serves would be walked for every row."""
        (first, own_first), (second, own_second) = key, other
        keys, others = [a for a, _ in pairs], [b for _, b in pairs]
        rows = sa.func.unnest(_array(first.kind, keys), _array(second.kind, others))
        given = rows.table_valued(
            sa.column("a", _element(first.kind)), sa.column("b", _element(second.kind))
        ).render_derived()
        both = sa.tuple_(self.exactly(first, own_first), self.exactly(second, own_second))
        return both.in_(sa.select(given.c.a, given.c.b))

    def wrong_date(self, column: Column, own: Element) -> Condition:
        least: Any = date.min
        greatest: Any = date.max
        if column.kind is not ColumnKind.DATE:
            zone = UTC if column.kind is ColumnKind.MOMENT else None
            least, greatest = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)
        return sa.and_(own.is_not(None), sa.or_(own < least, own > greatest))

    def now(self) -> Element:
        return sa.func.now()


def _element(kind: ColumnKind) -> TypeEngine[Any]:
    if kind is ColumnKind.INTEGER:
        return sa.BigInteger()
    return sa.Uuid() if kind is ColumnKind.UUID else sa.Text()


def _array(kind: ColumnKind, values: Sequence[Stored]) -> Element:
    text = array_of_texts([str(v) for v in values]) if kind is ColumnKind.TEXT else array_text(values)
    return sa.cast(sa.literal(text, sa.Text()), postgresql.ARRAY(_element(kind)))


def _hidden(array: Element, element: TypeEngine[Any]) -> Element:
    """A constant array of thousands takes milliseconds to plan and may choose to walk the table; this one none."""
    return sa.cast(sa.select(array).scalar_subquery(), postgresql.ARRAY(element))
