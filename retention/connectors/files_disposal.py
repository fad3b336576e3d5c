"""Deleting items of a folder, and reading back what is left of them.

Just before an item goes it is looked at again in its own open folder: it must still be what its key says,
still its subject's and still due. A deletion by name cannot be made conditional on a content's date, so
between that look and the deletion lies one comparison of inode, size and time, and no more. What goes as
a whole is looked through first, goes from its contents up, and is `failed` if something is put into it
meanwhile; the next attempt takes up there.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from retention.connectors.contract import Disposal, Outcome, Ref, Residue
from retention.connectors.files_items import Found, Layout, Messages, messages_in
from retention.connectors.files_tree import (
    InTheWayError,
    Parts,
    Removal,
    entries,
    is_recycle,
    look,
    opened,
    parts_of,
    remove_tree,
    survey,
    sync,
    unlink,
)
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
INDEX_CACHE = "dovecot.index.cache"
"""Where Dovecot keeps the addresses of messages, deleted ones too, until it is purged."""
VERSION = re.compile(r"Copy #[0-9]+ of (.*)", re.DOTALL)


@dataclass
class Task:
    """Disposing of some items of one dataset. `linked` gathers the keys whose content has other names."""

    root: int
    layout: Layout
    still_due: Expression
    linked: set[str]
    changed: set[Parts] = field(default_factory=set)
    boxes: dict[Parts, Messages] = field(default_factory=dict)

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        """One disposal per ref. Durable when this returns; raises OSError where it could not be made so."""
        disposals = [self._dispose(ref) for ref in refs]
        for parts in sorted(self.changed):
            sync(self.root, parts)
        return disposals

    def _dispose(self, ref: Ref) -> Disposal:
        parts = parts_of(ref.key)
        rel = None if parts is None else self.layout.below(parts)
        if parts is None or rel is None:
            return Disposal(ref.key, Outcome.REFUSED, "no path in the mapping's place")
        try:
            with opened(self.root, parts[:-1]) as folder:
                if self.layout.is_message(rel):
                    outcome, detail = self._message(folder, parts, rel, ref)
                else:
                    outcome, detail = self._whole(folder, parts, ref)
        except FileNotFoundError:
            outcome, detail = Outcome.ALREADY_ABSENT, ""
        except InTheWayError as error:
            outcome, detail = Outcome.REFUSED, str(error)
        except OSError as error:
            outcome = Outcome.REFUSED if error.errno in FORBIDDEN else Outcome.FAILED
            detail = error.strerror or type(error).__name__
        if outcome in {Outcome.DESTROYED, Outcome.ALREADY_ABSENT}:
            self._remove_emptied(parts, rel)
        return Disposal(ref.key, outcome, detail)

    def _whole(self, folder: int, parts: Parts, ref: Ref) -> tuple[Outcome, str]:
        name = parts[-1]
        before = look(folder, name)
        found = self.layout.one(folder, parts)
        if before is None or found is None:
            return Outcome.ALREADY_ABSENT, ""
        unfit = self._unfit(found, ref)
        if unfit is not None:
            return unfit
        removal = Removal()
        self.changed.add(parts[:-1])
        if found.kind == "folder":
            survey(folder, name)
            done = self._folder(folder, name, removal)
        else:
            after = look(folder, name)
            if after is None or _content(before) != _content(after):
                return Outcome.SUPERSEDED, "it changed meanwhile"
            unlink(folder, name, removal)
            done = (Outcome.DESTROYED, "")
        if removal.linked:
            self.linked.add(ref.key)
        return done

    def _folder(self, folder: int, name: str, removal: Removal) -> tuple[Outcome, str]:
        for _ in range(2):
            try:
                remove_tree(folder, name, removal)
            except OSError as error:
                if error.errno == errno.ENOTEMPTY:
                    continue
                if look(folder, name) is None:
                    break
                return Outcome.FAILED, f"a part of it may be gone: {error.strerror}"
            return Outcome.DESTROYED, ""
        if look(folder, name) is None:
            return Outcome.DESTROYED, ""
        return Outcome.FAILED, "something was put into it while it was emptied"

    def _message(self, box: int, parts: Parts, rel: Parts, ref: Ref) -> tuple[Outcome, str]:
        found = self.layout.message(parts, rel[: self.layout.pattern.depth], parts[-1])
        removal = Removal()
        for again in (False, True):
            files = self._messages(box, parts[:-1], again).get(parts[-1])
            if files is None:
                continue
            unfit = self._unfit(found, ref)
            if unfit is not None:
                return unfit
            self.changed.update((*parts[:-1], part) for part, _ in files)
            try:
                for part, name in files:
                    with opened(box, [part]) as folder:
                        unlink(folder, name, removal)
            except FileNotFoundError:
                continue  # read or moved to another name meanwhile
            if removal.linked:
                self.linked.add(ref.key)
            return Outcome.DESTROYED, ""
        return (Outcome.DESTROYED if removal.links_left else Outcome.ALREADY_ABSENT), ""

    def _messages(self, box: int, parts: Parts, again: bool) -> Messages:
        """A mailbox's messages, listed once for all refs unless a name is not where it was."""
        if again or parts not in self.boxes:
            self.boxes[parts] = messages_in(box)
        return self.boxes[parts]

    def _unfit(self, found: Found, ref: Ref) -> tuple[Outcome, str] | None:
        """Why the item may not go, None if it may."""
        candidate = found.candidate
        if candidate.ref.subject != ref.subject:
            return Outcome.SUPERSEDED, "not this subject's"
        if not satisfies(self.still_due, candidate):
            return Outcome.SUPERSEDED, "no longer due"
        if not found.fits:
            return Outcome.REFUSED, f"the {found.kind}'s name says neither date nor subject"
        return None

    def _remove_emptied(self, parts: Parts, rel: Parts) -> None:
        """Remove folders named by the subject or contract that are empty now: their names are personal data too."""
        for n in range(1, self.layout.naming_folders(rel) + 1):
            *above, name = parts[:-n]
            try:
                with opened(self.root, above) as folder:
                    os.rmdir(name, dir_fd=folder)
            except (OSError, InTheWayError):
                return  # not empty, not there or not ours: it stays
            self.changed.add(tuple(above))


