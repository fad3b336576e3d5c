"""`manage.py new_organisation SLUG --name NAME --by WHO`: an organisation with an empty record, to begin from."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entrance.organisations import first_roles, make_organisation
from retention.domain.errors import DocumentError
from ropa.law import LANGUAGES


class Command(BaseCommand):
    help = "Make an organisation with an empty record. Nothing is published, and nobody has a role in it yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its short name in addresses: small letters, digits and -")
        parser.add_argument("--name", required=True, help="as it stands in the trade register")
        parser.add_argument("--by", metavar="WHO", required=True, help="who makes it: stands in the history")
        parser.add_argument("--language", choices=LANGUAGES, default="fi", help="the language of its record")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, by = options["slug"], options["by"]
        try:
            make_organisation(slug, options["name"], options["language"], by)
        except DocumentError as error:
            raise CommandError("\n".join(str(one) for one in error.problems)) from None
        told = [f"{slug} is there, with nothing in it. Give the first roles:"]
        self.stdout.write("\n".join(told + [f"  {line}" for line in first_roles(slug, by)]))
