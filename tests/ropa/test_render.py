"""The report as files: the same bytes each time, nothing read as markup, readable by everyone."""

import io
import json
import re
from html.parser import HTMLParser

import pikepdf
import pytest

from ropa.law import LANGUAGES
from ropa.render import to_html, to_json, to_pdf
from ropa.render.glyphs import covered
from ropa.render.pdf import FONTS, HERE
from ropa.render.sheet import parted
from ropa.report import build
from tests.ropa.inventories import data, evidence, fi, inventory

NASTY = 'Yhtiö #read("/etc/passwd") $x^2$ *lihava* _k_ \\ <script>alert(1)</script> & "lainaus" `koodi` @viite // /* ='


def report(language="fi", **over):
    return build(data(language, **over))


def nasty_report():
    document = inventory()
    document["organisation"]["name"] = NASTY
    document["datasets"][0]["name"] = fi(NASTY)
    document["activities"][0]["name"] = fi(NASTY)
    document["registers"][0]["name"] = fi(NASTY)
    document["activities"][0]["recipients"] = {"value": [fi(NASTY)]}
    return report(document=document, evidence=evidence(laskut={"problem": NASTY, "overdue": None}))


class Outline(HTMLParser):
    """The elements that stand open, and all that a page could load."""

    void = {"meta", "col", "br"}

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("render", [to_json, to_html, to_pdf])
def test_the_same_report_gives_the_same_bytes(render, language):
    assert render(report(language)) == render(report(language))


def test_json_is_the_report():
    assert json.loads(to_json(report())) == report()
    assert to_json(report()).endswith(b"}\n")


def test_html_stands_alone_and_runs_nothing():
    page = to_html(report()).decode()
    outline = Outline(page)
    assert outline.open == []
    assert page.startswith('<!doctype html>\n<html lang="fi">')
    assert not {"script", "link", "img", "iframe", "form"} & set(outline.tags)
    assert all(link.startswith("#s") for link in outline.links)
    assert re.findall(r"url\((?!data:)", page) == [] and "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_html_tables_have_captions_and_headings():
    outline = Outline(to_html(report()).decode())
    assert outline.tags.count("table") == outline.tags.count("caption") == outline.tags.count("thead") > 8
    assert outline.tags.count("h1") == 1


def test_html_escapes_everything():
    page = to_html(nasty_report()).decode()
    assert "<script" not in page
    assert "script" not in Outline(page).tags
    assert NASTY in "".join(Outline(page).text).replace("\u00ad", "")


def test_a_text_in_another_language_says_so():
    page = to_html(report("sv")).decode()
    assert '<html lang="sv">' in page
    assert re.search(r'<span class="strong" lang="fi">Liittymän', page)


def test_states_are_said_in_words_not_in_colour_alone():
    silent = {"problem": "unable to open database file", "overdue": None}
    text = "".join(Outline(to_html(report(evidence=evidence(tiketit=silent))).decode()).text)
    text = text.replace("\u00ad", "").replace("\u00a0", " ")
    assert "Puuttuu (30 artiklan 1 kohdan d alakohta)" in text
    assert "Ei ole: yhtiö on sijoittautunut Suomeen" in text
    assert "ei tiedetä" in text and "unable to open database file" in text
    assert "rekisterille ei ole kuvattu tietoaineistoja" in text


