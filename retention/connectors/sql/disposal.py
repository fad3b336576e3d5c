"""The only statements that destroy in a database, and reading back.

One transaction for a whole call: the items are locked and what still fits is read; the rows that go with them are
locked, so that nobody can point at them any more; whatever another table points at is taken out, key by key; children
go first, farthest first, each statement repeating the whole condition (these keys, still these subjects', still due);
then the rows themselves, then their history, which the deletion itself may have added to. Where as many rows went as
were sent, that is all; where not, or where columns were emptied, it is read back and only what is gone counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from retention.connectors.contract import DatasetMapping, Disposal, Outcome, Ref, Residue
from retention.connectors.sql.catalogue import Catalogue, Relation
from retention.connectors.sql.checks import check_columns, emptied_to, targets_of
from retention.connectors.sql.database import Database
from retention.connectors.sql.family import Family, RootCondition, family_of
from retention.connectors.sql.history import Kept, declared, seeming
from retention.connectors.sql.receipts import Receipts
from retention.connectors.sql.values import as_text
from retention.connectors.sql.where import Columns, Condition, among, condition, emptied, of_refs, still_theirs
from retention.domain.predicates import Expression
from retention.domain.rules import Action


class _KeptBack(Exception):
    """Rows that were still there after they had been deleted or emptied, or were not taken elsewhere: key -> why."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(f"{len(reasons)} rows")
        self.reasons = reasons


