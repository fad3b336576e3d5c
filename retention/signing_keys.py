"""The key that signs heads (`keys/evidence.pem`), and the signed chain of those before it (`keys/signers.jsonl`).

A new key is signed by the old one, and the old one by the new: whoever knows any key of the chain finds the way to all.
Private keys that were replaced are gone, their public keys stay. Of a stolen one the chain says since when it is
worth nothing, signed by the key in use. Files are read each time, so that a process that runs notices a new key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, canonical, sha256_hex

CURRENT = "evidence.pem"
CHAIN = "signers.jsonl"
SIGNED = b"seloste.signers/1\n"
"""What stands before the body of a link where it is signed, so that it is taken for nothing else."""

ROTATED, REVOKED = "rotated", "revoked"
TRIES = 3
"""How often the files are read anew where a key is being replaced in that moment."""

Link = Mapping[str, Any]
"""`body` and `signatures` (by the id of the key that made them) of one step of the chain."""


def key_id(key: Ed25519PrivateKey) -> str:
    """How a head names the key that signed it: SHA-256 of the public key, hex."""
    return sha256_hex(key.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every public key that may have signed, the oldest first, in hex, and since when the stolen ones sign nothing."""

    keys: tuple[str, ...]
    links: tuple[Link, ...] = ()
    revoked: Mapping[str, datetime] = field(default_factory=dict)

    def ids(self) -> list[str]:
        """The ids of the keys, in the same order."""
        return [sha256_hex(bytes.fromhex(key)) for key in self.keys]

    def check_head(self, head: Mapping[str, str], after: int = 0) -> int:
        """The place in the chain of the key that signed a head (`body`, `digest`, `key_id`, `signature`).

        `after`: the place of the key that signed the head before it. Raises EvidenceError, which says what is wrong
        as the rest of a sentence about the head.
        """
        if head["key_id"] not in self.ids():
            raise EvidenceError(f"is signed with another key than keys/{CURRENT} and those before it")
        place = self.ids().index(head["key_id"])
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.keys[place]))
            public.verify(bytes.fromhex(head["signature"]), bytes.fromhex(head["digest"]))
        except (InvalidSignature, ValueError):
            raise EvidenceError("has a signature that is not its own") from None
        if place < after:
            raise EvidenceError("is signed with a key that was retired before the head before it")
        since = self.revoked.get(head["key_id"])
        if since is not None and not _signed_before(json.loads(head["body"]), since):
            raise EvidenceError(f"is signed with a key that is revoked since {since.isoformat()}")
        return place


def _signed_before(body: Mapping[str, Any], since: datetime) -> bool:
    """Whether a head says that it was signed before this instant; one that names none must be of a day before it."""
    if "signed_at" in body:
        return datetime.fromisoformat(body["signed_at"]) < since
    return date.fromisoformat(body["business_date"]) < since.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Signer:
    """The key in use, and the chain that ends with it."""

    key: Ed25519PrivateKey = field(repr=False)
    ring: Keyring

    @property
    def id(self) -> str:
        return key_id(self.key)


def signer() -> Signer:
    """The key to sign with. Raises EvidenceError if it is not there, is no Ed25519 key, or was retired."""
    for _ in range(TRIES):
        key = _private(CURRENT)
        ring = _chain() or Keyring((_public(key),))
        if ring.keys[-1] == _public(key):
            return Signer(key, ring)
        if (_keys() / _draft()).exists():  # a new key is on its way to its name: the chain has it already
            key = _private(_draft())
            if ring.keys[-1] == _public(key):
                return Signer(key, ring)
    if _public(key) in ring.keys:
        raise EvidenceError(f"keys/{CURRENT} was retired: bring back the key that followed it, from its backup")
    raise EvidenceError(f"keys/{CURRENT} is not the key that keys/{CHAIN} names last")


def signing_key() -> Ed25519PrivateKey:
    """The key of `signer`."""
    return signer().key


def keyring() -> Keyring:
    """Every key that may have signed. Raises EvidenceError if none is known, or the chain of keys is broken."""
    return _chain() or signer().ring


