"""`manage.py law`: the law library, which rules cite a row, and what a coming change does to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ropa.citing import citing, citing_in_words, effect_in_words, effects, said
from ropa.law import LANGUAGES, library, versions_of, withheld
from ropa.law_words import row_as_data, row_in_words
from ropa.models import Organisation
from ropa.services import draft_of


class Command(BaseCommand):
    help = "Show the law library: its rows, which rules of an organisation cite one, and what a change does to them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", help="one row, in all its versions")
        parser.add_argument("--citing", metavar="ID", help="what of the draft of --organisation cites this row")
        parser.add_argument("--organisation", metavar="SLUG")
        parser.add_argument("--changes", metavar="SLUG", help="what changes for this organisation until --until")
        parser.add_argument("--until", metavar="DATE", type=date.fromisoformat)
        parser.add_argument("--on", metavar="DATE", type=date.fromisoformat, help="the day; today if left out")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", choices=LANGUAGES, help="the organisation's, or fi")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["citing"]:
            self._citing(options)
        elif options["changes"]:
            self._changes(options)
        else:
            self._rows(options)

    def _rows(self, options: dict[str, Any]) -> None:
        rows = versions_of(options["id"]) if options["id"] else tuple(library(options["on"] or _today()).values())
        if not rows:
            raise CommandError(f"there is no row of the law library {options['id']!r}")
        if options["id"] and options["id"] in withheld():
            raise CommandError(f"{options['id']} is not offered: it is too uncertain (grade E)")
        language = options["language"] or "fi"
        lines = [row_in_words(row, language, bool(options["id"])) for row in rows]
        self._write(options, [row_as_data(row) for row in rows], lines)

    def _citing(self, options: dict[str, Any]) -> None:
        if not options["organisation"]:
            raise CommandError("--citing needs --organisation")
        if not versions_of(options["citing"]):
            raise CommandError(f"there is no row of the law library {options['citing']!r}")
        organisation, language = _organisation(options["organisation"], options)
        day = options["on"] or _today(organisation)
        found = citing(draft_of(organisation), options["citing"], day)
        lines = [citing_in_words(one, language) for one in found] or [said("nobody", language)]
        self._write(options, [one.as_data() for one in found], lines)

    def _changes(self, options: dict[str, Any]) -> None:
        if options["until"] is None:
            raise CommandError("--changes needs --until")
        organisation, language = _organisation(options["changes"], options)
        day = options["on"] or _today(organisation)
        if options["until"] <= day:
            raise CommandError(f"--until is not after {day}")
        found = effects(draft_of(organisation), day, options["until"])
        lines = [effect_in_words(one, language) for one in found] or [said("nothing", language)]
        self._write(options, [one.as_data() for one in found], lines)

    def _write(self, options: dict[str, Any], data: list[dict[str, Any]], lines: Sequence[str]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True))
            return
        for line in lines:
            self.stdout.write(line)


def _organisation(slug: str, options: dict[str, Any]) -> tuple[Organisation, str]:
    organisation = Organisation.objects.filter(slug=slug).first()
    if organisation is None:
        raise CommandError(f"there is no organisation {slug!r}")
    return organisation, options["language"] or organisation.language


def _today(organisation: Organisation | None = None) -> date:
    if organisation is None:
        return timezone.localdate()
    return organisation.day_of(timezone.now())
