"""Until when nothing changes by itself, held against `decide` day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.domain.decisions import Item, Occurrence, decide
from retention.domain.horizon import next_change, questions
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import FinancialYears
from retention.domain.rules import Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some
from tests.domain.test_decisions import items, rule_documents

YEARS = st.sampled_from(
    [
        FinancialYears((4, 30)),
        FinancialYears((12, 31), ((date(2024, 11, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 7, 31)))),
    ]
)
HOLDS = st.lists(
    st.builds(
        Hold, st.dates(date(2026, 1, 1), date(2027, 6, 1)), st.none() | st.dates(date(2026, 1, 1), date(2027, 9, 1))
    ),
    max_size=2,
)
AHEAD = 900
"""Days after today that are looked at."""


def dates_of(item: Item, name: str) -> list[date]:
    """Every date that anything tells of an event, as a register's column and the ledger's rows do."""
    found = item.events.get(name)
    days = [o.day for o in found] if isinstance(found, tuple) else [found]
    if name in CONTRACT_EVENTS:
        days += [c.started if name == "contract_started" else c.ended for c in item.contracts]
    return [day for day in days if day is not None]


def horizon(items_, rules, holds, today):
    asked = questions(rules, today)
    answers = {
        (name, day): [min((one for one in dates_of(item, name) if one >= day), default=None) for item in items_]
        for name, day in asked
    }
    return next_change(rules, holds, today, answers)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(items, min_size=1, max_size=3),
    rule_documents,
    HOLDS,
    YEARS,
    st.dates(date(2025, 1, 1), date(2026, 12, 31)),
    st.booleans(),
)
def test_no_state_changes_before_the_day(items_, documents, holds, years, today, no_reason):
    grounds, ceilings = documents
    rules = RuleSet(
        tuple(parse_ground(one, "g") for one in grounds),
        tuple(parse_ceiling(one, "c") for one in ceilings),
        no_reason_to_keep=no_reason,
        financial_years=years,
    )
    day = horizon(items_, rules, holds, today)
    assert day > today
    for item in items_:
        state = decide(item, rules, holds, today).state
        for n in range(1, min(AHEAD, (day - today).days)):
            assert decide(item, rules, holds, today + timedelta(days=n)).state is state, (item, n, day)


def one(item, grounds, holds=(), today=some.TODAY):
    usual = {"id": "g", "kind": "need", "action": "delete", "status": "confirmed"}
    rules = RuleSet(tuple(parse_ground({**usual, **ground}, "g") for ground in grounds))
    return horizon([item], rules, holds, today)


@pytest.mark.parametrize(
    ("item", "grounds", "day"),
    [
        (Item(events={"occurred": date(2024, 7, 1)}), [{"trigger": "occurred", "period": "P2Y"}], date(2026, 7, 2)),
        (Item(events={"occurred": date(2024, 6, 29)}), [{"trigger": "occurred", "period": "P2Y"}], date.max),
        (Item(events={"occurred": date(2026, 8, 1)}), [{"trigger": "occurred", "period": "P2Y"}], date(2026, 8, 1)),
        (
            Item(events={"invoice_dated": date(2026, 8, 1)}),
            [{"trigger": "invoice_dated", "period": "P1M"}],
            date(2026, 9, 2),
        ),
        (
            Item(events={"dispute_opened": (Occurrence(date(2026, 7, 9)),)}),
            [{"trigger": "dispute_resolved", "period": "P1Y"}],
            date(2026, 7, 9),
        ),
        (Item(), [{"trigger": "occurred", "review_by": "2026-07-15"}], date(2026, 7, 15)),
        (
            Item(events={"debt_due": (Occurrence(some.TODAY),), "objection": (Occurrence(some.TODAY),)}),
            [{"trigger": "debt_due", "period": "P10Y", "ends_on": ["objection"]}],
            some.TODAY + timedelta(days=1),
        ),
    ],
)  # fmt: skip
def test_the_day_is_no_earlier_than_it_must_be(item, grounds, day):
    assert one(item, grounds) == day


def test_a_hold_counts_from_its_day_until_its_day():
    item = Item(events={"occurred": date(2020, 1, 1)})
    ground = [{"trigger": "occurred", "period": "P2Y"}]
    assert one(item, ground, holds=[Hold(date(2026, 7, 3), date(2026, 8, 4))]) == date(2026, 7, 3)
    assert one(item, ground, holds=[Hold(date(2026, 1, 1), date(2026, 8, 4))]) == date(2026, 8, 4)
    assert one(item, ground, holds=[Hold(date(2026, 1, 1))]) == date.max


def test_a_date_ahead_is_seen_behind_one_that_is_not():
    ground = parse_ground(
        {"id": "g", "kind": "need", "trigger": "occurred", "period": "P1Y", "action": "delete", "status": "confirmed"},
        "g",
    )
    recent, ahead = Item(events={"occurred": date(2026, 6, 1)}), Item(events={"occurred": date(2026, 7, 9)})
    assert horizon([recent, ahead], RuleSet((ground,)), [], some.TODAY) == date(2026, 7, 9)
