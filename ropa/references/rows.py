"""What a row of the references library is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["law", "authority", "standard", "rules", "term"]
KINDS: tuple[Kind, ...] = ("law", "authority", "standard", "rules", "term")

Status = Literal["in_force", "repealed", "renamed", "withdrawn"]
STATUSES: tuple[Status, ...] = ("in_force", "repealed", "renamed", "withdrawn")


@dataclass(frozen=True, slots=True)
class Reference:
    """A law, a section of one, an authority, a standard, or a term of law.

    `status` is what it came to after `valid_to` (inclusive); a row without that day has ended on a day that we do not
    know, and is what its status says on every day. `valid_from` None: since before anybody asks. `successors` are ids
    of what came in its place, the first one first; `maps_to` the GDPR's articles that a section has become. `part_of`
    is the law that a section (`section`, written 8.1.2 for section 8, subsection 1, item 2) stands in. `spellings`
    are the Finnish names, with `~` behind each word that is declined. `certainty` is graded as in `ropa.law`.
    """

    id: str
    kind: Kind
    name: Mapping[str, str]
    spellings: tuple[str, ...]
    number: str
    status: Status
    valid_from: date | None
    valid_to: date | None
    successors: tuple[str, ...]
    maps_to: tuple[str, ...]
    part_of: str
    section: str
    note: Mapping[str, str]
    certainty: str
    source: str

    @property
    def successor(self) -> str:
        """The id of what came in its place first of all; empty where nothing did."""
        return self.successors[0] if self.successors else ""

    def status_on(self, day: date) -> Literal["in_force", "repealed", "renamed", "withdrawn", "not_yet"]:
        """What it is on a day; `not_yet` before its first."""
        if self.valid_from is not None and day < self.valid_from:
            return "not_yet"
        if self.valid_to is not None and day <= self.valid_to:
            return "in_force"
        return self.status
