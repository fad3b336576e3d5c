"""Rules in words: every event, rounding and plural in three languages, and nothing that the rule does not say."""

import itertools

import pytest

from retention.domain.errors import PeriodError, RuleError
from retention.domain.events import CATALOGUE
from retention.domain.periods import ROUNDINGS
from retention.domain.rules import Absence, Action, Kind, Status, StepAction
from ropa.law import LANGUAGES, library
from ropa.wording import (
    article_in_words,
    day_in_words,
    legal_basis_in_words,
    number_in_words,
    period_in_words,
    rule_in_words,
    statute_in_words,
    table,
)


def words(language="fi", **rule):
    return rule_in_words({"kind": "need", "trigger": "contract_ended", "period": "P3Y", **rule}, language).replace(
        "\u00a0", " "
    )


@pytest.mark.parametrize(
    ("written", "fi", "sv", "en"),
    [
        ("P1Y", "1 vuosi", "1 år", "1 year"),
        ("P3Y", "3 vuotta", "3 år", "3 years"),
        ("P1M", "1 kuukausi", "1 månad", "1 month"),
        ("P6M", "6 kuukautta", "6 månader", "6 months"),
        ("P1W", "1 viikko", "1 vecka", "1 week"),
        ("P2W", "2 viikkoa", "2 veckor", "2 weeks"),
        ("P1D", "1 päivä", "1 dag", "1 day"),
        ("P14D", "14 päivää", "14 dagar", "14 days"),
        ("P0D", "0 päivää", "0 dagar", "0 days"),
        ("P1Y6M", "1 vuosi ja 6 kuukautta", "1 år och 6 månader", "1 year and 6 months"),
        ("P1Y0M2D", "1 vuosi ja 2 päivää", "1 år och 2 dagar", "1 year and 2 days"),
    ],
)
def test_periods_are_inflected_and_keep_their_unit(written, fi, sv, en):
    said = [period_in_words(written, language).replace("\u00a0", " ") for language in LANGUAGES]
    assert said == [fi, sv, en]


