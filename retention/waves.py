"""Waves of a backlog: which due items go in which, and when a wave may go (V3). `reviewing` is what people do.

Where a dataset's policy has `waves`, what its rules make due at first is flagged as three waves. A lot of a wave may be
approved only when every lot of the waves before it has been carried out and found gone, and when a person has looked at
each item drawn from it and called it right. One that is wrong rejects the lot; what of it is due the next night is in
the same wave again, and the later waves wait for that. When the last wave is over so is the backlog, and what falls due
from then on goes as it comes. Where nothing of the last wave is there any more (a tighter policy or a restore has taken
the lots back), what is due is split anew over the waves that are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from django.db.models import Max, Q, QuerySet

from retention.domain.evidence import GENESIS
from retention.domain.lifecycle import LotState
from retention.domain.waves import FIRST, REST, sample, split
from retention.lot_keys import LotKey
from retention.models import EvidenceHead, Lot, Run
from retention.plan import DatasetPlan

OPEN = Q(state__in=(LotState.FLAGGED, LotState.APPROVED, LotState.CLAIMED)) | Q(
    state=LotState.DONE, residue_kept_until=None
)
"""Not over: what is left of a lot that is done has to be gone, or somebody to have said why it stays."""

GONE = Q(state=LotState.VERIFIED) | Q(state=LotState.DONE, residue_kept_until__isnull=False)


def of(organisation_id: int, dataset: str, rules_digest: str) -> QuerySet[Lot]:
    """The lots of a dataset's waves under these rules; without those of an evaluation that never came to its end."""
    return Lot.objects.filter(
        organisation_id=organisation_id, dataset=dataset, rules_digest=rules_digest, wave__isnull=False, weighed=True
    )


def waves_of(run: Run, dataset: DatasetPlan, entries: Sequence[LotKey]) -> Iterator[tuple[int | None, list[LotKey]]]:
    """Due keys by the wave in which they go; None: as they come, since the policy has no waves or they are over.

    Judged by what earlier nights have flagged, so that it is the same for all that this night flags.
    """
    mine = of(run.organisation_id, dataset.code, dataset.rules_digest).exclude(run=run)
    left = _unfinished(mine) if dataset.policy.waves else []
    if not left:
        yield None, list(entries)
    elif mine.filter(OPEN, wave=left[-1]).exists():
        yield left[0], list(entries)
    else:  # nothing is flagged yet, or what was has been taken back or rejected as a whole
        for wave, places in split(_seed(run, dataset), [entry.key for entry in entries], left).items():
            yield wave, [entries[place] for place in places]


def asked_for(lot: Lot) -> bool:
    """Whether the waves of its dataset's backlog are not over."""
    return bool(_unfinished(of(lot.organisation_id, lot.dataset, lot.rules_digest)))


def _unfinished(mine: QuerySet[Lot]) -> list[int]:
    """The waves that are not over, in order: what is due beside the backlog goes with the first.

    A wave is over when something of it has gone and nothing is open; and where a lot of it was rejected, when one that
    a later night made has gone, so that what was wrong is met again with few items and not with the rest.
    """
    last: dict[int, dict[str, date]] = {wave: {} for wave in range(FIRST, REST + 1)}
    for name, of_it in (("gone", GONE), ("rejected", Q(state=LotState.REJECTED))):
        for wave, night in mine.filter(of_it).order_by().values_list("wave").annotate(Max("run__business_date")):
            last[wave][name] = night
    open_ = set(mine.filter(OPEN).values_list("wave", flat=True))
    return [
        wave
        for wave, nights in last.items()
        if wave in open_ or "gone" not in nights or nights["gone"] <= nights.get("rejected", date.min)
    ]


def _seed(run: Run, dataset: DatasetPlan) -> str:
    """The newest signed head before this night: nobody who knows the items can choose it any more."""
    head = EvidenceHead.objects.filter(organisation=run.organisation.slug).order_by("-number").first()
    return f"{GENESIS if head is None else head.digest}\0{dataset.code}"


def why_not(lot: Lot) -> str:
    """Why a lot of a wave may not be approved yet; "" if it may, or is of none."""
    if lot.wave is None:
        return ""
    before = [wave for wave in _unfinished(of(lot.organisation_id, lot.dataset, lot.rules_digest)) if wave < lot.wave]
    if before:
        return f"it is of wave {lot.wave}, and wave {before[0]} is not over"
    if left := len(drawn_of(lot)) - lot.looks.filter(right=True).count():
        return f"{left} of the items that were drawn from it have not been looked at"
    return ""


def drawn_of(lot: Lot) -> list[int]:
    """The positions that a person looks at, the same whenever they are asked for; none of a lot that is of no wave."""
    return [] if lot.wave is None else sample(lot.digest, lot.size)


def in_evidence(lot: Lot) -> dict[str, object]:
    """What a lot's claim says of its wave and of the review."""
    if lot.wave is None:
        return {}
    return {"wave": lot.wave, "drawn": len(drawn_of(lot)), "looked_at": lot.looks.filter(right=True).count()}
