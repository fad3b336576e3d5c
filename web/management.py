"""The management report: two pages to read, to print, or as a PDF that keeps."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ropa.render import sheet_to_pdf
from ropa.render.pdf import TypesettingError
from ropa.rights import Verb
from web.access import Place, page
from web.management_sheet import sheet
from web.management_told import SHOWN, Management, management
from web.month_chart import month_chart
from web.shell import shown
from web.words import language


@page(GET=Verb.READ)
def report(request: HttpRequest, place: Place) -> HttpResponse:
    """On the page; `?format=pdf` as a file."""
    told = management(place)
    if request.GET.get("format") == "pdf":
        return _pdf(request, place, told)
    labels = [f"{one.first.month}/{one.first:%y}" for one in told.months]
    context = {
        "told": told,
        "overdue": month_chart(
            list(zip(labels, [one.overdue if one.overdue or one.whole else None for one in told.months], strict=True)),
            late=True,
        ),
        "deleted": month_chart(
            list(zip(labels, [one.deleted if one.nights else None for one in told.months], strict=True)), late=False
        ),
        "most": SHOWN,
        "more_overdue": max(len(told.overdue) - SHOWN, 0),
        "more_failed": max(len(told.failed) - SHOWN, 0),
        "more_waits": max(len(told.waits) - SHOWN, 0),
        "more_alarms": max(len(told.alarms) - SHOWN, 0),
    }
    return shown(request, place, "web/management.html", context, here="reports")


def _pdf(request: HttpRequest, place: Place, told: Management) -> HttpResponse:
    try:
        content = sheet_to_pdf(sheet(told), place.today.isoformat())
    except TypesettingError:
        messages.error(request, _("The PDF could not be made. The page itself can be printed."))
        return redirect("web:management", slug=place.organisation.slug)
    response = HttpResponse(content, content_type="application/pdf")
    name = f"{place.organisation.slug}-management-{place.today.isoformat()}-{language()}.pdf"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response
