"""The keys of a lot, packed and sealed: they are many, they are read in order, and they are wiped once it is verified.

They name persons: their numbers, and what other registers call them. So they lie encrypted with `lots.key`, which
is outside the database and its dumps; a dump alone tells of nobody that they were about to be deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical
from retention.evidence_log import key_file
from retention.models import Lot

FORM = b"\x01"
"""The first byte: which form the rest has, and part of what is sealed."""
NONCE_BYTES = 12
KEY_BYTES = 32


class LotKey(NamedTuple):
    """One key of a lot: the register's key, whose it is, and since when it may go.

    name   what the register calls that person, where it is not the number (`retention.identity`)
    dates  its own dates that never change, by which it is known again if a backup brings it back (`retention.replay`)
    basis  why it was due when the lot was made, as `retention.domain.leaves.basis` tells it; "" where nobody told it
    """

    key: str
    subject: str | None
    due_from: date
    contract: str | None = None
    name: str | None = None
    dates: str = ""
    basis: str = ""


def pack(entries: Sequence[LotKey]) -> bytes:
    """Canonical JSON, compressed, sealed with AES-256-GCM. Raises EvidenceError if `lots.key` cannot be used."""
    rows = [[*entry[:2], entry.due_from.isoformat(), *entry[3:]] for entry in entries]
    nonce = os.urandom(NONCE_BYTES)
    return FORM + nonce + _cipher().encrypt(nonce, zlib.compress(canonical(rows), 6), FORM)


def unpack(packed: bytes) -> list[LotKey]:
    """What `pack` packed, in its order. Raises EvidenceError if another key sealed it, or it was changed."""
    nonce, sealed = packed[1 : 1 + NONCE_BYTES], packed[1 + NONCE_BYTES :]
    try:
        if packed[:1] != FORM:
            raise InvalidTag
        rows = json.loads(zlib.decompress(_cipher().decrypt(nonce, sealed, FORM)))
    except InvalidTag:
        raise EvidenceError(
            "a lot's keys cannot be opened: keys/lots.key is another one, or they were changed"
        ) from None
    return [LotKey(key, subject, date.fromisoformat(day), *rest) for key, subject, day, *rest in rows]


def openable(lot: Lot) -> bool:
    """Whether a lot's keys can be read: with another `lots.key` they cannot, ever."""
    try:
        unpack(bytes(lot.keys or b""))
    except EvidenceError:
        return False
    return True


def _cipher() -> AESGCM:
    key = key_file("lots.key")
    if len(key) != KEY_BYTES:
        raise EvidenceError(f"keys/lots.key does not have {KEY_BYTES} bytes")
    return AESGCM(key)


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
