"""An owner's answer: what the page behind a link shows, and taking the answer, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from retention.domain.errors import DocumentError, Problem, SelosteError
from retention.domain.evidence import canonical, sha256_hex
from ropa.models import Answer, Happened, Organisation, Review, ReviewEvent
from ropa.review_dates import Due
from ropa.review_links import read_token
from ropa.reviews import standing, today_of
from ropa.selectors import version_in_force

MOST_TEXT = 4000


class Why(StrEnum):
    """Why a link asks nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ANSWERED = "answered"
    OVER = "over"
    OTHER_NOW = "other_now"


class NothingAskedError(SelosteError):
    """The link asks nothing (any more); `why` says which it is, and `organisation` is known unless it is UNKNOWN."""

    def __init__(self, why: Why, organisation: Organisation | None = None) -> None:
        super().__init__(f"this link asks nothing: {why.value}")
        self.why = why
        self.organisation = organisation


@dataclass(frozen=True)
class Asked:
    """What an owner is asked: the entry as it is in force, and the digest of what is shown."""

    review: Review
    due: Due
    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the entry, in hex: an answer is about exactly this."""
        return sha256_hex(canonical(self.due.entry))


def asked_by(token: str, now: datetime) -> Asked:
    """What the link asks at this moment. Changes nothing. Raises NothingAskedError."""
    link = read_token(token)
    review = Review.objects.select_related("organisation").filter(pk=link.review).first() if link is not None else None
    if link is None or review is None:
        raise NothingAskedError(Why.UNKNOWN)
    organisation = review.organisation
    letters = review.events.exclude(email="").values_list("email", flat=True)
    owner = next((email for email in set(letters) if link.fits(email)), None)
    if owner is None:
        raise NothingAskedError(Why.UNKNOWN)
    if review.events.filter(what=Happened.ANSWERED).exists():
        raise NothingAskedError(Why.ANSWERED, organisation)
    if link.expired(now):
        raise NothingAskedError(Why.EXPIRED, organisation)
    found = next((one for one in standing(organisation, now) if one.review == review), None)
    version = version_in_force(organisation, today_of(organisation, now)[0])
    if found is None or version is None or found.due.email != owner:
        raise NothingAskedError(Why.OVER, organisation)
    return Asked(review, found.due, json.loads(version.snapshot))


@transaction.atomic
def take_answer(token: str, seen: str, answer: str, text: str, now: datetime) -> ReviewEvent:
    """Record the owner's answer about the entry with the digest `seen`. Once: a second one finds the first.

    Raises NothingAskedError (OTHER_NOW where the entry has changed since it was looked at), DocumentError for an
    answer that is none, and for `changed` without what has changed.
    """
    asked = asked_by(token, now)
    Organisation.objects.select_for_update().get(pk=asked.review.organisation_id)
    asked = asked_by(token, now)
    problems = []
    if answer not in Answer.values:
        problems.append(Problem("answer", f"is none of {', '.join(Answer.values)}"))
    if answer == Answer.CHANGED and not text.strip():
        problems.append(Problem("text", "is missing: what has changed?"))
    if len(text) > MOST_TEXT:
        problems.append(Problem("text", f"is longer than {MOST_TEXT} characters"))
    if problems:
        raise DocumentError(problems)
    if seen != asked.digest:
        raise NothingAskedError(Why.OTHER_NOW, asked.review.organisation)
    return ReviewEvent.objects.create(
        review=asked.review,
        what=Happened.ANSWERED,
        at=now,
        email=asked.due.email,
        answer=answer,
        text=text.replace("\x00", "").strip(),
        digest=asked.digest,
    )
