"""What no connection may name: our own settings, keys, records and database.

Whoever writes a connection could send keys elsewhere with it, or have a night delete the evidence of the nights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DATA = "{data}"
SETTINGS = frozenset(
    {
        "SELOSTE_SECRET_KEY",
        "SELOSTE_DATABASE_URL",
        "SELOSTE_REDIS_URL",
        "SELOSTE_MAIL_URL",
        "SELOSTE_ALARM_WEBHOOK_URL",
        "SELOSTE_ALARM_WEBHOOK_SECRET",
        "SELOSTE_STAMP_CREDENTIALS",
    }
)
FOLDERS = ("keys", "journal", "heads", "remembered", "locks", "brought")
"""Of the data directory: what proves what was done, and what is done with it."""
HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})
MACHINE = (Path("/proc"), Path("/sys"), Path("/dev"))


def own_secret(value: Any) -> bool:
    """Whether a field of a connection, text or a secret's reference, names something of the installation's own."""
    reference = value.get("secret") if isinstance(value, dict) else value
    if not isinstance(reference, str):
        return False
    scheme, _colon, name = reference.partition(":")
    if isinstance(value, dict) and scheme == "env":
        return name.removesuffix("_FILE") in SETTINGS
    path = (name if isinstance(value, dict) else reference).replace(DATA, str(settings.DATA_DIR))
    return path.startswith("/") and _of_ours(Path(path))


def own_database(address: str) -> bool:
    """Whether a database's address is that of our own tables, however it is written."""
    return same_database(address, connection.vendor, connection.settings_dict)


def same_database(address: str, vendor: str, own: Mapping[str, Any]) -> bool:
    """Whether an address is that of a database of ours: Django's vendor, and its NAME, HOST and PORT."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        return False  # no address at all: the connector says so
    if url.get_backend_name() != vendor:
        return False
    if vendor == "sqlite":
        path = str(url.database or "").removeprefix("file:").partition("?")[0]
        return bool(path) and Path(path).resolve() == Path(str(own["NAME"])).resolve()
    query = {name: value if isinstance(value, str) else value[0] for name, value in url.query.items()}
    database = query.get("dbname") or url.database or url.username
    host, port = query.get("host") or url.host or "", query.get("port") or url.port or 5432
    same_host = host == (own["HOST"] or "") or {_plain(host), _plain(str(own["HOST"] or ""))} <= HERE
    return same_host and str(port) == str(own["PORT"] or 5432) and database == own["NAME"]


def _plain(host: str) -> str:
    """A socket's folder is this machine, too."""
    return "" if host.startswith("/") else host


def _of_ours(path: Path) -> bool:
    found = path.resolve()
    places = [(Path(settings.DATA_DIR) / name).resolve() for name in FOLDERS]
    return any(found.is_relative_to(place) for place in (*places, *MACHINE)) or any(
        place.is_relative_to(found) for place in places
    )
