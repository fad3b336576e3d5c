"""How slow guessing is: from one address, against one name, and at one account's codes.

The limits count in the shared cache, which lies in the database: all processes of an installation count together.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class _Guesses(SimpleRateThrottle):
    def __init__(self, scope: str, name: str) -> None:
        self.scope = scope
        self.name = sha256(name.encode(errors="replace")).hexdigest()
        super().__init__()

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"{self.scope}:{self.name}"

    def seconds(self, request: Any) -> int:
        """Count one; the seconds to wait, 0 if it may go on."""
        if self.allow_request(request, None):  # type: ignore[arg-type]
            return 0
        return max(1, round(self.wait() or 0))


def count_guess(request: HttpRequest | Request, name: str) -> int:
    """Count one try at a password, right or wrong; the seconds to wait, 0 if it may be looked at."""
    address = SimpleRateThrottle.get_ident(_Guesses("log_in_address", ""), request)  # type: ignore[arg-type]
    for guesses in (_Guesses("log_in_address", address), _Guesses("log_in_name", name.strip().casefold())):
        if wait := guesses.seconds(request):
            return wait
    return 0


def count_code(request: HttpRequest | Request, account: object) -> int:
    """Count one try at an account's code; the seconds to wait, 0 if it may be looked at.

    Whoever gets so far knows the password: what is left is a number of six digits, so the limit is one for the day.
    """
    return _Guesses("codes", str(account)).seconds(request)


def forget_codes(account: object) -> None:
    """The right code came: what was counted before is forgotten."""
    guesses = _Guesses("codes", str(account))
    guesses.cache.delete(guesses.get_cache_key(None, None))


def count_token(request: HttpRequest | Request, account: object) -> int:
    """Count one token that an account makes; the seconds to wait, 0 if it may."""
    return _Guesses("tokens", str(account)).seconds(request)
