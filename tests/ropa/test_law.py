"""The statute library: what it offers, and that a wrong row is refused by its name."""

from pathlib import Path

import pytest
import yaml

from retention.domain.errors import RuleError
from retention.domain.periods import Period
from retention.domain.rules import Kind
from ropa.law import DIRECTORY, library, load

ROW = yaml.safe_load((DIRECTORY / "1-accounting.yaml").read_text(encoding="utf-8"))[0]


def write(tmp_path: Path, *rows: object) -> Path:
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(list(rows), allow_unicode=True), encoding="utf-8")
    return tmp_path


def test_what_the_demo_cites_is_there():
    assert {"ACC-VOUCHER", "ACC-BOOKS", "DEBT-OPEN", "CUST-TELECOM", "WORKORDER", "TRAFFIC-LOG"} <= set(library())


def test_a_voucher_is_kept_six_years_from_the_end_of_the_year_of_its_financial_year():
    rule = library()["ACC-VOUCHER"]
    assert (rule.period, str(rule.rounding), rule.kind) == (
        Period(72, 0),
        "end_of_calendar_year_of_financial_year",
        Kind.OBLIGATION,
    )
    assert (rule.bound, rule.section, rule.certainty) == ("minimum", "2:10.2", "A")


def test_books_count_from_the_end_of_the_financial_year_not_from_the_entry():
    assert str(library()["ACC-BOOKS"].rounding) == "end_of_financial_year"


def test_a_debt_is_a_claim_that_ends_when_it_is_settled_or_assigned():
    rule = library()["DEBT-OPEN"]
    assert (rule.kind, rule.bound, rule.ends_on) == (Kind.CLAIM, "choice", ("debt_settled", "debt_assigned"))


def test_only_designated_operators_keep_data_for_authorities():
    condition = library()["TRAFFIC-AUTHORITY"].condition
    assert condition is not None and (condition.fact, condition.value) == ("designated_operator", True)


def test_an_electricity_undertaking_keeps_six_years_from_the_event_or_from_the_contracts_end():
    rows = [library()["ELEC-MARKET"], library()["ELEC-CONTRACT"]]
    assert [(row.bound, row.kind, row.period, row.section) for row in rows] == [
        ("minimum", Kind.OBLIGATION, Period(72, 0), "75 c")
    ] * 2
    assert [row.trigger.events for row in rows] == [("occurred",), ("contract_ended",)]


def test_a_number_of_practice_is_a_suggestion_whatever_the_grade_of_the_text():
    assert library()["WORKORDER"].certainty == "A"
    assert library()["WORKORDER"].suggestion
    assert not library()["ACC-VOUCHER"].suggestion


def test_a_maximum_makes_no_ground_and_everything_else_makes_one():
    assert all((rule.kind is None) == (rule.bound == "maximum") for rule in library().values())


def test_the_library_is_loaded_once_and_cannot_be_changed():
    assert library() is library()
    with pytest.raises(TypeError):
        library()["X"] = ROW  # type: ignore[index]


@pytest.mark.parametrize("grade", ["certainty", "number_certainty"])
def test_an_uncertain_row_is_not_offered(tmp_path, grade):
    assert load(write(tmp_path, {**ROW, grade: "E"})) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"period": "6 years"}, "ACC-VOUCHER.period"),
        ({"trigger": "invoice_sent"}, "ACC-VOUCHER.trigger: unknown event"),
        ({"rounding": "end_of_decade"}, "ACC-VOUCHER.rounding"),
        ({"certainty": "F"}, "ACC-VOUCHER.certainty"),
        ({"bound": "about"}, "ACC-VOUCHER.bound"),
        ({"kind": None}, "ACC-VOUCHER.kind"),
        ({"bound": "maximum"}, "ACC-VOUCHER.kind"),
        ({"name": {"fi": "Tositteet"}}, "ACC-VOUCHER.name"),
        ({"in_force_from": "2016"}, "ACC-VOUCHER.in_force_from"),
        ({"condition": {"fact": "usage_billed"}}, "ACC-VOUCHER.condition"),
        ({"colour": "blue"}, "ACC-VOUCHER: missing or unknown: colour"),
    ],
)
def test_a_wrong_row_is_named_with_its_place(tmp_path, change, said):
    with pytest.raises(RuleError, match=f"^{said}"):
        load(write(tmp_path, {**ROW, **change}))


def test_a_missing_key_and_a_second_row_of_one_id_are_errors(tmp_path):
    short = {key: value for key, value in ROW.items() if key != "source"}
    with pytest.raises(RuleError, match="ACC-VOUCHER: missing or unknown: source"):
        load(write(tmp_path, short))
    with pytest.raises(RuleError, match="ACC-VOUCHER: this id is there twice"):
        load(write(tmp_path, ROW, ROW))
