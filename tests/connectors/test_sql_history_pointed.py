"""Rows that point at an item's old rows: an invoice names the version of the customer that it was sent to."""

from __future__ import annotations

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import any_register, mariadb, plain_postgres, postgres, sqlite  # noqa: F401 - fixtures

MAPPING = DatasetMapping("tiketti", "id", subject="asiakasnro", options={"history": ["tiketti_historia"]})
REFS = [Ref("1", "1001"), Ref("2", "1002")]
TABLES = (
    "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(40))",
    "create table tiketti_historia(hid integer primary key, tiketti_id integer, nimi varchar(40))",
    "insert into tiketti values (1, '1001', 'Testi A'), (2, '1002', 'Testi B')",
    "insert into tiketti_historia values (7, 1, 'Testi'), (8, 2, 'Testi')",
)
POINTS = "foreign key(versio) references tiketti_historia(hid)"


@pytest.fixture
def register(any_register):  # noqa: F811
    any_register.run(*TABLES)
    return any_register


def invoice(register, on_delete="", index="create index lasku_versio on lasku(versio)"):
    register.run(f"create table lasku(id integer primary key, versio integer, {POINTS} {on_delete})")
    if index:
        register.run(index)
    register.run("insert into lasku values (900, 7)")


def dispose(register, mapping=MAPPING):
    with register.connector() as connector:
        return [(one.outcome, one.detail) for one in connector.dispose(mapping, REFS, Action.DELETE, TRUE)]


@pytest.mark.parametrize("on_delete", ["on delete cascade", "on delete set null"])
def test_a_key_by_which_others_would_go_with_the_history_is_refused(register, on_delete):
    invoice(register, on_delete)
    with register.connector() as connector, pytest.raises(ConnectorError, match=r"lasku\.versio points at") as raised:
        connector.check([MAPPING])
    assert raised.value.permanent


@pytest.mark.parametrize("on_delete", ["", "on delete restrict", "on delete cascade"])
def test_what_points_at_an_old_row_keeps_the_item(register, on_delete):
    invoice(register, on_delete)
    if on_delete != "on delete cascade":
        with register.connector() as connector:
            assert not connector.check([MAPPING]).hindrances
    assert dispose(register) == [(Outcome.REFUSED, "lasku"), (Outcome.DESTROYED, "")]
    assert register.rows("select * from lasku") == [(900, 7)]
    assert register.column("select hid from tiketti_historia") == [7]


def test_what_goes_with_the_item_does_not_keep_it_but_anothers_does(register):
    child = f"tiketti_id integer, versio integer, foreign key(tiketti_id) references tiketti(id), {POINTS}"
    register.run(
        f"create table viesti(id integer primary key, {child})",
        "create index viesti_tiketti on viesti(tiketti_id)",
        "create index viesti_versio on viesti(versio)",
        "insert into viesti values (50, 1, 7)",
    )
    mapping = DatasetMapping("tiketti", "id", "asiakasnro", children=("viesti",), options=MAPPING.options)
    register.run("insert into tiketti values (3, '1003', 'Testi C')", "insert into viesti values (51, 3, 8)")
    assert dispose(register, mapping) == [(Outcome.DESTROYED, ""), (Outcome.REFUSED, "viesti")]
    assert register.rows("select * from viesti") == [(51, 3, 8)]


def test_an_old_row_that_points_at_an_older_one_of_the_same_item_does_not_keep_it(register):
    register.run(
        "create table tiketti_hist(hid integer primary key, tiketti_id integer, ed integer, nimi varchar(40),"
        " foreign key(ed) references tiketti_hist(hid))",
        "insert into tiketti_hist values (1, 1, null, 'a')",
        "insert into tiketti_hist values (3, 2, null, 'a')",
        "insert into tiketti_hist values (4, 9, 3, 'b')",
    )
    if register.kind != "mariadb":  # which checks row by row
        register.run("insert into tiketti_hist values (2, 1, 1, 'b')")
    answers = dispose(register, DatasetMapping("tiketti", "id", "asiakasnro", options={"history": ["tiketti_hist"]}))
    assert answers == [(Outcome.DESTROYED, ""), (Outcome.REFUSED, "tiketti_hist")]
    assert register.column("select hid from tiketti_hist order by hid") == [3, 4]


def test_of_old_rows_that_are_only_emptied_nothing_needs_to_be_let_go(register):
    invoice(register)
    mapping = DatasetMapping("tiketti", "id", "asiakasnro", fields=("nimi",), options=MAPPING.options)
    assert dispose(register, mapping) == [(Outcome.UNLINKED, "")] * 2
    assert register.column("select nimi from tiketti_historia") == [None, None]


def test_a_key_to_the_history_without_an_index_hinders(register):
    invoice(register, index="")
    with register.connector() as connector:
        found = connector.check([MAPPING]).hindrances
    if register.kind == "mariadb":  # which makes the index itself
        assert not found
    else:
        assert "lasku.versio" in found[0]


def test_a_history_table_from_which_others_inherit_is_refused(plain_postgres):  # noqa: F811
    plain_postgres.run(*TABLES, "create table vanhat() inherits (tiketti_historia)")
    with plain_postgres.connector() as connector, pytest.raises(ConnectorError, match="inheriting tables"):
        connector.check([MAPPING])
