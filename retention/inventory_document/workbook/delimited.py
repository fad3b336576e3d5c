"""Rows as a ZIP of .csv files, one for each sheet, and back.

Semicolons and a byte order mark, as a Finnish spreadsheet program opens them. A text that such a program would take
for a formula has an apostrophe before it, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import Sheet, sheets
from retention.inventory_document.workbook.refuse import opened, refuse
from retention.inventory_document.workbook.table import Read, document_of, rows_of
from retention.inventory_document.workbook.values import Cell

_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")
_MADE = (1980, 1, 1, 0, 0, 0)
LONGEST = 10_000_000


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
    names = [name for name in archive.namelist() if name.endswith(".csv")]
    if not names:
        raise refuse("holds no .csv file")
    return document_of((name.removesuffix(".csv"), *_rows(archive, name)) for name in names)


def _rows(archive: zipfile.ZipFile, name: str) -> tuple[list[str], Iterator[Read]]:
    try:
        text = archive.read(name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(
            [Problem(f"sheet {name.removesuffix('.csv')}", "is not UTF-8: save it as CSV UTF-8")]
        ) from None
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError):
        raise refuse(f"is damaged: {name[:60]!r} cannot be read") from None
    csv.field_size_limit(LONGEST)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    columns = next(rows, [])
    return columns, _read(name.removesuffix(".csv"), columns, rows)


def _read(name: str, columns: list[str], rows: Iterator[list[str]]) -> Iterator[Read]:
    number = 1
    try:
        for number, row in enumerate(rows, 2):
            if len(row) > len(columns):
                raise DocumentError([Problem(f"sheet {name}, row {number}", "has more cells than there are headings")])
            yield Read(number, {column: _plain(cell) for column, cell in zip(columns, row, strict=False)})
    except csv.Error as error:
        raise DocumentError([Problem(f"sheet {name}, row {number + 1}", f"is no CSV: {error}")]) from None


def _plain(cell: str) -> Cell:
    if not cell:
        return None
    return cell[1:] if cell.startswith("'") else cell
