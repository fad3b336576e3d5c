"""Time stamps of signed heads (RFC 3161; semantics D7): somebody else vouches for when a head was there.

Heads name the one before them, so a stamp of one vouches for all before. Asked for are the newest head where there was
none yet, and from then on every one. It is asked for when the night is over and its head is written; what could not be
had is asked for again after the next night, and says the time at which it was given then. A copy lies beside the
head's own, NUMBER.tsr, as `openssl ts -verify` reads it; from there it comes back after our database was restored.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from retention import offline_stamps, stamp_authority
from retention.domain.errors import EvidenceError
from retention.evidence_log import PAGE, heads_directory, write_copies
from retention.models import EvidenceHead, EvidenceStamp
from retention.models.evidence import StampProblem
from retention.stamp_authority import NotStamped

log = logging.getLogger(__name__)

MOST = 50
"""Stamps asked for in one go, the newest head's first."""
SECONDS = 120
"""After so long the rest of a go waits for the next."""
CLAIMED = timedelta(minutes=2)
"""So long nobody else asks for what somebody is asking for: an authority may want money for each."""


@dataclass
class Stamped:
    """What a go brought: `given` by the authority, `taken_back` from copies, `missing` still; why the last was not."""

    given: int = 0
    taken_back: int = 0
    missing: int = 0
    problem: StampProblem | None = None
    said: str = ""


def fetch(slug: str, clock: Callable[[], datetime] = timezone.now) -> Stamped:
    """Get the stamps that an organisation's heads lack. Never raises for an authority: what is missing stays missing.

    Outside every transaction. Without SELOSTE_STAMP_URL nobody is asked.
    """
    done = Stamped(taken_back=_take_back(slug))
    if not settings.STAMP_URL:
        return done
    until = time.monotonic() + SECONDS
    for head in _wanted(slug)[:MOST]:
        if time.monotonic() > until or done.problem == StampProblem.AWAY:
            break
        _ask(head, clock, done)
    _copy(slug)
    done.missing = len(_wanted(slug))
    return done


def missing(slug: str, through: int) -> list[EvidenceHead]:
    """Heads up to a number that are to have a stamp and have none, the oldest first."""
    return [head for head in reversed(_wanted(slug, through)) if head.number <= through]


def problem_of(head: EvidenceHead) -> str:
    """A `StampProblem`: why the last try brought no stamp; "" where nobody has asked."""
    row = EvidenceStamp.objects.filter(organisation=head.organisation, number=head.number).first()
    return row.problem if row is not None else ""


def of_head(head: EvidenceHead) -> bytes | None:
    """The authority's answer for a head; None where there is none."""
    row = EvidenceStamp.objects.filter(organisation=head.organisation, number=head.number).first()
    return bytes(row.answer) if row is not None and row.answer is not None else None


def check(slug: str) -> int:
    """Hold each stamp against its head, its copy and SELOSTE_STAMP_CA; how many. Raises EvidenceError naming the first.

    Memory for one page of them.
    """
    number, found = 0, 0
    rows = EvidenceStamp.objects.filter(organisation=slug, answer__isnull=False).order_by("number")
    while page := list(rows.filter(number__gt=number)[:PAGE]):
        numbers = [row.number for row in page]
        heads = {head.number: head for head in EvidenceHead.objects.filter(organisation=slug, number__in=numbers)}
        for row in page:
            _check(row, heads.get(row.number))
        number, found = numbers[-1], found + len(page)
    return found


def _check(row: EvidenceStamp, head: EvidenceHead | None) -> None:
    where, answer = f"{row.organisation}: the time stamp of head {row.number}", bytes(row.answer or b"")
    if head is None or head.digest != row.digest:
        raise EvidenceError(f"{where} is of a head that is not here")
    try:
        stamp = offline_stamps.stamp_of_head(answer, head.digest, json.loads(head.body), settings.STAMP_CA)
    except offline_stamps.StampError as error:
        raise EvidenceError(f"{where} {error}") from None
    if stamp.time != row.given_at:
        raise EvidenceError(f"{where} says {stamp.time.isoformat()}, and the database another time")
    path = heads_directory(row.organisation) / f"{row.number}.tsr"
    if path.exists() and path.read_bytes() != answer:
        raise EvidenceError(f"{where} is not what its copy says")


def _wanted(slug: str, through: int | None = None) -> list[EvidenceHead]:
    """Heads that are to have a stamp and have none, the newest first: from the first that was asked for on."""
    heads = EvidenceHead.objects.filter(organisation=slug).order_by("-number")
    rows = EvidenceStamp.objects.filter(organisation=slug)
    first = rows.order_by("number").values_list("number", flat=True).first()
    if first is None:
        newest = heads if through is None else heads.filter(number__lte=through)
        return list(newest[:1])
    given = rows.filter(answer__isnull=False).values("number")
    return list(heads.filter(number__gte=first).exclude(number__in=given))


def _row(head: EvidenceHead) -> EvidenceStamp:
    row, _ = EvidenceStamp.objects.get_or_create(
        organisation=head.organisation, number=head.number, defaults={"digest": head.digest}
    )
    return row


def _ask(head: EvidenceHead, clock: Callable[[], datetime], done: Stamped) -> None:
    row = _row(head)
    if not _claim(row, clock()):
        return
    try:
        answer, given = stamp_authority.stamp(head.digest, json.loads(head.body), clock)
    except NotStamped as error:
        done.problem, done.said = error.problem, str(error)
        log.warning("%s: no time stamp for head %d: %s", head.organisation, head.number, error)
        EvidenceStamp.objects.filter(pk=row.pk, answer=None).update(problem=error.problem, asked_at=None)
    else:
        done.given += _store(row, answer, given)


def _claim(row: EvidenceStamp, now: datetime) -> bool:
    free = Q(asked_at=None) | Q(asked_at__lt=now - CLAIMED)
    return bool(EvidenceStamp.objects.filter(free, pk=row.pk, answer=None).update(asked_at=now))


def _store(row: EvidenceStamp, answer: bytes, given: datetime) -> int:
    """Of two who asked the first counts."""
    mine = EvidenceStamp.objects.filter(pk=row.pk, answer=None)
    return mine.update(answer=answer, given_at=given, problem="", asked_at=None)


def _take_back(slug: str) -> int:
    """Stamps that only their copies know, since our database was restored. A bad copy stays; the log names it."""
    copies = {int(path.stem): path for path in heads_directory(slug).glob("*.tsr") if path.stem.isdecimal()}
    if not copies:
        return 0
    given = EvidenceStamp.objects.filter(organisation=slug, answer__isnull=False).values_list("number", flat=True)
    done = 0
    for head in EvidenceHead.objects.filter(organisation=slug, number__in=copies.keys() - set(given)):
        answer = copies[head.number].read_bytes()
        try:
            stamp = offline_stamps.stamp_of_head(answer, head.digest, json.loads(head.body), settings.STAMP_CA)
        except offline_stamps.StampError as error:
            log.warning("%s: the copy %s %s", slug, copies[head.number].name, error)
        else:
            done += _store(_row(head), answer, stamp.time)
    return done


def _copy(slug: str) -> None:
    rows = EvidenceStamp.objects.filter(organisation=slug, answer__isnull=False)
    directory = heads_directory(slug)
    numbers = [n for n in rows.values_list("number", flat=True) if not (directory / f"{n}.tsr").exists()]
    if numbers:
        lacking = rows.filter(number__in=numbers).values_list("number", "answer")
        write_copies(slug, ".tsr", ((number, bytes(answer or b"")) for number, answer in lacking))
