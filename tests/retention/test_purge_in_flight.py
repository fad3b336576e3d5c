"""Chunks that were interrupted, came to a hold, or met a register that does otherwise than it was asked.

The small company's customers: 1001, 1003 and 1008 are due, 1005 is under a hold; row n has the number 1000 + n.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from retention import holds, night_context, purge
from retention.breakers import Untrue
from retention.connectors.contract import ConnectorError, Disposal, Outcome, Ref
from retention.domain.predicates import is_false
from retention.domain.rules import Action
from retention.leases import LeaseLost
from retention.lot_keys import LotKey
from retention.models import (
    Attempt,
    Gate,
    Hold,
    HoldSubject,
    LotEvent,
)
from retention.night import run_night
from retention.purge import RegisterStopped, purge_chunk
from retention.runs import succeeded
from tests.retention.company import (
    DUE_CUSTOMERS,
    NOW,
    SURVIVORS,
    TODAY,
    customers,
)
from tests.retention.in_hand import (
    A_CHUNK,
    DUE,
    HELD_1005,
    Killed,
    exceptions,
    journal,
    key,
    kill,
    not_whole,
    noting,
    replaced,
    take_on,
    taken_in_hand,
    until,
)
from tests.retention.test_holds import two_questions
from tests.retention.test_night import sql


@pytest.fixture
def hand(company):
    Gate.objects.update(epoch=5)
    with taken_in_hand(company) as hand:
        yield hand


def test_of_two_who_sent_the_same_chunk_the_second_writes_nothing(hand, data_dir):
    lot = hand.lot(DUE)

    def at(point):
        if point == "read back":
            assert purge_chunk(hand.work(lot))

    with pytest.raises(LeaseLost, match="somebody else has settled attempt 1"):
        purge_chunk(hand.work(lot, at=at))
    lot.refresh_from_db()
    assert (lot.tally, lot.next_position) == ({"recovered": 3}, 3)
    assert [entry["tally"] for entry in hand.told("outcome")] == [{"recovered": 3}]
    assert len(hand.leaves()) == 3


@pytest.mark.parametrize("people", [2, night_context.PEOPLE])
def test_who_comes_second_goes_on_with_the_rest_of_the_night(company, data_dir, monkeypatch, people):
    """Also where nobody has taken his step, or his part, from him: he lets go of it, and begins it again."""
    monkeypatch.setattr(night_context, "PEOPLE", people)
    times = []

    def settled_by_another(work, *given):
        times.append(work.lot.dataset)
        if times.count("asiakastiedot") == 1 and times[-1] == "asiakastiedot":
            raise LeaseLost("somebody else has settled it")
        return record(work, *given)

    record = purge._record
    monkeypatch.setattr(purge, "_record", settled_by_another)
    assert succeeded(run_night(company, TODAY, NOW, chunk=1))
    assert customers(data_dir) == SURVIVORS


class TestInFlight:
    @pytest.mark.parametrize(("point", "became"), [("intent journalled", "destroyed"), ("disposed", "recovered")])
    def test_a_chunk_is_sent_again_and_what_went_is_recovered(self, hand, data_dir, point, became):
        lot = hand.lot(DUE)
        kill(hand, lot, point)
        work = hand.work(lot)
        assert purge_chunk(work) is True
        assert hand.points == A_CHUNK[1:]
        assert work.lot.tally == {became: 3}
        assert [line["kind"] for line in journal(data_dir)] == ["intent", "intent", "outcome"]
        assert {leaf["outcome"] for leaf in hand.leaves()} == {became}
        assert hand.send(lot).lot.state == "verified"

    def test_what_may_not_go_now_is_looked_for_first(self, hand, data_dir):
        """Of what was held since, one had gone before the kill and one is there."""
        lot = hand.lot(DUE)
        kill(hand, lot, "intent journalled")
        sql(data_dir, "delete from asiakas where id = 3")
        Hold.objects.get().subjects.bulk_create(
            HoldSubject(hold=Hold.objects.get(), subject_kind="customer", subject=number) for number in ("1003", "1008")
        )
        assert hand.send(lot).lot.tally == {"destroyed": 1, "held": 1, "recovered": 1}
        assert exceptions(lot) == [(2, "held", "", "")]

    def test_by_a_night_that_is_blind_it_is_only_looked_for(self, hand, data_dir):
        lot = hand.lot(DUE)
        kill(hand, lot, "intent journalled")
        sql(data_dir, "delete from asiakas where id = 3")
        work = hand.work(lot, blind=True)
        assert purge_chunk(work) is True
        why = "it was not known whether it is due"
        assert exceptions(lot) == [(0, "failed", why, ""), (2, "failed", why, "")]
        assert work.lot.tally == {"failed": 2, "recovered": 1}
        assert customers(data_dir) == (SURVIVORS | DUE_CUSTOMERS) - {"1003"}
        assert hand.points == ["intent journalled", "sent", "read back", "outcome committed"]

    def test_what_lay_in_a_place_that_is_another_one_now_is_not_said_to_have_gone(self, hand, data_dir, monkeypatch):
        """A mail folder that was made anew: reading back finds nothing there, and nobody has looked."""
        lot = hand.lot(DUE)
        kill(hand, lot, "intent journalled")
        sql(data_dir, "delete from asiakas where id in (1, 3)")
        replaced(hand, monkeypatch, absent=lambda real, mapping, keys: frozenset({"3"}) & frozenset(keys))
        work = hand.work(lot, blind=True)
        assert purge_chunk(work) is True
        assert work.lot.tally == {"failed": 2, "recovered": 1}

    def test_of_a_lot_that_is_void_too(self, hand, data_dir):
        lot = hand.lot(DUE)
        kill(hand, lot, "intent journalled")
        sql(data_dir, "delete from asiakas where id = 3")
        work = hand.work(lot, void="its rules are no longer in force")
        assert purge_chunk(work) is True
        why = "its rules are no longer in force"
        assert exceptions(lot) == [(0, "superseded", why, ""), (2, "superseded", why, "")]
        assert purge_chunk(work) is False
        lot.refresh_from_db()
        assert (lot.state, lot.tally) == ("claimed", {"recovered": 1, "superseded": 2})  # it is withdrawn, not done
        assert customers(data_dir) == (SURVIVORS | DUE_CUSTOMERS) - {"1003"}

    def test_an_interrupted_chunk_counts_in_the_night_that_settles_it(self, hand):
        lot = hand.lot(DUE)
        kill(hand, lot, "disposed")
        hand.next_night()
        hand.send(lot)
        attempt = Attempt.objects.get()
        assert (attempt.run, attempt.number) == (hand.run, 1)

    def test_what_a_void_lot_has_not_sent_yet_is_left(self, hand, data_dir):
        work = hand.work(hand.lot(DUE), void="its rules are no longer in force")
        assert purge_chunk(work) is False
        assert (work.lot.state, Attempt.objects.count()) == ("approved", 0)
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS


class TestAHoldBetweenTwoCalls:
    """Tickets of 1001 and of 1008 are due by two conditions: the second call comes after a hold on 1008."""

    @pytest.fixture
    def hand(self, company):
        two_questions()
        with taken_in_hand(company) as hand:
            yield hand

    @pytest.fixture
    def lot(self, hand):
        due = date(2022, 1, 1)
        return hand.lot([LotKey("1", "1001", due), LotKey("4", "1008", due), LotKey("5", "1008", due)], "tiketit")

    def holding(self, hand, number="1008"):
        """Before the first call a hold on this person is placed."""

        def at(point):
            hand.points.append(point)
            if hand.points.count("before disposal") == 1 and point == "before disposal":
                holds.place(
                    hand.company, [("customer", number)], "dispute", "", "lakiasiat", TODAY, TODAY + timedelta(days=90)
                )

        return at

    def test_two_calls(self, hand, lot):
        assert hand.send(lot).lot.tally == {"destroyed": 3}
        assert hand.points.count("disposed") == 2

    def test_it_wins_and_the_leaf_names_it(self, hand, lot):
        assert hand.send(lot, at=self.holding(hand)).lot.tally == {"destroyed": 1, "held": 2}
        assert exceptions(lot) == [(1, "held", "", ""), (2, "held", "", "")]
        assert [leaf["holds"] for leaf in hand.leaves()] == [[], [["2026-06-30", None]], [["2026-06-30", None]]]
        assert hand.points.count("disposed") == 1

    def test_what_went_meanwhile_by_other_hands_is_not_counted_as_ours(self, hand, lot, data_dir):
        hold = self.holding(hand)

        def at(point):
            if point == "before disposal":
                sql(data_dir, "delete from viesti where tiketti_id = 5")
                sql(data_dir, "delete from tiketti where id = 5")
            hold(point)

        assert hand.send(lot, at=at).lot.tally == {"destroyed": 1, "held": 2}

    def test_one_on_somebody_else_keeps_nothing(self, hand, lot):
        assert hand.send(lot, at=self.holding(hand, "1002")).lot.tally == {"destroyed": 3}

    def test_what_was_held_before_is_told_still(self, hand, lot, data_dir):
        """The holds are read anew for the second call only; of the others they stay as they were read."""
        sql(data_dir, "update tiketti set asiakasnro = '1005' where id = 1")
        sql(data_dir, "insert into tiketti values (9, '1001', '', '2019-01-01', '2019-02-01', 'suljettu')")
        keys = [LotKey(key, number, TODAY) for key, number in (("1", "1005"), ("4", "1008"), ("9", "1001"))]
        assert hand.send(hand.lot(keys, "tiketit"), at=self.holding(hand, "1001")).lot.tally["held"] == 2
        assert [leaf["holds"] for leaf in hand.leaves()] == [HELD_1005, [], [["2026-06-30", None]]]

    @pytest.mark.parametrize("went", [True, False])
    def test_what_had_gone_before_a_kill_is_recovered_all_the_same(self, hand, lot, data_dir, went):
        kill(hand, lot, "intent journalled")
        if went:
            sql(data_dir, "delete from viesti")
            sql(data_dir, "delete from tiketti where id = 5")
        tally = hand.send(lot, at=self.holding(hand)).lot.tally
        assert tally == ({"destroyed": 1, "held": 1, "recovered": 1} if went else {"destroyed": 1, "held": 2})


class TestReadBack:
    @pytest.fixture
    def hand(self, company, data_dir):
        sql(data_dir, "create table asiakas_history(asiakas_id integer, nimi text)")
        sql(data_dir, "insert into asiakas_history select id, nimi from asiakas where id in (1, 2)")
        with taken_in_hand(company) as hand:
            yield hand

    def test_what_is_left_of_an_item_is_kept_with_it_and_the_lot_is_not_verified(self, hand):
        lot = hand.lot([*DUE, key(2)])
        work = hand.send(lot)
        first, second = exceptions(lot)
        assert first[:3] == (0, "destroyed", "")
        assert "asiakas_history" in first[3]
        assert second == (1, "superseded", "no longer due", "")
        assert (work.lot.state, work.lot.keys is None) == ("done", False)
        assert work.lot.tally == {"destroyed": 3, "superseded": 1}
        assert LotEvent.objects.get(after="done").reason == "residue of 1 keys"
        (outcome,) = hand.told("outcome")
        assert (outcome["residue"], len(outcome["exceptions"])) == (1, 1)
        assert purge_chunk(hand.work(lot)) is False  # it is over, and looked for elsewhere (`residue`)
        assert [told["residue"] for told in hand.told("done")] == [1]
        assert [leaf["read_back"] for leaf in hand.leaves()] == [False, None, True, True]

    @pytest.mark.parametrize("over", [{}, {"blind": True}, {"void": "other rules"}, {"at": "held"}])
    def test_what_had_gone_before_a_kill_is_recovered_though_a_copy_of_it_is_left(self, hand, over):
        lot = hand.lot(DUE)
        kill(hand, lot, "disposed")
        if over.pop("at", None):
            hold = Hold.objects.get()
            hold.subjects.bulk_create(
                HoldSubject(hold=hold, subject_kind="customer", subject=number) for number in ("1001", "1003")
            )
        work = hand.work(lot, **over)
        assert purge_chunk(work) is True
        assert work.lot.tally == {"recovered": 3}
        ((position, outcome, detail, where),) = exceptions(lot)
        assert (position, outcome, detail) == (0, "recovered", "")
        assert "asiakas_history" in where
        assert [leaf["read_back"] for leaf in hand.leaves()] == [False, True, True]
        if "void" not in over:
            assert hand.send(lot).lot.state == "done"

    def test_only_what_is_gone_is_read_back(self, hand, monkeypatch):
        asked: list[Any] = []
        replaced(
            hand,
            monkeypatch,
            verify=noting(asked, lambda given: given[1:]),
        )
        hand.send(hand.lot([key(8), key(1), key(2), key(5)]))
        assert asked == [([Ref("1", "1001"), Ref("8", "1008")], Action.DELETE)]
        asked.clear()
        hand.send(hand.lot([key(5)]))
        assert asked == []


class TestARegisterThatDoesNotDoAsAsked:
    @pytest.mark.parametrize("answers", [lambda all_: all_[::-1], lambda all_: all_[:2], lambda all_: [*all_, all_[0]]])
    def test_answers_out_of_order_or_too_few_are_none(self, hand, monkeypatch, answers):
        replaced(hand, monkeypatch, dispose=lambda real, *given: answers(list(real(*given))))
        lot = hand.lot(DUE)
        number = len(answers([0, 1, 2]))
        with pytest.raises(ConnectorError) as caught:
            hand.send(lot)
        assert str(caught.value) == f"crm: answered for {number} of 3 keys, or out of order"
        assert caught.value.permanent is True
        assert Attempt.objects.get().state == "intent"

    def test_a_long_reason_is_cut(self, hand, monkeypatch):
        replaced(
            hand,
            monkeypatch,
            dispose=lambda real, m, refs, *rest: [Disposal(r.key, Outcome.REFUSED, "x" * 500) for r in refs],
        )
        lot = hand.lot([key(1)])
        hand.send(lot)
        assert exceptions(lot) == [(0, "refused", "x" * 400, "")]


class TestWhatTheFirstChunkLeavesOut:
    ROWS = range(20, 40)

    @pytest.fixture
    def hand(self, company, data_dir, monkeypatch):
        take_on(data_dir, *self.ROWS)
        monkeypatch.setattr(purge, "USUAL", 5)
        with taken_in_hand(company) as hand:
            yield hand

    @pytest.fixture
    def asked(self, hand, monkeypatch):
        """What the register was asked about, when it was read back."""
        asked: list[Any] = []

        replaced(hand, monkeypatch, verify=noting(asked, lambda given: [int(ref.key) for ref in given[1]]))
        return asked

    def test_it_is_looked_at_before_and_after_and_only_then(self, hand, asked):
        hand.send(hand.lot([key(n) for n in self.ROWS]))
        rows = list(self.ROWS)
        assert asked == [rows[5:], rows[:5], rows[5:], rows[5:]]

    def test_so_many_at_most(self, hand, asked, monkeypatch):
        monkeypatch.setattr(purge, "BESIDE", 3)
        purge_chunk(hand.work(hand.lot([key(n) for n in self.ROWS])))
        assert asked[0] == [25, 26, 27]

    def test_nothing_where_it_leaves_nothing_out(self, hand, asked):
        hand.send(hand.lot([key(n) for n in (20, 21)]))
        assert asked == [[20, 21]]

    def test_of_an_interrupted_chunk_and_once_more_of_the_next(self, hand, asked):
        """Beside what had been sent before the kill nobody looked."""
        work = hand.work(hand.lot([key(n) for n in self.ROWS]), at=until("sent"))
        with pytest.raises(Killed):
            purge_chunk(work)
        asked.clear()
        work.at = hand.points.append
        purge_chunk(work)
        rows = list(self.ROWS)
        assert asked == [rows[5:], rows[:5], rows[5:]]
        asked.clear()
        purge_chunk(work)
        assert asked == [rows[10:], rows[5:10], rows[10:]]

    def test_where_more_goes_than_was_sent_the_register_is_stopped(self, hand, data_dir):
        sql(data_dir, "create trigger swept after delete on asiakas begin delete from asiakas where id > 30; end")
        lot = hand.lot([key(n) for n in self.ROWS])
        with pytest.raises(RegisterStopped) as caught:
            hand.send(lot)
        assert "of 15 items that were not sent 9 went with those that were" in str(caught.value)
        assert Attempt.objects.get().tally == {"destroyed": 5}

    def test_where_what_was_sent_is_there_still_no_more_is_sent(self, hand, data_dir, monkeypatch):
        monkeypatch.setattr(purge, "USUAL", 50)
        more = range(100, 140)
        take_on(data_dir, *more)
        back = "insert into asiakas values (old.id, old.asiakasnro, old.nimi, old.osoite)"
        sql(data_dir, f"create trigger kept after delete on asiakas begin {back}; end")
        with pytest.raises(Untrue) as caught:
            hand.send(hand.lot([key(n) for n in (*self.ROWS, *more)]))
        words = "of 50 items sent tonight 50 are still there: no more are sent before the next night"
        assert str(caught.value) == words
        assert Attempt.objects.get().positions == list(range(50))

    @pytest.mark.parametrize("what", ["fields", "step"])
    def test_not_where_whole_items_do_not_go(self, hand, asked, what):
        lot = hand.lot([key(n) for n in self.ROWS])
        question = hand.work(lot).question
        purge_chunk(hand.work(lot, question=replace(question, dataset=not_whole(question.dataset, what))))
        assert asked == [list(self.ROWS)[:5]]


class TestWhatIsBlocked:
    @pytest.fixture
    def lifted(self, hand, monkeypatch):
        """The register blocks, as directories do, and answers so when a block is lifted."""
        lifted = []

        def unflag(real, mapping, refs):
            lifted.append((mapping, refs))
            return [Disposal(ref.key, self.answer) for ref in refs]

        self.answer = Outcome.SUPERSEDED
        replaced(hand, monkeypatch, flag=lambda real, *given: [], unflag=unflag)
        return lifted

    def lot(self, hand, *numbers, flagged=True):
        lot = hand.lot([key(n) for n in numbers])
        lot.flagged_there = flagged
        lot.save()
        return lot

    @pytest.mark.parametrize("answer", [Outcome.SUPERSEDED, Outcome.ALREADY_ABSENT])
    def test_what_may_stay_is_unblocked_and_nothing_else(self, hand, lifted, answer):
        self.answer = answer
        lot = self.lot(hand, 1, 2, 4, 5)
        hand.send(lot)
        assert lifted == [(hand.dataset(lot.dataset).mapping, [Ref("2", "1002"), Ref("4", "1004")])]

    def test_where_nothing_stays_or_nothing_was_blocked_nobody_is_asked(self, hand, lifted):
        hand.send(self.lot(hand, 1, 5))
        hand.send(self.lot(hand, 2, 4, flagged=False))
        assert lifted == []

    def test_a_block_that_stays_is_told_and_tried_again(self, hand, lifted):
        self.answer = Outcome.FAILED
        with pytest.raises(ConnectorError) as caught:
            hand.send(self.lot(hand, 2, 4))
        assert (str(caught.value), caught.value.permanent) == ("crm: 2 blocks could not be lifted", False)
        assert Attempt.objects.get().state == "intent"

    def test_a_register_that_blocks_nothing_is_not_asked(self, hand):
        assert hand.send(self.lot(hand, 2)).lot.tally == {"superseded": 1}


class TestWithPeople:
    """What others were asked to dispose of is called back when it may not go."""

    @pytest.fixture
    def asked(self, hand, monkeypatch):
        """The register asks people, as an archive does (`test_paper_night` has one).

        `done`: what they have done by the time it is called back.
        """
        asked: list[Any] = []
        self.done: set[str] = set()

        def dispose(real, mapping, refs, action, still_due):
            assert mapping.place == "asiakas"
            asked.append(([ref.key for ref in refs], action, still_due))
            if is_false(still_due):
                return [Disposal(r.key, Outcome.DESTROYED if r.key in self.done else Outcome.SUPERSEDED) for r in refs]
            return [Disposal(ref.key, Outcome.PENDING, "order 1") for ref in refs]

        replaced(hand, monkeypatch, dispose=dispose, verify=lambda real, *given: [])
        return asked

    @pytest.fixture
    def lot(self, hand, asked):
        lot = hand.lot(DUE)
        assert hand.send(lot).lot.tally == {"pending": 3}
        asked.clear()
        hand.next_night()
        return lot

    def hold(self, *numbers):
        hold = Hold.objects.get()
        hold.subjects.bulk_create(HoldSubject(hold=hold, subject_kind="customer", subject=n) for n in numbers)

    def test_what_is_held_now_is_called_back_before_the_rest_is_asked_for_anew(self, hand, lot, asked):
        self.hold("1001", "1008")
        work = hand.send(lot)
        assert work.lot.tally == {"held": 2, "pending": 1}
        assert [(keys, action, is_false(due)) for keys, action, due in asked] == [
            (["1", "8"], Action.DELETE, True),
            (["3"], Action.DELETE, False),
        ]

    def test_what_they_had_done_is_gone(self, hand, lot, asked):
        self.hold("1001", "1008")
        self.done = {"8"}
        assert hand.send(lot).lot.tally == {"destroyed": 1, "held": 1, "pending": 1}
        assert exceptions(lot) == [(0, "held", "", ""), (1, "pending", "order 1", "")]

    def test_of_a_void_lot_all_of_it(self, hand, lot, asked):
        self.done = {"3"}
        work = hand.work(lot, void="other rules", chunk=2)
        assert purge_chunk(work) is True
        assert purge_chunk(work) is True
        assert purge_chunk(work) is False
        assert [keys for keys, *_ in asked] == [["1", "3"], ["8"]]
        assert work.lot.tally == {"destroyed": 1, "superseded": 2}
        assert exceptions(lot) == [(0, "superseded", "other rules", ""), (2, "superseded", "other rules", "")]

    def test_what_was_never_asked_for_is_not_called_back(self, hand, asked):
        lot = hand.lot([key(5), key(1)])
        hand.send(lot)
        assert [keys for keys, *_ in asked] == [["1"]]

    def test_what_waits_for_another_reason_stays_with_them(self, hand, lot, asked):
        hand.send(lot, needed=lambda them: {"1001": "names"})
        assert [keys for keys, *_ in asked] == [["3", "8"]]
        assert exceptions(lot)[0] == (0, "waiting", "names", "")

    def test_an_answer_too_few_is_none(self, hand, lot, asked, monkeypatch):
        self.hold("1001", "1008")
        replaced(hand, monkeypatch, dispose=lambda real, *given: real(*given)[:1])
        with pytest.raises(ValueError):
            hand.send(lot)
