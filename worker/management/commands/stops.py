"""`manage.py stops pull|resume|list SLUG`: stop everything, or a register; take that back; who did so when."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from retention import holds
from retention.domain.errors import SelosteError
from retention.models import StopEvent
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Stop everything, or a register, from the next chunk on; take a stop back; list who stopped what and when."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["pull", "resume", "list"])
        parser.add_argument("slug", help="the organisation")
        parser.add_argument(
            "--register", metavar="CODE", action="append", help="a register, may be said again; left out: everything"
        )
        parser.add_argument("--by", metavar="ROLE", default="", help="who pulls or takes it back, as a role")
        parser.add_argument("--reason", default="", help="pull: why, without personal data")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        if options["verb"] != "list":
            self._change(organisation, options)
        events = list(StopEvent.objects.filter(organisation=organisation).order_by("pk"))
        with translation.override(options["language"]):
            self._print(events, as_json=options["json"])

    def _change(self, organisation: Organisation, options: dict[str, Any]) -> None:
        if not options["by"].strip():
            raise CommandError("say with --by who does this")
        registers = options["register"]
        try:
            holds.refuse_unknown(organisation, registers or ())
            if options["verb"] == "pull":
                holds.stop(organisation, registers, options["by"], options["reason"])
            else:
                holds.resume(organisation, registers, options["by"])
        except SelosteError as error:
            raise CommandError(str(error)) from None

    def _print(self, events: list[StopEvent], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([_told(event) for event in events], ensure_ascii=False, indent=2))
            return
        for event in events:
            self.stdout.write(f"{localtime(event.at):%Y-%m-%d %H:%M} {event.by}: {_state(event)}")
        if not events:
            self.stdout.write(_("Nothing is stopped, and nothing ever was."))


def _state(event: StopEvent) -> str:
    if event.everything:
        return _("everything is stopped: %(reason)s") % {"reason": event.reason}
    if event.registers:
        told = {"registers": ", ".join(event.registers), "reason": event.reason}
        return _("stopped: %(registers)s: %(reason)s") % told
    return _("nothing is stopped any more")


def _told(event: StopEvent) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "by": event.by,
        "everything": event.everything,
        "registers": event.registers,
        "reason": event.reason,
    }
