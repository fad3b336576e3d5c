"""Links by which a person sets the password of her account: for three days, and once. No mail is needed.

A link is told to whoever makes it, who gives it to the person by another way. It is kept as a digest.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from entrance.models import AccountLink
from entrance.tokens import revoke_tokens

LIVES = timedelta(days=3)


class LinkError(Exception):
    """The link is none of ours, is over, or was used; the text says which, for whoever opened it."""


@transaction.atomic
def make_link(user: Any, by: str) -> str:
    """A new link's token. What opened the account until now, password, factor, tokens, sessions, opens it no more."""
    user.set_unusable_password()  # sessions end with it
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    revoke_tokens(user)
    now = timezone.now()
    AccountLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)
    token = secrets.token_urlsafe(32)
    AccountLink.objects.create(user=user, digest=_digest(token), made_at=now, made_by=by, expires_at=now + LIVES)
    return token


def open_link(token: str) -> AccountLink:
    """The link, if it still opens something. Raises LinkError."""
    link = AccountLink.objects.select_related("user").filter(digest=_digest(token)).first()
    if link is None:
        raise LinkError(_("It is not whole, or it was never made. Ask for a new one."))
    if link.used_at is not None:
        raise LinkError(_("It was used already. If it was not you, tell your administrator at once."))
    if link.expires_at <= timezone.now() or not link.user.is_active:
        raise LinkError(_("Its time is over. Ask for a new one."))
    return link


@transaction.atomic
def use_link(token: str, password: str) -> None:
    """Set the password, once. Raises LinkError, or ValidationError where the password is too weak."""
    link = open_link(token)
    validate_password(password, link.user)
    now = timezone.now()
    if not AccountLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkError(_("It was used already. If it was not you, tell your administrator at once."))
    link.user.set_password(password)
    link.user.save(update_fields=["password"])


def _digest(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()
