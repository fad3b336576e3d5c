"""A register, or our own database, comes back from a backup: what was destroyed goes again, and nothing else (D9).

Everything is real: pg_dump and pg_restore on both sides, or copies of both files, with nights before and after.
docs/explanation/order-and-restore.md says which sentence each of these holds.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count

import pytest
from django.utils import timezone

from retention import holds, leaves, replay, suppression
from retention.approvals import approve
from retention.disposal import reject
from retention.identifiers import Identifier
from retention.models import Gate, Hold, Lot
from retention.plan import plan_of
from ropa.models import Organisation, Withdrawal
from tests.connectors.sql_servers import wait_until_ready
from tests.e2e.restore_house import LAST, LATER, TOMORROW, CopiedCrm, DumpedCrm, RestoreHouse
from tests.own_database import OwnDatabase
from tests.retention.company import DUE_CUSTOMERS, NOW, SURVIVORS, TODAY, controller, document, publish

NUMBERS = count()
CONTRACT = "insert into sopimus(id, asiakasnro, sopimusnro, alku, loppu, tila) values "
CUSTOMER = "insert into asiakas(id, asiakasnro, nimi, kirjattu) values "


@pytest.fixture
def crm(own_database: OwnDatabase, request, tmp_path) -> Iterator[DumpedCrm | CopiedCrm]:
    """A register of the same kind as our own database."""
    if not own_database.server:
        yield CopiedCrm(tmp_path / "crm.sqlite3")
        return
    port = request.getfixturevalue("postgres_server").port
    wait_until_ready(port)
    one = DumpedCrm(port, f"restored_{os.getpid()}_{next(NUMBERS)}")
    one.make()
    yield one
    one.drop()


@pytest.fixture
def house(own_database: OwnDatabase, crm) -> RestoreHouse:
    return RestoreHouse(own_database, crm).found()


def organisation() -> Organisation:
    return Organisation.objects.get()


def publish_longer(period: str = "P10Y", at: datetime = NOW) -> None:
    content = document()
    for dataset in content["datasets"]:
        for one in dataset["grounds"]:
            one["period"] = period
    number = organisation().versions.count() + 1
    publish(organisation(), content, number=number, day="2026-06-01", at=at)


def withdraw_the_last() -> None:
    last = organisation().versions.latest("number")
    Withdrawal.objects.create(version=last, withdrawn_at=timezone.now(), withdrawer="controller:x", reason="väärä")


def ban(number: str) -> None:
    suppression.ban(organisation(), [Identifier("number", number)], ["all"], TODAY, "dpo:x")


def held(number: str, day: date = TOMORROW) -> holds.Placed:
    return holds.place(organisation(), [("customer", number)], "request", "", "tietosuojavastaava", day, LAST)


class TestSource:
    """A register is restored from a backup of before a purge."""

    def test_the_whole_register_comes_back_and_what_is_new_or_changed_since_stays(self, house, crm, tmp_path):
        backup = crm.backup(tmp_path / "crm.backup")
        assert house.night(TODAY) == 0
        assert crm.customers() == SURVIVORS
        crm.restore(backup)
        assert crm.customers() > DUE_CUSTOMERS
        crm.run(
            f"{CUSTOMER}(90, '2001', 'Testihenkilö', '2026-07-01')",
            f"{CONTRACT}(90, '2001', 'S90', '2026-07-01', null, 'voimassa')",
            f"{CONTRACT}(91, '1001', 'S91', '2026-07-01', null, 'voimassa')",  # came back as a customer
            "update tiketti set tila = 'auki', suljettu = null where asiakasnro = '1008' and avattu = '2019-01-01'",
        )
        assert house.night(TOMORROW) == 0
        assert crm.customers() == (SURVIVORS - {"1004"}) | {"1001", "2001"}
        assert {avattu for (avattu,) in crm.rows("select cast(avattu as varchar(10)) from tiketti")} == {
            "2026-01-01",  # 1002's, open
            "2020-01-01",  # 1002's, closed without a date
            "2019-01-01",  # reopened after the restore
            "2025-02-01",  # too young
        }
        found = {entry["dataset"]: entry["items"] for entry in house.entries("returned")}
        assert found == {"asiakastiedot": 2, "tiketit": 2}  # 1003, 1008; the tickets that are due again
        assert house.verify() == 0
        assert house.tallies() == {"destroyed": 6 + 5}  # each of the second night's by itself: 1003, 1008, 1004, two
        assert house.night(LATER) == 0
        assert len(house.entries("returned")) == 2

    def test_what_nobody_knows_any_more_goes_by_its_former_destruction(self, house, crm, tmp_path):
        """Its contracts were forgotten long since, and only the table of customers comes back."""
        backup = crm.backup(tmp_path / "crm.backup")
        assert house.night(TODAY) == 0
        gone = ", ".join(f"'{number}'" for number in sorted(DUE_CUSTOMERS))
        crm.run(
            f"delete from sopimus where asiakasnro in ({gone})",
            "delete from viesti where tiketti_id in (select id from tiketti where asiakasnro = '1008')",
            "delete from tiketti where asiakasnro = '1008'",
        )
        assert house.night(TOMORROW) == 0
        assert not house.own.rows(f"select 1 from retention_ledgercontract where subject in ({gone})")
        crm.restore_table(backup, "asiakas")
        crm.run(
            "update asiakas set kirjattu = '2026-07-02' where asiakasnro = '1003'",  # another record of theirs
            f"{CUSTOMER}(90, '2001', 'Testihenkilö', '2015-01-01')",  # new, and nobody knows them either
        )
        assert house.night(LATER) == 0
        assert "restored from a backup" in house.problems(LATER)["asiakastiedot"]
        assert house.night(LAST) == 0
        assert crm.customers() == (SURVIVORS - {"1004"}) | {"1003", "2001"}
        lot = house.entries("lot")[-1]
        assert (lot["size"], lot["why"], lot["dataset"]) == (2, "RESTORED", "asiakastiedot")  # 1001 and 1008
        assert house.verify() == 0

    def test_a_hold_that_came_since_keeps_what_came_back(self, house, crm, tmp_path):
        backup = crm.backup(tmp_path / "crm.backup")
        assert house.night(TODAY) == 0
        crm.restore(backup)
        assert house.do(lambda: held("1008")) == 0
        assert house.night(TOMORROW) == 0
        assert crm.customers() == (SURVIVORS - {"1004"}) | {"1008"}
        assert house.verify() == 0


class TestOwn:
    """Our own database is restored to an older state, and the register went on."""

    @pytest.fixture
    def restored(self, house: RestoreHouse, crm, tmp_path) -> RestoreHouse:
        """Of the evening before the second night; since then a hold, a stop's end, and a person's leaves forgotten."""
        assert house.night(TODAY) == 0
        dump = house.backup(tmp_path / "own.backup")
        assert house.night(TOMORROW) == 0
        crm.run("update sopimus set loppu = '2023-06-30', tila = 'paattynyt' where asiakasnro = '1002'")
        assert house.do(lambda: held("1002")) == 0
        said = ("testi", "customer", "1008", TOMORROW, "controller", "request of the person")
        assert house.do(lambda: leaves.forget(*said)) == 0
        shutil.copytree(house.own.directory / "heads" / "testi", tmp_path / "away")
        house.restore(dump)
        return house

    def test_nothing_goes_before_a_person_says_so_and_the_hold_is_not_lost(self, restored, crm):
        before = crm.customers()
        assert restored.night(LATER) != 0
        assert restored.verify() != 0
        assert restored.adopt() != 0  # the hold is not placed again
        assert restored.night(LATER) != 0
        assert crm.customers() == before > {"1002"}

        assert restored.do(lambda: held("1002")) == 0
        assert restored.adopt() == 0
        assert restored.night(LATER) == 0
        assert "1002" in crm.customers() == before
        (entry,) = restored.entries("adopted")
        ((digest,),) = restored.own.rows("select digest from retention_evidencehead where number = 1")
        assert entry["restored"] == {"head": 1, "digest": digest}
        assert entry["heads"] == [2, 3]
        assert TOMORROW.isoformat() in entry["nights"]
        assert [(one["start"], bool(one["again"])) for one in entry["holds"]] == [(TOMORROW.isoformat(), True)]
        assert restored.verify() == 0

    def test_a_hold_that_holds_no_more_is_confirmed_and_signed(self, restored, crm):
        assert restored.adopt(without_lost=True) == 0
        (entry,) = restored.entries("adopted")
        assert [one["again"] for one in entry["holds"]] == [None]
        assert restored.night(LATER) == 0
        assert "1002" not in crm.customers()
        assert restored.verify() == 0

    def test_nothing_is_destroyed_or_counted_twice(self, restored):
        assert restored.adopt(without_lost=True) == 0
        assert restored.night(LATER) == 0
        signed = sum(
            json.loads(body)["counts"].get("purged", 0)
            for (body,) in restored.own.rows("select body from retention_evidencehead")
        )
        assert signed == 6 + 1 + 1  # the first night's; 1004, in the night that was lost; 1002
        assert restored.tallies() == {"destroyed": 6 + 1}

    def test_forgotten_leaves_stay_forgotten(self, restored):
        def readable() -> None:
            assert not list(leaves.about("testi", leaves.person_digest("customer", "1008")))
            assert list(leaves.about("testi", leaves.person_digest("customer", "1001")))

        sealed = "select id, sealed from retention_evidenceleaves order by id"
        before = restored.own.rows(sealed)
        assert restored.do(readable) == 0  # at once, before anybody has said anything
        assert restored.adopt(without_lost=True) == 0
        assert restored.own.rows(sealed) != before  # and destroyed
        assert restored.do(readable) == 0
        assert restored.verify() == 0
        (restored.own.directory / "remembered" / "testi" / "forgotten.jsonl").unlink()
        assert restored.do(readable) == 0

    def test_heads_that_left_the_machine_show_the_gap(self, restored, tmp_path):
        """With the database everything beside it was restored too, and went on: nothing here knows of anything."""
        for name in ("heads", "journal", "remembered"):
            shutil.rmtree(restored.own.directory / name)
        assert restored.verify() == 0
        assert restored.verify(away=tmp_path / "away") != 0
        assert restored.night(LATER) == 0
        assert restored.verify() == 0
        (tmp_path / "away" / "3.json").unlink()
        assert restored.verify(away=tmp_path / "away") != 0  # another head stands under the number of one that left

    def test_heads_that_were_brought_back_stop_it(self, restored, tmp_path):
        for name in ("heads", "journal", "remembered"):
            shutil.rmtree(restored.own.directory / name)
        shutil.copytree(tmp_path / "away", restored.own.directory / "heads" / "testi")
        assert restored.night(LATER) != 0
        assert restored.adopt() == 0
        assert restored.verify(away=tmp_path / "away") == 0
        assert restored.night(LATER) == 0

    def test_heads_that_are_brought_back_after_others_were_signed(self, restored, tmp_path):
        """Two histories are never joined; the second goes on once the first one's copies lie elsewhere."""
        heads, away = restored.own.directory / "heads" / "testi", tmp_path / "away"
        for name in ("heads", "journal", "remembered"):
            shutil.rmtree(restored.own.directory / name)
        assert restored.night(LATER) == 0
        (heads / "2.json").replace(tmp_path / "2.json")
        shutil.copy(away / "2.json", heads / "2.json")
        assert restored.night(LAST) != 0
        assert restored.adopt() != 0
        (tmp_path / "2.json").replace(heads / "2.json")
        assert restored.night(LAST) == 0
        assert restored.verify() == 0
        assert restored.verify(away=away) != 0

    def test_it_is_restored_once_more(self, restored, tmp_path):
        """To the same state: the first adoption is lost too."""
        dump = restored.backup(tmp_path / "again.backup")
        assert restored.adopt(without_lost=True) == 0
        restored.restore(dump)
        assert restored.night(LATER) != 0
        assert restored.adopt(without_lost=True) == 0
        assert restored.verify() == 0
        assert restored.night(LATER) == 0
        assert restored.verify() == 0


