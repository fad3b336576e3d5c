"""What is wrong now. Each rule looks by itself; one that cannot look says so, and ends no alarm.

Facts are numbers, days and names of things: no key, no subject, no text that a system or a person wrote.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max

from retention import stamps
from retention.alarms.moves import CLOCKS_APART, is_over
from retention.connectors.contract import ConnectorError
from retention.domain.errors import EvidenceError, SelosteError
from retention.domain.lifecycle import LotState
from retention.evidence_check import verify
from retention.evidence_log import heads_directory
from retention.models import Alarm, AlarmDelivery, AlarmWatch, Canary, Collection, EvidenceHead, Hold, Lot, Run
from retention.models.alarm import AlarmKind, AlarmState
from retention.models.canary import CanaryState
from retention.models.run import RunState
from retention.paper import archives
from retention.plan import plan_of
from ropa.models import Organisation
from ropa.selectors import version_in_force

log = logging.getLogger(__name__)

COPIED_WITHIN = timedelta(hours=1)
"""A head without a copy beside the database for longer does not leave the machine."""
STAMPED_WITHIN = timedelta(hours=1)
"""A head without a time stamp for longer after its night waits for the next one, and people know it."""
MANY_TRIES = 3
"""After so many a message that is not sent is an alarm itself."""

NIGHTS = (AlarmKind.NIGHT_MISSING, AlarmKind.NIGHT_LATE, AlarmKind.NIGHT_STOPPED)
"""What is said of nights by the date that the clock says."""

Seen = tuple[AlarmKind, str, Mapping[str, Any]]


@dataclass
class Observed:
    """What a look saw, by kind and thing; `blind`: kinds of which nothing is known this time."""

    seen: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)


def observe(organisation: Organisation, now: datetime, evidence_broken: bool | None) -> Observed:
    """Look at everything. `now` is an aware instant; `evidence_broken` is None where it was not recomputed."""
    found = Observed()
    for kinds, rule in RULES:
        try:
            for kind, thing, facts in rule(organisation, now):
                found.seen[kind.value, thing] = dict(facts)
        except (SelosteError, OSError):
            found.blind |= {kind.value for kind in kinds}
            found.seen[AlarmKind.NOT_LOOKED.value, kinds[0].value] = {}
    if (AlarmKind.CLOCK_WRONG.value, "") in found.seen:
        found.blind |= {kind.value for kind in NIGHTS}  # of then they may all have run: that ends no alarm of now
    if evidence_broken is None:
        found.blind.add(AlarmKind.EVIDENCE_BROKEN.value)
    elif evidence_broken:
        found.seen[AlarmKind.EVIDENCE_BROKEN.value, ""] = {}
    return found


def evidence_broken(organisation: Organisation, watch: AlarmWatch, now: datetime) -> bool | None:
    """Recompute the evidence after each night, each day, and as long as it does not verify; None while a night writes.

    Writes nothing. Reads every entry: call it outside a transaction.
    """
    newest = newest_head(organisation)
    fresh = watch.evidence_at is not None and not is_over(watch.evidence_at, timedelta(days=1), now)
    if fresh and not watch.evidence_broken and watch.evidence_head == newest:
        return False
    for _ in range(2):  # a register that is closed meanwhile writes too
        if Run.objects.filter(organisation=organisation, state=RunState.RUNNING).exists():
            return None
        try:
            verify(organisation.slug)
        except EvidenceError:
            continue
        except (OSError, LookupError, TypeError, ValueError) as error:  # a file that nobody may read proves nothing
            log.warning("%s: the evidence could not be read (%s)", organisation.slug, type(error).__name__)
            continue
        return False
    return None if Run.objects.filter(organisation=organisation, state=RunState.RUNNING).exists() else True


def newest_head(organisation: Organisation) -> int:
    """The number of the newest signed head; 0 of none."""
    heads = EvidenceHead.objects.filter(organisation=organisation.slug)
    return heads.order_by("-number").values_list("number", flat=True).first() or 0


def began(day: date, zone: ZoneInfo) -> datetime:
    """When the night of a business date is to begin."""
    return datetime.combine(day, settings.NIGHT_AT, zone)


def deadline(day: date, zone: ZoneInfo) -> datetime:
    """The morning by which the night of a business date has run."""
    after = timedelta(days=0 if settings.NIGHT_AT < settings.ALARM_MORNING else 1)
    return datetime.combine(day + after, settings.ALARM_MORNING, zone)


def last_expected(now: datetime, zone: ZoneInfo) -> date:
    """The latest business date whose night should have run by now."""
    day = now.astimezone(zone).date()
    while deadline(day, zone).astimezone(UTC) > now:
        day -= timedelta(days=1)
    return day


def _clock(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    """Whether something was written down at a time that has not come: our clock is behind, or was ahead then.

    The last look tells it once, for this look is the next one's last; a night's row tells it until its time has come,
    and as long no night of an earlier date begins.
    """
    nights = Run.objects.filter(organisation=organisation).aggregate(began=Max("started_at"), ended=Max("finished_at"))
    looked = AlarmWatch.objects.filter(organisation=organisation).values_list("looked_at", flat=True).first()
    last = max((at for at in (looked, *nights.values()) if at is not None), default=now)
    if last - now > CLOCKS_APART:
        here, then = (at.astimezone(ZoneInfo(organisation.time_zone)) for at in (now, last))
        facts = {"day": here.date().isoformat(), "at": f"{here:%H:%M}"}
        yield AlarmKind.CLOCK_WRONG, "", {**facts, "last": then.date().isoformat(), "last_at": f"{then:%H:%M}"}


def _nights(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    zone = ZoneInfo(organisation.time_zone)
    # what lies ahead was written by a clock that was wrong: it neither hides tonight's night nor stands in for it
    nights = Run.objects.filter(organisation=organisation, business_date__lte=organisation.day_of(now))
    nights = nights.order_by("-business_date")
    newest = nights.first()
    if newest is not None and newest.state == RunState.STOPPED:
        yield AlarmKind.NIGHT_STOPPED, "", {"day": newest.business_date.isoformat()}
    day = last_expected(now, zone)
    published = organisation.versions.filter(published_at__lte=began(day, zone)).exists()
    if not published or version_in_force(organisation, day) is None:
        return
    since = nights.filter(business_date__gte=day)
    finished = since.filter(state=RunState.FINISHED).last()
    if finished is None and since.filter(state=RunState.RUNNING).exists():
        yield AlarmKind.NIGHT_LATE, "", {"day": day.isoformat(), "running": True}
    elif finished is None and not since.filter(state=RunState.STOPPED).exists():
        last = nights.filter(state=RunState.FINISHED).first()
        yield (
            AlarmKind.NIGHT_MISSING,
            "",
            {"day": day.isoformat(), "last": last.business_date.isoformat() if last else None},
        )
    elif finished is not None and finished.finished_at is not None:
        late = finished.business_date == day and finished.finished_at > deadline(day, zone)
        if late:
            yield AlarmKind.NIGHT_LATE, "", {"day": day.isoformat(), "running": False}


def _left(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    """What the last night that finished could not ask, or left."""
    nights = Run.objects.filter(organisation=organisation, state=RunState.FINISHED)
    last = nights.order_by("-business_date").first()
    if last is None:
        return
    day = last.business_date.isoformat()
    datasets = {row.dataset: row for row in last.datasets.all()}
    for name, row in datasets.items():
        if row.problem:
            yield AlarmKind.DATASET_PROBLEM, name, {"register": row.register, "day": day}
        if row.unexplained:
            since = row.overdue_since.isoformat() if row.overdue_since else None
            facts = {"register": row.register, "number": row.unexplained, "since": since, "day": day}
            yield AlarmKind.OVERDUE, name, facts
        if missing := row.counts.get("left_trigger_missing", 0):
            yield AlarmKind.START_MISSING, name, {"register": row.register, "number": missing, "day": day}
    for name in last.summary.get("problems", {}):
        if name not in datasets:
            yield AlarmKind.NIGHT_PROBLEM, name, {"day": day}
    for source in Collection.objects.filter(run=last, complete=False):
        yield AlarmKind.SOURCE_INCOMPLETE, source.source, {"register": source.register, "day": day}


def _heads(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    number = newest_head(organisation)
    head = EvidenceHead.objects.filter(organisation=organisation.slug, number=number).first()
    if head is None or (heads_directory(organisation.slug) / f"{number}.json").exists():
        return
    signed = Run.objects.filter(organisation=organisation, business_date=head.business_date).first()
    if signed is None or signed.finished_at is None or is_over(signed.finished_at, COPIED_WITHIN, now):
        yield AlarmKind.HEAD_NOT_COPIED, "", {"number": number, "day": head.business_date.isoformat()}


def _stamps(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    """The newest night asked for its own head's stamp and for those before it; heads since then wait for the next."""
    nights = Run.objects.filter(organisation=organisation, state=RunState.FINISHED)
    last = nights.order_by("-business_date").first()
    if not settings.STAMP_URL or last is None or last.finished_at is None:
        return
    if not is_over(last.finished_at, STAMPED_WITHIN, now):
        return
    heads = EvidenceHead.objects.filter(organisation=organisation.slug, business_date=last.business_date)
    numbers = [head.number for head in heads if json.loads(head.body)["chain"] == last.business_date.isoformat()]
    lacking = stamps.missing(organisation.slug, max(numbers, default=0))
    if lacking:
        problem, since = stamps.problem_of(lacking[-1]), lacking[0].business_date.isoformat()
        yield AlarmKind.HEAD_NOT_STAMPED, "", {"number": len(lacking), "since": since, "problem": problem}


