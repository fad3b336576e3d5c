"""Lots that wait are shown in the system itself: what is about to go is blocked, and unblocked if it may stay.

Nothing is destroyed here. Every night each lot that waits for approval or grace is asked about again: what is still
due is blocked (idempotent: a directory disables the account), what came back is unblocked at once, not only when
its turn would have come. A lot that was turned down or withdrawn keeps its keys until its blocks are lifted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from retention.connectors.contract import Connector, Disposal, Flags, Ref
from retention.disposal import wipe
from retention.domain.lifecycle import LotState, Outcome
from retention.domain.predicates import Expression, is_false
from retention.domain.rules import Hold
from retention.evaluation import Question
from retention.evidence_log import EvidenceLog
from retention.lot_keys import LotKey, unpack
from retention.models import Lot

CHUNK = 500
"""Items blocked at once."""

TAKEN_BACK = (LotState.REJECTED, LotState.WITHDRAWN)


def block(
    lot: Lot, question: Question, connector: Connector, holds: Mapping[str, Sequence[Hold]], log: EvidenceLog
) -> Counter[str]:
    """Block what a waiting lot will delete and is still due; unblock what is not. Says how many of which.

    What is under a hold stays as it is. Raises ConnectorError; then the next night does it again.
    """
    if not isinstance(connector, Flags) or lot.keys is None:
        return Counter()
    entries = unpack(bytes(lot.keys))
    tally: Counter[str] = Counter()
    Lot.objects.filter(pk=lot.pk).update(flagged_there=True)  # before: what a kill leaves blocked is known to be
    lot.flagged_there = True
    for start in range(0, len(entries), CHUNK):
        part = [entry for entry in entries[start : start + CHUNK] if not _held(entry, holds)]
        conditions = question.still_due({(entry.subject, entry.contract) for entry in part})
        groups: dict[Expression, list[LotKey]] = {}
        for entry in part:
            scope = (entry.subject or "", entry.contract if question.contract_grain else None)
            groups.setdefault(conditions[scope], []).append(entry)
        for condition, members in groups.items():
            refs = [_ref(entry) for entry in members]
            if is_false(condition):
                back = refs
            else:
                answers = list(connector.flag(question.mapping, refs, condition))
                tally.update("blocked" if a.outcome is Outcome.PENDING else a.outcome.value for a in answers)
                back = _of(refs, answers, Outcome.SUPERSEDED)
            if back:
                tally["unblocked"] += len(list(connector.unflag(question.mapping, back)))
    _write(lot, log, tally)
    return tally


def unblock(lot: Lot, question: Question, connector: Connector, log: EvidenceLog) -> None:
    """Lift every block of a lot that was turned down or withdrawn, and then forget its keys. Raises ConnectorError."""
    if lot.keys is not None and isinstance(connector, Flags):
        entries = unpack(bytes(lot.keys))
        lifted = 0
        for start in range(0, len(entries), CHUNK):
            refs = [_ref(entry) for entry in entries[start : start + CHUNK]]
            lifted += len(list(connector.unflag(question.mapping, refs)))
        _write(lot, log, Counter(unblocked=lifted))
    with transaction.atomic():
        Lot.objects.filter(pk=lot.pk).update(flagged_there=False)
        wipe(lot)


def taken_back(organisation_id: int) -> list[Lot]:
    """Lots that will not be carried out, and whose blocks still stand."""
    states = [state.value for state in TAKEN_BACK]
    mine = Lot.objects.filter(organisation_id=organisation_id, state__in=states, flagged_there=True)
    return list(mine.order_by("id"))


def _held(entry: LotKey, holds: Mapping[str, Sequence[Hold]]) -> bool:
    return bool(holds.get("") or holds.get(entry.subject or "~"))


def _ref(entry: LotKey) -> Ref:
    return Ref(entry.key, entry.subject, entry.name)


def _of(refs: Sequence[Ref], answers: Sequence[Disposal], outcome: Outcome) -> list[Ref]:
    return [ref for ref, answer in zip(refs, answers, strict=True) if answer.outcome is outcome]


def _write(lot: Lot, log: EvidenceLog, tally: Counter[str]) -> None:
    with transaction.atomic():
        log.append(
            "blocked",
            {"lot": lot.pk, "register": lot.register, "dataset": lot.dataset, "tally": dict(sorted(tally.items()))},
        )
