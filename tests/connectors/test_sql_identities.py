"""Other names of a person, by number or by name, with the days for which they meant them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from retention.connectors.contract import ConnectorError, Identity, IdentityMapping, TellsIdentities
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401 - fixtures

EMAIL = IdentityMapping("email", "osoite", "nro", "osoite", "alku", "loppu")
UID = IdentityMapping("uid", "osoite", "nro", "osoite")
DAY = date(2020, 1, 1)
ROWS = [
    (1, "1001", "Asiakas@isp.example", "2020-01-01", None),
    (2, "1001", "vanha@isp.example", "2019-01-01", "2019-12-31"),
    (3, "1002", "asiakas@isp.example", "2018-01-01", "2019-12-31"),
    (4, "1003", "ÄITI@isp.example", None, None),
    (5, "1004", "äiti_%@isp.example", None, None),
    (6, None, "nobody@isp.example", None, None),
    (7, "1005", None, None, None),
    (8, "1006", "x'; drop table osoite; --@isp.example", None, None),
    (9, "1006", "a\\b%c\nd", None, None),
]


@pytest.fixture
def register(any_register):  # noqa: F811
    any_register.run(
        "create table osoite(id integer primary key, nro varchar(20), osoite varchar(200), alku date, loppu date)"
    )
    any_register.run("insert into osoite values (%s, %s, %s, %s, %s)", rows=ROWS)
    return any_register


def ask(register, mapping=EMAIL, **asked):
    with register.connector(page=2) as connector:
        assert isinstance(connector, TellsIdentities)
        return sorted((one.subject, one.value) for one in connector.resolve(mapping, **asked))


def test_every_name_of_a_subject_with_its_days(register):
    with register.connector() as connector:
        found = sorted(connector.resolve(EMAIL, subjects=["1001", "1003", "9"]), key=lambda one: one.value)
    assert found == [
        Identity("1001", "Asiakas@isp.example", DAY, None),
        Identity("1001", "vanha@isp.example", date(2019, 1, 1), date(2019, 12, 31)),
        Identity("1003", "ÄITI@isp.example", None, None),
    ]


def test_an_address_is_compared_without_case(register):
    both = [("1001", "Asiakas@isp.example"), ("1002", "asiakas@isp.example")]
    assert ask(register, values=["ASIAKAS@ISP.EXAMPLE"]) == both
    assert ask(register, values=["äiti@isp.example"]) == [("1003", "ÄITI@isp.example")]
    assert ask(register, values=["ÄITI_%@isp.example"]) == [("1004", "äiti_%@isp.example")]
    assert ask(register, values=["asiakas@isp.example "]) == []


def test_a_user_name_too_and_any_other_exactly(register):
    both = [("1001", "Asiakas@isp.example"), ("1002", "asiakas@isp.example")]
    assert ask(register, UID, values=["asiakas@isp.example"]) == both
    phone = replace(UID, kind="phone")
    assert ask(register, phone, values=["asiakas@isp.example"]) == both[1:]
    assert ask(register, phone, values=["asiakas@isp.example ", "aiti@isp.example"]) == []


@pytest.mark.parametrize("mapping", [EMAIL, UID], ids=["email", "uid"])
def test_awkward_names_mean_themselves_only(register, mapping):
    for text in ("%", "_", "", "'", "\\", "a\x00b", "\ud800", "*", "nobody@isp.example", "%@isp.example"):
        assert ask(register, mapping, values=[text]) == []
        assert ask(register, mapping, subjects=[text]) == []
    for _, number, name, *_ in ROWS[7:]:
        assert ask(register, mapping, values=[str(name)]) == [(number, name)]


def test_batches_of_five_thousand(register):
    more = [(n, str(n), f"a{n}@isp.example", None, None) for n in range(10_000, 12_000)]
    register.run("insert into osoite values (%s, %s, %s, %s, %s)", rows=more)
    asked = [f"A{n}@isp.example" for n in range(9_000, 14_000)]
    assert len(ask(register, values=asked)) == 2_000
    assert len(ask(register, subjects=[str(n) for n in range(9_000, 15_000)])) == 2_000
    assert ask(register, values=[]) == ask(register, subjects=[]) == []


def test_numbers_as_subjects_and_a_table_without_a_key(register):
    register.run("create table laite(nro integer, osoite varchar(20))", "insert into laite values (7, 'aa'), (8, 'bb')")
    mapping = IdentityMapping("mac", "laite", "nro", "osoite")
    assert ask(register, mapping, values=["aa", "AA"]) == [("7", "aa")]
    assert ask(register, mapping, subjects=["08", "8"]) == [("8", "bb")]


def test_what_is_not_there_or_not_asked_is_named(register):
    with register.connector() as connector:
        for mapping, named in (
            (IdentityMapping("email", "ei", "nro", "osoite"), "table ei"),
            (IdentityMapping("email", "osoite", "nro", "ei"), "osoite.ei"),
            (IdentityMapping("email", "osoite", "alku", "osoite"), "osoite.alku"),
            (IdentityMapping("email", "osoite", "nro", "osoite", valid_from="id"), "osoite.id"),
        ):
            with pytest.raises(ConnectorError, match=named) as raised:
                list(connector.resolve(mapping, values=["x"]))
            assert raised.value.permanent
        for asked in ({}, {"subjects": ["1"], "values": ["x"]}):
            with pytest.raises(ConnectorError, match="by subjects or by values"):
                list(connector.resolve(EMAIL, **asked))
