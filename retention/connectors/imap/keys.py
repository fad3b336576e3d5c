"""Keys: what identifies a message, or a mailbox, and is never used again for another one.

A message is ACCOUNT/FOLDER/UIDVALIDITY/UID, a mailbox ACCOUNT/UIDVALIDITY (its INBOX's). Names are percent-encoded
and numbers have ten digits, so that a key is plain ASCII, means one item, and sorts as its parts do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

SAFE = "@+"
LAST = 2**32 - 1
"""The highest UID and UIDVALIDITY that there can be."""
_MESSAGE = re.compile(r"([^/]+)/([^/]+)/([0-9]{10})/([0-9]{10})", re.ASCII)
_MAILBOX = re.compile(r"([^/]+)/([0-9]{10})", re.ASCII)


@dataclass(frozen=True, slots=True)
class MessageKey:
    """One message in one folder of one account."""

    account: str
    folder: str
    validity: int
    uid: int

    def __str__(self) -> str:
        return f"{encoded(self.account)}/{encoded(self.folder)}/{self.validity:010}/{self.uid:010}"


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """One account's mailbox, as long as its INBOX has this UIDVALIDITY."""

    account: str
    validity: int

    def __str__(self) -> str:
        return f"{encoded(self.account)}/{self.validity:010}"


def message_key(text: str) -> MessageKey | None:
    """The key that is written so; None for any other text."""
    found = _MESSAGE.fullmatch(text)
    if found is None:
        return None
    account, folder = _decoded(found[1]), _decoded(found[2])
    if account is None or folder is None:
        return None
    key = MessageKey(account, folder, int(found[3]), int(found[4]))
    return key if str(key) == text and 0 < key.validity <= LAST and 0 < key.uid <= LAST else None


def mailbox_key(text: str) -> MailboxKey | None:
    """The key that is written so; None for any other text."""
    found = _MAILBOX.fullmatch(text)
    account = None if found is None else _decoded(found[1])
    if found is None or account is None:
        return None
    key = MailboxKey(account, int(found[2]))
    return key if str(key) == text and key.validity <= LAST else None


def encoded(name: str) -> str:
    """A name as it stands in a key."""
    return quote(name, safe=SAFE)


def _decoded(text: str) -> str | None:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        return None
