"""Steps at night: an item's day on which something happens to it that is not its end.

A step is worked on as a dataset of its own over the same items (`plan.Plan.steps`): its lots, approvals, holds and
evidence are those of any disposal, and so is the register's own condition in the statement that changes something.
What a step makes is written into its place, and read back there, while the items are locked; only then do they go.
Where both places are one database that is one transaction. Where they are two, the new place has it first: killed in
between, the next attempt finds it there as it was sent, and goes on. The final action waits for steps that are due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, ClassVar, Self

from retention.by_key import of_keys
from retention.connectors.contract import (
    Candidate,
    ConfigField,
    Connector,
    ConnectorError,
    DatasetMapping,
    Disposal,
    HandOver,
    HandsOver,
    Health,
    LedgerMapping,
    LedgerRow,
    Place,
    Ref,
    Residue,
)
from retention.domain.predicates import TRUE, Expression, is_false
from retention.domain.rules import Action, StepAction
from retention.lot_keys import LotKey
from retention.plan import DatasetPlan
from retention.question import Question

Connect = Callable[[DatasetPlan], Connector]
"""A dataset's register, not yet entered."""


class Stepping:
    """A register whose items are handed over before they go; all else is the register's own."""

    kind: ClassVar[str] = "stepping"
    fields: ClassVar[tuple[ConfigField, ...]] = ()

    def __init__(self, inner: Connector, into: HandOver, receiver: HandsOver | None) -> None:
        if not isinstance(inner, HandsOver):
            raise ConnectorError(f"a connection of kind {inner.kind} hands nothing over", permanent=True)
        self.inner: Connector = inner
        self.giver: HandsOver = inner
        self.into, self.receiver = into, receiver

    def __repr__(self) -> str:
        return f"Stepping({self.inner!r})"

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inner.__exit__(kind, error, trace)

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Of both places: what is missing in either is missing."""
        health = self.inner.check(mappings)
        lacking = self.giver.check_hand_over(mappings, self.into, here=self.receiver is None)
        if self.receiver is not None:
            lacking += self.receiver.check_hand_over((), self.into, here=True)
        return replace(health, missing_rights=(*health.missing_rights, *lacking))

    def describe(self) -> Iterator[Place]:
        return self.inner.describe()

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        return self.inner.collect(mapping)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        return self.inner.find(mapping, where, subjects, contracts)

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        return self.inner.export(mapping, refs)

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        """Hand over what is still due, and dispose of what was taken."""
        return self.giver.hand_over(mapping, refs, action, still_due, self.into, self.receiver)

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        return self.inner.verify(mapping, refs, action)


@contextmanager
def stepping(question: Question, connector: Connector, connect: Connect) -> Iterator[Connector]:
    """The dataset's connector; of a step that makes something, one that makes it. Raises ConnectorError."""
    step = question.dataset.step
    if step is None or step.target is None or step.target.mapping is None:
        yield connector
        return
    condensed = step.step.action is StepAction.CONDENSE
    into = HandOver(step.target.mapping.place, step.target.mapping.key, step.made_of, condensed)
    if step.target.register == question.dataset.register:
        yield Stepping(connector, into, None)
        return
    with connect(step.target) as receiver:
        if not isinstance(receiver, HandsOver):
            raise ConnectorError(f"a connection of kind {receiver.kind} takes nothing over", permanent=True)
        yield Stepping(connector, into, receiver)


def unfinished(question: Question, connector: Connector, entries: Sequence[LotKey]) -> dict[str, str]:
    """Of a lot's keys, those whose steps are due and not carried out, and which: their end waits for them."""
    found: dict[str, str] = {}
    if question.dataset.step is not None:
        return found
    wanted = {entry.key for entry in entries}
    for step in question.plan.steps_of(question.dataset.code):
        theirs = Question(question.organisation, question.plan, step, question.today)
        scopes = theirs.still_due({(entry.subject, entry.contract) for entry in entries})
        for condition in dict.fromkeys(scopes.values()):
            if is_false(condition):
                continue
            mine = sorted(
                entry.key
                for entry in entries
                if scopes[(entry.subject or "", entry.contract if theirs.contract_grain else None)] == condition
            )
            for candidate in of_keys(connector, theirs.mapping, mine, condition):
                if candidate.ref.key in wanted:
                    found.setdefault(candidate.ref.key, f"its step {step.code} is due and was not carried out")
    return found
