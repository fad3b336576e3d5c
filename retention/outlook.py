"""What falls due in the 24 months ahead by the rules in force, if nothing but the calendar moves.

Counted as the effect of a draft is (`retention.rule_impact`), with nothing to compare with: every item is read from its
register and decided by `decide`. A contract that ends meanwhile is not foreseen: its items are not in the count.
"""

from __future__ import annotations

from datetime import datetime

from retention.models import Outlook
from retention.rule_impact import ahead_of
from ropa.models import Organisation
from ropa.selectors import snapshot_on


def count(organisation: Organisation, now: datetime) -> Outlook:
    """Count it anew and keep it in the place of the last. Raises NoVersionError where nothing is in force."""
    day = organisation.day_of(now)
    version = snapshot_on(organisation, day)
    until, effects = ahead_of(organisation, version, day)
    told = {
        "version": version,
        "counted_at": now,
        "first_day": day,
        "until": until,
        "datasets": [effect.as_data() for effect in effects],
    }
    kept, _made = Outlook.objects.update_or_create(organisation=organisation, defaults=told)
    return kept
