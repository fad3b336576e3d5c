"""Persons by other names: between a night, which speaks in numbers, and a register that knows people otherwise.

A mailbox knows addresses, a directory user names. `Names` asks the register that tells which number had which name
(`identities` of the inventory), and `Named` is a connector that translates both ways, so that whoever uses it
knows numbers only.

A name can be given to somebody else (semantics D5). An item is a person's only if its own day lies in the days for
which the name meant them. Where that cannot be told (a name without days, an item without a day, two persons at
once) the item gets a `doubt`: it is shown, and never disposed of. Before disposal the name is asked again; if the
register that told it knows it no more, what was resolved when the lot was made counts, for it lies sealed with the lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, ClassVar, Self

from retention.connectors.contract import (
    Candidate,
    ComparesLoosely,
    ConfigField,
    Connector,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Flags,
    Health,
    Identity,
    LedgerMapping,
    LedgerRow,
    Outcome,
    Place,
    Ref,
    Residue,
    SeesOnce,
    TellsAbsence,
    TellsIdentities,
)
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action
from retention.plan import DatasetPlan, IdentitySource, Plan
from retention.selectors import connector_of
from ropa.models import Organisation

BATCH = 2_000
"""Names asked about at once."""

NEVER_REUSED = frozenset({"number", "guid"})
"""Kinds of names that mean one person for ever; every other needs the days for which it did."""

FOLDED = frozenset({"email", "uid"})
"""Kinds of names that are the same without regard to case."""

NO_TIME = "the name has no time: it may have meant somebody else"
NO_DAY = "nothing says on which day the name was used"
NOT_THEN = "the name is not known to have meant anybody on that day"
SEVERAL = "the name meant several persons"
MEANS_ANOTHER = "the name means somebody else now"


class Names:
    """Who had which name, as the registers tell it; a context manager that keeps their connectors open."""

    def __init__(self, organisation: Organisation, plan: Plan) -> None:
        self.organisation = organisation
        self.plan = plan
        self._open = ExitStack()
        self._connectors: dict[str, TellsIdentities] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connectors.clear()
        self._open.close()

    def connect(self, dataset: DatasetPlan) -> Connector:
        """The dataset's register, not yet entered; it speaks in numbers."""
        register = self.plan.find_register(dataset.register)
        if register is None:
            raise ConnectorError(f"{dataset.code}: there is no register {dataset.register!r}", permanent=True)
        return self.speaking(dataset, connector_of(self.organisation, register))

    def speaking(self, dataset: DatasetPlan, connector: Connector) -> Connector:
        """A connector that speaks in numbers: the given one, where it does so by itself."""
        if dataset.subject_key is None:
            return connector
        return NamedFlags(connector, self, dataset) if isinstance(connector, Flags) else Named(connector, self, dataset)

    def of_subjects(self, dataset: DatasetPlan, subjects: Sequence[str]) -> list[Identity]:
        """Every name of these subjects. Raises ConnectorError where they cannot be asked for."""
        return [
            identity
            for start in range(0, len(subjects), BATCH)
            for source in self._sources(dataset)
            for identity in self._teller(dataset).resolve(source, subjects=subjects[start : start + BATCH])
        ]

    def of_values(self, dataset: DatasetPlan, values: Sequence[str]) -> dict[str, list[Identity]]:
        """Everybody who ever had one of these names, by the name as it is compared. Raises ConnectorError."""
        found: dict[str, list[Identity]] = {}
        for start in range(0, len(values), BATCH):
            for source in self._sources(dataset):
                for identity in self._teller(dataset).resolve(source, values=values[start : start + BATCH]):
                    found.setdefault(self.compared(dataset, identity.value), []).append(identity)
        return found

    @staticmethod
    def compared(dataset: DatasetPlan, value: str) -> str:
        """How two names of this kind are the same: addresses and user names without case."""
        kind = "" if dataset.subject_key is None else dataset.subject_key.kind
        return value.casefold() if kind in FOLDED else value

    def _sources(self, dataset: DatasetPlan) -> Sequence[Any]:
        sources = self.plan.identities(dataset)
        if not sources:
            raise ConnectorError(f"{dataset.code}: no register tells the names of its persons", permanent=True)
        return sources

    def _teller(self, dataset: DatasetPlan) -> TellsIdentities:
        via = "" if dataset.subject_key is None else dataset.subject_key.via
        if via not in self._connectors:
            register = self.plan.find_register(via)
            if register is None:
                raise ConnectorError(f"{dataset.code}: there is no register {via!r} to tell names", permanent=True)
            connector = connector_of(self.organisation, register)
            if not isinstance(connector, TellsIdentities):
                raise ConnectorError(
                    f"register {via}: a connection of kind {connector.kind} tells no names", permanent=True
                )
            self._open.enter_context(connector)
            self._connectors[via] = connector
        return self._connectors[via]

    def still_needed(self, dataset: DatasetPlan, subjects: Sequence[str]) -> dict[str, str]:
        """Whose row must stay, because it tells names by which another register still holds something: number -> why.

        Only of a dataset whose items are what tells the names. Where a register cannot be asked, everybody's row stays.
        """
        needed: dict[str, str] = {}
        for other in self.named_by(dataset):
            if other.mapping is None:
                continue
            try:
                with self.connect(other) as connector:
                    for candidate in connector.find(other.mapping, subjects=sorted(set(subjects))):
                        for subject in {*candidate.maybe, candidate.ref.subject} & set(subjects):
                            needed.setdefault(str(subject), f"tells names that {other.register} still needs")
            except ConnectorError as error:
                return dict.fromkeys(subjects, f"tells names, and {other.register} could not be asked: {error}")
        return needed

    def named_by(self, dataset: DatasetPlan) -> list[DatasetPlan]:
        """The datasets of ours whose persons are found by names that go with items of this one."""
        told = [source for source in self._told_by(dataset.register) if self._goes_with(source, dataset)]
        kinds = {source.mapping.kind for source in told}
        return [
            other
            for other in (self.plan.named_through(dataset.register) if told else ())
            if other.enforced_by == "us"
            and other.mapping is not None
            and other.subject_kind == dataset.subject_kind
            and (other.subject_key is None or other.subject_key.kind in kinds)
            and other.code != dataset.code
        ]

    def _told_by(self, register: str) -> tuple[IdentitySource, ...]:
        found = self.plan.find_register(register)
        return () if found is None else found.identities

    def _goes_with(self, source: IdentitySource, dataset: DatasetPlan) -> bool:
        """Whether disposing of an item of the dataset takes such a name away, or the days for which it meant somebody.

        A place that no dataset of the register has (a view, a table that nobody mapped) may be made of any of them.
        """
        if dataset.mapping is None or source.subject_kind != dataset.subject_kind:
            return False
        others = [d.mapping for d in self.plan.datasets_of(dataset.register) if d.mapping is not None]
        if not any(source.mapping.place in (other.place, *other.children) for other in others):
            return True
        if source.mapping.place in dataset.mapping.children:
            return not dataset.mapping.fields
        if source.mapping.place != dataset.mapping.place:
            return False
        told = {source.mapping.value, source.mapping.subject, source.mapping.valid_from, source.mapping.valid_to}
        return not dataset.mapping.fields or bool(told & set(dataset.mapping.fields))


