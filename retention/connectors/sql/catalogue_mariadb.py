"""What a MariaDB or MySQL database declares, from information_schema: this database, and others that point into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType, TypeEngine

from retention.connectors.sql.catalogue import Catalogue, Column, ForeignKey, Index, Relation, Trigger
from retention.connectors.sql.idiom import Idiom
from retention.connectors.sql.values import ColumnKind

_KINDS: Mapping[str, tuple[ColumnKind, TypeEngine[Any]]] = {
    "date": (ColumnKind.DATE, sa.Date()),
    "datetime": (ColumnKind.DATETIME, sa.DateTime()),
    "timestamp": (ColumnKind.MOMENT, sa.DateTime()),
    **{name: (ColumnKind.INTEGER, sa.BigInteger()) for name in ("tinyint", "smallint", "mediumint", "int", "bigint")},
    **{
        name: (ColumnKind.TEXT, sa.Text())
        for name in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")
    },
    "uuid": (ColumnKind.UUID, sa.Text()),
}
_EXACT = frozenset({"utf8mb4_nopad_bin", "utf8mb3_nopad_bin", "utf8mb4_0900_bin"})
_COMMENT = re.compile(r"--[ \t][^\n]*|#[^\n]*|/\*[^!].*?\*/", re.DOTALL)


def _view(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns), schema="information_schema")


_TABLES = _view("TABLES", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE")
_COLUMNS = _view(
    "COLUMNS", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "COLUMN_TYPE", "DATA_TYPE",
    "IS_NULLABLE", "COLLATION_NAME",
)  # fmt: skip
_STATISTICS = _view(
    "STATISTICS", "TABLE_SCHEMA", "TABLE_NAME", "INDEX_NAME", "SEQ_IN_INDEX", "COLUMN_NAME", "NON_UNIQUE", "SUB_PART"
)
_KEYS = _view(
    "KEY_COLUMN_USAGE", "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME",
    "ORDINAL_POSITION", "REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME", "REFERENCED_COLUMN_NAME",
)  # fmt: skip
_RULES = _view("REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME", "TABLE_NAME", "DELETE_RULE")
_TRIGGERS = _view("TRIGGERS", "TRIGGER_NAME", "EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE", "ACTION_STATEMENT")
_ENGINES = _view("ENGINES", "ENGINE", "TRANSACTIONS")
_ROUTINES = _view("ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", "ROUTINE_DEFINITION")

Place = tuple[str, str]


def read_catalogue(connection: sa.Connection, idiom: Idiom) -> Catalogue:
    """Tables and views that we may see. A table of another database goes by `database.table`."""
    here = str(connection.execute(sa.select(sa.func.database())).scalar_one())
    pointing = sa.select(_KEYS.c.TABLE_SCHEMA).distinct().where(_KEYS.c.REFERENCED_TABLE_SCHEMA.in_([here]))
    schemas = sorted({here, *(str(name) for name in connection.execute(pointing).scalars())})
    safe = {
        str(row.ENGINE).casefold()
        for row in connection.execute(sa.select(_ENGINES))
        if str(row.TRANSACTIONS).upper() == "YES"
    }
    tables = connection.execute(sa.select(_TABLES).where(_TABLES.c["TABLE_SCHEMA"].in_(schemas))).all()
    names = {_place(row): row.TABLE_NAME if here == row.TABLE_SCHEMA else ".".join(_place(row)) for row in tables}
    columns = _columns(connection, schemas)
    indexes, primary = _indexes(connection, schemas)
    foreign = _foreign_keys(connection, schemas, names)
    relations = {
        names[_place(row)]: Relation(
            names[_place(row)],
            columns.get(_place(row), {}),
            primary.get(_place(row), ()),
            tuple(indexes.get(_place(row), ())),
            tuple(foreign.get(_place(row), ())),
            "VIEW" in row.TABLE_TYPE,
            idiom,
            schema=row.TABLE_SCHEMA,
            bare=row.TABLE_NAME,
            transactional="VIEW" in row.TABLE_TYPE or str(row.ENGINE).casefold() in safe,
            keeps_versions=row.TABLE_TYPE == "SYSTEM VERSIONED",
        )
        for row in tables
    }
    return Catalogue(relations, _triggers(connection, schemas, names))


def _place(row: sa.Row[Any]) -> Place:
    return str(row.TABLE_SCHEMA), str(row.TABLE_NAME)


def _columns(connection: sa.Connection, schemas: list[str]) -> dict[Place, dict[str, Column]]:
    found: dict[Place, dict[str, Column]] = {}
    asked = sa.select(_COLUMNS).where(_COLUMNS.c.TABLE_SCHEMA.in_(schemas))
    for row in connection.execute(asked.order_by(_COLUMNS.c.ORDINAL_POSITION)):
        kind, of = _KINDS.get(row.DATA_TYPE.casefold(), (ColumnKind.OTHER, NullType()))
        declared = str(row.COLUMN_TYPE)
        if declared in {"tinyint(1)", "bit(1)"}:
            kind, of = ColumnKind.BOOLEAN, sa.BigInteger()
        if re.fullmatch(r"decimal\(\d+,0\)( unsigned)?", declared):
            kind, of = ColumnKind.INTEGER, sa.Numeric()
        exact = kind is not ColumnKind.TEXT or row.COLLATION_NAME in _EXACT
        column = Column(
            row.COLUMN_NAME,
            declared,
            row.IS_NULLABLE == "NO",
            kind,
            of,
            exact=exact,
            ordered=exact,
            cast=row.DATA_TYPE.casefold() in {"enum", "set"},
        )
        found.setdefault(_place(row), {})[row.COLUMN_NAME] = column
    return found


def _indexes(
    connection: sa.Connection, schemas: list[str]
) -> tuple[dict[Place, list[Index]], dict[Place, tuple[str, ...]]]:
    parts: dict[tuple[Place, str], list[sa.Row[Any]]] = {}
    asked = sa.select(_STATISTICS).where(_STATISTICS.c.TABLE_SCHEMA.in_(schemas))
    for row in connection.execute(asked.order_by(_STATISTICS.c.INDEX_NAME, _STATISTICS.c.SEQ_IN_INDEX)):
        parts.setdefault((_place(row), str(row.INDEX_NAME)), []).append(row)
    indexes: dict[Place, list[Index]] = {}
    primary: dict[Place, tuple[str, ...]] = {}
    for (place, name), rows in parts.items():
        whole = tuple(row.COLUMN_NAME if row.SUB_PART is None else None for row in rows)
        indexes.setdefault(place, []).append(Index(whole, not int(rows[0].NON_UNIQUE), False))
        if name == "PRIMARY":
            primary[place] = tuple(str(row.COLUMN_NAME) for row in rows)
    return indexes, primary


def _foreign_keys(
    connection: sa.Connection, schemas: list[str], names: Mapping[Place, str]
) -> dict[Place, list[ForeignKey]]:
    lowered = {(schema.casefold(), table.casefold()): name for (schema, table), name in names.items()}
    grouped: dict[tuple[Place, str], list[sa.Row[Any]]] = {}
    asked = sa.select(_KEYS).where(_KEYS.c.TABLE_SCHEMA.in_(schemas), _KEYS.c.REFERENCED_TABLE_NAME.is_not(None))
    for row in connection.execute(asked.order_by(_KEYS.c.CONSTRAINT_NAME, _KEYS.c.ORDINAL_POSITION)):
        grouped.setdefault((_place(row), str(row.CONSTRAINT_NAME)), []).append(row)
    rules = sa.select(_RULES).where(_RULES.c.CONSTRAINT_SCHEMA.in_(schemas))
    changes_nothing = {
        ((str(row.CONSTRAINT_SCHEMA), str(row.TABLE_NAME)), str(row.CONSTRAINT_NAME))
        for row in connection.execute(rules)
        if row.DELETE_RULE in {"NO ACTION", "RESTRICT"}
    }
    found: dict[Place, list[ForeignKey]] = {}
    for (place, name), rows in grouped.items():
        target = (rows[0].REFERENCED_TABLE_SCHEMA.casefold(), rows[0].REFERENCED_TABLE_NAME.casefold())
        if place in names and target in lowered:
            own = tuple(row.COLUMN_NAME for row in rows)
            theirs = tuple(row.REFERENCED_COLUMN_NAME for row in rows)
            quiet = (place, name) in changes_nothing
            found.setdefault(place, []).append(
                ForeignKey(names[place], own, lowered[target], theirs, changes_nothing=quiet)
            )
    return found


_ELSEWHERE = re.compile(r"\b(?:into|from|update|replace|truncate|table)\s+`?([\w$]+)`?\s*\.\s*`?[\w$]+", re.IGNORECASE)
"""The database of a table that is named with it."""


def _triggers(connection: sa.Connection, schemas: list[str], names: Mapping[Place, str]) -> list[Trigger]:
    """A trigger cannot make up its statements; a procedure that it calls can, and is read where we may read it."""
    routines: dict[str, dict[str, str]] = {}
    for row in connection.execute(sa.select(_ROUTINES).where(_ROUTINES.c.ROUTINE_SCHEMA.in_(schemas))):
        of_schema = routines.setdefault(str(row.ROUTINE_SCHEMA), {})
        of_schema[str(row.ROUTINE_NAME).casefold()] = _COMMENT.sub(" ", row.ROUTINE_DEFINITION or "")
    found = []
    asked = sa.select(_TRIGGERS).where(_TRIGGERS.c.EVENT_OBJECT_SCHEMA.in_(schemas)).order_by(_TRIGGERS.c.TRIGGER_NAME)
    for row in connection.execute(asked):
        text, home = _COMMENT.sub(" ", row.ACTION_STATEMENT), str(row.EVENT_OBJECT_SCHEMA)
        source, dynamic = _source(text, routines.get(home, {}))
        dynamic |= any(base.casefold() != home.casefold() for base in _ELSEWHERE.findall(source))
        table = names.get((home, str(row.EVENT_OBJECT_TABLE)))
        if table is not None:
            found.append(Trigger(row.TRIGGER_NAME, table, source, (), dynamic))
    return found


def _source(text: str, routines: Mapping[str, str]) -> tuple[str, bool]:
    parts, seen, waiting, dynamic = [], set[str](), [text], False
    while waiting:
        one = waiting.pop()
        parts.append(one)
        called = [name.strip("`") for name in re.findall(r"\bcall\s+([\w.`$]+)", one.casefold())]
        dynamic |= any(name not in routines for name in called)  # of another database, or we may not read it
        for name in (*called, *re.findall(r"\b(\w+)`?\s*\(", one.casefold())):
            if name in routines and name not in seen:
                seen.add(name)
                dynamic |= not routines[name]  # we may not read it
                waiting.append(routines[name])
    return "\n".join(parts), dynamic
