"""`manage.py record_migration SLUG DATASET --to DATASET`: a person says where a dataset went, and how many items."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.domain.errors import LifecycleError
from retention.leaving import record_migration
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Record that a dataset was moved to one of another register; it is compared when its register closes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("dataset", help="the dataset that was moved")
        parser.add_argument("--to", metavar="DATASET", required=True, help="where it is now")
        parser.add_argument("--items", metavar="N", type=int, required=True, help="how many items were moved")
        parser.add_argument("--key-template", metavar="TEXT", default="", help="how the new place writes an old {key}")
        parser.add_argument("--key-column", metavar="COLUMN", default="", help="where the new place keeps the old key")
        parser.add_argument("--destroy-by", metavar="DATE", type=date.fromisoformat, help="when the old ones are gone")
        parser.add_argument("--by", metavar="ROLE", required=True)
        parser.add_argument("--reason", required=True)
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            record = record_migration(
                organisation,
                options["dataset"],
                options["to"],
                options["items"],
                options["by"],
                options["reason"],
                organisation.day_of(timezone.now()),
                options["key_template"],
                options["key_column"],
                options["destroy_by"],
            )
        except LifecycleError as error:
            raise CommandError(str(error)) from None
        with translation.override(options["language"]):
            words = {"dataset": record.dataset, "to": record.to_dataset, "n": record.items}
            self.stdout.write(_("%(dataset)s: migrated to %(to)s, items %(n)d, is recorded.") % words)
