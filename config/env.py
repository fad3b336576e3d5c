"""Typed settings from the environment. A wrong one fails at start, loudly, with a hint."""

from __future__ import annotations

import os
from datetime import datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cryptography import x509
from django.core.exceptions import ImproperlyConfigured

_MAIL_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None or value == "":
        raise ImproperlyConfigured(f"{name} is not set; see .env.example for what it means")
    return value


def secret(name: str) -> str:
    """The value, or the content of the file that NAME_FILE names, without its last line break; "" of neither."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, "")
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one")
    try:
        found = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ImproperlyConfigured(f"{name}_FILE cannot be read ({why}); it names a file with the value") from None
    if not found:
        raise ImproperlyConfigured(f"{name}_FILE is empty; it names a file with the value")
    return found


def clock(name: str, default: str) -> time:
    value = os.environ.get(name, default)
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - a time of day, in each organisation's zone
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; say a time of day as 02:00") from None


def broker(name: str) -> str:
    """`redis://…`, `rediss://…` (TLS) or `redis+socket://PATH`; "" when unset."""
    url = secret(name)
    scheme = _parts(name, url).scheme
    if url and scheme not in {"redis", "rediss", "redis+socket"}:
        raise ImproperlyConfigured(f"{name} begins with {scheme!r}; say redis://HOST:PORT/NUMBER")
    return url


def mail(name: str) -> dict[str, Any]:
    """`smtp://`, `smtp+starttls://` or `smtps://USER:PASSWORD@HOST:PORT` as Django's settings; unset: no host."""
    url = secret(name)
    parts = _parts(name, url)
    if url and (parts.scheme not in _MAIL_PORTS or not parts.hostname):
        raise ImproperlyConfigured(
            f"{name} begins with {parts.scheme!r}; say smtp://HOST:PORT, smtp+starttls://… or smtps://…"
        )
    return {
        "EMAIL_HOST": parts.hostname or "",
        "EMAIL_PORT": parts.port or _MAIL_PORTS.get(parts.scheme, 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def address(name: str) -> str:
    """Where this installation is reached, `https://HOST`, without a slash at its end; "" when unset."""
    url = os.environ.get(name, "").rstrip("/")
    parts = _parts(name, url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
        raise ImproperlyConfigured(
            f"{name} is {url!r}; say where browsers reach it, such as https://seloste.example.fi"
        )
    return url


def addresses(name: str) -> list[list[str]]:
    """E-mail addresses with commas between, in levels with semicolons between; the error does not repeat them."""
    found = [names_in(level) for level in os.environ.get(name, "").split(";")]
    if any(address.count("@") != 1 or " " in address for level in found for address in level):
        raise ImproperlyConfigured(f"{name} holds what is no e-mail address; say A@HOST,B@HOST;C@HOST")
    return found if any(found) else []


def webhook(name: str) -> str:
    """`https://…`, or `http://` on this machine's loopback; "" when unset. A secret: its path may let anybody in."""
    url = secret(name)
    parts = _parts(name, url)
    if url and (not parts.hostname or parts.scheme not in {"http", "https"} or in_clear(url)):
        raise ImproperlyConfigured(f"{name} begins with {parts.scheme!r}; say https://HOST/PATH")
    return url


def stamp_authority(name: str) -> str:
    """`https://…` or `http://…` of a time-stamp authority, without user and password; "" when unset."""
    url = os.environ.get(name, "")
    parts = _parts(name, url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ImproperlyConfigured(f"{name} begins with {parts.scheme!r}; say https://HOST/PATH")
    if parts.username or parts.password:
        raise ImproperlyConfigured(f"{name} holds a user or password; say them as SELOSTE_STAMP_CREDENTIALS_FILE")
    return url


def certificates(name: str) -> tuple[x509.Certificate, ...]:
    """The certificates in the PEM file of that path; none when unset."""
    path = os.environ.get(name, "")
    if not path:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(Path(path).read_bytes()))
    except OSError as error:
        raise ImproperlyConfigured(f"{name} cannot be read ({error.strerror}); it names a PEM file") from None
    except ValueError:
        raise ImproperlyConfigured(f"{name} holds no certificate that can be read; it names a PEM file") from None


def oid(name: str) -> str:
    """An object identifier such as 1.3.6.1.4.1.9999.1; "" when unset."""
    value = os.environ.get(name, "")
    try:
        return x509.ObjectIdentifier(value).dotted_string if value else ""
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; say an OID such as 1.3.6.1.4.1.9999.1") from None


def in_clear(url: str) -> bool:
    """Whether somebody on the way could read and change what goes to this URL and comes from it."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; say true or false")


def number(name: str, default: int, least: int = 0) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; say a whole number of at least {least}")
    return int(value)


def names(name: str, default: str = "") -> list[str]:
    return names_in(os.environ.get(name, default))


def names_in(written: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in written.split(",") if part.strip()]


def _parts(name: str, url: str) -> SplitResult:
    """Taken apart wholly at once: what is wrong with it may be a part of its password, which no error may tell."""
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.username, parts.password
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no URL; write special characters of user and password as %XX") from None
    return parts


def database(name: str, default: Path, statement_seconds: int = 0, connection_seconds: int = 0) -> dict[str, Any]:
    """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`; SQLite at `default` when unset.

    Of PostgreSQL: after how many seconds it ends a statement, or a transaction in which nothing happens (0: never), and
    how long a connection is kept for the next request.
    """
    url = secret(name) or f"sqlite:///{default}"
    parts = _parts(name, url)
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path[1:]:
            raise ImproperlyConfigured(f"{name} names no file; say sqlite:///PATH, with three slashes or four")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]) or ":memory:",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": connection_seconds,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": _options(dict(parse_qsl(parts.query)), statement_seconds),
        }
    raise ImproperlyConfigured(f"{name} begins with {parts.scheme!r}; say sqlite:///… or postgresql://…")


def _options(driver: dict[str, str], statement_seconds: int) -> dict[str, Any]:
    ends = ("statement_timeout", "idle_in_transaction_session_timeout")
    ours = [f"-c {end}={statement_seconds}s" for end in ends if statement_seconds]
    said = [driver["options"]] if "options" in driver else []  # of two the last counts
    return {**driver, "options": " ".join([*ours, *said])} if ours or said else dict(driver)
