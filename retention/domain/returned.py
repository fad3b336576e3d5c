"""What of a rule set still decides about an item that is back and whose person nobody knows any more (D9).

It was destroyed under these very rules, so what only the ledger could tell had ended then. What the item itself says
may be otherwise now: a case was reopened since the backup came back, and then it is needed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from retention.domain.events import Absent, event
from retention.domain.rules import Ceiling, Condition, Ground, RuleSet


def own_part(rules: RuleSet, events: Collection[str], facts: Collection[str]) -> RuleSet:
    """The rules by the events and facts that are known without the ledger; nothing of them left: no reason to keep.

    A ground counts unless what is known says that it does not, and ends only by the item's own dates where it has any.
    A ceiling that rests on more than what is known shortens nothing.
    """
    grounds = tuple(
        _of_ground(ground, events, facts)
        for ground in rules.grounds
        if any(name in events for name in (*ground.trigger.events, *filter(_runs_without, ground.ends_on)))
    )
    ceilings = tuple(ceiling for ceiling in rules.ceilings if _told(ceiling, events, facts))
    nothing_keeps = not grounds and bool(rules.grounds or rules.no_reason_to_keep or not ceilings)
    return replace(rules, grounds=grounds, ceilings=ceilings, no_reason_to_keep=nothing_keeps, steps=())


def _runs_without(name: str) -> bool:
    """Whether what it ends is known to go on while it has not come: a request or a declaration may never come."""
    return event(name).absent is Absent.AWAITED and name != "declared_unneeded"


def _of_ground(ground: Ground, events: Collection[str], facts: Collection[str]) -> Ground:
    started = tuple(name for name in ground.trigger.events if name in events)
    trigger = replace(ground.trigger, events=started) if started else ground.trigger
    known = tuple(condition for condition in ground.conditions if _known(condition, facts))
    return replace(ground, trigger=trigger, conditions=known)


def _told(ceiling: Ceiling, events: Collection[str], facts: Collection[str]) -> bool:
    return set(ceiling.trigger.events) <= set(events) and all(_known(one, facts) for one in ceiling.conditions)


def _known(condition: Condition, facts: Collection[str]) -> bool:
    return condition.fact in facts
