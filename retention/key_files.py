"""Keys that are files of an organisation's own, one a month: made once, destroyed for good.

They lie under DATA_DIR/keys/WHAT/SLUG/YYYY-MM.key, never in the database and its dumps. So what was made with a month's
key is over when the key is, in every older dump too.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from retention.domain.errors import EvidenceError

KEY_BYTES = 32

STALE_SECONDS = 3600
"""A draft that old was left by a process that was killed."""


def directory(what: str, slug: str) -> Path:
    return Path(settings.DATA_DIR) / "keys" / what / slug


def read(what: str, slug: str, month: str, lost: str) -> bytes:
    """A month's key. Raises EvidenceError where it cannot be used; `lost`: what that means."""
    name = f"keys/{what}/{slug}/{month}.key"
    try:
        found = (directory(what, slug) / f"{month}.key").read_bytes()
    except OSError as error:
        raise EvidenceError(f"{name} cannot be read ({error.strerror}): {lost}") from None
    if len(found) != KEY_BYTES:
        raise EvidenceError(f"{name} does not have {KEY_BYTES} bytes")
    if not any(found):
        raise EvidenceError(f"{name} is being destroyed")
    return found


def months(what: str, slug: str) -> list[str]:
    """The months whose key is there, in order."""
    return sorted(path.stem for path in directory(what, slug).glob("????-??.key"))


def make(what: str, slug: str, month: str) -> None:
    """Whole or not at all, and once, whoever else begins the same month."""
    where = directory(what, slug)
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    for draft in where.glob("*.part"):
        if time.time() - draft.stat().st_mtime > STALE_SECONDS:
            draft.unlink(missing_ok=True)
    path = where / f"{month}.key"
    if path.exists():
        return
    draft = path.with_suffix(f".{secrets.token_hex(8)}.part")  # of processes in two containers the numbers are alike
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    _sync(where)


def destroy(what: str, slug: str, month: str) -> bool:
    """Overwritten before its name goes, and gone when this returns: no power failure brings it back.

    False where it was not there, or somebody else has just destroyed it.
    """
    path = directory(what, slug) / f"{month}.key"
    try:
        with path.open("r+b") as file:
            file.write(bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    _sync(path.parent)
    return True


def _sync(where: Path) -> None:
    descriptor = os.open(where, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
