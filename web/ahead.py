"""What falls due in the 24 months ahead, by dataset and month: counted once a week, or now by a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from retention.counting import ask, waiting
from retention.models import Outlook
from retention.models.counting import Counted
from ropa.models import Organisation
from ropa.rights import Verb
from web.access import Place, page
from web.connector_words import problem_in_words
from web.record import Record, record_of
from web.shell import shown
from web.words import named, number

WIDTH, FLOOR, TOP = 720.0, 132.0, 26.0


@dataclass(frozen=True)
class Column:
    """One month's height, over the month's name where it is told."""

    x: float
    y: float
    width: float
    height: float
    month: str
    told: bool
    number: int
    value: str


@dataclass(frozen=True)
class Ahead:
    """The last count, added up. `unknown`: names of datasets that could not be asked, of which nothing can be said."""

    outlook: Outlook
    columns: Sequence[Column]
    at_once: int
    later: int
    held: int
    unknown: Sequence[str]
    rows: Sequence[Mapping[str, Any]]

    @property
    def known(self) -> bool:
        """Whether any dataset could be counted: else no number is said, and not 0."""
        return len(self.unknown) < len(self.rows)

    @property
    def months(self) -> Sequence[tuple[str, int]]:
        return [(one.month, one.number) for one in self.columns if one.number]


def ahead_of(organisation: Organisation) -> Ahead | None:
    """None before anybody has counted."""
    found = Outlook.objects.filter(organisation=organisation).select_related("version")
    kept = found.defer("version__snapshot").first()
    if kept is None:
        return None
    record = record_of(kept.version)
    asked = [one for one in kept.datasets if not one["problem"]]
    months: dict[str, int] = {}
    for one in asked:
        for month in one["months"]:
            months[month["month"]] = months.get(month["month"], 0) + month["gained"]
    return Ahead(
        kept,
        _columns(months),
        sum(one["at_once"]["gained"] for one in asked),
        sum(months.values()),
        sum(one["held"] for one in asked),
        [_name(record, "datasets", one["dataset"]) for one in kept.datasets if one["problem"]],
        [_row(one, record) for one in kept.datasets],
    )


def _name(record: Record, kind: str, code: str) -> str:
    return named(record.name_of(kind, code), code)


def _row(one: Mapping[str, Any], record: Record) -> dict[str, Any]:
    known = not one["problem"]
    first = next((month["month"] for month in one["months"] or () if month["gained"]), "")
    return {
        "name": _name(record, "datasets", one["dataset"]),
        "register": _name(record, "registers", one["register"]),
        "problem": problem_in_words(one["problem"]),
        "items": one["items"] if known else None,
        "at_once": one["at_once"]["gained"] if known else None,
        "later": sum(month["gained"] for month in one["months"]) if known else None,
        "held": one["held"] if known else None,
        "first": f"{int(first[5:])}/{first[:4]}" if first else "–",
    }


def _columns(months: Mapping[str, int]) -> list[Column]:
    most = max(months.values(), default=0)
    pitch = WIDTH / max(len(months), 1)
    found = []
    for place, (month, items) in enumerate(sorted(months.items())):
        height = round((FLOOR - TOP) * items / most, 1) if most else 0.0
        peak = bool(items) and items == most
        found.append(
            Column(
                round(place * pitch + 1, 1),
                round(FLOOR - height, 1),
                round(pitch * 0.74, 1),
                height,
                f"{int(month[5:])}/{month[2:4]}",
                place % 3 == 0,
                items,
                number(items) if peak else "",
            )
        )
    return found


@page(GET=Verb.READ, POST=Verb.EDIT)
def ahead(request: HttpRequest, place: Place) -> HttpResponse:
    """The months ahead; a POST counts anew, which reads every record and changes none."""
    if request.method == "POST":
        asked = ask(place.organisation, Counted.AHEAD, timezone.now(), place.who(Verb.EDIT), place.user)
        if asked.problem:
            messages.warning(request, asked.problem)
        elif asked.done_at is not None:
            messages.success(request, _("Counted. Nothing was changed."))
        return redirect("web:ahead", slug=place.organisation.slug)
    context = {
        "ahead": ahead_of(place.organisation),
        "may_count": place.may(Verb.EDIT),
        "being_counted": waiting(place.organisation, Counted.AHEAD),
    }
    return shown(request, place, "web/ahead.html", context, here="ahead")
