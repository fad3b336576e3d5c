"""`manage.py evidence verify`: recompute the evidence from its beginning, and name the first broken place.

`manage.py evidence stamp`: ask the time-stamp authority for the stamps that heads lack, as every night does.

`manage.py evidence adopt`: our own database was restored from a backup, and that is known.

`manage.py evidence export|prove|forget`: all of it as one file that checks offline; what it says of one person, and
nobody else; that person's leaves destroyed. A person's number is read from standard input, never from an argument:
those stand in the shell's history and in the list of processes.

`manage.py evidence destroy`: the leaves of every night up to a month, and the keys that seal them, destroyed.

`manage.py evidence rotate|revoke`: the signing key replaced by one that it signs; a key that was retired is worth
nothing from an instant on, because it was stolen.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.controller_certificate import complete_in_words, issue, page
from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.evidence_export import export, fingerprint, prove
from retention.key_rotation import revoke, rotate
from retention.leaves import destroy_until, forget
from retention.models import EvidenceEntry
from retention.restoring import adopt
from retention.stamps import fetch
from ropa.models import Organisation

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
ACTIONS = ["verify", "stamp", "adopt", "export", "prove", "forget", "destroy", "certificate", "rotate", "revoke"]


class Command(BaseCommand):
    help = "Check the chains of evidence, the signatures of their heads, and the journals beside them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument(
            "--organisation", metavar="SLUG", help="one organisation; all that have evidence if left out"
        )
        parser.add_argument("--by", default="", help="adopt, forget, destroy, rotate, revoke: who says so, by role")
        parser.add_argument("--reason", default="", help="the same: why, without personal data")
        parser.add_argument(
            "--without-lost",
            action="store_true",
            help="adopt: what was lost and not placed, published or said again holds no more",
        )
        parser.add_argument(
            "--heads", metavar="DIRECTORY", type=Path, help="verify: copies of heads that left this machine"
        )
        parser.add_argument("--until", default="", metavar="YYYY-MM", help="destroy: the last month, one that is over")
        parser.add_argument("--key", default="", help="revoke: the retired key, by its id or in hex")
        parser.add_argument(
            "--since", metavar="INSTANT", help="revoke; rotate, if the key was stolen: from when on it signs nothing"
        )
        parser.add_argument(
            "--controller", default="", help="certificate: the name of the customer, as it is to stand there"
        )
        parser.add_argument("--out", metavar="FILE", type=Path, help="export, prove: the file to write")
        parser.add_argument(
            "--subject-kind", default="customer", help="prove, forget: whose number standard input says"
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "adopt":
            self._adopt(options)
            return
        if options["action"] not in {"verify", "stamp"}:
            with translation.override(options["language"]):
                getattr(self, f"_{options['action']}")(options)
            return
        known = EvidenceEntry.objects.order_by("organisation").values_list("organisation", flat=True).distinct()
        slugs = [options["organisation"]] if options["organisation"] else list(known)
        if not slugs or not set(slugs) <= set(known):
            raise CommandError("there is no evidence of any night" + (f" of {slugs[0]!r}" if slugs else ""))
        with translation.override(options["language"]):
            if options["action"] == "stamp":
                results = [self._stamp(slug, options["json"]) for slug in slugs]
            else:
                results = [self._verify(slug, options["json"], options["heads"]) for slug in slugs]
        if options["json"]:
            self.stdout.write(json.dumps(results, ensure_ascii=False, indent=2))
        if not all(result.get("intact", result.get("missing") == 0) for result in results):
            sys.exit(1)

    def _stamp(self, slug: str, quiet: bool) -> dict[str, Any]:
        if not settings.STAMP_URL:
            raise CommandError("SELOSTE_STAMP_URL names no time-stamp authority")
        done = fetch(slug)
        if not quiet:
            told = {"slug": slug, "given": done.given, "missing": done.missing}
            self.stdout.write(_("%(slug)s: time stamps given: %(given)d, missing: %(missing)d.") % told)
        if done.said and not quiet:
            self.stderr.write(f"{slug}: {done.said}")
        return {"organisation": slug, **asdict(done)}

    def _export(self, options: dict[str, Any]) -> None:
        slug = _organisation(options).slug
        lines = self._write(options, lambda out: export(slug, out))
        self.stdout.write(
            _("%(slug)s: %(lines)d lines. Whoever checks them needs this public key from you, by another way: %(key)s")
            % {"slug": slug, "lines": lines, "key": fingerprint()}
        )

    def _prove(self, options: dict[str, Any]) -> None:
        slug = _organisation(options).slug
        number = _number()
        leaves = self._write(options, lambda out: prove(slug, options["subject_kind"], number, out))
        self.stdout.write(_("%(slug)s: the proof shows %(leaves)d items.") % {"slug": slug, "leaves": leaves})

    def _certificate(self, options: dict[str, Any]) -> None:
        organisation = _organisation(options)
        if options["out"] is None or options["out"].suffix not in {".json", ".html"}:
            raise CommandError("--out names a .json or an .html file")
        number = _number()
        kind, language = options["subject_kind"], options["language"]
        told: dict[str, Any] = {}

        def write(out: BinaryIO) -> int:
            certificate, seal = issue(
                organisation, kind, number, options["controller"], _today(organisation), options["by"]
            )
            told.update(certificate)
            text = json.dumps({"certificate": certificate, "seal": seal}, ensure_ascii=False, indent=2, sort_keys=True)
            text = page(certificate, seal, language) if options["out"].suffix == ".html" else f"{text}\n"
            return out.write(text.encode("utf-8"))

        self._write(options, write)
        self.stdout.write(complete_in_words(told))
        if not told["complete"]:
            sys.exit(1)

    def _forget(self, options: dict[str, Any]) -> None:
        organisation = _organisation(options)
        number = _number()
        try:
            leaves = forget(
                organisation.slug,
                options["subject_kind"],
                number,
                _today(organisation),
                options["by"],
                options["reason"],
            )
        except EvidenceError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(slug)s: what the evidence said of %(leaves)d items was destroyed with its keys.")
            % {"slug": organisation.slug, "leaves": leaves}
        )

    def _destroy(self, options: dict[str, Any]) -> None:
        organisation = _organisation(options)
        if not MONTH.fullmatch(options["until"]):
            raise CommandError("--until names a month, YYYY-MM")
        try:
            months, leaves = destroy_until(
                organisation.slug, options["until"], _today(organisation), options["by"], options["reason"]
            )
        except EvidenceError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(slug)s: what the evidence said of %(leaves)d items in %(months)s was destroyed with its keys.")
            % {"slug": organisation.slug, "leaves": leaves, "months": ", ".join(months)}
        )

    def _rotate(self, options: dict[str, Any]) -> None:
        since = _instant(options["since"]) if options["since"] else None
        try:
            old, new = rotate(timezone.now(), options["by"], options["reason"], since)
        except (EvidenceError, OSError) as error:
            raise CommandError(str(error)) from error
        words = {"old": old, "new": new, "key": fingerprint()}
        self.stdout.write(_("The key %(new)s signs from now on; %(old)s is retired. Its public key: %(key)s") % words)

    def _revoke(self, options: dict[str, Any]) -> None:
        if not options["key"] or not options["since"]:
            raise CommandError("revoke needs --key and --since")
        since = _instant(options["since"])
        try:
            revoke(options["key"], since, timezone.now(), options["by"], options["reason"])
        except (EvidenceError, OSError) as error:
            raise CommandError(str(error)) from error
        words = {"key": options["key"], "since": since.isoformat()}
        self.stdout.write(_("What the key %(key)s signed from %(since)s on is refused.") % words)

    def _write(self, options: dict[str, Any], write: Callable[[BinaryIO], int]) -> int:
        """To a draft that takes the file's name when it is whole and on the disk."""
        if options["out"] is None:
            raise CommandError(f"{options['action']} needs --out")
        path: Path = options["out"]
        draft = path.with_name(f"{path.name}.part")
        try:
            draft.touch(mode=0o600)
            with draft.open("wb") as file:
                written = write(file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except (EvidenceError, OSError) as error:
            draft.unlink(missing_ok=True)
            raise CommandError(str(error)) from error
        return written

    def _adopt(self, options: dict[str, Any]) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"] or "").first()
        if organisation is None or not options["by"].strip() or not options["reason"].strip():
            raise CommandError("adopt needs --organisation, --by and --reason")
        try:
            nights = adopt(organisation, timezone.now(), options["by"], options["reason"], options["without_lost"])
        except EvidenceError as error:
            raise CommandError(str(error)) from error
        with translation.override(options["language"]):
            words = {"slug": organisation.slug, "nights": ", ".join(nights)}
            self.stdout.write(_("%(slug)s: adopted. Nights whose entries are lost: %(nights)s.") % words)

    def _verify(self, slug: str, quiet: bool, heads: Path | None) -> dict[str, Any]:
        try:
            counts = verify(slug, heads).as_dict()
        except EvidenceError as error:
            self.stderr.write(_("%(slug)s: the evidence is NOT intact: %(error)s") % {"slug": slug, "error": error})
            return {"organisation": slug, "intact": False, "error": str(error)}
        if not quiet:
            words = {"slug": slug, **counts}
            self.stdout.write(
                _("%(slug)s: intact: %(entries)d entries in %(chains)d chains, %(heads)d signed heads.") % words
            )
            if counts["stamps"]:
                self.stdout.write(_("Heads with a time stamp: %(stamps)d.") % counts)
                if not settings.STAMP_CA:
                    self.stdout.write(_("Who gave the time stamps was not checked: SELOSTE_STAMP_CA is not set."))
            if counts["lost"]:
                self.stdout.write(_("Nights whose entries were lost with our own database: %(lost)d.") % counts)
            if counts["unsigned"]:
                self.stdout.write(
                    _("Chains of nights that are not finished, and so not signed: %(unsigned)d.") % counts
                )
        return {"organisation": slug, "intact": True, **counts}


def _organisation(options: dict[str, Any]) -> Organisation:
    organisation = Organisation.objects.filter(slug=options["organisation"] or "").first()
    if organisation is None:
        raise CommandError(f"{options['action']} needs --organisation")
    return organisation


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError("--since is an instant with its offset: 2026-06-30T14:00+03:00")
    return instant


def _today(organisation: Organisation) -> date:
    return organisation.day_of(timezone.now())


def _number() -> str:
    number = sys.stdin.readline().strip()
    if not number:
        raise CommandError("standard input says no number")
    return number
