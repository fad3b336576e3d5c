"""Until when nothing changes by itself: the earliest later day on which some item's state may be another.

Where nobody writes anything, only the calendar changes a state: a period runs out, a day that lay ahead has come, a
ground is to be reviewed, a hold begins or ends. Which days those are is asked of sets of dates, not item by item:
`questions` says of which event the earliest date from which day on must be known, `next_change` makes the day of the
answers. It may be too early, by dates that decide nothing, and is never too late: a property test holds it to `decide`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from retention.domain.events import asked, event
from retention.domain.periods import ONE_DAY, cutoff, due_from
from retention.domain.rules import Ceiling, Ground, Hold, Kind, RuleSet
from retention.domain.substitutes import Substitute

Question = tuple[str, date]
"""An event, and the day from which on its earliest date is wanted."""


def questions(rules: RuleSet, today: date, substitutes: Sequence[Substitute] = ()) -> frozenset[Question]:
    """Of which event the earliest date from which day on must be known. Raises RuleError for an unknown event.

    An event that stands in for another is asked about as that one is, and when it comes.
    """
    found = {(name, today) for name in _ending(rules)}
    found |= {(name, today + ONE_DAY) for name in _coming(rules)}
    for name, starting in _starting(rules).items():
        for rule in starting:
            if rule.period is not None:
                passed = cutoff(today, rule.period, rule.rounding, rules.financial_years)
                found.add((name, date.min if passed is None else passed + ONE_DAY))
    for one in substitutes:
        if one.by:
            found |= {(one.by, day) for name, day in found if name == one.event}
            found |= {(name, today + ONE_DAY) for name in asked({one.by})}
    return frozenset(found)


def next_change(
    rules: RuleSet,
    holds: Iterable[Hold],
    today: date,
    earliest: Mapping[Question, Iterable[date | None]],
    substitutes: Sequence[Substitute] = (),
) -> date:
    """The earliest day after today on which a state may change; `date.max` if nothing that is known will change one.

    `earliest` answers every question, by as many sources as there are. `substitutes`: in force where a date is missing.
    """
    starting, ending = _starting(rules), _ending(rules)
    coming = _coming(rules) | asked({one.by for one in substitutes if one.by})
    earliest = _with_substitutes(earliest, substitutes)
    days = {ground.review_by for ground in rules.grounds if ground.review_by is not None}
    days |= {day for hold in holds for day in (hold.start, hold.released) if day is not None}
    for (name, _), answers in earliest.items():
        for day in answers:
            if day is None:
                continue
            if name in ending or name in coming:
                days |= {day, day if day == date.max else day + ONE_DAY}
            for rule in starting.get(name, ()):
                if rule.period is not None:
                    days.add(due_from(day, rule.period, rule.rounding, rules.financial_years))
    return min((day for day in days if day > today), default=date.max)


def _with_substitutes(
    earliest: Mapping[Question, Iterable[date | None]], substitutes: Sequence[Substitute]
) -> Mapping[Question, Iterable[date | None]]:
    """The same, as if every day that may stand in were the event's own."""
    found = {question: tuple(answers) for question, answers in earliest.items()}
    for one in substitutes:
        for name, day in earliest:
            if name == one.event and one.by:
                found[name, day] += found.get((one.by, day), ())
            elif name == one.event and one.day is not None and one.day >= day:
                found[name, day] += (one.day,)
    return found


def _starting(rules: RuleSet) -> Mapping[str, list[Ground | Ceiling]]:
    """Event -> the rules that may start with it."""
    found: dict[str, list[Ground | Ceiling]] = defaultdict(list)
    every: list[Ground | Ceiling] = [*rules.grounds, *rules.ceilings]
    for rule in every:
        for name in rule.trigger.events:
            found[name].append(rule)
    return found


def _ending(rules: RuleSet) -> frozenset[str]:
    """Events that end a ground on their day, so that nothing of it is left on the day after."""
    found = {name for ground in rules.grounds for name in ground.ends_on}
    if any(ground.kind is Kind.CONSENT for ground in rules.grounds):
        found.add("consent_withdrawn")
    return frozenset(found)


def _coming(rules: RuleSet) -> frozenset[str]:
    """Events whose dates count from their day on only, be it because they may not lie ahead."""
    return frozenset(name for name in asked(rules.events) if not event(name).may_lie_ahead)
