"""Rows as an .xlsx file and back, a row at a time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter as letters

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import Sheet, sheets
from retention.inventory_document.workbook.ooxml import CellRead, Page, pages
from retention.inventory_document.workbook.spots import spot
from retention.inventory_document.workbook.table import Read, document_of, rows_of
from retention.inventory_document.workbook.values import Cell

GUIDE = "README"
"""The first sheet: for people; not read."""
LONGEST = 32_767
"""Characters that a cell holds."""
MORE = "#"
_EXACT = 2**53
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "#")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x(?![dD][89a-fA-F])([0-9A-Fa-f]{4})_")


def write_xlsx(document: Mapping[str, Any], guide: list[str]) -> bytes:
    """The whole document as a workbook. `guide`: lines for the first sheet."""
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
    whole = [_parted(row) for row in rows]
    more = {column for row in whole for column in row if MORE in column}
    columns = [*sheet.columns, *sorted(more, key=lambda column: (_base(column), int(column.rpartition(MORE)[2])))]
    page.append(columns)
    for row in whole:
        page.append([_written(page, row.get(column)) for column in columns])


def _parted(row: dict[str, Cell]) -> dict[str, Cell]:
    """The row, with what is too long for a cell carried on in columns of its own: `recipients#2`, `recipients#3`."""
    if all(not isinstance(cell, str) or 7 * len(cell) <= LONGEST for cell in row.values()):
        return row
    found: dict[str, Cell] = {}
    for column, cell in row.items():
        if not isinstance(cell, str):
            found[column] = cell
            continue
        for number, piece in enumerate(_pieces(cell), 1):
            found[column if number == 1 else f"{column}{MORE}{number}"] = piece
    return found


def _pieces(text: str) -> list[str]:
    """Text in parts that a cell holds, counted as spreadsheet programs do: UTF-16, with what is escaped."""
    if len(_escaped(text).encode("utf-16-le", "surrogatepass")) <= 2 * LONGEST:
        return [text]
    step = LONGEST // 7
    return [text[place : place + step] for place in range(0, len(text), step)]


def _escaped(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: f"_x{ord(found.group()):04X}_", text)


def _base(column: str) -> str:
    return column.rpartition(MORE)[0] if MORE in column else column


def _written(page: Any, cell: Cell) -> Any:
    """A text stays a text: never a formula, an error value or a number, and no character is lost."""
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > _EXACT:
        cell = str(cell)
    if not isinstance(cell, str):
        return cell
    escaped = _escaped(cell)
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
        raise DocumentError([Problem(spot(page.title, 1), _("is empty: the headings of an export belong there"))])
    columns = [""] * max((cell.column for cell in heading), default=0)
    for cell in heading:
        columns[cell.column - 1] = cell.value if isinstance(cell.value, str) else ""
    return [column for column in columns if not _carried(column, columns)], _read(page, columns, rows)


def _carried(column: str, columns: list[str]) -> bool:
    """Whether a column only carries on the text of one that is there."""
    return (
        re.fullmatch(rf".+{MORE}[2-9][0-9]{{0,3}}|.+{MORE}1[0-9]{{1,3}}", column) is not None
        and _base(column) in columns
        and columns.count(column) == 1
    )


def _read(page: Page, columns: list[str], rows: Iterator[tuple[int, list[CellRead]]]) -> Iterator[Read]:
    carried = sorted((one for one in columns if _carried(one, columns)), key=lambda one: int(one.rpartition(MORE)[2]))
    for number, row in rows:
        cells: dict[str, Cell] = {}
        wrong: dict[str, str] = {}
        for cell in row:
            column = columns[cell.column - 1] if cell.column <= len(columns) else ""
            if not column:
                wrong[letters(cell.column)] = _("has a value under no heading")
                continue
            try:
                cells[column] = plain(cell)
            except ValueError as error:
                wrong[column] = str(error)
        yield Read(number, _joined(cells, carried), wrong)


def _joined(cells: dict[str, Cell], carried: list[str]) -> dict[str, Cell]:
    if not carried:
        return cells
    for column in carried:
        if cells.get(column) is not None:
            cells[_base(column)] = f"{_said(cells.get(_base(column)))}{_said(cells[column])}"
    return {column: cell for column, cell in cells.items() if column not in carried}


def _said(cell: Cell) -> str:
    return "" if cell is None else str(cell)


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
