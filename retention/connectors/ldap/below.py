"""What lies under an entry: it goes with it, unless it is an item by itself."""

from __future__ import annotations

from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.mapped import Mapped
from retention.connectors.ldap.wire import AN_ITEM, Session


def another_below(session: Session, mapped: Mapped, entry: Entry) -> bool:
    """Whether an item of the same dataset lies under this one: it has days of its own, and does not go with it."""
    found = session.search(entry.dn, mapped.area.items, (), label=AN_ITEM)
    return any(one.dn != entry.dn for one in found)
