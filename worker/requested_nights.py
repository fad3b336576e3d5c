"""The queue of nights that the API asked for: its rows are `Run`s, and losing a message loses nothing.

A request that may not run yet (a gap that nobody confirmed, a date ahead, another night running) waits with its
reason in `stop_reason`, where whoever asked can read it. A night that was killed while it ran is finished; one of
which a step breaks off again and again is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import close_old_connections

from retention.domain.errors import SelosteError, in_words, places
from retention.models import Run
from retention.models.run import RunState
from retention.night import Progress, run_night
from retention.steps import MOST_TRIES

Refused = Callable[[Run, str], None]
"""Told of a night that may not run now, and why."""


@dataclass
class Rests:
    """Whoever looks again and again gives a night that broke off ever longer: a disk that is full for some minutes must
    not use up the tries that a step has. `first`: seconds; each further rest is three times as long."""

    first: float
    clock: Callable[[], float] = time.monotonic
    _until: dict[int, tuple[float, float]] = field(default_factory=dict)

    def rests(self, run: Run) -> bool:
        """Whether it is too early to try this night again."""
        return run.pk in self._until and self.clock() < self._until[run.pk][0]

    def broke_off(self, run: Run) -> None:
        """It broke off once more."""
        rest = self._until[run.pk][1] * 3 if run.pk in self._until else self.first
        self._until[run.pk] = self.clock() + rest, rest


def run_requested(now: datetime, refused: Refused, rests: Rests | None = None) -> Iterator[Run]:
    """Run what was asked for, the earliest date first; each night as it ends. Those that rest are left out."""
    stop_waiting()
    waiting = Run.objects.filter(state__in=[RunState.REQUESTED, RunState.RUNNING])
    for run in list(waiting.select_related("organisation").order_by("organisation_id", "business_date")):
        if rests is not None and rests.rests(run):
            continue
        try:
            yield run_night(  # somebody may have stopped it since the list was read
                run.organisation,
                run.business_date,
                now,
                progress=note_progress(run.pk),
                most_tries=MOST_TRIES,
                anew=False,
            )
        except SelosteError as error:
            keep_reason(run, error)
            refused(run, str(error))
        except Exception as error:  # noqa: BLE001 - told, and the night goes on the next time; so do the others' now
            close_old_connections()
            if rests is not None:
                rests.broke_off(run)
            refused(run, in_words(error) + places(error))


def note_progress(run_id: int) -> Progress:
    """Write down each step of a night where whoever asked for it can read it."""

    def note(step: str, register: str, detail: str) -> None:
        Run.objects.filter(pk=run_id).update(progress={"step": step, "register": register, "detail": detail})

    return note


def keep_reason(run: Run, error: SelosteError) -> None:
    """Why a night that was asked for may not run yet."""
    Run.objects.filter(pk=run.pk, state=RunState.REQUESTED).update(stop_reason=str(error))


def stop_waiting() -> int:
    """Requests that were stopped before they began are stopped; how many."""
    return Run.objects.filter(state=RunState.REQUESTED, stop_requested=True).update(state=RunState.STOPPED)
