"""The leaves of the evidence: one for each item that was sent, one row for each chunk (semantics D7).

An entry `leaves` of the chain holds the root over a chunk's leaves and nothing of any person. Beside it a row
holds each leaf's digest, and the leaves with their keys, sealed with the month's key (`leaf_keys`), which is outside
the database and its dumps. Of leaves that were forgotten or destroyed the digests stay, so that the root can still be
recomputed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from retention import leaf_keys, remembered
from retention.domain.errors import EvidenceError
from retention.domain.evidence import MerkleTree, merkle_root
from retention.domain.leaves import KEY_BYTES, leaf_digest
from retention.evidence_log import EvidenceLog, sign_head, subject_digests
from retention.models import EvidenceLeaves, Run
from retention.models.run import RunState

KIND = "leaves"
"""The entry that holds a root over leaves."""

FORGOTTEN = "leaves_forgotten"
"""The entry, and the start of its chain's name, that says how many leaves of a person were destroyed."""

DESTROYED = "leaves_destroyed"
"""The entry, and the start of its chain's name, that says of which months the leaves and their keys were destroyed."""

FORM = b"\x01"
NONCE_BYTES = 12
DIGEST_BYTES = 32
PAGE = 5
"""Rows read at once: each may have 20,000 leaves."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A leaf with its own key, by which anybody can recompute its digest."""

    key: bytes
    text: str


def person_digest(kind: str, number: str) -> str:
    """What stands for a person in a leaf: another digest than that of a row whose key is their number."""
    return person_digests(kind, [number])[0]


def person_digests(kind: str, numbers: Sequence[str]) -> list[str]:
    """The same of many."""
    return subject_digests(f"person\0{kind}\0{number}" for number in numbers)


def write(log: EvidenceLog, about: Mapping[str, Any], leaves: Sequence[str]) -> str:
    """Add the entry and its row in the caller's transaction; the root. `about`: what the entry says besides.

    `about["night"]`: its day, ISO 8601. Raises EvidenceError if the month's key cannot be used.
    """
    month = str(about["night"])[:7]
    leaf_keys.begin(log.slug, month)
    keys = os.urandom(KEY_BYTES * len(leaves))
    each = [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]
    digests = [leaf_digest(key, text) for key, text in zip(each, leaves, strict=True)]
    root = merkle_root(digests)
    entry = log.append(KIND, {**about, "leaves": len(leaves), "root": root})
    EvidenceLeaves.objects.create(
        organisation=log.slug,
        entry=entry,
        month=month,
        digests=bytes.fromhex("".join(digests)),
        sealed=_seal(log.slug, month, entry, [Opened(key, text) for key, text in zip(each, leaves, strict=True)]),
    )
    return root


def of_entry(slug: str, entry: str) -> tuple[list[str], list[Opened | None]]:
    """The digests of an entry's leaves, and the leaves: None for each that nobody can read any more.

    Raises EvidenceError if the row is gone, or not as it was written.
    """
    row = EvidenceLeaves.objects.filter(organisation=slug, entry=entry).first()
    if row is None:
        raise EvidenceError("its leaves are gone")
    digests = split(bytes(row.digests))
    if row.sealed is None:
        return digests, [None] * len(digests)
    opened = _readable(row)
    if len(opened) != len(digests):
        raise EvidenceError(f"it has {len(digests)} leaves, and {len(opened)} are sealed")
    return digests, opened


def check(slug: str, entry: str, leaves: int, root: str) -> int:
    """Recompute an entry's leaves; how many of them can still be read. Raises EvidenceError naming the first wrong."""
    digests, opened = of_entry(slug, entry)
    tree = MerkleTree()
    for number, (digest, one) in enumerate(zip(digests, opened, strict=True), 1):
        if one is not None and leaf_digest(one.key, one.text) != digest:
            raise EvidenceError(f"its leaf {number} was changed: its digest is another")
        tree.add(digest)
    if len(digests) != leaves or tree.root() != root:
        raise EvidenceError(f"its {len(digests)} leaves have another root than the entry's {leaves}")
    return sum(one is not None for one in opened)


