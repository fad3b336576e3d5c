"""One field as cells, and cells as one field.

A cell is a text, a whole number, true or false, or None: empty. Every value comes back as it was: what its own cells
cannot hold (an empty mapping, a list that is there and empty) stands as JSON in the column that has the key alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from retention.inventory_document.workbook.layout import ADDITION, STATEMENT, Field, Form
from ropa.law import LANGUAGES

Cell = str | int | bool | None


class CellError(ValueError):
    """A cell cannot be read: `column`, and why."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


def cells_of(field: Field, value: Any) -> dict[str, Cell]:
    """The cells of a field that is there, by column; empty ones are left out."""
    match field.form:
        case Form.TEXT | Form.DAY if isinstance(value, str):
            return {field.key: _shown(value)}
        case Form.WORD if isinstance(value, str) and _plain_word(value):
            return {field.key: value}
        case Form.NUMBER if isinstance(value, int) and not isinstance(value, bool):
            return {field.key: value}
        case Form.YES_NO if isinstance(value, bool):
            return {field.key: value}
        case Form.WORDS if value and all(isinstance(word, str) and word and "," not in word for word in value):
            return {field.key: ", ".join(value)}
        case Form.LANGUAGES if _is_text(value):
            return {f"{field.key}.{language}": text for language, text in value.items()}
        case Form.STATEMENT if isinstance(value, Mapping):
            said = {part: text for part, text in value.items() if part != ADDITION}
            if len(said) == 1 and all(part in STATEMENT and _is_text(text) for part, text in said.items()):
                ((part, text),) = said.items()
                found: dict[str, Cell] = {f"{field.key}.{part}.{language}": one for language, one in text.items()}
                return {**found, **({f"{field.key}.{ADDITION}": value[ADDITION]} if ADDITION in value else {})}
    return {field.key: json.dumps(value, ensure_ascii=False)}


def _shown(text: str) -> str:
    """A text that is there and empty is shown as two quotation marks, and one of such marks alone with two more."""
    return f'{text}""' if not text.strip('"') and text != '"' else text


def _meant(cell: str) -> str:
    return cell[2:] if len(cell) > 1 and not cell.strip('"') else cell


def _plain_word(text: str) -> bool:
    """Whether a text cannot be taken for JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return bool(text) and not text.lstrip().startswith(("[", "{", '"'))
    return False


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(language in LANGUAGES and isinstance(text, str) and text for language, text in value.items())
    )


def value_of(field: Field, cells: Mapping[str, Cell]) -> Any:
    """What the cells say; None where all are empty. Raises CellError."""
    alone = cells.get(field.key)
    parts = {column: cells[column] for column in field.columns[:-1] if cells.get(column) is not None}
    if parts and alone is not None:
        raise CellError(field.key, _("is said twice: here as a whole, and in the columns beside"))
    if parts:
        return _joined(field, parts)
    if alone is None:
        return None
    match field.form:
        case Form.TEXT:
            return _meant(_text(field.key, alone))
        case Form.DAY:
            return _day(_meant(_text(field.key, alone)))
        case Form.WORD if isinstance(alone, str) and _plain_word(alone):
            return alone
        case Form.NUMBER:
            return _number(field.key, alone)
        case Form.YES_NO:
            return _yes_no(field.key, alone)
        case Form.WORDS if isinstance(alone, str) and not alone.lstrip().startswith("["):
            return [word.strip() for word in alone.split(",") if word.strip()]
    return _json(field.key, alone)


def _joined(field: Field, parts: Mapping[str, Cell]) -> Any:
    value: dict[str, Any] = {}
    for column, cell in parts.items():
        *path, last = column.removeprefix(f"{field.key}.").split(".")
        inner = value
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = _yes_no(column, cell) if last == ADDITION else _text(column, cell)
    return value


def _text(column: str, cell: Cell) -> str:
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise CellError(column, _("is not a text"))
    return str(cell)


_FINNISH_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


def _day(written: str) -> str:
    """30.6.2026 as 2026-06-30; whether there is such a day is the document's check."""
    found = _FINNISH_DAY.fullmatch(written.strip())
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else written


def _number(column: str, cell: Cell) -> int:
    if isinstance(cell, str) and cell.strip().lstrip("-").isdecimal() and cell.strip().isascii():
        return int(cell)
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise CellError(column, _("is not a whole number"))
    return cell


_YES = {
    **dict.fromkeys(("true", "tosi", "sant", "kyllä", "ja", "yes", "1"), True),
    **dict.fromkeys(("false", "epätosi", "falskt", "ei", "nej", "no", "0"), False),
}
"""What spreadsheet programs and people write; the first of each is what is written."""


def _yes_no(column: str, cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    found = _YES.get(str(cell).strip().lower())
    if found is None:
        raise CellError(column, _("is neither true nor false"))
    return found


def _json(column: str, cell: Cell) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell, parse_constant=_no_constant, parse_float=_no_constant)
    except (ValueError, RecursionError):
        raise CellError(column, _("is not JSON: write it as an export does")) from None


def _no_constant(word: str) -> Any:
    raise ValueError(word)
