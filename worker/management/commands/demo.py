"""`manage.py demo`: a company's inventory and its registers, filled with artificial people, and one night.

KaseNet alone, or with `--all` all five companies and a table of them. Everything that stands already is left as
it is: run it again the same day and nothing is deleted, run it on a later day and that day's night follows. Exit
code 0 only if every night succeeded; a register that this machine cannot reach is named and fails nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
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
from retention.connectors.registry import kinds
from retention.domain.errors import SelosteError
from retention.inventory_document import import_document, yaml_text
from retention.models import Hold, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.plan import plan_of
from retention.publishing import publish
from retention.rule_impact import impact_of
from retention.runs import succeeded
from ropa.agreeing import approve_draft, keep_impact
from ropa.models import Organisation, Version
from ropa.services import confirm_additions
from samples.companies import companies
from samples.documents import Document, registers_of, unreached, whole
from samples.frame import Built, Company, NotOursError, TooFewError
from samples.kasenet import COMPANY as KASENET
from samples.running import obstacle, serving
from samples.servers import ServerError
from worker.decision_words import day
from worker.night_table import CompanyNight, print_companies, print_table, step
from worker.sample_versions import load, proposed

BY = "demo"
FIRST, SECOND = "controller:demo-1", "controller:demo-2"
"""The two persons of the demo's controller."""
IN_FORCE_BEFORE = timedelta(days=30)
"""So long before the systems' own day the inventory comes into force."""


@dataclass(frozen=True)
class _Inventory:
    """A company's document as far as this machine can reach it. `unreachable`: register id -> why."""

    document: Document
    unreachable: Mapping[str, str]


