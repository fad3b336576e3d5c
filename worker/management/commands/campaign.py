"""`manage.py campaign WHAT SLUG …`: groups of missing start dates, and the substitutes that people answer for."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention import campaign as campaigns
from retention.campaign import Wanted
from retention.campaign_minutes import STATES, cause_in_words, event_name, minutes, substitute_in_words
from retention.campaign_people import answering
from retention.campaign_survey import Heap
from retention.campaign_told import as_dict
from retention.domain.errors import DocumentError, SelosteError
from retention.domain.substitutes import Cause
from retention.models import Campaign
from ropa.models import Organisation
from ropa.persons import Person
from worker.night_table import number

WHAT = ("groups", "propose", "list", "show", "decide", "confirm", "refuse", "withdraw", "minutes")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date such as 2026-06-30") from None


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise ArgumentTypeError("is a percentage from 0 to 100")
    return value / 100


class Command(BaseCommand):
    help = "Find groups of items whose start date is missing, and propose, decide and confirm a substitute for one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("number", nargs="?", type=int, help="the campaign (show, decide, confirm … minutes)")
        parser.add_argument("--dataset", default="", help="groups, propose: of this dataset")
        parser.add_argument("--event", default="", help="propose: the start event whose date is missing")
        parser.add_argument("--cause", default="no_date", choices=[cause.value for cause in Cause])
        parser.add_argument("--same-day", type=_date, metavar="DATE", help="propose: the day that is not believed")
        parser.add_argument("--day", type=_date, metavar="DATE", help="propose: the day that stands in")
        parser.add_argument("--by-event", default="", metavar="EVENT", help="propose: the event whose day stands in")
        parser.add_argument("--evidence", default="", help="propose: why it is right enough, without personal data")
        parser.add_argument("--attach", action="append", type=Path, default=[], metavar="FILE", help="its digest")
        parser.add_argument("--least", type=int, default=Heap().least, help="groups: so many identical dates or more")
        parser.add_argument(
            "--share", type=_share, default=Heap().share, metavar="PERCENT", help="groups: of all dated"
        )
        parser.add_argument(
            "--by", metavar="USER", default="", help="in whose name: the account of an owner or controller"
        )
        parser.add_argument("--reason", default="", help="why, without personal data")
        parser.add_argument("--digest", default="", help="decide, confirm: the group's, as it was looked at")
        parser.add_argument("--out", type=Path, metavar="FILE", help="minutes: .html or .pdf")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            with translation.override(options["language"]):
                self._act(organisation, options)
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            sys.exit(1)
        except SelosteError as error:
            raise CommandError(str(error)) from None

    def _act(self, organisation: Organisation, options: dict[str, Any]) -> None:
        what, now = options["what"], timezone.now()
        if what == "groups":
            self._groups(organisation, options)
        elif what == "list":
            self._list(organisation, options["json"])
        elif what == "propose":
            self._show(
                campaigns.propose(organisation, self._wanted(options), self._somebody(organisation, options), now),
                options["json"],
            )
        else:
            if options["number"] is None:
                raise CommandError(f"{what} needs the number of a campaign")
            campaign = campaigns.find(organisation, options["number"])
            self._of_one(campaign, options)

    def _of_one(self, campaign: Campaign, options: dict[str, Any]) -> None:
        what, reason, now = options["what"], options["reason"], timezone.now()
        if what == "minutes":
            out: Path | None = options["out"]
            if out is None or out.suffix not in {".html", ".pdf"}:
                raise CommandError("minutes need --out FILE, an .html or a .pdf")
            out.write_bytes(minutes(campaign, out.suffix[1:], timezone.localdate(now)))
            return
        if what == "show":
            self._show(campaign, options["json"])
            return
        by = self._somebody(campaign.organisation, options)
        if what == "withdraw":
            told = campaigns.withdraw(campaign, by, reason, now)
            words = {"saved": told.saved, "in_flight": told.in_flight, "gone": told.gone}
            self.stdout.write(_("Stay: %(saved)d; being sent: %(in_flight)d; gone already: %(gone)d.") % words)
        elif what in {"decide", "confirm"}:
            act = campaigns.decide if what == "decide" else campaigns.confirm
            act(campaign, by, reason, options["digest"], now)
        elif what == "refuse":
            campaigns.refuse(campaign, by, reason, now)
        campaign.refresh_from_db()
        self._show(campaign, options["json"])

    def _somebody(self, organisation: Organisation, options: dict[str, Any]) -> Person:
        user = get_user_model().objects.filter(username=options["by"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['by']!r}: --by names an account")
        return answering(organisation, user, at_the_shell=True)

    def _wanted(self, options: dict[str, Any]) -> Wanted:
        return Wanted(
            options["dataset"],
            options["event"],
            options["cause"],
            options["evidence"],
            options["same_day"],
            options["day"],
            options["by_event"],
            tuple((file.name, self._digest(file)) for file in options["attach"]),
        )

    def _digest(self, file: Path) -> str:
        try:
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None

    def _groups(self, organisation: Organisation, options: dict[str, Any]) -> None:
        heap = Heap(options["least"], options["share"])
        found = campaigns.survey(organisation, timezone.now(), heap, options["dataset"])
        if options["json"]:
            self.stdout.write(json.dumps([one.as_dict() for one in found], ensure_ascii=False, indent=2))
            return
        for one in found:
            cause = cause_in_words(one.cause, one.same_day.isoformat() if one.same_day else None)
            words = {"items": number(one.items), "undecided": number(one.undecided)}
            self.stdout.write(
                f"{one.register} / {one.dataset}: {event_name(one.event)}: {cause}: "
                + _("items %(items)s, of which %(undecided)s wait for a date") % words
            )
        if not found:
            self.stdout.write(_("Nothing waits for a date."))

    def _list(self, organisation: Organisation, as_json: bool) -> None:
        found = Campaign.objects.filter(organisation=organisation).select_related("version")
        if as_json:
            self.stdout.write(json.dumps([as_dict(one) for one in found], ensure_ascii=False, indent=2))
            return
        for one in found:
            self._line(as_dict(one))

    def _line(self, told: dict[str, Any]) -> None:
        state = STATES[told["state"]]
        self.stdout.write(
            f"{told['number']}: {told['register']} / {told['dataset']}: {event_name(told['event'])}: "
            f"{cause_in_words(told['cause'], told['same_day'])} ({number(told['items'])}): {_(state)}"
        )

    def _show(self, campaign: Campaign, as_json: bool) -> None:
        told = as_dict(campaign)
        if as_json:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        self._line(told)
        self.stdout.write("  " + _("substitute: %(substitute)s") % {"substitute": substitute_in_words(told)})
        self.stdout.write("  " + _("digest of the group: %(root)s") % {"root": told["root"]})
