"""The stop of a register or of everything over the API: pulled by who watches, taken back by who decides."""

from __future__ import annotations

from retention.holds import register_stopped, stopped
from retention.models import StopEvent

IN = "/api/v1/organisations/testi/stops/"


def test_the_dpo_stops_a_register_and_the_controller_takes_it_back(house):
    dpo, controller = house.client("bob"), house.client("alice")
    answer = dpo.post(IN, {"registers": ["crm"], "reason": "Varmuuskopiota palautetaan."}, format="json")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["registers"], answer.json()["everything"]) == (["crm"], False)
    assert answer.json()["by"] == "dpo:bob"
    assert "Varmuuskopiota palautetaan." in register_stopped(house.testi, "crm")
    assert dpo.post(f"{IN}resume/", {"registers": ["crm"]}, format="json").status_code == 403
    taken_back = controller.post(f"{IN}resume/", {"registers": ["crm"]}, format="json")
    assert (taken_back.status_code, taken_back.json()["registers"]) == (200, [])
    assert register_stopped(house.testi, "crm") == ""
    listed = dpo.get(IN).json()["results"]
    assert [one["by"] for one in listed[:2]] == ["controller:alice", "dpo:bob"]


def test_left_out_means_everything(house):
    house.client("bob").post(IN, {"reason": "Tietoturvapoikkeama."}, format="json")
    assert "Tietoturvapoikkeama." in stopped(house.testi)
    house.client("alice").post(f"{IN}resume/", {}, format="json")
    assert stopped(house.testi) == ""


def test_what_is_no_register_is_refused_and_stops_nothing(house):
    answer = house.client("bob").post(IN, {"registers": ["crm", "cmr"], "reason": "x"}, format="json")
    assert answer.status_code == 422
    assert "cmr" in answer.content.decode()
    assert house.client("bob").post(IN, {"registers": [], "reason": "x"}, format="json").status_code == 400
    assert house.client("bob").post(IN, {"registers": ["crm"]}, format="json").status_code == 400
    assert not StopEvent.objects.exists()


def test_somebody_elses_stops_are_not_there(house):
    house.client("bob").post(IN, {"reason": "x"}, format="json")
    assert house.client("bob").get("/api/v1/organisations/muu/stops/").status_code == 404
