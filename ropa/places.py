"""Places in an inventory document: `registers[crm].name`, `activities[a].purposes[p].legal_basis`.

The same way of writing a place is used by problems, passages, findings and changes: a list's entry by its id, or by
its position from 0 where it has none. Plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

_STEP = re.compile(r"(?:^|\.)([a-z_]+)|\[([A-Za-z0-9_-]+)\]")


class NoPlaceError(LookupError):
    """Nothing stands at this place; the text says how far it goes."""


def at(document: Document, place: str) -> Any:
    """What stands at a place. Raises NoPlaceError for one that is malformed, not there, or empty."""
    return Places(document).at(place)


class Places:
    """Many places of one document, which does not change meanwhile: a list is looked through once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lists: dict[int, Mapping[str | None, Any]] = {}

    def at(self, place: str) -> Any:
        """What stands there. Raises NoPlaceError as `at` does."""
        here: Any = self._document
        for key, name in _steps(place):
            here = self._entry(here, name, place) if name else _field(here, key, place)
        if empty(here):
            raise NoPlaceError(f"{place!r} holds nothing")
        return here

    def _entry(self, here: Any, name: str, place: str) -> Any:
        if not isinstance(here, list):
            return _entry(here, name, place)
        if id(here) not in self._lists:
            self._lists[id(here)] = dict(reversed([(_name(one, n), one) for n, one in enumerate(here)]))
        named = self._lists[id(here)]
        return named[name] if name in named else _entry((), name, place)


def on_the_way(document: Document, place: str) -> list[Document]:
    """The entries of lists that a place lies in, the outermost first: as far as there are any."""
    here: Any = document
    found = []
    for key, name in _steps(place):
        try:
            here = _entry(here, name, place) if name else _field(here, key, place)
        except NoPlaceError:
            break
        if name and isinstance(here, Mapping):
            found.append(here)
    return found


def empty(value: Any) -> bool:
    """Whether a value says nothing: no text, no entry, or only such. `false` and 0 say something."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Mapping):
        return all(empty(part) for part in value.values())
    if isinstance(value, list | tuple):
        return all(empty(part) for part in value)
    return value is None


def entries(document: Document, *names: str) -> Iterator[tuple[str, Document]]:
    """The entries of one list, or of a list inside another (`activities`, `purposes`), each with its place."""
    yield from _entries(document, "", names)


def _entries(holder: Document, before: str, names: tuple[str, ...]) -> Iterator[tuple[str, Document]]:
    first, *rest = names
    for entry in holder.get(first) or ():
        place = f"{before}{first}[{entry['id']}]"
        if rest:
            yield from _entries(entry, f"{place}.", tuple(rest))
        else:
            yield place, entry


def _steps(place: str) -> list[tuple[str, str]]:
    found = list(_STEP.finditer(place))
    if not found or "".join(one.group() for one in found) != place:
        raise NoPlaceError(f"{place!r} is no place: write it as registers[crm].name")
    return [(one.group(1) or "", one.group(2) or "") for one in found]


def _field(here: Any, key: str, place: str) -> Any:
    if not isinstance(here, Mapping) or key not in here:
        raise NoPlaceError(f"{place!r} is not there: nothing has {key!r}")
    return here[key]


def _entry(here: Any, name: str, place: str) -> Any:
    if isinstance(here, list):
        for position, one in enumerate(here):
            if _name(one, position) == name:
                return one
    raise NoPlaceError(f"{place!r} is not there: there is no {name!r}")


def _name(entry: Any, position: int) -> str | None:
    if not isinstance(entry, Mapping) or "id" not in entry:
        return str(position)
    return entry["id"] if isinstance(entry["id"], str) else None
