"""`manage.py findings --organisation SLUG`: what a record and its notice lack, check by check.

Exit code 0 whatever is found; 1 where `--expected` names another status than was found.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ropa.examination import DRAFT, GROUPS, NoVersionError, as_data, compared, examine, expected_of
from ropa.findings import Finding
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Say what an organisation's record of processing and its notice lack, with article and remedy."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)  # our --version

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="SLUG")
        parser.add_argument("--version", metavar="N|draft", type=_version, help="the one in force today if left out")
        parser.add_argument("--group", default="all", choices=GROUPS)
        parser.add_argument("--json", action="store_true", help="print a list of findings as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])
        parser.add_argument("--expected", metavar="FILE", type=Path, help="compare with what a file expects")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
        today = organisation.day_of(timezone.now())
        try:
            found = examine(organisation, options["version"], today, options["group"])
        except NoVersionError as error:
            raise CommandError(str(error)) from None
        with translation.override(options["language"]):
            if options["expected"] is not None:
                self._compare(options["expected"], organisation.slug, found)
            elif options["json"]:
                told = [as_data(one, options["language"]) for one in found]
                self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            else:
                self._tell(found, options["language"])

    def _tell(self, found: list[Finding], language: str) -> None:
        """In words, problems first."""
        bad = [one for one in found if not one.status.well]
        words = _status_words()
        for one in bad:
            data = as_data(one, language)
            self.stdout.write(f"{one.check}  {words[one.status.value]}  ({one.severity}, {one.article})")
            self.stdout.write(f"  {data['message']}")
            self.stdout.write(f"  → {data['remedy']}")
            if data["decision"] is not None:
                self.stdout.write("  " + _("compare: %(decision)s") % {"decision": _cited(data["decision"])})
            for place in one.where:
                self.stdout.write(f"    {place}")
        for one in found:
            if one.status.well:
                self.stdout.write(f"{one.check}  {words[one.status.value]}")
        told = _("%(bad)s of %(all)s checks ask for something") % {"bad": len(bad), "all": len(found)}
        self.stdout.write(told)

    def _compare(self, file: Path, slug: str, found: list[Finding]) -> None:
        try:
            expected = expected_of(yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), slug)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise CommandError(f"{file}: {error}") from None
        except (KeyError, AttributeError, TypeError):
            raise CommandError(f"{file}: it expects nothing of {slug}; write {slug}: {{CHECK: status}}") from None
        different = 0
        for check, wanted, got in compared(expected, found):
            mark = " " if wanted == got else "!"
            different += wanted != got
            self.stdout.write(f"{mark} {check:<24} {wanted:<18} {got or '-'}")
        self.stdout.write(
            _("%(equal)s of %(all)s are as expected") % {"equal": len(expected) - different, "all": len(expected)}
        )
        if different:
            sys.exit(1)


def _version(written: str) -> int | str:
    if written == DRAFT:
        return DRAFT
    if written.isdecimal():
        return int(written)
    raise ArgumentTypeError(f"{written!r} is neither a version's number nor {DRAFT}")


def _status_words() -> dict[str, str]:
    return {
        "present": _("present"),
        "partial_or_vague": _("partial or vague"),
        "outdated": _("outdated"),
        "missing": _("missing"),
        "contradictory": _("contradictory"),
        "not_applicable": _("not applicable"),
    }


def _cited(decision: dict[str, Any]) -> str:
    """A decision in one line: whose, when, what about, how much, and whether it is final."""
    open_ = _("under appeal, or not known to be final")
    said = f"{decision['name']} ({decision['year']}): {decision['about']}"
    if decision["amount"] is not None:
        amount = f"{decision['amount']:,}".replace(",", "\u00a0")
        said += f"; {amount} {decision['currency']}"
    return f"{said} [{open_}]" if decision["under_appeal"] else said
