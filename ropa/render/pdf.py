"""The report as one PDF that is PDF/A-2a (to keep) and PDF/UA-1 (to be read by everyone) at once.

The sheet goes in as a JSON string, so no text of an inventory is ever read as typst markup. Fonts are ours alone:
the same report gives the same bytes on every machine that has the same typst.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from retention.domain.errors import SelosteError
from ropa.render.glyphs import covered
from ropa.render.layout import sheet_of
from ropa.render.layout_compact import is_large
from ropa.render.sheet import Sheet, bound

HERE = Path(__file__).parent
LEAN = {"RAYON_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""Environment of the process that sets the PDF: no pool of memory per core, and great lists of typst's grow in place
instead of by a copy. 1.2 s either way for 300 pages, with a quarter less memory."""
FONTS = ("SelosteSans-Regular.ttf", "SelosteSans-SemiBold.ttf")


class TypesettingError(SelosteError):
    """The PDF was not made. Its text is without anything of the report."""


def to_pdf(report: Mapping[str, Any]) -> bytes:
    """The report on A4, gathered if it is large. Its creation date is the as-of date, midnight UTC.

    Raises TypesettingError.
    """
    return typeset(laid_out(report))


@dataclass(frozen=True, slots=True)
class Laid:
    """A sheet as it is set: all that the PDF needs of its report, which may go now."""

    sheet: bytes
    day: str
    large: bool


def laid_out(report: Mapping[str, Any]) -> Laid:
    large = is_large(report)
    sheet = _written(sheet_of(report, compact=large))
    return Laid(sheet.encode("utf-8"), report["as_of"], large)


def sheet_to_pdf(sheet: Sheet, day: str) -> bytes:
    """Any sheet on A4, created on the day (YYYY-MM-DD). Raises TypesettingError."""
    return typeset(Laid(_written(sheet).encode("utf-8"), day, large=False))


def typeset(laid: Laid) -> bytes:
    """The PDF of a sheet, made by a process that takes its memory with it. Raises TypesettingError."""
    # without -P, json.py beside it would stand for the library's
    command = [sys.executable, "-P", str(HERE / "typesetting.py"), laid.day, "large" if laid.large else "small"]
    try:
        done = subprocess.run(command, input=laid.sheet, capture_output=True, check=False, env={**os.environ, **LEAN})
    except OSError as error:
        raise TypesettingError(f"PDF: {sys.executable} cannot be started: {error.strerror}") from error
    told = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode < 0:
        raise TypesettingError(
            f"PDF: the process that makes it was ended by signal {-done.returncode}; where memory is short, the"
            " system does so. Give it more, or take XLSX or JSON, which say the same"
        )
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise TypesettingError(f"PDF: not made (exit code {done.returncode}): {told or 'nothing was told'}")
    for line in told.splitlines():
        warnings.warn(f"PDF: {line}", stacklevel=3)
    return done.stdout


@cache
def _known() -> frozenset[int]:
    return frozenset.intersection(*(covered(HERE / "fonts" / name) for name in FONTS))


def _written(sheet: Sheet) -> str:
    """The sheet as JSON, one section after another: a large record is never in memory as a second tree."""
    parts = []
    for one in fields(sheet):
        value = getattr(sheet, one.name)
        whole = one.name != "sections"
        said = _dumped(value) if whole else f"[{','.join(_dumped(section) for section in value)}]"
        parts.append(f"{json.dumps(one.name)}:{said}")
    return f"{{{','.join(parts)}}}"


def _dumped(value: Any) -> str:
    return json.dumps(_drawable(value), ensure_ascii=False, separators=(",", ":"))


def _drawable(value: Any) -> Any:
    """A part of the sheet as JSON has it, its texts without characters that the fonts cannot draw."""
    if isinstance(value, str):
        return _drawn(bound(value))
    if isinstance(value, list | tuple):
        return [_drawable(part) for part in value]
    if is_dataclass(value):
        return {one.name: _drawable(getattr(value, one.name)) for one in fields(value)}
    return value


def _drawn(text: str) -> str:
    """A character without a glyph becomes its code point: PDF/A forbids an empty box in its place."""
    known = _known()
    if all(ord(character) in known for character in text):
        return text
    return "".join(
        " " if character in "\t\n\r" else character if ord(character) in known else f"[U+{ord(character):04X}]"
        for character in text
    )
