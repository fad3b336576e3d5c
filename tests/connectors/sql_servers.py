"""A schema on PostgreSQL and a database on MariaDB for one test each, gone with it."""

from __future__ import annotations

import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pymysql
import pytest

from retention.connectors.sql import SqlConnector


class Server(ABC):
    """One place of a test's own on a real server, reached without the connector. As context: a connection."""

    kind = ""
    port = 0
    name = ""
    host = "127.0.0.1"
    counted: tuple[str, ...] = ()
    """What makes the server count at once what this session wrote, and not when its process has gone."""

    @abstractmethod
    def connect(self) -> Any:
        """A connection of one's own."""

    @abstractmethod
    def url(self, user: str = "", password: str = "", **query: str) -> str:
        """Where a connector finds it."""

    def run(self, *statements: str, rows: Sequence[Sequence[object]] = ()) -> None:
        """Each statement by itself; with rows, the one statement for each of them."""
        with closing(self.connect()) as db, db.cursor() as cursor:
            for statement in statements:
                if rows:
                    cursor.executemany(statement, rows)
                else:
                    cursor.execute(statement)
            for statement in self.counted:
                cursor.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as db, db.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def column(self, statement: str) -> list[Any]:
        return [row[0] for row in self.rows(statement)]

    def connector(self, **config: Any) -> SqlConnector:
        return SqlConnector(self.url(), **config)


class Postgres(Server):
    kind = "postgresql"
    counted = ("select pg_stat_force_next_flush()",)

    def __init__(self, port: int, *extensions: str) -> None:
        self.port, self.name = port, f"t{uuid4().hex[:12]}"
        self.run(*(f"create extension if not exists {one} schema public" for one in extensions))
        self.run(f"create schema {self.name}")

    def connect(self) -> Any:
        return psycopg.connect(
            host=self.host, port=self.port, user="postgres", dbname="postgres", autocommit=True,
            options=f"-csearch_path={self.name},public",
        )  # fmt: skip

    def url(self, user: str = "postgres", password: str = "", **query: str) -> str:
        secret = f":{password}" if password else ""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        path = f"options=-csearch_path%3D{self.name},public{more}"
        return f"postgresql+psycopg://{user}{secret}@{self.host}:{self.port}/postgres?{path}"

    def drop(self) -> None:
        self.run(f"drop schema {self.name} cascade")


class Mariadb(Server):
    kind = "mariadb"

    def __init__(self, port: int) -> None:
        self.port, self.name = port, f"t{uuid4().hex[:12]}"
        with closing(self._to("")) as db, db.cursor() as cursor:
            cursor.execute(f"create database {self.name} character set utf8mb4 collate utf8mb4_general_ci")

    def _to(self, database: str) -> Any:
        return pymysql.connect(
            host=self.host, port=self.port, user="test", password="test", database=database or None,
            autocommit=True, charset="utf8mb4",
            init_command="set session sql_mode = 'STRICT_TRANS_TABLES', time_zone = '+00:00'",
        )  # fmt: skip

    def connect(self) -> Any:
        return self._to(self.name)

    def url(self, user: str = "test", password: str = "test", **query: str) -> str:
        more = "&".join(f"{name}={value}" for name, value in query.items())
        return f"mariadb+pymysql://{user}:{password}@{self.host}:{self.port}/{self.name}" + (f"?{more}" if more else "")

    def drop(self) -> None:
        self.run(f"drop database {self.name}")


def wait_until_ready(port: int) -> None:
    """A server takes connections a little before it serves them."""
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            os.sched_yield()
        else:
            return


@pytest.fixture
def postgres(postgres_server) -> Iterator[Postgres]:
    wait_until_ready(postgres_server.port)
    one = Postgres(postgres_server.port, "postgis")
    yield one
    one.drop()


@pytest.fixture
def plain_postgres(postgres_server) -> Iterator[Postgres]:
    """Without PostGIS, which not every machine has."""
    wait_until_ready(postgres_server.port)
    one = Postgres(postgres_server.port)
    yield one
    one.drop()


@pytest.fixture
def mariadb(mariadb_server) -> Iterator[Mariadb]:
    one = Mariadb(mariadb_server.port)
    yield one
    one.drop()


class Sqlite(Server):
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run("create table asetus(nimi text)")

    def connect(self) -> Any:
        return sqlite3.connect(self.path, isolation_level=None)

    def run(self, *statements: str, rows: Sequence[Sequence[object]] = ()) -> None:
        with closing(self.connect()) as db:
            for statement in statements:
                if rows:
                    db.executemany(statement.replace("%s", "?"), rows)
                else:
                    db.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as db:
            return list(db.execute(statement))

    def url(self, user: str = "", password: str = "", **query: str) -> str:
        return f"sqlite:///{self.path}"


@pytest.fixture
def sqlite(tmp_path) -> Sqlite:
    return Sqlite(tmp_path / "r.sqlite3")


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def any_register(request) -> Server:
    """Each kind of database."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Server)
    return found


@pytest.fixture(params=["postgres", "mariadb"])
def register(request) -> Server:
    """Either server."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Server)
    return found
