"""`manage.py ask_reviews`: the daily job of the yearly review. Run twice a day it does everything once."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ropa.models import Happened, Organisation
from ropa.reviews import Done, Standing, ask, near_dates, standing


class Command(BaseCommand):
    help = (
        "Ask owners to look over their entries, remind them, tell the DPO; list what is due and which dates are near."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="one; every one with a published inventory else")
        parser.add_argument("--json", action="store_true", help="what was done, what is due, and which dates are near")

    def handle(self, *args: Any, **options: Any) -> None:
        found = Organisation.objects.filter(versions__isnull=False).distinct()
        if options["organisation"] is not None:
            found = found.filter(slug=options["organisation"])
            if not found:
                raise CommandError(f"there is no organisation {options['organisation']!r} with a published inventory")
        now = timezone.now()
        done = {organisation: ask(organisation, now) for organisation in found}
        if options["json"]:
            rows = [shown(organisation, one, now) for organisation, one in done.items()]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True))
        for organisation, one in done.items():
            if not options["json"]:
                self.stdout.write(
                    f"{organisation.slug}: {one.asked} asked, {one.reminded} reminded, {one.escalated} told to the DPO"
                )
            for problem in one.problems:
                self.stderr.write(f"{organisation.slug}: {problem}")
        if any(one.problems for one in done.values()):
            sys.exit(1)


def shown(organisation: Organisation, done: Done, now: datetime) -> dict[str, Any]:
    """One organisation's result, as programs get it."""
    return {
        "organisation": organisation.slug,
        "asked": done.asked,
        "reminded": done.reminded,
        "escalated": done.escalated,
        "problems": done.problems,
        "due": [_due(one) for one in standing(organisation, now)],
        "dates": [one.as_data() for one in near_dates(organisation, now)],
    }


def _due(one: Standing) -> dict[str, Any]:
    asked, answer = one.last(Happened.ASKED), one.answer
    return {
        "path": one.due.path,
        "due_on": one.due.due_on.isoformat(),
        "owner": dict(one.due.role),
        "state": one.state,
        "asked_at": asked.at.isoformat() if asked is not None else None,
        "answer": answer.answer if answer is not None else None,
    }
