"""What became of a night's records, so that it adds up in view: taken = gone + each reason why something stayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
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
    finished = Run.objects.filter(organisation=organisation, state=RunState.FINISHED)
    return finished.defer("summary").order_by("-business_date").first()


def open_night(organisation: Organisation) -> Run | None:
    """A night that runs, waits for somebody to run it, or was stopped, after the last that came to its end."""
    waiting = Run.objects.filter(organisation=organisation).exclude(state=RunState.FINISHED).defer("summary")
    if (last := last_night(organisation)) is not None:
        waiting = waiting.filter(business_date__gt=last.business_date)
    return waiting.order_by("-business_date").first()


@dataclass(frozen=True)
class Left:
    """What the independent reader found overdue and unexplained; `records` None: nobody has looked yet."""

    records: int | None = None
    people: int = 0
    """Added up by dataset: whoever stands in several is counted in each."""
    late: int = 0
    """Datasets in which something is overdue."""
    since: date | None = None
    sum: Sum = field(default_factory=Sum)
    missing: int = 0
    """Records without the date from which their time runs."""
    answered: int = 0
    """Registers of which everything answered."""
    silent: frozenset[str] = frozenset()
    """Registers of which something did not answer: a dataset, or what they tell of contracts."""


def left_of(run: Run | None) -> Left:
    return lefts_of([run])[run.pk] if run is not None else Left()


def lefts_of(runs: Iterable[Run]) -> dict[int, Left]:
    """By night. The database adds up: a night may have thousands of datasets."""
    nights = [run.pk for run in runs]
    rows = DatasetNight.objects.filter(run__in=nights).order_by()
    silent = _silent(nights, rows)
    asked = {(pk, register) for pk, names in silent.items() for register in names}
    in_rows = rows.filter(register__in={register for _pk, register in asked}).values_list("run_id", "register")
    mute = Counter(pk for pk, register in in_rows.distinct() if (pk, register) in asked)
    found = {pk: Left(silent=frozenset(names)) for pk, names in silent.items()}
    late = Q(unexplained__gt=0)
    totals: Any = rows.values("run_id").annotate(
        records=Coalesce(models.Sum("unexplained"), 0),
        people=Coalesce(models.Sum("people_overdue", filter=late), 0),
        late=models.Count("pk", filter=late),
        since=models.Min("overdue_since", filter=late),
        missing=_number("left_trigger_missing"),
        registers=models.Count("register", distinct=True),
        **{one.name: _number(f"outcomes__{one.value}") for one in Outcome},
    )
    for row in totals:
        pk = row["run_id"]
        found[pk] = Left(
            records=row["records"],
            people=row["people"],
            late=row["late"],
            since=row["since"],
            sum=Sum(Counter({one.value: row[one.name] for one in Outcome})),
            missing=row["missing"],
            answered=row["registers"] - mute[pk],
            silent=found[pk].silent,
        )
    return found


def _silent(nights: list[int], rows: QuerySet[DatasetNight]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {pk: set() for pk in nights}
    unknown = rows.filter(~Q(problem="") | Q(unexplained=None))
    for pk, register in unknown.values_list("run_id", "register").distinct():
        found[pk].add(register)
    for pk, unheard in Run.objects.filter(pk__in=nights).values_list("pk", "summary__unheard"):
        found[pk].update(source.partition(":")[0] for source in unheard or ())
    return found


def _number(path: str) -> Any:
    """The sum of one of the numbers in `counts`."""
    return Coalesce(models.Sum(Cast(KT(f"counts__{path}"), models.IntegerField())), 0)


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
        day: (purged or 0, any(wrong))
        for day, purged, *wrong in Run.objects.filter(
            organisation=organisation, state=RunState.FINISHED, business_date__range=(since, today)
        ).values_list("business_date", *(f"summary__{one}" for one in ("purged", "unexplained", "problems", "unheard")))
    }
    if not nights:
        return []
    first, last = min(nights), max(nights)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Bar(day, *nights[day]) if day in nights else Bar(day, None) for day in days]
