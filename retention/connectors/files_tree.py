"""A folder and what is below it, reached so that nothing outside can be touched.

Every name is opened from the folder that holds it, without following links, so a link that somebody puts
in the way between a look and a deletion leads nowhere. A path's key is its names with `/` between them;
bytes that are no UTF-8, control characters and `%` are written `%XX`, so that a key is always plain text
and means exactly one path. Key order is the order of the names' bytes, name by name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Parts = tuple[str, ...]
"""The names of a path, from the root down, as the operating system's functions give them."""

DEEPEST = 100
"""Folders within folders that are followed; each one open costs a file descriptor."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
UNABLE_TO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})
MOUNT = re.compile(r"^mnt_id:\s*([0-9]+)$", re.MULTILINE)
RECYCLED = re.compile(r"\.trash.*|[#@.]recycle|\$recycle\.bin", re.IGNORECASE | re.DOTALL)

Kind = Literal["file", "folder", "link", "other"]


class InTheWayError(Exception):
    """A link or something mounted stands where a folder of ours should; `args[0]` says which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    kind: Kind


@dataclass
class Removal:
    """What a removal left behind: names of the same content elsewhere, by (device, inode)."""

    links_left: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def linked(self) -> bool:
        return any(self.links_left.values())


def key_of(parts: Sequence[str]) -> str:
    """The key of a path."""
    return "/".join(_written(name) for name in parts)


def parts_of(key: str) -> Parts | None:
    """The path of a key; None where the text is nobody's key (`..`, an empty name, a form that is not the one)."""
    try:
        parts = tuple(os.fsdecode(_bytes_of(name)) for name in key.split("/"))
    except (ValueError, UnicodeError):
        return None
    if any(name in {"", ".", ".."} or "/" in name or "\0" in name for name in parts):
        return None
    return parts if key_of(parts) == key else None


def _written(name: str) -> str:
    text = os.fsencode(name).decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(c) & 0xFF:02X}" if c < " " or c in "%\x7f" or "\udc80" <= c <= "\udcff" else c for c in text)


def _bytes_of(name: str) -> bytes:
    first, *others = name.split("%")
    return first.encode() + b"".join(bytes.fromhex(text[:2]) + text[2:].encode() for text in others)


def is_recycle(name: str) -> bool:
    """Whether a folder of this name is where a server or desktop keeps what was deleted."""
    return RECYCLED.fullmatch(name) is not None


def kind_of(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def look(folder: int, name: str) -> os.stat_result | None:
    """What stands under a name, itself and not what it links to; None for nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def entries(folder: int) -> list[Entry]:
    """The names in an open folder, in key order."""
    found = []
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.is_symlink():
                kind: Kind = "link"
            elif entry.is_dir(follow_symlinks=False):
                kind = "folder"
            else:
                kind = "file" if entry.is_file(follow_symlinks=False) else "other"
            found.append(Entry(entry.name, kind))
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


@contextmanager
def opened(folder: int, parts: Sequence[str]) -> Iterator[int]:
    """The folder at `parts` below an open one.

    Raises FileNotFoundError where there is none (a file in its place included), InTheWayError for a link.
    """
    current = os.dup(folder)
    try:
        for name in parts:
            try:
                below = os.open(name, FOLDER, dir_fd=current)
            except OSError as error:
                if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                    raise
                found = look(current, name)
                if found is not None and stat.S_ISLNK(found.st_mode):
                    raise InTheWayError("a link stands in the path") from None
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def unlink(folder: int, name: str, removal: Removal) -> None:
    """Remove one name that is no folder, and count the names that its content still has."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    os.unlink(name, dir_fd=folder)
    if not stat.S_ISDIR(found.st_mode):
        removal.links_left[found.st_dev, found.st_ino] = found.st_nlink - 1


def mount_of(folder: int) -> tuple[int, int | None]:
    """On what an open folder lies: the device, and the number of the mount where the system tells it (Linux).

    The same file system may be mounted twice (`mount --bind`): then the device is the same, and only the mount differs.
    """
    device = os.fstat(folder).st_dev
    try:
        told = Path(f"/proc/self/fdinfo/{folder}").read_text(encoding="ascii")
    except OSError:
        return device, None
    number = MOUNT.search(told)
    return device, None if number is None else int(number[1])


def _refuse_mounted(inside: int, folder: int) -> None:
    if mount_of(inside) != mount_of(folder):
        raise InTheWayError("another folder or file system is mounted in it")


def survey(folder: int, name: str) -> None:
    """Look through a folder that is to go as a whole. Raises InTheWayError if not all of it is ours to remove."""
    _survey(folder, name, 1)


def _survey(folder: int, name: str, depth: int) -> None:
    with opened(folder, [name]) as inside:
        _refuse_mounted(inside, folder)
        if depth > DEEPEST:
            raise InTheWayError(f"folders lie more than {DEEPEST} deep in it")
        for entry in entries(inside):
            if entry.kind == "folder":
                _survey(inside, entry.name, depth + 1)


def remove_tree(folder: int, name: str, removal: Removal) -> None:
    """Remove a folder: what is in it first, itself last. Links are removed, never followed.

    Raises OSError, ENOTEMPTY where something is put into it meanwhile, and InTheWayError where something is mounted
    in it meanwhile; what was removed by then is gone.
    """
    with opened(folder, [name]) as inside:
        _refuse_mounted(inside, folder)
        for entry in entries(inside):
            with suppress(FileNotFoundError):
                if entry.kind == "folder":
                    remove_tree(inside, entry.name, removal)
                else:
                    unlink(inside, entry.name, removal)
        os.fsync(inside)
    os.rmdir(name, dir_fd=folder)


def sync(root: int, parts: Sequence[str]) -> None:
    """Make the removals in a folder, or in what is left of the way to it, durable."""
    for length in range(len(parts), -1, -1):
        try:
            with opened(root, parts[:length]) as folder:
                os.fsync(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in UNABLE_TO_SYNC:
                raise
        return
