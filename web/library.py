"""Ready-made activities of the trade: chosen, looked at with all that they bring, and taken into the draft."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError
from retention.onboarding.activities import Taking, preview, take
from retention.onboarding.activities.told import as_dict
from ropa.models import Activity
from ropa.ready_made import SECTORS, ready_made
from ropa.rights import Verb
from web.access import Place, page
from web.shell import shown
from web.words import language


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def library(request: HttpRequest, place: Place) -> HttpResponse:
    """The library by trade. A POST shows what the chosen ones bring, and with its digest takes them."""
    if request.method != "POST":
        return _drawn(request, place, [])
    known = ready_made().offered
    chosen = [code for code in request.POST.getlist("activity") if code in known]
    if not chosen:
        messages.warning(request, _("Choose one activity at least."))
        return _drawn(request, place, [])
    taking = Taking(tuple(chosen), None, {})
    reason = request.POST.get("reason", "").strip()[:2_000]
    digest = request.POST.get("digest", "")
    problems: list[str] = []
    if request.POST.get("do") == "take":
        if not reason:
            problems = [_("Say why: the history keeps it.")]
        else:
            try:
                take(place.organisation, taking, place.today, place.who(Verb.EDIT), reason, digest)
            except DocumentError as error:
                problems = [str(one) for one in error.problems]
            else:
                messages.success(request, _("Taken into the draft. Its time limits are proposals, to be confirmed."))
                return redirect("web:entries", slug=place.organisation.slug, kind="activities")
    found = as_dict(preview(place.organisation, taking, place.today), language())
    return _drawn(request, place, chosen, found, problems, reason, 422 if problems else 200)


def _drawn(
    request: HttpRequest,
    place: Place,
    chosen: list[str],
    found: dict[str, Any] | None = None,
    problems: list[str] | None = None,
    reason: str = "",
    status: int = 200,
) -> HttpResponse:
    taken = set(Activity.objects.filter(organisation=place.organisation).values_list("code", flat=True))
    offered = [
        {
            "sector": _sector(sector),
            "activities": [
                {
                    "code": one.id,
                    "name": one.name[language()],
                    "summary": one.summary[language()],
                    "chosen": one.id in chosen,
                    "there": one.id in taken,
                }
                for one in ready_made().offered.values()
                if one.sector == sector
            ],
        }
        for sector in SECTORS
    ]
    context = {
        "offered": offered,
        "chosen": chosen,
        "found": found,
        "problems": problems or [],
        "reason": reason,
    }
    return shown(request, place, "web/library.html", context, here="activities", status=status)


def _sector(code: str) -> str:
    return {
        "common": _("Every company"),
        "fibre": _("Fibre and internet"),
        "electricity": _("Electricity"),
        "hosting": _("Hosting and e-mail"),
    }.get(code, code)
