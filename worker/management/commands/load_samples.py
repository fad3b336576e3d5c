"""`manage.py load_samples [SLUG …]`: the sample companies' inventories, as published and with our additions.

Version 1 is the notice as published, in force from its date; version 2, from today, has our additions, all of them
only proposed. No system is needed and none is asked. What is published already stays as it is.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from retention.domain.errors import DocumentError
from samples.companies import companies
from worker.sample_versions import OtherVersionsError, additions_included, load


class Command(BaseCommand):
    help = "Publish the sample companies' inventories: what each notice says, and then our proposed additions."

    def add_arguments(self, parser: CommandParser) -> None:
        known = [company.slug for company in companies()]
        parser.add_argument("slug", nargs="*", metavar="SLUG", help=f"{', '.join(known)}; all of them if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        known = {company.slug: company for company in companies()}
        if unknown := sorted(set(options["slug"]) - set(known)):
            raise CommandError(f"there is no sample {unknown[0]!r}; there are {', '.join(known)}")
        now = timezone.now()
        today = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        for slug in options["slug"] or known:
            try:
                with transaction.atomic():
                    made = load(known[slug], additions_included(known[slug]), today, by="esimerkki", now=now)
            except (DocumentError, OtherVersionsError) as error:
                raise CommandError(f"{slug}: {error}") from None
            for version in made:
                self.stdout.write(f"{slug}: version {version.number} is in force from {version.in_force_from}")
            if not made:
                self.stdout.write(f"{slug}: stands already; nothing was imported")
