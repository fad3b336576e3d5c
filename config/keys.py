"""Make the keys that live outside the database: `python -m config.keys DIRECTORY`. Never overwrites one.

django.key       signs sessions
evidence.pem     Ed25519, signs the head of each night; `manage.py evidence rotate` replaces it
digest.key       keys the digests that stand for persons in the evidence
lots.key         AES-256, seals the keys of lots: whose items wait to be deleted
suppression.key  HMAC-SHA-256, keys the digests of the suppression list
factors.key      AES-256, seals what second factors are made of
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _write_once(path: Path, content: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return True


def _session_key() -> bytes:
    return secrets.token_urlsafe(64).encode()


def session_key(directory: Path) -> str:
    """The key that signs sessions, made if it is not there: losing it only signs everybody out.

    The others are never made on the way: evidence signed with a new key would not follow the old.
    """
    path = directory / "django.key"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, _session_key())
    return path.read_text()


class LostKeyError(Exception):
    """A key is missing with which evidence was made that is still there; a new one would not follow it."""


def make_keys(directory: Path, anew: bool = False) -> list[str]:
    """Make what is missing; the names of what was made.

    Raises LostKeyError where evidence lies beside the directory and its keys do not, unless a new one is meant.
    """
    old = any((directory.parent / name).is_dir() for name in ("heads", "journal"))
    lost = [name for name in ("evidence.pem", "digest.key") if not (directory / name).exists()]
    if old and lost and not anew:
        raise LostKeyError(
            f"{directory / lost[0]} is missing, and there is evidence made with it: bring it back from its backup. "
            "`python -m config.keys DIRECTORY --anew` makes another, with which the old evidence does not verify"
        )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    chain = directory / "signers.jsonl"
    if not (directory / "evidence.pem").exists() and chain.exists():  # a new key does not follow the one it names last
        chain.rename(directory / f"signers-{secrets.token_hex(4)}.jsonl")
    evidence = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    contents = {
        "django.key": _session_key(),
        "evidence.pem": evidence,
        "digest.key": secrets.token_bytes(32),
        "lots.key": secrets.token_bytes(32),
        "suppression.key": secrets.token_bytes(32),
        "factors.key": secrets.token_bytes(32),
    }
    return [name for name, content in contents.items() if _write_once(directory / name, content)]


if __name__ == "__main__":
    try:
        for made in make_keys(Path(sys.argv[1]), anew="--anew" in sys.argv[2:]):
            print(f"made {made}")
    except LostKeyError as error:
        sys.exit(str(error))
