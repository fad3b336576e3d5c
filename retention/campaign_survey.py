"""Which groups of items wait for a date that is missing or is a migration's, and what a substitute would do.

A register is read once, batch by batch; nothing is kept of an item but counts, and of a few the keyed digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from retention.connectors.contract import Candidate, Connector
from retention.domain.decisions import Item, State, decide, with_own
from retention.domain.events import NEVER
from retention.domain.rules import Hold
from retention.domain.substitutes import Cause, Gap, Substitute, dated, fill, gaps, rules_starting
from retention.evaluation import doubted
from retention.evidence_log import subject_digest
from retention.holds import of_item
from retention.question import BATCH, Question

EXAMPLES = 3
"""Keyed digests that are told of a group."""

NOT_YET = "not_yet"
"""A heap of dates such as 9999-12-31: it says that nothing has ended, and nothing can stand in for that."""


@dataclass(frozen=True, slots=True)
class Heap:
    """From when on identical dates are suspicious: at least so many items, and this share of all that are dated."""

    least: int = 100
    share: float = 0.05


@dataclass
class Group:
    """Items of one dataset with gaps of one event and cause. `undecided`: of them, whose start event is missing."""

    register: str
    dataset: str
    rules: tuple[str, ...]
    event: str
    cause: str
    same_day: date | None = None
    items: int = 0
    gaps: int = 0
    undecided: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, key: str, found: int, undecided: bool) -> None:
        self.items += 1
        self.gaps += found
        self.undecided += undecided
        if len(self.examples) < EXAMPLES:
            self.examples.append(subject_digest(key))

    def as_dict(self) -> dict[str, Any]:
        return {
            "register": self.register,
            "dataset": self.dataset,
            "rules": list(self.rules),
            "event": self.event,
            "cause": self.cause,
            "same_day": self.same_day.isoformat() if self.same_day else None,
            "items": self.items,
            "gaps": self.gaps,
            "undecided": self.undecided,
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True)
class Known:
    """An item as it is read: with what the ledger knows, whether it knows its person, and the holds on it."""

    candidate: Candidate
    item: Item
    told: bool
    holds: tuple[Hold, ...]


def whole(question: Question, connector: Connector) -> Iterator[list[Known]]:
    """Every item of a dataset, batch by batch, its gaps filled by what is in force. Raises ConnectorError."""
    holds = question.holds()
    stream = iter(connector.find(question.mapping))
    while batch := list(islice(stream, BATCH)):
        subjects = sorted({c.ref.subject for c in batch if c.ref.subject})
        known = dict(question.items(subjects)) if subjects and question.asks_ledger else {}
        read = []
        for candidate in batch:
            theirs = known.get(question.scope_of(candidate))
            own = with_own(theirs or question.stranger, candidate.events, candidate.facts, candidate.closed)
            read.append(Known(candidate, own, theirs is not None, of_item(holds, candidate.ref.subject)))
        if question.dataset.substitutes:
            filled = question.filler.fill_all((one.candidate.ref.key, one.item, one.told) for one in read)
            read = [
                Known(one.candidate, filled[key][0], one.told, one.holds) if key in filled else one
                for one in read
                for key in [one.candidate.ref.key]
            ]
        yield read


def groups(question: Question, connector: Connector, heap: Heap | None = None) -> list[Group]:
    """The groups of one dataset, the largest first. Raises ConnectorError."""
    heap = heap or Heap()
    rules, dataset = question.dataset.rules, question.dataset

    def group(event: str, cause: str, day: date | None = None) -> Group:
        return Group(dataset.register, dataset.code, rules_starting(rules, event), event, cause, day)

    missing: dict[tuple[str, Cause], Group] = {}
    days: dict[tuple[str, date], Group] = {}
    totals: Counter[str] = Counter()
    for batch in whole(question, connector):
        for one in batch:
            key, found = one.candidate.ref.key, gaps(one.item, rules, question.today, one.told)
            unbelieved = {(gap.event, gap.day) for gap in found}
            if found:
                state = decide(one.item, rules, one.holds, question.today).state
                per = Counter((gap.event, gap.cause) for gap in found)
                for (event, cause), number in per.items():
                    where = missing.setdefault((event, cause), group(event, cause.value))
                    where.add(key, number, state is State.TRIGGER_MISSING)
            for event, day in dated(one.item, rules):
                if (event, day) in unbelieved or event in one.item.estimated:
                    continue
                totals[event] += 1
                cause_ = NOT_YET if day >= NEVER else Cause.SAME_DAY.value
                days.setdefault((event, day), group(event, cause_, day)).add(key, 1, undecided=False)
    heaps = [one for (event, _), one in days.items() if one.items >= max(heap.least, heap.share * totals[event])]
    return sorted([*missing.values(), *heaps], key=lambda one: (-one.items, one.event, one.cause, str(one.same_day)))


@dataclass
class Forecast:
    """What a substitute would do with a group: items by when they may go, and those that it leaves as they are."""

    items: int = 0
    gaps: int = 0
    due: int = 0
    held: int = 0
    unfilled: int = 0
    still_undecided: int = 0
    open: int = 0
    by_year: Counter[int] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {
            "due": self.due,
            "held": self.held,
            "later": {str(year): n for year, n in sorted(self.by_year.items())},
            "open": self.open,
            "still_undecided": self.still_undecided,
            "unfilled": self.unfilled,
        }


def members(
    question: Question, connector: Connector, substitute: Substitute, forecast: Forecast
) -> Iterator[Sequence[tuple[str, Gap]]]:
    """(key, gap) of a group, batch by batch; `forecast` is filled on the way. Raises ConnectorError."""
    rules, today = question.dataset.rules, question.today
    untrue = frozenset() if substitute.same_day is None else frozenset({(substitute.event, substitute.same_day)})
    for batch in whole(question, connector):
        rows: list[tuple[str, Gap]] = []
        for one in batch:
            mine = [g for g in gaps(one.item, rules, today, one.told, untrue) if substitute.meant(g)]
            if not mine:
                continue
            rows += [(one.candidate.ref.key, gap) for gap in mine]
            forecast.items += 1
            forecast.gaps += len(mine)
            filled, numbers = fill(one.item, rules, dict.fromkeys(mine, substitute), today)
            decision = doubted(one.candidate, decide(filled, rules, one.holds, today))
            if not numbers:
                forecast.unfilled += 1
            elif decision.state is State.DUE:
                forecast.due += 1
            elif decision.state is State.HELD:
                forecast.held += 1
            elif decision.state is State.KEEP and decision.due_from is not None:
                forecast.by_year[decision.due_from.year] += 1
            elif decision.state is State.OPEN:
                forecast.open += 1
            else:
                forecast.still_undecided += 1
        if rows:
            yield rows
