"""How an alarm moves. Time is an argument, nothing is saved, and nothing but a look that finds it over ends one.

    (new) ──raised──► open ──acknowledged──► acknowledged
                       ▲ │                        │
              lapsed,  │ └──────resolved──────────┤
              escalated└── its last day is over ──┘

An acknowledgement that ran out was a promise that was not kept: the next level is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from retention.domain.errors import LifecycleError, RuleError
from retention.models import Alarm
from retention.models.alarm import AlarmState

MOST_QUIET = timedelta(days=31)
"""The longest time for which an alarm may be quietened at once."""
CLOCKS_APART = timedelta(minutes=10)
"""So much clocks of our machines may differ: twice what a register's may (`night_work`), and as often as a timer looks.
An instant that lies further ahead was written by a clock that was wrong, or ours is."""


@dataclass(frozen=True)
class Pace:
    """How long until people are reminded, and until the next level is told; `top`: the highest level there is."""

    remind: timedelta
    escalate: timedelta
    top: int


def raised(alarm: Alarm, facts: Mapping[str, Any], now: datetime, pace: Pace) -> None:
    """A condition begins, or begins again after it was over: nobody's word from before counts."""
    alarm.facts, alarm.state, alarm.level, alarm.count = dict(facts), AlarmState.OPEN, 0, 1
    alarm.first_seen = alarm.last_seen = alarm.told_at = now
    alarm.escalate_at, alarm.resolved_at = now + pace.escalate, None
    alarm.acknowledged_by, alarm.acknowledged_until, alarm.acknowledged_reason = "", None, ""


def seen(alarm: Alarm, facts: Mapping[str, Any], now: datetime) -> None:
    """A look saw it again."""
    alarm.facts, alarm.last_seen, alarm.count = dict(facts), now, alarm.count + 1


def resolved(alarm: Alarm, now: datetime) -> None:
    """A look saw that it is over."""
    alarm.state, alarm.resolved_at = AlarmState.RESOLVED, now


def is_over(since: datetime, how_long: timedelta, now: datetime) -> bool:
    """Whether so long has passed. Since an instant that lies ahead it has: nobody waits for a wrong clock's time."""
    return not -CLOCKS_APART <= now - since < how_long


def passed(alarm: Alarm, now: datetime, today: date, pace: Pace) -> list[str]:
    """What the time that passed does to an alarm that is not over: lapsed, escalated, reminded, or nothing."""
    happened = []
    if alarm.told_at is not None and alarm.told_at - now > CLOCKS_APART:
        alarm.escalate_at = now  # it was set with it, by the same clock
    if alarm.state == AlarmState.ACKNOWLEDGED:
        until = alarm.acknowledged_until
        if until is not None and today <= until <= today + MOST_QUIET:  # nobody may promise more
            return []
        alarm.state, alarm.escalate_at = AlarmState.OPEN, now
        happened.append("lapsed")
    if now >= alarm.escalate_at and alarm.level < pace.top:
        alarm.level += 1
        alarm.escalate_at, alarm.told_at = now + pace.escalate, now
        happened.append("escalated")
    elif happened or alarm.told_at is None or is_over(alarm.told_at, pace.remind, now):
        alarm.told_at = now
        happened.append("reminded")
    return happened


def acknowledged(alarm: Alarm, until: date, reason: str, by: str, today: date, top: int) -> bool:
    """A person has it in hand: it is quiet through `until`, and it stays.

    True where the next level is to be told: what is put off once more nobody may keep from them. Raises LifecycleError
    for one that is over; RuleError without a reason or a person, or for a day that is past or more than 31 days ahead.
    """
    if alarm.state == AlarmState.RESOLVED:
        raise LifecycleError("the alarm is over: there is nothing to acknowledge")
    if not reason.strip():
        raise RuleError("say why", "reason")
    if not by.strip():
        raise RuleError("say who", "by")
    if not today <= until <= today + MOST_QUIET:
        raise RuleError(f"say a day from {today} to {today + MOST_QUIET}", "until")
    again = bool(alarm.acknowledged_by)
    if again:
        alarm.level = min(alarm.level + 1, top)
    alarm.state, alarm.acknowledged_until = AlarmState.ACKNOWLEDGED, until
    alarm.acknowledged_by, alarm.acknowledged_reason = by.strip(), reason.strip()
    return again
