"""A notice's file as text: what is read of each format, and what is refused."""

from __future__ import annotations

import io
import zipfile

import pytest
import typst
from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from pypdf import PdfReader, PdfWriter

from retention.domain.errors import DocumentError
from retention.onboarding.blocks import MOST_PAGES, Block, blocks_of

pytestmark = pytest.mark.usefixtures("english")


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


NAMES = " ".join(
    f'xmlns:{short}="{name}"'
    for short, name in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "v": "urn:schemas-microsoft-com:vml",
    }.items()
)
BOX = "<w:txbxContent><w:p><w:r><w:t>Ruudussa.</w:t></w:r></w:p></w:txbxContent>"


def with_parts(*parts: str, at_end: str = "", head: str = "", foot: str = "") -> bytes:
    """A document with one paragraph for each part, which stands behind the word Alku as XML; `at_end`: after them."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = head
    document.sections[0].footer.paragraphs[0].text = foot
    for part in parts:
        paragraph = document.add_paragraph("Alku ")._p
        paragraph.extend(parse_xml(f"<w:p {NAMES}>{part}</w:p>"))
    if at_end:
        document.element.body[-1].addprevious(parse_xml(at_end.replace(">", f" {NAMES}>", 1)))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("part", "texts"),
    [
        (f'<w:ins w:id="1" w:author="x">{run("lisätty")}</w:ins>', ["Alku lisätty"]),
        ('<w:del w:id="1" w:author="x"><w:r><w:delText>poistettu</w:delText></w:r></w:del>', ["Alku"]),
        (f'<w:moveFrom w:id="1" w:author="x">{run("siirretty")}</w:moveFrom>', ["Alku"]),
        (f'<w:moveTo w:id="1" w:author="x">{run("siirretty")}</w:moveTo>', ["Alku siirretty"]),
        (f"<w:sdt><w:sdtContent>{run('ohjaimessa')}</w:sdtContent></w:sdt>", ["Alku ohjaimessa"]),
        (f'<w:fldSimple w:instr="DATE">{run("kentässä")}</w:fldSimple>', ["Alku kentässä"]),
        (f"<w:smartTag>{run('tunnisteessa')}</w:smartTag>", ["Alku tunnisteessa"]),
        (f'<w:hyperlink w:anchor="a">{run("linkissä")}</w:hyperlink>', ["Alku linkissä"]),
        (
            "<w:r><w:instrText>PAGE</w:instrText><w:t>1</w:t><w:br/><w:t>uusi</w:t><w:noBreakHyphen/></w:r>",
            ["Alku 1", "uusi-"],
        ),
        (
            f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><wps:txbx>{BOX}</wps:txbx></mc:Choice>'
            f"<mc:Fallback><w:pict><v:textbox>{BOX}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>",
            ["Alku", "Ruudussa."],
        ),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else "",
)
def test_all_that_a_docx_shows_is_read_and_what_was_deleted_is_not(part, texts):
    assert [block.text for block in blocks_of(with_parts(part))] == texts


def test_content_controls_and_rows_around_paragraphs_are_read_but_for_rows_that_were_deleted():
    cell = f"<w:tc><w:p>{run('solu')}</w:p></w:tc>"
    gone = f'<w:tr><w:trPr><w:del w:id="1" w:author="x"/></w:trPr>{cell}</w:tr>'
    table = f"<w:tbl><w:sdt><w:sdtContent><w:tr>{cell}</w:tr></w:sdtContent></w:sdt>{gone}</w:tbl>"
    control = f"<w:sdt><w:sdtContent><w:p>{run('lohko')}</w:p>{table}</w:sdtContent></w:sdt>"
    assert [block.text for block in blocks_of(with_parts("", at_end=control))] == ["Alku", "lohko", "solu"]


def test_heads_and_feet_of_a_docx_stand_once():
    texts = [block.text for block in blocks_of(with_parts("", head="Esimerkki Oy", foot="Päivitetty 1.2.2024"))]
    assert texts == ["Esimerkki Oy", "Alku", "Päivitetty 1.2.2024"]


def test_a_note_stands_behind_the_paragraph_that_refers_to_it():
    document = Document(io.BytesIO(with_parts('<w:r><w:footnoteReference w:id="2"/></w:r>', "")))
    notes = "".join(
        f'<w:footnote w:id="{code}" {kind}><w:p>{run(text)}</w:p></w:footnote>'
        for code, kind, text in ((0, 'w:type="separator"', "viiva"), (2, "", "Tietosuojalaki 29 §."))
    )
    xml = f"<w:footnotes {NAMES}>{notes}</w:footnotes>"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, xml.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    out = io.BytesIO()
    document.save(out)
    assert [block.text for block in blocks_of(out.getvalue())] == ["Alku", "Tietosuojalaki 29 §.", "Alku"]


def test_a_pdf_gives_its_paragraphs_and_its_foot_once():
    source = "#set page(footer: [Esimerkki Oy])\n" + "#pagebreak()\n".join(f"Kappale {n}.\n\n" for n in "ABC")
    texts = [block.text for block in blocks_of(pdf(source))]
    assert [text for text in texts if text.startswith("Kappale")] == ["Kappale A.", "Kappale B.", "Kappale C."]
    assert texts.count("Esimerkki Oy") == 1


def test_a_word_parted_at_the_end_of_a_line_is_whole_again_and_a_hyphen_of_its_own_stays():
    source = "Rekisterin-#linebreak()pitäjä kerää osto-#linebreak()ja myyntitietoja."
    assert blocks_of(pdf(source))[0].text == "Rekisterinpitäjä kerää osto- ja myyntitietoja."


PICTURE = '#image(bytes(({},)), format: (encoding: "rgb8", width: 2, height: 2))'.format(", ".join(["9"] * 12))


def test_a_page_that_was_scanned_among_others_is_named_and_an_empty_one_is_none():
    assert "pages that are pictures (2)" in problem(pdf(f"Yksi\n#pagebreak()\n{PICTURE}\n#pagebreak()\nKolme"))
    assert len(blocks_of(pdf("Yksi\n#pagebreak()\n#rect()\n#pagebreak()\nKolme"))) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_is_read_in_the_letters_that_it_is_written_in(encoding):
    content = "Sähköposti\n\nÅbo".encode(encoding)
    assert blocks_of(content) == [Block("Sähköposti", 1), Block("Åbo", 3)]


def test_what_no_reader_sees_is_no_text_and_lines_are_counted_as_an_editor_does():
    content = "Henkilö\u00adtieto\u200blaki\x07\r\n\x0cToinen\x0csivu\u2028\rKolmas".encode()
    assert blocks_of(content) == [Block("Henkilötietolaki", 1), Block("Toinen sivu", 2), Block("Kolmas", 3)]


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def macro(content: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/other.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")
    return out.getvalue()


def altered(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for one in before.namelist():
            text = before.read(one)
            after.writestr(one, text.replace(old, new) if one == name else text)
    return out.getvalue()


def docm() -> bytes:
    out = io.BytesIO(docx("a"))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"x")
    return out.getvalue()


WORD = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"


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
        (docm(), "has macros"),
        (altered(docx("a"), "word/document.xml", WORD, STRICT), "Strict Open XML"),
        (with_parts("", at_end="<w:altChunk></w:altChunk>"), "holds another document"),
        (altered(docx("a"), "[Content_Types].xml", b"document.main+xml", b"template.main+xml"), "or a template"),
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
