"""What a second factor is made of lies sealed with `keys/factors.key`: a dump of the database signs nobody in."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

FORM = b"\x01"
"""The first byte: which form the rest has, and part of what is sealed."""
NONCE_BYTES = 12
KEY_BYTES = 32


class FactorKeyError(Exception):
    """`factors.key` is missing, or is another one than the factors were sealed with."""


def seal(text: str) -> str:
    """AES-256-GCM, in base64. Raises FactorKeyError."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(FORM + nonce + _cipher().encrypt(nonce, text.encode(), FORM)).decode()


def unseal(sealed: str) -> str:
    """What `seal` sealed. Raises FactorKeyError."""
    packed = base64.b64decode(sealed)
    nonce, rest = packed[1 : 1 + NONCE_BYTES], packed[1 + NONCE_BYTES :]
    try:
        if packed[:1] != FORM:
            raise InvalidTag
        return _cipher().decrypt(nonce, rest, FORM).decode()
    except InvalidTag:
        raise FactorKeyError(
            "a second factor cannot be opened: keys/factors.key is another one, or it was changed"
        ) from None


def _cipher() -> AESGCM:
    path = Path(settings.DATA_DIR) / "keys" / "factors.key"
    try:
        key = path.read_bytes()
    except OSError as error:
        raise FactorKeyError(
            f"keys/factors.key cannot be read ({error.strerror}): bring it back from its backup"
        ) from None
    if len(key) != KEY_BYTES:
        raise FactorKeyError(f"keys/factors.key does not have {KEY_BYTES} bytes")
    return AESGCM(key)


def check_key() -> None:
    """Raises FactorKeyError unless the key can be used."""
    _cipher()
