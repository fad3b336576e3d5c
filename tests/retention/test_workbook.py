"""The inventory as a workbook and as CSV: what goes out comes back, and no text is taken for a formula."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from retention.inventory_document import normalised, yaml_text
from retention.inventory_document.files import document_in, file_of
from retention.inventory_document.shape import properties_of, schema
from retention.inventory_document.workbook import read_csv, read_xlsx, write_csv, write_xlsx
from retention.inventory_document.workbook.layout import sheets
from samples.companies import companies
from samples.documents import whole

AWKWARD = [
    "=1+1",
    "+358 40 123",
    "-",
    "@SUM(A1)",
    "#N/A",
    "'quoted",
    "007",
    "1e3",
    "true",
    "2020-01-01",
    "30.6.2026",
    "_x0041_",
    " both ends ",
    "two\nlines",
    "two\r\nlines",
    "\ttab",
    "a;b,c",
    'say "it"',
    "[1]",
    "{}",
    "null",
    "ääkköset",
    "\u00a0",
    "bell\x07",
]
texts = st.sampled_from(AWKWARD) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12
)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)


def of(rule: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value of a rule of the schema; references and meanings aside, which the workbook does not judge."""
    if "$ref" in rule:
        name = rule["$ref"].removeprefix("#/$defs/")
        return ids if name == "id" else of(schema()["$defs"][name], depth)
    if "const" in rule:
        return st.just(rule["const"])
    if "enum" in rule:
        return st.sampled_from(rule["enum"])
    kinds = rule.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of([of({**rule, "type": kind}, depth) for kind in kinds if kind != "null"])
    match kinds:
        case "string":
            return st.dates().map(str) if rule.get("format") == "date" else ids if "refers_to" in rule else texts
        case "integer":
            return st.integers(-(10**9), 10**9)
        case "boolean":
            return st.booleans()
        case "array":
            unique = (lambda one: one["id"]) if "id" in properties_of(rule.get("items", {})) else None
            return st.lists(of(rule.get("items", {}), depth + 1), min_size=1, max_size=2, unique_by=unique)
    if "patternProperties" in rule:
        ((_, inner),) = rule["patternProperties"].items()
        return st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), of(inner, depth + 1), max_size=2)
    required = set(rule.get("required", ()))
    chosen = [set(one["required"]) for one in rule.get("oneOf", ())]
    parts = {key: of(part, depth + 1) for key, part in rule.get("properties", {}).items()}
    if chosen:
        return st.sampled_from(chosen).flatmap(lambda keys: st.fixed_dictionaries({key: parts[key] for key in keys}))
    optional = {key: part for key, part in parts.items() if key not in required}
    return st.fixed_dictionaries({key: parts[key] for key in required}, optional=optional)


def entries(name: str) -> st.SearchStrategy[Any]:
    rule = {"type": "array", "items": schema()["properties"][name]["items"]}
    return of(rule)


NAMES = [name for name in properties_of("") if name not in {"seloste", "organisation", "connections"}]
documents = st.fixed_dictionaries(
    {"seloste": st.just(1), "organisation": of({"$ref": "#/$defs/organisation"})},
    optional={
        **{name: entries(name) for name in NAMES},
        "connections": st.dictionaries(ids, of({"$ref": "#/$defs/connection"}), min_size=1, max_size=2),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_document_comes_back_from_a_workbook(document):
    assert read_xlsx(write_xlsx(document, ["x"]))[0] == document


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_document_comes_back_from_csv(document):
    assert read_csv(write_csv(document))[0] == document


@pytest.mark.parametrize("company", companies(), ids=lambda company: company.slug)
@pytest.mark.parametrize("form", ["yaml", "xlsx", "csv"])
def test_every_sample_comes_back_whole(company, form):
    document = normalised(whole(company, yaml_text.parse))
    assert normalised(document_in(file_of(document, form))) == document


def awkward_document() -> dict[str, Any]:
    groups = [{"id": f"g{n}", "name": {"fi": text}} for n, text in enumerate(AWKWARD)]
    return {"seloste": 1, "organisation": {"slug": "a", "name": "=HYPERLINK(1)"}, "subject_groups": groups}


def test_no_cell_of_a_workbook_is_a_formula():
    book = load_workbook(io.BytesIO(write_xlsx(awkward_document(), ["=1+1"])))
    cells = [cell for page in book for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert any(cell.value == "=HYPERLINK(1)" for cell in cells)


def test_no_cell_of_a_csv_begins_as_a_formula():
    with zipfile.ZipFile(io.BytesIO(write_csv(awkward_document()))) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8-sig")
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
                assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_same_document_gives_the_same_csv():
    assert write_csv(awkward_document()) == write_csv(awkward_document())


def test_every_field_of_the_schema_has_a_column():
    """None is forgotten: each key of each list, and of each list inside an entry, is a field of some sheet."""
    by_path = {sheet.path: {field.key for field in sheet.fields} for sheet in sheets()}
    for name, rule in properties_of("").items():
        if rule.get("type") != "array":
            continue
        for key, part in properties_of(name).items():
            inner = properties_of(part.get("items", {})) if part.get("type") == "array" else {}
            if "id" in inner:
                assert by_path[(name, key)] == set(inner)
            else:
                assert key in by_path[(name,)]
