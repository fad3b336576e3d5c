"""Other names of a person: which number had which name, and since and until when.

An e-mail address is compared without case, any other name exactly. The database narrows down, Python decides: what
small letters are outside ASCII differs from database to database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from retention.connectors.contract import ConnectorError, DatasetMapping, Identity, IdentityMapping
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.checks import check_identities
from retention.connectors.sql.database import Database
from retention.connectors.sql.pages import by_identity, pages
from retention.connectors.sql.reading import Reader
from retention.connectors.sql.values import ColumnKind
from retention.connectors.sql.where import Condition, among

BATCH = 5_000
"""Subjects or values of one question."""


def resolve(
    database: Database,
    connection: sa.Connection,
    catalogue: Catalogue,
    mapping: IdentityMapping,
    subjects: Sequence[str] | None,
    values: Sequence[str] | None,
) -> Iterator[Identity]:
    """The rows of these subjects, or those with one of these values. A row without number or name says nothing."""
    if (subjects is None) == (values is None):
        raise ConnectorError(f"{mapping.place}: names are asked for by subjects or by values", permanent=True)
    relation = check_identities(catalogue, mapping)
    asked = list(dict.fromkeys(subjects if subjects is not None else values or ()))
    folds = mapping.kind in {"email", "uid"} and values is not None
    if folds:
        asked = list(dict.fromkeys(value.casefold() for value in asked))
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        if subjects is not None:
            where = among(relation, mapping.subject, relation.table.c, batch)
        elif folds:
            where = _addresses(relation, mapping.value, batch)
        else:
            where = among(relation, mapping.value, relation.table.c, batch)
        yield from _rows(database, connection, relation, mapping, where, set(batch) if folds else None)


def _rows(
    database: Database,
    connection: sa.Connection,
    relation: Relation,
    mapping: IdentityMapping,
    where: Condition,
    folded: set[str] | None,
) -> Iterator[Identity]:
    names = [mapping.subject, mapping.value, mapping.valid_from, mapping.valid_to]
    reader = Reader(database, relation, DatasetMapping(mapping.place, mapping.value))
    table = relation.table
    order, identity = by_identity(relation, reader.closed_label)
    columns = [reader.selected(name) for name in sorted({name for name in names if name is not None})]
    present = [table.c[name].is_not(None) for name in (mapping.subject, mapping.value)]
    question = sa.select(*columns, *identity).where(where, *present)
    for row in pages(database, connection, question, order, BATCH):
        subject, value = reader.text(row, mapping.subject), reader.text(row, mapping.value)
        if subject is None or value is None or (folded is not None and value.casefold() not in folded):
            continue
        yield Identity(subject, value, reader.day(row, mapping.valid_from), reader.day(row, mapping.valid_to))


def _addresses(relation: Relation, name: str, folded: Sequence[str]) -> Condition:
    """Every row whose address may be one of these, and perhaps a few more."""
    column, idiom = relation.column(name), relation.idiom
    if column.kind is not ColumnKind.TEXT:
        return sa.false()
    own = relation.table.c[name]
    known = [text for text in folded if idiom.stored(text, ColumnKind.TEXT) is not None]
    plain = [idiom.bound_folded(text) for text in known if text.isascii()]
    terms: list[Condition] = [idiom.folded(column, own).in_(plain)] if plain else []
    for text in known:
        if not text.isascii():
            parts = "".join(one if one.isascii() else "\0" for one in text.replace("!", "!!"))
            pattern = parts.replace("%", "!%").replace("_", "!_").replace("\0", "%")
            terms.append(sa.func.lower(idiom.value(column, own)).like(pattern, escape="!"))
    return sa.or_(sa.false(), *terms)
