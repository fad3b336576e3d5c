"""Gaps and what fills them: one date of one contract or thing, and never more than that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.decisions import State, decide
from retention.domain.items import Contract, Item, Occurrence
from retention.domain.periods import Period
from retention.domain.rules import Absence, Action, Ground, Kind, RuleSet, Trigger
from retention.domain.substitutes import Cause, Gap, Substitute, estimable, fill, gaps

TODAY = date(2026, 6, 30)
DAY = date(2020, 12, 31)
FIRST = date(1950, 1, 1)


def rules(*events, period="P3Y", **over):
    return RuleSet(
        tuple(Ground(name, Kind.NEED, Trigger((name,)), Period.parse(period), Action.DELETE, **over) for name in events)
    )


ENDED = rules("contract_ended")
FIXED = Substitute(1, "contract_ended", Cause.NO_DATE, day=DAY)
STARTED = date(2015, 1, 1)


def closed(ref, ended=None, started=STARTED):
    return Contract(ref, started, ended, True)


def filled(item, substitute=FIXED, of=ENDED):
    mine = [gap for gap in gaps(item, of, TODAY, True) if substitute.meant(gap)]
    return fill(item, of, dict.fromkeys(mine, substitute), TODAY)


class TestGaps:
    def test_of_each_contract_its_own(self):
        item = Item(contracts=(closed("a"), closed("b", date(2019, 1, 1)), closed("c", date(1900, 1, 1))))
        assert gaps(item, ENDED, TODAY, True) == (
            Gap("contract_ended", Cause.NO_DATE, None, "a"),
            Gap("contract_ended", Cause.IMPLAUSIBLE, date(1900, 1, 1), "c"),
        )

    def test_a_running_contract_has_none_and_never_is_none(self):
        item = Item(contracts=(Contract("a", STARTED), Contract("b", STARTED, date(9999, 12, 31))))
        assert gaps(item, ENDED, TODAY, True) == ()

    def test_of_one_contract_only_where_the_item_is_of_one(self):
        item = Item(contracts=(closed("a"), closed("b")), scope="b")
        assert [gap.contract for gap in gaps(item, ENDED, TODAY, True)] == ["b"]

    def test_a_day_that_is_not_believed(self):
        item = Item(contracts=(closed("a", date(2020, 1, 1), date(1960, 1, 1)),))
        assert gaps(item, ENDED, TODAY, True) == ()
        disbelieved = frozenset({("contract_ended", date(2020, 1, 1))})
        (gap,) = gaps(item, ENDED, TODAY, True, disbelieved)
        assert (gap.cause, gap.day) == (Cause.SAME_DAY, date(2020, 1, 1))

    def test_whom_nobody_knows(self):
        item = Item(events={"contract_ended": None})
        assert gaps(item, ENDED, TODAY, False)[0].cause is Cause.UNKNOWN_SUBJECT
        assert gaps(item, ENDED, TODAY, True)[0].cause is Cause.NO_DATE
        own = replace(item, own=frozenset({"contract_ended"}))
        assert gaps(own, ENDED, TODAY, False)[0].cause is Cause.NO_DATE

    def test_what_does_not_apply_is_no_gap_and_what_a_rule_says_must_be_there_is(self):
        item = Item(events={"recorded": STARTED})
        assert gaps(item, rules("last_contact"), TODAY, True) == ()
        assert gaps(item, rules("last_contact", if_absent=Absence.MISSING), TODAY, True) == (
            Gap("last_contact", Cause.NO_DATE),
        )

    @pytest.mark.parametrize("name", ["consent_given", "consent_withdrawn", "objection", "erasure_requested"])
    def test_what_a_person_does_is_never_estimated(self, name):
        assert estimable(rules(name, "recorded")) == {"recorded"}


class TestFilling:
    def test_the_decision_says_that_it_rests_on_an_estimate(self):
        item = Item(contracts=(closed("a"),))
        assert decide(item, ENDED, (), TODAY).state is State.TRIGGER_MISSING
        whole, numbers = filled(item)
        decision = decide(whole, ENDED, (), TODAY)
        assert (decision.state, decision.due_from, numbers) == (State.DUE, date(2024, 1, 1), {1})
        assert decision.estimated == ("contract_ended",)
        assert [reason.estimated for reason in decision.reasons] == [True]

    def test_rules_that_start_with_something_else_are_not_marked(self):
        item = Item(contracts=(closed("a"),), events={"recorded": STARTED})
        whole, _ = filled(item)
        decision = decide(whole, rules("recorded"), (), TODAY)
        assert decision.estimated == ()

    def test_another_contract_that_runs_still_keeps_it(self):
        whole, _ = filled(Item(contracts=(closed("a"), Contract("b", STARTED))))
        assert decide(whole, ENDED, (), TODAY).state is State.OPEN

    def test_another_contract_that_ended_later_decides(self):
        whole, _ = filled(Item(contracts=(closed("a"), closed("b", date(2025, 1, 1)))))
        assert decide(whole, ENDED, (), TODAY).due_from == date(2028, 1, 2)

    def test_a_real_date_beside_it_is_not_touched(self):
        item = Item(events={"case_closed": (Occurrence(None, "a"), Occurrence(date(2025, 1, 1), "b"))})
        substitute = Substitute(2, "case_closed", Cause.NO_DATE, day=DAY)
        whole, _ = filled(item, substitute, rules("case_closed"))
        assert whole.events["case_closed"] == (Occurrence(DAY, "a"), Occurrence(date(2025, 1, 1), "b"))

    def test_another_event_of_the_same_contract(self):
        item = Item(
            contracts=(closed("a"), closed("b")),
            events={"invoice_dated": (Occurrence(date(2019, 5, 1), contract="a"),)},
        )
        whole, numbers = filled(item, Substitute(3, "contract_ended", Cause.NO_DATE, by="invoice_dated"))
        assert [contract.ended for contract in whole.contracts] == [date(2019, 5, 1), None]
        assert numbers == {3}

    @pytest.mark.parametrize("day", [date(2014, 12, 31), TODAY + timedelta(days=1), FIRST - timedelta(days=1)])
    def test_no_day_before_the_contract_began_nor_one_ahead(self, day):
        item = Item(contracts=(closed("a"),))
        assert filled(item, replace(FIXED, day=day)) == (item, frozenset())

    def test_a_start_that_is_missing_is_filled_as_a_start(self):
        item = Item(contracts=(closed("a", date(2019, 1, 1), None),))
        whole, _ = filled(
            item, Substitute(4, "contract_started", Cause.NO_DATE, day=STARTED), rules("contract_started")
        )
        assert whole.contracts[0].started == STARTED


days = st.none() | st.dates(date(1890, 1, 1), date(2030, 1, 1)) | st.just(date(9999, 12, 31))
contracts = st.lists(
    st.builds(Contract, st.sampled_from("abc"), st.dates(date(1960, 1, 1), date(2026, 1, 1)), days, st.booleans()),
    max_size=3,
    unique_by=lambda contract: contract.ref,
).map(tuple)


@given(contracts, st.dates(date(1940, 1, 1), date(2030, 1, 1)), st.sampled_from(list(Cause)))
def test_only_gaps_of_its_sort_are_filled_and_nothing_else_changes(found, day, cause):
    item = Item(contracts=found)
    substitute = Substitute(7, "contract_ended", cause, day=day)
    whole, numbers = filled(item, substitute)
    before = {gap.contract for gap in gaps(item, ENDED, TODAY, True) if substitute.meant(gap)}
    for old, new in zip(item.contracts, whole.contracts, strict=True):
        changed = old != new
        assert not changed or (old.ref in before and new == replace(old, ended=day) and day <= TODAY)
    assert bool(numbers) == (whole != item)
    assert bool(numbers) == bool(whole.estimated)


@given(contracts, st.dates(date(1950, 1, 1), TODAY))
def test_what_has_no_gap_is_decided_as_ever_and_what_was_open_stays_open(found, day):
    item = Item(contracts=found)
    whole, numbers = filled(item, replace(FIXED, day=day))
    before, after = decide(item, ENDED, (), TODAY), decide(whole, ENDED, (), TODAY)
    if not numbers:
        assert before == after
    if before.state in {State.OPEN, State.KEEP, State.DUE}:
        assert (after.state, after.due_from) == (before.state, before.due_from)
