"""Tables, columns, indexes and foreign keys as the file itself declares them.

Read from SQLite's own pragma tables rather than through SQLAlchemy's inspector, which loses what deletion
stands on: a foreign key whose table is written in another case, partial indexes, virtual and shadow tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from retention.connectors.contract import ConnectorError
from retention.connectors.sql.values import ColumnKind, kind_of

ROWID_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True, slots=True)
class Column:
    """One column as declared."""

    name: str
    declared: str
    not_null: bool
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class Index:
    """One index over columns; None stands for an expression."""

    columns: tuple[str | None, ...]
    unique: bool
    partial: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Rows of `table` point at rows of `referred`, column by column."""

    table: str
    columns: tuple[str, ...]
    referred: str
    referred_columns: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """One table or view."""

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...]
    foreign_keys: tuple[ForeignKey, ...]
    view: bool
    without_rowid: bool

    @cached_property
    def table(self) -> sa.TableClause:
        """For statements. Its columns have no type: values come and go as they are stored."""
        return sa.table(self.name, *(sa.column(name) for name in self.columns))

    def column(self, name: str) -> Column:
        """Raises ConnectorError(permanent) that names table.column."""
        if name not in self.columns:
            raise ConnectorError(f"{self.name}.{name} is not there", permanent=True)
        return self.columns[name]

    def is_unique(self, column: str) -> bool:
        """Whether the column alone identifies a row."""
        return self.primary_key == (column,) or any(
            index.unique and not index.partial and index.columns == (column,) for index in self.indexes
        )

    def is_indexed(self, columns: Iterable[str]) -> bool:
        """Whether a row can be found by these columns without walking the table."""
        wanted = set(columns)
        whole = [index.columns for index in self.indexes if not index.partial]
        return any(set(found[: len(wanted)]) == wanted for found in [*whole, self.primary_key])

    @property
    def row_identity(self) -> tuple[sa.ColumnClause[Any], ...]:
        """What orders the rows of the table and never changes; nothing for a view."""
        if self.view:
            return ()
        if self.without_rowid:
            return tuple(self.table.c[name] for name in self.primary_key)
        taken = {name.casefold() for name in self.columns}
        free = [name for name in ROWID_NAMES if name not in taken]
        return (sa.column(free[0]),) if free else ()


@dataclass(frozen=True)
class Catalogue:
    """All that the file declares."""

    relations: Mapping[str, Relation]

    def relation(self, name: str) -> Relation:
        """Raises ConnectorError(permanent) that names the table."""
        if name not in self.relations:
            raise ConnectorError(f"table {name} is not there", permanent=True)
        return self.relations[name]

    def pointing_at(self, name: str) -> list[ForeignKey]:
        """Every foreign key to a table, in a settled order."""
        keys = [key for _, relation in sorted(self.relations.items()) for key in relation.foreign_keys]
        return [key for key in keys if key.referred == name]


def read_catalogue(connection: sa.Connection) -> Catalogue:
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
            bool(row.wr),
        )
        for row in rows
    }
    return Catalogue(relations)


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
    found = _pragma("foreign_key_list", table, "id", "seq", "table", "from", "to")
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
            yield ForeignKey(table, own, referred, targets)


def _spelt(name: str, columns: Mapping[str, Column]) -> str:
    return next((column for column in columns if column.casefold() == name.casefold()), name)
