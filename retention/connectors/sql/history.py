"""Tables that keep old rows of an item: which a trigger fills, which a mapping declares, which a name gives away.

The option `history` of a mapping: a list of tables, each a name or {place, key, subject, where}. `key` is where the
item's key stands there (null: looked at, it keeps nothing of a person), `subject` the column of the subject's number,
where rows of the same key may be another's, `where` what a column says in the rows that are this table's. Rows go in
the transaction in which the item goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from retention.connectors.contract import ConnectorError, DatasetMapping
from retention.connectors.sql.catalogue import Catalogue, Relation, Trigger
from retention.connectors.sql.family import Family
from retention.connectors.sql.values import ColumnKind

_AFTER = re.compile(r"_?(history|historia|hist|audit|audit_log|log|versions?|archive)", re.IGNORECASE)
_BEFORE = re.compile(r"(history|historical|hist|audit)_?", re.IGNORECASE)
_NAME = r"(?:[`\"\[]?[\w$]+[`\"\]]?\s*\.\s*)?[`\"\[]?([\w$]+)[`\"\]]?"
_ADDS = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+|low_priority\s+|delayed\s+|high_priority\s+|ignore\s+)*(?:into\s+)?"
    r"|replace\s+(?:into\s+)?|merge\s+into\s+)" + _NAME,
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(?:update\s+(?:or\s+\w+\s+|low_priority\s+|ignore\s+|only\s+)*"
    r"|delete\s+(?:low_priority\s+|quick\s+|ignore\s+)*from\s+(?:only\s+)?|truncate\s+(?:table\s+)?(?:only\s+)?)"
    + _NAME,
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One declared table. Without a key it keeps nothing of a person, as somebody has looked up.

    `where`: column -> what it says in the rows that are of the item's table, where other tables' rows lie there too.
    """

    place: str
    key: str | None
    subject: str | None = None
    where: tuple[tuple[str, str], ...] = ()


def declared(catalogue: Catalogue, mapping: DatasetMapping) -> tuple[Kept, ...]:
    """The mapping's history tables. Raises ConnectorError(permanent) that names what is not there or not understood."""
    option = mapping.options.get("history", ())
    if not isinstance(option, Sequence) or isinstance(option, str):
        raise _wrong(f"{mapping.place}: the option history must be a list of tables")
    found = []
    for entry in option:
        if isinstance(entry, str):
            relation = catalogue.relation(entry)
            key = history_key(relation, mapping)
            if not _fills(catalogue, mapping, relation):
                key = None  # it may be the key of its own rows, or of a child's, and they no old rows at all
            if key is None:
                raise _wrong(
                    f"{entry} is declared as history of {mapping.place}: name the column of the item's key as `key`"
                )
            found.append(Kept(entry, key))
            continue
        if not isinstance(entry, Mapping) or "key" not in entry or set(entry) - {"place", "key", "subject", "where"}:
            raise _wrong(f"{mapping.place}: an entry of the option history has place, key and perhaps subject or where")
        place = str(entry.get("place", ""))
        kept = Kept(place, entry["key"], entry.get("subject"), _where(catalogue.relation(place), entry))
        for name in (kept.key, kept.subject):
            if name is not None:
                catalogue.relation(place).column(str(name))
        found.append(kept)
    for kept in found:
        if kept.place == mapping.place or kept.place in mapping.children:
            raise _wrong(f"{kept.place} is declared as history and goes with the item anyway")
        if catalogue.relation(kept.place).view:
            raise _wrong(f"{kept.place} is a view: nothing can be deleted there")
        other = _other_filler(catalogue, mapping, kept.place)
        if other is not None and kept.key is not None and not (kept.subject or kept.where):
            raise _wrong(
                f"{kept.place} is declared as history of {mapping.place}, but trigger {other.name} of {other.table} "
                "writes there too, where the same key is another row's: say which rows are whose by `where` "
                "({column: what it says}) or `subject` (the column of the subject's number)"
            )
    return tuple(found)


