"""Data flows: from the registers to who gets data, and on to which countries, as the version in force says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ropa.models import Version
from ropa.rights import Verb
from web.access import Place, page
from web.flow_chart import flow_chart
from web.flows_told import EVERY, Flow, Flows, flows_of
from web.paging import paged
from web.record import REMEMBERED, record_of, version_of
from web.shell import shown
from web.words import language, number, some_of


@page(GET=Verb.READ)
def flows(request: HttpRequest, place: Place) -> HttpResponse:
    """A sentence, a picture, a table."""
    version = version_of(place)
    if version is None:
        return shown(request, place, "web/flows.html", {"version": None}, here="flows")
    found = _flows(version.pk, version.digest, language())
    pages = paged(request, found.flows)
    context = {
        "pages": pages,
        "version": version,
        "flows": found,
        "say": _say(found),
        "outside": _outside(found),
        "chart": flow_chart(found),
        "rows": _rows(found, pages.rows),
        "unsaid": some_of(found.unsaid),
    }
    return shown(request, place, "web/flows.html", context, here="flows")


@lru_cache(maxsize=REMEMBERED)
def _flows(pk: int, digest: str, _language: str) -> Flows:
    """Of a version, which never changes; in a language."""
    return flows_of(record_of(Version(pk=pk, digest=digest)).document)


def _rows(found: Flows, flows: Sequence[Flow]) -> list[dict[str, Any]]:
    return [
        {
            "flow": flow,
            "registers": some_of([found.registers[code] for code in flow.registers]),
            "abroad": flow.abroad,
        }
        for flow in flows
    ]


def _say(found: Flows) -> str:
    if not any(not flow.unnamed for flow in found.flows):
        return _("The record names nobody who gets data.") if not found.nobody else _("Nobody gets data.")
    named = sum(not flow.unnamed for flow in found.flows)
    text = ngettext("%(n)s recipient gets data", "%(n)s recipients get data", named) % {"n": number(named)}
    registers = [code for code in found.registers if code != EVERY]
    if EVERY in found.registers or not registers:
        return f"{text}."
    of = ngettext("from %(n)s register.", "from %(n)s registers.", len(registers)) % {"n": number(len(registers))}
    return f"{text} {of}"


def _outside(found: Flows) -> str:
    countries = [one for one in found.countries if one.country and one.outside]
    if countries:
        names = ", ".join(one.name for one in countries)
        if all(not one.certain for one in countries):
            return _("On certain conditions it may go outside the EU and the EEA: %(names)s.") % {"names": names}
        return _("It goes outside the EU and the EEA: %(names)s.") % {"names": names}
    return {
        "yes": _("It may go outside the EU and the EEA; to which country is not said."),
        "no": _("The record says that nothing goes outside the EU and the EEA."),
        "unsaid": _("Whether anything goes outside the EU and the EEA is not said."),
    }[found.outside]
