"""What still decides about an item that is back from a backup and whose person nobody knows any more."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention.domain.decisions import Item, State, decide
from retention.domain.returned import own_part
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ceiling, parse_ground

TODAY = date(2026, 6, 30)
LONG_AGO, YESTERDAY = date(2014, 1, 1), TODAY - timedelta(days=1)
OWN = frozenset({"recorded", "case_closed"})


def ground(trigger, **over):
    told = {"id": "g", "kind": "need", "trigger": trigger, "period": "P1Y", "action": "delete", "status": "confirmed"}
    return parse_ground({**told, **over}, "g")


def ceiling(trigger, **over):
    told = {"id": "c", "trigger": trigger, "period": "P1Y", "action": "delete", "status": "confirmed"}
    return parse_ceiling({**told, **over}, "c")


CASE, CONTRACT = ground("case_closed"), ground("contract_ended")
MIXED = ground({"latest_of": ["case_closed", "contract_ended"]})
HOT = {"condition": [{"fact": "hot", "is": True}]}
COLD = {"condition": [{"fact": "cold", "is": True}]}


def goes(*grounds, ceilings=(), closed=LONG_AGO, **facts):
    """Whether a case goes again; of `cold` only the ledger could tell."""
    events = {"recorded": LONG_AGO, **({"case_closed": closed} if closed else {}), "contract_ended": None}
    item = Item(events=events, facts=facts, own=OWN)
    rules = own_part(RuleSet(tuple(grounds), tuple(ceilings)), OWN, {"hot"})
    return decide(item, rules, (), TODAY).state is State.DUE


@pytest.mark.parametrize("closed", [LONG_AGO, YESTERDAY, None])
def test_what_only_the_ledger_could_tell_is_over(closed):
    assert goes(CONTRACT, closed=closed)


@pytest.mark.parametrize(("closed", "again"), [(LONG_AGO, True), (YESTERDAY, False), (None, False)])
@pytest.mark.parametrize("grounds", [(CASE,), (CASE, CONTRACT), (MIXED,), (ground("case_closed", **COLD),)])
def test_the_items_own_dates_count_as_ever(grounds, closed, again):
    assert goes(*grounds, closed=closed) is again


def test_its_own_end_counts_beside_a_start_that_nobody_tells():
    ends = ground("contract_started", ends_on=["case_closed"])
    assert goes(ends)
    assert not goes(ends, closed=None)


@pytest.mark.parametrize("never", ["erasure_requested", "declared_unneeded", "objection"])
def test_a_request_that_never_came_says_nothing_of_what_goes_on(never):
    own = OWN | {never}
    rules = own_part(RuleSet((ground("contract_ended", ends_on=[never]),), ()), own, ())
    item = Item(events={"recorded": LONG_AGO, "contract_ended": None}, own=own)
    assert decide(item, rules, (), TODAY).state is State.DUE


@pytest.mark.parametrize(("facts", "again"), [({"hot": False}, True), ({"hot": True}, False), ({}, False)])
def test_its_own_facts_count_as_ever(facts, again):
    assert goes(ground("case_closed", **HOT), closed=None, **facts) is again


def test_only_a_ceiling_of_its_own_cuts():
    assert goes(CASE, ceilings=[ceiling("recorded")], closed=None)
    for other in (ceiling("contract_ended"), ceiling("recorded", **COLD)):
        assert not goes(CASE, ceilings=[other], closed=None)


def test_where_there_are_ceilings_only():
    assert goes(ceilings=[ceiling("contract_ended")])
    assert goes(ceilings=[ceiling("contract_ended"), ceiling("recorded")])
    assert not goes(ceilings=[ceiling("contract_ended"), ceiling("case_closed")], closed=YESTERDAY)
