"""Partitions, inheriting tables, rules and triggers that delete: what a deletion would reach beside what is mapped."""

from __future__ import annotations

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import mariadb, postgres  # noqa: F401

PEOPLE = DatasetMapping("asiakas", "id")


def check(server, mapping=PEOPLE):
    with server.connector() as connector:
        return connector.check([mapping])


def dispose(server, *keys, mapping=PEOPLE):
    with server.connector() as connector:
        refs = [Ref(key) for key in keys]
        return [answer.outcome for answer in connector.dispose(mapping, refs, Action.DELETE, TRUE)]


def test_what_points_at_a_partition_points_at_its_table(postgres):  # noqa: F811
    postgres.run(
        "create table asiakas(id integer primary key) partition by range (id)",
        "create table asiakas_a partition of asiakas for values from (0) to (100)",
        "create table lasku(id integer primary key, asiakas_id integer references asiakas_a(id) on delete cascade)",
        "create index on lasku(asiakas_id)",
        "insert into asiakas values (1), (2)",
        "insert into lasku values (7, 1)",
    )
    assert dispose(postgres, "1", "2") == [Outcome.REFUSED, Outcome.DESTROYED]
    assert postgres.rows("select id from lasku") == [(7,)]


@pytest.mark.parametrize("mapping", [PEOPLE, DatasetMapping("emo", "id", children=("asiakas",))])
def test_a_table_with_heirs_is_refused(postgres, mapping):  # noqa: F811
    postgres.run(
        "create table emo(id integer primary key)",
        "create table asiakas(id integer primary key, emo_id integer references emo(id))",
        "create index on asiakas(emo_id)",
        "create table toimittaja() inherits (asiakas)",
    )
    with pytest.raises(ConnectorError, match="inheriting tables") as raised:
        check(postgres, mapping)
    assert raised.value.permanent


def test_a_partitioned_table_has_no_heirs(postgres):  # noqa: F811
    postgres.run(
        "create table asiakas(id integer primary key) partition by range (id)",
        "create table asiakas_a partition of asiakas for values from (0) to (100)",
        "insert into asiakas values (1)",
    )
    check(postgres)
    assert dispose(postgres, "1") == [Outcome.DESTROYED]


def test_a_trigger_that_deletes_elsewhere_is_named(postgres):  # noqa: F811
    postgres.run(
        "create table asiakas(id integer primary key)",
        "create table lasku(id integer primary key, asiakas integer)",
        "create function mukana() returns trigger language plpgsql as"
        " $$ begin delete from lasku where asiakas = old.id; return old; end $$",
        "create trigger mukana after delete on asiakas for each row execute function mukana()",
    )
    with pytest.raises(ConnectorError, match="lasku"):
        check(postgres)


def test_a_trigger_of_mariadb_that_deletes_elsewhere_is_named(mariadb):  # noqa: F811
    mariadb.run(
        "create table asiakas(id integer primary key)",
        "create table lasku(id integer primary key, asiakas integer)",
        "create trigger mukana after delete on asiakas for each row delete from lasku where asiakas = old.id",
    )
    with pytest.raises(ConnectorError, match="lasku"):
        check(mariadb)


def test_a_rule_that_copies_is_named(postgres):  # noqa: F811
    postgres.run(
        "create table asiakas(id integer primary key, nimi text)",
        "create table vanhat(id integer, nimi text)",
        "create rule muista as on delete to asiakas do also insert into vanhat values (old.id, old.nimi)",
    )
    with pytest.raises(ConnectorError, match="vanhat"):
        check(postgres)


def test_a_childs_history_is_not_taken_for_the_items_own(postgres):  # noqa: F811
    postgres.run(
        "create table asiakas(id integer primary key)",
        "create table rivi(id integer primary key, omistaja integer references asiakas(id))",
        "create index on rivi(omistaja)",
        "create table rivi_historia(hid serial primary key, id integer, omistaja integer)",
    )
    mapping = DatasetMapping("asiakas", "id", children=("rivi",), options={"history": ["rivi_historia"]})
    with pytest.raises(ConnectorError, match="item's key"):
        check(postgres, mapping)


@pytest.mark.parametrize(
    "body", ["insert into {other}.loki values (old.id)", "call {other}.arkistoi(old.id)"], ids=["insert", "call"]
)
def test_a_trigger_of_mariadb_that_reaches_another_database_is_named(mariadb, body):  # noqa: F811
    other = f"{mariadb.name}_b"
    mariadb.run(
        f"create database {other}",
        f"create table {other}.loki(id integer)",
        f"create procedure {other}.arkistoi(in n integer) insert into {other}.loki values (n)",
        "create table asiakas(id integer primary key)",
        f"create trigger mukana after delete on asiakas for each row {body.format(other=other)}",
    )
    try:
        with pytest.raises(ConnectorError, match="cannot be seen where it writes"):
            check(mariadb)
    finally:
        mariadb.run(f"drop database {other}")
