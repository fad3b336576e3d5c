"""The owners' yearly review: ask, remind, escalate. Time is an argument; all of it is recorded.

A step is recorded in the transaction in which its letter is sent, under a lock on the organisation: run twice, or by
two workers at once, it is taken once; a letter that the mail server refuses is not recorded, and goes the next time.
Killed between sending and recording, it is sent again. Nothing here silences itself: until the owner confirms the
entry, or a published version has a later review day, reminders and escalations go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from ropa.models import Answer, Happened, Organisation, Review, ReviewEvent, Role, Version
from ropa.review_dates import Dated, Due, dates, due, reviewed
from ropa.review_links import address_of
from ropa.review_mail import ask_owner, tell_dpo
from ropa.selectors import content_of, light_in_force

REMIND_AFTER = 14
ESCALATE_AFTER = 28
AGAIN_EVERY = 28
"""Days: until the owner is reminded, until the DPO is told, and between all later letters."""
MOST_IN_A_LETTER = 50


@dataclass
class Done:
    """What one run did for one organisation, by number of entries; `problems` name places and never an address."""

    asked: int = 0
    reminded: int = 0
    escalated: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Standing:
    """A due entry and what has happened in its review, if it was opened."""

    due: Due
    review: Review | None
    events: tuple[ReviewEvent, ...]

    def last(self, what: Happened) -> ReviewEvent | None:
        """The latest event of this kind."""
        return next((event for event in reversed(self.events) if event.what == what), None)

    @property
    def answer(self) -> ReviewEvent | None:
        """What the owner said, which is said once."""
        return self.last(Happened.ANSWERED)

    @property
    def state(self) -> str:
        """`due` (nobody was written to yet), or the last that happened: asked, reminded, escalated, answered."""
        if self.answer is not None:
            return Happened.ANSWERED.value
        return str(self.events[-1].what) if self.events else "due"

    def steps(self, today: date, zone: ZoneInfo) -> list[Happened]:
        """What is to be done about it today; nothing while it is somebody's turn who has time left."""
        answer, asked = self.answer, self.last(Happened.ASKED)
        if answer is None and asked is None and self.due.email:
            return [Happened.ASKED]
        found = []
        since = answer or (asked if self.due.email else None)
        after = ESCALATE_AFTER if since is not None and since is asked else 0
        if self._again(Happened.ESCALATED, since, after, today, zone):
            found.append(Happened.ESCALATED)
        waits = answer is None and asked is not None and bool(self.due.email)
        if waits and self._again(Happened.REMINDED, asked, REMIND_AFTER, today, zone):
            found.append(Happened.REMINDED)
        return found

    def _again(self, what: Happened, since: ReviewEvent | None, after: int, today: date, zone: ZoneInfo) -> bool:
        """Whether `what` is due: `after` days from `since` (at once if None), then every `AGAIN_EVERY` days."""
        later = [event for event in self.events if event.what == what and (since is None or event.pk > since.pk)]
        begun = later[-1] if later else since
        if begun is None:
            return True
        return (today - begun.at.astimezone(zone).date()).days >= (AGAIN_EVERY if later else after)


def ask(organisation: Organisation, now: datetime) -> Done:
    """Take every step that is due on the day it is where the organisation is. `now` is an aware instant.

    Only what is published is asked about; without a version in force nothing is done.
    """
    done = Done()
    todo = [one for one in standing(organisation, now) if one.steps(*today_of(organisation, now))]
    if not todo:
        return done
    if not settings.MAIL_URL:
        done.problems.append(f"{len(todo)} reviews are due, and nobody was asked: SELOSTE_MAIL_URL is not set")
        return done
    for what in (Happened.ASKED, Happened.REMINDED, Happened.ESCALATED):
        letters: dict[str, list[Due]] = {}
        for one in todo:
            if what in one.steps(*today_of(organisation, now)):
                letters.setdefault("" if what is Happened.ESCALATED else one.due.email, []).append(one.due)
        for dues in letters.values():
            for some in _lettersful(dues):
                if not _letter(organisation, some, what, now, done):
                    return done
    return done


def tell_at_once(organisation: Organisation, review: Review, now: datetime) -> Done:
    """Tell the DPO of an answer that leaves something to be done. What fails here, the daily job does."""
    done = Done()
    dues = [one.due for one in standing(organisation, now) if one.review == review]
    if dues and settings.MAIL_URL:
        _letter(organisation, dues, Happened.ESCALATED, now, done)
    return done


def standing(organisation: Organisation, now: datetime, only: Sequence[Due] | None = None) -> list[Standing]:
    """Every entry that is due, in the order of the inventory in force; or only these, as they stand now."""
    today, zone = today_of(organisation, now)
    if only is None:
        only = _due(organisation, today, zone)
    found = Review.objects.filter(organisation=organisation, due_on__in={one.due_on for one in only})
    reviews = {(row.kind, row.code, row.due_on): row for row in found.prefetch_related("events")}
    opened = [(one, reviews.get((one.kind, one.code, one.due_on))) for one in only]
    return [Standing(one, row, tuple(row.events.all()) if row is not None else ()) for one, row in opened]


