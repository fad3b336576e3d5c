"""A certificate as one page of HTML that stands alone: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from html import escape
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

SEAL = {
    "chain": gettext_noop("Chain of evidence"),
    "entry": gettext_noop("Digest of its entry"),
    "head": gettext_noop("Digest of the signed head"),
    "key": gettext_noop("Key that signed it"),
    "signature": gettext_noop("Signature (Ed25519)"),
}

STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem;color:#1b1b1b}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}"
    "dl div{display:flex;gap:1rem}dt{min-width:12rem;color:#555}dd{margin:0}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.4rem;text-align:left;vertical-align:top}"
    ".digest,.digest dd{font-family:monospace;font-size:.8rem;overflow-wrap:anywhere}"
)


def sheet(title: str, body: Iterable[str], seal: Mapping[str, Any], language: str) -> str:
    """The page with its seal at the end, in the language that is active. `body`: lines of HTML."""
    head = (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>",
    )
    sealed = (heading(_("Seal")), *facts({_(SEAL[name]): str(value) for name, value in seal.items()}, "digest"))
    return "\n".join((*head, *body, *sealed, "</main></body></html>")) + "\n"


def heading(text: str) -> str:
    """A heading within the page."""
    return f"<h2>{escape(text)}</h2>"


def facts(told: Mapping[str, str], style: str = "") -> Iterator[str]:
    """A list of names and what they are."""
    yield f'<dl class="{style}">'
    yield from (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in told.items())
    yield "</dl>"


def table(heads: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    """A table; `rows`: each row's cells as HTML."""
    yield "<table><thead><tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr></thead><tbody>"
    yield from (f"<tr>{cells}</tr>" for cells in rows)
    yield "</tbody></table>"


def named(texts: Mapping[str, Any], language: str) -> str:
    """A name in this language, or in one that there is."""
    return str(texts.get(language) or next(iter(texts.values()), ""))


def in_words(iso: str) -> str:
    """A day as people write it."""
    day = date.fromisoformat(iso)
    return f"{day.day}.{day.month}.{day.year}"
