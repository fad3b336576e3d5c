"""`manage.py export_inventory SLUG`: the draft as a document; importing it again changes nothing.

`--as-of DATE` writes the published snapshot that was in force on that day instead. It has no connections.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention.inventory_document import export_document
from retention.inventory_document.shape import ordered
from retention.inventory_document.yaml_text import write
from ropa.models import Organisation
from ropa.selectors import NoVersionError, snapshot_on


class Command(BaseCommand):
    help = "Write an organisation's draft, with its connections, as an inventory document (YAML)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--out", metavar="FILE", type=Path, help="standard output if left out")
        parser.add_argument("--as-of", metavar="DATE", type=date.fromisoformat, help="the snapshot in force that day")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        text = export_document(organisation) if options["as_of"] is None else _snapshot(organisation, options["as_of"])
        if options["out"] is None:
            self.stdout.write(text, ending="")
            return
        try:
            options["out"].write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['out']}: {error.strerror}") from None


def _snapshot(organisation: Organisation, day: date) -> str:
    try:
        version = snapshot_on(organisation, day)
    except NoVersionError as error:
        raise CommandError(str(error)) from None
    return write(ordered(json.loads(version.snapshot)))
