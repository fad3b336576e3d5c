"""A published version as the night reads it: frozen, checked against its digest, and nothing but the snapshot.

What may be left out of a document may be left out of a snapshot; what is left out is as the reference says.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from retention.connectors.contract import ClosedWhen, DatasetMapping, IdentityMapping, LedgerMapping, going_along
from retention.domain.errors import EvidenceError, RuleError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.items import CONTRACT_EVENTS
from retention.domain.periods import FinancialYears, Period, Rounding, parse_financial_years
from retention.domain.rules import DONE_AS, FactValue, Follow, Grain, RuleSet, Step, StepAction
from retention.domain.substitutes import Substitute
from retention.domain.written import parse_day, parse_rules
from ropa.kinds import POLICY
from ropa.models import Version

Document = Mapping[str, Any]

FIRST_PLAUSIBLE_DAY = date(1950, 1, 1)

BANNED_CHANNELS = frozenset({"all", "electronic", "post", "phone", "distance_selling", "research"})
"""What a marketing ban may be about; `all` is every one of the others."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How far a night may go with a dataset (V3).

    mode      observe (count), flag (make lots), purge
    approval  automatic, one, two: how many persons approve a lot
    grace     from approval to the first day on which it may be claimed
    waves     a backlog goes in waves; never automatic
    """

    mode: str
    approval: str
    grace: Period
    waves: bool


@dataclass(frozen=True)
class OrganisationPlan:
    """What of the organisation a night asks: its clock, its facts, its years."""

    slug: str
    name: str
    time_zone: str
    facts: Mapping[str, FactValue] = field(default_factory=lambda: MappingProxyType({}))
    financial_years: FinancialYears = field(default_factory=FinancialYears)
    first_plausible_day: date = FIRST_PLAUSIBLE_DAY


@dataclass(frozen=True)
class Bans:
    """That a ledger source tells marketing bans, and of which channels (`retention.suppression_feed`).

    channels  what its objections ban; by_thing: the same by what an objection is about, where it says that
    fact      a fact that is true of whoever is banned, where the source tells no objections
    """

    channels: tuple[str, ...] = ("all",)
    by_thing: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    fact: str = ""


@dataclass(frozen=True)
class LedgerSource:
    """Something that a register is the source of truth for, collected every night; `bans`: None tells none."""

    code: str
    subject_kind: str
    mapping: LedgerMapping
    bans: Bans | None = None

    @property
    def tells(self) -> frozenset[str]:
        """The events and facts that it tells of its subjects."""
        contracts = CONTRACT_EVENTS if self.mapping.started or self.mapping.ended else frozenset()
        return frozenset(self.mapping.events) | frozenset(self.mapping.facts) | contracts


@dataclass(frozen=True)
class IdentitySource:
    """Where a register tells other names of persons: asked whenever somebody is known by such a name only."""

    code: str
    subject_kind: str
    mapping: IdentityMapping


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """By which sort of name a dataset knows its persons, which register tells it, and which event dates the use.

    at  an event of the item's own: the name meant whoever had it on that day
    """

    kind: str
    via: str
    at: str = ""


@dataclass(frozen=True)
class RegisterPlan:
    """A register: which connection reaches it, what it tells the ledger, and which other names it knows.

    `backups`: how long its backups are kept, at most.

    `announced`: subject kind -> events and facts that somebody sends by the API. They are never collected, so
    the absence of one is never believed (V5).
    """

    code: str
    name: Mapping[str, str]
    medium: str
    connection: str = ""
    ledger: tuple[LedgerSource, ...] = ()
    identities: tuple[IdentitySource, ...] = ()
    announced: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    backups: tuple[Period, ...] = ()


@dataclass(frozen=True)
class StepPlan:
    """A step of the dataset `of`, and the dataset that it makes something for, if it does."""

    of: str
    step: Step
    target: DatasetPlan | None = None
    kept: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def made_of(self) -> Mapping[str, str]:
        """Column of the target -> what stands there. What is moved keeps its key, its person and its start dates."""
        written = dict(self.step.columns)
        return {**self.kept, **written} if self.step.action is StepAction.TRANSFER else written


@dataclass(frozen=True)
class DatasetPlan:
    """A dataset with all that decides about it. `rules_digest` changes when any of that does.

    `step`: these are the items of a dataset as a step of it finds them; its day is the step's. `substitutes`: for dates
    that are missing, beside the snapshot and in force now (`retention.substitutes`). `estimable`: whether there may be
    any, which is not so where a campaign was confirmed before the rules came to say otherwise.
    """

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
    subject_key: SubjectKey | None = None
    step: StepPlan | None = None
    substitutes: tuple[Substitute, ...] = ()
    estimable: bool = True

    @property
    def held_as(self) -> str:
        """The dataset that a hold must name to hold this: a hold on a dataset stops its steps."""
        return self.code if self.step is None else self.step.of


@dataclass(frozen=True)
class Plan:
    """One version of an inventory. `digest` is the SHA-256 of its snapshot, `steps` its datasets' as datasets."""

    organisation: OrganisationPlan
    registers: tuple[RegisterPlan, ...]
    datasets: tuple[DatasetPlan, ...]
    digest: str
    steps: tuple[DatasetPlan, ...] = ()

    def worked_of(self, register: str) -> tuple[DatasetPlan, ...]:
        """What a night works on in one register: the steps of its datasets, then the datasets."""
        return (*(step for step in self.steps if step.register == register), *self.datasets_of(register))

    def steps_of(self, dataset: str) -> tuple[DatasetPlan, ...]:
        """The steps of one dataset, in the document's order."""
        return tuple(one for one in self.steps if one.step is not None and one.step.of == dataset)

    def datasets_of(self, register: str) -> tuple[DatasetPlan, ...]:
        """The datasets of one register, in the document's order."""
        return tuple(dataset for dataset in self.datasets if dataset.register == register)

    def without(self, closed: Container[str]) -> Plan:
        """The same without some registers and their datasets: those that are closed are not asked for what is due."""
        return replace(
            self,
            registers=tuple(register for register in self.registers if register.code not in closed),
            datasets=tuple(dataset for dataset in self.datasets if dataset.register not in closed),
            steps=tuple(step for step in self.steps if step.register not in closed),
        )

    def find_dataset(self, code: str) -> DatasetPlan | None:
        return next((dataset for dataset in (*self.datasets, *self.steps) if dataset.code == code), None)

    def going_with(self, dataset: DatasetPlan) -> tuple[DatasetPlan, ...]:
        """Other datasets whose rows go with this one's items: children or history of its mapping are their places."""
        if dataset.mapping is None:
            return ()
        places = {place for _, place in going_along(dataset.mapping.children, dataset.mapping.options)}
        if not places:
            return ()
        connections = {register.code: register.connection for register in self.registers}
        return tuple(
            other
            for other in self.datasets
            if other.mapping is not None
            and other.code != dataset.held_as
            and other.mapping.place in places
            and connections.get(other.register) == connections.get(dataset.register)
        )

    def unasked(self, dataset: DatasetPlan) -> tuple[DatasetPlan, ...]:
        """Those of them that something else keeps than the item: by their own rules they might not go yet.

        Rows that tell persons of their own may tell of others than the item's, who may be held.
        """
        return tuple(
            other
            for other in self.going_with(dataset)
            if (other.mapping is not None and other.mapping.subject is not None)
            or [follow.dataset for follow in other.rules.follows] != [dataset.held_as]
            or not other.rules.follows[0].by
        )

    def find_register(self, code: str) -> RegisterPlan | None:
        return next((register for register in self.registers if register.code == code), None)

    def named_through(self, register: str) -> tuple[DatasetPlan, ...]:
        """The datasets whose persons are found only through the names that this register tells."""
        return tuple(d for d in self.datasets if d.subject_key is not None and d.subject_key.via == register)

    def goes_before(self, register: str) -> frozenset[str]:
        """The registers that are worked on before this one: what tells names, and what is followed, goes last (D6)."""
        here = {dataset.code for dataset in self.datasets_of(register)}
        followers = (d for d in self.datasets if any(follow.dataset in here for follow in d.rules.follows))
        return frozenset(d.register for d in (*self.named_through(register), *followers)) - {register}

    def backup_periods(self) -> tuple[Period, ...]:
        """How long backups of the registers are kept, as far as the inventory says."""
        return tuple(period for register in self.registers for period in register.backups)

    def identities(self, dataset: DatasetPlan) -> tuple[IdentityMapping, ...]:
        """Where the names of a dataset's persons are told."""
        if dataset.subject_key is None:
            return ()
        return _sources(self.registers, dataset.subject_key, dataset.subject_kind)

    @property
    def source_names(self) -> frozenset[str]:
        """The sources of the ledger as its rows name them: `register:source`."""
        return frozenset(f"{register.code}:{source.code}" for register in self.registers for source in register.ledger)

    def told(self, subject_kind: str) -> frozenset[str]:
        """The events and facts that some register is collected for, of subjects of this kind."""
        return frozenset(
            name
            for register in self.registers
            for source in register.ledger
            if source.subject_kind == subject_kind
            for name in source.tells
        )

    def sources(self, subject_kind: str, wanted: Collection[str]) -> Iterator[tuple[RegisterPlan, LedgerSource]]:
        """Whoever tells any of these events and facts of such subjects, or their marketing bans."""
        for register in self.registers:
            for source in register.ledger:
                if source.subject_kind == subject_kind and (source.bans or not source.tells.isdisjoint(wanted)):
                    yield register, source


