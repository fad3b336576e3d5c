"""Which substitutes for missing dates are in force, and which of an item's gaps are of their groups.

Read beside the published version: a dataset under a substitute has it in its plan and in its `rules_digest`, so every
lot made before it came, or after it was withdrawn, is void.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from retention.domain.events import NEVER, event
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.items import Item
from retention.domain.periods import ONE_DAY
from retention.domain.predicates import AtLeast, AtMost, Expression, Recorded, conjunction, disjunction, negation
from retention.domain.substitutes import Cause, Gap, Substitute, disbelieved, estimable, fill, gaps
from retention.evidence_log import subject_digest
from retention.models import Campaign, CampaignGap
from retention.plan import DatasetPlan, Plan
from ropa.models import Organisation

CONFIRMED = "confirmed"

BATCH = 2_000
"""Digests asked of our own tables at once."""


def of_campaign(campaign: Campaign) -> Substitute:
    """What a campaign puts in place of its group's dates."""
    return Substitute(
        campaign.number,
        campaign.event,
        Cause(campaign.cause),
        campaign.same_day,
        campaign.substitute_day,
        campaign.substitute_event,
    )


def in_force(organisation: Organisation, plan: Plan) -> Plan:
    """The plan with every confirmed substitute.

    One does nothing whose dataset no longer starts with its event, or follows, is followed or has steps by now.
    """
    confirmed = Campaign.objects.filter(organisation=organisation, state=CONFIRMED).order_by("number")
    found: dict[str, list[Substitute]] = defaultdict(list)
    for campaign in confirmed:
        found[campaign.dataset].append(of_campaign(campaign))
    if not found:
        return plan
    return replace(
        plan,
        datasets=tuple(
            _under(dataset, found.get(dataset.code, ()))
            if stands_alone(plan, dataset)
            else replace(dataset, estimable=False)
            for dataset in plan.datasets
        ),
    )


def stands_alone(plan: Plan, dataset: DatasetPlan) -> bool:
    """Whether an estimate of its dates ends nothing but its own items, and passes over no step of theirs."""
    followed = any(follow.dataset == dataset.code for one in plan.datasets for follow in one.rules.follows)
    return not (followed or dataset.rules.follows or plan.steps_of(dataset.code))


def _under(dataset: DatasetPlan, substitutes: Sequence[Substitute]) -> DatasetPlan:
    here = tuple(one for one in substitutes if one.event in estimable(dataset.rules))
    if not here:
        return dataset
    written = [[one.number, one.event, one.cause.value, str(one.same_day), str(one.day), one.by] for one in here]
    digest = sha256_hex(canonical([dataset.rules_digest, written]))
    return replace(dataset, substitutes=here, rules_digest=digest)


def changed(organisation: Organisation, dataset: DatasetPlan) -> bool:
    """Whether other substitutes are in force for a dataset than its plan has: a person confirmed or withdrew one."""
    if not dataset.estimable:
        return False
    now = Campaign.objects.filter(organisation=organisation, dataset=dataset.code, state=CONFIRMED)
    stand = {n for n, name in now.values_list("number", "event") if name in estimable(dataset.rules)}
    return stand != {one.number for one in dataset.substitutes}


def gap_digest(dataset: str, key: str, gap: Gap) -> str:
    """What stands for one gap of one item in its group."""
    return subject_digest(canonical([dataset, key, *gap.written()]).decode("utf-8"))


@dataclass(frozen=True)
class Filler:
    """Fills the gaps of one dataset's items, as far as they are of a group whose substitute is in force."""

    organisation: Organisation
    dataset: DatasetPlan
    today: date

    def open(self, item: Item, *, known: bool, but: frozenset[str] = frozenset()) -> dict[Gap, Substitute]:
        """The gaps of an item that a substitute may be meant for; whether they are of its group is not asked.

        `but`: events that are told elsewhere.
        """
        disbelief = disbelieved(self.dataset.substitutes)
        found: dict[Gap, Substitute] = {}
        for gap in gaps(item, self.dataset.rules, self.today, known, disbelief):
            for substitute in self.dataset.substitutes:
                if gap.event not in but and substitute.meant(gap):
                    found.setdefault(gap, substitute)
        return found

    def fill_all(self, batch: Iterable[tuple[str, Item, bool]]) -> dict[str, tuple[Item, frozenset[int]]]:
        """Key -> its item filled, and by which campaigns; of these (key, item, known) those that are filled at all."""
        meant: dict[str, tuple[Item, dict[Gap, list[Substitute]]]] = {}
        digests: dict[tuple[str, Gap], str] = {}
        for key, item, known in batch:
            found = self.open(item, known=known)
            if found:
                meant[key] = (item, {gap: [s for s in self.dataset.substitutes if s.meant(gap)] for gap in found})
                digests.update({(key, gap): gap_digest(self.dataset.code, key, gap) for gap in found})
        there = self._members(list(digests.values()))
        filled = {}
        for key, (item, candidates) in meant.items():
            filling = {
                gap: one
                for gap, substitutes in candidates.items()
                for one in reversed(substitutes)  # of two groups that have it, the earlier decision stands
                if (one.number, digests[key, gap]) in there
            }
            whole, numbers = fill(item, self.dataset.rules, filling, self.today)
            if numbers:
                filled[key] = (whole, numbers)
        return filled

    def fill_meant(self, item: Item, known: bool) -> Item:
        """The item with every gap filled that a substitute may be meant for, its group not asked."""
        return fill(item, self.dataset.rules, self.open(item, known=known), self.today)[0]

    def _members(self, digests: Sequence[str]) -> set[tuple[int, str]]:
        if not digests:
            return set()
        mine = CampaignGap.objects.filter(
            campaign__organisation=self.organisation,
            campaign__dataset=self.dataset.code,
            campaign__number__in=[one.number for one in self.dataset.substitutes],
            campaign__state=CONFIRMED,
        )
        return set(mine.filter(gap__in=digests).order_by().values_list("campaign__number", "gap"))


def still_a_gap(substitute: Substitute, first_plausible_day: date, today: date) -> Expression:
    """True of every item whose own column still has a gap of the sort, as its register can say it."""
    name = substitute.event
    unset = disjunction([negation(Recorded(name)), AtLeast(name, NEVER)])
    if substitute.cause is Cause.SAME_DAY and substitute.same_day is not None:
        return conjunction([AtLeast(name, substitute.same_day), AtMost(name, substitute.same_day)])
    if substitute.cause is Cause.IMPLAUSIBLE:
        latest = NEVER - ONE_DAY if event(name).may_lie_ahead else today
        believed = conjunction([AtLeast(name, first_plausible_day), AtMost(name, latest)])
        return conjunction([Recorded(name), negation(believed)])
    return unset


def forget_gaps(organisation: Organisation, dataset: str, items: Sequence[str]) -> None:
    """The gaps of items that are gone: nothing of them is left to be filled. `items`: digests of their keys."""
    mine = CampaignGap.objects.filter(
        campaign__organisation=organisation, campaign__dataset=dataset, campaign__state=CONFIRMED
    )
    for start in range(0, len(items), BATCH):
        mine.filter(item__in=items[start : start + BATCH]).delete()
