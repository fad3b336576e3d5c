"""One night of one organisation, from the collected ledger to the signed head.

Its steps are rows (`steps.py`), so that several processes may be at it: `run_night` goes on to the night's end,
taking all steps in order or helping those who are at it; `help_night` ends where no step is free.
A finished night started again is a no-op (P7).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, datetime

from django.db import DatabaseError, InterfaceError, connection, transaction

from retention import database_locks, leaf_keys, stamps
from retention.domain.errors import NightError, in_words
from retention.evidence_log import check_keys, copy_heads
from retention.evidence_restore import refuse_restored
from retention.leases import LeaseLost, Owner, owner
from retention.models import NightStep, Run
from retention.models.run import RunState
from retention.night_context import Asked, quiet
from retention.night_context import Progress as Progress
from retention.night_steps import do
from retention.plan import plan_of
from retention.purge import CHUNK, Stopped
from retention.runs import missed, refuse_wrong_date, request
from retention.steps import (
    BEGIN,
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


OBJECTS = (50_000, 20, 100)
"""New objects after which Python looks for circles among them; among older ones after so many times of that."""


def run_night(
    organisation: Organisation,
    business_date: date,
    now: datetime,
    confirm_gap: bool = False,
    confirm_falls: Sequence[str] = (),
    progress: Progress | None = None,
    by: str = "",
    chunk: int = CHUNK,
    at: Callable[[str], None] = lambda point: None,
    most_tries: int | None = None,
    anew: bool = True,
) -> Run:
    """Run the night of `business_date` to its end, finish one that was left, or help others who are at it.

    `now` is an aware instant. Raises NightError when it may not run: a date ahead, an unconfirmed gap, no version in
    force, another night running; EvidenceError when a key cannot be used. `chunk` is the number of keys sent at once;
    `at` is told of each point between two steps. `most_tries`: a step that was begun so often and never ended stops the
    night; a person who looks on may try it as often as he likes. `anew`: as `runs.request` takes it.
    """
    with transaction.atomic():  # a refusal leaves no request behind
        database_locks.need_not_last()  # whoever asks looks on, and asks again
        run = request(organisation, business_date, by, confirm_gap, confirm_falls, anew)
        last = refuse_wrong_date(run, now) if run.started_at is None else None
    asking = Asked(now, progress or quiet, chunk, at, most_tries=most_tries)
    with owner() as who, _as_a_night_works():
        step = _enter(run, who, now, last)
        while run.state == RunState.RUNNING:
            _take_steps(run, who, step, asking)
            if run.state == RunState.RUNNING and is_left(run):
                step = _enter(run, who, now)
            elif run.state == RunState.RUNNING:
                time.sleep(PAUSE_SECONDS)  # others are at steps that the rest waits for
                step = None
    _stamp(run)
    return run


def help_night(
    run: Run,
    now: datetime,
    progress: Progress | None = None,
    freed: Callable[[int], None] | None = None,
    chunk: int = CHUNK,
    at: Callable[[str], None] = lambda point: None,
    leave: Callable[[], bool] = lambda: False,
) -> None:
    """Begin a night that waits, or help at one that runs, until no step of it is free. Others may be at it still.

    `freed` is told how many further steps may be taken whenever a step has ended; `leave` is asked then whether we are
    wanted elsewhere: if so the night is left to those who are at it, if anybody is. Raises as `run_night` does; a step
    that was begun too often and never ended stops the night with its reason.
    """
    with owner() as who, _as_a_night_works():
        step = _enter(run, who, now)
        if run.state == RunState.RUNNING:
            _take_steps(run, who, step, Asked(now, progress or quiet, chunk, at, freed, leave, MOST_TRIES))
    _stamp(run)


@contextmanager
def _as_a_night_works() -> Iterator[None]:
    """A night makes millions of small objects, hardly one of them in a circle: looking for those cost a third of it."""
    before = gc.get_threshold()
    gc.set_threshold(*OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _many_are_asked_about() -> Iterator[None]:
    """Our own database is asked of thousands of people at a time.

    PostgreSQL would look for them row by row in the whole ledger: it takes a place on the disk for four times as dear
    as it is. And it would compile, for up to a second each, statements that take less than that.
    """
    ours = connection.vendor == "postgresql"
    try:
        if ours:
            connection.cursor().execute("SET random_page_cost = 1.1; SET jit = off")
        yield
    finally:
        if ours:
            with suppress(DatabaseError, InterfaceError):  # it may be our database that failed
                connection.cursor().execute("RESET random_page_cost; RESET jit")


def _stamp(run: Run) -> None:
    """The head of a night that has ended gets its time stamp; without one the night has ended all the same."""
    if run.state == RunState.FINISHED:
        stamps.fetch(run.organisation.slug)


def _enter(run: Run, who: Owner, now: datetime, last: date | None = None) -> NightStep | None:
    """Begin the night, or find it begun by others; its first step, if it is ours to take.

    `last`: the night before, where it was found just now that this one may run.
    """
    if run.state == RunState.FINISHED:
        copy_heads(run.organisation.slug)  # where the disk was full when it ended, its head has no copy yet
        return None
    if run.stop_requested:  # before it began, or after it was killed
        wanted_no_more = Run.objects.filter(pk=run.pk, stop_requested=True).exclude(state=RunState.FINISHED)
        wanted_no_more.update(state=RunState.STOPPED)
        run.refresh_from_db()
        return None
    if run.state == RunState.STOPPED:
        return None
    version = run.version or version_in_force(run.organisation, run.business_date)
    if version is None:
        raise NightError(f"{run.organisation.slug}: no published version is in force on {run.business_date}")
    last = last or refuse_wrong_date(run, now)
    check_keys()
    leaf_keys.begin(run.organisation.slug, f"{run.business_date:%Y-%m}")
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
    done: NightStep | None = None
    while step is not None:
        done = None
        try:
            with nullcontext() if step.kind == BEGIN else _many_are_asked_about():
                do(run, plan, step, who, asking)
            done = step
        except Stopped as stopped:
            release(step, who)
            _stopped(run, str(stopped), asking.progress)
            _refresh(run)
            return
        except LeaseLost:  # somebody else has it now, and does the rest of it
            release(step, who)  # or only a chunk of it was settled by him, and the step is ours still
            done = None
        except Exception as error:
            with suppress(DatabaseError, InterfaceError):  # it may be our database that failed: then the lease runs out
                release(step, who, in_words(error))
            raise
        try:
            step = following(run, who, done, asking.most_tries, done is not None and asking.leave())
        except LeaseLost:
            step = following(run, who, most_tries=asking.most_tries)
        if done is not None:
            asking.at(f"{done} done")
            if asking.freed is not None and (others := free(run)):
                asking.freed(others)
    if done is None or run.state != RunState.FINISHED:  # what we ended just now is as the database has it
        _refresh(run)
    if run.state == RunState.RUNNING and run.stop_requested:
        _stopped(run, run.stop_reason, asking.progress)
        _refresh(run)


def _refresh(run: Run) -> None:
    """The run as the database has it, of the organisation that was handed to us."""
    organisation = run.organisation
    run.refresh_from_db()
    run.organisation = organisation


def _stopped(run: Run, reason: str, progress: Progress) -> None:
    stopped = Run.objects.filter(pk=run.pk, state=RunState.RUNNING)
    if stopped.update(state=RunState.STOPPED, stop_reason=reason):
        progress("stopped", "", reason)
