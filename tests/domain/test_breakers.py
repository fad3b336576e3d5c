"""Breakers: when numbers are out of proportion."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.breakers import (
    Breaker,
    Tonight,
    sprung_on,
    too_many_ends,
    too_many_gone,
    too_many_left,
    tripped,
)
from retention.domain.decisions import Contract, Item, State, decide
from tests.domain.test_decisions import a_ceiling, a_rule, rule_set

TODAY = date(2026, 6, 30)
YESTERDAY, LONG_AGO = TODAY - timedelta(days=1), date(2020, 1, 15)
ENDED_YESTERDAY = Item(contracts=(Contract("S1", LONG_AGO, YESTERDAY),))

counts = st.integers(min_value=0, max_value=2_000_000)


@pytest.mark.parametrize(
    ("due", "unforeseen", "items", "wanted"),
    [
        (0, 0, 0, None),
        (50, 50, 50, None),  # few, though they are all
        (51, 51, 51, Breaker.UNFORESEEN),
        (51, 0, 51, Breaker.SHARE),
        (500, 50, 1_000, None),
        (501, 50, 1_000, Breaker.SHARE),
        (500, 51, 1_000, Breaker.UNFORESEEN),
        (1_000, 1_000, 100_000, None),
        (1_001, 1_001, 100_000, Breaker.UNFORESEEN),
        (12_000, 0, 100_000, None),
    ],
)
def test_what_is_out_of_proportion(due, unforeseen, items, wanted):
    assert tripped(Tonight(due, unforeseen, items)) is wanted


@given(due=counts, unforeseen=counts, more=counts, items=counts)
def test_more_of_it_never_lets_more_go(due, unforeseen, more, items):
    if tripped(Tonight(due, unforeseen, items)) is not None:
        assert tripped(Tonight(due + more, unforeseen, items)) is not None
        assert tripped(Tonight(due, unforeseen + more, items)) is not None
    else:
        assert tripped(Tonight(due, unforeseen, items + more)) is None


@given(due=counts, items=counts)
def test_no_night_takes_more_than_half_unseen(due, items):
    if due > 50 and 2 * due > items + 1:
        assert tripped(Tonight(due, 0, items)) is Breaker.SHARE


@pytest.mark.parametrize(
    ("sent", "left", "wanted"), [(500, 500, True), (500, 50, True), (500, 49, False), (501, 50, False), (0, 0, False)]
)
def test_too_many_are_still_there(sent, left, wanted):
    assert too_many_left(sent, left) is wanted


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [(100, 0, True), (100, 89, True), (100, 90, False), (2, 0, True), (1, 0, False), (0, 0, False)],
)
def test_too_many_went(before, after, wanted):
    assert too_many_gone(before, after) is wanted


@pytest.mark.parametrize(
    ("running", "ended", "wanted"), [(1_000, 200, False), (1_000, 201, True), (60, 50, False), (60, 51, True)]
)
def test_too_many_contracts_ended(running, ended, wanted):
    assert too_many_ends(running, ended) is wanted


@pytest.mark.parametrize(("unforeseen", "wanted"), [(0, None), (1, Breaker.UNFORESEEN)])
def test_after_somebody_said_no_one_item_is_too_many(unforeseen, wanted):
    assert tripped(Tonight(1, unforeseen, 1_000, turned_down=True)) is wanted
    assert tripped(Tonight(1, unforeseen, 1_000)) is None


def withdrawn(day, item=ENDED_YESTERDAY):
    return replace(item, events={"occurred": LONG_AGO, "consent_given": LONG_AGO, "consent_withdrawn": day})


BOTH = ["consent_withdrawn", "contract_ended"]


@pytest.mark.parametrize(
    ("grounds", "ceilings", "item", "sprung"),
    [
        ([a_rule("g", BOTH[0], "P0D")], [], withdrawn(YESTERDAY), YESTERDAY),
        ([a_rule("g", BOTH[0])], [], withdrawn(LONG_AGO), LONG_AGO),
        ([a_rule("g", period="P10Y", ends_on=BOTH[:1])], [], withdrawn(YESTERDAY), YESTERDAY),
        ([a_rule("g", BOTH[0], "P0D"), a_rule("h")], [], withdrawn(YESTERDAY), YESTERDAY),
        ([a_rule("g", BOTH[1], "P0D")], [], ENDED_YESTERDAY, None),  # an end may be known ahead
        ([a_rule("g", period="P0D")], [], Item(events={"occurred": YESTERDAY}), None),  # as old as the item
        # whichever comes first, and both came: the end alone would have done; of the later one both were needed
        ([a_rule("g", {"earliest_of": BOTH}, "P0D")], [], withdrawn(YESTERDAY), None),
        ([a_rule("g", {"latest_of": BOTH}, "P0D")], [], withdrawn(YESTERDAY), YESTERDAY),
        ([a_rule("g", period="P10Y", ends_on=BOTH)], [], withdrawn(YESTERDAY), None),
        ([a_rule("g", period="P10Y")], [a_ceiling("c", BOTH[0], "P0D")], withdrawn(YESTERDAY), YESTERDAY),
        ([a_rule("g")], [a_ceiling("c", BOTH[0], "P0D")], withdrawn(YESTERDAY), None),  # it cuts nothing
    ],
)
def test_what_nobody_knew_ahead_of_its_day(grounds, ceilings, item, sprung):
    decision = decide(item, rule_set(grounds, ceilings), (), TODAY)
    assert decision.state is State.DUE
    assert sprung_on(decision) == sprung


def test_a_rule_that_lasts_has_ended_nothing():
    rules = rule_set([a_rule("g", "consent_withdrawn"), a_rule("h")])
    assert sprung_on(decide(withdrawn(YESTERDAY), rules, (), TODAY)) is None
