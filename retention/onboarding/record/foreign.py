"""A file that somebody else made: its sheets, headings and rows as text, whatever program wrote it.

Nothing is interpreted here but what a cell shows: a day is 31.12.2025, a number has a decimal comma. A merged cell
says its text in each row it spans. A formula and an error value are told where they stand, not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from openpyxl.utils import get_column_letter

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.ooxml import Area, CellRead, Page, pages
from retention.inventory_document.workbook.refuse import LARGEST, is_workbook, opened, refuse
from retention.inventory_document.workbook.spots import spot
from retention.inventory_document.workbook.xlsx import unescaped
from retention.onboarding.record.delimited import delimited

MOST_ROWS = 20_000
MOST_COLUMNS = 200
LONGEST = 32_767
"""Characters that are read of a cell."""
MOST_MERGED = 200_000
"""Rows that merged cells may span, all together."""
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class Line:
    """One row that is not empty: texts by column from 1, and by column why a cell is not read."""

    number: int
    cells: dict[int, str]
    wrong: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One sheet. `parted`: its cells were parted by a delimiter."""

    name: str
    hidden: bool
    lines: Sequence[Line]
    parted: bool = False

    def heading(self, row: int | None = None) -> Line | None:
        """The row of the headings: the one asked for, else the first that is nearly as wide as those after it."""
        if row is not None:
            return next((line for line in self.lines if line.number == row), None)
        widest = max((len(line.cells) for line in self.lines[:30]), default=0)
        return next((line for line in self.lines[:30] if 3 * len(line.cells) >= 2 * widest), None)

    def where(self, row: int, column: int | None = None, heading: str = "") -> str:
        """A place as it is told: `sheet Seloste, row 7, column C (Rekisteröidyt)`."""
        return spot(self.name, row, get_column_letter(column) if column is not None else "", heading)


@dataclass(frozen=True)
class Foreign:
    """What a file holds. `encoding` and `delimiter`: how it was read, empty for a workbook."""

    tables: Sequence[Table]
    encoding: str = ""
    delimiter: str = ""


def record_in(content: bytes) -> Foreign:
    """The sheets of a workbook, or of a CSV file, which has one. Raises DocumentError."""
    if len(content) > LARGEST:
        raise refuse(_("is larger than %(most)s MB") % {"most": LARGEST // 1_000_000})
    if content.startswith(_PACKED):
        if not is_workbook(opened(content)):
            raise refuse(_("is a ZIP, and no workbook (.xlsx): unpack it, and bring its files one by one"))
        found = Foreign([_table(page) for page in pages(content)])
    else:
        rows, encoding, delimiter = delimited(content)
        lines = [_line(number, dict(enumerate(row, 1)), {}) for number, row in rows]
        found = Foreign([Table("CSV", False, [line for line in lines if line.cells], True)], encoding, delimiter)
    if not any(table.lines for table in found.tables):
        raise refuse(_("holds nothing"))
    return found


def _table(page: Page) -> Table:
    lines: list[Line] = []
    for number, row in page.rows():
        texts: dict[int, str] = {}
        wrong: dict[int, str] = {}
        for cell in row:
            if cell.kind == "value":
                texts[cell.column] = _shown(cell)
            else:
                wrong[cell.column] = _not_read(cell)
        line = _line(number, texts, wrong, page.title)
        if line.cells or line.wrong:
            lines.append(line)
        if len(lines) > MOST_ROWS:
            raise refuse(_("has more than %(most)s rows on sheet %(title)r") % {"most": MOST_ROWS, "title": page.title})
    _spread(lines, page.merged)
    return Table(page.title, page.hidden, lines)


def _line(number: int, texts: Mapping[int, str], wrong: dict[int, str], sheet: str = "CSV") -> Line:
    cells = {column: _tidy(text) for column, text in texts.items()}
    for column, text in cells.items():
        if text and column > MOST_COLUMNS:
            raise refuse(
                _("has more than %(most)s columns on sheet %(sheet)r") % {"most": MOST_COLUMNS, "sheet": sheet}
            )
        if len(text) > LONGEST:
            place = spot(sheet, number, get_column_letter(column))
            raise DocumentError([Problem(place, _("is longer than %(most)s characters") % {"most": LONGEST})])
    return Line(number, {column: text for column, text in cells.items() if text}, wrong)


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").strip()


def _shown(cell: CellRead) -> str:
    value = cell.value
    if isinstance(value, datetime):
        return f"{value.day}.{value.month}.{value.year}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}".replace(".", ",")
    return unescaped(value) if isinstance(value, str) else str(value)


def _not_read(cell: CellRead) -> str:
    if cell.kind == "formula":
        return _("is a formula: put its value there instead")
    return _("is the error %(error)s") % {"error": cell.value}


def _spread(lines: Sequence[Line], merged: Sequence[Area]) -> None:
    """What a merged cell says holds for every row that it spans."""
    by_number = {line.number: line for line in lines}
    spanned = 0
    for area in merged:
        first = by_number.get(area.top)
        text = first.cells.get(area.left) if first else None
        if text is None or area.bottom == area.top:
            continue
        spanned += min(area.bottom, lines[-1].number) - area.top
        if spanned > MOST_MERGED:
            raise refuse(_("has too many merged cells"))
        for number in range(area.top + 1, min(area.bottom, lines[-1].number) + 1):
            if number in by_number:
                by_number[number].cells.setdefault(area.left, text)


def twice(heading: Line) -> Mapping[str, int]:
    """Headings that stand in more than one column, and how often."""
    counted = Counter(" ".join(text.split()).casefold() for text in heading.cells.values())
    return {text: often for text, often in counted.items() if often > 1}
