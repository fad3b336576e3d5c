"""Breakers of a night: tonight against what was foreseen, share of a dataset, the first chunk's read-back (D5).

The forecast is the contract ends': whatever falls due by a day that was known then has its `due_from` after the night
that read the dataset last. What is due tonight since an earlier day was not due then by what was known, so something
has changed: ends were told late or all at once, rows have come under other rules, a release let go what was held. So
has it with what has no ground left: no day foresees that. Nor does any foresee what people do on one day and is due on
the next: a consent that is withdrawn, an objection, a case that is closed, each where nothing keeps the item longer. An
end that may be told ahead, as a contract's, counts as told. Of all this some is expected, because people knew it: what
the reader saw held and no hold holds now, or due where the policy only watched; what was shown of the effect of the
rules before they were published; what a campaign gives a start. The rest is *unforeseen*.

More than half of a dataset in one night waits for a person too, foreseen or not, unless people were shown it before
they published the rules.

A breaker rejects nothing. It makes tonight's lots of the dataset wait for one approval at least, of whoever sees the
numbers; what was approved before goes on. Where people turn such a lot down nothing unforeseen goes by itself, however
little, until they approve one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db.models import F, QuerySet, Sum, Value
from django.db.models.functions import Greatest

from retention.connectors.contract import Connector, Ref, TellsCrowds
from retention.domain.breakers import FEW, Breaker, Tonight, too_many_gone, too_many_left, tripped
from retention.domain.decisions import Why
from retention.domain.errors import LifecycleError
from retention.domain.lifecycle import GONE, LotState, Outcome
from retention.domain.rules import Action
from retention.evaluation import Due
from retention.evidence_log import EvidenceLog
from retention.holds import stop
from retention.models import Attempt, DatasetNight, KeyOutcome, Lot, Run
from retention.plan import DatasetPlan, plan_of
from retention.question import Question
from ropa.models import Version

NOT_CLAIMED = (LotState.FLAGGED, LotState.APPROVED)
"""Nothing of such a lot has been sent."""


class Untrue(LifecycleError):
    """The register does not do what it says: nothing more of the dataset is sent tonight."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the last night that read a dataset knew.

    since    that night's business date; None: none has read it
    items    how many there were after it; None: not known
    held     items that a hold kept then, beside those that are in a lot already
    watched  items that were due then, where the policy only watched
    shown    how many were to go by now as people were shown it, where tonight's rules are new since then
    """

    since: date | None = None
    items: int | None = None
    held: int = 0
    watched: int = 0
    shown: int = 0

    def unforeseen(self, early: int, held: int) -> int:
        """Of so many items that are due early those that nobody knew of; `held`: how many a hold keeps tonight."""
        return max(0, early - max(0, self.held - held) - self.watched - self.shown)


def forecast(run: Run, dataset: DatasetPlan) -> Forecast:
    """What was to be expected of this night."""
    read = DatasetNight.objects.filter(
        run__organisation=run.organisation,
        run__business_date__lt=run.business_date,
        dataset=dataset.code,
        problem="",
        overdue_left__isnull=False,
    )
    last = read.select_related("run__version").order_by("-run__business_date").first()
    shown = _shown(last.run.version if last is not None else None, run.version, dataset, run)
    if last is None:
        return Forecast(shown=shown)
    left = {name.removeprefix("left_"): n for name, n in last.counts.items() if name.startswith("left_")}
    left.pop("estimated", None)  # how many of the others, not a state
    in_lots = KeyOutcome.objects.filter(
        lot__organisation=run.organisation, lot__dataset=dataset.code, lot__state=LotState.CLAIMED, outcome=Outcome.HELD
    ).count()  # those are not flagged again
    held = max(0, left.get("held", 0) - in_lots)
    watched = left.get("due", 0) if _watched(last.run.version, dataset) else 0
    return Forecast(last.run.business_date, sum(left.values()), held, watched, shown)


def _watched(version: Version | None, dataset: DatasetPlan) -> bool:
    """Whether nothing of it went under a version because its policy only watched."""
    was = plan_of(version).find_dataset(dataset.code) if version is not None else None
    return was is not None and was.policy.mode == "observe"


def _turned_down(run: Run, dataset: DatasetPlan) -> bool:
    """Whether people turned down the last lot that they were asked about because of a breaker."""
    asked = Lot.objects.filter(
        organisation=run.organisation, dataset=dataset.code, rules_digest=dataset.rules_digest
    ).exclude(breaker={})
    decided = asked.exclude(state__in=(LotState.FLAGGED, LotState.WITHDRAWN)).order_by("-pk")
    return decided.values_list("state", flat=True).first() == LotState.REJECTED


def _shown(before: Version | None, now: Version | None, dataset: DatasetPlan, run: Run) -> int:
    """How many items more were to go by tonight, as the effect of the rules was shown before they were published."""
    if now is None or (before is not None and before.pk == now.pk) or not now.impact:
        return 0
    month = run.business_date.isoformat()[:7]
    for effect in now.impact["counted"]["datasets"]:
        if effect["dataset"] == dataset.code and not effect["problem"]:
            by_now = sum(one["gained"] for one in effect["months"] if one["month"] <= month)
            begins = effect["modes"][0] in {"", "observe"}  # then all that is due goes for the first time
            return int((effect["due"][1] if begins else effect["at_once"]["gained"]) + by_now)
    return 0


def early(foreseen: Forecast, due: Sequence[Due], returned: Collection[str]) -> int:
    """Of these items those that were not due when the dataset was read, and that no day foresaw; expected ones too.

    What happened on the day of that night, after it, falls due with no night between: nobody could count it before.
    """
    since = foreseen.since
    if since is None:
        return 0
    return sum(
        (one.due_from <= since or one.why is Why.NO_GROUND or (one.sprung_on is not None and one.sprung_on >= since))
        and not one.estimated
        and one.key not in returned
        for one in due
    )


def items_of(question: Question, connector: Connector, foreseen: Forecast, due: int) -> int:
    """How many items a dataset has: as it was read last, or counted now where the answer can depend on it."""
    if foreseen.items is not None:
        return foreseen.items
    if due <= FEW:
        return due
    mapping = question.mapping
    if isinstance(connector, TellsCrowds):  # of everybody together
        return sum(crowd.items for crowd in connector.crowds(replace(mapping, subject=None, contract=None), ()))
    return sum(1 for _ in connector.find(mapping))


def trip(
    run: Run, dataset: DatasetPlan, foreseen: Forecast, due: int, early: int, held: int, items: int, log: EvidenceLog
) -> Breaker | None:
    """In the transaction that flags: if tonight is out of proportion its lots wait for a person; which breaker it was.

    `early`: of what is due, what no day foresaw; some of it was expected. `held`: what a hold keeps tonight.
    """
    unforeseen = foreseen.unforeseen(early, held)
    tonight = Tonight(max(0, due - foreseen.shown), unforeseen, items, _turned_down(run, dataset))
    lots = Lot.objects.filter(run=run, dataset=dataset.code, state=LotState.FLAGGED)
    return _wait(run, dataset, foreseen, tonight, due, sorted(lots.values_list("pk", flat=True)), log)


def trip_anew(run: Run, dataset: DatasetPlan, lots: Sequence[Lot], log: EvidenceLog) -> Breaker | None:
    """The same of what dropped out of a lot and is flagged anew: nothing foresaw its other day, so all of it counts.

    So does what dropped out of the dataset's other lots tonight: whoever writes evidence of the night is alone until
    that is committed, and sees what the others made. Those go on; `lots` wait, and are then as their rows are.
    """
    if not lots:
        return None
    mine = Lot.objects.filter(run=run, dataset=dataset.code, anew=True)
    foreseen, anew = forecast(run, dataset), mine.aggregate(sum=Sum("size"))["sum"]
    tonight = Tonight(anew, anew, foreseen.items or 0, _turned_down(run, dataset))
    breaker = _wait(run, dataset, foreseen, tonight, anew, [lot.pk for lot in lots], log)
    for lot in lots:
        lot.refresh_from_db(fields=["breaker", "approvals_needed"])
    return breaker


def _wait(
    run: Run,
    dataset: DatasetPlan,
    foreseen: Forecast,
    tonight: Tonight,
    due: int,
    lots: Sequence[int],
    log: EvidenceLog,
) -> Breaker | None:
    breaker = tripped(tonight)
    if breaker is None:
        return None
    told = {
        "breaker": breaker.value,
        "due": due,
        "unforeseen": tonight.unforeseen,
        "items": tonight.items,
        "since": foreseen.since and foreseen.since.isoformat(),
    }
    waiting = Lot.objects.filter(pk__in=lots)
    waiting.update(breaker=told, approvals_needed=Greatest(F("approvals_needed"), Value(1)))
    log.append("breaker", {"register": dataset.register, "dataset": dataset.code, "lots": list(lots), **told})
    return breaker


def gone_tonight(run: Run, lot: Lot) -> int:
    """Items of the lot's dataset that went tonight and beside which somebody looked.

    Beside what a night had sent before it was killed nobody did.
    """
    return sum(tally.get(outcome.value, 0) for tally in _tonight(run, lot)[1] for outcome in _LOOKED_BESIDE)


def refuse_untrue(run: Run, lot: Lot, place: str) -> None:
    """Raises Untrue if too much of what was sent tonight is still there, by what was recorded of it."""
    tonight, tallies = _tonight(run, lot)
    gone = sum(tally.get(outcome.value, 0) for tally in tallies for outcome in GONE)
    failed = left = sum(tally.get(Outcome.FAILED.value, 0) for tally in tallies)
    if gone:
        exceptions = KeyOutcome.objects.filter(attempt__in=tonight).exclude(residue="")
        left += sum(_is_there(place, where) for where in exceptions.values_list("residue", flat=True))
    if too_many_left(gone + failed, left):
        sent = gone + failed
        raise Untrue(f"of {sent} items sent tonight {left} are still there: no more are sent before the next night")


_LOOKED_BESIDE = GONE - {Outcome.RECOVERED}


def _tonight(run: Run, lot: Lot) -> tuple[QuerySet[Attempt], list[dict[str, int]]]:
    mine = Attempt.objects.filter(run=run, lot__dataset=lot.dataset, lot__register=lot.register, state="outcome")
    return mine, list(mine.values_list("tally", flat=True))


def _is_there(place: str, where: str) -> bool:
    """Whether what was found is the item in its own place, and not a copy that the system keeps for a while."""
    return any(one == place or one.startswith(f"{place}:") for one in where.split("; "))


@dataclass(frozen=True, slots=True)
class Beside:
    """Items that the night's first chunks leave out, as they are before these are sent: they must be there after.

    `waiting`: the lot that they are of, where that is another one; once it goes itself nothing can be said of them.
    """

    question: Question
    connector: Connector
    action: Action
    refs: Sequence[Ref] = ()
    waiting: Lot | None = None

    def as_it_is(self) -> Beside:
        """Without those that are not there."""
        there = self._there()
        return replace(self, refs=[ref for ref in self.refs if ref.key in there])

    def _there(self) -> frozenset[str]:
        if not self.refs:
            return frozenset()
        place = self.question.mapping.place
        found = self.connector.verify(self.question.mapping, self.refs, self.action)
        return frozenset(residue.key for residue in found if _is_there(place, residue.where))

    def refuse_gone(self, run: Run, lot: Lot) -> None:
        """If more went than was sent, stop the register until a person takes that back."""
        there = len(self._there())
        if self.waiting is not None and not Lot.objects.filter(pk=self.waiting.pk, state__in=NOT_CLAIMED).exists():
            return
        if too_many_gone(len(self.refs), there):
            gone = f"of {len(self.refs)} items that were not sent {len(self.refs) - there} went with those that were"
            stop(run.organisation, [lot.register], "breaker", f"{lot.dataset}: {gone} (lot {lot.pk})")
