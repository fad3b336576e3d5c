"""Runs: one night of one organisation and date, as asked for, as allowed, and as told afterwards (P7)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from retention.domain.errors import NightError
from retention.models import DatasetNight, EvidenceHead, Run
from retention.models.run import RunState
from ropa.models import Organisation

GAP = timedelta(days=7)
"""A longer jump since the last night must be confirmed."""


def request(
    organisation: Organisation,
    business_date: date,
    by: str,
    confirm_gap: bool = False,
    confirm_falls: Iterable[str] = (),
    anew: bool = True,
) -> Run:
    """Ask for a night; a worker runs it. The row is the queue: a second request for the date is the first one's.

    `confirm_falls`: sources of the ledger ("crm:contracts") that tell half of what they told or less, which is true.
    `anew`: a night that somebody stopped is asked for once more; otherwise NightError is raised. A stop that a running
    night has not heard yet stays.
    """
    asked = Run(organisation=organisation, business_date=business_date, requested_by=by)
    with transaction.atomic(savepoint=False):
        Run.objects.bulk_create([asked], ignore_conflicts=True)  # where it was asked for already that row stays
        # as it is now: of two who ask again for a stopped night, one may have begun it already
        run = Run.objects.select_for_update(no_key=True).get(organisation=organisation, business_date=business_date)
        if run.state == RunState.STOPPED and not anew:
            raise NightError(f"the night of {business_date} was stopped: nobody has asked for it since")
        falls = sorted({*run.falls_confirmed, *confirm_falls})
        if run.state == RunState.STOPPED or (confirm_gap and not run.gap_confirmed) or falls != run.falls_confirmed:
            run.gap_confirmed = run.gap_confirmed or confirm_gap
            run.falls_confirmed = falls
            run.stop_requested = run.stop_requested and run.state == RunState.RUNNING
            run.state = RunState.REQUESTED if run.state == RunState.STOPPED else run.state
            run.save(update_fields=["gap_confirmed", "falls_confirmed", "stop_requested", "state"])
    run.organisation = organisation
    return run


def stop(run: Run, by: str, reason: str) -> None:
    """Stop a night within one chunk. Raises NightError if it is over."""
    changed = Run.objects.filter(pk=run.pk, state__in=[RunState.REQUESTED, RunState.RUNNING]).update(
        stop_requested=True, stop_reason=f"{reason} ({by})"
    )
    if not changed:
        raise NightError(f"the night of {run.business_date} is not running")


def missed(run: Run, last: date | None) -> list[date]:
    """The dates since the last night, which this one covers."""
    return [] if last is None else [last + timedelta(days=n) for n in range(1, (run.business_date - last).days)]


def refuse_wrong_date(run: Run, now: datetime) -> date | None:
    """The date of the last night before this one, if any. Raises NightError where this one may not run."""
    here = run.organisation.day_of(now)
    if run.business_date > here:
        raise NightError(f"{run.business_date} has not begun yet: it is {here}")
    # what a later one left open is brought to its end by no earlier date's evidence
    counts = Q(state=RunState.FINISHED) | Q(business_date__gt=run.business_date, started_at__isnull=False)
    others = Run.objects.filter(counts, organisation=run.organisation).exclude(business_date=run.business_date)
    last, state = others.order_by("-business_date").values_list("business_date", "state").first() or (None, "")
    if last is not None and last > run.business_date:
        over = "has run already; it covered" if state == RunState.FINISHED else "has begun already; it covers"
        raise NightError(f"a later night than {run.business_date} {over} this date")
    if last is not None and run.business_date - last > GAP and not run.gap_confirmed:
        raise NightError(
            f"{(run.business_date - last).days} days since the last night ({last}): much may fall due at once; "
            "look first, then say --confirm-gap"
        )
    return last


def uncounted(run: Run) -> list[Run]:
    """Nights before this one that began and never came to their end, of which no night since has told.

    A night that was lost with our own database has its signed end, which was taken back (D9).
    """
    earlier = Run.objects.filter(organisation=run.organisation, business_date__lt=run.business_date)
    last = earlier.filter(state=RunState.FINISHED).aggregate(last=Max("business_date"))["last"]
    open_ = earlier.exclude(state=RunState.FINISHED).filter(started_at__isnull=False).order_by("business_date")
    found = list(open_ if last is None else open_.filter(business_date__gt=last))
    if not found:
        return []
    heads = EvidenceHead.objects.filter(
        organisation=run.organisation.slug, business_date__in=[one.business_date for one in found]
    )
    signed = {json.loads(body)["chain"] for body in heads.values_list("body", flat=True)}
    return [one for one in found if one.business_date.isoformat() not in signed]


_WENT = ("destroyed", "anonymised", "unlinked", "recovered")


def summary_row(row: DatasetNight) -> dict[str, object]:
    """One dataset's numbers of a night, as the table, the API and the evidence show them; None: nobody answered."""
    outcomes = row.counts.get("outcomes", {})
    review = ("review", "trigger_missing", "rule_conflict")
    asked = not row.problem or any(not name.startswith(("outcomes", "left_")) for name in row.counts)
    seen = asked or row.overdue_left is not None
    held = row.counts.get("left_held", row.counts.get("held", 0))
    to_review = sum(row.counts.get(f"left_{state}", row.counts.get(state, 0)) for state in review)
    return {
        "register": row.register,
        "dataset": row.dataset,
        "problem": row.problem,
        "due": row.counts.get("due", 0) if asked else None,
        "held": held if seen else None,
        "review": to_review if seen else None,
        "destroyed": sum(outcomes.get(name, 0) for name in _WENT),
        "destroyed_estimated": sum(row.counts.get("outcomes_estimated", {}).get(name, 0) for name in _WENT),
        "refused": outcomes.get("refused", 0),
        "failed": outcomes.get("failed", 0),
        "pending": outcomes.get("pending", 0),
        "overdue_left": row.overdue_left,
        "unexplained": row.unexplained,
        "oldest_kept": row.oldest_kept.isoformat() if row.oldest_kept else None,
        "unchanged_since": row.unchanged_since.isoformat() if row.unchanged_since else None,
    }


def succeeded(run: Run) -> bool:
    """Whether nothing is overdue and unexplained, and every register that should answer did."""
    if run.state != RunState.FINISHED:
        return False
    return not any(run.summary.get(name) for name in ("unexplained", "problems", "unheard"))
