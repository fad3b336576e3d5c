"""Chunk by chunk, outside of any night: what is sent, what is written of it where, and what is refused.

The small company's customers: 1001, 1003 and 1008 are due, 1005 is under a hold; row n has the number 1000 + n.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from retention import holds, purge, runs
from retention.connectors.contract import Disposal, Outcome, Ref
from retention.domain.errors import EvidenceError, LifecycleError
from retention.domain.evidence import merkle_root
from retention.evidence_log import subject_digest, subject_digests
from retention.leaves import person_digest
from retention.lot_keys import LotKey
from retention.models import (
    Attempt,
    Gate,
    Hold,
    HoldSubject,
    KeyOutcome,
    LotEvent,
)
from retention.plan import rules_document
from retention.purge import RegisterStopped, Stopped, purge_chunk
from ropa.models import Version
from tests.retention.company import (
    DUE_CUSTOMERS,
    SURVIVORS,
    TODAY,
    customers,
    document,
    found_company,
    publish,
)
from tests.retention.in_hand import (
    A_CHUNK,
    DUE,
    HELD_1005,
    campaign,
    exceptions,
    journal,
    key,
    kill,
    noting,
    replaced,
    take_on,
    taken_in_hand,
)
from tests.retention.test_night import sql


@pytest.fixture
def hand(company):
    Gate.objects.update(epoch=5)
    Version.objects.update(publisher="controller:omistaja")
    with taken_in_hand(company) as hand:
        yield hand


class TestOneChunk:
    @pytest.fixture
    def sent(self, hand):
        """One chunk, and the lot is not looked at again yet."""
        work = hand.work(hand.lot(DUE))
        assert purge_chunk(work) is True
        return work

    def test_its_points_are_passed_in_order(self, hand, sent):
        assert hand.points == A_CHUNK

    def test_what_it_writes_says_exactly_this(self, hand, sent, data_dir):
        lot, digests = sent.lot, subject_digests(["1", "3", "8"])
        intent = {
            "lot": lot.pk,
            "attempt": 1,
            "register": "crm",
            "dataset": "asiakastiedot",
            "action": "delete",
            "epoch": 5,
            "rules_digest": lot.rules_digest,
            "keys": digests,
            "root": merkle_root(digests),
        }
        tally = {"destroyed": 3}
        assert journal(data_dir) == [
            {"kind": "intent", "run": hand.run.pk, **intent},
            {"kind": "outcome", "lot": lot.pk, "attempt": 1, "tally": tally},
        ]
        assert hand.told("claimed") == [
            {
                "lot": lot.pk,
                "digest": lot.digest,
                "rules_digest": lot.rules_digest,
                "rules": rules_document(hand.dataset("asiakastiedot").rules),
                "approvals_needed": 0,
                "approved_by": [],
                "made_by": [],
                "grace_until": None,
            }
        ]
        assert hand.told("intent") == [intent]
        assert hand.told("outcome") == [
            {
                "lot": lot.pk,
                "attempt": 1,
                "register": "crm",
                "dataset": "asiakastiedot",
                "tally": tally,
                "residue": 0,
                "exceptions": [],
            }
        ]
        (about,) = hand.told("leaves")
        assert len(about.pop("root")) == 64
        assert about == {
            "lot": lot.pk,
            "attempt": 1,
            "night": "2026-06-30",
            "register": "crm",
            "dataset": "asiakastiedot",
            "action": "delete",
            "rules_digest": lot.rules_digest,
            "leaves": 3,
        }
        assert hand.leaves() == [
            {
                "item": subject_digest(number),
                "person": person_digest("customer", f"100{number}"),
                "rules": lot.rules_digest,
                "why": "GROUNDS_ENDED",
                "due_from": "2025-02-01",
                "basis": [["sopimus", "ended", "2022-01-31", "2022-01-31", "contract_ended", None]],
                "holds": [],
                "outcome": "destroyed",
                "read_back": True,
            }
            for number in ("1", "3", "8")
        ]

    def test_the_attempt_the_lot_and_its_move(self, hand, sent):
        (attempt,) = Attempt.objects.all()
        kept = (attempt.lot_id, attempt.run, attempt.number, attempt.positions, attempt.epoch, attempt.state)
        assert kept == (sent.lot.pk, hand.run, 1, [0, 1, 2], 5, "outcome")
        assert attempt.tally == {"destroyed": 3}
        assert (sent.lot.state, sent.lot.next_position, sent.lot.tally) == ("claimed", 3, {"destroyed": 3})
        claimed = LotEvent.objects.get(after="claimed")
        assert (claimed.before, claimed.who, claimed.digest) == ("approved", "night", sent.lot.digest)
        assert exceptions(sent.lot) == []

    def test_the_next_finds_nothing_and_the_lot_is_over(self, hand, sent, data_dir):
        assert purge_chunk(sent) is False
        sent.lot.refresh_from_db()
        assert (sent.lot.state, sent.lot.keys) == ("verified", None)
        assert hand.told("done") == [
            {"lot": sent.lot.pk, "dataset": "asiakastiedot", "tally": {"destroyed": 3}, "residue": 0}
        ]
        moves = LotEvent.objects.filter(after__in=["done", "verified"]).values_list("after", "who", "reason")
        assert list(moves) == [("done", "night", ""), ("verified", "night", "")]
        assert Attempt.objects.count() == 1
        assert customers(data_dir) == SURVIVORS

    def test_the_work_has_the_lot_as_it_is_now(self, hand):
        work = hand.work(hand.lot(DUE))
        states = []
        work.at = lambda point: states.append(work.lot.state)
        while purge_chunk(work):
            pass
        assert states == ["claimed"] * len(A_CHUNK)
        assert work.lot.state == "verified"

    def test_a_register_is_asked_for_a_key_whose_it_is_and_by_which_name(self, hand):
        work = hand.work(hand.lot([key(1, name="matti"), key(3)]))
        assert [work.ref(0), work.ref(1)] == [Ref("1", "1001", "matti"), Ref("3", "1003")]


class TestHowMuchIsSentAtOnce:
    def positions(self):
        return list(Attempt.objects.order_by("number").values_list("positions", flat=True))

    def test_the_register_says_and_whoever_sends(self, hand, monkeypatch):
        lot = hand.lot(DUE)
        at_once = {"asiakas": 700}
        replaced(hand, monkeypatch, at_once=lambda real, mapping: at_once[mapping.place])
        assert hand.work(lot).chunk == 700
        assert hand.work(lot, chunk=2).chunk == 2
        at_once["asiakas"] = 30_000
        assert hand.work(lot).chunk == 20_000

    def test_five_hundred_where_it_says_nothing(self, hand, monkeypatch):
        class OneByOne:
            """Of a kind that has no bulk."""

        assert hand.work(hand.lot(DUE), connector=OneByOne()).chunk == 500

    def test_few_at_first_and_then_all(self, hand, monkeypatch):
        monkeypatch.setattr(purge, "USUAL", 2)
        work = hand.send(hand.lot([*DUE, key(4), key(6), key(7)]), chunk=3)
        assert self.positions() == [[0, 1], [2, 3, 4], [5]]
        assert [told["attempt"] for told in hand.told("intent")] == [1, 2, 3]
        assert work.lot.tally == {"destroyed": 3, "superseded": 3}

    def test_what_waits_is_tried_once_a_night_few_by_few(self, hand, data_dir):
        take_on(data_dir, 11, 12, 13)
        hold = Hold.objects.get()
        HoldSubject.objects.bulk_create(
            HoldSubject(hold=hold, subject_kind="customer", subject=n) for n in ("1011", "1013")
        )
        lot = hand.lot([key(n) for n in (11, 12, 13, 5)])
        assert hand.send(lot, chunk=3).lot.state == "claimed"
        assert self.positions() == [[0, 1, 2], [3]]
        hand.next_night()
        hold.subjects.filter(subject="1011").delete()
        work = hand.send(lot, chunk=2)
        assert self.positions()[2:] == [[0, 2], [3]]
        assert list(Attempt.objects.order_by("number").values_list("run", flat=True))[2:] == [hand.run.pk] * 2
        assert work.lot.tally == {"destroyed": 2, "held": 2}
        assert exceptions(lot) == [(2, "held", "", ""), (3, "held", "", "")]
        assert work.lot.next_position == 4

    def test_what_was_superseded_is_never_sent_again(self, hand):
        lot = hand.lot([key(2), key(5)])
        hand.send(lot)
        hand.next_night()
        hand.send(lot)
        assert self.positions() == [[0, 1], [1]]
        assert exceptions(lot) == [(0, "superseded", "no longer due", ""), (1, "held", "", "")]


class TestWhoMayNot:
    def test_each_is_told_with_its_reason_and_only_the_rest_is_sent(self, hand, data_dir, monkeypatch):
        take_on(data_dir, 11, 12, 13, 14)
        sql(data_dir, "delete from asiakas where id = 3")
        sent: list[Any] = []
        asked: dict[str, Any] = {}
        replaced(hand, monkeypatch, dispose=noting(sent, lambda given: given[1]))

        def telling(name, answer):
            return lambda them: asked.setdefault(name, them) and answer

        keys = [key(n) for n in (1, 11, 12, 13, 14, 2, 3, 5)]
        lot = hand.lot(keys)
        work = hand.send(
            lot,
            needed=telling("needed", {"1011": "its names are needed"}),
            unfinished=telling("unfinished", {"12": "its step is due"}),
            changed=telling("changed", frozenset({"13"})),
        )
        told = [
            (1, "waiting", "its names are needed", ""),
            (2, "waiting", "its step is due", ""),
            (3, "superseded", "due otherwise than it was flagged", ""),
            (5, "superseded", "no longer due", ""),
            (6, "already_absent", "", ""),
            (7, "held", "", ""),
        ]
        assert exceptions(lot) == told
        assert sent == [[Ref("1", "1001"), Ref("14", "1014"), Ref("3", "1003")]]
        numbers = [entry.key for entry in keys]
        assert asked == {
            "needed": sorted(str(entry.subject) for entry in keys),
            "unfinished": keys,
            "changed": keys,
        }
        tally = {"already_absent": 1, "destroyed": 2, "held": 1, "superseded": 2, "waiting": 2}
        assert work.lot.tally == tally == Attempt.objects.get().tally
        (outcome,) = hand.told("outcome")
        assert outcome["tally"] == tally
        assert outcome["exceptions"] == [
            [subject_digest(numbers[position]), outcome, detail] for position, outcome, detail, _ in told
        ]
        leaves = {leaf["item"]: leaf for leaf in hand.leaves()}
        assert [leaf["outcome"] for leaf in hand.leaves()] == [
            "destroyed", "waiting", "waiting", "superseded", "destroyed", "superseded", "already_absent", "held",
        ]  # fmt: skip
        assert leaves[subject_digest("5")]["holds"] == HELD_1005
        assert leaves[subject_digest("1")]["holds"] == []
        assert [leaf["read_back"] for leaf in hand.leaves()] == [True, None, None, None, True, None, None, None]
        assert KeyOutcome.objects.filter(attempt=Attempt.objects.get(), lot=lot).count() == len(told)

    def test_who_is_held_is_held_though_no_longer_due_and_everything_else(self, hand, data_dir):
        sql(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where asiakasnro = '1005'")
        lot = hand.lot([key(5)])
        hand.send(lot, needed=lambda them: {"1005": "x"}, changed=lambda them: frozenset({"5"}))
        assert exceptions(lot) == [(0, "held", "", "")]

    def test_a_hold_that_was_released_holds_until_that_day_and_is_told(self, hand):
        for number, released in (("1001", TODAY), ("1003", TODAY + timedelta(days=1))):
            hold = Hold.objects.create(
                organisation=hand.company,
                start=date(2026, 1, 1),
                review_by=date(2027, 1, 1),
                owner="x",
                reason="dispute",
                released=released,
            )
            HoldSubject.objects.create(hold=hold, subject_kind="customer", subject=number)
        lot = hand.lot(DUE)
        assert hand.send(lot).lot.tally == {"destroyed": 2, "held": 1}
        assert exceptions(lot) == [(1, "held", "", "")]
        told = [leaf["holds"] for leaf in hand.leaves()]
        assert told == [[["2026-01-01", "2026-06-30"]], [["2026-01-01", "2026-07-01"]], []]

    def test_of_an_item_that_is_its_persons_the_contract_says_nothing(self, hand):
        assert hand.send(hand.lot([key(1, contract="S1"), key(2, contract="S1")])).lot.tally == {
            "destroyed": 1,
            "superseded": 1,
        }

    def test_an_item_of_nobody_is_asked_for_as_nobodys(self, hand, data_dir, monkeypatch):
        columns = "asiakasnro, aihe, avattu, suljettu, tila"
        sql(data_dir, f"insert into tiketti({columns}) values (null, '', '2019-01-01', '2019-02-01', 'suljettu')")
        asked = []
        lot = hand.lot([LotKey("4", "1008", TODAY), LotKey("7", None, TODAY)], "tiketit")

        def needed(subjects):
            asked.append(subjects)
            return {}

        work = hand.send(lot, needed=needed)
        assert (work.lot.tally, asked) == ({"destroyed": 2}, [["1008"]])
        assert [leaf["person"] for leaf in hand.leaves()] == [person_digest("customer", "1008"), None]

    def test_a_hold_on_persons_here_keeps_what_is_nobodys(self, hand, data_dir):
        columns = "asiakasnro, aihe, avattu, suljettu, tila"
        sql(data_dir, f"insert into tiketti({columns}) values (null, '', '2019-01-01', '2019-02-01', 'suljettu')")
        Hold.objects.update(dataset="tiketit")
        lot = hand.lot([LotKey("4", "1008", TODAY), LotKey("7", None, TODAY)], "tiketit")
        assert hand.send(lot).lot.tally == {"destroyed": 1, "held": 1}
        assert [leaf["holds"] for leaf in hand.leaves()] == [[], HELD_1005]

    def test_a_contract_is_asked_for_by_itself(self, db, data_dir):
        """1007 has one that ended long ago and one that runs."""
        content = document()
        mapping = {"place": "sopimus", "key": "id", "subject": "asiakasnro", "contract": "sopimusnro"}
        content["datasets"] = [{**content["datasets"][1], "grain": "contract", "mapping": mapping}]
        company = found_company(data_dir)
        publish(company, content, 2)
        with taken_in_hand(company) as hand:
            keys = [LotKey(str(row), "1007", TODAY, contract) for row, contract in ((7, "S7"), (8, "S8"))]
            hand.send(hand.lot(keys))
            assert hand.told("outcome")[0]["exceptions"] == [[subject_digest("8"), "superseded", "no longer due"]]
        assert sql(data_dir, "select id from sopimus where id in (7, 8)") == [(8,)]

    def test_what_is_under_another_contract_since_is_sent_with_a_condition_that_nothing_fits(self, db, data_dir):
        sql_rows = "(1, '1007', 'S8'), (2, '1007', 'S7')"
        company = found_company(data_dir)
        sql(data_dir, "create table laite(id integer primary key, asiakasnro text, sopimusnro text)")
        sql(data_dir, f"insert into laite values {sql_rows}")
        content = document()
        mapping = {"place": "laite", "key": "id", "subject": "asiakasnro", "contract": "sopimusnro"}
        content["datasets"] = [{**content["datasets"][1], "grain": "contract", "mapping": mapping}]
        publish(company, content, 2)
        with taken_in_hand(company) as hand:
            hand.send(hand.lot([LotKey(str(row), "1007", TODAY, "S7") for row in (1, 2, 3)]))
            (told,) = hand.told("outcome")
        became = [[subject_digest("1"), "superseded", ""], [subject_digest("3"), "already_absent", ""]]
        assert told["exceptions"] == became
        assert sql(data_dir, "select id from laite") == [(1,)]

    def test_under_other_rules_than_the_lots_everything_is_held(self, hand, data_dir):
        lot = hand.lot(DUE)
        question = hand.work(lot).question
        other = replace(question, dataset=replace(question.dataset, rules_digest="0" * 64))
        assert hand.send(lot, question=other).lot.tally == {"held": 3}
        assert [leaf["holds"] for leaf in hand.leaves()] == [[["2026-06-30", None]]] * 3
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS

    def test_with_another_substitute_than_the_lots_everything_is_held_beside_what_holds_it(self, hand, data_dir):
        campaign(hand, "asiakastiedot", "contract_ended")
        until_2027 = {"start": date(2026, 1, 1), "review_by": date(2027, 1, 1), "owner": "x", "reason": "authority"}
        Hold.objects.create(organisation=hand.company, **until_2027)
        assert hand.send(hand.lot(DUE)).lot.tally == {"held": 3}
        assert [leaf["holds"] for leaf in hand.leaves()] == [[["2026-01-01", None], ["2026-06-30", None]]] * 3


class TestStops:
    STOPS = {
        "everything": (lambda hand: holds.stop(hand.company, None, "dpo", "epäily"), Stopped, "epäily (dpo)"),
        "register": (
            lambda hand: holds.stop(hand.company, ["crm"], "dpo", "epäily"),
            RegisterStopped,
            "crm is stopped: epäily (dpo)",
        ),
        "night": (lambda hand: runs.stop(hand.run, "dpo", "epäily"), Stopped, "epäily (dpo)"),
        "night without a word": (
            lambda hand: type(hand.run).objects.update(stop_requested=True),
            Stopped,
            "the night was stopped",
        ),
        "hours": (lambda hand: None, RegisterStopped, "crm takes items only by night"),
    }

    @pytest.mark.parametrize("in_flight", [False, True])
    @pytest.mark.parametrize("what", STOPS)
    def test_nothing_is_claimed_or_sent_again(self, hand, data_dir, what, in_flight):
        lot = hand.lot(DUE)
        if in_flight:
            kill(hand, lot, "intent committed")
        stop, error, words = self.STOPS[what]
        stop(hand)
        said = "takes items only by night" if what == "hours" else ""
        with pytest.raises(error) as caught:
            purge_chunk(hand.work(lot, closed=lambda register: said))
        assert (type(caught.value), str(caught.value)) == (error, words)
        assert hand.points == []
        assert Attempt.objects.count() == in_flight
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS

    def test_another_registers_stop_is_none(self, hand):
        holds.stop(hand.company, ["billing"], "dpo", "epäily")
        assert hand.send(hand.lot(DUE)).lot.state == "verified"

    def test_what_is_void_is_settled_all_the_same(self, hand):
        lot = hand.lot(DUE)
        kill(hand, lot, "intent committed")
        holds.stop(hand.company, None, "dpo", "epäily")
        assert hand.send(lot, void="x", closed=lambda register: "closed").lot.tally == {"superseded": 3}

    def test_only_what_was_approved_is_claimed(self, hand, data_dir):
        lot = hand.lot(DUE)
        type(lot).objects.update(state="flagged")
        with pytest.raises(LifecycleError, match=rf"^lot {lot.pk} is flagged: it may not be claimed$"):
            purge_chunk(hand.work(lot))
        assert not Attempt.objects.exists()
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS


class TestLotsThatAreNotWhole:
    def test_without_keys(self, hand):
        lot = hand.lot(DUE)
        lot.keys = None
        with pytest.raises(LifecycleError, match=rf"^lot {lot.pk} has no keys left$"):
            hand.work(lot)

    def test_with_other_keys_than_were_approved(self, hand):
        lot, other = hand.lot(DUE), hand.lot([key(2)])
        lot.keys = other.keys
        words = rf"^lot {lot.pk}: its keys are not those that were flagged and approved$"
        with pytest.raises(EvidenceError, match=words):
            hand.work(lot)

    def test_a_key_that_has_its_final_outcome_is_not_counted_again(self, hand):
        lot = hand.lot(DUE)
        kill(hand, lot, "read back")
        KeyOutcome.objects.create(lot=lot, attempt=Attempt.objects.get(), position=1, outcome="superseded")
        with pytest.raises(LifecycleError, match=rf"^lot {lot.pk}: a key that is superseded was sent again$"):
            purge_chunk(hand.work(lot))
        assert Attempt.objects.get().state == "intent"

    def test_a_tally_that_does_not_sum_to_what_was_sent(self, hand):
        lot = hand.lot(DUE)
        kill(hand, lot, "read back")
        type(lot).objects.update(tally={"destroyed": 1})
        lot.refresh_from_db()
        with pytest.raises(EvidenceError, match=rf"^lot {lot.pk}: 4 outcomes for 3 keys$"):
            purge_chunk(hand.work(lot))

    def test_an_outcome_too_few(self, hand):
        lot = hand.lot(DUE)
        kill(hand, lot, "read back")
        with pytest.raises(EvidenceError, match=rf"^lot {lot.pk}: 1 outcomes for 3 keys$"):
            purge._record(hand.work(lot), Attempt.objects.get(), {0: Disposal("1", Outcome.DESTROYED)}, {})
