"""What is out of proportion waits for a person, and a register that does not do what it says is sent no more."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import nullcontext
from datetime import timedelta
from functools import partial

import pytest

from retention import night_context, purge
from retention.alarms.looking import see
from retention.alarms.words import sentence
from retention.approvals import approve
from retention.connectors.contract import ConnectorError
from retention.connectors.sql import SqlConnector
from retention.disposal import reject
from retention.evidence_check import verify
from retention.evidence_log import copy_heads
from retention.holds import place, release, resume
from retention.models import Alarm, Attempt, Collection, DatasetNight, EvidenceEntry, Gate, Lot, StopEvent
from retention.night import run_night
from retention.runs import succeeded
from tests.retention.company import NOW, TODAY, controller, customers, document, found_company, ground, publish
from tests.retention.shape_house import dataset, house  # noqa: F401

TOMORROW, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
MANY = 1_000


def night(company, day, **asked):
    run = run_night(company, day, NOW + (day - TODAY), **asked)
    copy_heads(company.slug)
    return run


def crm(data_dir, *statements):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def take_on(data_dir, first, number, ended=None):
    """So many customers more, from this number on."""
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as database:
        numbers = range(first, first + number)
        database.executemany(
            "insert into asiakas(asiakasnro, nimi) values (?, 'Testihenkilö')", [(n,) for n in numbers]
        )
        database.executemany(
            "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values (?, ?, '2015-01-01', ?, ?)",
            [(n, f"T{n}", ended, "voimassa" if ended is None else "paattynyt") for n in numbers],
        )
    database.close()


def end(data_dir, first, number, day):
    """Contracts get an end in the register."""
    crm(
        data_dir,
        f"update sopimus set loppu = '{day}', tila = 'paattynyt' "
        f"where sopimusnro like 'T%' and cast(asiakasnro as integer) between {first} and {first + number - 1}",
    )


def there(data_dir, first, number):
    return sum(str(n) in left for left in [customers(data_dir)] for n in range(first, first + number))


def lots(company):
    return Lot.objects.filter(organisation=company, dataset="asiakastiedot").order_by("pk")


@pytest.fixture
def settled(company, data_dir):
    """A thousand customers more, and a night that has read them."""
    take_on(data_dir, 5_000, MANY)
    assert succeeded(night(company, TODAY))
    return company


class Killed(BaseException):
    """A process that is killed writes nothing more."""


def break_off(how, point):
    """After two parts, or only when all of them have ended."""
    part = "part crm work evaluate asiakastiedot "
    if how == "killed" and point == f"{part}2 done":
        raise Killed
    if how == "killed when all had ended" and point == f"{part}6 done":
        raise Killed


def breaking(monkeypatch, organisation, how):
    """The third span of people cannot be asked about."""
    find, asked = SqlConnector.find, []

    def failing(self, mapping, *args, **options):
        asked.append(mapping.place)
        if how == "failed" and mapping.place == "asiakas" and asked.count("asiakas") == 3:
            raise ConnectorError("it broke off", permanent=False)
        return find(self, mapping, *args, **options)

    monkeypatch.setattr(SqlConnector, "find", failing)


class TestForecast:
    def test_what_nothing_had_foreseen_waits_for_a_person(self, settled, data_dir):
        """A migration writes an end of years ago into a hundred contracts that run."""
        end(data_dir, 5_000, 100, "2022-03-01")
        night(settled, TOMORROW)
        assert there(data_dir, 5_000, 100) == 100
        lot = lots(settled).get(state="flagged")
        assert lot.approvals_needed == 1
        assert lot.breaker == {
            "breaker": "unforeseen",
            "due": 101,  # with 1004, whose three years have ended
            "unforeseen": 100,
            "items": MANY + 5,
            "since": TODAY.isoformat(),
        }
        verify(settled.slug)

    def test_it_goes_when_a_person_says_that_it_is_right(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2022-03-01")
        night(settled, TOMORROW)
        night(settled, LATER)
        lot = lots(settled).get(state="flagged")  # it waits, and is not flagged once more
        approve(lot, controller(settled), lot.digest)
        assert succeeded(night(settled, LATER + timedelta(days=1)))
        assert there(data_dir, 5_000, 100) == 0
        verify(settled.slug)

    def test_what_was_a_mistake_and_is_put_right_stays(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2022-03-01")
        night(settled, TOMORROW)
        reject(lots(settled).get(state="flagged"), "controller:toimitusjohtaja", "siirtovirhe")
        night(settled, LATER)
        assert lots(settled).get(state="flagged").breaker["breaker"] == "unforeseen"  # due still, and asked about again
        crm(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where sopimusnro like 'T%'")
        lot = lots(settled).get(state="flagged")
        approve(lot, controller(settled), lot.digest)
        night(settled, LATER + timedelta(days=1))
        assert there(data_dir, 5_000, MANY) == MANY

    def test_after_somebody_said_no_a_few_wait_too_until_somebody_says_yes(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2022-03-01")
        night(settled, TOMORROW)
        reject(lots(settled).get(state="flagged"), "controller:toimitusjohtaja", "siirtovirhe")
        crm(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where sopimusnro > 'T5029'")
        night(settled, LATER)
        assert there(data_dir, 5_000, 30) == 30
        lot = lots(settled).get(state="flagged")
        assert (lot.size, lot.breaker["breaker"]) == (31, "unforeseen")
        approve(lot, controller(settled), lot.digest)
        end(data_dir, 5_500, 20, "2022-03-01")
        night(settled, LATER + timedelta(days=1))
        assert there(data_dir, 5_000, 30) == there(data_dir, 5_500, 20) == 0

    def test_what_the_contract_ends_foresaw_goes(self, settled, data_dir):
        """As many fall due, since today: their ends were known three years ago, or by the night before."""
        end(data_dir, 5_000, 100, "2023-06-30")
        assert succeeded(night(settled, TOMORROW))
        assert there(data_dir, 5_000, 100) == 0
        assert not EvidenceEntry.objects.filter(kind="breaker").exists()

    def test_the_days_of_nights_that_did_not_run_were_foreseen_too(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2023-07-01")
        crm(data_dir, "update sopimus set loppu = '2023-07-05' where sopimusnro between 'T5050' and 'T5099'")
        assert succeeded(night(settled, TODAY + timedelta(days=9), confirm_gap=True))
        assert there(data_dir, 5_000, 100) == 0

    def test_a_few_go(self, settled, data_dir):
        end(data_dir, 5_000, 50, "2022-03-01")
        assert succeeded(night(settled, TOMORROW))
        assert there(data_dir, 5_000, 50) == 0

    def test_what_a_hold_had_kept_was_known(self, company, data_dir):
        take_on(data_dir, 5_000, MANY)
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        persons = [("customer", str(n)) for n in range(7_000, 7_100)]
        placed = place(company, persons, "dispute", "", "lakiasiat", TODAY, LATER)
        assert succeeded(night(company, TODAY))
        release(placed.hold, TOMORROW, "lakiasiat")
        assert succeeded(night(company, TOMORROW))
        assert there(data_dir, 7_000, 100) == 0

    def test_what_a_hold_keeps_still_says_nothing_of_others(self, company, data_dir):
        """It is no reserve: what it keeps tonight goes by no release."""
        take_on(data_dir, 5_000, MANY)
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        persons = [("customer", str(n)) for n in range(7_000, 7_100)]
        place(company, persons, "dispute", "", "lakiasiat", TODAY, LATER)
        assert succeeded(night(company, TODAY))
        end(data_dir, 5_000, 100, "2022-03-01")
        night(company, TOMORROW)
        assert there(data_dir, 5_000, 100) == 100
        assert lots(company).last().breaker["unforeseen"] == 100

    def test_what_has_no_ground_left_was_foreseen_by_no_day(self, house):  # noqa: F811
        """A fact of theirs is another one since the register's last release."""
        recorded = ground("muu", trigger="recorded", period="P50Y", condition={"fact": "contact_kind", "is": "muu"})
        mapping = {"facts": {"contact_kind": "laji"}}
        house.tiedot(*((n, str(1000 + n), None, "2020-01-01", None, "muu") for n in range(300)))
        house.publish(dataset(grounds=[recorded], mapping=mapping))
        assert succeeded(house.night(TODAY))
        house.server.run("update tieto set laji = 'reklamaatio' where id < 120")
        house.night(TOMORROW)
        assert len(house.left()) == 300
        lot = Lot.objects.get()
        assert (lot.why, lot.breaker["breaker"], lot.breaker["unforeseen"]) == ("NO_GROUND", "unforeseen", 120)

    @pytest.mark.parametrize("table", ["suostumus", "kielto"])
    @pytest.mark.parametrize(("number", "left"), [(60, 60), (50, 0)])
    def test_many_consents_withdrawn_or_objections_at_once_wait_and_a_few_go(self, house, table, number, left):  # noqa: F811
        """A source tells them by mistake of the day of the last night, and nothing keeps the rows a day longer."""
        withdrawn = ground("lupa", kind="consent", purpose="markkinointi", trigger="consent_withdrawn", period="P0D")
        running = ground("markkinointi", trigger="recorded", period="P50Y", ends_on=["objection"])
        house.tiedot(*((n, str(1000 + n), None, "2020-01-01") for n in range(300)))
        house.put("suostumus", *((n, str(1000 + n), "2020-01-01", None) for n in range(300)))
        house.publish(dataset(grounds=[withdrawn if table == "suostumus" else running]))
        assert succeeded(house.night(TODAY))
        if table == "suostumus":
            house.server.run(f"update suostumus set peruttu = '{TODAY}' where id < {number}")
        else:
            house.put("kielto", *((n, str(1000 + n), TODAY.isoformat(), None) for n in range(number)))
        house.night(TOMORROW)
        assert len(house.left() & set(range(number))) == left
        waiting = Lot.objects.filter(state="flagged").values_list("breaker__unforeseen", flat=True)
        assert list(waiting) == ([number] if left else [])

    def test_ends_that_could_be_told_ahead_go_on_their_day(self, house):  # noqa: F811
        """Services that end with a month, of data that goes with them."""
        house.tiedot(*((n, str(1000 + n), None, "2020-01-01") for n in range(300)))
        house.put("tilinpito", *((n, str(1000 + n), TODAY.isoformat()) for n in range(60)))
        house.put("sopimus", *((n, str(1000 + n), f"S{n}", "2020-01-01", None) for n in range(300)))
        house.publish(dataset(grounds=[ground("palvelu", trigger="service_ended", period="P0D")]))
        assert succeeded(house.night(TODAY))
        assert succeeded(house.night(TOMORROW))
        assert house.left() == set(range(60, 300))

    def test_what_a_policy_only_watched_was_known(self, db, data_dir):
        watch = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
        company = found_company(data_dir, watch)
        take_on(data_dir, 5_000, MANY)
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        night(company, TODAY)
        publish(company, document(), number=2, day=TOMORROW.isoformat())
        assert succeeded(night(company, TOMORROW))
        assert there(data_dir, 7_000, 100) == 0

    def test_new_rules_let_go_what_was_shown_before_they_were_published(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2024-03-01")
        assert succeeded(night(settled, TOMORROW))
        assert there(data_dir, 5_000, 100) == 100
        version = publish(settled, shortened(), number=2, day=LATER.isoformat())
        settled.versions.filter(pk=version.pk).update(impact=shown(60, july=45))
        assert succeeded(night(settled, LATER))
        assert there(data_dir, 5_000, 100) == 0

    def test_new_rules_of_which_nothing_was_shown_wait(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2024-03-01")
        night(settled, TOMORROW)
        publish(settled, shortened(), number=2, day=LATER.isoformat())
        night(settled, LATER)
        assert there(data_dir, 5_000, 100) == 100
        assert lots(settled).get(state="flagged").breaker["unforeseen"] == 100

    def test_what_a_backup_brought_back_and_is_known_again_goes_again(self, company, data_dir):
        """Tickets have dates of their own, by which they are known; it had been destroyed as was decided then."""
        take_on(data_dir, 5_000, 200)
        old = "select asiakasnro, 'vika', '2020-01-01', '2020-02-01', 'suljettu' from asiakas where asiakasnro < '5100'"
        young = "select asiakasnro, 'vika', '2026-01-01', '2026-02-01', 'suljettu' from asiakas"
        for tickets in (old, young):
            crm(data_dir, f"insert into tiketti(asiakasnro, aihe, avattu, suljettu, tila) {tickets}")
        path = data_dir / "registers" / "crm.sqlite3"
        shutil.copy(path, data_dir / "backup.sqlite3")
        assert succeeded(night(company, TODAY))
        shutil.copy(data_dir / "backup.sqlite3", path)
        assert succeeded(night(company, TOMORROW))
        assert Attempt.objects.get(run__business_date=TOMORROW, lot__dataset="tiketit").tally["destroyed"] > 100

    def test_parts_of_a_night_are_added_up(self, settled, data_dir, monkeypatch):
        """No part of it is out of proportion."""
        monkeypatch.setattr(night_context, "PEOPLE", 200)
        end(data_dir, 5_000, MANY, "2022-03-01")
        crm(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where sopimusnro like 'T%' and id % 8 > 0")
        night(settled, TOMORROW)
        assert there(data_dir, 5_000, MANY) == MANY
        waiting = lots(settled).filter(state="flagged")
        assert waiting.count() > 2
        assert {lot.breaker["unforeseen"] for lot in waiting} == {125}
        assert sum(lot.size for lot in waiting) == 126

    @pytest.mark.parametrize("broken", ["killed", "failed", "killed when all had ended"])
    def test_parts_that_were_never_added_up_are_weighed_by_whoever_evaluates_again(
        self, settled, data_dir, monkeypatch, broken
    ):
        monkeypatch.setattr(night_context, "PEOPLE", 200)
        end(data_dir, 5_000, MANY, "2022-03-01")
        crm(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where sopimusnro like 'T%' and id % 8 > 0")
        breaking(monkeypatch, settled, broken)
        with nullcontext() if broken == "failed" else pytest.raises(Killed):
            night(settled, TOMORROW, at=partial(break_off, broken))
        assert lots(settled).filter(state="flagged", weighed=False).exists()
        monkeypatch.undo()
        monkeypatch.setattr(night_context, "PEOPLE", 200)
        night(settled, LATER)
        assert there(data_dir, 5_000, MANY) == MANY
        waiting = lots(settled).filter(state="flagged")
        assert {lot.breaker["unforeseen"] for lot in waiting} == {125}
        assert sum(lot.size for lot in waiting) >= 126
        assert set(lots(settled).filter(weighed=False).values_list("state", flat=True)) == {"withdrawn"}
        verify(settled.slug)

    def test_a_lot_that_was_approved_before_goes_on(self, settled, data_dir):
        end(data_dir, 5_000, 100, "2022-03-01")
        night(settled, TOMORROW)
        first = lots(settled).get(state="flagged")
        approve(first, controller(settled), first.digest)
        end(data_dir, 5_100, 100, "2022-03-01")
        night(settled, LATER)
        assert there(data_dir, 5_000, 100) == 0
        assert there(data_dir, 5_100, 100) == 100


class TestShare:
    def test_more_than_half_of_a_dataset_waits_though_it_was_foreseen(self, company, data_dir):
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        night(company, TODAY)
        assert there(data_dir, 7_000, 100) == 100
        lot = lots(company).get()
        assert lot.breaker == {"breaker": "share", "due": 103, "unforeseen": 0, "items": 108, "since": None}

    def test_what_people_were_shown_before_they_published_it_goes(self, company, data_dir):
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        company.versions.update(impact=shown(100))
        assert succeeded(night(company, TODAY))
        assert there(data_dir, 7_000, 100) == 0

    def test_what_begins_to_go_with_a_version_was_shown_as_due(self, company, data_dir):
        """The rules are the same, and until now they only counted: nothing falls due that did not."""
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        company.versions.update(impact=shown(0, modes=("observe", "purge"), due=(100, 100)))
        assert succeeded(night(company, TODAY))
        assert there(data_dir, 7_000, 100) == 0

    def test_what_they_were_shown_less_of_waits(self, company, data_dir):
        take_on(data_dir, 7_000, 200, ended="2022-03-01")
        company.versions.update(impact=shown(60))
        night(company, TODAY)
        assert there(data_dir, 7_000, 200) == 200

    def test_half_of_it_goes(self, company, data_dir):
        take_on(data_dir, 5_000, 100)
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        assert succeeded(night(company, TODAY))
        assert there(data_dir, 7_000, 100) == 0

    def test_where_nothing_is_flagged_nothing_waits(self, db, data_dir):
        company = found_company(data_dir, {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False})
        take_on(data_dir, 7_000, 100, ended="2022-03-01")
        night(company, TODAY)
        assert not EvidenceEntry.objects.filter(kind="breaker").exists()


class TestSource:
    """A fifth of the contracts that ran have ended between two nights."""

    def test_nothing_of_it_is_believed(self, settled, data_dir):
        end(data_dir, 5_000, 300, TODAY.isoformat())
        night(settled, TOMORROW)
        told = Collection.objects.get(run__business_date=TOMORROW)
        assert not told.complete
        assert told.problem.startswith("300 of 1002 running contracts have ended at once")
        row = DatasetNight.objects.get(run__business_date=TOMORROW, dataset="asiakastiedot")
        assert "the ledger is not complete tonight" in row.problem

    def test_nor_where_a_date_stood_for_not_yet(self, company, data_dir):
        take_on(data_dir, 5_000, MANY)
        crm(data_dir, "update sopimus set loppu = '9999-12-31' where sopimusnro like 'T%'")
        night(company, TODAY)
        end(data_dir, 5_000, 300, TODAY.isoformat())
        night(company, TOMORROW)
        told = Collection.objects.get(run__business_date=TOMORROW)
        assert told.problem.startswith("300 of 1002 running contracts have ended at once")

    def test_nor_where_they_are_told_no_more(self, settled, data_dir):
        crm(data_dir, "delete from sopimus where sopimusnro like 'T%' and cast(asiakasnro as integer) < 5300")
        night(settled, TOMORROW)
        told = Collection.objects.get(run__business_date=TOMORROW)
        assert not told.complete
        assert told.problem.startswith("300 of 1002 running contracts are told no more at once")

    def test_a_person_may_say_that_it_is_true(self, settled, data_dir):
        end(data_dir, 5_000, 300, "2023-06-30")
        night(settled, TOMORROW, confirm_falls=["crm:contracts"])
        assert Collection.objects.get(run__business_date=TOMORROW).complete
        assert there(data_dir, 5_000, 300) == 0

    def test_ends_that_lie_ahead_take_nothing(self, settled, data_dir):
        end(data_dir, 5_000, 300, "2026-12-31")
        crm(data_dir, "update sopimus set tila = 'voimassa' where loppu = '2026-12-31'")
        assert succeeded(night(settled, TOMORROW))


class TestReadBack:
    """The register says that it deletes, and does something else."""

    def test_what_stays_is_sent_no_more(self, company, data_dir):
        take_on(data_dir, 5_000, 800)
        take_on(data_dir, 7_000, 700, ended="2022-03-01")
        crm(
            data_dir,
            "create trigger kept after delete on asiakas when old.asiakasnro like '7%' "
            "begin insert into asiakas values (old.id, old.asiakasnro, old.nimi, old.osoite); end",
        )
        run = night(company, TODAY)
        assert Attempt.objects.filter(run=run, lot__dataset="asiakastiedot").count() == 1
        lot = lots(company).get()
        assert lot.next_position == 500
        problem = DatasetNight.objects.get(run=run, dataset="asiakastiedot").problem
        assert "are still there: no more are sent before the next night" in problem
        night(company, TOMORROW)
        lot.refresh_from_db()
        assert lot.next_position == 703  # a chunk a night, each key tried once
        crm(data_dir, "drop trigger kept")
        assert succeeded(night(company, LATER))
        assert there(data_dir, 7_000, 700) == 0
        verify(company.slug)

    def test_a_register_from_which_more_goes_is_stopped(self, company, data_dir):
        take_on(data_dir, 5_000, 800)
        take_on(data_dir, 7_000, 700, ended="2022-03-01")
        crm(
            data_dir,
            "create trigger swept after delete on asiakas when old.asiakasnro like '7%' "
            "begin delete from asiakas where asiakasnro like '7%'; end",
        )
        run = night(company, TODAY)
        assert Attempt.objects.filter(run=run, lot__dataset="asiakastiedot").count() == 1
        assert Gate.objects.get().stopped_registers == ["crm"]
        event = StopEvent.objects.get()
        assert event.by == "breaker"
        assert "of 100 items that were not sent 98 went with those that were" in event.reason
        crm(data_dir, "drop trigger swept")
        night(company, TOMORROW)
        assert lots(company).first().next_position == 500
        resume(company, ["crm"], "controller:toimitusjohtaja")
        assert succeeded(night(company, LATER))
        verify(company.slug)

    @pytest.fixture
    def with_one_left(self, company, data_dir):
        """A lot of which one key could not go, and one of 701 that people have approved: nothing foresaw those."""
        crm(
            data_dir,
            "create trigger kept before delete on asiakas when old.asiakasnro = '1001' "
            "begin select raise(abort, 'ei'); end",
        )
        take_on(data_dir, 5_000, 1_200)
        night(company, TODAY)
        take_on(data_dir, 7_000, 700, ended="2022-03-01")
        night(company, TOMORROW)
        old, new = lots(company)
        assert (old.state, new.state, new.size) == ("claimed", "flagged", 701)
        crm(data_dir, "drop trigger kept")
        return new

    def test_what_goes_beside_a_few_is_looked_for_in_the_lot_behind_them(self, company, data_dir, with_one_left):
        crm(
            data_dir,
            "create trigger swept after delete on asiakas when old.asiakasnro = '1001' "
            "begin delete from asiakas where asiakasnro like '7%'; end",
        )
        night(company, LATER)
        assert Gate.objects.get().stopped_registers == ["crm"]
        assert "of 100 items that were not sent 100 went" in StopEvent.objects.get().reason

    def test_a_few_that_went_before_it_use_up_no_look(self, company, data_dir, with_one_left):
        approve(with_one_left, controller(company), with_one_left.digest)
        crm(
            data_dir,
            "create trigger swept after delete on asiakas when old.asiakasnro like '7%' "
            "begin delete from asiakas where asiakasnro like '7%'; end",
        )
        night(company, LATER)
        with_one_left.refresh_from_db()
        assert with_one_left.next_position == 500
        assert Gate.objects.get().stopped_registers == ["crm"]

    def test_the_first_chunk_is_small_and_the_others_are_not(self, company, data_dir, monkeypatch):
        monkeypatch.setattr(purge, "USUAL", 20)
        take_on(data_dir, 5_000, 100)
        take_on(data_dir, 7_000, 60, ended="2022-03-01")
        assert succeeded(night(company, TODAY))
        sent = Attempt.objects.filter(lot__dataset="asiakastiedot").order_by("number")
        assert [len(one) for one in sent.values_list("positions", flat=True)] == [20, 43]

    def test_where_other_people_delete_meanwhile_nothing_is_stopped(self, company, data_dir):
        take_on(data_dir, 5_000, 800)
        take_on(data_dir, 7_000, 700, ended="2022-03-01")

        def at(point):
            if point == "disposed":
                crm(data_dir, "delete from asiakas where asiakasnro between '7690' and '7694'")

        assert succeeded(night(company, TODAY, at=at))


def test_people_are_told_until_somebody_has_decided(settled, data_dir):
    end(data_dir, 5_000, 100, "2022-03-01")
    night(settled, TOMORROW)
    seen = see(settled, NOW + timedelta(days=1)).seen
    facts = seen["breaker", "asiakastiedot"]
    text = sentence("breaker", "asiakastiedot", facts)
    assert " 100 " in text
    assert "1\u00a0005" in text
    lot = lots(settled).get(state="flagged")
    reject(lot, "controller:toimitusjohtaja", "siirtovirhe")
    assert ("breaker", "asiakastiedot") not in see(settled, NOW + timedelta(days=1)).seen
    assert not Alarm.objects.exists()


def test_where_nothing_goes_by_itself_nobody_is_told(db, data_dir):
    """Lots that are only flagged wait for nobody; they are weighed all the same, for the day on which they may go."""
    policy = {"mode": "flag", "approval": "automatic", "grace": "P0D", "waves": False}
    company = found_company(data_dir, policy)
    take_on(data_dir, 7_000, 100, ended="2022-03-01")
    night(company, TODAY)
    assert ("breaker", "asiakastiedot") not in see(company, NOW).seen
    publish(company, document(), number=2, day=TOMORROW.isoformat())
    night(company, TOMORROW)
    assert there(data_dir, 7_000, 100) == 100
    assert ("breaker", "asiakastiedot") in see(company, NOW + timedelta(days=1)).seen


def shortened():
    content = document()
    content["datasets"][1]["grounds"][1]["period"] = "P1Y"
    return content


def shown(at_once, july=0, modes=("purge", "purge"), due=(0, 0)):
    """What a version keeps of its effect on the customers."""
    months = [{"month": "2026-07", "gained": july, "lost": 0}, {"month": "2026-08", "gained": 9_000, "lost": 0}]
    one = {
        "dataset": "asiakastiedot",
        "problem": "",
        "modes": list(modes),
        "due": list(due),
        "at_once": {"gained": at_once, "lost": 0},
        "months": months,
    }
    return {"counted": {"datasets": [one]}}
