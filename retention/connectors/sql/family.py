"""An item's row, the rows that go with it, and who else points at them.

Only the tables that a mapping names go with an item. A row of one goes when a foreign key of it points at a
row that goes; which keys these are is settled by distance from the item's table. Every other row that points at
one that would go keeps the item: it is refused, whatever ON DELETE the database itself would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import sqlalchemy as sa

from retention.connectors.contract import ConnectorError, DatasetMapping
from retention.connectors.sql.catalogue import Catalogue, ForeignKey
from retention.connectors.sql.where import Columns, Condition

RootCondition = Callable[[Columns], Condition]
"""Which rows of the item's table go, as a condition on its columns."""


@dataclass(frozen=True)
class Family:
    """The item's table and the named tables below it."""

    catalogue: Catalogue
    place: str
    members: tuple[str, ...]
    """Farthest from the item first; the item's own table is last."""
    belongs_by: dict[str, tuple[ForeignKey, ...]]
    """For each named table: the foreign keys by which its rows belong to the item."""

    @property
    def outside(self) -> list[ForeignKey]:
        """Foreign keys to a member by which no row belongs: what they point at may not go from under them."""
        own = {key for keys in self.belongs_by.values() for key in keys}
        return [key for name in self.members for key in self.catalogue.pointing_at(name) if key not in own]

    def going(self, name: str, columns: Columns, root: RootCondition) -> Condition:
        """Which rows of a member go with the rows of the item's table that go. Never NULL."""
        if name == self.place:
            return root(columns)
        return sa.or_(sa.false(), *(self._belongs(key, columns, root) for key in self.belongs_by[name]))

    def _belongs(self, key: ForeignKey, columns: Columns, root: RootCondition) -> Condition:
        parent = self.catalogue.relation(key.referred).table.alias()
        theirs = [parent.c[name] for name in key.referred_columns]
        chosen = sa.select(*theirs).where(
            *(column.is_not(None) for column in theirs), self.going(key.referred, parent.c, root)
        )
        own = [columns[name] for name in key.columns]
        found = own[0].in_(chosen) if len(own) == 1 else sa.tuple_(*own).in_(chosen)
        return sa.and_(*(column.is_not(None) for column in own), found)

    def kept_back(
        self, key: str, root: RootCondition, row_goes: bool
    ) -> Iterator[tuple[str, sa.Select[tuple[object]]]]:
        """(table, select of item keys) for each way in which a row of that table keeps an item.

        `row_goes`: the item's own row goes too, not only what hangs on it.
        """
        for outer in self.outside:
            if outer.referred == self.place and not row_goes:
                continue
            pointing = self.catalogue.relation(outer.table).table.alias()
            stays = sa.not_(self.going(outer.table, pointing.c, root)) if outer.table in self.members else sa.true()
            yield outer.table, self._items_above(outer, pointing, key, root, stays)
        for name, keys in self.belongs_by.items():
            for one, other in permutations(keys, 2):
                shared = self.catalogue.relation(name).table.alias()
                elsewhere = sa.and_(
                    *(shared.c[column].is_not(None) for column in other.columns),
                    sa.not_(self._belongs(other, shared.c, root)),
                )
                yield name, self._items_above(one, shared, key, root, elsewhere)

    def _items_above(
        self, first: ForeignKey, start: sa.FromClause, key: str, root: RootCondition, when: Condition
    ) -> sa.Select[tuple[object]]:
        """Keys of items that the rows of `start` for which `when` holds point at, by whatever path."""
        place = self.catalogue.relation(self.place)
        selects = [
            sa.select(place.idiom.value(place.column(key), item.c[key]).label("key"))
            .select_from(joined)
            .where(root(item.c), when)
            for joined, item in self._paths(first, start, start)
        ]
        keys = sa.union(*selects).subquery()
        return sa.select(*keys.c)

    def _paths(
        self, step: ForeignKey, child: sa.FromClause, joined: sa.FromClause
    ) -> Iterator[tuple[sa.FromClause, sa.FromClause]]:
        parent = self.catalogue.relation(step.referred).table.alias()
        pairs = zip(step.columns, step.referred_columns, strict=True)
        wider = joined.join(parent, sa.and_(*(child.c[own] == parent.c[theirs] for own, theirs in pairs)))
        if step.referred == self.place:
            yield wider, parent
        for onward in self.belongs_by.get(step.referred, ()):
            yield from self._paths(onward, parent, wider)


def family_of(catalogue: Catalogue, mapping: DatasetMapping) -> Family:
    """The family that a mapping names. Raises ConnectorError(permanent) where a child does not hang on the item."""
    distance = {mapping.place: 0}
    catalogue.relation(mapping.place)
    waiting = set(mapping.children)
    if mapping.place in waiting:
        raise ConnectorError(f"table {mapping.place} cannot be its own child", permanent=True)
    while waiting:
        near = {
            name for name in waiting if any(key.referred in distance for key in catalogue.relation(name).foreign_keys)
        }
        if not near:
            raise ConnectorError(
                f"table {min(waiting)} is named as a child of {mapping.place} but no foreign key of it leads there",
                permanent=True,
            )
        level = max(distance.values()) + 1
        distance.update(dict.fromkeys(near, level))
        waiting -= near
    belongs_by = {}
    for name in sorted(distance):
        inside = [key for key in catalogue.relation(name).foreign_keys if key.referred in distance]
        belongs_by[name] = tuple(key for key in inside if distance[key.referred] < distance[name])
        circle = next((key for key in inside if key.referred != name and key not in belongs_by[name]), None)
        if circle is not None:
            raise ConnectorError(
                f"tables {name} and {circle.referred} go together but point at each other: no order to delete them in",
                permanent=True,
            )
    members = sorted(distance, key=lambda name: (-distance[name], name))
    del belongs_by[mapping.place]
    return Family(catalogue, mapping.place, tuple(members), belongs_by)
