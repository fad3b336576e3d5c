"""Files that no reader is given, and cells that cannot be read: said by sheet, row and column, in bounded memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from retention.domain.errors import DocumentError
from retention.inventory_document.workbook import read_csv, read_xlsx, write_csv, write_xlsx
from retention.inventory_document.workbook.refuse import LARGEST

pytestmark = pytest.mark.usefixtures("english")

DOCUMENT = {
    "seloste": 1,
    "organisation": {"slug": "x", "name": "X"},
    "registers": [{"id": "crm", "name": {"fi": "CRM"}, "medium": "database", "connection": "crm"}],
    "activities": [{"id": "a", "name": {"fi": "A"}, "purposes": [{"id": "p", "name": {"fi": "P"}}]}],
    "connections": {"crm": {"kind": "sql", "config": {"url": {"secret": "env:CRM"}}}},
}
GOOD = write_xlsx(DOCUMENT, ["guide"])
SHEETS = load_workbook(io.BytesIO(GOOD)).sheetnames
HEAD = f"xl/worksheets/sheet{SHEETS.index('organisation') + 1}.xml"
TOP = '<?xml version="1.0"?>'
BOMB = (
    '<!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)


def problems(content: bytes, read: Callable[[bytes], Any] = read_xlsx) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(content)
    return [str(problem) for problem in caught.value.problems]


def with_parts(parts: dict[str, bytes | str], base: bytes = GOOD) -> bytes:
    """The file with some parts put in, or others in their place."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(base)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return out.getvalue()


def with_sheet(xml: str, name: str = HEAD) -> bytes:
    return with_parts({name: f'{TOP}<worksheet xmlns="m"><sheetData>{xml}</sheetData></worksheet>'})


def changed(sheet: str, **cells: Any) -> bytes:
    """The good workbook with some cells changed as a person would."""
    book: Any = load_workbook(io.BytesIO(GOOD))
    for place, value in cells.items():
        book[sheet][place] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


