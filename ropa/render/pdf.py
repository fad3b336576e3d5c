"""The report as one PDF that is PDF/A-2a (to keep) and PDF/UA-1 (to be read by everyone) at once.

The sheet goes in as a JSON string, so no text of an inventory is ever read as typst markup. Fonts are ours alone:
the same report gives the same bytes on every machine that has the same typst.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import typst

from ropa.render.glyphs import covered
from ropa.render.layout import sheet_of
from ropa.render.sheet import bound

HERE = Path(__file__).parent
FONTS = ("SelosteSans-Regular.ttf", "SelosteSans-SemiBold.ttf")


def to_pdf(report: Mapping[str, Any]) -> bytes:
    """The report on A4. Its creation date is the as-of date, midnight UTC."""
    day = date.fromisoformat(report["as_of"])
    made = datetime(day.year, day.month, day.day, tzinfo=UTC)
    sheet = _drawable(asdict(sheet_of(report)))
    compiler = typst.Compiler(
        HERE / "report.typ",
        root=HERE,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False), "created": day.isoformat()},
    )
    pdf = compiler.compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=int(made.timestamp()))
    return cast(bytes, pdf)  # a PDF is one file; only pictures come as a list


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(HERE / "fonts")])


@cache
def _known() -> frozenset[int]:
    return frozenset.intersection(*(covered(HERE / "fonts" / name) for name in FONTS))


def _drawable(value: Any) -> Any:
    """Every text of the sheet, without characters that the fonts cannot draw."""
    if isinstance(value, str):
        return "".join(_drawn(bound(value)))
    if isinstance(value, dict):
        return {key: _drawable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable(part) for part in value]
    return value


def _drawn(text: str) -> Iterator[str]:
    """A character without a glyph becomes its code point: PDF/A forbids an empty box in its place."""
    for character in text:
        if character in "\t\n\r":
            yield " "
        elif ord(character) in _known():
            yield character
        else:
            yield f"[U+{ord(character):04X}]"
