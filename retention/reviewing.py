"""A person looks at what was drawn from a lot of a wave, item by item, and says right or wrong (V3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from retention.approvals import controller
from retention.connectors.contract import Connector, Ref
from retention.disposal import reject
from retention.domain.errors import LifecycleError
from retention.domain.lifecycle import LotState
from retention.lot_keys import LotKey, unpack
from retention.models import Lot, LotLook
from retention.plan import DatasetPlan
from retention.waves import drawn_of


@dataclass(frozen=True)
class Drawn:
    """One item of a sample as a person sees it. Personal data: shown to a controller, and never stored or logged."""

    position: int
    key: str
    subject: str | None
    due_from: str
    shown: Mapping[str, Any] | None
    right: bool | None


def look(lot: Lot, dataset: DatasetPlan, connector: Connector, user: Any) -> list[Drawn]:
    """The items that were drawn, as the register has them now; that they were opened is an event of the lot.

    Raises LifecycleError if nothing is to be looked at or the account is no controller's, ConnectorError.
    """
    who = controller(lot.organisation, user)
    entries = waiting(lot)
    if dataset.mapping is None:
        raise LifecycleError(f"lot {lot.pk}: its dataset is not read by us")
    positions = drawn_of(lot)
    refs = [Ref(entries[p].key, entries[p].subject, entries[p].name) for p in positions]
    name = dataset.mapping.key
    shown = {str(item.get(name)): _in_words(item) for item in connector.export(dataset.mapping, refs)}
    verdicts = dict(lot.looks.values_list("position", "right"))
    lot.events.create(
        before=lot.state, after=lot.state, who=who.who, account=who.account, reason="sample opened", digest=lot.digest
    )
    return [
        Drawn(
            p,
            entries[p].key,
            entries[p].subject,
            entries[p].due_from.isoformat(),
            shown.get(entries[p].key),
            verdicts.get(p),
        )
        for p in positions
    ]


def _in_words(item: Mapping[str, Any]) -> dict[str, Any]:
    """As an answer can carry it: what is neither text nor a number as text, bytes as how many there are."""
    return {
        name: f"({len(value)} bytes)" if isinstance(value, bytes) else value if value is None else str(value)
        for name, value in item.items()
    }


def waiting(lot: Lot) -> list[LotKey]:
    """The keys of a lot whose sample may be looked at. Raises LifecycleError of one that does not wait for it."""
    if lot.wave is None:
        raise LifecycleError(f"lot {lot.pk} is of no wave: nothing was drawn from it")
    if lot.state != LotState.FLAGGED or lot.keys is None:
        raise LifecycleError(f"lot {lot.pk} does not wait for a review: it is {lot.state}")
    return unpack(bytes(lot.keys))


def judge(lot: Lot, user: Any, digest: str, right: Sequence[int], wrong: Sequence[int], reason: str = "") -> int:
    """Record which of the items that were drawn are right and which are wrong; how many are left to be looked at.

    One that is wrong rejects the lot with the reason, which it needs. Raises LifecycleError for positions that were not
    drawn, a lot that does not wait, another digest, or an account that is no controller's.
    """
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(pk=lot.pk)
        who = controller(lot.organisation, user)
        waiting(lot)
        if digest != lot.digest:
            raise LifecycleError(f"lot {lot.pk} is not what was looked at: its digest is {lot.digest}")
        positions = set(drawn_of(lot))
        if not {*right, *wrong} <= positions or set(right) & set(wrong):
            raise LifecycleError(f"lot {lot.pk}: only what was drawn is judged, and each item once")
        for position in sorted({*right, *wrong}):
            LotLook.objects.update_or_create(
                lot=lot,
                position=position,
                defaults={"right": position in set(right), "who": who.who, "account": who.account},
            )
        if wrong:
            if not reason.strip():
                raise LifecycleError(f"lot {lot.pk}: what is wrong needs a reason")
            reject(lot, who.who, f"sampled review: {len(wrong)} wrong: {reason}", who.account)
            return 0
        return len(positions) - lot.looks.filter(right=True).count()