@dataclass
class Purge:
    """One call of `dispose`, in its transaction."""

    database: Database
    connection: sa.Connection
    catalogue: Catalogue
    mapping: DatasetMapping
    action: Action
    still_due: Expression
    receipts: Receipts | None = None
    before: Callable[[sa.Connection, Relation, Sequence[Ref]], Mapping[str, str]] | None = None
    """Told of locked items just before they go: key -> why one must not. What it does here is undone with them."""
    relation: Relation = field(init=False)
    family: Family = field(init=False)
    history: tuple[Kept, ...] = field(init=False)
    targets: Mapping[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.relation = check_columns(self.catalogue, self.mapping)
        self.family = family_of(self.catalogue, self.mapping)
        self.targets = targets_of(self.mapping, self.action, self.relation)
        self.history = declared(self.catalogue, self.mapping)

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        """One Disposal per ref, in their order."""
        if self._plain and self._at_a_stroke(refs):
            return [Disposal(ref.key, Outcome.DESTROYED) for ref in refs]
        there, fitting = self._locked(refs)
        self._lock_children([ref for ref in refs if ref.key in fitting])
        refused = self._pointed_at([ref for ref in refs if ref.key in fitting])
        going = [ref for ref in refs if ref.key in fitting and ref.key not in refused]
        refused |= self._carry_out(going)
        done = {ref.key for ref in going} - set(refused)
        ours = self._receipted(refs, there, done)
        return [self._disposal(ref.key, there, refused, done, ours) for ref in refs]

    @property
    def _plain(self) -> bool:
        """Whether a row's own DELETE says everything.

        Nothing goes with it or is emptied, no trigger sees it, and what points at it the database itself refuses.
        """
        return (
            self.relation.idiom.at_once > len(self.family.members) == 1
            and not (self.targets or self.history or self.receipts or self.relation.view or self.before)
            and self.action is not Action.ANONYMISE
            and all(key.refuses for key in self.family.outside)
            and not any(trigger.table == self.relation.name for trigger in self.catalogue.triggers)
        )

    def _at_a_stroke(self, refs: Sequence[Ref]) -> bool:
        """Delete all of them in one statement with the whole condition; False, and nothing went, if it were not all."""
        table = self.relation.table
        wanted = len({ref.key for ref in refs})
        try:
            with self.connection.begin_nested() as trial:
                went = self.connection.execute(sa.delete(table).where(self._root(refs)(table.c))).rowcount
                if went != wanted:
                    trial.rollback()
        except DBAPIError as error:
            if not self.database.refuses(error):
                raise
            return False
        return went == wanted

    def _disposal(
        self, key: str, there: set[str], refused: Mapping[str, str], done: set[str], ours: set[str]
    ) -> Disposal:
        if key in refused:
            return Disposal(key, Outcome.REFUSED, refused[key])
        if key in done:
            if self.action is Action.ANONYMISE:
                return Disposal(key, Outcome.ANONYMISED)
            return Disposal(key, Outcome.UNLINKED if self.targets else Outcome.DESTROYED)
        if key in there:
            return Disposal(key, Outcome.SUPERSEDED)
        return Disposal(key, Outcome.RECOVERED if key in ours else Outcome.ALREADY_ABSENT)

    def _receipted(self, refs: Sequence[Ref], there: set[str], done: set[str]) -> set[str]:
        """Write receipts for what went; give back which of the absent went by ours, earlier."""
        if self.receipts is None:
            return set()
        relation = self.receipts.relation(self.catalogue, self.database.idiom)
        absent = {ref.key for ref in refs} - there - done
        ours = self.receipts.of(self.connection, relation, self.mapping.place, absent, self.targets)
        self.receipts.write(self.connection, relation, self.mapping.place, done, self.action, self.targets)
        return ours

    def _root(self, refs: Sequence[Ref]) -> RootCondition:
        """These keys, still these subjects', still due and not emptied before."""

        def root(columns: Columns) -> Condition:
            return sa.and_(of_refs(refs, self.mapping, self.relation, columns), self._may_go(columns))

        return root

    def _may_go(self, columns: Columns) -> Condition:
        """Still due, and not emptied before."""
        due = condition(self.still_due, self.mapping, self.relation, columns)
        return sa.and_(due, sa.not_(emptied(self.targets, self.relation, columns))) if self.targets else due

    def _locked(self, refs: Sequence[Ref]) -> tuple[set[str], set[str]]:
        """Which of these items are there, and which of those still fit. Nobody changes them until we are done."""
        if not refs:
            return set(), set()
        table, column = self.relation.table, self.relation.column(self.mapping.key)
        own = self.relation.idiom.value(column, table.c[self.mapping.key])
        fits = sa.and_(still_theirs(refs, self.mapping, self.relation, table.c), self._may_go(table.c))
        gone = emptied(self.targets, self.relation, table.c)
        asked: sa.Select[Any] = (
            sa.select(own.label("a"), sa.case((gone, 1), else_=0).label("b"), sa.case((fits, 1), else_=0).label("c"))
            .where(among(self.relation, self.mapping.key, table.c, [ref.key for ref in refs]))
            .with_for_update()
        )
        there, fitting = set(), set()
        for key, is_gone, still_fits in self.connection.execute(asked):
            text = self._text(key)
            there |= set() if is_gone else {text}
            fitting |= {text} if still_fits else set()
        return there, fitting

    def _lock_children(self, refs: Sequence[Ref]) -> None:
        if not refs or not self.relation.idiom.locks:
            return
        root = self._root(refs)
        for name in reversed(self.family.members[:-1]):
            child = self.catalogue.relation(name).table
            rows: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(child)
            self.connection.execute(rows.where(self.family.going(name, child.c, root)).with_for_update()).close()

    def _text(self, key: object) -> str:
        place = self.mapping
        return as_text(key, self.relation.column(place.key).kind, f"{place.place}.{place.key}")

    def _pointed_at(self, refs: Sequence[Ref]) -> dict[str, str]:
        """Key -> the table that keeps it. A refusal may bring others with it, so until nothing is added."""
        refused: dict[str, str] = {}
        left = list(refs)
        while left:
            found: dict[str, str] = {}
            for table, keys in self.family.kept_back(self.mapping.key, self._root(left), not self.targets):
                for key in self.connection.execute(keys).scalars():
                    found.setdefault(self._text(key), table)
            for kept in self.history:
                for table, item in self._history_pointed_at(kept, left):
                    found.setdefault(item, table)
            if not found:
                break
            refused |= found
            left = [ref for ref in left if ref.key not in found]
        return refused

    def _history_pointed_at(self, kept: Kept, refs: Sequence[Ref]) -> Iterator[tuple[str, str]]:
        """(table, key) of each item of whose history a row is pointed at by one that stays."""
        copy = self.catalogue.relation(kept.place)
        if kept.key is None or self._emptied_there(copy):
            return
        column = copy.column(kept.key)
        for foreign in self.catalogue.pointing_at(kept.place):
            pointing, old = self.catalogue.relation(foreign.table).table.alias(), copy.table.alias()
            pairs = zip(foreign.columns, foreign.referred_columns, strict=True)
            asked = (
                sa.select(copy.idiom.value(column, old.c[kept.key]))
                .distinct()
                .select_from(old.join(pointing, sa.and_(*(pointing.c[own] == old.c[theirs] for own, theirs in pairs))))
                .where(_rows_of(kept, copy, old.c, refs), sa.not_(self._goes(foreign.table, pointing.c, refs)))
            )
            for key in self.connection.execute(asked).scalars():
                yield foreign.table, as_text(key, column.kind, f"{kept.place}.{kept.key}")

    def _goes(self, table: str, columns: Columns, refs: Sequence[Ref]) -> Condition:
        """Whether a row of any table goes with these items, as their own, a child's or a history's. Never NULL."""
        if table in self.family.members and not self.targets:
            return self.family.going(table, columns, self._root(refs))
        kept = next((one for one in self.history if one.place == table and one.key is not None), None)
        if kept is None:
            return sa.false()
        return sa.func.coalesce(_rows_of(kept, self.catalogue.relation(table), columns, refs), sa.false())

    def _carry_out(self, refs: Sequence[Ref]) -> dict[str, str]:
        """Destroy these; key -> reason for those that a constraint or trigger of the database keeps, untouched."""
        if not refs:
            return {}
        try:
            with self.connection.begin_nested():
                self._destroy(refs)
        except DBAPIError as error:
            if not self.database.refuses(error):
                raise
            if len(refs) == 1:
                return {refs[0].key: f"a constraint or trigger of {self.mapping.place}"}
            middle = len(refs) // 2
            return {**self._carry_out(refs[:middle]), **self._carry_out(refs[middle:])}
        except _KeptBack as kept:
            others = [ref for ref in refs if ref.key not in kept.reasons]
            return {**kept.reasons, **self._carry_out(others)}
        return {}

    def _destroy(self, refs: Sequence[Ref]) -> None:
        if self.before is not None and (stay := self.before(self.connection, self.relation, refs)):
            raise _KeptBack(stay)
        root = self._root(refs)
        for name in self.family.members[:-1]:
            child = self.catalogue.relation(name).table
            self.connection.execute(sa.delete(child).where(self.family.going(name, child.c, root)))
        table = self.relation.table
        if self.targets:
            self.connection.execute(sa.update(table).where(root(table.c)).values(dict(self.targets)))
        else:
            went = self.connection.execute(sa.delete(table).where(root(table.c))).rowcount
        if self.targets or went != len({ref.key for ref in refs}):
            left = left_of(self.connection, self.mapping, self.relation, self.targets, refs)
            if left:
                raise _KeptBack(dict.fromkeys(left, f"a trigger of {self.mapping.place}"))
        for kept in self.history:
            self._purge_history(kept, refs)

    def _purge_history(self, kept: Kept, refs: Sequence[Ref]) -> None:
        """Its rows go too; where only columns are emptied and the copy has them all, they are emptied there."""
        if kept.key is None:
            return
        copy = self.catalogue.relation(kept.place)
        rows = _rows_of(kept, copy, copy.table.c, refs)
        if self._emptied_there(copy):
            values = {name: emptied_to(copy, name) if value is None else value for name, value in self.targets.items()}
            self.connection.execute(sa.update(copy.table).where(rows).values(values))
        else:
            self.connection.execute(sa.delete(copy.table).where(rows))

    def _emptied_there(self, copy: Relation) -> bool:
        """Whether of a history's rows the same columns are emptied as of the item, so that they stay."""
        return bool(self.targets) and set(self.targets) <= set(copy.columns)


def _rows_of(kept: Kept, copy: Relation, columns: Columns, refs: Sequence[Ref]) -> Condition:
    """Rows of a history table that are of these items; with a subject's column only theirs or nobody's.

    With `where`, only those that say so: rows of other tables lie there too.
    """
    key = str(kept.key)
    said = [among(copy, name, columns, [value]) for name, value in kept.where]
    if kept.subject is None:
        return sa.and_(among(copy, key, columns, [ref.key for ref in refs]), *said)
    theirs = DatasetMapping(kept.place, key, subject=kept.subject)
    both = [*refs, *(Ref(ref.key, None) for ref in refs)]
    return sa.and_(of_refs(both, theirs, copy, columns), *said)


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
    table, column = relation.table, relation.column(mapping.key)
    own = relation.idiom.value(column, table.c[mapping.key])
    question = sa.select(own).where(among(relation, mapping.key, table.c, [ref.key for ref in refs]))
    if targets:
        question = question.where(sa.not_(emptied(targets, relation, table.c)))
    where = f"{mapping.place}.{mapping.key}"
    return {as_text(key, column.kind, where) for key in connection.execute(question).scalars()}


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
        known = declared(self.catalogue, self.mapping)
        for kept in known:
            if kept.key is not None:
                copy = self.catalogue.relation(kept.place)
                yield from self._copied(copy, kept, targets, refs)
        for copy, column in seeming(self.catalogue, self.mapping):
            if copy.name not in family.members and copy.name not in {kept.place for kept in known}:
                yield from self._copied(copy, Kept(copy.name, column), targets, refs)

    def _copied(
        self, copy: Relation, kept: Kept, targets: Mapping[str, str | None], refs: Sequence[Ref]
    ) -> Iterator[Residue]:
        """Of a row that stays: only copies in which a column is still filled, or which lack one of the columns."""
        fields: Mapping[str, str | None] = {}
        if targets and set(targets) <= set(copy.columns):
            fields = {name: emptied_to(copy, name) if value is None else value for name, value in targets.items()}
        yield from self._naming(kept.place, str(kept.key), self.mapping.key, refs, fields, kept)

    def _naming(
        self,
        table: str,
        column: str,
        of: str,
        refs: Sequence[Ref],
        fields: Mapping[str, str | None] = MappingProxyType({}),
        kept: Kept | None = None,
    ) -> Iterator[Residue]:
        """Rows of another table whose `column` has an item's key or its subject's number, whichever `of` is.

        By any other column an item that is gone cannot be known again. With `fields`, only rows where one is filled.
        """
        if of == self.mapping.key:
            names = {ref.key: ref.key for ref in refs}
        else:
            names = {ref.subject: ref.key for ref in refs if ref.subject is not None and of == self.mapping.subject}
        relation = self.catalogue.relation(table)
        kind, own = relation.column(column).kind, relation.table.c[column]
        value = relation.idiom.value(relation.column(column), own)
        rows = among(relation, column, relation.table.c, list(names))
        if kept is not None:
            rows = _rows_of(kept, relation, relation.table.c, refs)
        question = sa.select(value).distinct().where(rows)
        if fields:
            question = question.where(sa.not_(emptied(fields, relation, relation.table.c)))
        found = {as_text(one, kind, f"{table}.{column}") for one in self.connection.execute(question).scalars()}
        for name in sorted(found & set(names)):
            yield Residue(names[name], table, copy=kept is not None)
