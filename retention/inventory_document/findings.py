"""What a check says of a document, and what of the document it may rely on while it looks at the rest.

An entry that the schema refused is not looked into further, but its id stays known, so that one mistake does not
show up again at everything that refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol, TypeVar

from django.utils.translation import gettext

from retention.domain.errors import RuleError
from retention.domain.events import CATALOGUE
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import Period, Rounding
from retention.domain.rules import Trigger
from retention.inventory_document.shape import Steps, meant

Document = Mapping[str, Any]
Parsed = TypeVar("Parsed")


class Law(Protocol):
    """What is asked of a row of the law library (`ropa.law.LawRule`)."""

    @property
    def trigger(self) -> Trigger | None: ...

    @property
    def period(self) -> Period | None: ...

    @property
    def rounding(self) -> Rounding: ...

    @property
    def in_force_from(self) -> date: ...

    @property
    def in_force_to(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say of one place. A warning imports; anything else does not."""

    steps: Steps
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Whole:
    """The document, with what its entries may refer to. `broken`: entries that the schema refused.

    `laws`: every version of each row of the law library, oldest first. `today`: the day of the law that rules are
    held against; None where nobody asks for it.
    """

    document: Document
    laws: Mapping[str, Sequence[Law]]
    broken: Collection[Steps] = field(default_factory=frozenset)
    today: date | None = None

    def entries(self, *steps: str | int) -> Iterator[tuple[Steps, Document]]:
        """Sound entries of a list (or mapping) of the document, with where they stand."""
        for place, entry in self._all(*steps):
            if place[:2] not in self.broken and place[:1] not in self.broken:
                yield place, entry

    def _all(self, *steps: str | int) -> Iterator[tuple[Steps, Document]]:
        here: Any = self.document
        for step in steps:
            here = here.get(step) if isinstance(here, Mapping) else here[step] if isinstance(step, int) else None
        if isinstance(here, Mapping):
            yield from (((*steps, key), entry) for key, entry in here.items() if isinstance(entry, Mapping))
        elif isinstance(here, list):
            yield from (((*steps, place), entry) for place, entry in enumerate(here) if isinstance(entry, Mapping))

    @cached_property
    def organisation(self) -> Document:
        """Empty where it is broken."""
        found = self.document.get("organisation")
        return found if isinstance(found, Mapping) and ("organisation",) not in self.broken else {}

    @cached_property
    def registers(self) -> Mapping[str, Document]:
        return {str(entry.get("id")): entry for _, entry in self._all("registers")}

    @cached_property
    def activities(self) -> Mapping[str, Document]:
        return {str(entry.get("id")): entry for _, entry in self._all("activities")}

    @cached_property
    def connections(self) -> Collection[str]:
        found = self.document.get("connections")
        return set(found) if isinstance(found, Mapping) else set()

    def purposes(self, activity: str) -> Collection[str]:
        """The ids of an activity's purposes."""
        listed = self.activities.get(activity, {}).get("purposes")
        return {str(one.get("id")) for one in listed if isinstance(one, Mapping)} if isinstance(listed, list) else set()

    @cached_property
    def all_purposes(self) -> Collection[str]:
        return {purpose for activity in self.activities for purpose in self.purposes(activity)}

    @cached_property
    def ledger_is_sound(self) -> bool:
        """Whether every register could be read: else nobody can say what is not told."""
        return not any(place[:1] == ("registers",) for place in self.broken) and bool(self.organisation)

    def told(self, subject_kind: str) -> frozenset[str]:
        """Events and facts that some register, or somebody by the API, tells of subjects of this kind."""
        return frozenset(self._told.get(subject_kind, ()))

    @cached_property
    def _told(self) -> Mapping[str, set[str]]:
        of: dict[str, set[str]] = {}
        for place, _ in self.entries("registers"):
            for _, source in self.entries(*place, "ledger"):
                names = of.setdefault(str(source.get("subject_kind")), set())
                names |= set(source.get("events", ())) | set(source.get("facts", ())) | set(source.get("tells", ()))
                names |= CONTRACT_EVENTS if "started" in source or "ended" in source else set()
        return of


def parsed(steps: Steps, parse: Callable[[], Parsed]) -> Parsed | Finding:
    """What `parse` gives, or the finding that it cannot."""
    try:
        return parse()
    except RuleError as error:
        return Finding(steps, error.message)


def unknown_events(names: Mapping[str, Any] | list[str] | tuple[str, ...], steps: Steps) -> Iterator[Finding]:
    """Names that the catalogue of start events does not have; a mapping's are its keys."""
    for position, name in enumerate(names):
        if name not in CATALOGUE:
            place = (*steps, name) if isinstance(names, Mapping) else (*steps, position)
            yield Finding(place, gettext("unknown event %(name)r") % {"name": name} + meant(name, CATALOGUE))


def unknown(value: str, known: Collection[str], what: str, steps: Steps) -> Iterator[Finding]:
    """A reference to something that the document does not have."""
    if value not in known:
        yield Finding(
            steps, gettext("there is no %(what)s %(value)r") % {"what": what, "value": value} + meant(value, known)
        )
