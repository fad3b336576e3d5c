"""The house: the law library as it stands, and how this installation is set up, in words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from entrance.factor_keys import FactorKeyError, check_key
from retention.domain.errors import EvidenceError
from retention.evidence_log import check_keys
from ropa.law import LawRule, read_on, versions_of
from ropa.rights import Verb
from ropa.wording import period_in_words
from web.access import Place, page
from web.shell import shown
from web.words import Sign, language


@page(GET=Verb.READ)
def law(request: HttpRequest, place: Place) -> HttpResponse:
    """Every row of the law library: what it says, since when, until when, how sure we are, and what comes after it."""
    rows = [_row(one, place) for one in read_on(place.today).values()]
    context = {"rows": rows, "coming": [row for row in rows if row["next"]]}
    return shown(request, place, "web/law.html", context, here="law")


def _row(one: LawRule, place: Place) -> dict[str, Any]:
    later = [other for other in versions_of(one.id) if other.in_force_from > place.today]
    return {
        "row": one,
        "name": one.name[language()],
        "citation": one.citation[language()],
        "period": period_in_words(str(one.period), language()) if one.period is not None else "–",
        "over": one.in_force_to is not None and one.in_force_to < place.today,
        "next": later[0] if later else None,
    }


@page(GET=Verb.CONNECT)
def status(request: HttpRequest, place: Place) -> HttpResponse:
    """What an administrator asks before he trusts the installation; nothing that is secret."""
    found = run_checks(include_deployment_checks=True)
    context = {"rows": _settings(), "found": [_told(one) for one in found if not one.is_silenced()]}
    return shown(request, place, "web/status.html", context, here="status")


def _settings() -> list[tuple[str, Sign, str]]:
    """What is set, whether it is in order, and what it means."""
    postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    return [
        (_("Keys"), *_keys()),
        (
            _("Cookies over HTTPS only"),
            _is(settings.SECURE_COOKIES),
            _("Behind a proxy that ends TLS, SELOSTE_HTTPS says so.")
            if settings.SECURE_COOKIES
            else _("SELOSTE_HTTPS is not set: whoever listens on the network could take a session over."),
        ),
        (
            _("Debugging"),
            _is(not settings.DEBUG),
            _("Off.") if not settings.DEBUG else _("SELOSTE_DEBUG is on: errors show the code."),
        ),
        (
            _("Database"),
            Sign("ok", _("in order")),
            _("PostgreSQL.") if postgres else _("SQLite, one machine; nights run without Celery."),
        ),
        (
            _("Workers"),
            Sign("ok", _("in order")),
            _("Celery on Redis.") if settings.REDIS_URL else _("None: a timer or the watcher runs the nights."),
        ),
        (
            _("Mail"),
            _is(settings.MAIL_URL, needed=False),
            _("Alarms and yearly questions are mailed.")
            if settings.MAIL_URL
            else _("No mail server is set: alarms stand on the pages alone."),
        ),
        (
            _("Address of the pages"),
            _is(settings.PUBLIC_URL, needed=bool(settings.MAIL_URL)),
            settings.PUBLIC_URL or _("SELOSTE_URL is not set: links in letters would lead nowhere."),
        ),
        (
            _("Alarms to another system"),
            _is(settings.ALARM_WEBHOOK_URL, needed=False),
            _("A webhook is told.") if settings.ALARM_WEBHOOK_URL else _("No webhook is set."),
        ),
        (
            _("Time stamps"),
            _is(settings.STAMP_URL, needed=False),
            _("An authority stamps each signed head.") if settings.STAMP_URL else _("No authority is set."),
        ),
    ]


def _is(well: Any, needed: bool = True) -> Sign:
    if well:
        return Sign("ok", _("in order"))
    return Sign("wait", _("not set")) if not needed else Sign("late", _("to be mended"))


def _keys() -> tuple[Sign, str]:
    try:
        check_keys()
        check_key()
    except (EvidenceError, FactorKeyError, OSError) as error:
        return Sign("late", _("to be mended")), str(error)
    return Sign("ok", _("in order")), _("All are there and fit. Has somebody tried their backup?")


def _told(one: CheckMessage) -> dict[str, Any]:
    return {"id": one.id, "text": one.msg, "hint": one.hint or "", "serious": one.is_serious()}
