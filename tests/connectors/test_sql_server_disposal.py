"""What goes on a server, what is refused, and that a failure of any kind leaves nothing half done."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref, Residue
from retention.connectors.sql import SqlConnector
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import mariadb, postgres, register  # noqa: F401 - fixtures

MAPPING = DatasetMapping("tiketti", "id", subject="asiakasnro", children=("viesti",))
REFS = [Ref("1", "1001"), Ref("2", "1001"), Ref("3", "1002")]
D, S, R = Outcome.DESTROYED, Outcome.SUPERSEDED, Outcome.REFUSED
AWKWARD = ["O'Hara", 'a"b', "a\nb", "50 %s %%", "back\\slash", "; drop table tiketti", "\u00e4\U0001f600"]


@pytest.fixture
def tickets(register):  # noqa: F811
    register.run(
        "create table tiketti(id integer primary key, asiakasnro varchar(40), nimi varchar(40) unique)",
        "create table viesti(id integer primary key, tiketti_id integer, teksti varchar(40),"
        " foreign key(tiketti_id) references tiketti(id))",
        "create index viesti_tiketti on viesti(tiketti_id)",
        "create table lasku(id integer primary key, viesti_id integer,"
        " foreign key(viesti_id) references viesti(id) on delete cascade)",
        "create index lasku_viesti on lasku(viesti_id)",
        "insert into tiketti values (1, '1001', 'a'), (2, '1001', 'b'), (3, '1002', 'c')",
        "insert into viesti values (1, 1, 'x'), (2, 2, 'y'), (3, 3, 'z')",
    )
    return register


def left(register):  # noqa: F811
    return register.column("select id from tiketti order by id"), register.column("select id from viesti order by id")


WHOLE = ([1, 2, 3], [1, 2, 3])


def dispose(register, refs=REFS, mapping=MAPPING, url="", **config):  # noqa: F811
    with SqlConnector(url or register.url(), **config) as connector:
        return [(a.outcome, a.detail) for a in connector.dispose(mapping, refs, Action.DELETE, TRUE)]


@contextmanager
def held(register, *statements):  # noqa: F811
    """Another program in the middle of a transaction."""
    with closing(register.connect()) as other, other.cursor() as cursor:
        cursor.execute("begin")
        for statement in statements:
            cursor.execute(statement)
        yield other
        cursor.execute("rollback")


def test_a_row_of_a_table_that_is_not_named_keeps_its_item_though_the_database_would_cascade(tickets):
    tickets.run("insert into lasku values (1, 2)")
    assert dispose(tickets) == [(D, ""), (R, "lasku"), (D, "")]
    assert left(tickets) == ([2], [2])
    assert tickets.rows("select * from lasku") == [(1, 2)]


def test_a_key_from_another_schema_keeps_its_item(tickets):
    other = f"{tickets.name}_muu"
    where = f"references {tickets.name}.tiketti(id) on delete cascade"
    tickets.run(
        f"create schema {other}",
        f"create table {other}.osoittaa(tiketti_id integer, foreign key(tiketti_id) {where})",
        f"create index osoittaa_tiketti on {other}.osoittaa(tiketti_id)",
        f"insert into {other}.osoittaa values (1)",
    )
    try:
        assert dispose(tickets)[:2] == [(R, f"{other}.osoittaa"), (D, "")]
        assert tickets.rows(f"select * from {other}.osoittaa") == [(1,)]
    finally:
        tickets.run(f"drop schema {other}" + (" cascade" if tickets.kind == "postgresql" else ""))


def keep(register, body, table="tiketti", name="estaja"):  # noqa: F811
    if register.kind == "postgresql":
        register.run(
            f"create function {name}() returns trigger language plpgsql as $$ begin {body}; return old; end $$",
            f"create trigger {name} before delete on {table} for each row execute function {name}()",
        )
    else:
        register.run(f"create trigger {name} before delete on {table} for each row begin {body}; end")


def test_a_trigger_that_raises_keeps_that_row_alone(tickets):
    if tickets.kind == "postgresql":
        keep(tickets, "if old.id = 2 then raise exception 'Testi 1001'; end if")
    else:
        keep(tickets, "if old.id = 2 then signal sqlstate '45000' set message_text = 'Testi 1001'; end if")
    assert dispose(tickets) == [(D, ""), (R, "a constraint or trigger of tiketti"), (D, "")]
    assert left(tickets) == ([2], [2])


@pytest.mark.parametrize("register", ["postgres"], indirect=True)  # a trigger of MariaDB leaves no row out in silence
def test_a_trigger_that_silently_keeps_a_row_is_a_refusal(tickets):
    keep(tickets, "if old.id = 1 then return null; end if")
    assert dispose(tickets) == [(R, "a trigger of tiketti"), (D, ""), (D, "")]
    assert left(tickets) == ([1], [1])


@pytest.mark.parametrize("subject", ["asiakasnro", None])
def test_only_an_index_is_asked_with_the_array_of_keys(postgres, subject):  # noqa: F811
    """What no index serves is walked for every row: with a lot of 20,000 keys that is minutes."""
    postgres.run(
        "create table t(id integer primary key, asiakasnro text)",
        "insert into t select n, case when n % 2 = 0 then '7' end from generate_series(1, 9) n",
    )
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    refs = [Ref(str(n), "7" if n % 2 == 0 else None) for n in range(1, 8)] + [Ref("8"), Ref("9", "7")]
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        told = dispose(postgres, refs, DatasetMapping("t", "id", subject=subject))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    asked = [one for one in sent if "ANY (" in one and (one.startswith("DELETE") or "FOR UPDATE" in one)]
    assert len(asked) == (3 if subject else 1)  # all at a stroke; where not all fit, locked and then what fits
    assert {one.count("ANY (") for one in asked} == {1}
    assert told == [(D, "")] * 7 + ([(S, "")] if subject else [(D, "")]) * 2
    assert postgres.rows("select id from t order by id") == ([(8,), (9,)] if subject else [])


def test_a_trigger_that_puts_the_value_back_is_a_refusal(postgres):  # noqa: F811
    postgres.run(
        "create table t(id integer primary key, nimi text)",
        "insert into t values (1, 'a'), (2, 'b')",
        "create function takaisin() returns trigger language plpgsql as"
        " $$ begin if old.id = 1 then new.nimi := old.nimi; end if; return new; end $$",
        "create trigger t before update on t for each row execute function takaisin()",
    )
    mapping = DatasetMapping("t", "id", fields=("nimi",))
    assert dispose(postgres, [Ref("1"), Ref("2")], mapping) == [(R, "a trigger of t"), (Outcome.UNLINKED, "")]


def test_a_constraint_that_is_deferred_speaks_at_once(postgres):  # noqa: F811
    postgres.run(
        "create table t(id integer primary key)",
        "create table u(id integer, t_id integer references t(id) deferrable initially deferred)",
        "create index u_t on u(t_id)",
        "insert into t values (1), (2)",
        "create function uusi() returns trigger language plpgsql as"
        " $$ begin if old.id = 1 then insert into u values (1, 1); end if; return old; end $$",
        "create trigger t before delete on t for each row execute function uusi()",
    )
    refs = [Ref("1"), Ref("2")]
    assert dispose(postgres, refs, DatasetMapping("t", "id")) == [(R, "a constraint or trigger of t"), (D, "")]
    assert postgres.rows("select * from u") == []


def test_awkward_values_go_and_nothing_else(tickets):
    tickets.run("delete from viesti", "delete from tiketti")
    tickets.run("insert into tiketti values (%s, %s, %s)", rows=[(n, t, t) for n, t in enumerate(AWKWARD)])
    others = [Ref(str(n), text + "x") for n, text in enumerate(AWKWARD)] + [Ref("0", "a\x00b"), Ref("a\x00b", "x")]
    assert {outcome for outcome, _ in dispose(tickets, others)} == {S, Outcome.ALREADY_ABSENT}
    assert dispose(tickets, [Ref(str(n), text) for n, text in enumerate(AWKWARD)]) == [(D, "")] * len(AWKWARD)
    assert left(tickets) == ([], [])


@pytest.mark.parametrize("statement", ["update tiketti set asiakasnro = '1009' where id = 2",
                                       "insert into viesti values (9, 2, 'uusi')",
                                       "update viesti set teksti = 'muu' where id = 2"])  # fmt: skip
def test_a_lock_is_waited_for_in_measure_and_nothing_is_half_done(tickets, statement):
    began = time.monotonic()
    with held(tickets, statement), pytest.raises(ConnectorError, match="locked by another") as raised:
        dispose(tickets, timeout="1")
    assert not raised.value.permanent
    assert time.monotonic() - began < 10
    assert left(tickets) == WHOLE
    assert {outcome for outcome, _ in dispose(tickets, timeout="1")} == {D}


def test_a_lock_on_history_comes_too_late_to_keep_half(tickets):
    tickets.run("create table tiketti_hist(tiketti_id integer, v integer)")
    tickets.run("create index h on tiketti_hist(tiketti_id)", "insert into tiketti_hist values (3, 1)")
    mapping = replace(MAPPING, options={"history": ["tiketti_hist"]})
    with held(tickets, "update tiketti_hist set v = 2 where tiketti_id = 3"), pytest.raises(ConnectorError) as raised:
        dispose(tickets, mapping=mapping, timeout="1")
    assert not raised.value.permanent
    assert left(tickets) == WHOLE


def slow(register, table, seconds=30):  # noqa: F811
    body = f"perform pg_sleep({seconds})" if register.kind == "postgresql" else f"do sleep({seconds})"
    keep(register, body, table, "hidas")


def test_a_statement_that_takes_too_long_is_broken_off(tickets):
    slow(tickets, "tiketti")
    began = time.monotonic()
    with pytest.raises(ConnectorError) as raised:
        dispose(tickets, statement_timeout="1")
    assert not raised.value.permanent
    assert time.monotonic() - began < 15
    assert left(tickets) == WHOLE


def test_a_right_that_is_taken_away_between_children_and_items(tickets):
    """The children are deleted first; the right on the items is missing by then."""
    url, revoke = limited(tickets)
    assert check(url).missing_rights == ()
    revoke("delete", "tiketti")
    assert check(url).missing_rights == ("DELETE on tiketti",)
    with pytest.raises(ConnectorError, match="a right is missing") as raised:
        dispose(tickets, url=url)
    assert raised.value.permanent
    assert left(tickets) == WHOLE
    revoke("delete", "viesti")
    assert check(url).missing_rights == ("DELETE on viesti", "DELETE on tiketti") or set(check(url).missing_rights) == {
        "DELETE on viesti",
        "DELETE on tiketti",
    }
    drop_user(tickets)


def test_rights_to_read_and_to_empty_are_named(tickets):
    url, revoke = limited(tickets)
    mapping = replace(MAPPING, fields=("nimi",), children=())
    assert check(url, mapping).missing_rights == ()
    revoke("update", "tiketti")
    assert "UPDATE (nimi) on tiketti" in check(url, mapping).missing_rights
    revoke("select", "tiketti")
    if tickets.kind == "postgresql":
        assert "SELECT on tiketti" in check(url, mapping).missing_rights
        with SqlConnector(url) as connector:
            rows = {place.name: place.rows for place in connector.describe()}
        assert rows["tiketti"] is None
        assert rows["viesti"] == 3
    drop_user(tickets)


def check(url, mapping=MAPPING):
    with SqlConnector(url) as connector:
        return connector.check([mapping])


def limited(register):  # noqa: F811
    """A user who may do what the mapping takes, and a way to take rights away."""
    user = f"u_{register.name}"
    if register.kind == "postgresql":
        register.run(f"create role {user} login", f"grant usage on schema {register.name} to {user}")
        grantee = user
    else:
        register.run(f"create user {user}@'%' identified by 'salasana'")
        grantee = f"{user}@'%'"
    more = ", trigger" if register.kind == "mariadb" else ""
    for table in ("tiketti", "viesti", "lasku"):
        register.run(f"grant select, delete, update{more} on {table} to {grantee}")
    if register.kind == "mariadb":
        register.run(f"grant references on {register.name}.* to {grantee}")

    def revoke(right, table):
        register.run(f"revoke {right} on {table} from {grantee}")

    return register.url(user=user, password="" if register.kind == "postgresql" else "salasana"), revoke


def drop_user(register):  # noqa: F811
    user = f"u_{register.name}"
    if register.kind == "postgresql":
        register.run(f"drop owned by {user}", f"drop role {user}")
    else:
        register.run(f"drop user {user}@'%'")


def test_triggers_that_we_may_not_see_are_a_missing_right(mariadb):  # noqa: F811
    mariadb.run("create table tiketti(id integer primary key)")
    user = f"u_{mariadb.name}"
    mariadb.run(
        f"create user {user}@'%' identified by 'x'",
        f"grant select, delete, update on tiketti to {user}@'%'",
        f"grant references on {mariadb.name}.* to {user}@'%'",
    )
    health = check(mariadb.url(user=user, password="x"), DatasetMapping("tiketti", "id"))
    assert health.missing_rights == ("TRIGGER on tiketti (to see what its triggers write)",)
    drop_user(mariadb)


def test_keys_that_we_may_not_see_are_a_missing_right(mariadb):  # noqa: F811
    """The server cascades into tables on which we have no right, and shows their keys to nobody who has none."""
    mariadb.run(
        "create table asiakas(id integer primary key)",
        "create table lasku(id integer primary key, asiakas_id integer, index(asiakas_id), foreign key (asiakas_id) "
        "references asiakas(id) on delete cascade)",
    )
    mariadb.run("insert into asiakas values (1)")
    mariadb.run("insert into lasku values (1, 1)")
    user, mapping = f"u_{mariadb.name}", DatasetMapping("asiakas", "id")
    mariadb.run(
        f"create user {user}@'%' identified by 'x'",
        f"grant select, delete, update, trigger on asiakas to {user}@'%'",
    )
    url = mariadb.url(user=user, password="x")
    assert check(url, mapping).missing_rights == (
        f"REFERENCES on {mariadb.name}.* (to see which tables point at asiakas)",
    )
    mariadb.run(f"grant references on {mariadb.name}.* to {user}@'%'", f"grant select on lasku to {user}@'%'")
    assert check(url, mapping).missing_rights == ()
    with SqlConnector(url) as connector:
        assert [one.outcome for one in connector.dispose(mapping, [Ref("1")], Action.DELETE, TRUE)] == [R]
    assert mariadb.column("select id from lasku") == [1]
    drop_user(mariadb)


def test_a_key_that_is_switched_off_refuses_nothing_and_is_looked_for(postgres):  # noqa: F811
    """As a restore of data alone leaves it when it breaks off."""
    postgres.run(
        "create table asiakas(id integer primary key)",
        "create table lasku(id integer primary key, asiakas_id integer references asiakas(id))",
        "create index on lasku(asiakas_id)",
        "insert into asiakas values (1), (2)",
        "insert into lasku values (1, 1)",
        "alter table asiakas disable trigger all",
    )
    mapping = DatasetMapping("asiakas", "id")
    with postgres.connector() as connector:
        answers = connector.dispose(mapping, [Ref("1"), Ref("2")], Action.DELETE, TRUE)
        assert [one.outcome for one in answers] == [R, D]
    assert postgres.column("select id from asiakas") == [1]


@pytest.mark.parametrize("register", ["postgres"], indirect=True)  # MariaDB hides no rows
def test_rows_that_security_hides_are_no_rows_that_are_gone(tickets):
    url, _ = limited(tickets)
    user = f"u_{tickets.name}"
    tickets.run(
        "alter table tiketti enable row level security",
        f"create policy p on tiketti to {user} using (id = 1)",
    )
    with pytest.raises(ConnectorError, match="row-level security") as raised:
        dispose(tickets, url=url)
    assert raised.value.permanent
    assert left(tickets) == WHOLE
    drop_user(tickets)


def test_a_connection_that_is_ended_in_the_middle(tickets):
    """By the second item's trigger, when the first has gone already."""
    if tickets.kind == "postgresql":
        keep(tickets, "if old.id = 2 then perform pg_terminate_backend(pg_backend_pid()); end if")
    else:
        keep(tickets, "if old.id = 2 then kill connection_id(); end if")
    with pytest.raises(ConnectorError) as raised:
        dispose(tickets)
    assert not raised.value.permanent
    assert left(tickets) == WHOLE


