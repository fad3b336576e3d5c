"""Triggers that write into a table which nobody declared, wherever they stand and however their source is kept."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping
from tests.connectors.sql_servers import any_register, mariadb, plain_postgres, postgres, sqlite  # noqa: F401 - fixtures
from tests.connectors.test_sql_history import make

MAPPING = DatasetMapping("tiketti", "id", subject="asiakasnro")
TABLES = (
    "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(40))",
    "create table poistetut(tid integer, nimi varchar(40))",
)
HISTORY = "create table tiketti_historia(hid integer primary key, tiketti_id integer, nimi varchar(40))"
KEEPS = "insert into poistetut values (old.tiketti_id, old.nimi)"


def refuses(register, mapping, named):
    with register.connector() as connector, pytest.raises(ConnectorError, match=named):
        connector.check([mapping])


def test_of_a_history_table_they_count_too(any_register):  # noqa: F811
    any_register.run(*TABLES, HISTORY)
    make(any_register, KEEPS, table="tiketti_historia")
    mapping = replace(MAPPING, options={"history": ["tiketti_historia"]})
    refuses(any_register, mapping, "kopio of tiketti_historia writes into poistetut")
    keeps_nothing = {"place": "poistetut", "key": None}
    with any_register.connector() as connector:
        assert connector.check([replace(MAPPING, options={"history": ["tiketti_historia", keeps_nothing]})])
        # of a table that nothing is deleted from, its triggers are nobody's business
        assert connector.check([replace(MAPPING, options={"history": [{"place": "tiketti_historia", "key": None}]})])


@pytest.mark.parametrize("kind", ["function", "procedure"])
def test_a_helper_with_a_body_of_the_standard_is_read(plain_postgres, kind):  # noqa: F811
    returns, call = ("returns void", "perform") if kind == "function" else ("", "call")
    plain_postgres.run(
        *TABLES,
        f"create {kind} talleta(i integer, n text) {returns} language sql"
        " begin atomic insert into poistetut values (i, n); end",
    )
    make(plain_postgres, f"{call} talleta(old.id, old.nimi)")
    refuses(plain_postgres, MAPPING, "kopio of tiketti writes into poistetut")


@pytest.mark.parametrize("call", ["call kopioi", "call `kopioi`"])
def test_a_procedure_that_is_called_without_brackets_is_read(mariadb, call):  # noqa: F811
    mariadb.run(*TABLES, "create procedure kopioi() insert into poistetut values (@i, @n)")
    make(mariadb, f"set @i = old.id; set @n = old.nimi; {call}")
    refuses(mariadb, MAPPING, "kopio of tiketti writes into poistetut")


@pytest.mark.parametrize("call", [False, True])
def test_of_a_child_in_another_database_they_count_too(mariadb, call):  # noqa: F811
    other = f"t{uuid4().hex[:12]}"
    keeps = "insert into poistetut values (old.id)"
    mariadb.run(
        TABLES[0],
        f"create database {other}",
        f"create table {other}.viesti(id integer primary key, tiketti_id integer,"
        f" foreign key(tiketti_id) references {mariadb.name}.tiketti(id))",
        f"create table {other}.poistetut(id integer)",
        f"create procedure {other}.kopioi() insert into poistetut values (@i)",
        f"create trigger {other}.kopio after delete on {other}.viesti for each row begin"
        f" {'set @i = old.id; call kopioi' if call else keeps}; end",
    )
    try:
        mapping = replace(MAPPING, children=(f"{other}.viesti",))
        refuses(mariadb, mapping, rf"kopio of {other}\.viesti writes into {other}\.poistetut")
    finally:
        mariadb.run(f"drop database {other}")
