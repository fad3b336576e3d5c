"""`manage.py confirm_additions SLUG`: the controller's explicit step for periods that the notice does not give."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from retention.domain.errors import DocumentError
from retention.publishing import publish
from ropa.models import Organisation
from ropa.services import APPROVALS, MODES, OPINION_REASON, confirm_additions


class Command(BaseCommand):
    help = "Confirm every proposed addition of a draft, and let its datasets be purged; published only if asked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--by", metavar="ROLE", required=True, help="who decided it, as a role")
        parser.add_argument("--reason", required=True, help="why these periods; stands in the history")
        parser.add_argument("--mode", default="purge", choices=MODES)
        parser.add_argument("--approval", default="automatic", choices=APPROVALS)
        parser.add_argument("--publish", action="store_true", help="publish the draft in the same step")
        parser.add_argument("--in-force-from", metavar="DATE", type=date.fromisoformat)
        parser.add_argument("--opinion-reason", metavar="TEXT", default="", help=OPINION_REASON)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["publish"] != (options["in_force_from"] is not None):
            raise CommandError("--publish and --in-force-from go together: from when is the version in force?")
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        by, reason, version = options["by"], options["reason"], None
        try:
            with transaction.atomic():
                confirmed = confirm_additions(organisation, by, reason, options["mode"], options["approval"])
                if options["publish"]:
                    version = publish(
                        organisation,
                        options["in_force_from"],
                        timezone.now(),
                        by,
                        reason=reason,
                        opinion_reason=options["opinion_reason"],
                    )
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            sys.exit(1)
        self.stdout.write(f"{organisation.slug}: {confirmed} rules confirmed")
        if version is not None:
            self.stdout.write(f"{organisation.slug}: version {version.number} is in force from {version.in_force_from}")
