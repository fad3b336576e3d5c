"""Counting over every record, asked for from a page: at once where they are few, else by a worker while one waits.

A page that read a million records before it answered would be cut off by whatever stands before it. So a request is a
row; whoever works on nights takes it, and the page looks again. Asked for twice it is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from retention import outlook
from retention.campaign import survey
from retention.campaign_survey import Heap
from retention.domain.errors import SelosteError, in_words
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import draft_with
from retention.models import Counting, DatasetNight, Run
from retention.models.counting import Counted
from retention.models.run import RunState
from retention.rule_impact import impact_of
from ropa.agreeing import draft_digest, keep_impact
from ropa.models import Organisation

FEW = 20_000
"""Records that are read while somebody waits, by the last night's count."""
FRESH = timedelta(minutes=10)
"""So long what was counted of exactly the same is shown again."""
LOST = timedelta(hours=2)
"""So long after it was begun and never ended, another worker begins it anew."""
KEPT = timedelta(days=1)


def ask(
    organisation: Organisation,
    what: Counted,
    now: datetime,
    who: str,
    user: Any,
    dataset: Mapping[str, Any] | None = None,
    *,
    anew: bool = False,
) -> Counting:
    """Have something counted; `dataset`: its entry as nobody has saved it. The row says how far it is.

    Counted before this returns where the last night found few records; else a worker takes it. `anew`: also where
    the same was counted a little while ago, since the registers may say something else by now.
    """
    day = organisation.day_of(now)
    about = [str(what), day.isoformat(), draft_digest(organisation), dataset and dict(dataset)]
    asked = sha256_hex(canonical(about))
    mine = Counting.objects.filter(organisation=organisation)
    mine.filter(asked_at__lt=now - KEPT).delete()
    fresh = Q(done_at__gt=now - FRESH, problem="")
    same = mine.filter(asked=asked).filter(Q(done_at=None) if anew else Q(done_at=None) | fresh).last()
    found = same or Counting.objects.create(
        organisation=organisation,
        what=what,
        asked=asked,
        dataset=dataset,
        first_day=day,
        asked_by=who,
        account=user,
        asked_at=now,
    )
    if found.begun_at is None and _few(organisation, dataset):
        _take(found.pk, now)
        found.refresh_from_db()
    return found


def waiting(organisation: Organisation, what: Counted) -> Counting | None:
    """The newest request of this kind that is not counted yet."""
    return Counting.objects.filter(organisation=organisation, what=what, done_at=None).last()


def newest(organisation: Organisation, what: Counted, dataset: str = "") -> Counting | None:
    """The newest of this kind that was counted; `dataset`: of that one, else of all."""
    mine = Counting.objects.filter(organisation=organisation, what=what).exclude(done_at=None)
    return mine.filter(dataset__id=dataset).last() if dataset else mine.filter(dataset__isnull=True).last()


def take_one(now: datetime) -> Counting | None:
    """Count what has waited longest; None where nothing waits."""
    lost = Q(begun_at__lt=now - LOST)
    oldest = Counting.objects.filter(done_at=None).filter(Q(begun_at=None) | lost).order_by("asked_at", "id").first()
    if oldest is None:
        return None
    _take(oldest.pk, now)
    oldest.refresh_from_db()
    return oldest


def _few(organisation: Organisation, dataset: Mapping[str, Any] | None) -> bool:
    """Whether the last night counted few records; before the first nobody knows."""
    last = Run.objects.filter(organisation=organisation, state=RunState.FINISHED).order_by("-business_date").first()
    if last is None:
        return False
    rows = DatasetNight.objects.filter(run=last)
    if dataset is not None:
        rows = rows.filter(dataset=dataset["id"])
    found = list(rows.values_list("counts", flat=True))
    every = sum(number for counts in found for name, number in counts.items() if name.startswith("left_"))
    return bool(found) and every <= FEW


def _take(pk: int, now: datetime) -> None:
    """Count one request, unless somebody else is at it."""
    with transaction.atomic():
        one = Counting.objects.select_for_update().get(pk=pk)
        if one.done_at is not None or (one.begun_at is not None and one.begun_at > now - LOST):
            return
        one.begun_at = now
        one.save(update_fields=["begun_at"])
    try:
        one.result = _counted(one, now)
    except SelosteError as error:
        one.problem = str(error)
    except Exception as error:  # noqa: BLE001 - whoever waits is told, in words that quote no data
        one.problem = in_words(error)
    one.done_at = timezone.now()
    one.save(update_fields=["result", "problem", "done_at"])


def _counted(one: Counting, now: datetime) -> dict[str, Any]:
    organisation = one.organisation
    if one.what == Counted.AHEAD:
        return {"outlook": outlook.count(organisation, now).pk}
    if one.what == Counted.DRAFT:
        counted = impact_of(organisation, one.first_day).as_data()
        return {"impact": keep_impact(organisation, counted, now, one.asked_by, one.account).digest}
    if one.what == Counted.GAPS:
        found_gaps = survey(organisation, now, Heap(), (one.dataset or {}).get("id", ""))
        return {"groups": [{**group.as_dict(), "examples": []} for group in found_gaps]}
    entry = dict(one.dataset or {})
    document = draft_with(organisation, "datasets", entry["id"], lambda now: entry)
    found = impact_of(organisation, one.first_day, document, only=entry["id"])
    return found.as_data()
