"""`manage.py close_register SLUG REGISTER`: ask whether a register may close, close it, or reopen it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.closed import closings
from retention.domain.errors import EvidenceError, LifecycleError
from retention.exit_certificate import STATES, backups_in_words, credentials_in_words, page
from retention.leaving import Checked, LeavingRefused, certificate_of, check, close, reopen, seal_of
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Close a register whose datasets are empty, migrated or held, with a certificate; --check only asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("register", help="the register's id")
        parser.add_argument("--by", metavar="ROLE", default="", help="the controller who decides, as a role")
        parser.add_argument("--reason", default="", help="why, without personal data")
        parser.add_argument("--check", action="store_true", help="only ask what is left; nothing is changed")
        parser.add_argument("--reopen", action="store_true", help="take a closing back")
        parser.add_argument("--out", metavar="FILE", type=Path, help="write the certificate: .json or .html")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        out: Path | None = options["out"]
        if out is not None and out.suffix not in {".json", ".html"}:
            raise CommandError("--out names a .json or an .html file")
        try:
            with translation.override(options["language"]):
                self._act(organisation, options)
        except LeavingRefused as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            raise CommandError(f"{options['register']} stays open") from None
        except (LifecycleError, EvidenceError) as error:
            raise CommandError(str(error)) from None

    def _act(self, organisation: Organisation, options: dict[str, Any]) -> None:
        code, now = options["register"], timezone.now()
        closed = closings(organisation).get(code)
        if options["check"]:
            self._tell(check(organisation, code, timezone.localdate(now)), options["json"])
        elif options["reopen"]:
            reopen(organisation, code, options["by"], options["reason"], now)
            self.stdout.write(_("%(code)s is open again; the next night asks it.") % {"code": code})
        elif closed is not None and options["out"] is not None:
            self._write(closed, options)  # once more: nothing is decided
        else:
            event = close(organisation, code, options["by"], options["reason"], now)
            told = certificate_of(event)
            if options["json"]:
                self.stdout.write(json.dumps({"certificate": told, "seal": seal_of(event)}, ensure_ascii=False))
            else:
                self.stdout.write(_("%(code)s is closed.") % {"code": code})
                self.stdout.write(backups_in_words(told["backups"]))
                self.stdout.write(credentials_in_words(told["connection"]))
            if options["out"] is not None:
                self._write(event, options)

    def _write(self, event: Any, options: dict[str, Any]) -> None:
        told, seal = certificate_of(event), seal_of(event)
        text = json.dumps({"certificate": told, "seal": seal}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        if options["out"].suffix == ".html":
            text = page(told, seal, options["language"])
        options["out"].write_text(text, encoding="utf-8")

    def _tell(self, found: Checked, as_json: bool) -> None:
        if as_json:
            told = {
                "register": found.register.code,
                "may_close": found.may_close,
                "datasets": [one.as_dict() for one in found.datasets],
                "problems": [{"where": problem.path, "message": problem.message} for problem in found.problems],
                "beside": dict(found.beside),
                "residue": list(found.residue),
                "backups": dict(found.backups),
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            for one in found.datasets:
                self.stdout.write(f"{one.dataset}: {_(STATES[one.state])} ({'–' if one.items is None else one.items})")
            beside = _("What lies there that no dataset asks for")
            for place, rows in sorted(found.beside.items()):
                self.stdout.write(f"{beside}: {place} ({rows})")
            for problem in found.problems:
                self.stdout.write(f"! {problem}")
            self.stdout.write(_("It may close.") if found.may_close else _("It may not close."))
        if not found.may_close:
            sys.exit(1)
