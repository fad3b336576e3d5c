"""Who is told: first the administrators, then the DPO, then the controller, each with addresses from the settings."""

from __future__ import annotations

from django.conf import settings

from ropa.models import Organisation, Role

LEVELS = (Role.ADMINISTRATOR, Role.DPO, Role.CONTROLLER)
EMAIL, WEBHOOK = "email", "webhook"

Recipient = tuple[str, str]
"""Channel, and the address ("" for the webhook)."""


def levels(organisation: Organisation) -> list[list[str]]:
    """Addresses by level; a level that has nobody is left out, so that escalating always reaches somebody."""
    members = organisation.memberships.filter(user__is_active=True).exclude(user__email="")
    found: list[list[str]] = []
    for number, role in enumerate(LEVELS):
        mine = list(members.filter(role=role).order_by("user__email").values_list("user__email", flat=True))
        mine += settings.ALARM_MAIL[number] if number < len(settings.ALARM_MAIL) else []
        found.append(list(dict.fromkeys(mine)))
    return [mine for mine in found if mine]


def recipients(organisation: Organisation, level: int) -> list[Recipient]:
    """Everybody who is told of an alarm at this level: the levels below it too, and the webhook always."""
    found: list[Recipient] = []
    if settings.MAIL_URL:
        addresses = [address for mine in levels(organisation)[: level + 1] for address in mine]
        found += [(EMAIL, address) for address in dict.fromkeys(addresses)]
    if settings.ALARM_WEBHOOK_URL:
        found.append((WEBHOOK, ""))
    return found


def top(organisation: Organisation) -> int:
    """The highest level. Without e-mail there are as many, so that a webhook's receiver hears of escalations."""
    return max(len(levels(organisation)) if settings.MAIL_URL else len(LEVELS), 1) - 1
