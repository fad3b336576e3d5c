"""The suppression list: who forbade marketing on which channel, known by keyed digests alone (D10, GDPR art. 21(3)).

A ban outlives the data of the person who said it, so nothing of the list can be read back: each entry is the
HMAC-SHA-256 of one spelling of one identifier (`identifiers`), with a key of its own (`suppression_keys`). Entries are
only ever added: a ban, or its lifting, each with the day from which it holds. The later one counts, of one day the
one that was added last; a ban of `all` is one of every channel.

What cannot be told is never "not banned": a missing key raises, an identifier that cannot be read makes its line one
that must not be contacted, and of several identifiers of a line one ban is enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import islice

from django.db import transaction

from retention import remembered
from retention.domain.errors import IdentifierError, SuppressionError
from retention.identifiers import Identifier, normal
from retention.models import BanEvent, BanKey
from retention.suppression_keys import Key, Keyring, keyring
from ropa.models import Organisation

CHANNELS = ("electronic", "post", "phone", "distance_selling", "research")
"""Electronic direct marketing, post, telephone, distance selling, opinion and market research."""

ALL = "all"
"""A ban of every channel. Together they are what an inventory may name (`retention.plan.BANNED_CHANNELS`)."""

BAN, LIFT = "ban", "lift"
BATCH = 2_000
"""Lines checked at once: what is in memory of a list, however long."""

ASKED = 10_000
"""Digests in one question."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the list says of one line: the channels that are banned, and the kinds of identifier that cannot be read."""

    banned: frozenset[str]
    unreadable: tuple[str, ...] = ()

    def may(self, channel: str) -> bool:
        """Whether this person may be contacted on the channel, as far as the list can tell."""
        return not self.unreadable and channel not in self.banned


@dataclass(frozen=True, slots=True)
class Entry:
    """A ban or a lifting of one identifier on one channel; `source`: who tells it, without personal data."""

    what: str
    identifier: Identifier
    channel: str
    day: date
    source: str


def ban(
    organisation: Organisation, identifiers: Iterable[Identifier], channels: Iterable[str], day: date, source: str
) -> int:
    """Add a ban of these identifiers from `day` on; how many entries are new. Two equal bans are one, unless the
    first was lifted on that same day: then the second is the last word.

    Raises IdentifierError for an identifier that cannot be read, SuppressionError for a channel or a key; then
    nothing was added.
    """
    return record(organisation, _entries(BAN, identifiers, channels, day, source), said_now=True)


def lift(
    organisation: Organisation, identifiers: Iterable[Identifier], channels: Iterable[str], day: date, source: str
) -> int:
    """Take bans back from `day` on; how many entries are new. What was never banned stays unknown to the list."""
    return record(organisation, _entries(LIFT, identifiers, channels, day, source), said_now=True)


def _entries(
    what: str, identifiers: Iterable[Identifier], channels: Iterable[str], day: date, source: str
) -> list[Entry]:
    wanted = tuple(dict.fromkeys(channels))
    if not wanted:
        raise SuppressionError("a ban is one of a channel: none was named")
    return [Entry(what, identifier, channel, day, source) for identifier in identifiers for channel in wanted]


def record(organisation: Organisation, entries: Sequence[Entry], said_now: bool = False) -> int:
    """Add bans, then liftings: all or none, each only once; how many entries are new. Raises as `ban` does.

    `said_now`: somebody says it at this moment. What the list has of that day already, and what was taken back since,
    is then said again; whoever only repeats what was told before must not undo what came after it.
    """
    if unknown := {entry.channel for entry in entries} - {*CHANNELS, ALL}:
        raise SuppressionError(f"{len(unknown)} channels are none of {', '.join((*CHANNELS, ALL))}")
    keys = keyring(organisation)
    spelled = [(entry, normal(entry.identifier)) for entry in entries]
    bans = [_row(organisation, keys.current, entry, text) for entry, text in spelled if entry.what == BAN]
    lifts = [_row(organisation, key, entry, text) for entry, text in spelled if entry.what == LIFT for key in keys.all]
    with transaction.atomic():
        added = _add(organisation, bans, said_now)
        known = _events(organisation, [row.digest for row in lifts])
        return added + _add(organisation, [row for row in lifts if row.digest in known], said_now)


def check(organisation: Organisation, identifiers: Sequence[Identifier]) -> Verdict:
    """What the list says of one person. Raises SuppressionError where it cannot be asked."""
    return next(check_many(organisation, [identifiers]))


def check_many(organisation: Organisation, lines: Iterable[Sequence[Identifier]]) -> Iterator[Verdict]:
    """A verdict for each line, in their order; a stream of any length. Raises SuppressionError.

    A line without any identifier cannot be told to be anybody's: it is unreadable.
    """
    keys = keyring(organisation)
    stream = iter(lines)
    while batch := list(islice(stream, BATCH)):
        yield from _verdicts(organisation, keys, batch)


