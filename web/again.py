"""What somebody sent after the session had ended: kept, and shown again after the log-in with one button to send it.

It is kept in the browser's new session on our side, never in an address, for half an hour, and only for the account
that was last here. Fields that a page calls private (a person's number) and forms with a password are not kept.
"""

from __future__ import annotations

from collections.abc import Collection
from time import time
from typing import Any

from django.core.signing import BadSignature
from django.http import HttpRequest

from entrance.adapters import LAST_HERE, LAST_HERE_SECONDS

KEPT = "kept_form"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
KEPT_SECONDS = 1800
MOST_BYTES = 200_000
NEVER = frozenset({"csrfmiddlewaretoken", "password", "password1", "password2", "oldpassword", "code", "credential"})
HIDDEN = frozenset({"once", "next", "digest", "lot", "seen", "draft"})
"""Sent again with the rest, and no text that anybody wrote."""


def keep(request: HttpRequest, private: Collection[str]) -> bool:
    """Keep what was sent for whoever was last here; whether there is something to show again."""
    account = _last_here(request)
    if account is None or request.content_type not in FORMS or request.FILES:
        return False
    fields = [
        [name, value]
        for name, values in request.POST.lists()
        if name not in NEVER and name not in private
        for value in values
    ]
    left_out = [name for name in request.POST if name in private]
    if sum(len(name) + len(value) for name, value in fields) > MOST_BYTES:
        return False
    request.session[KEPT] = {
        "account": account,
        "path": request.path,
        "fields": fields,
        "left_out": bool(left_out),
        "at": time(),
    }
    return True


def forget(request: HttpRequest) -> None:
    """It is sent now."""
    if (request.session.get(KEPT) or {}).get("path") == request.path:
        del request.session[KEPT]


def kept_for(request: HttpRequest) -> dict[str, Any] | None:
    """What is kept for this account, if it is in time."""
    kept: dict[str, Any] | None = request.session.get(KEPT)
    if kept is None or kept["account"] != str(request.user.pk) or kept["at"] < time() - KEPT_SECONDS:
        return None
    return kept


def drop(request: HttpRequest) -> None:
    request.session.pop(KEPT, None)


def _last_here(request: HttpRequest) -> str | None:
    if request.user.is_authenticated:
        return str(request.user.pk)
    try:
        account: str | None = request.get_signed_cookie(
            LAST_HERE, default=None, salt=LAST_HERE, max_age=LAST_HERE_SECONDS
        )
    except BadSignature:
        return None
    return account
