"""`manage.py suppression`: the list of marketing bans: ask it, add to it, lift a ban, take a list in, change its key.

What is asked on the command line is read from standard input or a file, never from an argument: those stand in the
shell's history and in the list of processes.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, SuppressionError
from retention.identifiers import KINDS, Identifier
from retention.suppression import ALL, CHANNELS, ban, check_many, forget_lifted, lift
from retention.suppression_keys import rotate
from retention.suppression_lists import Columns, check_list, import_bans
from ropa.models import Organisation

SHOWN = 20
"""Numbers of lines that are printed; `--json` has them all."""


class Command(BaseCommand):
    help = "Marketing bans: check people or a list, add or lift bans, import a list, forget what was lifted, rotate."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["check", "ban", "lift", "import", "forget", "rotate"])
        parser.add_argument("--organisation", metavar="SLUG", help="whose list; rotate: not needed")
        parser.add_argument("--list", metavar="FILE", type=Path, help="check, import: a CSV file")
        parser.add_argument("--allowed", metavar="FILE", type=Path, help="check: write the lines that may be contacted")
        parser.add_argument("--encoding", default="utf-8-sig", help="of the list; UTF-8 if left out")
        for kind in KINDS:
            parser.add_argument(f"--{kind}-column", metavar="HEADING", action="append", default=[])
        parser.add_argument("--channel", metavar="CHANNEL", action="append", default=[], help=", ".join(CHANNELS))
        parser.add_argument("--channel-column", metavar="HEADING", default="", help="import: where a line says it")
        parser.add_argument("--since-column", metavar="HEADING", default="", help="import: where a line says its day")
        parser.add_argument("--kind", choices=KINDS, default="email", help="of what standard input says, one a line")
        parser.add_argument("--subject-kind", default="customer", help="whose numbers they are")
        parser.add_argument("--on", metavar="DATE", type=date.fromisoformat, help="since when; today if left out")
        parser.add_argument("--before", metavar="DATE", type=date.fromisoformat, help="forget: lifted before this day")
        parser.add_argument("--by", metavar="ROLE", default="", help="who says so, as a role")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        act = getattr(self, f"_{options['action']}")
        try:
            with translation.override(options["language"]):
                act(options)
        except DocumentError as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            raise CommandError(f"{options['list'].name}: nothing was taken in") from None
        except SuppressionError as error:
            raise CommandError(str(error)) from None

    def _check(self, options: dict[str, Any]) -> None:
        organisation = _organisation(options)
        if options["list"] is None:
            self._check_typed(organisation, options)
            return
        if len(options["channel"]) != 1:
            raise CommandError("say with --channel which one channel the list is for")
        found = check_list(
            organisation,
            options["list"],
            _columns(options),
            options["channel"][0],
            options["allowed"],
            options["encoding"],
        )
        if options["json"]:
            told = {"lines": found.lines, "banned": found.banned, "unreadable": found.unreadable}
            self.stdout.write(json.dumps(told))
        else:
            counts = {"lines": found.lines, "banned": len(found.banned), "unreadable": len(found.unreadable)}
            self.stdout.write(
                _("Lines: %(lines)d. Banned: %(banned)d. Cannot be read, so not to be contacted: %(unreadable)d.")
                % counts
            )
            for text, numbers in ((_("Banned"), found.banned), (_("Cannot be read"), found.unreadable)):
                if numbers:
                    more = " …" if len(numbers) > SHOWN else ""
                    self.stdout.write(f"{text}: {', '.join(map(str, numbers[:SHOWN]))}{more}")
        if not found.clean:
            sys.exit(1)

    def _check_typed(self, organisation: Organisation, options: dict[str, Any]) -> None:
        verdicts = list(check_many(organisation, [[one] for one in _typed(options)]))
        for number, verdict in enumerate(verdicts, 1):
            banned = ", ".join(sorted(verdict.banned)) or _("not banned")
            words = _("Cannot be read") if verdict.unreadable else banned
            self.stdout.write(f"{number}: {words}")
        if any(verdict.banned or verdict.unreadable for verdict in verdicts):
            sys.exit(1)

    def _ban(self, options: dict[str, Any]) -> None:
        organisation, day = _organisation(options), _day(options)
        added = ban(organisation, _typed(options), options["channel"] or [ALL], day, _by(options))
        self.stdout.write(_("New entries: %(n)d.") % {"n": added})

    def _lift(self, options: dict[str, Any]) -> None:
        organisation, day = _organisation(options), _day(options)
        added = lift(organisation, _typed(options), options["channel"] or [ALL], day, _by(options))
        self.stdout.write(_("New entries: %(n)d.") % {"n": added})

    def _import(self, options: dict[str, Any]) -> None:
        organisation, day = _organisation(options), _day(options)
        if options["list"] is None:
            raise CommandError("say with --list which file")
        channels = options["channel"] or [ALL]
        lines, added = import_bans(
            organisation, options["list"], _columns(options), channels, day, _by(options), options["encoding"]
        )
        self.stdout.write(_("Lines: %(lines)d. New entries: %(n)d.") % {"lines": lines, "n": added})

    def _forget(self, options: dict[str, Any]) -> None:
        if options["before"] is None:
            raise CommandError("say with --before which day")
        gone = forget_lifted(_organisation(options), options["before"])
        self.stdout.write(_("Entries of lifted bans that were removed: %(n)d.") % {"n": gone})

    def _rotate(self, options: dict[str, Any]) -> None:
        old, new = rotate()
        self.stdout.write(
            _("New key %(new)s. The key %(old)s stays for checking: back up both.") % {"new": new, "old": old}
        )


def _organisation(options: dict[str, Any]) -> Organisation:
    organisation = Organisation.objects.filter(slug=options["organisation"] or "").first()
    if organisation is None:
        raise CommandError(f"there is no organisation {options['organisation'] or ''!r}: say --organisation SLUG")
    return organisation


def _day(options: dict[str, Any]) -> date:
    zone = ZoneInfo(_organisation(options).time_zone)
    today: date = timezone.now().astimezone(zone).date()
    day: date = options["on"] or today
    if day > today:
        raise CommandError(f"{day} lies ahead: a ban holds from the day it was said")
    return day


def _by(options: dict[str, Any]) -> str:
    if not options["by"].strip():
        raise CommandError("say with --by who tells it, as a role")
    return f"by:{options['by'].strip()}"[:140]


def _columns(options: dict[str, Any]) -> Columns:
    kinds = {heading: kind for kind in KINDS for heading in options[f"{kind}_column"]}
    return Columns(kinds, options["subject_kind"], options["channel_column"], options["since_column"])


def _typed(options: dict[str, Any]) -> list[Identifier]:
    """What standard input says, one identifier a line."""
    lines = [line.strip() for line in sys.stdin]
    found = [Identifier(options["kind"], line, options["subject_kind"]) for line in lines if line]
    if not found:
        raise CommandError("standard input says nobody: one identifier a line")
    return found
