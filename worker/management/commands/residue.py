"""`manage.py residue list|again|removed|keep`: what is left of deleted items, and what people do and say about it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import residue
from retention.domain.errors import SelosteError
from retention.models import Lot
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Lots of whose deleted items something is there still: list them, look again, or say why it stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "again", "removed", "keep"])
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--lot", type=int, metavar="N", help="again, removed, keep: which lot")
        parser.add_argument("--by", default="", help="again, removed, keep: who decides it, by role")
        parser.add_argument("--reason", default="", help="again, removed, keep: why, without personal data")
        parser.add_argument(
            "--until", type=date.fromisoformat, metavar="DATE", help="keep: the last day before it is a problem again"
        )
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['organisation']!r}")
        today = organisation.day_of(timezone.now())
        with translation.override(options["language"]):
            if options["action"] == "list":
                self._list(organisation, today)
                return
            lot = Lot.objects.filter(organisation=organisation, pk=options["lot"]).first()
            if lot is None:
                raise CommandError(f"{options['action']} needs --lot: the number of one of this organisation's lots")
            try:
                getattr(self, f"_{options['action']}")(lot, today, options)
            except SelosteError as error:
                raise CommandError(str(error)) from error

    def _list(self, organisation: Organisation, today: date) -> None:
        found = residue.lots(organisation)
        for lot in found:
            number = residue.items(lot)
            line = ngettext(
                "Lot %(lot)d of %(dataset)s: of %(n)d deleted item something is there still: %(where)s.",
                "Lot %(lot)d of %(dataset)s: of %(n)d deleted items something is there still: %(where)s.",
                number,
            )
            words = {"lot": lot.pk, "dataset": lot.dataset, "n": number, "where": ", ".join(residue.where(lot))}
            self.stdout.write(line % words)
            if residue.seen_once(lot):
                self.stdout.write(_("Some of it no later connection can see: say when it was removed."))
            if residue.kept(lot, today):
                self.stdout.write(_("Recorded why it stays, until %(day)s.") % {"day": lot.residue_kept_until})
        if not found:
            self.stdout.write(_("Nothing is left of any deleted item, as far as was read back."))

    def _again(self, lot: Lot, today: date, options: dict[str, Any]) -> None:
        self._tell_left(lot, residue.again(lot, today, options["by"], options["reason"]))

    def _removed(self, lot: Lot, today: date, options: dict[str, Any]) -> None:
        self._tell_left(lot, residue.removed(lot, today, options["by"], options["reason"]))

    def _tell_left(self, lot: Lot, left: int) -> None:
        if left == 0:
            self.stdout.write(_("Nothing is left: lot %(lot)d is verified.") % {"lot": lot.pk})
            return
        line = ngettext("Of %(n)d item something is there still.", "Of %(n)d items something is there still.", left)
        self.stdout.write(line % {"n": left})

    def _keep(self, lot: Lot, today: date, options: dict[str, Any]) -> None:
        if options["until"] is None:
            raise CommandError("keep needs --until")
        residue.keep(lot, today, options["until"], options["by"], options["reason"])
        words = {"lot": lot.pk, "day": options["until"]}
        self.stdout.write(_("What is left of lot %(lot)d stays until %(day)s; then it is a problem again.") % words)
