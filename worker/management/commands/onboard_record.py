"""`manage.py onboard_record FILE`: a record of processing in any spreadsheet, made part of the draft."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import yaml_text
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.record import Preview, apply, mapping_of, preview, record_in, save_mapping, suggestion
from retention.onboarding.record.told import as_dict
from ropa.models import Organisation


class Command(BaseCommand):
    help = (
        "Show what would become of each row of a record (.xlsx, .csv) by a column mapping; with --apply, make it part "
        "of the draft. Without a mapping, suggest one to begin with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a workbook (.xlsx) or a CSV file of any make")
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--mapping", metavar="NAME", required=True, help="the name that the mapping is kept under")
        parser.add_argument("--columns", metavar="FILE", type=Path, help="the mapping as YAML: kept under its name")
        parser.add_argument("--apply", action="store_true", help="make the record part of the draft")
        parser.add_argument("--by", default="administrator", help="who does it, as a role")
        parser.add_argument("--reason", default="", help="why; stands in the history")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
        try:
            content = _content(options["file"])
            said = self._mapping(organisation, content, options)
            if said is None:
                return
            if options["apply"]:
                found = apply(organisation, content, said, options["by"], options["reason"])
            else:
                found, _ = preview(organisation, content, said)
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            self.stderr.write(f"{options['file']}: nothing was changed")
            sys.exit(1)
        self._tell(found, options)

    def _mapping(self, organisation: Organisation, content: bytes, options: dict[str, Any]) -> Any:
        """The mapping that is kept, or now comes to be; None after a suggestion was shown instead."""
        if options["columns"] is not None:
            text = _content(options["columns"]).decode("utf-8-sig", errors="replace")
            said = yaml_text.parse(text)
            save_mapping(organisation, options["mapping"], said, options["by"], options["reason"])
            return said
        try:
            return mapping_of(organisation, options["mapping"])
        except LookupError as error:
            if options["apply"]:
                raise CommandError(f"{error}; bring one with --columns FILE") from None
        begin = suggestion(record_in(content), organisation.language)
        self.stdout.write(
            json.dumps(begin, ensure_ascii=False) if options["json"] else yaml_text.write(begin), ending=""
        )
        self.stderr.write(
            "A suggestion by the words of the headings. Look each column over, then bring it with --columns"
        )
        return None

    def _tell(self, found: Preview, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(found), ensure_ascii=False, indent=2))
        else:
            for row in found.rows:
                self.stdout.write(f"sheet {row.sheet}, row {row.row}: {row.outcome}: {row.activity}")
                for change in row.changes:
                    self.stdout.write(f"    {change.what} {change.path}: {change.text[:200]}")
            for heading in found.unread:
                self.stdout.write(f"not read: {heading}")
            for warning in found.warnings:
                self.stdout.write(f"warning: {warning}")
        for problem in found.problems:
            self.stderr.write(str(problem))
        if found.problems:
            self.stderr.write(f"{options['file']}: it cannot be applied like this")
            sys.exit(1)
        if not options["json"]:
            done = (
                "the draft has it; nothing is published" if options["apply"] else "nothing was changed: --apply does it"
            )
            self.stdout.write(f"{_counted(found)}; {done}")


def _counted(found: Preview) -> str:
    outcomes = [row.outcome for row in found.rows]
    return ", ".join(f"{outcomes.count(one)} {one}" for one in ("new", "changes", "nothing"))


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise DocumentError([Problem("file", f"is larger than {LARGEST // 1_000_000} MB")])
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
