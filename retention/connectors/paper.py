"""The connector to paper: a list of boxes, a list of what lies in them, and people who carry orders out.

One item is one paper, or one box (grain container) where the mapping's key is the column of the box. Of a box
whose papers are all due the keeper gets an order to destroy it whole; of a mixed box a pull list, so that
nothing has to wait for the last paper in it. Both are *pending* until the signed certificate is recorded; then
the papers are *destroyed* and taken off the lists, or *failed* where the certificate leaves them out. An order
in which something is no longer due is withdrawn, and what may still go is ordered anew.

A mapping's place is the kind of paper, `*` for all. `options` name the columns of the lists where they are not
called `kind`, `paper`, `box`, `shelf`, `description`, `security`, `seal` and `digitised`; only `box`, `kind` (unless
the place is `*`) and `security` must be there. A box's dates are the latest of all that lies in it, and missing where
one is missing or where papers of another kind lie in it, so that it never goes over somebody else's rule.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from retention.connectors.contract import (
    Candidate,
    ConfigField,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Health,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
)
from retention.connectors.own_terms import satisfies
from retention.connectors.paper_archive import Archive, Item
from retention.connectors.paper_lists import CsvList, alone
from retention.connectors.paper_orders import DESTRUCTION, Order, Orders, Written, is_security_level
from retention.connectors.personal import guess
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Pull:
    """A paper that may go before the rest of its box; `days`: its dates by event."""

    box: str
    shelf: str
    paper: str
    days: Mapping[str, date | None]


class PaperConnector:
    """One archive."""

    kind: ClassVar[str] = "paper"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("list", "The list of boxes (CSV, UTF-8, semicolons)"),
        ConfigField("contents", "The list of what lies in them (CSV, UTF-8, semicolons)"),
        ConfigField("orders", "The folder for orders and certificates; it must be there"),
    )

    def __init__(self, *, list: str, contents: str, orders: str) -> None:
        self._boxes = CsvList(Path(list), "list of boxes")
        self._contents = CsvList(Path(contents), "list of contents")
        self._directory = Path(orders)

    def __enter__(self) -> Self:
        if not self._directory.is_dir():
            raise ConnectorError("the folder for orders is not there", permanent=True)
        self._boxes.rows()
        self._contents.rows()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open between two verbs."""

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Read both lists as each mapping reads them.

        A kind of paper that is on no list and was never ordered destroyed is one that nobody knows.
        """
        orders = Orders(self._directory)
        for mapping in mappings:
            archive = self._archive(mapping)
            if not archive.items and mapping.place != "*" and not orders.of_place(mapping.place):
                raise ConnectorError(
                    f"{mapping.place}: no paper of this kind stands in the list of contents", permanent=True
                )
            for item in archive.items.values():
                archive.candidate(item)
        missing = [] if _may_write(self._directory) else ["write orders"]
        missing += (
            [] if all(_may_write(found.path.parent) for found in (self._boxes, self._contents)) else ["write lists"]
        )
        return Health(tuple(missing))

    def describe(self) -> Iterator[Place]:
        """The two lists and their columns."""
        for listed in (self._boxes, self._contents):
            rows = listed.rows()
            samples = {name: [row[name] for row in rows[:SAMPLE]] for name in listed.headings()}
            yield Place(listed.path.stem, len(rows), dict.fromkeys(samples, "text"), guess(samples))

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Lists of paper are nobody's source of truth for contracts: always raises ConnectorError(permanent)."""
        raise ConnectorError(f"{mapping.place}: a list of paper is no source of truth for the ledger", permanent=True)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Papers, or boxes, by key."""
        archive = self._archive(mapping)
        of_subjects = None if subjects is None else frozenset(subjects)
        of_contracts = None if contracts is None else frozenset(contracts)
        for key in sorted(archive.items):
            candidate = archive.candidate(archive.items[key])
            if of_subjects is not None and candidate.ref.subject not in of_subjects:
                continue
            if of_contracts is not None and candidate.contract not in of_contracts:
                continue
            if satisfies(where, candidate):
                yield candidate

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """The rows of the list of contents, with the shelf."""
        archive = self._archive(mapping)
        for ref in refs:
            item = archive.items.get(ref.key)
            if item is not None:
                shelf = archive.told(item.box)["shelf"]
                yield {"key": ref.key, "shelf": shelf, "papers": [dict(paper.cells) for paper in item.papers]}

    def pull_list(self, mapping: DatasetMapping, due: Expression) -> Iterator[Pull]:
        """Papers that are due by their own dates while others of their box are not, by box and paper.

        A box's first-due day is when it first comes here, its last-due day when all of it is due; between them it
        counts as overdue.
        """
        archive = self._archive(mapping)
        for box, papers in sorted(archive.boxes.items()):
            items = [(paper, archive.of_paper(paper)) for paper in papers]
            ready = [(paper, item) for paper, item in items if item is not None and satisfies(due, item)]
            if len(ready) == len(papers):
                continue
            for paper, candidate in ready:
                yield Pull(box, archive.told(box)["shelf"], archive.number(paper), candidate.events)

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> list[Disposal]:
        """Order what is due, and settle what a certificate tells of. A pending item's detail is its order's number."""
        if action is not Action.DESTROY_PAPER:
            return [
                Disposal(ref.key, Outcome.REFUSED, f"paper is destroyed by people, not {action.value}") for ref in refs
            ]
        with alone(self._directory):
            return _Task(self._archive(mapping), Orders(self._directory), still_due).run(refs)

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterator[Residue]:
        """What is on a list still; and the digital copy of a box that is being digitised, while its row says so."""
        archive = self._archive(mapping)
        boxes = {
            paper: str(w.order["box"])
            for paper, ws in Orders(self._directory).of_place(mapping.place).items()
            for w in ws
        }
        for ref in refs:
            item = archive.items.get(ref.key)
            box = item.box if item is not None else boxes.get(ref.key)
            where = ["on the list of contents"] if item is not None else []
            if box is not None and archive.digitised(box):
                where.append("digitised: it exists twice")
            if where:
                yield Residue(ref.key, "; ".join(where), copy=item is None)

    def _archive(self, mapping: DatasetMapping) -> Archive:
        return Archive.read(mapping, self._boxes, self._contents)


def _may_write(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK)


class _Task:
    """Disposing of some items of one dataset, under the lock."""

    def __init__(self, archive: Archive, orders: Orders, still_due: Expression) -> None:
        self.archive = archive
        self.orders = orders
        self.still_due = still_due
        self.histories = orders.of_place(archive.mapping.place)
        self.settled: dict[str, set[str]] = defaultdict(set)
        self.wanted: dict[str, list[Item]] = defaultdict(list)

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        self._withdraw(refs)
        answers = {ref: self._answer(ref) for ref in dict.fromkeys(refs)}
        self._settle()
        numbers = {item.key: number for number, items in self._order() for item in items}
        return [answers[ref] or Disposal(ref.key, Outcome.PENDING, numbers[ref.key]) for ref in refs]

    def _withdraw(self, refs: Sequence[Ref]) -> None:
        """Take back every open order in which one of these may no longer go, or whose box is not what was ordered.

        Also one in which something is that had gone by another order: by one that was taken back too late.
        """
        for ref in refs:
            item = self.archive.items.get(ref.key)
            order = self._open(ref.key)
            if item is None or order is None:
                continue
            if not self._due(item, ref) or self._outdated(order, item) or self._certified(ref.key) is not None:
                self.orders.withdraw(order.number)
        self.histories = self.orders.of_place(self.archive.mapping.place)

    def _outdated(self, order: Written, item: Item) -> bool:
        """Whether the paper lies elsewhere now, or something was put into a box that is to go whole."""
        if order.order["kind"] != DESTRUCTION:
            return bool(item.box != order.order["box"])
        if not self._as_ordered(order, item):
            return True
        return item.box != order.order["box"] or not self.archive.holds_only(item.box, order.order["papers"])

    def _as_ordered(self, order: Written, item: Item) -> bool:
        """Whether the list has of a box that is the item what it had when that was ordered: so many lines, no later."""
        if "lines" not in order.order:
            return True
        latest = self._latest([item])
        return (len(item.papers), latest) == (order.order["lines"], order.order["latest"])

    def _open(self, key: str) -> Written | None:
        return next((order for order in self.histories.get(key, ()) if order.open), None)

    def _certified(self, key: str) -> Written | None:
        """The order whose certificate says that it is gone, where the lists do not say so yet."""
        history = self.histories.get(key, ())
        return next((order for order in history if key in order.destroyed and key not in order.done), None)

    def _due(self, item: Item, ref: Ref) -> bool:
        candidate = self.archive.candidate(item)
        return candidate.ref.subject == ref.subject and satisfies(self.still_due, candidate)

    def _answer(self, ref: Ref) -> Disposal | None:
        """What became of one item; None: it is to be ordered."""
        item = self.archive.items.get(ref.key)
        history = self.histories.get(ref.key, [])
        certified = self._certified(ref.key)
        if certified is not None and item is not None and not self._as_ordered(certified, item):
            why = f"order {certified.number} is certified, and the list of the box is not what it was: mend the list"
            return Disposal(ref.key, Outcome.FAILED, why)
        if certified is not None:
            self.settled[certified.number].add(ref.key)
            return Disposal(ref.key, Outcome.DESTROYED, f"certificate of order {certified.number}")
        open_ = self._open(ref.key)
        if item is None:
            if open_ is not None:
                return Disposal(
                    ref.key, Outcome.FAILED, f"not on the list, and order {open_.number} has no certificate"
                )
            return Disposal(ref.key, Outcome.ALREADY_ABSENT)
        if any(ref.key in order.done for order in history):
            return Disposal(ref.key, Outcome.REFUSED, "its number was destroyed before and is on the list again")
        if not self._due(item, ref):
            return Disposal(ref.key, Outcome.SUPERSEDED)
        short = next((o for o in history if o.certified and not o.withdrawn), None)
        if short is not None:
            why = "says that it was not found" if ref.key in short.not_found else "lacks it"
            return Disposal(ref.key, Outcome.FAILED, f"shortfall: the certificate of order {short.number} {why}")
        if open_ is not None:
            return Disposal(ref.key, Outcome.PENDING, open_.number)
        if self.archive.is_foreign(item):
            return Disposal(ref.key, Outcome.REFUSED, "papers of another kind lie in the box")
        if not is_security_level(self.archive.told(item.box)["security"]):
            return Disposal(ref.key, Outcome.REFUSED, "its box has no security level of DIN 66399 such as P-4")
        self.wanted[item.box].append(item)
        return None

    def _settle(self) -> None:
        """Take off the lists what certificates tell of: the papers first, the box when nothing is in it any more."""
        for number, keys in self.settled.items():
            order = self.orders.written[number]
            self.archive.take_out(keys, order.order["box"] if order.order["kind"] == DESTRUCTION else None)
            self.orders.finish(number, frozenset(keys))

    def _order(self) -> Iterator[tuple[str, list[Item]]]:
        for box, items in self.wanted.items():
            leaving = sum(len(item.papers) for item in items)
            order = Order(
                self.archive.mapping.place,
                self.archive.told(box),
                tuple(sorted(item.key for item in items)),
                len(self.archive.boxes.get(box, ())) - leaving,
                self._latest(items),
                leaving if self.archive.by_box else None,
            )
            yield self.orders.write(order), items

    def _latest(self, items: Sequence[Item]) -> dict[str, str]:
        """Event -> its last day among them."""
        events = [self.archive.candidate(item).events for item in items]
        known = {name: [day for days in events if (day := days[name]) is not None] for name in events[0]}
        return {name: max(days).isoformat() for name, days in sorted(known.items()) if days}
