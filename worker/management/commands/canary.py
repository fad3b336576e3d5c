"""`manage.py canary declare|withdraw|list SLUG`: people who do not exist, to see what the deletion does with them."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.alarms.words import sentence
from retention.canaries import declare, withdraw
from retention.domain.errors import SelosteError
from retention.models import Canary
from retention.models.alarm import AlarmKind
from retention.models.canary import CanaryState, Expects
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Declare a made-up person who was entered into a register, withdraw one, or list how they stand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["declare", "withdraw", "list"])
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("number", nargs="?", type=int, help="withdraw: which canary")
        parser.add_argument("--dataset", default="", help="declare: in which dataset it is")
        parser.add_argument("--subject", default="", help="declare: its number, which is nobody's")
        parser.add_argument("--expects", choices=list(Expects.values), help="declare: what is to become of it")
        parser.add_argument("--due-on", metavar="DATE", type=date.fromisoformat, help="declare: when it falls due")
        parser.add_argument("--gone-by", metavar="DATE", type=date.fromisoformat, help="declare: the last day there")
        parser.add_argument("--by", metavar="ROLE", default="", help="who declares or withdraws it, as a role")
        parser.add_argument("--reason", default="", help="withdraw: why, without personal data")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        if options["verb"] != "list" and not options["by"].strip():
            raise CommandError("say with --by who does this")
        with translation.override(options["language"]):
            try:
                found = getattr(self, f"_{options['verb']}")(organisation, options)
            except SelosteError as error:
                raise CommandError(str(error)) from None
            self._print(found, as_json=options["json"])
        if any(one.state == CanaryState.WRONG for one in found):
            sys.exit(1)

    def _declare(self, organisation: Organisation, options: dict[str, Any]) -> list[Canary]:
        for name in ("dataset", "subject", "expects", "due_on", "gone_by"):
            if not options[name]:
                raise CommandError(f"--{name.replace('_', '-')} is missing")
        names = ("dataset", "subject", "expects", "due_on", "gone_by", "by")
        return [declare(organisation, **{name: options[name] for name in names}, now=timezone.now())]

    def _withdraw(self, organisation: Organisation, options: dict[str, Any]) -> list[Canary]:
        canary = Canary.objects.filter(organisation=organisation, pk=options["number"]).first()
        if canary is None:
            raise CommandError(f"there is no canary {options['number']}")
        return [withdraw(canary, options["reason"], options["by"], timezone.now())]

    def _list(self, organisation: Organisation, options: dict[str, Any]) -> list[Canary]:
        return list(Canary.objects.filter(organisation=organisation).order_by("pk"))

    def _print(self, found: list[Canary], *, as_json: bool) -> None:
        if as_json:
            rows = [
                {
                    "id": one.pk,
                    "dataset": one.dataset,
                    "expects": one.expects,
                    "due_on": one.due_on.isoformat(),
                    "gone_by": one.gone_by.isoformat(),
                    "state": one.state,
                    "problem": one.problem,
                    "looked_on": one.looked_on.isoformat() if one.looked_on else None,
                }
                for one in found
            ]
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for one in found:
            told = {"number": one.pk, "dataset": one.dataset, "state": _state(one)}
            self.stdout.write(_("Canary %(number)d, dataset %(dataset)s: %(state)s") % told)
            if one.problem:
                facts = {"dataset": one.dataset, "problem": one.problem, "day": one.looked_on}
                self.stdout.write(f"    {sentence(AlarmKind.CANARY_WRONG, str(one.pk), facts)}")
        if not found:
            self.stdout.write(_("No canary was declared."))


def _state(canary: Canary) -> str:
    return {
        CanaryState.DECLARED: _("not found in the register yet"),
        CanaryState.THERE: _("there, as it should be"),
        CanaryState.VANISHED: _("destroyed, as it should be"),
        CanaryState.WRONG: _("not as it should be"),
        CanaryState.WITHDRAWN: _("withdrawn"),
    }[CanaryState(canary.state)]
