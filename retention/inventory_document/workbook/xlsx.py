"""Rows as an .xlsx file and back, a row at a time."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import Sheet, sheets
from retention.inventory_document.workbook.refuse import check_workbook, opened, refuse
from retention.inventory_document.workbook.table import Read, document_of, rows_of
from retention.inventory_document.workbook.values import Cell

GUIDE = "README"
"""The first sheet: for people; not read."""
WIDEST = 1_000
LONGEST = 32_767
"""Characters that a cell holds."""
_EXACT = 2**53
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "#")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def write_xlsx(document: Mapping[str, Any], guide: list[str]) -> bytes:
    """The whole document as a workbook. `guide`: lines for the first sheet. Raises DocumentError: too long a cell."""
    book = Workbook(write_only=True)
    first = book.create_sheet(GUIDE)
    first.column_dimensions["A"].width = 110
    for line in guide:
        first.append([_written(first, line)])
    for sheet in sheets():
        rows = iter(rows_of(document, sheet))
        _write(book, sheet, rows)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write(book: Any, sheet: Sheet, rows: Iterator[dict[str, Cell]]) -> None:
    page = book.create_sheet(sheet.name)
    page.freeze_panes = "B2"
    page.append(list(sheet.columns))
    for number, row in enumerate(rows, 2):
        for column, cell in row.items():
            if isinstance(cell, str) and len(cell) > LONGEST:
                where = f"sheet {sheet.name}, row {number}, column {column}"
                raise DocumentError([Problem(where, f"is longer than {LONGEST} characters: a cell holds no more")])
        page.append([_written(page, row.get(column)) for column in sheet.columns])


def _written(page: Any, cell: Cell) -> Any:
    """A text stays a text: never a formula, an error value or a number, and no character is lost."""
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > _EXACT:
        cell = str(cell)
    if not isinstance(cell, str):
        return cell
    escaped = _UNPRINTABLE.sub(
        lambda found: "".join(f"_x{ord(one):04X}_" for one in found.group()[:1]) + found.group()[1:], cell
    )
    if not escaped.startswith(_FORMULA) and escaped == cell:
        return cell
    kept = WriteOnlyCell(page)
    kept.value = escaped
    kept.data_type = "s"
    kept.quotePrefix = True
    return kept


def read_xlsx(content: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """A workbook's document, and where each entry stands. Raises DocumentError by sheet, row and column."""
    check_workbook(opened(content))
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, zlib.error, SyntaxError, AttributeError, TypeError):
        raise refuse("cannot be read as a workbook: it is damaged") from None
    try:
        return document_of((page.title, *_rows(page)) for page in book.worksheets if page.title != GUIDE)
    except (zipfile.BadZipFile, zlib.error, OSError, SyntaxError):
        raise refuse("cannot be read as a workbook: it is damaged") from None
    finally:
        book.close()


def _rows(page: Any) -> tuple[list[str], Iterator[Read]]:
    page.reset_dimensions()
    rows = page.iter_rows()
    heading = next(rows, ())
    if len(heading) > WIDEST:
        raise DocumentError([Problem(f"sheet {page.title}", f"has more than {WIDEST} columns")])
    columns = ["" if cell.value is None else str(cell.value) for cell in heading]
    while columns and not columns[-1]:
        columns.pop()
    return columns, _read(page, columns, rows)


def _read(page: Any, columns: list[str], rows: Iterator[Any]) -> Iterator[Read]:
    for number, row in enumerate(rows, 2):
        cells: dict[str, Cell] = {}
        for place, cell in enumerate(row):
            if cell.value is None:
                continue
            column = columns[place] if place < len(columns) else ""
            if not column:
                raise DocumentError(
                    [
                        Problem(
                            f"sheet {page.title}, row {number}",
                            f"has a value in column {place + 1}, which has no heading",
                        )
                    ]
                )
            cells[column] = _plain(cell, f"sheet {page.title}, row {number}, column {column}")
        yield Read(number, cells)


def _plain(cell: Any, where: str) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        raise DocumentError([Problem(where, "is a formula: put its value there instead")])
    if cell.data_type == "e":
        raise DocumentError([Problem(where, f"is the error {value}")])
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) == (0, 0, 0):
        return value.date().isoformat()
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), value) or None
    raise DocumentError([Problem(where, "is neither a text, a whole number, a date, nor true or false")])
