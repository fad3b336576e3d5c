"""What became of a night's records, so that it adds up in view: taken = gone + each reason why something stayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.translation import gettext as _

from retention.domain.lifecycle import GONE, Outcome
from retention.models import DatasetNight, Run
from retention.models.run import RunState
from ropa.models import Organisation
from web.words import Sign

NIGHTS = 30


@dataclass(frozen=True)
class Part:
    """One term of the sum."""

    number: int
    sign: Sign
    told: str = ""


@dataclass(frozen=True)
class Sum:
    """Records that were sent to be disposed of in a night, and what became of each."""

    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def taken(self) -> int:
        return self.outcomes.total()

    @property
    def gone(self) -> int:
        return sum(self.outcomes[one] for one in GONE)

    @property
    def left(self) -> int:
        """What is still there and should not be: it is tried again, or somebody has to see to it."""
        return sum(self.outcomes[one] for one in (Outcome.HELD, Outcome.REFUSED, Outcome.FAILED, *ORDERED))

    @property
    def parts(self) -> list[Part]:
        """All terms but those that are nothing; what is gone is always said."""
        terms = [Part(self.gone, Sign("done", _("deleted")))]
        for outcomes, sign, told in _terms():
            if found := sum(self.outcomes[one] for one in outcomes):
                terms.append(Part(found, sign, told))
        return terms


ORDERED = (Outcome.PENDING, Outcome.WAITING)


def _terms() -> Iterable[tuple[tuple[Outcome, ...], Sign, str]]:
    return (
        ((Outcome.ALREADY_ABSENT,), Sign("absent", _("already absent")), ""),
        ((Outcome.HELD,), Sign("hold", _("on hold")), _("placed in time")),
        ((Outcome.SUPERSEDED,), Sign("draft", _("no longer due")), _("when asked again")),
        ((Outcome.REFUSED,), Sign("refused", _("refused by the system")), ""),
        ((Outcome.FAILED,), Sign("fail", _("failed")), _("tried again next night")),
        (ORDERED, Sign("run", _("under way")), _("with people, or after another register")),
    )


def sum_of(rows: Iterable[DatasetNight]) -> Sum:
    found: Counter[str] = Counter()
    for row in rows:
        found.update(row.counts.get("outcomes", {}))
    return Sum(found)


def last_night(organisation: Organisation) -> Run | None:
    """The last night that came to its end."""
    finished = Run.objects.filter(organisation=organisation, state=RunState.FINISHED).select_related("version")
    return finished.order_by("-business_date").first()


def open_night(organisation: Organisation) -> Run | None:
    """A night that runs, waits for somebody to run it, or was stopped, after the last that came to its end."""
    waiting = Run.objects.filter(organisation=organisation).exclude(state=RunState.FINISHED)
    if (last := last_night(organisation)) is not None:
        waiting = waiting.filter(business_date__gt=last.business_date)
    return waiting.order_by("-business_date").first()


@dataclass(frozen=True)
class Left:
    """What the independent reader found overdue and unexplained; `records` None: nobody has looked yet."""

    records: int | None
    people: int
    since: date | None
    datasets: tuple[DatasetNight, ...]
    unknown: tuple[DatasetNight, ...]
    silent: frozenset[str]
    """Registers of which something did not answer: a dataset, or what they tell of contracts."""

    @property
    def answered(self) -> int:
        return len({one.register for one in self.datasets} - self.silent)


def left_of(run: Run | None) -> Left:
    rows = tuple(run.datasets.all()) if run is not None else ()
    late = tuple(row for row in rows if row.unexplained)
    unknown = tuple(row for row in rows if row.problem or row.unexplained is None)
    unheard = run.summary.get("unheard", {}) if run is not None else {}
    since = [row.overdue_since for row in late if row.overdue_since]
    return Left(
        sum(row.unexplained or 0 for row in rows) if rows else None,
        sum(row.people_overdue or 0 for row in late),
        min(since) if since else None,
        rows,
        unknown,
        frozenset({row.register for row in unknown} | {source.partition(":")[0] for source in unheard}),
    )


@dataclass(frozen=True)
class Bar:
    """One day of the last nights; `gone` None: no night came to its end on it."""

    day: date
    gone: int | None
    left: bool = False
    run: bool = False


def last_nights(organisation: Organisation, today: date) -> list[Bar]:
    """The days from thirty ago, or from the first night, to the last night."""
    since = today - timedelta(days=NIGHTS - 1)
    nights: Mapping[date, tuple[int, bool]] = {
        day: (summary.get("purged", 0), any(summary.get(one) for one in ("unexplained", "problems", "unheard")))
        for day, summary in Run.objects.filter(
            organisation=organisation, state=RunState.FINISHED, business_date__range=(since, today)
        ).values_list("business_date", "summary")
    }
    if not nights:
        return []
    first, last = min(nights), max(nights)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Bar(day, *nights[day]) if day in nights else Bar(day, None) for day in days]
