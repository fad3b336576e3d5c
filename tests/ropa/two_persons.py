"""Publishing what shortens, as two controllers do it."""

from __future__ import annotations

from ropa.agreeing import approve_draft, keep_impact
from ropa.models import Impact, Version
from ropa.selectors import version_in_force
from ropa.services import draft_digest, publish

FIRST, SECOND = "controller:alice", "controller:ada"


def look(organisation, day, now, who=FIRST) -> Impact:
    """What was shown; of registers that nobody has, nothing was counted."""
    version = version_in_force(organisation, day)
    counted = {
        "draft": draft_digest(organisation),
        "version": version.number if version is not None else None,
        "from": day.isoformat(),
        "datasets": [],
    }
    return keep_impact(organisation, counted, now, who)


def publish_by_two(organisation, day, now, publisher=FIRST, **over) -> Version:
    shown = look(organisation, day, now, publisher)
    approve_draft(organisation, shown.draft, shown.digest, now, SECOND)
    return publish(organisation, day, now, publisher, impact=shown.digest, **over)
