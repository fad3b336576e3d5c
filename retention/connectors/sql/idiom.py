"""What each database says in its own way: which rows a batch of keys means, the order of keys, the day of a date.

A text means itself only, whatever collation its column was declared with: where the column's own comparison takes
more than one text for the same, it is asked first, because its index serves it, and the exact one after it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa

from retention.connectors.sql.catalogue import Column
from retention.connectors.sql.values import ColumnKind, Days, Stored, as_stored, integers

Condition = sa.ColumnElement[bool]
Element = sa.ColumnElement[Any]

WIDER = timedelta(days=3)
"""More than any two time zones differ."""


class Idiom(ABC):
    """The words that all databases share. A subclass for each."""

    dialect_name: ClassVar[str]
    nul: ClassVar[bool] = True
    text_dates: ClassVar[bool] = False
    """Whether a text may be a date: where the database can be made to fail on one that is none."""
    at_once: ClassVar[int] = 500
    """How many keys a statement is given."""
    locks: ClassVar[bool] = True
    """Whether rows are locked one by one; on SQLite a writer is alone."""

    def __init__(self, days: Days) -> None:
        self.days = days

    @abstractmethod
    def dialect(self) -> sa.Dialect:
        """For statements that are shown to people."""

    def stored(self, text: str, kind: ColumnKind) -> Stored | None:
        """A key or number as it is bound; None where no row can be it."""
        return as_stored(text, kind, nul=self.nul)

    def all_stored(self, texts: Sequence[str], kind: ColumnKind) -> Sequence[Stored | None]:
        """The same of many."""
        found = integers(texts) if kind is ColumnKind.INTEGER and texts else None
        return [self.stored(text, kind) for text in texts] if found is None else found

    def value(self, column: Column, own: Element) -> Element:
        """What is selected of a column."""
        return own

    def read_date(self, column: Column, value: Any) -> Any:
        """A date or moment as it was read; None where it means that there is none."""
        return value

    @abstractmethod
    def exactly(self, column: Column, own: Element) -> Element:
        """The column, comparable with what `bound` gives and equal to nothing else."""

    def bound(self, column: Column, value: Stored) -> Any:
        """A value for a comparison with `exactly`."""
        return value

    def order(self, column: Column, own: Element) -> Element:
        """What puts keys in order: numbers by size, text by code point."""
        return self.exactly(column, own)

    def among(self, column: Column, own: Element, values: Sequence[Stored]) -> Condition:
        """The column is one of these."""
        exact = self.exactly(column, own).in_([self.bound(column, value) for value in values])
        return sa.and_(own.in_(list(values)), exact) if self._wide_first(column) else exact

    def listed(self, column: Column, own: Element, values: Sequence[Stored]) -> Condition:
        """The same, asked of rows that were found already: no index needs to serve it."""
        return self.exactly(column, own).in_([self.bound(column, value) for value in values])

    def paired(
        self, key: tuple[Column, Element], other: tuple[Column, Element], pairs: Sequence[tuple[Stored, Stored]]
    ) -> Condition:
        """Both columns are one of these pairs, asked of rows that were found already."""
        (first, own_first), (second, own_second) = key, other
        both = sa.tuple_(self.exactly(first, own_first), self.exactly(second, own_second))
        return both.in_([(self.bound(first, a), self.bound(second, b)) for a, b in pairs])

    def present(self, column: Column, own: Element) -> Condition:
        """There is a date in the column."""
        return own.is_not(None)

    def at_most(self, column: Column, own: Element, day: date, where: str) -> Condition:
        """The column's local day is this one or one before it."""
        if column.kind is ColumnKind.DATE:
            return sa.and_(self.present(column, own), own <= day)
        end = self.days.end(day, aware=column.kind is ColumnKind.MOMENT)
        return sa.and_(self.present(column, own), own < self.moment(end)) if end else self.present(column, own)

    def at_least(self, column: Column, own: Element, day: date, where: str) -> Condition:
        """The column's local day is this one or one after it."""
        if column.kind is ColumnKind.DATE:
            return sa.and_(self.present(column, own), own >= day)
        start = self.days.start(day, aware=column.kind is ColumnKind.MOMENT)
        return sa.and_(self.present(column, own), own >= self.moment(start)) if start else self.present(column, own)

    def in_time(self, column: Column, own: Element, where: str) -> Element:
        """The date or moment so that the least of several is the earliest; read as `read_date` reads it."""
        return own

    def moment(self, moment: Any) -> Any:
        """A moment as it is bound."""
        return moment

    def truth(self, value: bool) -> int:
        """A truth as it is bound."""
        return value

    def wrong_date(self, column: Column, own: Element) -> Condition | None:
        """The column holds what is no date; None where its type lets nothing else in."""
        return None

    def wrong_number(self, column: Column, own: Element) -> Condition | None:
        """The column holds what is no key or number."""
        return None

    def wrong_fact(self, column: Column, own: Element) -> Condition | None:
        """The column holds what is no fact of its kind."""
        return None

    def folded(self, column: Column, own: Element) -> Element:
        """The text in small letters, at least those of ASCII, comparable with what `bound_folded` gives."""
        return sa.func.lower(self.value(column, own))

    def bound_folded(self, text: str) -> Any:
        """A text for a comparison with `folded`."""
        return text

    def now(self) -> Element:
        """The server's clock, for a receipt."""
        return sa.func.current_timestamp()

    def _wide_first(self, column: Column) -> bool:
        return False