def forget_lifted(organisation: Organisation, before: date) -> int:
    """Remove what was lifted before a day: its purpose has ended. How many entries went; old keys go out of use."""
    with transaction.atomic():
        gone = 0
        complete = not remembered.lost(organisation.slug).bans
        digests = BanEvent.objects.filter(organisation=organisation, what=LIFT, day__lt=before)
        waiting = iter(list(digests.order_by("digest").values_list("digest", flat=True).distinct()))
        while batch := list(islice(waiting, BATCH)):
            over = [d for d, events in _events(organisation, batch).items() if _over(events, before)]
            gone += BanEvent.objects.filter(organisation=organisation, digest__in=over).delete()[0]
        used = BanEvent.objects.filter(organisation=organisation).values("key_id")
        old = BanKey.objects.filter(organisation=organisation).exclude(key_id=keyring(organisation).current.id)
        old.exclude(key_id__in=used).delete()
        if gone and complete:  # the newest may be among them
            transaction.on_commit(partial(remembered.tell_bans, organisation.slug, settled=True))
    return gone


_Event = tuple[date, int, str, str]
"""(day, number, what, channel)."""


def _over(events: Sequence[_Event], before: date) -> bool:
    return not _banned(events) and max(events)[0] < before


def _verdicts(organisation: Organisation, keys: Keyring, batch: Sequence[Sequence[Identifier]]) -> Iterator[Verdict]:
    told: list[tuple[list[list[str]], tuple[str, ...]]] = []
    for line in batch:
        digests: list[list[str]] = []
        unreadable = [] if line else ["nothing"]
        for identifier in line:
            try:
                spelled = normal(identifier)
            except IdentifierError:
                unreadable.append(identifier.kind)
                continue
            digests.append([key.digest(organisation, identifier.kind, spelled) for key in keys.all])
        told.append((digests, tuple(unreadable)))
    known = _events(organisation, [one for digests, _ in told for made in digests for one in made])
    for digests, unread in told:
        banned: set[str] = set()
        for made in digests:  # what was said under an old key and under the new one is one history
            banned |= _banned([event for one in made for event in known.get(one, ())])
        yield Verdict(frozenset(banned), unread)


def _banned(events: Sequence[_Event]) -> frozenset[str]:
    """The channels on which the last word of these events is a ban."""
    last: dict[str, str] = {}
    for _, _, what, channel in sorted(events):
        last.update(dict.fromkeys(CHANNELS if channel == ALL else (channel,), what))
    return frozenset(channel for channel, what in last.items() if what == BAN)


def _events(organisation: Organisation, digests: Sequence[str]) -> dict[str, list[_Event]]:
    found: dict[str, list[_Event]] = defaultdict(list)
    for start in range(0, len(digests), ASKED):
        rows = BanEvent.objects.filter(organisation=organisation, digest__in=digests[start : start + ASKED])
        for digest, day, number, what, channel in rows.values_list("digest", "day", "id", "what", "channel"):
            found[digest].append((day, number, what, channel))
    return dict(found)


def _row(organisation: Organisation, key: Key, entry: Entry, spelled: str) -> BanEvent:
    return BanEvent(
        organisation=organisation,
        digest=key.digest(organisation, entry.identifier.kind, spelled),
        kind=entry.identifier.kind,
        key_id=key.id,
        channel=entry.channel,
        what=entry.what,
        day=entry.day,
        source=entry.source,
    )


def _add(organisation: Organisation, rows: Sequence[BanEvent], said_now: bool) -> int:
    """In the caller's transaction, with a note of the key: no entry is there whose key nobody would miss."""
    added = 0
    for key_id in {row.key_id for row in rows}:
        BanKey.objects.get_or_create(organisation=organisation, key_id=key_id)
    for start in range(0, len(rows), BATCH):
        unique = {(row.digest, row.channel, row.what, row.day): row for row in rows[start : start + BATCH]}
        mine = BanEvent.objects.filter(organisation=organisation, digest__in={row.digest for row in unique.values()})
        here = Counter(mine.values_list("digest", "channel", "what", "day"))
        events = _events(organisation, list({key[0] for key in unique if key in here})) if said_now else {}
        fresh = []
        for key, row in unique.items():
            if key in here and not _taken_back(events.get(row.digest, ()), row):
                continue
            row.again = here.get(key, 0)
            fresh.append(row)
        BanEvent.objects.bulk_create(fresh, ignore_conflicts=True)
        added += len(fresh)
    if added:
        transaction.on_commit(partial(remembered.tell_bans, organisation.slug), robust=True)
    return added


def _taken_back(events: Sequence[_Event], row: BanEvent) -> bool:
    """Whether the opposite of an entry was added after it, of the same day, on its channel."""
    same = [number for day, number, what, channel in events if (day, what, channel) == (row.day, row.what, row.channel)]
    return bool(same) and any(
        day == row.day
        and what != row.what
        and number > max(same)
        and (channel == row.channel or ALL in (channel, row.channel))
        for day, number, what, channel in events
    )
