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
