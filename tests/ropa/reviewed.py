"""A small published inventory whose register, activity and dataset have owners, and a mail server that listens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from ropa.models import Membership, Organisation, Role
from ropa.services import publish, save_draft
from tests.ropa.test_services import document
from tests.smtp_sink import Sink, smtp_sink

ANNA, ESKO, DPO = "anna@example.invalid", "esko@example.invalid", "dpo@example.invalid"
START = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
"""Ten in the morning where the organisation is, on the day on which the register falls due."""
LAST = "2025-01-12"


def owned(email: str, last: str | None = LAST, role: str = "Asiakaspalvelupäällikkö") -> dict[str, Any]:
    owner = {"role": {"fi": role}, **({"email": email} if email else {})}
    return {"owner": owner, "review": {"every": "P1Y", **({"last": last} if last else {})}}


def content(**over: Any) -> dict[str, Any]:
    """The register is Anna's; `registers`, `activities`, `datasets` add keys to the one entry of each."""
    written: dict[str, Any] = document()
    for kind, more in {"registers": owned(ANNA), **over}.items():
        written[kind][0].update(more)
    return written


def published(number: int = 1, **over: Any) -> Organisation:
    organisation = save_draft(content(**over), "controller", "testi")
    publish(organisation, date(2024 + number, 1, 1), START - timedelta(days=400 - number), "controller")
    return organisation


def again(organisation: Organisation, day: date, **over: Any) -> None:
    """Another version, in force from `day` on."""
    save_draft(content(**over), "controller", "muutos")
    now = datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC)
    publish(organisation, day, now, "controller", opinion_reason="test")


def appoint(organisation: Organisation, email: str = DPO) -> User:
    user = User.objects.create(username=f"dpo-{User.objects.count()}", email=email)
    Membership.objects.create(user=user, organisation=organisation, role=Role.DPO)
    return user


def days(number: int, hours: int = 0) -> datetime:
    """So long after the day on which the register falls due."""
    return START + timedelta(days=number, hours=hours)


@pytest.fixture
def sink(settings) -> Iterator[Sink]:
    with smtp_sink() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.MAIL_URL = "127.0.0.1", found.port, True
        settings.DEFAULT_FROM_EMAIL = "seloste@example.invalid"
        settings.PUBLIC_URL = "https://seloste.example.invalid"
        yield found
