"""The stop of all deletion, taken back by the controller alone; and a night asked for out of its turn."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from retention import holds as doors
from retention.runs import request as request_night
from ropa.rights import Verb
from web.access import Place, page

MOST_REASON = 400


@page(POST=Verb.STOP)
def pull(request: HttpRequest, place: Place) -> HttpResponse:
    """Stop everything: no night sends a further chunk, the one that runs included (D5)."""
    reason = request.POST.get("reason", "").strip()[:MOST_REASON]
    if reason:
        doors.stop(place.organisation, None, place.who(Verb.STOP), reason)
        messages.success(request, _("Nothing more is deleted, until the controller takes the stop back."))
    else:
        messages.warning(request, _("Say why deletion is stopped: nothing was changed."))
    return redirect("web:nights", slug=place.organisation.slug)


@page(POST=Verb.RESUME)
def resume(request: HttpRequest, place: Place) -> HttpResponse:
    """Take every stop back: the next night goes on where it was."""
    doors.resume(place.organisation, None, place.who(Verb.RESUME))
    messages.success(request, _("The stop is taken back. The next night goes on where it was."))
    return redirect("web:nights", slug=place.organisation.slug)


@page(POST=Verb.START)
def ask(request: HttpRequest, place: Place) -> HttpResponse:
    """Ask for today's night; a worker runs it. Asked for twice, it is one night."""
    run = request_night(place.organisation, place.today, place.who(Verb.START))
    messages.success(request, _("The night is asked for. It begins when a worker takes it up."))
    return redirect("web:night", slug=place.organisation.slug, day=run.business_date)