def test_the_first_sentence_says_what_is_late_and_what_is_not_known():
    late = {"overdue": 1284, "people_overdue": 12, "overdue_since": "2024-04-03"}
    silent = {"problem": "down", "overdue": None}
    for given, said in [
        (evidence(), "Mikään ei ole myöhässä."),
        (
            evidence(laskut=late),
            "Myöhässä on 1 284 tietuetta, vanhin 3.4.2024 alkaen. "
            "Jokaiselle on selitys: hävitys on tilattu, hyväksyntää odotetaan tai lisäaika on kesken.",
        ),
        (
            evidence(laskut=late | {"unexplained": 3}),
            "Myöhässä on 1 284 tietuetta, vanhin 3.4.2024 alkaen. Ilman selitystä 3.",
        ),
        (evidence(tiketit=silent), "Mikään ei ole myöhässä. Ei tiedetä: 1 tietoaineisto ei vastannut."),
        (None, "Määräaikojen toteutumisesta ei ole vielä näyttöä: tiedot poistavaa yöajoa ei ole tehty."),
    ]:
        page = to_html(report(evidence=given)).decode().replace("\u00ad", "").replace("\u00a0", " ")
        assert f'<p class="say">{said}</p>' in page


def opened(content):
    return pikepdf.open(io.BytesIO(content))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_for_keeping_and_for_everyone(language):
    with opened(to_pdf(report(language))) as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "2A"
        assert metadata["pdfuaid:part"] == "1"
        assert str(pdf.Root.Lang) == language
        assert "Esimerkin Kuituverkko Oy" in metadata["dc:title"]
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261014")


def test_the_pdf_has_only_our_fonts_inside():
    with opened(to_pdf(report())) as pdf:
        names = {
            str(font.BaseFont).split("+")[-1] for page in pdf.pages for font in page.Resources.get("/Font", {}).values()
        }
    assert names == {"SelosteSans-Regular", "SelosteSans-SemiBold"}


def test_no_text_is_ever_read_as_markup():
    with opened(to_pdf(nasty_report())) as pdf, pdf.open_metadata() as metadata:
        assert NASTY in metadata["dc:title"]
        assert len(pdf.pages) < 20


def test_a_character_without_a_glyph_becomes_its_code_point():
    document = inventory()
    document["organisation"]["name"] = "漢字 \x07 Oy"
    with opened(to_pdf(report(document=document))) as pdf, pdf.open_metadata() as metadata:
        assert "[U+6F22][U+5B57] [U+0007] Oy" in metadata["dc:title"]


def test_the_fonts_draw_what_our_own_words_need():
    for name in FONTS:
        known = covered(HERE / "fonts" / name)
        assert {ord(character) for character in "åäöÅÄÖ§–”“…≥−\u00a0éšžŋЖΩ"} <= known
        assert 0x6F22 not in known


def test_what_is_not_a_font_has_no_glyphs(tmp_path):
    file = tmp_path / "empty.ttf"
    file.write_bytes(b"\0\1\0\0\0\0" + bytes(10))
    with pytest.raises(ValueError, match=r"empty\.ttf has no cmap"):
        covered(file)


def test_a_record_of_a_processor_and_one_before_any_night_are_drawn():
    document = inventory()
    document["activities"].append(
        {
            "id": "webhotelli",
            "name": fi("Webhotelli"),
            "role": "processor",
            "on_behalf_of": {"value": [fi("Asiakasyritykset")]},
        }
    )
    built = report(document=document, evidence=None, record="processor")
    page = to_html(built).decode().replace("\u00ad", "").replace("\u00a0", " ")
    assert "Toisen lukuun suoritettavat käsittelytoimet" in page and "Asiakasyritykset" in page
    assert "30 artiklan 2 kohta" in page
    assert to_pdf(built).startswith(b"%PDF")


def test_long_finnish_words_may_part_and_section_signs_may_not():
    assert parted("henkilötietoryhmä", "fi") == "henkilö\u00adtieto\u00adryhmä"
    assert parted("yhteydenottajat", "fi") == "yhteyden\u00adottajat"
    assert parted("asiakas", "fi") == "asiakas"
    assert parted("dataskyddsombudet", "sv") == "dataskyddsombudet"
    assert parted("2:10 §", "en") == "2:10\u00a0§"
    assert parted("6 artiklan 1 kohdan f alakohta", "fi") == "6\u00a0artiklan 1\u00a0kohdan f alakohta"
