"""A CSV file of unknown make: its encoding and its delimiter found, its rows read."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

from django.utils.translation import gettext

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.delimited import Lines
from retention.inventory_document.workbook.refuse import refuse
from retention.inventory_document.workbook.spots import spot

DELIMITERS = (";", "\t", ",", "|")
MOST_ROWS = 20_000
_LOOKED_AT = 50
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", ""),
    (b"\x00\x00\xfe\xff", ""),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def delimited(content: bytes) -> tuple[list[tuple[int, list[str]]], str, str]:
    """Rows by number, the encoding, the delimiter. Raises DocumentError."""
    text, encoding = _decoded(content)
    text, delimiter = _said(text)
    delimiter = delimiter or _guessed(text)
    rows: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(_reader(text, delimiter), 1):
            if any(cell.strip() for cell in row):
                rows.append((number, row))
            if len(rows) > MOST_ROWS:
                raise refuse(gettext("has more than %(most)s rows") % {"most": MOST_ROWS})
    except csv.Error as error:
        raise DocumentError(
            [Problem(spot("CSV", number + 1 if rows else 1), gettext("is no CSV: %(error)s") % {"error": error})]
        ) from None
    return rows, encoding, delimiter


def _decoded(content: bytes) -> tuple[str, str]:
    """UTF-8 if it can be that, UTF-16 by its mark or its zeros, else what Windows writes in western Europe."""
    for encoding in _candidates(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise refuse(gettext("is neither a workbook (.xlsx) nor text"))
        return text, encoding.removesuffix("-sig")
    raise refuse(gettext("is neither a workbook (.xlsx) nor text in UTF-8, UTF-16 or Windows-1252"))


def _candidates(content: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return [encoding] if encoding else []
    start = content[:4000]
    if start[1::2].count(0) > len(start) // 4:
        return ["utf-16-le"]
    if start[0::2].count(0) > len(start) // 4:
        return ["utf-16-be"]
    return ["utf-8", "cp1252"]


def _said(text: str) -> tuple[str, str]:
    """`sep=;` as its first line, which spreadsheet programs write and read."""
    first, _, rest = text.partition("\n")
    first = first.strip()
    if first.startswith("sep=") and len(first) == 5 and first[4] in DELIMITERS:
        return f"\n{rest}", first[4]
    return text, ""


def _guessed(text: str) -> str:
    """The delimiter that gives most rows one and the same number of cells, more than one."""
    scores = {delimiter: _evenness(text, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    if scores[best] == (0.0, 0):
        raise refuse(gettext("has one column only: its cells are parted by none of ; , | and tab"))
    return best


def _evenness(text: str, delimiter: str) -> tuple[float, int]:
    widths: Counter[int] = Counter()
    try:
        for row in _reader(text, delimiter):
            if any(cell.strip() for cell in row):
                widths[len(row)] += 1
            if sum(widths.values()) >= _LOOKED_AT:
                break
    except csv.Error:
        pass  # told when the rows are read
    if not widths or max(widths) < 2:
        return 0.0, 0
    width, often = max(((width, often) for width, often in widths.items() if width > 1), key=lambda one: one[::-1])
    return often / sum(widths.values()), width


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(1_000_000)
    lines = Lines(io.StringIO(text, newline=""))
    for row in csv.reader(lines, delimiter=delimiter, strict=True):
        lines.row_begins()
        yield row
