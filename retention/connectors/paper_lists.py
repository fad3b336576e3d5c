"""The archive keeper's two lists: which boxes there are, and what lies in each. CSV, `;`, UTF-8, with headings.

They stay the keeper's own. A list is read whole (an archive's list is what people keep by hand), and a row
that is taken out leaves every other byte as it was: a byte order mark, line ends, quotes and columns that we
know nothing of. It is written beside the old one and then takes its place, unless the keeper saved meanwhile.
"""

from __future__ import annotations

import csv
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retention.connectors.contract import ConnectorError

BOM = "\ufeff"
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Row:
    """One row. `line`: where it begins; `raw`: its text in the file, the line's end included."""

    line: int
    cells: Mapping[str, str]
    raw: str

    def __getitem__(self, heading: str) -> str:
        return self.cells[heading]

    def get(self, heading: str) -> str:
        """The cell, empty where the list has no such column."""
        return self.cells.get(heading, "")


@dataclass(frozen=True)
class CsvList:
    """One list as a file. `what`: how an error calls it."""

    path: Path
    what: str

    def rows(self, needed: Sequence[str] = ()) -> list[Row]:
        """Every row. Raises ConnectorError(permanent) naming the line and the column that is wrong."""
        return self._parse(self._content(), needed)[1]

    def headings(self) -> tuple[str, ...]:
        """The columns."""
        return self._parse(self._content(), ())[2]

    def row_error(self, row: Row, heading: str, why: str) -> ConnectorError:
        """An error that names the place and never what stands there."""
        return ConnectorError(f"the {self.what}: line {row.line}, column {heading!r}: {why}", permanent=True)

    def day(self, row: Row, heading: str) -> date | None:
        """A date as `2026-06-30` or `30.6.2026`; None for an empty cell. Raises ConnectorError(permanent)."""
        text = row[heading].strip()
        if not text:
            return None
        finnish = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text)
        try:
            if finnish:
                return date(int(finnish[3]), int(finnish[2]), int(finnish[1]))
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise self.row_error(row, heading, "holds something that is no date") from None

    def flag(self, row: Row, heading: str) -> bool | None:
        """`true` or `false`; None for an empty cell. Raises ConnectorError(permanent): a guess may delete."""
        text = row[heading].strip()
        if text not in {"", "true", "false"}:
            raise self.row_error(row, heading, "a fact is true, false or empty")
        return None if not text else text == "true"

    def take_out(self, gone: Callable[[Row], bool]) -> int:
        """Write the list anew without some rows, and say how many; only if there are any.

        Raises ConnectorError, not permanent, where somebody saved the list meanwhile.
        """
        before = self._content()
        head, rows, _ = self._parse(before, ())
        kept = [row for row in rows if not gone(row)]
        if len(kept) == len(rows):
            return 0
        written = (head + "".join(row.raw for row in kept)).encode("utf-8")
        replace_file(self.path, written, self._unchanged(before))
        return len(rows) - len(kept)

    def _unchanged(self, before: bytes) -> Callable[[], None]:
        def check() -> None:
            if self._content() != before:
                raise ConnectorError(f"the {self.what} was saved by somebody else meanwhile", permanent=False)

        return check

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ConnectorError(f"the {self.what}: {error.strerror}", permanent=True) from None

    def _parse(self, content: bytes, needed: Sequence[str]) -> tuple[str, list[Row], tuple[str, ...]]:
        """(the text before the first row, the rows, the headings)"""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            number = content[: error.start].count(b"\n") + 1
            raise ConnectorError(f"the {self.what}: line {number} is not UTF-8", permanent=True) from None
        lines = LINE.findall(text)
        records = list(self._records(lines))
        if not records:
            raise ConnectorError(f"the {self.what} has no headings", permanent=True)
        first, head_end, found = records[0]
        headings = tuple(found)
        doubled = sorted({name for name in headings if headings.count(name) > 1})
        if doubled:
            raise ConnectorError(f"the {self.what}: line {first} has column {doubled[0]!r} twice", permanent=True)
        for name in needed:
            if name not in headings:
                raise ConnectorError(f"the {self.what} has no column {name!r}", permanent=True)
        rows = []
        start = head_end
        for line, end, cells in records[1:]:
            if len(cells) != len(headings):
                wrong = f"line {line} has {len(cells)} columns instead of {len(headings)}"
                raise ConnectorError(f"the {self.what}: {wrong}", permanent=True)
            rows.append(Row(line, dict(zip(headings, cells, strict=True)), "".join(lines[start:end])))
            start = end
        return "".join(lines[:head_end]), rows, headings

    def _records(self, lines: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
        """(the line it begins on, the lines read so far, its cells) of each record; empty lines are passed over."""
        fed = (line.removeprefix(BOM) if n == 0 else line for n, line in enumerate(lines))
        reader = csv.reader(fed, delimiter=";", strict=True)
        done = 0
        try:
            for cells in reader:
                first, done = done + 1, reader.line_num
                if cells:
                    yield first, done, cells
        except csv.Error as error:
            raise ConnectorError(f"the {self.what}: line {reader.line_num}: {error}", permanent=True) from None


def replace_file(path: Path, content: bytes, check: Callable[[], None] = lambda: None) -> None:
    """Write a file whole or not at all; durable when this returns. `check` is asked last and may raise."""
    path = path.resolve()  # of a link, what it points at is replaced
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            if path.exists():
                _look_like(path.stat(), file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        check()
        beside.replace(path)
    except OSError as error:
        raise ConnectorError(f"{path.name} cannot be written: {error.strerror}", permanent=False) from None
    finally:
        beside.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _look_like(before: os.stat_result, file: int) -> None:
    """The new file is its keeper's as the old one was, as far as we may say so."""
    os.fchmod(file, stat.S_IMODE(before.st_mode))
    with suppress(PermissionError):
        os.fchown(file, before.st_uid, before.st_gid)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else of ours changes lists and orders meanwhile; the kernel lets go if the process dies."""
    try:
        lock = (directory / ".lock").open("w")
    except OSError as error:
        raise ConnectorError(f"the folder for orders: {error.strerror}", permanent=True) from None
    with lock as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
