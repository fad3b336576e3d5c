"""The queue of nights that the API asked for: its rows are `Run`s, and losing a message loses nothing.

A request that may not run yet (a gap that nobody confirmed, a date ahead, another night running) waits with its
reason in `stop_reason`, where whoever asked can read it. A night that was killed while it ran is finished; one of
which a step breaks off again and again is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import close_old_connections

from retention.domain.errors import SelosteError, in_words, places
from retention.models import Run
from retention.models.run import RunState
from retention.night import Progress, run_night
from retention.steps import MOST_TRIES

Refused = Callable[[Run, str], None]
"""Told of a night that may not run now, and why."""


def run_requested(now: datetime, refused: Refused) -> Iterator[Run]:
    """Run what was asked for, the earliest date first; each night as it ends."""
    stop_waiting()
    waiting = Run.objects.filter(state__in=[RunState.REQUESTED, RunState.RUNNING])
    for run in list(waiting.select_related("organisation").order_by("organisation_id", "business_date")):
        try:
            yield run_night(
                run.organisation, run.business_date, now, progress=note_progress(run.pk), most_tries=MOST_TRIES
            )
        except SelosteError as error:
            keep_reason(run, error)
            refused(run, str(error))
        except Exception as error:  # noqa: BLE001 - told, and the night goes on the next time; so do the others' now
            close_old_connections()
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
