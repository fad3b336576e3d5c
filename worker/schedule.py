"""What is to be woken, and which night it is: everything is read from rows and the clock, nothing from a queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from retention.models import Outlook, Run
from retention.models.run import RunState
from retention.runs import request
from retention.steps import free, is_left, workers_at
from ropa.models import Organisation
from ropa.selectors import version_in_force

LATEST = timedelta(hours=6)
"""So long after its time a night is still asked for. Later, people are at work: the next night covers the date (P7)."""

LETTERS_FROM, LETTERS_UNTIL = time(8), time(16)
"""When letters of the yearly review are sent, by the clock where the organisation is."""

OUTLOOK_EVERY = timedelta(days=7)
"""How old the count of what falls due ahead may be."""


def tonight(zone: ZoneInfo, now: datetime, at: time) -> date | None:
    """The business date whose night is to begin now, where `zone` is; None outside its hours."""
    here = now.astimezone(zone)
    for day in (here.date(), here.date() - timedelta(days=1)):
        since = here.replace(tzinfo=None) - datetime.combine(day, at)  # the clock on the wall, also where it jumps
        if timedelta() <= since < LATEST:
            return day
    return None


def request_tonight(now: datetime, at: time) -> list[Run]:
    """Ask for the night of each organisation with a published inventory whose hour has come, once; those asked for."""
    asked = []
    for organisation in Organisation.objects.filter(versions__isnull=False).distinct():
        day = tonight(ZoneInfo(organisation.time_zone), now, at)
        nights = Run.objects.filter(organisation=organisation)
        if day is None or nights.filter(business_date=day).exists():
            continue
        if nights.filter(business_date__gt=day, state=RunState.FINISHED).exists():
            continue
        asked.append(request(organisation, day, by="schedule"))
    return asked


def at_work(now: datetime) -> list[Organisation]:
    """Organisations with a published inventory where people are at work now, whose owners may be written to."""
    found = Organisation.objects.filter(versions__isnull=False).distinct()
    return [one for one in found if LETTERS_FROM <= now.astimezone(ZoneInfo(one.time_zone)).time() < LETTERS_UNTIL]


def outdated(now: datetime) -> list[Organisation]:
    """Organisations with a version in force whose look ahead is a week old, or that have none; not while they are at
    work, since it reads their registers."""
    # nothing is younger than now: a time that lies ahead was written by a clock that was wrong
    young = Outlook.objects.filter(counted_at__gt=now - OUTLOOK_EVERY, counted_at__lte=now)
    asked = [one for one in watched() if one not in at_work(now)]
    counted = set(young.values_list("organisation_id", flat=True))
    return [one for one in asked if one.pk not in counted and version_in_force(one, one.day_of(now)) is not None]


def watched() -> list[Organisation]:
    """Organisations that should have nights: those with a published inventory."""
    return list(Organisation.objects.filter(versions__isnull=False).distinct())


def starving(run: Run) -> list[Run]:
    """Nights of other organisations that could be begun or go on and that nobody is at, the earliest date first."""
    nights = Run.objects.filter(
        Q(state=RunState.RUNNING) | Q(state=RunState.REQUESTED, stop_reason=""), stop_requested=False
    ).exclude(organisation=run.organisation)
    found = nights.select_related("organisation").order_by("business_date", "organisation_id")
    return [night for night in found if night.state == RunState.REQUESTED or is_left(night)]


def turn(run: Run) -> list[Run]:
    """Which nights somebody who was woken for this one is to be at, in order: none waits while another has several."""
    others = starving(run) if run.state == RunState.RUNNING and workers_at(run) else []
    return [*others[:1], run]


def waiting() -> Iterator[tuple[Run, int]]:
    """Each night that somebody should be woken for, the earliest date first, and how many can be at it."""
    nights = Run.objects.filter(state__in=[RunState.REQUESTED, RunState.RUNNING]).select_related("organisation")
    for run in nights.order_by("organisation_id", "business_date"):
        workers = 1 if run.state == RunState.REQUESTED or is_left(run) else free(run)
        if workers:
            yield run, workers
