"""Everything that is said to an IMAP server. IMAPClient is imported here and nowhere else.

No text of the server is passed on: it may name folders and people. Only its response code is. Messages are
read with PEEK or by their envelope, so that no flag changes.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
    LoginError,
    ProtocolError,
)

from retention.connectors.contract import ConnectorError
from retention.connectors.imap.addresses import Written
from retention.connectors.imap.keys import LAST
from retention.connectors.imap.question import Criteria, uid_set
from retention.connectors.imap.settings import Settings

# the library tells its logger what is said, addresses and all
logging.getLogger("imapclient").setLevel(logging.CRITICAL + 1)

INBOX = "INBOX"
PAGE = 500
"""Messages of one FETCH, STORE or EXPUNGE."""
UIDPLUS = "UIDPLUS"
SPECIAL = frozenset({"\\sent", "\\trash", "\\junk", "\\drafts", "\\archive", "\\all", "\\flagged"})
"""Special uses of folders (RFC 6154)."""
PASSING = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN"})
"""Response codes of what may be over later."""
_CODE = re.compile(r"\[([A-Z0-9-]+)")
_UNPARSABLE = (ValueError, TypeError, LookupError, OverflowError, ProtocolError)


class SaidNoError(ConnectorError):
    """The server answered no; `code` is its response code, if any."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message + (f" ({code})" if code else ""), permanent=code not in PASSING)
        self.code = code


class LoginRefusedError(SaidNoError):
    """The account cannot be opened: a wrong name or password, or no such account any more."""


class ReadOnlyError(ConnectorError):
    """The folder may be read and not changed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of an account. `use`: its special uses in lower case, such as \\trash."""

    name: str
    selectable: bool
    use: frozenset[str]
    delimiter: str


@dataclass(frozen=True, slots=True)
class Selected:
    """A folder that is open. `highest`: no message in it has a higher UID yet."""

    name: str
    validity: int
    messages: int
    highest: int
    may_delete: bool


@dataclass(frozen=True, slots=True)
class Message:
    """The dates and the envelope of one message, and whether its owner has marked it as deleted."""

    uid: int
    received: datetime | None
    sent: datetime | None = None
    named: tuple[Written, ...] = ()
    message_id: bytes = b""
    deleted: bool = False
    readable: bool = True


