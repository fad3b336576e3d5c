"""The annex that says how a version was decided and what it changed."""

from __future__ import annotations

import copy

import pytest

from ropa.report import build
from ropa.report.history import MOST
from tests.ropa.inventories import data, inventory

OPINION = {"stance": "advises_against", "by": "dpo:bob", "given_at": "2026-03-01T10:00:00Z", "text": "liian pitkä"}


def version(**over):
    return {**data()["version"], **over}


def previous(document):
    return {"number": 6, "in_force_from": "2025-01-01", "document": document}


def test_the_first_version_has_nothing_before_it():
    report = build(data())
    assert report["changes"] is None
    assert report["decided"] == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fi", ["Julkaistu 12.3.2026, julkaisija controller:alice", "Perustelu: sovittu", "ei puolla"]),
        ("sv", ["Publicerad 12.3.2026 av controller:alice", "Motivering: sovittu", "avstyrker"]),
        ("en", ["Published on 12\u00a0March\u00a02026 by controller:alice", "Reason: sovittu", "advises against"]),
    ],
)
def test_it_says_who_decided_and_what_the_dpo_thought(language, said):
    told = version(
        publisher="controller:alice",
        published_on="2026-03-12",
        reason="sovittu",
        opinion=OPINION,
        opinion_reason="kirjanpitolaki",
    )
    lines = [line["text"] for line in build(data(language, version=told))["decided"]]
    assert lines[:2] == said[:2]
    assert said[2] in lines[2] and "liian pitkä" in lines[2]
    assert "kirjanpitolaki" in lines[3]
    assert set(build(data(language, version=told))["version"]) == {"number", "in_force_from", "digest"}


def test_each_difference_is_a_line_and_a_place_that_only_moved_is_none():
    before = inventory()
    before["registers"][0]["name"] = {"fi": "Vanha nimi"}
    before["registers"].reverse()
    report = build(data(previous=previous(before)))
    assert report["changes"]["since"] == {"number": 6, "in_force_from": "2025-01-01"}
    assert report["changes"]["number"] == 1
    (line,) = report["changes"]["lines"]
    assert "Vanha nimi → Asiakashallinta ja laskutus" in line["text"]


def test_an_entry_is_a_line_of_its_own_also_where_its_list_is_new_and_nothing_technical_is_told():
    before, after = inventory(), inventory()
    before.pop("subject_groups", None)
    after["subject_groups"] = [{"id": code, "name": {"fi": f"Ryhmä {code}"}} for code in ("a", "b")]
    after["registers"][0] |= {"connection": "toinen", "notes": {"x": "y"}, "ledger": [{"id": "l"}]}
    after["datasets"][0]["mapping"] = {"place": "muu", "key": "id"}
    found = build(data(document=after, previous=previous(before)))["changes"]
    assert [line["text"] for line in found["lines"]] == ["Lisätty: Rekisteröityjen ryhmät: Ryhmä a; Ryhmä b"]


def test_what_belongs_to_the_other_record_is_not_told_here():
    before = inventory()
    after = copy.deepcopy(before)
    after["activities"].append(
        {
            "id": "toisen",
            "name": {"fi": "Toisen puolesta"},
            "role": "processor",
            "on_behalf_of": {"value": [{"name": "Toinen Oy"}]},
        }
    )
    of = {
        record: build(data(document=after, previous=previous(before), record=record))["changes"]
        for record in ("controller", "processor")
    }
    assert of["controller"]["number"] == 0
    assert any("Toisen puolesta" in line["text"] for line in of["processor"]["lines"])


def test_a_record_that_changed_wholly_tells_how_much_it_does_not_list():
    before, after = inventory(), inventory()
    after["registers"] += [
        {"id": f"r{n}", "name": {"fi": f"Rekisteri {n}"}, "medium": "files"} for n in range(MOST + 7)
    ]
    found = build(data(document=after, previous=previous(before)))["changes"]
    assert (found["number"], found["told"]) == (MOST + 7, MOST)
    said = " ".join(line["text"] for line in found["lines"])
    assert f"Rekisteri {MOST - 1}" in said and f"Rekisteri {MOST + 1}" not in said


def test_what_the_other_record_has_now_was_moved_there_and_not_taken_out():
    before = inventory()
    before["rights"] = [{"id": "o", "name": {"fi": "Oikeus"}, "registers": ["crm", "tiketit"], "right": "access"}]
    after = copy.deepcopy(before)
    moved = after["registers"][1]
    assert moved["id"] == "tiketit"
    after["activities"].append({"id": "toisen", "name": {"fi": "Toisen puolesta"}, "role": "processor"})
    for one in after["datasets"]:
        if one["register"] == "tiketit":
            one["activity"] = "toisen"
    lines = {
        record: [
            line["text"]
            for line in build(data(document=after, previous=previous(before), record=record))["changes"]["lines"]
        ]
        for record in ("controller", "processor")
    }
    name = moved["name"]["fi"]
    assert any(line.startswith(f"Siirretty toiseen selosteeseen: Rekisterit › {name}") for line in lines["controller"])
    assert any("Rekisterit › " + name in line for line in lines["processor"])
    assert not any("Oikeus › Rekisterit" in line for line in lines["controller"])
