"""What was destroyed and comes back: a source that was restored from its backup is noticed, and purged again (D9).

Of everything that goes, a fingerprint stays: keyed with a secret of the month, over the register's own key, what the
register calls the person, and the item's own dates that must exist and never change (when it was recorded, opened,
occurred). A returning customer has a new record with new dates and is not taken for a restored one. The keys lie in
DATA_DIR/keys/replay, outside the database; each is destroyed, and its fingerprints with it, once no backup of any
register can be older than its month.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from retention.connectors.contract import Candidate
from retention.domain.errors import EvidenceError
from retention.domain.events import CATALOGUE, Absent
from retention.domain.evidence import canonical
from retention.domain.periods import Period, last_day
from retention.lot_keys import LotKey
from retention.models import Gone
from retention.plan import Plan
from ropa.models import Organisation

LAG = Period.parse("P13M")
"""How long a backup is assumed to be kept, where no register's inventory entry says longer."""

WHY = "RESTORED"
"""Why a lot was made whose items the rules alone could not tell to be due: they had been destroyed before."""

BATCH = 1_000
KEY_BYTES = 32
STALE_SECONDS = 3600
"""A draft of a key older than this was left by a process that was killed."""


_REMEMBER = (
    "INSERT INTO retention_gone (organisation_id, dataset, month, action, rules_digest, print)"
    " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)


_REMEMBER_ALL = (
    "INSERT INTO retention_gone (organisation_id, dataset, month, action, rules_digest, print)"
    " SELECT %s, %s, %s, %s, %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"
)


class Went(NamedTuple):
    """By which action something was destroyed, and under which rules."""

    action: str
    rules_digest: str


def settled_dates(candidate: Candidate) -> str:
    """An item's own dates that never change, as the lot keeps them; "" if it has none."""
    kept = {
        name: day.isoformat()
        for name, day in candidate.events.items()
        if day is not None and name in CATALOGUE and CATALOGUE[name].absent is Absent.MISSING
    }
    return canonical(kept).decode("utf-8") if kept else ""


def begin(organisation: Organisation, plan: Plan, today: date) -> dict[str, int]:
    """Have a key for this month; destroy the keys, and the fingerprints, that no backup can ask for any more.

    Gives back the months whose key is lost, with the number of fingerprints that say nothing without it and went too.
    """
    directory = _directory(organisation)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = Gone.objects.filter(organisation=organisation)
    lost: dict[str, int] = {}
    for month in sorted(mine.values_list("month", flat=True).distinct()):
        if not (directory / f"{month}.key").exists():
            lost[month] = mine.filter(month=month).delete()[0]
    path = directory / f"{today:%Y-%m}.key"
    if not path.exists():
        _make_key(path)
    for old in sorted(directory.glob("????-??.key")):
        year, month_number = int(old.stem[:4]), int(old.stem[5:7])
        last = date(year + month_number // 12, month_number % 12 + 1, 1)
        if max(last_day(last, period) for period in (LAG, *plan.backup_periods())) < today:
            mine.filter(month=old.stem).delete()
            old.unlink()
    for draft in directory.glob("*.part"):
        if time.time() - draft.stat().st_mtime > STALE_SECONDS:
            draft.unlink(missing_ok=True)
    return lost


def _make_key(path: Path) -> None:
    """Whole or not at all, and once, whoever else begins the same month."""
    draft = path.with_suffix(f".{os.getpid()}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remember(organisation: Organisation, dataset: str, went: Went, today: date, entries: Iterable[LotKey]) -> None:
    """Keep a fingerprint of each item that has gone, in the caller's transaction."""
    month = f"{today:%Y-%m}"
    key = _key(organisation, month)
    fixed = (organisation.pk, dataset, month, went.action, went.rules_digest)
    prints = [_print(key, dataset, entry) for entry in entries]
    with connection.cursor() as cursor:  # as many rows as go: models would cost more than the deletion
        if connection.vendor == "postgresql":
            cursor.execute(_REMEMBER_ALL, (*fixed, prints))
        else:
            cursor.executemany(_REMEMBER, [(*fixed, one) for one in prints])


def returned(organisation: Organisation, dataset: str, entries: Sequence[LotKey]) -> dict[str, Went]:
    """Of these, what had been destroyed before, and how it went, by key."""
    found: dict[str, Went] = {}
    mine = Gone.objects.filter(organisation=organisation, dataset=dataset)
    for month in sorted(set(mine.values_list("month", flat=True))):
        key = _key(organisation, month)
        for start in range(0, len(entries), BATCH):
            prints = {_print(key, dataset, entry): entry.key for entry in entries[start : start + BATCH]}
            known = mine.filter(month=month, print__in=list(prints)).values_list("print", "action", "rules_digest")
            found.update((prints[one], Went(action, rules)) for one, action, rules in known)
    return found


def _directory(organisation: Organisation) -> Path:
    return Path(settings.DATA_DIR) / "keys" / "replay" / organisation.slug


def _key(organisation: Organisation, month: str) -> bytes:
    try:
        found = (_directory(organisation) / f"{month}.key").read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"keys/replay/{organisation.slug}/{month}.key cannot be read ({error.strerror}): "
            "what was destroyed that month would not be known again"
        ) from None
    if len(found) != KEY_BYTES:
        raise EvidenceError(f"keys/replay/{organisation.slug}/{month}.key does not have {KEY_BYTES} bytes")
    return found


def _print(key: bytes, dataset: str, entry: LotKey) -> str:
    who = entry.name if entry.name is not None else entry.subject
    return blake2b(canonical([dataset, entry.key, who, entry.dates]), key=key, digest_size=16).hexdigest()
