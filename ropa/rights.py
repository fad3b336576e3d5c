"""Who may do what: one table. A role holds for one organisation; there is no user above the roles.

The controller decides: publishes rules, approves disposal, releases holds. The DPO advises and watches and has
none of these rights (GDPR art. 38(6)): she gives her opinion on the draft, and nobody else does. She may stop what
runs and place a hold, since neither destroys anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from ropa.models import Role


class Verb(StrEnum):
    """What can be done in an organisation."""

    SEE = "see that the organisation is there"
    READ = "read the inventory, its versions, nights, lots, holds and reports"
    EDIT = "edit the draft of the inventory"
    CONFIRM = "write a rule of the draft as confirmed"
    ADVISE = "give the DPO's opinion on the draft"
    PUBLISH = "publish the draft, or approve what it shortens"
    FEED = "write contracts, events and facts into the ledger"
    ANSWER = "ask what is kept of one person, and why"
    HOLD = "place a hold"
    RELEASE = "release a hold"
    START = "start a night"
    STOP = "stop a night, a register or everything"
    RESUME = "take the stop of a register, or of everything, back"
    DECIDE = "approve or reject a lot"
    CERTIFY = "record the destruction of paper"
    ESTIMATE = "propose, decide, confirm, refuse or withdraw a substitute for missing dates"
    WATCH = "declare or withdraw a canary"
    ACKNOWLEDGE = "quieten an alarm for a while"
    CLOSE = "close or reopen a register, and record that a dataset was moved"
    ASK_BANS = "ask the list of marketing bans"
    BAN = "add a marketing ban"
    LIFT_BAN = "take a marketing ban back"
    ADMINISTER = "make and block accounts, give and take roles, make links for a new password, revoke tokens"
    CONNECT = "say how a register is reached"
    ENTRUST = "confirm what an administrator does to who may free deletion, and a changed connection of a purge"


_READERS = (Role.CONTROLLER, Role.DPO, Role.OWNER, Role.AUDITOR, Role.ADMINISTRATOR)

MATRIX: Mapping[Verb, tuple[Role, ...]] = MappingProxyType(
    {
        Verb.SEE: (*_READERS, Role.INTEGRATOR),
        Verb.READ: _READERS,
        Verb.EDIT: (Role.CONTROLLER, Role.DPO, Role.OWNER),
        Verb.CONFIRM: (Role.CONTROLLER, Role.OWNER),
        Verb.ADVISE: (Role.DPO,),
        Verb.PUBLISH: (Role.CONTROLLER,),
        Verb.FEED: (Role.INTEGRATOR,),
        Verb.ANSWER: (Role.DPO, Role.CONTROLLER, Role.OWNER),
        Verb.HOLD: (Role.CONTROLLER, Role.DPO, Role.OWNER),
        Verb.RELEASE: (Role.CONTROLLER,),
        Verb.START: (Role.CONTROLLER, Role.ADMINISTRATOR),
        Verb.STOP: (Role.CONTROLLER, Role.ADMINISTRATOR, Role.DPO, Role.OWNER),
        Verb.RESUME: (Role.CONTROLLER,),
        Verb.DECIDE: (Role.CONTROLLER,),
        Verb.CERTIFY: (Role.OWNER, Role.CONTROLLER),
        Verb.ESTIMATE: (Role.OWNER, Role.CONTROLLER),
        Verb.WATCH: (Role.CONTROLLER, Role.DPO, Role.OWNER),
        Verb.ACKNOWLEDGE: (Role.DPO, Role.OWNER),
        Verb.CLOSE: (Role.CONTROLLER,),
        Verb.ASK_BANS: (Role.CONTROLLER, Role.OWNER, Role.INTEGRATOR),
        Verb.BAN: (Role.CONTROLLER, Role.DPO, Role.OWNER, Role.INTEGRATOR),
        Verb.LIFT_BAN: (Role.CONTROLLER, Role.INTEGRATOR),
        Verb.ADMINISTER: (Role.ADMINISTRATOR,),
        Verb.CONNECT: (Role.ADMINISTRATOR,),
        Verb.ENTRUST: (Role.CONTROLLER,),
    }
)
"""Who has each right; of several roles, the first is the one that is put on record."""

FREES_DELETION = frozenset(
    {Verb.PUBLISH, Verb.RELEASE, Verb.RESUME, Verb.DECIDE, Verb.ESTIMATE, Verb.CLOSE, Verb.START}
)
"""What makes records go that would otherwise have stayed: it cannot be undone."""

SECOND_FACTOR = FREES_DELETION | {Verb.ADMINISTER, Verb.CONNECT, Verb.ENTRUST}
"""Whoever may do one of these comes in with a second factor. Stopping, keeping, reading, writing drafts need none."""


def role_for(verb: Verb, held: Collection[str]) -> Role | None:
    """The role, of those that somebody has, by which this may be done; None: it may not."""
    return next((role for role in MATRIX[verb] if role in held), None)
