"""An .xlsx file read a cell at a time, in memory that does not grow with a sheet.

Every part goes through expat by itself: no tree is built, and a document type or an entity ends the reading. What
is told is what the file says: whether a cell is a formula, a sheet is hidden, cells are merged.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from retention.inventory_document.workbook.refuse import opened, refuse, refuse_workbook

MOST_ROWS = 1_048_576
MOST_CELLS = 3_000_000
"""Cells of a workbook that hold something."""
MOST_ELEMENTS = 20_000_000
"""Elements of one part: a cell has up to four."""
WIDEST = 1_000
"""Columns of a sheet."""
LONGEST = 1_000_000
"""Characters of one text."""
MOST_TEXT = 120_000_000
"""Characters of all texts that cells share."""
_PIECE = 1 << 16
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class CellRead:
    """A cell that is not empty: its column from 1; `value` a text, whole or other number, bool, or day and time.

    `kind`: value, formula, error. A formula's value is not read.
    """

    column: int
    value: str | int | float | bool | datetime | None
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Area:
    """Merged cells, first and last row and column from 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class Page:
    """One sheet. `merged` is filled when all of its rows have been read."""

    title: str
    hidden: bool
    part: str
    book: _Book
    merged: list[Area] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[int, list[CellRead]]]:
        """Rows that hold something, by number, in the file's order. Raises DocumentError."""
        reading = _SheetReading(self)
        for _ in _parsed(self.book.archive, self.part, reading.start, reading.end, reading.text):
            while reading.ready:
                yield reading.ready.popleft()


@dataclass
class _Book:
    archive: zipfile.ZipFile
    shared: list[str] = field(default_factory=list)
    dates: set[int] = field(default_factory=set)
    since: datetime = CALENDAR_WINDOWS_1900
    cells: int = 0


def pages(content: bytes) -> list[Page]:
    """The sheets of a workbook, in its order. Raises DocumentError for what is none, or could harm."""
    archive = opened(content)
    refuse_workbook(archive)
    book = _Book(archive)
    main = _target(_related(archive, ""), "officeDocument") or "xl/workbook.xml"
    related = _related(archive, main)
    found: list[tuple[str, bool, str]] = []

    def start(name: str, given: Mapping[str, str]) -> None:
        if name == "sheet":
            reference = next((value for key, value in given.items() if key.rpartition(":")[2] == "id"), "")
            found.append((given.get("name", ""), given.get("state", "visible") != "visible", reference))
        elif name == "workbookPr" and given.get("date1904") in {"1", "true"}:
            book.since = CALENDAR_MAC_1904

    _drain(_parsed(archive, main, start))
    _styles(book, _target(related, "styles"))
    _shared(book, _target(related, "sharedStrings"))
    listed = {reference: part for reference, (kind, part) in related.items() if kind == "worksheet"}
    return [Page(title, hidden, listed[reference], book) for title, hidden, reference in found if reference in listed]


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part points at: id -> (kind, part)."""
    folder, name = posixpath.split(part)
    where = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, given: Mapping[str, str]) -> None:
        if tag == "Relationship" and given.get("TargetMode") != "External":
            target = given.get("Target", "")
            absolute = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            found[given.get("Id", "")] = (given.get("Type", "").rpartition("/")[2], posixpath.normpath(absolute))

    if where in archive.namelist():
        _drain(_parsed(archive, where, start))
    return found


def _target(related: Mapping[str, tuple[str, str]], kind: str) -> str | None:
    return next((part for one, part in related.values() if one == kind), None)


def _styles(book: _Book, part: str | None) -> None:
    """Which styles show a number as a day."""
    if part is None:
        return
    formats: dict[int, str] = {}
    inside: list[str] = []
    numbers: list[int] = []

    def start(tag: str, given: Mapping[str, str]) -> None:
        inside.append(tag)
        if tag == "numFmt":
            formats[_whole(given.get("numFmtId", "0"))] = given.get("formatCode", "")[:255]
        elif tag == "xf" and "cellXfs" in inside[-2:]:
            numbers.append(_whole(given.get("numFmtId", "0")))

    def end(tag: str) -> None:
        inside.pop()

    _drain(_parsed(book.archive, part, start, end))
    for style, number in enumerate(numbers):
        code = formats.get(number, BUILTIN_FORMATS.get(number, ""))
        if 27 <= number <= 36 or 50 <= number <= 58 or is_date_format(code):
            book.dates.add(style)


def _shared(book: _Book, part: str | None) -> None:
    """The texts that cells point at."""
    if part is None:
        return
    reading = _Texts()
    size = 0

    def end(tag: str) -> None:
        nonlocal size
        reading.end(tag)
        if tag == "si":
            text = reading.taken()
            size += len(text) + 50
            if size > MOST_TEXT:
                raise refuse(gettext("has more text than any record"))
            book.shared.append(text)

    _drain(_parsed(book.archive, part, reading.start, end, reading.text))


class _Texts:
    """Text of `t` elements, as it stands; how it is pronounced (rPh) is no text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._inside = 0
        self._spoken = 0

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        if tag == "rPh":
            self._spoken += 1
        elif tag == "t":
            self._inside += 1

    def end(self, tag: str) -> None:
        if tag == "rPh":
            self._spoken -= 1
        elif tag == "t":
            self._inside -= 1

    def text(self, text: str) -> None:
        if self._inside and not self._spoken:
            self._size += len(text)
            if self._size > LONGEST:
                raise refuse(gettext("has a text of more than %(most)s characters") % {"most": LONGEST})
            self._pieces.append(text)

    def taken(self) -> str:
        found = "".join(self._pieces)
        self._pieces, self._size = [], 0
        return found


