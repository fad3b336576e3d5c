"""What a night executes: a published version, read into dataclasses. A night sees nothing else of the inventory (V1).

The snapshot is the inventory document without its connections; what it leaves out has the document's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from retention.connectors.contract import ClosedWhen, DatasetMapping, LedgerMapping
from retention.domain.errors import EvidenceError, RuleError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.periods import FinancialYears, Period, parse_financial_years
from retention.domain.rules import FactValue, Grain, RuleSet
from retention.domain.written import parse_ceiling, parse_day, parse_ground
from ropa.models import Version

Document = Mapping[str, Any]

FIRST_PLAUSIBLE_DAY = date(1950, 1, 1)
"""An earlier date is a placeholder, unless the organisation says otherwise (P1)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a night may do about a dataset: observe, flag or purge; whose approval it wants; how long it then waits."""

    mode: str = "observe"
    approval: str = "automatic"
    grace: Period = Period(0, 0)  # noqa: RUF009 - frozen
    waves: bool = False


@dataclass(frozen=True)
class OrganisationPlan:
    """Whose night it is."""

    slug: str
    name: str
    time_zone: str
    facts: Mapping[str, FactValue]
    financial_years: FinancialYears
    first_plausible_day: date = FIRST_PLAUSIBLE_DAY


@dataclass(frozen=True)
class LedgerSource:
    """One thing that a register is the source of truth for."""

    code: str
    subject_kind: str
    mapping: LedgerMapping


@dataclass(frozen=True)
class RegisterPlan:
    """A register and how it is reached."""

    code: str
    name: Mapping[str, str]
    medium: str
    connection: str
    ledger: tuple[LedgerSource, ...] = ()


@dataclass(frozen=True)
class DatasetPlan:
    """One dataset: where it lies, which rules decide, what may be done. `rules_digest` names all that decides."""

    code: str
    name: Mapping[str, str]
    register: str
    activity: str
    grain: Grain
    subject_kind: str
    enforced_by: str
    mapping: DatasetMapping | None
    rules: RuleSet
    policy: Policy
    rules_digest: str


@dataclass(frozen=True)
class Plan:
    """A whole published version."""

    organisation: OrganisationPlan
    registers: tuple[RegisterPlan, ...]
    datasets: tuple[DatasetPlan, ...]
    digest: str

    @cached_property
    def _by_code(self) -> dict[str, DatasetPlan]:
        return {dataset.code: dataset for dataset in self.datasets}

    def datasets_of(self, register: str) -> list[DatasetPlan]:
        """The datasets of one register, in the document's order."""
        return [dataset for dataset in self.datasets if dataset.register == register]

    def find_dataset(self, code: str) -> DatasetPlan | None:
        """The dataset of that id, if this version has it."""
        return self._by_code.get(code)

    def find_register(self, code: str) -> RegisterPlan | None:
        """The register of that id, if this version has it."""
        return next((register for register in self.registers if register.code == code), None)

    def told(self, subject_kind: str) -> frozenset[str]:
        """The events that a register is declared to tell of such subjects; the absence of others says nothing."""
        found: set[str] = set()
        for register in self.registers:
            for source in register.ledger:
                if source.subject_kind == subject_kind:
                    found |= events_told(source.mapping)
        return frozenset(found)


def events_told(mapping: LedgerMapping) -> frozenset[str]:
    """The events that a source of the ledger tells, those of contracts included."""
    contracts = {"contract_started", "contract_ended"} if mapping.started or mapping.ended else set()
    return frozenset(contracts | set(mapping.events))


def plan_of(version: Version) -> Plan:
    """Read a published version. Raises EvidenceError if it was changed since, RuleError if it cannot be read."""
    return _plan(version.snapshot, version.digest)


@lru_cache(maxsize=32)
def _plan(snapshot: str, digest: str) -> Plan:
    if sha256_hex(snapshot.encode("utf-8")) != digest:
        raise EvidenceError("the published inventory was changed after it was published: its digest is another")
    return plan_from(json.loads(snapshot), digest)


def plan_from(document: Document, digest: str) -> Plan:
    """A plan from an inventory document. Raises RuleError naming the place of the first thing that cannot be read."""
    organisation = _organisation(document["organisation"])
    return Plan(
        organisation,
        tuple(_register(register) for register in document.get("registers", ())),
        tuple(_dataset(dataset, organisation) for dataset in document.get("datasets", ())),
        digest,
    )


