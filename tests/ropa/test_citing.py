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


def test_the_example_counts_by_the_organisations_financial_year(changed):
    odd = document(organisation={"slug": "testi", "financial_year_end": "04-30"})
    (found,) = effects(odd, date(2027, 6, 1), date(2028, 1, 1), changed)
    assert (found.old, found.new) == (date(2034, 12, 31), date(2035, 12, 31))


def test_a_law_that_ends_names_what_comes_instead():
    rule = {**VOUCHER, "law": "ELEC-METER-VALUES", "trigger": "occurred", "rounding": "none"}
    (found,) = effects(document(rule), date(2021, 10, 31), date(2021, 11, 1))
    assert (found.ends, found.successor, found.new) == (True, "ELEC-MARKET", date(2027, 10, 31))


def test_a_change_in_words(changed):
    (found,) = effects(document(), date(2027, 6, 1), date(2028, 1, 1), changed)
    assert effect_in_words(found, "fi") == (
        f"{DATASET}: ACC-VOUCHER muuttuu. Esimerkki, joka alkaa 1.6.2027: viimeinen päivä oli 31.12.2033, uuden lain "
        "mukaan 31.12.2034; sääntönne mukaan 31.12.2033."
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
