"""People who are told of alarms, and a mail server and a webhook's receiver that listen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from ropa.models import Membership, Organisation, Role
from tests.ropa.reviewed import sink
from tests.webhook_sink import Receiver, webhook_sink

__all__ = ["hook", "sink"]

ADMIN, DPO, BOSS = "admin@example.invalid", "dpo@example.invalid", "boss@example.invalid"
SECRET = "shared with the receiver"


def appoint(organisation: Organisation) -> None:
    """An administrator, a DPO and a controller with addresses, and an auditor who is told nothing."""
    for role, email in (
        (Role.ADMINISTRATOR, ADMIN),
        (Role.DPO, DPO),
        (Role.CONTROLLER, BOSS),
        (Role.AUDITOR, "auditor@example.invalid"),
    ):
        user = User.objects.create(username=f"{role}-of-alarms", email=email)
        Membership.objects.create(user=user, organisation=organisation, role=role)


@pytest.fixture
def hook(settings, monkeypatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with webhook_sink() as receiver:
        settings.ALARM_WEBHOOK_URL, settings.ALARM_WEBHOOK_SECRET = receiver.url, SECRET
        yield receiver
