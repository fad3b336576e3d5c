"""The workbook: one sheet a part, nothing that a spreadsheet could run, nothing that it could not hold."""

from __future__ import annotations

import io
import zipfile

import pytest
from openpyxl import load_workbook

from ropa.law import LANGUAGES
from ropa.render.json import content_digest
from ropa.render.xlsx import LONGEST, to_xlsx
from ropa.report import build
from ropa.wording import table
from tests.ropa.full_record import full
from tests.ropa.inventories import data, evidence, fi, inventory


def book(report):
    return load_workbook(io.BytesIO(to_xlsx(report)))


def values(workbook):
    return [
        (cell.value, cell.data_type) for sheet in workbook for row in sheet.iter_rows() for cell in row if cell.value
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sheets_have_headings_in_the_language_and_stay_in_sight(language):
    workbook = book(build(data(language, document=full(), record="controller")))
    words = table(language)["report"]
    assert words["retention"][:31] in workbook.sheetnames and words["gaps"] in workbook.sheetnames
    for sheet in workbook:
        assert sheet.freeze_panes == "A2"
        assert all(column.width and column.width > 8 for column in sheet.column_dimensions.values())


def test_every_rule_is_a_row():
    report = build(data(document=full(), record="controller"))
    sheet = book(report)[table("fi")["report"]["retention"]]
    assert sheet.max_row == len(report["retention"]) + 1
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == [
        row["dataset_name"]["text"] for row in report["retention"]
    ]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_no_text_is_a_formula(begin):
    document = inventory()
    nasty = f'{begin}HYPERLINK("http://example.invalid";"x")'
    document["organisation"]["name"] = nasty
    for kind in ("activities", "datasets", "registers"):
        document[kind][0]["name"] = fi(nasty)
    document["activities"][0]["purposes"][0]["name"] = fi(nasty)
    document["activities"][0]["recipients"] = {"value": [fi(nasty)]}
    workbook = book(build(data(document=document, evidence=evidence(laskut={"problem": nasty, "overdue": None}))))
    for value, kind in values(workbook):
        assert kind != "f"
        assert not str(value).startswith(("=", "+", "-", "@", "\t", "\r", "\n")), value


def test_characters_that_a_workbook_cannot_hold_become_their_code_points():
    document = inventory()
    document["datasets"][0]["name"] = fi("rikki\x07nimi\ufffe")
    assert "rikki[U+0007]nimi[U+FFFE]" in [value for value, _ in values(book(build(data(document=document))))]


def test_a_name_that_a_workbook_cannot_hold_stops_no_report():
    document = inventory()
    document["organisation"]["name"] = "Testi\x0b Oy\ufffe"
    workbook = book(build(data(document=document)))
    assert workbook.properties.creator == "Testi[U+000B] Oy[U+FFFE]"


def test_a_text_longer_than_a_cell_is_cut_and_shows_it():
    document = inventory()
    document["activities"][0]["recipients"] = {"value": [fi("x" * 9_000)] * 5}
    longest = max((str(value) for value, _ in values(book(build(data(document=document))))), key=len)
    assert len(longest) == LONGEST + 1 and longest.endswith("…")


def test_what_did_not_answer_is_not_a_number():
    report = build(data(evidence=evidence(tiketit={"problem": "down", "overdue": None})))
    words = table("fi")["report"]
    rows = {row[1].value: row for row in book(report)[words["execution"]].iter_rows(min_row=2)}
    assert rows["Tiketit ja viestit"][9].value == words["not_known"]
    assert rows["Laskut ja maksut"][9].value == 0


def test_it_holds_no_date_but_the_report_s_own():
    content = to_xlsx(build(data()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2026-10-14T00:00:00Z") == 2


def test_it_prints_the_digest_of_the_json():
    report = build(data())
    assert content_digest(report) in [value for value, _ in values(book(report))]
