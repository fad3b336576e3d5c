"""Reading back in Active Directory: a deleted object is still there, and must tell of nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retention.connectors.contract import Ref, Residue
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.mapped import Mapped, purged_name
from retention.connectors.ldap.personal_attributes import personal_of
from retention.connectors.ldap.reading import Reading
from retention.connectors.ldap.schema import Schema
from retention.connectors.ldap.values import is_key
from retention.connectors.ldap.wire import SHOW_DELETED, SHOW_RECYCLED, Session

_NAMES = ("samaccountname", "cn", "name", "msds-lastknownrdn", "ou")


@dataclass(frozen=True)
class ReadBack:
    """What is still there of some items: the entry, its fields, or what its tombstone tells."""

    session: Session
    reading: Reading
    mapped: Mapped

    def residues(self, refs: Sequence[Ref]) -> Iterator[Residue]:
        """One Residue for each item; `tombstone: …` names the attributes that a deleted object still has."""
        mapping = self.mapped.mapping
        context = self.reading.schema.root.context_of(mapping.place)
        keys = [ref.key for ref in refs if is_key(ref.key)]
        shown = self.reading.by_key(
            context, keys, ("*", "objectGUID", *mapping.fields), controls=(SHOW_DELETED, SHOW_RECYCLED)
        )
        for key, entry in sorted(shown.items()):
            if mapping.fields:
                left = [name for name in mapping.fields if entry.holds(name)]
            elif entry.says_yes("isDeleted"):
                left = tombstone_of(key, entry, self.reading.schema)
            else:
                yield Residue(key, mapping.place)
                continue
            if left:
                deleted = entry.says_yes("isDeleted")
                where = "tombstone" if deleted else mapping.place
                yield Residue(key, f"{where}: {', '.join(left)}", copy=deleted)


def tombstone_of(key: str, entry: Entry, schema: Schema) -> list[str]:
    """Attributes of a deleted object that tell who it was: names that are not ours, and whatever else is personal."""
    ours = purged_name(key).encode()
    named = [name for name in _NAMES if any(value.partition(b"\n")[0] != ours for value in entry.all(name))]
    left = {name for name in personal_of(entry, schema) if entry.all(name) != (ours,)}
    return sorted({_spelled(name, schema) for name in {*left, *named}})


def _spelled(name: str, schema: Schema) -> str:
    known = schema.known([name])
    return known[name].name if name in known else name
