"""What a hold, or a withdrawn substitute, came in time for."""

from __future__ import annotations

from typing import Protocol

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from web.words import number


class InTime(Protocol):
    """How many records were saved, are under way, and had gone."""

    @property
    def saved(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def gone(self) -> int: ...


def tell(request: HttpRequest, told: InTime) -> None:
    """A message for each number that is not 0."""
    for count, text in (
        (told.saved, ngettext("%(n)s record was saved.", "%(n)s records were saved.", told.saved)),
        (
            told.in_flight,
            ngettext(
                "%(n)s record was sent already; its outcome is not known yet.",
                "%(n)s records were sent already; their outcome is not known yet.",
                told.in_flight,
            ),
        ),
        (told.gone, ngettext("%(n)s record was gone.", "%(n)s records were gone.", told.gone)),
    ):
        if count:
            messages.info(request, text % {"n": number(count)})
