"""What a canary's being there, or not, says of the deletion (semantics D8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

State = Literal["declared", "there", "vanished", "wrong"]
Problem = Literal["", "left", "never_seen", "unheld", "too_early", "not_ours", "lost"]

FINAL: frozenset[Problem] = frozenset({"too_early", "not_ours", "lost"})
"""What no later night makes good: what is gone does not come back by being looked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a night saw: whether an item is there, whether one ever was, whether we took it, whether a hold is on it."""

    there: bool
    before: bool
    ours: bool
    held: bool


def judge(
    expects: Literal["vanish", "survive"], due_on: date, gone_by: date, today: date, seen: Seen
) -> tuple[State, Problem]:
    """The canary's state after the night of `today`, and what is wrong.

    `due_on`: before that day its items must be there. `gone_by`: the last day on which one that is to vanish may still
    be there; by then each must have been entered. One that is to survive is seen to be under a hold from `due_on` on.
    """
    if not seen.there and not seen.before:
        return ("wrong", "never_seen") if today > gone_by else ("declared", "")
    if expects == "survive":
        if not seen.there:
            return "wrong", "lost"
        return ("wrong", "unheld") if today >= due_on and not seen.held else ("there", "")
    if seen.there:
        return ("wrong", "left") if today > gone_by else ("there", "")
    if today < due_on:
        return "wrong", "too_early"
    return ("vanished", "") if seen.ours else ("wrong", "not_ours")
