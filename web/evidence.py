"""The evidence: the heads that were signed, and the whole of it recomputed while one waits."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from retention.domain.errors import EvidenceError
from retention.evidence_check import verify
from retention.models import EvidenceHead, EvidenceStamp
from ropa.rights import Verb
from web.access import Place, page
from web.shell import shown
from web.words import moment, number

SHOWN = 30
"""Heads on the page."""


@page(GET=Verb.READ, POST=Verb.READ)
def evidence(request: HttpRequest, place: Place) -> HttpResponse:
    """The newest heads; a POST recomputes every chain, head, copy and journal, and changes nothing."""
    slug = place.organisation.slug
    if request.method == "POST":
        _verify(request, slug)
        return redirect("web:evidence", slug=slug)
    heads = EvidenceHead.objects.filter(organisation=slug)
    newest = list(heads.order_by("-number")[:SHOWN])
    context = {
        "heads": [_head(one, place) for one in newest],
        "every": heads.count(),
        "stamps": EvidenceStamp.objects.filter(organisation=slug).exists(),
    }
    return shown(request, place, "web/evidence.html", context, here="evidence")


def _head(head: EvidenceHead, place: Place) -> dict[str, Any]:
    signed = json.loads(head.body).get("signed_at")
    at = moment(datetime.fromisoformat(signed), place.organisation.time_zone) if signed else ""
    return {"number": head.number, "day": head.business_date, "at": at, "digest": head.digest}


def _verify(request: HttpRequest, slug: str) -> None:
    try:
        found = verify(slug)
    except EvidenceError as error:
        messages.error(request, _("The evidence does not hold. The first broken place: %(where)s") % {"where": error})
        return
    if not found.entries:
        messages.warning(request, _("There is no evidence yet: nothing was verified."))
        return
    messages.success(
        request,
        _(
            "The evidence holds: %(entries)s entries in %(chains)s chains, %(heads)s signed heads, %(copies)s copies "
            "of them and %(journals)s journals agree."
        )
        % {name: number(getattr(found, name)) for name in ("entries", "chains", "heads", "copies", "journals")},
    )
