"""An inventory as a file: YAML, a workbook (.xlsx), or a ZIP of .csv files, told apart by what is in it.

What is wrong with a workbook is told where its author sees it: by sheet, row and column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import workbook, yaml_text
from retention.inventory_document.checks import check
from retention.inventory_document.findings import Law
from retention.inventory_document.shape import ordered
from retention.inventory_document.workbook.refuse import is_workbook, opened
from retention.inventory_document.workbook.spots import column_of

FORMATS = ("yaml", "xlsx", "csv")
"""`csv` is a ZIP of .csv files."""
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")


def file_of(document: Mapping[str, Any], form: str, guide: list[str] | None = None) -> bytes:
    """The document as a file; the same bytes for the same document, but for a workbook. `guide`: its first sheet.

    Raises DocumentError for what a cell cannot hold, ValueError for a form that there is not.
    """
    match form:
        case "yaml":
            return yaml_text.write(ordered(document)).encode("utf-8")
        case "xlsx":
            return workbook.write_xlsx(document, guide or [])
        case "csv":
            return workbook.write_csv(document)
    raise ValueError(f"{form!r} is none of {', '.join(FORMATS)}")


def document_in(content: bytes, laws: Mapping[str, Sequence[Law]] | None = None) -> dict[str, Any]:
    """The document that a file holds, checked. Raises DocumentError with every problem, and nothing else."""
    if content.startswith(_PACKED):
        archive = opened(content)
        found, where = (workbook.read_xlsx if is_workbook(archive) else workbook.read_csv)(content)
    else:
        found, where = yaml_text.parse(_text(content)), {}
    problems = check(found, laws).errors
    if problems:
        raise DocumentError([_located(problem, where) for problem in problems])
    return dict(found)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError([Problem("document", _("is not UTF-8: see line %(line)s") % {"line": line})]) from None


def _located(problem: Problem, where: Mapping[str, str]) -> Problem:
    """The problem with the sheet and row of the entry that it is about, and the column, before its path."""
    if not where:
        return problem
    inside = where.keys() & _holders(problem.path)
    if not inside:
        return problem
    entry = max(inside, key=len)
    column = problem.path[len(entry) :].lstrip(".").split("[")[0].split(".")[0]
    place = f"{where[entry]}, {column_of(column)}" if column else where[entry]
    return Problem(place, f"{problem.path}: {problem.message}")


def _holders(path: str) -> set[str]:
    """Every entry that a path leads through: `datasets[a].grounds[b].period` -> both."""
    return {path[: end + 1] for end, sign in enumerate(path) if sign == "]"} | {
        path.partition(".")[0],
        _connection(path),
    }


def _connection(path: str) -> str:
    return ".".join(path.split(".", 2)[:2])
