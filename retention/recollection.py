"""The sources of truth asked again for the people whose items are about to go (D1).

What was collected at the beginning of the night may be hours old when something goes. Just before, each source that
the rules rest on is asked for these people only, and what it says now is taken into the ledger: a contract that runs
again or a debt that was booked meanwhile keeps what it would have kept. What has gone since is nobody's reason to keep
less: of that the next collection tells.

A marketing ban that came meanwhile is kept before the person it bans is gone (D10).

A system that cannot be asked for some people only is not asked again; every kind that tells the ledger anything can.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from django.db import transaction

from retention.connectors.contract import CollectsOfSome, Connector, ConnectorError, LedgerRow
from retention.domain.errors import SelosteError
from retention.models import Run
from retention.plan import LedgerSource, Plan, RegisterPlan
from retention.selectors import connector_of
from retention.staging import Staged, nothing_new
from retention.suppression_feed import keep_bans, unkept


class Recollection:
    """Sources of truth, each register opened when it is asked first; a context manager that keeps them open.

    at_hand  registers that are open already
    fence    asked in each transaction that changes the ledger; raises to undo it
    """

    def __init__(self, run: Run, plan: Plan, at_hand: Mapping[str, Connector], fence: Callable[[], None]) -> None:
        self.run = run
        self.plan = plan
        self.fence = fence
        self._connectors = dict(at_hand)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connectors.clear()
        self._open.close()

    def ask(self, subject_kind: str, wanted: Collection[str], subjects: Sequence[str]) -> None:
        """Take in what sources of any of these events and facts, or of bans, tell of these subjects now.

        Raises ConnectorError where a source cannot be asked or believed, or a ban cannot be kept.
        """
        if not subjects:
            return
        for register, source in self.plan.sources(subject_kind, wanted):
            connector = self._connector(register)
            if isinstance(connector, CollectsOfSome):
                news = self._take_in(f"{register.code}:{source.code}", source, connector, subjects)
                if news and source.bans is not None:
                    self._keep_bans(register, subject_kind)

    def _keep_bans(self, register: RegisterPlan, subject_kind: str) -> None:
        keep_bans(self.run, self.plan, register, self.fence)
        if problem := unkept(self.run, self.plan, subject_kind):
            raise ConnectorError(problem, permanent=False)

    def _connector(self, register: RegisterPlan) -> Connector:
        if register.code not in self._connectors:
            connector = connector_of(self.run.organisation, register)
            self._connectors[register.code] = self._open.enter_context(connector)
        return self._connectors[register.code]

    def _take_in(self, name: str, source: LedgerSource, connector: CollectsOfSome, subjects: Sequence[str]) -> bool:
        mine = (self.run.organisation.pk, source.subject_kind, name)
        staged = Staged(source.mapping, of_some=True)
        told: Iterable[LedgerRow] = connector.collect_of(source.mapping, subjects)
        try:
            if not (source.mapping.events or source.mapping.facts):  # contracts alone are compared faster than staged
                told = list(told)
                if nothing_new(self.run.organisation, source.subject_kind, name, told):
                    return False
            if not staged.fill(told):
                return False
            with transaction.atomic():
                self.fence()
                if problems := list(staged.problems(*mine)):
                    raise ConnectorError(f"{name}, asked again: {'; '.join(problems)}", permanent=False)
                return staged.take_in(*mine)
        except ConnectorError:
            raise
        except SelosteError as error:
            raise ConnectorError(f"{name}, asked again: {error}", permanent=False) from None
        finally:
            staged.close()
