"""How one rule reads an item: what is recorded of an event, what undid it, and what its absence means."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from retention.domain.errors import RuleError
from retention.domain.events import CATALOGUE, NEVER, OUTWEIGHING, Absent, asked, event, with_openings
from retention.domain.items import Contract, Item, Occurrence, Reading, Standing, Start, recorded, things, with_own
from retention.domain.rules import Absence

TODAY = date(2026, 6, 30)
FIRST = date(1950, 1, 1)
ONE = timedelta(days=1)
DAY, LATER = date(2020, 1, 1), date(2021, 1, 1)
MISSING, AWAITED, DOES_NOT_APPLY = (
    Start(Standing.MISSING),
    Start(Standing.AWAITED),
    Start(Standing.NOT_APPLICABLE),
)


def reading(contracts=(), scope=None, own=(), purpose="", thing=None, **events):
    item = Item(contracts=tuple(contracts), scope=scope, events=events, own=frozenset(own))
    return Reading(item, TODAY, FIRST, purpose, thing)


def on(day):
    return Start(Standing.DAY, day)


class TestPlausible:
    @pytest.mark.parametrize(
        ("name", "day", "believed"),
        [
            ("recorded", None, False),
            ("recorded", FIRST, True),
            ("recorded", FIRST - ONE, False),
            ("recorded", TODAY, True),
            ("recorded", TODAY + ONE, False),
            ("invoice_dated", TODAY + ONE, True),
            ("invoice_dated", NEVER - ONE, True),
            ("invoice_dated", NEVER, False),
        ],
    )
    def test_a_day_is_believed(self, name, day, believed):
        assert reading().plausible(name, day) is believed


class TestTold:
    def test_the_latest_of_several_or_the_first(self):
        both = (Occurrence(LATER), Occurrence(DAY))
        assert reading(recorded=both).start("recorded") == on(LATER)
        assert reading(first_recorded=both).start("first_recorded") == on(DAY)

    @pytest.mark.parametrize("day", [None, TODAY + ONE, FIRST - ONE, NEVER])
    def test_one_date_that_cannot_be_one_is_missing_though_others_can(self, day):
        assert reading(recorded=(Occurrence(DAY), Occurrence(day))).start("recorded") == MISSING

    def test_never_says_not_yet_of_what_is_awaited_and_is_missing_of_anything_else(self):
        known = {"case_opened": DAY}
        assert reading(**known, case_closed=NEVER).start("case_closed") == AWAITED
        assert reading(**known, case_closed=(Occurrence(NEVER), Occurrence(DAY))).start("case_closed") == on(DAY)
        assert reading(**known, case_closed=NEVER - ONE).start("case_closed") == MISSING
        assert reading(last_contact=NEVER).start("last_contact") == MISSING

    @pytest.mark.parametrize(
        ("known", "stands"),
        [({"case_opened": DAY}, AWAITED), ({"case_opened": None}, MISSING), ({}, MISSING)],
    )
    def test_what_is_awaited_is_so_only_once_it_was_opened(self, known, stands):
        assert reading(**known).start("case_closed") == stands

    def test_what_was_opened_by_what_does_not_apply_does_not_either(self):
        assert reading().start("debt_settled") == DOES_NOT_APPLY
        assert reading(debt_due=DAY).start("debt_settled") == AWAITED
        assert reading().start("last_contact") == DOES_NOT_APPLY
        assert reading().start("recorded") == MISSING

    @pytest.mark.parametrize(
        ("absence", "stands"),
        [(Absence.PENDING, AWAITED), (Absence.MISSING, MISSING), (Absence.NOT_APPLICABLE, DOES_NOT_APPLY)],
    )
    def test_a_rule_may_say_what_an_absence_means_and_nothing_else(self, absence, stands):
        for name in ("recorded", "last_contact", "case_closed"):
            assert reading().start(name, absence) == stands
        assert reading(recorded=DAY).start("recorded", absence) == on(DAY)
        assert reading(recorded=None).start("recorded", absence) == MISSING


class TestContracts:
    def test_the_last_to_start_and_the_last_to_end(self):
        mine = [Contract("A", DAY, LATER), Contract("B", LATER, LATER + ONE), Contract("C", DAY, DAY)]
        assert reading(mine).start("contract_started") == on(LATER)
        assert reading(mine).start("contract_ended") == on(LATER + ONE)
        assert reading(mine, scope="A").start("contract_ended") == on(LATER)
        assert reading(mine, scope="D").start("contract_ended") == MISSING  # as of whoever never had one
        assert reading(mine).ended_on(["contract_ended"]) == LATER + ONE
        assert reading(mine).ended_on(["contract_started"]) == LATER

    @pytest.mark.parametrize("end", [None, NEVER])
    def test_one_that_runs_is_awaited_and_closed_without_an_end_is_missing(self, end):
        running, over = Contract("A", DAY, end), Contract("A", DAY, end, closed=True)
        ended = Contract("B", DAY, LATER, closed=True)
        assert reading([running, ended]).start("contract_ended") == AWAITED
        assert reading([over, ended]).start("contract_ended") == MISSING
        assert reading([running]).ended_on(["contract_ended"]) is None
        assert reading([over]).start("contract_started") == on(DAY)

    @pytest.mark.parametrize("start", [None, FIRST - ONE, NEVER])
    def test_a_start_that_cannot_be_one_is_missing_for_both(self, start):
        mine = [Contract("A", start, LATER), Contract("B", DAY, LATER)]
        assert reading(mine).start("contract_started") == MISSING
        assert reading(mine).start("contract_ended") == MISSING

    def test_an_end_that_cannot_be_one_is_missing_and_one_that_lies_ahead_is_a_day(self):
        assert reading([Contract("A", DAY, FIRST - ONE), Contract("B", DAY, DAY)]).start("contract_ended") == MISSING
        ahead = reading([Contract("A", DAY, TODAY + ONE)])
        assert ahead.start("contract_ended") == on(TODAY + ONE)
        assert ahead.ended_on(["contract_ended"]) is None
        assert reading([Contract("A", DAY, TODAY)]).ended_on(["contract_ended"]) == TODAY

    def test_a_date_of_its_own_wins_over_the_contracts(self):
        mine = [Contract("A", DAY)]
        assert reading(mine, contract_ended=LATER).start("contract_ended") == on(LATER)
        assert reading(mine, contract_ended=LATER).ended_on(["contract_ended"]) == LATER


class TestWithin:
    TOLD = (
        Occurrence(DAY, "L1", "markkinointi", "A"),
        Occurrence(LATER, "L2", "", "B"),
        Occurrence(LATER + ONE, "", "muu", ""),
    )

    def days(self, **over):
        return [one.day for one in reading(debt_due=self.TOLD, **over).occurrences("debt_due")]

    def test_of_a_purpose_a_contract_and_a_thing(self):
        assert self.days() == [DAY, LATER, LATER + ONE]
        assert self.days(purpose="markkinointi") == [DAY, LATER]
        assert self.days(scope="A") == [DAY, LATER + ONE]
        assert self.days(scope="B", purpose="muu") == [LATER, LATER + ONE]
        assert self.days(thing="L1") == [DAY]
        assert self.days(thing="L3") == []
        assert self.days(thing="") == [LATER + ONE]

    def test_what_names_no_thing_is_of_every_thing(self):
        nameless = (Occurrence(DAY), Occurrence(LATER))
        assert [o.day for o in reading(debt_due=nameless, thing="L1").occurrences("debt_due")] == [DAY, LATER]


class TestUndone:
    def days(self, undone, undoing, **over):
        found = reading(debt_settled=undone, payment_reversed=undoing, **over).occurrences("debt_settled")
        return [one.day for one in found]

    def test_by_a_later_one_and_not_by_one_of_the_same_day_or_before(self):
        settled = (Occurrence(DAY), Occurrence(LATER))
        assert self.days(settled, (Occurrence(DAY + ONE),)) == [LATER]
        assert self.days(settled, (Occurrence(DAY),)) == [DAY, LATER]
        assert self.days(settled, (Occurrence(LATER + ONE),)) == []
        assert self.days((Occurrence(None),), (Occurrence(LATER),)) == [None]

    @pytest.mark.parametrize("day", [None, TODAY + ONE, FIRST - ONE, NEVER])
    def test_by_nothing_that_cannot_be_a_day(self, day):
        assert self.days(DAY, day) == [DAY]

    def test_a_column_holds_the_present_state(self):
        assert self.days(DAY, LATER, own=["debt_settled"]) == [DAY]
        assert self.days(DAY, LATER, own=["payment_reversed"]) == [DAY]
        assert self.days(DAY, LATER, own=["recorded"]) == []

    def test_of_another_thing_it_undoes_nothing(self):
        settled, reversed_ = (Occurrence(DAY, "L1"),), (Occurrence(LATER, "L2"),)
        assert self.days(settled, reversed_, thing="L1") == [DAY]
        assert self.days(settled, (Occurrence(LATER, "L1"),), thing="L1") == []


class TestEndedOn:
    def test_the_earliest_that_is_not_ahead_of_any_of_them(self):
        one = reading(case_closed=LATER, objection=(Occurrence(DAY), Occurrence(LATER + ONE)), recorded=FIRST - ONE)
        assert one.ended_on(["case_closed", "objection"]) == DAY
        assert one.ended_on(["case_closed"]) == LATER
        assert one.ended_on(["recorded"]) is None
        assert one.ended_on([]) is None
        assert reading(objection=None).ended_on(["objection"]) is None
        assert reading(invoice_dated=TODAY).ended_on(["invoice_dated"]) == TODAY
        assert reading(invoice_dated=TODAY + ONE).ended_on(["invoice_dated"]) is None


def test_what_is_recorded():
    item = Item(events={"recorded": DAY, "objection": None, "debt_due": (Occurrence(DAY, "L1"),)})
    assert recorded(item, "recorded") == (Occurrence(DAY),)
    assert recorded(item, "objection") == (Occurrence(None),)
    assert recorded(item, "debt_due") == (Occurrence(DAY, "L1"),)
    assert recorded(item, "case_closed") == ()


def test_the_things_that_events_are_about():
    item = Item(
        events={
            "debt_due": (Occurrence(DAY, "L2"), Occurrence(DAY, "L1"), Occurrence(DAY)),
            "debt_settled": (Occurrence(DAY), Occurrence(DAY, "L3")),
            "objection": (Occurrence(DAY),),
        }
    )
    assert things(item, ["debt_due"]) == ("", "L1", "L2")
    assert things(item, ["debt_due", "debt_settled", "objection"]) == ("", "L1", "L2", "L3")
    assert things(item, ["objection"]) == (None,)
    assert things(item, ["case_closed", "objection"]) == (None,)
    assert things(Item(events={"debt_due": (Occurrence(DAY, "L1"),)}), ["objection", "debt_due"]) == ("L1",)


class TestWithOwn:
    LEDGER = Item(
        events={"objection": (Occurrence(DAY),), "case_closed": (Occurrence(DAY),), "recorded": (Occurrence(DAY),)},
        facts={"billed": True, "kind": "x"},
    )

    def own(self, closed=False, facts=(), **events):
        return with_own(self.LEDGER, events, dict(facts), closed)

    def test_its_columns_win_and_the_rest_stays(self):
        found = self.own(recorded=LATER)
        assert found.events == {**self.LEDGER.events, "recorded": LATER}
        assert (found.own, found.facts) == ({"recorded"}, self.LEDGER.facts)

    @pytest.mark.parametrize(
        ("closed", "left"),
        [(False, {"recorded": None}), (True, {"recorded": None, "case_closed": None})],
    )
    def test_a_column_without_a_date_is_read_by_the_catalogue(self, closed, left):
        """What must be there is missing, what is awaited too once the row says closed; what is optional is absent."""
        found = self.own(closed, recorded=None, objection=None, case_closed=None)
        assert found.events == left
        assert found.own == {"recorded", "objection", "case_closed"}

    def test_never_is_no_date_only_of_what_is_awaited(self):
        assert self.own(recorded=NEVER, objection=NEVER, case_closed=NEVER).events == {
            "recorded": NEVER,
            "objection": NEVER,
        }
        assert self.own(True, case_closed=NEVER).events["case_closed"] is None
        assert self.own(case_closed=NEVER - ONE).events["case_closed"] == NEVER - ONE

    def test_facts_of_the_row_win_and_an_empty_one_is_unknown(self):
        assert self.own(facts={"billed": False, "kind": None, "more": 1}).facts == {"billed": False, "more": 1}


class TestCatalogue:
    def test_an_event_that_is_none_is_named_with_its_place(self):
        with pytest.raises(RuleError) as caught:
            event("contract_endet", "here")
        assert (caught.value.path, caught.value.message) == ("here", "unknown event 'contract_endet'")
        with pytest.raises(RuleError) as caught:
            event("contract_endet")
        assert caught.value.path == ""

    def test_what_opens_an_event_is_asked_with_it(self):
        assert with_openings(["domain_registration_ended", "recorded"]) == (
            "domain_registered",
            "domain_registration_ended",
            "order_received",
            "recorded",
        )
        assert with_openings([]) == ()

    def test_and_what_undoes_it(self):
        assert asked(["debt_settled", "recorded", "debt_settled"]) == {
            "debt_settled", "debt_due", "payment_reversed", "recorded",
        }  # fmt: skip
        assert asked(["objection"]) == {"objection", "ban_lifted"}

    def test_what_is_open_outweighs_what_has_ended_but_not_what_a_person_declares(self):
        assert {"dispute_resolved", "debt_settled", "relationship_ended", "service_ended"} <= OUTWEIGHING
        assert not OUTWEIGHING & {"consent_withdrawn", "ban_lifted"}
        assert all(CATALOGUE[name].absent is Absent.AWAITED for name in OUTWEIGHING)


OPEN = Occurrence(None)
OPENED = Occurrence(DAY)


def disputes(*ended, still_open=(), opened=(OPENED,), scope=None):
    told = {"dispute_resolved": ended, "dispute_opened": opened}
    events = {name: found for name, found in told.items() if found}
    return Item(scope=scope, events=events, still_open={"dispute_resolved": tuple(still_open)})


class TestStillOpen:
    """Opened without an end in one source, ended in another."""

    def start(self, item, purpose="", thing=None, if_absent=None):
        return Reading(item, LATER, FIRST, purpose, thing).start("dispute_resolved", if_absent)

    def test_it_is_awaited(self):
        assert self.start(disputes(Occurrence(DAY))) == Start(Standing.DAY, DAY)
        assert self.start(disputes(Occurrence(DAY), still_open=[OPEN])) == Start(Standing.AWAITED)

    def test_a_missing_date_is_missing_all_the_same(self):
        item = disputes(Occurrence(DAY), Occurrence(None), still_open=[OPEN])
        assert self.start(item) == Start(Standing.MISSING)

    def test_alone_it_is_what_is_not_recorded(self):
        assert self.start(disputes(still_open=[OPEN])) == Start(Standing.AWAITED)
        assert self.start(disputes(still_open=[OPEN], opened=())) == Start(Standing.NOT_APPLICABLE)
        assert things(disputes(still_open=[replace(OPEN, thing="L1")]), ["dispute_resolved"]) == (None,)

    def test_nobody_tells_that_it_was_opened(self):
        """Then that it is open says nothing, or what has ended would never have been."""
        item = disputes(Occurrence(DAY), still_open=[OPEN], opened=())
        assert self.start(item) == Start(Standing.DAY, DAY)

    @pytest.mark.parametrize(
        ("if_absent", "standing"),
        [
            (Absence.PENDING, Standing.AWAITED),
            (Absence.MISSING, Standing.MISSING),
            (Absence.NOT_APPLICABLE, Standing.DAY),
        ],
    )
    def test_it_reads_as_the_rule_reads_its_absence_if_that_keeps(self, if_absent, standing):
        item = disputes(Occurrence(DAY), still_open=[OPEN])
        assert self.start(item, if_absent=if_absent).standing is standing

    def test_it_ends_nothing(self):
        reading = Reading(disputes(Occurrence(DAY), still_open=[OPEN]), LATER, FIRST)
        assert reading.ended_on(["dispute_resolved"]) is None
        assert replace(reading, item=disputes(Occurrence(DAY))).ended_on(["dispute_resolved"]) == DAY

    @pytest.mark.parametrize(
        ("about", "purpose", "scope", "thing", "standing"),
        [
            ({"thing": "L1"}, "", None, "L1", Standing.AWAITED),
            ({"thing": "L2"}, "", None, "L1", Standing.DAY),
            ({"thing": ""}, "", None, "L1", Standing.AWAITED),
            ({"thing": "L2"}, "", None, "", Standing.AWAITED),
            ({"purpose": "p"}, "p", None, None, Standing.AWAITED),
            ({"purpose": "q"}, "p", None, None, Standing.DAY),
            ({"purpose": ""}, "p", None, None, Standing.AWAITED),
            ({"purpose": "q"}, "", None, None, Standing.AWAITED),
            ({"contract": "A"}, "", "A", None, Standing.AWAITED),
            ({"contract": "B"}, "", "A", None, Standing.DAY),
            ({"contract": ""}, "", "A", None, Standing.AWAITED),
            ({"contract": "B"}, "", None, None, Standing.AWAITED),
        ],
    )
    def test_it_outweighs_what_may_be_the_same(self, about, purpose, scope, thing, standing):
        item = disputes(Occurrence(DAY, thing or ""), still_open=[replace(OPEN, **about)], scope=scope)
        assert self.start(item, purpose, thing).standing is standing

    def test_what_is_open_of_another_thing_is_a_thing_of_its_own(self):
        names = ["dispute_opened", "dispute_resolved"]
        unnamed = [replace(OPEN, thing="L2"), OPEN]
        assert things(disputes(Occurrence(DAY, "L1"), still_open=unnamed), names) == ("L1", "L2")
        assert things(disputes(Occurrence(DAY), still_open=unnamed), names) == ("", "L2")

    def test_a_column_of_its_own_wins(self):
        item = with_own(disputes(Occurrence(DAY), still_open=[OPEN]), {"dispute_resolved": DAY}, {}, False)
        assert self.start(item) == Start(Standing.DAY, DAY)
        assert not item.still_open
