"""`manage.py authority_report`: the records of processing with their executed retention column, for the authority."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.domain.errors import SelosteError
from retention.reports import sealed_report
from ropa.models import Organisation
from ropa.render import FORMATS
from ropa.report import RECORDS
from ropa.seal import verify, zipped


class Command(BaseCommand):
    help = "Write the records of processing (GDPR art. 30) with the evidence of their retention column, sealed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--as-of", metavar="DATE", type=date.fromisoformat, help="the day; today if left out")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])
        parser.add_argument(
            "--record",
            default="both",
            choices=[*RECORDS, "both"],
            help="which of the two records; both that there are, if left out",
        )
        parser.add_argument(
            "--formats", default="pdf", metavar="LIST", help=f"of {', '.join(FORMATS)}, with commas between; or all"
        )
        parser.add_argument("--without-extras", action="store_true", help="leave out what Article 30 does not ask for")
        parser.add_argument("--zip", action="store_true", help="one ZIP instead of a folder")
        parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="made if it is not there")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["organisation"]
        try:
            organisation = Organisation.objects.get(slug=slug)
        except Organisation.DoesNotExist:
            raise CommandError(f"there is no organisation {slug!r}") from None
        as_of = options["as_of"] or organisation.day_of(timezone.now())
        try:
            files = sealed_report(
                organisation,
                as_of,
                options["language"],
                None if options["record"] == "both" else [options["record"]],
                not options["without_extras"],
                _formats(options["formats"]),
            )
        except SelosteError as error:
            raise CommandError(str(error)) from error
        name = f"{slug}-{as_of.isoformat()}-{options['language']}"
        if options["zip"]:
            written = [(options["out"] / f"{name}.zip", zipped(files))]
        else:
            written = [(options["out"] / name / one, content) for one, content in files.items()]
        for path, content in written:
            try:
                write_whole(path, content)
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            self.stdout.write(str(path))
        place = options["out"] / (f"{name}.zip" if options["zip"] else name)
        checked = verify(place)
        with translation.override(options["language"]):
            if not checked.signed:
                self.stderr.write(_("There is no signing key: the set is sealed, but nobody has signed it."))
            for left, what in checked.problems:
                self.stderr.write(
                    _("%(file)s in %(folder)s is not of this report (%(what)s)")
                    % {
                        "file": left,
                        "folder": place,
                        "what": _(what),
                    }
                )


def _formats(wanted: str) -> list[str]:
    formats = list(FORMATS) if wanted == "all" else list(dict.fromkeys(wanted.split(",")))
    for one in formats:
        if one not in FORMATS:
            raise CommandError(f"--formats: {one!r} is none of {', '.join(FORMATS)}")
    return formats


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
