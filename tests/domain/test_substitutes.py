"""Gaps and what fills them: one date of one contract or thing, and never more than that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.decisions import State, decide, with_own
from retention.domain.events import NEVER
from retention.domain.items import Contract, Item, Occurrence
from retention.domain.periods import Period
from retention.domain.rules import Absence, Action, Ceiling, Ground, Kind, RuleSet, Trigger
from retention.domain.substitutes import (
    Cause,
    Gap,
    Substitute,
    dated,
    disbelieved,
    estimable,
    fill,
    gaps,
    rules_starting,
)

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
CEILING = Ceiling("c", Trigger(("occurred",)), Period.parse("P6Y"), Action.DELETE)


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

    def test_what_its_own_row_leaves_open_is_no_gap_of_its_contracts(self):
        """The row says that it runs; that another contract is closed without a date is not its own date's gap."""
        item = with_own(Item(contracts=(closed("a"),)), {"contract_ended": None}, {}, False)
        assert gaps(item, ENDED, TODAY, True) == ()
        other = with_own(Item(contracts=(Contract("a", STARTED, STARTED),)), {"contract_ended": None}, {}, False)
        assert dated(other, ENDED) == ()

    def test_what_its_own_row_lacks_is_filled_in_the_row(self):
        item = with_own(Item(contracts=(closed("a"),)), {"contract_ended": None}, {}, True)
        assert gaps(item, ENDED, TODAY, True) == (Gap("contract_ended", Cause.NO_DATE),)
        assert decide(filled(item)[0], ENDED, (), TODAY).state is State.DUE

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


class TestWhatAGapSays:
    def test_all_that_tells_it_from_others(self):
        whole = Gap("debt_due", Cause.SAME_DAY, DAY, "A", "L1", "kysely")
        assert whole.written() == ["debt_due", "same_day", "2020-12-31", "A", "L1", "kysely"]
        assert Gap("recorded", Cause.NO_DATE).written() == ["recorded", "no_date", "", "", "", ""]

    @pytest.mark.parametrize(
        ("gap", "meant"),
        [
            (Gap("recorded", Cause.SAME_DAY, DAY), True),
            (Gap("recorded", Cause.SAME_DAY, STARTED), False),
            (Gap("occurred", Cause.SAME_DAY, DAY), False),
            (Gap("recorded", Cause.NO_DATE), False),
        ],
    )
    def test_a_substitute_is_meant_for_one_sort(self, gap, meant):
        assert Substitute(1, "recorded", Cause.SAME_DAY, DAY, STARTED).meant(gap) is meant

    def test_of_another_sort_whatever_the_day(self):
        assert Substitute(1, "recorded", Cause.IMPLAUSIBLE, day=DAY).meant(Gap("recorded", Cause.IMPLAUSIBLE, STARTED))


class TestWhichDates:
    def test_those_that_rules_start_with(self):
        whole = replace(rules("recorded", "objection"), ceilings=(CEILING,))
        assert estimable(whole) == {"recorded", "occurred"}
        assert rules_starting(whole, "recorded") == ("recorded",)
        assert rules_starting(whole, "occurred") == ("c",)
        assert rules_starting(whole, "case_closed") == ()

    def test_what_an_item_has_of_them(self):
        item = Item(
            contracts=(Contract("a", STARTED, DAY), Contract("b", DAY), Contract("c", None, date(9999, 12, 31))),
            events={"recorded": DAY, "occurred": (Occurrence(None), Occurrence(STARTED)), "case_closed": DAY},
        )
        whole = rules("contract_started", "contract_ended", "recorded", "occurred")
        assert dated(item, whole) == (
            ("contract_ended", DAY),
            ("contract_ended", date(9999, 12, 31)),
            ("contract_started", STARTED),
            ("contract_started", DAY),
            ("occurred", STARTED),
            ("recorded", DAY),
        )
        assert dated(replace(item, scope="b"), rules("contract_started", "contract_ended")) == (
            ("contract_started", DAY),
        )
        own = Item(contracts=(Contract("a", STARTED, DAY),), events={"contract_ended": TODAY})
        assert dated(own, ENDED) == (("contract_ended", TODAY),)

    def test_the_days_that_nobody_believes(self):
        some = [Substitute(1, "recorded", Cause.SAME_DAY, DAY), Substitute(2, "occurred", Cause.NO_DATE, day=DAY)]
        assert disbelieved(some) == {("recorded", DAY)}


