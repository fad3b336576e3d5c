"""The one table of moves: of a lot, and of a key within it.

    flagged ──► approved ──► claimed ──► done ──► verified
       │  ╲         │                      │
       │   ╲        ▼                      ▼
       │    ╲──► withdrawn               (residue: stays done until a person has seen to it)
       ▼
    rejected

A key that failed, was refused, is held, pending (with people) or waiting (for another register) stays in its
claimed lot and is tried again on a later night; the lot is done when no key waits any more.
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


class Outcome(StrEnum):
    """What became of one key (semantics section 5)."""

    DESTROYED = "destroyed"
    ANONYMISED = "anonymised"
    RECOVERED = "recovered"
    ALREADY_ABSENT = "already_absent"
    UNLINKED = "unlinked"
    REFUSED = "refused"
    PENDING = "pending"
    FAILED = "failed"
    HELD = "held"
    WAITING = "waiting"
    SUPERSEDED = "superseded"


GONE = frozenset({Outcome.DESTROYED, Outcome.ANONYMISED, Outcome.UNLINKED, Outcome.RECOVERED})
"""Ours: each is read back."""

RETRIED = frozenset({Outcome.FAILED, Outcome.PENDING, Outcome.REFUSED, Outcome.HELD, Outcome.WAITING})
"""A later night tries again."""

FINAL = GONE | {Outcome.ALREADY_ABSENT, Outcome.SUPERSEDED}
"""Never sent again."""


def allowed(before: LotState, after: LotState) -> bool:
    """Whether a lot may move so."""
    return after in MOVES[before]


def may_be_sent(before: Outcome | None) -> bool:
    """Whether a key may be sent: for the first time (None), or again after a retry. A final outcome is never left."""
    return before is None or before in RETRIED