def rotate(now: datetime, by: str, reason: str, stolen_since: datetime | None = None) -> tuple[str, str]:
    """Replace the key by a new one; the ids of both: old, new. `stolen_since`: from when on the old one is revoked.

    The chain is on the disk before the key takes its name. Killed anywhere, one of both signs, and which one the chain
    says. Whoever calls keeps others from signing meanwhile. Raises EvidenceError without `by` and `reason`.
    """
    _check_words(by, reason)
    if stolen_since is not None and stolen_since > now:
        raise EvidenceError("a key is revoked from an instant that has come")
    _finish()
    before = signer()
    new = Ed25519PrivateKey.generate()
    _write(
        _keys() / _draft(),
        new.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    said = {"at": _iso(now), "by": by, "reason": reason}
    links = [*before.ring.links]
    links.append(
        _link(links, {"kind": ROTATED, "from": _public(before.key), "to": _public(new), **said}, before.key, new)
    )
    if stolen_since is not None:
        links.append(_link(links, {"kind": REVOKED, "key": before.id, "since": _iso(stolen_since), **said}, new))
    _write_chain(links)
    (_keys() / _draft()).replace(_keys() / CURRENT)
    _sync()
    return before.id, key_id(new)


def revoke(wanted: str, since: datetime, now: datetime, by: str, reason: str) -> None:
    """Say that a key retired before, named by its id or in hex, signs nothing from an instant on.

    Raises EvidenceError for a key that the chain does not know, and for the one in use: that one is replaced.
    """
    _check_words(by, reason)
    if since > now:
        raise EvidenceError("a key is revoked from an instant that has come")
    current = signer()
    ids = current.ring.ids()
    wanted = ids[current.ring.keys.index(wanted)] if wanted in current.ring.keys else wanted
    if wanted not in ids:
        raise EvidenceError(f"keys/{CHAIN} knows no key {wanted}")
    if wanted == current.id:
        raise EvidenceError("the key in use is not revoked but replaced: `manage.py evidence rotate --since`")
    body = {"kind": REVOKED, "key": wanted, "since": _iso(since), "at": _iso(now), "by": by, "reason": reason}
    _write_chain([*current.ring.links, _link(current.ring.links, body, current.key)])


def _check_words(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise EvidenceError("replacing or revoking a key needs who decided it, and a reason")


def _link(before: Sequence[Link], told: Mapping[str, Any], *keys: Ed25519PrivateKey) -> Link:
    previous = sha256_hex(canonical(before[-1])) if before else GENESIS
    body = {"number": len(before) + 1, "previous": previous, **told}
    signed = SIGNED + canonical(body)
    return {"body": body, "signatures": {key_id(key): key.sign(signed).hex() for key in keys}}


def _chain() -> Keyring | None:
    """What the chain says; None where no key was ever replaced. Raises EvidenceError naming the first broken link."""
    try:
        content = (_keys() / CHAIN).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceError(f"keys/{CHAIN} cannot be read ({error.strerror})") from None
    return chain_in(content, f"keys/{CHAIN}")


def chain_in(content: bytes, where: str) -> Keyring:
    """What a chain of keys says, whoever gave it. Raises EvidenceError naming the first broken link."""
    keys: list[str] = []
    links: list[Link] = []
    revoked: dict[str, datetime] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            link = json.loads(line)
            _follow(link, links, keys, revoked)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature):
            raise EvidenceError(f"{where}: line {number} was changed or does not follow") from None
        links.append(link)
    if not keys:
        raise EvidenceError(f"{where} is empty: bring it back from its backup")
    return Keyring(tuple(keys), tuple(links), revoked)


def _follow(link: Link, links: Sequence[Link], keys: list[str], revoked: dict[str, datetime]) -> None:
    """Take one more link. Raises ValueError, KeyError, TypeError or InvalidSignature unless it follows those before."""
    body = link["body"]
    if body["number"] != len(links) + 1 or body["previous"] != (sha256_hex(canonical(links[-1])) if links else GENESIS):
        raise ValueError
    if body["kind"] == ROTATED:
        keys[:] = keys or [body["from"]]
        if body["from"] != keys[-1] or body["to"] in keys:
            raise ValueError
        keys.append(body["to"])
        signers = keys[-2:]
    elif body["kind"] == REVOKED:
        ids = [sha256_hex(bytes.fromhex(key)) for key in keys[:-1]]
        if body["key"] not in ids:
            raise ValueError
        since = datetime.fromisoformat(body["since"])
        revoked[body["key"]] = min(since, revoked.get(body["key"], since))
        signers = keys[-1:]
    else:
        raise ValueError
    for public in signers:
        raw = bytes.fromhex(public)
        signature = bytes.fromhex(link["signatures"][sha256_hex(raw)])
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, SIGNED + canonical(body))


def _finish() -> None:
    """End what a killed rotation left: the key that the chain names takes its name, another draft is none."""
    draft, ring = _keys() / _draft(), _chain()
    if not draft.exists():
        return
    try:
        named = ring is not None and _public(_private(_draft())) == ring.keys[-1]
    except EvidenceError:  # killed while it was written, so the chain cannot know it
        named = False
    if named:
        draft.replace(_keys() / CURRENT)
    else:
        draft.unlink()
    _sync()


def _private(name: str) -> Ed25519PrivateKey:
    try:
        content = (_keys() / name).read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"keys/{name} in the data directory cannot be read ({error.strerror}); "
            "`python -m config.keys DIRECTORY` makes what is missing"
        ) from None
    try:
        loaded = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EvidenceError(f"keys/{name} is not a private key without a password") from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise EvidenceError(f"keys/{name} is not an Ed25519 key")
    return loaded


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def _keys() -> Path:
    return Path(settings.DATA_DIR) / "keys"


def _draft() -> str:
    return f"{CURRENT}.part"


def _write_chain(links: Sequence[Link]) -> None:
    draft = _keys() / f"{CHAIN}.part"
    _write(draft, b"".join(canonical(link) + b"\n" for link in links))
    draft.replace(_keys() / CHAIN)
    _sync()


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync()


def _sync() -> None:
    descriptor = os.open(_keys(), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
