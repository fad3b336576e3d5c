"""The two lists of an archive, joined and read as one mapping means them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import date

from retention.connectors.contract import Candidate, ConnectorError, DatasetMapping, Ref
from retention.connectors.paper_lists import CsvList, Row

BOX_COLUMNS = ("box", "shelf", "description", "security", "seal", "digitised")
"""What an order tells of a box; each stands in the column of its name unless `options` name another."""
OPTIONS = frozenset({*BOX_COLUMNS, "kind", "paper"})


@dataclass(frozen=True)
class Item:
    """One item: a paper, or a box with all its papers."""

    key: str
    box: str
    papers: tuple[Row, ...]


@dataclass(frozen=True)
class Archive:
    """`items`: key -> item of the mapping's kind. `boxes`: box -> everything in it, of whatever kind."""

    mapping: DatasetMapping
    box_list: CsvList
    contents: CsvList
    columns: Mapping[str, str]
    box_rows: Mapping[str, Row]
    boxes: Mapping[str, tuple[Row, ...]]
    items: Mapping[str, Item]

    @classmethod
    def read(cls, mapping: DatasetMapping, box_list: CsvList, contents: CsvList) -> Archive:
        """Read both lists. Raises ConnectorError(permanent) naming the place, the line and the column."""
        columns = _columns(mapping)
        box = columns["box"]
        box_rows: dict[str, Row] = {}
        for row in box_list.rows([box, columns["security"]]):
            if not row[box] or row[box] in box_rows:
                why = "names the box of an earlier line again" if row[box] else "names no box"
                raise box_list.row_error(row, box, why)
            box_rows[row[box]] = row
        named = [name for name in (mapping.subject, mapping.contract) if name]
        named += [*mapping.events.values(), *mapping.facts.values()]
        named += [mapping.closed.column] if mapping.closed is not None else []
        kind = [] if mapping.place == "*" else [columns["kind"]]
        boxes: dict[str, list[Row]] = {name: [] for name in box_rows}
        for row in contents.rows([mapping.key, box, *named, *kind]):
            if row[box] not in box_rows:
                raise contents.row_error(row, box, "names a box that is not in the list of boxes")
            boxes[row[box]].append(row)
        filled = {name: tuple(papers) for name, papers in boxes.items()}
        archive = cls(mapping, box_list, contents, columns, box_rows, filled, {})
        return cls(mapping, box_list, contents, columns, box_rows, filled, archive._items())

    def _items(self) -> dict[str, Item]:
        if self.by_box:
            return {
                box: Item(box, box, papers)
                for box, papers in self.boxes.items()
                if self.mapping.place == "*" or any(map(self._is_mine, papers))
            }
        items: dict[str, Item] = {}
        for box, papers in self.boxes.items():
            for paper in filter(self._is_mine, papers):
                key = paper[self.mapping.key]
                if not key or key in items:
                    why = "names a paper of another line again" if key else "names no paper"
                    raise self.contents.row_error(paper, self.mapping.key, why)
                items[key] = Item(key, box, (paper,))
        return items

    @property
    def by_box(self) -> bool:
        """Whether the item is the box."""
        return self.mapping.key == self.columns["box"]

    def _is_mine(self, paper: Row) -> bool:
        return self.mapping.place == "*" or paper[self.columns["kind"]] == self.mapping.place

    def is_foreign(self, item: Item) -> bool:
        """Whether a box that would go whole holds papers that this dataset's rules say nothing of."""
        return self.by_box and not all(map(self._is_mine, item.papers))

    def holds_only(self, box: str, keys: Collection[str]) -> bool:
        """Whether everything in a box is one of these items."""
        return all(self._is_mine(paper) and paper[self.mapping.key] in keys for paper in self.boxes[box])

    def told(self, box: str) -> dict[str, str]:
        """What an order tells of a box."""
        row = self.box_rows[box]
        return {name: row.get(self.columns[name]).strip() if name != "box" else box for name in BOX_COLUMNS}

    def digitised(self, box: str) -> bool:
        """Whether a box that is on the list says that it was digitised."""
        return box in self.box_rows and bool(self.told(box)["digitised"])

    def number(self, paper: Row) -> str:
        """How a pull list calls a paper: by the mapping's key, or by the column `paper` where the key is the box."""
        return paper.get(self.columns["paper"]) or f"line {paper.line}" if self.by_box else paper[self.mapping.key]

    def candidate(self, item: Item) -> Candidate:
        """One item as the list tells it."""
        if not self.by_box:
            return self._candidate(item.key, item.papers[0])
        days: dict[str, date | None] = {}
        for event, column in self.mapping.events.items():
            own = [self.contents.day(paper, column) for paper in item.papers]
            known = [day for day in own if day is not None]
            days[event] = max(known) if known and len(known) == len(own) and not self.is_foreign(item) else None
        return Candidate(Ref(item.key), None, days)

    def of_paper(self, paper: Row) -> Candidate | None:
        """One paper by itself; None if it is of another kind."""
        return self._candidate(self.number(paper), paper) if self._is_mine(paper) else None

    def _candidate(self, key: str, paper: Row) -> Candidate:
        mapping, closed = self.mapping, self.mapping.closed
        return Candidate(
            Ref(key, (paper[mapping.subject] or None) if mapping.subject else None),
            (paper[mapping.contract] or None) if mapping.contract else None,
            {event: self.contents.day(paper, column) for event, column in mapping.events.items()},
            {fact: self.contents.flag(paper, column) for fact, column in mapping.facts.items()},
            closed is not None and paper[closed.column] in closed.values,
        )

    def take_out(self, keys: Set[str], box: str | None) -> None:
        """Take items off the list of contents, and the box off its list where nothing is left in it.

        A digitised box stays on the list: its row is what tells that the other copy is still there.
        """
        self.contents.take_out(lambda row: row[self.mapping.key] in keys and (self.by_box or self._is_mine(row)))
        column = self.columns["box"]
        if box is not None and not any(row[column] == box for row in self.contents.rows([column])):
            self.box_list.take_out(lambda row: row[column] == box and not row.get(self.columns["digitised"]).strip())


def _columns(mapping: DatasetMapping) -> dict[str, str]:
    unknown = sorted(set(mapping.options) - OPTIONS)
    if unknown:
        raise _wrong(mapping, f"unknown option {unknown[0]!r}; known are {', '.join(sorted(OPTIONS))}")
    columns = {name: mapping.options.get(name, name) for name in OPTIONS}
    for name, column in columns.items():
        if not isinstance(column, str) or not column:
            raise _wrong(mapping, f"option {name!r} is the name of a column")
    for what in ("fields", "children"):
        if getattr(mapping, what):
            raise _wrong(mapping, f"paper has no {what}")
    if mapping.key == columns["box"] and (mapping.subject or mapping.contract or mapping.facts or mapping.closed):
        raise _wrong(mapping, "a box holds papers of many: its key goes with events only")
    return columns


def _wrong(mapping: DatasetMapping, why: str) -> ConnectorError:
    return ConnectorError(f"{mapping.place}: {why}", permanent=True)
