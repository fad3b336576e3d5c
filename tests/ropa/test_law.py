"""The statute library: what it offers, and that a wrong row is refused by its name."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from retention.domain.errors import RuleError
from retention.domain.periods import Period
from retention.domain.rules import Kind
from ropa.law import DIRECTORY, library, limits_on, load, versions_of, withheld

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
    assert [row.trigger and row.trigger.events for row in rows] == [("occurred",), ("contract_ended",)]


def test_a_number_of_practice_is_a_suggestion_whatever_the_grade_of_the_text():
    assert library()["WORKORDER"].certainty == "A"
    assert library()["WORKORDER"].suggestion
    assert not library()["ACC-VOUCHER"].suggestion


def test_a_maximum_makes_no_ground_and_everything_else_makes_one():
    assert all((rule.kind is None) == (rule.bound in ("maximum", "follows")) for rule in library().values())


def test_the_library_is_loaded_once_and_cannot_be_changed():
    assert library() is library()
    with pytest.raises(TypeError):
        library()["X"] = ROW  # type: ignore[index]


@pytest.mark.parametrize("grade", ["certainty", "number_certainty"])
def test_an_uncertain_row_is_not_offered(tmp_path, grade):
    found = load(write(tmp_path, {**ROW, "bound": "choice", "kind": "claim", grade: "E"}))
    assert not found.newest
    assert not found.on(date(2026, 1, 1))
    assert set(found.withheld) == {"ACC-VOUCHER"}


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
    with pytest.raises(RuleError, match=r"ACC-VOUCHER\.in_force_to: is there twice on one day"):
        load(write(tmp_path, ROW, ROW))


def test_versions_of_a_row_are_those_of_their_days(tmp_path):
    old = {**ROW, "period": "P5Y", "in_force_from": "1998-01-01", "in_force_to": "2015-12-31"}
    rows = load(write(tmp_path, old, ROW))
    assert [str(rows.on(day)["ACC-VOUCHER"].period) for day in (date(2015, 12, 31), date(2016, 1, 1))] == ["P5Y", "P6Y"]
    assert str(rows.newest["ACC-VOUCHER"].period) == "P6Y"
    assert not rows.on(date(1997, 12, 31))


def test_a_repealed_row_is_read_and_not_offered():
    assert "ELEC-METER-VALUES" in library()
    assert "ELEC-METER-VALUES" in library(date(2021, 10, 31))
    assert "ELEC-METER-VALUES" not in library(date(2021, 11, 1))
    assert versions_of("ELEC-METER-VALUES")[-1].successor == "ELEC-MARKET"


def test_what_is_uncertain_is_known_and_not_offered():
    assert set(withheld()) == {"WATER-CHARGES"}
    assert not set(withheld()) & set(library())


def test_what_binds_only_some_is_left_out_where_the_fact_is_known_to_be_otherwise():
    day = date(2026, 1, 1)
    assert "TRAFFIC-BILLING" in {row.id for row in limits_on(day, "traffic", "telecom")}
    assert "TRAFFIC-BILLING" not in {row.id for row in limits_on(day, "traffic", "telecom", {"usage_billed": False})}
    with pytest.raises(ValueError, match="'trafic' is no category"):
        limits_on(day, "trafic")


STATUTES = """
ACC-VOUCHER ACC-BOOKS ACC-BALSPEC ACC-VAT ACC-VAT-PROPERTY ACC-PAYROLL DEBT-OPEN DEBT-JUDGMENT DEBT-ABSOLUTE DAMAGES
COLLECTION-AGENCY CUST-TELECOM ELEC-MARKET ELEC-SUPPLY-TX ELEC-OUTAGE TRAFFIC-BILLING TRAFFIC-OTHER TRAFFIC-LOG
TRAFFIC-AUTHORITY TELECOM-FRAUD HETU CALLREC TICKET CONSENT MKT-BAN LEAD OFFER ADACCOUNT ACCESSLOG MAIL-EMP MAIL-CUST
HOSTING FIBREMAP CPE DOMAIN SURVEY-FIBRE WORKORDER PAPER CCTV ACCESSCTRL EMP-WORKTIME EMP-LEAVE EMP-CONTRACT EMP-HEALTH
EMP-RECRUIT WHISTLE STAKEHOLDER SATISFACTION CONTEST CREDITCHECK AML DSR BREACH DELETION-CERT
"""


def test_every_statute_that_was_read_is_there_and_what_no_rule_can_express_says_so():
    assert set(STATUTES.split()) <= set(library())
    assert {row.id for row in library().values() if not row.executable} == {"HETU", "PAPER", "BACKUP"}


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("ACC-VOUCHER", {"rounding": "end_of_calendar_year_of_financial_year", "trigger": "invoice_dated"}),
        ("ACC-BALSPEC", {"rounding": "end_of_financial_year", "period": "P10Y"}),
        ("ACC-PAYROLL", {"rounding": "end_of_financial_year", "trigger": "occurred", "period": "P10Y"}),
        ("ACC-PAYROLL-VOUCHER", {"period": "P6Y"}),
        ("ELEC-SUPPLY-TX", {"rounding": "end_of_financial_year", "gives_way_to": ("ELEC-CONTRACT",)}),
        ("ELEC-OUTAGE", {"gives_way_to": ("ELEC-MARKET",)}),
        ("ELEC-MARKET-MAX", {"yields_to": "any_basis", "bound": "maximum"}),
        ("ELEC-CONTRACT-MAX", {"yields_to": "any_basis", "bound": "maximum"}),
        ("TRAFFIC-BILLING", {"ceiling": "TRAFFIC-BILLING-MAX", "condition": "usage_billed"}),
        ("TRAFFIC-BILLING-MAX", {"trigger": "debt_due debt_interrupted", "period": "P3Y"}),
        ("TRAFFIC-BILLING-DISPUTE", {"bound": "minimum", "trigger": "dispute_resolved"}),
        ("TRAFFIC-AUTHORITY", {"period": "P9M", "condition": "designated_operator"}),
        ("TRAFFIC-AUTHORITY-MOBILE", {"period": "P1Y", "condition": "designated_operator"}),
        ("TRAFFIC-AUTHORITY-VOIP", {"period": "P6M", "condition": "designated_operator"}),
        ("TRAFFIC-OTHER", {"bound": "maximum", "trigger": "declared_unneeded"}),
        ("TELECOM-FRAUD", {"bound": "maximum"}),
        ("DEBT-OPEN", {"section": "4, 5, 10–12, 13.1", "kind": "claim"}),
        ("DEBT-ABSOLUTE", {"bound": "maximum", "kind": "None"}),
        ("CUST-TELECOM", {"kind": "claim", "period": "P3Y", "asks_balancing_test": True}),
        ("CUST-TELECOM-NEED", {"kind": "need", "trigger": "contract_ended"}),
        ("DAMAGES", {"trigger": "contract_ended", "suggestion": True, "ceiling": ""}),
        ("WORKORDER", {"trigger": "work_completed", "suggestion": True, "ceiling": ""}),
        ("MKT-BAN", {"period": "None", "trigger": "ban_lifted", "review_every": "P5Y"}),
        ("FIBREMAP", {"period": "None", "trigger": "decommissioned", "review_every": "P5Y"}),
        ("WHISTLE", {"yields_to": frozenset({Kind.OBLIGATION, Kind.CLAIM}), "trigger": "case_opened"}),
        ("CCTV", {"bound": "maximum", "period": "P1Y", "yields_to": frozenset({Kind.CLAIM})}),
        ("CCTV-NEED", {"period": "P14D", "suggestion": True, "ceiling": "CCTV"}),
        ("EMP-WORKTIME", {"section": "32.1, 40", "rounding": "end_of_calendar_year"}),
        ("EMP-WORKTIME-END", {"trigger": "employment_ended", "period": "P2Y"}),
        ("EMP-LEAVE", {"trigger": "leave_due"}),
        ("EMP-LEAVE-END", {"trigger": "employment_ended", "period": "P2Y"}),
        ("EMP-HEALTH", {"bound": "maximum", "trigger": "declared_unneeded"}),
        ("HETU", {"bound": "follows", "period": "None"}),
        ("PAPER", {"bound": "follows", "period": "None"}),
        ("CALLREC", {"period": "P3M"}),
        ("CALLREC-CONTRACT", {"period": "P3Y"}),
        ("LEAD", {"condition": "became_customer", "moves_to": ("CUST-TELECOM-NEED", "ELEC-CONTRACT")}),
        ("OFFER", {"condition": "became_customer", "moves_to": ("CUST-TELECOM-NEED", "ELEC-CONTRACT")}),
        ("AML", {"condition": "obliged_entity"}),
        ("COLLECTION-AGENCY", {"condition": "collector", "trigger": "collection_ended"}),
        ("CPE", {"trigger": "device_returned contract_ended"}),
        ("DEBT-JUDGMENT", {"trigger": "title_final debt_interrupted"}),
        ("BREACH", {"suggestion": True, "trigger": "case_closed"}),
        ("DELETION-CERT", {"trigger": "disposed"}),
        *((id_, {"suggestion": True}) for id_ in ("MAIL-CUST", "DOMAIN", "CREDITCHECK", "EMP-RECRUIT", "EMP-CONTRACT")),
    ],
)
def test_the_second_readings_corrections(id_, expected):
    row = library()[id_]

    def said(key: str) -> object:
        value = getattr(row, key)
        if key == "trigger":
            return " ".join(value.events)
        if key == "condition":
            return value.fact
        return str(value) if key in ("period", "rounding", "review_every", "kind") else value

    assert {key: said(key) for key in expected} == expected


def test_what_cites_a_row_is_read_by_the_version_of_the_day_and_where_none_is_by_the_newest(tmp_path):
    rows = load(
        write(tmp_path, {**ROW, "in_force_to": "2027-12-31"}, {**ROW, "period": "P7Y", "in_force_from": "2028-01-01"})
    )
    days = date(1990, 1, 1), date(2027, 12, 31), date(2028, 1, 1)
    assert [str(rows.read_on(day)["ACC-VOUCHER"].period) for day in days] == ["P7Y", "P6Y", "P7Y"]
    assert [str(one.period) for one in rows.editions["ACC-VOUCHER"]] == ["P6Y", "P7Y"]


@pytest.mark.parametrize("code", ["BREACH", "DELETION-CERT"])
def test_the_ten_years_of_a_continuing_infringement_run_from_its_end(code):
    text = library()[code].text
    assert all(
        word in text[language] for language, word in (("fi", "jatkuva"), ("sv", "fortgående"), ("en", "continuing"))
    )
