"""What was drawn from a lot of a backlog, for a controller to look at item by item before the lot can be approved.

It shows personal data as the register has it now: opened by a button, written down as opened, kept nowhere.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from retention.connectors.contract import ConnectorError
from retention.domain.errors import LifecycleError
from retention.identity import Names
from retention.models import Lot
from retention.plan import plan_of
from retention.reviewing import Drawn, judge, look
from ropa.rights import Verb
from web.access import Place, page
from web.shell import shown
from web.words import named

RIGHT, WRONG = "right", "wrong"


@page(GET=Verb.DECIDE, POST=Verb.DECIDE)
def sample(request: HttpRequest, place: Place, pk: int) -> HttpResponse:
    """The sample of a lot: `open` shows it, `judge` says what is right and what is wrong."""
    lots = Lot.objects.filter(organisation=place.organisation).select_related("version", "organisation")
    lot = get_object_or_404(lots, pk=pk)
    if request.method != "POST":
        return _drawn(request, place, lot)
    try:
        if request.POST.get("do") == "judge":
            return _judged(request, place, lot)
        return _drawn(request, place, lot, _opened(place, lot))
    except (LifecycleError, ConnectorError) as error:
        messages.warning(request, str(error))
        return redirect("web:lots", slug=place.organisation.slug)


def _opened(place: Place, lot: Lot) -> list[Drawn]:
    plan = plan_of(lot.version)
    dataset = plan.find_dataset(lot.dataset)
    if dataset is None:
        raise Http404
    with Names(place.organisation, plan) as names, names.connect(dataset) as connector:
        return look(lot, dataset, connector, place.user)


def _judged(request: HttpRequest, place: Place, lot: Lot) -> HttpResponse:
    said = {key.removeprefix("item-"): str(value) for key, value in request.POST.items() if key.startswith("item-")}
    right = [int(at) for at, value in said.items() if value == RIGHT and at.isdecimal()]
    wrong = [int(at) for at, value in said.items() if value == WRONG and at.isdecimal()]
    reason = request.POST.get("reason", "").strip()[:2_000]
    if wrong and not reason:
        messages.warning(request, _("Say what is wrong with it: nothing was recorded."))
        return _drawn(request, place, lot, _opened(place, lot), said)
    left = judge(lot, place.user, request.POST.get("digest", ""), right, wrong, reason)
    if wrong:
        messages.success(request, _("The lot is turned down. Nothing of it goes."))
    elif left:
        messages.info(request, _("Recorded. %(n)d of the sample are still to be looked at.") % {"n": left})
    else:
        messages.success(request, _("The whole sample is right: the lot may be approved."))
    return redirect("web:lots", slug=place.organisation.slug)


def _drawn(
    request: HttpRequest,
    place: Place,
    lot: Lot,
    items: list[Drawn] | None = None,
    said: dict[str, str] | None = None,
) -> HttpResponse:
    dataset = plan_of(lot.version).find_dataset(lot.dataset)
    told = said or {}
    rows = [
        {
            "item": one,
            "fields": sorted((one.shown or {}).items()),
            "right": told.get(str(one.position)) == RIGHT if told else one.right is True,
            "wrong": told.get(str(one.position)) == WRONG if told else one.right is False,
        }
        for one in items or ()
    ]
    context = {
        "lot": lot,
        "name": named(dataset.name, lot.dataset) if dataset else lot.dataset,
        "rows": rows,
        "opened": items is not None,
    }
    return shown(request, place, "web/sample.html", context, here="lots", status=422 if said else 200)
