"""What is left of items that were deleted: a copy in a history table, a recycle folder, a tombstone (D4, D5).

A lot is `done` and not `verified` as long as something of its items is there. Every night looks for it again; a
person may have it looked for at once, when it has been removed by hand or its time is over, or may record until when
and why it stays. Either is evidence, and neither hides it: what stays is told with its reason, and asked about again.
What only the connection that disposed of an item could see (`Residue.seen_once`) no later one finds or misses: it
is told until a person says that it was removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

from django.db import transaction

from retention.connectors.contract import Connector, DatasetMapping, Ref, Residue
from retention.disposal import move, wipe
from retention.domain.errors import LifecycleError
from retention.domain.lifecycle import LotState
from retention.domain.rules import carried_out_as
from retention.evidence_log import EvidenceLog, sign_head, subject_digests
from retention.identity import Names
from retention.lot_keys import unpack
from retention.models import Lot, LotEvent
from retention.plan import plan_of
from ropa.models import Organisation

AGAIN, KEPT = "residue_again", "residue_kept"
"""The entries: it was looked for again; a person says why it stays."""


def lots(organisation: Organisation) -> list[Lot]:
    """Lots of whose items something was left when it was looked for last, oldest first."""
    found = Lot.objects.filter(organisation=organisation, state=LotState.DONE, keys__isnull=False)
    return list(found.order_by("pk"))


class Left(NamedTuple):
    """Every place where something of one item is, in words; and those of them that cannot be seen again."""

    where: str
    seen_once: str = ""


def by_key(found: Iterable[Residue]) -> dict[str, Left]:
    """What a register found of items."""
    told: dict[str, list[Residue]] = defaultdict(list)
    for residue in found:
        told[residue.key].append(residue)
    return {key: _left(residues) for key, residues in told.items()}


def _left(residues: Sequence[Residue]) -> Left:
    once = [residue.where for residue in residues if residue.seen_once]
    # first, so that it is not what a long list is cut by
    return Left(_joined([*once, *(r.where for r in residues if not r.seen_once)]), _joined(once))


def _joined(places: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(place for place in places if place))[:400]


def where(lot: Lot) -> list[str]:
    """The places in which something of its items is."""
    told = lot.exceptions.exclude(residue="").values_list("residue", flat=True).distinct()
    return sorted({place for places in told for place in places.split("; ")})


def items(lot: Lot) -> int:
    """Of how many of its items something is there."""
    return int(lot.exceptions.exclude(residue="").count())


def seen_once(lot: Lot) -> bool:
    """Whether some of it could be seen only by the connection that disposed of it."""
    return lot.exceptions.exclude(residue_seen_once="").exists()


def kept(lot: Lot, today: date) -> bool:
    """Whether a person has recorded why it stays, and until a day that has not passed."""
    return lot.residue_kept_until is not None and today <= lot.residue_kept_until


def look_again(
    lot: Lot,
    mapping: DatasetMapping,
    connector: Connector,
    log: EvidenceLog,
    by: str = "",
    reason: str = "",
    written: Callable[[int], object] = lambda left: None,
    removed: bool = False,
) -> int:
    """Read back what was left once more, and write what is there still; of how many items. Raises ConnectorError.

    Where nothing is left the lot is verified, and its keys are forgotten. A night writes only what has changed.
    `written` is told of the number in the transaction of the entry. `removed`: a person says that what was seen once
    and cannot be again is there no more.
    """
    keys = unpack(bytes(lot.keys or b""))
    rows = lot.exceptions.exclude(residue="").values_list("position", "residue", "residue_seen_once")
    before = {position: Left(where, once) for position, where, once in rows}
    refs = {p: Ref(keys[p].key, keys[p].subject, keys[p].name) for p in sorted(before)}
    found = by_key(connector.verify(mapping, list(refs.values()), carried_out_as(lot.action)))
    said = [p for p, old in sorted(before.items()) if removed and old.seen_once]
    left = {}
    for position, ref in refs.items():
        now = found.get(ref.key, Left(""))
        once = now.seen_once if removed else _joined([before[position].seen_once, now.seen_once])
        if where := _joined([*once.split("; "), *now.where.split("; ")]):
            left[position] = Left(where, once)
    if left == before and not by:
        return len(left)
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(pk=lot.pk)
        if lot.state != LotState.DONE:
            raise LifecycleError(f"lot {lot.pk} is {lot.state}: nothing is left of it to look for")
        for position in before:
            now = left.get(position, Left(""))
            lot.exceptions.filter(position=position).update(residue=now.where, residue_seen_once=now.seen_once)
        log.append(
            AGAIN,
            {
                "lot": lot.pk,
                "register": lot.register,
                "dataset": lot.dataset,
                "looked_for": len(before),
                "left": len(left),
                "gone": subject_digests(keys[p].key for p in sorted(before.keys() - left.keys())),
                **({"removed": subject_digests(keys[p].key for p in said)} if said else {}),
                **({"by": by, "reason": reason} if by else {}),
            },
        )
        if not left:
            move(lot, LotState.VERIFIED, by or "night", reason)
            wipe(lot)
        written(len(left))
    return len(left)


def removed(lot: Lot, today: date, by: str, reason: str) -> int:
    """Record that what could be seen once only is there no more, and look for the rest; of how many items some is left.

    Raises LifecycleError as `again` does, and where all that is left can be looked for.
    """
    _check(lot, by, reason)
    if not seen_once(lot):
        raise LifecycleError(f"all that is left of lot {lot.pk} can be looked for: nobody has to say that it is gone")
    return _look_at_once(lot, today, by, reason, removed=True)


def again(lot: Lot, today: date, by: str, reason: str) -> int:
    """Have it looked for at once, as the lot's own version maps it; of how many items something is left still.

    Raises LifecycleError without `by` and `reason`, or where the lot is not one with residue; ConnectorError.
    """
    _check(lot, by, reason)
    return _look_at_once(lot, today, by, reason, removed=False)


def look_at_night(lot: Lot, log: EvidenceLog) -> int:
    """Look for it as the lot's own version maps it; of how many items something is left. Raises ConnectorError."""
    with _its_place(lot) as (mapping, connector):
        return look_again(lot, mapping, connector, log)


