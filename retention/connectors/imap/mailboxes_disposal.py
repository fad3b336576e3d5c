"""Personal mailboxes: emptying one wholly, and reading back.

All messages of all folders are expunged, all folders but INBOX deleted and all subscriptions forgotten. INBOX goes
last, so that what was interrupted is still an item with dates. The account itself is not ours to remove.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retention.connectors.contract import Candidate, Disposal, Outcome, Ref, Residue
from retention.connectors.imap.keys import mailbox_key
from retention.connectors.imap.layout import Layout
from retention.connectors.imap.mailboxes import CLOSED, accounts_of, contents, days, is_subjects
from retention.connectors.imap.messages_disposal import Answer, require_uidplus
from retention.connectors.imap.server import Server
from retention.connectors.imap.session import INBOX, Folder, LoginRefusedError, ReadOnlyError, SaidNoError, Session
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression

ROUNDS = 3
"""How often a mailbox is emptied again because mail came in meanwhile."""


def dispose(server: Server, layout: Layout, refs: Sequence[Ref], still_due: Expression) -> list[Disposal]:
    """One disposal per ref. Raises ConnectorError where the connection is lost, or no account can be opened."""
    listed = set(accounts_of(server, layout)) if refs else set()
    answers = []
    for ref in refs:
        try:
            answer = _one(server, layout, ref, listed, still_due)
        except LoginRefusedError as error:
            if not error.permanent or not server.is_this_account_only(error):
                raise
            answer = Outcome.FAILED, CLOSED
        answers.append(Disposal(ref.key, *answer))
    return answers


def _one(server: Server, layout: Layout, ref: Ref, listed: set[str], still_due: Expression) -> Answer:
    key = mailbox_key(ref.key)
    if key is None or not layout.means(key.account):
        return Outcome.REFUSED, "no mailbox of the mapping's place"
    if key.account not in listed:
        return Outcome.ALREADY_ABSENT, "the account is gone"
    if not is_subjects(layout, key.account, ref.subject):
        return Outcome.SUPERSEDED, "not this subject's"
    session = server.session(key.account)
    found = contents(session)
    if found.validity != key.validity:
        return Outcome.SUPERSEDED, "another mailbox has this name (UIDVALIDITY)"
    require_uidplus(session, layout)
    if not session.can("NAMESPACE"):
        return Outcome.REFUSED, "the server does not tell which folders are the account's own (NAMESPACE)"
    if not found.messages:  # a night may have been killed between the mail and the caches
        server.forget_cached(key.account, [folder.name for folder in found.folders if folder.selectable])
    due = satisfies(still_due, Candidate(ref, events=days(server, layout, session, found)))
    if not due:
        return (Outcome.SUPERSEDED, "no longer due") if found.messages else (Outcome.ALREADY_ABSENT, "")
    problem, emptied = "", False
    for _ in range(ROUNDS):
        problem, did = _empty(session, found.folders)
        emptied = emptied or did
        found = contents(session)
        if problem or not found.messages:
            break
    server.forget_cached(key.account, [folder.name for folder in found.folders if folder.selectable])
    if found.messages:
        return (Outcome.REFUSED, problem) if problem else (Outcome.FAILED, "mail came in while it was emptied")
    return (Outcome.DESTROYED if emptied else Outcome.ALREADY_ABSENT), ""


def _empty(session: Session, folders: Sequence[Folder]) -> tuple[str, bool]:
    """Empty it once: what could not be done, and whether anything was."""
    problems, did = 0, False
    inner_first = sorted(folders, key=lambda folder: (folder.name == INBOX, -_depth(folder), folder.name))
    for folder in inner_first:
        try:
            did = _expunge_all(session, folder) or did
            if folder.name != INBOX:
                session.leave()
                session.delete_folder(folder.name)
        except LoginRefusedError:
            raise
        except (ReadOnlyError, SaidNoError) as error:
            if not error.permanent:
                raise
            problems += folder.selectable
    session.unsubscribe_all()
    left = {folder.name for folder in session.folders()}
    did = did or any(folder.name not in left for folder in folders)
    return (f"{problems} folders may not be emptied or removed" if problems else ""), did


def _depth(folder: Folder) -> int:
    return folder.name.count(folder.delimiter) if folder.delimiter else 0


def _expunge_all(session: Session, folder: Folder) -> bool:
    if not folder.selectable:
        return False
    selected = session.select(folder.name, write=True, again=True)
    if selected is None or not selected.messages:
        return False
    uids = session.search(["ALL"])
    session.mark(uids, deleted=True)
    session.expunge(uids)
    return bool(uids)


def absent(server: Server, layout: Layout, keys: Sequence[str]) -> frozenset[str]:
    """Mailboxes that are the same ones and have no mail any more, and those of accounts that are gone."""
    listed = set(accounts_of(server, layout))
    found = set()
    for key in filter(None, map(mailbox_key, keys)):
        if key.account in listed:
            now = contents(server.session(key.account))
            if now.validity != key.validity or now.messages:
                continue
        found.add(str(key))
    return frozenset(found)


def verify(server: Server, layout: Layout, refs: Sequence[Ref]) -> Iterator[Residue]:
    """Messages that are still in any folder; the account itself where the mapping wants it reported."""
    listed = set(accounts_of(server, layout)) if refs else set()
    for ref in refs:
        key = mailbox_key(ref.key)
        if key is None or key.account not in listed:
            continue
        try:
            found = contents(server.session(key.account))
        except LoginRefusedError as error:
            if not error.permanent or not server.is_this_account_only(error):
                raise
            yield Residue(ref.key, CLOSED)
            continue
        if found.validity != key.validity:
            continue
        full = sum(1 for messages in found.counts.values() if messages)
        where = [f"{found.messages} messages in {full} folders"] if full else []
        where += ["the account itself"] if layout.report_account else []
        if where:
            yield Residue(ref.key, "; ".join(where))