class TestBetweenNights:
    """Backup and restore on one day: no night was lost."""

    def test_a_hold_alone_is_lost(self, house, crm, tmp_path):
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(lambda: held("1008", TODAY)) == 0
        house.restore(dump)
        assert house.do(lambda: held("1001", TODAY)) == 0  # takes the number of the one that is lost
        assert house.night(TODAY) != 0
        assert crm.customers() > DUE_CUSTOMERS
        assert house.adopt() != 0
        assert house.do(lambda: held("1008", TODAY)) == 0
        assert house.adopt() == 0
        assert house.night(TODAY) == 0
        assert crm.customers() == SURVIVORS | {"1001", "1008"}
        assert house.verify() == 0

    def test_a_hold_that_was_released_since_is_not_asked_for(self, house, tmp_path):
        dump = house.backup(tmp_path / "own.backup")

        def placed_and_released() -> None:
            holds.release(held("1008", TODAY).hold, TODAY, "tietosuojavastaava")

        assert house.do(placed_and_released) == 0
        house.restore(dump)
        assert house.night(TODAY) == 0

    def test_a_stop_is_pulled_again(self, house, crm, tmp_path):
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(lambda: holds.stop(organisation(), ["crm"], "valvoja", "incident")) == 0
        house.restore(dump)
        assert house.night(TODAY) != 0
        assert house.adopt() == 0
        assert house.do(lambda: _assert(Gate.objects.get().stopped_registers == ["crm"])) == 0
        assert house.night(TODAY) == 0
        assert crm.customers() > DUE_CUSTOMERS
        assert house.do(lambda: holds.resume(organisation(), None, "valvoja")) == 0
        assert house.night(TOMORROW) == 0
        assert not crm.customers() & DUE_CUSTOMERS

    def test_a_version_is_published_again_before_anything_goes(self, house, crm, tmp_path):
        """It keeps for longer; without it the rules of before would let go."""
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(publish_longer) == 0
        house.restore(dump)
        assert house.night(TODAY) != 0
        assert house.adopt() != 0
        assert crm.customers() > DUE_CUSTOMERS
        assert house.do(partial(publish_longer, at=NOW + timedelta(hours=3))) == 0
        assert house.adopt() == 0
        assert house.night(TODAY) == 0
        assert crm.customers() > {"1001", "1003"}
        (entry,) = house.entries("adopted")
        assert entry["decisions"] == [{"what": "the publication of version 2 (2026-06-30)", "again": True}]
        assert house.verify() == 0

    def test_a_version_that_is_not_wanted_any_more_is_given_up_by_a_person(self, house, crm, tmp_path):
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(publish_longer) == 0
        house.restore(dump)
        assert house.adopt(without_lost=True) == 0
        assert house.night(TODAY) == 0
        assert crm.customers() == SURVIVORS

    def test_a_version_that_was_withdrawn_is_withdrawn_again(self, house, crm, tmp_path):
        assert house.do(partial(publish_longer, period="P1Y")) == 0
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(withdraw_the_last) == 0
        house.restore(dump)
        assert house.night(TODAY) != 0
        assert house.adopt() != 0
        assert house.do(withdraw_the_last) == 0
        assert house.adopt() == 0
        assert house.night(TODAY) == 0
        assert crm.customers() == SURVIVORS

    def test_marketing_bans_are_said_again(self, house, crm, tmp_path):
        assert house.do(partial(ban, "1002")) == 0
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(partial(ban, "1004")) == 0
        house.restore(dump)
        assert house.do(partial(ban, "1007")) == 0  # takes the number of the one that is lost, and hides nothing
        assert house.night(TODAY) != 0
        assert house.adopt() != 0
        assert house.adopt(without_lost=True) == 0
        assert house.night(TODAY) == 0
        assert house.do(partial(ban, "1004")) == 0
        assert house.night(TOMORROW) == 0

    def test_a_hold_of_before_this_journal_is_told_by_the_next_night(self, house, tmp_path):
        """1005's was placed when nothing was remembered yet."""
        dump = house.backup(tmp_path / "own.backup")
        assert house.night(TODAY) == 0
        house.restore(dump)
        assert house.do(lambda: Hold.objects.all().delete()) == 0
        assert house.adopt() != 0


