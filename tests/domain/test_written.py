"""Rules as a document writes them: what is read of each, and of what is wrong its place and the words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from retention.domain import written
from retention.domain.cases import parse_cases
from retention.domain.errors import DocumentError, PeriodError, RuleError
from retention.domain.periods import FinancialYears, Period, Rounding
from retention.domain.rules import (
    Absence,
    Action,
    Ceiling,
    Condition,
    Follow,
    Ground,
    Hold,
    Kind,
    RuleSet,
    Status,
    Step,
    StepAction,
    Trigger,
)
from retention.domain.written import (
    parse_ceiling,
    parse_day,
    parse_follow,
    parse_ground,
    parse_hold,
    parse_rules,
    parse_step,
    parse_trigger,
)

GROUND = {"id": "g", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "delete"}
CEILING = {"id": "c", "trigger": "recorded", "period": "P1Y", "action": "delete"}
STEP = {"id": "s", "trigger": "recorded", "period": "P1M", "action": "clear"}
READ: dict[str, Callable[[Any, str], object]] = {
    "ground": parse_ground,
    "ceiling": parse_ceiling,
    "step": parse_step,
    "follow": parse_follow,
    "hold": parse_hold,
}
LEAST = {"ground": GROUND, "ceiling": CEILING, "step": STEP, "follow": {"dataset": "d"}, "hold": {"from": "2026-01-01"}}

WHOLE = {
    "rounding": "end_of_month",
    "condition": {"fact": "billed", "is": True},
    "if_absent": "pending",
    "status": "proposed",
    "law": "KirjanpitoL 2:10",
}
CONDITIONS = (Condition("billed", True),)
YEAR, MONTH, ROUNDING = Period.parse("P1Y"), Period.parse("P1M"), Rounding("end_of_month")


def test_a_ground_is_read_with_all_that_it_says_and_as_usual_where_it_says_nothing():
    assert parse_ground(GROUND, "g") == Ground("g", Kind.NEED, Trigger(("recorded",)), YEAR, Action.DELETE)
    whole = {
        **GROUND,
        **WHOLE,
        "trigger": {"latest_of": ["recorded", "objection"]},
        "ends_on": ["debt_settled"],
        "review_by": "2027-01-01",
        "purpose": "markkinointi",
    }
    assert parse_ground(whole, "g") == Ground(
        id="g",
        kind=Kind.NEED,
        trigger=Trigger(("recorded", "objection"), "latest_of"),
        period=YEAR,
        action=Action.DELETE,
        rounding=ROUNDING,
        conditions=CONDITIONS,
        if_absent=Absence.PENDING,
        ends_on=("debt_settled",),
        status=Status.PROPOSED,
        review_by=date(2027, 1, 1),
        purpose="markkinointi",
        law="KirjanpitoL 2:10",
    )
    assert parse_ground({**GROUND, "period": None}, "g").period is None
    empty = dict.fromkeys(("purpose", "law", "review_by", "if_absent", "status"))
    assert parse_ground({**GROUND, **empty}, "g") == parse_ground(GROUND, "g")


def test_a_ceiling_too():
    assert parse_ceiling(CEILING, "c") == Ceiling("c", Trigger(("recorded",)), YEAR, Action.DELETE)
    assert parse_ceiling({**CEILING, **WHOLE, "yields_to": ["need"]}, "c") == Ceiling(
        id="c",
        trigger=Trigger(("recorded",)),
        period=YEAR,
        action=Action.DELETE,
        rounding=ROUNDING,
        conditions=CONDITIONS,
        if_absent=Absence.PENDING,
        status=Status.PROPOSED,
        yields_to=frozenset({Kind.NEED}),
        law="KirjanpitoL 2:10",
    )
    for said, meant in ((None, frozenset()), ("none", frozenset()), ("any_basis", "any_basis"), ([], frozenset())):
        assert parse_ceiling({**CEILING, "yields_to": said}, "c").yields_to == meant
    assert parse_ceiling({**CEILING, "law": None}, "c").law == ""


def test_a_step_too_which_is_unconfirmed_unless_it_says_so():
    assert parse_step(STEP, "s") == Step(
        "s", Trigger(("recorded",)), MONTH, StepAction.CLEAR, status=Status.UNCONFIRMED
    )
    more = {"fields": ["nimi", "osoite"], "into": "arkisto", "columns": {"b": "y", "a": 1}}
    assert parse_step({**STEP, **WHOLE, **more}, "s") == Step(
        id="s",
        trigger=Trigger(("recorded",)),
        period=MONTH,
        action=StepAction.CLEAR,
        rounding=ROUNDING,
        conditions=CONDITIONS,
        if_absent=Absence.PENDING,
        status=Status.PROPOSED,
        fields=("nimi", "osoite"),
        into="arkisto",
        columns=(("a", "1"), ("b", "y")),
        law="KirjanpitoL 2:10",
    )
    empty = dict.fromkeys(("fields", "into", "columns", "law"))
    assert parse_step({**STEP, **empty}, "s") == parse_step(STEP, "s")


def test_a_follow_a_hold_and_a_day_too():
    assert parse_follow({"dataset": "d"}, "f") == Follow("d", "", Action.DELETE)
    assert parse_follow({"dataset": "d", "by": "id", "action": "anonymise"}, "f") == Follow("d", "id", Action.ANONYMISE)
    assert parse_follow({"dataset": "d", "by": None}, "f").by == ""
    assert parse_hold({"from": "2026-01-01"}, "h") == Hold(date(2026, 1, 1))
    whole = {"from": date(2026, 1, 1), "released": "2026-02-01", "reason": "dispute"}
    assert parse_hold(whole, "h") == Hold(date(2026, 1, 1), date(2026, 2, 1), "dispute")
    assert parse_day("2026-06-30", "d") == date(2026, 6, 30)


@pytest.mark.parametrize("how", ["latest_of", "earliest_of"])
def test_a_trigger_of_several(how):
    assert parse_trigger({how: ["recorded"]}, "t") == Trigger(("recorded",), how)


def test_all_rules_of_a_dataset():
    years, day = FinancialYears((6, 30)), date(2000, 1, 1)
    rules = {"grounds": [GROUND], "ceilings": [CEILING], "steps": [STEP], "no_reason_to_keep": True}
    assert parse_rules(rules, years, day, "d") == RuleSet(
        grounds=(parse_ground(GROUND, ""),),
        ceilings=(parse_ceiling(CEILING, ""),),
        steps=(parse_step(STEP, ""),),
        no_reason_to_keep=True,
        financial_years=years,
        first_plausible_day=day,
    )
    follows = {"follows": [{"dataset": "d"}], "ceilings": [CEILING]}
    assert parse_rules(follows, years, day, "d").follows == (Follow("d"),)
    empty = dict.fromkeys(("grounds", "ceilings", "follows", "steps", "no_reason_to_keep"))
    assert parse_rules(empty, years, day, "d") == RuleSet(financial_years=years, first_plausible_day=day)


def known(kind):
    return ", ".join(one.value for one in kind)


UNKNOWN = (
    "unknown rounding 'end_of_decade'; known are none, end_of_month, end_of_quarter, end_of_calendar_year, "
    "end_of_financial_year, end_of_calendar_year_of_financial_year and next MM-DD"
)
NO_TRIGGER = "is no event's name and neither latest_of nor earliest_of a list of them"
NO_CONDITION = "a condition is written {fact: …, is: …}"
NO_DAY = "{!r} is not a day such as 2026-06-30"


@pytest.mark.parametrize(
    ("what", "change", "where", "says"),
    [
        (
            "ground",
            {"trigger": "contract_endet"},
            ".trigger",
            "unknown event 'contract_endet'",
        ),
        ("ground", {"trigger": {"latest_of": ["recorded", "never"]}}, ".trigger.latest_of", "unknown event 'never'"),
        ("ground", {"trigger": {"latest_of": []}}, ".trigger.latest_of", "names no event"),
        ("ground", {"trigger": {"latest_of": "recorded"}}, ".trigger.latest_of", "is not a list"),
        ("ground", {"trigger": {"soonest_of": ["recorded"]}}, ".trigger", NO_TRIGGER),
        ("ground", {"trigger": {"latest_of": ["recorded"], "earliest_of": ["recorded"]}}, ".trigger", NO_TRIGGER),
        ("ground", {"trigger": None}, ".trigger", NO_TRIGGER),
        (
            "ground",
            {"period": "6 years"},
            ".period",
            "'6 years' is not a calendar period such as P6Y, P3M, P2W or P14D",
        ),
        ("ground", {"rounding": "end_of_decade"}, ".rounding", UNKNOWN),
        ("ground", {"kind": "wish"}, ".kind", f"'wish' is none of the known: {known(Kind)}"),
        ("ground", {"kind": None}, ".kind", f"is missing: {known(Kind)}"),
        ("ground", {"action": "shred"}, ".action", f"'shred' is none of the known: {known(Action)}"),
        ("ground", {"status": "sure"}, ".status", f"'sure' is none of the known: {known(Status)}"),
        ("ground", {"if_absent": "perhaps"}, ".if_absent", f"'perhaps' is none of the known: {known(Absence)}"),
        ("ground", {"ends_on": "objection"}, ".ends_on", "is not a list"),
        ("ground", {"ends_on": ["objektion"]}, ".ends_on", "unknown event 'objektion'"),
        (
            "ground",
            {"kind": "obligation", "ends_on": ["erasure_requested"]},
            ".ends_on",
            "an obligation by law cannot end earlier than the law says",
        ),
        ("ground", {"condition": {"fact": "x"}}, ".condition", NO_CONDITION),
        ("ground", {"condition": ["x"]}, ".condition", NO_CONDITION),
        ("ground", {"condition": 7}, ".condition", "is not a list"),
        ("ground", {"condition": [{"fact": "x", "is": 1.5}]}, ".condition", "a fact cannot be 1.5"),
        ("ground", {"review_by": "2026-13-01"}, ".review_by", NO_DAY.format("2026-13-01")),
        ("ground", {"review_by": "2026-W01-1"}, ".review_by", NO_DAY.format("2026-W01-1")),
        ("ground", {"review_by": "20260101"}, ".review_by", NO_DAY.format("20260101")),
        ("ground", {"id": None}, ".id", "is missing"),
        ("ground", {"id": ""}, ".id", "'' is no text"),
        ("ground", {"id": 7}, ".id", "7 is no text"),
        (
            "ground",
            {"perriod": "P1Y", "zeit": 1},
            "",
            f"unknown key 'perriod'; known are {', '.join(sorted(written.GROUND_KEYS))}",
        ),
        ("ceiling", {"kind": "need"}, "", f"unknown key 'kind'; known are {', '.join(sorted(written.CEILING_KEYS))}"),
        ("ceiling", {"id": None}, ".id", "is missing"),
        ("ceiling", {"trigger": None}, ".trigger", NO_TRIGGER),
        ("ceiling", {"period": None}, ".period", "None is not a calendar period such as P6Y, P3M, P2W or P14D"),
        ("ceiling", {"action": None}, ".action", f"is missing: {known(Action)}"),
        ("ceiling", {"rounding": "end_of_decade"}, ".rounding", UNKNOWN),
        ("ceiling", {"condition": 7}, ".condition", "is not a list"),
        ("ceiling", {"if_absent": "x"}, ".if_absent", f"'x' is none of the known: {known(Absence)}"),
        ("ceiling", {"status": "x"}, ".status", f"'x' is none of the known: {known(Status)}"),
        ("ceiling", {"yields_to": "need"}, ".yields_to", "is not a list"),
        (
            "ceiling",
            {"yields_to": ["wish"]},
            ".yields_to",
            f"['wish'] is neither none, any_basis nor a list of {known(Kind)}",
        ),
        ("step", {"kind": "need"}, "", f"unknown key 'kind'; known are {', '.join(sorted(written.STEP_KEYS))}"),
        ("step", {"columns": ["a"]}, ".columns", "is not a mapping"),
        ("step", {"id": None}, ".id", "is missing"),
        ("step", {"trigger": None}, ".trigger", NO_TRIGGER),
        ("step", {"period": None}, ".period", "None is not a calendar period such as P6Y, P3M, P2W or P14D"),
        ("step", {"action": None}, ".action", f"is missing: {known(StepAction)}"),
        ("step", {"rounding": "end_of_decade"}, ".rounding", UNKNOWN),
        ("step", {"condition": 7}, ".condition", "is not a list"),
        ("step", {"if_absent": "x"}, ".if_absent", f"'x' is none of the known: {known(Absence)}"),
        ("step", {"status": "x"}, ".status", f"'x' is none of the known: {known(Status)}"),
        ("step", {"fields": "nimi"}, ".fields", "is not a list"),
        ("follow", {"kind": "need"}, "", "unknown key 'kind'; known are action, by, dataset"),
        ("follow", {"dataset": None}, ".dataset", "is missing"),
        ("follow", {"action": "x"}, ".action", f"'x' is none of the known: {known(Action)}"),
        ("hold", {"until": "x"}, "", "unknown key 'until'; known are from, reason, released"),
        ("hold", {"from": None}, ".from", NO_DAY.format(None)),
        ("hold", {"released": ""}, ".released", NO_DAY.format("")),
    ],
)
def test_what_is_wrong_is_named_with_its_place(what, change, where, says):
    with pytest.raises(RuleError) as caught:
        READ[what]({**LEAST[what], **change}, "here")
    assert (caught.value.path, caught.value.message) == (f"here{where}", says)
    assert str(caught.value) == f"here{where}: {says}"


@pytest.mark.parametrize("what", READ)
def test_what_is_no_mapping_is_refused(what):
    with pytest.raises(RuleError) as caught:
        READ[what](["id"], "here")
    assert (caught.value.path, caught.value.message) == ("here", "is not a mapping")


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        ({"grounds": [{**GROUND, "period": "x"}]}, "d.grounds[g].period", "'x' is not a calendar period"),
        ({"ceilings": [{**CEILING, "period": "x"}]}, "d.ceilings[c].period", "'x' is not a calendar period"),
        ({"steps": [{**STEP, "period": "x"}]}, "d.steps[s].period", "'x' is not a calendar period"),
        ({"grounds": [{"period": "x"}]}, "d.grounds[?].kind", "is missing"),
        ({"follows": [{"dataset": "a"}, {"by": "x"}]}, "d.follows[1].dataset", "is missing"),
        (
            {"follows": [{"dataset": "a"}], "grounds": [GROUND]},
            "d.follows",
            "follows others: what keeps them keeps it, and it has no ground of its own",
        ),
        ({"follows": [{"dataset": "a"}], "no_reason_to_keep": True}, "d.follows", "follows others"),
    ],
)
def test_of_all_rules_the_place_of_the_one_that_is_wrong(change, where, says):
    with pytest.raises(RuleError) as caught:
        parse_rules(change, FinancialYears(), date(1950, 1, 1), "d")
    assert caught.value.path == where
    assert caught.value.message.startswith(says)


def test_an_error_without_a_place_is_its_words():
    assert str(RuleError("is wrong")) == "is wrong"
    assert (PeriodError("is wrong").path, PeriodError("is wrong").message) == ("", "is wrong")


def test_of_many_cases_each_bad_one_is_named_and_the_others_are_read():
    good = {"id": "good", "today": "2026-01-01", "grounds": [GROUND]}
    backwards = {"ref": "A", "started": "2020-01-02", "ended": "2020-01-01"}
    cases, problems = parse_cases(
        [
            good,
            {**good, "id": "backwards", "contracts": [backwards]},
            {**good, "id": "lost", "ground": [], "grounds": [GROUND]},
            {"id": "none", "today": "2026-01-01"},
            good,
        ]
    )
    assert [case.id for case in cases] == ["good"]
    assert [problem.path for problem in problems] == ["backwards.contracts[0]", "lost", "none", "good"]
    assert "before it starts" in problems[0].message


def test_what_is_no_list_is_refused():
    with pytest.raises(DocumentError):
        parse_cases({"id": "x"})
