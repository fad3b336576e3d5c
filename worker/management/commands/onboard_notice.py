"""`manage.py onboard_notice`: a published notice becomes passages of the draft, to be assigned by a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.notices import NoPassageError, add_notice, passages_of, progress_of
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Read a DOCX, PDF or text notice into the draft, passage by passage, or list what is assigned of one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="DOCX, PDF with a text layer, or text")
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--id", required=True, metavar="ID", help="of the notice in the inventory")
        parser.add_argument("--name", default="Tietosuojaseloste", help="its title, in the organisation's language")
        parser.add_argument("--by", default="administrator", help="who brings it, as a role")
        parser.add_argument("--reason", default="", help="why; stands in the history")
        parser.add_argument("--list", action="store_true", help="show its passages, those that wait first")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
        if (options["file"] is None) != options["list"]:
            raise CommandError("a file is read, or with --list a notice is shown")
        code = options["id"]
        try:
            if options["file"] is not None:
                name = {organisation.language: options["name"]}
                add_notice(organisation, code, name, _content(options["file"]), options["by"], options["reason"])
            for passage in passages_of(organisation, code) if options["list"] else ():
                place = ", ".join(passage.get("held_in", ())) or passage["state"]
                self.stdout.write(f"{passage['id']}  {passage['text']}\n      {place}")
            progress = progress_of(organisation, code)
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            self.stderr.write("nothing was changed")
            sys.exit(1)
        except NoPassageError:
            raise CommandError(f"there is no notice {code!r} in the draft") from None
        self.stdout.write(
            f"{code}: {progress.held} held in a field, {progress.not_content} no inventory content, "
            f"{progress.open} waiting to be assigned"
        )


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise DocumentError([Problem("file", f"is larger than {LARGEST // 1_000_000} MB")])
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
