"""The report as one HTML file that stands alone: no script, no outside host, fonts and styles inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from ropa.render.layout import sheet_of
from ropa.render.sheet import Block, Cell, Entries, Facts, Heading, Run, Section, Sheet, Table, parted

HERE = Path(__file__).parent
_SHAPES = {
    "missing": "M6 .4 12 11.6H0Zm-.8 4 .25 3.7h1.1l.25-3.7Zm0 4.6v1.4h1.6V9Z",
    "late": "M6 .4 12 11.6H0Zm-.8 4 .25 3.7h1.1l.25-3.7Zm0 4.6v1.4h1.6V9Z",
    "unknown": "M6 0a6 6 0 1 1 0 12A6 6 0 0 1 6 0Zm0 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z",
    "mark": "M6 0 12 6 6 12 0 6Z",
}
"""The shape beside a word of state: triangle, hollow disc, diamond."""


def to_html(report: Mapping[str, Any]) -> bytes:
    """The report as a page. Every text is escaped; the same report gives the same bytes."""
    return sheet_to_html(sheet_of(report))


def sheet_to_html(sheet: Sheet) -> bytes:
    """Any sheet as a page that stands alone."""
    page = BytesIO()
    page.writelines(f"{line}\n".encode() for line in _page(sheet))
    return page.getvalue()


@cache
def _style() -> str:
    font = base64.b64encode((HERE / "fonts" / "seloste-sans-latin.woff2").read_bytes()).decode("ascii")
    return (HERE / "report.css").read_text(encoding="utf-8").replace("{{font}}", font)


def _page(sheet: Sheet) -> Iterator[str]:
    title = escape(f"{sheet.title} – {sheet.sender} {sheet.day}")
    yield "<!doctype html>"
    yield f'<html lang="{sheet.lang}"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    policy = "default-src 'none'; style-src 'unsafe-inline'; font-src data:"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>{title}</title><style>{_style()}</style></head>"
    yield "<body><main>"
    head = f"<b>{escape(sheet.sender)}</b><span><b>{escape(sheet.short)}</b><br>{sheet.day}</span>"
    yield f'<header><p class="sfs">{head}</p>'
    yield f"<h1>{escape(sheet.title)}</h1>"
    yield from (f'<p class="under">{escape(line)}</p>' for line in sheet.under)
    yield f'<p class="say">{" ".join(_run(sheet, run) for run in sheet.say)}</p></header>'
    yield from _block(sheet, sheet.facts)
    for block in sheet.cover:
        yield from _block(sheet, block)
    yield f'<nav aria-labelledby="contents"><h2 id="contents">{escape(sheet.contents)}</h2><ol>'
    for section in sheet.sections:
        yield f'<li><a href="#s{section.number}">{_text(sheet, section.title)}</a></li>'
    yield "</ol></nav>"
    for section in sheet.sections:
        yield from _section(sheet, section)
    yield '<footer class="seal"><dl>'
    yield from (f'<div><dt>{escape(name)}</dt><dd class="digest">{digest}</dd></div>' for name, digest in sheet.seal)
    yield "</dl></footer></main></body></html>"


def _section(sheet: Sheet, section: Section) -> Iterator[str]:
    note = f" <span>{escape(section.note)}</span>" if section.note else ""
    yield f'<section aria-labelledby="s{section.number}">'
    yield f'<h2 id="s{section.number}">{section.number} {_text(sheet, section.title)}{note}</h2>'
    for block in section.blocks:
        yield from _block(sheet, block)
    yield "</section>"


def _block(sheet: Sheet, block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"<h{block.level}{_lang(block.lang)}>{_text(sheet, block.text, block.lang)}</h{block.level}>"
    elif isinstance(block, Facts):
        yield '<dl class="facts">'
        for row in block.rows:
            letter = f"<b>{escape(row.letter)})</b> " if row.letter else ""
            yield f"<div><dt>{letter}{_text(sheet, row.term)}</dt><dd>{_cell(sheet, row.cell)}</dd></div>"
        yield "</dl>"
    elif isinstance(block, Table):
        yield from _table(sheet, block)
    elif isinstance(block, Entries):
        yield from ('<div class="text">' + _cell(sheet, one) + "</div>" for one in block.rows)
    else:
        yield f'<div class="text">{_cell(sheet, block.cell)}</div>'


def _table(sheet: Sheet, block: Table) -> Iterator[str]:
    caption = escape(block.caption)
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{caption}"><table role="table">'
    yield f"<caption>{caption}</caption><colgroup>"
    whole = sum(column.share for column in block.columns)
    yield "".join(f'<col style="width:{100 * column.share / whole:.2f}%">' for column in block.columns)
    yield '</colgroup><thead role="rowgroup"><tr role="row">'
    ends = [' class="n"' if column.end else "" for column in block.columns]
    for column, end in zip(block.columns, ends, strict=True):
        yield f'<th scope="col" role="columnheader"{end}>{_text(sheet, column.title)}</th>'
    yield '</tr></thead><tbody role="rowgroup">'
    titles = [column.title for column in block.columns]
    for row in block.rows:
        yield _row(sheet, row, ends, titles)
    yield "</tbody>"
    if block.total:
        yield '<tfoot role="rowgroup">'
        yield _row(sheet, block.total, ends, titles)
        yield "</tfoot>"
    yield "</table></div>"


def _row(sheet: Sheet, row: tuple[Cell, ...], ends: list[str], titles: list[str]) -> str:
    """One row; each cell carries its column's title, which a phone shows beside it."""
    name, *rest = (_cell(sheet, one) for one in row)
    cells = "".join(
        f'<td role="cell"{end} data-l="{_text(sheet, title)}"><div>{said}</div></td>'
        for said, end, title in zip(rest, ends[1:], titles[1:], strict=True)
    )
    return f'<tr role="row"><th scope="row" role="rowheader">{name}</th>{cells}</tr>'


def _cell(sheet: Sheet, lines: Cell) -> str:
    """Its lines; one in the first voice after one in the second begins something new."""
    said, second = [], False
    for line in lines:
        begins = second and bool(line) and not line[0].style
        second = bool(line) and line[0].style == "soft"
        start = '<p class="new">' if begins else "<p>"
        said.append(start + "".join(_run(sheet, run) for run in line) + "</p>")
    return "".join(said)


def _run(sheet: Sheet, run: Run) -> str:
    said = _text(sheet, run.text, run.lang)
    if run.style in _SHAPES:
        shape = f'<svg viewBox="0 0 12 12" aria-hidden="true"><path d="{_SHAPES[run.style]}"/></svg>'
        return f'<span class="{run.style}"{_lang(run.lang)}>{shape}{said}</span>'
    if run.style or run.lang:
        style = f' class="{run.style}"' if run.style else ""
        return f"<span{style}{_lang(run.lang)}>{said}</span>"
    return said


def _lang(lang: str) -> str:
    return f' lang="{escape(lang)}"' if lang else ""


def _text(sheet: Sheet, text: str, lang: str = "") -> str:
    """Escaped; Finnish words get soft hyphens, since browsers cannot part them by themselves."""
    return escape(parted(text, lang or sheet.lang))
