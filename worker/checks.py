"""Settings that cannot work together, found by `manage.py check` and by every start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, register


@register
def settings_fit_together(**options: Any) -> list[Error]:
    """What would go wrong in the night is said before it."""
    found = []
    engine = settings.DATABASES["default"]["ENGINE"]
    if settings.REDIS_URL and engine.endswith("sqlite3"):
        found.append(
            Error(
                "SELOSTE_REDIS_URL is set, and the database is SQLite: workers on one file wait for each other.",
                hint="Set SELOSTE_DATABASE_URL to postgresql://…, or leave SELOSTE_REDIS_URL out and run the nights "
                "with `manage.py nightly` or `run_requested_nights --watch`.",
                id="seloste.E001",
            )
        )
    if settings.REDIS_URL and settings.VISIBILITY_SECONDS <= settings.LEASE_SECONDS:
        found.append(
            Error(
                "SELOSTE_VISIBILITY_SECONDS is not above SELOSTE_LEASE_SECONDS: every long step would wake others.",
                hint="Leave it out, or say more than the longest step of a night takes.",
                id="seloste.E002",
            )
        )
    if settings.MAIL_URL and not settings.PUBLIC_URL:
        found.append(
            Error(
                "SELOSTE_MAIL_URL is set, and SELOSTE_URL is not: the links in letters would lead nowhere.",
                hint="Set SELOSTE_URL to where people reach this installation, such as https://seloste.example.fi.",
                id="seloste.E003",
            )
        )
    if settings.ALARM_WEBHOOK_URL and not settings.ALARM_WEBHOOK_SECRET:
        found.append(
            Error(
                "SELOSTE_ALARM_WEBHOOK_URL is set, and SELOSTE_ALARM_WEBHOOK_SECRET is not: nobody could know that an "
                "alarm is ours.",
                hint="Set SELOSTE_ALARM_WEBHOOK_SECRET, or SELOSTE_ALARM_WEBHOOK_SECRET_FILE, as the receiver has it.",
                id="seloste.E004",
            )
        )
    if any(settings.ALARM_MAIL) and not settings.MAIL_URL:
        found.append(
            Error(
                "SELOSTE_ALARM_MAIL is set, and SELOSTE_MAIL_URL is not: no alarm would reach those addresses.",
                hint="Set SELOSTE_MAIL_URL to the mail server.",
                id="seloste.E005",
            )
        )
    if settings.STAMP_IN_CLEAR:
        if settings.STAMP_CREDENTIALS:
            found.append(
                Error(
                    "SELOSTE_STAMP_CREDENTIALS is set, and SELOSTE_STAMP_URL is not https: anybody could read them.",
                    hint="Ask the time-stamp authority for its https address.",
                    id="seloste.E006",
                )
            )
        if not settings.STAMP_CA:
            found.append(
                Error(
                    "SELOSTE_STAMP_URL is not https, and SELOSTE_STAMP_CA is not set: anybody could give the stamps.",
                    hint="Set SELOSTE_STAMP_CA to a PEM file with the authority's CA certificate.",
                    id="seloste.E007",
                )
            )
    return found