@dataclass(frozen=True)
class Owner:
    """Whose item it is: a number, nobody's that is known, or a doubt; `maybe`: everybody whose it may be then."""

    subject: str | None
    doubt: str = ""
    maybe: tuple[str, ...] = ()


def owner_of(dataset: DatasetPlan, candidate: Candidate, holders: Sequence[Identity]) -> Owner:
    """Whom the name of an item meant on the item's own day."""
    if dataset.subject_key is None or not holders:
        return Owner(None)
    every = tuple(sorted({holder.subject for holder in holders}))
    if dataset.subject_key.kind in NEVER_REUSED:
        return Owner(every[0]) if len(every) == 1 else Owner(every[0], SEVERAL, every)
    when = candidate.events.get(dataset.subject_key.at) if dataset.subject_key.at else None
    if any(holder.valid_from is None for holder in holders):
        return Owner(every[0], NO_TIME, every)
    if when is None:
        return Owner(every[0], NO_DAY, every)
    then = tuple(
        sorted(
            {
                holder.subject
                for holder in holders
                if holder.valid_from is not None
                and holder.valid_from <= when
                and (holder.valid_to is None or when <= holder.valid_to)
            }
        )
    )
    if not then:
        return Owner(every[0], NOT_THEN, every)
    return Owner(then[0]) if len(then) == 1 else Owner(then[0], SEVERAL, then)


