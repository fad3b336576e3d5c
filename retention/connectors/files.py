"""The connector to folders: documents, recordings, logs by day, and mail in Maildirs.

The number and the dates of an item stand in its path; a file's own time of change is when it was copied
here, and is trusted only where the mapping says so (`options.date_from: modified`). Before anything is
unlinked its path is read again and asked again; no link is ever followed; a folder goes from its contents
up. What a hard link or a recycle bin keeps is reported when reading back.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from retention.connectors.files_layout import Layout, is_recycler, layout_of
from retention.connectors.files_names import Names, entries, is_file, is_folder, key_of, look, names_of, parent_of
from retention.connectors.own_terms import satisfies
from retention.connectors.personal import guess
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

REFUSING = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY}
SAMPLE = 200
"""Names looked at for a guess of personal data."""


class FilesConnector:
    """One folder tree. Raises ConnectorError(permanent) for a config that is none."""

    kind: ClassVar[str] = "files"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("root", "The folder below which everything lies"),
        ConfigField("time_zone", "The zone that decides a moment's day", required=False, default="Europe/Helsinki"),
    )

    def __init__(self, root: str, time_zone: str = "Europe/Helsinki") -> None:
        self.root = Path(root)
        try:
            self.zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConnectorError(f"time_zone {time_zone!r} is no time zone", permanent=True) from error
        self._linked: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self.root.resolve() == Path("/"):
            raise ConnectorError("the root is the whole machine: name a folder", permanent=True)
        if not self.root.is_dir():
            raise ConnectorError("the root is not there or is no folder", permanent=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._linked.clear()

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        for mapping in mappings:
            layout = self._layout(mapping)
            if mapping.key != "path":
                raise ConnectorError(
                    f"{mapping.place}: the key of a file is its path, not {mapping.key!r}", permanent=True
                )
            for what in ("fields", "children", "closed"):
                if getattr(mapping, what):
                    raise ConnectorError(f"{mapping.place}: files have no {what}", permanent=True)
            self._folder(layout)
        writable = os.access(self.root, os.W_OK)
        return Health(missing_rights=() if writable else ("write",))

    def describe(self) -> Iterator[Place]:
        for entry in entries(self.root):
            if entry.is_dir(follow_symlinks=False) and not is_recycler(entry.name):
                names = [names[-1] for names in islice(_files(Path(entry.path), (entry.name,)), SAMPLE)]
                rows = sum(1 for _ in _files(Path(entry.path), (entry.name,)))
                yield Place(entry.name, rows, {"path": "text"}, guess({"path": names}))

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        layout = self._layout(mapping)
        self._folder(layout)
        for names in layout.items(self.root, None):
            candidate = layout.candidate(self.root, names, look(self.root, names))
            if candidate.ref.subject is not None:
                yield LedgerRow(
                    candidate.ref.subject, candidate.contract, events=candidate.events, facts=candidate.facts
                )

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        layout = self._layout(mapping)
        self._folder(layout)
        of_subjects = None if subjects is None else frozenset(subjects)
        of_contracts = None if contracts is None else frozenset(contracts)
        for names in layout.items(self.root, of_subjects):
            candidate = layout.candidate(self.root, names, look(self.root, names))
            if of_subjects is not None and candidate.ref.subject not in of_subjects:
                continue
            if of_contracts is not None and candidate.contract not in of_contracts:
                continue
            if satisfies(where, candidate):
                yield candidate

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        layout = self._layout(mapping)
        for ref in refs:
            names = self._names(layout, ref.key)
            found = look(self.root, names) if names else None
            if names is not None and found is not None:
                inside = (
                    [key_of(path) for path in _files(self.root.joinpath(*names), names)] if is_folder(found) else []
                )
                yield {"path": ref.key, "bytes": found.st_size, "files": inside}

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        layout = self._layout(mapping)
        self._folder(layout)
        return [self._dispose(layout, ref, action, still_due) for ref in refs]

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        layout = self._layout(mapping)
        binned = self._binned()
        for ref in refs:
            names = self._names(layout, ref.key)
            if names is None:
                continue
            if look(self.root, names) is not None:
                yield Residue(ref.key, "still there")
            elif ref.key in self._linked:
                yield Residue(ref.key, f"{self._linked[ref.key]} other hard links to the same content")
            elif names[-1] in binned:
                yield Residue(ref.key, f"in the recycle bin {binned[names[-1]]}")

    def _layout(self, mapping: DatasetMapping | LedgerMapping) -> Layout:
        return layout_of(mapping, self.zone)

    def _folder(self, layout: Layout) -> None:
        path = self.root
        for name in layout.place:
            path = path / name
            if path.is_symlink() or not path.is_dir():
                raise ConnectorError(f"{layout.mapping.place}: there is no such folder", permanent=True)

    def _names(self, layout: Layout, key: str) -> Names | None:
        """The path of a key, if it lies in the mapping's place."""
        names = names_of(key)
        inside = names is not None and len(names) > len(layout.place) and names[: len(layout.place)] == layout.place
        return names if inside else None

    def _dispose(self, layout: Layout, ref: Ref, action: Action, still_due: Expression) -> Disposal:
        names = self._names(layout, ref.key)
        found = look(self.root, names) if names is not None else None
        if names is None or found is None:
            return Disposal(ref.key, Outcome.ALREADY_ABSENT)
        if action is not Action.DELETE:
            return Disposal(ref.key, Outcome.REFUSED, f"files can only be deleted, not {action.value}")
        candidate = layout.candidate(self.root, names, found)
        if candidate.ref.subject != ref.subject or not satisfies(still_due, candidate):
            return Disposal(ref.key, Outcome.SUPERSEDED)
        folders = layout.unit in {"folder", "maildir"}
        if not (is_folder(found) if folders else is_file(found)):
            return Disposal(ref.key, Outcome.REFUSED, "is a link, or not what an item of this dataset is")
        try:
            return self._unlink(ref, names, found)
        except OSError as error:
            outcome = Outcome.REFUSED if error.errno in REFUSING else Outcome.FAILED
            return Disposal(ref.key, outcome, f"the file system says {errno.errorcode.get(error.errno or 0, 'no')}")

    def _unlink(self, ref: Ref, names: Names, found: os.stat_result) -> Disposal:
        with parent_of(self.root, names) as parent:
            now = os.stat(names[-1], dir_fd=parent, follow_symlinks=False)
            if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
                return Disposal(ref.key, Outcome.SUPERSEDED, "something else stands there now")
            if is_folder(found):
                shutil.rmtree(names[-1], dir_fd=parent)
            else:
                if now.st_nlink > 1:
                    self._linked[ref.key] = now.st_nlink - 1
                os.unlink(names[-1], dir_fd=parent)
            os.fsync(parent)
        if look(self.root, names) is not None:
            return Disposal(ref.key, Outcome.FAILED, "it is still there")
        return Disposal(ref.key, Outcome.DESTROYED)

    def _binned(self) -> dict[str, str]:
        """Name -> recycle bin, of everything that lies in a bin directly below the root or one folder deeper."""
        found: dict[str, str] = {}
        for entry in entries(self.root):
            if not entry.is_dir(follow_symlinks=False):
                continue
            below = [entry] if is_recycler(entry.name) else entries(Path(entry.path))
            for folder in below:
                if is_recycler(folder.name) and folder.is_dir(follow_symlinks=False):
                    for names in _files(Path(folder.path), ()):
                        found |= dict.fromkeys(names, folder.name)
        return found


def _files(folder: Path, names: Names) -> Iterator[Names]:
    """Every file below a folder, links not followed."""
    for entry in entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), (*names, entry.name))
        else:
            yield (*names, entry.name)