def about(slug: str, person: str) -> Iterator[tuple[str, list[str], dict[int, Opened]]]:
    """Where a person has leaves: the entry, its digests, and theirs by position. One row is held at a time."""
    named = f'"person":"{person}"'
    for row in _rows(slug):
        theirs = {n: one for n, one in enumerate(_readable(row)) if one is not None and named in one.text}
        if theirs:
            yield row.entry, split(bytes(row.digests)), theirs


def forget(slug: str, kind: str, number: str, today: date, by: str, reason: str) -> int:
    """Destroy one person's leaves with their keys, and sign that it was done; how many leaves. It says nobody's name.

    The chain and every root hold as before. What lies in older dumps goes with them. Raises EvidenceError without
    `by` and `reason`, where there is none, or where a key cannot be used.
    """
    if not by.strip() or not reason.strip():
        raise EvidenceError("forgetting leaves needs who decided it, and a reason")
    with transaction.atomic():
        places = _places(slug, person_digest(kind, number))
        gone = sum(len(positions) for positions in places.values())
        if not gone:
            raise EvidenceError(f"{slug}: there are no leaves of that person")
        log = EvidenceLog.apart(slug, FORGOTTEN, today)
        log.append(FORGOTTEN, {"entries": len(places), "leaves": gone, "by": by, "reason": reason})
        sign_head(slug, today, log.chain, {"leaves_forgotten": gone})
        _drop(slug, places)
        # before it is committed: what is destroyed here and remembered nowhere would come back with the next backup
        remembered.tell_forgotten(slug, places)
    return gone


def forget_again(slug: str) -> int:
    """Destroy what was forgotten and came back with a backup of our own database; how many leaves (D9)."""
    with transaction.atomic():
        whole = EvidenceLeaves.objects.filter(organisation=slug, month__in=leaf_keys.destroyed(slug))
        back = whole.filter(sealed__isnull=False)
        gone = sum(len(digests) // DIGEST_BYTES for digests in back.values_list("digests", flat=True).iterator())
        back.update(sealed=None)
        return gone + _drop(slug, remembered.forgotten(slug))


def destroy_until(slug: str, until: str, today: date, by: str, reason: str) -> tuple[list[str], int]:
    """Destroy the leaves of every night up to a month (YYYY-MM) and the keys that seal them; the months, how many.

    The chain, every root and every head hold as before; why a single item went can never be shown again, to nobody.
    Raises EvidenceError without `by` and `reason`, for a month that is not over or has a night that is not, or where
    there is nothing to destroy.
    """
    if not by.strip() or not reason.strip():
        raise EvidenceError("destroying a month's leaves needs who decided it, and a reason")
    if until >= f"{today:%Y-%m}":
        raise EvidenceError(f"{until} is not over: its leaves are still being written")
    with transaction.atomic():
        left = Run.objects.filter(organisation__slug=slug, state__in=[RunState.REQUESTED, RunState.RUNNING])
        for night in left.order_by("business_date").values_list("business_date", flat=True)[:1]:
            if f"{night:%Y-%m}" <= until:
                raise EvidenceError(f"{slug}: the night of {night} is not over: it may still write leaves")
        rows = EvidenceLeaves.objects.filter(organisation=slug, month__lte=until, sealed__isnull=False)
        months, leaves = sorted(set(rows.values_list("month", flat=True))), 0
        if not months:
            raise EvidenceError(f"{slug}: there are no leaves until {until} that anybody can read")
        for digests in rows.values_list("digests", flat=True).iterator(chunk_size=PAGE):
            leaves += len(digests) // DIGEST_BYTES
        log = EvidenceLog.apart(slug, DESTROYED, today)
        log.append(DESTROYED, {"months": months, "leaves": leaves, "by": by, "reason": reason})
        sign_head(slug, today, log.chain, {"leaves_destroyed": leaves})
        rows.update(sealed=None)
        # before it is committed, as above: whoever is interrupted here says it again
        remembered.tell_destroyed_months(slug, months)
    leaf_keys.destroy(slug, months)
    return months, leaves


def _places(slug: str, person: str) -> dict[str, list[int]]:
    """Entry -> which of its leaves are the person's and lie there readable, whether or not they may be read."""
    named = f'"person":"{person}"'
    found = {}
    for row in _rows(slug):
        mine = [n for n, one in enumerate(_open(row)) if one is not None and named in one.text]
        if mine:
            found[row.entry] = mine
    return found


def _drop(slug: str, places: Mapping[str, Collection[int]]) -> int:
    """Destroy the leaves at these places with their keys; how many there were."""
    gone = 0
    rows = EvidenceLeaves.objects.filter(organisation=slug, sealed__isnull=False)
    for entry, positions in sorted(places.items()):
        row = rows.filter(entry=entry).first()
        if row is None:
            continue
        opened = _open(row)
        left = [None if n in positions else one for n, one in enumerate(opened)]
        fewer = sum(one is not None for one in opened) - sum(one is not None for one in left)
        if fewer:
            EvidenceLeaves.objects.filter(pk=row.pk).update(sealed=_seal(slug, row.month, row.entry, left))
            gone += fewer
    return gone


def _readable(row: EvidenceLeaves) -> list[Opened | None]:
    """Without what was forgotten: after a restore it lies there again, and nobody may read it."""
    gone = remembered.forgotten(row.organisation).get(row.entry, frozenset())
    return [None if n in gone else one for n, one in enumerate(_open(row))]


def split(digests: bytes) -> list[str]:
    """Packed digests, each in hex."""
    return [digests[start : start + DIGEST_BYTES].hex() for start in range(0, len(digests), DIGEST_BYTES)]


def _rows(slug: str) -> Iterator[EvidenceLeaves]:
    """Every row with leaves that can be read, a page at a time."""
    rows = EvidenceLeaves.objects.filter(organisation=slug, sealed__isnull=False).order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE]):
        yield from page
        last = page[-1].pk


