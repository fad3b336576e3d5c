"""`manage.py export_inventory SLUG`: the draft as a document; importing it again changes nothing.

`--as-of DATE` writes the published snapshot that was in force on that day instead. It has no connections.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention.domain.errors import DocumentError
from retention.inventory_document import whole_draft
from retention.inventory_document.files import FORMATS, file_of
from retention.inventory_document.guide import guide
from ropa.models import Organisation
from ropa.selectors import NoVersionError, snapshot_on


class Command(BaseCommand):
    help = "Write an organisation's draft, with its connections, as YAML, as a workbook, or as a ZIP of .csv files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--out", metavar="FILE", type=Path, help="standard output if left out (YAML only)")
        parser.add_argument("--as-of", metavar="DATE", type=date.fromisoformat, help="the snapshot in force that day")
        parser.add_argument("--format", choices=FORMATS, default="yaml", help="yaml if left out; csv is a ZIP of files")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        out, form = options["out"], options["format"]
        if out is None and form != "yaml":
            raise CommandError("--out is needed: what is no text does not go to the terminal")
        document = whole_draft(organisation) if options["as_of"] is None else _snapshot(organisation, options["as_of"])
        try:
            content = file_of(document, form, guide(organisation.language))
        except DocumentError as error:
            raise CommandError("; ".join(map(str, error.problems))) from None
        if out is None:
            self.stdout.write(content.decode("utf-8"), ending="")
            return
        try:
            out.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from None


def _snapshot(organisation: Organisation, day: date) -> dict[str, Any]:
    try:
        version = snapshot_on(organisation, day)
    except NoVersionError as error:
        raise CommandError(str(error)) from None
    document: dict[str, Any] = json.loads(version.snapshot)
    return document
