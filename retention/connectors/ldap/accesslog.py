"""The access log of OpenLDAP (overlay accesslog): it keeps every attribute of what was deleted, and old values.

Its entries are found by the item's id, which newer servers write (reqEntryUUID), by its DN, and by the DNs that it had
before. An entry about something else that names the DN, such as a group that the person was put into, goes as a
whole: a log entry cannot be changed. Those that name the DN go first and those that tell it last, so that a
purge which broke off can be begun again by the id alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from retention.connectors.contract import ConnectorError
from retention.connectors.ldap.entries import Entry, folded
from retention.connectors.ldap.filters import Filter, equal, holding, one_of
from retention.connectors.ldap.wire import Session

_BATCH = 50
_SHOWN = ("reqDN", "reqNewDN", "reqEntryUUID", "reqMod", "reqOld")


@dataclass(frozen=True)
class AccessLog:
    """One log. Raises ConnectorError where an entry of it cannot be deleted."""

    session: Session
    base: str

    def purge(self, names: Mapping[str, str | None], fields: Iterable[str] = ()) -> None:
        """Delete what the log has of these items: key -> DN, None where it is not known any more.

        With `fields`, only entries that have a value of one of these attributes, of these items alone.
        """
        wanted = tuple(fields)
        for batch in _batches(names):
            own = list(self._own(batch))
            if wanted:
                self._delete(entry for entry in own if _has(entry, wanted))
                continue
            told = {dn for dn in batch.values() if dn} | {dn for entry in own for dn in _dns(entry)}
            self._delete(self._naming(told))
            self._delete(own)

    def left(self, names: Mapping[str, str | None], fields: Iterable[str] = ()) -> set[str]:
        """Keys of which the log still has something."""
        wanted = tuple(fields)
        found: set[str] = set()
        for batch in _batches(names):
            for entry in self._own(batch):
                if not wanted or _has(entry, wanted):
                    found |= _whose(entry, batch)
            known = {dn for dn in batch.values() if dn}
            if known and not wanted:
                for entry in self._naming(known):
                    text = b"\n".join((*entry.all("reqMod"), *entry.all("reqOld"))).lower()
                    found |= {key for key, dn in batch.items() if dn and f" {dn.lower()}".encode() in text}
        return found

    def _own(self, batch: Mapping[str, str | None]) -> Iterator[Entry]:
        terms = [equal("reqEntryUUID", key) for key in batch]
        terms += [equal("reqDN", dn) for dn in batch.values() if dn]
        for entry in self._search(one_of(terms)):
            if (entry.first("reqEntryUUID") or next(iter(batch))) in batch:  # a name may be somebody else's by now
                yield entry

    def _naming(self, dns: Iterable[str]) -> Iterator[Entry]:
        """Values are compared byte by byte, so a DN that somebody wrote otherwise is asked for as the log writes it."""
        for some in _chunks(sorted(set(dns))):
            yield from self._search(one_of(term for dn in some for term in _mentions(dn)))

    def _search(self, asked: Filter) -> Iterator[Entry]:
        yield from list(self.session.search(self.base, asked, _SHOWN))

    def _delete(self, entries: Iterable[Entry]) -> None:
        for dn in {entry.dn for entry in entries}:
            answer = self.session.delete(dn)
            if not answer.ok and not answer.absent:
                raise ConnectorError(
                    f"{self.base}: an entry of the access log could not be deleted ({answer.name}); "
                    "the service account needs the right to write there",
                    permanent=not answer.later,
                )


def _mentions(dn: str) -> tuple[Filter, ...]:
    """A line of the log is `member:+ DN` or `member: DN`."""
    texts = dict.fromkeys((f" {dn}", f" {folded(dn)}"))
    return tuple(holding(name, text) for name in ("reqMod", "reqOld") for text in texts)


def _dns(entry: Entry) -> set[str]:
    return {text for name in ("reqDN", "reqNewDN") if (text := entry.first(name))}


def _whose(entry: Entry, batch: Mapping[str, str | None]) -> set[str]:
    by_dn = {folded(dn): key for key, dn in batch.items() if dn}
    found = {by_dn[folded(dn)] for dn in _dns(entry) if folded(dn) in by_dn}
    key = entry.first("reqEntryUUID")
    return found | {key} if key is not None and key in batch else found


def _has(entry: Entry, fields: Iterable[str]) -> bool:
    """Whether a log entry has a value of one of the attributes: `mail:+ …` or `mail: …`."""
    wanted = {name.lower() for name in fields}
    for line in (*entry.all("reqMod"), *entry.all("reqOld")):
        name, _, rest = line.partition(b":")
        if name.partition(b";")[0].decode("utf-8", "replace").lower() in wanted and rest.lstrip(b"+-=# "):
            return True
    return False


def _batches(names: Mapping[str, str | None]) -> Iterator[Mapping[str, str | None]]:
    for keys in _chunks(list(names)):
        yield {key: names[key] for key in keys}


def _chunks(items: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
