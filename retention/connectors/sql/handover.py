"""What is made of rows before they go: the same rows in another place, or numbers about them.

A value crosses from one database to another as what it means, and counts as taken only once it reads as it was sent.
An item that is there already as it is sent was taken by an earlier attempt; one that is there otherwise is not ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from retention.connectors.contract import ConnectorError, DatasetMapping, HandOver, Ref
from retention.connectors.sql.catalogue import Catalogue, Column, Relation
from retention.connectors.sql.database import Need
from retention.connectors.sql.values import ColumnKind, as_text, unreadable
from retention.connectors.sql.where import among

COUNT = "count"
PARTS = frozenset({"sum", "month", "year"})
"""What may stand before a column in a condensed one: `sum tavut`, `month luotu`."""

Row = Mapping[str, Any]
"""A row's values by the column that they are for, each as what it means."""


def part_of(written: str) -> tuple[str, str]:
    """(sum, month, year, count or nothing, column) of what a condensed column is made of."""
    if written == COUNT:
        return COUNT, ""
    part, _, column = written.partition(" ")
    return (part, column) if part in PARTS and column else ("", written)


def check_source(catalogue: Catalogue, mapping: DatasetMapping, into: HandOver) -> None:
    """Raises ConnectorError(permanent) for a column that is not there, or that has no such part."""
    relation = catalogue.relation(mapping.place)
    for written in into.columns.values():
        part, name = part_of(written) if into.condensed else ("", written)
        if part == COUNT:
            continue
        kind = relation.column(name).kind
        if part in {"month", "year"} and kind is not ColumnKind.DATE:
            raise ConnectorError(f"{mapping.place}.{name} is no date: it has no {part}", permanent=True)
        if part == "sum" and kind is not ColumnKind.INTEGER:
            raise ConnectorError(f"{mapping.place}.{name} is no whole number: it has no sum", permanent=True)


def check_target(catalogue: Catalogue, into: HandOver) -> Need:
    """The rights that taking rows needs. Raises ConnectorError(permanent) naming what is not as it must be."""
    relation = catalogue.relation(into.place)
    names = tuple(sorted(relation.column(name).name for name in into.columns))
    if relation.view or not relation.transactional:
        raise ConnectorError(f"{into.place} cannot take rows: it is a view, or without transactions", permanent=True)
    for column in relation.columns.values():
        if column.not_null and column.name in into.columns and column.kind is ColumnKind.OTHER:
            raise ConnectorError(f"{into.place}.{column.name} is of a type that nothing is written to", permanent=True)
    if into.condensed:
        counted = tuple(name for name, written in into.columns.items() if part_of(written)[0] in {COUNT, "sum"})
        if not counted:
            raise ConnectorError(f"{into.place}: nothing is counted or summed", permanent=True)
        return Need(into.place, names, update=counted, insert=names)
    if into.key not in into.columns or not relation.is_unique(into.key):
        raise ConnectorError(f"{into.place}.{into.key} is not unique, or does not get the item's key", permanent=True)
    return Need(into.place, names, delete=True, insert=names)


def rows_of(
    connection: sa.Connection, relation: Relation, mapping: DatasetMapping, into: HandOver, refs: Sequence[Ref]
) -> dict[str, Row]:
    """What is handed over of these items, by their key. Condensed: each one's share."""
    table, key = relation.table, relation.column(mapping.key)
    parts = {name: part_of(written) if into.condensed else ("", written) for name, written in into.columns.items()}
    named = sorted({column for _, column in parts.values() if column} | {mapping.key})
    own = {
        name: relation.idiom.value(relation.column(name), table.c[name]).label(f"c{n}") for n, name in enumerate(named)
    }
    asked = sa.select(*own.values()).where(among(relation, mapping.key, table.c, [ref.key for ref in refs]))
    found: dict[str, Row] = {}
    for row in connection.execute(asked).mappings():
        told = {name: row[f"c{n}"] for n, name in enumerate(named)}
        text = as_text(told[mapping.key], key.kind, f"{mapping.place}.{mapping.key}")
        found[text] = {
            name: _share(part, column and _meaning(relation, column, told[column]))
            for name, (part, column) in parts.items()
        }
    return found


def _share(part: str, value: Any) -> Any:
    if part == COUNT:
        return 1
    if part == "sum":
        return 0 if value is None else value
    if part == "month" and value is not None:
        return value.replace(day=1)
    if part == "year" and value is not None:
        return value.year
    return value


