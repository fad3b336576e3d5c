"""The only statements that destroy in Active Directory.

A deleted object stays for months, with its name at least (tombstone), with everything where the recycle bin is on. So
nothing personal may be left when it is deleted. Three steps, each complete in itself:

    strip    one modify: personal attributes go, sAMAccountName becomes purged-<id>, the account is disabled
    rename   CN=purged-<id>, <id> being the first eight digits of its own objectGUID
    delete

There is no assertion control here. Instead the strip takes away, value by value, what the condition was judged by: if
one of those values is another one by now, the server refuses the whole modify. What only the server writes (the last
log-on) cannot be named in it: each entry is read just before its own strip. What lies below an entry goes after that
strip, so that nothing of an entry that was changed in between is lost.

Whoever is killed between two steps leaves an entry that bears the name which we give, made of its own id, and has no
subject any more. The next dispose knows it by that and goes on; it was due when we began, and nothing is left to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retention.connectors.contract import Disposal, Outcome, Ref
from retention.connectors.ldap.below import another_below
from retention.connectors.ldap.entries import Entry, parts_of
from retention.connectors.ldap.filters import EVERYTHING
from retention.connectors.ldap.mapped import ACCOUNT, DISABLED, Mapped, half_done, purged_name
from retention.connectors.ldap.personal_attributes import UNTOUCHED, WRITABLE, personal_of
from retention.connectors.ldap.reading import Reading
from retention.connectors.ldap.schema import Directory, Schema
from retention.connectors.ldap.values import key_of
from retention.connectors.ldap.verdicts import NEEDED, refusal, verdict
from retention.connectors.ldap.wire import (
    ADD,
    AN_ITEM,
    DELETE,
    REPLACE,
    Answer,
    Change,
    Session,
)
from retention.domain.predicates import Expression

_ATTEMPTS = 3
_NORMAL = 512
_EXPIRES = "accountExpires"
_NEVER = str(2**63 - 1)
_ALL = ("*", WRITABLE)


@dataclass
class Purge:
    """One call of `dispose`."""

    session: Session
    reading: Reading
    mapped: Mapped
    still_due: Expression

    def run(self, refs: Sequence[Ref]) -> list[Disposal]:
        """One Disposal per ref, in their order."""
        return [self._one(ref) for ref in refs]

    def _one(self, ref: Ref) -> Disposal:
        for _ in range(_ATTEMPTS):
            here = self.reading.there(self.mapped, [ref.key], *_ALL, *NEEDED).get(ref.key)
            entry = here or self.reading.anywhere(self.mapped, [ref.key], *_ALL, *NEEDED).get(ref.key)
            if entry is None:
                return Disposal(ref.key, Outcome.ALREADY_ABSENT)
            if self._is_ours(entry):
                return self._below_away(ref.key, entry) or self._away(ref.key, entry)
            if here is None:
                return Disposal(ref.key, Outcome.SUPERSEDED)
            judged = verdict(self.mapped, ref, entry, self.still_due, self.reading.own)
            if judged.disposal is not None:
                return judged.disposal
            disposal = self._empty(ref.key, entry) if self.mapped.mapping.fields else self._whole(ref.key, entry)
            if disposal is not None:
                return disposal
        return Disposal(ref.key, Outcome.SUPERSEDED, "it changes all the time")

    def _is_ours(self, entry: Entry) -> bool:
        """Stripped by us and not gone yet. The name alone is not enough: anybody may choose one."""
        if self.mapped.mapping.fields or not half_done(entry, Directory.ACTIVE_DIRECTORY):
            return False
        subject = self.mapped.mapping.subject
        ours = purged_name(key_of(entry, Directory.ACTIVE_DIRECTORY)).encode()
        return subject is None or entry.all(subject) in {(), (ours,)}

    def _whole(self, key: str, entry: Entry) -> Disposal | None:
        """Strip, rename, delete; None where the entry was changed since it was read."""
        refused = self._refused_below(key, entry)
        if refused is not None:
            return refused
        changes, kept_back = strip_of(entry, self.mapped, self.reading.schema)
        if kept_back:
            return Disposal(key, Outcome.REFUSED, f"no right: empty {', '.join(kept_back)}")
        answer = self.session.modify(entry.dn, changes)
        if answer.absent or answer.changed:
            return None
        if not answer.ok:
            return refusal(key, answer, "strip personal attributes")
        return self._below_away(key, entry) or self._away(key, entry)

    def _away(self, key: str, entry: Entry) -> Disposal:
        """What is left to do of an entry that is stripped."""
        name = f"CN={purged_name(key)}"
        dn = entry.dn
        self._leave_groups(entry)
        if parts_of(dn)[0].lower() != name.lower():
            answer = self.session.rename(dn, name)
            if not answer.ok:
                return self._stopped(key, answer, "rename the entry")
            dn = ",".join([name, *parts_of(dn)[1:]])
        answer = self.session.delete(dn)
        return Disposal(key, Outcome.DESTROYED) if answer.ok else self._stopped(key, answer, "delete the entry")

    def _leave_groups(self, entry: Entry) -> None:
        """The recycle bin keeps memberships too. Where we may not write a group it goes on naming purged-<id> only."""
        for group in entry.all("memberOf"):
            self.session.modify(group.decode(), {"member": [(DELETE, (entry.dn,))]})

    def _stopped(self, key: str, answer: Answer, doing: str) -> Disposal:
        """Half done: what was personal is gone, so it is tried again rather than left to a person."""
        if answer.absent:
            return Disposal(key, Outcome.ALREADY_ABSENT)
        return Disposal(key, Outcome.FAILED, f"stripped, but could not {doing}: {answer.name}")

    def _below(self, entry: Entry) -> list[Entry]:
        """What lies under an entry, deepest first."""
        found = [one for one in self.session.search(entry.dn, EVERYTHING, _ALL, label=AN_ITEM) if one.dn != entry.dn]
        return sorted(found, key=lambda one: -len(parts_of(one.dn)))

    def _refused_below(self, key: str, entry: Entry) -> Disposal | None:
        """Why what lies below an entry keeps it, asked before anything of either is touched."""
        below = self._below(entry)
        if below and not self.mapped.subtree:
            return Disposal(key, Outcome.REFUSED, "entries lie below it, and the mapping does not say subtree")
        if below and another_below(self.session, self.mapped, entry):
            return Disposal(key, Outcome.REFUSED, "another item lies below it")
        for one in below:
            _, kept_back = strip_of(one, self.mapped, self.reading.schema)
            if kept_back:
                return Disposal(key, Outcome.REFUSED, f"no right: empty {', '.join(kept_back)} of an entry below it")
        return None

    def _below_away(self, key: str, entry: Entry) -> Disposal | None:
        """Where the mapping says so what lies below goes with it, each stripped too; None when nothing is left there.

        The entry itself is stripped: it is tried again rather than left to a person.
        """
        if not self.mapped.subtree:
            return None
        below = self._below(entry)
        if below and another_below(self.session, self.mapped, entry):
            return Disposal(key, Outcome.FAILED, "stripped, but another item lies below it")
        for one in below:
            changes, _ = strip_of(one, self.mapped, self.reading.schema)
            answer = self.session.modify(one.dn, changes)
            if not answer.ok:
                return Disposal(key, Outcome.FAILED, f"stripped, but could not strip an entry below it: {answer.name}")
            done = self._away(key_of(one, Directory.ACTIVE_DIRECTORY), one)
            if done.outcome is not Outcome.DESTROYED:
                return Disposal(key, Outcome.FAILED, f"stripped, but an entry below it stays: {done.detail}")
        return None

    def _empty(self, key: str, entry: Entry) -> Disposal | None:
        names = [name for name in self.mapped.mapping.fields if entry.holds(name)]
        changes = _guards(entry, self.mapped)
        for name in names:
            changes[name] = [(DELETE, entry.all(name))]
        answer = self.session.modify(entry.dn, changes)
        if answer.ok:
            return Disposal(key, Outcome.UNLINKED)
        if answer.absent or answer.changed:
            return None
        return refusal(key, answer, f"empty {', '.join(names)}")


def strip_of(entry: Entry, mapped: Mapped, schema: Schema) -> tuple[dict[str, list[Change]], list[str]]:
    """The one modify that leaves nothing personal, and the attributes that we may not empty but would have to."""
    key = key_of(entry, Directory.ACTIVE_DIRECTORY)
    writable = {name.decode().lower() for name in entry.all(WRITABLE)}
    tells = bool(schema.known([WRITABLE]))
    guards = _guards(entry, mapped)
    guarded = {name.lower() for name in guards}
    judged = {one.lower() for one in _judged(mapped)}
    changes: dict[str, list[Change]] = {}
    kept_back = []
    for name in personal_of(entry, schema):
        if name in writable or not tells:
            changes[name] = [(DELETE, entry.all(name) if name in judged else ())]
        else:
            kept_back.append(name)
    for name, change in guards.items():
        if name.lower() not in changes and name.lower() not in {ACCOUNT.lower(), _EXPIRES.lower()}:
            changes[name.lower()] = change
    if entry.holds("sAMAccountName"):
        changes["samaccountname"] = [(DELETE, entry.all("sAMAccountName")), (ADD, (purged_name(key),))]
    else:
        changes["admindescription"] = [(REPLACE, (purged_name(key),))]
    if _EXPIRES.lower() in guarded:
        changes[_EXPIRES.lower()] = [(DELETE, entry.all(_EXPIRES)), (ADD, (_NEVER,))]
    if entry.holds(ACCOUNT):
        changes[ACCOUNT.lower()] = blocked(entry)
    return changes, sorted(kept_back)


def blocked(entry: Entry) -> list[Change]:
    """userAccountControl with the bit that disables, if it still is what was read."""
    before = int(entry.first(ACCOUNT) or 0)
    after = _NORMAL | DISABLED if before & _NORMAL else before | DISABLED
    if before == after:
        return [(REPLACE, (str(after),))]
    return [(DELETE, (str(before),)), (ADD, (str(after),))]


def _judged(mapped: Mapped) -> list[str]:
    """Attributes that a verdict rests on."""
    mapping = mapped.mapping
    names = [mapping.subject, mapping.contract, *mapping.events.values(), *mapping.facts.values()]
    names += [mapping.closed.column] if mapping.closed is not None else []
    return [name for name in names if name is not None]


def _guards(entry: Entry, mapped: Mapped) -> dict[str, list[Change]]:
    """Taking a value away and giving it back changes nothing, and fails where it is another value by now."""
    guards: dict[str, list[Change]] = {}
    for name in _judged(mapped):
        values = entry.all(name)
        if values and not mapped.attribute(name).own and name.lower() not in UNTOUCHED:
            guards[name] = [(DELETE, values), (ADD, values)]
    return guards