class _SheetReading:
    """What expat tells of one sheet, gathered into rows."""

    def __init__(self, page: Page) -> None:
        self.ready: deque[tuple[int, list[CellRead]]] = deque()
        self._page = page
        self._row = 0
        self._column = 0
        self._cells: list[CellRead] = []
        self._given: Mapping[str, str] = {}
        self._formula = False
        self._value: list[str] | None = None
        self._said = ""
        self._texts = _Texts()

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        match tag:
            case "row":
                self._row = _whole(given.get("r", str(self._row + 1)))
                if not 1 <= self._row <= MOST_ROWS:
                    raise refuse(
                        gettext("has a row %(row)s on sheet %(title)r") % {"row": self._row, "title": self._page.title}
                    )
                self._column, self._cells = 0, []
            case "c":
                self._given, self._formula, self._value, self._said = given, False, None, ""
                self._column = self._place(given.get("r"))
            case "f":
                self._formula = True
            case "v":
                self._value = []
            case "mergeCell":
                area = _area(given.get("ref", ""))
                if area is not None and len(self._page.merged) < 20_000:
                    self._page.merged.append(area)
            case _:
                self._texts.start(tag, given)

    def end(self, tag: str) -> None:
        match tag:
            case "v":
                self._said, self._value = "".join(self._value or ()), None
            case "c":
                self._cell()
            case "row":
                if self._cells:
                    self.ready.append((self._row, self._cells))
                self._cells = []
            case _:
                self._texts.end(tag)

    def text(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)
            if len(self._value) > 1000:
                self._value = ["".join(self._value)]
                if len(self._value[0]) > LONGEST:
                    raise refuse(gettext("has a text of more than %(most)s characters") % {"most": LONGEST})
        else:
            self._texts.text(text)

    def _place(self, reference: str | None) -> int:
        if reference is None:
            return self._column + 1
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise refuse(
                gettext("has a cell %(reference)r on sheet %(title)r")
                % {"reference": reference[:20], "title": self._page.title}
            )
        return _number_of(found[1])

    def _cell(self) -> None:
        inline = self._texts.taken()
        read = self._read(inline)
        if read is None:
            return
        if self._column > WIDEST:
            raise refuse(
                gettext("has more than %(widest)s columns on sheet %(title)r")
                % {"widest": WIDEST, "title": self._page.title}
            )
        self._page.book.cells += 1
        if self._page.book.cells > MOST_CELLS:
            raise refuse(gettext("has more than %(most_cells)s cells") % {"most_cells": MOST_CELLS})
        self._cells.append(read)

    def _read(self, inline: str) -> CellRead | None:
        kind, said, book = self._given.get("t", "n"), self._said, self._page.book
        if self._formula:
            return CellRead(self._column, None, "formula")
        if kind == "inlineStr":
            return CellRead(self._column, inline) if inline else None
        if not said:
            return None
        match kind:
            case "s":
                place = _whole(said)
                if not 0 <= place < len(book.shared):
                    raise refuse(gettext("is damaged: a cell points at a text that is not there"))
                return CellRead(self._column, book.shared[place]) if book.shared[place] else None
            case "str":
                return CellRead(self._column, said)
            case "b":
                return CellRead(self._column, said.strip() in {"1", "true"})
            case "e":
                return CellRead(self._column, said[:40], "error")
            case "d":
                return CellRead(self._column, _day(said))
        number = _number(said)
        if _whole(self._given.get("s", "0")) in book.dates:
            try:
                day = from_excel(number, book.since)
            except (OverflowError, ValueError):
                return CellRead(self._column, "#####", "error")
            return CellRead(self._column, day if isinstance(day, datetime) else number)
        return CellRead(self._column, number)


