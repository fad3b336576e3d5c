"""What servers store and how it reads: every type of key, date and fact; and SQL means what Python means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention.connectors.contract import Candidate, ClosedWhen, ConnectorError, DatasetMapping, LedgerMapping, Ref
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
from tests.connectors.sql_servers import mariadb, postgres, register  # noqa: F401 - fixtures

DAY = date(2020, 6, 15)
MAPPING = DatasetMapping(
    place="rivi",
    key="id",
    subject="nro",
    events={"a": "alku", "b": "hetki", "c": "leima"},
    facts={"flag": "lippu", "count": "luku", "word": "sana"},
    closed=ClosedWhen("tila", ("kiinni", "poistettu")),
)
SCHEMA = (
    "create table rivi(id integer primary key, nro varchar(20), alku date, hetki {datetime}, leima {moment},"
    " lippu boolean, luku integer, sana varchar(20), tila {enum})"
)
WORDS = {
    "postgresql": {"datetime": "timestamp", "moment": "timestamptz", "enum": "tilat"},
    "mariadb": {
        "datetime": "datetime(6)",
        "moment": "timestamp(6) null",
        "enum": "enum('auki', 'kiinni', 'KIINNI2')",
    },
}

days = st.one_of(
    st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3)), st.sampled_from([date(1999, 1, 1), date(2030, 1, 1)])
)
clocks = st.sampled_from([timedelta(), timedelta(hours=20, minutes=59), timedelta(hours=21), timedelta(hours=23.9)])
naive = st.builds(lambda day, clock: datetime.combine(day, datetime.min.time()) + clock, days, clocks)
rows = st.fixed_dictionaries(
    {
        "nro": st.sampled_from(["1", "2", "a", "A", "a ", None]),
        "alku": st.none() | days | st.sampled_from([date(9999, 12, 31), date(1, 1, 1)]),
        "hetki": st.none() | naive,
        "leima": st.none() | naive.map(lambda moment: moment.replace(tzinfo=UTC)),
        "lippu": st.sampled_from([None, True, False]),
        "luku": st.sampled_from([None, 0, 1, 5]),
        "sana": st.sampled_from([None, "", "a", "A", "a ", "å", "1"]),
        "tila": st.sampled_from([None, "auki", "kiinni", "KIINNI2"]),
    }
)
leaves = st.one_of(
    st.builds(AtMost, st.sampled_from("abc"), days | st.just(date.max)),
    st.builds(AtLeast, st.sampled_from("abc"), days | st.just(date.min)),
    st.builds(Recorded, st.sampled_from("abc")),
    st.builds(
        FactIs, st.sampled_from(["flag", "count", "word"]), st.sampled_from([True, False, 0, 1, 5, "a", "1", "", "a\0"])
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
    max_leaves=6,
)


def local(moment):
    """By hand: Helsinki is three hours ahead of UTC in June, two in January."""
    if moment is None:
        return None
    ahead = 3 if moment.month == 6 else 2
    return (moment.replace(tzinfo=None) + timedelta(hours=ahead)).date()


def as_candidate(number, row):
    return Candidate(
        Ref(str(number), row["nro"]),
        None,
        {"a": row["alku"], "b": row["hetki"] and row["hetki"].date(), "c": local(row["leima"])},
        {"flag": row["lippu"], "count": row["luku"], "word": row["sana"]},
        row["tila"] == "kiinni",
    )


@pytest.fixture
def table(register):  # noqa: F811
    if register.kind == "postgresql":
        register.run("create type tilat as enum ('auki', 'kiinni', 'KIINNI2')")
    register.run(SCHEMA.format(**WORDS[register.kind]), "create index rivi_nro on rivi(nro)")
    return register


COLUMNS = ("nro", "alku", "hetki", "leima", "lippu", "luku", "sana", "tila")


def _stored(value, naive_utc):
    return value.replace(tzinfo=None) if naive_utc and isinstance(value, datetime) else value


def fill(register, items):  # noqa: F811
    register.run("delete from rivi")
    naive_utc = register.kind == "mariadb"
    if items:
        register.run(
            "insert into rivi values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows=[(n, *(_stored(row[name], naive_utc) for name in COLUMNS)) for n, row in enumerate(items, 1)],
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(rows, max_size=8), where=expressions, page=st.integers(1, 4))
def test_sql_means_what_python_means(table, items, where, page):
    fill(table, items)
    expected = [as_candidate(number, row) for number, row in enumerate(items, 1)]
    fitting = [candidate for candidate in expected if satisfies(where, candidate)]
    with table.connector(page=page) as connector:
        assert list(connector.find(MAPPING)) == expected
        assert list(connector.find(MAPPING, where)) == fitting
        mine = list(connector.find(MAPPING, where, subjects=["1", "A", "3"]))
        assert mine == [candidate for candidate in fitting if candidate.ref.subject in {"1", "A"}]
        answers = connector.dispose(MAPPING, [candidate.ref for candidate in expected], Action.DELETE, where)
    assert {answer.key for answer in answers if answer.outcome == "destroyed"} == {c.ref.key for c in fitting}
    assert table.column("select id from rivi order by id") == [int(c.ref.key) for c in expected if c not in fitting]


def test_the_day_is_the_organisations_whatever_the_session_says(table):
    late = datetime(2020, 12, 31, 22, 30)  # noqa: DTZ001 - as a column without an offset stores it
    fill(table, [{**dict.fromkeys(("nro", "alku")), "hetki": late, "leima": late.replace(tzinfo=UTC),
                  **dict.fromkeys(("lippu", "luku", "sana", "tila"))}])  # fmt: skip
    old, new = date(2020, 12, 31), date(2021, 1, 1)
    for config, naive_day, moment_day in (({}, old, new), ({"stored_time_zone": "UTC"}, new, new),
                                          ({"time_zone": "UTC"}, old, old)):  # fmt: skip
        with table.connector(**config) as connector:
            (item,) = connector.find(MAPPING)
            assert (item.events["b"], item.events["c"]) == (naive_day, moment_day)
            for event, day in (("b", naive_day), ("c", moment_day)):
                assert len(list(connector.find(MAPPING, AtLeast(event, new)))) == (day == new)
                assert len(list(connector.find(MAPPING, AtMost(event, old)))) == (day == old)


KEYS = {
    "postgresql": {
        "bigint": [str(2**62), "-7", "0"],
        "smallint": ["7", "-7"],
        "numeric(18)": ["900000000000000001", "12"],
        "uuid": ["00000000-0000-4000-8000-00000000000a"],
        "text": ["a", "A", "a ", " a", "ä", "a'b", 'a"b', "a%b", "a\\b", "a\nb", "", "007", "7", "\U0001f600"],
        "varchar(20)": ["a", "A", "a "],
        "character(4)": ["a", "A", "abcd"],
        'text collate "und-x-icu"': ["a", "A", "ä", "b"],
        "text collate ei_kokoa": ["a", "b", "ä"],
        "koodi": ["a", "A"],
    },
    "mariadb": {
        "bigint": [str(2**62), "-7", "0"],
        "bigint unsigned": [str(2**62), "7"],
        "decimal(18,0)": ["900000000000000001", "12"],
        "uuid": ["00000000-0000-4000-8000-00000000000a"],
        "varchar(40)": ["a", "ä'b", 'a"b', "a%b", "a\\b", "a\nb", "", "007", "7", "\U0001f600", "a\x00b"],
        "varchar(40) collate utf8mb4_bin": ["a", "A", "ä"],
        "varchar(40) collate utf8mb4_nopad_bin": ["a", "A", "a ", "ä"],
        "varchar(40) character set latin1": ["a", "ä", "b"],
        "char(40)": ["a", "b"],
        "enum('x', 'Y', '1')": ["x", "Y", "1"],
    },
}


@pytest.mark.parametrize(("kind", "declared"), [(kind, declared) for kind, found in KEYS.items() for declared in found])
def test_a_key_of_any_type_means_itself_only(request, kind, declared):
    register = request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")  # noqa: F811
    keys = KEYS[kind][declared]
    if kind == "postgresql":
        register.run(
            "create collation ei_kokoa (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
            "create domain koodi as text",
        )
    register.run(f"create table t(k {declared} primary key, n integer)")
    register.run("insert into t values (%s, 1)", rows=[(key,) for key in keys])
    mapping = DatasetMapping("t", "k")
    strangers = [key.swapcase() for key in keys] + [f"{key} " for key in keys] + [f"0{key}" for key in keys] + ["\x00"]
    strangers = sorted(set(strangers) - set(keys))
    with register.connector(page=2) as connector:
        connector.check([mapping])
        by_size = declared.startswith(("bigint", "smallint", "numeric", "decimal"))
        assert [c.ref.key for c in connector.find(mapping)] == sorted(keys, key=int if by_size else str)
        refs = [Ref(key) for key in strangers]
        assert {a.outcome for a in connector.dispose(mapping, refs, Action.DELETE, TRUE)} == {"already_absent"}
        assert len(register.rows("select * from t")) == len(keys)
        refs = [Ref(key) for key in keys]
        assert {a.outcome for a in connector.dispose(mapping, refs, Action.DELETE, TRUE)} == {"destroyed"}
        assert list(connector.verify(mapping, refs, Action.DELETE)) == []
    assert register.rows("select * from t") == []


def test_five_thousand_texts_as_subjects(register):  # noqa: F811
    register.run("create table t(id integer primary key, nro varchar(40))", "create index t_nro on t(nro)")
    register.run("insert into t values (%s, %s)", rows=[(n, f"Asiakas {n}") for n in range(3_000)])
    asked = [f"Asiakas {n}" for n in range(2_000, 4_500)] + [f"asiakas {n}" for n in range(2_500)]
    with register.connector() as connector:
        found = [c.ref.key for c in connector.find(DatasetMapping("t", "id", subject="nro"), subjects=asked)]
    assert found == [str(n) for n in range(2_000, 3_000)]


def test_a_zero_date_is_none_and_never_a_date(mariadb):  # noqa: F811
    mariadb.run(
        "create table t(id integer primary key, paiva date not null, hetki datetime)",
        "insert into t values (1, '2020-01-01', '2020-01-01 12:00:00')",
    )
    with mariadb.connect() as db, db.cursor() as cursor:
        cursor.execute("set session sql_mode = ''")
        cursor.execute("insert into t values (2, '0000-00-00', '0000-00-00 00:00:00')")
    mapping = DatasetMapping("t", "id", events={"a": "paiva", "b": "hetki"})
    with mariadb.connector() as connector:
        connector.check([mapping])
        found = {c.ref.key: c.events for c in connector.find(mapping)}
        assert found["2"] == {"a": None, "b": None}
        for event in "ab":
            assert [c.ref.key for c in connector.find(mapping, AtMost(event, date.max))] == ["1"]
            assert [c.ref.key for c in connector.find(mapping, AtLeast(event, date.min))] == ["1"]
            assert [c.ref.key for c in connector.find(mapping, Not(Recorded(event)))] == ["2"]
        answers = connector.dispose(mapping, [Ref("2")], Action.DELETE, AtMost("a", DAY))
    assert [answer.outcome for answer in answers] == ["superseded"]


@pytest.mark.parametrize("text", ["2020-00-00", "2020-06-00", "2020-02-31", "0000-05-01"])
def test_a_date_that_is_none_is_named(mariadb, text):  # noqa: F811
    mariadb.run("create table t(id integer primary key, paiva date)")
    with mariadb.connect() as db, db.cursor() as cursor:
        cursor.execute("set session sql_mode = 'ALLOW_INVALID_DATES'")
        cursor.execute(f"insert into t values (1, '{text}')")
    mapping = DatasetMapping("t", "id", events={"a": "paiva"})
    with mariadb.connector() as connector:
        for ask in (lambda: connector.check([mapping]), lambda: list(connector.find(mapping))):
            with pytest.raises(ConnectorError) as raised:
                ask()
            assert str(raised.value) == "t.paiva holds a value that is not a date"


@pytest.mark.parametrize("declared", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 BC"])
def test_a_day_outside_the_calendar_is_named(postgres, declared, text):  # noqa: F811
    postgres.run(f"create table t(id integer primary key, paiva {declared})", f"insert into t values (1, '{text}')")
    with postgres.connector() as connector:
        with pytest.raises(ConnectorError, match=r"t\.paiva holds a value that is not a date"):
            connector.check([DatasetMapping("t", "id", events={"a": "paiva"})])
        with pytest.raises(ConnectorError) as raised:
            list(connector.find(DatasetMapping("t", "id", events={"a": "paiva"})))
        assert raised.value.permanent


def test_a_text_is_no_date_on_a_server(register):  # noqa: F811
    register.run("create table t(id integer primary key, paiva varchar(10))")
    with (
        register.connector() as connector,
        pytest.raises(ConnectorError, match=r"t\.paiva is of the wrong type for a d"),
    ):
        connector.check([DatasetMapping("t", "id", events={"a": "paiva"})])


@pytest.mark.parametrize("kind", ["key", "two keys", "none", "view"])
def test_collects_in_pages_or_as_a_stream_and_leaves_nothing_open(register, kind):  # noqa: F811
    tail = {"key": ", primary key(nro)", "two keys": ", primary key(tila, nro)"}.get(kind, "")
    register.run(
        f"create table perus(nro integer not null, tila varchar(20) not null, alku date{tail})",
        "create view v as select * from perus",
    )
    register.run("insert into perus values (%s, %s, '2020-01-01')",
                 rows=[(n, "kiinni" if n % 2 else "Auki") for n in range(25)])  # fmt: skip
    mapping = LedgerMapping("v" if kind == "view" else "perus", "nro", started="alku",
                            closed=ClosedWhen("tila", ("kiinni",)))  # fmt: skip
    with register.connector(page=4) as connector:
        rows = sorted(connector.collect(mapping), key=lambda row: int(row.subject))
        assert [(row.subject, row.closed, row.started) for row in rows] == [
            (str(n), bool(n % 2), date(2020, 1, 1)) for n in range(25)
        ]
        some = {row.subject for row in connector.collect_of(mapping, [str(n) for n in range(20, 30)])}
        assert some == {str(n) for n in range(20, 25)}
        broken_off = connector.collect(mapping)
        next(broken_off)
        other = connector.collect(mapping)
        assert len(list(other)) == 25
    with pytest.raises(StopIteration):
        next(broken_off)
    asked = (
        "select count(*) from pg_stat_activity where query like '%perus%' and pid <> pg_backend_pid() "
        "and backend_type = 'client backend'"
        if register.kind == "postgresql"
        else "select count(*) from information_schema.processlist where db = database() and id <> connection_id()"
    )
    while register.rows(asked) != [(0,)]:  # a server takes a moment to see that a connection is closed
        pass


def test_describes_what_is_there(register):  # noqa: F811
    register.run(
        "create table asiakas(id integer primary key, tunnus varchar(20), nimi varchar(80), luotu date)",
        "create table viesti(id integer primary key, asiakas_id integer, teksti text,"
        " foreign key(asiakas_id) references asiakas(id))",
        "insert into asiakas values (1, '010190-900P', 'Testi', '2020-01-01')",
    )
    with register.connector() as connector:
        places = {place.name: place for place in connector.describe()}
    assert {"asiakas", "viesti"} <= set(places)
    assert places["asiakas"].rows == 1
    assert places["asiakas"].columns["luotu"] == "date"
    assert places["asiakas"].personal == {"tunnus": "identity code", "nimi": "name"}
    unindexed = ("viesti.asiakas_id",) if register.kind == "postgresql" else ()  # MariaDB makes the index itself
    assert places["viesti"].unindexed_foreign_keys == unindexed


def test_geometry_is_seen_and_exported_but_never_found(postgres):  # noqa: F811
    postgres.run(
        "create table liittyma(id integer primary key, nro text, sijainti geometry(Point, 3067))",
        "insert into liittyma values (1, '1001', 'SRID=3067;POINT(385000 6672000)')",
    )
    mapping = DatasetMapping("liittyma", "id", subject="nro", fields=("nro", "sijainti"))
    with postgres.connector() as connector:
        connector.check([mapping])
        places = {place.name: place.columns for place in connector.describe()}
        assert places["liittyma"]["sijainti"].endswith("geometry(Point,3067)")
        assert [c.ref.key for c in connector.find(mapping)] == ["1"]
        (exported,) = connector.export(mapping, [Ref("1", "1001")])
        assert isinstance(exported["sijainti"], str)
        answers = connector.dispose(mapping, [Ref("1", "1001")], Action.DELETE, TRUE)
    assert [answer.outcome for answer in answers] == ["unlinked"]
    assert postgres.rows("select nro, sijainti from liittyma") == [(None, None)]
