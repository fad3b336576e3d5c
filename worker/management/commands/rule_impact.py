"""`manage.py rule_impact --organisation SLUG --by ROLE`: the exact effect of the draft, before it is published."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.domain.errors import SelosteError
from retention.rule_impact import impact_of
from ropa.agreeing import keep_impact, shortens
from ropa.models import Organisation
from ropa.services import draft_of
from ropa.shortening_words import in_words
from worker.decision_words import day


class Command(BaseCommand):
    help = (
        "Count what a draft lets go that the version in force keeps, and what it keeps, by month, 24 months ahead. "
        "Nothing is deleted; the digest of what is shown is kept, and publish_inventory --impact names it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--by", metavar="ROLE", required=True, help="to whom it is shown, as a role")
        parser.add_argument("--in-force-from", metavar="DATE", type=date.fromisoformat, help="today if left out")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
        now = timezone.now()
        start = options["in_force_from"] or organisation.day_of(now)
        try:
            kept = keep_impact(organisation, impact_of(organisation, start).as_data(), now, options["by"])
        except SelosteError as error:
            raise CommandError(str(error)) from None
        today = organisation.day_of(now)
        shortened = shortens(organisation, draft_of(organisation), today)
        shown = {**kept.as_text(), "shortens": [one.as_data() for one in shortened]}
        if options["json"]:
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
        else:
            with translation.override(options["language"]):
                self._tell(shown)
                if shortened:
                    self.stdout.write(_("The draft shortens: another person than its publisher must approve it."))
                for one in shortened:
                    self.stdout.write(f"  {one.path}: {in_words(one)}")
        if not shown["counted"]["complete"]:
            sys.exit(1)

    def _tell(self, shown: Mapping[str, Any]) -> None:
        counted = shown["counted"]
        days = {"from": day(date.fromisoformat(counted["from"])), "until": day(date.fromisoformat(counted["until"]))}
        if counted["version"] is None:
            self.stdout.write(_("The draft; no version is in force. %(from)s–%(until)s") % days)
        else:
            values = {**days, "number": counted["version"]}
            self.stdout.write(_("The draft against version %(number)d, %(from)s–%(until)s") % values)
        for effect in counted["datasets"]:
            self._effect(effect)
        self.stdout.write(_("Decided as before, and not asked: %(n)d") % {"n": counted["same"]})
        if not counted["complete"]:
            self.stdout.write("! " + _("Not everything could be asked: the effect is not known."))
        self.stdout.write(_("Digest of the draft: %(digest)s") % {"digest": counted["draft"]})
        self.stdout.write(_("Digest of what was shown: %(digest)s") % {"digest": shown["digest"]})

    def _effect(self, effect: Mapping[str, Any]) -> None:
        before, after = (mode or "–" for mode in effect["modes"])
        modes = before if before == after else f"{before} → {after}"
        self.stdout.write(f"{effect['dataset']} ({effect['register']}, {modes})")
        if effect["problem"]:
            self.stdout.write("  ! " + _("could not be asked: %(why)s") % {"why": effect["problem"]})
            return
        before, after = effect["due"]
        values = {**effect, "before": before, "after": after}
        self.stdout.write("  " + _("%(items)d items; may go on the first day: %(before)d → %(after)d") % values)
        self.stdout.write("  " + _("earlier than before: %(gained)d (of these under a hold: %(held)d)") % values)
        self.stdout.write("  " + _("later than before: %(lost)d") % values)
        rows = [{"month": _("at once"), **effect["at_once"]}, *effect["months"]]
        for row in rows:
            if row["gained"] or row["lost"]:
                self.stdout.write(f"    {row['month']}  +{row['gained']}  −{row['lost']}")
