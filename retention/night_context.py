"""What the steps of one night share: the night itself, how somebody wants to be at it, and how a problem is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db import transaction

from retention import unchanged_sources
from retention.closed import closings
from retention.domain.limits import Limits
from retention.evaluation import Due
from retention.evidence_log import EvidenceLog, Journal
from retention.identity import Names
from retention.leases import Owner
from retention.ledger import Span, spans
from retention.lot_keys import LotKey
from retention.models import (
    DatasetNight,
    NightStep,
    RegisterEvent,
    Run,
)
from retention.parts import PART
from retention.plan import DatasetPlan, Plan
from retention.purge import CHUNK
from retention.question import Memory
from retention.selectors import limits_of
from retention.steps import (
    BEGIN,
    problems,
)
from retention.substitutes import in_force
from ropa.models import Organisation

PEOPLE = 25_000
"""So many people at most are one worker's to ask about at a time; a register of more is worked on in parts."""

Progress = Callable[[str, str, str], None]
"""Told of each step: (step, register, dataset or detail)."""


def quiet(step: str, register: str, detail: str) -> None:
    """No one listens."""


@dataclass
class Night:
    """What the steps of one night share. `plan`: the inventory without the registers that are
    closed, with the substitutes for missing dates, as both are when the step asks for it first."""

    run: Run
    whole: Plan
    step: NightStep
    log: EvidenceLog
    journal: Journal
    progress: Progress
    chunk: int
    at: Callable[[str], None]
    fence: Callable[[], None]
    do: Callable[[NightStep], None]
    who: Owner
    asking: Asked
    now: datetime
    began: float = field(default_factory=time.monotonic)
    told: unchanged_sources.Told = field(default_factory=unchanged_sources.Told)
    written_by_parts: list[Mapping[str, Sequence[int]] | None] = field(default_factory=list)

    @property
    def organisation(self) -> Organisation:
        return self.run.organisation

    def names(self) -> Names:
        """Who had which name, as the registers of tonight's plan tell it; a context manager."""
        return Names(self.organisation, self.plan)

    @cached_property
    def _spans(self) -> dict[str, list[Span]]:
        return {}

    def spans(self, subject_kind: str) -> list[Span]:
        """Everybody of whom the ledger knows, in spans that one worker asks about at a time."""
        if subject_kind not in self._spans:
            self._spans[subject_kind] = spans(self.organisation, subject_kind, PEOPLE)
        return self._spans[subject_kind]

    @cached_property
    def _limits(self) -> dict[str, Limits]:
        return {}

    def limits(self, register: str) -> Limits:
        """What a register bears, as it was said when the step asked for it first."""
        if register not in self._limits:
            found = self.whole.find_register(register)
            self._limits[register] = Limits() if found is None else limits_of(self.organisation, found)
        return self._limits[register]

    @property
    def instant(self) -> datetime:
        """Now, by the clock of whoever asked for the night."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def closed_now(self, register: str) -> str:
        """Why a register takes nothing at this hour; "" if it does."""
        limits = self.limits(register)
        if limits.is_open(self.instant.astimezone(ZoneInfo(self.organisation.time_zone))):
            return ""
        return f"takes items only at {limits.in_words()}; the rest waits for the next night in these hours"

    @cached_property
    def closed(self) -> Mapping[str, RegisterEvent]:
        return closings(self.organisation)

    @cached_property
    def plan(self) -> Plan:
        return in_force(self.organisation, self.whole.without(self.closed))

    @property
    def today(self) -> date:
        return self.run.business_date

    @cached_property
    def lots_before(self) -> int:
        """The last lot of this night from before it was begun anew: the sources were asked again since. 0 of none."""
        beginning = NightStep.objects.filter(run=self.run, kind=BEGIN).values_list("about", flat=True).first() or {}
        return int(beginning.get("lots_before", 0))

    @property
    def problems(self) -> Mapping[str, str]:
        """Dataset -> why it could not be worked on, whoever found it tonight."""
        return problems(self.run)


@dataclass(frozen=True)
class Asked:
    """How somebody wants to be at a night: told of what, and from when on his clock runs."""

    now: datetime
    progress: Progress = quiet
    chunk: int = CHUNK
    at: Callable[[str], None] = lambda point: None
    freed: Callable[[int], None] | None = None
    leave: Callable[[], bool] = lambda: False
    most_tries: int | None = None
    began: float = field(default_factory=time.monotonic)
    told: unchanged_sources.Told = field(default_factory=unchanged_sources.Told)
    memory: Memory = field(default_factory=Memory)


def tell_problem(night: Night, register: str, dataset: str, problem: str) -> None:
    """In the step, in the night's table and in the evidence: why a dataset could not be worked on."""
    told = night.step.kind == PART and night.problems.get(dataset) == problem
    night.progress("problem", register, f"{dataset}: {problem}")
    night.step.problems[dataset] = problem
    if told:  # by another part of the same step
        night.step.save(update_fields=["problems"])
        return
    with transaction.atomic():
        night.step.save(update_fields=["problems"])
        DatasetNight.objects.update_or_create(
            run=night.run, dataset=dataset, defaults={"register": register, "problem": problem}
        )
        night.log.append("problem", {"register": register, "dataset": dataset, "problem": problem})


def tell_returned(night: Night, dataset: DatasetPlan, number: int) -> None:
    """In the caller's transaction: what had been destroyed is back, so its source was restored from a backup."""
    if number:
        night.log.append("returned", {"register": dataset.register, "dataset": dataset.code, "items": number})
        night.progress("returned", dataset.register, f"{dataset.code} {number}")


def lot_key(item: Due) -> LotKey:
    """What is due, as it goes into a lot."""
    return LotKey(item.key, item.subject, item.due_from, item.contract, item.name, item.dates, item.basis)
