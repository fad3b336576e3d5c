"""How a register is reached: its connection with every secret looked up, just before it is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from retention.connection_changes import change_of
from retention.connectors.contract import Connector, ConnectorError
from retention.connectors.registry import connect
from retention.domain.limits import Limits, parse_limits
from retention.models import Connection
from retention.own_secrets import own_database, own_secret
from ropa.models import Organisation

DATA = "{data}"
"""Stands for the data directory in any value, so that an inventory with systems of its own can be moved."""

UNCONFIRMED = "it was changed, and no controller has confirmed that yet"


class Reachable(Protocol):
    """A register with the key of its connection (`retention.plan.RegisterPlan`)."""

    @property
    def code(self) -> str: ...

    @property
    def connection(self) -> str: ...


def reachable(organisation: Organisation, register: Reachable) -> bool:
    """Whether there is a connection to the register at all; whether anything answers there is another question."""
    return Connection.objects.filter(organisation=organisation, code=register.connection).exists()


def connector_of(organisation: Organisation, register: Reachable) -> Connector:
    """The register's connector, not yet connected.

    A config value is text, {"secret": "env:NAME"} (an environment variable) or {"secret": "file:PATH"} (a
    file's content without its last line break). In each, and in what a secret says, `{data}` stands for
    the data directory. Raises ConnectorError(permanent) if there is no connection, a change of it waits for
    a controller (`retention.connection_changes`), a secret is not there, or the connector refuses its config; it
    names the reference, never what it stands for.
    """
    return connector_by(connection_of(organisation, register))


def connection_of(organisation: Organisation, register: Reachable) -> Connection:
    """How the register is reached. Raises ConnectorError(permanent) if there is no connection."""
    if not register.connection:
        raise ConnectorError(f"register {register.code}: no connection is named", permanent=True)
    found = Connection.objects.filter(organisation=organisation, code=register.connection).first()
    if found is None:
        raise ConnectorError(
            f"register {register.code}: there is no connection {register.connection!r}", permanent=True
        )
    found.organisation = organisation
    return found


def connector_by(found: Connection) -> Connector:
    """`connector_of`, by a connection that was just read."""
    if change_of(found) is not None:
        raise ConnectorError(f"connection {found.code}: {UNCONFIRMED}", permanent=True)
    return connect(found.kind, resolve(found.config, f"connection {found.code}"))


def limits_of(organisation: Organisation, register: Reachable) -> Limits:
    """What the register bears; of one without a connection nothing is said. Raises RuleError."""
    found = Connection.objects.filter(organisation=organisation, code=register.connection).first()
    return Limits() if found is None else parse_limits(found.limits)


def resolve(config: Mapping[str, Any], path: str) -> dict[str, str]:
    """The config as plain text. Raises ConnectorError(permanent) naming the field and the reference."""
    return {name: _value(value, f"{path}, {name}") for name, value in config.items()}


def _value(value: Any, path: str) -> str:
    if own_secret(value):
        raise ConnectorError(f"{path}: is this installation's own, and no connection's", permanent=True)
    match value:
        case str():
            found = value
        case bool():
            found = "true" if value else "false"
        case int():
            found = str(value)
        case {"secret": str(reference)} if len(value) == 1:
            found = _secret(reference, path)
        case _:
            raise ConnectorError(f"{path}: is neither text nor a secret's reference", permanent=True)
    found = found.replace(DATA, str(settings.DATA_DIR))
    if own_database(found):
        raise ConnectorError(f"{path}: is this installation's own database, and no register's", permanent=True)
    return found


def _secret(reference: str, path: str) -> str:
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name:
        found = os.environ.get(name, "")
        if not found:
            raise ConnectorError(f"{path}: {reference} is not set", permanent=True)
        return found
    if scheme == "file" and name:
        try:
            found = Path(name.replace(DATA, str(settings.DATA_DIR))).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConnectorError(f"{path}: {reference} cannot be read ({why})", permanent=True) from None
        found = found.removesuffix("\n").removesuffix("\r")
        if not found:
            raise ConnectorError(f"{path}: {reference} is empty", permanent=True)
        return found
    # what stands there may be the secret itself, written where its reference belongs
    raise ConnectorError(f"{path}: its secret is neither env:NAME nor file:PATH", permanent=True)
