"""`manage.py verify_report SET`: whether a sealed report is as it was sealed. Reads no database and no key of ours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from retention.domain.errors import EvidenceError
from retention.signing_keys import Keyring, chain_in
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
        parser.add_argument(
            "--signers",
            metavar="FILE",
            type=Path,
            help="the chain of signing keys (signers.jsonl): one of them must have signed it, and none that is revoked",
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
        ring = _ring(options["signers"])
        if ring is not None and key is not None and key.hex() not in ring.keys:
            raise CommandError(f"{file} is none of the keys that {options['signers']} names")
        keys = None if ring is None else {one: one in ring.revoked for one in ring.ids()}
        try:
            # whoever knows one key of a chain knows all of them
            checked = verify(options["set"], key if ring is None else None, keys)
        except SealError as error:
            raise CommandError(str(error)) from error
        with translation.override(options["language"]):
            for line in told(checked):
                self.stdout.write(line)
        if not checked.intact:
            sys.exit(1)


def _ring(path: Path | None) -> Keyring | None:
    if path is None:
        return None
    try:
        return chain_in(path.read_bytes(), str(path))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except EvidenceError as error:
        raise CommandError(str(error)) from error
