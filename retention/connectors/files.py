"""Files and mailboxes in a folder of this machine, or one mounted on it: documents, recordings, logs, Maildirs.

An item's date and its customer stand in its path, read as the mapping's pattern says
(`files_items` for the options, `files_pattern` for the language). Only a name is read, never what a file
or a message says. Nothing outside the root is touched, and the root itself is never made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retention.connectors.contract import (
    Candidate,
    ConfigField,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Health,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
)
from retention.connectors.files_disposal import Task, residues
from retention.connectors.files_items import GLOB, Layout, compile_layout, messages_in
from retention.connectors.files_tree import FOLDER, InTheWayError, entries, key_of, look, opened, parts_of
from retention.connectors.own_terms import satisfies
from retention.connectors.personal import guess
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

SAMPLE = 200
"""Names looked at for personal data in each folder that `describe` tells of."""


class FilesConnector:
    """The verbs, for one folder."""

    kind: ClassVar[str] = "files"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("root", "The folder, as an absolute path. It must be there; nothing outside is touched."),
        ConfigField(
            "mounted",
            "yes: nothing is asked or deleted while no file system is mounted at the folder, as on a share.",
            required=False,
            default="no",
        ),
        ConfigField(
            "time_zone",
            "Where a moment is turned into a day: a Maildir's delivery, a file's time.",
            required=False,
            default="Europe/Helsinki",
        ),
    )

    def __init__(self, *, root: str, mounted: str = "no", time_zone: str = "Europe/Helsinki") -> None:
        if mounted not in {"yes", "no"}:
            raise ConnectorError("mounted must be yes or no", permanent=True)
        self._path = Path(root)
        self._mounted = mounted == "yes"
        self._zone_name = time_zone
        self._root: int | None = None
        self._linked: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._zone = ZoneInfo(self._zone_name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConnectorError(f"time_zone: there is no time zone {self._zone_name!r}", permanent=True) from None
        if not self._path.is_absolute() or ".." in self._path.parts:
            raise ConnectorError("root: an absolute path without .. is needed", permanent=True)
        try:
            real = self._path.resolve(strict=True)
            if real == Path(real.anchor):
                raise ConnectorError("root: the whole file system is no register", permanent=True)
            if self._mounted and not os.path.ismount(real):
                raise ConnectorError(f"root {self._path}: nothing is mounted there", permanent=False)
            self._root = os.open(real, FOLDER)
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it links to itself"
            raise ConnectorError(f"root {self._path}: {why}", permanent=True) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._root is not None:
            os.close(self._root)
            self._root = None

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """See that every place is there and every pattern can be read. Rights: may names be removed there?"""
        missing: list[str] = []
        for mapping in mappings:
            unwritable = []
            layout = self._layout(mapping)
            with self._reaching(mapping):
                places = list(layout.folders(self._fd))
                if not places:
                    raise ConnectorError(f"{mapping.place}: no folder fits it", permanent=True)
                for place in places:
                    with opened(self._fd, place) as folder:
                        # what the kernel would say: read-only mounts and access lists count, for root too
                        if not os.access(".", os.R_OK | os.W_OK | os.X_OK, dir_fd=folder):
                            unwritable.append(key_of(place) or ".")
            # a name that the mapping does not say itself may be a person's
            if GLOB.search(mapping.place) and unwritable:
                missing.append(f"write in {len(unwritable)} of {len(places)} folders")
            else:
                missing += [f"write in {key}" for key in unwritable]
        return Health(tuple(missing))

    def describe(self) -> Iterator[Place]:
        """The folders right below the root: how many files or messages, and what their names give away."""
        with self._reaching():
            for entry in entries(self._fd):
                if entry.kind != "folder":
                    continue
                names = _names(self._fd, entry.name)
                sample = list(islice(names, SAMPLE))
                rows = len(sample) + sum(1 for _ in names)
                stems = [name.partition(".")[0] for name in sample]
                personal = guess({"path": sample}) or guess({"path": stems})
                yield Place(key_of((entry.name,)), rows, {"path": "text"}, personal)

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Folders are nobody's source of truth for contracts: always raises ConnectorError(permanent)."""
        raise ConnectorError(f"{mapping.place}: files tell of no contracts and no events of subjects", permanent=True)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in key order (the names' bytes, name by name); one folder's names are held at a time."""
        layout = self._layout(mapping)
        wanted = None if subjects is None else frozenset(subjects)
        of_contracts = None if contracts is None else frozenset(contracts)
        with self._reaching(mapping):
            self._refuse_absent(layout, mapping)
            for found in layout.items(self._fd, wanted, of_contracts):
                candidate = found.candidate
                if wanted is not None and candidate.ref.subject not in wanted:
                    continue
                if of_contracts is not None and candidate.contract not in of_contracts:
                    continue
                if satisfies(where, candidate):
                    yield candidate

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """Path, size and day of what is there; a mailbox or folder as a number of files, unread."""
        layout = self._layout(mapping)
        wanted = {ref.key for ref in refs}
        with self._reaching(mapping):
            for ref in refs:
                parts = parts_of(ref.key)
                rel = None if parts is None else layout.below(parts)
                if parts is None or rel is None or ref.key not in wanted:
                    continue
                wanted.discard(ref.key)
                told = _told(self._fd, layout, parts, rel)
                if told is not None:
                    yield {"path": ref.key, "subject": ref.subject, **told}

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> list[Disposal]:
        """Delete. Any other action is refused: a file's name and content cannot be emptied or made anonymous."""
        layout = self._layout(mapping)
        if action is not Action.DELETE:
            return [Disposal(ref.key, Outcome.REFUSED, f"a file can be deleted only: {action.value}") for ref in refs]
        with self._reaching(mapping):
            self._refuse_absent(layout, mapping)
            return Task(self._fd, layout, still_due, self._linked).run(refs)

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterator[Residue]:
        """Read back; recycle folders (`.Trash*`, `#recycle`, `.recycle`) beside and above an item are looked through.

        Other names of a content (hard links) are known only to the connector that deleted it.
        """
        layout = self._layout(mapping)
        with self._reaching(mapping):
            self._refuse_absent(layout, mapping)
            yield from residues(self._fd, layout, refs, self._linked)

    def unseen(self, mapping: DatasetMapping) -> str:
        """Who did not delete a file does not know what other names its content has."""
        return "another name of its content (hard link)"

    @property
    def _fd(self) -> int:
        if self._root is None:
            raise ConnectorError("the connector was not entered", permanent=True)
        return self._root

    def _layout(self, mapping: DatasetMapping) -> Layout:
        return compile_layout(mapping, self._zone)

    def _refuse_absent(self, layout: Layout, mapping: DatasetMapping) -> None:
        """Of a share that is not mounted nothing has gone. Raises ConnectorError or OSError."""
        try:
            for place in layout.folders(self._fd):
                with opened(self._fd, place):
                    return
        except InTheWayError:
            return  # it is told of each item
        raise ConnectorError(f"{mapping.place}: no folder fits it", permanent=True)

    @contextmanager
    def _reaching(self, mapping: DatasetMapping | None = None) -> Iterator[None]:
        """The operating system's errors as ours, without the name they are about: it may be a person's."""
        place = mapping.place if mapping is not None else "root"
        try:
            yield
        except InTheWayError as error:
            raise ConnectorError(f"{place}: {error}", permanent=True) from None
        except OSError as error:
            permanent = isinstance(error, (FileNotFoundError, NotADirectoryError, PermissionError))
            raise ConnectorError(f"{place}: {error.strerror}", permanent=permanent) from None


def _told(root: int, layout: Layout, parts: tuple[str, ...], rel: tuple[str, ...]) -> Mapping[str, Any] | None:
    try:
        with opened(root, parts[:-1]) as folder:
            if layout.is_message(rel):
                files = messages_in(folder).get(parts[-1], [])
                found = layout.message(parts, rel[: layout.pattern.depth], parts[-1]) if files else None
                size = sum(_size(folder, path) for path in files)
                count = len(files)
            else:
                found = layout.one(folder, parts)
                sizes = [_size(folder, parts[-1:])]
                if found is not None and found.kind == "folder":
                    sizes = [*_sizes(folder, parts[-1])]
                size, count = sum(sizes), len(sizes)
    except FileNotFoundError:
        return None
    if found is None:
        return None
    days = {event: day.isoformat() for event, day in found.candidate.events.items() if day is not None}
    return {"events": days, "files": count, "bytes": size}


def _size(folder: int, parts: Sequence[str]) -> int:
    with opened(folder, parts[:-1]) as inside:
        found = look(inside, parts[-1])
        return 0 if found is None else found.st_size


def _sizes(folder: int, name: str) -> Iterator[int]:
    with opened(folder, [name]) as inside:
        for entry in entries(inside):
            if entry.kind == "folder":
                yield from _sizes(inside, entry.name)
            else:
                yield _size(inside, [entry.name])


def _names(folder: int, name: str) -> Iterator[str]:
    with opened(folder, [name]) as inside:
        for entry in entries(inside):
            if entry.kind == "folder":
                yield from _names(inside, entry.name)
            else:
                yield entry.name
