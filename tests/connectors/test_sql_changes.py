"""What a database tells of its own accord: that nothing was written since, and the earliest day of an event."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from datetime import date, timedelta

import psycopg
import pytest

from retention.connectors.contract import DatasetMapping, Ref, TellsChanges
from retention.connectors.sql import SqlConnector
from retention.connectors.sql.database_sqlite import SETTLED_SECONDS
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from samples.servers import server
from tests.connectors.sql_servers import Mariadb, Postgres, Sqlite, mariadb, plain_postgres, wait_until_ready  # noqa: F401

TABLES = (
    "create table asiakas(id bigint primary key, nro text not null, paattynyt date)",
    "create table tiketti(id bigint primary key, asiakas bigint not null references asiakas(id), avattu date not null)",
    "create index tiketti_asiakas on tiketti(asiakas)",
    "insert into asiakas values (1, '1001', '2020-01-31'), (2, '1002', null), (3, '1003', '2021-05-01')",
    "insert into tiketti values (1, 1, '2019-03-01'), (2, 2, '2022-03-01')",
    "create view lopettanut as select id, nro, paattynyt from asiakas where paattynyt is not null and id > 0",
    "create view avoin as select t.id, a.nro from tiketti t join asiakas a on a.id = t.asiakas",
)
PLACES = ("asiakas", "tiketti", "lopettanut", "avoin")


def tokens(place, *asked):
    with place.connector() as connector:
        assert isinstance(connector, TellsChanges)
        return told(connector, *asked)


def told(connector, *asked):
    return {place: change.token for place, change in connector.changes(asked or PLACES).items()}


def but_own(connector, *asked):
    return {place: change.but_own for place, change in connector.changes(asked or PLACES).items()}


@pytest.fixture
def source(plain_postgres: Postgres):  # noqa: F811
    plain_postgres.run(*TABLES)
    return plain_postgres


class TestPostgresql:
    def test_nothing_written_is_the_same_token(self, source):
        before = tokens(source)
        assert set(before) == set(PLACES)
        source.rows("select count(*) from asiakas")
        source.run("vacuum analyze asiakas", "create table muu(id bigint primary key)", "insert into muu values (1)")
        assert tokens(source) == before

    @pytest.mark.parametrize(
        ("statement", "changed"),
        [
            ("insert into asiakas values (4, '1004', null)", {"asiakas", "lopettanut", "avoin"}),
            ("update asiakas set paattynyt = null where id = 1", {"asiakas", "lopettanut", "avoin"}),
            ("delete from asiakas where id = 3", {"asiakas", "lopettanut", "avoin"}),
            ("delete from tiketti", {"tiketti", "avoin"}),
            ("truncate tiketti", {"tiketti", "avoin"}),
            ("alter table asiakas alter column paattynyt type text", {"asiakas", "lopettanut", "avoin"}),
            ("alter table tiketti add column uusi date default '2000-01-01'", {"tiketti", "avoin"}),
            ("create or replace view lopettanut as select id, nro, paattynyt from asiakas", {"lopettanut"}),
            ("select pg_stat_reset_single_table_counters('tiketti'::regclass)", set(PLACES)),
            ("select pg_stat_reset()", set(PLACES)),
        ],
    )
    def test_whatever_changes_what_it_shows_is_another_token(self, source, statement, changed):
        before = tokens(source)
        if "type text" in statement:
            source.run("drop view lopettanut", "drop view avoin")
            changed = {"asiakas"}
            before = tokens(source)
        source.run(statement)
        after = tokens(source)
        assert {place for place in before if after.get(place) != before[place]} == changed

    def test_a_table_made_anew_with_the_same_name_is_another(self, source):
        before = tokens(source, "tiketti")
        source.run("drop view avoin", "drop table tiketti", TABLES[1], TABLES[4])
        assert tokens(source, "tiketti") != before

    @pytest.mark.parametrize(
        "view",
        [
            "select id, nro from asiakas where paattynyt < current_date",
            "select id, nro from asiakas where paattynyt < now()",
            "select id, nro from asiakas where paattynyt::text like '2020%'",
            "select id, nro from asiakas where oma(nro)",
            "select id, nro from asiakas where random() < 0.5",
        ],
    )
    def test_a_view_that_may_say_another_thing_tomorrow_has_none(self, source, view):
        source.run(
            "create function oma(text) returns boolean immutable language sql as 'select true'",
            f"create view liikkuva as {view}",
            "create view paalla as select nro from liikkuva",
        )
        assert set(tokens(source, "asiakas", "liikkuva", "paalla")) == {"asiakas"}

    def test_a_partition_counts_as_its_table(self, source):
        source.run(
            "create table loki(id bigint, paiva date) partition by range (paiva)",
            "create table loki_a partition of loki for values from ('2020-01-01') to ('2021-01-01')",
        )
        before = tokens(source, "loki")
        assert before
        source.run("insert into loki values (1, '2020-02-02')")
        after = tokens(source, "loki")
        assert after != before
        source.run("create table loki_b partition of loki for values from ('2021-01-01') to ('2022-01-01')")
        assert tokens(source, "loki") != after

    def test_while_somebody_writes_there_is_none(self, source):
        before = tokens(source)
        with closing(source.connect()) as other:
            other.autocommit = False
            other.execute("update tiketti set avattu = avattu where id = 1")
            assert set(tokens(source)) == {"asiakas", "lopettanut"}
            other.rollback()
            other.execute(source.counted[0])
            other.rollback()
        assert {place for place, token in tokens(source).items() if token != before[place]} == {"tiketti", "avoin"}

    def test_another_user_who_counts_nothing_leaves_none(self, source):
        role = f"u_{source.name}"
        source.run(f"create role {role}", f"alter role {role} set track_counts = off")
        try:
            assert tokens(source) == {}
        finally:
            source.run(f"drop role {role}")
        assert set(tokens(source)) == set(PLACES)

    def test_a_place_that_is_not_there_has_none(self, source):
        assert set(tokens(source, "asiakas", "puuttuva")) == {"asiakas"}

    def test_a_user_without_rights_to_statistics_is_told_the_same(self, source):
        role = f"u_{source.name}"
        source.run(
            f"create role {role} login",
            f"grant usage on schema {source.name} to {role}",
            f"grant select on asiakas to {role}",
        )
        try:
            with SqlConnector(source.url(user=role)) as connector:
                assert told(connector, "asiakas") == tokens(source, "asiakas")
        finally:
            source.run(f"drop owned by {role}", f"drop role {role}")

    def test_what_we_wrote_ourselves_can_be_left_out(self, source):
        mapping = DatasetMapping("tiketti", "id")
        before = tokens(source)
        with source.connector() as connector:
            connector.dispose(mapping, [Ref("1")], Action.DELETE, TRUE)
            connector.dispose(mapping, [Ref("7")], Action.DELETE, TRUE)
            assert but_own(connector) == before
            after = told(connector)
            assert {place for place in PLACES if after[place] != before[place]} == {"tiketti", "avoin"}
            source.run("insert into tiketti values (9, 2, '2022-04-01')")
            assert but_own(connector, "tiketti") != {"tiketti": before["tiketti"]}

    def test_what_went_with_ours_is_ours_too(self, source):
        before = tokens(source)
        with source.connector() as connector:
            mapping = DatasetMapping("asiakas", "id", children=("tiketti",))
            connector.dispose(mapping, [Ref("1")], Action.DELETE, TRUE)
            assert but_own(connector) == before
            assert told(connector, "tiketti") != {"tiketti": before["tiketti"]}


def test_a_server_that_was_started_again_or_lost_its_counts_is_another():
    with server("postgres") as running:
        wait_until_ready(running.port)
        place = Postgres(running.port)
        place.run(*TABLES, "checkpoint")
        seen = [tokens(place)]
        for _ in range(2):
            with closing(place.connect()) as victim:
                (pid,) = victim.execute("select pg_backend_pid()").fetchone()
                os.kill(pid, signal.SIGKILL)  # the server starts its processes anew, and its counts from nothing
                with pytest.raises(psycopg.OperationalError):
                    victim.execute("select pg_sleep(60)")
            wait_until_ready(running.port)
            seen.append(tokens(place))
        for place_ in PLACES:
            assert len({told[place_] for told in seen}) == 3


@pytest.fixture
def file(tmp_path):
    place = Sqlite(tmp_path / "crm.sqlite3")
    place.run(*TABLES)
    settle(place)
    return place


def settle(place, seconds=10 * SETTLED_SECONDS):
    """As if what was written just now had been so long ago; what was not is left as it is."""
    for path in (place.path, place.path.with_name(f"{place.path.name}-wal")):
        if path.exists() and path.stat().st_mtime > time.time() - seconds / 2:
            at = path.stat().st_mtime - seconds
            os.utime(path, (at, at))


class TestSqlite:
    def test_nothing_written_is_the_same_token(self, file):
        before = tokens(file)
        assert set(before) == set(PLACES)
        file.rows("select count(*) from asiakas")
        assert tokens(file) == before

    @pytest.mark.parametrize("mode", ["delete", "wal"])
    @pytest.mark.parametrize(
        "statement",
        [
            "insert into asiakas values (4, '1004', null)",
            "update asiakas set paattynyt = null where id = 1",
            "delete from tiketti",
            "alter table tiketti add column uusi date",
        ],
    )
    def test_a_write_is_another_token(self, file, mode, statement):
        with closing(file.connect()) as held:  # so that a write-ahead log stays
            held.execute(f"pragma journal_mode = {mode}")
            held.execute("update asiakas set nro = nro where id = 2")
            settle(file)
            before = tokens(file)
            assert set(before) == set(PLACES)
            file.run(statement)
            settle(file)
            after = tokens(file)
            assert set(after) == set(PLACES)
            assert not set(after.items()) & set(before.items())

    def test_another_file_in_its_place_is_another(self, file, tmp_path):
        before = tokens(file)
        copy = tmp_path / "varmuuskopio"
        copy.write_bytes(file.path.read_bytes())
        stat = file.path.stat()
        os.utime(copy, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        copy.replace(file.path)
        assert tokens(file) != before

    def test_what_was_written_just_now_has_none(self, file):
        file.run("insert into asiakas values (4, '1004', null)")
        assert tokens(file) == {}
        ahead = time.time() + 3600  # the clock of a file server
        os.utime(file.path, (ahead, ahead))
        assert tokens(file) == {}

    def test_a_time_that_was_set_back_is_noticed(self, file):
        before, stat = tokens(file), file.path.stat()
        file.run("update asiakas set nro = '1009' where id = 3")
        os.utime(file.path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        assert file.path.stat().st_size == stat.st_size
        after = tokens(file)
        assert set(after) == set(PLACES)
        assert not set(after.items()) & set(before.items())

    def test_after_we_wrote_nobody_knows_whose_it_was(self, file):
        with file.connector() as connector:
            connector.dispose(DatasetMapping("tiketti", "id"), [Ref("1")], Action.DELETE, TRUE)
            settle(file)
            assert told(connector)
            assert set(but_own(connector).values()) == {""}


def test_mariadb_does_not_tell(mariadb: Mariadb):  # noqa: F811
    mariadb.run("create table asiakas(id bigint primary key)")
    assert tokens(mariadb, "asiakas") == {}


@pytest.mark.parametrize("kind", ["plain_postgres", "sqlite", "mariadb"])
def test_the_earliest_day_from_a_day_on(kind, request, tmp_path):
    place = Sqlite(tmp_path / "a.sqlite3") if kind == "sqlite" else request.getfixturevalue(kind)
    moment, late = {
        "plain_postgres": ("timestamptz", "2020-12-31T22:30:00Z"),
        "sqlite": ("text", "2020-12-31T22:30:00Z"),
        "mariadb": ("datetime", "2021-01-01 00:30:00"),
    }[kind]
    place.run(
        f"create table rivi(id bigint primary key, paiva date, hetki {moment})",
        f"insert into rivi values (1, '2020-01-31', null), (2, null, '{late}'), (3, '2021-05-01', null)",
    )
    mapping = DatasetMapping("rivi", "id", events={"case_closed": "paiva", "case_opened": "hetki"})
    day = date(2020, 1, 31)
    asked = [
        ("case_closed", date.min),
        ("case_closed", day),
        ("case_closed", day + timedelta(days=1)),
        ("case_closed", date(2021, 5, 2)),
        ("case_opened", date(2021, 1, 1)),
        ("case_opened", date(2021, 1, 2)),
    ]
    with place.connector() as connector:
        found = connector.earliest(mapping, asked)
    assert found == [day, day, date(2021, 5, 1), None, date(2021, 1, 1), None]
