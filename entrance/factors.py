"""The second factor: who needs one, who has one, and which session was opened with one.

Needed by whoever may do what frees deletion or gives rights (`ropa.rights.SECOND_FACTOR`), in the whole of that
organisation, and by everybody in the emergency administration. Who has one is asked for it at each log-in, needed
or not.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.db.models import Min
from django.http import HttpRequest

from ropa.models import Membership
from ropa.rights import SECOND_FACTOR, role_for

REAL = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes come with one of these, and are none by themselves."""


def needed_by(roles: Collection[str]) -> bool:
    """Whether somebody with these roles in an organisation needs a second factor there."""
    return any(role_for(verb, roles) is not None for verb in SECOND_FACTOR)


def needs(user: Any) -> bool:
    """Whether the account needs one anywhere."""
    held: dict[int, set[str]] = {}
    for organisation, role in Membership.objects.filter(user=user).values_list("organisation", "role"):
        held.setdefault(organisation, set()).add(role)
    return bool(user.is_staff or user.is_superuser or any(needed_by(roles) for roles in held.values()))


def has(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user=user, type__in=REAL).exists())


def since(user: Any) -> datetime | None:
    """When the oldest of the account's factors was set up."""
    found: datetime | None = Authenticator.objects.filter(user=user, type__in=REAL).aggregate(at=Min("created_at"))[
        "at"
    ]
    return found


def proven(request: HttpRequest) -> bool:
    """Whether this session was opened with a second factor, or one was set up in it."""
    return any(one.get("method") == "mfa" for one in get_authentication_records(request, request.user))


def record_set_up(request: HttpRequest, kind: str) -> None:
    """A factor was set up, and so shown, in this session: it gets a new key with its new rights."""
    record_authentication(request, request.user, "mfa", type=kind)
    request.session.cycle_key()


def token_is_younger(user: Any, made: datetime | None) -> bool:
    """Whether a program's token was made when the account had its factor: an older one proves a password alone."""
    first = since(user)
    return first is not None and made is not None and made >= first
