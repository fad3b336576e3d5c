"""`manage.py verify_report SET`: whether a sealed report is as it was sealed. Reads no database and no key of ours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from ropa.seal import SealError, public_key_in, verify
from worker.seal_words import told


class Command(BaseCommand):
    help = "Check a sealed report: names each file that was changed, is missing or was added, and whose key signed it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("set", metavar="SET", type=Path, help="a folder or a ZIP")
        parser.add_argument(
            "--public-key", metavar="FILE", type=Path, help="PEM or 64 hex digits: who must have signed it"
        )
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["public_key"]
        try:
            key = public_key_in(file.read_bytes()) if file else None
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except ValueError as error:
            raise CommandError(f"{file} {error}") from error
        try:
            checked = verify(options["set"], key)
        except SealError as error:
            raise CommandError(str(error)) from error
        with translation.override(options["language"]):
            for line in told(checked):
                self.stdout.write(line)
        if not checked.intact:
            sys.exit(1)
