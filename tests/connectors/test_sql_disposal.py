"""What goes, what is refused and stays whole, and what is read back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref, Residue
from retention.connectors.sql import SqlConnector
from retention.connectors.sql.database import Patience
from retention.connectors.sql.database_sqlite import SqliteDatabase
from retention.connectors.sql.history import is_history
from retention.connectors.sql.values import Days
from retention.domain.predicates import TRUE, AtMost, Not
from retention.domain.rules import Action

DAY = date(2020, 6, 15)
SCHEMA = """
create table tiketti(id integer primary key, asiakasnro text, avattu date, aihe text, nimi text not null default '',
  korvaa integer references tiketti(id));
create table viesti(id integer primary key, tiketti_id integer references tiketti(id), toinen_id integer
  references tiketti(id), vastaa integer references viesti(id), teksti text);
create table liite(id integer primary key, viesti_id integer references viesti(id) on delete cascade);
create table lasku(id integer primary key, tiketti_id integer references tiketti(id) on delete set null);
create index i1 on viesti(tiketti_id); create index i2 on viesti(toinen_id); create index i3 on viesti(vastaa);
create index i4 on liite(viesti_id); create index i5 on lasku(tiketti_id); create index i6 on tiketti(korvaa);
insert into tiketti(id, asiakasnro, avattu, aihe, nimi) values
  (1, '1001', '2020-01-01', 'a', 'n'), (2, '1001', '2020-01-01', 'b', 'n'),
  (3, '1002', '2020-01-01', 'c', 'n'), (4, '1002', '2025-01-01', 'd', 'n');