REFUSED = {
    "too large": (b"PK\x03\x04" + bytes(LARGEST), "is larger than"),
    "an old workbook": (OLE, "old format (.xls)"),
    "a locked workbook": (OLE + "EncryptedPackage".encode("utf-16-le"), "locked with a password"),
    "half a file": (GOOD[: len(GOOD) // 2], "damaged"),
    "macros": (with_parts({"xl/vbaProject.bin": b"x"}), "has macros"),
    "macros by type": (
        with_parts({"[Content_Types].xml": "<Types>ms-excel.sheet.macroEnabled.main</Types>"}),
        "macros",
    ),
    "links": (with_parts({"xl/externalLinks/externalLink1.xml": "<x/>"}), "links to other workbooks"),
    "a bomb of a part": (with_parts({HEAD: bytes(3_000_000)}), "unpacks to 3000000 bytes"),
    "a packed file inside": (with_parts({"xl/media/a.zip": with_parts({"b": bytes(3_000_000)})}), ""),
    "laughs in a sheet": (with_parts({HEAD: TOP + BOMB + "<worksheet>&c;</worksheet>"}), "document type"),
    "laughs far down": (
        with_parts({HEAD: f"{TOP}<!--{'x y ' * 20_000}-->{BOMB}<worksheet>&c;</worksheet>"}),
        "document type",
    ),
    "laughs in utf-16": (with_parts({HEAD: (BOMB + "<worksheet>&c;</worksheet>").encode("utf-16")}), "document type"),
    "laughs in the texts": (with_parts({"xl/workbook.xml": TOP + BOMB + "<workbook>&c;</workbook>"}), "document type"),
    "another file by entity": (
        with_parts({HEAD: f'{TOP}<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/hostname">]><worksheet>&a;</worksheet>'}),
        "document type",
    ),
    "no xml": (with_parts({HEAD: "{}"}), "damaged"),
    "a row far away": (with_sheet('<row r="999999999"><c r="A1"/></row>'), "row 999999999"),
    "a row out of reach": (with_sheet('<row r="99999999999999999999"/>'), "damaged"),
    "a column far away": (with_sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'), "more than 1000 columns"),
    "a column out of reach": (with_sheet('<row r="1"><c r="ZZZZZZZZZ1"><v>1</v></c></row>'), "has a cell"),
    "a text that is not there": (with_sheet('<row r="1"><c r="A1" t="s"><v>9</v></c></row>'), "damaged"),
    "no number": (with_sheet('<row r="1"><c r="A1"><v>x</v></c></row>'), "damaged"),
    "a long text": (with_sheet(f'<row r="1"><c r="A1" t="str"><v>{"ab cd" * 250_000}</v></c></row>'), ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_record_or_could_harm_is_refused(name):
    content, said = REFUSED[name]
    if name == "a packed file inside":  # it is never opened: what is asked for stands beside it
        assert read_xlsx(content)[0] == DOCUMENT
        return
    (found,) = problems(content)
    assert found.startswith("file: ")
    assert said in found


def test_a_part_that_was_damaged_is_told():
    content = bytearray(with_parts({"xl/worksheets/extra.xml": "x"}))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        at = archive.getinfo(HEAD).header_offset + 30 + len(HEAD) + 20
    content[at] ^= 0xFF
    assert "damaged" in problems(bytes(content))[0]


def test_what_never_ends_is_read_in_little_memory():
    """A sheet of a hundred megabytes that holds nothing: no tree of it is built."""
    endless = with_sheet(
        "<row>" + '<c r="A1"><is><t>ab</t><u/></is></c>' * 3 + "</row>" + "<junk a='b'>x</junk>" * 600_000
    )
    endless_row = with_sheet('<row r="1">' + "".join(f'<c r="B{n % 9 + 1}"/>' for n in range(900_000)) + "</row>")
    for content in (endless, endless_row):
        tracemalloc.start()
        with pytest.raises(DocumentError):
            read_xlsx(content)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 30_000_000


@pytest.mark.parametrize(
    ("sheet", "cells", "wanted"),
    [
        ("organisation", {"B2": "=1+1"}, "sheet organisation, row 2, column name: is a formula"),
        ("organisation", {"B2": "#N/A"}, "sheet organisation, row 2, column name: is the error #N/A"),
        ("organisation", {"B2": 1.5}, "sheet organisation, row 2, column name: is neither a text"),
        ("organisation", {"B2": True}, "sheet organisation, row 2, column name: is not a text"),
        ("organisation", {"B1": "slug"}, "sheet organisation, row 1, column slug: stands here twice"),
        ("organisation", {"B1": "nmae"}, "sheet organisation, row 1, column nmae: is unknown; did you mean 'name'?"),
        ("organisation", {"ZZ2": "x"}, "sheet organisation, row 2, column ZZ: has a value under no heading"),
        ("organisation", {"A3": "y"}, "sheet organisation, row 3: a workbook is about one organisation"),
        (
            "activities.purposes",
            {"A2": "b"},
            "sheet activities.purposes, row 2, column in: 'b' is no entry of activities",
        ),
        ("activities.purposes", {"A2": None}, "sheet activities.purposes, row 2, column in: is missing"),
        ("connections", {"C2": "{"}, "sheet connections, row 2, column config: is not JSON"),
        ("connections", {"A3": "crm"}, "sheet connections, row 3, column id: is missing, or stands here twice"),
    ],
)
def test_a_cell_is_refused_by_sheet_row_and_column(sheet, cells, wanted):
    assert any(one.startswith(wanted) for one in problems(changed(sheet, **cells)))


def test_everything_that_is_wrong_is_told_at_once():
    found = problems(changed("organisation", B2="=1", A2="=2"))
    assert len(found) == 2


def test_a_foreign_sheet_and_a_missing_head_are_told():
    book: Any = Workbook()
    book.active.title = "registres"
    out = io.BytesIO()
    book.save(out)
    assert problems(out.getvalue()) == [
        "sheet registres: is no sheet of an inventory; did you mean 'registers'?",
        "sheet organisation: is missing: it says whose inventory this is",
    ]


def test_days_and_yes_and_no_are_read_as_people_write_them():
    book: Any = load_workbook(io.BytesIO(GOOD))
    page = book["registers"]
    columns = {cell.value: cell.column for cell in page[1]}
    page.cell(2, columns["closed_on"], "31.12.2025")
    page.cell(2, columns["declared"], "ei")
    page.cell(2, columns["addition"], True)
    out = io.BytesIO()
    book.save(out)
    register = read_xlsx(out.getvalue())[0]["registers"][0]
    assert (register["closed_on"], register["declared"], register["addition"]) == ("2025-12-31", False, True)


def test_a_day_cell_is_a_day():
    from datetime import date

    book: Any = load_workbook(io.BytesIO(GOOD))
    page = book["registers"]
    columns = {cell.value: cell.column for cell in page[1]}
    page.cell(2, columns["closed_on"], date(2025, 12, 31))
    out = io.BytesIO()
    book.save(out)
    assert read_xlsx(out.getvalue())[0]["registers"][0]["closed_on"] == "2025-12-31"


CSV = write_csv(DOCUMENT)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({"organisation.csv": "slug;name\r\nx;Ä".encode("cp1252")}, "sheet organisation, line 2: is not UTF-8"),
        ({"organisation.csv": 'slug;name\r\nx;"a'}, "sheet organisation, row 2: is no CSV"),
        (
            {"organisation.csv": "slug;name\r\nx;y;z"},
            "sheet organisation, row 2, column 3: has a value under no heading",
        ),
        ({"organisation.csv": "slug;slug\r\nx;y"}, "sheet organisation, row 1, column slug: stands here twice"),
        ({"folder/registers.csv": "id\r\nx"}, "sheet registers: stands here twice"),
        ({"organisation.csv": "slug,name\r\nx,y"}, "sheet organisation, row 1, column slug,name: is unknown"),
        ({"organisation.csv": bytes(3_000_000)}, "unpacks to 3000000 bytes"),
    ],
)
def test_a_csv_file_is_refused_by_sheet_and_row(parts, wanted):
    assert any(wanted in one for one in problems(with_parts(parts, CSV), read_csv))


def test_what_a_mac_packs_beside_the_files_is_left_alone():
    assert read_csv(with_parts({"__MACOSX/._registers.csv": b"\x00\x05"}, CSV))[0] == DOCUMENT


def test_a_row_of_a_csv_file_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr("retention.inventory_document.workbook.delimited.LONGEST_ROW", 1_000)
    for row in ("x;" * 600, '"x\n";' * 300):
        found = problems(with_parts({"organisation.csv": f"slug;name\r\n{row}"}, CSV), read_csv)
        assert found == ["file: has a row of more than 1000 characters: it is no CSV"]


def test_elements_are_counted(monkeypatch):
    monkeypatch.setattr("retention.inventory_document.workbook.ooxml.MOST_ELEMENTS", 1_000)
    assert "has more than 1000 elements" in problems(with_sheet('<row r="1">' + "<c/>" * 1_001 + "</row>"))[0]
