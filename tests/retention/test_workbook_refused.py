# ruff: noqa: E501
"""What a workbook may not be: each refusal says where, and nothing is read."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook

from retention.domain.errors import DocumentError
from retention.inventory_document.files import document_in
from retention.inventory_document.workbook import refuse, write_csv, write_xlsx

pytestmark = pytest.mark.usefixtures("english")
HEAD = (["slug", "name"], ["testi", "Testi Oy"])


def book(**pages: Any) -> bytes:
    made: Any = Workbook()
    made.remove(made.active)
    for name, rows in {"organisation": list(HEAD), **pages}.items():
        page = made.create_sheet(name.replace("__", "."))
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def problems(content: bytes) -> list[str]:
    with pytest.raises(DocumentError) as refused:
        document_in(content)
    return [str(problem) for problem in refused.value.problems]


def rewritten(content: bytes, change=None, **members: bytes) -> bytes:
    """A ZIP with some members changed or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)) if change else old.read(name))
        for name, data in members.items():
            new.writestr(name, data)
    return out.getvalue()


GROUPS = ["id", "name.fi"]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        (
            {"subject_groups": [GROUPS, ["a", "=1+1"]]},
            "sheet subject_groups, row 2, column name.fi: is a formula: put its value there instead",
        ),
        (
            {"subject_groups": [GROUPS, ["a", "A"], ["a", "B"]]},
            "sheet subject_groups, row 2 and row 3: subject_groups[a]: the id 'a' is taken: it stands here a second time",
        ),
        (
            {"subject_groups": [["id", "id"], ["a", "b"]]},
            "sheet subject_groups, row 1, column id: stands here twice",
        ),
        (
            {"subject_groups": [["id", "nmae.fi"], ["a", "A"]]},
            "sheet subject_groups, row 1, column nmae.fi: is unknown; did you mean 'name.fi'?",
        ),
        ({"subject_group": [GROUPS]}, "sheet subject_group: is no sheet of an inventory; did you mean 'subject_groups'?"),
        (
            {"subject_groups": [GROUPS, ["a", "A", "more"]]},
            "sheet subject_groups, row 2, column C: has a value under no heading",
        ),
        (
            {"subject_groups": [[*GROUPS, "declared"], ["a", "A", "maybe"]]},
            "sheet subject_groups, row 2, column declared: is neither true nor false",
        ),
        (
            {"subject_groups": [[*GROUPS, "inclusion"], ["a", "A", "{oops"]]},
            "sheet subject_groups, row 2, column inclusion: is not JSON: write it as an export does",
        ),
        (
            {"subject_groups": [[*GROUPS, "declared"], ["a", "A", 1.5]]},
            "sheet subject_groups, row 2, column declared: is neither a text, a whole number, a date, nor true or false",
        ),
        (
            {"activities": [GROUPS, ["a", "A"]], "activities__purposes": [["in", *GROUPS], ["b", "p", "P"]]},
            "sheet activities.purposes, row 2, column in: 'b' is no entry of activities",
        ),
        (
            {"subject_groups": [[*GROUPS, "registers"], ["a", "A", "crm"]]},
            "sheet subject_groups, row 2, column registers: subject_groups[a].registers[0]: there is no register 'crm'",
        ),
        (
            {"registers": [[*GROUPS, "medium", "copy_of"], ["a", "A", "files", "b"], ["b", "B", "files", "a"]]},
            "sheet registers, row 2, column copy_of: registers[a].copy_of: goes in a circle: it comes back to this entry",
        ),
        (
            {"registers": [[*GROUPS, "medium"], ["a", "A", "stone"]]},
            "sheet registers, row 2, column medium: registers[a].medium: 'stone' is none of database, files, mail, "
            "directory, map, paper",
        ),
        (
            {"notices": [[*GROUPS, "created_on"], ["a", "A", "31.13.2025"]]},
            "sheet notices, row 2, column created_on: notices[a].created_on: '2025-13-31' is not a day such as 2026-06-30",
        ),
        ({"organisation": [["name"], ["x"]]}, "sheet organisation, row 2, column slug: organisation.slug: is missing"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_told_by_its_place(pages, said):
    assert said in problems(book(**pages))


def test_a_law_that_is_not_there_is_told_by_its_place():
    pages = {
        "registers": [[*GROUPS, "medium"], ["r", "R", "paper"]],
        "activities": [GROUPS, ["a", "A"]],
        "activities__purposes": [["in", *GROUPS], ["a", "p", "P"]],
        "datasets": [[*GROUPS, "register", "activity", "grain"], ["d", "D", "r", "a", "record"]],
        "datasets__grounds": [
            ["in", "id", "kind", "purpose", "trigger", "period", "action", "law"],
            ["d", "g", "need", "p", '"occurred"', "P1Y", "delete", "NO-SUCH"],
        ],
    }
    (said,) = [one for one in problems(book(**pages)) if "NO-SUCH" in one]
    assert said.startswith("sheet datasets.grounds, row 2, column law: datasets[d].grounds[g].law:")


@pytest.mark.parametrize("written", ["31.12.2025", "2025-12-31", date(2025, 12, 31)])
def test_a_day_as_finns_write_it_or_as_a_date_cell_is_a_day(written):
    document = document_in(book(notices=[[*GROUPS, "created_on"], ["a", "A", written]]))
    assert document["notices"][0]["created_on"] == "2025-12-31"


def test_rows_and_columns_left_empty_say_nothing():
    document = document_in(book(subject_groups=[GROUPS, [None, None], ["a", "A"], [None, None]]))
    assert document["subject_groups"] == [{"id": "a", "name": {"fi": "A"}}]


def test_a_workbook_without_an_organisation_is_about_nobody():
    made: Any = Workbook()
    made.active.title = "subject_groups"
    made.active.append(GROUPS)
    out = io.BytesIO()
    made.save(out)
    assert problems(out.getvalue()) == ["sheet organisation: is missing: it says whose inventory this is"]


SMALL = {"seloste": 1, "organisation": {"slug": "testi", "name": "Testi Oy"}}


def test_a_bomb_is_not_unpacked():
    bomb = rewritten(write_xlsx(SMALL, []), **{"xl/media/image1.png": b"\0" * 150_000_000})
    assert len(bomb) < 1_000_000
    assert "unpacks to 150000000 bytes: that is no record" in problems(bomb)[0]
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(refuse.MOST_MEMBERS + 1):
            archive.writestr(f"{number}.csv", b"")
    assert problems(many.getvalue()) == [f"file: has more than {refuse.MOST_MEMBERS} parts"]


def test_entities_that_multiply_are_not_expanded():
    laughs = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'

    def laughing(name: str, content: bytes) -> bytes:
        return laughs + content if name == "xl/workbook.xml" else content

    assert "declares a document type" in problems(rewritten(write_xlsx(SMALL, []), laughing))[0]


def test_a_document_type_hidden_by_its_encoding_is_none_the_less_refused():
    def wide(name: str, content: bytes) -> bytes:
        return ("<!DOCTYPE a>" + content.decode()).encode("utf-16") if name == "xl/workbook.xml" else content

    assert "declares a document type" in problems(rewritten(write_xlsx(SMALL, []), wide))[0]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"xl/vbaProject.bin": b"x"}, "file: has macros: save it as .xlsx"),
        ({"xl/externalLinks/externalLink1.xml": b"<a/>"}, "file: has links to other workbooks"),
    ],
)
def test_what_runs_or_reaches_out_is_refused(members, said):
    assert problems(rewritten(write_xlsx(SMALL, []), **members))[0].startswith(said)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OLE, "file: is in the old format (.xls): save it as .xlsx"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "file: is locked with a password: save it without one"),
        (write_xlsx(SMALL, [])[:2000], "or it is damaged"),
        (b"PK\x03\x04" + b"\0" * 100, "or it is damaged"),
        (write_xlsx(SMALL, [])[:30] + b"PK\x03\x04", "or it is damaged"),
        (b"a: \xe4\n", "document: is not UTF-8: see line 1"),
        (b"a: 1\nb: \xe4\n", "document: is not UTF-8: see line 2"),
        (b"", "document: is"),
        (b"x" * 25_000_001, "document: is larger than 25000000 bytes"),
        (b"PK\x03\x04" + b"\0" * refuse.LARGEST, f"file: is larger than {refuse.LARGEST // 1_000_000} MB"),
    ],
    ids=["xls", "password", "cut", "noise", "twice", "latin", "latin-2", "empty", "large-yaml", "large-zip"],
)
def test_what_is_no_inventory_is_said_to_be_none(content, said):
    assert said in problems(content)[0]


def test_a_member_that_is_damaged_inside_is_said_to_be():
    content = bytearray(write_xlsx(SMALL, []))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo("xl/workbook.xml").header_offset
    name, extra = struct.unpack("<HH", content[start + 26 : start + 30])
    content[start + 30 + name + extra + 5] ^= 0xFF
    assert "damaged" in problems(bytes(content))[0]


def test_csv_that_is_not_utf_8_or_is_torn_is_said_to_be():
    good = write_csv(SMALL)

    def latin(name: str, content: bytes) -> bytes:
        return b"id;name.fi\r\na;\xe4\r\n" if name == "subject_groups.csv" else content

    def torn(name: str, content: bytes) -> bytes:
        return b'id;name.fi\r\na;"b\r\n' if name == "subject_groups.csv" else content

    assert problems(rewritten(good, latin)) == ["sheet subject_groups, line 2: is not UTF-8: save it as CSV UTF-8"]
    assert problems(rewritten(good, torn))[0].startswith("sheet subject_groups, row 2: is no CSV")
