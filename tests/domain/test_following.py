"""An item that follows others: as a document's case, and for every rule and item that can be drawn."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.cases import answer, parse_case
from retention.domain.decisions import Item, State, decide
from retention.domain.following import Followed, decide_following
from retention.domain.periods import FinancialYears
from retention.domain.rules import Follow, Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some
from tests.domain.strategies import TODAY

FOLLOW = Follow("d")
NEED = {"id": "n", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "anonymise"}


def followed(day, **over):
    return {"events": {"recorded": day}, "grounds": [NEED], **over}


def told(**over):
    return answer(parse_case({"id": "F", "today": "2026-06-30", **over}, "F").decide())


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"follows": [followed("2025-01-01"), followed("2025-06-29")]}, ("due", "2026-06-30")),
        ({"follows": [followed("2025-01-01"), followed("2025-06-30")]}, ("keep", "2026-07-01")),
        ({"follows": [followed("2025-01-01"), followed(None)]}, ("trigger_missing", None)),
        ({"follows": []}, ("due", "2026-06-30")),
        ({"follows": [], "first_seen": "2026-06-01"}, ("due", "2026-06-01")),
        ({"follows": "unknown"}, ("trigger_missing", None)),
        (
            {"follows": [followed("2025-01-01", holds=[{"reason": "dispute", "from": "2026-01-01"}])]},
            ("held", "2026-01-02"),
        ),
        (
            {"follows": [followed("2025-01-01")], "holds": [{"reason": "dispute", "from": "2026-01-01"}]},
            ("held", "2026-01-02"),
        ),
        (
            {
                "follows": [followed("2026-06-01")],
                "events": {"recorded": "2026-01-01"},
                "ceilings": [{"id": "c", "trigger": "recorded", "period": "P1M", "action": "anonymise"}],
            },
            ("due", "2026-02-02"),
        ),
    ],
)
def test_a_case(case, expected):
    found = told(**case)
    assert (found["state"], found.get("due_from")) == expected
    if "ceilings" not in case and found.get("action"):
        assert found["action"] == "delete"  # what becomes of the follower is its own


drawn = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(some.OWN_EVENTS, some.maybe_day)),
    some.some(some.ground_documents, 3, "g"),
    some.some(some.ceiling_documents, 2, "c"),
    some.hold_lists,
)


def made(one):
    events, grounds, ceilings, holds = one
    rules = RuleSet(
        tuple(parse_ground(doc, "g") for doc in grounds),
        tuple(parse_ceiling(doc, "c") for doc in ceilings),
        financial_years=FinancialYears((4, 30)),
    )
    item = Item(events={**dict.fromkeys(rules.events), **events}, facts={"own": True})
    return Followed(FOLLOW, item, rules, holds)


@given(st.lists(drawn, min_size=1, max_size=3))
def test_it_is_due_when_all_are_and_as_bad_as_the_worst(them):
    followed = [made(one) for one in them]
    each = [decide(one.item, one.rules, one.holds, TODAY) for one in followed]
    found = decide_following(Item(), RuleSet(follows=(FOLLOW,)), followed, (), TODAY)
    states = {one.state for one in each}
    worst = [State.RULE_CONFLICT, State.TRIGGER_MISSING, State.REVIEW, State.OPEN, State.KEEP, State.HELD, State.DUE]
    assert found.state is next(state for state in worst if state in states)
    if found.state in {State.DUE, State.HELD, State.KEEP}:
        assert found.due_from == max(one.due_from for one in each if one.due_from is not None)


@given(drawn)
def test_its_own_hold_holds_whatever_would_be_due(one):
    hold = Hold(TODAY - timedelta(days=1))
    rules = RuleSet(follows=(FOLLOW,))
    free = decide_following(Item(), rules, [made(one)], (), TODAY)
    held = decide_following(Item(), rules, [made(one)], [hold], TODAY)
    assert held.state is (State.HELD if free.state is State.DUE else free.state)
    assert decide_following(Item(first_seen=date(2020, 1, 1)), rules, [], [hold], TODAY).state is State.HELD