def test_a_number_and_its_unit_are_not_parted():
    assert period_in_words("P3Y", "fi") == "3\u00a0vuotta"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_has_its_words(language):
    events = table(language)["events"]
    assert set(events) == set(CATALOGUE)
    assert {len(forms) for forms in events.values()} == {4 if language == "fi" else 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words(language):
    said = table(language)
    assert {kind.value for kind in Kind} | {"ceiling", "follows", "step"} == set(said["kinds"])
    assert {action.value for action in (*Action, *StepAction)} == set(said["actions"])
    assert {action.value for action in StepAction} == set(said["step_actions"])
    assert {status.value for status in Status} == set(said["statuses"])
    assert {absence.value for absence in Absence} == set(said["if_absent"])
    assert {*ROUNDINGS, "next"} == set(said["from"]) == set(said["until"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_of_the_law_library_has_its_words(language):
    facts = {row.condition.fact for row in library().values() if row.condition is not None}
    assert {"collector", "designated_operator", "obliged_entity"} <= facts
    assert {fact for fact in facts if set(table(language)["facts"].get(fact, ())) != {True, False}} == set()


def test_the_languages_have_the_same_tables():
    def shape(value):
        return {key: shape(part) for key, part in value.items()} if isinstance(value, dict) else None

    assert shape(table("fi")) == shape(table("sv")) == shape(table("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_shape_is_a_sentence(language):
    triggers = [
        *CATALOGUE,
        {"latest_of": ["debt_due", "recorded"]},
        {"earliest_of": ["recorded", "occurred", "debt_due"]},
    ]
    for trigger, rounding, period in itertools.product(triggers, (*ROUNDINGS, "next 06-30"), ("P0D", "P3Y")):
        said = words(language, trigger=trigger, rounding=rounding, period=period)
        assert said[0] == said[0].upper()
        assert "{" not in said and "  " not in said and ",," not in said
        assert not said.endswith((",", " "))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "3 vuotta sopimuksen päättymisestä"),
        ({"period": "P0D"}, "Sopimuksen päättymiseen saakka"),
        (
            {"trigger": "occurred", "rounding": "end_of_calendar_year", "period": "P2Y"},
            "2 vuotta sen kalenterivuoden lopusta, johon tapahtuma osuu",
        ),
        (
            {"trigger": "invoice_dated", "rounding": "end_of_calendar_year_of_financial_year", "period": "P6Y"},
            "6 vuotta sen kalenterivuoden lopusta, jonka aikana päättyy tilikausi, johon tositteen päiväys osuu",
        ),
        (
            {"rounding": "next 06-30"},
            "3 vuotta siitä kesäkuun 30. päivästä, joka on sama päivä kuin sopimuksen päättyminen "
            "tai ensimmäinen sen jälkeen",
        ),
        (
            {"trigger": {"latest_of": ["debt_due", "debt_interrupted"]}, "ends_on": ["debt_settled", "debt_assigned"]},
            "3 vuotta saatavan eräpäivästä tai vanhentumisen katkaisemisesta sen mukaan, kumpi on myöhempi; "
            "päättyy kuitenkin jo saatavan maksamiseen tai saatavan siirtämiseen",
        ),
        (
            {"trigger": {"earliest_of": ["recorded", "occurred", "case_closed"]}, "rounding": "end_of_month"},
            "3 vuotta sen kuukauden lopusta, johon tallentaminen, tapahtuma tai asian käsittelyn päättyminen, "
            "aikaisin niistä, osuu",
        ),
        (
            {"condition": {"fact": "became_customer", "is": False}},
            "3 vuotta sopimuksen päättymisestä; vain jos henkilöstä ei ole tullut asiakasta",
        ),
        (
            {"condition": [{"fact": "usage_billed", "is": True}, {"fact": "alue", "is": "pohjoinen"}]},
            "3 vuotta sopimuksen päättymisestä; vain jos palvelu laskutetaan käytön mukaan "
            "ja tieto ”alue” on ”pohjoinen”",
        ),
        (
            {"if_absent": "not_applicable"},
            "3 vuotta sopimuksen päättymisestä; jos alkuhetkeä ei ole, perustetta ei ole",
        ),
        (
            {"trigger": "decommissioned", "period": None, "review_by": "2027-01-01"},
            "Ei määrättyä aikaa: tarpeen verkon osan käytöstä poistamiseen saakka; "
            "tarve arvioidaan uudelleen viimeistään 1.1.2027",
        ),
        (
            {"period": None},
            "Ei määrättyä aikaa: tarpeen sopimuksen päättymiseen saakka; "
            "tarpeen uudelleenarvioinnille ei ole asetettu päivää",
        ),
    ],
)
def test_finnish(rule, said):
    assert words("fi", **rule) == said


@pytest.mark.parametrize(
    ("yields_to", "said"),
    [
        ("none", "Enintään 10 vuotta tallentamisesta"),
        (["obligation"], "Enintään 10 vuotta tallentamisesta; väistyy, jos voimassa on lakisääteinen velvoite"),
        ("any_basis", "Enintään 10 vuotta tallentamisesta; väistyy, jos tiedoille on muu oikeusperuste"),
    ],
)
def test_a_rule_without_a_kind_is_a_ceiling(yields_to, said):
    rule = {"trigger": "recorded", "period": "P10Y", "yields_to": yields_to}
    assert rule_in_words(rule, "fi").replace("\u00a0", " ") == said


def test_swedish_and_english():
    many = {"trigger": {"earliest_of": ["consent_withdrawn", "contract_ended"]}, "period": "P0D"}
    assert words("sv", **many) == (
        "Till återkallandet av samtycket eller avtalets upphörande, beroende på vilket som infaller tidigare"
    )
    assert words("en", **many) == "Until the withdrawal of consent or the end of the contract, whichever is earlier"


def test_what_cannot_be_executed_cannot_be_said():
    with pytest.raises(RuleError):
        words(trigger="contract_terminated")
    with pytest.raises(PeriodError):
        words(period="3 years")
    with pytest.raises(ValueError, match="no words in 'de'"):
        words("de")


def test_days_numbers_and_citations():
    assert [day_in_words("2026-10-14", language).replace("\u00a0", " ") for language in LANGUAGES] == [
        "14.10.2026",
        "14.10.2026",
        "14 October 2026",
    ]
    assert number_in_words(1284, "fi") == "1\u00a0284"
    assert statute_in_words("ACC-VOUCHER", "fi") == "kirjanpitolaki (1336/1997) 2:10.2 §"
    assert statute_in_words("NO-SUCH", "fi") == "NO-SUCH (viitettä ei tunnistettu)"
    assert statute_in_words("", "fi") == ""
    assert article_in_words("30(1)(d)", "fi") == "30 artiklan 1 kohdan d alakohta"
    assert article_in_words("6(1)", "sv") == "artikel 6.1"
    assert article_in_words("kuvaus", "fi") == "kuvaus"
    assert legal_basis_in_words("6(1)(b)", "fi") == "sopimuksen täytäntöönpano (6 artiklan 1 kohdan b alakohta)"