def _organisation(document: Document) -> OrganisationPlan:
    years = [(parse_day(y["start"], "start"), parse_day(y["end"], "end")) for y in document.get("financial_years", ())]
    first = document.get("first_plausible_day")
    return OrganisationPlan(
        slug=document["slug"],
        name=document["name"],
        time_zone=document.get("time_zone", "Europe/Helsinki"),
        facts=MappingProxyType(dict(document.get("facts") or {})),
        financial_years=parse_financial_years(document.get("financial_year_end", "12-31"), years),
        first_plausible_day=parse_day(first, "organisation.first_plausible_day") if first else FIRST_PLAUSIBLE_DAY,
    )


def _register(document: Document) -> RegisterPlan:
    return RegisterPlan(
        code=document["id"],
        name=document["name"],
        medium=document.get("medium", ""),
        connection=document.get("connection") or "",
        ledger=tuple(_ledger_source(source) for source in document.get("ledger") or ()),
    )


def _ledger_source(document: Document) -> LedgerSource:
    return LedgerSource(
        document["id"],
        document["subject_kind"],
        LedgerMapping(
            place=document["place"],
            subject=document["subject"],
            contract=document.get("contract"),
            started=document.get("started"),
            ended=document.get("ended"),
            closed=_closed(document.get("closed")),
            events=MappingProxyType(dict(document.get("events") or {})),
            facts=MappingProxyType(dict(document.get("facts") or {})),
            thing=document.get("thing"),
            purpose=document.get("purpose") or "",
            options=MappingProxyType(dict(document.get("options") or {})),
        ),
    )


def _dataset(document: Document, organisation: OrganisationPlan) -> DatasetPlan:
    path = f"datasets[{document['id']}]"
    rules = RuleSet(
        grounds=tuple(_rule(parse_ground, path, "grounds", rule) for rule in document.get("grounds") or ()),
        ceilings=tuple(_rule(parse_ceiling, path, "ceilings", rule) for rule in document.get("ceilings") or ()),
        no_reason_to_keep=document.get("no_reason_to_keep") is not None,
        financial_years=organisation.financial_years,
        first_plausible_day=organisation.first_plausible_day,
    )
    mapping = document.get("mapping")
    return DatasetPlan(
        code=document["id"],
        name=document["name"],
        register=document["register"],
        activity=document["activity"],
        grain=Grain(document["grain"]),
        subject_kind=document.get("subject_kind") or "",
        enforced_by=document.get("enforced_by", "us"),
        mapping=_mapping(mapping) if mapping else None,
        rules=rules,
        policy=_policy(document.get("policy") or {}, f"{path}.policy"),
        rules_digest=rules_digest(document, organisation),
    )


def _rule(parse: Any, path: str, key: str, document: Document) -> Any:
    return parse(document, f"{path}.{key}[{document.get('id', '?')}]")


def _mapping(document: Document) -> DatasetMapping:
    return DatasetMapping(
        place=document["place"],
        key=document["key"],
        subject=document.get("subject"),
        contract=document.get("contract"),
        events=MappingProxyType(dict(document.get("events") or {})),
        facts=MappingProxyType(dict(document.get("facts") or {})),
        closed=_closed(document.get("closed")),
        fields=tuple(document.get("fields") or ()),
        children=tuple(document.get("children") or ()),
        options=MappingProxyType(dict(document.get("options") or {})),
    )


def _closed(document: Document | None) -> ClosedWhen | None:
    return ClosedWhen(document["column"], tuple(str(v) for v in document["values"])) if document else None


def _policy(document: Document, path: str) -> Policy:
    mode, approval = document.get("mode", "observe"), document.get("approval", "automatic")
    if mode not in {"observe", "flag", "purge"} or approval not in {"automatic", "one", "two"}:
        raise RuleError(f"{mode!r} with approval {approval!r} is no policy", path)
    return Policy(mode, approval, Period.parse(document.get("grace", "P0D")), bool(document.get("waves", False)))


DECIDES: Sequence[str] = (
    "grain",
    "subject_kind",
    "enforced_by",
    "mapping",
    "grounds",
    "ceilings",
    "no_reason_to_keep",
)
"""What of a dataset decides about its items; its names and its policy do not."""


def rules_digest(dataset: Document, organisation: OrganisationPlan) -> str:
    """Names exactly the rules and the mapping that decide: when they change, approvals under them are void (V1)."""
    years = organisation.financial_years
    return sha256_hex(
        canonical(
            {
                "dataset": {key: dataset[key] for key in DECIDES if dataset.get(key)},
                "facts": dict(organisation.facts),
                "financial_year_end": list(years.day),
                "financial_years": [[start.isoformat(), end.isoformat()] for start, end in years.years],
                "first_plausible_day": organisation.first_plausible_day.isoformat(),
            }
        )
    )
