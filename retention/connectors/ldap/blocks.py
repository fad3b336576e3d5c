"""Show that an item is about to go, by blocking it: a disabled account, or an attribute that an option names.

Our own block is known again by a mark, `seloste-blocked:` and what stood there before, in an attribute of the
mapping's choice. Whatever bears no mark was blocked by somebody else and stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retention.connectors.contract import Disposal, Outcome, Ref
from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.filters import Filter, all_of, equal
from retention.connectors.ldap.mapped import ACCOUNT, DISABLED, MARK, Mapped, half_done
from retention.connectors.ldap.reading import Reading
from retention.connectors.ldap.schema import Directory
from retention.connectors.ldap.verdicts import NEEDED, refusal, verdict
from retention.connectors.ldap.wire import ADD, ASSERTION, DELETE, Change, Session
from retention.domain.predicates import Expression

Changes = Mapping[str, Sequence[Change]]
_ATTEMPTS = 3
_NO_WAY = {
    Directory.ACTIVE_DIRECTORY: "the mapping has no option mark_attribute to remember a block by",
    Directory.OPENLDAP: "the mapping has no option flag that says how an entry is blocked",
}


@dataclass(frozen=True)
class Blocks:
    """One call of `flag` or `unflag`."""

    session: Session
    reading: Reading
    mapped: Mapped

    def flag(self, refs: Sequence[Ref], still_due: Expression) -> list[Disposal]:
        """`pending` where it is blocked now; `refused` where the mapping names no way, or a machine must not."""
        if not self._has_way:
            return self._none_has_way(refs)
        found = self._read([ref.key for ref in refs])
        return [self._flag(ref, found.get(ref.key), still_due) for ref in refs]

    def unflag(self, refs: Sequence[Ref]) -> list[Disposal]:
        """`superseded` where our block was taken back or never was."""
        if not self._has_way:
            return self._none_has_way(refs)
        found = self._read([ref.key for ref in refs])
        return [self._unflag(ref, found.get(ref.key)) for ref in refs]

    @property
    def _has_way(self) -> bool:
        if self.mapped.directory is Directory.ACTIVE_DIRECTORY:
            return self.mapped.mark is not None
        return self.mapped.flag is not None

    def _none_has_way(self, refs: Sequence[Ref]) -> list[Disposal]:
        return [Disposal(ref.key, Outcome.REFUSED, _NO_WAY[self.mapped.directory]) for ref in refs]

    def _read(self, keys: Sequence[str]) -> dict[str, Entry]:
        return self.reading.there(self.mapped, keys, *NEEDED, "entryCSN")

    def _flag(self, ref: Ref, entry: Entry | None, still_due: Expression) -> Disposal:
        for _ in range(_ATTEMPTS):
            if entry is None:
                return Disposal(ref.key, Outcome.ALREADY_ABSENT)
            judged = verdict(self.mapped, ref, entry, still_due, self.reading.own)
            if judged.disposal is not None:
                return judged.disposal
            changes = self._blocking(entry)
            if isinstance(changes, str):
                return Disposal(ref.key, Outcome.REFUSED, changes)
            if changes is None:
                return Disposal(ref.key, Outcome.PENDING, "blocked")
            answer = self.session.modify(entry.dn, changes, self._unchanged(entry))
            if answer.ok:
                return Disposal(ref.key, Outcome.PENDING, "blocked")
            if not (answer.absent or answer.changed):
                return refusal(ref.key, answer, "block the entry")
            entry = self._read([ref.key]).get(ref.key)
        return Disposal(ref.key, Outcome.SUPERSEDED, "it changes all the time")

    def _unflag(self, ref: Ref, entry: Entry | None) -> Disposal:
        for _ in range(_ATTEMPTS):
            if entry is None:
                return Disposal(ref.key, Outcome.ALREADY_ABSENT)
            changes = self._lifting(entry)
            if changes is None or half_done(entry, self.mapped.directory):
                return Disposal(ref.key, Outcome.SUPERSEDED)
            answer = self.session.modify(entry.dn, changes, self._unchanged(entry))
            if answer.ok:
                return Disposal(ref.key, Outcome.SUPERSEDED)
            if not (answer.absent or answer.changed):
                return refusal(ref.key, answer, "lift the block")
            entry = self._read([ref.key]).get(ref.key)
        return Disposal(ref.key, Outcome.FAILED, "it changes all the time")

    def _blocking(self, entry: Entry) -> Changes | str | None:
        """The changes that block it; None where it is blocked already; a reason why it cannot be."""
        mark, flag = self.mapped.mark, self.mapped.flag
        if self.mapped.directory is Directory.ACTIVE_DIRECTORY:
            if not entry.holds(ACCOUNT):
                return f"it has no {ACCOUNT} that could be disabled"
            before = int(entry.first(ACCOUNT) or 0)
            if before & DISABLED:
                return None
            changes: dict[str, Sequence[Change]] = {
                ACCOUNT: [(DELETE, (str(before),)), (ADD, (str(before | DISABLED),))]
            }
            former = str(before)
        elif flag is not None:
            former = entry.first(flag.attribute) or ""
            if former == flag.value:
                return None
            if former and mark is None:
                return f"{flag.attribute} has a value, and there is no mark_attribute to remember it by"
            changes = {flag.attribute: [*_gone(entry, flag.attribute), (ADD, (flag.value,))]}
        else:
            return _NO_WAY[self.mapped.directory]
        if mark is not None:
            if entry.holds(mark):
                return f"{mark} is taken by something else"
            changes[mark] = [(ADD, (MARK + former,))]
        return changes

    def _lifting(self, entry: Entry) -> Changes | None:
        """The changes that restore what was; None where the block is not ours, or was lifted already."""
        mark, flag = self.mapped.mark, self.mapped.flag
        if mark is not None and not self.mapped.is_ours(entry):
            return None
        former = (entry.first(mark) or "").removeprefix(MARK) if mark is not None else ""
        changes: dict[str, Sequence[Change]] = {}
        if self.mapped.directory is Directory.ACTIVE_DIRECTORY:
            now = int(entry.first(ACCOUNT) or 0)
            if now & DISABLED:
                changes[ACCOUNT] = [(DELETE, (str(now),)), (ADD, (str(now & ~DISABLED),))]
        elif flag is not None and entry.first(flag.attribute) == flag.value:
            changes[flag.attribute] = [(DELETE, (flag.value,)), *([(ADD, (former,))] if former else [])]
        elif mark is None:
            return None
        if mark is not None:
            changes[mark] = [(DELETE, entry.all(mark))]
        return changes

    def _unchanged(self, entry: Entry) -> Filter | None:
        csn, key = entry.first("entryCSN"), entry.first("entryUUID")
        if ASSERTION not in self.reading.schema.root.controls or csn is None or key is None:
            return None
        return all_of((equal("entryUUID", key), equal("entryCSN", csn)))


def _gone(entry: Entry, name: str) -> list[Change]:
    return [(DELETE, entry.all(name))] if entry.holds(name) else []