def test_a_deadlock_is_told_as_passing(postgres):  # noqa: F811
    """The item's trigger waits for a row that another program holds, which waits for the item."""
    postgres.run(
        "create table t(id integer primary key)", "insert into t values (1), (2)",
        "create table u(id integer primary key, n integer)", "insert into u values (1, 0)",
        "create function odota() returns trigger language plpgsql as"
        " $$ begin update u set n = n + 1; return old; end $$",
        "create trigger t before delete on t for each row execute function odota()",
    )  # fmt: skip
    with held(postgres, "set local deadlock_timeout = '30s'", "update u set n = 9") as other:

        def cross():
            with other.cursor() as cursor:
                while not postgres.rows("select 1 from pg_locks where not granted"):
                    pass
                cursor.execute("delete from t where id = 1")

        thread = threading.Thread(target=cross)
        thread.start()
        with pytest.raises(ConnectorError, match="deadlock") as raised:
            dispose(postgres, [Ref("1")], DatasetMapping("t", "id"))
        thread.join()
    assert not raised.value.permanent
    assert postgres.rows("select id from t order by id") == [(1,), (2,)]


def test_an_unindexed_key_hinders_and_the_statement_that_helps_is_named(postgres):  # noqa: F811
    postgres.run(
        "create table tiketti(id integer primary key)",
        'create table viesti(id integer primary key, "Tiketti" integer references tiketti(id), poistettu boolean)',
        'create index osittain on viesti("Tiketti") where poistettu',
    )
    mapping = DatasetMapping("tiketti", "id", children=("viesti",))
    with postgres.connector() as connector:
        (told,) = connector.check([mapping]).hindrances
        postgres.run(told.partition("run: ")[2])
        assert connector.check([mapping]).hindrances == ()


