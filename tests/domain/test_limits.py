"""What a register bears: its hours by the clock on the wall, and a speed that all its workers keep together."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.errors import RuleError
from retention.domain.limits import BURST_SECONDS, Limits, parse_limits

CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
MINUTES = [time(n // 60, n % 60) for n in range(24 * 60)]


def at(clock: time) -> datetime:
    return datetime.combine(datetime(2026, 6, 30, tzinfo=UTC), clock, UTC)


@given(since=CLOCKS, until=CLOCKS)
def test_the_hours_of_one_and_of_the_other_way_round_make_a_day(since, until):
    if since == until:
        with pytest.raises(RuleError):
            parse_limits({"from": f"{since:%H:%M}", "until": f"{until:%H:%M}"})
        return
    limits = parse_limits({"from": f"{since:%H:%M}", "until": f"{until:%H:%M}"})
    other = Limits(until, since)
    assert all(limits.is_open(at(clock)) != other.is_open(at(clock)) for clock in MINUTES)
    assert limits.is_open(at(since))
    assert not limits.is_open(at(until))
    minutes = (at(until) - at(since)) % timedelta(days=1) // timedelta(minutes=1)
    assert sum(limits.is_open(at(clock)) for clock in MINUTES) == minutes


@pytest.mark.parametrize(
    ("clock", "is_open"), [("22:00", True), ("03:00", True), ("05:29", True), ("05:30", False), ("21:59", False)]
)
def test_hours_that_go_over_midnight(clock, is_open):
    limits = parse_limits({"from": "22:00", "until": "05:30"})
    assert limits.is_open(at(time.fromisoformat(clock))) is is_open
    assert limits.in_words() == "22:00–05:30"


BOTH = "hours need both `from` and `until`"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"from": "22:00"}, BOTH),
        ({"until": "05:30"}, BOTH),
        ({"from": "kello 22", "until": "05:30"}, "'kello 22' is no time of day such as 22:00"),
        ({"from": "22:00", "until": "22:00"}, "`from` and `until` are the same: there is no hour left"),
    ],
)
def test_hours_that_are_none(document, says):
    with pytest.raises(RuleError) as caught:
        parse_limits(document)
    assert (caught.value.path, caught.value.message) == ("limits", says)


@pytest.mark.parametrize("half", [Limits(since=time(22)), Limits(until=time(5))])
def test_half_of_the_hours_is_none(half):
    assert (half.is_open(at(time(12))), half.in_words()) == (True, "")


def test_the_clock_on_the_wall_decides_and_not_that_of_the_instant():
    helsinki = timezone(timedelta(hours=3))
    limits = Limits(time(9), time(17))
    assert limits.is_open(datetime(2026, 6, 30, 9, 0, tzinfo=helsinki))
    assert not limits.is_open(datetime(2026, 6, 30, 8, 59, 59, tzinfo=helsinki))


def test_how_much_and_how_long_by_numbers():
    limits = parse_limits({"items_per_second": 6, "workers": 4})
    assert limits == Limits(items_per_second=6, workers=4)
    assert (limits.chunk(20_000), limits.chunk(3)) == (15, 3)
    assert (limits.wait(15, 4.0), limits.wait(15, 10.0), limits.wait(15, 12.0)) == (6.0, 0.0, 0.0)
    assert Limits(items_per_second=1, workers=20).chunk(500) == 1


@given(
    rate=st.integers(1, 5_000),
    workers=st.none() | st.integers(1, 8),
    most=st.integers(1, 20_000),
    seconds=st.lists(st.floats(0, 30), min_size=1, max_size=20),
)
def test_no_worker_is_ever_ahead_of_its_share_of_the_speed_by_more_than_one_chunk(rate, workers, most, seconds):
    limits = Limits(items_per_second=rate, workers=workers)
    share = rate / (workers or 1)
    chunk = limits.chunk(most)
    assert 1 <= chunk <= most
    assert chunk <= max(1, share * BURST_SECONDS)
    clock, sent = 0.0, 0
    for took in seconds:
        assert sent <= share * clock + 1e-6  # before each chunk
        clock += took
        sent += chunk
        clock += limits.wait(sent, clock)


def test_without_limits_everything_goes_at_once():
    free = parse_limits({})
    assert (free.chunk(20_000), free.wait(10**6, 0.0), free.lanes, free.in_words()) == (20_000, 0.0, None, "")
    assert free.is_open(at(time(12)))


def test_a_speed_alone_is_kept_by_one_worker():
    assert parse_limits({"items_per_second": 5}).lanes == 1
    assert parse_limits({"items_per_second": 5, "workers": 3}).lanes == 3
