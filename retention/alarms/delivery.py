"""Messages that wait are sent, and tried again until they are; each to one recipient.

A message is claimed by comparing the number of its tries, and sent outside every transaction: two senders at once send
it once. Killed between sending and recording, it is sent again, under the same id.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Q
from django.utils.translation import override

from retention.alarms import words
from retention.alarms.channels import NotSent, post, send_letter
from retention.alarms.moves import CLOCKS_APART
from retention.alarms.recipients import EMAIL, recipients, top
from retention.models import AlarmDelivery
from ropa.models import Organisation

log = logging.getLogger(__name__)

CLAIMED = timedelta(minutes=10)
"""So long nobody else takes what somebody is sending."""
FIRST_AGAIN, LONGEST_AGAIN = timedelta(minutes=1), timedelta(hours=1)
MOST_IN_A_LETTER = 50


@dataclass
class Delivered:
    """Numbers of messages: gone, not gone and kept, and no longer anybody's."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0


def deliver(organisation: Organisation, now: datetime) -> Delivered:
    """Send what waits and whose time has come. `now` is an aware instant. Never raises for a channel that fails.

    What would wait for longer than anything does was put off by a clock that was wrong: its time has come.
    """
    done = Delivered()
    due = AlarmDelivery.objects.filter(
        Q(next_try_at__lte=now) | Q(next_try_at__gt=now + LONGEST_AGAIN + CLOCKS_APART),
        event__alarm__organisation=organisation,
        state="waiting",
    ).select_related("event__alarm__organisation")
    ordered = list(due.order_by("channel", "recipient", "id"))
    theirs = set(recipients(organisation, top(organisation)))
    for (channel, address), rows in groupby(ordered, key=lambda row: (row.channel, row.recipient)):
        if (channel, address) not in theirs:  # a role that somebody has no more, a channel that is no longer set
            gone = AlarmDelivery.objects.filter(pk__in=[row.pk for row in rows], state="waiting")
            done.dropped += gone.update(state="dropped", problem="no longer a recipient")
        elif channel == EMAIL:
            mine = list(rows)
            for start in range(0, len(mine), MOST_IN_A_LETTER):
                _letter(organisation, mine[start : start + MOST_IN_A_LETTER], now, done)
        else:
            for row in rows:
                _webhook(organisation, row, now, done)
    return done


def backoff(tries: int) -> timedelta:
    """How long after so many tries the next one is: a minute, doubled each time, at most an hour."""
    return min(FIRST_AGAIN * (1 << min(tries - 1, 10)), LONGEST_AGAIN)


def _letter(organisation: Organisation, rows: Sequence[AlarmDelivery], now: datetime, done: Delivered) -> None:
    mine = [row for row in rows if _claim(row, now)]
    if not mine:
        return
    uid = hashlib.sha256("".join(str(row.uid) for row in mine).encode()).hexdigest()[:32]
    with override(organisation.language):
        subject, lines = words.letter(organisation, [row.event for row in mine])
    _try(lambda: send_letter(mine[0].recipient, subject, lines, uid), mine, now, done)


def _webhook(organisation: Organisation, row: AlarmDelivery, now: datetime, done: Delivered) -> None:
    if not _claim(row, now):
        return
    with override(organisation.language):
        content = words.message(row.event, str(row.uid))
    _try(lambda: post(content, str(row.uid), now), [row], now, done)


def _claim(row: AlarmDelivery, now: datetime) -> bool:
    mine = AlarmDelivery.objects.filter(pk=row.pk, state="waiting", tries=row.tries)
    row.tries += 1
    return bool(mine.update(tries=row.tries, next_try_at=now + CLAIMED))


def _try(send: Callable[[], None], rows: Sequence[AlarmDelivery], now: datetime, done: Delivered) -> None:
    try:
        send()
    except NotSent as problem:
        done.failed += len(rows)
        log.warning("%d alarm messages not sent by %s: %s", len(rows), rows[0].channel, problem)
        for row in rows:
            AlarmDelivery.objects.filter(pk=row.pk, tries=row.tries).update(
                problem=str(problem)[:200], next_try_at=now + backoff(row.tries)
            )
    else:
        done.sent += len(rows)
        pks = [row.pk for row in rows]
        AlarmDelivery.objects.filter(pk__in=pks).update(state="sent", sent_at=now, problem="")
