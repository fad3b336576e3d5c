"""Rows as an .xlsx file and back, a row at a time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter as letters

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import Sheet, sheets
from retention.inventory_document.workbook.ooxml import CellRead, Page, pages
from retention.inventory_document.workbook.table import Read, document_of, rows_of
from retention.inventory_document.workbook.values import Cell

GUIDE = "README"
"""The first sheet: for people; not read."""
LONGEST = 32_767
"""Characters that a cell holds."""
_EXACT = 2**53
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "#")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x(?![dD][89a-fA-F])([0-9A-Fa-f]{4})_")


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
    escaped = _UNPRINTABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", cell)
    if not escaped.startswith(_FORMULA) and escaped == cell:
        return cell
    kept = WriteOnlyCell(page)
    kept.value = escaped
    kept.data_type = "s"
    kept.quotePrefix = True
    return kept


def read_xlsx(content: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """A workbook's document, and where each entry stands. Raises DocumentError by sheet, row and column."""
    return document_of((page.title, *_rows(page)) for page in pages(content) if page.title != GUIDE)


def _rows(page: Page) -> tuple[list[str], Iterator[Read]]:
    rows = page.rows()
    number, heading = next(rows, (1, []))
    if number != 1:
        raise DocumentError([Problem(f"sheet {page.title}, row 1", "is empty: the headings of an export belong there")])
    columns = [""] * max((cell.column for cell in heading), default=0)
    for cell in heading:
        columns[cell.column - 1] = cell.value if isinstance(cell.value, str) else ""
    return columns, _read(page, columns, rows)


def _read(page: Page, columns: list[str], rows: Iterator[tuple[int, list[CellRead]]]) -> Iterator[Read]:
    for number, row in rows:
        cells: dict[str, Cell] = {}
        wrong: dict[str, str] = {}
        for cell in row:
            column = columns[cell.column - 1] if cell.column <= len(columns) else ""
            if not column:
                wrong[letters(cell.column)] = "has a value under no heading"
                continue
            try:
                cells[column] = plain(cell)
            except ValueError as error:
                wrong[column] = str(error)
        yield Read(number, cells, wrong)


def plain(cell: CellRead) -> Cell:
    """What a cell says. Raises ValueError, which says why it is nothing that is read."""
    value = cell.value
    if cell.kind == "formula":
        raise ValueError("is a formula: put its value there instead")
    if cell.kind == "error":
        raise ValueError(f"is the error {value}")
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) == (0, 0, 0):
        return value.date().isoformat()
    if isinstance(value, str):
        return unescaped(value) or None
    raise ValueError("is neither a text, a whole number, a date, nor true or false")


def unescaped(text: str) -> str:
    """A cell's text with the characters that XML cannot hold, which spreadsheets write as _x000D_."""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)
