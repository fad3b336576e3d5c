"""Which rules cite a row, whether they say what it says, and what a change of the law does to them beforehand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from ropa.citing import citing, citing_in_words, effect_in_words, effects, said
from ropa.law import DIRECTORY, LANGUAGES, library, load
from ropa.law_words import row_as_data, row_in_words
from ropa.wording import DIRECTORY as WORDING

TODAY = date(2026, 11, 25)
VOUCHER = {
    "id": "tosite",
    "kind": "obligation",
    "trigger": "invoice_dated",
    "period": "P6Y",
    "rounding": "end_of_calendar_year_of_financial_year",
    "action": "delete",
    "law": "ACC-VOUCHER",
}
DATASET = "datasets[laskut].grounds[tosite]"


def document(rule=VOUCHER, **over):
    return {
        "organisation": {"slug": "testi"},
        "datasets": [{"id": "laskut", "grounds": [rule], "ceilings": []}],
        **over,
    }


@pytest.fixture
def changed(tmp_path: Path):
    """A library in which vouchers are kept seven years from 2028 on."""
    rows = yaml.safe_load((DIRECTORY / "1-accounting.yaml").read_text(encoding="utf-8"))
    later = {**rows[0], "period": "P7Y", "in_force_from": "2028-01-01"}
    rows = [{**rows[0], "in_force_to": "2027-12-31"}, later, *rows[1:]]
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(rows, allow_unicode=True), encoding="utf-8")
    return load(tmp_path).on


def test_a_rule_that_says_what_its_law_says():
    (found,) = citing(document(), "ACC-VOUCHER", TODAY)
    assert (found.path, found.state, found.differs) == (DATASET, "as_law", ())
    assert citing(document(), "ACC-BOOKS", TODAY) == []


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"period": "P7Y"}, ("period",)),
        ({"period": "P72M"}, ()),
        ({"trigger": "occurred"}, ("trigger",)),
        ({"rounding": "none"}, ("rounding",)),
        ({"kind": "need"}, ("kind",)),
        ({"period": "P5Y", "kind": "claim"}, ("kind", "period")),
    ],
)
def test_a_rule_that_says_otherwise_says_in_what(change, differs):
    (found,) = citing(document({**VOUCHER, **change}), None, TODAY)
    assert (found.state, found.differs) == ("otherwise" if differs else "as_law", differs)


AUTHORITY = {
    "id": "viranomainen",
    "kind": "obligation",
    "trigger": "occurred",
    "period": "P9M",
    "action": "delete",
    "condition": {"fact": "designated_operator", "is": True},
    "law": "TRAFFIC-AUTHORITY",
}
DEBT = {
    "id": "saatava",
    "kind": "claim",
    "trigger": {"latest_of": ["debt_due", "debt_interrupted"]},
    "period": "P3Y",
    "action": "delete",
    "ends_on": ["debt_settled", "debt_assigned", "erasure_requested"],
    "law": "DEBT-OPEN",
}


@pytest.mark.parametrize(
    ("rule", "change", "differs"),
    [
        (AUTHORITY, {}, ()),
        (AUTHORITY, {"condition": [{"fact": "x", "is": 1}, AUTHORITY["condition"]]}, ()),
        (AUTHORITY, {"condition": []}, ("condition",)),
        (AUTHORITY, {"condition": {"fact": "designated_operator", "is": False}}, ("condition",)),
        (DEBT, {}, ()),
        (DEBT, {"ends_on": ["debt_settled"]}, ("ends_on",)),
    ],
)
def test_a_duty_of_some_and_a_claim_that_ends_early_are_cited_with_what_bounds_them(rule, change, differs):
    (found,) = citing(document({**rule, **change}), None, TODAY)
    assert found.differs == differs


@pytest.mark.parametrize(
    ("law", "trigger", "period", "change", "differs"),
    [
        ("ELEC-MARKET-MAX", "occurred", "P6Y", {"yields_to": "any_basis"}, ()),
        ("ELEC-MARKET-MAX", "occurred", "P6Y", {}, ("yields_to",)),
        ("WHISTLE", "case_opened", "P5Y", {"yields_to": ["claim", "obligation"]}, ()),
        ("WHISTLE", "case_opened", "P5Y", {"yields_to": "any_basis"}, ("yields_to",)),
        ("TELECOM-FRAUD", "first_recorded", "P5Y", {"yields_to": "none"}, ()),
        ("TELECOM-FRAUD", "first_recorded", "P5Y", {"rounding": "end_of_calendar_year"}, ("rounding",)),
    ],
)
def test_a_ceiling_yields_as_its_law_does(law, trigger, period, change, differs):
    ceiling = {"id": "raja", "trigger": trigger, "period": period, "action": "delete", "law": law, **change}
    (found,) = citing({"datasets": [{"id": "d", "ceilings": [ceiling]}]}, None, TODAY)
    assert (found.path, found.differs) == ("datasets[d].ceilings[raja]", differs)
    assert all(said(key, language) for key in differs for language in LANGUAGES)


def test_a_law_that_is_no_longer_in_force():
    rule = {**VOUCHER, "law": "ELEC-METER-VALUES", "trigger": "occurred", "rounding": "none"}
    assert [citing(document(rule), None, day)[0].state for day in (date(2021, 10, 31), date(2021, 11, 1))] == [
        "as_law",
        "not_in_force",
    ]


def test_time_limits_and_legal_bases_cite_too():
    found = citing(
        document(
            time_limits=[{"id": "kuusi", "period": "P6Y", "law": "ACC-VOUCHER"}],
            activities=[
                {
                    "id": "a",
                    "purposes": [
                        {"id": "p", "legal_basis": {"value": {"article": "6(1)(c)", "law": "ACC-VOUCHER"}}},
                        {"id": "q", "legal_basis": {"value": {"article": "6(1)(c)", "law": "1336/1997 2:10"}}},
                        {"id": "r", "legal_basis": {"none_because": {"fi": "ei"}}},
                    ],
                }
            ],
        ),
        "ACC-VOUCHER",
        TODAY,
    )
    assert [one.path for one in found] == [DATASET, "time_limits[kuusi]", "activities[a].purposes[p].legal_basis"]
    assert {one.state for one in found} == {"as_law"}


def test_a_change_is_seen_before_it_takes_effect(changed):
    (found,) = effects(document(), date(2027, 6, 1), date(2028, 1, 1), changed)
    assert (found.path, found.old, found.new, found.written) == (
        DATASET,
        date(2033, 12, 31),
        date(2034, 12, 31),
        date(2033, 12, 31),
    )
    assert effects(document(), date(2027, 6, 1), date(2027, 12, 31), changed) == []
    assert effects(document(), date(2028, 1, 1), date(2029, 1, 1), changed) == []


def test_each_change_is_told_by_itself_with_its_day(tmp_path):
    (row, *rows) = yaml.safe_load((DIRECTORY / "1-accounting.yaml").read_text(encoding="utf-8"))
    days = [("2016-01-01", "2027-12-31"), ("2028-01-01", "2028-12-31"), ("2029-01-01", "2029-12-31")]
    versions = [
        {**row, "period": period, "in_force_from": first, "in_force_to": last}
        for period, (first, last) in zip(("P6Y", "P7Y", "P8Y"), days, strict=True)
    ]
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump([*versions, *rows], allow_unicode=True), encoding="utf-8")
    found = effects(document(), TODAY, date(2031, 1, 1), load(tmp_path).on)
    told = [(one.day, one.old and one.old.year, one.new and one.new.year, one.ends) for one in found]
    assert told == [
        (date(2028, 1, 1), 2032, 2033, False),
        (date(2029, 1, 1), 2033, 2034, False),
        (date(2030, 1, 1), 2034, None, True),
    ]


def test_the_example_counts_by_the_organisations_financial_year(changed):
    odd = document(organisation={"slug": "testi", "financial_year_end": "04-30"})
    (found,) = effects(odd, date(2027, 6, 1), date(2028, 1, 1), changed)
    assert (found.old, found.new) == (date(2034, 12, 31), date(2035, 12, 31))


def test_a_law_that_ends_names_what_comes_instead():
    rule = {**VOUCHER, "law": "ELEC-METER-VALUES", "trigger": "occurred", "rounding": "none"}
    (found,) = effects(document(rule), date(2021, 10, 31), date(2021, 11, 1))
    assert (found.ends, found.successor, found.new) == (True, "ELEC-MARKET", date(2027, 10, 31))


def test_a_law_that_begins_is_seen_before_it_does():
    rule = {**VOUCHER, "law": "ELEC-OUTAGE", "trigger": "occurred", "rounding": "none", "period": "P1Y"}
    (found,) = effects(document(rule), date(2021, 10, 31), date(2021, 11, 1))
    assert (found.begins, found.ends, found.old, found.day) == (True, False, None, date(2021, 11, 1))
    assert (found.new, found.written) == (date(2023, 10, 31), date(2022, 10, 31))
    for language, words in {"fi": "tulee voimaan", "sv": "träder i kraft", "en": "comes into force"}.items():
        assert words in effect_in_words(found, language)


def test_a_change_in_words(changed):
    (found,) = effects(document(), date(2027, 6, 1), date(2028, 1, 1), changed)
    assert effect_in_words(found, "fi") == (
        f"{DATASET}: ACC-VOUCHER muuttuu 1.1.2028. Esimerkki, joka alkaa 1.6.2027: viimeinen päivä oli 31.12.2033, "
        "uuden lain mukaan 31.12.2034; sääntönne mukaan 31.12.2033."
    )
    assert all(DATASET in effect_in_words(found, language) for language in LANGUAGES)


def test_a_place_in_words():
    (found,) = citing(document({**VOUCHER, "period": "P7Y"}), None, TODAY)
    assert citing_in_words(found, "fi") == f"{DATASET}: ACC-VOUCHER, mutta toisin kuin laissa: määräaika"


def test_every_phrase_is_there_in_each_language():
    words = yaml.safe_load((WORDING / "law.yaml").read_text(encoding="utf-8"))
    assert all(set(phrase) == set(LANGUAGES) and all(phrase.values()) for phrase in words.values())
    assert said("nothing", "sv")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_can_be_said_and_is_data(language):
    for row in library().values():
        assert row.text[language] in row_in_words(row, language, whole=True)
        assert row_as_data(row)["id"] == row.id
    assert row_as_data(library()["DEBT-OPEN"])["trigger"] == {"latest_of": ["debt_due", "debt_interrupted"]}
    assert "ehdotus" in row_in_words(library()["WORKORDER"], "fi")
