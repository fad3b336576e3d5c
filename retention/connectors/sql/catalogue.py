"""Tables, columns, indexes and foreign keys as a database declares them, whichever it is.

Read from the database's own tables rather than through SQLAlchemy's inspector, which loses what deletion stands
on: on SQLite a foreign key whose table is written in another case, partial indexes, virtual tables; on PostgreSQL
keys of another schema that point here, indexes that are not valid, collations; on MariaDB prefix indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from retention.connectors.contract import ConnectorError
from retention.connectors.sql.values import ColumnKind

if TYPE_CHECKING:
    from retention.connectors.sql.idiom import Idiom

PAGED_BY = frozenset({ColumnKind.INTEGER, ColumnKind.TEXT, ColumnKind.UUID})
ROWID_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True, slots=True)
class Column:
    """One column as declared.

    exact    its own = tells all texts apart: case, trailing blanks, accents
    ordered  it is ordered by code point by itself, so that an index serves
    cast     it is compared as text only once it is cast: ENUM, CHAR(n), citext
    """

    name: str
    declared: str
    not_null: bool
    kind: ColumnKind
    type: TypeEngine[Any] = field(default_factory=sa.types.NullType, compare=False)
    exact: bool = False
    ordered: bool = False
    cast: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """One index over columns; None stands for an expression or a part of a column."""

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
    refuses: bool = False
    """Whether the database itself refuses to delete what is pointed at, at once; false where we did not ask."""
    changes_nothing: bool = False
    """Whether the database never deletes or empties a row by this key; it may refuse at the transaction's end only."""


@dataclass(frozen=True)
class Relation:
    """One table or view. `name` is how a mapping names it: with its schema where that is not the connection's."""

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...]
    foreign_keys: tuple[ForeignKey, ...]
    view: bool
    idiom: Idiom
    rowid: bool = False
    schema: str | None = None
    bare: str = ""
    transactional: bool = True
    keeps_versions: bool = False
    """The table keeps what is deleted from it (system versioning)."""
    heirs: bool = False
    """Other tables inherit from it: statements on it reach their rows, whose keys may be the same (PostgreSQL)."""

    @cached_property
    def table(self) -> sa.TableClause:
        """For statements. On SQLite its columns have no type: values come and go as they are stored."""
        columns = (sa.column(column.name, column.type) for column in self.columns.values())
        return sa.table(self.bare or self.name, *columns, schema=self.schema)

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
        """What orders the rows of the table and never changes; nothing for a view or a table without a key."""
        if self.view:
            return ()
        if self.rowid:
            taken = {name.casefold() for name in self.columns}
            free = [name for name in ROWID_NAMES if name not in taken]
            return (sa.column(free[0]),) if free else ()
        unique = [index.columns for index in self.indexes if index.unique and not index.partial]
        for names in [self.primary_key, *sorted(unique, key=str)]:
            columns = [self.columns[name] for name in names if name is not None]
            if columns and len(columns) == len(names) and all(_pages(self.idiom, column) for column in columns):
                return tuple(self.table.c[column.name] for column in columns)
        return ()


def _pages(idiom: Idiom, column: Column) -> bool:
    if idiom.dialect_name == "sqlite":
        return True
    return column.not_null and column.kind in PAGED_BY and not column.cast


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger of a table, with all the source that it is known to run.

    dynamic  it puts statements together while it runs, so that its source does not tell what it writes
    """

    name: str
    table: str
    source: str
    arguments: tuple[str, ...] = ()
    dynamic: bool = False


@dataclass(frozen=True)
class Catalogue:
    """All that the database declares and lets us see."""

    relations: Mapping[str, Relation]
    triggers: Sequence[Trigger] = ()

    def relation(self, name: str) -> Relation:
        """Raises ConnectorError(permanent) that names the table."""
        if name not in self.relations:
            raise ConnectorError(f"table {name} is not there", permanent=True)
        return self.relations[name]

    @cached_property
    def _pointing(self) -> Mapping[str, list[ForeignKey]]:
        found: dict[str, list[ForeignKey]] = {}
        for _, relation in sorted(self.relations.items()):
            for key in relation.foreign_keys:
                found.setdefault(key.referred, []).append(key)
        return found

    def pointing_at(self, name: str) -> list[ForeignKey]:
        """Every foreign key to a table, in a settled order."""
        return self._pointing.get(name, [])
