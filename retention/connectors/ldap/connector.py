"""The verbs of the connector to OpenLDAP and Active Directory."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retention.connectors.contract import (
    Candidate,
    ConfigField,
    ConnectorError,
    DatasetMapping,
    Disposal,
    Health,
    Identity,
    IdentityMapping,
    LedgerMapping,
    LedgerRow,
    Place,
    Ref,
    Residue,
)
from retention.connectors.ldap import active_directory, checks, openldap, survey, tombstones
from retention.connectors.ldap.accesslog import AccessLog
from retention.connectors.ldap.blocks import Blocks
from retention.connectors.ldap.mapped import Mapped, map_dataset
from retention.connectors.ldap.reading import Reading
from retention.connectors.ldap.schema import Directory, Schema, read_root
from retention.connectors.ldap.values import Days
from retention.connectors.ldap.wire import Address, Session
from retention.domain.predicates import TRUE, Expression
from retention.domain.rules import Action

_PORTS = {"ldap": 389, "ldaps": 636}


class LdapConnector:
    """One directory server. Not for several threads at once. Raises ConnectorError(permanent) for a wrong config."""

    kind: ClassVar[str] = "ldap"
    folds_names: ClassVar[bool] = True
    fields: ClassVar[tuple[ConfigField, ...]] = (
        ConfigField("url", "The server: ldaps://HOST, or ldap://HOST, which turns to TLS by StartTLS"),
        ConfigField("bind_dn", "The service account: a DN, or name@domain in Active Directory"),
        ConfigField("password", "The service account's password", secret=True),
        ConfigField("ca_file", "Certificates (PEM) to trust instead of the system's", required=False),
        ConfigField("server_name", "The name in the server's certificate, if it is not the url's", required=False),
        ConfigField("tls", "require, or off for ldap:// on this machine only", required=False, default="require"),
        ConfigField("directory", "auto, openldap or active-directory", required=False, default="auto"),
        ConfigField("accesslog", "OpenLDAP's access log, such as cn=accesslog, to be purged too", required=False),
        ConfigField("timeout", "Seconds to wait for an answer", required=False, default="30"),
        ConfigField("time_zone", "The zone that decides a moment's day", required=False, default="Europe/Helsinki"),
    )

    def __init__(
        self,
        url: str,
        bind_dn: str,
        password: str,
        *,
        ca_file: str = "",
        server_name: str = "",
        tls: str = "require",
        directory: str = "auto",
        accesslog: str = "",
        timeout: str = "30",
        time_zone: str = "Europe/Helsinki",
    ) -> None:
        if not bind_dn or not password:
            raise ConnectorError("bind_dn and password must not be empty", permanent=True)
        if directory not in {"auto", *Directory}:
            raise ConnectorError(f"directory must be auto, {' or '.join(Directory)}", permanent=True)
        self._address = _address(url, tls, ca_file, server_name, _seconds(timeout))
        self._user, self._password = bind_dn, password
        self._told = directory
        self._log = accesslog or None
        self._days = Days(_zone(time_zone))
        self._reading: Reading | None = None
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        return "<LdapConnector>"

    def __enter__(self) -> Self:
        session = Session(self._address, self._user, self._password)
        try:
            root = read_root(session, self._told)
            if self._log is not None and root.directory is Directory.ACTIVE_DIRECTORY:
                raise ConnectorError("accesslog is for OpenLDAP; leave it out for Active Directory", permanent=True)
            own = checks.own_key(session, root, self._user)
        except BaseException:
            session.close()
            raise
        self._reading = Reading(session, Schema(session, root), self._days, own)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reading, self._reading = self._reading, None
        self._names.clear()
        if reading is not None:
            reading.session.close()

    def check(self, mappings: Sequence[DatasetMapping] = ()) -> Health:
        """Hold each mapping against the directory; the clock and the missing rights as far as it tells them."""
        reading = self._open()
        return checks.check(reading.session, reading.schema, self._days, mappings, self._log, datetime.now(UTC))

    def describe(self) -> Iterator[Place]:
        """Kinds of entries by container; the access log is left out."""
        reading = self._open()
        yield from survey.describe(reading.session, reading.schema, self._log)

    def collect(self, mapping: LedgerMapping) -> Iterator[LedgerRow]:
        """Entries that have a subject, in the directory's order."""
        yield from self._open().collect(mapping)

    def collect_of(self, mapping: LedgerMapping, subjects: Sequence[str]) -> Iterator[LedgerRow]:
        """The same of these subjects."""
        yield from self._open().collect(mapping, subjects)

    def find(
        self,
        mapping: DatasetMapping,
        where: Expression = TRUE,
        subjects: Sequence[str] | None = None,
        contracts: Sequence[str] | None = None,
    ) -> Iterator[Candidate]:
        """Items in the order of their keys, once the directory has told all of them. Over-selects only doubts."""
        reading, mapped = self._mapped(mapping)
        yield from reading.find(mapped, where, subjects, contracts)

    def find_keys(self, mapping: DatasetMapping, keys: Sequence[str], where: Expression = TRUE) -> Iterator[Candidate]:
        """The same of these keys."""
        reading, mapped = self._mapped(mapping)
        yield from reading.find_keys(mapped, keys, where)

    def resolve(
        self, mapping: IdentityMapping, subjects: Sequence[str] | None = None, values: Sequence[str] | None = None
    ) -> Iterator[Identity]:
        """Names that entries have beside a number. Several values, such as addresses, are several names."""
        yield from self._open().resolve(mapping, subjects, values)

    def export(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterator[Mapping[str, Any]]:
        """Each item's attributes and its DN; passwords are left out. Personal data."""
        reading, mapped = self._mapped(mapping)
        yield from reading.export(mapped, refs)

    def dispose(
        self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action, still_due: Expression
    ) -> Iterable[Disposal]:
        """Entry by entry, each conditional; a right that is missing refuses its entry and no other."""
        reading, mapped = self._mapped(mapping)
        _demand_delete(mapping, action)
        if mapped.directory is Directory.ACTIVE_DIRECTORY:
            return active_directory.Purge(reading.session, reading, mapped, still_due).run(refs)
        return openldap.Purge(reading.session, reading, mapped, still_due, self._access_log(), self._names).run(refs)

    def verify(self, mapping: DatasetMapping, refs: Sequence[Ref], action: Action) -> Iterable[Residue]:
        """On a session of its own: entries, tombstones, the access log, groups."""
        _, mapped = self._mapped(mapping)
        _demand_delete(mapping, action)
        with self._again() as reading:
            if mapped.directory is Directory.ACTIVE_DIRECTORY:
                return list(tombstones.ReadBack(reading.session, reading, mapped).residues(refs))
            log = None if self._log is None else AccessLog(reading.session, self._log)
            return list(openldap.ReadBack(reading.session, reading, mapped, log, self._names).residues(refs))

    def unseen(self, mapping: DatasetMapping) -> str:
        """In OpenLDAP, what names an entry by its DN, which went with it: groups, and the access log."""
        _, mapped = self._mapped(mapping)
        if mapped.directory is Directory.ACTIVE_DIRECTORY or mapping.fields:
            return ""
        return " or ".join(f"its name in {place}" for place in (mapped.groups, self._log) if place)

    def flag(self, mapping: DatasetMapping, refs: Sequence[Ref], still_due: Expression) -> Iterable[Disposal]:
        """Disable accounts, or set the attribute of the option `flag`; refused without an option to do so."""
        reading, mapped = self._mapped(mapping)
        return Blocks(reading.session, reading, mapped).flag(refs, still_due)

    def unflag(self, mapping: DatasetMapping, refs: Sequence[Ref]) -> Iterable[Disposal]:
        """Lift our own blocks, which bear our mark."""
        reading, mapped = self._mapped(mapping)
        return Blocks(reading.session, reading, mapped).unflag(refs)

    def _open(self) -> Reading:
        if self._reading is None:
            raise ConnectorError("ldap: not entered", permanent=True)
        return self._reading

    def _mapped(self, mapping: DatasetMapping) -> tuple[Reading, Mapped]:
        reading = self._open()
        return reading, map_dataset(mapping, reading.schema, self._days)

    def _access_log(self) -> AccessLog | None:
        return None if self._log is None else AccessLog(self._open().session, self._log)

    @contextmanager
    def _again(self) -> Iterator[Reading]:
        """The same directory over another session, so that nothing is read back from what an old one remembers."""
        known = self._open()
        session = Session(self._address, self._user, self._password)
        try:
            yield Reading(session, Schema(session, known.schema.root), self._days, known.own)
        finally:
            session.close()


def _demand_delete(mapping: DatasetMapping, action: Action) -> None:
    if action is not Action.DELETE:
        raise ConnectorError(f"{mapping.place}: a directory cannot {action.value}", permanent=True)


def _address(url: str, tls: str, ca_file: str, server_name: str, timeout: float) -> Address:
    """The url is not repeated in an error: somebody may have written a password into it."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme not in _PORTS or not host or parts.username or parts.path.strip("/") or parts.query:
        raise ConnectorError("url must be ldaps://HOST[:PORT] or ldap://HOST[:PORT], and nothing more", permanent=True)
    if tls not in {"require", "off"}:
        raise ConnectorError("tls must be require or off", permanent=True)
    if tls == "off" and (parts.scheme == "ldaps" or not _is_loopback(host)):
        raise ConnectorError("tls can be off only for ldap:// on this machine", permanent=True)
    return Address(
        host,
        port or _PORTS[parts.scheme],
        ldaps=parts.scheme == "ldaps",
        starttls=parts.scheme == "ldap" and tls == "require",
        ca_file=ca_file or None,
        server_name=server_name or host,
        timeout=timeout,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConnectorError("time_zone is not a time zone such as Europe/Helsinki", permanent=True) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ConnectorError("timeout must be seconds, more than 0 and at most 3600", permanent=True)
    return seconds
