"""An alarm's moves, whatever people and time do to it: it is never quiet for longer than was promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retention.alarms import moves
from retention.models import Alarm
from retention.models.alarm import AlarmState

START = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
PACE = moves.Pace(timedelta(hours=24), timedelta(hours=12), top=2)
STEP = st.tuples(st.sampled_from(["look", "acknowledge"]), st.integers(0, 40), st.integers(0, 31))


@given(st.lists(STEP, max_size=30))
def test_it_is_never_quiet_for_longer_than_was_promised(steps):
    alarm = Alarm()
    moves.raised(alarm, {}, START, PACE)
    now, told, level = START, START, 0
    for what, hours, days in steps:
        now += timedelta(hours=hours)
        today = now.date()
        if what == "acknowledge":
            again = moves.acknowledged(alarm, today + timedelta(days=days), "why", "who", today, PACE.top)
            assert alarm.level == min(level + again, PACE.top)
            level = alarm.level
            continue
        until = alarm.acknowledged_until
        promised = alarm.state == AlarmState.ACKNOWLEDGED and until is not None and today <= until
        happened = moves.passed(alarm, now, today, PACE)
        assert alarm.state != AlarmState.RESOLVED
        assert alarm.level >= level
        if promised:
            assert happened == []
            continue
        assert alarm.state == AlarmState.OPEN
        if now - told >= PACE.remind or "lapsed" in happened:
            assert {"reminded", "escalated"} & set(happened)
        if "lapsed" in happened:
            assert alarm.level == min(level + 1, PACE.top)
        if {"reminded", "escalated"} & set(happened):
            told = now
        level = alarm.level
    assert alarm.first_seen == START


def test_it_climbs_to_the_top_and_goes_on_to_remind():
    alarm = Alarm()
    moves.raised(alarm, {}, START, PACE)
    told = [moves.passed(alarm, START + timedelta(hours=n), START.date(), PACE) for n in range(1, 97)]
    assert [(n + 1, what) for n, what in enumerate(told) if what] == [
        (12, ["escalated"]),
        (24, ["escalated"]),
        (48, ["reminded"]),
        (72, ["reminded"]),
        (96, ["reminded"]),
    ]


def test_who_puts_it_off_once_more_keeps_it_from_nobody():
    alarm, today = Alarm(), START.date()
    moves.raised(alarm, {}, START, PACE)
    told = [moves.acknowledged(alarm, today, "why", "who", today, PACE.top) and alarm.level for _ in range(4)]
    assert told == [False, 1, 2, 2]
    moves.raised(alarm, {}, START, PACE)
    assert not moves.acknowledged(alarm, today, "why", "who", today, PACE.top)


def test_a_time_that_a_wrong_clock_wrote_is_not_waited_for():
    alarm, year = Alarm(), timedelta(days=365)
    moves.raised(alarm, {}, START + year, PACE)
    told = [moves.passed(alarm, START + timedelta(hours=n), START.date(), PACE) for n in range(26)]
    assert [(n, what) for n, what in enumerate(told) if what] == [(0, ["escalated"]), (12, ["escalated"])]


def test_nobody_else_is_kept_out_by_it_either():
    """At the highest level there is it is only reminded; when another level comes, that one is told."""
    alarm, alone = Alarm(), moves.Pace(PACE.remind, PACE.escalate, top=0)
    moves.raised(alarm, {}, START + timedelta(days=365), alone)
    assert moves.passed(alarm, START, START.date(), alone) == ["reminded"]
    assert moves.passed(alarm, START + timedelta(hours=1), START.date(), PACE) == ["escalated"]


def test_a_promise_of_a_wrong_clock_keeps_nothing_quiet():
    alarm, ahead = Alarm(), START + timedelta(days=365)
    moves.raised(alarm, {}, ahead, PACE)
    moves.acknowledged(alarm, ahead.date(), "why", "who", ahead.date(), PACE.top)
    assert moves.passed(alarm, START, START.date(), PACE) == ["lapsed", "escalated"]


def test_clocks_of_two_machines_that_differ_by_minutes_tell_it_once():
    alarm = Alarm()
    moves.raised(alarm, {}, START + timedelta(minutes=9), PACE)
    assert moves.passed(alarm, START, START.date(), PACE) == []