def plan_of(version: Version) -> Plan:
    """The version's plan. Raises EvidenceError if the snapshot is not what was published, RuleError if no plan."""
    if sha256_hex(version.snapshot.encode("utf-8")) != version.digest:
        raise EvidenceError(f"version {version.number}: the snapshot is not the one that was published")
    return _plan(version.snapshot)


@lru_cache(maxsize=32)
def _plan(snapshot: str) -> Plan:
    try:
        document = json.loads(snapshot)
        organisation = _organisation(document["organisation"])
        registers = tuple(_register(register) for register in document.get("registers", ()))
        datasets = _with_followed(
            [_dataset(dataset, organisation, registers) for dataset in document.get("datasets", ())]
        )
        return Plan(
            organisation=organisation,
            registers=registers,
            datasets=datasets,
            digest=sha256_hex(snapshot.encode("utf-8")),
            steps=tuple(step for dataset in datasets for step in _steps(dataset, datasets)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RuleError(f"the snapshot is no inventory: {error!r}") from error


def _organisation(document: Document) -> OrganisationPlan:
    years = [
        (
            parse_day(year["start"], "organisation.financial_years"),
            parse_day(year["end"], "organisation.financial_years"),
        )
        for year in document.get("financial_years") or ()
    ]
    return OrganisationPlan(
        slug=document["slug"],
        name=document.get("name", document["slug"]),
        time_zone=document.get("time_zone", "Europe/Helsinki"),
        facts=_frozen(document.get("facts")),
        financial_years=parse_financial_years(document.get("financial_year_end", "12-31"), years),
        first_plausible_day=parse_day(
            document.get("first_plausible_day", FIRST_PLAUSIBLE_DAY), "organisation.first_plausible_day"
        ),
    )


def _register(document: Document) -> RegisterPlan:
    sources = document.get("ledger") or ()
    announced: dict[str, frozenset[str]] = {}
    for source in sources:
        if source.get("via") == "api":
            told = frozenset(source.get("tells") or ())
            announced[source["subject_kind"]] = announced.get(source["subject_kind"], frozenset()) | told
    return RegisterPlan(
        code=document["id"],
        name=_frozen(document.get("name")),
        medium=document.get("medium", ""),
        connection=document.get("connection") or "",
        ledger=tuple(
            LedgerSource(source["id"], source["subject_kind"], ledger_mapping(source), bans_of(source))
            for source in sources
            if source.get("via") != "api"
        ),
        identities=tuple(
            IdentitySource(source["id"], source["subject_kind"], identity_mapping(source))
            for source in document.get("identities") or ()
        ),
        announced=MappingProxyType(announced),
        backups=tuple(
            Period.parse(value)
            for name, value in ((document.get("backups") or {}).get("value") or {}).items()
            if name in {"keep_for", "at_most"}
        ),
    )


def ledger_mapping(document: Document) -> LedgerMapping:
    """A register's ledger source as its connector reads it."""
    return LedgerMapping(
        place=document["place"],
        subject=document["subject"],
        contract=document.get("contract"),
        started=document.get("started"),
        ended=document.get("ended"),
        closed=_closed(document.get("closed")),
        events=_frozen(document.get("events")),
        facts=_frozen(document.get("facts")),
        thing=document.get("thing"),
        purpose=document.get("purpose") or "",
        options=_frozen({k: v for k, v in (document.get("options") or {}).items() if k != "bans"}),
    )


def bans_of(document: Document) -> Bans | None:
    """What a ledger source says of marketing bans. Raises RuleError naming what is wrong in its `options.bans`."""
    said = (document.get("options") or {}).get("bans")
    if said is None:
        return None
    path = f"ledger[{document['id']}].options.bans"
    if not isinstance(said, Mapping) or not set(said) <= {"channels", "by_thing", "fact"}:
        raise RuleError("has channels, by_thing and fact, and nothing else", path)
    by_thing = said.get("by_thing") or {}
    if not isinstance(by_thing, Mapping) or not isinstance(said.get("fact", ""), str):
        raise RuleError("by_thing is a table of what an objection is about, fact a name", path)
    return Bans(
        _channels(said.get("channels", ["all"]), f"{path}.channels"),
        MappingProxyType({str(thing): _channels(value, f"{path}.by_thing") for thing, value in by_thing.items()}),
        said.get("fact", ""),
    )


def _channels(value: Any, path: str) -> tuple[str, ...]:
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list) or not wanted or not set(map(str, wanted)) <= BANNED_CHANNELS:
        raise RuleError(f"is not a list of {', '.join(sorted(BANNED_CHANNELS))}", path)
    return tuple(str(channel) for channel in wanted)


def identity_mapping(document: Document) -> IdentityMapping:
    """A register's source of other names as its connector reads it."""
    return IdentityMapping(
        kind=document["kind"],
        place=document["place"],
        subject=document["subject"],
        value=document["value"],
        valid_from=document.get("valid_from"),
        valid_to=document.get("valid_to"),
        options=_frozen(document.get("options")),
    )


LINK = "follows "
"""Before a followed dataset's code: the fact by which a connector tells the key of what an item follows."""


def dataset_mapping(document: Document, follows: Sequence[Follow] = ()) -> DatasetMapping:
    """A dataset's mapping as its connector reads it, with the columns that name what its items follow."""
    return DatasetMapping(
        place=document["place"],
        key=document["key"],
        subject=document.get("subject"),
        contract=document.get("contract"),
        events=_frozen(document.get("events")),
        facts=_frozen(
            {**(document.get("facts") or {}), **{f"{LINK}{one.dataset}": one.by for one in follows if one.by}}
        ),
        closed=_closed(document.get("closed")),
        fields=tuple(document.get("fields") or ()),
        children=tuple(document.get("children") or ()),
        options=_frozen(document.get("options")),
    )


def rule_set(document: Document, organisation: OrganisationPlan, path: str) -> RuleSet:
    """All that decides about one dataset. Raises RuleError naming the place of the first thing that is wrong."""
    return parse_rules(document, organisation.financial_years, organisation.first_plausible_day, path)


def rules_document(rules: RuleSet) -> dict[str, Any]:
    """All that decides about a dataset's items, as canonical JSON has a form for it: what the evidence shows of it."""
    return dict(_plain(rules))


def _dataset(document: Document, organisation: OrganisationPlan, registers: Sequence[RegisterPlan]) -> DatasetPlan:
    rules = rule_set(document, organisation, f"datasets[{document['id']}]")
    written = document.get("mapping")
    mapping = None if written is None else dataset_mapping(written, rules.follows)
    key = (written or {}).get("subject_key")
    subject_key = None if key is None else SubjectKey(key["kind"], key["via"], key.get("at") or "")
    grain = Grain(document["grain"])
    subject_kind = document.get("subject_kind") or ""
    enforced_by = document.get("enforced_by", "us")
    policy = {**POLICY, **(document.get("policy") or {})}
    own_facts = frozenset(mapping.facts) if mapping else frozenset()
    deciding = {
        "ceilings": sorted((_plain(rule) for rule in rules.ceilings), key=canonical),
        "enforced_by": enforced_by,
        "facts": {name: organisation.facts.get(name) for name in sorted(rules.facts - own_facts)},
        "financial_years": _plain(organisation.financial_years),
        "first_plausible_day": _plain(organisation.first_plausible_day),
        "grain": grain.value,
        "grounds": sorted((_plain(rule) for rule in rules.grounds), key=canonical),
        "mapping": _plain(mapping),
        "no_reason_to_keep": rules.no_reason_to_keep,
        "subject_kind": subject_kind,
        "time_zone": organisation.time_zone,
    }
    if rules.steps:
        deciding["steps"] = [_plain(step) for step in rules.steps]
    if rules.follows:
        deciding["follows"] = [_plain(follow) for follow in rules.follows]
    if subject_key is not None:
        deciding["names"] = [_plain(subject_key), _plain(_sources(registers, subject_key, subject_kind))]
    return DatasetPlan(
        code=document["id"],
        name=_frozen(document.get("name")),
        register=document["register"],
        activity=document.get("activity", ""),
        grain=grain,
        subject_kind=subject_kind,
        enforced_by=enforced_by,
        mapping=mapping,
        rules=rules,
        policy=Policy(policy["mode"], policy["approval"], Period.parse(policy["grace"]), bool(policy["waves"])),
        rules_digest=sha256_hex(canonical(deciding)),
        subject_key=subject_key,
    )


def _with_followed(datasets: Sequence[DatasetPlan]) -> tuple[DatasetPlan, ...]:
    """What decides about a follower is what decides about all that it follows, too."""
    digests = {dataset.code: dataset.rules_digest for dataset in datasets}

    def whole(dataset: DatasetPlan) -> DatasetPlan:
        if not dataset.rules.follows:
            return dataset
        theirs = [digests.get(follow.dataset, "") for follow in dataset.rules.follows]
        return replace(dataset, rules_digest=sha256_hex(canonical([dataset.rules_digest, *theirs])))

    return tuple(whole(dataset) for dataset in datasets)


def _steps(dataset: DatasetPlan, datasets: Sequence[DatasetPlan]) -> Iterator[DatasetPlan]:
    """Each step as a dataset over the same items, with the step's day. Raises RuleError for one that nobody can do."""
    if dataset.mapping is None or dataset.enforced_by != "us":
        return
    for step in dataset.rules.steps:
        path = f"datasets[{dataset.code}].steps[{step.id}]"
        if step.action not in DONE_AS:
            raise RuleError(f"no night can {step.action.value}", path)
        target = next((one for one in datasets if one.code == step.into), None) if step.into else None
        if step.action is not StepAction.CLEAR and (target is None or target.mapping is None):
            raise RuleError(f"{step.into!r} is not reached by us", f"{path}.into")
        mapping = dataset.mapping
        if step.action is StepAction.CLEAR:
            mapping = replace(mapping, fields=step.fields, children=(), options=_without_anonymise(mapping.options))
        kept = _kept(dataset.mapping, target.mapping) if target is not None and target.mapping is not None else {}
        into = None if target is None else [target.register, _plain(target.mapping)]
        plan = StepPlan(dataset.code, step, target, MappingProxyType(kept))
        yield replace(
            dataset,
            code=f"{dataset.code}.{step.id}",
            name=MappingProxyType({language: f"{text} ({step.id})" for language, text in dataset.name.items()}),
            mapping=mapping,
            rules=step.rules(dataset.rules),
            rules_digest=sha256_hex(
                canonical([dataset.rules_digest, step.id, _plain(plan.made_of), _plain(mapping), into])
            ),
            step=plan,
        )


def _without_anonymise(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return _frozen({name: value for name, value in options.items() if name != "anonymise"})


def _kept(source: DatasetMapping, target: DatasetMapping) -> dict[str, str]:
    """Columns of the target that come from the source's of the same meaning: key, person, contract and start dates."""
    pairs = [(target.key, source.key), (target.subject, source.subject), (target.contract, source.contract)]
    pairs += [(column, source.events.get(event)) for event, column in target.events.items()]
    return {there: here for there, here in pairs if there is not None and here is not None}


def _sources(registers: Sequence[RegisterPlan], key: SubjectKey, subject_kind: str) -> tuple[IdentityMapping, ...]:
    return tuple(
        source.mapping
        for register in registers
        for source in register.identities
        if register.code == key.via and source.mapping.kind == key.kind and source.subject_kind == subject_kind
    )


def _closed(document: Document | None) -> ClosedWhen | None:
    return None if document is None else ClosedWhen(document["column"], tuple(str(v) for v in document["values"]))


def _frozen(document: Document | None) -> Mapping[str, Any]:
    return MappingProxyType(dict(document or {}))


def _plain(value: Any) -> Any:
    """What canonical JSON has a form for; a period in its one normal form, a set in order."""
    match value:
        case Enum():
            return value.value
        case Period() | Rounding():
            return str(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {key: _plain(member) for key, member in value.items()}
        case frozenset():
            return sorted(_plain(member) for member in value)
        case _ if dataclasses.is_dataclass(value):
            return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case str():
            return value
        case Sequence():
            return [_plain(member) for member in value]
        case _:
            return value
