"""A mapping held against the catalogue and against what is stored, before anything is asked or destroyed."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from retention.connectors.contract import ConnectorError, DatasetMapping, IdentityMapping, LedgerMapping
from retention.connectors.sql.catalogue import Catalogue, Column, ForeignKey, Relation
from retention.connectors.sql.database import Need
from retention.connectors.sql.family import family_of
from retention.connectors.sql.history import Kept, check_triggers, declared
from retention.connectors.sql.values import ColumnKind, unreadable
from retention.connectors.sql.where import probes
from retention.domain.rules import Action

DATES = frozenset({ColumnKind.DATE, ColumnKind.DATETIME, ColumnKind.TEXT})
TYPED_DATES = frozenset({ColumnKind.DATE, ColumnKind.DATETIME, ColumnKind.MOMENT})
NUMBERS = frozenset({ColumnKind.INTEGER, ColumnKind.TEXT, ColumnKind.UUID})
FACTS = frozenset({ColumnKind.BOOLEAN, ColumnKind.INTEGER, ColumnKind.TEXT})
STATES = FACTS


def check_dataset(catalogue: Catalogue, mapping: DatasetMapping) -> None:
    """Raises ConnectorError(permanent) that names the table or column which is not as the mapping says."""
    relation = check_columns(catalogue, mapping)
    if relation.view:
        raise _wrong(f"{mapping.place} is a view: nothing can be deleted there")
    for name in (mapping.place, *mapping.children):
        if catalogue.relation(name).heirs:
            raise _wrong(f"{name} has inheriting tables: a deletion would reach their rows too; map each by itself")
    if not relation.is_unique(mapping.key):
        raise _wrong(f"{mapping.place}.{mapping.key} is no key: it is neither the primary key nor unique by an index")
    family = family_of(catalogue, mapping)
    if mapping.fields and mapping.children:
        raise _wrong(f"{mapping.place}: a mapping has fields, whose row stays, or children that go with it, not both")
    for targets in (targets_of(mapping, Action.DELETE, relation), anonymise_option(mapping, relation)):
        _check_targets(catalogue, relation, mapping, targets)
    for name in family.members:
        _check_keeping(catalogue.relation(name))
    check_triggers(catalogue, mapping, family)
    for kept in declared(catalogue, mapping):
        _check_keeping(catalogue.relation(kept.place))
        if kept.key is not None:
            _check_history(catalogue, kept)


def _check_history(catalogue: Catalogue, kept: Kept) -> None:
    """Of a history table that rows go from: nothing else may go, or be emptied, with them."""
    if catalogue.relation(kept.place).heirs:
        raise _wrong(f"{kept.place} has inheriting tables: a deletion would reach their rows too")
    taking = next((key for key in catalogue.pointing_at(kept.place) if not key.changes_nothing), None)
    if taking is not None:
        raise _wrong(
            f"{written_out(taking)} points at {kept.place}, and the database would delete or empty its rows with "
            "the history's, or does not guard them: make the foreign key ON DELETE RESTRICT"
        )


def hindrance_of(catalogue: Catalogue, mapping: DatasetMapping) -> str:
    """Foreign keys without an index: each deletion would walk a whole table, which takes a night for some thousands.

    Names all of them, with a statement each; "" of none.
    """
    if mapping.fields:
        return ""  # the rows stay
    histories = [kept.place for kept in declared(catalogue, mapping) if kept.key is not None]
    lacking = [
        key
        for name in (*family_of(catalogue, mapping).members, *histories)
        for key in catalogue.pointing_at(name)
        if not catalogue.relation(key.table).is_indexed(key.columns)
    ]
    if not lacking:
        return ""
    names = ", ".join(written_out(key) for key in lacking)
    statements = "; ".join(create_index(key, catalogue.relation(key.table)) for key in lacking)
    return (
        f"without an index is the foreign key {names}: each deletion from {mapping.place} would walk the whole table; "
        f"run: {statements}"
    )


def needs_of(catalogue: Catalogue, mapping: DatasetMapping) -> list[Need]:
    """The rights that finding and disposing of a mapping's items take."""
    relation = catalogue.relation(mapping.place)
    family = family_of(catalogue, mapping)
    updated = {*targets_of(mapping, Action.DELETE, relation), *anonymise_option(mapping, relation)}
    read = {mapping.key, *mapping.events.values(), *mapping.facts.values(), *updated}
    read |= {name for name in (mapping.subject, mapping.contract) if name is not None}
    read |= {mapping.closed.column} if mapping.closed is not None else set()
    needs = [Need(mapping.place, tuple(sorted(read)), not updated, tuple(sorted(updated)), lock=True)]
    for name in family.members[:-1]:
        columns = {column for key in family.belongs_by[name] for column in key.columns}
        needs.append(Need(name, tuple(sorted(columns)), delete=True, lock=True))
    for kept in declared(catalogue, mapping):
        if kept.key is not None:
            own = {name for name in (kept.key, kept.subject, *dict(kept.where)) if name is not None}
            emptied = bool(updated) and updated <= set(catalogue.relation(kept.place).columns)
            update = tuple(sorted(updated)) if emptied else ()
            needs.append(Need(kept.place, tuple(sorted({*own, *update})), not emptied, update))
    return needs


