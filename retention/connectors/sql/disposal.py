"""The only statements that destroy in a database, and reading back.

One transaction, in which we are the only writer, for a whole call: what is there and still fits is read; whatever
another table points at is taken out, key by key; children go first, farthest first, each statement repeating the
whole condition (these keys, still these subjects', still due); then the rows themselves; then it is read back, and
only what is gone counts. The number of rows that a statement says it changed is never used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from retention.connectors.contract import DatasetMapping, Disposal, Outcome, Ref, Residue
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.checks import check_columns, targets_of
from retention.connectors.sql.family import Family, RootCondition, family_of
from retention.connectors.sql.values import as_stored
from retention.connectors.sql.where import Columns, Condition, condition, emptied, of_refs, of_subjects
from retention.domain.predicates import Expression
from retention.domain.rules import Action

_AFTER = re.compile(r"_?(history|historia|hist|audit|audit_log|log|versions?|archive)", re.IGNORECASE)
_BEFORE = re.compile(r"(history|historical|hist|audit)_?", re.IGNORECASE)


class _KeptBack(Exception):
    """Rows that were still there after they had been deleted or emptied."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__(f"{len(keys)} rows")
        self.keys = keys


@dataclass
class Purge:
    """One call of `dispose`, in its transaction."""

    connection: sa.Connection
    catalogue: Catalogue
    mapping: DatasetMapping
    action: Action
    still_due: Expression
    relation: Relation = field(init=False)
    family: Family = field(init=False)
    targets: Mapping[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.relation = check_columns(self.catalogue, self.mapping)
        self.family = family_of(self.catalogue, self.mapping)
        self.targets = targets_of(self.mapping, self.action, self.relation)

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        """One Disposal per ref, in their order."""
        there = self._there(refs)
        fitting = self._keys(refs, self._root(refs))
        refused = self._pointed_at([ref for ref in refs if ref.key in fitting])
        going = [ref for ref in refs if ref.key in fitting and ref.key not in refused]
        refused |= self._carry_out(going)
        done = {ref.key for ref in going} - set(refused)
        return [self._disposal(ref.key, there, refused, done) for ref in refs]

    def _disposal(self, key: str, there: set[str], refused: Mapping[str, str], done: set[str]) -> Disposal:
        if key in refused:
            return Disposal(key, Outcome.REFUSED, refused[key])
        if key in done:
            if self.action is Action.ANONYMISE:
                return Disposal(key, Outcome.ANONYMISED)
            return Disposal(key, Outcome.UNLINKED if self.targets else Outcome.DESTROYED)
        return Disposal(key, Outcome.SUPERSEDED if key in there else Outcome.ALREADY_ABSENT)

    def _root(self, refs: Sequence[Ref]) -> RootCondition:
        """These keys, still these subjects', still due and not emptied before."""

        def root(columns: Columns) -> Condition:
            terms = [
                of_refs(refs, self.mapping, self.relation, columns),
                condition(self.still_due, self.mapping, self.relation, columns),
            ]
            if self.targets:
                terms.append(sa.not_(emptied(self.targets, columns)))
            return sa.and_(*terms)

        return root

    def _there(self, refs: Sequence[Ref]) -> set[str]:
        return left_of(self.connection, self.mapping, self.relation, self.targets, refs)

    def _keys(self, refs: Sequence[Ref], root: RootCondition) -> set[str]:
        if not refs:
            return set()
        table = self.relation.table
        return {
            str(key)
            for key in self.connection.execute(sa.select(table.c[self.mapping.key]).where(root(table.c))).scalars()
        }

    def _pointed_at(self, refs: Sequence[Ref]) -> dict[str, str]:
        """Key -> the table that keeps it. A refusal may bring others with it, so until nothing is added."""
        refused: dict[str, str] = {}
        left = list(refs)
        while left:
            found: dict[str, str] = {}
            for table, keys in self.family.kept_back(self.mapping.key, self._root(left), not self.targets):
                for key in self.connection.execute(keys).scalars():
                    found.setdefault(str(key), table)
            if not found:
                break
            refused |= found
            left = [ref for ref in left if ref.key not in found]
        return refused

    def _carry_out(self, refs: Sequence[Ref]) -> dict[str, str]:
        """Destroy these; key -> reason for those that a constraint or trigger of the database keeps, untouched."""
        if not refs:
            return {}
        try:
            with self.connection.begin_nested():
                self._destroy(refs)
        except IntegrityError:
            if len(refs) == 1:
                return {refs[0].key: f"a constraint or trigger of {self.mapping.place}"}
            middle = len(refs) // 2
            return {**self._carry_out(refs[:middle]), **self._carry_out(refs[middle:])}
        except _KeptBack as kept:
            others = [ref for ref in refs if ref.key not in kept.keys]
            refused = dict.fromkeys(kept.keys, f"a trigger of {self.mapping.place}")
            return {**refused, **self._carry_out(others)}
        return {}

    def _destroy(self, refs: Sequence[Ref]) -> None:
        root = self._root(refs)
        for name in self.family.members[:-1]:
            child = self.catalogue.relation(name).table
            self.connection.execute(sa.delete(child).where(self.family.going(name, child.c, root)))
        table = self.relation.table
        if self.targets:
            self.connection.execute(sa.update(table).where(root(table.c)).values(dict(self.targets)))
        else:
            self.connection.execute(sa.delete(table).where(root(table.c)))
        left = self._there(refs)
        if left:
            raise _KeptBack(left)


def left_of(
    connection: sa.Connection,
    mapping: DatasetMapping,
    relation: Relation,
    targets: Mapping[str, str | None],
    refs: Sequence[Ref],
) -> set[str]:
    """Which of these keys have a row whose columns are not emptied."""
    if not refs:
        return set()
    table = relation.table
    here = of_subjects(table.c[mapping.key], relation.column(mapping.key).kind, [ref.key for ref in refs])
    question = sa.select(table.c[mapping.key]).where(here)
    if targets:
        question = question.where(sa.not_(emptied(targets, table.c)))
    return {str(key) for key in connection.execute(question).scalars()}


@dataclass(frozen=True)
class ReadBack:
    """What is still there of some items after `action`: rows, direct children, and copies in history tables."""

    connection: sa.Connection
    catalogue: Catalogue
    mapping: DatasetMapping
    action: Action

    def residues(self, refs: Sequence[Ref]) -> Iterator[Residue]:
        """One Residue for each item and table."""
        relation = check_columns(self.catalogue, self.mapping)
        targets = targets_of(self.mapping, self.action, relation)
        for key in sorted(left_of(self.connection, self.mapping, relation, targets, refs)):
            yield Residue(key, relation.name)
        family = family_of(self.catalogue, self.mapping)
        for name, keys in family.belongs_by.items():
            for foreign in keys:
                if foreign.referred == self.mapping.place and len(foreign.columns) == 1:
                    yield from self._naming(name, foreign.columns[0], foreign.referred_columns[0], refs)
        for name, copy in sorted(self.catalogue.relations.items()):
            if copy.view or name in family.members or not is_history(name, self.mapping.place):
                continue
            column = history_key(copy, self.mapping)
            if column is not None:
                fields = {field: None for field in targets if field in copy.columns}
                yield from self._naming(name, column, self.mapping.key, refs, fields)

    def _naming(
        self, table: str, column: str, of: str, refs: Sequence[Ref], fields: Mapping[str, None] = MappingProxyType({})
    ) -> Iterator[Residue]:
        """Rows of another table whose `column` has an item's key or its subject's number, whichever `of` is.

        By any other column an item that is gone cannot be known again. With `fields`, only rows where one is filled.
        """
        if of == self.mapping.key:
            names = {ref.key: ref.key for ref in refs}
        else:
            names = {ref.subject: ref.key for ref in refs if ref.subject is not None and of == self.mapping.subject}
        relation = self.catalogue.relation(table)
        own, kind = relation.table.c[column], relation.column(column).kind
        stored = {value: key for name, key in names.items() if (value := as_stored(name, kind)) is not None}
        if not stored:
            return
        question = sa.select(own).distinct().where(own.in_(list(stored)))
        if fields:
            question = question.where(sa.not_(emptied(fields, relation.table.c)))
        for value in self.connection.execute(question.order_by(own)).scalars():
            yield Residue(stored[value], table)


def is_history(name: str, place: str) -> bool:
    """Whether a table's name says that it keeps old rows of `place`: `asiakas_history`, `audit_asiakas` …"""
    folded, of = name.casefold(), place.casefold()
    if folded.startswith(of) and _AFTER.fullmatch(folded[len(of) :]):
        return True
    return folded.endswith(of) and bool(_BEFORE.fullmatch(folded[: len(folded) - len(of)]))


def history_key(copy: Relation, mapping: DatasetMapping) -> str | None:
    """Where a history table has the item's key: `place_key`, or the key's own name unless that numbers its own rows."""
    own = f"{mapping.place}_{mapping.key}"
    if own in copy.columns:
        return own
    return mapping.key if mapping.key in copy.columns and copy.primary_key != (mapping.key,) else None
