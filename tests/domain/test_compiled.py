"""The same rule twice: the compiled question against `decide()`, over random rules and random items."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from retention.domain import compiled
from retention.domain.decisions import Item, State, decide, with_own
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


def holds_true(expression: Expression, events: dict[str, date | None], facts: dict[str, object], closed: bool) -> bool:
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
    known=st.sampled_from([None, True, False]),
    rows=st.lists(
        st.tuples(
            st.fixed_dictionaries({name: some.maybe_day for name in some.OWN_EVENTS}),
            st.sampled_from([None, True, False]),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    mapped=st.sets(st.sampled_from(some.OWN_EVENTS)),
    has_closed=st.booleans(),
    no_reason=st.booleans(),
)
def test_compiled_equals_decided(
    grounds, ceilings, contracts, scope, told, known, rows, mapped, has_closed, no_reason
):
    rules = RuleSet(
        tuple(parse_ground(document, "g") for document in grounds),
        tuple(parse_ceiling(document, "c") for document in ceilings),
        no_reason,
        FinancialYears((4, 30)),
    )
    item = Item(tuple(contracts), scope, told, {} if known is None else {"known": known})
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
