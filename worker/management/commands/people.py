"""`manage.py people list|add|give|take|link|revoke|block|unblock SLUG`: accounts and roles, at the machine.

For the first administrator, and where nobody is left who may confirm (`entrance.people`). It is kept like the rest.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from entrance import people
from entrance.models import Act
from entrance.people import MACHINE, Asker, Done, PersonRefused
from ropa.models import Membership, Organisation, Role


class Command(BaseCommand):
    help = "Who has which role; give and take roles, make a link for a new password, revoke tokens, block accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["list", "add", "give", "take", "link", "revoke", "block", "unblock"])
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("--user", metavar="NAME", default="", help="whose account")
        parser.add_argument("--role", choices=Role.values, default="", help="give, take, add: which role")
        parser.add_argument("--by", metavar="NAME", default="", help="who does this")
        parser.add_argument("--reason", default="", help="why: it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        if options["verb"] == "list":
            for one in Membership.objects.filter(organisation=organisation).select_related("user"):
                self.stdout.write(f"{one.user.get_username():<30} {one.role}")
            return
        if not options["by"].strip():
            raise CommandError("say with --by who does this")
        try:
            for done in self._done(organisation, options):
                self._say(done)
        except PersonRefused as error:
            raise CommandError(str(error)) from None

    def _done(self, organisation: Organisation, options: dict[str, Any]) -> list[Done]:
        by = Asker(f"{MACHINE}:{options['by']}", None)
        verb, role, reason = options["verb"], options["role"], options["reason"]
        if verb in {"add", "give", "take"} and not role:
            raise CommandError("say with --role which role")
        if verb == "add":
            made = people.make_account(organisation, options["user"], by, reason)
            return [made, people.act(organisation, Act.GIVE, made.act.user, role, by, reason)]
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['user']!r}: --user names an account")
        return [people.act(organisation, Act(verb), user, role if verb in {"give", "take"} else "", by, reason)]

    def _say(self, done: Done) -> None:
        self.stdout.write(f"{done.act.act} {done.act.role} {done.act.whom}".replace("  ", " "))
        if done.link:
            address = (settings.PUBLIC_URL or "http://127.0.0.1:8000").rstrip("/")
            self.stdout.write(f"once, within three days: {address}/welcome/{done.link}/")
