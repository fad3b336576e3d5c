"""The document as checks read it: its entries with their places, and what the libraries know of what it cites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from retention.domain.errors import RuleError
from retention.domain.events import CATALOGUE
from retention.domain.periods import Period
from retention.domain.written import parse_day, parse_trigger
from ropa.article30 import Document, is_processor
from ropa.places import empty, entries

Placed = tuple[str, Document]


@dataclass(frozen=True, eq=False)
class Inventory:
    """A document on a day. `references` and `laws` are the libraries' rows by id; `mentions` finds them in a text."""

    document: Document
    references: Mapping[str, Any]
    laws: Mapping[str, Any]
    today: date
    mentions: Callable[[str], Iterable[Any]]

    @property
    def organisation(self) -> Document:
        """The document's head."""
        found: Document = self.document.get("organisation") or {}
        return found

    def all(self, *names: str) -> list[Placed]:
        """Every entry of a list, with its place."""
        return list(entries(self.document, *names))

    @cached_property
    def activities(self) -> list[Placed]:
        """The activities that go on."""
        return [(place, one) for place, one in self.all("activities") if not self.passed(one.get("ended_on"))]

    @cached_property
    def controlled(self) -> list[Placed]:
        """The activities in which the organisation is the controller."""
        return [(place, one) for place, one in self.activities if not is_processor(one)]

    @cached_property
    def processed(self) -> list[Placed]:
        """The activities on behalf of another controller."""
        return [(place, one) for place, one in self.activities if is_processor(one)]

    @cached_property
    def purposes(self) -> list[Placed]:
        """The controller's own purposes."""
        return [
            (f"{place}.purposes[{purpose['id']}]", purpose)
            for place, one in self.controlled
            for purpose in one.get("purposes") or ()
        ]

    @cached_property
    def purposes_by_id(self) -> Mapping[str, Document]:
        """Every purpose of the document; its id is its own in the whole of it."""
        return {purpose["id"]: purpose for _, purpose in self.all("activities", "purposes")}

    def own(self, name: str) -> list[Placed]:
        """Entries of a list that are not only about activities on behalf of another controller."""
        others = {one["id"] for _, one in self.all("activities") if is_processor(one)}
        return [
            (place, one)
            for place, one in self.all(name)
            if not one.get("activities") or not set(one["activities"]) <= others
        ]

    @cached_property
    def datasets(self) -> list[Placed]:
        """The datasets of the controller's own activities that go on."""
        activities = {one["id"] for _, one in self.controlled}
        return [(place, one) for place, one in self.all("datasets") if one.get("activity") in activities]

    @cached_property
    def rules(self) -> list[tuple[str, Document, Document]]:
        """Every ground and ceiling: its place, itself, its dataset."""
        return [
            (f"{place}.{name}[{rule['id']}]", rule, dataset)
            for place, dataset in self.all("datasets")
            for name in ("grounds", "ceilings")
            for rule in dataset.get(name) or ()
        ]

    @cached_property
    def items(self) -> list[tuple[str, Document, Document]]:
        """Every item of data: its place, itself, its category."""
        return [
            (f"{place}.items[{item['id']}]", item, category)
            for place, category in self.own("data_categories")
            for item in category.get("items") or ()
        ]

    @cached_property
    def markets(self) -> list[str]:
        """Places that show that data are used for direct marketing."""
        aims = [place for place, one in self.purposes if one.get("aim") == "marketing"]
        return aims or [place for place, _ in self.all("marketing_rules")]

    def row(self, code: str) -> Any | None:
        """The library's row that an entry of `references` names: by its id, or else in its own spelling."""
        return next(iter(self.rows(code)), None)

    def rows(self, code: str) -> list[Any]:
        """Every row of its kind that an entry of `references` names, the one named by id first."""
        cited: Document = self._cited.get(code) or {}
        named = self.references.get(cited.get("row") or "")
        spelled = [row for text in (cited.get("name") or {}).values() for row in self.mentioned(text)]
        return [row for row in [named, *spelled] if row is not None and row.kind == cited.get("kind")]

    def mentioned(self, text: str) -> list[Any]:
        """The library's rows that a text names."""
        rows = (self.references.get(one.id) for one in self.mentions(text))
        return [row for row in rows if row is not None]

    @cached_property
    def _cited(self) -> Mapping[str, Document]:
        return {one["id"]: one for _, one in self.all("references")}

    def passed(self, day: Any) -> bool:
        """Whether a day is there and lies behind today or is today."""
        found = self.day(day)
        return found is not None and found <= self.today

    @staticmethod
    def day(written: Any) -> date | None:
        """A written day; None for none, or for what is no day."""
        if not isinstance(written, str):
            return None
        try:
            return parse_day(written, "")
        except RuleError:
            return None


def period_of(written: Any) -> Period | None:
    """A written period; None for none, or for what is no period."""
    if not isinstance(written, str):
        return None
    try:
        return Period.parse(written)
    except RuleError:
        return None


def events_of(trigger: Any) -> tuple[str, ...]:
    """The catalogue's events that a trigger names; a time limit's may be a word that is no event."""
    try:
        return tuple(name for name in parse_trigger(trigger, "").events if name in CATALOGUE)
    except RuleError:
        return ()


def words_of(text: Any) -> str:
    """A text in every language that it has, in small letters: for looking words up."""
    return " ".join(text.values()).casefold() if isinstance(text, Mapping) else str(text or "").casefold()


def said(holder: Document, key: str) -> bool:
    """Whether a statement is there: a value, or that there is none and why."""
    statement = holder.get(key)
    return isinstance(statement, Mapping) and not (
        empty(statement.get("value")) and empty(statement.get("none_because"))
    )


def value_of(holder: Document, key: str) -> Any:
    """A statement's value; None where it says that there is none, or nothing."""
    statement = holder.get(key)
    value = statement.get("value") if isinstance(statement, Mapping) else None
    return None if empty(value) else value
