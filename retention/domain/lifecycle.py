"""The one table of moves: of a lot, and of a key within it.

    flagged ──► approved ──► claimed ──► done ──► verified
       │  ╲         │                      │
       │   ╲        ▼                      ▼
       │    ╲──► withdrawn               (residue: stays done until a person has seen to it)
       ▼
    rejected

A key that failed, was refused, is held or pending stays in its claimed lot and is tried again on a later
night; the lot is done when no key waits any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class LotState(StrEnum):
    """Where a lot stands (semantics section 5)."""

    FLAGGED = "flagged"
    APPROVED = "approved"
    CLAIMED = "claimed"
    DONE = "done"
    VERIFIED = "verified"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[LotState, frozenset[LotState]] = MappingProxyType(
    {
        LotState.FLAGGED: frozenset({LotState.APPROVED, LotState.REJECTED, LotState.WITHDRAWN}),
        LotState.APPROVED: frozenset({LotState.CLAIMED, LotState.REJECTED, LotState.WITHDRAWN}),
        LotState.CLAIMED: frozenset({LotState.DONE, LotState.WITHDRAWN}),
        LotState.DONE: frozenset({LotState.VERIFIED}),
        LotState.VERIFIED: frozenset(),
        LotState.REJECTED: frozenset(),
        LotState.WITHDRAWN: frozenset(),
    }
)


class KeyState(StrEnum):
    """Where one key of a lot stands: not sent yet, or what its last attempt came to."""

    WAITING = "waiting"
    DESTROYED = "destroyed"
    ANONYMISED = "anonymised"
    RECOVERED = "recovered"
    ALREADY_ABSENT = "already_absent"
    UNLINKED = "unlinked"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    PENDING = "pending"
    FAILED = "failed"
    HELD = "held"


GONE = frozenset({KeyState.DESTROYED, KeyState.ANONYMISED, KeyState.UNLINKED, KeyState.RECOVERED})
"""Ours: each is read back."""

RETRIED = frozenset({KeyState.FAILED, KeyState.PENDING, KeyState.REFUSED, KeyState.HELD})
"""A later night tries again."""

FINAL = GONE | {KeyState.ALREADY_ABSENT, KeyState.SUPERSEDED}
"""Never sent again."""


def allowed(before: LotState, after: LotState) -> bool:
    """Whether a lot may move so."""
    return after in MOVES[before]


def key_allowed(before: KeyState, after: KeyState) -> bool:
    """Whether a key may move so: any outcome follows waiting or a retry; a final one is never left."""
    return after is not KeyState.WAITING and (before is KeyState.WAITING or before in RETRIED)
