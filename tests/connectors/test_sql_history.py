"""Old rows that triggers keep: refused where nobody declared them, gone with their item where somebody did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref, Residue
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.sql_servers import any_register, mariadb, postgres, sqlite  # noqa: F401 - fixtures

MAPPING = DatasetMapping("tiketti", "id", subject="asiakasnro")
REFS = [Ref("1", "1001"), Ref("2", "1001"), Ref("3", "1002")]
TABLES = (
    "create table tiketti(id integer primary key, asiakasnro varchar(20), nimi varchar(40), paikka varchar(20))",
    "create table tiketti_historia(hid integer, tiketti_id integer, asiakasnro varchar(20), nimi varchar(40),"
    " paikka varchar(20))",
    "create table laskuri(maara integer)",
    "create index historia_tiketti on tiketti_historia(tiketti_id)",
)
COPY = (
    "insert into tiketti_historia(tiketti_id, asiakasnro, nimi, paikka)"
    " values (old.id, old.asiakasnro, old.nimi, old.paikka)"
)


def make(register, body=COPY, event="delete", table="tiketti", name="kopio"):
    if register.kind == "postgresql":
        register.run(
            f"create function {name}() returns trigger language plpgsql as $$ begin {body}; return old; end $$",
            f"create trigger {name} after {event} on {table} for each row execute function {name}()",
        )
    else:
        register.run(f"create trigger {name} after {event} on {table} for each row begin {body}; end")


@pytest.fixture
def register(any_register):  # noqa: F811
    any_register.run(*TABLES)
    rows = [(1, "1001", "Testi A", "x"), (2, "1001", "Testi B", "y"), (3, "1002", "Testi C", "z")]
    any_register.run("insert into tiketti values (%s, %s, %s, %s)", rows=rows)
    return any_register


def with_history(*entries, **more):
    return replace(MAPPING, options={"history": list(entries)}, **more)


def dispose(register, mapping, refs=REFS[:2], where=TRUE):
    with register.connector() as connector:
        connector.check([mapping])
        answers = [answer.outcome for answer in connector.dispose(mapping, refs, Action.DELETE, where)]
        return answers, list(connector.verify(mapping, refs, Action.DELETE))


@pytest.mark.parametrize("event", ["delete", "update"])
def test_a_trigger_into_a_table_that_nobody_declared_is_refused(register, event):
    make(register, event=event)
    with register.connector() as connector, pytest.raises(ConnectorError) as raised:
        connector.check([MAPPING])
    assert raised.value.permanent
    assert "trigger kopio of tiketti writes into tiketti_historia" in str(raised.value)
    assert "option history" in str(raised.value)


def test_a_trigger_of_a_child_counts_too(register):
    register.run("create table viesti(id integer primary key, tiketti_id integer, foreign key(tiketti_id)"
                 " references tiketti(id))", "create index viesti_tiketti on viesti(tiketti_id)")  # fmt: skip
    make(register, "insert into laskuri values (old.id)", table="viesti")
    with register.connector() as connector, pytest.raises(ConnectorError, match="of viesti writes into laskuri"):
        connector.check([replace(MAPPING, children=("viesti",))])


def test_a_trigger_that_writes_nowhere_else_is_nobodys_business(register):
    if register.kind == "postgresql":
        make(register, "-- insert into laskuri values (1)\n perform 1")
    else:
        make(register, "update tiketti set paikka = 'ei' where id = -1")
    if register.kind != "mariadb":  # which lets no trigger touch its own table, not even without a row
        assert dispose(register, MAPPING)[0] == [Outcome.DESTROYED] * 2


@pytest.mark.parametrize("entry", ["tiketti_historia", {"place": "tiketti_historia", "key": "tiketti_id"}])
def test_declared_rows_go_with_their_item_and_what_the_deletion_itself_wrote(register, entry):
    make(register)
    register.run("insert into tiketti_historia values (1, 1, '1001', 'Testi vanha', 'x'), (2, 3, '1002', 'T', 'z')")
    answers, residues = dispose(register, with_history(entry))
    assert answers == [Outcome.DESTROYED] * 2
    assert residues == []
    assert register.column("select tiketti_id from tiketti_historia") == [3]
    assert register.column("select id from tiketti") == [3]


def test_what_is_still_there_is_residue_by_its_table(register):
    mapping = with_history("tiketti_historia")
    dispose(register, mapping)
    register.run("insert into tiketti_historia values (9, 2, '1001', 'Testi B', 'y')")
    with register.connector() as connector:
        assert list(connector.verify(mapping, REFS[:2], Action.DELETE)) == [Residue("2", "tiketti_historia", copy=True)]
        assert list(connector.verify(MAPPING, REFS[:2], Action.DELETE)) == [Residue("2", "tiketti_historia", copy=True)]


def test_an_item_that_is_kept_keeps_its_history(register):
    make(register)
    register.run("insert into tiketti_historia values (1, 1, '1001', 'Testi vanha', 'x')")
    answers, _ = dispose(register, with_history("tiketti_historia"), [Ref("1", "1002"), Ref("9", "1001")])
    assert answers == [Outcome.SUPERSEDED, Outcome.ALREADY_ABSENT]
    assert register.column("select tiketti_id from tiketti_historia") == [1]


def test_rows_of_the_same_key_that_name_somebody_else_are_theirs(register):
    entry = {"place": "tiketti_historia", "key": "tiketti_id", "subject": "asiakasnro"}
    register.run(
        "insert into tiketti_historia values (1, 1, '1001', 'A', 'x'), (2, 1, '1009', 'B', 'x'), (3, 1, null, 'C', 'x')"
    )
    answers, residues = dispose(register, with_history(entry), REFS[:1])
    assert (answers, residues) == ([Outcome.DESTROYED], [])
    assert register.column("select asiakasnro from tiketti_historia") == ["1009"]


def test_of_a_row_that_stays_the_history_is_emptied_as_the_row_is(register):
    make(register, event="update")
    mapping = with_history("tiketti_historia", fields=("asiakasnro", "nimi"))
    answers, residues = dispose(register, mapping)
    assert (answers, residues) == ([Outcome.UNLINKED] * 2, [])
    assert register.rows("select * from tiketti_historia order by tiketti_id") == [
        (None, 1, None, None, "x"),
        (None, 2, None, None, "y"),
    ]


def test_a_history_without_these_columns_goes_as_a_whole(register):
    register.run("create table tiketti_audit(tiketti_id integer, vanha varchar(200))")
    make(register, "insert into tiketti_audit values (old.id, old.nimi)", event="update")
    answers, residues = dispose(register, with_history("tiketti_audit", fields=("asiakasnro", "nimi")))
    assert (answers, residues) == ([Outcome.UNLINKED] * 2, [])
    assert register.rows("select * from tiketti_audit") == []


def test_a_table_that_keeps_nothing_of_a_person_can_be_declared_so(register):
    make(register, "update laskuri set maara = maara - 1")
    with register.connector() as connector, pytest.raises(ConnectorError, match="laskuri"):
        connector.check([MAPPING])
    assert dispose(register, with_history({"place": "laskuri", "key": None}))[0] == [Outcome.DESTROYED] * 2


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("tiketti_historia", "must be a list"),
        (["ei_ole"], "table ei_ole"),
        (["laskuri"], "name the column of the item's key"),
        ([{"place": "laskuri"}], "place, key"),
        ([{"place": "laskuri", "key": "ei"}], "laskuri.ei"),
        ([{"place": "tiketti", "key": "id"}], "goes with the item anyway"),
    ],
)
def test_an_option_that_is_none_is_named(register, option, named):
    with register.connector() as connector, pytest.raises(ConnectorError, match=named) as raised:
        connector.check([replace(MAPPING, options={"history": option})])
    assert raised.value.permanent


def test_describe_notices_tables_by_their_names(register):
    with register.connector() as connector:
        places = {place.name: place for place in connector.describe()}
    assert places["tiketti"].history == ("tiketti_historia",)
    assert places["laskuri"].history == ()


def test_a_failure_takes_the_history_back_too(register):
    make(register)
    register.run("insert into tiketti_historia values (1, 1, '1001', 'Testi vanha', 'x')")
    if register.kind == "postgresql":
        make(register, "perform 1/0", table="tiketti_historia", name="rikki")
    elif register.kind == "mariadb":
        make(register, "insert into ei_ole values (1)", table="tiketti_historia", name="rikki")
    else:
        make(register, "select json('ei json')", table="tiketti_historia", name="rikki")
    mapping = with_history("tiketti_historia")
    with register.connector() as connector, pytest.raises(ConnectorError):
        connector.dispose(mapping, REFS[:2], Action.DELETE, TRUE)
    assert register.column("select id from tiketti order by id") == [1, 2, 3]
    assert register.column("select tiketti_id from tiketti_historia") == [1]


def test_a_function_that_makes_up_its_statements_must_be_spoken_for(postgres):  # noqa: F811
    postgres.run(*TABLES)
    make(postgres, "execute format('insert into %%I values (1)', tg_table_name || '_historia')".replace("%%", "%"))
    with postgres.connector() as connector:
        with pytest.raises(ConnectorError, match="trigger kopio of tiketti puts its statements together"):
            connector.check([MAPPING])
        assert connector.check([with_history("tiketti_historia")])
        assert connector.check([with_history()])


def test_what_a_triggers_function_calls_is_read_too(postgres):  # noqa: F811
    postgres.run(
        *TABLES,
        "create function kirjaa(n integer) returns void language sql as 'insert into laskuri values (n)'",
    )
    make(postgres, "perform kirjaa(old.id)")
    with postgres.connector() as connector, pytest.raises(ConnectorError, match="writes into laskuri"):
        connector.check([MAPPING])


def test_a_trigger_that_is_told_its_table_by_an_argument_is_seen(postgres):  # noqa: F811
    postgres.run(
        *TABLES,
        "create function yleinen() returns trigger language plpgsql as"
        " $$ begin execute 'insert into ' || tg_argv[0] || ' values (1)'; return old; end $$",
        "create trigger y after delete on tiketti for each row execute function yleinen('laskuri')",
    )
    with postgres.connector() as connector, pytest.raises(ConnectorError, match="writes into laskuri"):
        connector.check([with_history()])


def test_a_procedure_that_a_trigger_calls_is_read_too(mariadb):  # noqa: F811
    mariadb.run(*TABLES, "create procedure kirjaa(n integer) insert into laskuri values (n)")
    make(mariadb, "call kirjaa(old.id)")
    with mariadb.connector() as connector, pytest.raises(ConnectorError, match="writes into laskuri"):
        connector.check([MAPPING])


def test_a_table_that_keeps_its_versions_itself_is_refused(mariadb):  # noqa: F811
    mariadb.run("create table versiot(id integer primary key) with system versioning")
    with mariadb.connector() as connector, pytest.raises(ConnectorError, match="versiot keeps every deleted row"):
        connector.check([DatasetMapping("versiot", "id")])


def test_a_table_without_transactions_is_refused(mariadb):  # noqa: F811
    mariadb.run("create table vanha(id integer primary key) engine = myisam")
    with mariadb.connector() as connector, pytest.raises(ConnectorError, match="vanha is of an engine without"):
        connector.check([DatasetMapping("vanha", "id")])
