"""Ready-made activities over the API, and activities of another organisation that the user may read."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from retention.inventory_document import import_document
from retention.onboarding.activities.told import contents
from ropa.models import Activity, Membership, Organisation, Role
from ropa.ready_made import ready_made
from tests.retention.activity_documents import source

IN = "/api/v1/organisations/testi/onboarding/activities/"
FIRST = next(iter(ready_made().offered))
REGISTER = contents(ready_made().offered[FIRST])["registers"][0]["id"]


@pytest.fixture
def giver(house) -> Organisation:
    organisation = import_document(source(), "controller")
    Membership.objects.create(user=User.objects.get(username="alice"), organisation=organisation, role=Role.AUDITOR)
    return organisation


def test_the_library_is_listed_by_sector_in_a_language(house):
    client = house.client("olga")
    rows = client.get("/api/v1/ready-made/", {"sector": "hosting", "language": "sv"}).json()["results"]
    expected = [one for one in ready_made().offered.values() if one.sector == "hosting"]
    assert [(row["id"], row["name"]) for row in rows] == [(one.id, one.name["sv"]) for one in expected]
    assert client.get("/api/v1/ready-made/", {"sector": "bank"}).status_code == 400
    assert client.get("/api/v1/ready-made/", {"language": "de"}).status_code == 400


def test_one_comes_with_all_that_it_brings(house):
    answer = house.client("olga").get(f"/api/v1/ready-made/{FIRST}/").json()
    assert [one["id"] for one in answer["entries"]["activities"]] == [FIRST]
    assert answer["entries"]["datasets"]
    assert house.client("olga").get("/api/v1/ready-made/nowhere/").status_code == 404


def test_from_the_library_to_the_draft(house):
    client = house.client("olga")
    asked = {"activities": [FIRST]}
    looked = client.post(IN + "preview/", asked).json()
    assert looked["problems"] == []
    assert f"activities[{FIRST}]" in [one["path"] for one in looked["added"]]
    assert looked["decide"]
    assert not Activity.objects.filter(code=FIRST).exists()

    told = {**asked, "digest": looked["digest"], "reason": "a beginning"}
    assert client.post(IN + "take/", told).status_code == 200
    activity = Activity.objects.get(code=FIRST)
    assert activity.history.get().history_change_reason == "owner:olga: a beginning"
    assert client.post(IN + "take/", told).status_code == 409


@pytest.mark.parametrize("registers", [{"nowhere": "crm"}, {REGISTER: "nowhere"}])
def test_a_problem_changes_nothing_and_names_its_place(house, registers):
    client = house.client("olga")
    asked = {"activities": [FIRST], "registers": registers}
    looked = client.post(IN + "preview/", asked).json()
    assert [one["path"] for one in looked["problems"]] == ["registers[nowhere]"]
    answer = client.post(IN + "take/", {**asked, "digest": looked["digest"], "reason": "a beginning"})
    assert answer.status_code == 422
    assert not Activity.objects.filter(code=FIRST).exists()


def test_out_of_another_organisation(house, giver):
    client = house.client("alice")
    asked = {"activities": ["palvelu"], "source": "antaja", "registers": {"crm": "crm"}}
    looked = client.post(IN + "preview/", asked).json()
    assert looked["problems"] == []
    assert "registers[crm]" in [one["path"] for one in looked["kept"]]
    assert "datasets[asiakkaat].mapping" in looked["left_out"]
    told = {**asked, "digest": looked["digest"], "reason": "same service"}
    assert client.post(IN + "take/", told).status_code == 200
    assert Activity.objects.filter(organisation=house.testi, code="palvelu").exists()


@pytest.mark.parametrize("role", [None, Role.INTEGRATOR])
def test_whose_draft_one_may_not_read_is_not_there(house, role):
    organisation = import_document(source(), "controller")
    if role is not None:
        user = User.objects.get(username="olga")
        Membership.objects.create(user=user, organisation=organisation, role=role)
    answer = house.client("olga").post(IN + "preview/", {"activities": ["palvelu"], "source": "antaja"})
    assert answer.status_code == 422
    assert "Antaja" not in answer.content.decode()
    unknown = house.client("olga").post(IN + "preview/", {"activities": ["palvelu"], "source": "nobody"})
    assert unknown.content.replace(b"nobody", b"antaja") == answer.content
