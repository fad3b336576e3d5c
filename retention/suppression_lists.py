"""Lists of addresses as CSV: which lines may not be contacted, and bans that are taken in. Streams; no value is told.

A column holds a customer number, e-mail addresses or telephone numbers; several of one cell stand between commas or
semicolons inside it. A line whose identifiers are empty or cannot be read may not be contacted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from django.db import transaction

from retention.domain.errors import DocumentError, IdentifierError, Problem, SuppressionError
from retention.identifiers import KINDS, Identifier, normal
from retention.suppression import ALL, BAN, BATCH, CHANNELS, Entry, check_many, record
from ropa.models import Organisation

MOST_PROBLEMS = 50
"""How many wrong cells are named before reading stops."""

_SEVERAL = re.compile(r"[,;]")
_FINNISH = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)


@dataclass(frozen=True)
class Columns:
    """Which columns of a list say who is meant: heading -> number, email or phone; `subject_kind` of its numbers."""

    kinds: Mapping[str, str]
    subject_kind: str = "customer"
    channel: str = ""
    since: str = ""


@dataclass
class Checked:
    """Lines of a list (the heading is line 1): how many there are, which are banned, which nobody can read."""

    lines: int = 0
    banned: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every line may be contacted."""
        return not self.banned and not self.unreadable


def check_list(
    organisation: Organisation,
    path: Path,
    columns: Columns,
    channel: str,
    allowed: Path | None = None,
    encoding: str = "utf-8-sig",
) -> Checked:
    """Hold a list against the bans of one channel; `allowed` gets the lines that may be contacted, and only they.

    Raises SuppressionError where the list cannot be read or the bans cannot be asked; then `allowed` is not there.
    """
    if channel not in CHANNELS:
        raise SuppressionError(f"{channel!r} is none of {', '.join(CHANNELS)}")
    found = Checked()
    draft = None if allowed is None else allowed.with_name(f"{allowed.name}.part")
    try:
        with ExitStack() as opened:
            rows = _rows(opened, path, columns, encoding)
            writer = None
            if draft is not None:
                out = opened.enter_context(draft.open("w", newline="", encoding="utf-8"))
                writer = csv.writer(out, delimiter=rows.delimiter, lineterminator="\n")
                writer.writerow(rows.headings)
            while batch := rows.batch():
                verdicts = check_many(organisation, [rows.identifiers(row) for _, row in batch])
                for (number, row), verdict in zip(batch, verdicts, strict=True):
                    found.lines += 1
                    if channel in verdict.banned:
                        found.banned.append(number)
                    elif verdict.unreadable:
                        found.unreadable.append(number)
                    elif writer is not None:
                        writer.writerow(row)
        if draft is not None and allowed is not None:
            draft.replace(allowed)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    return found


def import_bans(
    organisation: Organisation,
    path: Path,
    columns: Columns,
    channels: Sequence[str],
    day: date,
    source: str,
    encoding: str = "utf-8-sig",
) -> tuple[int, int]:
    """Take in a list of bans, all or nothing: (lines, new entries). What a line does not say is of `channels`, `day`.

    Raises DocumentError naming line and column of each cell that is wrong, SuppressionError as `check_list` does.
    """
    lines = added = 0
    problems: list[Problem] = []
    with ExitStack() as opened, transaction.atomic():
        rows = _rows(opened, path, columns, encoding)
        while batch := rows.batch():
            entries: list[Entry] = []
            for number, row in batch:
                lines += 1
                entries += _line(rows, number, row, channels, day, source, problems)
            if len(problems) >= MOST_PROBLEMS:
                break
            if not problems:
                added += record(organisation, entries, said_now=not columns.since)
        if problems:
            raise DocumentError(problems[:MOST_PROBLEMS])
    return lines, added


