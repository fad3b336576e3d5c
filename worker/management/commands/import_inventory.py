"""`manage.py import_inventory FILE`: make a document the organisation's draft, and publish it if asked."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import import_document, warnings_of
from retention.inventory_document.files import document_in
from retention.inventory_document.yaml_text import LARGEST
from retention.publishing import publish
from ropa.services import OPINION_REASON


class Command(BaseCommand):
    help = "Read an inventory document: all of it becomes the draft, or nothing does and every problem is listed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="YAML (docs/reference/inventory-document.md), .xlsx, or a ZIP of .csv files"
        )
        parser.add_argument("--by", default="administrator", help="who imports it, as a role")
        parser.add_argument("--reason", default="", help="why; stands in the history")
        parser.add_argument("--opinion-reason", metavar="TEXT", default="", help=OPINION_REASON)
        parser.add_argument("--publish", action="store_true", help="publish the draft in the same step")
        parser.add_argument(
            "--in-force-from", metavar="DATE", type=date.fromisoformat, help="the first day of the published version"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["publish"] != (options["in_force_from"] is not None):
            raise CommandError("--publish and --in-force-from go together: from when is the version in force?")
        version = None
        try:
            document = document_in(_content(options["file"]))
            with transaction.atomic():
                organisation = import_document(document, options["by"], options["reason"])
                if options["publish"]:
                    version = publish(
                        organisation,
                        options["in_force_from"],
                        timezone.now(),
                        publisher=options["by"],
                        reason=options["reason"],
                        opinion_reason=options["opinion_reason"],
                    )
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            self.stderr.write(f"{options['file']}: nothing was imported")
            sys.exit(1)
        today = organisation.day_of(timezone.now())
        for warning in warnings_of(document, today):
            self.stdout.write(f"warning: {warning}")
        rules = sum(d.grounds.count() + d.ceilings.count() for d in organisation.datasets.all())
        self.stdout.write(
            f"{organisation.slug}: {organisation.registers.count()} registers, {organisation.activitys.count()} "
            f"activities, {organisation.datasets.count()} datasets, {rules} rules, "
            f"{organisation.connections.count()} connections; a draft never deletes anything"
        )
        if version is not None:
            self.stdout.write(f"{organisation.slug}: version {version.number} is in force from {version.in_force_from}")


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise DocumentError([Problem("file", f"is larger than {LARGEST // 1_000_000} MB")])
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
