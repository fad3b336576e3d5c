"""Tokens of programs: made by a person who has shown what her account has to show, told once, kept as a digest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from knox.models import AuthToken

from entrance import factors

LONGEST_DAYS = 365
"""A token lives at most so long."""


def tokens_in_time() -> QuerySet[Any]:
    """Every account's tokens whose day has not come."""
    found: QuerySet[Any] = AuthToken.objects.filter(Q(expiry__isnull=True) | Q(expiry__gt=timezone.now()))
    return found


def own_tokens(user: Any) -> QuerySet[Any]:
    """The account's tokens whose day has not come, the newest first."""
    return tokens_in_time().filter(user_id=user.pk).order_by("-created", "digest")


def may_make(request: HttpRequest) -> bool:
    """Whether this session may make one: it has shown the second factor that its account needs or has."""
    return factors.proven(request) or not (factors.needs(request.user) or factors.has(request.user))


def make_token(user: Any, days: int) -> tuple[Any, str]:
    """A new token of the account: its row, and its text, which is kept nowhere."""
    made, token = AuthToken.objects.create(user, expiry=timedelta(days=days))
    return made, token


def revoke_tokens(user: Any) -> int:
    """The account's tokens, all of them, open nothing from now on; how many there were."""
    n, _by_model = AuthToken.objects.filter(user_id=user.pk).delete()
    return int(n)
