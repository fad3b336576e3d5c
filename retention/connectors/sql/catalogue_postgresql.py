"""What a PostgreSQL database declares, from pg_catalog: every schema that is not the server's own.

A table of the connection's own schema goes by its name, any other by `schema.table`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import pg_catalog as pg
from sqlalchemy.types import NullType, TypeEngine

from retention.connectors.sql.catalogue import Catalogue, Column, ForeignKey, Index, Relation, Trigger
from retention.connectors.sql.idiom import Idiom
from retention.connectors.sql.idiom_postgresql import Geometry
from retention.connectors.sql.values import ColumnKind

_KINDS: Mapping[str, tuple[ColumnKind, TypeEngine[Any]]] = {
    "date": (ColumnKind.DATE, sa.Date()),
    "timestamp without time zone": (ColumnKind.DATETIME, sa.DateTime()),
    "timestamp with time zone": (ColumnKind.MOMENT, sa.DateTime(timezone=True)),
    "boolean": (ColumnKind.BOOLEAN, sa.Boolean()),
    "smallint": (ColumnKind.INTEGER, sa.BigInteger()),
    "integer": (ColumnKind.INTEGER, sa.BigInteger()),
    "bigint": (ColumnKind.INTEGER, sa.BigInteger()),
    "text": (ColumnKind.TEXT, sa.Text()),
    "character varying": (ColumnKind.TEXT, sa.Text()),
    "character": (ColumnKind.TEXT, sa.Text()),
    "citext": (ColumnKind.TEXT, sa.Text()),
    "uuid": (ColumnKind.UUID, sa.Uuid()),
    "geometry": (ColumnKind.OTHER, Geometry()),
    "geography": (ColumnKind.OTHER, Geometry()),
}
_WHOLE = re.compile(r"numeric\(\d+(,0)?\)")
_TRIGGER = sa.table(
    "pg_trigger", *map(sa.column, ("tgname", "tgrelid", "tgfoid", "tgargs", "tgisinternal")), schema="pg_catalog"
)
_PROC = sa.table(
    "pg_proc", *map(sa.column, ("oid", "proname", "pronamespace", "prolang", "prosrc", "prokind")), schema="pg_catalog"
)
# A body as the standard has it (BEGIN ATOMIC, from PostgreSQL 14 on) is kept parsed, and leaves the source empty.
_SOURCE = sa.case(
    (
        sa.and_(_PROC.c.prosrc == "", sa.cast(_PROC.c.prokind, sa.Text).in_(["f", "p"])),
        sa.func.pg_get_functiondef(_PROC.c.oid),
    ),
    else_=_PROC.c.prosrc,
)
_LANGUAGE = sa.table("pg_language", sa.column("oid"), sa.column("lanname"), schema="pg_catalog")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def read_catalogue(connection: sa.Connection, idiom: Idiom) -> Catalogue:
    """Tables, views and materialised views with their columns, keys, indexes and triggers."""
    here = connection.execute(sa.select(sa.func.current_schema())).scalar_one()
    asked = (
        sa.select(pg.pg_class.c.oid, pg.pg_class.c.relname, pg.pg_class.c.relkind, pg.pg_namespace.c.nspname)
        .join(pg.pg_namespace, pg.pg_namespace.c.oid == pg.pg_class.c.relnamespace)
        .where(_users(), sa.cast(pg.pg_class.c.relkind, sa.Text).in_(["r", "p", "v", "m", "f"]))
    )
    classes = {row.oid: row for row in connection.execute(asked)}
    names = {
        oid: row.relname if row.nspname == here else f"{row.nspname}.{row.relname}" for oid, row in classes.items()
    }
    columns, numbered = _columns(connection)
    primary, indexes = _indexes(connection, numbered)
    above = _ancestors(connection)
    inherited = {oid for parents in above.values() for oid in parents}
    foreign = _foreign_keys(connection, numbered, names, above)
    relations = {
        names[oid]: Relation(
            names[oid],
            columns.get(oid, {}),
            primary.get(oid, ()),
            tuple(indexes.get(oid, ())),
            tuple(foreign.get(oid, ())),
            row.relkind in {"v", "m"},
            idiom,
            schema=row.nspname,
            bare=row.relname,
            heirs=row.relkind == "r" and oid in inherited,
        )
        for oid, row in classes.items()
    }
    return Catalogue(relations, [*_triggers(connection, names, above), *_rules(connection, names, above)])


_INHERITS = sa.table("pg_inherits", sa.column("inhrelid"), sa.column("inhparent"), schema="pg_catalog")
_REWRITE = sa.table("pg_rewrite", *map(sa.column, ("oid", "rulename", "ev_class", "ev_type")), schema="pg_catalog")


def _ancestors(connection: sa.Connection) -> dict[int, set[int]]:
    """Of a partition or an inheriting table, all tables through which its rows are reached too."""
    parents: dict[int, set[int]] = {}
    for row in connection.execute(sa.select(_INHERITS.c.inhrelid, _INHERITS.c.inhparent)):
        parents.setdefault(row.inhrelid, set()).add(row.inhparent)

    def above(oid: int) -> set[int]:
        return {one for parent in parents.get(oid, ()) for one in (parent, *above(parent))}

    return {oid: above(oid) for oid in parents}


def _rules(connection: sa.Connection, names: Mapping[int, str], above: Mapping[int, set[int]]) -> list[Trigger]:
    """A rule writes as a trigger does; that of a view, which makes it one, is left out."""
    asked = sa.select(
        _REWRITE.c.rulename, _REWRITE.c.ev_class, sa.func.pg_get_ruledef(_REWRITE.c.oid).label("source")
    ).where(sa.cast(_REWRITE.c.ev_type, sa.Text) != "1")
    return [
        Trigger(row.rulename, names[oid], row.source.partition(" DO ")[2])
        for row in connection.execute(asked)
        for oid in (row.ev_class, *above.get(row.ev_class, ()))
        if oid in names
    ]


def _users() -> sa.ColumnElement[bool]:
    name = pg.pg_namespace.c.nspname
    return sa.and_(name != "information_schema", sa.not_(name.startswith("pg_", autoescape=True)))


def _columns(connection: sa.Connection) -> tuple[dict[int, dict[str, Column]], dict[int, dict[int, str]]]:
    """By table: the columns by name, and their names by number. A domain is what it is made of."""
    own, kind, named, based = pg.pg_attribute, pg.pg_type, pg.pg_class, pg.pg_namespace
    sorting = pg.pg_collation
    domain = sa.cast(kind.c.typtype, sa.Text) == "d"
    base = sa.case((domain, kind.c.typbasetype), else_=own.c.atttypid)
    modifier = sa.case((domain, kind.c.typtypmod), else_=own.c.atttypmod)
    database = sa.table("pg_database", sa.column("datname"), sa.column("datcollate"), schema="pg_catalog")
    usual = connection.execute(
        sa.select(database.c.datcollate).where(database.c.datname == sa.func.current_database())
    ).scalar_one()
    asked = (
        sa.select(
            own.c.attrelid,
            own.c.attnum,
            own.c.attname,
            own.c.attnotnull,
            pg.format_type(own.c.atttypid, own.c.atttypmod).label("declared"),
            pg.format_type(base, modifier).label("base"),
            sa.cast(kind.c.typtype, sa.Text).label("typtype"),
            sorting.c.collname,
            sa.literal_column("pg_collation.collisdeterministic").label("deterministic"),
        )
        .join(kind, kind.c.oid == own.c.atttypid)
        .join(named, named.c.oid == own.c.attrelid)
        .join(based, based.c.oid == named.c.relnamespace)
        .outerjoin(sorting, sorting.c.oid == own.c.attcollation)
        .where(_users(), own.c.attnum > 0, sa.not_(own.c.attisdropped))
        .order_by(own.c.attrelid, own.c.attnum)
    )
    columns: dict[int, dict[str, Column]] = {}
    numbered: dict[int, dict[int, str]] = {}
    for row in connection.execute(asked):
        collation = usual if row.collname == "default" else row.collname
        column = _column(row, str(collation or ""))
        columns.setdefault(row.attrelid, {})[row.attname] = column
        numbered.setdefault(row.attrelid, {})[row.attnum] = row.attname
    return columns, numbered


def _column(row: sa.Row[Any], collation: str) -> Column:
    bare = re.sub(r"\(.*\)", "", row.base).strip().split(".")[-1].strip('"')
    kind, of = _KINDS.get(bare, (ColumnKind.OTHER, NullType()))
    if _WHOLE.fullmatch(row.base):
        kind, of = ColumnKind.INTEGER, sa.Numeric()
    if row.typtype == "e":
        kind, of = ColumnKind.TEXT, sa.Text()
    cast = kind is ColumnKind.TEXT and (row.typtype == "e" or bare in {"character", "citext"})
    return Column(
        row.attname,
        row.declared,
        row.attnotnull,
        kind,
        of,
        exact=cast or row.deterministic is not False,
        ordered=not cast and collation in {"C", "POSIX", "ucs_basic"},
        cast=cast,
    )


def _indexes(
    connection: sa.Connection, numbered: Mapping[int, Mapping[int, str]]
) -> tuple[dict[int, tuple[str, ...]], dict[int, list[Index]]]:
    own = pg.pg_index
    asked = sa.select(
        own.c.indrelid,
        sa.cast(own.c.indkey, sa.Text).label("keys"),
        own.c.indnkeyatts,
        own.c.indisunique,
        own.c.indisprimary,
        own.c.indpred.is_not(None).label("partial"),
    ).where(own.c.indisvalid, own.c.indisready)
    primary: dict[int, tuple[str, ...]] = {}
    indexes: dict[int, list[Index]] = {}
    for row in connection.execute(asked):
        if row.indrelid not in numbered:
            continue
        numbers = [int(part) for part in row.keys.split()][: row.indnkeyatts]
        names = tuple(numbered[row.indrelid].get(number) for number in numbers)
        if row.indisprimary:
            primary[row.indrelid] = tuple(name for name in names if name is not None)
        indexes.setdefault(row.indrelid, []).append(Index(names, row.indisunique, row.partial))
    return primary, indexes


# No action or restrict; and it is carried out: a restore that broke off leaves triggers switched off.
_REFUSES = sa.literal_column(
    """own.confdeltype IN ('a', 'r')
    AND current_setting('session_replication_role') <> 'replica'
    AND coalesce((to_jsonb(own) ->> 'conenforced')::boolean, true)
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t WHERE t.tgconstraint = own.oid
        AND t.tgrelid = own.confrelid)
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t WHERE t.tgconstraint = own.oid
        AND t.tgrelid = own.confrelid AND t.tgenabled NOT IN ('O', 'A'))""",
    sa.Boolean,
)


def _foreign_keys(
    connection: sa.Connection,
    numbered: Mapping[int, Mapping[int, str]],
    names: Mapping[int, str],
    above: Mapping[int, set[int]],
) -> dict[int, list[ForeignKey]]:
    """Those that a partition has from its table are left out: the table's own says the same."""
    own = pg.pg_constraint.alias("own")
    asked = (
        sa.select(
            own.c.conrelid,
            own.c.confrelid,
            own.c.conkey,
            own.c.confkey,
            _REFUSES.label("refuses"),
        )
        .where(sa.cast(own.c.contype, sa.Text) == "f", own.c.conparentid == 0)
        .order_by(own.c.oid)
    )
    found: dict[int, list[ForeignKey]] = {}
    for row in connection.execute(asked):
        if row.conrelid in names and row.confrelid in names:
            columns = tuple(numbered[row.conrelid][number] for number in row.conkey)
            referred = tuple(numbered[row.confrelid][number] for number in row.confkey)
            # a row of a partition goes through its table: what points at the one points at the other
            for oid in (row.confrelid, *sorted(above.get(row.confrelid, set()) & set(names))):
                found.setdefault(row.conrelid, []).append(
                    ForeignKey(names[row.conrelid], columns, names[oid], referred, row.refuses, row.refuses)
                )
    return found


