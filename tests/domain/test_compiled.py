"""The same rule twice: the compiled question against `decide()`, over random rules and random items."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.domain import compiled
from retention.domain.decisions import Item, Occurrence, State, decide, with_own
from retention.domain.periods import FinancialYears
from retention.domain.predicates import (
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Not,
    Recorded,
)
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some

NEITHER = {State.OPEN, State.KEEP}
OWN = (*some.OWN_EVENTS, "erasure_requested")


def holds_true(
    expression: Expression, events: Mapping[str, date | None], facts: Mapping[str, object], closed: bool
) -> bool:
    """What a register would answer of one row."""
    match expression:
        case Literal(value):
            return value
        case AtMost(name, day):
            return (found := events[name]) is not None and found <= day
        case AtLeast(name, day):
            return (found := events[name]) is not None and found >= day
        case Recorded(name):
            return events[name] is not None
        case FactIs(name, value):
            return facts[name] is not None and facts[name] == value
        case FactKnown(name):
            return facts[name] is not None
        case Closed():
            return closed
        case Not(term):
            return not holds_true(term, events, facts, closed)
        case All(terms):
            return all(holds_true(term, events, facts, closed) for term in terms)
        case Any(terms):
            return any(holds_true(term, events, facts, closed) for term in terms)
    raise AssertionError(expression)


@settings(max_examples=1500, deadline=None)
@given(
    grounds=some.some(some.ground_documents, 3, "g"),
    ceilings=some.some(some.ceiling_documents, 2, "c"),
    contracts=some.contracts,
    scope=st.sampled_from([None, None, "A"]),
    told=some.ledger_events,
    still_open=some.still_open,
    known=st.sampled_from([None, True, False]),
    rows=st.lists(
        st.tuples(
            st.fixed_dictionaries(dict.fromkeys(OWN, some.maybe_day)),
            st.sampled_from([None, True, False]),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    mapped=st.sets(st.sampled_from(OWN)),
    has_closed=st.booleans(),
    no_reason=st.booleans(),
)
def test_compiled_equals_decided(
    grounds, ceilings, contracts, scope, told, still_open, known, rows, mapped, has_closed, no_reason
):
    rules = RuleSet(
        tuple(parse_ground(document, "g") for document in grounds),
        tuple(parse_ceiling(document, "c") for document in ceilings),
        no_reason,
        FinancialYears((4, 30)),
    )
    item = Item(tuple(contracts), scope, told, {} if known is None else {"known": known}, still_open=still_open)
    own_events, own_facts = frozenset(mapped), frozenset({"own"})
    verdicts = compiled.verdicts(item, rules, some.TODAY, own_events, own_facts)
    due = compiled.due(rules, verdicts, some.TODAY, own_events, own_facts, has_closed)
    attention = compiled.attention(rules, verdicts, some.TODAY, own_events, own_facts, has_closed)
    for dates, fact, closed in rows:
        events = {name: dates[name] for name in mapped}
        facts = {"own": fact}
        state = decide(with_own(item, events, facts, closed and has_closed), rules, (), some.TODAY).state
        assert holds_true(due, events, facts, closed) == (state is State.DUE)
        if state not in NEITHER:
            assert holds_true(attention, events, facts, closed)


@pytest.mark.parametrize(
    ("event", "over"),
    [
        ("recorded", {"rounding": "end_of_financial_year"}),
        ("recorded", {"rounding": "end_of_calendar_year_of_financial_year"}),
        ("recorded", {"period": "P1M"}),
        ("invoice_dated", {"period": "P1M"}),
        ("case_closed", {"if_absent": "missing"}),
        ("last_contact", {}),
    ],
)
def test_a_register_asks_for_exactly_the_days_that_are_due(event, over):
    """Each day from long ago to some that lie ahead, and none: what is asked for is what `decide` calls due."""
    document = {"id": "g", "kind": "need", "trigger": event, "period": "P1Y", "action": "delete", "status": "confirmed"}
    rules = RuleSet((parse_ground({**document, **over}, "g"),), financial_years=FinancialYears((4, 30)))
    own, none = frozenset({event, "case_opened"}), frozenset[str]()
    verdicts = compiled.verdicts(Item(), rules, some.TODAY, own, none)
    due = compiled.due(rules, verdicts, some.TODAY, own, none, False)
    attention = compiled.attention(rules, verdicts, some.TODAY, own, none, False)
    days = [some.TODAY + timedelta(days=n) for n in range(-1100, 40)]
    for day in [None, date(9999, 12, 31), *days]:
        dates = {event: day, "case_opened": some.TODAY}
        state = decide(with_own(Item(), dates, {}, False), rules, (), some.TODAY).state
        assert holds_true(due, dates, {}, False) == (state is State.DUE), day
        assert holds_true(attention, dates, {}, False) == (state not in NEITHER), day


@pytest.mark.parametrize("if_absent", [None, "pending", "missing", "not_applicable"])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", ["ground", "ceiling"])
def test_what_is_open_too_is_asked_for_by_what_opens_it(if_absent, told, kind):
    """The ledger tells an end and that it is open; what opened it stands in the row, or nowhere."""
    document = {"id": "g", "trigger": "case_closed", "period": "P1Y", "action": "delete", "status": "confirmed"}
    document |= {"if_absent": if_absent} if if_absent else {}
    grounds = (parse_ground({**document, "kind": "need"}, "g"),) if kind == "ground" else ()
    rules = RuleSet(grounds, () if grounds else (parse_ceiling(document, "g"),))
    ended = {"case_closed": (Occurrence(date(2020, 1, 1)),)}
    opened = {"case_closed": (Occurrence(None),)}
    own, none = frozenset({"case_opened"} if told else ()), frozenset[str]()
    for item in (Item(events=ended), Item(events=ended, still_open=opened)):
        verdicts = compiled.verdicts(item, rules, some.TODAY, own, none)
        due = compiled.due(rules, verdicts, some.TODAY, own, none, False)
        attention = compiled.attention(rules, verdicts, some.TODAY, own, none, False)
        for day in (None, date(2019, 1, 1)):
            dates = {"case_opened": day} if told else {}
            state = decide(with_own(item, dates, {}, False), rules, (), some.TODAY).state
            assert holds_true(due, dates, {}, False) == (state is State.DUE)
            assert holds_true(attention, dates, {}, False) or state in NEITHER


def test_of_a_ceilings_several_starts_the_earliest_that_is_there_counts():
    long_need = {"id": "g", "kind": "need", "trigger": "recorded", "period": "P100Y", "action": "delete"}
    earliest = {"id": "c", "trigger": {"earliest_of": ["case_closed", "last_contact", "recorded"]}, "period": "P1Y"}
    confirmed = {"status": "confirmed", "action": "delete"}
    rules = RuleSet((parse_ground({**long_need, **confirmed}, "g"),), (parse_ceiling({**earliest, **confirmed}, "c"),))
    own, none = frozenset({"recorded", "case_opened", "case_closed", "last_contact"}), frozenset[str]()
    verdicts = compiled.verdicts(Item(), rules, some.TODAY, own, none)
    due = compiled.due(rules, verdicts, some.TODAY, own, none, True)
    old, new = date(2024, 1, 1), date(2026, 6, 1)
    rows = product((None, old, new), (None, old), (None, new), (None, old), (0, 1))
    for recorded, opened, done, contact, closed in rows:
        dates = {"recorded": recorded, "case_opened": opened, "case_closed": done, "last_contact": contact}
        state = decide(with_own(Item(), dates, {}, bool(closed)), rules, (), some.TODAY).state
        assert holds_true(due, dates, {}, bool(closed)) == (state is State.DUE), (dates, closed)


def test_a_closed_row_that_lacks_the_day_its_ceiling_starts_on_is_asked_for():
    usual = {"action": "delete", "status": "confirmed"}
    rules = RuleSet(
        (parse_ground({"id": "g", "kind": "need", "trigger": "recorded", "period": "P100Y", **usual}, "g"),),
        (parse_ceiling({"id": "c", "trigger": "case_closed", "period": "P1Y", **usual}, "c"),),
    )
    dates = {"recorded": some.TODAY, "case_opened": some.TODAY, "case_closed": None}
    verdicts = compiled.verdicts(Item(), rules, some.TODAY, frozenset(dates), frozenset())
    attention = compiled.attention(rules, verdicts, some.TODAY, frozenset(dates), frozenset(), True)
    for closed, state in ((True, State.TRIGGER_MISSING), (False, State.KEEP)):
        assert decide(with_own(Item(), dates, {}, closed), rules, (), some.TODAY).state is state
        assert holds_true(attention, dates, {}, closed) is closed


def test_a_closed_row_whose_step_was_ended_early_is_asked_for():
    """What it starts on lacks, and would not apply to an open row; its own end says that the step is due."""
    ground = {"id": "g", "kind": "need", "trigger": "case_closed", "period": "P1Y", "ends_on": ["last_contact"]}
    document = {**ground, "if_absent": "not_applicable", "action": "delete", "status": "confirmed"}
    rules = RuleSet((parse_ground(document, "g"),), is_step=True)
    dates = {"case_opened": some.TODAY, "case_closed": None, "last_contact": date(2024, 1, 1)}
    verdicts = compiled.verdicts(Item(), rules, some.TODAY, frozenset(dates), frozenset())
    attention = compiled.attention(rules, verdicts, some.TODAY, frozenset(dates), frozenset(), True)
    for closed, state in ((True, State.DUE), (False, State.OPEN)):
        assert decide(with_own(Item(), dates, {}, closed), rules, (), some.TODAY).state is state
        assert holds_true(attention, dates, {}, closed) is closed