def _content(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


_INDEXED = f"{INDEX_CACHE} of its mailbox"


def residues(root: int, layout: Layout, refs: Sequence[Ref], linked: set[str]) -> Iterator[Residue]:
    """What is left: the item itself, other names of its content, a recycle folder's copy, an index cache."""
    paths = {ref.key: parts for ref in refs if (parts := parts_of(ref.key)) is not None and layout.below(parts)}
    recycled = _recycled(root, set(paths.values()))
    boxes: dict[Parts, set[str]] = {}
    for key, parts in paths.items():
        places = [*_still_there(root, layout, parts, boxes)]
        there = any(place != _INDEXED for place in places)
        places += [f"recycle folder {recycled[parts[-1]]}"] if parts[-1] in recycled else []
        if places:
            yield Residue(key, "; ".join(places), copy=not there)
        if key in linked:
            yield Residue(key, "its content has another name (hard link)", copy=not there, seen_once=True)


def _still_there(root: int, layout: Layout, parts: Parts, boxes: dict[Parts, set[str]]) -> Iterator[str]:
    box, rel = parts[:-1], layout.below(parts)
    try:
        with opened(root, box) as folder:
            if rel is not None and layout.is_message(rel):
                if box not in boxes:
                    boxes[box] = set(messages_in(folder))
                if parts[-1] in boxes[box]:
                    yield "still there"
                if look(folder, INDEX_CACHE) is not None:
                    yield _INDEXED
            elif look(folder, parts[-1]) is not None:
                yield "still there"
    except FileNotFoundError:
        return
    except InTheWayError as error:
        yield str(error)


def _recycled(root: int, paths: set[Parts]) -> dict[str, str]:
    """Of the paths' last names, those that a recycle folder beside or above them holds, and which folder."""
    wanted = {parts[-1] for parts in paths}
    found: dict[str, str] = {}
    for above in sorted({parts[:length] for parts in paths for length in range(len(parts))}):
        with suppress(FileNotFoundError, InTheWayError), opened(root, above) as folder:
            for entry in entries(folder):
                if entry.kind == "folder" and is_recycle(entry.name):
                    found.update((name, entry.name) for name in _names_in(folder, entry.name) if name in wanted)
    return found


def _names_in(folder: int, name: str) -> Iterator[str]:
    """Every name below a folder as it was before it came there."""
    with opened(folder, [name]) as inside:
        for entry in entries(inside):
            version = VERSION.fullmatch(entry.name)
            original = version[1] if version else entry.name.removesuffix(".trashinfo")
            yield original
            yield original.partition(":")[0]
            if entry.kind == "folder":
                yield from _names_in(inside, entry.name)
