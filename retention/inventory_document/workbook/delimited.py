"""Rows as a ZIP of .csv files, one for each sheet, and back.

Semicolons and a byte order mark, as a Finnish spreadsheet program opens them. A text that such a program would take
for a formula has an apostrophe before it, which reading takes off again.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TextIO

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import Sheet, sheets
from retention.inventory_document.workbook.refuse import opened, refuse
from retention.inventory_document.workbook.spots import spot
from retention.inventory_document.workbook.table import Read, document_of, rows_of
from retention.inventory_document.workbook.values import Cell

_GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
_MADE = (1980, 1, 1, 0, 0, 0)
LONGEST = 10_000_000
"""Characters of a cell."""
LONGEST_ROW = 12_000_000


def write_csv(document: Mapping[str, Any]) -> bytes:
    """The whole document as a ZIP of .csv files: the same bytes for the same document."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet in sheets():
            archive.writestr(
                zipfile.ZipInfo(f"{sheet.name}.csv", _MADE), _written(document, sheet), zipfile.ZIP_DEFLATED
            )
    return out.getvalue()


def _written(document: Mapping[str, Any], sheet: Sheet) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(sheet.columns)
    for row in rows_of(document, sheet):
        writer.writerow([_guarded(row.get(column)) for column in sheet.columns])
    return text.getvalue().encode("utf-8-sig")


def _guarded(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    return f"'{cell}" if cell.startswith(_GUARDED) else cell


def read_csv(content: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The document of a ZIP of .csv files, and where each entry stands. Raises DocumentError."""
    archive = opened(content)
    names = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX/")]
    if not names:
        raise refuse(_("holds no .csv file"))
    return document_of((PurePosixPath(name).stem, *_rows(archive, name)) for name in names)


def _rows(archive: zipfile.ZipFile, name: str) -> tuple[list[str], Iterator[Read]]:
    sheet = PurePosixPath(name).stem
    csv.field_size_limit(LONGEST)
    rows = _told(archive, name, sheet)
    columns = next(rows, (1, []))[1]
    return columns, _read(sheet, columns, rows)


def _told(archive: zipfile.ZipFile, name: str, sheet: str) -> Iterator[tuple[int, list[str]]]:
    """Rows as the file has them, one at a time. Raises DocumentError for what is no CSV in UTF-8."""
    number = 0
    try:
        with archive.open(name) as member, io.TextIOWrapper(member, encoding="utf-8-sig", newline="") as text:
            lines = Lines(text)
            for number, row in enumerate(csv.reader(lines, delimiter=";", strict=True), 1):
                lines.row_begins()
                yield number, row
    except UnicodeDecodeError:
        where = f"{spot(sheet)}, " + _("line %(line)s") % {"line": _undecodable(archive, name)}
        raise DocumentError([Problem(where, _("is not UTF-8: save it as CSV UTF-8"))]) from None
    except csv.Error as error:
        raise DocumentError([Problem(spot(sheet, number + 1), _("is no CSV: %(error)s") % {"error": error})]) from None
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError):
        raise refuse(_("is damaged: %(name)r cannot be read") % {"name": name[:60]}) from None


class Lines:
    """Lines of a file for `csv.reader`, so that no row grows without end. Raises DocumentError."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._row = 0

    def row_begins(self) -> None:
        self._row = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_ROW + 1)
        self._row += len(line)
        if self._row > LONGEST_ROW:
            raise refuse(
                _("has a row of more than %(longest_row)s characters: it is no CSV") % {"longest_row": LONGEST_ROW}
            )
        if not line:
            raise StopIteration
        return line


def _undecodable(archive: zipfile.ZipFile, name: str) -> int:
    with archive.open(name) as member:
        decoder = codecs.getincrementaldecoder("utf-8")()
        number = 1
        while piece := member.read(1 << 16):
            for place, part in enumerate(piece.split(b"\n")):
                number += place > 0
                try:
                    decoder.decode(b"\n" + part if place else part)
                except UnicodeDecodeError:
                    return number
    return number


def _read(name: str, columns: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Read]:
    for number, row in rows:
        cells = {column: _plain(cell) for column, cell in zip(columns, row, strict=False)}
        beyond = {
            str(place): "has a value under no heading"
            for place in range(len(columns) + 1, len(row) + 1)
            if row[place - 1]
        }
        yield Read(number, cells, beyond)


def _plain(cell: str) -> Cell:
    if not cell:
        return None
    return cell[1:] if cell.startswith("'") else cell
