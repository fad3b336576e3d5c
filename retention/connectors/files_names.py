"""Keys for paths, and walking to a path without ever leaving the root.

A key is the path from the root with `/` between its names. A byte that is no UTF-8 is written `%XX` and `%`
itself `%25`, so that every name has a key that any text can hold, and every key has one name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_ESCAPING = re.compile("[%\udc80-\udcff]")

Names = tuple[str, ...]
"""A path as the names of its folders and of the file, as Python has them."""


def key_of(names: Sequence[str]) -> str:
    """The key for a path."""
    return "/".join(_ESCAPING.sub(_escape, name) for name in names)


def names_of(key: str) -> Names | None:
    """The path that a key means; None for a text that is nobody's key."""
    names = tuple(_ESCAPED.sub(_unescape, name) for name in key.split("/"))
    if key_of(names) != key or any(name in {"", ".", ".."} or "\0" in name for name in names):
        return None
    try:
        os.fsencode("/".join(names))
    except UnicodeEncodeError:
        return None
    return names


def _escape(match: re.Match[str]) -> str:
    return "%25" if match[0] == "%" else f"%{ord(match[0]) - 0xDC00:02X}"


def _unescape(match: re.Match[str]) -> str:
    byte = int(match[1], 16)
    return "%" if byte == 0x25 else chr(0xDC00 + byte)


@contextmanager
def parent_of(root: Path, names: Names) -> Iterator[int]:
    """A descriptor of the folder that a path lies in. Follows no link. Raises OSError where a folder is not there."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def look(root: Path, names: Names) -> os.stat_result | None:
    """What stands at a path, a link itself and not what it points at; None if nothing does."""
    try:
        with parent_of(root, names) as parent:
            return os.stat(names[-1], dir_fd=parent, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in {40, 62}:  # ELOOP: a folder on the way is a link, so nothing of ours stands there
            return None
        raise


def is_folder(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode)


def is_file(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode)


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by the bytes of its name; nothing where there is no such folder."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: os.fsencode(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
