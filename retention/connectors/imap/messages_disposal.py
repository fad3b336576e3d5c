"""Role mailboxes: deleting messages, and reading back.

Just before it goes a message is looked at again: the folder must still be the same one (UIDVALIDITY), the message
still its correspondent's and still due. What an IMAP message says never changes, so nothing can come between that look
and the deletion. Exactly the meant UIDs are marked and expunged; what else carries the mark is its owner's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from retention.connectors.contract import Disposal, Outcome, Ref, Residue
from retention.connectors.imap.keys import MessageKey, message_key
from retention.connectors.imap.layout import ALWAYS, Layout
from retention.connectors.imap.messages import candidate_of
from retention.connectors.imap.question import Criteria, longest_plain
from retention.connectors.imap.server import Server
from retention.connectors.imap.session import INBOX, UIDPLUS, Message, ReadOnlyError, SaidNoError, Selected, Session
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression

COPIES = ALWAYS | {"\\all"}
"""Special uses of folders in which a server or a mail program keeps what was deleted elsewhere."""
Answer = tuple[Outcome, str]


class Memory(dict[str, bytes]):
    """The Message-IDs of what was disposed of through one connector, by key: copies are looked for by them."""


def dispose(
    server: Server, layout: Layout, refs: Sequence[Ref], still_due: Expression, memory: Memory
) -> list[Disposal]:
    """One disposal per ref. Raises ConnectorError where the connection is lost: what went is gone all the same."""
    answers: dict[str, Answer] = {}
    by_folder: dict[str, dict[str, tuple[MessageKey, Ref]]] = defaultdict(dict)
    for ref in refs:
        key = message_key(ref.key)
        if key is None or key.account != layout.mapping.place:
            answers[ref.key] = (Outcome.REFUSED, "no message of the mapping's account")
        else:
            by_folder[key.folder][ref.key] = (key, ref)
    if by_folder:
        session = server.session(layout.mapping.place)
        require_uidplus(session, layout)
        chosen = set(layout.chosen(session.folders()))
        for folder, keyed in sorted(by_folder.items()):
            if folder in chosen:
                answers.update(_folder(server, layout, folder, keyed, still_due, memory))
            else:
                answers.update(dict.fromkeys(keyed, (Outcome.SUPERSEDED, "its folder is none of the mapping's now")))
    return [Disposal(ref.key, *answers[ref.key]) for ref in refs]


def require_uidplus(session: Session, layout: Layout) -> None:
    """Without UID EXPUNGE, what others have marked would go too. Raises ConnectorError(permanent)."""
    if not session.can(UIDPLUS):
        raise layout.wrong("the server has no UIDPLUS, so single messages cannot be expunged safely")


def _folder(
    server: Server,
    layout: Layout,
    folder: str,
    keyed: Mapping[str, tuple[MessageKey, Ref]],
    still_due: Expression,
    memory: Memory,
) -> dict[str, Answer]:
    session = server.session(layout.mapping.place)
    try:
        selected = session.select(folder, write=True, again=True)
    except ReadOnlyError:
        return dict.fromkeys(keyed, (Outcome.REFUSED, "the folder may only be read"))
    except SaidNoError as error:
        if not error.permanent:
            raise
        return dict.fromkeys(keyed, (Outcome.REFUSED, "the folder may not be opened"))
    if selected is None:
        return dict.fromkeys(keyed, (Outcome.SUPERSEDED, "its folder is gone"))
    answers: dict[str, Answer] = {}
    current = {}
    for text, (key, ref) in keyed.items():
        if key.validity == selected.validity:
            current[key.uid] = (text, ref)
        else:
            answers[text] = (Outcome.SUPERSEDED, "the folder's UIDVALIDITY changed")
    there = {message.uid: message for message in session.messages(list(current))}
    going: dict[int, str] = {}
    for uid, (text, ref) in current.items():
        unfit = _unfit(server, layout, selected, there.get(uid), ref, still_due)
        if unfit is None:
            going[uid] = text
        else:
            answers[text] = unfit
    memory.update({text: there[uid].message_id for uid, text in going.items()})
    answers.update(_expunge(session, selected, {uid: there[uid] for uid in going}, going))
    gone = {Outcome.DESTROYED, Outcome.ALREADY_ABSENT}
    if any(outcome in gone for outcome, _ in answers.values()):
        server.forget_cached(layout.mapping.place, [folder])
    return answers


def _unfit(
    server: Server, layout: Layout, selected: Selected, message: Message | None, ref: Ref, still_due: Expression
) -> Answer | None:
    """Why a message may not go, None if it may."""
    if message is None:
        return Outcome.ALREADY_ABSENT, ""
    wanted = None if ref.subject is None else frozenset({ref.subject.lower()})
    candidate = candidate_of(server, layout, selected, message, wanted)
    if candidate.doubt and not message.readable:
        return Outcome.REFUSED, candidate.doubt
    if candidate.ref.subject != (None if ref.subject is None else ref.subject.lower()):
        return Outcome.SUPERSEDED, "not this subject's"
    if not satisfies(still_due, candidate):
        return Outcome.SUPERSEDED, "no longer due"
    if candidate.doubt:
        return Outcome.REFUSED, candidate.doubt
    return None


def _expunge(
    session: Session, selected: Selected, messages: Mapping[int, Message], going: Mapping[int, str]
) -> dict[str, Answer]:
    if not going:
        return {}
    if not selected.may_delete:
        return dict.fromkeys(going.values(), (Outcome.REFUSED, "messages may not be marked as deleted there"))
    try:
        session.mark(going, deleted=True)
        session.expunge(going)
        why = "the server left it there"
    except SaidNoError as error:
        if not error.permanent:
            _unmark(session, [uid for uid in session.present(going) if not messages[uid].deleted])
            raise
        why = "the server refused to delete it"
    left = session.present(going)
    ours = [uid for uid in left if not messages[uid].deleted]
    if ours:
        # the mark alone would let it go the next time its owner expunges, due or not
        _unmark(session, ours)
    return {text: (Outcome.REFUSED, why) if uid in left else (Outcome.DESTROYED, "") for uid, text in going.items()}


def _unmark(session: Session, uids: Sequence[int]) -> None:
    try:
        session.mark(uids, deleted=False)
    except SaidNoError:
        return  # what may not be marked cannot be unmarked either


def verify(server: Server, layout: Layout, refs: Sequence[Ref], memory: Memory) -> Iterator[Residue]:
    """Messages that are still there, and copies with the same Message-ID where deleted mail is kept."""
    account = layout.mapping.place
    by_folder: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for ref in refs:
        key = message_key(ref.key)
        if key is not None and key.account == account:
            by_folder[key.folder, key.validity][key.uid] = ref.key
    if not by_folder:
        return
    session = server.session(account)
    where: dict[str, list[str]] = defaultdict(list)
    for (folder, validity), keyed in sorted(by_folder.items()):
        selected = session.select(folder, again=True)
        if selected is not None and selected.validity == validity:
            for uid in session.present(keyed):
                where[keyed[uid]].append("still in INBOX" if folder == INBOX else "still in a folder")
    known = {ref.key: memory[ref.key] for ref in refs if memory.get(ref.key) and ref.key not in where}
    there = set(where)
    for kept in keeping_deleted(session) if known else ():
        for text in _copies(session, kept, known):
            where[text].append(f"a copy in {kept}")
    for ref in refs:
        if ref.key in where:
            copy = ref.key not in there
            yield Residue(ref.key, "; ".join(where.pop(ref.key)), copy=copy, seen_once=copy)


def keeping_deleted(session: Session) -> list[str]:
    """The folders that may keep a copy of what was deleted elsewhere."""
    return [folder.name for folder in session.folders() if folder.selectable and folder.use & COPIES]


def absent(server: Server, layout: Layout, keys: Sequence[str]) -> frozenset[str]:
    """Messages that their own folder has no more."""
    by_folder: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for key in filter(None, map(message_key, keys)):
        if key.account == layout.mapping.place:
            by_folder[key.folder, key.validity][key.uid] = str(key)
    found: set[str] = set()
    for (folder, validity), keyed in sorted(by_folder.items()):
        session = server.session(layout.mapping.place)
        selected = session.select(folder, again=True)
        if selected is not None and selected.validity == validity:
            left = set(session.present(keyed))
            found |= {text for uid, text in keyed.items() if uid not in left}
    return frozenset(found)


def _copies(session: Session, folder: str, known: Mapping[str, bytes]) -> list[str]:
    """Keys of those whose Message-ID is that of a message in the folder."""
    if session.select(folder, again=True) is None:
        return []
    by_id: dict[bytes, list[str]] = defaultdict(list)
    for text, message_id in known.items():
        by_id[message_id].append(text)
    ids = sorted(by_id)
    there: set[bytes] = set()
    for start in range(0, len(ids), 20):
        uids = session.search(_with_ids(ids[start : start + 20]))
        there |= {message.message_id for message in session.messages(uids)}
    return [text for message_id in sorted(there & by_id.keys()) for text in by_id[message_id]]


def _with_ids(ids: Sequence[bytes]) -> Criteria:
    """Criteria for any of these Message-IDs. A server compares parts of a text, so a plain part is asked for."""
    criteria: Criteria = []
    for position, message_id in enumerate(ids):
        plain = longest_plain(message_id.decode("ascii", "replace"))
        criteria += ["OR"] if position < len(ids) - 1 else []
        criteria += ["HEADER", "Message-ID", plain] if plain else ["ALL"]
    return criteria
