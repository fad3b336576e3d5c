"""Find, export, collect and resolve: the verbs that only read.

A directory answers in its own order. To give items in key order, the attributes that the mapping names are kept in
memory, packed, until all are there: some 300 bytes an item, 30 MB for a hundred thousand. Only then is anything
given out, so that an answer which breaks off gives nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from retention.connectors.contract import (
    Candidate,
    ConnectorError,
    DatasetMapping,
    Identity,
    IdentityMapping,
    LedgerMapping,
    LedgerRow,
    Ref,
)
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.filters import Filter, all_of, equal, one_of, present
from retention.connectors.ldap.mapped import ACCOUNT, DISABLED, Mapped, closes_by_bit, map_others
from retention.connectors.ldap.schema import Attribute, Schema
from retention.connectors.ldap.values import Days, fact_of, is_key, key_filter, key_of, number_of, text_of
from retention.connectors.ldap.where import superset
from retention.connectors.ldap.wire import Session
from retention.connectors.own_terms import satisfies
from retention.domain.predicates import Expression
from retention.domain.rules import FactValue

_SECRETS = frozenset({"userpassword", "unicodepwd", "sambantpassword", "sambalmpassword"})
BATCH = 250
"""Numbers or keys asked for by one filter."""


@dataclass(frozen=True)
class Reading:
    """Questions to one directory over an open session. `own` is the key of the account that we are bound as."""

    session: Session
    schema: Schema
    days: Days
    own: str | None

    def find(
        self,
        mapped: Mapped,
        where: Expression,
        subjects: Sequence[str] | None,
        contracts: Sequence[str] | None,
    ) -> Iterator[Candidate]:
        """Items in key order; never over-selects, but for those in doubt."""
        names = mapped.asked
        rows = []
        for entry in self._selected(mapped, where, subjects, contracts):
            candidate = mapped.candidate(entry)
            if self._is_item(mapped, entry, candidate) and (candidate.doubt or satisfies(where, candidate)):
                rows.append(_packed(UUID(candidate.ref.key).bytes, [entry.all(name) for name in names]))
        rows.sort()
        last = b""
        wanted = _wanted(subjects, contracts)
        for row in rows:
            key, values = _unpacked(row)
            entry = Entry("", {name.lower(): found for name, found in zip(names, values, strict=True) if found})
            if key == last:
                continue
            last = key
            chosen = _chosen(mapped, mapped.candidate(entry), entry, wanted)
            if chosen is not None:
                yield chosen

    def find_keys(self, mapped: Mapped, keys: Sequence[str], where: Expression) -> Iterator[Candidate]:
        """The same of these keys."""
        for _, entry in sorted(self.there(mapped, keys).items()):
            candidate = mapped.candidate(entry)
            if self._is_item(mapped, entry, candidate) and (candidate.doubt or satisfies(where, candidate)):
                yield candidate

    def _is_item(self, mapped: Mapped, entry: Entry, candidate: Candidate) -> bool:
        return candidate.ref.key != self.own and not mapped.is_emptied(entry)

    def _selected(
        self,
        mapped: Mapped,
        where: Expression,
        subjects: Sequence[str] | None,
        contracts: Sequence[str] | None,
    ) -> Iterator[Entry]:
        asked = superset(where, mapped)
        if asked is None:
            return
        area, fixed = mapped.area, [mapped.area.items, asked]
        for names in _number_filters(mapped.mapping, subjects, contracts):
            terms = [*fixed, names] if names else fixed
            yield from self.session.search(area.place, all_of(terms), mapped.asked, scope=area.scope)

    def by_key(self, base: str, keys: Iterable[str], names: Sequence[str], **how: Any) -> dict[str, Entry]:
        """Entries under a DN by their keys; a text that is no key is nowhere. `how` as for a search, and `items`."""
        directory = self.schema.root.directory
        items: Filter | None = how.pop("items", None)
        found = {}
        for batch in _batches([key for key in dict.fromkeys(keys) if is_key(key)]):
            asked = one_of(key_filter(key, directory) for key in batch)
            if items is not None:
                asked = all_of((items, asked))
            for entry in self.session.search(base, asked, names, **how):
                found[key_of(entry, directory)] = entry
        return found

    def there(self, mapped: Mapped, keys: Iterable[str], *more: str) -> dict[str, Entry]:
        """The dataset's own entries with these keys."""
        area = mapped.area
        return self.by_key(area.place, keys, [*mapped.asked, *more], scope=area.scope, items=area.items)

    def anywhere(self, mapped: Mapped, keys: Iterable[str], *names: str) -> dict[str, Entry]:
        """Entries with these keys wherever in the directory, of the dataset or not."""
        context = self.schema.root.context_of(mapped.mapping.place)
        return self.by_key(context, keys, [*mapped.asked, *names])

    def export(self, mapped: Mapped, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """One mapping per item that is there: its attributes as text, or bytes where they are none."""
        mapping = mapped.mapping
        shown = [mapping.key, *mapping.fields] if mapping.fields else ["*", mapping.key]
        area = mapped.area
        for batch in _batches([ref.key for ref in refs]):
            found = self.by_key(area.place, batch, shown, scope=area.scope, items=area.items)
            for key in batch:
                if key in found:
                    entry = found[key]
                    yield {"dn": entry.dn, mapping.key: key, **_shown(entry, mapping)}

    def collect(self, mapping: LedgerMapping, subjects: Sequence[str] | None = None) -> Iterator[LedgerRow]:
        """Entries that have a subject, or one of these, in the directory's order."""
        area, attributes = map_others(mapping, self.schema)
        reader = _Plain(self.days, attributes)
        names = [one.name for one in attributes.values()]
        wanted = None if subjects is None else frozenset(subjects)
        asked = [present(mapping.subject)] if subjects is None else _any_of(mapping.subject, subjects)
        entries = (
            entry
            for one in asked
            for entry in self.session.search(area.place, all_of((area.items, one)), names, scope=area.scope)
        )
        for entry in entries:
            subject = reader.text(entry, mapping.subject)
            if subject is not None and (wanted is None or subject in wanted):
                yield LedgerRow(
                    subject,
                    reader.text(entry, mapping.contract),
                    reader.day(entry, mapping.started),
                    reader.day(entry, mapping.ended),
                    reader.closed(entry, mapping),
                    {event: reader.day(entry, name) for event, name in mapping.events.items()},
                    {fact: reader.fact(entry, name) for fact, name in mapping.facts.items()},
                    reader.text(entry, mapping.thing) or "",
                )

    def resolve(
        self, mapping: IdentityMapping, subjects: Sequence[str] | None, values: Sequence[str] | None
    ) -> Iterator[Identity]:
        """Names are compared as directories do, without case; an attribute of several values gives each."""
        if (subjects is None) == (values is None):
            raise ConnectorError("resolve is asked by subjects or by values, one of the two", permanent=True)
        area, attributes = map_others(mapping, self.schema)
        reader = _Plain(self.days, attributes)
        names = [one.name for one in attributes.values()]
        asked_by = mapping.subject if subjects is not None else mapping.value
        given = list(subjects if subjects is not None else values or ())
        exact, folded = set(given), {text.casefold() for text in given}
        seen = set()
        for batch in _batches(_askable(given)):
            asked = one_of(equal(asked_by, text) for text in batch)
            terms = (area.items, asked, present(mapping.subject), present(mapping.value))
            for entry in self.session.search(area.place, all_of(terms), names, scope=area.scope):
                since, until = reader.day(entry, mapping.valid_from), reader.day(entry, mapping.valid_to)
                for number in reader.texts(entry, mapping.subject):
                    for value in reader.texts(entry, mapping.value):
                        one = Identity(number, value, since, until)
                        fits = number in exact if subjects is not None else value.casefold() in folded
                        if fits and (entry.dn, one) not in seen:
                            seen.add((entry.dn, one))
                            yield one


@dataclass(frozen=True)
class _Plain:
    """Attributes of which one value is expected. Raises ConnectorError(permanent) where there are more."""

    days: Days
    attributes: Mapping[str, Attribute]

    def texts(self, entry: Entry, name: str) -> list[str]:
        return [text_of(raw, name) for raw in entry.all(name)]

    def text(self, entry: Entry, name: str | None) -> str | None:
        raw = self._one(entry, name)
        return None if raw is None or name is None else text_of(raw, name)

    def day(self, entry: Entry, name: str | None) -> date | None:
        raw = self._one(entry, name)
        return None if raw is None or name is None else self.days.of(raw, self.attributes[name.lower()])

    def fact(self, entry: Entry, name: str) -> FactValue | None:
        raw = self._one(entry, name)
        return None if raw is None else fact_of(raw, self.attributes[name.lower()])

    def closed(self, entry: Entry, mapping: LedgerMapping) -> bool:
        if mapping.closed is None:
            return False
        if closes_by_bit(mapping):
            raw = self._one(entry, ACCOUNT)
            return raw is not None and bool(number_of(raw, ACCOUNT) & DISABLED)
        return any(text in mapping.closed.values for text in self.texts(entry, mapping.closed.column))

    def _one(self, entry: Entry, name: str | None) -> bytes | None:
        found = entry.all(name) if name is not None else ()
        if len(found) > 1:
            raise ConnectorError(f"{name} has several values in one entry, where one is meant", permanent=True)
        return found[0] if found else None


def _number_filters(
    mapping: DatasetMapping, subjects: Sequence[str] | None, contracts: Sequence[str] | None
) -> Iterator[Filter | None]:
    """One filter a batch of numbers; None where nobody asks by numbers."""
    for name, numbers, what in ((mapping.subject, subjects, "subject"), (mapping.contract, contracts, "contract")):
        if numbers is not None and name is None:
            raise ConnectorError(f"{mapping.place}: asked by {what}, but the mapping names none", permanent=True)
    name, numbers = (mapping.subject, subjects) if subjects is not None else (mapping.contract, contracts)
    if numbers is None or name is None:
        yield None
        return
    yield from _any_of(name, numbers)


def _any_of(name: str, numbers: Sequence[str]) -> Iterator[str]:
    for batch in _batches(_askable(numbers)):
        yield one_of(equal(name, number) for number in batch)


Wanted = tuple[frozenset[str] | None, frozenset[str] | None]


def _wanted(subjects: Sequence[str] | None, contracts: Sequence[str] | None) -> Wanted:
    return (
        None if subjects is None else frozenset(subjects),
        None if contracts is None else frozenset(contracts),
    )


def _chosen(mapped: Mapped, candidate: Candidate, entry: Entry, wanted: Wanted) -> Candidate | None:
    """The candidate, if its numbers are asked for to the letter: a directory compares without case and spaces.

    Of several numbers in one entry, which leave it in doubt, it is told under one that was asked for.
    """
    subjects, contracts = wanted
    ref, contract = candidate.ref, candidate.contract
    if subjects is not None:
        own = _among(entry, mapped.mapping.subject, subjects)
        if own is None:
            return None
        ref = Ref(ref.key, own)
    if contracts is not None:
        contract = _among(entry, mapped.mapping.contract, contracts)
        if contract is None:
            return None
    return Candidate(ref, contract, candidate.events, candidate.facts, candidate.closed, candidate.doubt)


def _among(entry: Entry, name: str | None, asked: frozenset[str]) -> str | None:
    found = {text_of(raw, name) for raw in entry.all(name)} if name is not None else set()
    return min(found & asked, default=None)


def _askable(numbers: Iterable[str]) -> list[str]:
    """Those that a directory can hold at all: it has no empty values and no lone surrogates."""
    return [text for text in dict.fromkeys(numbers) if text and not any("\ud800" <= sign <= "\udfff" for sign in text)]


def _batches(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]


def _shown(entry: Entry, mapping: DatasetMapping) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, values in entry.values.items():
        if name in {mapping.key.lower(), *_SECRETS}:
            continue
        texts: list[str | bytes] = []
        for raw in values:
            try:
                texts.append(raw.decode())
            except UnicodeDecodeError:
                texts.append(raw)
        shown[name] = texts[0] if len(texts) == 1 else texts
    return shown


def _packed(key: bytes, values: Sequence[tuple[bytes, ...]]) -> bytes:
    """An item as one run of bytes that sorts by its key."""
    parts = [key]
    for some in values:
        parts.append(len(some).to_bytes(2, "big"))
        for one in some:
            parts += (len(one).to_bytes(4, "big"), one)
    return b"".join(parts)


def _unpacked(row: bytes) -> tuple[bytes, list[tuple[bytes, ...]]]:
    values, at = [], 16
    while at < len(row):
        count, at = int.from_bytes(row[at : at + 2], "big"), at + 2
        some = []
        for _ in range(count):
            size, at = int.from_bytes(row[at : at + 4], "big"), at + 4
            some.append(row[at : at + size])
            at += size
        values.append(tuple(some))
    return row[:16], values
