"""Reading the inventory: which version is in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from retention.domain.errors import SelosteError
from ropa.models import Organisation, Version


def version_in_force(organisation: Organisation, day: date) -> Version | None:
    """The version that nights of `day` execute: the last published of those in force by then; None before the first."""
    return organisation.versions.standing().filter(in_force_from__lte=day).order_by("-number").first()


def light(found: QuerySet[Version]) -> QuerySet[Version]:
    """Versions by number, without what may be of many megabytes: for who asks `content_of`.

    SQLite reads through whatever stands before a column in its row: what is short comes first in the table.
    """
    return found.order_by("number").defer("impact", "shortened", "hands", "snapshot")


def light_in_force(organisation: Organisation, day: date) -> Version | None:
    """`version_in_force` without its snapshot."""
    return light(organisation.versions.standing()).filter(in_force_from__lte=day).last()


def content_of(version: Version) -> Mapping[str, Any]:
    """The version's document, parsed once in a process: it never changes, and nobody changes what is given here."""
    return _content(version.pk, version.digest)


@lru_cache(maxsize=16)
def _content(pk: int, digest: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(Version.objects.values_list("snapshot", flat=True).get(pk=pk))
    return found


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
