"""The archive keeper's two lists: which boxes there are, and what lies in each. CSV, `;`, UTF-8, with headings.

They stay the keeper's own: headings and columns that a mapping does not name are left as they are. A list is
rewritten whole, beside the old one, and then takes its place.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retention.connectors.contract import ConnectorError

Row = Mapping[str, str]


@dataclass(frozen=True)
class CsvList:
    """One list as a file. `what`: how an error calls it."""

    path: Path
    what: str

    def rows(self, needed: Sequence[str]) -> list[Row]:
        """Every row. Raises ConnectorError(permanent) naming the line and the column that is wrong."""
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise ConnectorError(f"the {self.what} is not there", permanent=True) from None
        except UnicodeDecodeError as error:
            number = error.object[: error.start].count(b"\n") + 1
            raise ConnectorError(f"the {self.what}: line {number} is not UTF-8", permanent=True) from None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
        try:
            lines = [(reader.line_num, line) for line in reader if line]
        except csv.Error as error:
            raise ConnectorError(f"the {self.what}: line {reader.line_num}: {error}", permanent=True) from None
        if not lines:
            raise ConnectorError(f"the {self.what} has no headings", permanent=True)
        headings = lines[0][1]
        missing = [name for name in needed if name not in headings]
        if missing:
            raise ConnectorError(f"the {self.what} has no column {missing[0]!r}", permanent=True)
        for number, cells in lines[1:]:
            if len(cells) != len(headings):
                wrong = f"line {number} has {len(cells)} columns instead of {len(headings)}"
                raise ConnectorError(f"the {self.what}: {wrong}", permanent=True)
        return [dict(zip(headings, cells, strict=True)) for _, cells in lines[1:]]

    def take_out(self, column: str, values: Iterable[str]) -> None:
        """Write the list anew without the rows that have one of these values."""
        gone = frozenset(values)
        rows = self.rows([column])
        kept = [row for row in rows if row[column] not in gone]
        if len(kept) == len(rows):
            return
        written = io.StringIO(newline="")
        writer = csv.writer(written, delimiter=";", lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(row.values() for row in kept)
        replace_file(self.path, written.getvalue().encode("utf-8"))


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; durable when this returns."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else of ours changes lists and orders meanwhile; the kernel lets go if the process dies."""
    with (directory / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def day_of(text: str, what: str) -> date | None:
    """A date as `2026-06-30` or `30.6.2026`; empty: not known. Raises ConnectorError(permanent), without the value."""
    if not text.strip():
        return None
    parts = text.strip().split(".")
    try:
        if len(parts) == 3:
            return date(int(parts[2]), int(parts[1]), int(parts[0]))
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ConnectorError(f"{what} holds something that is no date", permanent=True) from None
