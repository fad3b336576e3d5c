"""`manage.py paper_orders`: the orders that wait for the archive keeper, and the certificates they come back with."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from retention.connectors.contract import ConnectorError
from retention.connectors.paper_orders import METHODS, Answer
from retention.domain.errors import EvidenceError, LifecycleError
from retention.paper import archives, record
from retention.plan import plan_of
from ropa.models import Organisation
from ropa.selectors import version_in_force


class Command(BaseCommand):
    help = "List the open orders of a paper archive, or record the certificate of one (--certify NUMBER)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", required=True)
        parser.add_argument("--certify", metavar="NUMBER", help="the order whose signed certificate came back")
        parser.add_argument(
            "--on", metavar="DATE", type=date.fromisoformat, help="the day of destruction; today if left out"
        )
        parser.add_argument("--signed-by", metavar="ROLE", help="the role of who signed, not a name")
        parser.add_argument("--only", metavar="PAPER", nargs="+", help="what was destroyed, if it was not all of it")
        parser.add_argument("--not-found", metavar="PAPER", nargs="+", default=[], help="what was looked for in vain")
        parser.add_argument("--method", choices=METHODS, default="", help="how it was destroyed")
        parser.add_argument("--level", metavar="LEVEL", default="", help="how finely, P-4 for example")
        parser.add_argument("--witness", metavar="ROLE", default="", help="the role of the other person who was there")
        parser.add_argument("--by", metavar="ROLE", default="", help="who records it, as a role")
        parser.add_argument("--seal", metavar="NUMBER", nargs="+", default=[], help="seals of the container")
        parser.add_argument("--json", action="store_true", help="print the open orders as JSON")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organisation = Organisation.objects.get(slug=options["organisation"])
        except Organisation.DoesNotExist:
            raise CommandError(f"there is no organisation {options['organisation']!r}") from None
        try:
            with translation.override(options["language"]):
                if options["certify"]:
                    self._certify(organisation, options)
                else:
                    self._list(organisation, options["json"])
        except (ConnectorError, LifecycleError, EvidenceError) as error:
            raise CommandError(str(error)) from None

    def _certify(self, organisation: Organisation, options: dict[str, Any]) -> None:
        if not options["signed_by"]:
            raise CommandError("say with --signed-by in which role it was signed")
        number, now = options["certify"], timezone.now()
        version = version_in_force(organisation, organisation.day_of(now))
        answer = Answer(
            options["only"],
            options["on"] or organisation.day_of(now),
            options["signed_by"],
            options["seal"],
            options["not_found"],
            options["method"],
            options["level"],
            options["witness"],
        )
        for archive in archives(organisation):
            if number in archive.orders.written:
                plan = plan_of(version) if version is not None else None
                record(archive, number, answer, f"shell:{options['by']}", now, plan)
                self.stdout.write(_("The certificate of order %(number)s is recorded.") % {"number": number})
                return
        raise CommandError(f"{organisation.slug} has no order {number}")

    def _list(self, organisation: Organisation, as_json: bool) -> None:
        found = [
            {"archive": archive.code, "order": written.number, **written.order}
            for archive in archives(organisation)
            for written in archive.orders.written.values()
            if written.open
        ]
        if as_json:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            return
        if not found:
            self.stdout.write(_("No order waits for the archive keeper."))
        for order in found:
            self.stdout.write(
                f"{order['order']}  {order['box']}  {order['shelf'] or '–'}  "
                + _("papers: %(n)d") % {"n": len(order["papers"])}
            )
