"""`manage.py verify_overdue`: the independent reader alone. Asks every register, deletes nothing.

What the ledger knows is as of the last night. Exit code 0 only if there was one today or the day before,
every register answers and nothing is overdue without an explanation.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention import verification
from retention.closed import closings
from retention.domain.decisions import State
from retention.domain.errors import SelosteError
from retention.identity import Names
from retention.models import Run
from retention.models.run import RunState
from retention.plan import DatasetPlan, Plan, plan_of
from retention.substitutes import in_force
from ropa.models import Organisation
from ropa.selectors import version_in_force
from worker.decision_words import day, state
from worker.night_table import number

NIGHTLY = timedelta(days=1)
"""A night that ran longer ago than this is late."""


class Command(BaseCommand):
    help = "Ask every register, item by item and with other code than the night's, what is overdue. Deletes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="one organisation; all with a version if left out")
        parser.add_argument(
            "--on", metavar="DATE", type=date.fromisoformat, help="the day to ask for; today if left out"
        )
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        organisations = Organisation.objects.filter(versions__isnull=False).distinct()
        if options["organisation"]:
            organisations = organisations.filter(slug=options["organisation"])
        if not organisations:
            raise CommandError("there is no such organisation with a published inventory")
        with translation.override(options["language"]):
            found = [self._read(organisation, now, options) for organisation in organisations]
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
        if not all(reading["in_order"] for reading in found):
            sys.exit(1)

    def _read(self, organisation: Organisation, now: datetime, options: dict[str, Any]) -> dict[str, Any]:
        today = options["on"] or organisation.day_of(now)
        version = version_in_force(organisation, today)
        if version is None:
            raise CommandError(f"{organisation.slug}: no published version is in force on {today}")
        plan = in_force(organisation, plan_of(version).without(closings(organisation)))
        rows = []
        for dataset in (*plan.steps, *plan.datasets):
            row = _row(plan, dataset, organisation, today)
            rows.append(row)
            if not options["json"]:
                self._print(row)
        last = _last_night(organisation, today)
        late = last is None or today - last > NIGHTLY
        if late and not options["json"]:
            self.stdout.write(_("No night has run since %(day)s.") % {"day": day(last)})
        in_order = not late and not any(row["problem"] or row["unexplained"] for row in rows)
        if in_order and not options["json"]:
            self.stdout.write(_("Nothing is overdue without an explanation."))
        return {
            "organisation": organisation.slug,
            "on": today.isoformat(),
            "last_night": last.isoformat() if last else None,
            "in_order": in_order,
            "datasets": rows,
        }

    def _print(self, row: dict[str, Any]) -> None:
        name = f"{row['register']} / {row['dataset']}"
        if row["problem"]:
            self.stdout.write(f"{name}: " + _("not known: %(problem)s") % row)
            return
        if not row["reached"]:
            self.stdout.write(f"{name}: " + _("not reached by us"))
            return
        states = ", ".join(f"{state(State(name))} {number(n)}" for name, n in row["states"].items())
        words = {key: number(row[key]) for key in ("overdue", "unexplained", "people_overdue")}
        text = _("nothing overdue")
        if row["overdue"]:
            text = _("overdue %(overdue)s, without an explanation %(unexplained)s") % words
        if row["overdue_since"]:
            words["day"] = day(date.fromisoformat(row["overdue_since"]))
            text += ", " + _("since %(day)s, people %(people_overdue)s") % words
        self.stdout.write(f"{name}: {text}" + (f" ({states})" if states else ""))


def _last_night(organisation: Organisation, today: date) -> date | None:
    nights = Run.objects.filter(organisation=organisation, state=RunState.FINISHED, business_date__lte=today)
    return nights.order_by("-business_date").values_list("business_date", flat=True).first()


def _row(plan: Plan, dataset: DatasetPlan, organisation: Organisation, today: date) -> dict[str, Any]:
    row: dict[str, Any] = {"register": dataset.register, "dataset": dataset.code, "problem": "", "unexplained": 0}
    if dataset.mapping is None or plan.find_register(dataset.register) is None:
        return {**row, "reached": False}
    try:
        with Names(organisation, plan) as names, names.connect(dataset) as connector:
            reading = verification.read(plan, dataset, connector, organisation, today, names.connect)
    except SelosteError as error:
        return {**row, "reached": False, "problem": str(error)}
    return {
        **row,
        "reached": True,
        "states": dict(sorted(reading.by_state.items())),
        "overdue": reading.overdue,
        "unexplained": reading.unexplained,
        "people_overdue": reading.people_overdue,
        "estimated": reading.estimated,
        "overdue_since": reading.overdue_since.isoformat() if reading.overdue_since else None,
        "oldest_kept": reading.oldest_kept.isoformat() if reading.oldest_kept else None,
    }
