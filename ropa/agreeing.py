"""What a decision about a draft rests on beside the draft itself: what was shown of its effect, and who agreed.

A draft that shortens needs two persons who decide: one approves exactly this draft and what was shown of its effect,
another publishes it. Who the persons are is told by their accounts, and where a command has none by the names that it
gives: `controller:maija`. A role without a name is nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from retention.domain.errors import DocumentError, LifecycleError, Problem
from retention.domain.evidence import canonical, sha256_hex
from ropa.draft import document_of
from ropa.models import DraftApproval, Impact, Organisation, Version
from ropa.persons import Person
from ropa.persons import person as person
from ropa.selectors import version_in_force
from ropa.shortening import Shortened, draft_shortens
from ropa.shortening_words import in_words

CHANGED = "the draft has changed since it was looked at; look at it again and give its digest"


def lock(organisation: Organisation) -> Organisation:
    """The organisation as it stands now, in the caller's transaction: until it ends, nobody else edits or publishes."""
    return Organisation.objects.select_for_update().get(pk=organisation.pk)


def draft_digest(organisation: Organisation) -> str:
    """The digest of the draft as it stands."""
    return sha256_hex(canonical(document_of(organisation)))


@transaction.atomic
def keep_impact(
    organisation: Organisation, counted: Mapping[str, Any], now: datetime, shown_to: str, user: Any = None
) -> Impact:
    """Record what is shown to somebody of a draft's effect (`retention.rule_impact`), so that publishing can name it.

    `now` is an aware instant; `shown_to` a role and name as text. Raises LifecycleError where the draft has changed
    while it was counted.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware instant")
    organisation = lock(organisation)
    if counted["draft"] != draft_digest(organisation):
        raise LifecycleError(CHANGED)
    number = counted["version"]
    body = canonical(counted)
    return Impact.objects.create(
        organisation=organisation,
        draft=counted["draft"],
        version=None if number is None else organisation.versions.get(number=number),
        shown_at=now,
        shown_by=user,
        shown_to=shown_to,
        body=body.decode("utf-8"),
        digest=sha256_hex(body),
    )


def impact_named(organisation: Organisation, digest: str, draft: str, days: Iterable[date]) -> Impact:
    """What was shown under this digest. Raises DocumentError where it is another draft's, or was counted against a
    version that is in force on none of these days."""
    found = organisation.impacts.filter(digest=digest).last()
    if found is None:
        problem = gettext("nothing with this digest was shown")
    elif found.draft != draft:
        problem = gettext("what was shown is the effect of another draft; look at it again")
    elif found.version not in [version_in_force(organisation, day) for day in days]:
        problem = gettext("what was shown was counted against another version; look at it again")
    else:
        return found
    raise DocumentError([Problem("impact", problem)])


def shortens(organisation: Organisation, document: Mapping[str, Any], today: date) -> list[Shortened]:
    """What a draft shortens against the version in force today and those that are published after it."""
    standing = organisation.versions.standing().order_by("number")
    now = version_in_force(organisation, today)
    following = standing.filter(number__gte=now.number) if now is not None else standing
    return draft_shortens([json.loads(version.snapshot) for version in following], document)


@transaction.atomic
def approve_draft(
    organisation: Organisation, digest: str, impact: str, now: datetime, approver: str, user: Any = None
) -> DraftApproval:
    """Record one person's approval of the draft with this digest and of what was shown of its effect.

    `approver` is a role and name as text. Raises LifecycleError where the draft has changed since it was looked at,
    DocumentError where what was shown is not this draft's, and where the text names nobody.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware instant")
    if not person(approver):
        raise DocumentError([Problem("by", gettext("names nobody: say role and name, controller:maija"))])
    organisation = lock(organisation)
    if digest != draft_digest(organisation):
        raise LifecycleError(CHANGED)
    found = organisation.impacts.filter(digest=impact).last()
    days = [organisation.day_of(now)]
    if found is not None:
        days.append(date.fromisoformat(json.loads(found.body)["from"]))
    return DraftApproval.objects.create(
        organisation=organisation,
        digest=digest,
        follows=last_standing(organisation),
        impact=impact_named(organisation, impact, digest, days),
        approved_by=user,
        approver=approver,
        approved_at=now,
    )


def last_standing(organisation: Organisation) -> Version | None:
    """The last version that was published and not withdrawn."""
    return organisation.versions.standing().order_by("-number").first()


def approvals_of(organisation: Organisation, digest: str) -> list[DraftApproval]:
    """Approvals of exactly this draft since the last version: one before it belonged to that decision."""
    mine = organisation.draft_approvals.filter(digest=digest, follows=last_standing(organisation))
    return list(mine.select_related("impact"))


def second_person(
    organisation: Organisation,
    digest: str,
    impact: str,
    shortened: Iterable[Shortened],
    publisher: str,
    user: Any = None,
) -> DraftApproval:
    """The approval, by another person than the publisher, without which a draft that shortens is not published.

    Raises DocumentError that names all that is shortened, and what is missing.
    """
    problems = [Problem(one.path, in_words(one)) for one in shortened]
    given = approvals_of(organisation, digest)
    if not person(publisher):
        missing = gettext("the draft shortens: name who publishes it, controller:maija")
    elif not (others := [one for one in given if is_another(one, publisher, user)]):
        missing = gettext("the draft shortens: another person than its publisher must approve exactly this draft")
    else:
        for one in reversed(others):
            if one.impact.digest == impact:
                return one
        missing = gettext("the draft shortens: publishing names what was shown of its effect and approved")
    raise DocumentError([*problems, Problem("approval", missing)])


def is_another(approval: DraftApproval, who: str, user: Any = None) -> bool:
    """Whether an approval is another person's: under another name, and where both have one, another account."""
    approver = Person(approval.approver, approval.approved_by_id)
    return approver.name != "" and not approver.is_same(Person(who, None if user is None else user.pk))
