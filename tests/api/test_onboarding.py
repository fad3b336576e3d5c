"""A foreign record over the API: columns, mapping, preview, and the draft with it, or nothing."""

from __future__ import annotations

from urllib.parse import urlencode

from ropa.models import Activity
from tests.retention.foreign_files import HEADINGS, MAPPING, csv_of, saved, workbook

IN = "/api/v1/organisations/testi/onboarding/"
FILE = "application/octet-stream"


def send(client, path: str, content: bytes, **query: str):
    return client.post(f"{IN}{path}{'?' + urlencode(query) if query else ''}", content, content_type=FILE)


def test_from_a_file_to_the_draft(house):
    client = house.client("bob")
    content = saved(workbook())
    columns = send(client, "columns/", content).json()
    assert columns["sheets"] == [
        {"sheet": "Seloste", "hidden": False, "heading_row": 1, "headings": HEADINGS, "rows": 3},
    ]
    assert columns["suggestion"]["columns"]["Säilytysaika"] == {"to": "time_limits"}
    assert {"to": "purposes", "name": "Käsittelyn tarkoitukset"} in columns["targets"]
    kept = client.put(f"{IN}mappings/seloste/", {"mapping": MAPPING, "reason": "our Excel"})
    assert (kept.status_code, kept.json()) == (200, {"name": "seloste", "mapping": MAPPING})
    assert [one["name"] for one in client.get(f"{IN}mappings/").json()["results"]] == ["excel", "seloste"]
    preview = send(client, "mappings/seloste/preview/", content).json()
    assert [(row["row"], row["outcome"]) for row in preview["rows"]] == [(2, "new"), (3, "new")]
    assert not Activity.objects.filter(code="palkanlaskenta").exists()
    applied = send(client, "mappings/seloste/apply/", content, digest=preview["digest"], reason="bring it")
    assert applied.status_code == 200
    row = Activity.objects.get(code="palkanlaskenta")
    assert row.history.get().history_change_reason == "dpo:bob: bring it"


def test_what_was_not_looked_at_is_not_applied(house):
    client = house.client("alice")
    answer = send(client, "mappings/excel/apply/", csv_of(), digest="0" * 64, reason="x")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:seloste:problem:lifecycle")
    for query in ({}, {"digest": "0" * 64}, {"reason": "x"}):
        assert send(client, "mappings/excel/apply/", csv_of(), **query).status_code == 400
    assert not Activity.objects.filter(code="palkanlaskenta").exists()


def test_errors_come_with_sheet_row_and_column_and_nothing_is_changed(house):
    client = house.client("alice")
    book = workbook()
    book.active["F2"] = "=1"
    content = saved(book)
    preview = send(client, "mappings/excel/preview/", content)
    assert preview.status_code == 200
    (problem,) = preview.json()["problems"]
    assert problem["path"] == "taulukko Seloste, rivi 2, sarake F (Vastaanottajat)"
    answer = send(client, "mappings/excel/apply/", content, digest=preview.json()["digest"], reason="x")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:seloste:problem:document")
    assert not Activity.objects.filter(code="palkanlaskenta").exists()


def test_what_is_no_record_and_a_mapping_that_is_none_are_refused(house):
    client = house.client("alice")
    assert send(client, "columns/", b"\x00").status_code == 422
    assert send(client, "mappings/nowhere/preview/", csv_of()).status_code == 404
    answer = client.put(f"{IN}mappings/x/", {"mapping": {"columns": {"A": {"to": "activty"}}}, "reason": "x"})
    assert answer.status_code == 422
    assert client.get(f"{IN}mappings/x/").status_code == 404
