"""Role mailboxes, read: each message by its dates and those it names. What it says is read by `export` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from retention.connectors.contract import Candidate, ConnectorError, Ref
from retention.connectors.imap.addresses import correspondents
from retention.connectors.imap.keys import MessageKey, encoded, message_key
from retention.connectors.imap.layout import Layout
from retention.connectors.imap.question import RECEIVED, SENT, Criteria, addresses, ask, uid_set
from retention.connectors.imap.server import Server
from retention.connectors.imap.session import Message, Selected, Session, paged
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression

WINDOW = 5_000
"""UIDs asked about at first; adapted to how densely they are used."""
UNREADABLE = "its envelope cannot be read"
BEFORE_MAIL = date(1971, 1, 1)
"""A Date header before this is no date: servers do not agree on how it compares."""


def find(server: Server, layout: Layout, where: Expression, subjects: Sequence[str] | None) -> Iterator[Candidate]:
    """Candidates in key order; a page of messages is held at a time."""
    question = ask(where, layout.mapping.events)
    wanted = None if subjects is None else frozenset(subject.lower() for subject in subjects)
    if question is None or (wanted is not None and not wanted):
        return
    account = layout.mapping.place
    names = layout.chosen(server.session(account).folders())
    for name in sorted(names, key=encoded):
        selected = server.session(account).select(name, again=True)
        if selected is None:
            continue
        for uids in _pages(server, account, selected, question, wanted):
            session = _same(server, account, selected)
            for message in list(session.messages(uids)):
                candidate = candidate_of(server, layout, selected, message, wanted)
                if wanted is not None and candidate.ref.subject not in wanted:
                    continue
                if satisfies(where, candidate):
                    yield candidate


def find_keys(server: Server, layout: Layout, where: Expression, keys: Sequence[str]) -> Iterator[Candidate]:
    """The same of these keys."""
    account = layout.mapping.place
    named: dict[str, list[MessageKey]] = {}
    for key in filter(None, map(message_key, keys)):
        if key.account == account:
            named.setdefault(key.folder, []).append(key)
    for name in sorted(named.keys() & set(layout.chosen(server.session(account).folders())), key=encoded):
        selected = server.session(account).select(name, again=True)
        if selected is None:
            continue
        for uids in paged(sorted(key.uid for key in named[name] if key.validity == selected.validity)):
            session = _same(server, account, selected)
            found = (candidate_of(server, layout, selected, message) for message in list(session.messages(uids)))
            yield from (candidate for candidate in found if satisfies(where, candidate))


def candidate_of(
    server: Server, layout: Layout, selected: Selected, message: Message, wanted: frozenset[str] | None = None
) -> Candidate:
    """A message as the register tells it. Of several people, the one who was asked for, or the first."""
    key = MessageKey(layout.mapping.place, selected.name, selected.validity, message.uid)
    subject, doubt = None, "" if message.readable else UNREADABLE
    if layout.mapping.subject is not None and message.readable:
        named = correspondents(message.named, server.settings.own | {layout.mapping.place.lower()})
        asked = named.addresses & wanted if wanted else frozenset()
        subject, doubt = min(asked or named.addresses, default=None), named.doubt
    zone = server.settings.time_zone
    days = {RECEIVED: day_of(message.received, zone), SENT: sent_day(message.sent, zone)}
    events = {event: days[column] for event, column in layout.mapping.events.items()}
    return Candidate(Ref(str(key), subject), events=events, doubt=doubt)


def day_of(moment: datetime | None, zone: ZoneInfo) -> date | None:
    """The day on which something happened; None if the moment has none."""
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone).date()
    except (ValueError, OverflowError):
        return None


def sent_day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    """The day of a Date header, which its sender wrote; None where it cannot be one."""
    day = day_of(moment, zone)
    return None if day is None or day < BEFORE_MAIL else day


def export(server: Server, layout: Layout, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
    """Each message whole, one at a time (RFC 5322 bytes)."""
    account = layout.mapping.place
    for ref in refs:
        key = message_key(ref.key)
        if key is None or key.account != account:
            continue
        session = server.session(account)
        selected = session.select(key.folder)
        if selected is None or selected.validity != key.validity:
            continue
        content = session.content(key.uid)
        if content is not None:
            yield {"key": ref.key, "subject": ref.subject, "folder": key.folder, "message": content}


def _pages(
    server: Server, account: str, selected: Selected, question: Criteria, wanted: frozenset[str] | None
) -> Iterator[Sequence[int]]:
    """UIDs that may be meant, a page at a time, in order."""
    # where more addresses are asked for than messages lie there, reading them is less work for both
    ask_all = wanted is None or len(wanted) > selected.messages
    batches: list[Criteria] = [[]] if ask_all or wanted is None else list(addresses(wanted))
    low, width = 1, WINDOW
    while batches and low <= selected.highest:
        high = min(low + width - 1, selected.highest)
        found: set[int] = set()
        for batch in batches:
            session = _same(server, account, selected)
            found.update(session.search(["UID", uid_set([low, high]).replace(",", ":"), *question, *batch]))
        yield from paged(sorted(uid for uid in found if low <= uid <= high))
        low, width = high + 1, max(width // 2, 500) if len(found) > WINDOW // 2 else width * 4


def _same(server: Server, account: str, selected: Selected) -> Session:
    """The account with that folder open; somebody else may have used the connection since."""
    session = server.session(account)
    now = session.select(selected.name)
    if now is None or now.validity != selected.validity:
        raise ConnectorError(f"{account}: a folder was replaced while it was read", permanent=False)
    return session
