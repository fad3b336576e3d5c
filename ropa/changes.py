"""The difference by field between two inventory documents: any two versions, or the draft against a version.

Driven by structure alone, so that a kind of entry that is added tomorrow is compared today: mappings by key, a list of
mappings with an `id` by that id, any other list by content. `difference` is empty exactly where both are equal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retention.domain.evidence import canonical

Steps = tuple[str | int, ...]
"""Where something stands in a document: keys and list positions."""


class Kind(StrEnum):
    """How a place differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs. `before` and `after` are its values; of what moved, its positions from 0.

    `steps` lead there in the document after; of what was removed, in the document before.
    """

    path: str
    kind: Kind
    before: Any
    after: Any
    steps: Steps

    def as_data(self) -> dict[str, Any]:
        """As programs get it."""
        return {"path": self.path, "kind": self.kind.value, "before": self.before, "after": self.after}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every place that differs, keys in the alphabet's order, members in that of the document after."""
    return list(_mappings(before, after, "", (), ()))


def identified(members: Any) -> bool:
    """Whether this is a list of entries: mappings that each have an `id`."""
    return isinstance(members, list) and bool(members) and all(_id(member) is not None for member in members)


def _id(member: Any) -> str | None:
    found = member.get("id") if isinstance(member, Mapping) else None
    return found if isinstance(found, str) and found else None


def _values(before: Any, after: Any, path: str, was: Steps, now: Steps) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(before, after, path, was, now)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path, was, now)
    elif canonical(before) != canonical(after):
        yield Change(path, Kind.CHANGED, before, after, now)


def _mappings(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str, was: Steps, now: Steps
) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        place = f"{path}.{key}" if path else key
        if key not in after:
            yield Change(place, Kind.REMOVED, before[key], None, (*was, key))
        elif key not in before:
            yield Change(place, Kind.ADDED, None, after[key], (*now, key))
        else:
            yield from _values(before[key], after[key], place, (*was, key), (*now, key))


def _lists(before: list[Any], after: list[Any], path: str, was: Steps, now: Steps) -> Iterator[Change]:
    by_id = all(identified(one) for one in (before, after) if one) and bool(before or after)
    old, new = _named(before, by_id), _named(after, by_id)
    for name, position in old.items():
        if name not in new:
            place = _member(path, before[position], position, by_id)
            yield Change(place, Kind.REMOVED, before[position], None, (*was, position))
    stay = _in_order([old[name] for name in new if name in old])
    for name, position in new.items():
        place, steps = _member(path, after[position], position, by_id), (*now, position)
        if name not in old:
            yield Change(place, Kind.ADDED, None, after[position], steps)
            continue
        if old[name] not in stay:
            yield Change(place, Kind.MOVED, old[name], position, steps)
        if by_id:
            yield from _values(before[old[name]], after[position], place, (*was, old[name]), steps)


def _named(members: list[Any], by_id: bool) -> dict[tuple[str | bytes, int], int]:
    """Each member's name (its id or its content, and which of equal ones it is) and its position."""
    seen: Counter[str | bytes] = Counter()
    named = {}
    for position, member in enumerate(members):
        name: str | bytes = member["id"] if by_id else canonical(member)
        named[name, seen[name]] = position
        seen[name] += 1
    return named


def _member(path: str, member: Any, position: int, by_id: bool) -> str:
    """As `path_of` writes it: by the id where there is one, else by position."""
    return f"{path}[{member['id'] if by_id else _id(member) or position}]"


def _in_order(positions: Sequence[int]) -> set[int]:
    """The longest run that kept its order: what is not in it was moved."""
    ends: list[int] = []
    chain: list[int] = []
    before: dict[int, int | None] = {}
    for position in positions:
        at = bisect_left(ends, position)
        before[position] = chain[at - 1] if at else None
        ends[at : at + 1] = [position]
        chain[at : at + 1] = [position]
    found: set[int] = set()
    here = chain[-1] if chain else None
    while here is not None:
        found.add(here)
        here = before[here]
    return found
