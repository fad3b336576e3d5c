"""When a night is not believed: what is due does not fit what was foreseen, or what was sent does not go (D5).

A retention run is a mass deletion, and the mistake that it carries out is mostly somebody else's: a migration that gave
every contract an end, a rule that was written for another table, a register that answers "deleted" and keeps the row.
So numbers that no decision of people explains are shown to people before anything goes by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from retention.domain.decisions import Decision, ReasonCode, Why

FEW = 50
"""So many items are never too many: below that a night goes by its rules alone."""

UNFORESEEN = 100
"""One item in so many of a dataset may be due without having been foreseen."""

SHARE = 2
"""One item in so many of a dataset may fall due in one night."""

LEFT = 10
"""One item in so many of those that were sent may still be there."""

ENDS = 5
"""One running contract in so many may end between two readings of a source."""

BESIDE = 100
"""So many items that were not sent are looked at before and after the first chunk of a dataset."""


class Breaker(StrEnum):
    """What was out of proportion; only the doors put it into words."""

    UNFORESEEN = "unforeseen"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Tonight:
    """What an evaluation came to, in items.

    due         fell due and wait in no lot yet, without what people knew: destroyed before and back, shown, estimated
    unforeseen  of these, due since a day on which the dataset was read and they were not, or by an event since then
    items       in the dataset, when it was counted last
    turned_down such a lot was turned down, and none has been approved since
    """

    due: int
    unforeseen: int
    items: int
    turned_down: bool = False


def sprung_on(decision: Decision) -> date | None:
    """The last day of an event that made it due and could be known of on that day at the earliest; None: of none."""
    ended = {ReasonCode.ENDED, ReasonCode.ENDED_BY_EVENT}
    if decision.why is Why.CEILING:
        ended.add(ReasonCode.CEILING_PASSED)
    days = [
        reason.day if reason.code is ReasonCode.ENDED_BY_EVENT else reason.start
        for reason in decision.reasons
        if reason.sudden and reason.code in ended
    ]
    return max((day for day in days if day is not None), default=None)


def tripped(tonight: Tonight) -> Breaker | None:
    """What keeps tonight's lots from going before a person has approved them; None: it is in proportion."""
    few = 0 if tonight.turned_down else max(FEW, tonight.items // UNFORESEEN)
    if tonight.unforeseen > few:
        return Breaker.UNFORESEEN
    if tonight.due > max(FEW, tonight.items // SHARE):
        return Breaker.SHARE
    return None


def too_many_left(sent: int, left: int) -> bool:
    """Whether so many of the items that were sent are still there that no more of them are."""
    return left >= FEW and left * LEFT >= sent


def too_many_gone(there_before: int, there_after: int) -> bool:
    """Whether items that were not sent went with those that were; a few may go by other people's hands."""
    gone = there_before - there_after
    return gone > 1 and gone * LEFT > there_before


def too_many_ends(running: int, ended: int) -> bool:
    """Whether more of the contracts that ran have ended at once than a company loses between two nights."""
    return ended > FEW and ended * ENDS > running
