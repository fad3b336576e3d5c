"""`manage.py decision_log SLUG RULE`: every version that decided about one ground or ceiling, and why."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ropa.change_words import change_in_words, label, said
from ropa.decisions import Decision, Place, decisions
from ropa.law import LANGUAGES
from ropa.models import Organisation
from ropa.wording import day_in_words


class Command(BaseCommand):
    help = "Show the decision log of a rule: when it appeared, changed or went, who decided, why, and on which opinion."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("rule", help="its place, such as datasets[crm-asiakkaat].grounds[sopimus]")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", choices=LANGUAGES, help="the organisation's if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            place = Place.parse(options["rule"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        log = decisions(organisation.versions.standing().order_by("number"), place)
        if not log:
            raise CommandError(f"{organisation.slug}: no published version has {place}")
        if options["json"]:
            rows = [decision.as_data() for decision in log]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True))
            return
        for decision in log:
            self._write(decision, options["language"] or organisation.language)

    def _write(self, decision: Decision, language: str) -> None:
        self.stdout.write(
            said(
                "decided",
                language,
                number=decision.version,
                day=day_in_words(decision.in_force_from, language),
                what=said(f"rule_{decision.what.value}", language),
                by=decision.publisher,
                published=day_in_words(decision.published_at.date(), language),
            )
        )
        if decision.reason:
            self._line(said("reason", language, text=decision.reason))
        if decision.opinion is not None:
            stance = said(f"stance_{decision.opinion['stance']}", language)
            told = said("opinion", language, stance=stance, by=decision.opinion["by"], text=decision.opinion["text"])
            self._line(told.rstrip(": "))
        if decision.opinion_reason:
            self._line(said("opinion_reason", language, text=decision.opinion_reason))
        for change in decision.changes:
            self._line(change_in_words(change, decision.before, decision.rule, language))
        for record in decision.records:
            told = said(f"record_{record['kind']}", language)
            day = f", {day_in_words(record['on'], language)}" if record.get("on") else ""
            self._line(f"{label('records', language)}: {told}: {record['reference']}{day}")

    def _line(self, text: str) -> None:
        self.stdout.write(f"  {text}")
