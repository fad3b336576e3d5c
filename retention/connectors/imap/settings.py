"""A connection's config, checked before anything is sent. No secret is in a repr or an error."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retention.connectors.contract import ConfigField, ConnectorError

PORTS = {"imaps": 993, "starttls": 143, "none": 143}
FIELDS = (
    ConfigField("host", "The mail server's name, as its certificate has it"),
    ConfigField("port", "Its IMAP port; left out: 993, or 143 for starttls and none", required=False),
    ConfigField(
        "tls",
        "imaps, starttls, or none, which is only for a server on this machine",
        required=False,
        default="imaps",
    ),
    ConfigField("ca_file", "Certificates to trust, where the machine's own do not do", required=False),
    ConfigField(
        "master_user",
        "The master user that opens every account; left out: each account is opened by its own name",
        required=False,
    ),
    ConfigField(
        "master_separator", "What stands between account and master user in a login", required=False, default="*"
    ),
    ConfigField("password", "The master user's password, or the account's own", secret=True),
    ConfigField("doveadm_url", "Where Dovecot's HTTP interface answers, without /doveadm/v1", required=False),
    ConfigField("doveadm_key", "Its API key (doveadm_api_key)", required=False, secret=True),
    ConfigField("accounts_file", "A file with one account a line, where no doveadm tells them", required=False),
    ConfigField(
        "own_domains",
        "The company's own domains and addresses, with spaces between: never a correspondent",
        required=False,
        default="",
    ),
    ConfigField("time_zone", "Where a moment is turned into a day", required=False, default="Europe/Helsinki"),
    ConfigField("timeout", "Seconds to wait for the server to answer", required=False, default="60"),
)


@dataclass(frozen=True)
class Settings:
    """What the connection is made from."""

    host: str
    port: int
    tls: str
    password: str = field(repr=False)
    master_user: str
    master_separator: str
    context: ssl.SSLContext | None
    ca_file: str
    doveadm_url: str
    doveadm_key: str = field(repr=False)
    accounts_file: str
    own: frozenset[str]
    time_zone: ZoneInfo
    timeout: float

    def login(self, account: str) -> str:
        """The name to log in with. Raises ConnectorError(permanent) for an account that would mean another."""
        if not is_account(account) or (self.master_user and self.master_separator in account):
            raise ConnectorError("an account's name has characters that may not stand in a login", permanent=True)
        return f"{account}{self.master_separator}{self.master_user}" if self.master_user else account


def is_account(name: str) -> bool:
    """Whether a text can be one account's name: visible, without spaces, quotes and wildcards."""
    return bool(name) and name.isprintable() and not set(name) & set(' "\\*?%/')


def read_settings(config: Mapping[str, str]) -> Settings:
    """Raises ConnectorError(permanent) that names the field and never a value that could be a secret."""
    host, tls = config["host"].strip(), config["tls"]
    if not host or not host.isprintable():
        raise _wrong("host", "a server's name is needed")
    if tls not in PORTS:
        raise _wrong("tls", f"one of {', '.join(PORTS)} is needed")
    if tls == "none" and not _is_loopback(host):
        raise _wrong("tls", "none is only for a server on this machine: passwords and mail would go in the clear")
    url = config.get("doveadm_url", "").rstrip("/")
    if url:
        _check_url(url, "doveadm_key" in config)
    if not config["master_separator"]:
        raise _wrong("master_separator", "at least one character is needed")
    ca_file = config.get("ca_file", "")
    return Settings(
        host=host,
        port=int(_number("port", config.get("port") or str(PORTS[tls]), 65_535)),
        tls=tls,
        password=config["password"],
        master_user=config.get("master_user", ""),
        master_separator=config["master_separator"],
        context=None if tls == "none" else _context(ca_file),
        ca_file=ca_file,
        doveadm_url=url,
        doveadm_key=config.get("doveadm_key", ""),
        accounts_file=config.get("accounts_file", ""),
        own=frozenset(config["own_domains"].replace(",", " ").lower().split()),
        time_zone=_zone(config["time_zone"]),
        timeout=_number("timeout", config["timeout"], 3_600),
    )


def _check_url(url: str, has_key: bool) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise _wrong("doveadm_url", "this is no address") from None
    if parts.username is not None or parts.query or not host:
        raise _wrong("doveadm_url", "an address without user and query is needed; the key is doveadm_key")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise _wrong("doveadm_url", "https is needed, unless the server is on this machine")
    if not has_key:
        raise _wrong("doveadm_key", "doveadm_url needs it")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError):
        raise _wrong("ca_file", "no certificates could be read from it") from None


def _number(name: str, text: str, most: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise _wrong(name, f"a number above 0 and up to {most} is needed")
    return number


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong("time_zone", f"there is no time zone {name!r}") from None


def _wrong(name: str, why: str) -> ConnectorError:
    return ConnectorError(f"{name}: {why}", permanent=True)


def accounts_in(path: str) -> list[str]:
    """The accounts of a file, one a line; empty lines and those that begin with # are left out."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise _wrong("accounts_file", "it cannot be read") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
