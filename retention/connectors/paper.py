"""The connector to paper: a list of boxes, a list of what lies in them, and people who carry orders out.

One item is one paper. Of a box whose papers are all due the keeper gets an order to destroy it whole; of a
mixed box a pull list, so that nothing has to wait for the last paper in it. Both are *pending* until the
signed certificate is recorded; then the papers are *destroyed*, and taken off the list, or *failed* where
the certificate leaves them out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from retention.connectors.paper_lists import CsvList, Row, alone, day_of
from retention.connectors.paper_orders import Order, Orders
from retention.connectors.personal import guess
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

BOX_COLUMNS: Mapping[str, str] = {"box": "box", "shelf": "shelf", "description": "description", "security": "security"}
"""What an order tells of a box, and in which column it stands unless `options` name another."""
OPTIONS = frozenset({*BOX_COLUMNS, "kind", "digitised"})
SAMPLE = 200


class PaperConnector:
    """One archive. Raises ConnectorError(permanent) for a config that is none."""

    kind: ClassVar[str] = "paper"
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("list", "The list of boxes (CSV)"),
        ConfigField("contents", "The list of what lies in them (CSV)"),
        ConfigField("orders", "The folder for orders and certificates"),
    )

    def __init__(self, list: str, contents: str, orders: str) -> None:
        self.boxes = CsvList(Path(list), "list of boxes")
        self.contents = CsvList(Path(contents), "list of contents")
        self.orders = Orders(Path(orders))

    def __enter__(self) -> Self:
        if not self.orders.directory.is_dir():
            raise ConnectorError("the folder for orders is not there", permanent=True)
        self.boxes.rows([])
        self.contents.rows([])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open between two verbs."""

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        for mapping in mappings:
            for what in ("fields", "children"):
                if getattr(mapping, what):
                    raise ConnectorError(f"{mapping.place}: paper has no {what}", permanent=True)
            unknown = sorted(set(mapping.options) - OPTIONS)
            if unknown:
                raise ConnectorError(f"{mapping.place}: unknown option {unknown[0]!r}", permanent=True)
            papers = list(self._papers(mapping))
            if not papers and mapping.place != "*":
                raise ConnectorError(
                    f"{mapping.place}: no paper of this kind stands in the list of contents", permanent=True
                )
            numbers = [paper[mapping.key] for paper in papers]
            if len(set(numbers)) < len(numbers) or "" in numbers:
                raise ConnectorError(f"column {mapping.key!r} does not tell the papers apart", permanent=True)
            boxes = self._boxes(mapping)
            lost = {paper[_column(mapping, "box")] for paper in papers} - set(boxes)
            if lost:
                raise ConnectorError(f"{len(lost)} boxes of the contents are not in the list of boxes", permanent=True)
        return Health()

    def describe(self) -> Iterator[Place]:
        for listed in (self.boxes, self.contents):
            rows = listed.rows([])
            samples = {name: [row[name] for row in rows[:SAMPLE]] for name in (rows[0] if rows else {})}
            yield Place(listed.path.stem, len(rows), dict.fromkeys(samples, "text"), guess(samples))

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        raise ConnectorError("a list of paper is no source of truth for the ledger", permanent=True)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        of_subjects = None if subjects is None else frozenset(subjects)
        of_contracts = None if contracts is None else frozenset(contracts)
        for paper in sorted(self._papers(mapping), key=lambda row: row[mapping.key]):
            candidate = _candidate(mapping, paper)
            if of_subjects is not None and candidate.ref.subject not in of_subjects:
                continue
            if of_contracts is not None and candidate.contract not in of_contracts:
                continue
            if satisfies(where, candidate):
                yield candidate

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        papers = {paper[mapping.key]: paper for paper in self._papers(mapping)}
        for ref in refs:
            if ref.key in papers:
                yield dict(papers[ref.key])

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        if action is not Action.DESTROY_PAPER:
            return [
                Disposal(ref.key, Outcome.REFUSED, f"paper can only be destroyed, not {action.value}") for ref in refs
            ]
        with alone(self.orders.directory):
            return self._dispose(mapping, refs, still_due)

    def _dispose(self, mapping: DatasetMapping, refs: Sequence[Ref], still_due: Expression) -> list[Disposal]:
        papers = {paper[mapping.key]: paper for paper in self._papers(mapping)}
        open_, certified = self.orders.open_orders(), self.orders.certified()
        answers: dict[str, Disposal] = {}
        to_order: dict[str, list[str]] = defaultdict(list)
        for ref in refs:
            order, destroyed = certified.get(ref.key, ("", False))
            if ref.key not in papers:
                answers[ref.key] = Disposal(ref.key, Outcome.ALREADY_ABSENT)
            elif destroyed:
                answers[ref.key] = Disposal(ref.key, Outcome.DESTROYED, f"certificate of order {order}")
            elif order:
                answers[ref.key] = Disposal(
                    ref.key, Outcome.FAILED, f"shortfall: the certificate of order {order} lacks it"
                )
            elif ref.key in open_:
                answers[ref.key] = Disposal(ref.key, Outcome.PENDING, open_[ref.key])
            else:
                candidate = _candidate(mapping, papers[ref.key])
                if candidate.ref.subject != ref.subject or not satisfies(still_due, candidate):
                    answers[ref.key] = Disposal(ref.key, Outcome.SUPERSEDED)
                else:
                    to_order[papers[ref.key][_column(mapping, "box")]].append(ref.key)
        answers |= self._order(mapping, papers, to_order)
        self.contents.take_out(
            mapping.key, [key for key, answer in answers.items() if answer.outcome is Outcome.DESTROYED]
        )
        return [answers[ref.key] for ref in refs]

    def _order(
        self, mapping: DatasetMapping, papers: Mapping[str, Row], to_order: Mapping[str, Sequence[str]]
    ) -> dict[str, Disposal]:
        boxes, column = self._boxes(mapping), _column(mapping, "box")
        everything = self.contents.rows([column])
        answers: dict[str, Disposal] = {}
        for box, keys in to_order.items():
            lying = sum(1 for paper in everything if paper[column] == box)
            order = Order.of(boxes[box], keys, staying=lying - len(keys))
            self.orders.write(order)
            answers |= {key: Disposal(key, Outcome.PENDING, order.number) for key in keys}
        return answers

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        papers = {paper[mapping.key] for paper in self._papers(mapping)}
        return [Residue(ref.key, "still on the list of contents") for ref in refs if ref.key in papers]

    def _papers(self, mapping: DatasetMapping) -> Iterator[Row]:
        """The papers of a dataset: those of the kind that its place names; all of them where it is `*`."""
        kind = mapping.options.get("kind", "kind")
        named = [name for name in (mapping.subject, mapping.contract) if name]
        needed = [mapping.key, _column(mapping, "box"), *named, *mapping.events.values(), *mapping.facts.values()]
        rows = self.contents.rows([*needed, *([] if mapping.place == "*" else [kind])])
        return (row for row in rows if mapping.place == "*" or row[kind] == mapping.place)

    def _boxes(self, mapping: DatasetMapping) -> dict[str, dict[str, str]]:
        """Box -> what an order tells of it."""
        column = _column(mapping, "box")
        return {
            row[column]: {name: row.get(_column(mapping, name), "") for name in BOX_COLUMNS}
            for row in self.boxes.rows([column])
        }


def _column(mapping: DatasetMapping, name: str) -> str:
    return str(mapping.options.get(name, BOX_COLUMNS[name]))


def _candidate(mapping: DatasetMapping, paper: Row) -> Candidate:
    closed = mapping.closed is not None and paper.get(mapping.closed.column, "") in mapping.closed.values
    return Candidate(
        Ref(paper[mapping.key], (paper[mapping.subject] or None) if mapping.subject else None),
        contract=(paper[mapping.contract] or None) if mapping.contract else None,
        events={
            event: day_of(paper[column], f"column {column!r} of the list of contents")
            for event, column in mapping.events.items()
        },
        facts={fact: paper[column] or None for fact, column in mapping.facts.items()},
        closed=closed,
    )