class _Rows:
    """A list that is open: its headings, and its rows with the number of the line where each begins."""

    def __init__(self, file: IO[bytes], path: Path, columns: Columns, encoding: str) -> None:
        self._path = path
        self._columns = columns
        lines = self._decoded(file, encoding)
        first = next(lines, "")
        self.delimiter = max(";,\t", key=first.count)
        self.headings = next(csv.reader([first], delimiter=self.delimiter), [])
        wanted = [*columns.kinds, *filter(None, (columns.channel, columns.since))]
        missing = [name for name in wanted if self.headings.count(name) != 1]
        if missing or not columns.kinds:
            raise SuppressionError(
                f"{path.name}: there is not exactly one column {missing[0]!r}" if missing else "no column was named"
            )
        self._places = {name: self.headings.index(name) for name in wanted}
        self._reader = csv.reader(lines, delimiter=self.delimiter, strict=True)

    def batch(self) -> list[tuple[int, list[str]]]:
        """The next rows. Raises SuppressionError naming the line that cannot be read."""
        found: list[tuple[int, list[str]]] = []
        try:
            while len(found) < BATCH:
                number = self._reader.line_num + 2
                row = next(self._reader, None)
                if row is None:
                    break
                if row:
                    found.append((number, row))
        except csv.Error:
            raise SuppressionError(f"{self._path.name}: line {self._reader.line_num + 1} is no CSV") from None
        return found

    def identifiers(self, row: Sequence[str]) -> list[Identifier]:
        """Whom a row means; nobody where it has another number of cells than there are headings."""
        if len(row) != len(self.headings):
            return []
        return [identifier for name in self._columns.kinds for identifier in self.in_cell(row, name)]

    def in_cell(self, row: Sequence[str], name: str) -> list[Identifier]:
        kind = self._columns.kinds[name]
        values = [row[self._places[name]]] if kind == "number" else _SEVERAL.split(row[self._places[name]])
        return [Identifier(kind, value, self._columns.subject_kind) for value in values if value.strip()]

    def cell(self, row: Sequence[str], name: str) -> str:
        return row[self._places[name]].strip() if name else ""

    @property
    def columns(self) -> Columns:
        return self._columns

    def _decoded(self, file: IO[bytes], encoding: str) -> Iterator[str]:
        """Line by line, so that the one that is in another encoding can be named."""
        for number, line in enumerate(file, 1):
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError:
                raise SuppressionError(
                    f"{self._path.name}: line {number} is not in the encoding that it is read in: name another"
                ) from None
            except LookupError:
                raise SuppressionError(f"there is no encoding {encoding!r}") from None


def _rows(opened: ExitStack, path: Path, columns: Columns, encoding: str) -> _Rows:
    if wrong := sorted(set(columns.kinds.values()) - set(KINDS)):
        raise SuppressionError(f"{wrong[0]!r} is none of {', '.join(KINDS)}")
    try:
        file = opened.enter_context(path.open("rb"))
    except OSError as error:
        raise SuppressionError(f"{path.name} cannot be read ({error.strerror})") from None
    return _Rows(file, path, columns, encoding)


def _line(
    rows: _Rows,
    number: int,
    row: list[str],
    channels: Sequence[str],
    day: date,
    source: str,
    problems: list[Problem],
) -> Iterator[Entry]:
    where = f"line {number}"
    if len(row) != len(rows.headings):
        problems.append(Problem(where, f"has {len(row)} cells, the heading {len(rows.headings)}"))
        return
    said: list[Identifier] = []
    if not rows.identifiers(row):
        problems.append(Problem(where, "says nobody who could be banned"))
    for name in rows.columns.kinds:
        for identifier in rows.in_cell(row, name):
            try:
                normal(identifier)
            except IdentifierError as error:
                problems.append(Problem(f"{where}, {name}", str(error)))
            else:
                said.append(identifier)
    try:
        of, since = _channels(rows, row, channels), _since(rows, row, day)
    except ValueError as error:
        problems.append(Problem(where, str(error)))
        return
    for identifier in said:
        for channel in of:
            yield Entry(BAN, identifier, channel, since, source)


def _channels(rows: _Rows, row: Sequence[str], otherwise: Sequence[str]) -> Sequence[str]:
    column = rows.columns.channel
    of = [part.strip() for part in _SEVERAL.split(rows.cell(row, column))] if rows.cell(row, column) else otherwise
    if not set(of) <= {*CHANNELS, ALL}:
        raise ValueError(f"{column}: is none of {', '.join((*CHANNELS, ALL))}")
    return of


def _since(rows: _Rows, row: Sequence[str], today: date) -> date:
    column = rows.columns.since
    try:
        since = _day(rows.cell(row, column)) if rows.cell(row, column) else today
    except ValueError:
        raise ValueError(f"{column}: is no date") from None
    if since > today:
        raise ValueError(f"{column}: lies ahead")
    return since


def _day(text: str) -> date:
    if finnish := _FINNISH.fullmatch(text):
        return date(int(finnish[3]), int(finnish[2]), int(finnish[1]))
    return date.fromisoformat(text)