class TestGapsOfOccurrences:
    def test_each_with_all_that_it_is_about(self):
        told = (
            Occurrence(None, "L0", "", "B"),
            Occurrence(None, "L1", "kysely", "A"),
            Occurrence(date(1900, 1, 1), "L2", "", "A"),
            Occurrence(DAY, "L3", "", ""),
            Occurrence(date(9999, 12, 31), "L4", "", ""),
            Occurrence(NEVER, "L7", "", ""),
            Occurrence(STARTED, "L5", "", "B"),
            Occurrence(None, "L6", "", "B"),
        )
        item = Item(events={"debt_due": told}, scope="A")
        found = gaps(item, rules("debt_due"), TODAY, True, frozenset({("debt_due", DAY), ("debt_due", STARTED)}))
        assert found == (
            Gap("debt_due", Cause.NO_DATE, None, "A", "L1", "kysely"),
            Gap("debt_due", Cause.IMPLAUSIBLE, date(1900, 1, 1), "A", "L2"),
            Gap("debt_due", Cause.SAME_DAY, DAY, "", "L3"),
        )
        everybody = gaps(replace(item, scope=None), rules("debt_due"), TODAY, False)
        assert [(gap.cause, gap.thing) for gap in everybody] == [
            (Cause.UNKNOWN_SUBJECT, "L0"),
            (Cause.UNKNOWN_SUBJECT, "L1"),
            (Cause.IMPLAUSIBLE, "L2"),
            (Cause.UNKNOWN_SUBJECT, "L6"),
        ]
        own = replace(item, own=frozenset({"debt_due"}))
        assert gaps(own, rules("debt_due"), TODAY, False)[0].cause is Cause.NO_DATE

    def test_a_day_ahead_is_believed_where_it_may_lie_ahead(self):
        ahead = TODAY + timedelta(days=1)
        item = Item(events={"recorded": ahead, "invoice_dated": ahead})
        found = gaps(item, rules("recorded", "invoice_dated"), TODAY, True)
        assert found == (Gap("recorded", Cause.IMPLAUSIBLE, ahead),)

    def test_of_what_nothing_is_recorded_whether_its_person_is_known(self):
        item = Item(contracts=(closed("a", DAY),))
        assert gaps(item, rules("recorded"), TODAY, True) == (Gap("recorded", Cause.NO_DATE),)
        assert gaps(item, rules("recorded"), TODAY, False) == (Gap("recorded", Cause.UNKNOWN_SUBJECT),)
        own = replace(item, own=frozenset({"recorded"}))
        assert gaps(own, rules("recorded"), TODAY, False) == (Gap("recorded", Cause.NO_DATE),)

    def test_never_is_no_end_of_a_contract_that_is_closed(self):
        item = Item(contracts=(closed("a", NEVER), Contract("b", STARTED, NEVER)))
        assert gaps(item, ENDED, TODAY, True) == (Gap("contract_ended", Cause.NO_DATE, None, "a"),)

    def test_filled_each_by_itself(self):
        told = (Occurrence(None, "L1"), Occurrence(None, "L2"), Occurrence(None, "L1", "kysely"))
        item = Item(events={"debt_due": told})
        substitute = Substitute(5, "debt_due", Cause.NO_DATE, day=DAY)
        mine = [gap for gap in gaps(item, rules("debt_due"), TODAY, True) if gap.purpose or gap.thing == "L2"]
        whole, numbers = fill(item, rules("debt_due"), dict.fromkeys(mine, substitute), TODAY)
        assert whole.events["debt_due"] == (told[0], Occurrence(DAY, "L2"), Occurrence(DAY, "L1", "kysely"))
        assert numbers == {5}
        assert whole.estimated == {"debt_due"}

    def test_by_another_event_of_the_same_thing(self):
        item = Item(
            events={
                "debt_settled": (Occurrence(None, "L1"), Occurrence(None, "L2")),
                "debt_due": (Occurrence(date(2018, 1, 1), "L1"), Occurrence(date(2019, 1, 1), "L2")),
            }
        )
        substitute = Substitute(6, "debt_settled", Cause.NO_DATE, by="debt_due")
        whole, _ = filled(item, substitute, rules("debt_settled"))
        assert [one.day for one in whole.events["debt_settled"]] == [date(2018, 1, 1), date(2019, 1, 1)]

    def test_what_nothing_is_recorded_of_gets_its_day(self):
        item = Item(events={"recorded": STARTED}, estimated=frozenset({"occurred"}))
        of = rules("last_contact", if_absent=Absence.MISSING)
        whole, numbers = filled(item, Substitute(8, "last_contact", Cause.NO_DATE, day=DAY), of)
        assert whole.events == {"recorded": STARTED, "last_contact": (Occurrence(DAY),)}
        assert numbers == {8}
        assert whole.estimated == {"occurred", "last_contact"}

    def test_whom_nobody_knows_gets_an_end_of_a_contract_as_an_event(self):
        item = Item(events={"contract_ended": None})
        substitute = Substitute(9, "contract_ended", Cause.UNKNOWN_SUBJECT, day=DAY)
        (gap,) = gaps(item, ENDED, TODAY, False)
        whole, _ = fill(item, ENDED, {gap: substitute}, TODAY)
        assert whole.events == {"contract_ended": (Occurrence(DAY),)}