def near_dates(organisation: Organisation, now: datetime) -> list[Dated]:
    """Dates of rules and agreements of the version in force that have passed or lie near."""
    today, _ = today_of(organisation, now)
    version = light_in_force(organisation, today)
    return list(_dates(version.pk, version.digest, today)) if version is not None else []


@lru_cache(maxsize=16)
def _dates(pk: int, digest: str, today: date) -> tuple[Dated, ...]:
    return tuple(dates(content_of(Version(pk=pk, digest=digest)), today))


@lru_cache(maxsize=16)
def _reviewed(pk: int, digest: str) -> dict[str, list[Any]]:
    """The version's entries that are reviewed at all: few of many."""
    found: dict[str, list[Any]] = {}
    for kind, entry in reviewed(content_of(Version(pk=pk, digest=digest))):
        found.setdefault(kind, []).append(entry)
    return found


def _due(organisation: Organisation, today: date, zone: ZoneInfo) -> list[Due]:
    version = light_in_force(organisation, today)
    first = organisation.versions.standing().order_by("number").values_list("in_force_from", flat=True).first()
    if version is None or first is None:
        return []
    answers = ReviewEvent.objects.filter(
        review__organisation=organisation, what=Happened.ANSWERED, answer=Answer.UNCHANGED
    ).order_by("pk")
    confirmed = {
        (kind, code): at.astimezone(zone).date()
        for kind, code, at in answers.values_list("review__kind", "review__code", "at")
    }
    return due(_reviewed(version.pk, version.digest), today, first, confirmed)


def _letter(organisation: Organisation, some: Sequence[Due], what: Happened, now: datetime, done: Done) -> bool:
    """One letter about those of them whose next step this is; False where the mail server cannot be reached at all."""
    try:
        with transaction.atomic():
            Organisation.objects.select_for_update().get(pk=organisation.pk)
            now_standing = standing(organisation, now, some)
            turn = [one for one in now_standing if what in one.steps(*today_of(organisation, now))]
            if turn:
                _record_and_send(organisation, turn, what, now)
                setattr(done, what.value, getattr(done, what.value) + len(turn))
    except NobodyToTell:
        done.problems.append(f"{_named(some)}: nobody to tell: no active user with an e-mail address is the DPO here")
    except (SMTPRecipientsRefused, SMTPResponseException) as error:
        code = error.smtp_code if isinstance(error, SMTPResponseException) else "recipient refused"
        done.problems.append(f"{_named(some)}: the mail server does not take the letter ({code})")
    except ValueError:  # its text would repeat the address
        done.problems.append(f"{_named(some)}: an e-mail address there is none that a letter can be sent to")
    except OSError as error:
        done.problems.append(f"the mail server cannot be reached ({type(error).__name__}); the next run tries again")
        return False
    return True


class NobodyToTell(Exception):
    """There is no active user with an e-mail address who is the DPO."""


def _record_and_send(organisation: Organisation, turn: Sequence[Standing], what: Happened, now: datetime) -> None:
    rows = [one.review or _open(organisation, one.due, now) for one in turn]
    email = "" if what is Happened.ESCALATED else turn[0].due.email
    ReviewEvent.objects.bulk_create(
        ReviewEvent(
            review=row,
            what=what,
            number=1 + max((event.number for event in one.events if event.what == what), default=0),
            at=now,
            email=email,
        )
        for one, row in zip(turn, rows, strict=True)
    )
    if what is Happened.ESCALATED:
        tell_dpo(organisation, _dpo(organisation), [_told(one) for one in turn])
    else:
        linked = [(one.due, address_of(row, email, now)) for one, row in zip(turn, rows, strict=True)]
        ask_owner(organisation, email, what, linked)


def _open(organisation: Organisation, one: Due, now: datetime) -> Review:
    return Review.objects.create(
        organisation=organisation, kind=one.kind, code=one.code, due_on=one.due_on, owner=dict(one.role), opened_at=now
    )


def _told(one: Standing) -> tuple[Due, str, str]:
    answer = one.answer
    return (one.due, str(answer.answer), answer.text) if answer is not None else (one.due, "", "")


def _dpo(organisation: Organisation) -> list[str]:
    members = organisation.memberships.filter(role=Role.DPO, user__is_active=True).exclude(user__email="")
    found = list(members.order_by("user__email").values_list("user__email", flat=True))
    if not found:
        raise NobodyToTell
    return found


def today_of(organisation: Organisation, now: datetime) -> tuple[date, ZoneInfo]:
    """The day it is where the organisation is, and its time zone."""
    zone = ZoneInfo(organisation.time_zone)
    return now.astimezone(zone).date(), zone


def _lettersful(dues: Sequence[Due]) -> Iterator[Sequence[Due]]:
    for start in range(0, len(dues), MOST_IN_A_LETTER):
        yield dues[start : start + MOST_IN_A_LETTER]


def _named(some: Sequence[Due]) -> str:
    return some[0].path + (f" and {len(some) - 1} more" if len(some) > 1 else "")
