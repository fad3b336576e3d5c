"""The one catalogue of start events: whose they are, and what it means that no date is there.

MISSING   the date must exist: alarm, never destroy
AWAITED   not yet: open, if the event that opens it is recorded; otherwise as that event's own absence
OPTIONAL  nothing happened; believed only of a source that was asked tonight and answered in full (V5)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from retention.domain.errors import RuleError
from retention.domain.rules import Grain

NEVER = date(2200, 1, 1)
"""From this day on a date such as 9999-12-31 stands for "not yet", not for a day (P1)."""


class Absent(StrEnum):
    """What the absence of a date means."""

    MISSING = "missing"
    AWAITED = "awaited"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `grain`: whose it is; `many`: which of several counts; `undone_by`: a later one takes it back.

    ends_what_was  it ends what had begun by its day, and nothing that began later
    is_mark        it shows that something goes on, again and again, and is the beginning of nothing
    """

    name: str
    grain: Grain
    absent: Absent
    opened_by: str = ""
    undone_by: tuple[str, ...] = ()
    may_lie_ahead: bool = False
    many: Literal["latest", "first", "per thing"] = "latest"
    ends_what_was: bool = False
    is_mark: bool = False

    @property
    def is_sudden(self) -> bool:
        """Whether it comes to what was there before and is known of on its day at the earliest."""
        return not self.may_lie_ahead and self.absent is not Absent.MISSING


_EVENTS = (
    Event("contract_started", Grain.CONTRACT, Absent.MISSING, may_lie_ahead=True),
    Event("contract_ended", Grain.CONTRACT, Absent.AWAITED, opened_by="contract_started", may_lie_ahead=True),
    Event("service_ended", Grain.CONTRACT, Absent.AWAITED, opened_by="contract_started", may_lie_ahead=True),
    Event("relationship_started", Grain.SUBJECT, Absent.MISSING),
    Event("relationship_ended", Grain.SUBJECT, Absent.AWAITED, opened_by="relationship_started", may_lie_ahead=True),
    Event("account_closed", Grain.RECORD, Absent.AWAITED, opened_by="recorded"),
    Event("role_ended", Grain.SUBJECT, Absent.AWAITED, opened_by="recorded", may_lie_ahead=True),
    Event("last_activity", Grain.RECORD, Absent.OPTIONAL, many="latest", is_mark=True),
    Event("last_contact", Grain.SUBJECT, Absent.OPTIONAL, many="latest", is_mark=True),
    Event("employment_started", Grain.SUBJECT, Absent.MISSING, may_lie_ahead=True),
    Event("employment_ended", Grain.SUBJECT, Absent.AWAITED, opened_by="employment_started", may_lie_ahead=True),
    Event("leave_due", Grain.RECORD, Absent.MISSING, may_lie_ahead=True),
    Event("recorded", Grain.RECORD, Absent.MISSING),
    Event("first_recorded", Grain.RECORD, Absent.MISSING, many="first"),
    Event("occurred", Grain.RECORD, Absent.MISSING),
    Event("order_received", Grain.RECORD, Absent.MISSING),
    Event("order_processed", Grain.RECORD, Absent.AWAITED, opened_by="order_received"),
    Event("offer_expired", Grain.RECORD, Absent.MISSING, may_lie_ahead=True),
    Event("work_completed", Grain.RECORD, Absent.AWAITED, opened_by="recorded"),
    Event("domain_registered", Grain.RECORD, Absent.AWAITED, opened_by="order_received"),
    Event("domain_registration_ended", Grain.RECORD, Absent.AWAITED, opened_by="domain_registered", may_lie_ahead=True),
    Event("device_returned", Grain.RECORD, Absent.AWAITED, opened_by="recorded"),
    Event("decommissioned", Grain.RECORD, Absent.AWAITED, opened_by="recorded", may_lie_ahead=True),
    Event("invoice_dated", Grain.RECORD, Absent.MISSING, may_lie_ahead=True),
    Event("debt_due", Grain.RECORD, Absent.OPTIONAL, may_lie_ahead=True, many="per thing"),
    Event("debt_interrupted", Grain.RECORD, Absent.OPTIONAL, many="latest", is_mark=True),
    Event("debt_settled", Grain.RECORD, Absent.AWAITED, opened_by="debt_due", undone_by=("payment_reversed",)),
    Event("payment_reversed", Grain.RECORD, Absent.OPTIONAL),
    Event("debt_assigned", Grain.RECORD, Absent.OPTIONAL),
    Event("title_final", Grain.RECORD, Absent.OPTIONAL),
    Event("collection_ended", Grain.RECORD, Absent.AWAITED, opened_by="recorded"),
    Event("vat_adjustment_started", Grain.RECORD, Absent.MISSING, may_lie_ahead=True),
    Event("case_opened", Grain.RECORD, Absent.MISSING),
    Event("case_closed", Grain.RECORD, Absent.AWAITED, opened_by="case_opened"),
    Event("decision_made", Grain.RECORD, Absent.AWAITED, opened_by="case_opened"),
    Event("dispute_opened", Grain.RECORD, Absent.OPTIONAL),
    Event("dispute_resolved", Grain.RECORD, Absent.AWAITED, opened_by="dispute_opened"),
    Event("campaign_ended", Grain.RECORD, Absent.AWAITED, opened_by="recorded", may_lie_ahead=True),
    Event("consent_given", Grain.SUBJECT, Absent.OPTIONAL, many="latest"),
    Event("consent_withdrawn", Grain.SUBJECT, Absent.AWAITED, opened_by="consent_given", undone_by=("consent_given",)),
    Event("objection", Grain.SUBJECT, Absent.OPTIONAL, undone_by=("ban_lifted",)),
    Event("ban_lifted", Grain.SUBJECT, Absent.AWAITED, opened_by="objection"),
    Event("erasure_requested", Grain.SUBJECT, Absent.OPTIONAL, ends_what_was=True),
    Event("declared_unneeded", Grain.RECORD, Absent.AWAITED, opened_by="recorded"),
    Event("disposed", Grain.RECORD, Absent.OPTIONAL),
)

CATALOGUE: Mapping[str, Event] = MappingProxyType({event.name: event for event in _EVENTS})

_UNDOING = frozenset(name for event in _EVENTS for name in event.undone_by)

OUTWEIGHING = frozenset(
    event.name
    for event in _EVENTS
    if event.absent is Absent.AWAITED and event.name not in _UNDOING and event.opened_by not in event.undone_by
)
"""Events of which one that is still open outweighs one that has ended, whoever tells of either.

Not what a person declares: consents and bans are weighed by their days. A withdrawal that one register never heard of
is one all the same, and to hold a ban for standing keeps nothing.
"""


def event(name: str, path: str = "") -> Event:
    """The event of that name. Raises RuleError for a name that the catalogue does not have."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise RuleError(f"unknown event {name!r}", path) from None


def with_openings(names: Iterable[str]) -> tuple[str, ...]:
    """These events and those that open them, by which their absence is read. Raises RuleError for an unknown one."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found[name] = None
        if event(name).opened_by:
            waiting.append(event(name).opened_by)
    return tuple(sorted(found))


def openings(name: str) -> tuple[str, ...]:
    """What opens an event, and what opens that. Raises RuleError for an unknown event."""
    return tuple(one for one in with_openings([name]) if one != name)


def asked(names: Iterable[str]) -> frozenset[str]:
    """These events and all that must be known to read their absence or their being undone."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        entry = event(name)
        waiting += [*entry.undone_by, *([entry.opened_by] if entry.opened_by else [])]
    return frozenset(found)
