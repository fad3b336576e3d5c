"""Groups that name a person by DN, where no overlay (refint) cleans them.

An item leaves its groups before it is deleted: killed in between, it is still there and the next start goes on, while
a group that names somebody who is gone could not be found any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.filters import all_of, equal, one_of, present
from retention.connectors.ldap.wire import ADD, DELETE, Session

_BY_DN = ("member", "uniqueMember")
_BY_NAME = "memberUid"


@dataclass
class Left:
    """The memberships that were taken away, to give back if the item stays after all. `refused`: why none was."""

    session: Session
    refused: str = ""
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)

    def take_back(self) -> None:
        """Give the memberships back."""
        for group, name, value in self.taken:
            self.session.modify(group, {name: [(ADD, (value,))]})
        self.taken.clear()


@dataclass(frozen=True)
class Groups:
    """Every group under one DN."""

    session: Session
    base: str

    def name(self, dn: str) -> bool:
        """Whether a group names this DN."""
        asked = one_of(equal(name, dn) for name in _BY_DN)
        return next(self.session.search(self.base, asked, (), page=1), None) is not None

    def leave(self, entry: Entry) -> Left:
        """Take the entry out of its groups; out of none where it is the last member of one, or may not leave."""
        members = [(name, entry.dn.encode()) for name in _BY_DN]
        members += [(_BY_NAME, uid) for uid in entry.all("uid")]
        found = []
        for name, value in members:
            for group in self.session.search(self.base, all_of((present(name), equal(name, value))), (name,)):
                if name in _BY_DN and len(group.all(name)) == 1:
                    return Left(self.session, "it is the last member of a group, which may not be empty")
                found.append((group.dn, name, value))
        left = Left(self.session)
        for group_dn, name, value in found:
            answer = self.session.modify(group_dn, {name: [(DELETE, (value,))]})
            if answer.ok:
                left.taken.append((group_dn, name, value))
            elif not answer.absent and not answer.changed:
                left.take_back()
                left.refused = f"it cannot be taken out of a group ({answer.name})"
                return left
        return left
