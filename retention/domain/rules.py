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


class StepAction(StrEnum):
    """What may happen beside or before the end. None of these is an end (semantics 2.6)."""

    CLEAR = "clear"
    PSEUDONYMISE = "pseudonymise"
    CONDENSE = "condense"
    TRANSFER = "transfer"
    BLOCK = "block"
    EXTRACT = "extract"
    RETURN = "return"


DONE_AS = {StepAction.CLEAR: Action.DELETE, StepAction.CONDENSE: Action.DELETE, StepAction.TRANSFER: Action.DELETE}
"""Steps that a night carries out, and what a register then does with its own items or their columns."""


def carried_out_as(action: str) -> Action:
    """What a register is asked to do for a lot of this action, a step's or a final one. Raises ValueError."""
    done_as = {step.value: done for step, done in DONE_AS.items()}
    return done_as[action] if action in done_as else Action(action)


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


def comparable(told: FactValue | None, wanted: FactValue) -> bool:
    """Whether a fact's value can be held against the one that a condition names: "true" is neither true nor false.

    None is the value of a fact that nobody tells any more, and says nothing.
    """
    return told is not None and isinstance(told, str) == isinstance(wanted, str)


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
class Step:
    """Something that happens to an item on a day of its own, beside or before its end.

    fields   what is emptied (clear)
    into     the dataset that it makes something for (transfer, condense), with a purpose and an end of its own
    columns  of `into`: column -> what stands there
    """

    id: str
    trigger: Trigger
    period: Period
    action: StepAction
    rounding: Rounding = NO_ROUNDING
    conditions: tuple[Condition, ...] = ()
    if_absent: Absence | None = None
    status: Status = Status.CONFIRMED
    fields: tuple[str, ...] = ()
    into: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    law: str = ""

    def rules(self, whole: RuleSet) -> RuleSet:
        """The rules by which it is due: as if a need of the state before it ended on that day."""
        until = Ground(
            id=self.id,
            kind=Kind.NEED,
            trigger=self.trigger,
            period=self.period,
            action=Action.DELETE,
            rounding=self.rounding,
            conditions=self.conditions,
            if_absent=self.if_absent,
            status=self.status,
            law=self.law,
        )
        return RuleSet(
            (until,), financial_years=whole.financial_years, first_plausible_day=whole.first_plausible_day, is_step=True
        )


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
    """All that decides about one dataset. One that follows others has no grounds of its own: theirs are its own.

    `is_step`: these are a step's, which happens on a day or not at all; without one it is not due at once.
    """

    grounds: tuple[Ground, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    no_reason_to_keep: bool = False
    financial_years: FinancialYears = field(default_factory=FinancialYears)
    first_plausible_day: date = date(1950, 1, 1)
    follows: tuple[Follow, ...] = ()
    steps: tuple[Step, ...] = ()
    is_step: bool = False

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
