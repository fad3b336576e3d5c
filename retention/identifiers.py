"""One spelling for each customer number, e-mail address and telephone number, so that equal ones have equal digests.

    email   NFKC, without case, the domain in IDNA 2008's ASCII form; a display name and `mailto:` fall away
    phone   E.164 without its plus; a number that begins with one 0 is a Finnish one
    number  NFKC, without spaces and case, of one kind of subject

What cannot be read is an error, never an identifier of its own: a spelling that we do not understand would
otherwise pass as somebody who never forbade anything. Dots and `+tags` of an address are kept: they may be another box.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import idna

from retention.domain.errors import IdentifierError

HOME = "358"
"""The country code of a number that has none."""

LONGEST = 254
_BRACKETED = re.compile(r"[^<>]*<([^<>]+)>")
_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\]\\]{1,64}")
_BETWEEN = re.compile(r"[\s\-.()/\u2010-\u2015]")
_DIALLED = re.compile(r"(\+|00)?([0-9]+)")


@dataclass(frozen=True, slots=True)
class Identifier:
    """What somebody is known by: `kind` is number, email or phone; a number is one of a `subject_kind`."""

    kind: str
    value: str = field(repr=False)
    subject_kind: str = "customer"


def normal(identifier: Identifier) -> str:
    """The one spelling of an identifier. Raises IdentifierError, which does not repeat it."""
    try:
        read = _KINDS[identifier.kind]
    except KeyError:
        raise IdentifierError(f"an identifier is one of {', '.join(_KINDS)}") from None
    text = _plain(identifier.value)
    if not text or len(text) > LONGEST:
        raise IdentifierError(f"{identifier.kind}: is missing or longer than {LONGEST} characters")
    spelled = read(text)
    return f"{identifier.subject_kind}:{spelled}" if identifier.kind == "number" else spelled


def without_unseen(text: str) -> str:
    """Without what nobody sees: spaces around it, and marks without a width, as texts copied from pages have them."""
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return text.strip()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", without_unseen(text)).strip()


def _email(text: str) -> str:
    if bracketed := _BRACKETED.fullmatch(text):
        text = bracketed[1].strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    local, _, domain = text.rpartition("@")
    domain = domain.rstrip(".")
    if not _LOCAL.fullmatch(local) or "." not in domain:
        raise IdentifierError("email: is no e-mail address")
    try:
        return f"{local.casefold()}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except UnicodeError:  # its text would repeat the domain
        raise IdentifierError("email: has a domain that cannot be one") from None


def _phone(text: str) -> str:
    if text[:4].lower() == "tel:":
        text = text[4:]
    dialled = _DIALLED.fullmatch(_BETWEEN.sub("", text.replace("(0)", "")))
    if dialled is None:
        raise IdentifierError("phone: is no telephone number")
    abroad, digits = dialled.groups()
    if not abroad:
        if digits.startswith("0"):
            digits = HOME + digits[1:]
        elif not (digits.startswith(HOME) and len(digits) >= 10):
            raise IdentifierError("phone: begins neither with 0 nor with a country code")
    digits = re.sub(rf"^{HOME}0", HOME, digits)  # +358 040 …, as many write it
    if not 8 <= len(digits) <= 15 or digits.startswith("0"):
        raise IdentifierError("phone: is too short or too long")
    return digits


def _number(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()


_KINDS: Mapping[str, Callable[[str], str]] = {"number": _number, "email": _email, "phone": _phone}
KINDS = tuple(_KINDS)
