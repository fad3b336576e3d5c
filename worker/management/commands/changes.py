"""`manage.py changes SLUG --from N|draft --to N|draft`: what differs between two versions, field by field."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ropa.change_words import Teller, said
from ropa.changes import difference
from ropa.law import LANGUAGES
from ropa.models import Organisation
from ropa.services import document_at


class Command(BaseCommand):
    help = "Show what differs, field by field, between two versions of an inventory, or the draft and a version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--from", metavar="N|draft", dest="before", required=True, help="what it is compared with")
        parser.add_argument("--to", metavar="N|draft", dest="after", required=True)
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", choices=LANGUAGES, help="the organisation's if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            before, after = (document_at(organisation, options[side]) for side in ("before", "after"))
        except LookupError as error:
            raise CommandError(f"{organisation.slug}: {error.args[0]}") from None
        found = difference(before, after)
        if options["json"]:
            rows = [change.as_data() for change in found]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True))
            return
        language = options["language"] or organisation.language
        teller = Teller(before, after, language)
        for change in found:
            self.stdout.write(teller.line(change))
        if not found:
            self.stdout.write(said("no_changes", language))
