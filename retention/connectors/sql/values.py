"""How a stored value reads: days, keys and facts. What cannot be read is named by its column, never by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from retention.connectors.contract import ConnectorError
from retention.domain.rules import FactValue

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.ASCII,
)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_INTEGER_WORDS = frozenset({"INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT", "INT2", "INT4", "INT8"})
_LARGEST = 2**63


class ColumnKind(StrEnum):
    """What a column's declared type lets it mean; a moment is stored with its offset, a datetime without."""

    DATE = "date"
    DATETIME = "datetime"
    MOMENT = "moment"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "text"
    UUID = "uuid"
    OTHER = "other"


def kind_of(declared: str) -> ColumnKind:
    """The kind of a type declared in SQLite: `VARCHAR(20)` is text, `NUMERIC(10)` an integer, `POINT` is neither."""
    words = re.sub(r"\(.*?\)", " ", declared.upper()).split()
    first = words[0] if words else ""
    if first in {"NUMERIC", "DECIMAL"} and re.search(r"\(\s*\d+\s*(,\s*0\s*)?\)", declared):
        return ColumnKind.INTEGER
    ways = (
        (ColumnKind.DATETIME, first.startswith(("DATETIME", "TIMESTAMP"))),
        (ColumnKind.DATE, first == "DATE"),
        (ColumnKind.BOOLEAN, first in {"BOOL", "BOOLEAN"}),
        (ColumnKind.INTEGER, bool(_INTEGER_WORDS & set(words))),
        (ColumnKind.TEXT, any(part in declared.upper() for part in ("CHAR", "CLOB", "TEXT"))),
    )
    return next((kind for kind, fits in ways if fits), ColumnKind.OTHER)


def unreadable(where: str, what: str) -> ConnectorError:
    """The error for a stored value; `where` is table.column."""
    return ConnectorError(f"{where} holds a value that is not {what}", permanent=True)


@dataclass(frozen=True, slots=True)
class Days:
    """The local day of a stored date or moment (semantics P1).

    `here` is the time zone that decides which day it is; `stored` the one that moments without an offset are
    written in. A plain date is a plain date.
    """

    here: ZoneInfo
    stored: ZoneInfo

    def of(self, value: object) -> date | None:
        """The day; None where it cannot be read. A placeholder such as 9999-12-31 is a day like any other."""
        if isinstance(value, datetime):
            return self._local(value)
        if isinstance(value, date):
            return value
        if not isinstance(value, str) or not (_DAY.fullmatch(value) or _MOMENT.fullmatch(value)):
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment.date() if len(value) == len("2020-01-31") else self._local(moment)

    def _local(self, moment: datetime) -> date:
        if moment.tzinfo is None and self.stored.key == self.here.key:
            return moment.date()
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.stored)
        try:
            return moment.astimezone(self.here).date()
        except OverflowError:  # a placeholder at an end of the calendar
            return moment.date()

    def start(self, day: date, *, aware: bool) -> datetime | None:
        """When a local day begins, as it would be stored: in UTC with its offset, or by the stored zone's clock.

        None at an end of the calendar, where no stored moment lies before it.
        """
        midnight = datetime.combine(day, time())
        try:
            if aware:
                return midnight.replace(tzinfo=self.here).astimezone(UTC)
            if self.stored.key == self.here.key:
                return midnight
            return midnight.replace(tzinfo=self.here).astimezone(self.stored).replace(tzinfo=None)
        except OverflowError:
            return None

    def end(self, day: date, *, aware: bool) -> datetime | None:
        """When the day after begins; None where there is none."""
        return None if day == date.max else self.start(day + timedelta(days=1), aware=aware)


SURELY_SMALL = 19
"""An integer with fewer digits fits every column of integers."""

Stored = int | str | UUID
"""A key or number as a statement is given it."""


def as_stored(text: str, kind: ColumnKind, *, nul: bool = True) -> Stored | None:
    """A key or number as its column stores it; None where no row of the column can be it.

    `007` is not 7: only the text that an integer is written as means that integer, and a UUID's only its usual
    form. `nul`: whether a text of this database may hold the character NUL; where not, such a text is nobody's.
    """
    if kind is ColumnKind.INTEGER:
        if text.isdecimal() and text.isascii() and text[0] != "0" and len(text) < SURELY_SMALL:
            return int(text)
        if not _INTEGER.fullmatch(text) or len(text) > 20:
            return None
        number = int(text)
        return number if -_LARGEST <= number < _LARGEST else None
    if kind is ColumnKind.UUID:
        try:
            found = UUID(text)
        except ValueError:
            return None
        return found if str(found) == text else None
    if "\x00" in text and not nul:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def integers(texts: Sequence[str]) -> list[int] | None:
    """`as_stored` of many keys of a column of integers at once; None where one of them needs a look of its own."""
    joined = "".join(texts)
    if not joined.isdecimal() or not joined.isascii() or max(map(len, texts)) >= SURELY_SMALL:
        return None
    return list(map(int, texts)) if all(text and text[0] != "0" for text in texts) else None


def as_text(value: object, kind: ColumnKind, where: str) -> str:
    """A stored key or number as text. Raises ConnectorError naming `where`."""
    if kind is ColumnKind.INTEGER:
        plain = type(value) is int and -_LARGEST <= value < _LARGEST  # as many as rows: without a further call
        return str(value if plain else _whole(value, where, "a whole number"))
    if kind is ColumnKind.UUID and isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str):
        raise unreadable(where, "text")
    return value


def as_fact(value: object, kind: ColumnKind, where: str) -> FactValue | None:
    """A stored fact. Raises ConnectorError naming `where`."""
    if value is None:
        return None
    if kind is ColumnKind.BOOLEAN:
        if value in (0, 1):
            return bool(value)
        raise unreadable(where, "true or false")
    if kind is ColumnKind.INTEGER:
        return _whole(value, where, f"of its type ({kind.value})")
    if kind is ColumnKind.TEXT and isinstance(value, str):
        return value
    raise unreadable(where, f"of its type ({kind.value})")


def _whole(value: object, where: str, what: str) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, int) and -_LARGEST <= value < _LARGEST:
        return value
    raise unreadable(where, what)
