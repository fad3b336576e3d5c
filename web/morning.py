"""The first page of a day: did the night run, is anything overdue, what waits for me."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from retention.alarms import words
from retention.models import Run
from retention.models.alarm import AlarmState
from ropa.models import Version
from ropa.reviews import near_dates
from ropa.rights import Verb
from ropa.selectors import light
from web import charts
from web.access import Place, page, places_of, signed_in
from web.ahead import ahead_of
from web.alarms import alarm_in_words
from web.record import record_of, version_of
from web.shell import shown
from web.sums import Left, Sum, last_night, last_nights, left_of, open_night
from web.waiting import standing_alarms, standing_holds, waiting
from web.words import day, hold_in_words, moment, named, number

MOST_DATES = 6
MOST_WAITING = 25
MOST_ALARMS = 5


@page(GET=Verb.READ)
def morning(request: HttpRequest, place: Place) -> HttpResponse:
    """One organisation."""
    organisation = place.organisation
    night = last_night(organisation)
    left = left_of(night)
    waits = waiting(place)
    alarms = _alarms(place)
    bars = last_nights(organisation, place.today)
    now = timezone.now()
    context = {
        "now": moment(now, organisation.time_zone),
        "day": day(place.today),
        "night": night,
        "open": open_night(organisation),
        "sum": left.sum,
        "say": _said(place, night, left.sum),
        "chart": charts.nights(bars) if bars else None,
        "left": left,
        "left_told": _left_told(place, left, night),
        "unknown": _registers(night, left.silent),
        "waiting": waits[:MOST_WAITING],
        "waits": len(waits),
        "further": max(0, len(waits) - MOST_WAITING),
        "yours": sum(one.yours for one in waits),
        "alarms": alarms[:MOST_ALARMS],
        "more_alarms": max(0, len(alarms) - MOST_ALARMS),
        "holds": _holds(place),
        "dates": _dates(place, now),
        "ahead": ahead_of(organisation),
        "missing": left.missing,
        "to_begin": night is None and not organisation.versions.standing().exists(),
    }
    return shown(request, place, "web/morning.html", context, here="morning")


def _said(place: Place, night: Run | None, total: Sum) -> list[str]:
    """Last night in a sentence or two."""
    if night is None or night.finished_at is None:
        return [_("No night has run yet.")]
    at = moment(night.finished_at, place.organisation.time_zone)
    when = {"day": day(night.business_date), "time": at}
    first = (
        _("Last night came to its end at %(time)s.")
        if night.business_date == place.today
        else _("The last night was that of %(day)s, and came to its end at %(time)s.")
    )
    if not total.taken:
        return [first % when, _("Nothing was sent to be deleted.")]
    second = ngettext(
        "%(n)s record was deleted; %(left)s stayed.", "%(n)s records were deleted; %(left)s stayed.", total.gone
    )
    if not total.left:
        second = ngettext("%(n)s record was deleted.", "%(n)s records were deleted.", total.gone)
    return [first % when, second % {"n": number(total.gone), "left": number(total.left)}]


def _left_told(place: Place, left: Left, night: Run | None) -> str:
    if left.records is None or night is None:
        return _("Nobody has looked yet: that is not the same as nothing.")
    if not left.records:
        text = ngettext(
            "In %(n)d register nothing is past its time without a hold or another explanation.",
            "In %(n)d registers nothing is past its time without a hold or another explanation.",
            left.answered,
        )
        return text % {"n": left.answered}
    if left.late > 1:
        people = ngettext("At most %(n)s person is affected", "At most %(n)s people are affected", left.people)
    else:
        people = ngettext("%(n)s person is affected", "%(n)s people are affected", left.people)
    people = people % {"n": number(left.people)}
    return f"{people}, " + _("since %(day)s.") % {"day": day(left.since)}


def _registers(night: Run | None, codes: Collection[str]) -> list[str]:
    """The names of these registers in the version that the night carried out."""
    if night is None or night.version_id is None:
        return sorted(codes)
    record = record_of(light(Version.objects.all()).get(pk=night.version_id))
    return [named(record.name_of("registers", code), code) for code in sorted(codes)]


def _alarms(place: Place) -> list[dict[str, Any]]:
    version = version_of(place)
    record = record_of(version) if version is not None else None
    return [
        {
            "text": alarm_in_words(one, record),
            "advice": words.advice(one.kind),
            "since": day(place.organisation.day_of(one.first_seen)),
            "quiet": day(one.acknowledged_until) if one.state == AlarmState.ACKNOWLEDGED else "",
        }
        for one in standing_alarms(place).order_by("first_seen", "id")
    ]


def _holds(place: Place) -> list[dict[str, Any]]:
    return [
        {"id": one.pk, "text": hold_in_words(one), "review_by": one.review_by}
        for one in standing_holds(place).order_by("review_by", "id")[:6]
    ]


def _dates(place: Place, now: datetime) -> list[dict[str, Any]]:
    """Rules to be reviewed and agreements that expire, by the name of the entry that says so."""
    version = version_of(place)
    record = record_of(version) if version is not None else None
    found = []
    for one in near_dates(place.organisation, now)[:MOST_DATES]:
        kind, _bracket, rest = one.path.partition("[")
        code = rest.partition("]")[0]
        name = record.name_of(kind, code) if record is not None else {}
        what = _("expires") if one.what == "expires_on" else _("to be reviewed")
        found.append({"text": f"{named(name, code or one.path)}: {what}", "on": one.on, "late": one.passed})
    return found


@signed_in
@require_safe
def portfolio(request: HttpRequest) -> HttpResponse:
    """All organisations of the account, by their numbers alone; with one, its own page."""
    every = places_of(request.user)
    places = [one for one in every if one.may(Verb.READ)]
    if len(places) == 1:
        return redirect("web:morning", slug=places[0].organisation.slug)
    rows = [_row(one) for one in places]
    rows.sort(key=lambda row: (not row["late"], row["night"] is not None, row["place"].organisation.name))
    context = {"rows": rows, "say": _portfolio_said(rows, bool(every))}
    return shown(request, None, "web/portfolio.html", context)


def _row(place: Place) -> dict[str, Any]:
    night = last_night(place.organisation)
    left = left_of(night)
    return {
        "place": place,
        "night": night,
        "today": night is not None and night.business_date == place.today,
        "sum": left.sum,
        "left": left,
        "late": bool(left.records),
        "waits": sum(one.yours for one in waiting(place)),
        "alarms": standing_alarms(place).count(),
        "holds": standing_holds(place).count(),
    }


def _portfolio_said(rows: list[dict[str, Any]], roles: bool) -> str:
    if not rows and roles:
        return _("Your role has no pages: it is for programs, which use the API.")
    if not rows:
        return _("Your account has no role in any organisation yet. Whoever administers Seloste gives you one.")
    late = sum(row["late"] for row in rows)
    if late:
        text = ngettext(
            "In %(late)d of %(n)d organisations something is overdue.",
            "In %(late)d of %(n)d organisations something is overdue.",
            late,
        )
        return text % {"late": late, "n": len(rows)}
    if unknown := sum(row["left"].records is None or bool(row["left"].silent) for row in rows):
        return _("Nothing is known to be overdue; of %(n)d organisations not everything is known.") % {"n": unknown}
    return _("Nothing is overdue in any of the %(n)d organisations.") % {"n": len(rows)}