@contextmanager
def _its_place(lot: Lot) -> Iterator[tuple[DatasetMapping, Connector]]:
    """Where a lot's items lay, and what can look there."""
    plan = plan_of(lot.version)
    dataset = plan.find_dataset(lot.dataset)
    if dataset is None or dataset.mapping is None:
        raise LifecycleError(f"lot {lot.pk} is of a dataset that its own version does not have")
    with Names(lot.organisation, plan) as names, names.connect(dataset) as connector:
        yield dataset.mapping, connector


def _look_at_once(lot: Lot, today: date, by: str, reason: str, *, removed: bool) -> int:
    log = _log(lot, today)

    def signed(left: int) -> None:
        sign_head(log.slug, today, log.chain, {"residue_left": left})

    with _its_place(lot) as (mapping, connector):
        return look_again(lot, mapping, connector, log, by, reason, signed, removed)


def keep(lot: Lot, today: date, until: date, by: str, reason: str) -> None:
    """Record why it stays, and until when: then it is a problem again. The lot is not verified by that.

    Raises LifecycleError without `by` and `reason`, for a day that has come, or where the lot has no residue.
    """
    _check(lot, by, reason)
    if until <= today:
        raise LifecycleError(f"{until} has come: say a later day until which it stays")
    keys = unpack(bytes(lot.keys or b""))
    positions = list(lot.exceptions.exclude(residue="").order_by("position").values_list("position", flat=True))
    log = _log(lot, today)
    with transaction.atomic():
        if not Lot.objects.filter(pk=lot.pk, state=LotState.DONE).update(residue_kept_until=until):
            raise LifecycleError(f"lot {lot.pk} is no longer done")
        said = f"what is left stays until {until}: {reason}"
        LotEvent.objects.create(lot=lot, before=lot.state, after=lot.state, who=by, reason=said)
        log.append(
            KEPT,
            {
                "lot": lot.pk,
                "register": lot.register,
                "dataset": lot.dataset,
                "keys": subject_digests(keys[p].key for p in positions),
                "where": where(lot),
                "until": until.isoformat(),
                "by": by,
                "reason": reason,
            },
        )
        sign_head(log.slug, today, log.chain, {"residue_kept": len(positions)})
    lot.residue_kept_until = until


def _check(lot: Lot, by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise LifecycleError("what is left of deleted items needs who decided about it, and a reason")
    if lot.state != LotState.DONE or lot.keys is None:
        raise LifecycleError(f"lot {lot.pk} is {lot.state}: nothing is known to be left of it")


def _log(lot: Lot, today: date) -> EvidenceLog:
    return EvidenceLog.apart(lot.organisation.slug, "residue", today)
