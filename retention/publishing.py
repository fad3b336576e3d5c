"""Publishing where holds stand: no version takes the register or dataset away that a hold names.

The hold would stand as before and protect nobody: nights look for it by the codes of the version in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from retention.domain.errors import DocumentError, Problem
from retention.holds import alone_without_holds, lacking
from retention.models import Hold
from ropa import services
from ropa.models import Organisation, Version
from ropa.selectors import content_of


@transaction.atomic
def publish(
    organisation: Organisation,
    in_force_from: date,
    now: datetime,
    publisher: str,
    user: Any = None,
    reason: str = "",
    opinion_reason: str = "",
    digest: str | None = None,
    impact: str = "",
) -> Version:
    """`ropa.services.publish`; raises DocumentError also where a hold that is not released by then loses its place."""
    alone_without_holds(organisation)
    version = services.publish(
        organisation, in_force_from, now, publisher, user, reason, opinion_reason, digest, impact
    )
    if problems := list(_out_of_place(version)):
        raise DocumentError(problems)
    return version


def _out_of_place(version: Version) -> Iterator[Problem]:
    """Each hold that names what the version does not have."""
    standing = Hold.objects.filter(
        Q(released=None) | Q(released__gt=version.in_force_from), organisation=version.organisation
    )
    words = {
        "register": gettext(
            "hold %(hold)s is on the register %(code)r, which this draft does not have: release the hold first"
        ),
        "dataset": gettext(
            "hold %(hold)s is on the dataset %(code)r, which this draft does not have there: release the hold first"
        ),
    }
    for hold in standing.exclude(register="", dataset="").order_by("pk"):
        for problem in lacking([content_of(version)], hold.register, hold.dataset):
            told = {"hold": hold.pk, "code": getattr(hold, problem.path)}
            yield Problem(f"{problem.path}s", words[problem.path] % told)