class Session:
    """One connection, logged in as one account."""

    def __init__(self, settings: Settings, account: str) -> None:
        self.account = account
        self.lost = False
        self._where = f"{settings.host}:{settings.port}"
        self._selected: tuple[str, bool, Selected] | None = None
        name = settings.login(account)
        self._client = _connected(settings, self._where)
        try:
            with self._speaking("login"):
                self._client.login(name, settings.password)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out; where that cannot be said any more, hang up."""
        _hang_up(self._client, politely=not self.lost)
        self.lost = True

    def can(self, capability: str) -> bool:
        """Whether the server has this extension."""
        with self._speaking("CAPABILITY"):
            return bool(self._client.has_capability(capability))

    def folders(self) -> list[Folder]:
        """The account's own folders; those of others that it may see are left out."""
        with self._speaking("LIST"):
            told = self._listed()
            others: list[str] = []
            if self._client.has_capability("NAMESPACE"):
                spaces = self._client.namespace()
                others = [prefix for space in (spaces.other, spaces.shared) for prefix, _ in space or () if prefix]
        found = []
        for flags, delimiter, name in told:
            lower = frozenset(flag.decode("ascii", "replace").lower() for flag in flags)
            separator = (delimiter or b"").decode()
            if any(f"{name}{separator}".startswith(prefix) for prefix in others):
                continue
            is_inbox = name.upper() == INBOX
            selectable = not lower & {"\\noselect", "\\nonexistent"}
            found.append(Folder(INBOX if is_inbox else name, selectable, lower, separator))
        return found

    def _listed(self) -> list[Any]:
        """Every folder with its special uses: many servers show these only to who asks for them (RFC 6154, 5258)."""
        client = self._client
        if not (client.has_capability("SPECIAL-USE") and client.has_capability("LIST-EXTENDED")):
            return list(client.list_folders())
        # the library knows no extended LIST
        told = client._raw_command_untagged(b"LIST", [b'""', b'"*"', b"RETURN", b"(SPECIAL-USE)"], uid=False)
        return list(client._proc_folder_list(told))

    def counted(self, folder: str) -> tuple[int, int]:
        """How many messages are in a folder, and its UIDVALIDITY; opens nothing."""
        if self._selected is not None:
            self.leave()  # of an open folder a server may tell what it was when it was opened
        with self._speaking("STATUS"):
            told = self._client.folder_status(folder, ["MESSAGES", "UIDVALIDITY"])
            return int(told[b"MESSAGES"]), int(told[b"UIDVALIDITY"])

    def select(self, folder: str, *, write: bool = False, again: bool = False) -> Selected | None:
        """Open a folder, unless it is open already; None if there is none of that name.

        Raises ReadOnlyError where it may not be changed although `write` says so.
        """
        if not again and self._selected is not None and self._selected[:2] == (folder, write):
            return self._selected[2]
        self._selected = None
        try:
            with self._speaking("SELECT" if write else "EXAMINE"):
                told = self._client.select_folder(folder, readonly=not write)
        except SaidNoError:
            if any(there.name == folder and there.selectable for there in self.folders()):
                raise
            return None
        flags = told.get(b"PERMANENTFLAGS", (b"\\Deleted",))  # where it is left out, all can be set (RFC 3501)
        selected = Selected(
            folder,
            int(told.get(b"UIDVALIDITY", 0)),
            int(told[b"EXISTS"]),
            int(told.get(b"UIDNEXT", LAST + 1)) - 1,
            b"\\Deleted" in flags,
        )
        if not selected.validity:
            raise ConnectorError(f"{self._where}: the server tells no UIDVALIDITY", permanent=True)
        self._selected = (folder, write, selected)
        return selected

    def search(self, criteria: Criteria) -> list[int]:
        """UIDs in the open folder."""
        with self._speaking("SEARCH"):
            return list(self._client.search(criteria))

    def present(self, uids: Iterable[int]) -> set[int]:
        """Those of these UIDs that are in the open folder."""
        return {uid for page in paged(sorted(set(uids))) for uid in self.search(["UID", uid_set(page)])}

    def messages(self, uids: Sequence[int]) -> Iterator[Message]:
        """Dates and envelopes, in UID order, of those that are there."""
        for page in paged(sorted(uids)):
            told = self._fetch(page, ["INTERNALDATE", "ENVELOPE", "FLAGS"])
            for uid in page:
                if uid in told:
                    yield _message(uid, told[uid])

    def received(self, uids: Sequence[int]) -> Iterator[datetime | None]:
        """When messages came in; no header is read."""
        for page in paged(sorted(uids)):
            for told in self._fetch(page, ["INTERNALDATE"]).values():
                yield told.get(b"INTERNALDATE")

    def content(self, uid: int) -> bytes | None:
        """One whole message as it lies there; None if it does not."""
        with self._speaking("FETCH BODY"):
            told = self._client.fetch([uid], ["BODY.PEEK[]"]).get(uid)
        return None if told is None else bytes(told.get(b"BODY[]") or b"")

    def mark(self, uids: Iterable[int], *, deleted: bool) -> None:
        """Set or take back the mark of deletion on exactly these."""
        for page in paged(sorted(uids)):
            with self._speaking("STORE"):
                change = self._client.add_flags if deleted else self._client.remove_flags
                change(uid_set(page), [b"\\Deleted"], silent=True)

    def expunge(self, uids: Iterable[int]) -> None:
        """Expunge exactly these, never what else is marked (UIDPLUS)."""
        for page in paged(sorted(uids)):
            with self._speaking("UID EXPUNGE"):
                self._client.uid_expunge(uid_set(page))

    def leave(self) -> None:
        """Close the open folder without expunging anything."""
        self._selected = None
        if self.can("UNSELECT"):
            with self._speaking("UNSELECT"):
                self._client.unselect_folder()
        else:
            self.select(INBOX)

    def delete_folder(self, folder: str) -> None:
        """Remove a folder that is not open."""
        with self._speaking("DELETE"):
            self._client.delete_folder(folder)

    def unsubscribe_all(self) -> None:
        """Forget which folders were subscribed to: their names are the owner's."""
        with self._speaking("UNSUBSCRIBE"):
            for _, _, name in self._client.list_sub_folders():
                self._client.unsubscribe_folder(name)

    def _fetch(self, uids: Sequence[int], items: Sequence[str]) -> dict[int, dict[bytes, Any]]:
        """One FETCH. A message that the parser cannot read has no items; the others are not lost by it."""
        try:
            with self._speaking("FETCH"):
                return dict(self._client.fetch(list(uids), list(items)))
        except _UNPARSABLE:
            if len(uids) > 1:
                half = len(uids) // 2
                return {**self._fetch(uids[:half], items), **self._fetch(uids[half:], items)}
            return {uids[0]: {}} if list(items) == ["INTERNALDATE"] else self._fetch(uids, ["INTERNALDATE"])

    @contextmanager
    def _speaking(self, command: str) -> Iterator[None]:
        """The library's errors as ours, without the server's text."""
        try:
            with _speaking(self._where, command):
                yield
        except ConnectorError as error:
            if not error.permanent and not isinstance(error, SaidNoError):
                self.lost = True
            raise
        except _UNPARSABLE:
            if command == "FETCH":
                raise
            where = f"{self._where}: the answer to {command} cannot be read"
            raise ConnectorError(where, permanent=True) from None


