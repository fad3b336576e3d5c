"""Calendar periods: when something may go at the earliest, and the exact inverse of that.

Regulation (EEC, Euratom) 1182/71 art. 3 and semantics P1–P6: the start is rounded once, the period
added once (years and months together, clamped to the month's last day, then weeks and days), and the
last day is inclusive. Disposal is allowed from the day after it. Weekends and holidays move nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from retention.domain.errors import PeriodError, RuleError

ONE_DAY = timedelta(days=1)
LATEST_DAY = date.max - ONE_DAY
"""Arithmetic that would leave the calendar stops here, so that a due day always exists."""

_PERIOD = re.compile(r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?", re.ASCII)
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})", re.ASCII)
ROUNDINGS = (
    "none",
    "end_of_month",
    "end_of_quarter",
    "end_of_calendar_year",
    "end_of_financial_year",
    "end_of_calendar_year_of_financial_year",
)


@dataclass(frozen=True, slots=True)
class Period:
    """An ISO 8601 calendar period, kept as months and days: P12M and P1Y are the same."""

    months: int
    days: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `P6Y`, `P1Y6M`, `P2W`, `P0D` …; raises PeriodError for times, fractions, signs and `P`."""
        match = _PERIOD.fullmatch(text) if isinstance(text, str) else None
        if match is None or not any(part is not None for part in match.groups()):
            raise PeriodError(f"{text!r} is not a calendar period such as P6Y, P3M, P2W or P14D")
        if any(len(part or "") > 5 for part in match.groups()):
            raise PeriodError(f"{text!r} is longer than the calendar")
        years, months, weeks, days = (int(part or 0) for part in match.groups())
        return cls(12 * years + months, 7 * weeks + days)

    def __str__(self) -> str:
        years, months = divmod(self.months, 12)
        parts = [f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (self.days, "D")) if n]
        return "P" + ("".join(parts) or "0D")


@dataclass(frozen=True, slots=True)
class Rounding:
    """What the start is rounded to before the period is added; `next MM-DD` is a yearly day."""

    text: str

    def __post_init__(self) -> None:
        if self.text not in ROUNDINGS and self.yearly_day is None:
            raise RuleError(f"unknown rounding {self.text!r}; known are {', '.join(ROUNDINGS)} and next MM-DD")

    @property
    def yearly_day(self) -> tuple[int, int] | None:
        """The (month, day) of `next MM-DD`, or None."""
        return parse_month_day(self.text[5:]) if self.text.startswith("next ") else None

    def __str__(self) -> str:
        return self.text


def parse_month_day(text: str) -> tuple[int, int]:
    """Read `12-31`; 02-29 stands for February's last day. Raises RuleError."""
    match = _MONTH_DAY.fullmatch(text)
    if match:
        month, day = int(match[1]), int(match[2])
        if 1 <= month <= 12 and 1 <= day <= monthrange(2024, month)[1]:
            return month, day
    raise RuleError(f"{text!r} is not a day of the year such as 12-31")


@dataclass(frozen=True, slots=True)
class FinancialYears:
    """An organisation's financial years: the day they end on, and real years that were longer or shorter.

    A listed year wins over the day (Accounting Act 1336/1997 1:4). Between listed years the day
    counts, but no year runs into a listed one. Raises RuleError on years that overlap or run backwards.
    """

    day: tuple[int, int] = (12, 31)
    years: tuple[tuple[date, date], ...] = ()

    def __post_init__(self) -> None:
        month, day = self.day
        if not (1 <= month <= 12 and 1 <= day <= monthrange(2024, month)[1]):
            raise RuleError(f"a financial year cannot end on {month:02}-{day:02}")
        previous = None
        for start, end in self.years:
            if end < start or (previous is not None and start <= previous):
                raise RuleError(f"the financial year {start} to {end} runs backwards or overlaps the one before")
            previous = end

    @classmethod
    def of(cls, value: FinancialYearEnd) -> FinancialYears:
        """From a (month, day), a list of (first day, last day), or as it is.

        A list alone takes the day from its last year's end.
        """
        if isinstance(value, FinancialYears):
            return value
        if isinstance(value, list):
            years = tuple(sorted((start, end) for start, end in value))
            return cls((years[-1][1].month, years[-1][1].day), years) if years else cls()
        month, day = value
        return cls((month, day))

    def end_of_year_with(self, day: date) -> date:
        """The last day of the financial year in which `day` lies."""
        index = bisect_right(self.years, (day, date.max)) - 1
        if index >= 0 and day <= self.years[index][1]:
            return self.years[index][1]
        end = _next_yearly(day, self.day)
        if index + 1 < len(self.years):
            end = min(end, self.years[index + 1][0] - ONE_DAY)
        return end


