"""What a directory says of itself: which product it is, and what each attribute may hold and be asked by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from retention.connectors.contract import ConnectorError
from retention.connectors.ldap.entries import is_under
from retention.connectors.ldap.filters import all_of, equal, is_name, one_of
from retention.connectors.ldap.wire import Session

_AD_CAPABILITY = b"1.2.840.113556.1.4.800"
_SYNTAXES_PREFIX = "1.3.6.1.4.1.1466.115.121.1."
_NAMES = re.compile(r"\bNAME\s+(?:'([^']*)'|\(([^)]*)\))")
_WORD = re.compile(r"\b(SUP|EQUALITY|ORDERING|SYNTAX)\s+([^\s{)]+)")


class Directory(StrEnum):
    """The two products whose ways we know."""

    OPENLDAP = "openldap"
    ACTIVE_DIRECTORY = "active-directory"


class Kind(StrEnum):
    """What the values of an attribute are."""

    MOMENT = "moment"
    TICKS = "large integer"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `equality`, `ordering`: whether a filter may ask so; `own`: the directory's, never a person's."""

    name: str
    kind: Kind
    equality: bool = False
    ordering: bool = False
    single: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a directory server (RFC 4512 section 5.1)."""

    directory: Directory
    controls: frozenset[str]
    contexts: tuple[str, ...]
    subschema: str
    schema_context: str
    now: bytes | None

    def context_of(self, place: str) -> str:
        """The naming context in which a place lies; the place itself where none is told."""
        return max((one for one in self.contexts if is_under(place, one)), key=len, default=place)


def read_root(session: Session, told: str) -> Root:
    """The server's root. `told` is the config's `directory`: auto, or a Directory by name."""
    names = ["supportedControl", "namingContexts", "subschemaSubentry", "schemaNamingContext", "currentTime"]
    entry = session.read("", [*names, "supportedCapabilities", "defaultNamingContext"])
    if entry is None:
        raise ConnectorError(f"ldap {session.address}: it does not show its root to this account", permanent=True)
    found = Directory.ACTIVE_DIRECTORY if _AD_CAPABILITY in entry.all("supportedCapabilities") else Directory.OPENLDAP
    directory = found if told == "auto" else Directory(told)
    contexts = tuple(one.decode() for one in entry.all("namingContexts"))
    default = entry.first("defaultNamingContext")
    now = entry.all("currentTime")
    return Root(
        directory,
        frozenset(one.decode() for one in entry.all("supportedControl")),
        (default,) if directory is Directory.ACTIVE_DIRECTORY and default else contexts,
        entry.first("subschemaSubentry") or "",
        entry.first("schemaNamingContext") or "",
        now[0] if now else None,
    )


@dataclass
class Schema:
    """Attributes by their names, read when first asked for and kept while the session lasts."""

    session: Session
    root: Root
    _known: dict[str, Attribute] = field(default_factory=dict)
    _whole: bool = False

    def attribute(self, name: str) -> Attribute:
        """Raises ConnectorError(permanent) naming an attribute that the directory does not know."""
        if not is_name(name):
            raise ConnectorError(f"{name!r} cannot be the name of an attribute", permanent=True)
        found = self.known([name]).get(name.lower())
        if found is None:
            raise ConnectorError(f"the directory knows no attribute {name}", permanent=True)
        return found

    def known(self, names: Iterable[str]) -> Mapping[str, Attribute]:
        """Those of the attributes that the directory knows, under lower-case names."""
        wanted = {name.partition(";")[0].lower() for name in names}
        missing = sorted(name for name in wanted - set(self._known) if is_name(name))
        if missing and not self._whole:
            if self.root.directory is Directory.ACTIVE_DIRECTORY:
                self._read_classes(missing)
            else:
                self._read_subschema()
        return {name: self._known[name] for name in wanted if name in self._known}

    def whole(self) -> Mapping[str, Attribute]:
        """Every attribute that the directory knows."""
        if self.root.directory is Directory.OPENLDAP:
            self.known(["objectClass"])
        else:
            asked = equal("objectClass", "attributeSchema")
            names = self.session.search(self.root.schema_context, asked, ["lDAPDisplayName"])
            self.known([name for entry in names if (name := entry.first("lDAPDisplayName"))])
        return self._known

    def _read_subschema(self) -> None:
        entry = self.session.read(self.root.subschema or "cn=Subschema", ["attributeTypes"])
        if entry is None or not entry.holds("attributeTypes"):
            raise ConnectorError("the directory does not show its schema to this account", permanent=True)
        self._known = attributes_of(text.decode("utf-8", "replace") for text in entry.all("attributeTypes"))
        self._whole = True

    def _read_classes(self, names: list[str]) -> None:
        shown = ["lDAPDisplayName", "attributeSyntax", "isSingleValued", "systemFlags", "systemOnly", "linkID"]
        for start in range(0, len(names), 100):
            asked = one_of(equal("lDAPDisplayName", name) for name in names[start : start + 100])
            asked = all_of((equal("objectClass", "attributeSchema"), asked))
            for entry in self.session.search(self.root.schema_context, asked, shown):
                flags, link = int(entry.first("systemFlags") or 0), int(entry.first("linkID") or 0)
                name = entry.first("lDAPDisplayName") or ""
                constructed = bool(flags & 4)
                kind = _AD_KINDS.get(entry.first("attributeSyntax") or "", Kind.BINARY)
                self._known[name.lower()] = Attribute(
                    name,
                    kind,
                    equality=not constructed,
                    ordering=not constructed and kind is not Kind.TEXT,
                    single=entry.says_yes("isSingleValued"),
                    own=constructed or link % 2 == 1 or entry.says_yes("systemOnly"),
                )


def attributes_of(described: Iterable[str]) -> dict[str, Attribute]:
    """Attributes from the descriptions of RFC 4512 section 4.1.2; what a supertype says holds for its subtypes."""
    raw: dict[str, tuple[str, dict[str, str], str]] = {}
    for text in described:
        names = _NAMES.search(text)
        if names is None:
            continue
        words = dict(_WORD.findall(re.sub(r"'[^']*'", "''", text)))
        for name in re.findall(r"[^\s']+", names[1] or names[2] or ""):
            raw[name.lower()] = (name, words, text)
    found = {}
    for key, (name, own, text) in raw.items():
        words, above = dict(own), own.get("SUP")
        for _ in range(10):
            if above is None or above.lower() not in raw:
                break
            higher = raw[above.lower()][1]
            words = {**higher, **words}
            above = higher.get("SUP")
        syntax = words.get("SYNTAX", "").strip("'")
        found[key] = Attribute(
            name,
            _KINDS.get(syntax.removeprefix(_SYNTAXES_PREFIX), Kind.BINARY),
            equality="EQUALITY" in words,
            ordering="ORDERING" in words,
            single="SINGLE-VALUE" in text,
            own="NO-USER-MODIFICATION" in text,
        )
    return found


_KINDS: Mapping[str, Kind] = {
    "24": Kind.MOMENT,
    "7": Kind.BOOLEAN,
    "27": Kind.INTEGER,
    **dict.fromkeys(("11", "12", "15", "22", "26", "34", "36", "38", "41", "44", "50"), Kind.TEXT),
    "1.3.6.1.1.16.1": Kind.TEXT,
}
_AD_KINDS: Mapping[str, Kind] = {
    "2.5.5.8": Kind.BOOLEAN,
    "2.5.5.9": Kind.INTEGER,
    "2.5.5.11": Kind.MOMENT,
    "2.5.5.16": Kind.TICKS,
    **dict.fromkeys(("2.5.5.1", "2.5.5.2", "2.5.5.3", "2.5.5.4", "2.5.5.5", "2.5.5.6", "2.5.5.12"), Kind.TEXT),
}
