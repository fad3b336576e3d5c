"""`manage.py approve_draft SLUG --by ROLE:NAME --digest D --impact D`: a second person's yes to a draft."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import DocumentError, LifecycleError
from ropa.agreeing import approve_draft
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Approve a draft that shortens, and what was shown of its effect; another person then publishes it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--by", metavar="ROLE:NAME", required=True, help="who approves: controller:NAME")
        parser.add_argument("--digest", required=True, help="of the draft that was looked at")
        parser.add_argument("--impact", metavar="DIGEST", required=True, help="of what rule_impact showed")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            given = approve_draft(organisation, options["digest"], options["impact"], timezone.now(), options["by"])
        except LifecycleError as error:
            raise CommandError(str(error)) from None
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            sys.exit(1)
        self.stdout.write(f"{organisation.slug}: the draft {given.digest[:12]} is approved by {given.approver}")
