"""What of django-allauth is otherwise here: nobody signs up, nothing is mailed, secrets are sealed, words are ours."""

from __future__ import annotations

from time import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from entrance import factors
from entrance.factor_keys import seal, unseal

LAST_HERE = "seloste_last"
"""The cookie that says, signed, whose browser this was last: what is sent after its session is kept for no other."""
LAST_HERE_SECONDS = 30 * 24 * 3600
FRESH_SECONDS = 300
"""So long after the log-in nobody is asked for the password again."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _("Too many tries. Wait a few minutes."),
        "incorrect_password": _("The password is not right."),
        "enter_current_password": _("The password is not right."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The pages say what happened themselves."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Accounts have no mail address."""

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        records = get_authentication_records(self.request, self.request.user)
        fresh = any(one["at"] > time() - FRESH_SECONDS for one in records if one["method"] in {"password", "mfa"})
        return not fresh and bool(super().is_reauthentication_required(app=app, **kwargs))

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        response.set_signed_cookie(
            LAST_HERE,
            str(user.pk),
            salt=LAST_HERE,
            max_age=LAST_HERE_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=settings.SECURE_COOKIES,
        )
        return response


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("The code is not right, or it was used already."),
        "cannot_delete_authenticator": _("Your role needs a second factor: set up another one before you remove this."),
    }

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def get_totp_issuer(self) -> str:
        return "Seloste"

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user=authenticator.user, type__in=factors.REAL).exclude(
            pk=authenticator.pk
        )
        return others.exists() or not factors.needs(authenticator.user)
