"""Lots that wait are shown in the system itself: what is about to go is blocked, and unblocked if it may stay.

Nothing is destroyed here. Every night each lot that waits for approval or grace is asked about again: what is still
due is blocked (idempotent: a directory disables the account), what came back is unblocked at once, not only when
its turn would have come. A lot that was turned down or withdrawn keeps its keys until its blocks are lifted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction

from retention.connectors.contract import Connector, ConnectorError, Disposal, Flags, Ref
from retention.disposal import wipe
from retention.domain.lifecycle import LotState, Outcome
from retention.domain.predicates import FALSE, Expression, is_false
from retention.domain.rules import Hold
from retention.evaluation import moved_on
from retention.evidence_log import EvidenceLog
from retention.holds import holding
from retention.lot_keys import LotKey, unpack
from retention.models import Lot
from retention.question import Question

CHUNK = 500
"""Items blocked at once."""

LIFTED = frozenset({Outcome.SUPERSEDED, Outcome.ALREADY_ABSENT})
"""What `unflag` answers where no block of ours is there any more."""

WAITING = (LotState.FLAGGED.value, LotState.APPROVED.value)
TAKEN_BACK = (LotState.REJECTED, LotState.WITHDRAWN)


def block(
    lot: Lot,
    question: Question,
    connector: Connector,
    holds: Mapping[str, Sequence[Hold]],
    log: EvidenceLog,
    at: Callable[[str], None] = lambda point: None,
) -> Counter[str]:
    """Block what a waiting lot will delete and is still due; unblock what is not. Says how many of which.

    What is under a hold stays as it is. `at` is told of each chunk, and may refuse it. Raises ConnectorError; then the
    next night does it again.
    """
    if not isinstance(connector, Flags) or lot.keys is None:
        return Counter()
    entries = unpack(bytes(lot.keys))
    tally: Counter[str] = Counter()
    # before: what a kill leaves blocked is known to be; and only of a lot that still waits, with its keys
    waiting = Lot.objects.filter(pk=lot.pk, state__in=WAITING, keys__isnull=False)
    if waiting.update(flagged_there=True) != 1:
        return Counter()
    lot.flagged_there = True
    for start in range(0, len(entries), CHUNK):
        at("before blocking")
        part = [entry for entry in entries[start : start + CHUNK] if not holding(holds, entry.subject, question.today)]
        conditions = question.still_due({(entry.subject, entry.contract) for entry in part})
        moved = moved_on(question, connector, part, holds)
        groups: dict[Expression, list[LotKey]] = {}
        for entry in part:
            scope = (entry.subject or "", entry.contract if question.contract_grain else None)
            groups.setdefault(FALSE if entry.key in moved else conditions[scope], []).append(entry)
        for condition, members in groups.items():
            refs = [_ref(entry) for entry in members]
            if is_false(condition):
                back = refs
            else:
                answers = list(connector.flag(question.mapping, refs, condition))
                tally.update("blocked" if a.outcome is Outcome.PENDING else a.outcome.value for a in answers)
                back = _of(refs, answers, Outcome.SUPERSEDED)
            if back:
                lifted = list(connector.unflag(question.mapping, back))
                tally.update("unblocked" if a.outcome in LIFTED else "still_blocked" for a in lifted)
    _write(lot, log, tally)
    return tally


def unblock(lot: Lot, question: Question, connector: Connector, log: EvidenceLog) -> None:
    """Lift every block of a lot that was turned down or withdrawn, and then forget its keys.

    Raises ConnectorError where one could not be lifted: the keys stay, and the next night tries again.
    """
    if lot.keys is not None and isinstance(connector, Flags):
        entries = unpack(bytes(lot.keys))
        tally: Counter[str] = Counter()
        for start in range(0, len(entries), CHUNK):
            refs = [_ref(entry) for entry in entries[start : start + CHUNK]]
            lifted = connector.unflag(question.mapping, refs)
            tally.update("unblocked" if a.outcome in LIFTED else "still_blocked" for a in lifted)
        _write(lot, log, tally)
        if tally["still_blocked"]:
            raise ConnectorError(
                f"{lot.register}: {tally['still_blocked']} blocks of lot {lot.pk} could not be lifted", permanent=False
            )
    with transaction.atomic():
        Lot.objects.filter(pk=lot.pk).update(flagged_there=False)
        wipe(lot)


def taken_back(organisation_id: int) -> list[Lot]:
    """Lots that will not be carried out, and whose blocks still stand."""
    states = [state.value for state in TAKEN_BACK]
    mine = Lot.objects.filter(organisation_id=organisation_id, state__in=states, flagged_there=True)
    return list(mine.order_by("id"))


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