def _check_keeping(relation: Relation) -> None:
    if not relation.transactional:
        raise _wrong(f"{relation.name} is of an engine without transactions: a chunk could be left half done")
    if relation.keeps_versions:
        raise _wrong(
            f"{relation.name} keeps every deleted row itself (system versioning); run: ALTER TABLE {relation.name} "
            "DROP SYSTEM VERSIONING, or leave this dataset to its owner"
        )


def check_identities(catalogue: Catalogue, mapping: IdentityMapping) -> Relation:
    """The table of an identity mapping, once every column that it names is there and of the right kind."""
    relation = catalogue.relation(mapping.place)
    for name in (mapping.subject, mapping.value):
        _demand(relation, name, NUMBERS, "a number or text")
    for day in (mapping.valid_from, mapping.valid_to):
        if day is not None:
            _demand(relation, day, DATES if relation.idiom.text_dates else TYPED_DATES, "a date")
    return relation


def check_columns(catalogue: Catalogue, mapping: DatasetMapping | LedgerMapping) -> Relation:
    """The mapping's table, once every column that the mapping names is there and of the right kind."""
    relation = catalogue.relation(mapping.place)
    if isinstance(mapping, DatasetMapping):
        _demand(relation, mapping.key, NUMBERS, "a key")
        for field in mapping.fields:
            relation.column(field)
    elif mapping.thing is not None:
        _demand(relation, mapping.thing, NUMBERS, "a number or text")
    for name in (mapping.subject, mapping.contract):
        if name is not None:
            _demand(relation, name, NUMBERS, "a number or text")
    dates = list(mapping.events.values())
    as_dates = DATES if relation.idiom.text_dates else TYPED_DATES
    if isinstance(mapping, LedgerMapping):
        dates += [name for name in (mapping.started, mapping.ended) if name is not None]
    for name in dates:
        _demand(relation, name, as_dates, "a date")
    for name in mapping.facts.values():
        _demand(relation, name, FACTS, "a fact")
    if mapping.closed is not None:
        _demand(relation, mapping.closed.column, STATES, "a state")
    return relation


def targets_of(mapping: DatasetMapping, action: Action, relation: Relation) -> Mapping[str, str | None]:
    """What each column of a row that stays becomes; empty where the row itself goes.

    Raises ConnectorError(permanent) for an action that a database cannot do. A key is destroyed where it lies: by
    deleting its row or emptying its columns, in a place of which the mapping says that it holds keys.
    """
    shreds = action is Action.CRYPTO_SHRED and mapping.options.get("holds_keys") is True
    if action not in {Action.DELETE, Action.ANONYMISE} and not shreds:
        raise _wrong(f"{mapping.place}: a database cannot {action.value}")
    emptied = {name: emptied_to(relation, name) for name in mapping.fields}
    if action is Action.DELETE or shreds:
        return emptied
    targets = {**emptied, **anonymise_option(mapping, relation)}
    if not targets:
        raise _wrong(f"{mapping.place}: to anonymise, the mapping must name fields or the option anonymise")
    return targets


