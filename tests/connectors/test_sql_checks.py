"""A mapping against a database that is not as it says: each mistake is named, and nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from retention.connectors.contract import ClosedWhen, ConnectorError, DatasetMapping, LedgerMapping
from retention.connectors.sql import SqlConnector

SCHEMA = """
create table tiketti(id integer primary key, asiakasnro text, avattu date, suljettu datetime, kirjattu text,
  luokka integer, kiire boolean, paino real, koodi text unique, tunnus text not null unique, nimi text not null,
  pituus integer not null, sijainti point);
create table viesti(id integer primary key, tiketti_id integer references tiketti, teksti text);
create table maksu(id integer primary key, viite text references tiketti(koodi));
create index maksu_viite on maksu(viite);
create index viesti_osittain on viesti(tiketti_id) where teksti is not null;
create table vapaa(id integer primary key);
create table sanasto(avain text, sana text);
create unique index sanasto_avain on sanasto(avain);
create unique index sanasto_sana on sanasto(sana) where avain is not null;
create view nakyma as select id, asiakasnro, avattu from tiketti;
"""
GOOD = DatasetMapping(
    place="tiketti", key="id", subject="asiakasnro", events={"case_opened": "avattu"}, facts={"urgent": "kiire"}
)
INDEX = "create index viesti_tiketti on viesti(tiketti_id)"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "crm.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
    return path


@pytest.fixture
def indexed(path):
    run(path, INDEX)
    return path


def run(path, statement, *parameters):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, parameters)


def check(path, mapping):
    with SqlConnector(f"sqlite:///{path}") as connector:
        return connector.check([mapping])


def problem(path, mapping):
    with pytest.raises(ConnectorError) as raised:
        check(path, mapping)
    assert raised.value.permanent
    return str(raised.value)


def test_a_good_mapping_passes(indexed):
    assert check(indexed, GOOD).missing_rights == ()
    assert check(indexed, replace(GOOD, events={"a": "suljettu", "b": "kirjattu"}, children=("viesti",)))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"place": "ei"}, "table ei"),
        ({"key": "ei"}, "tiketti.ei"),
        ({"subject": "ei"}, "tiketti.ei"),
        ({"contract": "ei"}, "tiketti.ei"),
        ({"events": {"case_opened": "ei"}}, "tiketti.ei"),
        ({"events": {"case_opened": "luokka"}}, "tiketti.luokka is of the wrong type for a date: it is INTEGER"),
        ({"events": {"case_opened": "kiire"}}, "tiketti.kiire"),
        ({"facts": {"urgent": "ei"}}, "tiketti.ei"),
        ({"facts": {"urgent": "paino"}}, "tiketti.paino"),
        ({"facts": {"urgent": "sijainti"}}, "tiketti.sijainti"),
        ({"closed": ClosedWhen("ei", ("x",))}, "tiketti.ei"),
        ({"key": "asiakasnro"}, "tiketti.asiakasnro is no key"),
        ({"children": ("ei",)}, "table ei"),
        ({"children": ("vapaa",)}, "table vapaa is named as a child"),
        ({"children": ("tiketti",)}, "own child"),
        ({"fields": ("ei",)}, "tiketti.ei"),
        ({"fields": ("id",)}, "tiketti.id is the key"),
        ({"fields": ("pituus",)}, "tiketti.pituus cannot be emptied"),
        ({"fields": ("tunnus",)}, "tiketti.tunnus cannot get the same value"),
        ({"fields": ("koodi",)}, "tiketti.koodi cannot be emptied: another table"),
        ({"fields": ("nimi",), "children": ("viesti",)}, "not both"),
        ({"options": {"anonymise": {"luokka": "x"}}}, "tiketti.luokka cannot hold a fixed text"),
        ({"options": {"anonymise": ["nimi"]}}, "option anonymise"),
        ({"place": "nakyma", "facts": {}}, "nakyma is a view"),
        ({"place": "sanasto", "key": "sana", "subject": None, "events": {}, "facts": {}}, "sanasto.sana is no key"),
    ],
)
def test_what_is_wrong_is_named(indexed, change, named):
    assert named in problem(indexed, replace(GOOD, **change))


def test_an_unindexed_foreign_key_hinders_and_the_index_is_named(path):
    (told,) = check(path, GOOD).hindrances
    assert told.startswith("without an index is the foreign key viesti.tiketti_id: ")
    statement = told.partition("run: ")[2]
    run(path, statement)
    assert check(path, GOOD).hindrances == ()


def test_columns_of_a_row_that_stays_walk_no_foreign_key(path):
    assert check(path, replace(GOOD, fields=("nimi",))).hindrances == ()


def test_tables_that_point_at_each_other_have_no_order(tmp_path):
    path = tmp_path / "ring.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "create table a(id integer primary key, viimeisin integer references b(id));"
            "create table b(id integer primary key, a_id integer references a(id));"
            "create index a_v on a(viimeisin); create index b_a on b(a_id);"
        )
    assert "point at each other" in problem(path, DatasetMapping("a", "id", children=("b",)))


@pytest.mark.parametrize(
    "text", ["31.12.2019", "", "2020-02-30", "0000-01-01", "20200101", "2020-1-1", 1577836800, b"2020-01-01", "x"]
)
@pytest.mark.parametrize("column", ["avattu", "suljettu", "kirjattu"])
def test_a_date_that_is_none_is_found_before_anything_is_asked(indexed, column, text):
    run(indexed, f"insert into tiketti({column}, tunnus, nimi, pituus) values (?, 't', 'n', 1)", text)
    told = problem(indexed, replace(GOOD, events={"case_opened": column}))
    assert told == f"tiketti.{column} holds a value that is not a date"


def test_values_of_the_wrong_type_are_named(indexed):
    run(indexed, "insert into tiketti(kiire, tunnus, nimi, pituus) values (2, 't', 'n', 1)")
    assert problem(indexed, GOOD) == "tiketti.kiire holds a value that is not of its type (boolean)"


def test_rows_without_a_key_cannot_be_told_apart(path):
    run(path, "insert into sanasto values (null, 'x')")
    assert "sanasto.avain is empty in some rows" in problem(path, DatasetMapping("sanasto", "avain"))


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    missing = tmp_path / "puuttuu-5678.sqlite3"
    with pytest.raises(ConnectorError) as raised, SqlConnector(f"sqlite:///{missing}"):
        pass
    assert raised.value.permanent
    assert "5678" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named_as_that(tmp_path):
    path = tmp_path / "teksti.sqlite3"
    path.write_text("tämä ei ole tietokanta " * 100)
    with pytest.raises(ConnectorError, match="not a database") as raised:
        check(path, GOOD)
    assert raised.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        "",
        "salaisuus",
        "sqlite://",
        "sqlite:///:memory:",
        "oracle://u:salaisuus@h/x",
        "postgresql+psycopg2://u:salaisuus@h/x",
        "postgresql://u:salaisuus@h",
        "mariadb+pymysql://u:salaisuus@/x",
        "sqlite:///x?salaisuus=1",
    ],
)
def test_a_url_that_names_no_file_is_refused_untold(url):
    with pytest.raises(ConnectorError) as raised:
        SqlConnector(url)
    assert raised.value.permanent
    assert "salaisuus" not in str(raised.value)


@pytest.mark.parametrize("config", [{"timeout": "x"}, {"timeout": "-1"}, {"time_zone": "Kuu"}, {"vacuum": "ehkä"}])
def test_a_config_that_is_none_is_refused(config):
    with pytest.raises(ConnectorError):
        SqlConnector("sqlite:////x", **config)


def test_a_lock_is_waited_for_and_then_told_as_passing(indexed):
    with closing(sqlite3.connect(indexed)) as other:
        other.execute("begin exclusive")
        connector = SqlConnector(f"sqlite:///{indexed}", timeout="0")
        with connector, pytest.raises(ConnectorError, match="locked") as raised:
            connector.check([GOOD])
    assert not raised.value.permanent


def test_a_ledger_mapping_is_held_against_the_table_too(path):
    with SqlConnector(f"sqlite:///{path}") as connector:
        for wrong in (
            LedgerMapping("ei", "asiakasnro"),
            LedgerMapping("tiketti", "ei"),
            LedgerMapping("tiketti", "asiakasnro", started="luokka"),
            LedgerMapping("tiketti", "asiakasnro", thing="paino"),
        ):
            with pytest.raises(ConnectorError) as raised:
                next(connector.collect(wrong))
            assert raised.value.permanent
