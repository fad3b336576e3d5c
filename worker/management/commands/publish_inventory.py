"""`manage.py publish_inventory SLUG --in-force-from DATE`: freeze the draft as the version that nights execute."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import DocumentError, LifecycleError
from retention.publishing import publish
from ropa.models import Organisation
from ropa.services import OPINION_REASON


class Command(BaseCommand):
    help = "Publish an organisation's draft: from the given day on, nights execute it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--in-force-from", metavar="DATE", type=date.fromisoformat, required=True)
        parser.add_argument("--publisher", metavar="ROLE", required=True, help="who decided it: controller:NAME")
        parser.add_argument("--reason", default="")
        parser.add_argument("--digest", help="of the draft that was looked at; refused where it has changed since")
        parser.add_argument("--opinion-reason", metavar="TEXT", default="", help=OPINION_REASON)

        parser.add_argument("--impact", metavar="DIGEST", default="", help="of what rule_impact showed of its effect")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            version = publish(
                organisation,
                options["in_force_from"],
                timezone.now(),
                publisher=options["publisher"],
                reason=options["reason"],
                opinion_reason=options["opinion_reason"],
                digest=options["digest"],
                impact=options["impact"],
            )
        except LifecycleError as error:
            raise CommandError(str(error)) from None
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            sys.exit(1)
        self.stdout.write(f"{organisation.slug}: version {version.number} is in force from {version.in_force_from}")
