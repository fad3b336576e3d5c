"""The whole document as a workbook and as CSV, and back: nothing is lost, nothing becomes a formula."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from openpyxl import load_workbook

from retention.inventory_document.shape import schema
from retention.inventory_document.workbook import read_csv, read_xlsx, write_csv, write_xlsx
from retention.inventory_document.workbook.layout import sheets
from ropa.kinds import KINDS
from tests.retention.schema_documents import AWKWARD, documents

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted(ROOT.glob("samples/*/published.yaml"))


def without_empty_lists(document: dict[str, Any]) -> dict[str, Any]:
    """A list of entries that is there and empty is the same as none; every other emptiness means something."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(one) for key, one in value.items()}
        return [kept(one) for one in value] if isinstance(value, list) else value

    names = {sheet.path[-1] for sheet in sheets()}
    found = {key: kept(one) for key, one in document.items() if one or key not in names}
    for key, entries in found.items():
        if isinstance(entries, list):
            inner = {sheet.path[1] for sheet in sheets() if sheet.path[:1] == (key,) and sheet.nested}
            found[key] = [{k: v for k, v in entry.items() if v or k not in inner} for entry in entries]
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_whatever_the_schema_allows_comes_back_from_a_workbook_and_from_csv(document):
    wanted = without_empty_lists(document)
    assert read_xlsx(write_xlsx(document, ["guide"]))[0] == wanted
    assert read_csv(write_csv(document))[0] == wanted


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_comes_back_as_it_was_and_is_never_a_formula(text):
    document = {"seloste": 1, "organisation": {"slug": "x", "name": text, "business_id": text}}
    content = write_xlsx(document, [text])
    assert read_xlsx(content)[0] == document
    assert read_csv(write_csv(document))[0] == document
    for page in load_workbook(io.BytesIO(content)).worksheets:
        assert all(cell.data_type not in {"f", "e", "n"} for row in page.iter_rows() for cell in row if cell.value)


def test_no_cell_of_a_csv_file_begins_as_a_formula():
    document = {
        "seloste": 1,
        "organisation": {"slug": "x", "name": "=1+1", "facts": {"a": "@x"}},
        "registers": [{"id": "-r", "name": {"fi": f"{sign}1"}, "medium": "paper"} for sign in "=+-@\t\r＝"],
    }
    with zipfile.ZipFile(io.BytesIO(write_csv(document))) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8-sig")
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
                assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]
    assert read_csv(write_csv(document))[0] == document


def test_order_is_kept_and_connections_come_along():
    document = {
        "seloste": 1,
        "organisation": {"slug": "x", "name": "X"},
        "registers": [{"id": one, "name": {"fi": one}, "medium": "paper"} for one in ("z", "a", "m")],
        "connections": {"z": {"kind": "sql", "config": {"url": {"secret": "env:Z"}}}, "a": {"kind": "paper"}},
    }
    for back in (read_xlsx(write_xlsx(document, []))[0], read_csv(write_csv(document))[0]):
        assert back == document
        assert list(back["connections"]) == ["z", "a"]


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.parent.name)
def test_every_published_sample_comes_back(file):
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    wanted = without_empty_lists(document)
    assert read_xlsx(write_xlsx(document, ["guide"]))[0] == wanted
    assert read_csv(write_csv(document))[0] == wanted


@pytest.mark.parametrize("part", ["ä", "😀", "=\r", "_x0041_", '"'])
def test_what_is_too_long_for_a_cell_is_carried_on_beside_it(part):
    long = [{"fi": part * 1_000 + str(number)} for number in range(70)]
    document = {
        "seloste": 1,
        "organisation": {"slug": "x", "name": "X"},
        "activities": [
            {"id": "a", "name": {"fi": part * 5_000}, "recipients": {"value": long}},
            {"id": "b", "name": {"fi": "B"}},
        ],
    }
    content = write_xlsx(document, [])
    assert read_xlsx(content)[0] == document
    cells = [cell.value for row in load_workbook(io.BytesIO(content))["activities"].iter_rows() for cell in row]
    assert max(len(value.encode("utf-16-le")) // 2 for value in cells if isinstance(value, str)) <= 32_767


def test_every_kind_and_every_field_has_its_place():
    paths = {sheet.path for sheet in sheets()}
    for kind in KINDS:
        assert (kind.name,) in paths
        assert {(kind.name, child.name) for child in kind.children} <= paths
    for name, rule in schema()["properties"].items():
        if rule.get("type") == "array":
            keys = schema()["$defs"][rule["items"]["$ref"].removeprefix("#/$defs/")]["properties"]
            sheet = next(one for one in sheets() if one.path == (name,))
            inside = {one.path[1] for one in sheets() if one.path[:1] == (name,) and one.nested}
            assert {field.key for field in sheet.fields} | inside == set(keys)


def test_a_csv_file_opens_in_a_finnish_spreadsheet_program():
    content = write_csv({"seloste": 1, "organisation": {"slug": "x", "name": "Äiti Öy"}})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("organisation.csv").startswith(b"\xef\xbb\xbfslug;name;")


def test_the_first_sheet_explains_and_is_not_read():
    content = write_xlsx({"seloste": 1, "organisation": {"slug": "x", "name": "X"}}, ["Näin", "=x"])
    first = load_workbook(io.BytesIO(content)).worksheets[0]
    assert [cell.value for (cell,) in first.iter_rows()] == ["Näin", "=x"]
    assert read_xlsx(content)[0]["organisation"]["name"] == "X"
