"""The shared suite on real servers: PostgreSQL, a PostGIS table whose geometry stays, MariaDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from retention.connectors.contract import ClosedWhen, Connector, DatasetMapping, Outcome
from retention.connectors.registry import connect
from retention.connectors.suite import ConnectorSuite, Given, World
from retention.domain.predicates import TRUE
from tests.connectors.sql_servers import Server, mariadb, postgres  # noqa: F401 - fixtures

TICKETS = DatasetMapping(
    place="tiketti",
    key="id",
    subject="asiakasnro",
    events={"case_opened": "avattu"},
    facts={"urgent": "kiire"},
    closed=ClosedWhen("tila", ("suljettu",)),
    children=("viesti", "liite"),
)


class ServerWorld(World):
    """Tickets with messages and their attachments, on a server."""

    event = "case_opened"
    fact = "urgent"
    many = 2_100
    mapping = TICKETS
    key_type = "integer"
    blob = "bytea"
    extra: ClassVar[Mapping[str, str]] = {}

    def __init__(self, server: Server) -> None:
        self.server = server
        self.count = 0
        more = "".join(f", {name} {declared}" for name, declared in self.extra.items())
        server.run(
            f"create table tiketti(id {self.key_type} primary key, asiakasnro varchar(200), avattu date, kiire boolean,"
            f" tila varchar(20), aihe text{more})",
            "create index tiketti_asiakas on tiketti(asiakasnro)",
            "create table viesti(id integer primary key,"
            f" tiketti_id {self.key_type} not null references tiketti(id), teksti text)",
            "create index viesti_tiketti on viesti(tiketti_id)",
            "create table liite(nimi varchar(20), viesti_id integer references viesti(id))",
            "create index liite_viesti on liite(viesti_id)",
            f"create table asetus(nimi varchar(20) primary key, arvo {self.blob})",
            "insert into asetus values ('x', 'abc')",
        )

    def connect(self) -> Connector:
        return connect("sql", {"url": self.server.url()})

    def broken(self) -> tuple[Connector, str]:
        url = self.server.url(user="salaisuus-1234", password="salaisuus-1234")
        return connect("sql", {"url": url}), "salaisuus-1234"

    def key_of(self, number: int) -> int | str:
        return number

    def values(self, number: int) -> tuple[str, ...]:
        return ()

    def placeholders(self) -> str:
        return "%s, %s, %s, %s, %s, %s"

    def add(self, items: Sequence[Given]) -> list[str]:
        first = self.count + 1
        self.count += len(items)
        rows = [
            (
                self.key_of(n), item.subject, item.day, item.fact, "suljettu" if item.closed else "auki",
                f"vika {n}", *self.values(n),
            )
            for n, item in enumerate(items, first)
        ]  # fmt: skip
        self.server.run(f"insert into tiketti values ({self.placeholders()})", rows=rows)
        if len(items) < 100 and self.mapping.children:
            numbers = range(first, self.count + 1)
            self.server.run("insert into viesti values (%s, %s, 'hei')", rows=[(n, self.key_of(n)) for n in numbers])
            self.server.run("insert into liite values ('kuva', %s)", rows=[(n,) for n in numbers])
        return [str(row[0]) for row in rows]

    def in_order(self, keys):
        return sorted(keys, key=int)

    def can_hold(self, subject: str) -> bool:
        return subject != "\ud800"

    def snapshot(self) -> Mapping[str, object]:
        shown: dict[str, object] = {}
        for row in self.server.rows("select * from tiketti order by id"):
            shown[str(row[0])] = [row]
        of = dict(self.server.rows("select id, tiketti_id from viesti"))
        for row in self.server.rows("select * from viesti order by id"):
            shown.setdefault(str(row[1]), []).append(row)  # type: ignore[attr-defined]
        for row in self.server.rows("select * from liite order by viesti_id"):
            shown.setdefault(str(of.get(row[1])), []).append(row)  # type: ignore[attr-defined]
        shown["asetus"] = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                           for row in self.server.rows("select * from asetus")]  # fmt: skip
        return shown


class PostgresWorld(ServerWorld):
    def can_hold(self, subject: str) -> bool:
        return subject not in {"\ud800", "a\x00b"}


class PostgresTextWorld(PostgresWorld):
    """In a collation that puts small and large letters side by side, so that code points are no natural order."""

    key_type = 'text collate "en-x-icu"'
    extra = {}

    def key_of(self, number: int) -> str:
        return f"{'T' if number % 2 else 't'}-{number:x}"

    def in_order(self, keys):
        return sorted(keys)


class PostgresUuidWorld(PostgresTextWorld):
    key_type = "uuid"

    def key_of(self, number: int) -> str:
        return f"00000000-0000-4000-8000-{number * 7919 % 100_003:012x}"


class PostgisWorld(PostgresWorld):
    """Connections to the network: the person's columns go, the geometry stays."""

    disposed = Outcome.UNLINKED
    extra = {"sijainti": "geometry(Point, 3067)", "alue": "geography(Point, 4326)"}
    mapping = DatasetMapping(
        place="tiketti",
        key="id",
        subject="asiakasnro",
        events={"case_opened": "avattu"},
        facts={"urgent": "kiire"},
        closed=ClosedWhen("tila", ("suljettu",)),
        fields=("asiakasnro", "aihe"),
    )

    def values(self, number: int) -> tuple[str, ...]:
        return f"SRID=3067;POINT({385000 + number} 6672000)", f"SRID=4326;POINT(24.{number} 60)"

    def placeholders(self) -> str:
        return "%s, %s, %s, %s, %s, %s, %s, %s"


class MariadbWorld(ServerWorld):
    key_type = "bigint"
    blob = "blob"


class MariadbTextWorld(MariadbWorld):
    """In MariaDB's usual collation, for which `T-a`, `t-A` and `T-a ` are one text."""

    key_type = "varchar(40)"

    def key_of(self, number: int) -> str:
        return f"{'T' if number % 2 else 't'}-{number:x}"

    def in_order(self, keys):
        return sorted(keys)


class TestPostgresql(ConnectorSuite):
    @pytest.fixture
    def world(self, postgres):  # noqa: F811
        return PostgresWorld(postgres)


class TestPostgresqlTextsAsKeys(ConnectorSuite):
    @pytest.fixture
    def world(self, postgres):  # noqa: F811
        return PostgresTextWorld(postgres)


class TestPostgresqlUuidsAsKeys(ConnectorSuite):
    @pytest.fixture
    def world(self, postgres):  # noqa: F811
        return PostgresUuidWorld(postgres)


class TestPostgis(ConnectorSuite):
    @pytest.fixture
    def world(self, postgres):  # noqa: F811
        return PostgisWorld(postgres)

    def test_the_geometry_stays_byte_for_byte(self, world):
        keys = world.add([Given(), Given()])
        asked = "select id, encode(st_asewkb(sijainti), 'hex'), alue from tiketti order by id"
        before = world.server.rows(asked)
        with world.connect() as connector:
            found = [candidate.ref for candidate in connector.find(world.mapping)]
            answers = list(connector.dispose(world.mapping, found, world.action, TRUE))
        assert [answer.key for answer in answers] == keys
        assert world.server.rows(asked) == before
        assert world.server.rows("select asiakasnro, aihe from tiketti") == [(None, None)] * 2


class TestMariadb(ConnectorSuite):
    @pytest.fixture
    def world(self, mariadb):  # noqa: F811
        return MariadbWorld(mariadb)


class TestMariadbTextsAsKeys(ConnectorSuite):
    @pytest.fixture
    def world(self, mariadb):  # noqa: F811
        return MariadbTextWorld(mariadb)