class Named:
    """A connector whose register knows persons by another name; it speaks in numbers (the contract's Connector)."""

    kind: ClassVar[str] = "named"
    fields: ClassVar[tuple[ConfigField, ...]] = ()

    def __init__(self, inner: Connector, names: Names, dataset: DatasetPlan) -> None:
        self.inner, self.names, self.dataset = inner, names, dataset

    def __repr__(self) -> str:
        return f"Named({self.inner!r})"

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inner.__exit__(kind, error, trace)

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        return self.inner.check(mappings)

    def describe(self) -> Iterator[Place]:
        return self.inner.describe()

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        return self.inner.collect(mapping)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        if subjects is None:
            yield from self._numbered(self.inner.find(mapping, where, contracts=contracts), None)
            return
        wanted = set(subjects)
        told = {identity.value for identity in self.names.of_subjects(self.dataset, sorted(wanted))}
        values = sorted({self.names.compared(self.dataset, value) for value in told})
        if not values:
            return
        if self._folds or not self._folded:
            for start in range(0, len(values), BATCH):
                found = self.inner.find(mapping, where, subjects=values[start : start + BATCH], contracts=contracts)
                yield from self._numbered(found, wanted)
            return
        # the register compares letter by letter, and may hold any spelling: all of it is read
        meant = set(values)
        every = self.inner.find(mapping, where, contracts=contracts)
        same = (c for c in every if c.ref.subject is not None and self._compared(c.ref.subject) in meant)
        yield from self._numbered(same, wanted)

    @property
    def _folded(self) -> bool:
        key = self.dataset.subject_key
        return key is not None and key.kind in FOLDED

    @property
    def _folds(self) -> bool:
        """Whether the register finds a name in any spelling by itself."""
        return bool(getattr(self.inner, "folds_names", False))

    def _compared(self, value: str) -> str:
        return self.names.compared(self.dataset, value)

    def _numbered(self, found: Iterable[Candidate], wanted: set[str] | None) -> Iterator[Candidate]:
        """The items with numbers instead of names; of `wanted` subjects only, or of everybody."""
        stream = iter(found)
        while batch := list(islice(stream, BATCH)):
            holders = self._holders(batch)
            for candidate in batch:
                name = candidate.ref.subject
                mine = holders.get(self._compared(name), []) if name is not None else []
                owner = owner_of(self.dataset, candidate, mine)
                maybe = owner.maybe or ((owner.subject,) if owner.subject is not None else ())
                if wanted is not None and not wanted & set(maybe):
                    continue
                subject = owner.subject if wanted is None else min(wanted & set(maybe))
                ref = Ref(candidate.ref.key, subject, name)
                yield candidate._replace(ref=ref, doubt=candidate.doubt or owner.doubt, maybe=maybe)

    def _holders(self, candidates: Iterable[Candidate]) -> Mapping[str, list[Identity]]:
        values = sorted({c.ref.subject for c in candidates if c.ref.subject is not None})
        return self.names.of_values(self.dataset, values) if values else {}

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        return self.inner.export(mapping, _by_name(refs))

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        refused = self._means_another(mapping, refs)
        answers = iter(
            self.inner.dispose(mapping, _by_name(r for r in refs if r.key not in refused), action, still_due)
        )
        return [
            Disposal(ref.key, Outcome.SUPERSEDED, refused[ref.key]) if ref.key in refused else next(answers)
            for ref in refs
        ]

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        return self.inner.verify(mapping, _by_name(refs), action)

    def absent(self, mapping: DatasetMapping, keys: Sequence[str]) -> frozenset[str]:
        """Of a register that cannot tell: all of them, as if nobody asked."""
        return self.inner.absent(mapping, keys) if isinstance(self.inner, TellsAbsence) else frozenset(keys)

    def not_sure(self, mapping: DatasetMapping, texts: Sequence[str], *, by_subject: bool) -> frozenset[str]:
        """Of keys as the register says; subjects are numbers here, which are one another's or not."""
        if by_subject or not isinstance(self.inner, ComparesLoosely):
            return frozenset()
        return self.inner.not_sure(mapping, texts, by_subject=False)

    def unseen(self, mapping: DatasetMapping) -> str:
        return self.inner.unseen(mapping) if isinstance(self.inner, SeesOnce) else ""

    def _means_another(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> dict[str, str]:
        """Of these, whose name means somebody else now, or leaves it in doubt: key -> why."""
        names = sorted({ref.name for ref in refs if ref.name is not None})
        if not names:
            return {}
        holders = self.names.of_values(self.dataset, names)
        there = {candidate.ref.key: candidate for candidate in self.inner.find(mapping, subjects=names)}
        wrong: dict[str, str] = {}
        for ref in refs:
            candidate = there.get(ref.key)
            if candidate is None or ref.name is None:
                continue  # gone, or another's by now: the register's own condition says so
            mine = holders.get(self._compared(ref.name), [])
            owner = owner_of(self.dataset, candidate, mine)
            if candidate.doubt or owner.doubt:
                wrong[ref.key] = candidate.doubt or owner.doubt
            elif mine and owner.subject != ref.subject:
                wrong[ref.key] = MEANS_ANOTHER
        return wrong


class NamedFlags(Named):
    """A connector that speaks in numbers, whose register can block items too."""

    inner: Any

    def flag(self, mapping: DatasetMapping, refs: Sequence[Ref], still_due: Expression) -> Iterable[Disposal]:
        refused = self._means_another(mapping, refs)
        answers = iter(self.inner.flag(mapping, _by_name(r for r in refs if r.key not in refused), still_due))
        return [
            Disposal(ref.key, Outcome.SUPERSEDED, refused[ref.key]) if ref.key in refused else next(answers)
            for ref in refs
        ]

    def unflag(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterable[Disposal]:
        answers: Iterable[Disposal] = self.inner.unflag(mapping, _by_name(refs))
        return answers


def _by_name(refs: Iterable[Ref]) -> list[Ref]:
    return [Ref(ref.key, ref.name) for ref in refs]
