"""The library of ready-made activities: sound, in three languages, undecided, and what it cites is so."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from retention.domain.errors import RuleError
from retention.inventory_document.checks import check
from retention.onboarding.activities.joining import joined
from retention.onboarding.activities.part import OWN, part_of
from ropa.citing import citing
from ropa.law import library
from ropa.ready_made import SECTORS, ready_made
from ropa.ready_made.loading import DIRECTORY, load

EMPTY = {"seloste": 1, "organisation": {"slug": "alku", "name": "Alku Oy"}, "registers": [], "activities": []}
OFFERED = list(ready_made().offered.values())


def taken(*offered):
    brings: dict[str, list[str]] = {}
    for one in offered:
        for name, ids in one.brings.items():
            brings.setdefault(name, []).extend(ids)
    return joined(EMPTY, part_of(ready_made().document, [one.id for one in offered], brings), {})


def test_every_sector_offers_something():
    for sector in SECTORS:
        assert sum(one.sector == sector for one in OFFERED) >= 5


@pytest.mark.parametrize("offered", OFFERED, ids=lambda one: one.id)
def test_each_makes_a_sound_beginning_by_itself(offered):
    found = taken(offered)
    assert found.problems == ()
    assert check(found.document).errors == ()
    (activity,) = found.document["activities"]
    assert activity["purposes"] or activity["role"] == "processor", "what is it for?"
    assert found.document["data_categories"]
    assert found.document["subject_groups"]
    assert offered.decide, "something is always the controller's to settle"


def test_all_together_are_sound():
    found = taken(*OFFERED)
    assert found.renamed == {}
    assert check(found.document).errors == ()
    everything = {name: {one["id"] for one in entries} for name, entries in ready_made().document.items() if entries}
    there = {name: {one["id"] for one in found.document[name]} for name in everything}
    assert there == everything, "an entry that no activity brings"


def test_every_purpose_has_a_legal_basis_and_every_interest_is_said():
    for activity in ready_made().document["activities"]:
        assert activity["role"] in {"controller", "processor"}
        for purpose in activity.get("purposes") or ():
            basis = purpose["legal_basis"]["value"]
            assert basis["article"], purpose["id"]
            if basis["article"] == "6(1)(f)":
                assert basis["interest"], purpose["id"]


def test_rules_are_proposals_and_say_what_the_law_says():
    rules = [rule for one in ready_made().document["datasets"] for rule in one.get("grounds") or ()]
    assert len(rules) > 10
    assert {rule["status"] for rule in rules} == {"proposed"}
    for found in citing(taken(*OFFERED).document, None, date(2026, 11, 1)):
        assert found.state == "as_law", found


def test_what_is_a_mere_suggestion_says_so():
    laws = library()
    for dataset in ready_made().document["datasets"]:
        for rule in dataset.get("grounds") or ():
            if "law" in rule and laws[rule["law"]].suggestion:
                assert rule["reason"]["fi"], rule


def test_nothing_is_one_companys_own_and_nobody_is_named():
    for name, entries in ready_made().document.items():
        for entry in entries:
            assert not OWN.get(name, frozenset()) & set(entry), entry["id"]
            assert entry["addition"] is True
            assert "party" not in entry
    for sector in SECTORS:
        text = (DIRECTORY / f"{sector}.yaml").read_text(encoding="utf-8")
        assert not re.search(r"@|\bOyj?\b(?<!Fingrid Datahub Oy)|\bAb\b", text)


def written(folder: Path, **more):
    for sector in SECTORS:
        said = {"sector": sector, **more.get(sector, {})}
        (folder / f"{sector}.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return folder


def three(text):
    return {"fi": text, "sv": text, "en": text}


ONE = {"id": "yksi", "name": three("yksi")}
OFFER = {"activity": "yksi", "summary": three("yksi")}


@pytest.mark.parametrize(
    ("common", "message"),
    [
        ({"activities": [ONE, ONE], "offered": [OFFER]}, "there twice"),
        ({"activities": [{"id": "yksi", "name": {"fi": "yksi"}}], "offered": [OFFER]}, "is not said in"),
        ({"activities": [ONE]}, "differ: yksi"),
        ({"activities": [ONE], "offered": [OFFER, OFFER]}, "offered twice"),
        ({"activities": [{"name": three("yksi")}], "offered": [OFFER]}, "has no id"),
        ({"activities": [], "offered": [OFFER]}, "is none of"),
        ({"activities": [ONE], "offered": [{**OFFER, "brings": {"sources": ["muu"]}}]}, "is none of"),
        ({"activities": [ONE], "offered": [{**OFFER, "more": 1}]}, "unknown: more"),
        ({"notices": []}, "unknown: notices"),
        ({"sector": "bank"}, "sector: common"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, common, message):
    with pytest.raises(RuleError, match=message) as error:
        load(written(tmp_path, common=common))
    assert "common.yaml" in str(error.value) or "offered" in str(error.value)


def test_a_file_of_one_activity_is_read(tmp_path):
    found = load(written(tmp_path, fibre={"activities": [ONE], "offered": [OFFER]}))
    assert [(one.id, one.sector) for one in found.offered.values()] == [("yksi", "fibre")]
