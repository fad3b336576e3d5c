"""The controller confirms rules: what the DPO writes or changes is a proposal, by whatever door (V2, art. 38(6))."""

from __future__ import annotations

from typing import Any

import pytest

from retention.domain.errors import DocumentError
from retention.inventory_document import edit_entry, export_document, import_document, read, whole_draft
from ropa.models import Dataset
from tests.web.test_pages import client, text
from tests.web.test_record_pages import RULE, fields, of_draft

IN = "/api/v1/organisations/testi/"
GROUND = {"id": "vaade", "kind": "need", "trigger": "contract_ended", "period": "P5Y", "action": "delete"}


def grounds(house) -> list[Any]:
    return list(of_draft(house, "datasets", "crm-0")["grounds"])


@pytest.mark.parametrize(("name", "answer"), [("alice", 200), ("olga", 200), ("bob", 422)])
@pytest.mark.parametrize("where", ["grounds", "ceilings"])
def test_over_the_api_the_dpo_writes_no_rule_as_confirmed(house, name, answer, where):
    before = of_draft(house, "datasets", "crm-0")[where]
    rule = {key: value for key, value in GROUND.items() if where == "grounds" or key != "kind"}
    changes = {where: [*before, {**rule, "status": "confirmed"}]}
    told = house.client(name).patch(f"{IN}datasets/crm-0/", {"changes": changes, "reason": "x"})
    assert told.status_code == answer
    after = of_draft(house, "datasets", "crm-0")[where]
    if answer == 422:
        assert after == before
        (problem,) = told.json()["errors"]
        assert problem["path"] == f"datasets[crm-0].{where}[vaade].status"
    else:
        assert [one["id"] for one in after] == [*(one["id"] for one in before), "vaade"]


def test_she_proposes_and_what_stands_confirmed_stays_where_she_leaves_it(house):
    proposed = {**GROUND, "status": "proposed"}
    bob = house.client("bob")
    changes = {"grounds": [*grounds(house), proposed], "name": {"fi": "Toinen nimi"}}
    assert bob.patch(f"{IN}datasets/crm-0/", {"changes": changes, "reason": "x"}).status_code == 200
    assert [one["status"] for one in grounds(house)] == ["confirmed", "proposed"]
    now = [{**one, "status": "confirmed"} for one in grounds(house)]
    assert bob.patch(f"{IN}datasets/crm-0/", {"changes": {"grounds": now}, "reason": "x"}).status_code == 422
    assert (
        house.client("alice").patch(f"{IN}datasets/crm-0/", {"changes": {"grounds": now}, "reason": "x"}).status_code
        == 200
    )


def test_a_confirmed_rule_that_she_changes_is_no_longer_confirmed(house):
    first = {**grounds(house)[0], "period": "P1Y"}
    bob = house.client("bob")
    assert bob.patch(f"{IN}datasets/crm-0/", {"changes": {"grounds": [first]}, "reason": "x"}).status_code == 422
    changed = [{**first, "status": "proposed"}]
    assert bob.patch(f"{IN}datasets/crm-0/", {"changes": {"grounds": changed}, "reason": "x"}).status_code == 200
    assert grounds(house)[0]["period"] == "P1Y"


def test_nor_by_a_whole_file(house):
    content = export_document(house.testi)
    import_document(read(content), "dpo:bob", "as it was")  # what stands confirmed and is not changed stays
    shorter = read(content.replace("P3Y", "P1Y"))
    with pytest.raises(DocumentError, match=r"grounds\[sopimus\]\.status"):
        import_document(shorter, "dpo:bob", "shorter")
    assert grounds(house)[0]["period"] == "P3Y"
    import_document(shorter, "controller:alice", "shorter")
    assert grounds(house)[0]["period"] == "P1Y"


def test_nor_by_a_dataset_that_she_makes(house):
    entry = next(one for one in whole_draft(house.testi)["datasets"] if one["id"] == "crm-0")
    with pytest.raises(DocumentError, match=r"grounds\[sopimus\]\.status"):
        edit_entry(house.testi, "datasets", "uusi", lambda found: entry, "dpo:bob", "a copy")
    assert not Dataset.objects.filter(code="uusi").exists()