def _where(relation: Relation, entry: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    option = entry.get("where", {})
    if not isinstance(option, Mapping) or not all(type(value) in {str, int} for value in option.values()):
        raise _wrong(f"{relation.name}: `where` of a history must map columns to a text or number")
    for name in option:
        if relation.column(str(name)).kind not in {ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.UUID}:
            raise _wrong(f"{relation.name}.{name} is neither a text nor a whole number: `where` cannot ask for it")
    return tuple((str(name), str(value)) for name, value in option.items())


def _other_filler(catalogue: Catalogue, mapping: DatasetMapping, place: str) -> Trigger | None:
    """A trigger of another table that adds rows there. A child's counts: its keys are not the item's."""
    others = (trigger for trigger in catalogue.triggers if trigger.table not in {mapping.place, place})
    return next((trigger for trigger in others if place in added(trigger, catalogue)), None)


def check_triggers(catalogue: Catalogue, mapping: DatasetMapping, family: Family) -> None:
    """Refuse a mapping whose table, children or history have a trigger that writes where it is not declared.

    Raises ConnectorError(permanent) that names trigger, table and remedy.
    """
    histories = declared(catalogue, mapping)
    known = {kept.place for kept in histories} | set(family.members)
    deleted_from = {kept.place for kept in histories if kept.key is not None} | set(family.members)
    for trigger in catalogue.triggers:
        if trigger.table not in deleted_from:
            continue
        unknown = sorted(written(trigger, catalogue) - known)
        if unknown and unknown[0] not in added(trigger, catalogue):
            raise _wrong(
                f"trigger {trigger.name} of {trigger.table} changes or deletes rows of {unknown[0]}: look at what it "
                f"leaves there of what is deleted. If nothing of a person, say {{place: {unknown[0]}, key: null}} in "
                "the option history of the mapping; its rows are no old rows of the item, and must not go with it"
            )
        if unknown:
            other = _other_filler(catalogue, mapping, unknown[0])
            shared = f"; rows of {other.table} are there too, so with `where` or `subject`" if other else ""
            raise _wrong(
                f"trigger {trigger.name} of {trigger.table} writes into {unknown[0]}, which would keep what "
                f"is deleted: declare {unknown[0]} in the option history of the mapping, with the column of the key "
                f"(key: null if it keeps nothing of a person{shared})"
            )
        if trigger.dynamic and "history" not in mapping.options:
            raise _wrong(
                f"trigger {trigger.name} of {trigger.table} puts its statements together while it runs, so it cannot "
                "be seen where it writes: declare the tables in the option history of the mapping (empty if none)"
            )


def _fills(catalogue: Catalogue, mapping: DatasetMapping, relation: Relation) -> bool:
    """Whether it is the item's own history: by its name, or because a trigger of the item's table adds rows there."""
    if is_history(relation.bare or relation.name, mapping.place.split(".")[-1]):
        return True
    return any(t.table == mapping.place and relation.name in added(t, catalogue) for t in catalogue.triggers)


def written(trigger: Trigger, catalogue: Catalogue) -> set[str]:
    """Tables that a trigger writes into, as far as its source tells; an argument that names a table counts."""
    return added(trigger, catalogue) | _named(_matches(_CHANGES, trigger.source), catalogue)


def added(trigger: Trigger, catalogue: Catalogue) -> set[str]:
    """Those of them in which it makes new rows, or may."""
    told = {argument.split(".")[-1].strip('"').casefold() for argument in trigger.arguments}
    return _named(_matches(_ADDS, trigger.source) | told, catalogue)


@lru_cache(maxsize=1000)  # every chunk asks again, and one function may be hundreds of tables' trigger
def _matches(pattern: re.Pattern[str], source: str) -> frozenset[str]:
    return frozenset(match.casefold() for match in pattern.findall(source))


def _named(names: Collection[str], catalogue: Catalogue) -> set[str]:
    return {
        name
        for name, relation in catalogue.relations.items()
        if (relation.bare or name).casefold() in names and not relation.view
    }


def seeming(catalogue: Catalogue, mapping: DatasetMapping) -> list[tuple[Relation, str]]:
    """Tables whose names say that they keep old rows of the item, with the column of its key."""
    found = []
    for _, copy in sorted(catalogue.relations.items()):
        if not copy.view and is_history(copy.bare or copy.name, mapping.place.split(".")[-1]):
            column = history_key(copy, mapping)
            if column is not None:
                found.append((copy, column))
    return found


def history_of(catalogue: Catalogue, relation: Relation) -> tuple[str, ...]:
    """Tables that seem to keep old rows of this one: by their name, and because they have its key's column."""
    if relation.view or len(relation.primary_key) != 1:
        return ()
    mapping = DatasetMapping(relation.name, relation.primary_key[0])
    return tuple(copy.name for copy, _ in seeming(catalogue, mapping))


def is_history(name: str, place: str) -> bool:
    """Whether a table's name says that it keeps old rows of `place`: `asiakas_history`, `audit_asiakas` …"""
    folded, of = name.casefold(), place.casefold()
    if folded.startswith(of) and _AFTER.fullmatch(folded[len(of) :]):
        return True
    return folded.endswith(of) and bool(_BEFORE.fullmatch(folded[: len(folded) - len(of)]))


def history_key(copy: Relation, mapping: DatasetMapping) -> str | None:
    """Where a history table has the item's key: `place_key`, or the key's own name unless that numbers its own rows."""
    own = f"{mapping.place.split('.')[-1]}_{mapping.key}"
    if own in copy.columns:
        return own
    return mapping.key if mapping.key in copy.columns and copy.primary_key != (mapping.key,) else None


def _wrong(message: str) -> ConnectorError:
    return ConnectorError(message, permanent=True)
