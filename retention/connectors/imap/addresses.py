"""Whose message it is: the one address outside the company among those that a message names.

From, To, Cc and Bcc count; Sender and Reply-To do not. Who is inside is told by the config's `own_domains`, whole
addresses or domains, and by the account itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SEVERAL = "names several people"
UNREADABLE = "an address in it cannot be read"
NO_DOMAIN = frozenset({"missing_domain", ".missing-host-name."})
"""What servers put in the place of a domain that an address does not have."""
NO_ADDRESS = frozenset({"syntax_error", "missing_mailbox", ".syntax-error."})

Written = tuple[bytes | None, bytes | None]
"""An address of an envelope: the part before the @ and the one after it."""


@dataclass(frozen=True, slots=True)
class Correspondents:
    """Those outside that a message names, in lower case. Personal data: never logged."""

    addresses: frozenset[str]
    unreadable: bool = False

    @property
    def doubt(self) -> str:
        """Why it is not certain whose message it is; "" where it is one person's or nobody's."""
        if self.unreadable:
            return UNREADABLE
        return SEVERAL if len(self.addresses) > 1 else ""


def correspondents(written: Iterable[Written], own: frozenset[str]) -> Correspondents:
    """Those that are not the company's own. `own`: domains and whole addresses in lower case."""
    found = set()
    unreadable = False
    for before, after in written:
        if after is None:
            continue  # the beginning or end of a group
        address = _address(before, after)
        if address is None:
            unreadable = True
        elif address not in own and address.rpartition("@")[2] not in own:
            found.add(address)
    return Correspondents(frozenset(found), unreadable)


def _address(before: bytes | None, after: bytes) -> str | None:
    try:
        name, domain = (before or b"").decode().lower(), after.decode().lower()
    except UnicodeDecodeError:
        return None
    if not name or name in NO_ADDRESS or domain in NO_ADDRESS:
        return None
    if domain in NO_DOMAIN:
        return None if "@" in name else name
    return f"{name}@{domain}"
