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
from retention.domain.substitutes import Cause, Substitute, fill, gaps
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


def together(items_, rules, today=some.TODAY):
    """As one register answers: the earliest date of all its items."""
    answers = {
        (name, day): [min((one for item in items_ for one in dates_of(item, name) if one >= day), default=None)]
        for name, day in questions(rules, today)
    }
    return next_change(rules, [], today, answers)


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


def test_a_consent_withdrawn_today_has_ended_tomorrow():
    item = Item(
        events={"consent_given": (Occurrence(date(2026, 1, 1)),), "consent_withdrawn": (Occurrence(some.TODAY),)}
    )
    ground = {"kind": "consent", "trigger": "consent_given", "period": "P10Y"}
    assert one(item, [ground]) == some.TODAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("days", "period", "day"),
    [
        (("2020-01-01", "2024-07-01"), "P2Y", date(2026, 7, 2)),  # long due
        (("2024-06-29", "2024-07-01"), "P2Y", date(2026, 7, 2)),  # due since today
        (("2026-06-29", "2026-07-09"), "P2Y", date(2026, 7, 9)),  # there since yesterday
        (("2020-01-01",), "P3000Y", date(5020, 1, 2)),  # no date of the calendar is due
    ],
)
def test_what_has_happened_hides_nothing_that_comes(days, period, day):
    ground = parse_ground(
        {"id": "g", "kind": "need", "trigger": "occurred", "period": period, "action": "delete", "status": "confirmed"},
        "g",
    )
    all_of_them = [Item(events={"occurred": date.fromisoformat(one_day)}) for one_day in days]
    assert together(all_of_them, RuleSet((ground,))) == day


def test_a_year_of_the_organisations_own_ends_on_its_day():
    """Recorded in the year that ended on 30 April 2025, and in the one after it: P1Y is over for the first only."""
    ground = parse_ground(
        {
            "id": "g", "kind": "need", "trigger": "occurred", "period": "P1Y", "rounding": "end_of_financial_year",
            "action": "delete", "status": "confirmed",
        },
        "g",
    )  # fmt: skip
    rules = RuleSet((ground,), financial_years=FinancialYears((4, 30)))
    recorded = [Item(events={"occurred": day}) for day in (date(2025, 2, 1), date(2025, 5, 1))]
    assert together(recorded, rules) == date(2027, 5, 1)


estimated = st.builds(
    Substitute,
    st.just(1),
    st.sampled_from(["contract_ended", "case_closed", "invoice_dated"]),
    st.just(Cause.NO_DATE),
    day=st.dates(date(2019, 1, 1), date(2026, 12, 31)),
) | st.builds(
    Substitute,
    st.just(1),
    st.sampled_from(["contract_ended", "case_closed"]),
    st.sampled_from([Cause.NO_DATE, Cause.IMPLAUSIBLE]),
    by=st.sampled_from(["invoice_dated", "occurred", "contract_started"]),
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(items, min_size=1, max_size=3),
    rule_documents,
    estimated,
    st.dates(date(2025, 1, 1), date(2026, 12, 31)),
)
def test_nor_by_a_day_that_stands_in_for_one_that_is_missing(items_, documents, substitute, today):
    grounds, ceilings = documents
    rules = RuleSet(
        tuple(parse_ground(one, "g") for one in grounds), tuple(parse_ceiling(one, "c") for one in ceilings)
    )
    group = [{gap for gap in gaps(item, rules, today, True) if substitute.meant(gap)} for item in items_]

    def state(item, of_group, day):
        mine = [gap for gap in gaps(item, rules, day, True) if gap in of_group]
        return decide(fill(item, rules, dict.fromkeys(mine, substitute), day)[0], rules, [], day).state

    answers = {
        (name, day): [min((one for one in dates_of(item, name) if one >= day), default=None) for item in items_]
        for name, day in questions(rules, today, [substitute])
    }
    day = next_change(rules, [], today, answers, [substitute])
    for item, of_group in zip(items_, group, strict=True):
        now = state(item, of_group, today)
        for n in range(1, min(AHEAD, (day - today).days)):
            assert state(item, of_group, today + timedelta(days=n)) is now, (item, n, day)


