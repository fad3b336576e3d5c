"""Alarms over the API: what is wrong, told in the reader's language; quietened by the DPO or an owner, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from retention.models import Alarm

IN = "/api/v1/organisations/testi/alarms/"


def soon(days: int = 7) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("question", "number"), [("", 1), ("?state=open", 1), ("?over=true", 0), ("?kind=overdue", 0), ("?order=-level", 1)]
)
def test_alarms_are_found(house, question, number):
    assert house.client("aino").get(IN + question).json()["count"] == number


def test_an_alarm_says_what_is_wrong_and_what_to_do(house):
    answer = house.client("aino").get(IN, headers={"Accept-Language": "en"})
    (told,) = answer.json()["results"]
    assert (told["kind"], told["state"], told["undelivered"]) == ("night_stopped", "open", 0)
    assert told["text"] == "The night of 30\u00a0June\u00a02026 is stopped."
    assert told["advice"].startswith("Read its reason")


def test_quietened_it_is_still_there(house):
    path = f"{IN}{house.alarm.pk}/acknowledge/"
    told = house.client("bob").post(path, {"until": soon(), "reason": "in hand"}).json()
    assert (told["state"], told["acknowledged_by"], told["resolved_at"]) == ("acknowledged", "dpo:bob", None)
    for days in (-2, 40):
        refused = house.client("bob").post(path, {"until": soon(days), "reason": "in hand"})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "until")
    Alarm.objects.update(state="resolved")
    assert house.client("bob").post(path, {"until": soon(), "reason": "in hand"}).status_code == 409
