"""The text of a .docx in reading order, as its reader sees it: nothing that is printed is left out.

Read are paragraphs, cells, text boxes, content controls, fields, what was inserted with tracked changes, footnotes and
endnotes behind the paragraph that refers to them, and the heads and feet of pages once. Not read are comments and what
was deleted with tracked changes. A document within the document is refused, for it would be lost.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml import parse_xml

from retention.inventory_document.workbook.refuse import check_xml, opened, refuse

LARGEST_PART = 50_000_000
"""Bytes of the text's XML: a hundred times what its letters may be."""
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_LEFT_OUT = frozenset({f"{_W}{name}" for name in ("del", "moveFrom", "rt")})
"""Deleted or moved away with tracked changes; how a word is spoken, above it."""
_OTHERS = frozenset({f"{_W}altChunk", f"{_W}subDoc"})
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-", f"{_W}ptab": "\t"}
_TEXT = frozenset({f"{_W}t", f"{_M}t"})
_NOTES = {f"{_W}footnoteReference": "footnote", f"{_W}endnoteReference": "endnote"}
_FURNITURE = ("separator", "continuationSeparator", "continuationNotice")


def texts_of(content: bytes) -> Iterator[str]:
    """Each piece of text. Raises DocumentError: what it is instead of a .docx."""
    document = _document(content)
    try:
        notes = {f"{kind} {code}": note for kind in ("footnote", "endnote") for code, note in _notes(document, kind)}
        yield from _margins(document, "header")
        yield from _blocks(document.element.body, notes)
        yield from _margins(document, "footer")
    except (KeyError, ValueError, SyntaxError):
        raise refuse(_("cannot be read as .docx: it is damaged")) from None
    except RecursionError:
        raise refuse(_("cannot be read as .docx: its parts stand in each other without end")) from None


def _document(content: bytes) -> Any:
    archive = opened(content)
    names = archive.namelist()
    if any(name.casefold().endswith("vbaproject.bin") for name in names):
        raise refuse(_("has macros: save it as .docx"))
    if "word/document.xml" not in names:
        raise refuse(_("is a ZIP, but no .docx"))
    for name in names:
        if name.endswith((".xml", ".rels")):
            check_xml(archive, name)
    if archive.getinfo("word/document.xml").file_size > LARGEST_PART:
        raise refuse(_("its text unpacks to far more than any notice has"))
    try:
        with archive.open("word/document.xml") as part:
            if _STRICT in part.read(4_000):
                raise refuse(_("is Strict Open XML: save it as an ordinary Word document (.docx)"))
        return Document(io.BytesIO(content))
    except (PackageNotFoundError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, SyntaxError):
        raise refuse(_("cannot be read as .docx: it is damaged, or a template")) from None


def _margins(document: Any, what: str) -> Iterator[str]:
    """What stands at the head or foot of pages, each text once."""
    said: set[str] = set()
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{what}") and not relation.is_external:
            for text in _blocks(parse_xml(relation.target_part.blob), {}):
                if text not in said:
                    said.add(text)
                    yield text


def _notes(document: Any, kind: str) -> Iterator[tuple[str, Any]]:
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{kind}s") and not relation.is_external:
            for note in parse_xml(relation.target_part.blob):
                if note.get(f"{_W}type") not in _FURNITURE:
                    yield str(note.get(f"{_W}id")), note


def _blocks(holder: Any, notes: dict[str, Any]) -> Iterator[str]:
    """The texts of what holds paragraphs and tables: a body, a cell, a box, a note, a content control."""
    for part in holder:
        if part.tag == f"{_W}p":
            yield from _paragraph(part, notes)
        elif part.tag in _OTHERS:
            raise refuse(_("holds another document within it, whose text would be lost: copy that text into it"))
        elif part.tag == f"{_MC}AlternateContent":
            yield from _blocks(_chosen(part), notes)
        elif part.tag not in _LEFT_OUT and not _deleted_row(part):
            yield from _blocks(part, notes)


def _deleted_row(part: Any) -> bool:
    return part.tag == f"{_W}tr" and part.find(f"{_W}trPr/{_W}del") is not None


def _paragraph(paragraph: Any, notes: dict[str, Any]) -> Iterator[str]:
    """Its lines, then the boxes and the notes that hang on it."""
    said: list[str] = []
    hanging: list[Any] = []
    _gather(paragraph, said, hanging, notes)
    yield from "".join(said).split("\n")
    for one in hanging:
        yield from _blocks(one, notes)


def _gather(holder: Any, said: list[str], hanging: list[Any], notes: dict[str, Any]) -> None:
    for part in holder:
        tag = part.tag
        if tag in _TEXT:
            said.append(part.text or "")
        elif tag in _SIGNS:
            said.append(_SIGNS[tag])
        elif tag == f"{_W}txbxContent":
            hanging.append(part)
        elif tag in _NOTES:
            note = notes.pop(f"{_NOTES[tag]} {part.get(f'{_W}id')}", None)
            hanging += [note] if note is not None else []
        elif tag == f"{_MC}AlternateContent":
            _gather(_chosen(part), said, hanging, notes)
        elif tag not in _LEFT_OUT:
            _gather(part, said, hanging, notes)


def _chosen(alternatives: Any) -> Any:
    """One of the forms in which the same thing stands there: the first one."""
    return next(iter(alternatives), alternatives)
