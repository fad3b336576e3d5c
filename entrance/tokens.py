"""Tokens of programs: made by a person who has shown what her account has to show, told once, kept as a digest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from knox.models import AuthToken

LONGEST_DAYS = 365
"""A token lives at most so long."""


def own_tokens(user: Any) -> QuerySet[Any]:
    """The account's tokens that still open something, the newest first."""
    alive: QuerySet[Any] = AuthToken.objects.filter(Q(expiry__isnull=True) | Q(expiry__gt=timezone.now()))
    return alive.filter(user_id=user.pk).order_by("-created", "digest")


def make_token(user: Any, days: int) -> tuple[Any, str]:
    """A new token of the account: its row, and its text, which is kept nowhere."""
    made, token = AuthToken.objects.create(user, expiry=timedelta(days=days))
    return made, token
