"""How a dataset lies in folders: what one item of it is, and where its number and dates stand.

`options.unit` says what an item is: a `file`, a whole `folder`, a `maildir` (one person's mailbox, whole and
unread), or a `message` (one file of a role's mailboxes, by the moment of delivery that its name begins with).
`options.pattern` says where number, contract, dates and facts stand in the path below the mapping's place.
What does not match is an item all the same, with nothing known of it: it is seen, and never goes by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from retention.connectors.contract import Candidate, ConnectorError, DatasetMapping, LedgerMapping, Ref
from retention.connectors.files_names import Names, entries, key_of
from retention.connectors.files_pattern import DATES, Pattern, compile_pattern

UNITS = ("file", "folder", "maildir", "message")
OPTIONS = frozenset({"unit", "pattern", "date_from"})
MAILDIR = ("cur", "new", "tmp")
RECYCLERS = frozenset({"#recycle", "@recycle", ".recycle", "$recycle.bin", ".trash"})
"""Folders where file servers keep what was deleted. They are no items, and are looked into when reading back."""

Value = date | bool | int | str | None


def is_recycler(name: str) -> bool:
    """Whether a folder is a recycle bin."""
    return name.lower() in RECYCLERS or name.lower().startswith(".trash-")


@dataclass(frozen=True)
class Layout:
    """One mapping, understood. `place`: the names of the folder below the root."""

    mapping: DatasetMapping | LedgerMapping
    place: Names
    unit: str
    pattern: Pattern | None
    by_modified: bool
    zone: ZoneInfo

    def items(self, root: Path, subjects: frozenset[str] | None) -> Iterator[Names]:
        """The paths of the items, in key order. `subjects` may leave out what is surely of others."""
        below = self.place
        if subjects is not None and self._folder_per_subject:
            for name in sorted(filter(_is_name, subjects), key=os.fsencode):
                yield from self._walk(root, (*below, name))
            return
        for entry in entries(root.joinpath(*below)):
            yield from self._walk(root, (*below, entry.name))

    @property
    def _folder_per_subject(self) -> bool:
        return (
            self.pattern is not None
            and self.mapping.subject is not None
            and self.pattern.text.split("/")[0] == f"{{{self.mapping.subject}}}"
        )

    def _walk(self, root: Path, names: Names) -> Iterator[Names]:
        path = root.joinpath(*names)
        folder = path.is_dir() and not path.is_symlink()
        if folder and is_recycler(names[-1]):
            return
        if not folder:
            if os.path.lexists(path) and (self.unit != "message" or names[-2:-1] in {("cur",), ("new",)}):
                yield names
            return
        if self._is_item(path, names):
            yield names
            return
        if self.unit == "message" and names[-1] == "tmp":
            return
        for entry in entries(path):
            yield from self._walk(root, (*names, entry.name))

    def _is_item(self, path: Path, names: Names) -> bool:
        """Whether a folder is one item itself."""
        if self.unit == "folder":
            return self.pattern is None or len(names) - len(self.place) == self.pattern.depth
        return self.unit == "maildir" and any((path / part).is_dir() for part in MAILDIR)

    def read(self, root: Path, names: Names, found: os.stat_result | None) -> dict[str, Value]:
        """What the path says; empty where it says nothing. `found`: what stands there, for the date of change."""
        inside = names[len(self.place) :]
        values: dict[str, Value] = {}
        if self.unit == "message":
            values["delivered"] = self._delivered(names[-1])
            inside = inside[:-2]
        if self.pattern is not None:
            matched = self.pattern.read(inside)
            if matched is None:
                return {}
            values |= matched
        if self.by_modified and found is not None:
            values["modified"] = datetime.fromtimestamp(found.st_mtime, UTC).astimezone(self.zone).date()
        return values

    def _delivered(self, name: str) -> date | None:
        seconds = name.split(".", 1)[0]
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 11):
            return None
        return datetime.fromtimestamp(int(seconds), UTC).astimezone(self.zone).date()

    def candidate(self, root: Path, names: Names, found: os.stat_result | None) -> Candidate:
        """One item as its path tells it."""
        values = self.read(root, names, found)
        mapping = self.mapping
        return Candidate(
            Ref(key_of(names), _text(values.get(mapping.subject)) if mapping.subject else None),
            contract=_text(values.get(mapping.contract)) if mapping.contract else None,
            events={event: _day(values.get(name)) for event, name in mapping.events.items()},
            facts={fact: _fact(values.get(name)) for fact, name in mapping.facts.items()},
        )


def _is_name(text: str) -> bool:
    if text in {"", ".", ".."} or "/" in text or "\0" in text:
        return False
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Value) -> str | None:
    return None if value is None or isinstance(value, date) else str(value)


def _day(value: Value) -> date | None:
    return value if isinstance(value, date) else None


def _fact(value: Value) -> bool | int | str | None:
    return None if isinstance(value, date) else value


def layout_of(mapping: DatasetMapping | LedgerMapping, zone: ZoneInfo) -> Layout:
    """Understand a mapping. Raises ConnectorError(permanent) naming the first thing in it that cannot be."""
    options: dict[str, Any] = dict(mapping.options)
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise _wrong(mapping, f"unknown option {unknown[0]!r}; known are {', '.join(sorted(OPTIONS))}")
    unit = options.get("unit", "file")
    if unit not in UNITS:
        raise _wrong(mapping, f"unit {unit!r} is none of {', '.join(UNITS)}")
    if options.get("date_from", "modified") != "modified":
        raise _wrong(mapping, f"date_from {options['date_from']!r} is not 'modified'")
    pattern = compile_pattern(options["pattern"]) if options.get("pattern") else None
    layout = Layout(mapping, _place(mapping), unit, pattern, "date_from" in options, zone)
    _check_names(layout)
    return layout


def _place(mapping: DatasetMapping | LedgerMapping) -> Names:
    names = tuple(mapping.place.split("/"))
    if mapping.place == ".":
        return ()
    if not all(_is_name(name) for name in names):
        raise _wrong(mapping, "is no folder below the root")
    return names


def _check_names(layout: Layout) -> None:
    types: dict[str, str] = dict(layout.pattern.types) if layout.pattern else {}
    if layout.unit == "message":
        types["delivered"] = "date"
    if layout.by_modified:
        types["modified"] = "date"
    mapping = layout.mapping
    dates: Sequence[str] = tuple(mapping.events.values())
    texts = [name for name in (mapping.subject, mapping.contract, *mapping.facts.values()) if name]
    for name in (*dates, *texts):
        if name not in types:
            raise _wrong(
                mapping, f"{name!r} stands nowhere in its pattern; there are: {', '.join(sorted(types)) or '–'}"
            )
        if (types[name] in DATES) != (name in dates):
            raise _wrong(mapping, f"{name!r} is a {types[name]}: it cannot be what the mapping takes it for")


def _wrong(mapping: DatasetMapping | LedgerMapping, why: str) -> ConnectorError:
    return ConnectorError(f"{mapping.place}: {why}", permanent=True)