STEP = {
    "id": "osoite-pois",
    "trigger": "contract_ended",
    "period": "P0D",
    "action": "clear",
    "fields": ["osoite"],
    "status": "confirmed",
}
NOTHING_KEEPS = {"decided_on": "2026-01-01", "decided_by": {"fi": "Toimitusjohtaja"}, "reason": {"fi": "Ei tarvetta"}}
PURGE = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
DECISIONS = [
    ({"steps": [STEP]}, "datasets[crm-0].steps[osoite-pois].status"),
    ({"no_reason_to_keep": NOTHING_KEEPS}, "datasets[crm-0].no_reason_to_keep"),
    ({"policy": PURGE}, "datasets[crm-0].policy.mode"),
]


@pytest.mark.parametrize(("changes", "path"), DECISIONS)
def test_steps_and_decisions_that_make_data_go_are_the_controllers_too(house, changes, path):
    before = of_draft(house, "datasets", "crm-0")
    sent = {"changes": changes, "reason": "x"}
    told = house.client("bob").patch(f"{IN}datasets/crm-0/", sent)
    assert (told.status_code, [one["path"] for one in told.json().get("errors", ())]) == (422, [path])
    assert of_draft(house, "datasets", "crm-0") == before
    assert house.client("alice").patch(f"{IN}datasets/crm-0/", sent).status_code == 200
    renamed = {"changes": {**changes, "name": {"fi": "Toinen nimi"}}, "reason": "x"}
    assert house.client("bob").patch(f"{IN}datasets/crm-0/", renamed).status_code == 200  # it stands as it stood
    back = {"changes": {"policy": {**PURGE, "mode": "observe"}, "no_reason_to_keep": None, "steps": []}, "reason": "x"}
    assert house.client("bob").patch(f"{IN}datasets/crm-0/", back).status_code == 200


def test_a_step_that_she_proposes_is_written(house):
    sent = {"changes": {"steps": [{**STEP, "status": "proposed"}]}, "reason": "x"}
    assert house.client("bob").patch(f"{IN}datasets/crm-0/", sent).status_code == 200


@pytest.mark.parametrize(("changes", "path"), DECISIONS)
def test_nor_does_she_decide_that_by_a_whole_file(house, changes, path):
    content = whole_draft(house.testi)
    content["datasets"] = [{**content["datasets"][0], **changes}]
    with pytest.raises(DocumentError) as refused:
        import_document(content, "dpo:bob", "x")
    assert [one.path for one in refused.value.problems] == [path]
    import_document(content, "controller:alice", "x")
    import_document(content, "dpo:bob", "as it is")


def test_nor_on_the_page(house):
    here = "/o/testi/record/datasets/crm-0/"
    page = client("bob", "en").get(here, {"edit": "policy"})
    sent = {**fields(page), "section": "policy", "change_reason": "x", "policy-mode": "purge"}
    answer = client("bob", "en").post(here, sent)
    assert answer.status_code == 422
    assert "the controller decides that nights purge here" in text(answer)
    assert of_draft(house, "datasets", "crm-0")["policy"]["mode"] == "observe"
    assert client("alice").post(here, sent).status_code == 302
    assert of_draft(house, "datasets", "crm-0")["policy"]["mode"] == "purge"


def test_on_the_page_she_is_offered_a_proposal(house):
    page = client("bob", "en").get(RULE)
    assert "Confirmed: nights carry it out" not in text(page)
    assert "The controller confirms a rule: what you change is a proposal." in text(page)
    assert "Confirmed: nights carry it out" in text(client("alice", "en").get(RULE))
    sent = {**fields(page), "number": "9", "do": "save", "change_reason": "Ehdotus"}
    forged = client("bob").post(RULE, {**sent, "status": "confirmed"})
    assert forged.status_code == 422
    assert client("bob").post(RULE, sent).status_code == 302
    assert (grounds(house)[0]["period"], grounds(house)[0]["status"]) == ("P9Y", "proposed")
