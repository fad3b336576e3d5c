"""Filters of RFC 4515, built from parts: no value reaches a filter but as escaped bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@:+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)

Filter = str
EVERYTHING: Filter = "(objectClass=*)"
BIT_AND = "1.2.840.113556.1.4.803"
"""The matching rule by which Active Directory compares bits."""


def is_name(text: str) -> bool:
    """Whether a text can be the name of an attribute."""
    return bool(_NAME.fullmatch(text))


def equal(name: str, value: str | bytes) -> Filter:
    """Equality. Raises UnicodeEncodeError for text that no directory can hold."""
    return f"({name}={_escaped(value)})"


def at_most(name: str, value: str) -> Filter:
    return f"({name}<={_escaped(value)})"


def at_least(name: str, value: str) -> Filter:
    return f"({name}>={_escaped(value)})"


def holding(name: str, inner: str) -> Filter:
    """The text stands somewhere in a value."""
    return f"({name}=*{_escaped(inner)}*)"


def present(name: str) -> Filter:
    return f"({name}=*)"


def bit_set(name: str, bit: int) -> Filter:
    return f"({name}:{BIT_AND}:={bit})"


def negated(term: Filter) -> Filter:
    return f"(!{term})"


def all_of(terms: Iterable[Filter]) -> Filter:
    return _joined("&", terms)


def one_of(terms: Iterable[Filter]) -> Filter:
    return _joined("|", terms)


def _joined(sign: str, terms: Iterable[Filter]) -> Filter:
    kept = list(dict.fromkeys(terms))
    return kept[0] if len(kept) == 1 else f"({sign}{''.join(kept)})"


def _escaped(value: str | bytes) -> str:
    stored = value.encode() if isinstance(value, str) else value
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in stored)
