"""What is kept of one person, where, why and until when: the answer to "why do you still have this" (art. 15(1)(d)).

Every dataset that speaks of such persons is asked for this one's items, and each is decided as the independent reader
decides it. Nothing is written. What cannot be asked is unknown, never "nothing".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import islice

from retention import following_reader
from retention.closed import closings
from retention.connectors.contract import Candidate
from retention.domain.decisions import Decision, Item, State, decide
from retention.domain.errors import SelosteError
from retention.domain.following import decide_following
from retention.domain.rules import Hold
from retention.first_told import first_told, refuse_blind
from retention.holds import of_item, on
from retention.identity import Names
from retention.plan import DatasetPlan, Plan, plan_of
from retention.verification import join
from ropa.models import Organisation, Version

MOST = 2_000
"""Items of one dataset that are looked at."""


@dataclass(frozen=True)
class Kept:
    """Items of one dataset that are decided alike. `doubtful`: whose they are is not certain."""

    dataset: DatasetPlan
    items: int
    decision: Decision
    doubtful: bool = False


@dataclass(frozen=True)
class Answer:
    """All that is known of one person.

    kept     what is there, by dataset and decision
    nothing  datasets that were asked and have nothing of this person
    unknown  dataset -> why it could not be asked, or not to its end
    """

    kept: tuple[Kept, ...]
    nothing: tuple[DatasetPlan, ...]
    unknown: tuple[tuple[DatasetPlan, str], ...]


def kept_of(organisation: Organisation, version: Version, kind: str, number: str, today: date) -> Answer:
    """What the registers have of the person of this kind with this number, by the version's rules on the day.

    A dataset that is not reached by us, tells no person, is closed or rests on contracts that nobody tells is unknown.
    Raises RuleError for a version without a plan.
    """
    whole, closed = plan_of(version), closings(organisation)
    plan = whole.without(closed)
    kept: list[Kept] = []
    nothing: list[DatasetPlan] = []
    unknown: list[tuple[DatasetPlan, str]] = []
    with Names(organisation, plan) as names, first_told(organisation, [plan]) as silent:
        for dataset in whole.datasets:
            if dataset.subject_kind != kind:
                continue
            try:
                if dataset.register in closed:
                    raise SelosteError("its register is closed; its certificate says what was left")
                if dataset.mapping is not None:
                    refuse_blind(organisation, plan, dataset, today, silent)
                found = list(_of_dataset(organisation, plan, dataset, names, number, today))
            except SelosteError as error:
                unknown.append((dataset, str(error)))
                continue
            kept += found
            if not found:
                nothing.append(dataset)
    return Answer(tuple(kept), tuple(nothing), tuple(unknown))


def _of_dataset(
    organisation: Organisation, plan: Plan, dataset: DatasetPlan, names: Names, number: str, today: date
) -> Iterator[Kept]:
    mapping = dataset.mapping
    if mapping is None:
        raise SelosteError("it is not reached by us")
    if mapping.subject is None:
        raise SelosteError("it tells of no single person")
    with names.connect(dataset) as connector:
        told = (one for one in connector.find(mapping, subjects=[number]) if number in {one.ref.subject, *one.maybe})
        candidates = list(islice(told, MOST + 1))
    if len(candidates) > MOST:
        raise SelosteError(f"it has more than {MOST} items of this person")
    alike: Counter[tuple[Decision, bool]] = Counter()
    holds = on(organisation, plan, dataset, subjects=[number])
    for decision, doubtful in _decided(organisation, plan, dataset, names, candidates, holds, today):
        alike[decision, doubtful] += 1
    for (decision, doubtful), items in alike.items():
        yield Kept(dataset, items, decision, doubtful)


def _decided(
    organisation: Organisation,
    plan: Plan,
    dataset: DatasetPlan,
    names: Names,
    candidates: Sequence[Candidate],
    holds: Mapping[str, Sequence[Hold]],
    today: date,
) -> Iterator[tuple[Decision, bool]]:
    def beside(theirs: DatasetPlan, some: Sequence[Candidate]) -> Iterator[tuple[Candidate, Item]]:
        return ((one.candidate, one.item) for one in join(plan, theirs, organisation, some, today))

    joined = list(join(plan, dataset, organisation, candidates, today))
    with ExitStack() as stack:
        if not dataset.rules.follows:
            for one in joined:
                decision = decide(one.item, dataset.rules, of_item(holds, one.candidate.ref.subject), today)
                yield _certain(decision, one.doubtful), one.doubtful
            return
        reader = stack.enter_context(following_reader.reader(plan, dataset, organisation, today, names.connect, beside))
        for one, followed in zip(joined, reader.followed(candidates), strict=True):
            mine = of_item(holds, one.candidate.ref.subject)
            yield (
                _certain(decide_following(one.item, dataset.rules, followed, mine, today), one.doubtful),
                one.doubtful,
            )


def _certain(decision: Decision, doubtful: bool) -> Decision:
    """Whose it is is not certain: then it does not simply go."""
    return Decision(State.REVIEW, reasons=decision.reasons) if doubtful and decision.state is State.DUE else decision
