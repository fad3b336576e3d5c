"""What is in a directory: kinds of entries by container, their attributes, and a guess of personal data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from retention.connectors.contract import Place
from retention.connectors.ldap.entries import Entry, container_of
from retention.connectors.ldap.filters import EVERYTHING
from retention.connectors.ldap.schema import Attribute, Kind, Schema
from retention.connectors.ldap.wire import Session
from retention.connectors.personal import guess

SAMPLE = 50
"""Values of an attribute that a guess of personal data looks at."""

_BY_NAME: Mapping[str, str] = {
    **dict.fromkeys(("cn", "name", "sn", "givenname", "displayname", "initials", "gecos"), "name"),
    **dict.fromkeys(("mail", "proxyaddresses", "othermailbox", "mailalternateaddress"), "email"),
    **dict.fromkeys(("telephonenumber", "mobile", "homephone", "othertelephone", "othermobile", "pager"), "phone"),
    **dict.fromkeys(("street", "streetaddress", "postaladdress", "homepostaladdress", "postalcode"), "address"),
    **dict.fromkeys(("uid", "samaccountname", "userprincipalname", "homedirectory"), "user name"),
    **dict.fromkeys(("employeenumber", "employeeid"), "customer number"),
    **dict.fromkeys(("userpassword", "unicodepwd", "sambantpassword"), "secret"),
    **dict.fromkeys(("jpegphoto", "thumbnailphoto", "photo"), "picture"),
}


@dataclass
class _Seen:
    rows: int = 0
    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def describe(session: Session, schema: Schema, log: str | None) -> Iterator[Place]:
    """One Place for each kind of entry in each container: `inetOrgPerson in ou=customers,dc=…`.

    The directory is read once, page by page; only counts and a few values of each attribute are kept.
    """
    for context in schema.root.contexts:
        if log is not None and context.lower() == log.lower():
            continue
        seen: dict[str, _Seen] = defaultdict(_Seen)
        for entry in session.search(context, EVERYTHING, ("*", "structuralObjectClass")):
            _count(seen[f"{_class_of(entry)} in {container_of(entry.dn)}"], entry)
        for name, one in sorted(seen.items()):
            known = schema.known(one.names)
            yield Place(
                name,
                one.rows,
                {_spelled(at, known): _kind(at, known) for at in sorted(one.names)},
                {_spelled(at, known): what for at, what in _guess(one.names).items()},
            )


def _count(seen: _Seen, entry: Entry) -> None:
    seen.rows += 1
    for name, values in entry.values.items():
        if name in {"objectclass", "structuralobjectclass"}:
            continue
        sample = seen.names[name]
        for raw in values[: SAMPLE - len(sample)] if len(sample) < SAMPLE else ():
            try:
                sample.append(raw.decode())
            except UnicodeDecodeError:
                continue


def _class_of(entry: Entry) -> str:
    """The most specific class: OpenLDAP tells it, Active Directory writes it last."""
    structural = entry.all("structuralObjectClass")
    told = structural if len(structural) == 1 else entry.all("objectClass")  # there, each class above it is told too
    return told[-1].decode("utf-8", "replace") if told else "entry"


def _guess(samples: Mapping[str, list[str]]) -> dict[str, str]:
    named = {name: what for name in samples if (what := _BY_NAME.get(name.partition(";")[0]))}
    return {**guess(samples), **named}


def _kind(name: str, known: Mapping[str, Attribute]) -> str:
    one = known.get(name.partition(";")[0])
    return one.kind.value if one is not None else Kind.BINARY.value


def _spelled(name: str, known: Mapping[str, Attribute]) -> str:
    one = known.get(name)
    return one.name if one is not None else name
