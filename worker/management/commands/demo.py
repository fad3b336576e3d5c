"""`manage.py demo`: KaseNet's inventory and its eight registers, filled with artificial people, and one night.

Everything that stands already is left as it is: run it again the same day and nothing is deleted, run it on
a later day and that day's night follows. Exit code 0 only if the night succeeded.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import holds
from retention.domain.errors import SelosteError
from retention.inventory_document import import_document, read
from retention.models import Hold, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Organisation
from ropa.services import confirm_additions, publish
from samples.frame import Built, NotOursError
from samples.kasenet import INVENTORY
from samples.kasenet.systems import build, built
from worker.decision_words import day
from worker.night_table import print_table, step

BY = "demo"
SLUG = "kasenet"
IN_FORCE_BEFORE = timedelta(days=30)
"""So long before the systems' own day the inventory comes into force."""


class Command(BaseCommand):
    help = "Show a night on KaseNet's eight registers, filled with artificial people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--today", metavar="DATE", type=date.fromisoformat, help="the business date; today if left out"
        )
        parser.add_argument(
            "--out", metavar="DIR", type=Path, help="where the authority report goes; DATA/reports if left out"
        )
        parser.add_argument(
            "--confirm-gap", action="store_true", help="more than 7 days have passed, and that is known"
        )
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        today = options["today"] or now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        out = options["out"] or Path(settings.DATA_DIR) / "reports"
        with translation.override(options["language"]):
            try:
                systems = self._systems(today)
                organisation = self._inventory(systems, now)
                self._holds(organisation, systems)
                run = self._night(organisation, today, now, options["confirm_gap"], options["language"])
            except (SelosteError, NotOursError) as error:
                raise CommandError(str(error)) from error
            self._report(organisation, today, out, options["language"])
            self._further(organisation)
        if not succeeded(run):
            sys.exit(1)

    def _step(self, number: int, text: str) -> None:
        self.stdout.write(f"\n{number}. {text}")
        self.stdout.flush()

    def _say(self, text: str) -> None:
        self.stdout.write(f"   {text}")

    def _systems(self, today: date) -> Built:
        directory = Path(settings.DATA_DIR) / "demo" / "kasenet"
        self._step(1, _("KaseNet's eight registers, filled with artificial people"))
        standing = built(directory)
        if standing is not None:
            self._say(_("They stand already, as of %(day)s; nothing was built.") % {"day": day(standing.today)})
            return standing
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = build(directory, today)
        self._say(
            _("Built %(customers)d customers as of %(day)s in %(directory)s")
            % {"customers": made.customers, "day": day(made.today), "directory": directory}
        )
        return made

    def _inventory(self, systems: Built, now: datetime) -> Organisation:
        self._step(2, _("The inventory, from KaseNet's published notice"))
        organisation = Organisation.objects.filter(slug=SLUG).first()
        if organisation is None:
            reason = "the demo: from the published notice of 11 May 2018"
            organisation = import_document(read(INVENTORY.read_text(encoding="utf-8")), by=BY, reason=reason)
            self._say(_("Imported as a draft: a draft never deletes anything."))
        if organisation.versions.exists():
            self._say(_("It is published already; nothing was imported."))
            return organisation
        self._say(_("The notice gives no retention period: each one is our addition, and only proposed."))
        confirmed = confirm_additions(organisation, by=BY, reason="the demo's explicit step")
        self._say(
            ngettext(
                "The controller's step: %(n)d addition was confirmed; due data now goes without asking.",
                "The controller's step: %(n)d additions were confirmed; due data now goes without asking.",
                confirmed,
            )
            % {"n": confirmed}
        )
        in_force_from = systems.today - IN_FORCE_BEFORE
        version = publish(organisation, in_force_from, now, publisher=BY, reason="the demo")
        self._say(
            _("Published as version %(number)d, in force from %(day)s.")
            % {"number": version.number, "day": day(version.in_force_from)}
        )
        return organisation

    def _holds(self, organisation: Organisation, systems: Built) -> None:
        self._step(3, _("Holds: people's decisions that suspend deletion"))
        for hold in systems.holds:
            if Hold.objects.filter(organisation=organisation, note=hold.note, start=hold.start).exists():
                self._say(_("Stands already: %(note)s") % {"note": hold.note})
                continue
            holds.place(
                organisation,
                [("customer", number) for number in hold.subjects],
                reason=hold.reason,
                note=hold.note,
                owner=hold.owner,
                start=hold.start,
                review_by=hold.review_by,
                by=BY,
            )
            self._say(
                ngettext("%(note)s: %(n)d customer", "%(note)s: %(n)d customers", len(hold.subjects))
                % {"note": hold.note, "n": len(hold.subjects)}
            )

    def _night(self, organisation: Organisation, today: date, now: datetime, confirm_gap: bool, language: str) -> Run:
        self._step(4, _("The night of %(day)s") % {"day": day(today)})
        before = Run.objects.filter(organisation=organisation, business_date=today, state=RunState.FINISHED).exists()
        run = run_night(organisation, today, now, confirm_gap=confirm_gap, progress=self._progress, by=BY)
        if before:
            self._say(_("This night had run already; nothing was done again: 0 deleted."))
        self.stdout.write("")
        print_table(run, self.stdout, language, again=before)
        return run

    def _progress(self, name: str, register: str, detail: str) -> None:
        self._say(f"{step(name):<12}  {register} {detail}".rstrip())
        self.stdout.flush()

    def _report(self, organisation: Organisation, today: date, out: Path, language: str) -> None:
        self._step(5, _("The record of processing activities for the supervisory authority (Art. 30)"))
        call_command(
            "authority_report",
            organisation=organisation.slug,
            as_of=today,
            language=language,
            format="all",
            out=out,
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def _further(self, organisation: Organisation) -> None:
        self._step(6, _("To look further"))
        slug = organisation.slug
        for what, command in (
            (_("ask every register again, with other code"), f"./run manage verify_overdue --organisation {slug}"),
            (_("check the evidence"), f"./run manage evidence verify --organisation {slug}"),
            (_("decide single cases, and why"), "./run manage decide " + _("FILE")),
            (_("the whole inventory as a document"), f"./run manage export_inventory {slug}"),
            (_("make yourself a user"), "./run manage createsuperuser"),
            (_("start the API and the administration pages"), "./run serve"),
        ):
            self._say(f"{command:<52} {what}")
