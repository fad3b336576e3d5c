"""Every kind of entry over the API: added, edited, taken out, each checked as the whole document is."""

from __future__ import annotations

import pytest

from ropa.kinds import KINDS
from ropa.models import DataCategory, Notice, Passage, SubjectGroup

IN = "/api/v1/organisations/testi/record/"
CATEGORY = {
    "id": "perustiedot",
    "name": {"fi": "Perustiedot"},
    "subject_groups": ["ryhma"],
    "items": [{"id": "nimi", "name": {"fi": "nimi"}}],
}


def add(client, kind, entry, reason="because"):
    return client.post(f"{IN}{kind}/", {"entry": entry, "reason": reason})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_list_of_the_document_has_its_address(house, kind, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        answer = house.client("aino").get(f"{IN}{kind.name}/")
    assert answer.status_code == 200
    assert answer.json()["count"] == kind.model._default_manager.filter(organisation=house.testi).count()


def test_an_entry_is_added_read_edited_and_taken_out(house):
    bob = house.client("bob")
    made = add(bob, "data_categories", CATEGORY)
    assert (made.status_code, made.json()) == (201, CATEGORY)
    assert bob.get(IN + "data_categories/perustiedot/").json() == CATEGORY
    changes = {"name": {"sv": "Basuppgifter"}, "items": None}
    edited = bob.patch(IN + "data_categories/perustiedot/", {"changes": changes, "reason": "Swedish"})
    without = {key: value for key, value in CATEGORY.items() if key != "items"}
    assert edited.json() == {**without, "name": {"fi": "Perustiedot", "sv": "Basuppgifter"}}
    row = DataCategory.objects.get(code="perustiedot")
    assert row.items == []
    assert [one.history_change_reason for one in row.history.all()] == ["dpo:bob: Swedish", "dpo:bob: because"]
    assert bob.delete(IN + "data_categories/perustiedot/?reason=not+ours").status_code == 204
    assert bob.get(IN + "data_categories/perustiedot/").status_code == 404
    assert DataCategory.history.filter(code="perustiedot", history_type="-").get().history_change_reason == (
        "dpo:bob: not ours"
    )


def test_what_another_entry_refers_to_stays(house):
    olga = house.client("olga")
    add(olga, "data_categories", CATEGORY)
    refused = olga.delete(IN + "subject_groups/ryhma/?reason=x", headers={"accept-language": "en"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {
            "path": "data_categories[perustiedot].subject_groups[0]",
            "message": "there is no subject group 'ryhma'",
        }
    ]
    assert SubjectGroup.objects.filter(code="ryhma").exists()


def test_an_id_that_is_taken_or_missing_is_told(house):
    alice = house.client("alice")
    taken = add(alice, "subject_groups", {"id": "ryhma", "name": {"fi": "Muut"}})
    assert (taken.status_code, taken.json()["errors"][0]["path"]) == (400, "entry")
    assert add(alice, "subject_groups", {"name": {"fi": "Muut"}}).status_code == 400
    assert alice.patch(IN + "subject_groups/nobody/", {"changes": {}, "reason": "x"}).status_code == 404
    assert alice.delete(IN + "subject_groups/nobody/?reason=x").status_code == 404
    assert alice.delete(IN + "subject_groups/ryhma/").status_code == 400
    assert alice.get(IN + "colours/").status_code == 404


@pytest.mark.parametrize(("written", "status"), [("a\\u0000b", 422), ("a\\ud800", 400)])
def test_a_text_that_nothing_can_keep_is_refused(house, written, status):
    """It would stop every export, opinion and publishing of the draft."""
    body = f'{{"entry": {{"id": "x", "name": {{"fi": "{written}"}}}}, "reason": "x"}}'
    alice = house.client("alice")
    answer = alice.generic("POST", f"{IN}sources/", body, content_type="application/json")
    assert answer.status_code == status
    assert alice.get(IN + "sources/").json()["count"] == 0


def test_what_does_not_fit_changes_nothing(house):
    alice = house.client("alice")
    wrong = add(alice, "sources", {"id": "x", "name": {"fi": "x"}, "kind": "rumour", "subject_groups": ["ryhma"]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["path"] == "sources[x].kind"
    assert alice.get(IN + "sources/").json()["count"] == 0


def test_a_notice_holds_its_passages_and_each_says_where(house):
    alice = house.client("alice")
    passage = {"id": "T-001", "text": "Asiakkaat", "held_in": ["subject_groups[ryhma].name"]}
    notice = {"id": "oma", "name": {"fi": "Seloste"}, "passages": [passage]}
    assert add(alice, "notices", notice).status_code == 201
    lost = {"passages": [{**passage, "held_in": ["subject_groups[ryhma].roles"]}]}
    refused = alice.patch(IN + "notices/oma/", {"changes": lost, "reason": "x"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "notices[oma].passages[T-001].held_in[0]"
    alice.patch(IN + "notices/oma/", {"changes": {"passages": []}, "reason": "emptied"})
    assert list(Notice.objects.get(code="oma").passages.all()) == []
    assert Passage.history.filter(history_type="-").get().history_change_reason == "controller:alice: emptied"


def test_the_head_is_edited_and_keeps_its_slug(house):
    alice = house.client("alice")
    answer = alice.patch(
        IN, {"changes": {"slug": "muu", "short_name": "T", "dpo": {"none_because": {"fi": "ei"}}}, "reason": "x"}
    )
    assert (answer.status_code, answer.json()["slug"], answer.json()["short_name"]) == (200, "testi", "T")
    wrong = alice.patch(IN, {"changes": {"business_id": "1234567-8"}, "reason": "x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "organisation.business_id")
    assert alice.get(IN).json()["dpo"] == {"none_because": {"fi": "ei"}}
