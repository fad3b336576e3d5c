"""What was destroyed and comes back: a source that was restored from its backup is noticed, and purged again (D9).

Of everything that goes, a fingerprint stays: keyed with a secret of the month, over the register's own key, what the
register calls the person, and the item's own dates that must exist and never change (when it was recorded, opened,
occurred). A returning customer has a new record with new dates and is not taken for a restored one. The keys lie in
DATA_DIR/keys/replay, outside the database; each is destroyed, and its fingerprints with it, once no backup of any
register can be older than its month.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from retention import key_files
from retention.connectors.contract import Candidate
from retention.connectors.sql.arrays import array_text
from retention.domain.events import CATALOGUE, Absent
from retention.domain.evidence import canonical
from retention.domain.periods import Period, last_day
from retention.lot_keys import LotKey
from retention.models import Gone, GoneUnder
from retention.plan import Plan
from ropa.models import Organisation

LAG = Period.parse("P13M")
"""How long a backup is assumed to be kept, where no register's inventory entry says longer."""

WHY = "RESTORED"
"""Why a lot was made whose items the rules alone could not tell to be due: they had been destroyed before."""

BATCH = 1_000
KEYS = "replay"
"""The folder of the months' keys."""


_REMEMBER = "INSERT INTO retention_gone (under_id, print) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_REMEMBER_ALL = (
    "INSERT INTO retention_gone (under_id, print) SELECT %s, decode(unnest(%s::text[]), 'hex') ON CONFLICT DO NOTHING"
)


class Went(NamedTuple):
    """By which action something was destroyed, under which rules, and by which campaigns' substitute start dates."""

    action: str
    rules_digest: str
    estimated: tuple[int, ...] = ()


def settled_dates(candidate: Candidate) -> str:
    """An item's own dates that never change, as the lot keeps them; "" if it has none."""
    return _settled(tuple(candidate.events.items()))


@lru_cache(maxsize=4096)
def _settled(events: tuple[tuple[str, date | None], ...]) -> str:
    """Many items have the same dates."""
    kept = {
        name: day.isoformat()
        for name, day in events
        if day is not None and name in CATALOGUE and CATALOGUE[name].absent is Absent.MISSING
    }
    return canonical(kept).decode("utf-8") if kept else ""


def begin(organisation: Organisation, plan: Plan, today: date) -> dict[str, int]:
    """Have a key for this month; destroy the keys, and the fingerprints, that no backup can ask for any more.

    Gives back the months whose key is lost, with the number of fingerprints that say nothing without it and went too.
    """
    slug = organisation.slug
    mine = GoneUnder.objects.filter(organisation=organisation)
    there = key_files.months(KEYS, slug)
    lost: dict[str, int] = {}
    for month in sorted(set(mine.values_list("month", flat=True))):
        if _over(month, plan, today):  # a key destroyed in time is not lost, though a restored database still asks
            _forget(mine.filter(month=month))
        elif month not in there:
            lost[month] = _forget(mine.filter(month=month))
    key_files.make(KEYS, slug, f"{today:%Y-%m}")
    for month in there:
        if _over(month, plan, today):
            key_files.destroy(KEYS, slug, month)
    return lost


def _forget(under: QuerySet[GoneUnder]) -> int:
    """Destroy the fingerprints of a month; how many."""
    with transaction.atomic():
        gone: int = Gone.objects.filter(under__in=list(under.values_list("pk", flat=True))).delete()[0]
        under.delete()
    return gone


def _over(month: str, plan: Plan, today: date) -> bool:
    """Whether no backup can be older than this month (YYYY-MM) any more."""
    year, number = int(month[:4]), int(month[5:7])
    last = date(year + number // 12, number % 12 + 1, 1)
    return max(last_day(last, period) for period in (LAG, *plan.backup_periods())) < today


def remember(organisation: Organisation, dataset: str, went: Went, today: date, entries: Iterable[LotKey]) -> None:
    """Keep a fingerprint of each item that has gone, in the caller's transaction."""
    month = f"{today:%Y-%m}"
    key = _key(organisation, month)
    under, _ = GoneUnder.objects.get_or_create(
        organisation=organisation,
        dataset=dataset,
        month=month,
        action=went.action,
        rules_digest=went.rules_digest,
        estimated=" ".join(map(str, went.estimated)),
    )
    prints = sorted(_print(key, dataset, entry) for entry in entries)  # in the index's order
    with connection.cursor() as cursor:  # as many rows as go: models would cost more than the deletion
        if connection.vendor == "postgresql":
            cursor.execute(_REMEMBER_ALL, (under.pk, array_text(prints)))
        else:
            cursor.executemany(_REMEMBER, [(under.pk, bytes.fromhex(one)) for one in prints])


def returned(organisation: Organisation, dataset: str, entries: Sequence[LotKey]) -> dict[str, Went]:
    """Of these, what had been destroyed before, and how it went, by key."""
    found: dict[str, Went] = {}
    months: dict[str, dict[int, Went]] = defaultdict(dict)
    for under in GoneUnder.objects.filter(organisation=organisation, dataset=dataset):
        went = Went(under.action, under.rules_digest, tuple(map(int, under.estimated.split())))
        months[under.month][under.pk] = went
    for month, how in months.items():
        key = _key(organisation, month)
        for start in range(0, len(entries), BATCH):
            prints = {bytes.fromhex(_print(key, dataset, entry)): entry.key for entry in entries[start : start + BATCH]}
            known = Gone.objects.filter(under__in=list(how), print__in=list(prints))
            found.update(
                (prints[bytes(one)], how[under])
                for one, under in known.values_list("print", "under_id").order_by("under")
            )
    return found


def _key(organisation: Organisation, month: str) -> bytes:
    return key_files.read(KEYS, organisation.slug, month, "what was destroyed that month would not be known again")


def _print(key: bytes, dataset: str, entry: LotKey) -> str:
    who = entry.name if entry.name is not None else entry.subject
    told = ",".join("null" if one is None else encode_basestring(one) for one in (dataset, entry.key, who, entry.dates))
    return blake2b(f"[{told}]".encode(), key=key, digest_size=16).hexdigest()  # canonical JSON, by hand: there are many
