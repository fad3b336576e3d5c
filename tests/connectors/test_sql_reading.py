"""What is found, collected and described, and that SQL means by an expression what Python means by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.connectors.contract import Candidate, ClosedWhen, ConnectorError, DatasetMapping, LedgerMapping, Ref
from retention.connectors.sql import SqlConnector
from retention.connectors.suite import satisfies
from retention.domain.predicates import (
    FALSE,
    TRUE,
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    FactIs,
    FactKnown,
    Not,
    Recorded,
)
from retention.domain.rules import Action

DAY = date(2020, 6, 15)
MAPPING = DatasetMapping(
    place="rivi",
    key="id",
    subject="nro",
    events={"a": "alku", "b": "hetki"},
    facts={"flag": "lippu", "count": "luku", "word": "sana"},
    closed=ClosedWhen("tila", ("kiinni", "poistettu")),
)

days = st.one_of(
    st.dates(DAY - timedelta(days=4), DAY + timedelta(days=4)),
    st.sampled_from([date(1900, 1, 1), date(9999, 12, 31), date(1, 1, 1)]),
)
moments = st.builds(
    lambda day, rest: day.isoformat() + rest,
    days,
    st.sampled_from(["", " 00:00:00", "T23:59:59.999", "T22:30:00Z", " 00:30:00+14:00", "T23:30-12:00"]),
)
rows = st.fixed_dictionaries(
    {
        "nro": st.sampled_from(["1", "2", None]),
        "alku": st.none() | days.map(date.isoformat),
        "hetki": st.none() | moments,
        "lippu": st.sampled_from([None, 0, 1]),
        "luku": st.sampled_from([None, 0, 1, 5]),
        "sana": st.sampled_from([None, "", "a", "A", "1"]),
        "tila": st.sampled_from([None, "auki", "kiinni", "KIINNI"]),
    }
)
leaves = st.one_of(
    st.builds(AtMost, st.sampled_from("ab"), days),
    st.builds(AtLeast, st.sampled_from("ab"), days),
    st.builds(Recorded, st.sampled_from("ab")),
    st.builds(
        FactIs, st.sampled_from(["flag", "count", "word"]), st.sampled_from([True, False, 0, 1, 5, "a", "1", ""])
    ),
    st.builds(FactKnown, st.sampled_from(["flag", "count", "word"])),
    st.sampled_from([TRUE, FALSE, Closed()]),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda terms: All(tuple(terms)), st.lists(inner, max_size=3)),
        st.builds(lambda terms: Any(tuple(terms)), st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)


def make(directory, items=()):
    path = Path(directory) / "r.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "create table rivi(id integer primary key, nro text, alku date, hetki timestamp, lippu boolean,"
            " luku integer, sana text collate nocase, tila text collate nocase)"
        )
        db.execute("create index rivi_alku on rivi(alku)")
        db.executemany(
            "insert into rivi(nro, alku, hetki, lippu, luku, sana, tila)"
            " values (:nro, :alku, :hetki, :lippu, :luku, :sana, :tila)",
            items,
        )
    return path


def local_day(text):
    """By hand, for the offsets that the rows use: Helsinki is three hours ahead in June, two in winter."""
    if text is None:
        return None
    day, rest = date.fromisoformat(text[:10]), text[10:]
    winter = day.month == 12 or day.month == 1
    if rest == "T22:30:00Z":
        moved = 1
    elif rest == " 00:30:00+14:00":  # 10:30Z the day before
        moved = -1
    elif rest == "T23:30-12:00":  # 11:30Z the day after
        moved = 1
    else:
        return day
    assert winter or day.month == 6
    try:
        return day + timedelta(days=moved)
    except OverflowError:
        return day


def as_candidate(number, row):
    return Candidate(
        Ref(str(number), row["nro"]),
        None,
        {"a": row["alku"] and date.fromisoformat(row["alku"]), "b": local_day(row["hetki"])},
        {"flag": None if row["lippu"] is None else bool(row["lippu"]), "count": row["luku"], "word": row["sana"]},
        row["tila"] == "kiinni",
    )


@settings(max_examples=150, deadline=None)
@given(items=st.lists(rows, max_size=8), where=expressions, page=st.integers(1, 4))
def test_sql_means_what_python_means(items, where, page):
    expected = [as_candidate(number, row) for number, row in enumerate(items, 1)]
    with TemporaryDirectory() as directory:
        path = make(directory, items)
        with SqlConnector(f"sqlite:///{path}", page=page) as connector:
            assert list(connector.find(MAPPING)) == expected
            fitting = [candidate for candidate in expected if satisfies(where, candidate)]
            assert list(connector.find(MAPPING, where)) == fitting
            mine = list(connector.find(MAPPING, where, subjects=["1", "3"]))
            assert mine == [candidate for candidate in fitting if candidate.ref.subject == "1"]


@settings(max_examples=60, deadline=None)
@given(items=st.lists(rows, min_size=1, max_size=6), where=expressions)
def test_disposal_takes_what_python_would(items, where):
    candidates = [as_candidate(number, row) for number, row in enumerate(items, 1)]
    with TemporaryDirectory() as directory:
        path = make(directory, items)
        with SqlConnector(f"sqlite:///{path}", vacuum="no") as connector:
            answers = connector.dispose(MAPPING, [c.ref for c in candidates], Action.DELETE, where)
            left = {candidate.ref.key for candidate in connector.find(MAPPING)}
    due = {candidate.ref.key for candidate in candidates if satisfies(where, candidate)}
    assert {answer.key for answer in answers if answer.outcome == "destroyed"} == due
    assert {answer.key for answer in answers if answer.outcome == "superseded"} == left


def test_the_day_is_the_organisations(tmp_path):
    row = {"nro": "1", "alku": None, "hetki": "2020-12-31 22:30:00", "lippu": 0, "luku": 0, "sana": "", "tila": ""}
    path = make(tmp_path, [row, {**row, "hetki": "2020-12-31T22:30:00Z"}])

    def found(**config):
        with SqlConnector(f"sqlite:///{path}", **config) as connector:
            told = [candidate.events["b"] for candidate in connector.find(MAPPING)]
            asked = len(list(connector.find(MAPPING, AtLeast("b", date(2021, 1, 1)))))
        assert asked == sum(day is not None and day >= date(2021, 1, 1) for day in told)
        return told

    assert found() == [date(2020, 12, 31), date(2021, 1, 1)]
    assert found(stored_time_zone="UTC") == [date(2021, 1, 1), date(2021, 1, 1)]
    assert found(time_zone="UTC") == [date(2020, 12, 31), date(2020, 12, 31)]


def test_a_value_that_is_no_date_is_named_and_not_told(tmp_path):
    path = make(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("insert into rivi(nro, hetki) values ('1', '15.6.2020')")
    with SqlConnector(f"sqlite:///{path}") as connector:
        for ask in (
            lambda: list(connector.find(MAPPING)),
            lambda: list(connector.find(MAPPING, AtMost("b", DAY))),
            lambda: connector.dispose(MAPPING, [Ref("1", "1")], Action.DELETE, Not(AtLeast("b", date(1, 1, 1)))),
        ):
            with pytest.raises(ConnectorError) as raised:
                ask()
            assert str(raised.value) == "rivi.hetki holds a value that is not a date"
        assert [a.outcome for a in connector.dispose(MAPPING, [Ref("1", "1")], Action.DELETE, FALSE)] == ["superseded"]


def test_an_unmapped_name_is_an_error(tmp_path):
    path = make(tmp_path)
    with SqlConnector(f"sqlite:///{path}") as connector:
        for where in (AtMost("x", DAY), FactKnown("x"), Not(Recorded("x"))):
            with pytest.raises(ConnectorError, match="not mapped"):
                list(connector.find(MAPPING, where))
        with pytest.raises(ConnectorError, match="names none"):
            list(connector.find(MAPPING, contracts=["1"]))


def test_contracts_and_numbers_as_subjects(tmp_path):
    path = tmp_path / "s.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table s(id integer primary key, nro numeric(10), sopimus text)")
        db.executemany("insert into s(nro, sopimus) values (?, ?)", [(7, "A"), (70, "A"), (7, "B"), (None, "A")])
    mapping = DatasetMapping("s", "id", subject="nro", contract="sopimus")
    with SqlConnector(f"sqlite:///{path}") as connector:
        connector.check([mapping])
        assert [c.ref.key for c in connector.find(mapping, subjects=["7", "007", "9" * 30])] == ["1", "3"]
        assert [c.ref.key for c in connector.find(mapping, contracts=["A"])] == ["1", "2", "4"]
        assert [c.ref.key for c in connector.find(mapping, subjects=["7"], contracts=["A", "C"])] == ["1"]
        refs = [Ref("1", "07"), Ref("4", None), Ref("3", "7")]
        answers = connector.dispose(mapping, refs, Action.DELETE, TRUE)
    assert [answer.outcome for answer in answers] == ["superseded", "destroyed", "destroyed"]


@pytest.mark.parametrize("kind", ["table", "without rowid", "view"])
def test_collects_rows_of_every_sort_of_table(tmp_path, kind):
    path = tmp_path / "l.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        tail = "primary key(nro, lasku)) without rowid" if kind == "without rowid" else "rowid text)"
        lines = "nro text, lasku text, alku date, loppu date, tila text, maksettu date, yritys boolean"
        db.execute(f"create table perus({lines}, {tail}")
        rows = [
            (str(n), f"L{m}", "2020-01-01", None, "auki" if m else "kiinni", "2020-02-01", m)
            for n in range(3)
            for m in (0, 1)
        ]
        db.executemany(
            "insert into perus(nro, lasku, alku, loppu, tila, maksettu, yritys) values (?, ?, ?, ?, ?, ?, ?)", rows
        )
        if kind != "without rowid":
            db.execute("insert into perus(lasku) values ('nobody')")
        db.execute("create view v as select * from perus")
    mapping = LedgerMapping(
        "v" if kind == "view" else "perus", "nro", "lasku", "alku", "loppu", ClosedWhen("tila", ("kiinni",)),
        {"debt_settled": "maksettu"}, {"business": "yritys"}, "lasku",
    )  # fmt: skip
    with SqlConnector(f"sqlite:///{path}", page=2) as connector:
        found = sorted(connector.collect(mapping), key=lambda row: (row.subject, row.thing))
        some = sorted(
            connector.collect_of(mapping, ["2", "0", "nobody", "2\x00"]), key=lambda row: row.subject + row.thing
        )
        assert list(connector.collect_of(mapping, [])) == []
    assert some == [row for row in found if row.subject != "1"]
    assert [(row.subject, row.contract, row.thing) for row in found] == [(r[0], r[1], r[1]) for r in sorted(rows)]
    assert {row.started for row in found} == {date(2020, 1, 1)}
    assert {(row.ended, row.events["debt_settled"]) for row in found} == {(None, date(2020, 2, 1))}
    assert [(row.closed, row.facts["business"]) for row in found] == [(True, False), (False, True)] * 3


def test_describes_what_is_there(tmp_path):
    path = tmp_path / "d.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "create table asiakas(id integer primary key, tunnus text, tili text, nimi varchar(80), luotu date);"
            "create table viesti(id integer primary key, asiakas_id integer references Asiakas(ID), teksti text);"
            "create virtual table haku using fts5(teksti);"
            "create virtual table alue using rtree(id, x0, x1, y0, y1);"
            "create index viesti_lause on viesti(lower(teksti));"
            "insert into asiakas values (1, '010190-900P', 'FI9399999900000014', 'Testi', '2020-01-01');"
        )
    with SqlConnector(f"sqlite:///{path}") as connector:
        places = {place.name: place for place in connector.describe()}
    assert sorted(places) == ["asiakas", "viesti"]
    assert places["asiakas"].rows == 1
    assert places["asiakas"].columns["nimi"] == "varchar(80)"
    assert places["asiakas"].personal == {"tunnus": "identity code", "tili": "IBAN", "nimi": "name"}
    assert places["viesti"].unindexed_foreign_keys == ("viesti.asiakas_id",)


def test_case_counts_whatever_the_column_was_declared_with(tmp_path):
    path = tmp_path / "n.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table n(id integer primary key, nro text collate nocase, sana text collate nocase)")
        db.executemany("insert into n(nro, sana) values (?, ?)", [("a1", "k"), ("A1", "K")])
    mapping = DatasetMapping("n", "id", subject="nro", facts={"word": "sana"}, closed=ClosedWhen("sana", ("K",)))
    with SqlConnector(f"sqlite:///{path}") as connector:
        assert [c.ref.key for c in connector.find(mapping, subjects=["A1"])] == ["2"]
        assert [c.ref.key for c in connector.find(mapping, FactIs("word", "k"))] == ["1"]
        assert [(c.ref.key, c.closed) for c in connector.find(mapping)] == [("1", False), ("2", True)]
        answers = connector.dispose(mapping, [Ref("1", "A1"), Ref("2", "A1")], Action.DELETE, TRUE)
    assert [answer.outcome for answer in answers] == ["superseded", "destroyed"]