def receive(connection: sa.Connection, catalogue: Catalogue, into: HandOver, rows: Mapping[str, Row]) -> dict[str, str]:
    """Write rows that are not there yet, and read all of them back: key -> why it was not taken.

    In the caller's transaction. What was written and does not read as it was sent is taken out again.
    """
    relation = catalogue.relation(into.place)
    before = there(connection, relation, into, list(rows))
    fresh = [key for key in rows if key not in before]
    if fresh:
        written = [
            {name: _bound(relation, relation.column(name), value) for name, value in rows[key].items()} for key in fresh
        ]
        connection.execute(sa.insert(relation.table), written)
    after = there(connection, relation, into, list(rows))
    refused = {}
    for key, row in rows.items():
        if not _same(row, after.get(key)):
            refused[key] = (
                f"{into.place} has another item with its key"
                if key in before
                else f"{into.place} did not take it as it was"
            )
    if wrong := [key for key in fresh if key in refused]:
        connection.execute(sa.delete(relation.table).where(among(relation, into.key, relation.table.c, wrong)))
    return refused


def there(connection: sa.Connection, relation: Relation, into: HandOver, keys: Sequence[str]) -> dict[str, Row]:
    """What stands in the place under these keys."""
    table, key = relation.table, relation.column(into.key)
    names = list(into.columns)
    own = [relation.idiom.value(relation.column(name), table.c[name]).label(f"c{n}") for n, name in enumerate(names)]
    asked = sa.select(*own).where(among(relation, into.key, table.c, keys))
    found: dict[str, Row] = {}
    for row in connection.execute(asked):
        told = {name: _meaning(relation, name, value) for name, value in zip(names, row, strict=True)}
        found[as_text(row[names.index(into.key)], key.kind, f"{into.place}.{into.key}")] = told
    return found


def missing(connection: sa.Connection, catalogue: Catalogue, into: HandOver, rows: Mapping[str, Row]) -> dict[str, str]:
    """Key -> why, of those that a look at the place does not find as they were sent."""
    found = there(connection, catalogue.relation(into.place), into, list(rows))
    why = f"{into.place} does not have it as it was sent"
    return {key: why for key, row in rows.items() if not _same(row, found.get(key))}


def condense(connection: sa.Connection, catalogue: Catalogue, into: HandOver, rows: Mapping[str, Row]) -> None:
    """Add the items' numbers to the place's rows, in the transaction in which the items go: each is counted once."""
    relation = catalogue.relation(into.place)
    added = [name for name, written in into.columns.items() if part_of(written)[0] in {COUNT, "sum"}]
    grouped = [name for name in into.columns if name not in added]
    totals: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: dict.fromkeys(added, 0))
    for row in rows.values():
        group = totals[tuple(_bound(relation, relation.column(name), row[name]) for name in grouped)]
        for name in added:
            group[name] += row[name]
    table = relation.table
    for values, numbers in totals.items():
        same = [table.c[name].is_not_distinct_from(value) for name, value in zip(grouped, values, strict=True)]
        more = {name: sa.func.coalesce(table.c[name], 0) + number for name, number in numbers.items()}
        if connection.execute(sa.update(table).where(sa.true(), *same).values(more)).rowcount == 0:
            connection.execute(sa.insert(table).values({**dict(zip(grouped, values, strict=True)), **numbers}))


def _meaning(relation: Relation, name: str, value: Any) -> Any:
    """A stored value as what it means in any database. Raises ConnectorError for one that has no such meaning."""
    column = relation.column(name)
    where = f"{relation.name}.{name}"
    if value is None:
        return None
    if column.kind is ColumnKind.BOOLEAN and value in (0, 1):
        return bool(value)
    if column.kind is ColumnKind.DATE and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise unreadable(where, "a date") from None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, (str, int, date, Decimal, float)):
        return value
    raise unreadable(where, "something that can be handed over")


def _bound(relation: Relation, column: Column, value: Any) -> Any:
    """A value as a column of that place takes it."""
    sqlite = relation.idiom.dialect_name == "sqlite"
    if value is None:
        return None
    if isinstance(value, bool):
        return relation.idiom.truth(value) if column.kind is ColumnKind.BOOLEAN else int(value)
    if isinstance(value, date) and (sqlite or column.kind is ColumnKind.TEXT):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    if column.kind is ColumnKind.TEXT and not isinstance(value, str):
        return str(value)
    if sqlite and isinstance(value, Decimal):
        return str(value)
    return value


def _same(sent: Row, found: Row | None) -> bool:
    return found is not None and all(_plain(value) == _plain(found[name]) for name, value in sent.items())


def _plain(value: Any) -> str | None:
    """Equal for values that mean the same, however two databases write them."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (bool, int, float, Decimal)):
        return str(Decimal(str(int(value) if isinstance(value, bool) else value)).normalize())
    return str(value)
