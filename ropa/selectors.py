"""Reading the inventory: which version is in force."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext

from retention.domain.errors import SelosteError
from ropa.models import Organisation, Version


def version_in_force(organisation: Organisation, day: date) -> Version | None:
    """The version that nights of `day` execute: the last published of those in force by then; None before the first."""
    return organisation.versions.standing().filter(in_force_from__lte=day).order_by("-number").first()


class NoVersionError(SelosteError):
    """No published version is in force on the day; the text says from when the first one is, if there is one."""


def snapshot_on(organisation: Organisation, day: date) -> Version:
    """The version in force on a day, past or to come. Raises NoVersionError for a day before the first."""
    found = version_in_force(organisation, day)
    if found is not None:
        return found
    first = organisation.versions.standing().order_by("in_force_from", "number").first()
    if first is None:
        raise NoVersionError(
            gettext("%(slug)s: nothing has been published yet, so no version is in force on %(day)s")
            % {"slug": organisation.slug, "day": day.isoformat()}
        )
    raise NoVersionError(
        gettext("%(slug)s: no version was in force on %(day)s; version %(number)d is the first, from %(from)s on")
        % {
            "slug": organisation.slug,
            "day": day.isoformat(),
            "number": first.number,
            "from": first.in_force_from.isoformat(),
        }
    )
