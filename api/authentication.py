"""How a caller proves who it is, and how slow guessing is: from one address, and against one name.

The limits count in this process's cache: with several processes each counts for itself.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _
from knox.auth import TokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class BearerToken(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer TOKEN`."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isascii():
            raise AuthenticationFailed(_("Invalid token."))
        return super().authenticate_credentials(token)


class _Guesses(SimpleRateThrottle):
    def __init__(self, scope: str, name: str) -> None:
        self.scope = scope
        self.name = sha256(name.encode(errors="replace")).hexdigest()
        super().__init__()

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"{self.scope}:{self.name}"


def count_guess(request: HttpRequest | Request, name: str) -> int:
    """Count one try at a password, right or wrong; the seconds to wait, 0 if it may be looked at."""
    address = SimpleRateThrottle.get_ident(_Guesses("log_in_address", ""), request)  # type: ignore[arg-type]
    for guesses in (_Guesses("log_in_address", address), _Guesses("log_in_name", name.strip().casefold())):
        if not guesses.allow_request(request, None):  # type: ignore[arg-type]
            return max(1, round(guesses.wait() or 0))
    return 0


class Password(BasicAuthentication):
    """Name and password, for making a token. Counted before they are looked at."""

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[AbstractBaseUser, None]:
        wait = count_guess(request, userid) if request is not None else 0
        if wait:
            raise Throttled(wait)
        user, _nothing = super().authenticate_credentials(userid, password, request)
        return user, None
