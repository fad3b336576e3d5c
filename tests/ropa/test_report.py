"""The report as data: the executed rule, the evidence, and what is not known."""

import json

import pytest

from retention.domain.written import parse_ceiling, parse_ground
from ropa.law import LANGUAGES
from ropa.report import build, text_in
from ropa.report.marks import marked_once
from ropa.wording import rule_in_words
from tests.ropa.inventories import data, evidence, fi, inventory


def test_the_retention_column_is_the_executable_rule():
    document = inventory()
    report = build(data())
    rows = {(row["dataset"], row.get("id")): row for row in report["retention"]}
    seen = 0
    for dataset in document["datasets"]:
        for parse, rules in ((parse_ground, dataset["grounds"]), (parse_ceiling, dataset.get("ceilings", []))):
            for rule in rules:
                row = rows[dataset["id"], rule["id"]]
                assert parse({"id": rule["id"], **row["rule"]}, "row") == parse(rule, "rule")
                assert row["words"] == rule_in_words(row["rule"], "fi")
                seen += 1
    assert seen == len([row for row in report["retention"] if row["rule"]]) == 11


def test_a_row_says_statute_action_status_and_whether_it_was_added():
    document = inventory() | {"notices": [{"id": "seloste", "name": fi("Tietosuojaseloste")}]}
    row = next(row for row in build(data(document=document))["retention"] if row.get("id") == "saatava")
    assert row["statute"] == "laki velan vanhentumisesta (728/2003) 4, 10–13 §"
    assert (row["action"], row["status_words"], row["addition"]) == ("poistetaan", "vahvistettu", True)
    assert row["purpose"] == {"text": "Vaatimukset", "lang": "fi"}


def test_without_a_published_notice_nothing_is_said_to_be_added():
    assert '"addition": true' not in json.dumps(build(data()))


def test_what_stands_in_something_added_is_not_said_to_be_added_again():
    group = {"id": "asiakkaat", "name": fi("asiakkaat"), "addition": True}
    item = {"id": "nimi", "name": fi("nimi"), "addition": True}
    document = {
        "notices": [{"id": "seloste", "name": fi("seloste")}],
        "data_categories": [
            {"id": "a", "name": fi("a"), "addition": True, "items": [item]},
            {"id": "b", "name": fi("b"), "items": [item, {"id": "osoite", "name": fi("osoite")}]},
        ],
        "subject_groups": [group],
        "datasets": [{"id": "d", "addition": True, "grounds": [{"id": "g", "addition": True}]}],
    }
    found = marked_once(document)
    assert [one.get("addition") for one in found["data_categories"]] == [True, None]
    assert [one["items"][0].get("addition") for one in found["data_categories"]] == [None, True]
    assert found["subject_groups"] == [group]
    assert found["datasets"][0]["grounds"][0]["addition"] is True


def test_a_dataset_without_a_rule_is_shown_as_missing():
    row = next(row for row in build(data())["retention"] if row["dataset"] == "luonnokset")
    assert (row["kind"], row["article"], row["rule"]) == ("missing", "30(1)(f)", None)


def test_a_decision_to_keep_nothing_is_a_row():
    document = inventory()
    document["datasets"][6]["no_reason_to_keep"] = {"decided_on": "2026-01-01", "decided_by": fi("toimitusjohtaja")}
    row = next(row for row in build(data(document=document))["retention"] if row["dataset"] == "luonnokset")
    assert (row["kind"], row["status_words"]) == ("no_reason_to_keep", "päätetty 1.1.2026, toimitusjohtaja")


def test_a_missing_field_stays_missing():
    activity = build(data())["activities"][1]
    assert activity["recipients"] == {"state": "missing", "article": "30(1)(d)"}
    assert activity["transfers"]["state"] == "none_because"
    purposes = build(data())["activities"][0]["purposes"]
    assert purposes[3]["legal_basis"] == {"state": "missing", "article": "6(1)"}
    assert purposes[0]["legal_basis"]["lines"][0]["text"].endswith("(6 artiklan 1 kohdan b alakohta)")


