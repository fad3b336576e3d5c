"""The report as one PDF that is PDF/A-2a (to keep) and PDF/UA-1 (to be read by everyone) at once.

The sheet goes in as a JSON string, so no text of an inventory is ever read as typst markup. Fonts are ours alone:
the same report gives the same bytes on every machine that has the same typst.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import typst

from ropa.render.glyphs import covered
from ropa.render.layout import sheet_of
from ropa.render.layout_compact import is_large
from ropa.render.sheet import Sheet, bound

HERE = Path(__file__).parent
FONTS = ("SelosteSans-Regular.ttf", "SelosteSans-SemiBold.ttf")


def to_pdf(report: Mapping[str, Any]) -> bytes:
    """The report on A4, gathered if it is large. Its creation date is the as-of date, midnight UTC."""
    day = date.fromisoformat(report["as_of"])
    made = datetime(day.year, day.month, day.day, tzinfo=UTC)
    large = is_large(report)
    sheet = _written(sheet_of(report, compact=large))
    compiler = typst.Compiler(
        HERE / "report.typ",
        root=HERE,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": sheet, "created": day.isoformat(), "large": "yes" if large else ""},
    )
    pdf = compiler.compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=int(made.timestamp()))
    return cast(bytes, pdf)  # a PDF is one file; only pictures come as a list


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(HERE / "fonts")])


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
