"""The one door for a lot's state: make, reject, withdraw, move; `retention.approvals` approves.

Every move is a conditional UPDATE and an event row in the same transaction: of two that try the same
move one wins, the other is told. `retention.domain.lifecycle` is the table of what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from retention import remembered
from retention.domain.errors import LifecycleError
from retention.domain.evidence import merkle_root
from retention.domain.lifecycle import RETRIED, LotState, allowed
from retention.domain.periods import Period, due_from
from retention.domain.rules import Action
from retention.evidence_log import EvidenceLog, subject_digest, subject_digests
from retention.lot_keys import LotKey, lot_digest, pack, unpack
from retention.models import Lot, LotEvent, Run
from retention.plan import DatasetPlan

LOT_SIZE = 20_000
"""Keys in a lot at most."""

OPEN_STATES = (LotState.FLAGGED, LotState.APPROVED, LotState.CLAIMED)
APPROVALS = {"automatic": 0, "one": 1, "two": 2}


def lots_to_look_at(today: date) -> Q:
    """Lots that a night has something to do with: keys to send, blocks to lift, residue that nobody has seen to."""
    unseen = Q(residue_kept_until=None) | Q(residue_kept_until__lt=today)
    return Q(state__in=OPEN_STATES) | Q(flagged_there=True) | (Q(state=LotState.DONE) & unseen)


def open_lots(organisation_id: int, dataset: str | None = None) -> Iterator[Lot]:
    """Lots that still hold keys to send, oldest first."""
    lots = Lot.objects.filter(organisation_id=organisation_id, state__in=OPEN_STATES).order_by("id")
    if dataset is not None:
        lots = lots.filter(dataset=dataset)
    for pk in list(lots.values_list("pk", flat=True)):  # no cursor stays open while its caller writes
        yield Lot.objects.get(pk=pk)


def waiting_keys(lot: Lot) -> Iterator[str]:
    """Keys of a lot that it will still send; what it has settled may fall due again, and then goes into another lot."""
    if lot.keys is None:
        return
    again = set(lot.exceptions.filter(outcome__in=list(RETRIED)).values_list("position", flat=True))
    for positions in lot.attempts.filter(state="intent").values_list("positions", flat=True):
        again.update(positions)
    for position, entry in enumerate(unpack(bytes(lot.keys))):
        if position >= lot.next_position or position in again:
            yield entry.key


def make_lots(
    run: Run,
    dataset: DatasetPlan,
    action: Action,
    why: str,
    keys: Sequence[LotKey],
    log: EvidenceLog,
    estimated: Sequence[int] = (),
    wave: int | None = None,
    anew: bool = False,
    weighed: bool = True,
) -> list[Lot]:
    """Flag these keys: lots of up to 20,000, in key order, each with the root over its keyed digests.

    `estimated`: the campaigns by whose substitute start they are due. `wave`: of a backlog that goes in waves.
    `anew`: they dropped out of an earlier night's lot tonight. `weighed`: false where breakers have yet to see them.
    """
    if run.version is None:
        raise LifecycleError(f"run {run.pk} has no version pinned")
    name = action.value if dataset.step is None else dataset.step.step.action.value
    lots = []
    ordered = sorted(keys, key=lambda entry: entry.key)
    for start in range(0, len(ordered), LOT_SIZE):
        part = ordered[start : start + LOT_SIZE]
        lot = Lot.objects.create(
            organisation_id=run.organisation_id,
            run=run,
            version=run.version,
            register=dataset.register,
            dataset=dataset.code,
            action=name,
            why=why,
            estimated=list(estimated),
            anew=anew,
            weighed=weighed,
            wave=wave,
            due_from_first=min(entry.due_from for entry in part),
            due_from_last=max(entry.due_from for entry in part),
            size=len(part),
            keys=pack(part),
            rules_digest=dataset.rules_digest,
            # keyed: of a small lot the keys could else be found by trying, long after they were wiped
            digest=subject_digest(lot_digest(part, dataset.code, name, dataset.rules_digest)),
            approvals_needed=approvals_needed(dataset),
            root=merkle_root(subject_digests(entry.key for entry in part)),
        )
        LotEvent.objects.create(lot=lot, before="", after=LotState.FLAGGED, who="night", digest=lot.digest)
        log.append(
            "lot",
            {
                "lot": lot.pk,
                "register": lot.register,
                "dataset": lot.dataset,
                "action": lot.action,
                "why": lot.why,
                **({"estimated": lot.estimated} if lot.estimated else {}),
                **({"anew": True} if lot.anew else {}),
                **({"wave": lot.wave} if lot.wave else {}),
                "size": lot.size,
                "due_from": [lot.due_from_first.isoformat(), lot.due_from_last.isoformat()],
                "version": run.version.number,
                "rules_digest": lot.rules_digest,
                "digest": lot.digest,
                "root": lot.root,
            },
        )
        lots.append(lot)
    return lots


def approvals_needed(dataset: DatasetPlan) -> int:
    """How many people must approve; a backlog that goes in waves is never automatic."""
    needed = APPROVALS[dataset.policy.approval]
    return max(needed, 1) if dataset.policy.waves else needed


def move(lot: Lot, after: LotState, who: str, reason: str = "", digest: str = "", account: int | None = None) -> None:
    """Move a lot on, once; `account`: the number of the account of who does.

    Raises LifecycleError if the table forbids it or somebody moved it first.
    """
    before = LotState(lot.state)
    if not allowed(before, after):
        raise LifecycleError(f"lot {lot.pk} is {before.value}: it cannot become {after.value}")
    with transaction.atomic():
        if Lot.objects.filter(pk=lot.pk, state=before.value).update(state=after.value) != 1:
            raise LifecycleError(f"lot {lot.pk} is no longer {before.value}")
        LotEvent.objects.create(
            lot=lot, before=before.value, after=after.value, who=who, account=account, reason=reason, digest=digest
        )
    lot.state = after.value


def reject(lot: Lot, who: str, reason: str, account: int | None = None) -> None:
    """Turn a lot down. Its keys are asked about again on the next night. Raises LifecycleError."""
    if not reason.strip():
        raise LifecycleError(f"lot {lot.pk}: a rejection needs a reason")
    with transaction.atomic():
        move(lot, LotState.REJECTED, who, reason, account=account)
        transaction.on_commit(partial(remembered.tell_decisions, lot.organisation.slug), robust=True)
    _forget_keys(lot)


def withdraw(lot: Lot, reason: str) -> None:
    """Take a lot back whose rules are no longer in force: its approvals are void (V1)."""
    move(lot, LotState.WITHDRAWN, "night", reason)
    _forget_keys(lot)


def abandon(lot: Lot, reason: str) -> None:
    """Give up a lot whose keys nobody can open: what was under way stays unknown, and the reader tells what is left."""
    with transaction.atomic():
        lot.attempts.filter(state="intent").update(state="lost")
        move(lot, LotState.WITHDRAWN, "night", reason)
        Lot.objects.filter(pk=lot.pk).update(flagged_there=False)
        wipe(lot)


def _forget_keys(lot: Lot) -> None:
    """At once, unless its items are blocked in the register: then when the blocks are lifted (`flagging`)."""
    if not Lot.objects.filter(pk=lot.pk, flagged_there=True).exists():
        wipe(lot)


def wipe(lot: Lot) -> None:
    """Forget the keys: the tally, the root and the evidence stay."""
    Lot.objects.filter(pk=lot.pk).update(keys=None)
    lot.exceptions.all().delete()


def advance(lot: Lot, dataset: DatasetPlan, today: date) -> bool:
    """By policy, bring a lot as far as it may go tonight; whether it may be claimed now."""
    if dataset.policy.mode != "purge":
        return False
    if lot.state == LotState.FLAGGED and lot.approvals_needed == 0 and lot.weighed:
        move(lot, LotState.APPROVED, "policy: automatic", digest=lot.digest)
    if lot.state == LotState.APPROVED:
        _give_grace(lot, dataset.policy.grace, today)
    return lot.state == LotState.CLAIMED or (
        lot.state == LotState.APPROVED and lot.grace_until is not None and lot.grace_until <= today
    )


def _give_grace(lot: Lot, grace: Period, today: date) -> None:
    """From the first night that finds it approved; a longer grace that was published since counts from there too."""
    began = today if lot.grace_until is None else lot.grace_from or lot.run.business_date  # of before 0012: at least
    until = max(_grace_until(grace, began), lot.grace_until or date.min)
    if (began, until) != (lot.grace_from, lot.grace_until):
        lot.grace_from, lot.grace_until = began, until
        Lot.objects.filter(pk=lot.pk).update(grace_from=began, grace_until=until)


def _grace_until(grace: Period, today: date) -> date:
    """The first day on which it may be claimed: a grace of P0D is over at once."""
    return due_from(today, grace) - timedelta(days=1)
