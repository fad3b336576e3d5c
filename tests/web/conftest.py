"""The same cast and house as the API's, before the pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from tests.api.conftest import PASSWORD, _fresh, house

__all__ = ["_fresh", "house"]

NOW = "2026-11-27T10:00:05Z"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A code is good for half a minute: the clock stands, and moves when a test says so."""
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@cache
def _hashed() -> str:
    return make_password(PASSWORD)  # made to be slow: once


@pytest.fixture
def people(house) -> dict[str, User]:
    """The cast by name, each with the password."""
    User.objects.update(password=_hashed())
    return {user.username: user for user in User.objects.all()}
