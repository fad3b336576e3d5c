"""Calendar arithmetic: what the regulation says, and its exact inverse."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.errors import PeriodError, RuleError
from retention.domain.periods import (
    FinancialYears,
    Period,
    Rounding,
    cutoff,
    due_from,
    last_day,
    parse_financial_years,
    parse_month_day,
)

days = st.dates(date(1950, 1, 1), date(2150, 12, 31))
periods = st.builds(
    lambda y, m, w, d: f"P{y}Y{m}M{w}W{d}D", *(st.integers(0, n) for n in (60, 30, 60, 400))
) | st.sampled_from(["P0D", "P3M", "P6Y", "P10Y"])
year_ends = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 28)),
    st.sampled_from([(2, 29), (12, 31), (4, 30)]),
    st.lists(st.tuples(st.integers(1995, 2060), st.integers(200, 540)), max_size=4).map(
        lambda years: _real_years(sorted(years))
    ),
)
roundings = st.sampled_from(
    [
        "none",
        "end_of_month",
        "end_of_quarter",
        "end_of_calendar_year",
        "end_of_financial_year",
        "end_of_calendar_year_of_financial_year",
        "next 02-29",
        "next 06-30",
    ]
)


def _real_years(drawn):
    years, after = [], date.min
    for year, length in drawn:
        start = max(date(year, 1, 1), after)
        years.append((start, start + timedelta(days=length)))
        after = years[-1][1] + timedelta(days=1)
    return years


@given(days, periods, roundings, year_ends)
def test_cutoff_is_the_exact_inverse_of_last_day(today, period, rounding, year_end):
    found = cutoff(today, period, rounding, year_end)
    if found is None:
        assert due_from(date.min, period, rounding, year_end) > today
    else:
        assert due_from(found, period, rounding, year_end) <= today
        after = found + timedelta(days=1)
        assert after > today or due_from(after, period, rounding, year_end) > today


@given(days, days, periods, roundings, year_ends)
def test_what_starts_later_never_ends_earlier(one, other, period, rounding, year_end):
    early, late = sorted([one, other])
    assert last_day(early, period, rounding, year_end) <= last_day(late, period, rounding, year_end)


@given(days, st.integers(0, 100), roundings, year_ends)
def test_twelve_months_are_a_year(start, years, rounding, year_end):
    as_months = last_day(start, f"P{12 * years}M", rounding, year_end)
    assert as_months == last_day(start, f"P{years}Y", rounding, year_end)
    assert Period.parse(f"P{12 * years}M") == Period.parse(f"P{years}Y")


@given(periods)
def test_a_period_is_written_as_it_is_read(text):
    period = Period.parse(text)
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    "text", ["", "P", "PT1H", "P1.5Y", "P-1Y", "-P1Y", "1Y", "p1y", "P1Y2W3M", "P1Y ", "P١Y", "P999999Y", "P1H", "P1YT"]
)
def test_what_is_no_calendar_period_is_refused(text):
    with pytest.raises(PeriodError):
        Period.parse(text)


@pytest.mark.parametrize("text", ["end_of_decade", "next", "next 13-01", "next 02-30", "next  06-30", ""])
def test_an_unknown_rounding_is_refused(text):
    with pytest.raises(RuleError):
        Rounding(text)


@pytest.mark.parametrize(
    ("start", "period", "last"),
    [
        ("2024-01-31", "P1M", "2024-02-29"),
        ("2024-01-31", "P2M", "2024-03-31"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-01-30", "P1M1D", "2024-03-01"),
    ],
)
def test_months_are_added_at_once_and_clamped_before_days(start, period, last):
    assert last_day(date.fromisoformat(start), period) == date.fromisoformat(last)


class TestFinancialYears:
    long_first_year = FinancialYears((12, 31), ((date(2019, 7, 1), date(2020, 12, 31)),))

    @pytest.mark.parametrize(
        ("start", "last"), [("2019-06-30", "2025-12-31"), ("2019-07-01", "2026-12-31"), ("2021-01-01", "2027-12-31")]
    )
    def test_a_listed_year_wins_over_the_day(self, start, last):
        start = date.fromisoformat(start)
        found = last_day(start, "P6Y", "end_of_calendar_year_of_financial_year", self.long_first_year)
        assert found == date.fromisoformat(last)

    def test_no_year_runs_into_a_listed_one(self):
        years = FinancialYears((12, 31), ((date(2020, 5, 1), date(2021, 4, 30)),))
        assert years.end_of_year_with(date(2020, 2, 1)) == date(2020, 4, 30)

    @pytest.mark.parametrize(
        "years",
        [
            ((date(2020, 1, 1), date(2019, 12, 31)),),
            ((date(2020, 1, 1), date(2020, 12, 31)), (date(2020, 12, 31), date(2021, 12, 30))),
        ],
    )
    def test_years_that_overlap_or_run_backwards_are_refused(self, years):
        with pytest.raises(RuleError):
            FinancialYears((12, 31), years)


def test_arithmetic_never_leaves_the_calendar():
    assert due_from(date(2026, 1, 1), "P99999Y") <= date.max
    assert due_from(date(9999, 12, 30), "P99999D", "next 06-30") <= date.max


def test_unless_said_otherwise_nothing_is_rounded():
    assert cutoff(date(2026, 6, 30), "P1Y") == date(2025, 6, 29)
    assert due_from(date(2025, 6, 29), "P1Y") == date(2026, 6, 30)


@pytest.mark.parametrize("day", [(1, 1), (2, 29), (12, 31)])
def test_a_year_may_end_on_any_day_of_the_calendar(day):
    assert parse_month_day(f"{day[0]:02}-{day[1]:02}") == FinancialYears(day).day == day


@pytest.mark.parametrize("day", [(13, 1), (0, 1), (4, 31), (1, 0)])
def test_and_on_no_other(day):
    with pytest.raises(RuleError):
        FinancialYears(day)
    with pytest.raises(RuleError):
        parse_month_day(f"{day[0]:02}-{day[1]:02}")


def test_real_years_win_over_the_day():
    years = [(date(2025, 1, 1), date(2026, 3, 31))]
    assert last_day(date(2025, 6, 1), "P1Y", "end_of_financial_year", years) == date(2027, 3, 31)
    assert cutoff(date(2027, 4, 1), "P1Y", "end_of_financial_year", years) == date(2026, 3, 31)


def test_a_financial_year_may_last_a_day_and_ends_on_its_last():
    founded = date(2020, 12, 30)
    years = FinancialYears((12, 31), ((founded, founded), (date(2020, 12, 31), date(2022, 4, 30))))
    assert years.end_of_year_with(founded) == founded
    assert years.end_of_year_with(date(2022, 4, 30)) == date(2022, 4, 30)
    assert years.end_of_year_with(date(2022, 5, 1)) == date(2022, 12, 31)


def test_a_long_year_is_long_however_it_is_written():
    long = [(date(2025, 1, 1), date(2026, 3, 31))]
    assert FinancialYears.of(long).end_of_year_with(date(2025, 2, 1)) == date(2026, 3, 31)
    assert parse_financial_years("03-31", long).end_of_year_with(date(2025, 2, 1)) == date(2026, 3, 31)


def test_the_calendars_last_year_is_still_a_year():
    assert last_day(date(9998, 1, 1), "P1Y") == date(9999, 1, 1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Period.parse("P999999Y"), "'P999999Y' is longer than the calendar"),
        (lambda: FinancialYears((4, 31)), "a financial year cannot end on 04-31"),
        (lambda: FinancialYears(years=((date(2020, 1, 2), date(2020, 1, 1)),)), "2020-01-02 to 2020-01-01 runs backw"),
        (lambda: Rounding("end_of_decade"), "known are none, end_of_month, "),
    ],
)
def test_what_is_wrong_with_a_calendar_is_told(wrong, says):
    with pytest.raises((PeriodError, RuleError), match=says):
        wrong()
