"""The authority report over the API is the one that the command writes."""

from __future__ import annotations

from datetime import date

import pytest

from retention.reports import authority_report
from ropa.render import to_html, to_json, to_pdf, to_xlsx
from ropa.seal import verify
from ropa.services import publish
from tests.retention.company import NOW

IN = "/api/v1/organisations/testi/report/"
DAY = date(2030, 1, 1)


@pytest.fixture
def published(house):
    publish(house.testi, DAY, NOW, "controller:alice", opinion_reason="a test")
    return house


@pytest.mark.parametrize(
    ("wanted", "render", "media_type"),
    [
        ("json", to_json, "application/json"),
        ("html", to_html, "text/html"),
        ("pdf", to_pdf, "application/pdf"),
        ("xlsx", to_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_it_is_the_same_report_in_each_format(published, wanted, render, media_type):
    query = {"as_of": DAY.isoformat(), "format": wanted, "language": "sv"}
    answer = published.client("aino").get(IN, query, HTTP_ACCEPT="application/pdf")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(media_type)
    assert answer["Content-Disposition"] == f'inline; filename="testi-2030-01-01-controller.{wanted}"'
    assert answer.content == render(authority_report(published.testi, DAY, "sv"))


def test_the_sealed_set_comes_as_a_zip(published, tmp_path):
    answer = published.client("aino").get(IN, {"as_of": "2030-01-01", "format": "zip", "extras": "false"})
    assert answer["Content-Type"] == "application/zip"
    (tmp_path / "set.zip").write_bytes(answer.content)
    checked = verify(tmp_path / "set.zip")
    assert checked.intact and checked.files == 4
    assert checked.manifest["options"]["extras"] is False


def test_a_record_that_is_not_kept_is_not_found(published):
    answer = published.client("aino").get(IN, {"as_of": "2030-01-01", "record": "processor"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:seloste:problem:no-record"


def test_it_speaks_the_organisations_language_if_none_is_asked_for(published):
    assert published.client("aino").get(IN, {"as_of": "2030-01-01"}).json()["language"] == "fi"


def test_before_the_first_version_there_is_none(house):
    answer = house.client("aino").get(IN, {"as_of": "2019-12-31"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:seloste:problem:no-version"


@pytest.mark.parametrize(
    "query",
    [
        {"as_of": "yesterday"},
        {"format": "docx"},
        {"record": "both"},
        {"extras": "0"},
        {"language": "de"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_is_refused(published, query):
    answer = published.client("aino").get(IN, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == next(iter(query))
