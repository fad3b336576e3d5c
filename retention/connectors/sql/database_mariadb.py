"""A MariaDB or MySQL database through PyMySQL.

Every connection says what it relies on: UTC, strict values, zero dates that can be compared, timeouts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pymysql.err import MySQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from retention.connectors.contract import ConnectorError
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.catalogue_mariadb import read_catalogue
from retention.connectors.sql.database import Database, Need, Patience
from retention.connectors.sql.idiom_mariadb import MariadbIdiom
from retention.connectors.sql.values import Days

REFUSING = frozenset({1451, 1452, 1216, 1217, 1062, 1048, 1644, 4025, 3819})
"""Foreign keys, unique keys, NOT NULL, SIGNAL in a trigger, CHECK."""
NO_RIGHT = frozenset({1142, 1143, 1044, 1227, 1370})
SHOW_KEYS = frozenset({"REFERENCES", "SELECT", "TRIGGER"})
"""Any of these, on a whole database, shows the foreign keys of its tables."""
TOLD = {
    1045: ("the database server refuses the user or the password", True),
    1049: ("the database is not there", True),
    1698: ("the database server refuses the user or the password", True),
    2026: ("the database server: TLS failed, or its certificate is not trusted", True),
    1205: ("the database is locked by another program", False),
    1213: ("the database ended a deadlock", False),
    1020: ("another program changed the same rows", False),
    1969: ("the database took longer than the statement timeout", False),
    3024: ("the database took longer than the statement timeout", False),
    1317: ("the database broke the statement off", False),
    1927: ("the database ended the connection", False),
    1053: ("the database server is shutting down", False),
    1040: ("the database server takes no connections now", False),
    1203: ("the database server takes no connections now", False),
    1226: ("the database server takes no connections now", False),
    1146: ("a table is not there any more", True),
    1054: ("a column is not there any more", True),
    1665: ("the server's binlog_format is STATEMENT: it must be MIXED or ROW", True),
    1290: ("the database server is read-only", False),
    1792: ("the database server is read-only", False),
    1836: ("the database server is read-only", False),
    1021: ("the database server's disk is full", False),
    1114: ("a table is full", False),
}
UNREACHABLE = frozenset({2002, 2003, 2006, 2013, 2055, 0})
MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


class MariadbDatabase(Database):
    """One database of a server."""

    def __init__(self, url: sa.URL, days: Days, patience: Patience) -> None:
        super().__init__(days, patience)
        self.idiom = MariadbIdiom(days)
        name = "mariadb+pymysql" if url.drivername.startswith("mariadb") else "mysql+pymysql"
        self._engine = sa.create_engine(
            url.set(drivername=name),
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "charset": "utf8mb4",
                "connect_timeout": max(1, round(patience.connect)),
                "read_timeout": max(1, round(patience.connect)),
            },
        )
        sa.event.listen(self._engine, "connect", self._settle)

    def _settle(self, connection: Any, _record: object) -> None:
        lock = math.ceil(self.patience.lock)
        # PyMySQL waits for the greeting as long as for any answer: only once it has come there is more patience.
        connection._read_timeout = math.ceil(self.patience.statement) + 5
        connection._write_timeout = math.ceil(self.patience.statement) + 5
        with connection.cursor() as cursor:
            cursor.execute(
                "SET SESSION time_zone = '+00:00', sql_mode = %s, innodb_lock_wait_timeout = %s,"
                " lock_wait_timeout = %s, foreign_key_checks = 1, unique_checks = 1",
                (MODE, max(1, lock), max(1, lock)),
            )
            try:
                cursor.execute("SET SESSION max_statement_time = %s", (self.patience.statement,))
            except MySQLError:  # MySQL, which has it for SELECT only
                cursor.execute("SET SESSION max_execution_time = %s", (round(self.patience.statement * 1000),))

    def catalogue(self, connection: sa.Connection) -> Catalogue:
        return read_catalogue(connection, self.idiom)

    def clock(self, connection: sa.Connection) -> datetime | None:
        """UTC_TIMESTAMP has no offset, but it is UTC by its name, whatever the session's zone."""
        moment = connection.execute(sa.select(sa.func.utc_timestamp(6))).scalar_one()
        return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else None

    def missing_rights(self, connection: sa.Connection, catalogue: Catalogue, needs: Sequence[Need]) -> tuple[str, ...]:
        """Asked with statements that touch no row, since grants may come by roles and patterns. Nothing is kept."""
        missing: list[str] = []
        for need in needs:
            table = catalogue.relation(need.table).table
            never = sa.text("1 = 0")
            asked: list[tuple[str, Any]] = []
            asked += [(f"SELECT ({name})", sa.select(table.c[name]).where(never)) for name in need.select]
            asked += [
                (f"UPDATE ({name})", sa.update(table).where(never).values({name: table.c[name]}))
                for name in need.update
            ]
            if need.delete:
                asked.append(("DELETE", sa.delete(table).where(never)))
            if need.insert:
                columns = [table.c[name] for name in need.insert]
                nothing = sa.select(*(sa.null() for _ in columns)).where(never)
                asked.append(("INSERT", sa.insert(table).from_select([c.name for c in columns], nothing)))
            lacking = [name for name, statement in asked if not self._may(connection, statement)]
            selects = [name for name in lacking if name.startswith("SELECT")]
            if need.select and len(selects) == len(need.select):
                lacking = ["SELECT", *(name for name in lacking if name not in selects)]
            missing += [f"{name} on {need.table}" for name in lacking]
            if need.delete or need.update:
                missing += self._unseen(connection, catalogue, need.table)
        return tuple(missing)

    def _may(self, connection: sa.Connection, statement: sa.Executable) -> bool:
        try:
            connection.execute(statement).close()
        except DBAPIError as error:
            if _number(error) in NO_RIGHT:
                return False
            raise
        return True

    def _unseen(self, connection: sa.Connection, catalogue: Catalogue, table: str) -> list[str]:
        """What looks as if it were not there for want of a right: a table's triggers, and the keys that point at it.

        The server shows a foreign key to those who have a right on its own table, and carries out its ON DELETE
        CASCADE whether they have or not: so a right on the whole database is needed, of whatever kind shows keys.
        """
        relation = catalogue.relation(table)
        missing = []
        if not self._granted(connection, relation, {"TRIGGER"}, ("USER", "SCHEMA", "TABLE")):
            missing.append(f"TRIGGER on {table} (to see what its triggers write)")
        if not self._granted(connection, relation, SHOW_KEYS, ("USER", "SCHEMA")):
            missing.append(f"REFERENCES on {relation.schema}.* (to see which tables point at {table})")
        return missing

    def _granted(
        self, connection: sa.Connection, relation: Relation, rights: Collection[str], levels: Sequence[str]
    ) -> bool:
        """Whether one of these rights is granted for a table: on all databases, on its own, or on the table itself."""
        for level in levels:
            view = sa.table(f"{level}_PRIVILEGES", schema="information_schema")
            question = (
                sa.select(sa.func.count()).select_from(view).where(sa.column("PRIVILEGE_TYPE").in_(sorted(rights)))
            )
            if level != "USER":
                question = question.where(sa.literal(relation.schema).like(sa.column("TABLE_SCHEMA")))
            if level == "TABLE":
                question = question.where(sa.column("TABLE_NAME") == (relation.bare))
            if connection.execute(question).scalar_one():
                return True
        return False

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """What is read there is locked. Each statement sees what others committed while it waited for their locks."""
        with (
            self.told(),
            self._engine.connect().execution_options(isolation_level="READ COMMITTED") as one,
            one.begin(),
        ):
            yield one

    def rewrite(self) -> None:
        """The server writes its own files anew, when it sees fit."""

    def refuses(self, error: DBAPIError) -> bool:
        return _number(error) in REFUSING

    def classified(self, error: DBAPIError) -> ConnectorError:
        number = _number(error)
        if number in TOLD:
            told, permanent = TOLD[number]
            return ConnectorError(told, permanent=permanent)
        if number in NO_RIGHT:
            return ConnectorError("the database refuses: a right is missing", permanent=True)
        if number in UNREACHABLE:
            text = str(error.orig)
            if "certificate" in text or "SSL" in text:
                return ConnectorError(TOLD[2026][0], permanent=True)
            return ConnectorError("the database server could not be reached, or the connection broke", permanent=False)
        return ConnectorError(f"the database answered {type(error.orig).__name__} ({number})", permanent=True)


def _number(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return int(arguments[0]) if arguments and isinstance(arguments[0], int) else 0
