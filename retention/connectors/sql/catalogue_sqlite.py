"""What a SQLite file declares, from SQLite's own pragma tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from retention.connectors.sql.catalogue import Catalogue, Column, ForeignKey, Index, Relation, Trigger
from retention.connectors.sql.idiom import Idiom
from retention.connectors.sql.values import kind_of


def read_catalogue(connection: sa.Connection, idiom: Idiom) -> Catalogue:
    """What is declared now; virtual tables, their shadows and SQLite's own are left out."""
    found = _pragma("table_list", None, "schema", "name", "type", "wr")
    rows = [
        row
        for row in connection.execute(sa.select(found).where(found.c.schema == "main").order_by(found.c.name))
        if row.type in {"table", "view"} and not row.name.startswith("sqlite_")
    ]
    columns: dict[str, Mapping[str, Column]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for row in rows:
        columns[row.name], keys[row.name] = _columns(connection, row.name)
    names = {name.casefold(): name for name in columns}
    relations = {
        row.name: Relation(
            row.name,
            columns[row.name],
            keys[row.name],
            _indexes(connection, row.name),
            tuple(_foreign_keys(connection, row.name, names, columns, keys)),
            row.type == "view",
            idiom,
            rowid=not row.wr and row.type != "view",
        )
        for row in rows
    }
    master = sa.table("sqlite_master", *(sa.column(name) for name in ("type", "name", "tbl_name", "sql")))
    written = sa.select(master).where(master.c.type == "trigger").order_by(master.c.name)
    triggers = [
        Trigger(row.name, names.get(row.tbl_name.casefold(), row.tbl_name), _body(row.sql))
        for row in connection.execute(written)
    ]
    return Catalogue(relations, triggers)


def _body(sql: str) -> str:
    """What a trigger does: after BEGIN, so that its own table's name in the head counts as nothing written."""
    _, begin, body = re.split(r"(\bbegin\b)", sql, maxsplit=1, flags=re.IGNORECASE)
    return begin + body


def _pragma(name: str, argument: str | None, *columns: str) -> sa.TableValuedAlias:
    function = getattr(sa.func, f"pragma_{name}")
    called = function() if argument is None else function(argument)
    return called.table_valued(*columns)  # type: ignore[no-any-return]


def _columns(connection: sa.Connection, table: str) -> tuple[dict[str, Column], tuple[str, ...]]:
    """The columns, and those of the primary key in its order."""
    found = _pragma("table_xinfo", table, "cid", "name", "type", "notnull", "pk", "hidden")
    rows = connection.execute(sa.select(found).where(found.c.hidden != 1).order_by(found.c.cid)).all()
    columns = {row.name: Column(row.name, row.type, bool(row.notnull), kind_of(row.type)) for row in rows}
    return columns, tuple(row.name for row in sorted(rows, key=lambda row: row.pk) if row.pk)


def _indexes(connection: sa.Connection, table: str) -> tuple[Index, ...]:
    found = _pragma("index_list", table, "seq", "name", "unique", "partial")
    indexes = []
    for row in connection.execute(sa.select(found).order_by(found.c.seq)).all():
        parts = _pragma("index_info", row.name, "seqno", "name")
        names = connection.execute(sa.select(parts.c.name).order_by(parts.c.seqno)).scalars()
        indexes.append(Index(tuple(names), bool(row.unique), bool(row.partial)))
    return tuple(indexes)


def _foreign_keys(
    connection: sa.Connection,
    table: str,
    names: Mapping[str, str],
    columns: Mapping[str, Mapping[str, Column]],
    keys: Mapping[str, tuple[str, ...]],
) -> Iterable[ForeignKey]:
    """SQLite compares names without case, and a key that names no column means the primary key."""
    found = _pragma("foreign_key_list", table, "id", "seq", "table", "from", "to", "on_delete")
    grouped: dict[int, list[sa.Row[Any]]] = {}
    for row in connection.execute(sa.select(found).order_by(found.c.id, found.c.seq)):
        grouped.setdefault(row.id, []).append(row)
    for rows in grouped.values():
        referred = names.get(rows[0].table.casefold())
        if referred is None:
            continue  # its table does not exist, so no row of ours is meant
        to = [row.to for row in rows]
        targets = keys[referred] if None in to else tuple(_spelt(name, columns[referred]) for name in to)
        own = tuple(_spelt(row._mapping["from"], columns[table]) for row in rows)
        if len(targets) == len(own):
            changes_nothing = rows[0].on_delete.upper() in {"NO ACTION", "RESTRICT"}
            yield ForeignKey(table, own, referred, targets, changes_nothing=changes_nothing)


def _spelt(name: str, columns: Mapping[str, Column]) -> str:
    return next((column for column in columns if column.casefold() == name.casefold()), name)