@contextmanager
def _speaking(where: str, command: str) -> Iterator[None]:
    try:
        yield
    except IMAPClientReadOnlyError:
        raise ReadOnlyError(f"{where}: the folder may only be read", permanent=True) from None
    except CapabilityError:
        raise ConnectorError(f"{where}: the server does not offer what {command} needs", permanent=True) from None
    except ssl.SSLCertVerificationError:
        raise ConnectorError(f"{where}: its certificate is not trusted, see ca_file", permanent=True) from None
    except (IMAPClientAbortError, OSError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost"
        raise ConnectorError(f"{where}: {why} ({command})", permanent=False) from None
    except ProtocolError:
        raise
    except IMAPClientError as error:
        code = _CODE.search(str(error))
        kind = LoginRefusedError if isinstance(error, LoginError) else SaidNoError
        raise kind(f"{where}: the server refused {command}", code[1] if code else "") from None


def _connected(settings: Settings, where: str) -> IMAPClient:
    timeout = SocketTimeout(min(settings.timeout, 20.0), settings.timeout)
    at_once = settings.tls == "imaps"
    context = settings.context if at_once else None
    try:
        with _speaking(where, "connect"):
            client = IMAPClient(settings.host, settings.port, ssl=at_once, ssl_context=context, timeout=timeout)
    except ProtocolError:
        raise ConnectorError(f"{where}: this is no IMAP server", permanent=True) from None
    client.normalise_times = False
    client._imap.debug = 0  # nothing said is written down, whoever listens to the library's log
    try:
        if settings.tls == "starttls":
            with _speaking(where, "STARTTLS"):
                client.starttls(settings.context)
    except BaseException:
        _hang_up(client, politely=False)
        raise
    return client


def _hang_up(client: IMAPClient, *, politely: bool) -> None:
    """`politely`: wait for the server's goodbye, which a connection that broke off would never get."""
    if politely:
        with suppress(IMAPClientError, OSError, ValueError):
            client.logout()
            return
    with suppress(IMAPClientError, OSError, ValueError):
        client.shutdown()


def _message(uid: int, told: dict[bytes, Any]) -> Message:
    envelope = told.get(b"ENVELOPE")
    received = told.get(b"INTERNALDATE")
    if envelope is None:
        return Message(uid, received, readable=False)
    fields = (envelope.from_, envelope.to, envelope.cc, envelope.bcc)
    return Message(
        uid,
        received,
        envelope.date,
        tuple((address.mailbox, address.host) for field in fields for address in field or ()),
        envelope.message_id or b"",
        b"\\Deleted" in told.get(b"FLAGS", ()),
    )


def paged(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    """A page's worth each."""
    for start in range(0, len(uids), PAGE):
        yield uids[start : start + PAGE]
