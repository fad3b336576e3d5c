"""What evidence is made of: canonical bytes, a hash chain, a Merkle root. Anybody can recompute it offline.

An entry's digest is SHA-256 over the canonical JSON of [previous digest, number, kind, SHA-256 of the body]:
changing, dropping or reordering one entry changes every digest after it. Leaves and nodes of the Merkle
tree are hashed under different prefixes, and a node without a sibling is promoted, not doubled (RFC 6962).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from retention.domain.errors import EvidenceError

GENESIS = "0" * 64
"""What the first entry of a chain follows."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: `json.dumps` makes one for each call, which costs more than a short text."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8. Raises ValueError for NaN, TypeError for what JSON has no form for."""
    return _CANONICAL.encode(value).encode("utf-8")


def sha256_hex(content: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


def link(previous: str, number: int, kind: str, body: bytes) -> str:
    """The digest of one entry, which the next one follows."""
    return sha256_hex(canonical([previous, number, kind, sha256_hex(body)]))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored; `body` is exactly the bytes that were hashed."""

    number: int
    kind: str
    body: bytes
    previous: str
    digest: str


def verify_chain(entries: Iterable[Entry], first: str = GENESIS) -> tuple[int, str]:
    """The number of entries and the last digest. Raises EvidenceError naming the first entry that is wrong."""
    count, previous = 0, first
    for entry in entries:
        if entry.number != count + 1:
            raise EvidenceError(f"entry {count + 1} is missing: entry {entry.number} follows {count}")
        if entry.previous != previous:
            raise EvidenceError(f"entry {entry.number} does not follow the entry before it")
        if entry.digest != link(previous, entry.number, entry.kind, entry.body):
            raise EvidenceError(f"entry {entry.number} ({entry.kind}) was changed: its digest is another")
        count, previous = entry.number, entry.digest
    return count, previous


def merkle_root(leaves: Iterable[str]) -> str:
    """The root over these digests, in their order; of none, SHA-256 of nothing (RFC 6962 section 2.1)."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + leaf.encode("ascii")).digest() for leaf in leaves]
    if not level:
        return sha256_hex(b"")
    while len(level) > 1:
        pairs = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs) :]
    return level[0].hex()


class MerkleTree:
    """The same root, of leaves that come one by one; what is kept meanwhile grows with their number's logarithm."""

    def __init__(self) -> None:
        self._whole: list[tuple[int, bytes]] = []
        """Subtrees that are full, the largest first: leaves, root."""

    def add(self, leaf: str) -> None:
        size, digest = 1, hashlib.sha256(b"\x00" + leaf.encode("ascii")).digest()
        while self._whole and self._whole[-1][0] == size:
            digest = _node(self._whole.pop()[1], digest)
            size *= 2
        self._whole.append((size, digest))

    def root(self) -> str:
        if not self._whole:
            return sha256_hex(b"")
        digest = self._whole[-1][1]
        for _, left in reversed(self._whole[:-1]):
            digest = _node(left, digest)
        return digest.hex()


def merkle_path(leaves: Sequence[str], index: int) -> list[str]:
    """What lies beside the way from one leaf to the root, the lowest first (RFC 6962 section 2.1.1)."""
    level = [hashlib.sha256(b"\x00" + leaf.encode("ascii")).digest() for leaf in leaves]
    path = []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside].hex())
        pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
        index //= 2
    return path


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
