"""A case as somebody writes it by hand: what it says is taken, and what is wrong with it is named, never thrown."""

from __future__ import annotations

from datetime import date

import pytest

from retention.domain.cases import answer, parse_case, parse_cases
from retention.domain.decisions import Contract, Item, Occurrence
from retention.domain.errors import DocumentError, Problem, RuleError
from retention.domain.periods import FinancialYears
from retention.domain.rules import Follow, Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground, parse_step

CASE = {"id": "K1", "today": "2026-06-30", "grounds": []}
NO_DAY = "is not a day such as 2026-06-30"
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
        ({"grounds": 7}, "K1.grounds", "is not a list"),
        ({"grounds": [7]}, "K1.grounds[0]", "is not a mapping"),
        ({"ceilings": [7]}, "K1.ceilings[0]", "is not a mapping"),
        ({"holds": [7]}, "K1.holds[0]", "is not a mapping"),
        ({"holds": 7}, "K1.holds", "is not a list"),
        ({"ceilings": 7}, "K1.ceilings", "is not a list"),
        ({"contracts": 7}, "K1.contracts", "is not a list"),
        ({"contracts": [{}]}, "K1.contracts[0]", "a contract has a ref, started, ended and status"),
        ({"contracts": [7]}, "K1.contracts[0]", "a contract has a ref, started, ended and status"),
        ({"contracts": [{"ref": "A", "started": "x"}]}, "K1.contracts[0].started", f"'x' {NO_DAY}"),
        ({"contracts": [{"ref": "A", "ended": "x"}]}, "K1.contracts[0].ended", f"'x' {NO_DAY}"),
        (
            {"contracts": [{"ref": "A", "started": "2020-01-02", "ended": "2020-01-01"}]},
            "K1.contracts[0]",
            "the contract ends on 2020-01-01, before it starts on 2020-01-02",
        ),
        ({"today": None}, "K1.today", f"None {NO_DAY}"),
        ({"first_seen": "x"}, "K1.first_seen", f"'x' {NO_DAY}"),
        ({"estimated": "x"}, "K1.estimated", "is not a list"),
        ({"estimated": ["x"]}, "K1.estimated", "unknown event 'x'"),
        ({"events": [7]}, "K1.events", "is not a mapping"),
        ({"facts": [7]}, "K1.facts", "is not a mapping"),
        ({"events": {"x": None}}, "K1.events", "unknown event 'x'"),
        ({"events": {"objection": "x"}}, "K1.events.objection", f"'x' {NO_DAY}"),
        (
            {"events": {"objection": [{"of": "L"}, {"date": "x"}]}},
            "K1.events.objection[1].date",
            f"'x' {NO_DAY}",
        ),
        ({"events": {"objection": [7]}}, "K1.events.objection[0]", "an occurrence is written {of: THING, date: DAY}"),
        ({"financial_years": 7}, "K1.financial_years", "is not a list"),
        ({"financial_years": [{"start": "x", "end": "2026-01-01"}]}, "K1.financial_years[0]", f"'x' {NO_DAY}"),
        ({"financial_years": [{"start": "2026-01-01", "end": "x"}]}, "K1.financial_years[0]", f"'x' {NO_DAY}"),
        ({"follows": 7}, "K1.follows", "is not a list"),
        ({"follows": [{"grounds": 7}]}, "K1.follows[0].grounds", "is not a list"),
        ({"scope": "contract"}, "K1.scope", "'contract' is neither 'subject' nor 'contract REF'"),
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


def test_one_case_that_is_no_mapping_is_named_with_its_place():
    with pytest.raises(RuleError) as caught:
        parse_case(["id"], "here")
    assert (caught.value.path, caught.value.message) == ("here", "is not a mapping")


def test_a_step_that_waits_has_no_day():
    step = {"id": "s", "trigger": "case_closed", "period": "P1M", "action": "clear", "status": "confirmed"}
    case = read(events={"case_opened": "2026-05-29"}, grounds=[GROUND], steps=[step])
    assert answer(case.decide())["steps"] == [
        {"id": "s", "state": "open", "due_from": None, "action": "clear", "fields": []}
    ]


def test_a_list_of_cases_is_a_list_of_mappings():
    with pytest.raises(DocumentError) as caught:
        parse_cases({"id": "K1"})
    assert list(caught.value.problems) == [Problem("", "is not a list of cases")]
    assert parse_cases([3]) == ([], [Problem("[0]", "is not a mapping")])
    no_grounds = Problem("[1]", "has no grounds; an empty list says that none was written")
    cases, problems = parse_cases([CASE, {"today": "2026-06-30"}, {**CASE, "id": 7}, CASE])
    assert [case.id for case in cases] == ["K1", "7"]
    assert problems == [no_grounds, Problem("K1", "stands here twice")]


