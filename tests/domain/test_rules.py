"""What rules say of themselves: which action a register is asked for, whom a ceiling cuts, how a step is decided."""

from __future__ import annotations

from datetime import date

import pytest

from retention.domain.decisions import Item, State, decide
from retention.domain.periods import FinancialYears
from retention.domain.rules import Action, Hold, Kind, RuleSet, carried_out_as
from retention.domain.written import parse_ceiling, parse_ground, parse_step

DAY = date(2026, 6, 30)
CEILING = {"id": "c", "trigger": "occurred", "period": "P1Y", "action": "delete", "status": "confirmed"}
STEP = {"id": "s", "trigger": "occurred", "period": "P1M", "action": "clear", "status": "confirmed"}
KEPT = {
    "id": "g", "kind": "need", "trigger": "occurred", "period": "P90Y", "action": "delete", "status": "confirmed",
}  # fmt: skip


@pytest.mark.parametrize("action", Action)
def test_a_final_action_is_asked_for_as_it_is(action):
    assert carried_out_as(action.value) is action


@pytest.mark.parametrize("action", ["clear", "condense", "transfer"])
def test_a_step_that_a_night_carries_out_deletes_its_own(action):
    assert carried_out_as(action) is Action.DELETE


@pytest.mark.parametrize("action", ["block", "extract", "return", "", "burn"])
def test_what_no_register_is_asked_for_is_refused(action):
    with pytest.raises(ValueError, match="is not a valid Action"):
        carried_out_as(action)


def test_a_hold_holds_from_its_first_day_and_no_more_on_the_day_of_its_release():
    hold = Hold(date(2026, 6, 1), date(2026, 6, 3))
    assert [hold.holds_on(date(2026, 6, day)) for day in (1, 2, 3)] == [True, True, False]
    assert not hold.holds_on(date(2026, 5, 31))
    assert Hold(DAY).holds_on(date.max)


@pytest.mark.parametrize(
    ("yields_to", "spared"),
    [
        ("any_basis", set(Kind)),
        (["need"], {Kind.NEED, Kind.INSTRUCTION}),
        (["instruction"], {Kind.NEED, Kind.INSTRUCTION}),
        (["claim"], {Kind.CLAIM}),
    ],
)
def test_a_ceiling_cuts_all_but_what_it_yields_to(yields_to, spared):
    ceiling = parse_ceiling({**CEILING, "yields_to": yields_to}, "c")
    assert {kind for kind in Kind if not ceiling.cuts(kind)} == spared


def a_step(item, step, **rules):
    (found,) = decide(
        item, RuleSet((parse_ground(KEPT, "g"),), steps=(parse_step({**STEP, **step}, "s"),), **rules), (), DAY
    ).steps
    return found.state, found.due_from


def test_a_step_is_decided_by_all_that_is_written_of_it():
    item = Item(events={"occurred": date(2026, 1, 15)}, facts={"known": False})
    assert a_step(item, {}) == (State.DUE, date(2026, 2, 16))
    assert a_step(item, {"rounding": "end_of_month"}) == (State.DUE, date(2026, 3, 1))
    assert a_step(item, {"condition": [{"fact": "known", "is": True}]}) == (State.OPEN, None)
    assert a_step(item, {"status": "proposed"}) == (State.REVIEW, None)
    of_a_year = {"period": "P0D", "rounding": "end_of_financial_year"}
    assert a_step(item, of_a_year, financial_years=FinancialYears((4, 30))) == (State.DUE, date(2026, 5, 1))


def test_a_step_says_what_it_means_that_its_event_has_no_date():
    item = Item(events={"occurred": DAY})
    for absence, state in (("missing", State.TRIGGER_MISSING), ("not_applicable", State.OPEN)):
        assert a_step(item, {"trigger": "case_closed", "if_absent": absence}) == (state, None)


def test_a_step_is_a_need_until_its_day():
    written = {
        "id": "s",
        "trigger": {"latest_of": ["recorded", "occurred"]},
        "period": "P1Y",
        "action": "clear",
        "rounding": "end_of_month",
        "condition": {"fact": "own", "is": True},
        "if_absent": "pending",
        "status": "proposed",
        "law": "L 1",
    }
    years, first = FinancialYears((6, 30)), date(2000, 1, 1)
    whole = RuleSet((parse_ground(KEPT, "g"),), financial_years=years, first_plausible_day=first)
    until = parse_ground({**written, "kind": "need", "action": "delete"}, "s")
    assert parse_step(written, "s").rules(whole) == RuleSet(
        (until,), financial_years=years, first_plausible_day=first, is_step=True
    )
