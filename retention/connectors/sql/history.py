"""Tables that keep old rows of an item: which a trigger fills, which a mapping declares, which a name gives away.

The option `history` of a mapping: a list of tables, each a name or {place, key, subject}. `key` is where the item's
key stands there (null: looked at, it keeps nothing of a person), `subject` the column of the subject's number, where
rows of the same key may be another's. Rows go in the transaction in which the item goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retention.connectors.contract import ConnectorError, DatasetMapping
from retention.connectors.sql.catalogue import Catalogue, Relation, Trigger
from retention.connectors.sql.family import Family

_AFTER = re.compile(r"_?(history|historia|hist|audit|audit_log|log|versions?|archive)", re.IGNORECASE)
_BEFORE = re.compile(r"(history|historical|hist|audit)_?", re.IGNORECASE)
_NAME = r"(?:[`\"\[]?[\w$]+[`\"\]]?\s*\.\s*)?[`\"\[]?([\w$]+)[`\"\]]?"
_WRITES = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+|low_priority\s+|delayed\s+|high_priority\s+|ignore\s+)*(?:into\s+)?"
    r"|replace\s+(?:into\s+)?|merge\s+into\s+|update\s+(?:or\s+\w+\s+|low_priority\s+|ignore\s+|only\s+)*"
    r"|delete\s+(?:low_priority\s+|quick\s+|ignore\s+)*from\s+(?:only\s+)?|truncate\s+(?:table\s+)?(?:only\s+)?)"
    + _NAME,
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One declared table. Without a key it keeps nothing of a person, as somebody has looked up."""

    place: str
    key: str | None
    subject: str | None = None


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
            if key == mapping.key and not _fills(catalogue, mapping, relation):
                key = None  # it may be the key of its own rows, or of a child's
            if key is None:
                raise _wrong(
                    f"{entry} is declared as history of {mapping.place}: name the column of the item's key as `key`"
                )
            found.append(Kept(entry, key))
            continue
        if not isinstance(entry, Mapping) or "key" not in entry or set(entry) - {"place", "key", "subject"}:
            raise _wrong(f"{mapping.place}: an entry of the option history has place, key and perhaps subject")
        kept = Kept(str(entry.get("place", "")), entry["key"], entry.get("subject"))
        relation = catalogue.relation(kept.place)
        for name in (kept.key, kept.subject):
            if name is not None:
                relation.column(str(name))
        found.append(kept)
    for kept in found:
        if kept.place == mapping.place or kept.place in mapping.children:
            raise _wrong(f"{kept.place} is declared as history and goes with the item anyway")
        if catalogue.relation(kept.place).view:
            raise _wrong(f"{kept.place} is a view: nothing can be deleted there")
    return tuple(found)


def check_triggers(catalogue: Catalogue, mapping: DatasetMapping, family: Family) -> None:
    """Refuse a mapping whose table or children have a trigger that writes into a table which is not declared.

    Raises ConnectorError(permanent) that names trigger, table and remedy.
    """
    known = {kept.place for kept in declared(catalogue, mapping)} | set(family.members)
    for trigger in catalogue.triggers:
        if trigger.table not in family.members:
            continue
        unknown = sorted(written(trigger, catalogue) - known)
        if unknown:
            raise _wrong(
                f"trigger {trigger.name} of {trigger.table} writes into {unknown[0]}, which would keep what "
                f"is deleted: declare {unknown[0]} in the option history of the mapping, with the column of the key "
                "(key: null if it keeps nothing of a person)"
            )
        if trigger.dynamic and "history" not in mapping.options:
            raise _wrong(
                f"trigger {trigger.name} of {trigger.table} puts its statements together while it runs, so it cannot "
                "be seen where it writes: declare the tables in the option history of the mapping (empty if none)"
            )


def _fills(catalogue: Catalogue, mapping: DatasetMapping, relation: Relation) -> bool:
    """Whether it is the item's own history: by its name, or because a trigger of the item's table writes there."""
    if is_history(relation.bare or relation.name, mapping.place.split(".")[-1]):
        return True
    return any(t.table == mapping.place and relation.name in written(t, catalogue) for t in catalogue.triggers)


def written(trigger: Trigger, catalogue: Catalogue) -> set[str]:
    """Tables that a trigger writes into, as far as its source tells; an argument that names a table counts."""
    names = {match.casefold() for match in _WRITES.findall(trigger.source)}
    names |= {argument.split(".")[-1].strip('"').casefold() for argument in trigger.arguments}
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