class TestLots:
    """What waited in a lot when the backup was made."""

    def test_what_was_turned_down_since_does_not_go(self, own_database, crm, tmp_path):
        policy = {"mode": "purge", "approval": "one", "grace": "P1D", "waves": False}
        house = RestoreHouse(own_database, crm).found(policy)
        assert house.night(TODAY) == 0
        assert house.do(_approve) == 0
        assert house.night(TOMORROW) == 0  # its grace runs from here
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(_reject) == 0
        assert house.night(LATER) == 0
        house.restore(dump)
        assert house.adopt() == 0
        assert house.do(lambda: _assert(not _approved())) == 0
        assert house.night(LAST) == 0
        assert crm.customers() > DUE_CUSTOMERS
        assert house.verify() == 0

    def test_what_was_turned_down_on_the_same_day_does_not_go(self, own_database, crm, tmp_path):
        """No night has run since the backup."""
        policy = {"mode": "purge", "approval": "one", "grace": "P1D", "waves": False}
        house = RestoreHouse(own_database, crm).found(policy)
        assert house.night(TODAY) == 0
        assert house.do(_approve) == 0
        assert house.night(TOMORROW) == 0
        dump = house.backup(tmp_path / "own.backup")
        assert house.do(_reject) == 0
        house.restore(dump)
        assert house.night(LATER) != 0
        assert house.adopt() == 0
        assert house.do(lambda: _assert(not _approved())) == 0
        assert house.night(LATER) == 0
        assert crm.customers() > DUE_CUSTOMERS
        assert house.verify() == 0

    @pytest.mark.parametrize(("point", "number"), [("intent journalled", 1), ("sent", 1), ("outcome committed", 2)])
    def test_a_backup_of_the_middle_of_a_chunk_counts_nothing_twice(self, house, crm, tmp_path, point, number):
        with house.standing_at(point, number, TODAY):
            dump = house.backup(tmp_path / "own.backup")
        assert crm.customers() == SURVIVORS
        house.restore(dump)
        assert house.night(TODAY) != 0
        assert house.adopt() == 0
        assert house.night(TOMORROW) == 0
        found = house.tallies()
        assert "recovered" not in found
        before = {"intent journalled": 0, "sent": 0, "outcome committed": 3}[point]
        assert found["destroyed"] == before + 1  # what the dump counts, and 1004, due now
        assert house.verify() == 0


