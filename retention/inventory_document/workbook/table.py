"""The document as rows of each sheet, and rows as the document.

Rows come one at a time, in the document's order; a nested row names the entry it stands in, `crm` or, deeper,
`crm/sopimukset`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.layout import CONNECTIONS, HEAD, PARENT, Sheet, sheets
from retention.inventory_document.workbook.spots import spot
from retention.inventory_document.workbook.values import Cell, CellError, cells_of, value_of

Row = Mapping[str, Cell]
MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Read:
    """One row as it was read: its number in the sheet, its cells by column, and by column what cannot be read."""

    number: int
    cells: Row
    wrong: Mapping[str, str] = dataclasses.field(default_factory=dict)


def rows_of(document: Mapping[str, Any], sheet: Sheet) -> Iterator[dict[str, Cell]]:
    """The rows of one sheet."""
    if sheet.name == HEAD:
        yield _row(sheet, document[HEAD])
    elif sheet.name == CONNECTIONS:
        for code, one in (document.get(CONNECTIONS) or {}).items():
            yield _row(sheet, {"id": code, **one})
    else:
        yield from _nested(document, sheet, sheet.path, "")


def _nested(holder: Mapping[str, Any], sheet: Sheet, path: tuple[str, ...], inside: str) -> Iterator[dict[str, Cell]]:
    first, *rest = path
    for entry in holder.get(first) or ():
        if rest:
            yield from _nested(entry, sheet, tuple(rest), f"{inside}/{entry['id']}" if inside else entry["id"])
        else:
            yield {**({PARENT: inside} if sheet.nested else {}), **_row(sheet, entry)}


def _row(sheet: Sheet, entry: Mapping[str, Any]) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for field in sheet.fields:
        if field.key in entry:
            found.update(cells_of(field, entry[field.key]))
    return found


def document_of(read: Iterable[tuple[str, Iterable[str], Iterable[Read]]]) -> tuple[dict[str, Any], dict[str, str]]:
    """The document of some sheets (name, columns, rows), and where each entry stands: its path -> `sheet, row 7`.

    Raises DocumentError that names sheet, row and column of everything that cannot be read.
    """
    known = {sheet.name: sheet for sheet in sheets()}
    building = _Building()
    seen: set[str] = set()
    for name, columns, rows in read:
        sheet = known.get(name)
        if sheet is None:
            building.problem(spot(name), _("is no sheet of an inventory") + _meant(name, known))
            continue
        if name in seen:
            building.problem(spot(name), _("stands here twice"))
            continue
        seen.add(name)
        building.headings(sheet, list(columns))
        for row in rows:
            building.row(sheet, row)
    return building.done()


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return _("; did you mean %(name)r?") % {"name": near[0]} if near else ""


class _Building:
    def __init__(self) -> None:
        self.document: dict[str, Any] = {"seloste": 1}
        self._problems: list[Problem] = []
        self._where: dict[str, str] = {}
        self._entries: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        self._waiting: list[tuple[Sheet, Read, dict[str, Any]]] = []

    def problem(self, where: str, message: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(where, message))

    def headings(self, sheet: Sheet, columns: list[str]) -> None:
        for number, column in enumerate(columns):
            if column in columns[:number]:
                self.problem(spot(sheet.name, 1, column), _("stands here twice"))
            elif column not in sheet.columns:
                self.problem(spot(sheet.name, 1, column), _("is unknown") + _meant(column, sheet.columns))

    def row(self, sheet: Sheet, read: Read) -> None:
        for column, message in read.wrong.items():
            self.problem(spot(sheet.name, read.number, column), message)
        if not read.wrong and all(cell is None for cell in read.cells.values()):
            return
        entry: dict[str, Any] = {}
        for field in sheet.fields:
            try:
                value = value_of(field, read.cells)
            except CellError as error:
                self.problem(spot(sheet.name, read.number, error.column), error.message)
                continue
            if value is not None:
                entry[field.key] = value
        if sheet.name == HEAD:
            self._head(read, entry)
        elif sheet.name == CONNECTIONS:
            self._connection(read, entry)
        elif sheet.nested:
            self._waiting.append((sheet, read, entry))
        else:
            self._place(sheet, read, entry, self.document, "")

    def _head(self, read: Read, entry: dict[str, Any]) -> None:
        if HEAD in self.document:
            self.problem(spot(HEAD, read.number), _("a workbook is about one organisation"))
        self.document[HEAD] = entry
        self._where[HEAD] = spot(HEAD, read.number)

    def _connection(self, read: Read, entry: dict[str, Any]) -> None:
        code = str(entry.pop("id", ""))
        connections = self.document.setdefault(CONNECTIONS, {})
        if not code or code in connections:
            self.problem(spot(CONNECTIONS, read.number, "id"), _("is missing, or stands here twice"))
        connections[code] = entry
        self._where[f"{CONNECTIONS}.{code}"] = spot(CONNECTIONS, read.number)

    def _place(self, sheet: Sheet, read: Read, entry: dict[str, Any], holder: dict[str, Any], inside: str) -> None:
        """Put an entry into its list. An id that is missing or stands twice is told by the document's own check."""
        listed = holder.setdefault(sheet.path[-1], [])
        listed.append(entry)
        code = entry.get("id")
        name = f"{inside}/{code}" if inside else str(code)
        self._entries.setdefault(sheet.path, {}).setdefault(name, entry)
        place = "".join(
            f"{'.' if n else ''}{key}[{one}]"
            for n, (key, one) in enumerate(zip(sheet.path, name.split("/"), strict=False))
        )
        where = spot(sheet.name, read.number)
        self._where[place] = (
            _("%(where)s and row %(row)s") % {"where": self._where[place], "row": read.number}
            if place in self._where
            else where
        )

    def done(self) -> tuple[dict[str, Any], dict[str, str]]:
        for sheet, read, entry in sorted(self._waiting, key=lambda one: len(one[0].path)):
            inside = read.cells.get(PARENT)
            parent = self._entries.get(sheet.path[:-1], {}).get(str(inside))
            if parent is None and PARENT in read.wrong:
                continue
            if parent is None:
                of = ".".join(sheet.path[:-1])
                said = _("%(id)r is no entry of %(list)s") % {"id": inside, "list": of} if inside else _("is missing")
                self.problem(spot(sheet.name, read.number, PARENT), said)
                continue
            self._place(sheet, read, entry, parent, str(inside))
        if HEAD not in self.document:
            self.problem(spot(HEAD), _("is missing: it says whose inventory this is"))
        if self._problems:
            raise DocumentError(self._problems)
        return self.document, self._where
