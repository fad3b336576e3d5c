"""One night of one organisation, from the collected ledger to the signed head.

Its steps are rows (`steps.py`), so that several processes may be at it: `run_night` goes on to the night's end,
taking all steps in order or helping those who are at it; `help_night` ends where no step is free.
A finished night started again is a no-op (P7).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime

from django.db import transaction

from retention.domain.errors import NightError, SelosteError
from retention.evidence_log import check_keys
from retention.evidence_restore import refuse_restored
from retention.leases import LeaseLost, Owner, owner
from retention.models import NightStep, Run
from retention.models.run import RunState
from retention.night_steps import Asked, do, quiet
from retention.night_steps import Progress as Progress
from retention.plan import plan_of
from retention.purge import CHUNK, Stopped
from retention.runs import missed, refuse_wrong_date, request
from retention.steps import (
    MOST_TRIES,
    begin,
    following,
    free,
    is_left,
    release,
)
from ropa.models import Organisation
from ropa.selectors import version_in_force

PAUSE_SECONDS = 0.2
"""Between two looks at a night whose remaining steps wait for others."""


def run_night(
    organisation: Organisation,
    business_date: date,
    now: datetime,
    confirm_gap: bool = False,
    progress: Progress | None = None,
    by: str = "",
    chunk: int = CHUNK,
    at: Callable[[str], None] = lambda point: None,
) -> Run:
    """Run the night of `business_date` to its end, finish one that was left, or help others who are at it.

    `now` is an aware instant. Raises NightError when it may not run: a date ahead, an unconfirmed gap, no version in
    force, another night running; EvidenceError when a key cannot be used. `chunk` is the number of keys sent at once;
    `at` is told of each point between two steps.
    """
    with transaction.atomic():  # a refusal leaves no request behind
        run = request(organisation, business_date, by, confirm_gap)
        last = refuse_wrong_date(run, now) if run.started_at is None else None
    asking = Asked(now, progress or quiet, chunk, at)
    with owner() as who:
        step = _enter(run, who, now, last)
        while run.state == RunState.RUNNING:
            _take_steps(run, who, step, asking)
            if run.state == RunState.RUNNING and is_left(run):
                step = _enter(run, who, now)
            elif run.state == RunState.RUNNING:
                time.sleep(PAUSE_SECONDS)  # others are at steps that the rest waits for
                step = None
    return run


def help_night(
    run: Run,
    now: datetime,
    progress: Progress | None = None,
    freed: Callable[[int], None] | None = None,
    chunk: int = CHUNK,
    at: Callable[[str], None] = lambda point: None,
) -> None:
    """Begin a night that waits, or help at one that runs, until no step of it is free. Others may be at it still.

    `freed` is told how many further steps may be taken whenever a step has ended. Raises as `run_night` does; a step
    that was begun too often and never ended stops the night with its reason.
    """
    with owner() as who:
        step = _enter(run, who, now)
        if run.state == RunState.RUNNING:
            _take_steps(run, who, step, Asked(now, progress or quiet, chunk, at, freed, MOST_TRIES))


def _enter(run: Run, who: Owner, now: datetime, last: date | None = None) -> NightStep | None:
    """Begin the night, or find it begun by others; its first step, if it is ours to take.

    `last`: the night before, where it was found just now that this one may run.
    """
    if run.state == RunState.FINISHED:
        return None
    if run.stop_requested:  # before it began, or after it was killed
        run.state = RunState.STOPPED
        run.save(update_fields=["state"])
        return None
    if run.state == RunState.STOPPED:
        return None
    version = run.version or version_in_force(run.organisation, run.business_date)
    if version is None:
        raise NightError(f"{run.organisation.slug}: no published version is in force on {run.business_date}")
    last = last or refuse_wrong_date(run, now)
    check_keys()
    refuse_restored(run)
    run.version = version
    run.started_at = run.started_at or now
    run.missed_dates = [day.isoformat() for day in missed(run, last)]
    step = begin(run, plan_of(version), who)
    if step is None:
        run.refresh_from_db()
    return step


def _take_steps(run: Run, who: Owner, step: NightStep | None, asking: Asked) -> None:
    """Take step after step until none is free; the run is then as the database has it."""
    if run.version is None:
        raise NightError(f"the night of {run.business_date} has no version pinned")
    plan = plan_of(run.version)
    step = step or following(run, who, most_tries=asking.most_tries)
    while step is not None:
        done: NightStep | None = None
        try:
            do(run, plan, step, who, asking)
            done = step
        except Stopped as stopped:
            release(step, who)
            _stopped(run, str(stopped), asking.progress)
            run.refresh_from_db()
            return
        except LeaseLost:  # somebody else has it now, and does the rest of it
            done = None
        except Exception as error:
            # of an error that is not ours nothing is repeated: its text may quote data
            release(step, who, str(error) if isinstance(error, SelosteError) else type(error).__name__)
            raise
        try:
            step = following(run, who, done, asking.most_tries)
        except LeaseLost:
            step = following(run, who, most_tries=asking.most_tries)
        if done is not None:
            asking.at(f"{done} done")
            if asking.freed is not None and (others := free(run)):
                asking.freed(others)
    run.refresh_from_db()
    if run.state == RunState.RUNNING and run.stop_requested:
        _stopped(run, run.stop_reason, asking.progress)
        run.refresh_from_db()


def _stopped(run: Run, reason: str, progress: Progress) -> None:
    stopped = Run.objects.filter(pk=run.pk, state=RunState.RUNNING)
    if stopped.update(state=RunState.STOPPED, stop_reason=reason):
        progress("stopped", "", reason)
