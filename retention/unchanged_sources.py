"""What the registers tell of changes, and which sources of the ledger stand because nobody wrote them (V5).

See `retention.unchanged`. A source stands on its last complete answer while its system counts no further write, under
the same version, connection and release, for seven days at most.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from retention.connectors.contract import Connector, ConnectorError, TellsChanges
from retention.domain.evidence import canonical
from retention.evidence_log import subject_digest
from retention.models import Collection, Connection, Run
from retention.plan import LedgerSource, Plan, RegisterPlan
from retention.release import release
from retention.selectors import connection_of, connector_by

FULL = timedelta(days=7)
"""So long nothing is believed unasked."""

LONG = ("summary", "progress", "missed_dates", "falls_confirmed", "stop_reason")
"""What of a run need not be read to know its day."""

Tokens = Mapping[str, str]
"""Place of one register -> what stands for all that was written there; unknown ones are left out."""


@dataclass
class Told:
    """What the registers told of changes tonight, as one process asked them; forgotten whenever we write."""

    registers: dict[str, Tokens] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    """Register -> digest of how its system is reached."""

    def way(self, run: Run, register: RegisterPlan) -> str:
        """Digest of how a register is reached of which something is known; "" if it is not reached any more."""
        if register.code not in self.reached:
            try:
                self._connection(run, register)
            except ConnectorError:
                return ""
        return self.reached[register.code]

    def _connection(self, run: Run, register: RegisterPlan) -> Connection:
        found = connection_of(run.organisation, register)
        written = canonical([found.code, found.kind, found.config])
        self.reached[register.code] = subject_digest(written.decode("utf-8"))
        return found

    def of(self, run: Run, plan: Plan, register: RegisterPlan, connector: Connector | None = None) -> Tokens:
        """One register's; asked of `connector`, which is open, or of one of our own."""
        if register.code not in self.registers:
            try:
                self.registers[register.code] = self._asked(run, plan, register, connector)
            except ConnectorError:
                self.registers[register.code] = {}  # whoever asks it of anything else is told why
        return self.registers[register.code]

    def _asked(self, run: Run, plan: Plan, register: RegisterPlan, connector: Connector | None) -> Tokens:
        if connector is not None:
            return _tokens(plan, register, connector)
        fresh = connector_by(self._connection(run, register))  # whose digest goes with what it tells
        if not isinstance(fresh, TellsChanges):
            return {}
        with fresh:
            return _tokens(plan, register, fresh)

    def forget(self) -> None:
        self.registers.clear()


def _tokens(plan: Plan, register: RegisterPlan, connector: Connector) -> Tokens:
    if not isinstance(connector, TellsChanges):
        return {}
    return {place: change.token for place, change in connector.changes(_places(plan, register)).items()}


def _places(plan: Plan, register: RegisterPlan) -> list[str]:
    """Every place of a register that anything of ours is read from."""
    datasets = {dataset.mapping.place for dataset in plan.datasets_of(register.code) if dataset.mapping is not None}
    ledger = {source.mapping.place for source in register.ledger}
    return sorted(datasets | ledger | {source.mapping.place for source in register.identities})


def _source_token(run: Run, register: RegisterPlan, source: LedgerSource, tokens: Tokens, reached: str) -> str:
    token = tokens.get(source.mapping.place)
    return "" if token is None else subject_digest(f"{release()} {run.version_id} {register.code} {reached} {token}")


def sources(run: Run, plan: Plan, told: Told, register: RegisterPlan, connector: Connector | None = None) -> Tokens:
    """Source of the ledger -> what stands for it tonight; without those of which that is unknown."""
    tokens = told.of(run, plan, register, connector)
    reached = told.way(run, register) if tokens else ""
    found = {
        f"{register.code}:{source.code}": _source_token(run, register, source, tokens, reached)
        for source in register.ledger
    }
    return {name: token for name, token in found.items() if token}


def take_over_sources(run: Run, register: RegisterPlan, tokens: Tokens) -> Some[str]:
    """Record every source that stands as collected, since when, and say which those are (V5).

    Only on a complete answer of the last night that asked it, under the same version, seven days old at most.
    """
    standing = standing_sources(run, register, tokens)
    write_sources(run, register, standing)
    return standing.keys()


def write_sources(run: Run, register: RegisterPlan, standing: Mapping[str, Collection]) -> None:
    """Record them as collected tonight too, with the day on which they were."""
    Collection.objects.bulk_create(
        [
            Collection(
                run=run,
                source=name,
                register=register.code,
                rows=row.rows,
                complete=True,
                unchanged_since=_since(row),
                token=row.token,
            )
            for name, row in sorted(standing.items())
            if row.run_id != run.pk
        ],
        update_conflicts=True,
        unique_fields=["run", "source"],
        update_fields=["rows", "complete", "problem", "unchanged_since", "token"],
    )


def standing_sources(run: Run, register: RegisterPlan, tokens: Tokens) -> Mapping[str, Collection]:
    """Of these sources what stands, with the record of it that was written last."""
    if not tokens:
        return {}
    before = Collection.objects.filter(
        run__organisation=run.organisation,
        run__business_date__gt=run.business_date - 2 * FULL,
        run__business_date__lte=run.business_date,
        register=register.code,
        source__in=list(tokens),
    )
    dated = before.select_related("run").defer(*(f"run__{field}" for field in LONG))
    last = {row.source: row for row in dated.order_by("run__business_date")}
    return {
        name: row
        for name, row in last.items()
        if row.complete and row.token == tokens[name] and run.business_date - _since(row) < FULL
    }


def _since(row: Collection) -> date:
    return row.unchanged_since or row.run.business_date


def believed(run: Run, plan: Plan, kinds: Some[str]) -> list[RegisterPlan]:
    """The registers of which a source stands tonight that tells of such subjects, in the inventory's order."""
    rows = Collection.objects.filter(run=run).exclude(unchanged_since=None) if kinds else Collection.objects.none()
    names = set(rows.values_list("source", flat=True))
    return [
        register
        for register in plan.registers
        if any(source.subject_kind in kinds and f"{register.code}:{source.code}" in names for source in register.ledger)
    ]


def account_for_own(
    run: Run, plan: Plan, told: Told, register: RegisterPlan, before: Tokens, connector: Connector
) -> None:
    """After we disposed: where nobody else wrote a source meanwhile, its last answer stands but for what we took.

    What the ledger keeps of rows that we took ended is what a collection would leave of them; that they are told no
    more it learns from the next whole one.
    """
    if not before or not register.ledger or not isinstance(connector, TellsChanges):
        return
    try:
        changes = connector.changes(_places(plan, register))
    except ConnectorError:
        return  # then the next night reads it
    ours = {place: change for place, change in changes.items() if before.get(place) == change.but_own != ""}
    reached = told.way(run, register)
    for source in register.ledger:
        was = _source_token(run, register, source, before, reached)
        now = _source_token(run, register, source, {place: change.token for place, change in ours.items()}, reached)
        if was and now and was != now:
            name = f"{register.code}:{source.code}"
            Collection.objects.filter(run=run, source=name, complete=True, token=was).update(token=now)
