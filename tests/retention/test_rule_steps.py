"""Steps before the end, on real databases: columns emptied, rows added up, rows moved to another register."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from retention.connection_changes import changes, keep_confirmed
from retention.evidence_check import verify
from retention.holds import place, resume, stop
from retention.models import Attempt, Connection, DatasetNight, EvidenceEntry, Lot
from retention.runs import succeeded
from tests.connectors.sql_servers import Sqlite
from tests.retention.company import NOW
from tests.retention.shape_house import POLICY, House, a_server, dataset, ground, house  # noqa: F401

ARKISTO = (
    "create table vanha(tunnus integer primary key, kenen varchar(20), mista date, otsikko varchar(80), "
    "tyyppi varchar(20))"
)
TILASTO = "create table tilasto(id integer primary key, kuukausi date, laji varchar(20), lkm integer)"
REGISTER = {"id": "arkisto", "name": {"fi": "Arkisto"}, "medium": "database", "connection": "arkisto"}


class Killed(Exception):
    """Stands for the process that ends."""


def step(code, action, **over):
    return {"id": code, "action": action, "trigger": "recorded", "period": "P1Y", "status": "confirmed", **over}


def whole(*steps, **over):
    """Records that go five years after they were made, with steps before."""
    rule = ground("tarve", trigger="recorded", period="P5Y")
    return dataset(grounds=[rule], steps=list(steps), **over)


def archive(**over):
    mapping = {"place": "vanha", "key": "tunnus", "subject": "kenen", "events": {"recorded": "mista"}}
    rules = {"grounds": [ground("historia", trigger="recorded", period="P10Y")], **over}
    return {**dataset("arkistoidut", **rules), "register": rules.get("register", "arkisto"), "mapping": mapping}


def records(house):  # noqa: F811
    house.tiedot(
        (1, "1001", None, "2024-02-29", None, "vika"),
        (2, "1002", None, "2024-02-29", None, "vika"),
        (3, "1003", None, "2024-03-01", None, "vika"),
    )


def counts(run, code):
    return DatasetNight.objects.get(run=run, dataset=code).counts


class TestClear:
    def test_a_column_is_emptied_on_its_day_and_the_row_goes_on_its_own(self, house):  # noqa: F811
        records(house)
        house.publish(whole(step("nimi", "clear", fields=["nimi", "laji"])))
        house.night("2025-02-28")
        assert house.server.column("select count(*) from tieto where nimi is null") == [0]
        run = house.night("2025-03-01")
        assert succeeded(run), run.summary
        assert house.server.rows("select id, nimi, laji, teksti from tieto order by id") == [
            (1, None, None, "teksti 1"),
            (2, None, None, "teksti 2"),
            (3, "Testi 3", "vika", "teksti 3"),
        ]
        lot = Lot.objects.get()
        assert (lot.dataset, lot.action, lot.tally, lot.state) == ("tiedot.nimi", "clear", {"unlinked": 2}, "verified")
        assert EvidenceEntry.objects.filter(body__contains='"action":"clear"').exists()
        house.night("2029-03-01")
        assert house.left() == {3}
        verify("testi")

    def test_a_hold_on_the_whole_stops_its_steps(self, house):  # noqa: F811
        records(house)
        house.publish(whole(step("nimi", "clear", fields=["nimi"])))
        on = date(2025, 3, 1)
        place(
            house.organisation,
            [("customer", "1001")],
            "dispute",
            "",
            "laki",
            on,
            on + timedelta(days=9),
            dataset="tiedot",
        )
        run = house.night(on)
        assert house.server.column("select id from tieto where nimi is null") == [2]
        assert counts(run, "tiedot.nimi")["left_held"] == 1

    def test_a_step_whose_day_never_comes_is_no_step(self, house):  # noqa: F811
        records(house)
        never = step("nimi", "clear", fields=["nimi"], condition={"fact": "became_customer", "is": False})
        house.put("asiakkuus", (1, "1001", True), (2, "1002", False))
        house.publish(whole(never))
        run = house.night("2025-06-01")
        assert house.server.column("select id from tieto where nimi is null") == [2]
        assert counts(run, "tiedot.nimi")["left_review"] == 1  # of 1003 nobody knows

    def test_a_step_that_nobody_confirmed_is_not_carried_out(self, house):  # noqa: F811
        records(house)
        house.publish(whole(step("nimi", "clear", fields=["nimi"], status="proposed")))
        house.night("2025-06-01")
        assert house.server.column("select count(*) from tieto where nimi is null") == [0]


class TestCondense:
    def publish(self, house):  # noqa: F811
        house.server.run(TILASTO)
        records(house)
        columns = {"kuukausi": "month luotu", "laji": "laji", "lkm": "count"}
        mapping = {"place": "tilasto", "key": "id", "subject": None, "events": {"recorded": "kuukausi"}}
        numbers = {**dataset("tilastot", grounds=[ground("tilasto", trigger="recorded", period="P20Y")])}
        numbers["mapping"] = {name: value for name, value in mapping.items() if value}
        house.publish(whole(step("tilastoon", "condense", into="tilastot", columns=columns)), numbers)
        if house.server.kind == "postgresql":
            house.server.run("create sequence s", "alter table tilasto alter column id set default nextval('s')")

    def test_rows_become_numbers_and_every_row_is_counted_once(self, house):  # noqa: F811
        self.publish(house)
        assert succeeded(house.night("2025-03-01", chunk=1))
        assert house.left() == {3}
        assert [(str(m), kind, n) for m, kind, n in house.server.rows("select kuukausi, laji, lkm from tilasto")] == [
            ("2024-02-01", "vika", 2)
        ]
        assert succeeded(house.night("2025-03-02"))
        assert house.server.rows("select sum(lkm), count(*) from tilasto") == [(3, 2)]

    @pytest.mark.parametrize("point", ["before disposal", "disposed", "sent", "read back"])
    def test_killed_and_begun_again_it_counts_no_row_twice(self, house, point):  # noqa: F811
        self.publish(house)
        with pytest.raises(Killed):
            house.night("2025-03-01", chunk=1, at=_kill_at(point))
        assert succeeded(house.night("2025-03-01", chunk=1))
        assert house.server.column("select sum(lkm) from tilasto") == [2]
        assert house.left() == {3}

    def test_what_the_database_refuses_to_lose_is_not_counted(self, house):  # noqa: F811
        self.publish(house)
        house.server.run("create table viite(id integer primary key, tieto_id integer references tieto(id))")
        house.server.run("create index viite_tieto on viite(tieto_id)", "insert into viite values (1, 1)")
        house.night("2025-03-01")
        assert house.left() == {1, 3}
        assert house.server.column("select sum(lkm) from tilasto") == [1]


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request, house, tmp_path):  # noqa: F811
    """Another register on each kind of database."""
    with contextmanager(a_server)(request.param, request, tmp_path) as server:
        server.run(ARKISTO)
        Connection.objects.create(
            organisation=house.organisation, code="arkisto", kind="sql", config={"url": server.url()}
        )
        yield server


MOVED = {"otsikko": "teksti", "tyyppi": "laji"}


def _kill_at(point, times=1):
    reached = []

    def die(name):
        reached.append(name)
        if reached.count(point) == times:
            raise Killed

    return die


def rows(server):
    return [
        (key, whose, str(day), title) for key, whose, day, title in
        server.rows("select tunnus, kenen, mista, otsikko from vanha order by tunnus")
    ]  # fmt: skip


class TestTransfer:
    def publish(self, house, **over):  # noqa: F811
        records(house)
        house.publish(
            whole(step("arkistoon", "transfer", into="arkistoidut", columns=MOVED)),
            archive(**over),
            registers=[REGISTER],
        )

    def test_it_lies_there_with_its_start_date_before_it_goes_here(self, house, other):  # noqa: F811
        self.publish(house)
        run = house.night("2025-03-01")
        assert succeeded(run), run.summary
        assert house.left() == {3}
        assert rows(other) == [(1, "1001", "2024-02-29", "teksti 1"), (2, "1002", "2024-02-29", "teksti 2")]
        lot = Lot.objects.get()
        assert (lot.dataset, lot.action, lot.tally) == ("tiedot.arkistoon", "transfer", {"destroyed": 2})
        run = house.night("2034-03-01")  # ten years from when it was recorded, not from when it was moved
        assert rows(other) == [(3, "1003", "2024-03-01", "teksti 3")]
        assert succeeded(run)

    @pytest.mark.parametrize("point", ["intent committed", "before disposal", "disposed", "sent", "read back"])
    def test_killed_and_begun_again_it_comes_to_the_same_end(self, house, other, point):  # noqa: F811
        self.publish(house)
        with pytest.raises(Killed):
            house.night("2025-03-01", chunk=1, at=_kill_at(point))
        assert succeeded(house.night("2025-03-01", chunk=1))
        assert house.left() == {3}
        assert [key for key, *_ in rows(other)] == [1, 2]
        assert not Attempt.objects.filter(state="intent").exists()
        verify("testi")

    def test_killed_between_the_two_databases_it_goes_on_with_what_is_there(self, house, other, monkeypatch):  # noqa: F811
        from retention.connectors.sql import handover

        self.publish(house)
        found = handover.missing

        def die(*told):
            raise Killed

        monkeypatch.setattr(handover, "missing", die)  # the other register has committed, this one has not
        with pytest.raises(Killed):
            house.night("2025-03-01")
        assert house.left() == {1, 2, 3}
        assert len(rows(other)) == 2
        monkeypatch.setattr(handover, "missing", found)
        assert succeeded(house.night("2025-03-01"))
        assert house.left() == {3}
        assert len(rows(other)) == 2

    def test_what_the_other_register_has_otherwise_stays_here(self, house, other):  # noqa: F811
        other.run("insert into vanha values (1, '1999', '2020-01-01', 'toinen', 'x')")
        self.publish(house)
        run = house.night("2025-03-01")
        assert house.left() == {1, 3}
        assert rows(other)[0] == (1, "1999", "2020-01-01", "toinen")
        assert Lot.objects.get().tally == {"destroyed": 1, "refused": 1}
        assert not succeeded(run)

    def test_nor_where_an_administrator_repointed_it_and_no_controller_was_asked(self, house, other, tmp_path):  # noqa: F811
        self.publish(house, policy={**POLICY, "mode": "observe"})
        own = Sqlite(tmp_path / "oma.sqlite3")
        own.run(ARKISTO)
        keep_confirmed(house.organisation, "arkisto", NOW)  # as every door does before it writes
        Connection.objects.filter(code="arkisto").update(config={"url": own.url()})
        assert [one.connection.code for one in changes(house.organisation)] == ["arkisto"]
        run = house.night("2025-03-01")
        assert run.summary["purged"] == 0
        assert (house.left(), rows(own)) == ({1, 2, 3}, [])

    def test_where_the_other_register_is_not_there_nothing_goes(self, house, other):  # noqa: F811
        self.publish(house)
        Connection.objects.filter(code="arkisto").update(config={"url": "sqlite:////ei/ole.sqlite3"})
        run = house.night("2025-03-01")
        assert house.left() == {1, 2, 3}
        assert "tiedot.arkistoon" in run.summary["problems"]
        assert not succeeded(run)

    def test_where_the_other_register_is_stopped_nothing_goes(self, house, other):  # noqa: F811
        self.publish(house)
        stop(house.organisation, ["arkisto"], "controller:ada", "is migrated tonight")
        run = house.night("2025-03-01")
        assert (house.left(), rows(other)) == ({1, 2, 3}, [])
        assert run.summary["problems"]["tiedot.arkistoon"] == "arkisto is stopped: is migrated tonight (controller:ada)"
        resume(house.organisation, ["arkisto"], "controller:ada")
        assert succeeded(house.night("2025-03-02"))
        assert (house.left(), len(rows(other))) == (set(), 3)

    def test_outside_the_other_registers_hours_nothing_goes(self, house, other):  # noqa: F811
        self.publish(house)
        Connection.objects.filter(code="arkisto").update(limits={"from": "09:00", "until": "10:00"})
        run = house.night("2025-03-01")
        assert (house.left(), rows(other)) == ({1, 2, 3}, [])
        assert run.summary["problems"]["tiedot.arkistoon"].startswith("arkisto takes items only at 09:00–10:00")

    def test_the_end_waits_for_a_step_that_was_not_carried_out(self, house, other):  # noqa: F811
        other.run("insert into vanha values (1, '1999', '2020-01-01', 'toinen', 'x')")
        self.publish(house)
        run = house.night("2029-03-01")
        assert house.left() == {1}
        assert Lot.objects.get(dataset="tiedot").tally == {"waiting": 1}
        assert not succeeded(run)
        other.run("delete from vanha where tunnus = 1")
        assert succeeded(house.night("2029-03-02"))
        assert house.left() == set()
        assert len(rows(other)) == 3

    def test_what_changed_while_its_lot_waited_is_moved_as_it_is(self, house, other):  # noqa: F811
        records(house)
        one = whole(step("arkistoon", "transfer", into="arkistoidut", columns=MOVED), policy={**POLICY, "grace": "P1D"})
        house.publish(one, archive(), registers=[REGISTER])
        house.night("2025-03-01")
        house.server.run(
            "update tieto set teksti = 'uusi' where id = 1", "update tieto set luotu = '2025-01-01' where id = 2"
        )
        house.night("2025-03-02")
        assert house.left() == {2, 3}
        assert rows(other) == [(1, "1001", "2024-02-29", "uusi")]


def test_within_one_register_it_is_one_transaction(house):  # noqa: F811
    house.server.run(ARKISTO)
    records(house)
    house.publish(whole(step("arkistoon", "transfer", into="arkistoidut", columns=MOVED)), archive(register="talo"))
    run = house.night("2025-03-01")
    assert succeeded(run), run.summary
    assert (house.left(), len(rows(house.server))) == ({3}, 2)


def test_a_right_that_is_missing_there_is_named_before_anything_goes(house):  # noqa: F811
    if isinstance(house.server, Sqlite):
        house.server.run(
            "create view vanha as select id tunnus, nro kenen, luotu mista, teksti otsikko, laji tyyppi from tieto"
        )
    else:
        house.server.run("create table vanha(tunnus integer, kenen text, mista date, otsikko text, tyyppi text)")
    records(house)
    house.publish(whole(step("arkistoon", "transfer", into="arkistoidut", columns=MOVED)), archive(register="talo"))
    run = house.night("2025-03-01")
    assert house.left() == {1, 2, 3}
    assert "vanha" in run.summary["problems"]["tiedot.arkistoon"]
