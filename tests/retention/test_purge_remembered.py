"""Beside the outcome: what a chunk has remembered and forgotten, what others decide, what a backup brought back.

The small company's customers: 1001, 1003 and 1008 are due, 1005 is under a hold; row n has the number 1000 + n.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from retention import holds, replay, substitutes
from retention.approvals import approve, in_evidence
from retention.evidence_log import subject_digest
from retention.following import asking
from retention.lot_keys import LotKey
from retention.models import (
    CampaignGap,
    FirstSeen,
    Gate,
    Gone,
    Hold,
)
from retention.selectors import connector_of
from ropa.models import Organisation, Version
from ropa.persons import Person
from tests.retention.company import (
    TODAY,
    controller,
    document,
    found_company,
    publish,
)
from tests.retention.in_hand import (
    DUE,
    campaign,
    exceptions,
    journal,
    key,
    kill,
    not_whole,
    taken_in_hand,
)
from tests.retention.test_night import sql


@pytest.fixture
def hand(company):
    Gate.objects.update(epoch=5)
    with taken_in_hand(company) as hand:
        yield hand


class TestWhatIsRemembered:
    def prints(self):
        return list(
            Gone.objects.values_list(
                "under__dataset", "under__month", "under__action", "under__rules_digest", "under__estimated"
            )
        )

    def dated(self, *numbers):
        return [key(n, dates='{"recorded":"2015-01-01"}') for n in numbers]

    def test_what_went_by_us_and_has_dates_of_its_own(self, hand, data_dir):
        sql(data_dir, "delete from asiakas where id = 3")
        lot = hand.lot([*self.dated(1, 2, 3, 5), key(8)])
        assert hand.send(lot).lot.tally["destroyed"] == 2
        assert self.prints() == [("asiakastiedot", "2026-06", "delete", lot.rules_digest, "")]

    def test_also_what_is_recovered(self, hand):
        lot = hand.lot(self.dated(1, 3))
        kill(hand, lot, "disposed")
        assert hand.send(lot).lot.tally == {"recovered": 2}
        assert len(self.prints()) == 2

    @pytest.mark.parametrize("what", ["fields", "step"])
    def test_nothing_where_whole_items_do_not_go(self, hand, what):
        lot = hand.lot(self.dated(1))
        question = hand.work(lot).question
        hand.send(lot, question=replace(question, dataset=not_whole(question.dataset, what)))
        assert self.prints() == []

    def test_the_campaigns_by_which_it_was_due_stand_everywhere(self, hand, data_dir):
        lot = hand.lot(self.dated(1), estimated=[7, 9])
        hand.send(lot)
        assert self.prints()[0][-1] == "7 9"
        for kind in ("claimed", "intent", "outcome"):
            assert [told["estimated"] for told in hand.told(kind)] == [[7, 9]]
        assert [leaf["estimated"] for leaf in hand.leaves()] == [[7, 9]]
        assert journal(data_dir)[0]["estimated"] == [7, 9]

    def test_since_when_it_was_seen_without_a_ground_is_forgotten_where_it_is_settled(self, hand, data_dir):
        sql(data_dir, "delete from asiakas where id = 3")
        for code, number in [("asiakastiedot", n) for n in (1, 2, 3, 5, 9)] + [("tiketit", 1)]:
            FirstSeen.objects.create(
                organisation=hand.company, dataset=code, key=subject_digest(str(number)), day=TODAY
            )
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        FirstSeen.objects.create(organisation=other, dataset="asiakastiedot", key=subject_digest("1"), day=TODAY)
        hand.send(hand.lot([key(1), key(2), key(3), key(5)]))
        assert FirstSeen.objects.filter(organisation=other).exists()
        FirstSeen.objects.filter(organisation=other).delete()
        left = set(FirstSeen.objects.values_list("dataset", "key"))
        assert left == {("asiakastiedot", subject_digest(n)) for n in ("5", "9")} | {("tiketit", subject_digest("1"))}

    @pytest.mark.parametrize("there", [True, False])
    def test_the_gaps_of_what_is_away_are_forgotten(self, hand, data_dir, there):
        """There: the dataset has substitutes. Otherwise nothing is looked for."""
        mine = campaign(hand, "asiakastiedot", "contract_ended")
        sql(data_dir, "delete from asiakas where id = 3")
        for number in (1, 2, 3, 5):
            CampaignGap.objects.create(campaign=mine, item=subject_digest(str(number)), gap=f"{number}")
        if there:
            hand.plan = substitutes.in_force(hand.company, hand.plan)
            assert hand.dataset("asiakastiedot").substitutes
        else:
            mine.state = "proposed"
            mine.save()
        assert hand.send(hand.lot([key(1), key(2), key(3), key(5)])).lot.tally["destroyed"] == 1
        left = set(CampaignGap.objects.values_list("gap", flat=True))
        assert left == ({"2", "5"} if there else {"1", "2", "3", "5"})


class TestWhoDecided:
    @pytest.fixture
    def hand(self, db, data_dir):
        policy = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
        company = found_company(data_dir, policy)
        Version.objects.update(publisher="controller:omistaja")
        with taken_in_hand(company) as hand:
            yield hand

    def test_the_claim_names_who_approved_and_who_made_the_rules_and_the_grace(self, hand):
        lot = hand.lot(DUE, approve=False)
        boss = controller(hand.company)
        approve(lot, boss, lot.digest)
        lot.refresh_from_db()
        lot.grace_until = TODAY
        lot.save()
        hand.send(lot)
        (claimed,) = hand.told("claimed")
        assert claimed["approvals_needed"] == 1
        assert claimed["approved_by"] == in_evidence([Person("controller:toimitusjohtaja", boss.pk)])
        assert claimed["made_by"] == in_evidence([Person("controller:omistaja")])
        assert claimed["grace_until"] == "2026-06-30"


class TestWhatFollowsOthers:
    """Messages go with their tickets: whose a message is only its ticket tells."""

    @pytest.fixture
    def asked(self, db, data_dir):
        content = document()
        content["datasets"][1] = {
            "id": "viestit",
            "name": {"fi": "Viestit"},
            "register": "crm",
            "activity": "asiakkaat",
            "grain": "record",
            "subject_kind": "customer",
            "enforced_by": "us",
            "mapping": {"place": "viesti", "key": "id"},
            "policy": content["datasets"][0]["policy"],
            "follows": [{"dataset": "tiketit", "by": "tiketti_id"}],
        }
        company = found_company(data_dir)
        publish(company, content, 2)
        with taken_in_hand(company) as hand:
            lot = hand.lot([LotKey(key, None, TODAY) for key in ("11", "2", "7")], "viestit")
            with asking(hand.work(lot).question, lambda dataset: connector_of(company, register(hand))) as question:
                yield hand, lot, question

    def test_what_its_ticket_keeps_stays(self, asked):
        hand, lot, question = asked
        assert hand.send(lot, question=question).lot.tally == {"destroyed": 2, "superseded": 1}
        assert hand.told("outcome")[0]["exceptions"] == [[subject_digest("11"), "superseded", ""]]

    def test_a_hold_between_two_calls_on_whose_ticket_it_is_wins(self, asked):
        hand, lot, question = asked

        def at(point):
            if point == "before disposal" and not Hold.objects.exclude(owner="lakiasiat").exists():
                until = TODAY + timedelta(days=90)
                holds.place(hand.company, [("customer", "1001")], "dispute", "", "dpo", TODAY, until)

        assert hand.send(lot, question=question, at=at).lot.tally == {"destroyed": 1, "held": 1, "superseded": 1}
        assert exceptions(lot) == [(0, "superseded", "", ""), (1, "held", "", "")]

    def test_one_on_everybody_holds_what_is_no_longer_there_too(self, asked, data_dir):
        hand, lot, question = asked

        def at(point):
            if point == "before disposal" and not Hold.objects.exclude(owner="lakiasiat").exists():
                sql(data_dir, "delete from viesti where id = 2")
                holds.place(hand.company, [], "authority", "", "dpo", TODAY, TODAY + timedelta(days=90))

        assert hand.send(lot, question=question, at=at).lot.tally == {"held": 2, "superseded": 1}


def register(hand):
    return hand.plan.find_register("crm")


class TestWhatABackupBroughtBack:
    """Of whom the ledger knows nothing any more the former destruction decides; of all others the rules."""

    DATES = '{"recorded":"2015-01-01"}'

    @pytest.fixture
    def hand(self, company, data_dir):
        sql(data_dir, "alter table asiakas add column kirjattu date")
        sql(data_dir, "update asiakas set kirjattu = '2015-01-01'")
        sql(data_dir, "delete from sopimus where asiakasnro in ('1001', '1003', '1005', '1006', '1008')")
        content = document()
        content["datasets"][1]["mapping"]["events"] = {"recorded": "kirjattu"}
        publish(company, content, 2)
        with taken_in_hand(company) as hand:
            yield hand

    def lot(self, hand, *keys, **over):
        return hand.lot(keys, why=replay.WHY, **over)

    def test_it_goes_where_its_person_is_a_stranger_and_its_dates_are_the_same(self, hand, data_dir):
        take_on_dated = "insert into asiakas values (11, '1011', '', '', '2015-01-01'), (12, '1012', '', '', null)"
        sql(data_dir, take_on_dated)
        sql(data_dir, "update asiakas set kirjattu = '2024-05-05' where id = 3")
        sql(data_dir, "update sopimus set loppu = '2020-01-01' where asiakasnro = '1004'")
        sql(data_dir, "delete from asiakas where id = 6")
        lot = self.lot(hand, *(key(n, dates=self.DATES, contract="S") for n in (1, 2, 3, 4, 5, 6, 11, 12)), key(8))
        assert hand.send(lot).lot.tally == {"already_absent": 1, "destroyed": 3, "held": 1, "superseded": 4}
        assert exceptions(lot) == [
            (2, "superseded", "", ""),  # 12: its date is gone
            (3, "superseded", "no longer due", ""),  # 2: the contract runs
            (4, "superseded", "", ""),  # 3: another date
            (6, "held", "", ""),
            (7, "already_absent", "", ""),
            (8, "superseded", "", ""),  # 8: was remembered without dates
        ]

    def test_a_lot_of_another_kind_says_nothing_of_strangers(self, hand):
        assert hand.send(hand.lot([key(1, dates=self.DATES)])).lot.tally == {"superseded": 1}

    def test_of_contracts_each_by_itself(self, hand, data_dir):
        sql(data_dir, "create table laite(id integer primary key, asiakasnro text, sopimusnro text, kirjattu date)")
        rows = "(1, '1001', 'S1', '2015-01-01'), (2, '1001', 'S9', '2015-01-01'), (3, '1007', 'S8', '2015-01-01')"
        sql(data_dir, f"insert into laite values {rows}")
        content = document()
        columns = {"place": "laite", "key": "id", "subject": "asiakasnro", "contract": "sopimusnro"}
        mapping = {**columns, "events": {"recorded": "kirjattu"}}
        content["datasets"] = [{**content["datasets"][1], "id": "laitteet", "grain": "contract", "mapping": mapping}]
        publish(hand.company, content, 3)
        with taken_in_hand(hand.company, TODAY + timedelta(days=1)) as hand:
            keys = [
                LotKey(str(n), number, TODAY, contract, dates=self.DATES)
                for n, number, contract in ((1, "1001", "S1"), (2, "1001", "S9"), (3, "1007", "S8"))
            ]
            hand.send(self.lot(hand, *keys, dataset="laitteet"))
        assert sql(data_dir, "select id from laite") == [(3,)]
