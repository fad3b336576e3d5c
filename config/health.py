"""`/healthz`: whether this installation can do its work, for a load balancer or monitoring. No names, no secrets."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from retention.domain.errors import EvidenceError
from retention.evidence_log import check_keys
from retention.models import Run
from retention.models.run import RunState

BROKER_SECONDS = 1.0
_migrated: set[str] = set()
"""Databases that were seen with all their tables: code does not change while a process lives, and asking is dear."""


def healthz(request: HttpRequest) -> JsonResponse:
    """200 if all is well, 503 if not; both say what is.

    `night_age_seconds` is how long ago the last finished night of that organisation ended whose is the oldest; null
    where there was none. It decides nothing here: how old is too old is for your monitoring to say.
    """
    database = _works(_database_answers)
    found: dict[str, object] = {
        "database": database,
        "migrations": database and _works(_all_migrated),
        "keys": _works(_keys_are_there),
        "broker": _works(_broker_answers) if settings.REDIS_URL else None,
    }
    well = not any(value is False for value in found.values())
    age = _night_age() if found["migrations"] else None
    body = {"status": "ok" if well else "unwell", **found, "night_age_seconds": age}
    return JsonResponse(body, status=200 if well else 503, headers={"Cache-Control": "no-store"})


def _works(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (DatabaseError, EvidenceError, OSError, redis.RedisError):
        return False
    return True


def _database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _all_migrated() -> None:
    name = str(connection.settings_dict["NAME"])
    if name in _migrated:
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise DatabaseError("there are migrations that were not applied")
    _migrated.add(name)


def _keys_are_there() -> None:
    # the disk is asked: a process keeps what it has read
    for name in ("evidence.pem", "digest.key", "lots.key", "factors.key"):
        (settings.DATA_DIR / "keys" / name).read_bytes()
    check_keys()


def _broker_answers() -> None:
    with redis.Redis.from_url(
        settings.REDIS_URL.replace("redis+socket", "unix"),
        socket_connect_timeout=BROKER_SECONDS,
        socket_timeout=BROKER_SECONDS,
    ) as broker:
        broker.ping()


def _night_age() -> int | None:
    ended = Run.objects.filter(state=RunState.FINISHED).values("organisation").annotate(last=Max("finished_at"))
    oldest = min((row["last"] for row in ended), default=None)
    return None if oldest is None else max(0, int((timezone.now() - oldest).total_seconds()))