def anonymise_option(mapping: DatasetMapping, relation: Relation) -> dict[str, str | None]:
    """The option `anonymise`: column -> fixed text, or null to empty it."""
    option = mapping.options.get("anonymise", {})
    if not isinstance(option, Mapping) or not all(
        isinstance(name, str) and (value is None or isinstance(value, str)) for name, value in option.items()
    ):
        raise _wrong(f"{mapping.place}: the option anonymise must map columns to a fixed text or null")
    return {name: emptied_to(relation, name) if value is None else value for name, value in option.items()}


def create_index(key: ForeignKey, relation: Relation) -> str:
    """The statement that a database's owner may run; we never do."""
    name = relation.bare or relation.name
    table = sa.Table(name, sa.MetaData(), *(sa.Column(column) for column in key.columns), schema=relation.schema)
    index = sa.Index(f"{name}_{'_'.join(key.columns)}", *table.c)
    return " ".join(str(sa.schema.CreateIndex(index).compile(dialect=relation.idiom.dialect())).split())


def written_out(key: ForeignKey) -> str:
    """table.column, or table.(column, column)."""
    return f"{key.table}.{key.columns[0]}" if len(key.columns) == 1 else f"{key.table}.({', '.join(key.columns)})"


def _check_targets(
    catalogue: Catalogue, relation: Relation, mapping: DatasetMapping, targets: Mapping[str, str | None]
) -> None:
    for name, target in targets.items():
        where = f"{relation.name}.{name}"
        column = relation.column(name)
        if name == mapping.key or name in relation.primary_key:
            raise _wrong(f"{where} is the key: it stays as long as the row does")
        if any(name in key.referred_columns for key in catalogue.pointing_at(relation.name)):
            raise _wrong(f"{where} cannot be emptied: another table's foreign key points at it")
        if target and not _any_text(column):
            raise _wrong(f"{where} cannot hold a fixed text: it is {column.declared or 'of no type'}")
        if target is not None and any(index.unique and name in index.columns for index in relation.indexes):
            raise _wrong(f"{where} cannot get the same value in every row: it is unique")


def emptied_to(relation: Relation, name: str) -> str | None:
    """NULL, or an empty text where that may not be. Raises ConnectorError(permanent) where it can be neither."""
    column = relation.column(name)
    if not column.not_null:
        return None
    if not _any_text(column):
        raise _wrong(f"{relation.name}.{name} cannot be emptied: it is {column.declared} and may not be NULL")
    return ""


def _any_text(column: Column) -> bool:
    listed = column.cast and not column.declared.lower().startswith(("char", "citext"))
    return column.kind is ColumnKind.TEXT and not listed


def check_stored(connection: sa.Connection, relation: Relation, mapping: DatasetMapping) -> None:
    """One walk over the table: a value that no question can be asked of would else be kept for ever, unseen."""
    ways = probes(mapping, relation)
    nameless = sa.false() if relation.column(mapping.key).not_null else relation.table.c[mapping.key].is_(None)
    if not ways and relation.column(mapping.key).not_null:
        return
    wrong = [sa.func.max(sa.case((probe.wrong, 1), else_=0)) for probe in ways]
    found = connection.execute(sa.select(*wrong, sa.func.max(sa.case((nameless, 1), else_=0)))).one()
    for probe, bad in zip(ways, found, strict=False):
        if bad:
            raise unreadable(probe.where, probe.what)
    if found[-1]:
        raise _wrong(f"{relation.name}.{mapping.key} is empty in some rows: they cannot be told apart")


def _demand(relation: Relation, name: str, kinds: frozenset[ColumnKind], what: str) -> None:
    column = relation.column(name)
    if column.kind not in kinds:
        declared = column.declared or "of no type"
        raise _wrong(f"{relation.name}.{name} is of the wrong type for {what}: it is {declared}")


def _wrong(message: str) -> ConnectorError:
    return ConnectorError(message, permanent=True)
