"""Questions that are asked of the inventory."""

from __future__ import annotations

from datetime import date

from ropa.models import Organisation, Version


def version_in_force(organisation: Organisation, day: date) -> Version | None:
    """The published version that is in force on a day: of those that began by then, the latest published."""
    return organisation.versions.filter(in_force_from__lte=day).order_by("-number").first()
