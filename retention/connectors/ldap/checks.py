"""Is the directory there, are the mappings right, and what may our account not do, as far as the server tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from retention.connectors.contract import ConnectorError, DatasetMapping, Health
from retention.connectors.ldap.entries import Entry, is_under
from retention.connectors.ldap.filters import equal, one_of
from retention.connectors.ldap.mapped import ACCOUNT, Mapped, map_dataset
from retention.connectors.ldap.personal_attributes import WRITABLE, personal_of
from retention.connectors.ldap.schema import Attribute, Directory, Kind, Root, Schema
from retention.connectors.ldap.values import KEYS, Days, key_of, text_of
from retention.connectors.ldap.wire import SHOW_DELETED, Session

_SAMPLE = 20


def check(
    session: Session, schema: Schema, days: Days, mappings: Sequence[DatasetMapping], log: str | None, now: datetime
) -> Health:
    """Raises ConnectorError(permanent) naming the place or attribute that is not as a mapping says.

    Active Directory tells which attributes may be written and whether deleted objects may be seen; no directory tells
    cheaply whether an entry may be deleted, nor does OpenLDAP tell any right. What is not told is not in the answer.
    """
    root = schema.root
    missing: dict[str, None] = {}
    for mapping in mappings:
        if session.read(mapping.place, ()) is None:
            raise ConnectorError(f"ldap {session.address}: there is no entry {mapping.place}", permanent=True)
        mapped = map_dataset(mapping, schema, days)
        if mapped.groups is not None and session.read(mapped.groups, ()) is None:
            raise ConnectorError(f"ldap {session.address}: there is no entry {mapped.groups}", permanent=True)
        if root.directory is Directory.ACTIVE_DIRECTORY:
            missing.update(dict.fromkeys(_not_writable(session, mapped, schema)))
    if log is not None and session.read(log, ()) is None:
        missing[f"read and write {log}"] = None
    if root.directory is Directory.ACTIVE_DIRECTORY and mappings:
        missing.update(dict.fromkeys(_deleted_unseen(session, root)))
    return Health(tuple(missing), clock_offset_seconds=_offset(root, days, now))


def _not_writable(session: Session, mapped: Mapped, schema: Schema) -> list[str]:
    """Rights that are missing on one of the first items that are there."""
    missing: dict[str, None] = {}
    if not schema.known([WRITABLE]):
        return []
    area = mapped.area
    names = [WRITABLE, "*", KEYS[mapped.directory]]
    for seen, entry in enumerate(session.search(area.place, area.items, names, scope=area.scope, page=_SAMPLE)):
        if seen == _SAMPLE:
            break
        writable = {text_of(raw, WRITABLE).lower() for raw in entry.all(WRITABLE)}
        missing.update(dict.fromkeys(name for name in _needed(entry, mapped, schema) if name not in writable))
    return [f"write {schema.attribute(name).name}" for name in sorted(missing)]


def _needed(entry: Entry, mapped: Mapped, schema: Schema) -> list[str]:
    if mapped.mapping.fields:
        return [name.lower() for name in mapped.mapping.fields]
    needed = personal_of(entry, schema)
    needed += [name.lower() for name in (ACCOUNT, "sAMAccountName") if entry.holds(name)]
    return [*needed, "cn", *([mapped.mark.lower()] if mapped.mark else [])]


def _deleted_unseen(session: Session, root: Root) -> list[str]:
    """Without a look at deleted objects nobody could prove what their tombstones still tell."""
    seen = session.read(f"CN=Deleted Objects,{root.contexts[0]}", ("cn",), (SHOW_DELETED,))
    return [] if seen is not None else ["read CN=Deleted Objects"]


def _offset(root: Root, days: Days, now: datetime) -> float | None:
    """Seconds by which the server's clock is ahead; OpenLDAP tells none."""
    if root.now is None:
        return None
    told = days.moment_of(root.now, Attribute("currentTime", Kind.MOMENT))
    return (told - now).total_seconds()


def own_key(session: Session, root: Root, user: str) -> str | None:
    """The key of the account that we are bound as; None where it has no entry that we may see."""
    name = KEYS[root.directory]
    if root.directory is Directory.OPENLDAP:
        entry = session.read(user, (name,))
        return key_of(entry, root.directory) if entry is not None and entry.holds(name) else None
    short = user.rpartition("\\")[2].partition("@")[0]
    if is_under(user, root.contexts[0]):
        entry = session.read(user, (name,))
        return None if entry is None else key_of(entry, root.directory)
    asked = one_of((equal("userPrincipalName", user), equal("sAMAccountName", short)))
    found = {key_of(entry, root.directory): entry for entry in session.search(root.contexts[0], asked, (name,))}
    if len(found) > 1:
        raise ConnectorError("bind_dn means more than one account; give its distinguished name", permanent=True)
    return next(iter(found), None)
