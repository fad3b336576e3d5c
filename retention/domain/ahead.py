"""What becomes of one item in the days ahead, if nothing but the calendar changes: the exact day from which it may go.

Its states are decided by `decide` alone, on the days on which they may change (`horizon`), never interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from retention.domain.decisions import Decision, State
from retention.domain.horizon import Question, next_change, questions
from retention.domain.items import Item, by_contracts, recorded
from retention.domain.rules import Hold, RuleSet

MAY_GO = frozenset({State.DUE, State.HELD})
"""States of an item that its rules let go; a hold suspends that and ends some day."""


@dataclass(frozen=True, slots=True)
class Course:
    """How an item stands on the first day, and the first day from then on that lets it go, as far as was looked.

    held  a hold keeps it on that day
    """

    state: State
    due: date | None = None
    held: bool = False


def course(
    decide_on: Callable[[date], Decision],
    parts: Sequence[tuple[Item, RuleSet]],
    holds: Sequence[Hold],
    start: date,
    until: date,
    ask: Callable[[RuleSet, date], frozenset[Question]] = questions,
) -> Course:
    """Look from `start` to `until`, both inclusive. `parts`: the items that decide, each with its rules.

    `ask`: `questions`, or what remembers its answers.
    """
    first = decide_on(start)
    day, found = start, first
    while found.state not in MAY_GO:
        day = min((_next(item, rules, holds, day, ask(rules, day)) for item, rules in parts), default=date.max)
        if day > until:
            return Course(first.state)
        found = decide_on(day)
    return Course(first.state, day, found.state is State.HELD)


def _next(item: Item, rules: RuleSet, holds: Sequence[Hold], day: date, wanted: frozenset[Question]) -> date:
    """The earliest later day on which these rules may say something else about this item."""
    dates = {name: list(_days(item, name)) for name, _ in wanted}
    earliest = {(name, since): [min((d for d in dates[name] if d >= since), default=None)] for name, since in wanted}
    return next_change(rules, holds, day, earliest)


def _days(item: Item, name: str) -> Iterator[date]:
    if by_contracts(item, name):
        for contract in item.contracts:
            told = contract.started if name == "contract_started" else contract.ended
            if told is not None:
                yield told
    for occurrence in recorded(item, name):
        if occurrence.day is not None:
            yield occurrence.day
