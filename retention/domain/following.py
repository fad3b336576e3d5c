"""An item that ends with others: due when the last that it follows is, held or missing when any of them is.

Semantics, "Words": a dataset may follow others (attachment, linked content, identity code, box). Ceilings of its own
may come earlier and count against what keeps the followed; grounds of its own it has none, so none come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from retention.domain.decisions import Decision, Reason, ReasonCode, State, Why, decide
from retention.domain.items import Item
from retention.domain.rules import Action, Follow, Hold, RuleSet

FIRST = (State.RULE_CONFLICT, State.TRIGGER_MISSING, State.REVIEW, State.OPEN)
"""What one of the followed is, the follower is: in this order. After these the dates count."""


@dataclass(frozen=True)
class Followed:
    """One item that is followed, with its own rules and holds. `doubt`: it is not certain whose it is."""

    follow: Follow
    item: Item
    rules: RuleSet
    holds: Sequence[Hold] = ()
    doubt: bool = False


def decide_following(
    item: Item, rules: RuleSet, followed: Sequence[Followed] | None, holds: Sequence[Hold], today: date
) -> Decision:
    """Decide an item that follows others on `today`. Raises RuleError for an event that the catalogue does not have.

    `followed` is all that is left of them: none if they are gone, and then nothing keeps it; None if nobody can say
    which they are, and then its end is not known.
    """
    if followed is None:
        return Decision(State.TRIGGER_MISSING, reasons=(Reason(ReasonCode.FOLLOWED_UNKNOWN),))
    if not followed:
        return _nothing_left(item, rules, holds, today)
    each = [_one(item, rules, one, holds, today) for one in followed]
    reasons = tuple(dict.fromkeys(reason for decision in each for reason in decision.reasons))
    states = {decision.state for decision in each}
    running = [decision for decision in each if decision.state in {State.OPEN, State.KEEP}]
    blocked = bool(running) and all(decision.blocked for decision in running)
    for state in FIRST:
        if state in states:
            return Decision(state, blocked=blocked and state is State.OPEN, reasons=reasons)
    dated = [(d.due_from, d) for d in each if d.due_from is not None]
    due_from = max(day for day, _ in dated)
    last = [decision for day, decision in dated if day == due_from]
    strongest = max(last, key=lambda decision: decision.action.strength if decision.action else -len(Action))
    state = State.KEEP if running else State.HELD if State.HELD in states else State.DUE
    return Decision(
        state,
        due_from,
        strongest.action,
        strongest.why,
        blocked,
        min(d.overdue_days or 0 for d in last) if state is State.DUE else None,
        reasons,
    )


def _one(item: Item, rules: RuleSet, one: Followed, holds: Sequence[Hold], today: date) -> Decision:
    """How it stands with the follower as far as this one goes: the same day, with the follower's own action."""
    theirs = replace(
        one.rules,
        grounds=tuple(replace(ground, action=one.follow.action) for ground in one.rules.grounds),
        ceilings=tuple(replace(ceiling, action=one.follow.action) for ceiling in one.rules.ceilings),
    )
    found = decide(one.item, theirs, (*one.holds, *holds), today, beside=((item, rules),))
    if one.doubt and found.state in {State.DUE, State.HELD}:
        return replace(found, state=State.REVIEW)
    return found if found.why is not Why.NO_GROUND else replace(found, action=one.follow.action)


def _nothing_left(item: Item, rules: RuleSet, holds: Sequence[Hold], today: date) -> Decision:
    """What it followed is gone: due from the first day on which that was seen."""
    gone = RuleSet(no_reason_to_keep=True)
    found = decide(item, gone, holds, today)
    action = max((follow.action for follow in rules.follows), key=lambda one: one.strength)
    return replace(found, action=action, reasons=(Reason(ReasonCode.FOLLOWED_GONE), *found.reasons[1:]))
