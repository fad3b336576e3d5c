"""Canaries over the API: declared by who watches, and the number never comes out again."""

from __future__ import annotations

import json

from retention.models import Canary, EvidenceEntry
from tests.naming import any_names, names_any

IN = "/api/v1/organisations/testi/canaries/"
GIVEN = {
    "dataset": "crm-0",
    "subject": "999001",
    "expects": "vanish",
    "due_on": "2030-01-01",
    "gone_by": "2030-01-08",
}


def test_declared_listed_and_withdrawn(house):
    dpo = house.client("bob")
    answer = dpo.post(IN, GIVEN, format="json")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["state"], answer.json()["problem"]) == ("declared", "")
    listed = dpo.get(f"{IN}?state=declared").json()["results"]
    assert answer.json()["id"] in [one["id"] for one in listed]
    assert not names_any(json.dumps([answer.json(), listed]), "999001")
    again = dpo.post(IN, GIVEN, format="json")
    assert (again.status_code, again.json()["type"]) == (409, "urn:seloste:problem:lifecycle")
    number = answer.json()["id"]
    gone = dpo.post(f"{IN}{number}/withdraw/", {"reason": "Väärä numero."}, format="json").json()
    assert (gone["state"], gone["ended_reason"]) == ("withdrawn", "Väärä numero.")
    assert not any_names(EvidenceEntry.objects.values_list("body", flat=True), "999001")


def test_somebody_elses_is_not_there(house):
    house.client("bob").post(IN, GIVEN, format="json")
    number = Canary.objects.get(subject="999001").pk
    there = f"/api/v1/organisations/muu/canaries/{number}/withdraw/"
    assert house.client("bob").post(there, {"reason": "x"}, format="json").status_code == 404
