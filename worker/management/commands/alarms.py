"""`manage.py alarms`: look at everything now and deliver. Meant for a timer that needs no worker and no broker."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.alarms import words
from retention.alarms.delivery import Delivered, deliver
from retention.alarms.looking import acknowledge, look, see
from retention.alarms.recipients import levels
from retention.domain.errors import SelosteError
from retention.models import Alarm, AlarmDelivery
from retention.models.alarm import AlarmState
from ropa.models import Organisation
from worker.decision_words import day
from worker.schedule import watched


class Command(BaseCommand):
    help = "Look for what is wrong, tell people, and list the alarms that are not over."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="one; every one with a published inventory else")
        parser.add_argument("--look", action="store_true", help="only show: nothing is recorded or sent")
        parser.add_argument("--acknowledge", metavar="ID", type=int, help="somebody has this alarm in hand")
        parser.add_argument("--until", metavar="DATE", type=date.fromisoformat, help="the last day of quiet")
        parser.add_argument("--reason", metavar="TEXT", default="", help="why, without personal data")
        parser.add_argument("--by", metavar="WHO", default="", help="who has it in hand")
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        found = watched()
        if options["organisation"] is not None:
            found = [one for one in found if one.slug == options["organisation"]]
            if not found:
                raise CommandError(f"there is no organisation {options['organisation']!r} with a published inventory")
        with translation.override(options["language"]):
            if options["acknowledge"] is not None:
                self._acknowledge(options, now)
                return
            rows, failed = [], None
            for organisation in found:
                try:
                    rows.append((_seen if options["look"] else _looked)(organisation, now))
                except Exception as error:  # noqa: BLE001 - the others are looked at, and it is raised below
                    self.stderr.write(f"{organisation.slug}: {type(error).__name__}")
                    failed = error
            if options["json"]:
                self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True))
            else:
                for row in rows:
                    self._print(row)
        if failed is not None:
            raise failed
        if any(row["alarms"] or row["blind"] or row["undelivered"] for row in rows):
            sys.exit(1)

    def _acknowledge(self, options: dict[str, Any], now: datetime) -> None:
        if options["until"] is None:
            raise CommandError("say with --until the last day on which it is to be quiet")
        try:
            alarm = Alarm.objects.get(pk=options["acknowledge"])
            acknowledge(alarm, options["until"], options["reason"], options["by"], now)
        except Alarm.DoesNotExist:
            raise CommandError(f"there is no alarm {options['acknowledge']}") from None
        except SelosteError as error:
            raise CommandError(str(error)) from None
        told = {"number": alarm.pk, "day": day(options["until"])}
        self.stdout.write(_("Alarm %(number)d is quiet through %(day)s. It is not over.") % told)

    def _print(self, row: dict[str, Any]) -> None:
        for alarm in row["alarms"]:
            number = f"{alarm['id']} " if alarm["id"] else ""
            self.stdout.write(f"{row['organisation']}: {number}{words.state(alarm['state'])}: {alarm['text']}")
            self.stdout.write(f"    {alarm['advice']}")
        if not row["alarms"]:
            self.stdout.write(f"{row['organisation']}: " + _("No alarm is open."))
        if row["undelivered"]:
            told = _("Messages that could not be delivered yet: %(n)d") % {"n": row["undelivered"]}
            self.stderr.write(f"{row['organisation']}: {told}")
        if not row["channels"]:
            self.stderr.write(f"{row['organisation']}: " + _("Nobody is told: alarms go to the log only."))


def _looked(organisation: Organisation, now: datetime) -> dict[str, Any]:
    there = look(organisation, now)
    done = deliver(organisation, now)
    alarms = [_shown(one.kind, one.thing, one.facts, one.state, one) for one in there]
    return _row(organisation, alarms, [], done)


def _seen(organisation: Organisation, now: datetime) -> dict[str, Any]:
    observed = see(organisation, now)
    known = {(one.kind, one.thing): one for one in Alarm.objects.filter(organisation=organisation)}
    alarms = []
    for (kind, thing), facts in observed.seen.items():
        one = known.get((kind, thing))
        over = one is None or one.state == AlarmState.RESOLVED
        state = AlarmState.OPEN if one is None or over else one.state
        alarms.append(_shown(kind, thing, facts, state, None if over else one))
    return _row(organisation, alarms, sorted(observed.blind), Delivered())


def _row(organisation: Organisation, alarms: list[dict[str, Any]], blind: list[str], done: Delivered) -> dict[str, Any]:
    waiting = AlarmDelivery.objects.filter(event__alarm__organisation=organisation, state="waiting")
    return {
        "organisation": organisation.slug,
        "alarms": alarms,
        "blind": blind,
        "sent": done.sent,
        "dropped": done.dropped,
        "undelivered": waiting.exclude(problem="").count(),
        "channels": bool(settings.ALARM_WEBHOOK_URL or (settings.MAIL_URL and levels(organisation))),
    }


def _shown(kind: str, thing: str, facts: dict[str, Any], state: str, alarm: Alarm | None) -> dict[str, Any]:
    return {
        "id": alarm.pk if alarm is not None else None,
        "kind": kind,
        "thing": thing,
        "facts": facts,
        "state": str(state),
        "first_seen": alarm.first_seen.isoformat() if alarm is not None else None,
        "level": alarm.level if alarm is not None else 0,
        "text": words.sentence(kind, thing, facts),
        "advice": words.advice(kind),
    }
