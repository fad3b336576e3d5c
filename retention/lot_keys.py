"""The keys of a lot, packed: they are many, they are read in order, and they are wiped once the lot is verified."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from retention.domain.evidence import canonical


class LotKey(NamedTuple):
    """One key of a lot: the register's key, whose it is, and since when it may go."""

    key: str
    subject: str | None
    due_from: date
    contract: str | None = None


def pack(entries: Sequence[LotKey]) -> bytes:
    """Canonical JSON, compressed."""
    rows = [[entry.key, entry.subject, entry.due_from.isoformat(), entry.contract] for entry in entries]
    return zlib.compress(canonical(rows), 6)


def unpack(packed: bytes) -> list[LotKey]:
    """What `pack` packed, in its order."""
    rows = json.loads(zlib.decompress(packed))
    return [LotKey(key, subject, date.fromisoformat(day), contract) for key, subject, day, contract in rows]


def lot_digest(entries: Sequence[LotKey], dataset: str, action: str, rules_digest: str) -> str:
    """What an approval signs (V3): exactly these keys, since when, what happens to them, under which rules.

    Not keyed: what is kept or shown is `subject_digest` of it.
    """
    signed = {
        "action": action,
        "dataset": dataset,
        "keys": [[entry.key, entry.due_from.isoformat()] for entry in entries],
        "rules": rules_digest,
    }
    return hashlib.sha256(canonical(signed)).hexdigest()
