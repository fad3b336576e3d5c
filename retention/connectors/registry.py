"""Which connectors there are: our own by name, others by the entry-point group `seloste.connectors`."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from retention.connectors.contract import Connector, ConnectorError

GROUP = "seloste.connectors"
BUILT_IN = {
    "ldap": "retention.connectors.ldap:LdapConnector",
    "sql": "retention.connectors.sql:SqlConnector",
    "files": "retention.connectors.files:FilesConnector",
    "paper": "retention.connectors.paper:PaperConnector",
    "imap": "retention.connectors.imap:ImapConnector",
}


def kinds() -> tuple[str, ...]:
    """Every connector kind that is installed, sorted."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def connector_class(kind: str) -> type[Connector]:
    """The class for a kind. Raises ConnectorError(permanent) that lists the known kinds."""
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        return cast(type[Connector], getattr(import_module(module), name))
    for point in entry_points(group=GROUP):
        if point.name == kind:
            return cast(type[Connector], point.load())
    raise ConnectorError(f"no connector of kind {kind!r}; installed are {', '.join(kinds())}", permanent=True)


def connect(kind: str, config: dict[str, str]) -> Connector:
    """A connector from its resolved config (secrets already looked up). Not yet connected.

    Raises ConnectorError(permanent) for an unknown kind, a missing field or an unknown one.
    """
    found = connector_class(kind)
    declared = {field.name: field for field in found.fields}
    unknown = sorted(set(config) - set(declared))
    missing = sorted(name for name, field in declared.items() if field.required and name not in config)
    if unknown or missing:
        problems = [f"unknown field {name}" for name in unknown] + [f"missing field {name}" for name in missing]
        raise ConnectorError(f"connector {kind}: {'; '.join(problems)}", permanent=True)
    defaults = {name: field.default for name, field in declared.items() if field.default is not None}
    return found(**{**defaults, **config})
