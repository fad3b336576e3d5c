"""How a caller proves who it is: a token, or name and password, with the code of a second factor where there is one."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext as _
from knox.auth import TokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from entrance import factors
from entrance.guesses import count_code, count_guess, forget_codes

CODE_HEADER = "Second-Factor"


class BearerToken(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer TOKEN`."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isascii():
            raise AuthenticationFailed(_("Invalid token."))
        return super().authenticate_credentials(token)


class Password(BasicAuthentication):
    """Name and password, for making a token. Counted before they are looked at.

    An account with a second factor sends the code of its app too, in the header `Second-Factor`. One with a security
    key alone makes its tokens on its own page.
    """

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[AbstractBaseUser, None]:
        wait = count_guess(request, userid) if request is not None else 0
        if wait:
            raise Throttled(wait)
        user, _nothing = super().authenticate_credentials(userid, password, request)
        if request is not None and factors.has(user):
            _show_code(request, user)
        return user, None


def _show_code(request: Request, user: Any) -> None:
    code = request.headers.get(CODE_HEADER, "").strip()
    if not code:
        raise AuthenticationFailed(_("Send the code of your second factor too, in the header Second-Factor."))
    if wait := count_code(request, user.pk):
        raise Throttled(wait)
    app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if app is None or not app.wrap().validate_code(code):
        raise AuthenticationFailed(_("The code is not right, or it was used already."))
    forget_codes(user.pk)
