"""What happens in `ropa` and is remembered here; `ropa` knows nothing of it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from retention import remembered
from ropa.models import Version, Withdrawal


def connect() -> None:
    """From now on in this process."""
    post_save.connect(_published, sender=Version, dispatch_uid="remember versions")
    post_save.connect(_withdrawn, sender=Withdrawal, dispatch_uid="remember withdrawals")


def _published(instance: Version, created: bool, raw: bool = False, **_: Any) -> None:
    if created and not raw:
        _remember(instance)


def _withdrawn(instance: Withdrawal, created: bool, raw: bool = False, **_: Any) -> None:
    if created and not raw:
        _remember(instance.version)


def _remember(version: Version) -> None:
    """Once it is committed; what fails is logged, and the next night tells it."""
    transaction.on_commit(partial(remembered.tell_decisions, version.organisation.slug), robust=True)
