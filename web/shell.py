"""What stands around every page: where one is, what waits, in which language, and that nothing comes from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from retention.models import StopEvent
from ropa.models import Role
from ropa.rights import Verb
from web.access import Place, places_of
from web.waiting import standing_alarms, standing_holds, waiting_lots

POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def shown(
    request: HttpRequest,
    place: Place | None,
    template: str,
    context: Mapping[str, Any],
    here: str = "",
    status: int = 200,
) -> HttpResponse:
    """A page with all that stands around it; `here`: which of the menu's places it is."""
    around: dict[str, Any] = {"place": place}
    if place is not None:
        around |= {
            "menu": _menu(place, here),
            "others": len(places_of(request.user)) - 1,
            "roles": [role_in_words(role) for role in Role if role in place.roles],
            "stop": _stop(place),
        }
    response = render(request, template, {**around, **context}, status=status)
    response["Content-Security-Policy"] = POLICY
    return response


def role_in_words(role: str) -> str:
    return {
        Role.DPO: _("Data protection officer"),
        Role.CONTROLLER: _("Controller"),
        Role.OWNER: _("Register owner"),
        Role.AUDITOR: _("Auditor"),
        Role.INTEGRATOR: _("Integrator"),
        Role.ADMINISTRATOR: _("Administrator"),
    }[Role(role)]


def _menu(place: Place, here: str) -> list[dict[str, Any]]:
    if not place.may(Verb.READ):
        return []
    organisation = place.organisation
    alarms = standing_alarms(place)
    standing = standing_holds(place)
    return [
        {
            "heading": heading,
            "items": [
                {
                    "text": text,
                    "address": _address(name, organisation.slug),
                    "here": name == here,
                    "count": count,
                }
                for name, text, count in items
            ],
        }
        for heading, items in (
            (
                "",
                (
                    ("morning", _("This morning"), None),
                    ("lots", _("Lots to be decided"), waiting_lots(organisation).count()),
                    ("alarms", _("Alarms"), alarms.count()),
                ),
            ),
            (
                _("Record"),
                (
                    ("registers", pgettext("heading", "Registers"), None),
                    ("activities", _("Processing activities"), None),
                    ("rules", _("Retention rules"), None),
                    ("flows", _("Data flows"), None),
                    ("record", _("The whole record"), None),
                    ("draft", _("Draft and publication"), None),
                    *([("begin", _("Getting started"), None)] if place.may(Verb.EDIT) else []),
                ),
            ),
            (
                _("Deletion"),
                (
                    ("nights", _("Nights"), None),
                    ("ahead", _("What falls due ahead"), None),
                    ("holds", _("Holds"), standing.count()),
                    ("paper", _("Paper"), None),
                    ("campaigns", pgettext("heading", "Missing dates"), None),
                    *([("person", _("A customer's data"), None)] if place.may(Verb.ANSWER) else []),
                ),
            ),
            (_("Proof"), (("reports", _("Reports"), None), ("evidence", _("Evidence"), None))),
            (
                _("Administration"),
                (
                    ("roles", _("People and roles"), None),
                    ("connections", _("Connections"), None),
                    ("law", _("Law library"), None),
                    *([("status", _("State of the installation"), None)] if place.may(Verb.CONNECT) else []),
                ),
            ),
        )
    ]


def _address(name: str, slug: str) -> str:
    if name == "activities":
        return reverse("web:entries", args=[slug, name])
    return reverse(f"web:{name}", args=[slug])


def _stop(place: Place) -> StopEvent | None:
    """The stop that stands, if one does: it is told on every page."""
    newest = StopEvent.objects.filter(organisation=place.organisation).order_by("-pk").first()
    return newest if newest is not None and (newest.everything or newest.registers) else None
