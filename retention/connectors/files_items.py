"""Where the items of a dataset lie in a folder, and what their names say.

`options` of a mapping of the `files` connector:

    unit       file (left out), folder, maildir or message
    pattern    where date and customer stand (`files_pattern`), below the folder that `place` names;
               for a maildir or message the path of the mailbox; left out: {subject}, or * for messages
    date_from  mtime: the events mapped to `mtime` are the day on which the content was last written.
               Nobody's date but the upload's, often; without this option it is never read

`place` is a folder below the root, `.` for the root itself; `*`, `?` and `[…]` in a name stand for several
folders. A `file` is anything below it that is no folder. A `folder` is one item with all that is in it
(grain container), a `maildir` is one mailbox (the whole box, nothing in it is read), and of a `message`
only the file's name is read: the seconds since 1970 with which a Maildir's names begin are its
placeholder `delivered`. Whatever lies there and fits no pattern is an item without subject and dates, so that
the reader counts it; a recycle folder's content always is.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, cast
from zoneinfo import ZoneInfo

from retention.connectors.contract import Candidate, ConnectorError, DatasetMapping, Ref
from retention.connectors.files_pattern import DATES, Pattern, Value, compile_pattern
from retention.connectors.files_tree import (
    DEEPEST,
    Entry,
    InTheWayError,
    Kind,
    Parts,
    entries,
    is_recycle,
    key_of,
    kind_of,
    look,
    opened,
)
from retention.domain.events import Absent, event

Unit = Literal["file", "folder", "maildir", "message"]
UNITS: tuple[Unit, ...] = ("file", "folder", "maildir", "message")
DEFAULTS: Mapping[Unit, str] = {"folder": "{subject}", "maildir": "{subject}", "message": "*"}
OPTIONS = frozenset({"unit", "pattern", "date_from"})
MAILDIR = ("cur", "new", "tmp")
DELIVERED, MTIME = "delivered", "mtime"
SECONDS = re.compile(r"([0-9]{1,11})\.")
GLOB = re.compile(r"[*?\[]")

Wanted = frozenset[str] | None
Messages = dict[str, list[Parts]]
"""A mailbox's messages: the unique part of the name, which never changes -> where its files lie in the box."""


@dataclass(frozen=True, slots=True)
class Found:
    """One item as it stands in the folder. `fits`: its name could be read.

    A day that the calendar does not have, of an event that may never happen, would read as one that never did.
    """

    parts: Parts
    kind: Kind
    fits: bool
    candidate: Candidate


