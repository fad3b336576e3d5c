"""What workers are woken for. A message carries a run's id and nothing else."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from retention.alarms.delivery import deliver
from retention.alarms.looking import look
from retention.counting import take_one
from retention.domain.errors import SelosteError, in_words, places
from retention.models import Counting, Run
from retention.night import help_night
from retention.outlook import count
from ropa.reviews import ask
from worker.app import app
from worker.requested_nights import keep_reason, note_progress, stop_waiting
from worker.schedule import at_work, outdated, request_tonight, starving, turn, waiting, watched

log = logging.getLogger(__name__)


@app.task(name="seloste.night")  # type: ignore[untyped-decorator]
def night(run_id: int) -> None:
    """Take steps of a night until none is free. A night that may not run yet keeps its reason.

    Fair between organisations: whoever comes to a night that others are at goes first to one that nobody is at.
    """
    run = Run.objects.select_related("organisation").filter(pk=run_id).first()
    if run is None:
        return
    for one in turn(run):
        _be_at(one)


def _be_at(run: Run) -> None:
    """Until no step of it is free, or another organisation's night has nobody while this one has others."""
    try:
        help_night(
            run,
            timezone.now(),
            note_progress(run.pk),
            freed=lambda steps: wake(run.pk, steps),
            leave=lambda: bool(starving(run)),
        )
    except SelosteError as error:
        keep_reason(run, error)
        log.warning("%s: %s", run, error)
    except Exception as error:  # noqa: BLE001 - its text may quote data; the step's row keeps what it was
        log.error("%s: %s%s", run, in_words(error), places(error))


@app.task(name="seloste.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Ask for tonight's nights, and wake somebody for each night and each step that waits."""
    stop_waiting()
    request_tonight(timezone.now(), settings.NIGHT_AT)
    for run, workers in waiting():
        wake(run.pk, workers)
    if Counting.objects.filter(done_at=None).exists():
        _send(counts)


@app.task(name="seloste.reviews")  # type: ignore[untyped-decorator]
def reviews() -> None:
    """Send the letters of the yearly review that are due today. Lost or doubled, the message changes nothing."""
    now = timezone.now()
    for organisation in at_work(now):
        for problem in ask(organisation, now).problems:
            log.warning("%s: %s", organisation.slug, problem)


@app.task(name="seloste.outlook")  # type: ignore[untyped-decorator]
def outlook() -> None:
    """Count what falls due in the months ahead where the last count is a week old. Doubled, it counts twice."""
    now = timezone.now()
    for organisation in outdated(now):
        try:
            count(organisation, now)
        except SelosteError as error:
            log.warning("%s: %s", organisation.slug, error)


@app.task(name="seloste.counts")  # type: ignore[untyped-decorator]
def counts() -> None:
    """Count what somebody waits for on a page, one after the other. Doubled, each is counted once."""
    while take_one(timezone.now()) is not None:
        pass


@app.task(name="seloste.alarms")  # type: ignore[untyped-decorator]
def alarms() -> None:
    """Look for alarms and deliver what waits. Doubled, it tells nothing twice.

    Where one organisation cannot be looked at, the others are, and what waits is delivered; then it fails.
    """
    now, failed = timezone.now(), None
    for organisation in watched():
        for act in (look, deliver):
            try:
                act(organisation, now)
            except Exception as error:  # noqa: BLE001 - raised below
                log.error("%s: %s failed (%s)", organisation.slug, act.__name__, type(error).__name__)
                failed = error
    if failed is not None:
        raise failed


def wake(run_id: int, workers: int = 1) -> None:
    """Send for so many workers. Nothing is lost if it fails: the rows are there, and the next sweep sends again."""
    for _ in range(workers):
        if not _send(night, run_id):
            return


def _send(task: Any, *about: int) -> bool:
    try:
        task.apply_async(about, expires=2 * settings.SWEEP_SECONDS, retry=False)
    except OperationalError as error:
        log.warning("the broker could not be reached (%s); the next sweep finds what waits", type(error).__name__)
        return False
    return True