def _paper(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    """Raises ConnectorError where a folder with orders that were told of is not there: not seen is not over."""
    longest = timedelta(days=settings.ALARM_PAPER_DAYS)
    every = archives(organisation)
    there = [archive for archive in every if archive.known]
    for archive in there:
        for written in archive.orders.written.values():
            if written.open and now - (given := archive.given(written)) > longest:
                yield AlarmKind.PAPER_ORDER, written.number, {"since": organisation.day_of(given).isoformat()}
    told = Alarm.objects.filter(organisation=organisation, kind=AlarmKind.PAPER_ORDER)
    if len(there) < len(every) and told.exclude(state=AlarmState.RESOLVED).exists():
        raise ConnectorError("a folder for orders is not there", permanent=True)


def _holds(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    today = organisation.day_of(now)
    for hold in Hold.objects.filter(organisation=organisation, released=None, review_by__lt=today):
        yield AlarmKind.HOLD_REVIEW, str(hold.pk), {"since": hold.review_by.isoformat()}


def _canaries(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    for canary in Canary.objects.filter(organisation=organisation, state=CanaryState.WRONG):
        day = canary.looked_on.isoformat() if canary.looked_on else None
        facts = {"dataset": canary.dataset, "problem": canary.problem, "day": day}
        yield AlarmKind.CANARY_WRONG, str(canary.pk), facts


def _breakers(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    """Lots that wait for a person because they were out of proportion: of each dataset the newest night's.

    Where the policy does not purge they would wait in any case, for nobody.
    """
    waiting = Lot.objects.filter(organisation=organisation, state=LotState.FLAGGED).exclude(breaker={})
    newest = {lot.dataset: lot for lot in waiting.select_related("run").defer("keys").order_by("pk")}
    version = version_in_force(organisation, organisation.day_of(now)) if newest else None
    if version is None:
        return
    plan = plan_of(version)
    for dataset, lot in newest.items():
        of_it, told = plan.find_dataset(dataset), lot.breaker
        if of_it is None or of_it.policy.mode != "purge":
            continue
        facts = {"register": lot.register, "day": lot.run.business_date.isoformat(), **told}
        yield AlarmKind.BREAKER, dataset, facts


def _deliveries(organisation: Organisation, now: datetime) -> Iterator[Seen]:
    waiting = AlarmDelivery.objects.filter(event__alarm__organisation=organisation, state="waiting")
    numbers: dict[str, int] = {}
    for channel in waiting.filter(tries__gte=MANY_TRIES).exclude(problem="").values_list("channel", flat=True):
        numbers[channel] = numbers.get(channel, 0) + 1
    for channel, number in numbers.items():
        yield AlarmKind.DELIVERY_FAILING, channel, {"number": number}


RULES: tuple[tuple[tuple[AlarmKind, ...], Callable[[Organisation, datetime], Iterator[Seen]]], ...] = (
    ((AlarmKind.CLOCK_WRONG,), _clock),
    (NIGHTS, _nights),
    (
        (
            AlarmKind.OVERDUE,
            AlarmKind.DATASET_PROBLEM,
            AlarmKind.START_MISSING,
            AlarmKind.NIGHT_PROBLEM,
            AlarmKind.SOURCE_INCOMPLETE,
        ),
        _left,
    ),
    ((AlarmKind.HEAD_NOT_COPIED,), _heads),
    ((AlarmKind.HEAD_NOT_STAMPED,), _stamps),
    ((AlarmKind.PAPER_ORDER,), _paper),
    ((AlarmKind.HOLD_REVIEW,), _holds),
    ((AlarmKind.CANARY_WRONG,), _canaries),
    ((AlarmKind.BREAKER,), _breakers),
    ((AlarmKind.DELIVERY_FAILING,), _deliveries),
)
