"""`manage.py decide FILE`: what would become of these items, and why. Changes nothing.

Exit code 0 if every case was decided and agrees with what it expects, where it expects something.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from retention.domain.cases import Case, answer, parse_cases
from retention.domain.errors import DocumentError
from worker.decision_words import day, reasons, sentence


class Command(BaseCommand):
    help = "Decide cases (YAML or JSON) and explain each: what keeps the item, until when, and what happens then."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a list of cases; docs/reference/cases.md describes one")
        parser.add_argument("--json", action="store_true", help="print id and decision of each case as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        cases, problems = self._read(options["file"])
        for problem in problems:
            self.stderr.write(str(problem))
        answers = [{"id": case.id, **answer(case.decide())} for case in cases]
        different = [
            case.id
            for case, given in zip(cases, answers, strict=True)
            if case.expect is not None and {"id": case.id, **case.expect} != given
        ]
        if options["json"]:
            self.stdout.write(json.dumps(answers, ensure_ascii=False, indent=2))
        else:
            with translation.override(options["language"]):
                for case in cases:
                    self._explain(case, case.id in different)
        for id_ in different:
            self.stderr.write(f"{id_}: is not decided as the case expects")
        if problems or different:
            sys.exit(1)

    def _read(self, file: Path) -> tuple[list[Case], list[Any]]:
        try:
            documents = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            return parse_cases(documents)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, DocumentError) as error:
            raise CommandError(f"{file}: {error}") from None

    def _explain(self, case: Case, differs: bool) -> None:
        decision = case.decide()
        says = f" – {case.says}" if case.says else ""
        self.stdout.write(f"{case.id}{says}")
        self.stdout.write(f"  {day(case.today)}  {sentence(decision)}")
        for line in reasons(decision):
            self.stdout.write(f"    · {line}")
        if differs:
            self.stdout.write("    ! " + _("The case expects something else."))
