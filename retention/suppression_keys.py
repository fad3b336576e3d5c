"""The keys of the suppression list: `keys/suppression.key`, and those that it replaced, `keys/suppression-ID.key`.

A digest cannot be made anew with another key, because nobody knows any more of whom it is. So an old key stays for
checking while entries made with it are there. Files are read each time: a key that is missing or another one
is noticed at once, and then nobody is said not to be banned.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from retention.domain.errors import SuppressionError
from retention.models import BanKey
from ropa.models import Organisation

KEY_BYTES = 32
CURRENT = "suppression.key"


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `id` names it without telling anything of it."""

    id: str
    secret: bytes = field(repr=False)

    def digest(self, organisation: Organisation, kind: str, spelled: str) -> str:
        """What stands for an identifier in an organisation's list: HMAC-SHA-256, hex."""
        message = f"{organisation.pk}\x00{kind}\x00{spelled}".encode()
        return hmac.digest(self.secret, message, "sha256").hex()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key for new entries, and every key with which entries were made."""

    current: Key
    all: tuple[Key, ...]


def keyring(organisation: Organisation) -> Keyring:
    """The keys of an organisation's list. Raises SuppressionError where one with which it was made is not there."""
    current = _read(_directory() / CURRENT)
    found = {current.id: current}
    for key_id in BanKey.objects.filter(organisation=organisation).values_list("key_id", flat=True):
        if key_id in found:
            continue
        path = _directory() / f"suppression-{key_id}.key"
        key = _read(path)
        if key.id != key_id:
            raise SuppressionError(f"keys/{path.name} is another key than the one that its name says")
        found[key_id] = key
    return Keyring(current, tuple(found.values()))


def rotate() -> tuple[str, str]:
    """Make a new key for what comes; the one until now stays, for checking. The ids of both: old, new.

    Killed anywhere, the key until now is still there under its own name. Raises SuppressionError.
    """
    directory = _directory()
    old = _read(directory / CURRENT)
    kept = directory / f"suppression-{old.id}.key"
    if not kept.exists():
        _write(kept, old.secret)
    secret = secrets.token_bytes(KEY_BYTES)
    draft = directory / f"{CURRENT}.part"
    draft.unlink(missing_ok=True)
    _write(draft, secret)
    draft.replace(directory / CURRENT)
    _sync(directory)
    return old.id, _id(secret)


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "keys"


def _read(path: Path) -> Key:
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise SuppressionError(
            f"keys/{path.name} cannot be read ({error.strerror}): bring it back from its backup. Without it nobody "
            "may be taken for not banned"
        ) from None
    if len(secret) != KEY_BYTES:
        raise SuppressionError(f"keys/{path.name} does not have {KEY_BYTES} bytes: it is not the list's key")
    return Key(_id(secret), secret)


def _id(secret: bytes) -> str:
    return hmac.digest(secret, b"which key this is", "sha256").hex()[:16]


def _write(path: Path, secret: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
