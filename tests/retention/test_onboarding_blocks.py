"""A notice's file as text: what is read of each format, and what is refused."""

from __future__ import annotations

import io
import zipfile

import pytest
import typst
from docx import Document
from pypdf import PdfReader, PdfWriter

from retention.domain.errors import DocumentError
from retention.onboarding.blocks import MOST_PAGES, Block, blocks_of


def docx(*paragraphs: str, table: list[list[str]] | None = None) -> bytes:
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if table:
        made = document.add_table(rows=len(table), cols=len(table[0]))
        for y, row in enumerate(table):
            for x, text in enumerate(row):
                made.cell(y, x).text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pdf(source: str) -> bytes:
    return bytes(typst.compile(source.encode()))


def locked(content: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def problem(content: bytes) -> str:
    with pytest.raises(DocumentError) as refused:
        blocks_of(content)
    return str(refused.value)


def test_paragraphs_and_cells_of_a_docx_come_in_reading_order():
    content = docx("Tietosuojaseloste", "Nimi ja  osoite", table=[["Tieto", "Lähde"], ["nimi", "asiakas"]])
    assert [block.text for block in blocks_of(content)] == [
        "Tietosuojaseloste",
        "Nimi ja osoite",
        "Tieto",
        "Lähde",
        "nimi",
        "asiakas",
    ]


def test_a_pdf_gives_its_paragraphs_and_its_foot_once():
    source = "#set page(footer: [Esimerkki Oy])\n" + "#pagebreak()\n".join(f"Kappale {n}.\n\n" for n in "ABC")
    texts = [block.text for block in blocks_of(pdf(source))]
    assert [text for text in texts if text.startswith("Kappale")] == ["Kappale A.", "Kappale B.", "Kappale C."]
    assert texts.count("Esimerkki Oy") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_is_read_in_the_letters_that_it_is_written_in(encoding):
    content = "Sähköposti\n\nÅbo".encode(encoding)
    assert blocks_of(content) == [Block("Sähköposti", 1), Block("Åbo", 3)]


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def macro(content: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/other.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 100_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old format (.doc) or locked"),
        (b"{\\rtf1 hello}", "is RTF"),
        (b"\x89PNG\r\n", "is a picture"),
        (b"abc\0def", "is neither DOCX, PDF nor text"),
        (pdf("#rect()"), "has no text layer"),
        (locked(pdf("Salaisuus"), "sala"), "is locked with a password"),
        (damaged(pdf("Teksti")), "cannot be read as PDF"),
        (b"%PDF-1.7 nothing", "cannot be read as PDF"),
        (pdf("#pagebreak()\n" * MOST_PAGES + "x"), f"more than {MOST_PAGES} pages"),
        (damaged(docx("a")), "damaged"),
        (macro(docx("a")), "declares a document type"),
        (bomb(), "that is no record"),
        (b"x" * 20_000_001, "is larger than 20 MB"),
        (b"sana " * 110_000, "no notice is that long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_said_to_be_what_it_is(content, said):
    assert said in problem(content)


def test_a_pdf_that_opens_without_a_password_is_read():
    assert blocks_of(locked(pdf("Avoin teksti"), ""))[0].text == "Avoin teksti"


def test_a_zip_that_is_no_docx_is_said_to_be_none():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    assert "no .docx" in problem(out.getvalue())