@dataclass(frozen=True)
class Layout:
    """A mapping, checked and compiled."""

    mapping: DatasetMapping
    unit: Unit
    place: Parts
    pattern: Pattern
    time_zone: ZoneInfo

    def folders(self, root: int) -> Iterator[Parts]:
        """The folders that the place stands for, in key order."""
        yield from _folders(root, (), self.place)

    def below(self, parts: Parts) -> Parts | None:
        """A path as seen from the place; None if it does not lie in it."""
        depth = len(self.place)
        inside = len(parts) > depth and all(
            _is_meant(meant, name) for meant, name in zip(self.place, parts[:depth], strict=True)
        )
        return parts[depth:] if inside else None

    def items(self, root: int, subjects: Wanted = None, contracts: Wanted = None) -> Iterator[Found]:
        """The items in key order; of these subjects or contracts only, if given. Raises ConnectorError."""
        wanted = [(self.mapping.subject, subjects), (self.mapping.contract, contracts)]
        asked = [(name, values) for name, values in wanted if values is not None]
        if any(name is None for name, _ in asked):
            raise _wrong(self.mapping, "asked for subjects or contracts, which the mapping does not name")
        filters = {name: values for name, values in asked if name is not None}
        for place in self.folders(root):
            try:
                with opened(root, place) as folder:
                    yield from self._walk(folder, place, (), filters)
            except FileNotFoundError:
                continue

    def _walk(self, folder: int, place: Parts, rel: Parts, filters: Mapping[str, frozenset[str]]) -> Iterator[Found]:
        if len(rel) > DEEPEST:
            raise ConnectorError(f"{self.mapping.place}: folders lie more than {DEEPEST} deep", permanent=True)
        for entry in entries(folder):
            path = (*rel, entry.name)
            if filters and not self._may_be(path, filters):
                continue
            at_depth = len(path) == self.pattern.depth
            if entry.kind == "folder" and self.unit == "message" and at_depth:
                yield from self._box(folder, entry.name, place, path)
            elif entry.kind == "folder" and (self.unit == "file" or not at_depth):
                try:
                    with opened(folder, [entry.name]) as inside:
                        yield from self._walk(inside, place, path, filters)
                except (FileNotFoundError, InTheWayError):
                    continue  # renamed or replaced while it was looked through: it is met again tomorrow
            else:
                found = self._found(folder, place, path, entry)
                if found is not None:
                    yield found

    def _may_be(self, path: Parts, filters: Mapping[str, frozenset[str]]) -> bool:
        """False where neither this path nor anything below it can be one of those asked for."""
        if len(path) > self.pattern.depth:
            return False
        texts = self.pattern.texts(path)
        return texts is not None and all(name not in texts or texts[name] in values for name, values in filters.items())

    def _box(self, folder: int, name: str, place: Parts, path: Parts) -> Iterator[Found]:
        try:
            with opened(folder, [name]) as box:
                if not is_maildir(box) or is_recycle(name):
                    found = self._found(folder, place, path, Entry(name, "folder"))
                    if found is not None:
                        yield found
                    return
                yield from self._messages(box, place, path, path)
        except FileNotFoundError:
            return

    def _messages(self, box: int, place: Parts, path: Parts, at: Parts) -> Iterator[Found]:
        """Of a box and all that lies in it: subfolders begin with a dot (Maildir++) or are folders in folders."""
        if len(at) > DEEPEST:
            raise ConnectorError(f"{self.mapping.place}: mailboxes lie more than {DEEPEST} deep", permanent=True)
        messages = messages_in(box)
        subfolders = {e.name for e in entries(box) if e.kind == "folder" and e.name not in MAILDIR}
        for name in sorted({*messages, *subfolders}, key=os.fsencode):
            if name in messages:
                yield self.message((*place, *at, name), path, name)
            if name in subfolders:
                with suppress(FileNotFoundError, InTheWayError), opened(box, [name]) as subfolder:
                    yield from self._messages(subfolder, place, path, (*at, name))

    def message(self, parts: Parts, box: Parts, name: str) -> Found:
        """A message from its mailbox's path below the place and the unique part of its own name."""
        seconds = SECONDS.match(name)
        day = _local(int(seconds[1]), self.time_zone) if seconds else None
        values = None if any(is_recycle(part) for part in parts) else self.pattern.read(box)
        return self._read(parts, "file", None if values is None else {**values, DELIVERED: day})

    def _found(self, folder: int, place: Parts, path: Parts, entry: Entry) -> Found | None:
        values = self.pattern.read(path)
        expected: Kind = "file" if self.unit == "file" else "folder"
        if self.unit == "message" or entry.kind != expected or any(is_recycle(name) for name in path):
            values = None
        if values is not None and self.unit == "maildir":
            try:
                with opened(folder, [entry.name]) as box:
                    values = values if is_maildir(box) else None
            except FileNotFoundError:
                return None
        if values is not None and MTIME in self.mapping.events.values():
            written = look(folder, entry.name)
            if written is None:
                return None
            values[MTIME] = _local(int(written.st_mtime), self.time_zone)
        return self._read((*place, *path), entry.kind, values)

    def one(self, folder: int, parts: Parts) -> Found | None:
        """The item of this path in its open parent folder, as it stands now; None if it is not there."""
        rel = self.below(parts)
        found = look(folder, parts[-1])
        if rel is None or found is None:
            return None
        entry = Entry(parts[-1], kind_of(found.st_mode))
        return self._found(folder, parts[: len(parts) - len(rel)], rel, entry)

    def _read(self, parts: Parts, kind: Kind, values: Mapping[str, Value] | None) -> Found:
        mapping = self.mapping
        key = key_of(parts)
        if values is not None and any(isinstance(v, str) and not _is_text(v) for v in values.values()):
            values = None
        if values is None:
            nothing = Candidate(Ref(key), None, dict.fromkeys(mapping.events), dict.fromkeys(mapping.facts))
            return Found(parts, kind, False, nothing)
        unread = any(
            values[name] is None and event(told).absent is Absent.OPTIONAL for told, name in mapping.events.items()
        )
        return Found(
            parts,
            kind,
            not unread,
            Candidate(
                Ref(key, None if mapping.subject is None else cast(str, values[mapping.subject])),
                None if mapping.contract is None else cast(str, values[mapping.contract]),
                {told: cast("date | None", values[name]) for told, name in mapping.events.items()},
                {fact: cast("bool | int | str | None", values[name]) for fact, name in mapping.facts.items()},
                mapping.closed is not None and values[mapping.closed.column] in mapping.closed.values,
            ),
        )

    def is_message(self, rel: Parts) -> bool:
        """Whether a path below the place is that of a message, and not of something that lies where a box should."""
        return self.unit == "message" and len(rel) > self.pattern.depth

    def naming_folders(self, rel: Parts) -> int:
        """How many folders right above the item are named by its subject or contract: empty, they go with it."""
        if self.unit == "message" or self.pattern.read(rel) is None:
            return 0
        naming = {self.mapping.subject, self.mapping.contract}
        count = 0
        for named in reversed(self.pattern.named[:-1]):
            if not named & naming:
                break
            count += 1
        return count