FinancialYearEnd = tuple[int, int] | list[tuple[date, date]] | FinancialYears


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _next_yearly(day: date, month_day: tuple[int, int]) -> date:
    """The first such day of a year on or after `day`."""
    this_year = _clamped(day.year, *month_day)
    if this_year >= day:
        return this_year
    return LATEST_DAY if day.year == date.max.year else _clamped(day.year + 1, *month_day)


def _round(start: date, rounding: Rounding, years: FinancialYears) -> date:
    match rounding.text:
        case "none":
            return start
        case "end_of_month":
            return _clamped(start.year, start.month, 31)
        case "end_of_quarter":
            return _clamped(start.year, (start.month + 2) // 3 * 3, 31)
        case "end_of_calendar_year":
            return date(start.year, 12, 31)
        case "end_of_financial_year":
            return years.end_of_year_with(start)
        case "end_of_calendar_year_of_financial_year":
            return date(years.end_of_year_with(start).year, 12, 31)
    if rounding.yearly_day is None:
        raise RuleError(f"unknown rounding {rounding.text!r}")
    return _next_yearly(start, rounding.yearly_day)


def _add(base: date, period: Period) -> date:
    month_index = base.year * 12 + base.month - 1 + period.months
    year, month = divmod(month_index, 12)
    if year > LATEST_DAY.year:
        return LATEST_DAY
    moved = _clamped(year, month + 1, base.day)
    return LATEST_DAY if (LATEST_DAY - moved).days <= period.days else moved + timedelta(days=period.days)


def last_day(
    start: date,
    period: Period | str,
    rounding: Rounding | str = "none",
    financial_year_end: FinancialYearEnd = (12, 31),
) -> date:
    """The last day, inclusive, on which something that started on `start` is still kept.

    Raises PeriodError for a malformed period, RuleError for an unknown rounding.
    """
    period = Period.parse(period) if isinstance(period, str) else period
    rounding = Rounding(rounding) if isinstance(rounding, str) else rounding
    return _add(_round(start, rounding, FinancialYears.of(financial_year_end)), period)


def due_from(
    start: date,
    period: Period | str,
    rounding: Rounding | str = "none",
    financial_year_end: FinancialYearEnd = (12, 31),
) -> date:
    """The first day on which it may go: the day after the last day, at local midnight."""
    return last_day(start, period, rounding, financial_year_end) + ONE_DAY


def cutoff(
    today: date,
    period: Period | str,
    rounding: Rounding | str = "none",
    financial_year_end: FinancialYearEnd = (12, 31),
) -> date | None:
    """The latest start that is due on `today`; None if none is. The exact inverse of `last_day`.

    Rounding and clamping are monotone, so a search over the calendar finds it.
    """
    period = Period.parse(period) if isinstance(period, str) else period
    rounding = Rounding(rounding) if isinstance(rounding, str) else rounding
    return _cutoff(today, period, rounding, FinancialYears.of(financial_year_end))


@lru_cache(maxsize=4096)
def _cutoff(today: date, period: Period, rounding: Rounding, years: FinancialYears) -> date | None:
    low, high = 0, today.toordinal()  # day `low` is due (0: no such day), the answer lies in [low, high]
    while low < high:
        middle = (low + high + 1) // 2
        if _add(_round(date.fromordinal(middle), rounding, years), period) < today:
            low = middle
        else:
            high = middle - 1
    return date.fromordinal(low) if low else None


def parse_financial_years(day: str, years: Sequence[tuple[date, date]] = ()) -> FinancialYears:
    """From a document's `12-31` and its list of real years. Raises RuleError."""
    return FinancialYears(parse_month_day(day), tuple(sorted(years)))
