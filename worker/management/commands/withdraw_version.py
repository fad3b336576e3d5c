"""`manage.py withdraw_version SLUG NUMBER`: take a version back before it comes into force."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import SelosteError
from ropa.models import Version
from ropa.services import withdraw


class Command(BaseCommand):
    help = "Withdraw a published version that is not in force yet: it stays on record and never comes into force."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("number", type=int, help="the version")
        parser.add_argument("--withdrawer", metavar="ROLE", required=True, help="who decided it, as a role")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        versions = Version.objects.select_related("organisation")
        version = versions.filter(organisation__slug=options["slug"], number=options["number"]).first()
        if version is None:
            raise CommandError(f"{options['slug']} has no version {options['number']}")
        try:
            withdraw(version, timezone.now(), options["withdrawer"], options["reason"])
        except SelosteError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['slug']}: version {version.number} is withdrawn")
