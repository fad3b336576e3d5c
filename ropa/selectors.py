"""Reading the inventory: which version is in force."""

from __future__ import annotations

from datetime import date

from ropa.models import Organisation, Version


def version_in_force(organisation: Organisation, day: date) -> Version | None:
    """The version that nights of `day` execute: the last published of those in force by then; None before the first."""
    return organisation.versions.filter(in_force_from__lte=day).order_by("-number").first()
