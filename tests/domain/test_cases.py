"""A case as somebody writes it by hand: what it says is taken, and what is wrong with it is named, never thrown."""

from __future__ import annotations

from datetime import date

import pytest

from retention.domain.cases import answer, parse_cases
from retention.domain.decisions import Contract, Occurrence
from retention.domain.errors import DocumentError, Problem
from retention.domain.rules import Follow

CASE = {"id": "K1", "today": "2026-06-30", "grounds": []}
GROUND = {"id": "g", "kind": "need", "trigger": "occurred", "period": "P1Y", "action": "delete"}


def read(**over):
    (case,), problems = parse_cases([{**CASE, **over}])
    assert problems == []
    return case


def wrong(**over):
    cases, (problem,) = parse_cases([{**CASE, **over}])
    assert cases == []
    return problem


@pytest.mark.parametrize(
    ("over", "path", "says"),
    [
        ({"financial_years": [{}]}, "K1.financial_years[0]", "a financial year has a start and an end"),
        ({"financial_years": ["2025"]}, "K1.financial_years[0]", "a financial year has a start and an end"),
        ({"follows": ["a"]}, "K1.follows[0]", "is not a mapping"),
        ({"follows": [7]}, "K1.follows[0]", "is not a mapping"),
        ({"surplus": 1}, "K1", "unknown key 'surplus'"),
        ({"contracts": {}, "steps": 1}, "K1.steps", "is not a list"),
        ({"steps": [1]}, "K1.steps[0]", "is not a mapping"),
        ({"contracts": [{"ref": "A", "end": None}]}, "K1.contracts[0]", "unknown key 'end'"),
        ({"contracts": [{"ref": "A", "status": "x"}]}, "K1.contracts[0].status", "'x' is neither active nor closed"),
        ({"scope": "sopimus A"}, "K1.scope", "'sopimus A' is neither 'subject' nor 'contract REF'"),
        (
            {"events": {"objection": [{"day": "2026-01-01"}]}},
            "K1.events.objection[0]",
            "an occurrence is written {of: THING, date: DAY}",
        ),
        (
            {"financial_year_end": "13-01"},
            "K1.financial_year_end",
            "'13-01' is not a day of the year such as 12-31",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(over, path, says):
    assert wrong(**over) == Problem(path, says)


def test_a_list_of_cases_is_a_list_of_mappings():
    with pytest.raises(DocumentError) as caught:
        parse_cases({"id": "K1"})
    assert list(caught.value.problems) == [Problem("", "is not a list of cases")]
    assert parse_cases([3]) == ([], [Problem("[0]", "is not a mapping")])


def test_a_contract_is_taken_as_it_is_written():
    open_, closed, begun = {"ref": "A"}, {"ref": "B", "status": "closed"}, {"ref": "C", "started": "2020-01-01"}
    assert read(contracts=[open_, closed, begun]).item.contracts == (
        Contract("A", None, None, False),
        Contract("B", None, None, True),
        Contract("C", date(2020, 1, 1), None, False),
    )
    assert read(scope="contract A B").item.scope == "A B"
    assert read().item.scope is None


def test_an_occurrence_is_taken_as_it_is_written():
    day = date(2026, 1, 1)
    written = [{"date": "2026-01-01"}, {"of": "L1", "purpose": "kysely", "contract": "A"}]
    assert read(events={"objection": written}).item.events == {
        "objection": (Occurrence(day, "", "", ""), Occurrence(None, "L1", "kysely", "A"))
    }


def test_what_a_case_leaves_out_is_as_usual():
    case = read(says="miksi")
    assert (case.says, case.rules.follows, case.rules.no_reason_to_keep) == ("miksi", (), False)
    assert read(follows="unknown").rules.follows == (Follow("followed"),)
    assert read().rules.financial_years.day == (12, 31)


def test_the_followed_have_the_years_of_the_follower():
    years = {"financial_year_end": "04-30", "financial_years": [{"start": "2025-05-01", "end": "2026-06-30"}]}
    case = read(**years, follows=[{"grounds": []}])
    assert case.rules.financial_years.day == (4, 30)
    assert [one.rules.financial_years for one in case.followed] == [case.rules.financial_years]
    assert [one.today for one in case.followed] == [case.today]


def test_the_answer_tells_every_step():
    step = {"id": "s", "trigger": "occurred", "period": "P1M", "action": "clear", "fields": ["nimi"]}
    case = read(events={"occurred": "2026-05-29"}, grounds=[GROUND], steps=[{**step, "status": "confirmed"}])
    assert answer(case.decide())["steps"] == [
        {"id": "s", "state": "due", "due_from": "2026-06-30", "action": "clear", "fields": ["nimi"]}
    ]