"""
MAPPING = DatasetMapping(
    place="tiketti", key="id", subject="asiakasnro", events={"case_opened": "avattu"}, children=("viesti", "liite")
)
REFS = [Ref("1", "1001"), Ref("2", "1001"), Ref("3", "1002"), Ref("4", "1002")]
OLD = AtMost("case_opened", DAY)
D, S, R = Outcome.DESTROYED, Outcome.SUPERSEDED, Outcome.REFUSED


class Register:
    def __init__(self, path):
        self.path = path
        self.script(SCHEMA)

    def script(self, text):
        with closing(sqlite3.connect(self.path)) as db:
            db.executescript(text)

    def rows(self, table):
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(f"select * from {table} order by 1").fetchall()

    def everything(self):
        with closing(sqlite3.connect(self.path)) as db:
            return list(db.iterdump())

    def ids(self, table):
        return [row[0] for row in self.rows(table)]

    def connect(self, **config):
        return SqlConnector(f"sqlite:///{self.path}", **config)

    def dispose(self, mapping=MAPPING, refs=REFS, action=Action.DELETE, where=OLD):
        with self.connect() as connector:
            connector.check([mapping])
            return [(answer.outcome, answer.detail) for answer in connector.dispose(mapping, refs, action, where)]

    def outcomes(self, *arguments, **more):
        return [outcome for outcome, _ in self.dispose(*arguments, **more)]

    def residues(self, mapping=MAPPING, refs=REFS, action=Action.DELETE):
        with self.connect() as connector:
            return list(connector.verify(mapping, refs, action))


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "r.sqlite3")


def test_children_go_with_their_item_only(register):
    register.script(
        "insert into viesti(id, tiketti_id) values (1, 1), (2, 1), (3, 4), (4, null);"
        "insert into liite values (1, 1), (2, 2), (3, 3), (4, 4), (5, null);"
    )
    assert register.outcomes() == [D, D, D, S]
    assert register.ids("tiketti") == [4]
    assert register.ids("viesti") == [3, 4]
    assert register.ids("liite") == [3, 4, 5]


def test_a_row_of_a_table_that_is_not_named_keeps_its_item_whole(register):
    register.script("insert into viesti(id, tiketti_id) values (1, 1), (2, 2); insert into lasku values (1, 2)")
    assert register.dispose() == [(D, ""), (R, "lasku"), (D, ""), (S, "")]
    assert register.ids("tiketti") == [2, 4]
    assert register.ids("viesti") == [2]
    assert register.rows("lasku") == [(1, 2)]


def test_a_grandchild_that_is_not_named_keeps_the_item_though_the_database_would_cascade(register):
    register.script("insert into viesti(id, tiketti_id) values (1, 1), (2, 3); insert into liite values (1, 1)")
    before = register.rows("liite")
    assert register.dispose(replace(MAPPING, children=("viesti",)))[:3] == [(R, "liite"), (D, ""), (D, "")]
    assert register.rows("liite") == before
    assert register.ids("viesti") == [1]


def test_a_child_that_belongs_to_a_surviving_item_too_keeps_the_other(register):
    register.script(
        "insert into viesti(id, tiketti_id, toinen_id) values (1, 1, 4), (2, 2, 3), (3, null, 3), (4, 3, null)"
    )
    assert register.dispose() == [(R, "viesti"), (D, ""), (D, ""), (S, "")]
    assert register.ids("viesti") == [1]


def test_a_refusal_brings_along_what_hangs_on_it(register):
    register.script("insert into viesti(id, tiketti_id, toinen_id) values (1, 1, 2), (2, 2, 4)")
    assert register.dispose() == [(R, "viesti"), (R, "viesti"), (D, ""), (S, "")]
    assert register.ids("viesti") == [1, 2]


def test_items_that_point_at_each_other_go_together_or_not_at_all(register):
    register.script("update tiketti set korvaa = 2 where id = 1; update tiketti set korvaa = 1 where id = 2;")
    assert register.outcomes(refs=REFS[:1]) == [R]
    register.script("update tiketti set korvaa = 3 where id = 4")
    assert register.dispose() == [(D, ""), (D, ""), (R, "tiketti"), (S, "")]


def test_an_answer_from_another_item_keeps_the_message_and_its_item(register):
    register.script(
        "insert into viesti(id, tiketti_id, vastaa) values (1, 1, null), (2, 1, 1), (3, 3, null), (4, 4, 3)"
    )
    assert register.dispose() == [(D, ""), (D, ""), (R, "viesti"), (S, "")]
    assert register.ids("viesti") == [3, 4]


def test_a_trigger_that_keeps_a_row_is_a_refusal_of_that_row_alone(register):
    register.script(
        "insert into viesti(id, tiketti_id) values (1, 1), (2, 2), (3, 3);"
        "create trigger hiljaa before delete on tiketti when old.id = 1 begin select raise(ignore); end;"
        "create trigger kova before delete on tiketti when old.id = 3 begin select raise(abort, 'Testi 1002'); end;"
    )
    assert register.dispose() == [
        (R, "a trigger of tiketti"),
        (D, ""),
        (R, "a constraint or trigger of tiketti"),
        (S, ""),
    ]
    assert register.ids("tiketti") == [1, 3, 4]
    assert register.ids("viesti") == [1, 3]


def test_nothing_is_kept_of_a_call_that_fails(register):
    register.script(
        "insert into viesti(id, tiketti_id) values (1, 1);"
        "create trigger rikki before delete on tiketti when old.id = 2 begin select ei_ole(old.nimi); end;"
    )
    before = register.everything()
    with pytest.raises(ConnectorError) as raised:
        register.dispose()
    assert "ei_ole" not in str(raised.value)
    assert register.everything() == before


def test_not_is_a_real_negation_in_the_delete(register):
    register.script("update tiketti set avattu = null where id = 1")
    assert register.outcomes(where=Not(AtMost("case_opened", DAY))) == [D, S, S, D]


def test_another_program_that_holds_the_lock_is_no_failure_for_ever(register):
    with closing(sqlite3.connect(register.path)) as other:
        other.execute("begin immediate")
        with register.connect(timeout="0") as connector, pytest.raises(ConnectorError, match="locked") as raised:
            connector.dispose(MAPPING, REFS, Action.DELETE, TRUE)
    assert not raised.value.permanent
    assert len(register.ids("tiketti")) == 4


def test_columns_are_emptied_once_and_the_item_is_no_item_then(register):
    mapping = replace(MAPPING, fields=("asiakasnro", "aihe", "nimi"), children=())
    assert register.outcomes(mapping) == [Outcome.UNLINKED] * 3 + [S]
    assert register.rows("tiketti")[0] == (1, None, "2020-01-01", None, "", None)
    assert register.outcomes(mapping) == [Outcome.ALREADY_ABSENT] * 3 + [S]
    with register.connect() as connector:
        assert [candidate.ref.key for candidate in connector.find(mapping)] == ["4"]
    assert register.residues(mapping) == [Residue("4", "tiketti")]


def test_a_row_that_stays_is_not_kept_by_who_points_at_it(register):
    register.script("insert into lasku values (1, 1)")
    mapping = replace(MAPPING, fields=("aihe",), children=())
    assert register.outcomes(mapping)[0] == Outcome.UNLINKED
    assert register.rows("lasku") == [(1, 1)]


def test_anonymises_column_by_column_and_takes_the_children(register):
    register.script("insert into viesti(id, tiketti_id) values (1, 1), (2, 4); insert into lasku values (1, 1)")
    mapping = replace(MAPPING, options={"anonymise": {"asiakasnro": None, "nimi": "poistettu", "aihe": "-"}})
    anonymised = [Outcome.ANONYMISED] * 3 + [S]
    assert register.outcomes(mapping, action=Action.ANONYMISE) == anonymised
    assert register.rows("tiketti")[1] == (2, None, "2020-01-01", "-", "poistettu", None)
    assert register.ids("viesti") == [2]
    assert register.rows("lasku") == [(1, 1)]
    again = [Outcome.ALREADY_ABSENT] * 3 + [S]
    assert register.outcomes(mapping, action=Action.ANONYMISE) == again
    with register.connect() as connector:
        assert [candidate.ref.key for candidate in connector.find(mapping)] == ["4"]
    assert register.residues(mapping, REFS[:3], Action.ANONYMISE) == []


def test_fields_can_be_anonymised(register):
    mapping = replace(MAPPING, fields=("nimi", "aihe"), children=(), options={"anonymise": {"aihe": "x"}})
    assert register.outcomes(mapping, action=Action.ANONYMISE)[0] == Outcome.ANONYMISED
    assert register.rows("tiketti")[0] == (1, "1001", "2020-01-01", "x", "", None)


@pytest.mark.parametrize("action", [Action.ANONYMISE, Action.CRYPTO_SHRED, Action.DESTROY_PAPER])
def test_what_cannot_be_done_is_an_error(register, action):
    before = register.everything()
    with pytest.raises(ConnectorError, match="tiketti") as raised:
        register.dispose(action=action)
    assert raised.value.permanent
    assert register.everything() == before


def test_history_and_what_a_trigger_copied_is_residue(register):
    """By their names, also where nobody had declared them and nobody had checked."""
    register.script(
        "create table tiketti_history(hid integer primary key, id integer, aihe text);"
        "create table tiketti_audit(id integer primary key, tiketti_id integer, teko text);"
        "create table tiketti_hist(id integer primary key, teko text);"
        "create table toinen_history(hid integer primary key, id integer);"
        "insert into tiketti_hist(teko) values ('x'), ('y'), ('z'); insert into toinen_history(id) values (1);"
        "create trigger h after delete on tiketti begin"
        " insert into tiketti_history(id, aihe) values (old.id, old.aihe);"
        " insert into tiketti_audit(tiketti_id, teko) values (old.id, 'poisto'); end;"
    )
    with register.connect() as connector:
        assert [answer.outcome for answer in connector.dispose(MAPPING, REFS[:2], Action.DELETE, OLD)] == [D, D]
    assert sorted((residue.key, residue.where) for residue in register.residues(refs=REFS[:2])) == [
        ("1", "tiketti_audit"),
        ("1", "tiketti_history"),
        ("2", "tiketti_audit"),
        ("2", "tiketti_history"),
    ]


def test_children_that_are_left_are_residue(register):
    register.script("delete from tiketti where id = 1; insert into viesti(id, tiketti_id) values (1, 1)")
    assert register.residues(refs=REFS[:1]) == [Residue("1", "viesti")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiketti_history", True), ("TIKETTI_HIST", True), ("tiketti_audit", True), ("tiketti_historia", True),
        ("historicaltiketti", True), ("audit_tiketti", True), ("tiketti", False), ("tiketti_rivi", False),
        ("tikettihistoriallinen", False), ("toinen_history", False),
    ],
)  # fmt: skip
def test_a_history_table_is_known_by_its_name(name, expected):
    assert is_history(name, "tiketti") is expected


def test_exports_an_item_with_what_goes_with_it(register):
    register.script("insert into viesti(id, tiketti_id, teksti) values (1, 1, 'hei'); insert into liite values (7, 1)")
    with register.connect() as connector:
        (exported,) = connector.export(MAPPING, [Ref("1", "1001"), Ref("99", "1001")])
    assert exported["aihe"] == "a"
    assert [message["teksti"] for message in exported["viesti"]] == ["hei"]
    assert exported["liite"] == [{"id": 7, "viesti_id": 1}]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_no_deleted_byte_is_left_in_the_file(register, journal):
    with closing(sqlite3.connect(register.path)) as db:
        db.execute(f"pragma journal_mode = {journal}")
        db.execute("pragma secure_delete = off")
        db.executemany(
            "insert into tiketti(asiakasnro, avattu, aihe) values ('7', '2020-01-01', ?)",
            [(f"Meikalainen-{n} " * 20,) for n in range(300)],
        )
        db.execute("update tiketti set aihe = 'Meikalainen-uusi' where asiakasnro = '7'")
        db.commit()
    with register.connect() as connector:
        refs = [candidate.ref for candidate in connector.find(MAPPING, subjects=["7"])]
        connector.dispose(MAPPING, refs, Action.DELETE, TRUE)
    with closing(sqlite3.connect(register.path)) as db:
        assert db.execute("pragma journal_mode").fetchone() == (journal,)
    left = b"".join(path.read_bytes() for path in register.path.parent.iterdir())
    assert b"Meikalainen" not in left
    assert register.ids("tiketti") == [1, 2, 3, 4]


def test_a_file_that_cannot_be_rewritten_is_told(register):
    with (
        closing(sqlite3.connect(register.path)) as other,
        pytest.raises(ConnectorError, match="could not be rewritten") as raised,
        register.connect(timeout="0") as connector,
    ):
        connector.dispose(MAPPING, REFS[:1], Action.DELETE, TRUE)
        other.execute("begin immediate")
    assert not raised.value.permanent
    assert register.ids("tiketti") == [2, 3, 4]


def test_a_call_that_fails_late_takes_back_what_it_had_done(register):
    register.script(
        "create trigger kova before delete on tiketti when old.id = 1 begin select raise(abort, 'ei'); end;"
        "create trigger rikki before delete on tiketti when old.id = 3 begin select json('ei json'); end;"
    )
    before = register.everything()
    with pytest.raises(ConnectorError):
        register.dispose(refs=[REFS[1], REFS[0], REFS[2]])
    assert register.everything() == before


def test_nobody_writes_between_what_is_read_and_what_is_deleted(register):
    database = SqliteDatabase(register.path, Days(ZoneInfo("UTC"), ZoneInfo("UTC")), Patience(0, 10, 600))
    with (
        database.transaction(),
        closing(sqlite3.connect(register.path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("update tiketti set asiakasnro = '1002' where id = 1")
