"""The findings over the API are those that the command tells."""

from __future__ import annotations

from datetime import date

import pytest

from ropa.examination import as_data, examine
from ropa.services import publish
from tests.retention.company import NOW

IN = "/api/v1/organisations/testi/findings/"


@pytest.fixture
def published(house):
    publish(house.testi, date(2030, 1, 1), NOW, "controller:alice", opinion_reason="a test")
    return house


def test_they_are_the_same(published):
    answer = published.client("aino").get(IN, {"version": "1", "language": "sv", "group": "listed"})
    assert answer.status_code == 200
    assert answer.json() == [as_data(one, "sv") for one in examine(published.testi, 1, date(2030, 1, 1), "listed")]


def test_the_draft_in_the_organisations_language(house):
    told = house.client("aino").get(IN, {"version": "draft"}).json()
    name = next(one for one in told if one["check"] == "CTRL_NAME")
    assert (name["status"], name["message"]) == ("present", "Kunnossa: rekisterinpitäjän nimi.")


@pytest.mark.parametrize("query", [{"version": "x"}, {"group": "some"}, {"language": "de"}, {"colour": "red"}])
def test_what_cannot_be_is_refused(published, query):
    answer = published.client("aino").get(IN, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == next(iter(query))


def test_a_version_that_is_not_there(published):
    assert published.client("aino").get(IN, {"version": "99"}).status_code == 404