def test_a_contract_is_taken_as_it_is_written():
    open_, closed, begun = {"ref": "A"}, {"ref": "B", "status": "closed"}, {"ref": "C", "started": "2020-01-01"}
    assert read(contracts=[open_, closed, begun]).item.contracts == (
        Contract("A", None, None, False),
        Contract("B", None, None, True),
        Contract("C", date(2020, 1, 1), None, False),
    )
    whole = {"ref": 7, "started": "2020-01-01", "ended": "2020-01-01", "status": "active"}
    assert read(contracts=[whole]).item.contracts == (Contract("7", date(2020, 1, 1), date(2020, 1, 1), False),)
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


def test_a_case_is_taken_whole():
    day = date(2026, 1, 1)
    ceiling = {"id": "c", "trigger": "occurred", "period": "P2Y", "action": "delete"}
    step = {"id": "s", "trigger": "occurred", "period": "P1M", "action": "clear"}
    case = read(
        says=7,
        events={"occurred": "2026-01-01", "recorded": None, "objection": []},
        facts={"billed": True, 7: "x"},
        first_seen="2026-01-02",
        estimated=["occurred"],
        grounds=[GROUND],
        ceilings=[ceiling],
        steps=[step],
        holds=[{"from": "2026-01-01"}],
        no_reason_to_keep=1,
        financial_years=[{"start": "2025-05-01", "end": "2026-06-30"}],
        expect={"state": "keep"},
    )
    assert (case.says, case.today, case.expect, case.followed) == ("7", date(2026, 6, 30), {"state": "keep"}, None)
    assert case.item == Item(
        events={"occurred": day, "recorded": None, "objection": ()},
        facts={"billed": True, "7": "x"},
        first_seen=date(2026, 1, 2),
        estimated=frozenset({"occurred"}),
    )
    assert case.rules == RuleSet(
        grounds=(parse_ground(GROUND, ""),),
        ceilings=(parse_ceiling(ceiling, ""),),
        steps=(parse_step(step, ""),),
        no_reason_to_keep=True,
        financial_years=FinancialYears((12, 31), ((date(2025, 5, 1), date(2026, 6, 30)),)),
    )
    assert case.holds == (Hold(day),)
    bare = read()
    assert (bare.says, bare.expect, bare.holds, bare.item, bare.rules) == ("", None, (), Item(), RuleSet())


def test_a_case_that_follows_has_the_cases_of_what_it_follows():
    assert read(follows="unknown").followed is None
    assert read(follows=None).followed is None
    assert read(follows=[]).followed == ()
    theirs = {"grounds": [GROUND], "events": {"occurred": "2025-06-29"}}
    case = read(follows=[theirs, {**theirs, "id": "T2", "today": "2026-07-01"}])
    assert [(one.id, one.today) for one in case.followed] == [
        ("K1.follows[0]", date(2026, 6, 30)),
        ("T2", date(2026, 7, 1)),
    ]
    assert answer(case.decide())["state"] == "due"
    younger = {**theirs, "events": {"occurred": "2025-06-30"}}
    assert answer(read(follows=[theirs, younger]).decide())["state"] == "keep"
    held = {**theirs, "holds": [{"from": "2026-01-01"}]}
    assert answer(read(follows=[held]).decide())["state"] == "held"
    assert answer(read(follows="unknown").decide())["state"] == "trigger_missing"


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({}, {"state": "review"}),
        (
            {"grounds": [GROUND], "events": {"occurred": "2025-06-29"}},
            {
                "state": "due",
                "due_from": "2026-06-30",
                "action": "delete",
                "why": "GROUNDS_ENDED",
                "overdue_days": 0,
            },
        ),
        (
            {"grounds": [GROUND], "events": {"occurred": "2025-06-29"}, "estimated": ["occurred"]},
            {
                "state": "due",
                "due_from": "2026-06-30",
                "action": "delete",
                "why": "GROUNDS_ENDED",
                "overdue_days": 0,
                "estimated": ["occurred"],
            },
        ),
        (
            {"grounds": [GROUND], "events": {"occurred": "2025-06-29"}, "holds": [{"from": "2026-01-01"}]},
            {"state": "held", "due_from": "2026-06-30", "action": "delete", "why": "GROUNDS_ENDED"},
        ),
        (
            {"grounds": [GROUND], "events": {"occurred": "2025-06-30"}},
            {"state": "keep", "due_from": "2026-07-01", "action": "delete", "blocked": False},
        ),
    ],
)
def test_the_answer_says_what_its_state_has(over, expected):
    assert answer(read(**over).decide()) == expected


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
