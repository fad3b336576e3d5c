"""The inventory over the API: shown with its rules in words, edited through the services, published."""

from __future__ import annotations

import json
from datetime import date

import pytest

from ropa.models import Dataset, Ground, Register
from tests.api.conftest import make_register
from tests.api.test_decisions import decide

IN = "/api/v1/organisations/testi/"


def test_a_register_shows_purpose_legal_basis_and_rules(house):
    (register,) = house.client("bob").get(IN + "registers/").json()["results"]
    (dataset,) = register["datasets"]
    assert register["code"] == "crm"
    assert dataset["purposes"][0]["legal_basis"] == {"value": {"article": "6(1)(b)"}}
    (ground,) = dataset["grounds"]
    assert (ground["trigger"], ground["period"], ground["kind"]) == ("contract_ended", "P3Y", "need")
    assert "vuotta sopimuksen päättymisestä" in ground["in_words"]
    assert dataset["ceilings"][0]["in_words"] != ground["in_words"]


@pytest.mark.parametrize(("language", "said"), [("fi", "vuotta"), ("sv", "år"), ("en", "years")])
def test_rules_are_said_in_the_language_asked_for(house, language, said):
    dataset = house.client("bob").get(IN + "datasets/crm-0/", {"language": language}).json()
    assert said in dataset["grounds"][0]["in_words"]


def test_a_list_is_filtered_ordered_and_paged(house):
    for code in ("arkisto", "kartta"):
        make_register(house.testi, code)
    Register.objects.filter(code="arkisto").update(medium="paper")
    client = house.client("aino")

    def codes(**query):
        return [row["code"] for row in client.get(IN + "registers/", query).json()["results"]]

    assert codes(medium="paper") == ["arkisto"]
    assert codes(order="-code") == ["kartta", "crm", "arkisto"]
    assert codes(order="code", page_size=2) == ["arkisto", "crm"]
    assert codes(order="code", page_size=2, page=2) == ["kartta"]


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page_size=201", "page_size=0", "order=nothing", "colour=red", "language=xx"]
)
def test_a_parameter_that_makes_no_sense_is_refused(house, query):
    answer = house.client("aino").get(f"{IN}registers/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == query.split("=")[0]


@pytest.mark.parametrize(("place", "most"), [("registers", 10), ("datasets", 8)])
def test_a_long_list_asks_the_database_no_more_than_a_short_one(house, place, most, django_assert_max_num_queries):
    for number in range(12):
        make_register(house.testi, f"r{number}", datasets=3)
    with django_assert_max_num_queries(most):
        assert house.client("aino").get(f"{IN}{place}/").json()["count"] >= 13


def test_a_register_tells_its_datasets_as_they_tell_themselves(house):
    for number in range(3):
        make_register(house.testi, f"r{number}", datasets=2)
    ground = Ground.objects.get(dataset__code="crm-0")
    ground.pk = None
    ground.code, ground.trigger = "toinen", {"latest_of": ["contract_ended", "case_closed"]}
    ground.condition, ground.ends_on = [{"fact": "debt", "is": True}], ["contract_ended"]
    ground.period, ground.review_by = "", date(2027, 3, 1)
    ground.save()
    Dataset.objects.filter(code="r1-1").update(name={"fi": "Ääkköset", "sv": 'lainaus " ja \\'}, addition=True)
    client = house.client("aino")
    alone = {one["code"]: one for one in client.get(IN + "datasets/", {"language": "sv"}).json()["results"]}
    page = client.get(IN + "registers/", {"language": "sv"}).json()["results"]
    together = [one for register in page for one in register["datasets"]]
    assert len(together) == len(alone) == 7
    for one in together:
        assert one == {key: alone[one["code"]][key] for key in one}
    assert [one["code"] for one in together if len(one["grounds"]) == 2] == ["crm-0"]
    assert client.get(IN + "registers/r1/", {"language": "sv"}).json() in page


def test_an_edit_changes_the_draft_with_person_and_reason_and_no_version(house):
    before = house.client("bob").get(IN + "versions/1/").json()["document"]
    answer = house.client("bob").patch(
        IN + "registers/crm/", {"changes": {"name": {"fi": "Uusi nimi"}, "backups": None}, "reason": "renamed"}
    )
    assert answer.status_code == 200
    assert answer.json()["name"] == {"fi": "Uusi nimi"}
    register = Register.objects.get(code="crm")
    assert register.place == {"value": {"fi": "Omat palvelimet"}}
    assert register.history.first().history_change_reason == "dpo:bob: renamed"
    assert house.client("bob").get(IN + "versions/1/").json()["document"] == before


def test_an_edit_that_does_not_fit_the_whole_changes_nothing(house):
    rows = list(Ground.objects.values_list("code", "period"))
    wrong = [{"id": "sopimus", "kind": "need", "trigger": "no_such_event", "period": "3 years", "action": "delete"}]
    answer = house.client("olga").patch(IN + "datasets/crm-0/", {"changes": {"grounds": wrong}, "reason": "try"})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:seloste:problem:document"
    paths = " ".join(error["path"] for error in problem["errors"])
    assert "trigger" in paths
    assert "period" in paths
    assert list(Ground.objects.values_list("code", "period")) == rows


def test_the_code_of_an_entry_is_not_edited(house):
    house.client("olga").patch(IN + "registers/crm/", {"changes": {"id": "other"}, "reason": "try"})
    assert list(Register.objects.values_list("code", flat=True)) == ["crm"]


def test_publishing_freezes_the_draft(house):
    answer = decide(house, reason="yearly", opinion_reason="holiday")
    assert answer.status_code == 201
    assert answer.json()["publisher"] == "controller:alice"
    assert answer.json()["number"] == 2
    document = house.client("alice").get(IN + "versions/2/").json()["document"]
    assert [register["id"] for register in document["registers"]] == ["crm"]
    assert "connections" not in document
    assert "sqlite" not in json.dumps(document)


def test_a_version_does_not_come_into_force_in_the_past(house):
    answer = decide(house, in_force_from="2021-01-01")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "in_force_from"
