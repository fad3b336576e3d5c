"""What is known of a campaign, without personal data: what was said, and what came of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from retention.domain.lifecycle import GONE
from retention.models import Campaign, Lot
from ropa.models import Organisation


def lots_of(campaign: Campaign) -> list[Lot]:
    """The lots whose items are due by this campaign, in order, without their keys."""
    lots = Lot.objects.filter(organisation=campaign.organisation, dataset=campaign.dataset).exclude(estimated=[])
    return [lot for lot in lots.order_by("pk").select_related("run").defer("keys") if campaign.number in lot.estimated]


def estimated_of(organisation: Organisation, register: str) -> list[dict[str, Any]]:
    """Of each campaign that made something of a register go: its number, dataset, group and how many went by it."""
    found = []
    for campaign in Campaign.objects.filter(organisation=organisation, register=register):
        if went := followed(campaign)["destroyed"]:
            found.append(
                {"campaign": campaign.number, "dataset": campaign.dataset, "root": campaign.root, "destroyed": went}
            )
    return found


def as_dict(campaign: Campaign) -> dict[str, Any]:
    """All that is known of a campaign: no personal data."""
    return {
        "number": campaign.number,
        "state": campaign.state,
        "register": campaign.register,
        "dataset": campaign.dataset,
        "rules": list(campaign.rules),
        "event": campaign.event,
        "cause": campaign.cause,
        "same_day": campaign.same_day.isoformat() if campaign.same_day else None,
        "substitute_day": campaign.substitute_day.isoformat() if campaign.substitute_day else None,
        "substitute_event": campaign.substitute_event,
        "evidence": campaign.evidence,
        "attachments": list(campaign.attachments),
        "items": campaign.items,
        "gaps": campaign.gaps,
        "root": campaign.root,
        "forecast": dict(campaign.forecast),
        "version": campaign.version.number,
        "events": [
            {
                "what": one.what,
                "day": one.day.isoformat(),
                "by": one.by,
                "reason": one.reason,
                "chain": one.chain,
                "digest": one.digest,
            }
            for one in campaign.events.all()
        ],
        "followed": followed(campaign),
    }


def followed(campaign: Campaign) -> dict[str, Any]:
    """What came of it: lots and their outcomes, and how many gaps of the group are still there."""
    outcomes: Counter[str] = Counter()
    lots = lots_of(campaign)
    for lot in lots:
        outcomes.update(lot.tally)
    return {
        "lots": [
            {
                "lot": lot.pk,
                "night": lot.run.business_date.isoformat(),
                "state": lot.state,
                "size": lot.size,
                "digest": lot.digest,
            }
            for lot in lots
        ],
        "outcomes": dict(sorted(outcomes.items())),
        "destroyed": sum(outcomes[outcome.value] for outcome in GONE),
        "gaps_left": campaign.members.count(),
    }
