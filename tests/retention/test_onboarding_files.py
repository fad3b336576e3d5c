"""Files of any make: what stands in them is read as it is shown, and what is doubtful is told by its place."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml

from retention.domain.errors import DocumentError
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.record import suggestion
from retention.onboarding.record.columns import TARGETS, column_map
from retention.onboarding.record.foreign import record_in
from retention.onboarding.record.headings import label, suggested
from tests.retention.foreign_files import HEADINGS, MAPPING, ROWS, csv_of, saved, workbook

pytestmark = pytest.mark.usefixtures("english")


def texts(content: bytes) -> list[list[str]]:
    (table,) = record_in(content).tables
    return [[line.cells.get(n, "") for n in range(1, len(HEADINGS) + 1)] for line in table.lines]


WANTED = [[cell or "" for cell in row] for row in [HEADINGS, *ROWS]]


@pytest.mark.parametrize(
    ("encoding", "delimiter", "told"),
    [
        ("utf-8-sig", ";", "utf-8"),
        ("utf-8", ",", "utf-8"),
        ("cp1252", ";", "cp1252"),
        ("latin-1", "\t", "cp1252"),
        ("utf-16", "\t", "utf-16"),
        ("utf-16-le", ";", "utf-16-le"),
        ("utf-16-be", "|", "utf-16-be"),
    ],
)
def test_a_csv_file_is_read_in_its_encoding_and_with_its_delimiter(encoding, delimiter, told):
    content = csv_of(encoding, delimiter)
    assert texts(content) == WANTED
    assert (record_in(content).encoding, record_in(content).delimiter) == (told, delimiter)


def test_decimal_commas_are_no_delimiters():
    (table,) = record_in(b"a;b;c\r\n1,5;2,5;3,5\r\n1,25;x;0,5\r\n").tables
    assert table.lines[1].cells == {1: "1,5", 2: "2,5", 3: "3,5"}


def test_a_file_that_names_its_delimiter_is_believed():
    found = record_in(b"sep=|\r\na;1|b;2\r\nc;3|d;4\r\n")
    assert found.delimiter == "|"
    assert [(line.number, line.cells) for line in found.tables[0].lines] == [
        (2, {1: "a;1", 2: "b;2"}),
        (3, {1: "c;3", 2: "d;4"}),
    ]


def test_a_workbook_shows_days_numbers_and_lines_as_its_reader_sees_them():
    book = workbook([[date(2025, 12, 31), date(2025, 1, 2), 1.5, 7, True, "007", " a\u00a0\r\nb "]])
    (table,) = record_in(saved(book)).tables
    assert list(table.lines[1].cells.values()) == ["31.12.2025", "2.1.2025", "1,5", "7", "true", "007", "a \nb"]


def test_a_merged_cell_says_its_text_in_each_row_that_it_spans():
    book = workbook([["Palkat", "a"], [None, "b"], [None, "c"], ["Muu", "d"]])
    book.active.merge_cells("A2:A4")
    book.active.merge_cells("F1:H1")
    (table,) = record_in(saved(book)).tables
    assert [line.cells[1] for line in table.lines[1:]] == ["Palkat", "Palkat", "Palkat", "Muu"]
    assert 7 not in table.lines[0].cells


def test_hidden_sheets_are_told_and_empty_rows_are_none():
    book = workbook()
    hidden = book.create_sheet("Piilossa")
    hidden.sheet_state = "hidden"
    hidden.append(["x", "y"])
    book["Seloste"].insert_rows(2, 3)
    tables = record_in(saved(book)).tables
    assert [(table.name, table.hidden) for table in tables] == [("Seloste", False), ("Piilossa", True)]
    assert [line.number for line in tables[0].lines] == [1, 5, 6]


def test_the_headings_may_stand_below_a_title():
    book = workbook()
    book.active.insert_rows(1, 3)
    book.active["A1"] = "Seloste käsittelytoimista"
    (table,) = record_in(saved(book)).tables
    found, asked = table.heading(), table.heading(1)
    assert found is not None
    assert found.number == 4
    assert asked is not None
    assert asked.cells == {1: "Seloste käsittelytoimista"}


def test_formulas_and_error_values_are_told_not_read():
    (table,) = record_in(saved(workbook([["=1+1", "#N/A", "x"]]))).tables
    line = table.lines[1]
    assert line.cells == {3: "x"}
    assert line.wrong == {1: "is a formula: put its value there instead", 2: "is the error #N/A"}


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "a;b")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * (LARGEST + 1), "is larger than"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old format (.xls)"),
        (b"", "one column only"),
        (b"alone\r\nalone\r\n", "one column only"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither a workbook"),
        (b"a;b\r\n\x81;\x8d\r\n", "nor text in UTF-8, UTF-16 or Windows-1252"),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", "neither a workbook"),
        (zipped(), "is a ZIP, and no workbook"),
        (saved(workbook())[:3000], "damaged"),
        (b"a;b\r\n" + b'x;"y\r\n', "row 2: is no CSV"),
        (b"a;b\r\n" * 20_001, "more than 20000 rows"),
        ((";".join("x" * 201) + "\r\n").encode() * 2, "more than 200 columns"),
        (b"a;" + b"y" * 33_000 + b"\r\nb;c\r\n", "row 1, column B: is longer than 32767 characters"),
    ],
    ids=["large", "xls", "empty", "one", "picture", "noise", "utf-32", "zip", "cut", "torn", "rows", "columns", "cell"],
)
def test_what_is_no_record_is_refused(content, said):
    with pytest.raises(DocumentError, match=r"(?s).*") as caught:
        record_in(content)
    assert said in str(caught.value)


def test_merged_cells_without_end_are_refused(monkeypatch):
    monkeypatch.setattr("retention.onboarding.record.foreign.MOST_MERGED", 2)
    book = workbook([["a", "b"], [None, "b"], [None, "b"], [None, "b"]])
    book.active.merge_cells("A2:A5")
    with pytest.raises(DocumentError, match="merged"):
        record_in(saved(book))


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        *zip(HEADINGS, [said["to"] for said in MAPPING["columns"].values()], strict=True),
        ("Kategorier av registrerade", "subject_groups"),
        ("Ändamålen med behandlingen", "purposes"),
        ("Planerade tidsfrister för radering", "time_limits"),
        ("Categories of recipients", "recipients"),
        ("Technical and organisational measures", "security_measures"),
        ("Purpose of processing", "purposes"),
        ("Henkilötietojen luovutukset", "recipients"),
        ("Notes", "nothing"),
    ],
)
def test_a_heading_suggests_what_its_column_is(heading, target):
    assert suggested(heading) == target


def test_a_suggestion_is_a_mapping_that_a_person_can_begin_with():
    said = suggestion(record_in(saved(workbook())))
    assert said["sheets"] == {"Seloste": {"heading_row": 1}}
    assert {heading: one["to"] for heading, one in said["columns"].items()} == {
        heading: one["to"] for heading, one in MAPPING["columns"].items()
    }
    column_map(said)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_target_has_a_label_in_every_language(language):
    assert all(label(target, language).strip() for target in TARGETS)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"columns": None}, "columns: is missing"),
        ({"columns": {"A": {"to": "nothing"}}}, "columns: no column is the activity"),
        ({"columns": {"A": {"to": "activity"}, " a ": {"to": "purposes"}}}, "columns[ a ]: stands here twice"),
        ({"columns": {"A": {"to": "activity"}, "B": {"to": "activity"}}}, "columns: more than one column is activity"),
        ({"columns": {"A": {"to": "activty"}}}, "columns[A].to: is none of"),
        ({"columns": {"A": "activity"}}, "columns[A].to: is none of"),
        ({"columns": {"A": {"to": "activity", "separator": ";"}}}, "columns[A].separator: activity is one thing"),
        ({"columns": {"A": {"to": "recipients", "separator": ""}}}, "columns[A].separator: is not a text"),
        ({"columns": {"A": {"to": "purposes", "none": ["-"]}}}, "columns[A].none: an activity cannot say"),
        ({"columns": {"A": {"to": "registers", "medium": "stone"}}}, "columns[A].medium: is for registers"),
        ({"columns": {"A": {"to": "activity", "colour": 1}}}, "columns[A].colour: unknown key"),
        ({"columns": {1: {"to": "activity"}}}, "columns[1]: is not the text of a heading"),
        ({"language": "de"}, "language: is none of fi, sv, en"),
        ({"addition": "yes"}, "addition: is not true or false"),
        ({"sheets": {"A": {"heading_row": 0}}}, "sheets[A]: says heading_row"),
        ({"sheets": {"A": {"row": 1}}}, "sheets[A]: says heading_row"),
        ({"sheets": ["A"]}, "sheets: is not a mapping"),
        ({"sheetz": {}}, "sheetz: unknown key; did you mean 'sheets'?"),
    ],
)
def test_a_mapping_that_is_not_sound_is_refused(change, wanted):
    with pytest.raises(DocumentError) as caught:
        column_map({**MAPPING, **change})
    assert any(str(problem).startswith(wanted) for problem in caught.value.problems)


def test_the_mapping_in_the_how_to_is_one_and_every_target_is_explained():
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "bring-your-record.md").read_text(
        encoding="utf-8"
    )
    said = column_map(yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0]))
    assert said.columns["rekisteröidyt"].separators == (",", "\n")
    assert [target for target in TARGETS if f"`{target}`" not in page] == []