class Command(BaseCommand):
    help = "Show a night on the registers of KaseNet, or of five companies, filled with artificial people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="all five companies, and a table of them")
        parser.add_argument(
            "--today", metavar="DATE", type=date.fromisoformat, help="the business date; today if left out"
        )
        parser.add_argument(
            "--out", metavar="DIR", type=Path, help="where the authority report goes; DATA/reports if left out"
        )
        parser.add_argument(
            "--confirm-gap", action="store_true", help="more than 7 days have passed, and that is known"
        )
        parser.add_argument(
            "--customers", metavar="N", type=int, help="so many for each company; its own number if left out"
        )
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="everything but the night, which workers or manage.py nightly run",
        )
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        today = options["today"] or now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        options = {**options, "today": today, "out": options["out"] or Path(settings.DATA_DIR) / "reports"}
        shown = companies() if options["all"] else [replace(KASENET, further=())]
        nights = []
        with translation.override(options["language"]):
            for company in shown:
                if options["all"]:
                    self.stdout.write(f"\n═══ {company.name} " + "═" * max(3, 70 - len(company.name)))
                try:
                    if options["prepare"]:
                        self._prepare(company, now, options)
                        continue
                    nights.append(self._company(company, now, options))
                except (SelosteError, NotOursError, ServerError, TooFewError) as error:
                    raise CommandError(f"{company.name}: {error}" if options["all"] else str(error)) from error
            if options["prepare"]:
                return
            if options["all"]:
                self._step(0, _("All companies"))
                print_companies(nights, self.stdout)
            else:
                self._further(KASENET.slug)
        if not all(succeeded(night.run) for night in nights):
            sys.exit(1)

    def _company(self, company: Company, now: datetime, options: Mapping[str, Any]) -> CompanyNight:
        language = options["language"]
        organisation, inventory, systems = self._prepare(company, now, options)
        with _environment(company, systems, inventory):
            run, again = self._night(organisation, now, options)
        self.stdout.write("")
        print_table(run, self.stdout, language, again=again, unreachable=inventory.unreachable)
        self._report(organisation, options)
        return CompanyNight(company.name, run, inventory.unreachable)

    def _prepare(
        self, company: Company, now: datetime, options: Mapping[str, Any]
    ) -> tuple[Organisation, _Inventory, Built]:
        """The company as it stands in the evening."""
        inventory = _inventory(company)
        systems = self._systems(company, inventory, options)
        organisation = self._inventory(company, inventory, systems, now)
        self._holds(organisation, systems)
        return organisation, inventory, systems

    def _step(self, number: int, text: str) -> None:
        self.stdout.write(f"\n{number}. {text}" if number else f"\n═══ {text}\n")
        self.stdout.flush()

    def _say(self, text: str) -> None:
        self.stdout.write(f"   {text}")

    def _systems(self, company: Company, inventory: _Inventory, options: Mapping[str, Any]) -> Built:
        directory = _directory(company)
        reached = [one for one in inventory.document["registers"] if "connection" in one]
        number = len(reached) + len(inventory.unreachable)
        self._step(
            1,
            ngettext(
                "%(company)s: %(n)d register, filled with artificial people",
                "%(company)s: %(n)d registers, filled with artificial people",
                number,
            )
            % {"company": company.name, "n": number},
        )
        for register, why in inventory.unreachable.items():
            self._say(_("%(register)s: not reachable: %(why)s") % {"register": register, "why": why})
        standing = company.built(directory)
        if standing is not None:
            self._say(_("They stand already, as of %(day)s; nothing was built.") % {"day": day(standing.today)})
            return standing
        directory.parent.mkdir(parents=True, exist_ok=True)
        few = {} if options["customers"] is None else {"customers": options["customers"]}
        made = company.build(directory, options["today"], **few)
        self._say(
            _("Built %(customers)d customers as of %(day)s in %(directory)s")
            % {"customers": made.customers, "day": day(made.today), "directory": directory}
        )
        return made

    def _inventory(self, company: Company, inventory: _Inventory, systems: Built, now: datetime) -> Organisation:
        self._step(2, _("The inventory, from the published notice"))
        organisation = Organisation.objects.filter(slug=company.slug).first()
        standing = None if organisation is None else organisation.versions.standing().order_by("-number").first()
        if standing is None:
            organisation = self._published(company, inventory, systems)
        elif _grown(company, inventory, standing):
            organisation = import_document(inventory.document, by=BY, reason=_("other registers are reached"))
            self._say(_("Imported as a draft: a draft never deletes anything."))
        elif not proposed(standing):
            self._say(_("It is published already; nothing was imported."))
            return standing.organisation
        else:
            organisation = standing.organisation
        confirmed = confirm_additions(organisation, by=BY, reason=_("additions confirmed"))
        self._say(
            ngettext(
                "The controller's step: %(n)d addition was confirmed; due data now goes without asking.",
                "The controller's step: %(n)d additions were confirmed; due data now goes without asking.",
                confirmed,
            )
            % {"n": confirmed}
        )
        zone = ZoneInfo(organisation.time_zone)
        in_force_from = systems.today - IN_FORCE_BEFORE
        if standing is not None:  # a later version may not reach back
            in_force_from = max(standing.in_force_from, now.astimezone(zone).date())
        else:
            now = datetime.combine(in_force_from, time(), zone)
        # what begins to destroy is decided by two persons: one looks and publishes, the other approves
        shown = keep_impact(organisation, impact_of(organisation, in_force_from).as_data(), now, FIRST)
        approve_draft(organisation, shown.draft, shown.digest, now, SECOND)
        reason = "esittely: lisäykset vahvistettu"
        version = publish(organisation, in_force_from, now, publisher=FIRST, reason=reason, impact=shown.digest)
        self._say_published(version)
        return organisation

    def _published(self, company: Company, inventory: _Inventory, systems: Built) -> Organisation:
        """What the notice says and what we propose, published in the demo's own past."""
        in_force_from = systems.today - IN_FORCE_BEFORE
        versions = load(company, inventory.document, in_force_from, by=BY)
        for version in versions:
            self._say_published(version)
        self._say(_("The notice gives no retention period: each one is our addition, and only proposed."))
        return versions[-1].organisation

    def _say_published(self, version: Version) -> None:
        self._say(
            _("Published as version %(number)d, in force from %(day)s.")
            % {"number": version.number, "day": day(version.in_force_from)}
        )

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

    def _night(self, organisation: Organisation, now: datetime, options: Mapping[str, Any]) -> tuple[Run, bool]:
        """The night, and whether it had run before."""
        today = options["today"]
        self._step(4, _("The night of %(day)s") % {"day": day(today)})
        before = Run.objects.filter(organisation=organisation, business_date=today, state=RunState.FINISHED).exists()
        progress = None if options["all"] else self._progress
        run = run_night(organisation, today, now, confirm_gap=options["confirm_gap"], progress=progress, by=BY)
        if before:
            self._say(_("This night had run already; nothing was done again: 0 deleted."))
        return run, before

    def _progress(self, name: str, register: str, detail: str) -> None:
        self._say(f"{step(name):<12}  {register} {detail}".rstrip())
        self.stdout.flush()

    def _report(self, organisation: Organisation, options: Mapping[str, Any]) -> None:
        self._step(5, _("The record of processing activities for the supervisory authority (Art. 30)"))
        call_command(
            "authority_report",
            organisation=organisation.slug,
            as_of=options["today"],
            language=options["language"],
            formats="all",
            out=options["out"],
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def _further(self, slug: str) -> None:
        self._step(6, _("To look further"))
        for what, command in (
            (_("ask every register again, with other code"), f"./run manage verify_overdue --organisation {slug}"),
            (_("check the evidence"), f"./run manage evidence verify --organisation {slug}"),
            (_("decide single cases, and why"), "./run manage decide " + _("FILE")),
            (_("the whole inventory as a document"), f"./run manage export_inventory {slug}"),
            (_("make yourself a user"), "./run manage createsuperuser"),
            (
                _("give yourself a role"),
                f"./run manage people give {slug} --role controller --user NAME --by NAME --reason demo",
            ),
            (_("start the pages, the API and the administration"), "./run serve"),
        ):
            self._say(f"{command:<52} {what}")


def _directory(company: Company) -> Path:
    return Path(settings.DATA_DIR) / "demo" / company.slug


def _inventory(company: Company) -> _Inventory:
    """The company's document without the registers that no connector or no server on this machine reaches."""
    document = whole(company, yaml_text.parse)
    lost = {}
    for code, connection in document["connections"].items():
        if connection["kind"] not in kinds():
            lost[code] = _("no connector of kind '%(kind)s'") % {"kind": connection["kind"]}
        for server in company.servers:
            if server.connection == code and code not in lost and (why := obstacle(server, _directory(company))):
                lost[code] = why
    unreachable = {one["id"]: lost[one["connection"]] for one in registers_of(document, lost)}
    return _Inventory(unreached(document, lost), unreachable)


def _grown(company: Company, inventory: _Inventory, last: Version) -> bool:
    """Whether the document reaches other registers than the version that is published: more, or others."""
    if not company.further and not company.servers:
        return False  # KaseNet alone never takes back what the demo of all companies added
    told = {one.code: one.connection for one in plan_of(last).registers}
    wanted = {one["id"]: one.get("connection", "") for one in inventory.document["registers"]}
    return {code: reached or "" for code, reached in told.items()} != wanted


@contextmanager
def _environment(company: Company, systems: Built, inventory: _Inventory) -> Iterator[None]:
    """The company's servers, running and filled, and their addresses where its connections look for them."""
    reached = inventory.document["connections"]
    servers = [server for server in company.servers if server.connection in reached]
    with serving(servers, systems) as told:
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
