"""`manage.py evidence verify`: recompute the evidence from its beginning, and name the first broken place.

`manage.py evidence adopt`: our own database was restored from a backup, and that is known.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.evidence_restore import adopt
from retention.models import EvidenceEntry
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Check the chains of evidence, the signatures of their heads, and the journals beside them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["verify", "adopt"])
        parser.add_argument(
            "--organisation", metavar="SLUG", help="one organisation; all that have evidence if left out"
        )
        parser.add_argument("--by", default="", help="adopt: who says so, by role")
        parser.add_argument("--reason", default="", help="adopt: why, without personal data")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "adopt":
            self._adopt(options)
            return
        known = EvidenceEntry.objects.order_by("organisation").values_list("organisation", flat=True).distinct()
        slugs = [options["organisation"]] if options["organisation"] else list(known)
        if not slugs or not set(slugs) <= set(known):
            raise CommandError("there is no evidence of any night" + (f" of {slugs[0]!r}" if slugs else ""))
        with translation.override(options["language"]):
            results = [self._verify(slug, options["json"]) for slug in slugs]
        if options["json"]:
            self.stdout.write(json.dumps(results, ensure_ascii=False, indent=2))
        if not all(result["intact"] for result in results):
            sys.exit(1)

    def _adopt(self, options: dict[str, Any]) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"] or "").first()
        if organisation is None or not options["by"].strip() or not options["reason"].strip():
            raise CommandError("adopt needs --organisation, --by and --reason")
        today = timezone.now().astimezone(ZoneInfo(organisation.time_zone)).date()
        try:
            nights = adopt(organisation.slug, today, options["by"], options["reason"])
        except EvidenceError as error:
            raise CommandError(str(error)) from error
        with translation.override(options["language"]):
            words = {"slug": organisation.slug, "nights": ", ".join(nights)}
            self.stdout.write(_("%(slug)s: adopted. Nights whose entries are lost: %(nights)s.") % words)

    def _verify(self, slug: str, quiet: bool) -> dict[str, Any]:
        try:
            counts = verify(slug).as_dict()
        except EvidenceError as error:
            self.stderr.write(_("%(slug)s: the evidence is NOT intact: %(error)s") % {"slug": slug, "error": error})
            return {"organisation": slug, "intact": False, "error": str(error)}
        if not quiet:
            words = {"slug": slug, **counts}
            self.stdout.write(
                _("%(slug)s: intact: %(entries)d entries in %(chains)d chains, %(heads)d signed heads.") % words
            )
            if counts["lost"]:
                self.stdout.write(_("Nights whose entries were lost with our own database: %(lost)d.") % counts)
            if counts["unsigned"]:
                self.stdout.write(
                    _("Chains of nights that are not finished, and so not signed: %(unsigned)d.") % counts
                )
        return {"organisation": slug, "intact": True, **counts}
