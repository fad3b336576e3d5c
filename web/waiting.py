"""What waits for a person: lots for an approval, holds for a look, owners' answers, a draft for its publication."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from entrance.models import ActState, PersonAct
from entrance.people import changed_elsewhere, may_confirm
from retention.connection_changes import changes
from retention.domain.lifecycle import LotState
from retention.models import Alarm, Hold, Lot
from retention.models.alarm import AlarmState
from ropa.models import Organisation
from ropa.reviews import standing
from ropa.rights import Verb
from ropa.selectors import light
from web.access import Place
from web.drafting import differs
from web.record import Record, record_of, version_of
from web.words import hold_in_words, number

SOON = timedelta(days=14)
"""A hold whose day of review is so near is among what waits."""

LATELY = timedelta(days=7)
"""So long a role that somebody got by another way than the pages is told to the controllers."""


@dataclass(frozen=True)
class Waits:
    """One thing that waits; `yours`: a role that the reader has is what is waited for."""

    what: str
    detail: str
    who: str
    yours: bool
    by: date | None
    address: str
    action: str


def standing_holds(place: Place) -> QuerySet[Hold]:
    """Holds that hold today."""
    stands = Q(released=None) | Q(released__gt=place.today)
    return Hold.objects.filter(stands, organisation=place.organisation)


def standing_alarms(place: Place) -> QuerySet[Alarm]:
    """Alarms that are not over, quietened ones too."""
    return Alarm.objects.filter(organisation=place.organisation).exclude(state=AlarmState.RESOLVED)


def waiting_lots(organisation: Organisation) -> QuerySet[Lot]:
    """Lots that go no further without a person."""
    return Lot.objects.filter(organisation=organisation, state=LotState.FLAGGED, approvals_needed__gt=0)


@dataclass(frozen=True)
class Lots:
    """How many lots, and of how many records."""

    lots: int = 0
    records: int = 0

    def and_(self, lots: int, records: int) -> Lots:
        return Lots(self.lots + lots, self.records + records)


def only_flags(dataset: str, record: Record | None) -> bool:
    """Whether the version in force marks what is due of a dataset, or of the one whose step it is, and no more (V3)."""
    return record is not None and record.mode_of(dataset) == "flag"


def summed(waits: QuerySet[Lot], record: Record | None) -> tuple[Lots, Lots]:
    """Of these lots those that go once they are approved, and those that are only flagged and stay also then."""
    going = flagged = Lots()
    for dataset, lots, items in waits.order_by().values_list("dataset").annotate(Count("id"), Sum("size")):
        if only_flags(dataset, record):
            flagged = flagged.and_(lots, items)
        else:
            going = going.and_(lots, items)
    return going, flagged


def waiting(place: Place) -> list[Waits]:
    """All that waits in the organisation, the most urgent first; what has no day comes last."""
    found = [*_lots(place), *_holds(place), *_draft(place), *_reviews(place), *_people(place), *_connections(place)]
    return sorted(found, key=lambda one: (one.by is None, one.by or date.max))


def _lots(place: Place) -> Iterator[Waits]:
    in_force = version_of(place)
    going, flagged = summed(waiting_lots(place.organisation), record_of(in_force) if in_force is not None else None)
    for what, part in ((_("Lots to be deleted"), going), (_("Lots that are only flagged"), flagged)):
        if not part.lots:
            continue
        lots = ngettext("%(n)s lot", "%(n)s lots", part.lots) % {"n": number(part.lots)}
        items = ngettext("%(n)s record", "%(n)s records", part.records) % {"n": number(part.records)}
        yield Waits(
            what,
            f"{lots}, {items}.",
            _("Controller"),
            "controller" in place.roles,
            None,
            reverse("web:lots", args=[place.organisation.slug]),
            _("Look at the lots"),
        )


def _holds(place: Place) -> Iterator[Waits]:
    near = Hold.objects.filter(
        organisation=place.organisation, released=None, review_by__lte=place.today + SOON
    ).annotate(persons=Count("subjects"))
    for hold in near.order_by("review_by", "id"):
        yield Waits(
            hold_in_words(hold),
            _("Its day of review is near: does it go on, or is it released?"),
            hold.owner,
            bool({"controller", "owner"} & place.roles),
            hold.review_by,
            reverse("web:holds", args=[place.organisation.slug]) + f"#hold-{hold.pk}",
            _("Look at the hold"),
        )


def _draft(place: Place) -> Iterator[Waits]:
    last = light(place.organisation.versions.standing()).last()
    if last is None or differs(place.organisation, last):
        detail = (
            _("Nothing is published yet: no night runs.")
            if last is None
            else _("The draft differs from version %(n)d.") % {"n": last.number}
        )
        yield Waits(
            _("The draft of the record"),
            detail,
            _("Controller"),
            "controller" in place.roles,
            None,
            reverse("web:draft", args=[place.organisation.slug]),
            _("Look at the draft"),
        )


def _reviews(place: Place) -> Iterator[Waits]:
    due = [one for one in standing(place.organisation, timezone.now()) if one.answer is None]
    if due:
        text = ngettext("%(n)d entry is due for its review.", "%(n)d entries are due for their review.", len(due))
        yield Waits(
            _("Yearly review"),
            text % {"n": len(due)},
            _("Register owner"),
            "owner" in place.roles,
            min(one.due.due_on for one in due),
            "",
            "",
        )


def _people(place: Place) -> Iterator[Waits]:
    """Roles to be confirmed; and roles that were lately given by another way than the pages, so that she sees it."""
    where = reverse("web:roles", args=[place.organisation.slug])
    asked = list(PersonAct.objects.filter(organisation=place.organisation, state=ActState.WAITING))
    if asked:
        text = ngettext("%(n)d thing is to be confirmed.", "%(n)d things are to be confirmed.", len(asked))
        yours = place.may(Verb.ENTRUST) and any(may_confirm(one, place.user) for one in asked)
        told = text % {"n": len(asked)}
        yield Waits(_("People and roles"), told, _("Controller"), yours, None, where, _("Look at them"))
    lately = changed_elsewhere(place.organisation).filter(history_date__gt=timezone.now() - LATELY)
    if place.may(Verb.ENTRUST) and (count := lately.count()):
        text = ngettext(
            "%(n)d role was given or taken by another way than the pages, within a week.",
            "%(n)d roles were given or taken by another way than the pages, within a week.",
            count,
        )
        told = text % {"n": count}
        yield Waits(_("People and roles"), told, _("Controller"), True, None, where, _("Look at them"))


def _connections(place: Place) -> Iterator[Waits]:
    """Connections that somebody changed and by which nothing is deleted before a controller has confirmed it."""
    for one in changes(place.organisation):
        code = one.connection.code
        yield Waits(
            _("The changed connection %(code)s") % {"code": code},
            _("Nothing is read or deleted by it before it is confirmed."),
            _("Controller"),
            place.may(Verb.ENTRUST) and one.may_confirm(place.user),
            None,
            reverse("web:connection-confirm", args=[place.organisation.slug, code])
            if place.may(Verb.ENTRUST)
            else reverse("web:connections", args=[place.organisation.slug]),
            _("Look at the change"),
        )
