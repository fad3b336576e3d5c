"""The link in a letter: signed for one review and one owner, good for `LINK_DAYS` days and one answer.

The owner's address takes part in the signature and does not stand in the link: when an entry gets another owner, links
that the one before has are worth nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from ropa.models import Review

LINK_DAYS = 60
_TOKEN = re.compile(r"([0-9]{1,18})-([0-9]{8})-([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """A token taken apart; nothing of it is believed before `fits`."""

    review: int
    until: str
    signature: str

    def fits(self, email: str) -> bool:
        """Whether it was signed for this owner."""
        return constant_time_compare(self.signature, _signature(self.review, self.until, email))

    def expired(self, now: datetime) -> bool:
        """Whether its last day is over (UTC)."""
        return f"{now.astimezone(UTC):%Y%m%d}" > self.until


def token_of(review: Review, email: str, now: datetime) -> str:
    """The token that a letter of this moment carries."""
    until = f"{now.astimezone(UTC) + timedelta(days=LINK_DAYS):%Y%m%d}"
    return f"{review.pk}-{until}-{_signature(review.pk, until, email)}"


def address_of(review: Review, email: str, now: datetime) -> str:
    """The whole address of the review's page."""
    return settings.PUBLIC_URL + reverse("review", args=[token_of(review, email, now)])


def read_token(token: str) -> Link | None:
    """A token taken apart; None for what is none."""
    match = _TOKEN.fullmatch(token)
    return Link(int(match[1]), match[2], match[3]) if match else None


def _signature(review: int, until: str, email: str) -> str:
    return salted_hmac("seloste.review", f"{review}-{until}-{email}", algorithm="sha256").hexdigest()