def test_the_gaps_name_their_thing_and_article():
    gaps = [(gap["article_words"], gap["place"]["text"], gap["words"]) for gap in build(data())["gaps"]]
    assert gaps[0] == (
        "6 artiklan 1 kohta",
        "Asiakassuhteen hoito ja laskutus",
        "käsittelyn oikeusperuste puuttuu: Palvelujen kehittäminen",
    )
    assert ("30 artiklan 1 kohdan f alakohta", "Sopimusluonnokset", "poistamisen määräaika puuttuu") in gaps


@pytest.mark.parametrize("problem", ["unable to open database file", ""])
def test_what_did_not_answer_is_not_known_and_never_zero(problem):
    silent = {"problem": problem, "overdue": None, "last_answered": "2026-10-11"}
    execution = build(data(evidence=evidence(tiketit=silent)))["execution"]
    row = next(row for row in execution["datasets"] if row["dataset"] == "tiketit")
    assert (row["state"], row["overdue"], row["last_answered"]) == ("no_answer", None, "2026-10-11")
    assert execution["totals"]["unknown_datasets"] == 1


def test_a_dataset_that_was_not_in_the_night_is_not_known():
    night = evidence()
    del night["datasets"]["kysely"]
    execution = build(data(evidence=night))["execution"]
    assert {row["dataset"]: row["state"] for row in execution["datasets"]}["kysely"] == "not_asked"
    assert execution["totals"]["unknown_datasets"] == 1


def test_overdue_records_are_counted_with_people_and_since_when():
    late = {"overdue": 38, "people_overdue": 12, "overdue_since": "2024-04-03"}
    execution = build(data(evidence=evidence(laskut=late)))["execution"]
    assert (execution["totals"]["overdue"], execution["totals"]["overdue_since"]) == (38, "2024-04-03")
    row = next(row for row in execution["datasets"] if row["dataset"] == "laskut")
    assert (row["people_overdue"], row["oldest_kept"]) == (12, "2019-04-02")


def test_what_no_night_reaches_is_stated():
    not_reached = {(one["register"], one["why"]) for one in build(data())["execution"]["not_reached"]}
    assert not_reached == {("dokumentit", "nobody"), ("kamerat", "no_datasets")}


def test_before_the_first_night_nothing_is_claimed():
    report = build(data(evidence=None))
    assert report["evidence_head"] is None
    assert report["execution"]["night"] is None
    assert {row["state"] for row in report["execution"]["datasets"]} == {"not_asked"}


def test_the_headings_are_the_statute_s_own():
    assert build(data())["headings"]["30(1)"]["b"] == "käsittelyn tarkoitukset"
    assert "30(2)" not in build(data())["headings"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_input_gives_the_same_report_whatever_the_order_of_its_keys(language):
    given = data(language)
    shuffled = json.loads(json.dumps(given, sort_keys=True))
    assert json.dumps(build(given), sort_keys=True) == json.dumps(build(shuffled), sort_keys=True)


def test_a_text_says_which_language_it_became():
    assert text_in({"sv": "namn"}, "fi") == {"text": "namn", "lang": "sv"}
    assert text_in({"fi": "nimi", "sv": "namn"}, "sv") == {"text": "namn", "lang": "sv"}
    assert text_in(None, "en") == {"text": "", "lang": "en"}


def test_backups_are_said_in_words():
    document = inventory()
    document["registers"][0]["backups"] = {"value": {"every": "P1D", "keep_for": "P30D", "at_most": "P35D"}}
    lines = build(data(document=document))["registers"][0]["backups"]["lines"]
    assert lines[0]["text"].replace("\u00a0", " ") == "1 päivän välein, säilytetään 30 päivää, enintään 35 päivää"
