"""`manage.py lots WHAT SLUG …`: what waits to go, and a controller's yes or no to it at the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.approvals import SHELL, approve, approvers, controller, still_wanted
from retention.disposal import reject
from retention.domain.breakers import Breaker
from retention.domain.errors import SelosteError
from retention.domain.lifecycle import LotState
from retention.models import Lot
from ropa.models import Organisation
from worker.night_table import number


class Command(BaseCommand):
    help = "List the lots that wait for a decision, show one, and approve or reject it in a controller's name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "show", "approve", "reject"])
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("number", nargs="?", type=int, help="the lot (show, approve, reject)")
        parser.add_argument("--by", metavar="USER", default="", help="in whose name: a controller's user name")
        parser.add_argument("--digest", default="", help="approve: the lot's, as it was looked at")
        parser.add_argument("--reason", default="", help="reject: why, without personal data")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--language", default="fi", choices=["fi", "sv", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        try:
            with translation.override(options["language"]):
                self._act(organisation, options)
        except SelosteError as error:
            raise CommandError(str(error)) from None

    def _act(self, organisation: Organisation, options: dict[str, Any]) -> None:
        lots = Lot.objects.filter(organisation=organisation).select_related("run", "version", "organisation")
        lots = lots.defer("keys", "version__snapshot").prefetch_related("events")
        if options["what"] == "list":
            self._print([_told(lot) for lot in lots.filter(state=LotState.FLAGGED)], options["json"])
            return
        if options["number"] is None:
            raise CommandError(f"{options['what']} needs the number of a lot")
        lot = lots.filter(pk=options["number"]).first()
        if lot is None:
            raise CommandError(f"there is no lot {options['number']}")
        if options["what"] != "show":
            self._decide(lot, options)
            lot = lots.get(pk=lot.pk)
        told = _told(lot)
        self._print(told if options["json"] else [told], options["json"])

    def _decide(self, lot: Lot, options: dict[str, Any]) -> None:
        user = get_user_model().objects.filter(username=options["by"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['by']!r}: --by names an account")
        if options["what"] == "approve":
            approve(lot, user, options["digest"], at_the_shell=True)
        else:
            who = controller(lot.organisation, user)
            reject(lot, f"{SHELL}:{user.get_username()}", options["reason"], who.account)

    def _print(self, told: Any, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for one in told:
            items = ngettext("%(n)s item", "%(n)s items", one["size"]) % {"n": number(one["size"])}
            where = f"{one['register']} / {one['dataset']}"
            self.stdout.write(f"{one['lot']}: {where}: {items}: {one['action']}: {one['state']}")
            words = {"first": one["due_from"][0], "last": one["due_from"][1]}
            self.stdout.write("  " + _("due from: %(first)s – %(last)s") % words)
            if one["breaker"]:
                self.stdout.write("  " + out_of_proportion(one["breaker"]))
            self.stdout.write("  " + _("digest: %(digest)s") % {"digest": one["digest"]})
            self.stdout.write("  " + _("approved by: %(who)s") % {"who": ", ".join(one["approvals"]) or "–"})
            if one["approvals_wanted"]:
                wanted = ngettext(
                    "%(n)d person more must approve it", "%(n)d persons more must approve it", one["approvals_wanted"]
                )
                self.stdout.write("  " + wanted % {"n": one["approvals_wanted"]})
        if not told:
            self.stdout.write(_("No lot waits for a decision."))


def out_of_proportion(told: Mapping[str, Any]) -> str:
    """Why a lot waits though its policy asks nobody."""
    words = {
        Breaker.UNFORESEEN: _(
            "out of proportion: of %(items)d items %(unforeseen)d were due that nothing had foreseen"
        ),
        Breaker.SHARE: _("out of proportion: of %(items)d items %(due)d fell due in one night"),
    }
    return words[Breaker(told["breaker"])] % told


def _told(lot: Lot) -> dict[str, Any]:
    given = approvers(lot)
    return {
        "lot": lot.pk,
        "register": lot.register,
        "dataset": lot.dataset,
        "action": lot.action,
        "why": lot.why,
        "breaker": lot.breaker,
        "size": lot.size,
        "due_from": [lot.due_from_first.isoformat(), lot.due_from_last.isoformat()],
        "version": lot.version.number,
        "state": lot.state,
        "digest": lot.digest,
        "approvals": [one.who for one in given],
        "approvals_wanted": still_wanted(lot, given) if lot.state == LotState.FLAGGED else 0,
    }
