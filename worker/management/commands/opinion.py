"""`manage.py opinion SLUG --by ROLE --stance …`: record the DPO's opinion on the draft as it stands."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import DocumentError
from ropa.models import Organisation, Stance
from ropa.services import draft_digest, give_opinion


class Command(BaseCommand):
    help = "Record the DPO's opinion on an organisation's draft as it stands; it counts for exactly this draft."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--by", metavar="ROLE", required=True, help="whose opinion it is, as a role")
        parser.add_argument("--stance", choices=Stance.values, required=True)
        parser.add_argument("--text", default="", help="the opinion; needed where it advises against the draft")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        digest = draft_digest(organisation)
        try:
            give_opinion(organisation, digest, options["stance"], options["text"], timezone.now(), options["by"])
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            sys.exit(1)
        self.stdout.write(f"{organisation.slug}: opinion on the draft {digest[:12]}: {options['stance']}")
