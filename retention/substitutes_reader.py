"""What the independent reader asks of substitutes: from the campaigns' own events, and by a look-up of its own.

It believes neither the plan nor a campaign's row: what stands is what the entries of the evidence say was proposed,
decided and confirmed, of one group, where nobody has withdrawn it and whoever confirmed had no part in it before.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retention.connectors.contract import Candidate
from retention.domain.evidence import canonical
from retention.domain.items import Item
from retention.domain.substitutes import Cause, Gap, Substitute, fill, gaps
from retention.evidence_log import subject_digest
from retention.models import CampaignEvent, CampaignGap, EvidenceEntry
from retention.plan import DatasetPlan, Plan
from ropa.models import Organisation


@dataclass(frozen=True)
class Standing:
    """The substitutes that stand for one dataset, by the campaign's row."""

    dataset: DatasetPlan
    today: date
    by_row: Mapping[int, Substitute]

    def filled(self, batch: Sequence[tuple[Candidate, Item, bool]]) -> dict[str, Item]:
        """Key -> the item with the gaps filled that are of a group; items without any are left out."""
        if not self.by_row:
            return {}
        untrue = frozenset((s.event, s.same_day) for s in self.by_row.values() if s.same_day is not None)
        asked: dict[str, tuple[str, Gap]] = {}
        items: dict[str, Item] = {}
        for candidate, item, known in batch:
            key = candidate.ref.key
            items[key] = item
            for gap in gaps(item, self.dataset.rules, self.today, known, untrue):
                asked[subject_digest(canonical([self.dataset.code, key, *gap.written()]).decode("utf-8"))] = (key, gap)
        rows = CampaignGap.objects.filter(campaign__in=list(self.by_row), gap__in=list(asked))
        chosen: dict[str, dict[Gap, Substitute]] = {}
        for row, digest in rows.order_by("campaign__number").values_list("campaign", "gap"):
            key, gap = asked[digest]
            chosen.setdefault(key, {}).setdefault(gap, self.by_row[row])
        found = {key: fill(items[key], self.dataset.rules, filling, self.today) for key, filling in chosen.items()}
        return {key: item for key, (item, numbers) in found.items() if numbers}


def standing(plan: Plan, dataset: DatasetPlan, organisation: Organisation, today: date) -> Standing:
    """Every substitute that persons have decided and confirmed for a dataset, and not withdrawn.

    None where its items end others' or have steps: there nobody may have estimated.
    """
    followed = {follow.dataset for other in plan.datasets for follow in other.rules.follows}
    if dataset.code in followed or dataset.rules.follows or plan.steps_of(dataset.code):
        return Standing(dataset, today, {})
    events = CampaignEvent.objects.filter(campaign__organisation=organisation, campaign__dataset=dataset.code)
    told: dict[int, dict[str, CampaignEvent]] = {}
    for one in events.order_by("campaign__number", "pk"):
        told.setdefault(one.campaign_id, {})[one.what] = one
    by_row = {}
    for row, said in told.items():
        if {"proposed", "decided", "confirmed"} == said.keys() and _another(said):
            written = _as_signed(organisation.slug, list(said.values()))
            if written is not None and written["dataset"] == dataset.code:
                by_row[row] = _substitute(written)
    return Standing(dataset, today, by_row)


def _another(said: Mapping[str, CampaignEvent]) -> bool:
    """Whether whoever confirmed had no part in it before, at a command line neither."""
    confirmed, name = said["confirmed"], _name(said["confirmed"])
    if not name:
        return False
    for one in (said["proposed"], said["decided"]):
        same_account = one.account is not None and one.account == confirmed.account
        both_at_a_shell = one.by.startswith("shell:") and confirmed.by.startswith("shell:")
        if same_account or _name(one) == name or both_at_a_shell:
            return False
    return True


def _name(said: CampaignEvent) -> str:
    return unicodedata.normalize("NFKC", said.by.partition(":")[2]).strip().casefold()


def _as_signed(slug: str, said: Sequence[CampaignEvent]) -> Mapping[str, Any] | None:
    """What all three entries of the evidence say alike; None where one is missing, another's or of another group."""
    entries = EvidenceEntry.objects.filter(organisation=slug, digest__in=[one.digest for one in said])
    told = {digest: (kind, json.loads(body)) for digest, kind, body in entries.values_list("digest", "kind", "body")}
    bodies = []
    for one in said:
        kind, body = told.get(one.digest, ("", {}))
        if kind != f"campaign_{one.what}" or body["by"] != one.by:
            return None
        bodies.append(body)
    same = ("campaign", "dataset", "event", "cause", "same_day", "substitute", "root")
    if any(body[name] != bodies[0][name] for body in bodies for name in same):
        return None
    return dict(bodies[0])


def _substitute(written: Mapping[str, Any]) -> Substitute:
    told = written["substitute"]
    day = date.fromisoformat(told) if told[:1].isdigit() else None
    return Substitute(
        number=written["campaign"],
        event=written["event"],
        cause=Cause(written["cause"]),
        same_day=date.fromisoformat(written["same_day"]) if written["same_day"] else None,
        day=day,
        by="" if day is not None else told,
    )