@pytest.mark.parametrize(
    ("substitute", "day"),
    [
        (Substitute(1, "case_closed", Cause.NO_DATE, day=date(2025, 7, 9)), date(2026, 7, 10)),
        (Substitute(1, "case_closed", Cause.NO_DATE, by="occurred"), date(2026, 8, 2)),
    ],
)
def test_the_day_of_a_substitute_is_seen(substitute, day):
    ground = parse_ground(
        {"id": "g", "kind": "need", "trigger": "case_closed", "period": "P1Y", "action": "delete",
         "status": "confirmed"}, "g",
    )  # fmt: skip
    rules = RuleSet((ground,))
    item = Item(events={"case_closed": None, "occurred": date(2025, 8, 1)})
    answers = {
        (name, since): [min((one for one in dates_of(item, name) if one >= since), default=None)]
        for name, since in questions(rules, some.TODAY, [substitute])
    }
    assert next_change(rules, [], some.TODAY, answers, [substitute]) == day


WRITTEN = {"id": "g", "kind": "need", "period": "P1Y", "action": "delete", "status": "confirmed"}


class TestWithASubstitute:
    """A day that stands in counts like the event's own, and never hides it."""

    @staticmethod
    def changes(own, substitute, **others):
        rules = RuleSet((parse_ground({**WRITTEN, "trigger": "case_closed"}, "g"),))
        asked = questions(rules, some.TODAY, [substitute])
        days = {"case_closed": own, **others}
        earliest = {
            (name, since): [min((d for d in days.get(name, ()) if d >= since), default=None)] for name, since in asked
        }
        return asked, next_change(rules, (), some.TODAY, earliest, [substitute])

    def test_a_day(self):
        soon, later = some.TODAY - timedelta(days=300), some.TODAY - timedelta(days=100)
        year = {True: soon + timedelta(days=366), False: later + timedelta(days=366)}
        for own, day, first in (((), soon, True), ((soon,), later, True), ((later,), soon, True), ((), later, False)):
            substitute = Substitute(1, "case_closed", Cause.NO_DATE, day=day)
            assert self.changes(own, substitute)[1] == year[first]

    def test_the_first_day_that_is_asked_for(self):
        edge = some.TODAY.replace(year=some.TODAY.year - 1)  # a day earlier it would be due today
        substitute = Substitute(1, "case_closed", Cause.NO_DATE, day=edge)
        asked, change = self.changes((), substitute)
        assert ("case_closed", edge) in asked
        assert change == some.TODAY + timedelta(days=1)

    def test_another_events_day_is_asked_for_when_it_comes(self):
        rules = RuleSet((parse_ground({**WRITTEN, "trigger": "invoice_dated"}, "g"),))
        asked = questions(rules, some.TODAY, [Substitute(1, "invoice_dated", Cause.NO_DATE, by="recorded")])
        assert asked == {
            ("invoice_dated", some.TODAY.replace(year=some.TODAY.year - 1)),
            ("recorded", some.TODAY.replace(year=some.TODAY.year - 1)),
            ("recorded", some.TODAY + timedelta(days=1)),
        }

    def test_of_another_event_nothing(self):
        substitute = Substitute(1, "recorded", Cause.NO_DATE, day=some.TODAY - timedelta(days=100))
        assert self.changes((), substitute)[1] == date.max

    def test_another_events_day(self):
        soon, later = some.TODAY - timedelta(days=300), some.TODAY - timedelta(days=100)
        substitute = Substitute(1, "case_closed", Cause.NO_DATE, by="recorded")
        for own, other in (((), (soon,)), ((soon,), (later,)), ((later,), (soon,)), ((soon,), ())):
            assert self.changes(own, substitute, recorded=other)[1] == soon + timedelta(days=366)
        ahead = some.TODAY + timedelta(days=5)
        asked, change = self.changes((), substitute, recorded=(ahead,))
        assert ("recorded", some.TODAY + timedelta(days=1)) in asked
        assert change == ahead