def test_verify_sees_what_is_left(tickets):
    with tickets.connector() as connector:
        assert list(connector.verify(MAPPING, REFS[:1], Action.DELETE)) == [
            Residue("1", "tiketti"),
            Residue("1", "viesti"),
        ]


def test_a_chunk_of_five_hundred_takes_few_statements(tickets):
    tickets.run("insert into tiketti values (%s, '1001', %s)", rows=[(n, str(n)) for n in range(100, 600)])
    seen = []
    with tickets.connector() as connector:
        connector.check([MAPPING])
        sa.event.listen(connector._database._engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        refs = [Ref(str(n), "1001") for n in range(100, 600)]
        assert {a.outcome for a in connector.dispose(MAPPING, refs, Action.DELETE, TRUE)} == {D}
    changing = [statement for statement in seen if statement.startswith(("DELETE", "UPDATE"))]
    assert len(changing) == 2
    assert len(seen) <= 12


def test_a_row_that_comes_to_point_at_a_child_while_we_wait_keeps_its_item(tickets):
    """Without a lock on the children it would be cascaded away: nobody had seen it when it was looked for."""
    waiting = (
        "select 1 from pg_locks where not granted"
        if tickets.kind == "postgresql"
        else "select 1 from information_schema.innodb_lock_waits"
    )
    with held(tickets, "insert into lasku values (1, 2)") as other:

        def commit():
            deadline = time.monotonic() + 20
            while not tickets.rows(waiting) and time.monotonic() < deadline:
                pass
            with other.cursor() as cursor:
                cursor.execute("commit")

        thread = threading.Thread(target=commit)
        thread.start()
        answers = dispose(tickets)
        thread.join()
    assert answers == [(D, ""), (R, "lasku"), (D, "")]
    assert tickets.rows("select * from lasku") == [(1, 2)]
    assert left(tickets) == ([2], [2])
