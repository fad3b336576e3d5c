"""One look at an organisation: what is wrong is held against the alarms there are, in one transaction.

Two looks at once come one after the other, and the second finds what the first has done: nothing is told twice.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from retention.alarms import moves
from retention.alarms.recipients import recipients, top
from retention.alarms.rules import Observed, evidence_broken, newest_head, observe
from retention.models import Alarm, AlarmDelivery, AlarmEvent, AlarmWatch
from retention.models.alarm import AlarmKind, AlarmState
from ropa.models import Organisation

log = logging.getLogger(__name__)

TOLD = frozenset({"raised", "reminded", "escalated", "resolved"})
"""Of these people are written to."""


def look(organisation: Organisation, now: datetime) -> list[Alarm]:
    """Look at everything and record what is new, goes on or is over; the alarms that are not over.

    Messages are written down to be sent (`delivery.deliver`), not sent. `now` is an aware instant.
    """
    watch, _ = AlarmWatch.objects.get_or_create(organisation=organisation)
    broken = evidence_broken(organisation, watch, now)
    with transaction.atomic():
        watch = AlarmWatch.objects.select_for_update().get(pk=watch.pk)
        _record(organisation, observe(organisation, now, broken), now)
        watch.looked_at = now
        if broken is not None:
            watch.evidence_at, watch.evidence_broken = now, broken
            watch.evidence_head = newest_head(organisation)
        watch.save()
    return list(Alarm.objects.filter(organisation=organisation).exclude(state=AlarmState.RESOLVED))


def see(organisation: Organisation, now: datetime) -> Observed:
    """The same look, and nothing is recorded."""
    watch = AlarmWatch.objects.filter(organisation=organisation).first() or AlarmWatch(organisation=organisation)
    return observe(organisation, now, evidence_broken(organisation, watch, now))


def acknowledge(alarm: Alarm, until: date, reason: str, by: str, now: datetime) -> Alarm:
    """Quieten an alarm through a day; it stays. Whoever does so once more tells the next level.

    Raises as `moves.acknowledged` does.
    """
    with transaction.atomic():
        alarm = Alarm.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=alarm.pk)
        organisation = alarm.organisation
        again = moves.acknowledged(alarm, until, reason, by, organisation.day_of(now), top(organisation))
        alarm.save()
        event = AlarmEvent.objects.create(
            alarm=alarm,
            at=now,
            what="acknowledged",
            level=alarm.level,
            who=alarm.acknowledged_by,
            reason=alarm.acknowledged_reason,
            until=until,
        )
        if again:
            _tell(alarm, event, now)
    return alarm


def _record(organisation: Organisation, observed: Observed, now: datetime) -> None:
    pace = moves.Pace(
        remind=timedelta(hours=settings.ALARM_REMIND_HOURS),
        escalate=timedelta(hours=settings.ALARM_ESCALATE_HOURS),
        top=top(organisation),
    )
    there = Alarm.objects.filter(organisation=organisation).select_for_update()
    known = {(alarm.kind, alarm.thing): alarm for alarm in there}
    for (kind, thing), facts in observed.seen.items():
        alarm = known.get((kind, thing))
        if alarm is None:
            alarm = Alarm(organisation=organisation, kind=kind, thing=thing, state=AlarmState.RESOLVED)
        if alarm.state == AlarmState.RESOLVED:
            moves.raised(alarm, facts, now, pace)
            _save(alarm, ["raised"], now)
        else:
            moves.seen(alarm, facts, now)
            _save(alarm, moves.passed(alarm, now, organisation.day_of(now), pace), now)
    for key, alarm in known.items():
        if key in observed.seen or alarm.state == AlarmState.RESOLVED:
            continue
        if alarm.kind in observed.blind:  # not seen is not over: it goes on, by what was seen last
            _save(alarm, moves.passed(alarm, now, organisation.day_of(now), pace), now)
        else:
            moves.resolved(alarm, now)
            _save(alarm, ["resolved"], now)


def _save(alarm: Alarm, happened: list[str], now: datetime) -> None:
    alarm.save()
    for what in happened:
        event = AlarmEvent.objects.create(alarm=alarm, at=now, what=what, level=alarm.level)
        log.warning("alarm %d %s: %s level %d %s", alarm.pk, what, alarm, alarm.level, alarm.facts)
        if what in TOLD:
            _tell(alarm, event, now)


def _tell(alarm: Alarm, event: AlarmEvent, now: datetime) -> None:
    """Write messages down. No reminder lies behind a reminder that waits, and no channel tells that it fails itself."""
    waiting = AlarmDelivery.objects.filter(event__alarm=alarm, event__what=event.what, state="waiting")
    behind = set(waiting.values_list("channel", "recipient")) if event.what == "reminded" else set()
    for channel, address in recipients(alarm.organisation, alarm.level):
        itself = alarm.kind == AlarmKind.DELIVERY_FAILING and alarm.thing == channel
        if (channel, address) not in behind and not itself:
            AlarmDelivery.objects.create(event=event, channel=channel, recipient=address, next_try_at=now)
