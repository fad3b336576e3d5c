"""One entry of a directory as it stands on the wire, and what a distinguished name (DN) tells of its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ESCAPED = re.compile(r"\\([0-9a-fA-F]{2})")
_PLACES = frozenset({"dc", "o", "ou", "c", "l"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A DN and raw values under lower-case attribute names. Personal data: never logged."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]

    def all(self, name: str) -> tuple[bytes, ...]:
        """Every value; () where the attribute is absent."""
        return self.values.get(name.lower(), ())

    def first(self, name: str) -> str | None:
        """The first value as text; None where there is none or it is not text."""
        found = self.all(name)
        try:
            return found[0].decode() if found else None
        except UnicodeDecodeError:
            return None

    def holds(self, name: str) -> bool:
        return bool(self.all(name))

    def says_yes(self, name: str) -> bool:
        return self.first(name) == "TRUE"


def parts_of(dn: str) -> list[str]:
    """The relative names of a DN, nearest first, escapes left as they are."""
    parts, start, skip = [], 0, False
    for at, letter in enumerate(dn):
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif letter == ",":
            parts.append(dn[start:at].strip())
            start = at + 1
    return [*parts, dn[start:].strip()]


def same(one: str, other: str) -> bool:
    """Whether two DNs are written alike but for case, spaces around commas and the way of escaping."""
    return folded(one) == folded(other)


def folded(dn: str) -> str:
    """A DN in a form that can be compared."""
    return ",".join(_plain(part) for part in parts_of(dn))


def is_under(dn: str, base: str) -> bool:
    """Whether the DN is the base or lies below it."""
    inner, outer = ([_plain(part) for part in parts_of(one)] for one in (dn, base))
    return inner[-len(outer) :] == outer


def container_of(dn: str) -> str:
    """The nearest organisational part above an entry: nothing that could be a person's name."""
    parts = parts_of(dn)[1:] or [dn]
    while parts and parts[0].partition("=")[0].strip().lower() not in _PLACES:
        parts = parts[1:]
    return ",".join(parts)


def _plain(part: str) -> str:
    name, _, value = part.partition("=")
    stored = bytearray()
    text, at = value.strip(), 0
    while at < len(text):
        if found := _ESCAPED.match(text, at):
            stored.append(int(found[1], 16))
            at = found.end()
            continue
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        stored += text[at].encode("utf-8", "surrogatepass")
        at += 1
    return f"{name.strip()}={stored.decode('utf-8', 'replace')}".casefold()
