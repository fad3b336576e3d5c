"""SQLite's words. Any value may stand in any column there, so the type is asked of each value."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from retention.connectors.sql.catalogue import Column
from retention.connectors.sql.idiom import WIDER, Condition, Element, Idiom
from retention.connectors.sql.values import ColumnKind


class SqliteIdiom(Idiom):
    """A day is compared as the local day of what is stored. The stored text is compared first, a few days wider,
    so that an index on the column is used; the exact comparison follows on what is left."""

    dialect_name = "sqlite"
    text_dates = True
    locks = False

    def dialect(self) -> sa.Dialect:
        return sqlite.dialect()

    def exactly(self, column: Column, own: Element) -> Element:
        return sa.collate(own, "BINARY") if column.kind is ColumnKind.TEXT else own

    def at_most(self, column: Column, own: Element, day: date, where: str) -> Condition:
        wide = [own < (day + WIDER).isoformat()] if day <= date.max - WIDER else []
        return sa.and_(own.is_not(None), *wide, _day(own, where) <= day.isoformat())

    def at_least(self, column: Column, own: Element, day: date, where: str) -> Condition:
        wide = [own >= (day - WIDER).isoformat()] if day >= date.min + WIDER else []
        return sa.and_(own.is_not(None), *wide, _day(own, where) >= day.isoformat())

    def in_time(self, column: Column, own: Element, where: str) -> Element:
        return _day(own, where)

    def truth(self, value: bool) -> int:
        return int(value)

    def wrong_date(self, column: Column, own: Element) -> Condition:
        readable = sa.case((_plain_date(own), 1), else_=sa.func.seloste_readable(own))
        return sa.and_(own.is_not(None), readable == 0)

    def wrong_number(self, column: Column, own: Element) -> Condition:
        typed = sa.func.typeof(own) == ("integer" if column.kind is ColumnKind.INTEGER else "text")
        return sa.and_(own.is_not(None), sa.not_(typed))

    def wrong_fact(self, column: Column, own: Element) -> Condition:
        fits = (
            sa.and_(sa.func.typeof(own) == "integer", own.in_([0, 1]))
            if column.kind is ColumnKind.BOOLEAN
            else sa.func.typeof(own) == column.kind.value
        )
        return own.is_not(None) & sa.not_(fits)


def _plain_date(column: Element) -> Condition:
    """A date and nothing more, for the database to tell by itself; adding no days is what finds 30 February."""
    return sa.and_(sa.func.date(column, "+0 days") == column, column >= date.min.isoformat())


def _day(column: Element, where: str) -> Element:
    """The local day: a plain date as it stands, everything else through `values.Days`."""
    return sa.case((_plain_date(column), column), else_=sa.func.seloste_day(column, where))
