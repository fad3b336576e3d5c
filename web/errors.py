"""What a person sees where a page cannot be shown: what happened, whose fault it is, and an id to quote."""

from __future__ import annotations

import logging
import secrets
import sys
import traceback

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from web.shell import shown

log = logging.getLogger(__name__)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the account has a role here, and the role has not this right."""
    context = {
        "heading": _("Your role does not have this right"),
        "paragraphs": [_("Nothing was changed. Whoever administers Seloste can say who has it.")],
    }
    return shown(request, None, "web/error.html", context, status=403)


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
