"""`manage.py authority_report`: the record of processing with its executed retention column, for the authority."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import SelosteError
from retention.reports import authority_report
from ropa.models import Organisation
from ropa.render import to_html, to_json, to_pdf

FORMATS = {"html": to_html, "json": to_json, "pdf": to_pdf}


class Command(BaseCommand):
    help = "Write the record of processing (GDPR art. 30) with the evidence of its retention column."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--as-of", metavar="DATE", type=date.fromisoformat, help="the day; today if left out")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])
        parser.add_argument("--format", default="pdf", choices=[*sorted(FORMATS), "all"])
        parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="made if it is not there")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["organisation"]
        try:
            organisation = Organisation.objects.get(slug=slug)
        except Organisation.DoesNotExist:
            raise CommandError(f"there is no organisation {slug!r}") from None
        as_of = options["as_of"] or timezone.now().astimezone(ZoneInfo(organisation.time_zone)).date()
        wanted = sorted(FORMATS) if options["format"] == "all" else [options["format"]]
        try:
            report = authority_report(organisation, as_of, options["language"])
        except SelosteError as error:
            raise CommandError(str(error)) from error
        made = {extension: FORMATS[extension](report) for extension in wanted}
        for extension, content in made.items():
            path = options["out"] / f"{slug}-{as_of.isoformat()}.{extension}"
            try:
                write_whole(path, content)
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            self.stdout.write(str(path))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o640)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
