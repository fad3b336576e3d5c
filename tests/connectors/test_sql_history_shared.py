"""A log of several tables: old rows of an item are told from those of another table that has the same key."""

from __future__ import annotations

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref, Residue
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401 - fixtures
from tests.connectors.test_sql_history import make

REFS = [Ref("17", "1001")]
WHERE = {"place": "loki", "key": "rivi", "where": {"taulu": "tiketti"}}


@pytest.fixture
def register(any_register):  # noqa: F811
    """A ticket and an invoice of one key, whose triggers write into one log."""
    any_register.run(
        "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(40))",
        "create table lasku(id integer primary key, tiketti_id integer, nimi varchar(40))",
        "create table loki(taulu varchar(20), rivi integer, nro varchar(20), vanha varchar(40))",
        "create index loki_rivi on loki(rivi)",
        "insert into tiketti values (17, '1001', 'Testi')",
        "insert into lasku values (17, 17, 'Testi')",
        "insert into loki values ('lasku', 17, '1009', 'a'), ('tiketti', 17, '1001', 'b'), ('tiketti', 18, '1', 'c')",
    )
    for table in ("tiketti", "lasku"):
        make(any_register, f"insert into loki(taulu, rivi) values ('{table}', old.id)", table=table, name=f"k_{table}")
    return any_register


def mapping(*entries):
    return DatasetMapping("tiketti", "id", subject="asiakasnro", options={"history": list(entries)})


def problem(register, *entries):
    with register.connector() as connector, pytest.raises(ConnectorError) as raised:
        connector.check([mapping(*entries)])
    assert raised.value.permanent
    return str(raised.value)


def test_a_log_that_another_table_fills_too_is_no_history_without_saying_whose_rows(register):
    assert "k_lasku of lasku writes there too" in problem(register, {"place": "loki", "key": "rivi"})
    assert "where" in problem(register)  # the advice itself


@pytest.mark.parametrize("entry", [WHERE, {"place": "loki", "key": "rivi", "subject": "nro"}])
def test_rows_of_the_other_table_stay(register, entry):
    with register.connector() as connector:
        connector.check([mapping(entry)])
        answers = [one.outcome for one in connector.dispose(mapping(entry), REFS, Action.DELETE, TRUE)]
        residues = list(connector.verify(mapping(entry), REFS, Action.DELETE))
    assert (answers, residues) == ([Outcome.DESTROYED], [])
    assert register.rows("select taulu, rivi from loki order by rivi") == [("lasku", 17), ("tiketti", 18)]


def test_only_rows_of_the_item_are_residue(register):
    register.run("delete from tiketti", "insert into loki(taulu, rivi) values ('lasku', 99)")
    refs = [*REFS, Ref("99", "1002")]
    with register.connector() as connector:
        assert list(connector.verify(mapping(WHERE), refs, Action.DELETE)) == [Residue("17", "loki", copy=True)]


@pytest.mark.parametrize(
    ("where", "named"), [({"ei": "x"}, "loki.ei"), ({"taulu": None}, "to a text or number"), ("x", "must map columns")]
)
def test_a_where_that_is_none_is_named(register, where, named):
    assert named in problem(register, {**WHERE, "where": where})


def test_a_table_whose_rows_a_trigger_only_changes_is_no_history(any_register):  # noqa: F811
    any_register.run(
        "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(40))",
        "create table lasku(id integer primary key, tiketti_id integer, nimi varchar(40))",
    )
    make(any_register, "update lasku set nimi = old.nimi where tiketti_id = old.id", event="update")
    said = problem(any_register)
    assert "kopio of tiketti changes or deletes rows of lasku" in said
    assert "{place: lasku, key: null}" in said
    assert "with the column of the key" not in said
    assert "lasku is declared as history of tiketti: name the column" in problem(any_register, "lasku")
