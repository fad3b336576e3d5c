"""What no connection may name: our own settings and keys. Whoever writes one could send them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

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


def _of_ours(path: Path) -> bool:
    found = path.resolve()
    keys = (Path(settings.DATA_DIR) / "keys").resolve()
    return any(found.is_relative_to(place) for place in (keys, *MACHINE)) or keys.is_relative_to(found)
