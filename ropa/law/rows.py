"""What a row of the law library is, and a library as of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from retention.domain.periods import Period, Rounding
from retention.domain.rules import Condition, Kind, Trigger

LANGUAGES = ("fi", "sv", "en")
GRADES = "ABCDE"

Bound = Literal["minimum", "maximum", "choice", "follows"]
BOUNDS: tuple[Bound, ...] = ("minimum", "maximum", "choice", "follows")

YieldsTo = Literal["any_basis"] | frozenset[Kind]


@dataclass(frozen=True, slots=True)
class LawRule:
    """One time limit, in one version, that a rule may cite by its `id`.

    `bound`: a duty to keep at least (minimum), a duty to be rid of (maximum), the controller's choice, or no time
    of its own: what the row is about goes with the record that it stands in (follows), which no rule can express.
    `kind` is the ground that it makes; None where it makes none. `period` None at a choice: no period, a criterion
    with a review. `in_force_from` and `in_force_to` (inclusive; None: still) are the statute's; `checked_on` is the
    day up to which later changes were looked for. `condition`: a fact that must hold, because the row does not bind
    everybody. `ceiling` is the row that says until when at most, `gives_way_to` rows that go first where both fit,
    `moves_to` rows under which the data go on where the condition does not hold, `successor` the row that replaced it.
    """

    id: str
    name: Mapping[str, str]
    text: Mapping[str, str]
    citation: Mapping[str, str]
    statute: str
    section: str
    categories: tuple[str, ...]
    sectors: tuple[str, ...]
    bound: Bound
    kind: Kind | None
    trigger: Trigger | None
    period: Period | None
    rounding: Rounding
    ends_on: tuple[str, ...]
    condition: Condition | None
    yields_to: YieldsTo
    legal_basis: tuple[str, ...]
    review_every: Period | None
    ceiling: str
    gives_way_to: tuple[str, ...]
    moves_to: tuple[str, ...]
    certainty: str
    number_certainty: str
    in_force_from: date
    in_force_to: date | None
    successor: str
    checked_on: date
    source: str

    @property
    def suggestion(self) -> bool:
        """Whether its number is only a suggestion: the controller must have a reason of its own (art. 5(2))."""
        return self.number_certainty == "D"

    @property
    def offered(self) -> bool:
        """Whether it is sure enough to be offered at all: neither grade is E."""
        return "E" not in (self.certainty, self.number_certainty)

    @property
    def executable(self) -> bool:
        """Whether a rule can carry it out; a row that only follows another record's time is no rule."""
        return self.bound != "follows"

    @property
    def needs_ground(self) -> bool:
        """Whether it says only until when at most: without a ground beside it, all of it waits for a review."""
        return self.bound == "maximum"

    @property
    def asks_balancing_test(self) -> bool:
        """Whether a rule that cites it rests on a legitimate interest, which has to be weighed (art. 6(1)(f))."""
        return "6(1)(f)" in self.legal_basis

    def in_force_on(self, day: date) -> bool:
        """Whether this version is the law on that day."""
        return self.in_force_from <= day and (self.in_force_to is None or day <= self.in_force_to)


class Library:
    """Every version of every row, by id. `load` makes one; each look is a mapping that cannot be changed."""

    def __init__(self, versions: Mapping[str, tuple[LawRule, ...]]) -> None:
        self.versions = MappingProxyType(dict(versions))

    @cached_property
    def newest(self) -> Mapping[str, LawRule]:
        """The last version of each row that may be offered, repealed ones too."""
        return MappingProxyType({id_: rows[-1] for id_, rows in self.versions.items() if rows[-1].offered})

    @cached_property
    def editions(self) -> Mapping[str, tuple[LawRule, ...]]:
        """Every version of each row whose newest may be offered, but for versions of grade E."""
        return MappingProxyType({id_: tuple(one for one in self.versions[id_] if one.offered) for id_ in self.newest})

    @cached_property
    def withheld(self) -> Mapping[str, LawRule]:
        """The last version of each row of grade E."""
        return MappingProxyType({id_: rows[-1] for id_, rows in self.versions.items() if not rows[-1].offered})

    def on(self, day: date) -> Mapping[str, LawRule]:
        """The versions in force on a day that may be offered."""
        found = {id_: row for id_, rows in self.versions.items() for row in rows if row.in_force_on(day)}
        return MappingProxyType({id_: row for id_, row in found.items() if row.offered})

    def read_on(self, day: date) -> Mapping[str, LawRule]:
        """The version of each row that is in force on a day, or where none is, the newest."""
        return MappingProxyType({**self.newest, **self.on(day)})
