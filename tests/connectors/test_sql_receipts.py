"""Receipts: written with the disposal or not at all, and what they say of a key that is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref
from retention.connectors.sql import SqlConnector
from retention.domain.predicates import FALSE, TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401 - fixtures

MAPPING = DatasetMapping("tiketti", "id", subject="asiakasnro")
REFS = [Ref("1", "1001"), Ref("2", "1001")]
KEY = "k" * 32
CONFIG = {"receipts": "kuitti", "receipt_key": KEY}
D, A, R = Outcome.DESTROYED, Outcome.ALREADY_ABSENT, Outcome.RECOVERED


@pytest.fixture
def register(any_register):  # noqa: F811
    any_register.run(
        "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(20))",
        "insert into tiketti values (1, '1001', 'a'), (2, '1001', 'b'), (3, '1001', 'c')",
    )
    return any_register


@pytest.fixture
def receipts(register):
    """Made with the statement that the error shows."""
    with register.connector(**CONFIG) as connector, pytest.raises(ConnectorError) as raised:
        connector.check([MAPPING])
    assert raised.value.permanent
    register.run(str(raised.value).partition("run: ")[2])
    return register


def dispose(register, refs=REFS, mapping=MAPPING, where=TRUE, **config):
    with register.connector(**{**CONFIG, **config}) as connector:
        connector.check([mapping])
        return [answer.outcome for answer in connector.dispose(mapping, refs, Action.DELETE, where)]


def test_what_went_by_us_is_recovered_however_often_it_is_asked(receipts):
    assert dispose(receipts) == [D, D]
    assert dispose(receipts) == [R, R]
    assert dispose(receipts, where=FALSE) == [R, R]
    rows = receipts.rows("select token, action, at from kuitti")
    assert {(len(token), action) for token, action, _ in rows} == {(64, "delete")}
    assert len(rows) == 2
    assert all(at is not None for _, _, at in rows)


def test_what_somebody_else_deleted_is_absent(receipts):
    receipts.run("delete from tiketti where id = 2")
    assert dispose(receipts) == [D, A]
    assert dispose(receipts) == [R, A]


def test_a_receipt_is_of_one_place_and_one_key_under_one_secret(receipts):
    dispose(receipts)
    receipts.run("create table muu(id integer primary key, asiakasnro varchar(20))")
    assert dispose(receipts, mapping=replace(MAPPING, place="muu")) == [A, A]
    assert dispose(receipts, receipt_key="x" * 32) == [A, A]


def test_what_came_back_goes_again_with_one_receipt(receipts):
    dispose(receipts)
    receipts.run("insert into tiketti values (1, '1001', 'palautettu')")
    assert dispose(receipts) == [D, R]
    assert receipts.rows("select count(*) from kuitti") == [(2,)]


def test_of_a_row_that_stays_the_emptying_is_receipted(receipts):
    mapping = replace(MAPPING, fields=("asiakasnro", "nimi"))
    assert dispose(receipts, mapping=mapping) == [Outcome.UNLINKED] * 2
    assert dispose(receipts, mapping=mapping) == [R, R]


def test_a_receipt_of_a_step_is_none_of_the_end(receipts):
    step, other = replace(MAPPING, fields=("nimi",)), replace(MAPPING, fields=("asiakasnro", "nimi"))
    assert dispose(receipts, mapping=step) == [Outcome.UNLINKED] * 2
    receipts.run("delete from tiketti where id = 1")
    assert dispose(receipts, mapping=step) == [R, R]
    assert dispose(receipts, mapping=other, refs=REFS[:1]) == [A]
    assert dispose(receipts) == [A, D]
    assert dispose(receipts) == [A, R]


def test_what_does_not_go_has_no_receipt(receipts):
    assert dispose(receipts, [Ref("1", "1002"), Ref("9", "1001")]) == [Outcome.SUPERSEDED, A]
    assert receipts.rows("select * from kuitti") == []


def test_no_receipt_no_disposal(receipts):
    receipts.run(
        "drop table kuitti", "create table kuitti(token varchar(9) primary key, action varchar(1), at integer)"
    )
    with receipts.connector(**CONFIG) as connector, pytest.raises(ConnectorError):
        if receipts.kind == "sqlite":  # where any value fits any column
            receipts.run("create trigger t before insert on kuitti begin select json('ei json'); end")
        connector.dispose(MAPPING, REFS, Action.DELETE, TRUE)
    assert receipts.column("select id from tiketti order by id") == [1, 2, 3]


def test_without_the_table_nothing_goes(register):
    with register.connector(**CONFIG) as connector:
        with pytest.raises(ConnectorError, match="CREATE TABLE kuitti") as raised:
            connector.dispose(MAPPING, REFS, Action.DELETE, TRUE)
        assert raised.value.permanent
    assert register.column("select id from tiketti order by id") == [1, 2, 3]
    assert KEY not in str(raised.value)


def test_a_table_of_another_make_is_refused(register):
    register.run("create table kuitti(token varchar(64), action varchar(40), at varchar(40))")
    with register.connector(**CONFIG) as connector, pytest.raises(ConnectorError, match="no unique token"):
        connector.check([MAPPING])
    register.run("drop table kuitti", "create table kuitti(token varchar(64) primary key)")
    with register.connector(**CONFIG) as connector, pytest.raises(ConnectorError, match="no column action"):
        connector.check([MAPPING])


@pytest.mark.parametrize("config", [{"receipts": "x"}, {"receipt_key": KEY}, {"receipts": "x", "receipt_key": "short"}])
def test_a_table_without_a_key_is_refused(config):
    with pytest.raises(ConnectorError) as raised:
        SqlConnector("sqlite:////x", **config)
    assert "short" not in str(raised.value)