class TestReplayKeys:
    """One key a month: destroyed with the last backup that could ask for it, and then for good."""

    def test_destroyed_on_the_day_and_no_restore_brings_it_back(self, house, crm, tmp_path):
        backup = crm.backup(tmp_path / "crm.backup")
        assert house.night(TODAY) == 0
        path = house.own.directory / "keys" / "replay" / "testi" / "2026-06.key"
        key, kept = path.read_bytes(), tmp_path / "the same file under another name"
        os.link(path, kept)
        of_june = (
            "select count(*) from retention_gone g join retention_goneunder u on u.id = g.under_id"
            " where u.month = '2026-06'"
        )
        dump = house.backup(tmp_path / "own.backup")
        assert key not in dump.read_bytes()
        assert house.do(lambda: begin(date(2027, 8, 1))) == 0
        assert path.exists()
        assert house.do(lambda: begin(date(2027, 8, 2))) == 0
        assert not path.exists()
        assert kept.read_bytes() == bytes(len(key))  # the file itself was overwritten
        assert house.own.rows(of_june) == [(0,)]

        house.restore(dump)  # its fingerprints are back, and nobody can say any more whose they were
        assert house.own.rows(of_june) != [(0,)]
        assert house.do(lambda: begin(date(2027, 8, 2))) == 0
        assert house.own.rows("select count(*) from retention_gone") == [(0,)]
        crm.restore(backup)
        assert house.entries("replay_keys_lost") == []


def begin(day: date) -> None:
    """What a night's beginning does; a key that went in time is not lost."""
    assert replay.begin(organisation(), plan_of(organisation().versions.get()), day) == {}


def _approve():
    for lot in Lot.objects.all():
        approve(lot, controller(lot.organisation), lot.digest)


def _reject() -> None:
    for lot in _approved():
        reject(lot, "controller", "wrong")


def _approved() -> list[Lot]:
    return list(Lot.objects.filter(state="approved"))


def _assert(true: bool) -> None:
    assert true
