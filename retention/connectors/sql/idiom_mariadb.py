"""MariaDB's words, and MySQL's. Its usual collations take `A`, `a` and `a ` for one text, and 0000-00-00 for a date."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from retention.connectors.sql.catalogue import Column
from retention.connectors.sql.idiom import Condition, Element, Idiom
from retention.connectors.sql.values import ColumnKind, Stored

FIRST_DAY = date(1, 1, 1)


class MariadbIdiom(Idiom):
    """Texts are compared as the bytes of their UTF-8, which also is the order by code point.

    0000-00-00 is no date, like NULL: it is before no day and after none. Other dates with a zero are errors.
    """

    dialect_name = "mysql"

    def dialect(self) -> sa.Dialect:
        return mysql.dialect()

    def value(self, column: Column, own: Element) -> Element:
        return sa.cast(own, mysql.INTEGER(unsigned=True)) if column.kind is ColumnKind.BOOLEAN else own

    def read_date(self, column: Column, value: Any) -> Any:
        if isinstance(value, str) and not set(value) - set("0-: ."):
            return None
        aware = isinstance(value, datetime) and column.kind is ColumnKind.MOMENT
        return value.replace(tzinfo=UTC) if aware else value

    def exactly(self, column: Column, own: Element) -> Element:
        if column.kind is not ColumnKind.TEXT or column.exact:
            return self.value(column, own)
        return sa.cast(_unicode(own), sa.LargeBinary)

    def bound(self, column: Column, value: Stored) -> Any:
        if column.kind is ColumnKind.UUID:
            return str(value)
        return str(value).encode() if column.kind is ColumnKind.TEXT and not column.exact else value

    def stored(self, text: str, kind: ColumnKind) -> Stored | None:
        found = super().stored(text, kind)
        return str(found) if found is not None and kind is ColumnKind.UUID else found

    def order(self, column: Column, own: Element) -> Element:
        return self.exactly(column, own)

    def present(self, column: Column, own: Element) -> Condition:
        return sa.and_(own.is_not(None), own >= _first(column))

    def moment(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=None)

    def truth(self, value: bool) -> int:
        return int(value)

    def wrong_date(self, column: Column, own: Element) -> Condition:
        """A zero somewhere, or 30 February; a comparison with the last day of its month finds both."""
        last = sa.func.coalesce(sa.func.last_day(own), FIRST_DAY)
        wrong = sa.or_(
            *(part(own) == 0 for part in (sa.func.year, sa.func.month, sa.func.dayofmonth)),
            sa.func.dayofmonth(own) > sa.func.dayofmonth(last),
        )
        zero = sa.and_(*(part(own) == 0 for part in (sa.func.year, sa.func.month, sa.func.dayofmonth)))
        return sa.and_(
            own.is_not(None), sa.func.coalesce(wrong, sa.true()), sa.not_(sa.func.coalesce(zero, sa.false()))
        )

    def wrong_fact(self, column: Column, own: Element) -> Condition | None:
        if column.kind is not ColumnKind.BOOLEAN:
            return None
        return sa.and_(own.is_not(None), self.value(column, own).not_in([0, 1]))

    def folded(self, column: Column, own: Element) -> Element:
        return sa.cast(sa.func.lower(_unicode(own)), sa.LargeBinary)

    def bound_folded(self, text: str) -> bytes:
        return text.encode()

    def now(self) -> Element:
        return sa.func.utc_timestamp(6)

    def _wide_first(self, column: Column) -> bool:
        return column.kind is ColumnKind.TEXT and not column.exact and not column.cast


def _unicode(own: Element) -> Element:
    return sa.cast(own, mysql.CHAR(charset="utf8mb4"))


def _first(column: Column) -> date | datetime:
    year = 1970 if column.kind is ColumnKind.MOMENT else 1  # TIMESTAMP knows nothing before
    return FIRST_DAY if column.kind is ColumnKind.DATE else datetime(year, 1, 1)  # noqa: DTZ001 - bound as it is stored
