"""What a source of truth would tell on the first night that asks it: for the effect of a draft, and for nothing else.

Before its first night the ledger knows nobody, and an effect counted on it would be too small, since the end of every
contract is missing. So what no night has read is read here, into the ledger, in a transaction that is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from django.db import transaction

from retention.connectors.contract import ConnectorError
from retention.domain.errors import SelosteError
from retention.following import question_of
from retention.models import Collection
from retention.plan import DatasetPlan, LedgerSource, Plan, RegisterPlan
from retention.question import Question
from retention.selectors import connector_of
from retention.staging import Staged
from ropa.models import Organisation

Silent = Mapping[str, str]
"""Source -> why it is not known what it tells."""


@contextmanager
def first_told(organisation: Organisation, plans: Iterable[Plan]) -> Iterator[Silent]:
    """Have the ledger say what the sources of these plans tell that no night has collected; nothing of it stays.

    Gives those that did not answer or cannot be believed. Where something is read, SQLite lets nobody else write
    until the end.
    """
    known = Collection.objects.filter(run__organisation=organisation, complete=True)
    collected = set(known.values_list("source", flat=True).distinct())
    new = {
        f"{register.code}:{source.code}": (register, source)
        for plan in plans
        for register in plan.registers
        for source in register.ledger
    }
    wanted = {name: both for name, both in new.items() if name not in collected}
    if not wanted:
        yield {}
        return
    with transaction.atomic():
        silent = {name: _read(organisation, name, *both) for name, both in wanted.items()}
        yield {name: why for name, why in silent.items() if why}
        transaction.set_rollback(True)


def _read(organisation: Organisation, name: str, register: RegisterPlan, source: LedgerSource) -> str:
    """Take in what the source tells; why not, or ""."""
    mine = (organisation.pk, source.subject_kind, name)
    try:
        with transaction.atomic():
            staged = Staged(source.mapping)
            with connector_of(organisation, register) as connector:
                staged.fill(connector.collect(source.mapping))
            if problems := list(staged.problems(*mine)):
                raise SelosteError("; ".join(problems))
            staged.store(*mine)
            staged.close()
    except SelosteError as error:
        return str(error)
    return ""


def refuse_blind(organisation: Organisation, plan: Plan, dataset: DatasetPlan, today: date, silent: Silent) -> None:
    """Raise ConnectorError where the dataset's rules, or those of what it follows, rest on a source that is silent."""
    mine = Question(organisation, plan, dataset, today)
    for one in (mine, *(question_of(mine, follow) for follow in dataset.rules.follows)):
        if one.asks_ledger:
            for register, source in plan.sources(one.dataset.subject_kind, one.wanted):
                name = f"{register.code}:{source.code}"
                if name in silent:
                    raise ConnectorError(f"the ledger is not complete: {name}: {silent[name]}", permanent=False)
