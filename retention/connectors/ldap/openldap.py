"""The only statements that destroy in OpenLDAP, and reading back.

An item is found by its entryUUID, never by its name. What was just read is judged again, and the delete itself asserts
(RFC 4528) that it is the same entry, unchanged: its entryUUID and its change number entryCSN. If somebody changed it
in between, it is read and judged anew. Of a server that has no assertions, or does not show entryCSN, each entry is
read again just before it goes; the moment in between is then uncovered, and the page about the directory says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retention.connectors.contract import Disposal, Outcome, Ref, Residue
from retention.connectors.ldap.accesslog import AccessLog
from retention.connectors.ldap.below import another_below
from retention.connectors.ldap.entries import Entry, parts_of
from retention.connectors.ldap.filters import EVERYTHING, Filter, all_of, equal
from retention.connectors.ldap.groups import Groups
from retention.connectors.ldap.mapped import Mapped
from retention.connectors.ldap.reading import Reading
from retention.connectors.ldap.values import is_key
from retention.connectors.ldap.verdicts import refusal, verdict
from retention.connectors.ldap.wire import AN_ITEM, ASSERTION, DELETE, Answer, Session
from retention.domain.predicates import Expression

_ATTEMPTS = 3
_VERSION = ("entryCSN", "entryUUID", "uid")


@dataclass
class Purge:
    """One call of `dispose`. `names` remembers the DNs of what went, for reading back in the same session."""

    session: Session
    reading: Reading
    mapped: Mapped
    still_due: Expression
    log: AccessLog | None
    names: dict[str, str]

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        """One Disposal per ref, in their order. The access log is purged last, of everything that is not there."""
        there = self.reading.there(self.mapped, [ref.key for ref in refs], *_VERSION)
        elsewhere = self.reading.anywhere(self.mapped, [ref.key for ref in refs if ref.key not in there])
        answers = []
        for ref in refs:
            entry = there.get(ref.key)
            if entry is not None and self._unchanged(entry) is None:
                entry = self._read(ref.key)
            answers.append(self._one(ref, entry, moved=ref.key in elsewhere))
        self._purge_log(answers)
        return answers

    def _read(self, key: str) -> Entry | None:
        return self.reading.there(self.mapped, [key], *_VERSION).get(key)

    def _one(self, ref: Ref, entry: Entry | None, moved: bool) -> Disposal:
        """`moved`: it is known to lie elsewhere, so that nobody has to ask where it is."""
        for _ in range(_ATTEMPTS):
            if entry is None:
                moved = moved or ref.key in self.reading.anywhere(self.mapped, [ref.key])
                return Disposal(ref.key, Outcome.SUPERSEDED if moved else Outcome.ALREADY_ABSENT)
            judged = verdict(self.mapped, ref, entry, self.still_due, self.reading.own)
            if judged.disposal is not None:
                return judged.disposal
            change = self._empty if self.mapped.mapping.fields else self._delete
            disposal = change(ref.key, entry)
            if disposal is not None:
                return disposal
            entry = self._read(ref.key)
        return Disposal(ref.key, Outcome.SUPERSEDED, "it changes all the time")

    def _delete(self, key: str, entry: Entry) -> Disposal | None:
        """None where the entry was changed since it was read."""
        if self.mapped.subtree and another_below(self.session, self.mapped, entry):
            return Disposal(key, Outcome.REFUSED, "another item lies below it")
        if not self.mapped.subtree and self._has_children(entry):
            return Disposal(key, Outcome.REFUSED, "entries lie below it, and the mapping does not say subtree")
        groups = Groups(self.session, self.mapped.groups) if self.mapped.groups else None
        left = groups.leave(entry) if groups else None
        if left is not None and left.refused:
            return Disposal(key, Outcome.REFUSED, left.refused)
        if self.mapped.subtree:
            changed = self._read(key) != entry
            below = None if changed else self._delete_below(key, entry)
            if changed or below is not None:
                if left is not None:
                    left.take_back()
                return below
        answer = self.session.delete(entry.dn, self._unchanged(entry))
        if answer.ok:
            self.names[key] = entry.dn
            return Disposal(key, Outcome.DESTROYED)
        if left is not None:
            left.take_back()
        if answer.absent or answer.changed:
            return None
        return refusal(key, answer, "delete the entry")

    def _has_children(self, entry: Entry) -> bool:
        return next(self.session.search(entry.dn, EVERYTHING, (), scope="one", page=1, label=AN_ITEM), None) is not None

    def _delete_below(self, key: str, entry: Entry) -> Disposal | None:
        """Deepest first. What lies below an item has no date of its own and goes with it."""
        below = [one.dn for one in self.session.search(entry.dn, EVERYTHING, (), label=AN_ITEM) if one.dn != entry.dn]
        for dn in sorted(below, key=lambda dn: -len(parts_of(dn))):
            answer = self.session.delete(dn)
            if not answer.ok and not answer.absent:
                return refusal(key, answer, "delete an entry below it")
        return None

    def _empty(self, key: str, entry: Entry) -> Disposal | None:
        names = [name for name in self.mapped.mapping.fields if entry.holds(name)]
        answer: Answer = self.session.modify(entry.dn, {name: [(DELETE, ())] for name in names}, self._unchanged(entry))
        if answer.ok:
            return Disposal(key, Outcome.UNLINKED)
        if answer.absent or answer.changed:
            return None
        return refusal(key, answer, f"empty {', '.join(names)}")

    def _unchanged(self, entry: Entry) -> Filter | None:
        csn, key = entry.first("entryCSN"), entry.first("entryUUID")
        if ASSERTION not in self.reading.schema.root.controls or csn is None or key is None:
            return None
        return all_of((equal("entryUUID", key), equal("entryCSN", csn)))

    def _purge_log(self, answers: Sequence[Disposal]) -> None:
        if self.log is None:
            return
        ours = {Outcome.DESTROYED, Outcome.UNLINKED, Outcome.ALREADY_ABSENT}
        keys = [answer.key for answer in answers if answer.outcome in ours and is_key(answer.key)]
        self.log.purge({key: self.names.get(key) for key in keys}, self.mapped.mapping.fields)


@dataclass(frozen=True)
class ReadBack:
    """What is still there of some items: the entry, its fields, the access log, groups."""

    session: Session
    reading: Reading
    mapped: Mapped
    log: AccessLog | None
    names: dict[str, str]

    def residues(self, refs: Sequence[Ref]) -> Iterator[Residue]:
        """One Residue for each item and place."""
        fields = self.mapped.mapping.fields
        keys = [ref.key for ref in refs if is_key(ref.key)]
        found = self.reading.anywhere(self.mapped, keys)
        for key, entry in sorted(found.items()):
            left = [name for name in fields if entry.holds(name)]
            if left:
                yield Residue(key, f"{self.mapped.mapping.place}: {', '.join(left)}")
            elif not fields:
                yield Residue(key, self.mapped.mapping.place)
        if self.log is not None:
            gone = {key: self.names.get(key) for key in keys if fields or key not in found}
            left_there = self.log.left(gone, fields)
            by_id = self.log.left(dict.fromkeys(left_there), fields)
            for key in sorted(left_there):
                yield Residue(key, self.log.base, copy=True, seen_once=key not in by_id)
        if self.mapped.groups is not None and not fields:
            groups = Groups(self.session, self.mapped.groups)
            for key in keys:
                if key not in found and key in self.names and groups.name(self.names[key]):
                    yield Residue(key, self.mapped.groups, copy=True, seen_once=True)
