"""Personal mailboxes, unread: which there are, whose they are, how much is in them and since when.

Only counts and the moments at which messages came in are asked for, no header and no content. A mailbox without a
message is no item: there is nothing in it to delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retention.connectors.contract import Candidate, ConnectorError, Ref
from retention.connectors.imap.keys import MailboxKey, encoded, mailbox_key
from retention.connectors.imap.layout import Layout
from retention.connectors.imap.messages import day_of
from retention.connectors.imap.server import Server
from retention.connectors.imap.session import INBOX, Folder, LoginRefusedError, SaidNoError, Session
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression

CLOSED = "the mailbox cannot be opened"
UNKNOWN = 0
"""In the key of a mailbox that cannot be opened, in the place of its UIDVALIDITY."""


@dataclass(frozen=True)
class Contents:
    """What lies in a mailbox: how many messages a folder has, and the UIDVALIDITY of its INBOX."""

    validity: int
    folders: tuple[Folder, ...]
    counts: Mapping[str, int]

    @property
    def messages(self) -> int:
        """In all folders."""
        return sum(self.counts.values())


def accounts_of(server: Server, layout: Layout) -> list[str]:
    """The accounts that the place stands for, in key order."""
    return sorted(filter(layout.means, server.accounts()), key=encoded)


def find(server: Server, layout: Layout, where: Expression, subjects: Sequence[str] | None) -> Iterator[Candidate]:
    """Mailboxes in key order. Those of people who were not asked for are not even opened.

    One that cannot be opened is told with a doubt. Raises ConnectorError where none can be: then it is the
    master user or the password.
    """
    wanted = None if subjects is None else _as_compared(layout, subjects)
    waiting: list[Candidate] = []
    last: LoginRefusedError | None = None
    for account in accounts_of(server, layout) if wanted is None or wanted else ():
        if wanted is not None and not wanted & _as_compared(layout, [layout.subject_of(account) or ""]):
            continue
        candidate, refused = _opened(server, layout, account)
        if candidate is None:
            continue
        if isinstance(refused, LoginRefusedError) and not server.is_this_account_only(refused):
            waiting.append(candidate)
            last = refused
            continue
        yield from (unopened for unopened in waiting if satisfies(where, unopened))
        waiting.clear()
        if satisfies(where, candidate):
            yield candidate
    if waiting and last is not None:
        raise last


def find_keys(server: Server, layout: Layout, where: Expression, keys: Sequence[str]) -> Iterator[Candidate]:
    """Mailboxes with these keys; no other is opened."""
    accounts = {key.account for key in filter(None, map(mailbox_key, keys))}
    wanted = frozenset(keys)
    for account in sorted(accounts & set(accounts_of(server, layout)), key=encoded):
        candidate, _refused = _opened(server, layout, account)
        if candidate is not None and candidate.ref.key in wanted and satisfies(where, candidate):
            yield candidate


def _opened(server: Server, layout: Layout, account: str) -> tuple[Candidate | None, SaidNoError | None]:
    """The mailbox, or why it could not be opened; then it is told with a doubt."""
    try:
        return _candidate(server, layout, account), None
    except SaidNoError as error:
        if not error.permanent:
            raise
        return _unopened(layout, account), error


def _as_compared(layout: Layout, subjects: Sequence[str]) -> frozenset[str]:
    """Whole addresses are compared without case, numbers as they are written."""
    return frozenset(s.lower() for s in subjects) if layout.mapping.subject == "address" else frozenset(subjects)


def is_subjects(layout: Layout, account: str, subject: str | None) -> bool:
    """Whether the mailbox is this person's."""
    own = layout.subject_of(account)
    if own is None or subject is None:
        return own is subject
    return _as_compared(layout, [own]) == _as_compared(layout, [subject])


def contents(session: Session) -> Contents:
    """What is in the account, by counts alone."""
    folders = tuple(session.folders())
    counted = {folder.name: session.counted(folder.name) for folder in folders if folder.selectable}
    if INBOX not in counted:
        raise ConnectorError("an account has no INBOX", permanent=True)
    return Contents(counted[INBOX][1], folders, {name: messages for name, (messages, _) in counted.items()})


def days(server: Server, layout: Layout, session: Session, found: Contents) -> dict[str, date | None]:
    """The mapping's events: on which day the newest and the oldest message came in."""
    if not layout.mapping.events:
        return {}
    first: date | None = None
    last: date | None = None
    readable = True
    for name, messages in found.counts.items():
        selected = session.select(name, again=True) if messages else None
        if selected is None:
            continue
        for moment in session.received(session.search(["ALL"])):
            day = day_of(moment, server.settings.time_zone)
            readable = readable and day is not None
            if day is not None:
                first = day if first is None else min(first, day)
                last = day if last is None else max(last, day)
    # with one day unknown, neither end is known
    ends = {"oldest": first, "latest": last} if readable else {"oldest": None, "latest": None}
    return {event: ends[column] for event, column in layout.mapping.events.items()}


def export(server: Server, layout: Layout, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
    """The names of folders and how many messages each has: what they say is not for us to read."""
    there = set(accounts_of(server, layout))
    for ref in refs:
        key = mailbox_key(ref.key)
        if key is None or key.account not in there:
            continue
        found = contents(server.session(key.account))
        if found.validity == key.validity:
            yield {"key": ref.key, "subject": ref.subject, "account": key.account, "folders": dict(found.counts)}


def _candidate(server: Server, layout: Layout, account: str) -> Candidate | None:
    session = server.session(account)
    found = contents(session)
    if not found.messages:
        return None
    ref = Ref(str(MailboxKey(account, found.validity)), layout.subject_of(account))
    return Candidate(ref, events=days(server, layout, session, found))


def _unopened(layout: Layout, account: str) -> Candidate:
    ref = Ref(str(MailboxKey(account, UNKNOWN)), layout.subject_of(account))
    return Candidate(ref, events=dict.fromkeys(layout.mapping.events), doubt=CLOSED)
