"""A new signing key, and a stolen one revoked: while nobody signs, and told in each organisation's chain.

The first head after it is signed with the new key. From there on no head of a key that was retired follows.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from retention import database_locks, signing_keys
from retention.evidence_log import SIGNING, EvidenceLog, sign_head
from retention.evidence_restore import adopted_nights
from retention.models import EvidenceHead
from ropa.models import Organisation

KIND = "signing_key"
"""The entry, and the start of its chain's name, that tells a link of the chain of keys."""


def rotate(now: datetime, by: str, reason: str, stolen_since: datetime | None = None) -> tuple[str, str]:
    """Replace the signing key and tell it to each organisation that has evidence; the ids: old, new.

    `stolen_since`: the old one is revoked from this instant on. Raises EvidenceError as `signing_keys.rotate`.
    """
    with transaction.atomic():
        database_locks.alone(SIGNING)
        ids = signing_keys.rotate(now, by, reason, stolen_since)
    _tell(now)
    return ids


def revoke(key: str, since: datetime, now: datetime, by: str, reason: str) -> None:
    """Revoke a key that was retired before, and tell it. Raises EvidenceError as `signing_keys.revoke`."""
    with transaction.atomic():
        database_locks.alone(SIGNING)
        signing_keys.revoke(key, since, now, by, reason)
    _tell(now)


def _tell(now: datetime) -> None:
    """Add each link that an organisation's evidence does not have yet, one organisation at a time.

    In transactions of their own: whoever signs a head holds the organisation's heads first, then the key.
    """
    links = signing_keys.keyring().links
    signed = EvidenceHead.objects.order_by("organisation").values_list("organisation", flat=True).distinct()
    for slug in list(signed):
        organisation = Organisation.objects.filter(slug=slug).first()
        zone = ZoneInfo(organisation.time_zone) if organisation is not None else now.tzinfo
        today, lost = now.astimezone(zone).date(), adopted_nights(slug)
        for link in links:
            log = EvidenceLog(slug, f"{KIND}-{link['body']['number']:04}")
            with transaction.atomic():
                database_locks.alone(f"heads {slug}")
                if log.chain in lost or log.has(KIND):
                    continue
                log.append(KIND, link)
                sign_head(slug, today, log.chain, {"signing_keys": 1}, signed_at=now)
