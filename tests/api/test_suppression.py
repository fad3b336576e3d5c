"""Marketing bans over the API: asked before a campaign, added, lifted; nobody is told apart and nobody is logged."""

from __future__ import annotations

import logging
from datetime import date

import pytest
from django.utils import timezone

from retention.identifiers import Identifier
from retention.models import BanEvent
from retention.suppression import ban

IN = "/api/v1/organisations/testi/suppression/"
SECRET = "liisa.salainen@posti.example"


def test_a_ban_is_added_asked_for_and_lifted(house):
    client = house.client("ines")
    added = client.post(f"{IN}bans/", {"lines": [{"email": SECRET, "phone": "040 0000001"}], "channels": ["post"]})
    assert (added.status_code, added.json()) == (201, {"entries": 2})
    asked = {"lines": [{"email": "LIISA.salainen@Posti.example"}, {"phone": "x"}, {"number": "77"}, {}]}
    answer = client.post(f"{IN}check/", asked)
    assert answer.json() == {
        "lines": [
            {"banned": ["post"], "unreadable": []},
            {"banned": [], "unreadable": ["phone"]},
            {"banned": [], "unreadable": []},
            {"banned": [], "unreadable": ["nothing"]},
        ]
    }
    assert answer["Cache-Control"] == "no-store"
    BanEvent.objects.update(day=date(2020, 1, 1))
    assert client.post(f"{IN}lifts/", {"lines": [{"email": SECRET}], "channels": ["all"]}).json() == {"entries": 1}
    assert client.post(f"{IN}check/", {"lines": [{"email": SECRET}]}).json()["lines"][0]["banned"] == []


def test_where_the_list_cannot_be_asked_nobody_is_not_banned(house, data_dir):
    (data_dir / "keys" / "suppression.key").unlink()
    answer = house.client("alice").post(f"{IN}check/", {"lines": [{"email": SECRET}]})
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:seloste:problem:suppression"


def test_an_identifier_is_in_no_answer_and_no_log(house, caplog):
    caplog.set_level(logging.DEBUG)
    client = house.client("ines")
    told = ""
    for path, body in (
        ("bans/", {"lines": [{"email": SECRET}], "channels": ["all"]}),
        ("bans/", {"lines": [{"email": "liisa.salainen"}], "channels": ["all"]}),
        ("bans/", {"lines": [{"email": SECRET}], "channels": ["sms"]}),
        ("check/", {"lines": [{"email": SECRET, "who": SECRET}]}),
        ("check/", {"lines": [{"email": SECRET}]}),
    ):
        answer = client.post(IN + path, body)
        told += answer.content.decode()
    assert "salainen" not in told + caplog.text
    wrong = client.post(f"{IN}bans/", {"lines": [{"email": "liisa.salainen"}], "channels": ["all"]})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:seloste:problem:identifier")


def test_another_organisation_s_list_is_not_asked(house):
    ban(house.other, [Identifier("email", SECRET)], ["all"], timezone.localdate(), "x")
    answer = house.client("alice").post(f"{IN}check/", {"lines": [{"email": SECRET}]})
    assert answer.json()["lines"][0]["banned"] == []


@pytest.fixture
def _rarely(monkeypatch):
    from api.suppression import SuppressionAsked

    monkeypatch.setattr(SuppressionAsked, "THROTTLE_RATES", {"suppression": "2/min"})


@pytest.mark.usefixtures("_rarely")
def test_nobody_may_ask_without_end(house):
    client = house.client("ines")
    codes = [client.post(f"{IN}check/", {"lines": [{"number": "1"}]}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_one_call_carries_a_thousand_lines(house):
    client = house.client("ines")
    assert client.post(f"{IN}check/", {"lines": [{"number": "1"}] * 1_000}).status_code == 200
    assert client.post(f"{IN}check/", {"lines": [{"number": "1"}] * 1_001}).status_code == 400
    assert client.post(f"{IN}check/", {"lines": []}).json() == {"lines": []}
    assert client.post(f"{IN}bans/", {"lines": [], "channels": []}).status_code == 400
