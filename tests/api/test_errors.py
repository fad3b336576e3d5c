"""Every error is a problem document; what was not expected is logged by places, never with its text."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.http import Http404
from rest_framework import exceptions

from api import register
from api.errors import answer
from retention.domain.errors import DocumentError, LifecycleError, NightError, Problem, RestoredError, RuleError
from retention.reports import NoVersionError

IN = "/api/v1/organisations/testi/"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DocumentError([Problem("a", "wrong"), Problem("b", "wrong")]), 422, "document"),
        (RuleError("no such period", "grounds[0].period"), 422, "rule"),
        (LifecycleError("it cannot"), 409, "lifecycle"),
        (NightError("not now"), 409, "night"),
        (RestoredError("say adopt"), 409, "restored"),
        (NoVersionError("none"), 404, "no-version"),
        (Http404(), 404, "not-found"),
        (exceptions.Throttled(7), 429, "throttled"),
        (exceptions.ParseError(), 400, "parse-error"),
        (exceptions.NotAuthenticated(), 401, "not-authenticated"),
    ],
)
def test_each_kind_of_error_has_its_problem(db, error, status, kind):
    response = answer(error, {})
    assert response.status_code == response.data["status"] == status
    assert response.data["type"] == f"urn:seloste:problem:{kind}"
    assert response.content_type == "application/problem+json"
    assert {"title", "detail"} <= response.data.keys()


def test_a_document_error_carries_every_problem(db):
    response = answer(DocumentError([Problem("a", "wrong"), Problem("b", "also")]), {})
    assert response.data["errors"] == [{"path": "a", "message": "wrong"}, {"path": "b", "message": "also"}]


def test_what_was_not_expected_gives_an_id_and_keeps_its_text_to_itself(house, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError("row of customer 7700199")

    monkeypatch.setattr(register, "language_of", broken)
    response = house.client("alice").get(IN + "registers/")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    quoted = response.json()["instance"].rsplit(":", 1)[1]
    assert quoted in response.json()["detail"]
    assert quoted in caplog.text
    assert "RuntimeError" in caplog.text
    assert "7700199" not in caplog.text + response.content.decode()
    assert "Traceback" not in response.content.decode()


@pytest.mark.parametrize("path", ["nothing/", "organisations/testi/nothing/", "organisations/te%0Asti/", "nights/x"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_that_is_nobodys(house, path, method):
    response = getattr(house.client("alice"), method)("/api/v1/" + path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "0000-01-01"])
def test_a_day_that_is_none(house, day):
    assert house.client("alice").get(f"{IN}nights/{day}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"contracts": NaN}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b'{"facts": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read(house, body, content_type, status):
    response = house.client("ines").generic("POST", IN + "ledger/", body, content_type=content_type)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_there(house):
    response = house.client("alice").delete(IN + "registers/")
    assert response.status_code == 405
    assert "GET" in response["Allow"]
    assert house.client("alice").options(IN + "registers/").status_code == 405
