"""Rules as data: why something is kept, until when at most, and what then happens to it.

A *ground* is one reason to keep (GDPR art. 5(1)(e), 6(1), 17(3)); a *ceiling* a longest time
("at most", "must be destroyed by"); a *hold* a person's decision that suspends disposal.
Nothing here knows a clock, a database or a language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

from retention.domain.periods import FinancialYears, Period, Rounding

FactValue = bool | int | str

NO_ROUNDING = Rounding("none")


class Kind(StrEnum):
    """What sort of reason a ground is."""

    NEED = "need"
    OBLIGATION = "obligation"
    CLAIM = "claim"
    CONSENT = "consent"
    INSTRUCTION = "instruction"


class Action(StrEnum):
    """Final actions, strongest first (semantics 2.6)."""

    DELETE = "delete"
    DESTROY_PAPER = "destroy_paper"
    CRYPTO_SHRED = "crypto_shred"
    ANONYMISE = "anonymise"

    @property
    def strength(self) -> int:
        """Larger is stronger: of two actions on one day the stronger is taken."""
        return -list(Action).index(self)


class Status(StrEnum):
    """Only a confirmed rule decides by machine."""

    CONFIRMED = "confirmed"
    PROPOSED = "proposed"
    UNCONFIRMED = "unconfirmed"


class Absence(StrEnum):
    """What it means that an event has no date, where a rule overrides the catalogue."""

    PENDING = "pending"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"


class Grain(StrEnum):
    """What one item of a dataset is."""

    SUBJECT = "subject"
    CONTRACT = "contract"
    RECORD = "record"
    WINDOW = "window"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class Trigger:
    """The start event of a rule: one event, or the latest or earliest of several."""

    events: tuple[str, ...]
    choose: Literal["only", "latest_of", "earliest_of"] = "only"


def comparable(told: FactValue, wanted: FactValue) -> bool:
    """Whether a fact's value can be held against the one that a condition names: "true" is neither true nor false."""
    return isinstance(told, str) == isinstance(wanted, str)


@dataclass(frozen=True, slots=True)
class Condition:
    """`fact` must have this value for the rule to count; an unknown fact decides nothing."""

    fact: str
    value: FactValue


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason to keep. `period` None is a criterion: open until `review_by`, then a review."""

    id: str
    kind: Kind
    trigger: Trigger
    period: Period | None
    action: Action
    rounding: Rounding = NO_ROUNDING
    conditions: tuple[Condition, ...] = ()
    if_absent: Absence | None = None
    ends_on: tuple[str, ...] = ()
    status: Status = Status.CONFIRMED
    review_by: date | None = None
    purpose: str = ""
    law: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A longest time. `yields_to` says which kinds of ground it does not cut."""

    id: str
    trigger: Trigger
    period: Period
    action: Action
    rounding: Rounding = NO_ROUNDING
    conditions: tuple[Condition, ...] = ()
    if_absent: Absence | None = None
    status: Status = Status.CONFIRMED
    yields_to: Literal["any_basis"] | frozenset[Kind] = frozenset()
    law: str = ""

    def cuts(self, kind: Kind) -> bool:
        """Whether it ends a ground of this kind; an instruction counts as a need (semantics 2.4)."""
        if self.yields_to == "any_basis":
            return False
        same = {Kind.NEED, Kind.INSTRUCTION}
        return not (same if kind in same else {kind}) & self.yields_to


@dataclass(frozen=True, slots=True)
class Follow:
    """A dataset whose items end with those of another: an attachment with its ticket, a box with what lies in it.

    by      the column in which the key of the followed item stands; "": whatever is the same data subject's
    action  what then happens to it
    """

    dataset: str
    by: str = ""
    action: Action = Action.DELETE


@dataclass(frozen=True, slots=True)
class Hold:
    """Disposal is suspended from `start` (inclusive) until `released` (that day it holds no more)."""

    start: date
    released: date | None = None
    reason: str = ""

    def holds_on(self, day: date) -> bool:
        return self.start <= day and (self.released is None or day < self.released)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All that decides about one dataset. One that follows others has no grounds of its own: theirs are its own."""

    grounds: tuple[Ground, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    follows: tuple[Follow, ...] = ()
    no_reason_to_keep: bool = False
    financial_years: FinancialYears = field(default_factory=FinancialYears)
    first_plausible_day: date = date(1950, 1, 1)

    @property
    def events(self) -> frozenset[str]:
        """Every event that a rule asks, `ends_on` and a consent's own events included."""
        named = {name for ground in self.grounds for name in (*ground.trigger.events, *ground.ends_on)}
        named |= {name for ceiling in self.ceilings for name in ceiling.trigger.events}
        if any(ground.kind is Kind.CONSENT for ground in self.grounds):
            named |= {"consent_given", "consent_withdrawn"}
        return frozenset(named)

    @property
    def facts(self) -> frozenset[str]:
        """Every fact that a condition names."""
        of_grounds = {condition.fact for ground in self.grounds for condition in ground.conditions}
        return frozenset(of_grounds | {condition.fact for rule in self.ceilings for condition in rule.conditions})


Facts = Mapping[str, FactValue]