def _triggers(connection: sa.Connection, names: Mapping[int, str], above: Mapping[int, set[int]]) -> list[Trigger]:
    functions = {
        row.oid: row
        for row in connection.execute(
            sa.select(_PROC.c.oid, _PROC.c.proname, _SOURCE.label("prosrc"), _LANGUAGE.c.lanname)
            .join(_LANGUAGE, _LANGUAGE.c.oid == _PROC.c.prolang)
            .join(pg.pg_namespace, pg.pg_namespace.c.oid == _PROC.c.pronamespace)
            .where(_users())
        )
    }
    asked = sa.select(_TRIGGER).where(sa.not_(_TRIGGER.c.tgisinternal)).order_by(_TRIGGER.c.tgname)
    found = []
    for row in connection.execute(asked):
        function = functions.get(row.tgfoid)
        if row.tgrelid not in names:
            continue
        arguments = tuple(part.decode(errors="replace") for part in bytes(row.tgargs).split(b"\0") if part)
        source, dynamic = _source(function, list(functions.values())) if function is not None else ("", False)
        for oid in (row.tgrelid, *above.get(row.tgrelid, ())):
            if oid in names:
                found.append(Trigger(row.tgname, names[oid], source, arguments, dynamic))
    return found


def _source(function: Any, functions: Sequence[Any]) -> tuple[str, bool]:
    """A function's source with that of every function which it names, and whether any makes up its statements."""
    waiting, seen, parts, dynamic = [function], {function.oid}, [], False
    while waiting:
        one = waiting.pop()
        if one.lanname in {"c", "internal"}:
            continue
        text = _COMMENT.sub(" ", one.prosrc or "")
        parts.append(text)
        dynamic |= one.lanname not in {"plpgsql", "sql"} or bool(re.search(r"\bexecute\b", text, re.IGNORECASE))
        words = set(re.findall(r"(\w+)\"?\s*\(", text.casefold()))
        for other in functions:
            if other.oid not in seen and other.proname.casefold() in words:
                seen.add(other.oid)
                waiting.append(other)
    return "\n".join(parts), dynamic