def _whole(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text):
        raise refuse(gettext("is damaged: %(text)r stands where a number is expected") % {"text": text[:20]})
    return int(text)


def _number(text: str) -> int | float:
    try:
        return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else float(text[:60])
    except ValueError:
        raise refuse(gettext("is damaged: %(text)r stands where a number is expected") % {"text": text[:20]}) from None


def _day(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _area(reference: str) -> Area | None:
    first, _, last = reference.partition(":")
    corners = [_REFERENCE.fullmatch(corner) for corner in (first, last or first)]
    if corners[0] is None or corners[1] is None:
        return None
    (one, top), (other, bottom) = ((found[1], found[2]) for found in corners if found)
    return Area(int(top), _number_of(one), int(bottom), _number_of(other))


def _drain(parts: Iterator[None]) -> None:
    for _ in parts:
        pass


def _no_text(text: str) -> None:
    pass


def _no_end(tag: str) -> None:
    pass


def _parsed(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None] = _no_end,
    text: Callable[[str], None] = _no_text,
) -> Iterator[None]:
    """Feed one part to expat, piece by piece; names come without their prefix. Raises DocumentError."""
    parser = expat.ParserCreate()
    names: dict[str, str] = {}

    def local(name: str) -> str:
        return names.setdefault(name, name.rpartition(":")[2]) if len(names) < 1000 else name.rpartition(":")[2]

    def refused(*_: Any) -> None:
        raise refuse(
            gettext("its part %(part)r declares a document type: no spreadsheet does that") % {"part": part[:60]}
        )

    elements = 0

    def begins(name: str, given: Mapping[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > MOST_ELEMENTS:
            raise refuse(
                gettext("its part %(part)r has more than %(most_elements)s elements")
                % {"part": part[:60], "most_elements": MOST_ELEMENTS}
            )
        start(local(name), given)

    parser.StartElementHandler = begins
    parser.EndElementHandler = lambda name: end(local(name))
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    parser.buffer_text = True
    try:
        with archive.open(part) as member:
            while piece := member.read(_PIECE):
                parser.Parse(piece, False)
                yield
            parser.Parse(b"", True)
            yield
    except (expat.ExpatError, KeyError, IndexError, LookupError, *_DAMAGED):
        raise refuse(gettext("is damaged: its part %(part)r cannot be read") % {"part": part[:60]}) from None
