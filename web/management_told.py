"""What management is told: what is overdue, what failed, which decisions are wanted, and how it went month by month.

Every number is one that a night or the independent reader wrote; what neither could say is not known, and no nought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.alarms import words
from retention.domain.lifecycle import Outcome
from retention.models import Alarm, DatasetNight, Run
from retention.models.run import RunState
from retention.plan import plan_of
from ropa.models import Version
from ropa.reviews import near_dates
from ropa.selectors import version_in_force
from web.access import Place
from web.sums import Left, Sum, last_night, left_of
from web.waiting import Waits, standing_alarms, standing_holds, waiting
from web.words import named, number

MONTHS_TOLD = 12
SHOWN = 8
"""Rows of a table: the report is two pages, and says how many more there are."""
STALE = timedelta(days=1)
"""How old the last night may be before its numbers are told as old."""
BAD = (Outcome.FAILED.value, Outcome.REFUSED.value)


@dataclass(frozen=True)
class Row:
    """One dataset of the last night."""

    name: str
    register: str
    number: int
    people: int | None = None
    since: date | None = None
    failed: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Month:
    """One calendar month. `nights` of `days` came to their end; the rest is as the last of them left it.

    overdue  None: no night, or not a single dataset was answered for; `whole`: every register answered
    """

    first: date
    nights: int
    days: int
    deleted: int
    overdue: int | None
    failed: int | None
    whole: bool

    @property
    def name(self) -> str:
        return f"{str(MONTHS[self.first.month]).capitalize()} {self.first.year}"


@dataclass(frozen=True)
class Management:
    """The whole report."""

    place: Place
    version: Version | None
    night: Run | None
    left: Left
    sum: Sum
    overdue: Sequence[Row]
    failed: Sequence[Row]
    unknown: Sequence[str]
    waits: Sequence[Waits]
    alarms: Sequence[str]
    holds: int
    holds_late: int
    """Holds whose day of review has passed."""
    dates: int
    dates_passed: int
    months: Sequence[Month]

    @property
    def bad(self) -> int | None:
        """What failed or was refused in the last night; None: there was none."""
        return sum(self.sum.outcomes[one] for one in BAD) if self.night is not None else None

    @property
    def stale(self) -> bool:
        """Whether the last night is older than it should be."""
        return self.night is not None and self.place.today - self.night.business_date > STALE

    @property
    def say(self) -> str:
        """The finding in a sentence."""
        if self.left.records is None:
            return _("No night has come to its end: what is overdue is not known.")
        if self.left.records:
            text = ngettext("%(n)s record is overdue.", "%(n)s records are overdue.", self.left.records)
            first = text % {"n": number(self.left.records)}
        elif self.unknown:
            first = _("Nothing is known to be overdue, but not everything is known.")
        else:
            first = _("Nothing is overdue.")
        if not self.waits:
            return first
        text = ngettext("%(n)s decision is wanted.", "%(n)s decisions are wanted.", len(self.waits))
        return f"{first} {text % {'n': number(len(self.waits))}}"


def management(place: Place) -> Management:
    """The report of today."""
    night = last_night(place.organisation)
    left = left_of(night)
    rows = list(night.datasets.all()) if night is not None else []
    names = _names(night)
    holds = standing_holds(place)
    near = near_dates(place.organisation, timezone.now())
    return Management(
        place=place,
        version=version_in_force(place.organisation, place.today),
        night=night,
        left=left,
        sum=left.sum,
        overdue=_rows(rows, names, _overdue),
        failed=_rows(rows, names, _failed),
        unknown=[names.get(("register", code), code) for code in sorted(left.silent)],
        waits=waiting(place),
        alarms=[_alarm(one, names) for one in standing_alarms(place).order_by("first_seen", "id")],
        holds=holds.count(),
        holds_late=holds.filter(released=None, review_by__lt=place.today).count(),
        dates=len(near),
        dates_passed=sum(one.passed for one in near),
        months=months(place),
    )


Names = Mapping[tuple[str, str], str]


def _names(night: Run | None) -> Names:
    if night is None or night.version is None:
        return {}
    plan = plan_of(night.version)
    return {
        **{("dataset", one.code): named(one.name, one.code) for one in (*plan.datasets, *plan.steps)},
        **{("register", one.code): named(one.name, one.code) for one in plan.registers},
    }


def _alarm(alarm: Alarm, names: Names) -> str:
    """An alarm's sentence with the names of its dataset and register, as far as the night knows them."""
    facts = dict(alarm.facts)
    if code := facts.get("register"):
        facts["register"] = names.get(("register", code), code)
    return words.sentence(alarm.kind, names.get(("dataset", alarm.thing), alarm.thing), facts)


def _overdue(row: DatasetNight) -> dict[str, Any]:
    return {"number": row.unexplained or 0, "people": row.people_overdue, "since": row.overdue_since}


def _failed(row: DatasetNight) -> dict[str, Any]:
    failed, refused = (row.counts.get("outcomes", {}).get(one, 0) for one in BAD)
    return {"number": failed + refused, "failed": failed, "refused": refused}


def _rows(datasets: Iterable[DatasetNight], names: Names, told: Any) -> list[Row]:
    found = [
        Row(
            names.get(("dataset", one.dataset), one.dataset),
            names.get(("register", one.register), one.register),
            **told(one),
        )
        for one in datasets
    ]
    return sorted((one for one in found if one.number), key=lambda one: -one.number)


def months(place: Place) -> list[Month]:
    """The last twelve calendar months, from the one of the first night on."""
    today = place.today
    first = _back(today.replace(day=1), MONTHS_TOLD - 1)
    mine = Run.objects.filter(organisation=place.organisation, state=RunState.FINISHED)
    began = mine.order_by("business_date").values_list("business_date", flat=True).first()
    if began is None:
        return []
    of_month: dict[date, list[tuple[date, dict[str, Any]]]] = {}
    nights = mine.filter(business_date__range=(first, today)).order_by("business_date")
    for night, summary in nights.values_list("business_date", "summary").iterator():
        # only of a month's last night the rows are told: what lies before is summed up as it comes
        rows = of_month.setdefault(night.replace(day=1), [])
        if rows:
            rows[-1] = (rows[-1][0], {"purged": rows[-1][1].get("purged", 0)})
        rows.append((night, summary))
    found, month = [], max(first, began.replace(day=1))
    while month <= today:
        found.append(_month(month, of_month.get(month, []), max(month, began), today))
        month = _back(month, -1)
    return found


def _back(month: date, by: int) -> date:
    count = month.year * 12 + month.month - 1 - by
    return date(count // 12, count % 12 + 1, 1)


def _month(month: date, nights: Sequence[tuple[date, dict[str, Any]]], start: date, today: date) -> Month:
    end = min(_back(month, -1) - timedelta(days=1), today)
    deleted = sum(summary.get("purged", 0) for _night, summary in nights)
    last = nights[-1][1] if nights else {}
    rows = last.get("datasets") or []
    heard = [one["unexplained"] for one in rows if one.get("unexplained") is not None]
    silent = len(heard) < len(rows) or bool(last.get("problems")) or bool(last.get("unheard"))
    return Month(
        first=month,
        nights=len(nights),
        days=(end - start).days + 1,
        deleted=deleted,
        overdue=sum(heard) if heard else None,
        failed=sum(one.get("failed", 0) + one.get("refused", 0) for one in rows) if nights else None,
        whole=bool(heard) and not silent,
    )
