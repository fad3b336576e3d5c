"""A notice's file as blocks of text in reading order: paragraphs, list items, table cells, headings.

Nothing in the file is run or fetched: only its text is read, in bounded time and memory.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.word import texts_of

MOST_PAGES = 200
MOST_CHARACTERS = 500_000
_OLE = b"\xd0\xcf\x11\xe0"
_PICTURE = gettext_noop("a picture")
_PICTURES = {b"\x89PNG": _PICTURE, b"\xff\xd8\xff": _PICTURE, b"GIF8": _PICTURE, b"{\\rtf": "RTF"}
_HYPHENATED = re.compile(r"(?<=[a-zåäö])-\n(?!(?:ja|tai|sekä|eli|eikä|och|eller|samt|and|or)\b)(?=[a-zåäö])")
"""A word that was parted at the end of a line; the hyphen of `osto- ja myynti` is its own."""
_BLANKS = re.compile(r"[ \t\u00a0\x0b\x0c\x85\u2028\u2029]+")
_NOT_SEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b\u2060\ufeff\ud800-\udfff]")
"""What no reader sees: control characters, soft hyphens, marks of no width, halves of characters."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that stands together; `line` counts from 1: of a text file its line, else the block's number."""

    text: str
    line: int


def blocks_of(content: bytes) -> list[Block]:
    """The blocks of a DOCX, a PDF with a text layer, or a text file. Raises DocumentError: what it is instead."""
    if len(content) > LARGEST:
        raise _refuse(_("is larger than %(most)s MB") % {"most": LARGEST // 1_000_000})
    if not content.strip():
        raise _refuse(_("is empty"))
    if content.startswith(b"PK"):
        found = [Block(text, number) for number, text in enumerate(filter(None, map(_clean, texts_of(content))), 1)]
    elif content.startswith(b"%PDF"):
        found = [Block(text, number) for number, text in enumerate(_pdf(content), 1)]
    else:
        found = list(_text(content))
    if sum(len(block.text) for block in found) > MOST_CHARACTERS:
        raise _refuse(_("has more than %(most)s characters: no notice is that long") % {"most": MOST_CHARACTERS})
    if not found:
        raise _refuse(_("holds no text"))
    return found


def _refuse(what: str) -> DocumentError:
    return DocumentError([Problem("file", what)])


def _text(content: bytes) -> Iterator[Block]:
    if content.startswith(_OLE):
        raise _refuse(_("is in the old format (.doc) or locked with a password: save it as .docx without one"))
    for start, what in _PICTURES.items():
        if content.startswith(start):
            raise _refuse(_("is %(what)s: save the text as .docx, .pdf or .txt") % {"what": _(what)})
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refuse(_("is neither DOCX, PDF nor text"))
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _decoded(content)), 1):
        if line := _clean(line):
            yield Block(line, number)


def _decoded(content: bytes) -> str:
    """UTF-8, else UTF-16 where its mark says so, else Windows' Western letters, which read every byte of old files."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _clean(text: str) -> str:
    return _BLANKS.sub(" ", _NOT_SEEN.sub("", text)).strip()


def _pdf(content: bytes) -> Iterator[str]:
    pages = _pages(content)
    if not any(page.strip() for page in pages):
        raise _refuse(_("has no text layer, it is a scanned picture: run text recognition over it first"))
    repeated = _repeated(pages)
    said: set[str] = set()
    for page in pages:
        joined = _HYPHENATED.sub("", page.replace("\u00ad\n", ""))
        paragraph: list[str] = []
        for line in [*(_clean(one) for one in joined.split("\n")), ""]:
            if line in repeated:  # the head and foot of a page stand once, by themselves
                if line not in said:
                    said.add(line)
                    yield line
                continue
            if line and not _begins(line):
                paragraph.append(line)
                continue
            if paragraph:
                yield " ".join(paragraph)
            paragraph = [line] if line else []


def _begins(line: str) -> bool:
    """Whether a line begins something of its own: a numbered heading or an item of a list."""
    return re.match(r"(?:\d{1,2}(?:\.\d{1,2})*\.?\s+[A-ZÅÄÖ]|[-–•*]\s)", line) is not None


def _repeated(pages: list[str]) -> set[str]:
    """Lines that stand on every page of several."""
    if len(pages) < 3:
        return set()
    count = Counter(line for page in pages for line in {_clean(one) for one in page.split("\n")} if line)
    return {line for line, number in count.items() if number == len(pages)}


def _pages(content: bytes) -> list[str]:
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _refuse(_("is locked with a password: save it without one"))
        if len(reader.pages) > MOST_PAGES:
            raise _refuse(_("has more than %(most)s pages") % {"most": MOST_PAGES})
        pages: list[str] = []
        pictures: list[str] = []
        for number, page in enumerate(reader.pages, 1):
            pages.append(page.extract_text())
            if not pages[-1].strip() and len(page.images):  # scanned, and not empty
                pictures.append(str(number))
            if sum(map(len, pages)) > MOST_CHARACTERS:
                raise _refuse(
                    _("has more than %(most)s characters: no notice is that long") % {"most": MOST_CHARACTERS}
                )
        if pictures and any(page.strip() for page in pages):
            some = f"{', '.join(pictures[:10])}{' …' if len(pictures) > 10 else ''}"
            raise _refuse(
                _("has pages that are pictures (%(some)s): run text recognition over them, or take them out")
                % {"some": some}
            )
        return pages
    except DocumentError:
        raise
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OSError,
        zlib.error,
    ):
        raise _refuse(_("cannot be read as PDF: it is damaged, or made in a way that we cannot read")) from None
