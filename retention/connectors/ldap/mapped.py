"""A mapping held against a directory: which attributes it names, and what its options mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from retention.connectors.contract import (
    Candidate,
    ConnectorError,
    DatasetMapping,
    IdentityMapping,
    LedgerMapping,
    Ref,
)
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.filters import Filter, all_of, equal, is_name, one_of
from retention.connectors.ldap.schema import Attribute, Directory, Kind, Schema
from retention.connectors.ldap.values import KEYS, Days, fact_of, key_of, number_of, tells_days, text_of

DISABLED = 2
"""The bit of userAccountControl that blocks an account."""
ACCOUNT = "userAccountControl"
SUBTREE = "subtree"
SCOPES = ("subtree", "one")
_ITEMS: Mapping[Directory, Mapping[str, Any]] = {
    Directory.OPENLDAP: {"objectClass": "person"},
    Directory.ACTIVE_DIRECTORY: {"objectCategory": "person", "objectClass": "user"},
}
_DATASET_OPTIONS = frozenset({"filter", "scope", "groups", "mark_attribute", "flag", "enabled"})
_OTHER_OPTIONS = frozenset({"filter", "scope"})
MARK = "seloste-blocked:"


@dataclass(frozen=True, slots=True)
class Flag:
    """What a blocked entry of OpenLDAP holds."""

    attribute: str
    value: str


@dataclass(frozen=True)
class Area:
    """Where the entries of a mapping lie."""

    place: str
    scope: str
    items: Filter


@dataclass(frozen=True)
class Mapped:
    """A dataset's mapping with its attributes' kinds. Reads entries into candidates."""

    mapping: DatasetMapping
    directory: Directory
    days: Days
    area: Area
    attributes: Mapping[str, Attribute]
    enabled: str | None
    groups: str | None
    mark: str | None
    flag: Flag | None

    @property
    def subtree(self) -> bool:
        """Whether entries below an item go with it."""
        return SUBTREE in self.mapping.children

    @property
    def asked(self) -> list[str]:
        """The attributes that a candidate is made of, in a settled order."""
        names = {one.name for one in self.attributes.values()} | {KEYS[self.directory], *self.mapping.fields}
        if self.directory is Directory.ACTIVE_DIRECTORY:
            names |= {ACCOUNT, "sAMAccountName", "adminDescription", "cn"}
        return sorted(names | ({self.mark} if self.mark else set()))

    def attribute(self, name: str) -> Attribute:
        return self.attributes[name.lower()]

    def is_emptied(self, entry: Entry) -> bool:
        """Whether nothing is left of an entry whose fields are the dataset."""
        return bool(self.mapping.fields) and not any(entry.holds(name) for name in self.mapping.fields)

    def candidate(self, entry: Entry) -> Candidate:
        """Raises Unreadable, a ConnectorError(permanent), naming the attribute."""
        return _Reading(self, entry).candidate()

    def is_ours(self, entry: Entry) -> bool:
        """Whether the mark on an entry says that we blocked it."""
        return self.mark is not None and (entry.first(self.mark) or "").startswith(MARK)


@dataclass
class _Reading:
    """One entry on its way to a candidate. What stands there more than once is in doubt."""

    mapped: Mapped
    entry: Entry
    doubt: str = ""

    def candidate(self) -> Candidate:
        mapped, mapping = self.mapped, self.mapped.mapping
        key = key_of(self.entry, mapped.directory)
        subject, contract = self._text(mapping.subject), self._text(mapping.contract)
        events = {
            event: None if (raw := self._one(name)) is None else mapped.days.of(raw, mapped.attribute(name))
            for event, name in mapping.events.items()
        }
        facts = {fact: self._fact(fact, name) for fact, name in mapping.facts.items()}
        closed = self._closed()
        doubt = self.doubt
        if half_done(self.entry, mapped.directory):
            doubt = "a disposal of ours that broke off half way"
        return Candidate(Ref(key, subject), contract, events, facts, closed, doubt)

    def _one(self, name: str) -> bytes | None:
        found = self.entry.all(name)
        if len(found) > 1:
            self.doubt = f"several values of {name}"
            return None
        return found[0] if found else None

    def _text(self, name: str | None) -> str | None:
        """The number; of several the first, which is then in doubt."""
        if name is None or not self.entry.holds(name):
            return None
        self._one(name)
        return min(text_of(raw, name) for raw in self.entry.all(name))

    def _fact(self, fact: str, name: str) -> bool | int | str | None:
        if fact == self.mapped.enabled:
            return self._is_enabled()
        raw = self._one(name)
        return None if raw is None else fact_of(raw, self.mapped.attribute(name))

    def _is_enabled(self) -> bool | None:
        """Whether the account may be used, our own block left aside: it must not change what is due."""
        raw = self._one(ACCOUNT)
        if raw is None:
            return None
        if self.mapped.is_ours(self.entry):
            return True
        return not number_of(raw, ACCOUNT) & DISABLED

    def _closed(self) -> bool:
        closed = self.mapped.mapping.closed
        if closed is None:
            return False
        if closes_by_bit(self.mapped.mapping):
            return self._is_enabled() is False
        return any(text_of(raw, closed.column) in closed.values for raw in self.entry.all(closed.column))


def closes_by_bit(mapping: DatasetMapping | LedgerMapping) -> bool:
    """Whether closed means a disabled account of Active Directory."""
    closed = mapping.closed
    return closed is not None and closed.column.lower() == ACCOUNT.lower() and closed.values == ("disabled",)


def purged_name(key: str) -> str:
    """What an item of Active Directory is called once nothing personal is left of it."""
    return f"purged-{key[:8]}"


def half_done(entry: Entry, directory: Directory) -> bool:
    """Whether we had begun to dispose of an entry: it bears the name that we give, made of its own id."""
    if directory is not Directory.ACTIVE_DIRECTORY:
        return False
    name = purged_name(key_of(entry, directory))
    return entry.first("sAMAccountName") == name or entry.first("adminDescription") == name


def map_dataset(mapping: DatasetMapping, schema: Schema, days: Days) -> Mapped:
    """Raises ConnectorError(permanent) naming the attribute or option that cannot be."""
    directory = schema.root.directory
    if mapping.key != KEYS[directory]:
        raise _wrong(f"{mapping.place}: the key must be {KEYS[directory]}, which never changes, not {mapping.key}")
    names = [mapping.key, *mapping.fields, *mapping.events.values(), *mapping.facts.values()]
    names += [name for name in (mapping.subject, mapping.contract) if name is not None]
    names += [mapping.closed.column] if mapping.closed is not None else []
    if set(mapping.children) - {SUBTREE}:
        raise _wrong(f"{mapping.place}: children can only be {SUBTREE}")
    if mapping.fields and mapping.children:
        raise _wrong(f"{mapping.place}: a mapping has fields, whose entry stays, or children that go with it, not both")
    options = _options(mapping, _DATASET_OPTIONS)
    enabled, groups, mark = (_text(mapping, options, name) for name in ("enabled", "groups", "mark_attribute"))
    flag = _flag(mapping, options)
    names += [mark] if mark else []
    names += [flag.attribute] if flag else []
    attributes = _attributes(schema, names)
    for name in (mapping.subject, mapping.contract):
        if name is not None and attributes[name.lower()].kind not in {Kind.TEXT, Kind.INTEGER}:
            raise _wrong(f"{mapping.place}: {name} is no number or text")
        if name is not None and not attributes[name.lower()].equality:
            raise _wrong(f"{mapping.place}: nobody can be found by {name}: the directory does not compare it")
    _check_events(mapping, attributes)
    if enabled is not None and mapping.facts.get(enabled, "").lower() != ACCOUNT.lower():
        raise _wrong(f"{mapping.place}: the option enabled must name a fact that is mapped to {ACCOUNT}")
    _check_marks(mapping, mark, flag)
    for name in mapping.fields:
        if attributes[name.lower()].own:
            raise _wrong(f"{mapping.place}: {name} is the directory's own and cannot be emptied")
    return Mapped(mapping, directory, days, map_area(mapping, directory), attributes, enabled, groups, mark, flag)


def map_area(mapping: DatasetMapping | LedgerMapping | IdentityMapping, directory: Directory) -> Area:
    """Raises ConnectorError(permanent) for a filter or scope that is none."""
    options = _options(mapping, _DATASET_OPTIONS if isinstance(mapping, DatasetMapping) else _OTHER_OPTIONS)
    scope = options.get("scope", "subtree")
    if scope not in SCOPES:
        raise _wrong(f"{mapping.place}: the option scope must be {' or '.join(SCOPES)}")
    told = options.get("filter", _ITEMS[directory])
    if not isinstance(told, Mapping) or not told:
        raise _wrong(f"{mapping.place}: the option filter must map attributes to a value or a list of values")
    terms = []
    for name, values in told.items():
        wanted = [values] if isinstance(values, str) else values
        if not _is_name(name) or not isinstance(wanted, list | tuple) or not wanted:
            raise _wrong(f"{mapping.place}: the option filter must map attributes to a value or a list of values")
        if not all(isinstance(value, str) and value for value in wanted):
            raise _wrong(f"{mapping.place}: the option filter has a value of {name} that is no text")
        terms.append(one_of(equal(name, value) for value in wanted))
    return Area(mapping.place, scope, all_of(terms))


def map_others(mapping: LedgerMapping | IdentityMapping, schema: Schema) -> tuple[Area, Mapping[str, Attribute]]:
    """The place and attributes of a mapping that only reads."""
    names: list[str | None] = [mapping.subject]
    if isinstance(mapping, LedgerMapping):
        names += [mapping.contract, mapping.started, mapping.ended, mapping.thing]
        names += [*mapping.events.values(), *mapping.facts.values()]
        names += [mapping.closed.column] if mapping.closed is not None else []
    else:
        names += [mapping.value, mapping.valid_from, mapping.valid_to]
    attributes = _attributes(schema, [name for name in names if name is not None])
    dates = [mapping.started, mapping.ended] if isinstance(mapping, LedgerMapping) else []
    dates += [mapping.valid_from, mapping.valid_to] if isinstance(mapping, IdentityMapping) else []
    for name in dates:
        if name is not None and not tells_days(attributes[name.lower()]):
            raise _wrong(f"{mapping.place}: {name} is no date")
    if isinstance(mapping, LedgerMapping):
        _check_events(mapping, attributes)
    return map_area(mapping, schema.root.directory), attributes


def _attributes(schema: Schema, names: Iterable[str]) -> dict[str, Attribute]:
    wanted = list(dict.fromkeys(names))
    schema.known(wanted)
    return {name.lower(): schema.attribute(name) for name in wanted}


def _check_events(mapping: DatasetMapping | LedgerMapping, attributes: Mapping[str, Attribute]) -> None:
    for name in mapping.events.values():
        if not tells_days(attributes[name.lower()]):
            raise _wrong(f"{mapping.place}: {name} is no date: it is {attributes[name.lower()].kind.value}")
    for name in mapping.facts.values():
        if attributes[name.lower()].kind is Kind.BINARY:
            raise _wrong(f"{mapping.place}: {name} is no fact: it is binary")


def _check_marks(mapping: DatasetMapping, mark: str | None, flag: Flag | None) -> None:
    """A block of ours must not change what is due, so it may touch nothing that the mapping reads."""
    read = {mapping.key, mapping.subject, mapping.contract, *mapping.fields}
    read |= {*mapping.events.values(), *mapping.facts.values(), mapping.closed.column if mapping.closed else None}
    taken = {name.lower() for name in read if name is not None}
    for name in (mark, flag.attribute if flag else None):
        if name is not None and name.lower() in taken:
            raise _wrong(f"{mapping.place}: a block cannot be marked in {name}, which the mapping reads")
    if mark is not None and flag is not None and mark.lower() == flag.attribute.lower():
        raise _wrong(f"{mapping.place}: mark_attribute and the attribute of flag must be two")


def _options(mapping: DatasetMapping | LedgerMapping | IdentityMapping, known: frozenset[str]) -> Mapping[str, Any]:
    unknown = sorted(str(name) for name in mapping.options if name not in known)
    if unknown:
        raise _wrong(f"{mapping.place}: unknown option {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return mapping.options


def _text(mapping: DatasetMapping, options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise _wrong(f"{mapping.place}: the option {name} must be a text")
    return value


def _flag(mapping: DatasetMapping, options: Mapping[str, Any]) -> Flag | None:
    told = options.get("flag")
    if told is None:
        return None
    if not isinstance(told, Mapping) or set(told) != {"attribute", "value"}:
        raise _wrong(f"{mapping.place}: the option flag must have an attribute and a value")
    if not all(isinstance(part, str) and part for part in told.values()):
        raise _wrong(f"{mapping.place}: the attribute and the value of the option flag must be texts")
    return Flag(told["attribute"], told["value"])


def _is_name(name: object) -> bool:
    return isinstance(name, str) and is_name(name)


def _wrong(message: str) -> ConnectorError:
    return ConnectorError(message, permanent=True)
