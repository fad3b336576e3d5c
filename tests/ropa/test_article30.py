"""The three honest states, and which article a missing field cites."""

import pytest

from ropa.article30 import State, controls, fields, missing, processes, state_of
from tests.ropa.inventories import dataset, fi, ground, inventory, said


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ({"value": [fi("asiakkaat")]}, State.VALUE),
        ({"value": {"article": "6(1)(b)"}}, State.VALUE),
        ({"value": False}, State.VALUE),
        ({"none_because": fi("ei luovuteta")}, State.NONE),
        (None, State.MISSING),
        ({}, State.MISSING),
        ({"value": []}, State.MISSING),
        ({"value": [fi("")]}, State.MISSING),
        ({"value": "  "}, State.MISSING),
        ({"none_because": {}}, State.MISSING),
        ({"none_because": fi("")}, State.MISSING),
        ("asiakkaat", State.MISSING),
    ],
)
def test_the_three_states(statement, state):
    assert state_of(statement) is state


def test_what_is_missing_is_named_with_its_article_in_the_document_s_order():
    assert [(gap.article, gap.where, gap.message_id) for gap in missing(inventory())] == [
        ("6(1)", "activities.asiakkaat.purposes.kehitys.legal_basis", "legal_basis"),
        ("30(1)(d)", "activities.verkko.recipients", "recipients"),
        ("30(1)(f)", "datasets.liittyjat.grounds.lupa", "criterion_review"),
        ("30(1)(f)", "datasets.luonnokset.grounds", "time_limit"),
    ]


@pytest.mark.parametrize(
    ("key", "article"),
    [
        ("contact", "30(1)(a)"),
        ("joint_controllers", "30(1)(a)"),
        ("representative", "30(1)(a)"),
        ("dpo", "30(1)(a)"),
    ],
)
def test_each_field_of_the_controller_is_demanded(key, article):
    document = inventory()
    del document["organisation"][key]
    assert (article, f"organisation.{key}") in {(gap.article, gap.where) for gap in missing(document)}


@pytest.mark.parametrize(("key", "article"), [("subjects", "30(1)(c)"), ("items", "30(1)(c)")])
def test_each_field_of_a_dataset_is_demanded(key, article):
    document = inventory()
    document["datasets"][0][key] = None
    assert (article, f"datasets.laskut.{key}") in {(gap.article, gap.where) for gap in missing(document)}


def test_a_value_and_a_reason_both_fill_a_gap():
    document = inventory()
    for statement in (said("urakoitsijat"), {"none_because": fi("ei luovuteta")}):
        document["activities"][1]["recipients"] = statement
        assert "activities.verkko.recipients" not in {gap.where for gap in missing(document)}


def test_the_organisation_s_measures_stand_for_an_activity_s_own():
    document = inventory()
    assert not [gap for gap in missing(document) if gap.article == "30(1)(g)"]
    document["organisation"]["security_measures"] = None
    assert [gap.where for gap in missing(document) if gap.article == "30(1)(g)"] == [
        "activities.asiakkaat.security_measures",
        "activities.verkko.security_measures",
    ]


def test_no_reason_to_keep_is_a_time_limit():
    document = inventory()
    document["datasets"][6]["no_reason_to_keep"] = {"decided_on": "2026-01-01", "decided_by": fi("toimitusjohtaja")}
    assert "datasets.luonnokset.grounds" not in {gap.where for gap in missing(document)}


def test_an_activity_without_datasets_describes_no_data():
    document = inventory()
    document["datasets"] = [one for one in document["datasets"] if one["activity"] != "turvallisuus"]
    assert ("30(1)(c)", "activities.turvallisuus.datasets") in {(gap.article, gap.where) for gap in missing(document)}


def test_a_processor_is_asked_what_30_2_asks_and_nothing_else():
    document = inventory()
    document["activities"] = [{"id": "webhotelli", "name": fi("Webhotelli"), "role": "processor"}]
    document["datasets"] = [dataset("sivut", "Sivut", "dokumentit", "webhotelli", subjects=None, grounds=[])]
    document["organisation"]["dpo"] = None
    assert [(gap.article, gap.message_id) for gap in missing(document)] == [
        ("30(2)(a)", "dpo"),
        ("30(2)(a)", "on_behalf_of"),
        ("30(2)(c)", "transfers"),
    ]
    assert processes(document) and not controls(document)


def test_a_complete_record_has_no_gap():
    document = inventory()
    document["activities"][0]["purposes"].pop()
    document["activities"][1]["recipients"] = said("urakoitsijat")
    document["datasets"][3]["grounds"].pop()
    document["datasets"][6]["grounds"] = [ground("luonnos", "recorded", "P1Y")]
    assert missing(document) == []
    assert State.MISSING not in {field.state for field in fields(document)}


def test_an_empty_document_lacks_its_controller():
    assert {gap.article for gap in missing({})} == {"30(1)(a)"}


@pytest.mark.parametrize(
    ("key", "linked", "code"), [("subjects", "subject_groups", "asiakkaat"), ("items", "data_categories", "tiedot")]
)
def test_groups_and_categories_that_a_dataset_names_say_whom_and_what_it_is_about(key, linked, code):
    document = inventory()
    dataset = document["datasets"][0]
    dataset[key] = None
    where = f"datasets.{dataset['id']}.{key}"
    assert where in {gap.where for gap in missing(document)}
    dataset[linked] = [code]
    assert where not in {gap.where for gap in missing(document)}
