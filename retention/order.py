"""In which order a night works within one register, and whose row must wait because it tells names (D6).

Between registers `steps.order` says it. A row that tells names waits not only for the items that are found by them,
but until every lot that needs them is verified, so that what is left of an item can still be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from retention.disposal import waiting_keys
from retention.domain.lifecycle import LotState
from retention.identity import Names
from retention.lot_keys import openable, unpack
from retention.models import Lot
from retention.plan import DatasetPlan, Plan
from ropa.models import Organisation


def in_order(datasets: Sequence[DatasetPlan], register: str) -> list[DatasetPlan]:
    """The datasets of one register as they are worked on: what follows others (nothing follows it), then what is found
    by names of this very register, then the rest; as the inventory has them otherwise.
    """

    def named_here(dataset: DatasetPlan) -> bool:
        return dataset.subject_key is not None and dataset.subject_key.via == register

    return sorted(datasets, key=lambda dataset: (not dataset.rules.follows, not named_here(dataset)))


def needed(
    organisation: Organisation, plan: Plan, names: Names, dataset: DatasetPlan, subjects: Sequence[str]
) -> Mapping[str, str]:
    """Whose row of the dataset must stay because it tells names that something still needs: number -> why."""
    found = names.still_needed(dataset, subjects)
    if others := names.named_by(dataset):
        found.update(_of_lots(organisation, plan, others, set(subjects) - found.keys()))
    return found


def _of_lots(
    organisation: Organisation, plan: Plan, datasets: Iterable[DatasetPlan], subjects: set[str]
) -> dict[str, str]:
    """Of these, who is in a lot that is not verified: its items may be gone, and something of them is there."""
    codes = {
        code for dataset in datasets for code in (dataset.code, *(one.code for one in plan.steps_of(dataset.code)))
    }
    lots = Lot.objects.filter(organisation=organisation, dataset__in=codes, keys__isnull=False)
    lots = lots.filter(state__in=[LotState.CLAIMED, LotState.DONE], residue_kept_until=None)
    found: dict[str, str] = {}
    for lot in lots.order_by("pk"):
        if not subjects or not openable(lot):
            continue
        left = set(lot.exceptions.exclude(residue="").values_list("position", flat=True))
        waiting = set(waiting_keys(lot)) if lot.state == LotState.CLAIMED else set()
        for position, entry in enumerate(unpack(bytes(lot.keys or b""))):
            if entry.subject in subjects and (position in left or entry.key in waiting):
                found[str(entry.subject)] = f"tells names that lot {lot.pk} of {lot.register} still needs"
    return found
