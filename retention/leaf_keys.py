"""The keys that seal the leaves of the evidence: one a month and organisation, so that a month can be destroyed (D7).

They lie in DATA_DIR/keys/leaves, outside the database. With a month's key goes what every dump still has of its leaves.
"""

from __future__ import annotations

from retention import key_files, remembered
from retention.domain.errors import EvidenceError
from retention.models import EvidenceLeaves

KEYS = "leaves"
"""The folder of the months' keys."""

LOST = "what the evidence says of single items of that month cannot be read; bring the key back from its backup"


def begin(slug: str, month: str) -> None:
    """Have the key of this month, and destroy again what a copy of the folder has brought back.

    Raises EvidenceError for a month whose leaves were destroyed, so that nothing goes of which nothing could be written
    down; and where leaves of this month are there and their key is lost: others sealed with a new one would not be
    readable beside them.
    """
    if month in destroyed(slug):
        raise EvidenceError(f"{slug}: what the evidence said of {month} was destroyed: no night of it can run any more")
    for one in sorted(destroyed(slug)):
        key_files.destroy(KEYS, slug, one)
    if month in key_files.months(KEYS, slug):
        return
    if EvidenceLeaves.objects.filter(organisation=slug, month=month, sealed__isnull=False).exists():
        key(slug, month)
    key_files.make(KEYS, slug, month)


def key(slug: str, month: str) -> bytes:
    """The key of a month (YYYY-MM). Raises EvidenceError where it cannot be used."""
    return key_files.read(KEYS, slug, month, LOST)


def destroyed(slug: str) -> frozenset[str]:
    """The months whose leaves nobody may read any more, whatever a backup has brought back."""
    return remembered.destroyed_months(slug)


def destroy(slug: str, months: list[str]) -> None:
    """Destroy these months' keys for good, once it is remembered that they were. Raises EvidenceError."""
    if not set(months) <= destroyed(slug):
        raise EvidenceError("keys are destroyed after it was written down, not before")
    for month in months:
        key_files.destroy(KEYS, slug, month)
