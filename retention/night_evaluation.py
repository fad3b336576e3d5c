"""What is due tonight becomes lots: a dataset as a whole, or each span of people by whoever is free."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Max

from retention import breakers, parts, replay
from retention.connectors.contract import Connector
from retention.disposal import (
    make_lots,
    open_lots,
    waiting_keys,
    withdraw,
)
from retention.domain.errors import NightError
from retention.domain.lifecycle import LotState
from retention.domain.rules import Action
from retention.evaluation import Due, Evaluation, evaluate
from retention.following import question_of
from retention.models import (
    Collection,
    DatasetNight,
    Lot,
)
from retention.night_context import PEOPLE, Night, lot_key, tell_returned
from retention.night_parts import forget_parts, keep_result, share
from retention.plan import DatasetPlan
from retention.question import Question
from retention.waves import waves_of


def incomplete_sources(night: Night, question: Question) -> str:
    """Which of tonight's collections, that this dataset's rules or those of what it follows rest on, failed (V5)."""
    theirs = (question_of(question, follow) for follow in question.dataset.rules.follows)
    return "; ".join(filter(None, (_incomplete(night, one) for one in (question, *theirs))))


def _incomplete(night: Night, question: Question) -> str:
    if not question.asks_ledger:
        return ""
    asked = Collection.objects.filter(run=night.run)
    problems = dict(asked.filter(complete=False).values_list("source", "problem"))
    complete = set(asked.filter(complete=True).values_list("source", flat=True))
    blind = []
    for register, source in night.plan.sources(question.dataset.subject_kind, question.wanted):
        name = f"{register.code}:{source.code}"
        if name not in complete:
            blind.append(f"{name}: {problems.get(name, 'was not collected')}")
    return "; ".join(blind)


def evaluate_whole(night: Night, question: Question, connector: Connector) -> None:
    dataset = question.dataset
    night.progress("evaluate", dataset.register, dataset.code)
    _take_back_unweighed(night, dataset)
    lots = open_lots(night.organisation.pk, dataset.code)
    foreseen = breakers.forecast(night.run, dataset)
    found = _evaluate(night, question, connector, lots, foreseen)
    items = breakers.items_of(question, connector, foreseen, found.fresh)
    with transaction.atomic():
        _tell_evaluated(night, dataset, found.counts, found.returned)
        _flag(night, dataset, found.due)
        _weigh(night, dataset, foreseen, found.fresh, found.early, found.counts.get("held", 0), items)
    night.at(f"evaluated {dataset.code}")


@dataclass(frozen=True)
class _Found:
    """What an evaluation came to. `returned`: how much of what is due had been destroyed before; `fresh`: the rest
    without what a campaign dated; `early`: of that, due since a day on which it was not."""

    due: Sequence[Due]
    counts: Mapping[str, int]
    returned: int
    fresh: int
    early: int


def _evaluate(
    night: Night, question: Question, connector: Connector, lots: Iterable[Lot], foreseen: breakers.Forecast
) -> _Found:
    """What is due and in none of these lots."""
    waiting = frozenset(key for lot in lots for key in waiting_keys(lot))
    found = evaluate(question, connector, question.memory.holds(question), waiting)
    back = replay.returned(night.organisation, question.dataset.code, [lot_key(item) for item in found.due])
    early = breakers.early(foreseen, found.due, back)
    fresh = sum(not one.estimated and one.key not in back for one in found.due)
    return _Found(found.due, _counted(found), len(back), fresh, early)


def _counted(found: Evaluation) -> dict[str, int]:
    counts = {state.value: n for state, n in sorted(found.counts.items())}
    if by_estimate := sum(bool(due.estimated) for due in found.due):
        counts["due_estimated"] = by_estimate
    return counts


def _tell_evaluated(night: Night, dataset: DatasetPlan, counts: Mapping[str, int], returned: int) -> None:
    DatasetNight.objects.update_or_create(
        run=night.run,
        dataset=dataset.code,
        defaults={"register": dataset.register, "counts": counts, "problem": "", "unchanged_since": None},
    )
    night.log.append("evaluated", {"register": dataset.register, "dataset": dataset.code, "counts": counts})
    tell_returned(night, dataset, returned)


def _take_back_unweighed(night: Night, dataset: DatasetPlan) -> None:
    """What an evaluation flagged in parts and never came to the end of is flagged anew, so that all of it is weighed.

    What people have approved by now they have seen, and it goes on; what waits for another of them does not.
    """
    for lot in Lot.objects.filter(
        organisation=night.organisation, dataset=dataset.code, weighed=False, state=LotState.FLAGGED
    ):
        withdraw(lot, "the evaluation that flagged it did not come to its end")


def _weigh(
    night: Night,
    dataset: DatasetPlan,
    foreseen: breakers.Forecast,
    fresh: int,
    early: int,
    held: int,
    items: int,
) -> None:
    if dataset.policy.mode == "observe":
        return  # there is no lot that could go
    counted = Lot.objects.filter(run=night.run, dataset=dataset.code, weighed=False).exclude(state=LotState.WITHDRAWN)
    counted.update(weighed=True)
    if breaker := breakers.trip(night.run, dataset, foreseen, fresh, early, held, items, night.log):
        night.progress("breaker", dataset.register, f"{dataset.code}: {breaker.value}")


def _flag(night: Night, dataset: DatasetPlan, found: Sequence[Due], *, weighed: bool = True) -> None:
    grouped: dict[tuple[Action, str, tuple[int, ...]], list[Due]] = defaultdict(list)
    for due in found:
        grouped[due.action, due.why.value, due.estimated].append(due)
    if dataset.policy.mode != "observe":
        for (action, why, estimated), items in sorted(grouped.items()):
            for wave, keys in waves_of(night.run, dataset, [lot_key(item) for item in items]):
                make_lots(night.run, dataset, action, why, keys, night.log, estimated, wave, weighed=weighed)


def evaluate_shared(night: Night, question: Question, connector: Connector) -> bool:
    """The same, each span of people by whoever is free; whether all of it could be done."""
    dataset = question.dataset
    what, people = f"evaluate {dataset.code}", night.spans(dataset.subject_kind)
    night.progress("evaluate", dataset.register, dataset.code)
    if not parts.of(night.step, what).exists():
        _take_back_unweighed(night, dataset)
    last = Lot.objects.filter(organisation=night.organisation).aggregate(last=Max("pk"))["last"] or 0
    share(
        night,
        what,
        [
            {"do": "evaluate", "dataset": dataset.code, "span": span, "share": [n, len(people)], "lots_until": last}
            for n, span in enumerate(people)
        ],
    )
    foreseen = breakers.forecast(night.run, dataset)
    items = breakers.items_of(question, connector, foreseen, PEOPLE)
    with transaction.atomic():
        ended = forget_parts(night, what)
        if any(part.problems for part in ended):
            return False
        counts: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        for part in ended:
            if part.result is None:
                raise NightError(f"{part}: it has ended, and nothing says what it came to")
            counts.update(part.result["counts"])
            sums.update({name: part.result[name] for name in ("returned", "fresh", "early")})
        _tell_evaluated(night, dataset, dict(sorted(counts.items())), sums["returned"])
        _weigh(night, dataset, foreseen, sums["fresh"], sums["early"], counts["held"], items)
    night.at(f"evaluated {dataset.code}")
    return True


def evaluate_part(night: Night, question: Question, connector: Connector) -> None:
    """One span of people. Its lots and what it came to are written at once, so that none is made twice."""
    if night.step.result is not None:
        return
    about = night.step.about
    mine, of = about["share"]
    after, until = about["span"]
    asked = replace(question, span=(after, until), share=(mine, of))
    before = (lot for lot in open_lots(night.organisation.pk, question.dataset.code) if lot.pk <= about["lots_until"])

    found = _evaluate(night, asked, connector, before, breakers.forecast(night.run, question.dataset))
    told = {"counts": found.counts, "returned": found.returned, "fresh": found.fresh, "early": found.early}
    with transaction.atomic():
        keep_result(night, told)
        _flag(night, question.dataset, found.due, weighed=False)
