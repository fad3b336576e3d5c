"""`manage.py nightly`: run tonight, or finish a night that was interrupted.

Exit code 0 only if every register answered and nothing is overdue without an explanation.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone, translation

from retention.domain.errors import SelosteError, in_words, places
from retention.models import Run
from retention.models.run import RunState
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Organisation
from worker.decision_words import day
from worker.night_table import print_table, register_rows, step, verdict


class Command(BaseCommand):
    help = "Run the night: collect, evaluate, dispose of what is due, read back, sign the evidence."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="one organisation; all with a version if left out")
        parser.add_argument(
            "--on", metavar="DATE", type=date.fromisoformat, help="the business date; today if left out"
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument(
            "--confirm-gap", action="store_true", help="more than 7 days have passed, and that is known"
        )
        parser.add_argument(
            "--confirm-fall",
            action="append",
            default=[],
            metavar="REGISTER:SOURCE",
            help="this source of the ledger tells half of what it told or less, and that is known to be true",
        )
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        results = []
        failed = False
        with translation.override(options["language"]):
            for organisation in self._organisations(options["organisation"]):
                try:
                    results.append(self._night(organisation, now, options))
                except SelosteError as error:
                    failed = True
                    results.append({"organisation": organisation.slug, "state": "refused", "error": str(error)})
                    self.stderr.write(f"{organisation.slug}: {error}")
                except Exception as error:  # noqa: BLE001 - told, and the command fails; the others' nights run
                    failed = True
                    told = in_words(error)
                    results.append({"organisation": organisation.slug, "state": "broken off", "error": told})
                    self.stderr.write(f"{organisation.slug}: {told}{places(error)}")
                close_old_connections()  # one that broke is not the next organisation's
        if options["json"]:
            self.stdout.write(json.dumps(results, ensure_ascii=False, indent=2))
        if failed or not all(result["succeeded"] for result in results):
            sys.exit(1)

    def _organisations(self, slug: str | None) -> list[Organisation]:
        if slug is None:
            found = list(Organisation.objects.filter(versions__isnull=False).distinct())
            if not found:
                raise CommandError("no organisation has a published inventory; import one first")
            return found
        try:
            return [Organisation.objects.get(slug=slug)]
        except Organisation.DoesNotExist:
            raise CommandError(f"there is no organisation {slug!r}") from None

    def _night(self, organisation: Organisation, now: datetime, options: dict[str, Any]) -> dict[str, Any]:
        on = options["on"] or organisation.day_of(now)
        before = Run.objects.filter(organisation=organisation, business_date=on, state=RunState.FINISHED).exists()
        talk = not options["json"]
        if talk:
            self.stdout.write(f"{organisation.name} {day(on)}")
        run = run_night(
            organisation,
            on,
            now,
            confirm_gap=options["confirm_gap"],
            confirm_falls=options["confirm_fall"],
            progress=self._progress if talk else None,
            by="nightly",
        )
        if talk and before:
            self.stdout.write(translation.gettext("This night had run already; nothing was done again: 0 deleted."))
        if talk:
            print_table(run, self.stdout, options["language"], again=before)
        return {
            "organisation": organisation.slug,
            "business_date": on.isoformat(),
            "state": run.state,
            "ran": not before,
            "purged": 0 if before else run.summary.get("purged", 0),
            "succeeded": succeeded(run) if run.summary else False,
            "sentence": verdict(run, again=before),
            "registers": register_rows(run, options["language"]),
            "datasets": run.summary.get("datasets", []),
        }

    def _progress(self, name: str, register: str, detail: str) -> None:
        self.stdout.write(f"  {step(name):<12}  {register} {detail}".rstrip())
        self.stdout.flush()