def _seal(slug: str, month: str, entry: str, leaves: Sequence[Opened | None]) -> bytes:
    """The keys, then the leaves line by line, compressed; sealed with the month's key for this entry alone."""
    keys = b"".join(bytes(KEY_BYTES) if one is None else one.key for one in leaves)
    lines = "\n".join("" if one is None else one.text for one in leaves)
    nonce = os.urandom(NONCE_BYTES)
    plain = len(leaves).to_bytes(4, "big") + keys + zlib.compress(lines.encode("utf-8"), 1)
    return FORM + nonce + AESGCM(leaf_keys.key(slug, month)).encrypt(nonce, plain, FORM + entry.encode("ascii"))


def _open(row: EvidenceLeaves) -> list[Opened | None]:
    if row.month in leaf_keys.destroyed(row.organisation):
        return [None] * (len(row.digests) // DIGEST_BYTES)
    packed, cipher = bytes(row.sealed or b""), AESGCM(leaf_keys.key(row.organisation, row.month))
    nonce, sealed = packed[1 : 1 + NONCE_BYTES], packed[1 + NONCE_BYTES :]
    try:
        if packed[:1] != FORM:
            raise InvalidTag
        plain = cipher.decrypt(nonce, sealed, FORM + row.entry.encode("ascii"))
    except InvalidTag:
        name = f"keys/leaves/{row.organisation}/{row.month}.key"
        raise EvidenceError(f"its leaves cannot be opened: {name} is another one, or they were changed") from None
    end = 4 + KEY_BYTES * int.from_bytes(plain[:4], "big")
    keys = [plain[start : start + KEY_BYTES] for start in range(4, end, KEY_BYTES)]
    texts = zlib.decompress(plain[end:]).decode("utf-8").split("\n")
    return [Opened(key, text) if text else None for key, text in zip(keys, texts, strict=True)] if keys else []