def compile_layout(mapping: DatasetMapping, time_zone: ZoneInfo) -> Layout:
    """Check what can be checked without looking. Raises ConnectorError(permanent) that names the place."""
    unit = mapping.options.get("unit", "file")
    unknown = sorted(set(mapping.options) - OPTIONS)
    if unknown:
        raise _wrong(mapping, f"unknown option {', '.join(unknown)}; known are {', '.join(sorted(OPTIONS))}")
    if unit not in UNITS:
        raise _wrong(mapping, f"unknown unit {unit!r}; known are {', '.join(UNITS)}")
    if mapping.key != "path":
        raise _wrong(mapping, f"the key of a file is its path, not {mapping.key!r}")
    if mapping.fields or mapping.children:
        raise _wrong(mapping, "a file goes as a whole: fields and children cannot be emptied")
    text = mapping.options.get("pattern", DEFAULTS.get(unit))
    if not isinstance(text, str):
        raise _wrong(mapping, "options.pattern is missing: it says where date and customer stand")
    layout = Layout(mapping, unit, _place(mapping), compile_pattern(text), time_zone)
    _check_names(layout)
    return layout


def _place(mapping: DatasetMapping) -> Parts:
    if mapping.place == ".":
        return ()
    parts = tuple(mapping.place.split("/"))
    if any(name in {"", ".", ".."} or "\0" in name for name in parts):
        raise _wrong(mapping, "the place is a folder below the root, without .. and without / at its ends")
    return parts


def _check_names(layout: Layout) -> None:
    mapping, types = layout.mapping, dict(layout.pattern.types)
    for builtin in (DELIVERED, MTIME):
        if builtin in types:
            raise _wrong(mapping, f"the pattern may not use {{{builtin}}}: it has a meaning of its own")
    if layout.unit == "message":
        types[DELIVERED] = "date"
    date_from = mapping.options.get("date_from")
    if date_from is not None and (date_from != MTIME or layout.unit != "file"):
        raise _wrong(mapping, f"date_from {date_from!r}: only mtime, and only of files")
    if date_from == MTIME:
        types[MTIME] = "date"
    wanted = [("subject", mapping.subject, False), ("contract", mapping.contract, False)]
    wanted += [(f"events.{event}", name, True) for event, name in mapping.events.items()]
    wanted += [(f"facts.{fact}", name, False) for fact, name in mapping.facts.items()]
    wanted += [("closed", mapping.closed.column, False)] if mapping.closed is not None else []
    for where, name, is_date in wanted:
        if name is None:
            continue
        if name not in types:
            hint = " without options.date_from" if name == MTIME else ""
            raise _wrong(mapping, f"{where}: the pattern has no placeholder {name!r}{hint}")
        if (types[name] in DATES) != is_date:
            raise _wrong(mapping, f"{where}: {{{name}}} is {'no' if is_date else 'a'} date")
        if where in {"subject", "contract", "closed"} and types[name] != "text":
            raise _wrong(mapping, f"{where}: {{{name}}} must be text, as the number is written")


def _wrong(mapping: DatasetMapping, why: str) -> ConnectorError:
    return ConnectorError(f"{mapping.place}: {why}", permanent=True)


def is_maildir(folder: int) -> bool:
    """Whether an open folder has the three folders of a Maildir."""
    return all((found := look(folder, name)) is not None and kind_of(found.st_mode) == "folder" for name in MAILDIR)


def messages_in(box: int) -> Messages:
    """The messages of an open mailbox, none of a folder that is no mailbox.

    A message read, answered or moved to `cur` keeps its unique part.
    """
    messages: Messages = {}
    for part in MAILDIR:
        with suppress(FileNotFoundError), opened(box, [part]) as folder:
            for entry in entries(folder):
                if entry.kind != "folder":
                    messages.setdefault(entry.name.partition(":")[0] or entry.name, []).append((part, entry.name))
    return messages


def _folders(root: int, done: Parts, rest: Parts) -> Iterator[Parts]:
    for n, meant in enumerate(rest):
        if GLOB.search(meant):
            with opened(root, (*done, *rest[:n])) as folder:
                names = [e.name for e in entries(folder) if e.kind == "folder" and _is_meant(meant, e.name)]
            for name in names:
                with suppress(FileNotFoundError):
                    yield from _folders(root, (*done, *rest[:n], name), rest[n + 1 :])
            return
    with opened(root, (*done, *rest)):
        yield (*done, *rest)


def _is_meant(meant: str, name: str) -> bool:
    if not GLOB.search(meant):
        return meant == name
    return fnmatch.fnmatchcase(name, meant) and not is_recycle(name) and name.startswith(".") <= meant.startswith(".")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _local(seconds: int, time_zone: ZoneInfo) -> date | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(time_zone).date()
    except (OverflowError, ValueError, OSError):
        return None