class TestWhichDayIsTaken:
    @pytest.mark.parametrize(("day", "taken"), [(STARTED, True), (STARTED - timedelta(days=1), False), (TODAY, True)])
    def test_from_its_opening_until_today(self, day, taken):
        whole, numbers = filled(Item(contracts=(closed("a"),)), replace(FIXED, day=day))
        assert bool(numbers) is taken
        assert whole.contracts[0].ended == (day if taken else None)

    def test_of_a_contract_its_own_opening(self):
        item = Item(contracts=(closed("a", None, date(2021, 1, 1)), closed("b")))
        whole, _ = filled(item)
        assert [contract.ended for contract in whole.contracts] == [None, DAY]

    def test_both_dates_of_one_contract(self):
        item = Item(contracts=(Contract("a", None, None, True), Contract("b", None, DAY)))
        of = rules("contract_started", "contract_ended")
        start = Substitute(1, "contract_started", Cause.NO_DATE, day=STARTED)
        filling = {gap: FIXED if gap.event == "contract_ended" else start for gap in gaps(item, of, TODAY, True)}
        whole, _ = fill(item, of, filling, TODAY)
        assert whole.contracts == (Contract("a", STARTED, DAY, True), Contract("b", STARTED, DAY))

    def test_another_contracts_start_is_not_touched(self):
        item = Item(contracts=(closed("a", DAY, None), closed("b", DAY, date(2019, 1, 1))))
        substitute = Substitute(1, "contract_started", Cause.NO_DATE, day=STARTED)
        whole, _ = filled(item, substitute, rules("contract_started"))
        assert [contract.started for contract in whole.contracts] == [STARTED, date(2019, 1, 1)]

    def test_a_date_of_its_own_is_filled_beside_its_contracts(self):
        item = Item(contracts=(closed("a", TODAY),), events={"contract_ended": None})
        whole, _ = filled(item)
        assert (whole.events, whole.contracts) == ({"contract_ended": (Occurrence(DAY),)}, item.contracts)

    def test_an_event_of_any_contract_stands_in_for_what_is_of_none(self):
        item = Item(events={"recorded": None, "invoice_dated": (Occurrence(DAY, contract="A"),)})
        whole, _ = filled(item, Substitute(1, "recorded", Cause.NO_DATE, by="invoice_dated"), rules("recorded"))
        assert whole.events["recorded"] == (Occurrence(DAY),)

    def test_an_event_that_is_unknown_of_it_fills_nothing(self):
        item = Item(contracts=(closed("a"),))
        assert filled(item, Substitute(1, "contract_ended", Cause.NO_DATE, by="invoice_dated")) == (item, frozenset())

    def test_two_campaigns_fill_one_item(self):
        item = Item(events={"recorded": None, "occurred": None})
        of = rules("recorded", "occurred")
        by = {"recorded": Substitute(1, "recorded", Cause.NO_DATE, day=DAY)}
        by["occurred"] = Substitute(2, "occurred", Cause.NO_DATE, day=STARTED)
        whole, numbers = fill(item, of, {gap: by[gap.event] for gap in gaps(item, of, TODAY, True)}, TODAY)
        assert whole.events == {"recorded": (Occurrence(DAY),), "occurred": (Occurrence(STARTED),)}
        assert numbers == {1, 2}
