"""`manage.py confirm_connection SLUG CODE`: what of a changed connection waits, and its confirmation at the machine.

For where nobody is left who may confirm on the pages (`retention.connection_changes`). It is kept like the rest.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention.connection_changes import Change, changes, confirm
from retention.domain.errors import LifecycleError
from ropa.models import Organisation


class Command(BaseCommand):
    help = "Tell how a connection was changed, and confirm it with --digest, so that nights use it again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organisation")
        parser.add_argument("code", help="the connection")
        parser.add_argument("--digest", default="", help="what is confirmed, as it was told; without it, it is told")
        parser.add_argument("--by", metavar="NAME", default="", help="who does this")
        parser.add_argument("--reason", default="", help="why: it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"]).first()
        if organisation is None:
            raise CommandError(f"there is no organisation {options['slug']!r}")
        if not options["digest"]:
            self._tell([one for one in changes(organisation) if one.connection.code == options["code"]])
            return
        if not options["by"].strip():
            raise CommandError("say with --by who does this")
        by, now = f"machine:{options['by'].strip()}", timezone.now()
        try:
            confirm(organisation, options["code"], options["digest"], by, None, options["reason"], now)
        except LifecycleError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['code']}: confirmed")

    def _tell(self, found: list[Change]) -> None:
        for one in found:
            for name, was, now in one.fields():
                self.stdout.write(f"{name}: {was or '-'} -> {now or '-'}")
            self.stdout.write(f"digest {one.digest}")
        if not found:
            self.stdout.write("nothing waits")
