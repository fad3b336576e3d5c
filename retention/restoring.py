"""Our own database was restored, and somebody says so: what follows for lots, stops and forgotten leaves (D9).

What was approved in it may have been turned down since, so a lot of which nothing has been sent is taken back and made
anew. A lot that was being carried out goes on: what it has sent already is absent, and counted as that. Where a
campaign was withdrawn since, none counts before it is proposed anew: which one lay in the entries that are lost.
"""

from __future__ import annotations

import json
from datetime import datetime

from django.db import transaction

from retention import campaign, evidence_restore, leaves, remembered
from retention.disposal import withdraw
from retention.domain.lifecycle import LotState
from retention.holds import alone_at_gate, stop
from retention.models import Lot
from ropa.models import Organisation

WHY = "our own database was restored: what was decided since is not known"


def adopt(organisation: Organisation, now: datetime, by: str, reason: str, without_lost: bool = False) -> list[str]:
    """Go on with a database that is older than the evidence beside it; the names of the chains whose entries are lost.

    A stop that was pulled since is pulled again, until somebody takes it back. Raises as `evidence_restore.adopt` does,
    and then nothing has changed.
    """
    today = organisation.day_of(now)
    with transaction.atomic():
        alone_at_gate(organisation)
        lost = remembered.lost(organisation.slug).stop
        heads = [json.loads(body) for _, body in evidence_restore.compare(organisation.slug).ahead]
        chains = evidence_restore.adopt(organisation.slug, today, by, reason, without_lost)
        if any(head["counts"].get(f"campaigns_{campaign.WITHDRAWN}") for head in heads):
            campaign.take_back_confirmed(organisation, by, WHY, now)
        if lost is not None:
            stop(organisation, None if lost.everything else lost.registers, by, f"{lost.reason}; restored")
        waiting = Lot.objects.filter(organisation=organisation, state__in=[LotState.FLAGGED, LotState.APPROVED])
        for lot in waiting.order_by("pk"):
            withdraw(lot, WHY)
        leaves.forget_again(organisation.slug)
    return chains
