"""The ledger forgets: what it knows of a person goes when no register has anything left of them.

Customer numbers and dates are personal data too. The rows of somebody of whom no source tells anything any
more stay as long as some dataset still holds an item of theirs, because its rules need the dates; every
register that could hold one is asked first, and if one does not answer nothing is forgotten tonight. The
same holds for an ended contract that is told no more, where a later contract of the person is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q

from retention.connectors.contract import ConnectorError
from retention.domain.rules import Grain
from retention.identity import Names
from retention.ledger import BATCH, UNTOLD, changed
from retention.models import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.plan import DatasetPlan, Plan
from retention.selectors import connector_of
from ropa.models import Organisation

Row = TypeVar("Row")

TABLES = (LedgerContract, LedgerEvent, LedgerOpen, LedgerFact)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many people and how many ended contracts were taken out of the ledger."""

    subjects: int = 0
    contracts: int = 0


def forget(organisation: Organisation, plan: Plan) -> Forgotten:
    """Take out of the ledger what no register needs any more. Raises ConnectorError where one does not answer.

    That persons are forgotten of whom no register has anything changes no answer, and is no other ledger for that.
    """
    subjects = contracts = 0
    for kind in _kinds(organisation):
        datasets = [d for d in plan.datasets if d.mapping is not None and d.subject_kind == kind]
        for batch in _batches(_untold_subjects(organisation, kind)):
            gone = sorted(set(batch) - _still_somewhere(organisation, plan, datasets, batch))
            with transaction.atomic():
                for table in TABLES:
                    mine = table.objects.filter(organisation=organisation, subject_kind=kind, subject__in=gone)
                    mine.filter(revision=UNTOLD).delete()  # what was told while the registers were asked stays
            subjects += len(gone)
        by_contract = [dataset for dataset in datasets if dataset.grain is Grain.CONTRACT]
        for pairs in _batches(_untold_contracts(organisation, plan, kind)):
            needed = _contracts_somewhere(organisation, plan, by_contract, [ref for _, ref in pairs])
            with transaction.atomic():
                before = contracts
                for pk, ref in pairs:
                    if ref not in needed:
                        contracts += LedgerContract.objects.filter(pk=pk, revision=UNTOLD).delete()[0]
                if contracts > before:
                    changed(organisation.pk, [kind])
    return Forgotten(subjects, contracts)


def _batches(found: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(found, BATCH)):
        yield batch


def _kinds(organisation: Organisation) -> list[str]:
    """The kinds of subject of whom something is untold; perhaps the inventory has no source of one any more."""
    untold = (table.objects.filter(organisation=organisation, revision=UNTOLD).order_by() for table in TABLES)
    return sorted({kind for rows in untold for kind in rows.values_list("subject_kind", flat=True).distinct()})


def _untold_subjects(organisation: Organisation, kind: str) -> Iterator[str]:
    """Subjects of whom every row is untold, in order."""
    candidates: set[str] = set()
    for table in TABLES:
        mine = table.objects.filter(organisation=organisation, subject_kind=kind)
        untold = mine.values("subject").annotate(last=Max("revision")).filter(last=UNTOLD)
        candidates |= set(untold.values_list("subject", flat=True))
    told: set[str] = set()
    for table in TABLES:
        mine = table.objects.filter(organisation=organisation, subject_kind=kind, revision__gt=UNTOLD)
        told |= set(mine.filter(subject__in=candidates).values_list("subject", flat=True)) if candidates else set()
    return iter(sorted(candidates - told))


def _untold_contracts(organisation: Organisation, plan: Plan, kind: str) -> Iterator[tuple[int, str]]:
    """Ended contracts that are told no more, of subjects whose other contracts run or ended as late or later.

    One without an end that the inventory has no source for any more perhaps runs on, and stays with its person.
    """
    others = LedgerContract.objects.filter(
        organisation=organisation, subject_kind=kind, subject=OuterRef("subject"), revision__gt=UNTOLD
    ).filter(Q(ended=None) | Q(ended__gte=OuterRef("ended")))
    untold = LedgerContract.objects.filter(organisation=organisation, subject_kind=kind, revision=UNTOLD)
    untold = untold.filter(Q(ended__isnull=False) | Q(source__in=plan.source_names))
    return iter(list(untold.filter(Exists(others)).order_by("pk").values_list("pk", "ref")))


def _still_somewhere(
    organisation: Organisation, plan: Plan, datasets: Sequence[DatasetPlan], subjects: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    for dataset in datasets:
        register = plan.find_register(dataset.register)
        if register is None or dataset.mapping is None or dataset.mapping.subject is None:
            continue
        with Names(organisation, plan) as names, names.connect(dataset) as connector:
            for candidate in connector.find(dataset.mapping, subjects=subjects):
                found |= {*candidate.maybe, candidate.ref.subject} - {None}  # type: ignore[arg-type]
    return found


def _contracts_somewhere(
    organisation: Organisation, plan: Plan, datasets: Sequence[DatasetPlan], refs: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    for dataset in datasets:
        register = plan.find_register(dataset.register)
        if register is None or dataset.mapping is None:
            raise ConnectorError(f"{dataset.code}: is reached by nobody", permanent=True)
        with connector_of(organisation, register) as connector:
            for candidate in connector.find(dataset.mapping, contracts=refs):
                if candidate.contract is not None:
                    found.add(candidate.contract)
    return found
