"""Locks that last as long as a transaction, by name; they guard what no single row stands for.

PostgreSQL: advisory locks, which queue fairly, so that a stream of those who come together never starves the
one who comes alone. SQLite: every transaction of ours is IMMEDIATE, so the database itself is the lock.
"""

from __future__ import annotations

import hashlib

from django.db import connection


def alone(name: str, lasts: bool = True) -> None:
    """Wait for everybody who holds this name, and hold it alone until the caller's transaction ends.

    `lasts` no: nobody waits until the disk has what the transaction writes, so after a crash it may not have been. For
    what is done again if it is lost; whatever is committed later is never on the disk before it.
    """
    _lock("pg_advisory_xact_lock", name, lasts)


def together(name: str, lasts: bool = True) -> None:
    """Wait for whoever holds this name alone, and hold it together with others until the transaction ends."""
    _lock("pg_advisory_xact_lock_shared", name, lasts)


def need_not_last() -> None:
    """As `lasts` no, in a transaction without a lock."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def _lock(function: str, name: str, lasts: bool) -> None:
    if connection.vendor == "postgresql":
        key = int.from_bytes(hashlib.sha256(f"seloste {name}".encode()).digest()[:8], "big", signed=True)
        weaker = "" if lasts else ", set_config('synchronous_commit', 'off', true)"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s){weaker}", [key])
