"""`manage.py new_organisation SLUG --name NAME --by WHO`: an organisation with an empty record, to begin from."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention.domain.errors import DocumentError
from retention.inventory_document import import_document
from ropa.law import LANGUAGES
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Make an organisation with an empty record. Nothing is published, and nobody has a role in it yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its short name in addresses: small letters, digits and -")
        parser.add_argument("--name", required=True, help="as it stands in the trade register")
        parser.add_argument("--by", metavar="WHO", required=True, help="who makes it: stands in the history")
        parser.add_argument("--language", choices=LANGUAGES, default="fi", help="the language of its record")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        if Organisation.objects.filter(slug=slug).exists():
            raise CommandError(f"there is an organisation {slug!r} already")
        head = {"slug": slug, "name": options["name"], "language": options["language"]}
        document = {"seloste": 1, "organisation": head, "registers": [], "activities": [], "datasets": []}
        try:
            import_document({**document, "connections": {}}, options["by"], "new organisation")
        except DocumentError as error:
            raise CommandError("\n".join(str(one) for one in error.problems)) from None
        self.stdout.write(
            f"{slug} is there, with nothing in it. Give the first roles:\n"
            f"  ./run manage people give {slug} --role administrator --user NAME --by {options['by']} --reason first\n"
            f"  ./run manage people give {slug} --role controller --user NAME --by {options['by']} --reason first"
        )
