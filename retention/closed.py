"""Which registers are closed: a decision that holds at once, whatever the published inventory still says of them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import date

from retention.models import RegisterEvent
from ropa.models import Organisation

CLOSED, REOPENED = "closed", "reopened"

DIGEST_BYTES = 8
"""Of the digest of an item that was left: enough to know it again among millions."""


def closings(organisation: Organisation, as_of: date | None = None) -> Mapping[str, RegisterEvent]:
    """Register -> the decision that closed it, of those that are closed; as of a day, as it was decided until then."""
    events = RegisterEvent.objects.filter(organisation=organisation).defer("remaining").order_by("id")
    if as_of is not None:
        events = events.filter(day__lte=as_of)
    last = {event.register: event for event in events}
    return {register: event for register, event in last.items() if event.what == CLOSED}


def packed(digests: Iterable[str]) -> str:
    """Digests of items in hex as one text, each cut short."""
    return b64encode(b"".join(bytes.fromhex(digest)[:DIGEST_BYTES] for digest in digests)).decode("ascii")


def unpacked(text: str) -> frozenset[bytes]:
    """What `packed` packed."""
    whole = b64decode(text)
    return frozenset(whole[start : start + DIGEST_BYTES] for start in range(0, len(whole), DIGEST_BYTES))


def known_again(digest: str) -> bytes:
    """A digest as `unpacked` has it."""
    return bytes.fromhex(digest)[:DIGEST_BYTES]
