"""The shared suite on SQLite: numbers as keys, texts as keys, and columns of a row that stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from retention.connectors.contract import ClosedWhen, Connector, DatasetMapping, Outcome, Ref
from retention.connectors.registry import connect
from retention.connectors.sql import SqlConnector
from retention.connectors.suite import ConnectorSuite, Given, World, dispose

SCHEMA = """
create table tiketti(id {key}, asiakasnro text collate nocase, avattu date, kiire boolean, tila text, aihe text);
create index tiketti_asiakas on tiketti(asiakasnro);
create index tiketti_avattu on tiketti(avattu);
create table viesti(id integer primary key, tiketti_id {reference} not null references tiketti(id), teksti text);
create index viesti_tiketti on viesti(tiketti_id);
create table liite(nimi text, viesti_id integer references Viesti);
create index liite_viesti on liite(viesti_id);
create table asetus(nimi text primary key, arvo blob);
insert into asetus values ('x', x'00ff');
"""


class TicketWorld(World):
    """Tickets with messages and their attachments, in a file."""

    event = "case_opened"
    fact = "urgent"
    many = 2_100
    key_type = "integer primary key"
    mapping = DatasetMapping(
        place="tiketti",
        key="id",
        subject="asiakasnro",
        events={"case_opened": "avattu"},
        facts={"urgent": "kiire"},
        closed=ClosedWhen("tila", ("suljettu",)),
        children=("viesti", "liite"),
    )

    def __init__(self, directory: Path) -> None:
        self.path = directory / "tiketit.sqlite3"
        self.count = 0
        with closing(sqlite3.connect(self.path)) as db:
            db.executescript(SCHEMA.format(key=self.key_type, reference=self.key_type.split()[0]))

    def connect(self) -> Connector:
        return connect("sql", {"url": f"sqlite:///{self.path}"})

    def broken(self) -> tuple[Connector, str]:
        return connect("sql", {"url": f"sqlite:///{self.path.parent}/salaisuus-1234.sqlite3"}), "salaisuus-1234"

    def key_of(self, number: int) -> int | str:
        return number

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        with closing(sqlite3.connect(self.path)) as db, db:
            for item in items:
                self.count += 1
                key = self.key_of(self.count)
                keys.append(str(key))
                day = item.day.isoformat() if item.day else None
                state = "suljettu" if item.closed else "auki"
                row = (key, item.subject, day, item.fact, state, f"vika {self.count}")
                db.execute("insert into tiketti values (?, ?, ?, ?, ?, ?)", row)
                if len(items) < 100:
                    message = db.execute("insert into viesti(tiketti_id, teksti) values (?, 'hei')", (key,)).lastrowid
                    db.execute("insert into liite values ('kuva', ?)", (message,))
        return keys

    def in_order(self, keys):
        return sorted(keys, key=int)

    def can_hold(self, subject: str) -> bool:
        return subject != "\ud800"

    def snapshot(self) -> Mapping[str, object]:
        shown: dict[str, object] = {}
        with closing(sqlite3.connect(self.path)) as db:
            for row in db.execute("select * from tiketti"):
                messages = db.execute("select * from viesti where tiketti_id = ?", (row[0],)).fetchall()
                files = [db.execute("select * from liite where viesti_id = ?", (m[0],)).fetchall() for m in messages]
                shown[str(row[0])] = (row, messages, files)
            for table in ("tiketti", "viesti", "liite"):
                shown[f"rows of {table}"] = "counted with their items"
            shown["orphans"] = db.execute(
                "select count(*) from viesti where tiketti_id not in (select id from tiketti)"
            ).fetchone()
            shown["asetus"] = db.execute("select * from asetus").fetchall()
            shown["schema"] = db.execute("select sql from sqlite_master order by name").fetchall()
        return shown


class TextKeyWorld(TicketWorld):
    key_type = "text primary key collate nocase"

    def key_of(self, number: int) -> str:
        return f"T-{number:x}"

    def in_order(self, keys):
        return sorted(keys)


class UnlinkedWorld(TicketWorld):
    """The person's columns go, the row stays."""

    disposed = Outcome.UNLINKED
    mapping = DatasetMapping(
        place="tiketti",
        key="id",
        subject="asiakasnro",
        events={"case_opened": "avattu"},
        facts={"urgent": "kiire"},
        closed=ClosedWhen("tila", ("suljettu",)),
        fields=("asiakasnro", "aihe"),
    )


class TestNumbersAsKeys(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return TicketWorld(tmp_path)


class TestTextsAsKeys(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return TextKeyWorld(tmp_path)


class TestColumnsOfARowThatStays(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return UnlinkedWorld(tmp_path)


def test_a_text_key_means_its_own_case_only(tmp_path):
    world = TextKeyWorld(tmp_path)
    world.count = 9
    (key,) = world.add([Given()])
    assert key == "T-a"

    assert [a.outcome for a in dispose(world, [Ref("t-A", "1001")])] == [Outcome.ALREADY_ABSENT]
    assert [a.outcome for a in dispose(world, [Ref(key, "1001")])] == [Outcome.DESTROYED]


def test_pages_of_any_size_give_the_same(tmp_path):
    world = TicketWorld(tmp_path)
    keys = world.add([Given() for _ in range(7)])
    for page in (1, 2, 3, 7, 8):
        with SqlConnector(f"sqlite:///{world.path}", page=page) as connector:
            assert [candidate.ref.key for candidate in connector.find(world.mapping)] == keys
