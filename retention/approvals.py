"""Approvals of lots: by persons with an account, for exactly what they saw, and never by one who made the rules alone.

Whoever wrote or published the rules by which a lot goes may approve it, and is not enough: somebody else must, too.
Where the policy says two, they are two persons. The DPO approves nothing (GDPR art. 38(6)). What is approved at the
command line is approved in an account's name by somebody whom nobody asked for a password: it is written down as
`shell:NAME`, and of one lot only one approval can be of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.disposal import move
from retention.domain.errors import LifecycleError
from retention.domain.lifecycle import LotState
from retention.evidence_log import subject_digest
from retention.models import Lot, LotEvent
from retention.waves import why_not
from ropa.hands import hands_behind
from ropa.models import Membership, Organisation, Role
from ropa.persons import Person, persons_apart

SHELL = "shell"
"""In the place of a role: at a command line, in whose name ever."""
APPROVAL = "approval"


def approve(lot: Lot, user: Any, digest: str, *, at_the_shell: bool = False) -> int:
    """Record one person's approval of exactly what `digest` names; how many persons are still wanted.

    `user`: an account that is a controller of the lot's organisation. Raises LifecycleError if it is not, if the lot is
    not waiting, was approved by this person already, or has another digest, and for a second approval at the shell.
    """
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(pk=lot.pk)
        who = controller(lot.organisation, user)
        if lot.state != LotState.FLAGGED or lot.approvals_needed == 0:
            raise LifecycleError(
                _("lot %(pk)s does not wait for an approval: it is %(state)s") % {"pk": lot.pk, "state": lot.state}
            )
        if digest != lot.digest:
            raise LifecycleError(
                _("lot %(pk)s is not what was approved: its digest is %(digest)s")
                % {"pk": lot.pk, "digest": lot.digest}
            )
        if reason := why_not(lot):
            raise LifecycleError(_("lot %(pk)s cannot be approved yet: %(reason)s") % {"pk": lot.pk, "reason": reason})
        given = approvers(lot)
        if who.is_among(given):
            raise LifecycleError(_("lot %(pk)s was already approved by the same person") % {"pk": lot.pk})
        if at_the_shell:
            if any(of_shell(one) for one in given):
                raise LifecycleError(
                    _("lot %(pk)s was already approved at the command line: another person must log in")
                    % {"pk": lot.pk}
                )
            who = Person(f"{SHELL}:{user.get_username()}", user.pk)
        LotEvent.objects.create(
            lot=lot,
            before=lot.state,
            after=lot.state,
            who=who.who,
            account=who.account,
            reason=APPROVAL,
            digest=digest,
        )
        wanted = still_wanted(lot, [*given, who])
        if wanted == 0:
            move(lot, LotState.APPROVED, who.who, "approved", digest, account=who.account)
        return wanted


def controller(organisation: Organisation, user: Any) -> Person:
    """Who approves or rejects, on the controller's side. Raises LifecycleError where the account is not that."""
    roles = set(Membership.objects.filter(user=user, organisation=organisation).values_list("role", flat=True))
    if not user.is_active or Role.CONTROLLER not in roles:
        raise LifecycleError(_("a lot is approved or rejected by an account that is a controller of its organisation"))
    if Role.DPO in roles:
        raise LifecycleError(_("the DPO advises and watches, and approves nothing (art. 38(6) GDPR)"))
    return Person(f"{Role.CONTROLLER.value}:{user.get_username()}", user.pk)


def approvers(lot: Lot) -> list[Person]:
    """Who approved the lot as it is now, in order. Of old ones without a role the whole text is the name."""
    return [
        Person(event.who if ":" in event.who else f":{event.who}", event.account)
        for event in lot.events.all()
        if event.reason == APPROVAL and event.digest == lot.digest
    ]


def still_wanted(lot: Lot, given: Sequence[Person]) -> int:
    """How many persons more must approve, when these have."""
    persons = persons_apart(given)
    wanted = lot.approvals_needed - len(persons)
    if wanted == 0 and len(persons) == 1 and persons[0].is_among(hands(lot)):
        return 1
    return max(wanted, 0)


def hands(lot: Lot) -> list[Person]:
    """Who wrote or published the rules by which the lot goes: none of them is its only approver."""
    return hands_behind(lot.version, lot.dataset.partition(".")[0])


def of_shell(one: Person) -> bool:
    """Whether an approval was given at the command line."""
    return one.who.partition(":")[0] == SHELL


def in_evidence(people: Sequence[Person]) -> list[list[str]]:
    """What the evidence says of persons: the role and a keyed digest of the name. Nobody is left out."""
    return [
        [one.who.partition(":")[0], subject_digest(f"approver\0{one.name or one.account}")]
        for one in persons_apart(people)
    ]
