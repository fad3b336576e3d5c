"""What a person sees where a page cannot be shown: what happened, whose fault it is, and an id to quote."""

from __future__ import annotations

import logging
import secrets
import sys
import traceback

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _

from web.again import keep
from web.shell import shown

log = logging.getLogger(__name__)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the account has a role here, and the role has not this right."""
    context = {
        "heading": _("Your role does not have this right"),
        "paragraphs": [_("Nothing was changed. Whoever administers Seloste can say who has it.")],
    }
    return shown(request, None, "web/error.html", context, status=403)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form's own token is not this session's, as after a log-in in another tab. Nothing was done.

    Sent from a page of ours, it is shown again with a new token; from anywhere else it is not.
    """
    private = _private(request)
    if private is not None and request.headers.get("Origin") == _origin(request) and keep(request, private):
        onward = reverse("again")
        return redirect(onward if request.user.is_authenticated else f"{reverse('account_login')}?next={onward}")
    context = {
        "heading": _("This form is too old"),
        "paragraphs": [
            _("It was opened before the last log-in in this browser, or the browser keeps no cookies."),
            _("Nothing was changed. Open the page anew and send it again."),
        ],
    }
    return shown(request, None, "web/error.html", context, status=403)


def _private(request: HttpRequest) -> frozenset[str] | None:
    try:
        found: frozenset[str] | None = getattr(resolve(request.path_info).func, "private", None)
    except Resolver404:
        return None
    return found


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: there is no such thing, or it is another organisation's."""
    context = {
        "heading": _("There is nothing here"),
        "paragraphs": [_("The address is wrong, or what was here is not yours to see.")],
    }
    return shown(request, None, "web/error.html", context, status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """500: our fault. The log has the id, the kind of error and the places in the code, not its text."""
    quote = secrets.token_hex(4).upper()
    kind, error, _trace = sys.exc_info()
    places = [
        f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__ if error else None)
    ]
    log.error("page %s: %s\n  %s", quote, kind.__name__ if kind else "?", "\n  ".join(places))
    context = {
        "heading": _("The page could not be shown"),
        "paragraphs": [_("Something went wrong here; it is not your fault. Nothing was deleted by it.")],
        "quote": quote,
    }
    return shown(request, None, "web/error.html", context, status=500)
