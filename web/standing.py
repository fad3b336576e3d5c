"""Whether what the draft says is in force, comes into force on a day that lies ahead, or stands in the draft alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from ropa.models import Version
from ropa.selectors import light
from web.access import Place
from web.record import record_of, version_of
from web.words import day

Document = Mapping[str, Any]


def ahead(place: Place) -> list[Version]:
    """Versions that are published and whose days have not come, without their text, the first day first.

    One that a later version overtakes before its day never comes into force.
    """
    coming = list(light(place.organisation.versions.standing()).filter(in_force_from__gt=place.today))
    return [
        one for n, one in enumerate(coming) if all(one.in_force_from < later.in_force_from for later in coming[n + 1 :])
    ]


def says(place: Place, same: Callable[[Document], bool]) -> Version | None:
    """The version that says the same as the draft: the one in force, else the first that comes into force."""
    in_force = version_of(place)
    if in_force is not None and same(record_of(in_force).document):
        return in_force
    later = (one for one in ahead(place) if in_force is None or one.number > in_force.number)
    return next((one for one in later if same(record_of(one).document)), None)


def nothing_in_force(place: Place) -> str:
    """Why no version is in force: none is published, or its day lies ahead."""
    coming = ahead(place)
    if not coming:
        return _("Nothing is published yet.")
    told = {"n": coming[0].number, "day": day(coming[0].in_force_from)}
    return _("Version %(n)d is published and comes into force on %(day)s.") % told
