"""`manage.py activities`: ready-made activities, and those of another organisation, taken into a draft."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document import yaml_text
from retention.onboarding.activities import Taking, preview, take
from retention.onboarding.activities.told import as_dict, contents, offered_as_dict
from ropa.law import LANGUAGES
from ropa.models import Organisation
from ropa.ready_made import SECTORS, Offered, ready_made


class Command(BaseCommand):
    help = (
        "List ready-made activities, show one, or take some into an organisation's draft: from the library, or with "
        "--from out of another organisation's draft. Without --apply, show what would become of the draft."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="activities; without --organisation, what they bring")
        parser.add_argument("--sector", choices=SECTORS)
        parser.add_argument("--organisation", metavar="SLUG", help="take them into the draft of this organisation")
        parser.add_argument("--from", metavar="SLUG", dest="source", help="out of the draft of this organisation")
        parser.add_argument(
            "--register",
            metavar="ID=ID",
            action="append",
            default=[],
            help="a register that comes along = the register of the draft that stands in its place",
        )
        parser.add_argument("--apply", action="store_true", help="make them part of the draft")
        parser.add_argument("--by", default="administrator", help="who does it, as a role")
        parser.add_argument("--reason", default="", help="why; stands in the history")
        parser.add_argument("--language", choices=LANGUAGES, help="the organisation's, or fi")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["organisation"] is None:
            self._show(options)
            return
        organisation = _organisation(options["organisation"])
        source = _organisation(options["source"]) if options["source"] else None
        today = organisation.day_of(timezone.now())
        taking = Taking(tuple(options["ids"]), source, dict(_pair(one) for one in options["register"]))
        try:
            if options["apply"]:
                found = take(organisation, taking, today, options["by"], options["reason"])
            else:
                found = preview(organisation, taking, today)
        except LifecycleError as error:
            raise CommandError(str(error)) from None
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            self.stderr.write(f"{organisation.slug}: nothing was changed")
            sys.exit(1)
        told = as_dict(found, options["language"] or organisation.language)
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            self._tell(told, options["apply"])
        if told["problems"]:
            sys.exit(1)

    def _show(self, options: dict[str, Any]) -> None:
        if options["apply"] or options["source"]:
            raise CommandError("--organisation SLUG is missing: whose draft takes them?")
        library = ready_made()
        language = options["language"] or "fi"
        unknown = [code for code in options["ids"] if code not in library.offered]
        if unknown:
            raise CommandError(f"there is no ready-made activity {', '.join(unknown)}")
        if options["ids"]:
            self._show_these(
                [library.offered[code] for code in dict.fromkeys(options["ids"])], language, options["json"]
            )
            return
        offered = [one for one in library.offered.values() if options["sector"] in (None, one.sector)]
        told = [offered_as_dict(one, language) for one in offered]
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for one in told:
            self.stdout.write(f"{one['sector']}  {one['id']}: {one['name']}\n    {one['summary']}")

    def _show_these(self, offered: list[Offered], language: str, as_json: bool) -> None:
        if as_json:
            told = [{**offered_as_dict(one, language), "entries": contents(one)} for one in offered]
            self.stdout.write(json.dumps(told if len(told) > 1 else told[0], ensure_ascii=False, indent=2))
            return
        for one in offered:
            for line in (one.summary[language], *(f"to be decided: {said[language]}" for said in one.decide)):
                self.stdout.write(f"# {line}")
        self.stdout.write(yaml_text.write(contents(*offered)), ending="")

    def _tell(self, told: dict[str, Any], applied: bool) -> None:
        for what in ("added", "kept"):
            for one in told[what]:
                self.stdout.write(f"{what} {one['path']}: {one['name']}")
        for place in told["linked"]:
            self.stdout.write(f"now also about it: {place}")
        for one in told["renamed"]:
            self.stdout.write(f"under another id, {one['path']}: {one['id']}")
        for place in told["left_out"]:
            self.stdout.write(f"not taken over, the other's own: {place}")
        for one in told["decide"]:
            self.stdout.write(f"to be decided, {one['path']}: {one['question']}")
        for one in told["warnings"]:
            self.stdout.write(f"warning: {one['path']}: {one['message']}")
        for one in told["problems"]:
            self.stderr.write(f"{one['path']}: {one['message']}")
        if not told["problems"]:
            self.stdout.write(
                "the draft has it; nothing is published" if applied else "nothing was changed: --apply does it"
            )


def _organisation(slug: str) -> Organisation:
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"there is no organisation {slug!r}")
    return found


def _pair(written: str) -> tuple[str, str]:
    one, sign, other = written.partition("=")
    if not (one and sign and other):
        raise CommandError(f"--register {written!r}: write it as ID=ID")
    return one, other
