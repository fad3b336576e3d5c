"""Who has a part in a campaign: accounts of the controller's side, and the one who confirms has had none before.

Persons are told apart as they are for lots (`retention.approvals`): what is said at the command line is said in an
account's name by somebody whom nobody asked for a password, so of one campaign it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from retention.approvals import SHELL, of_shell
from retention.domain.errors import LifecycleError
from retention.models import Campaign, CampaignEvent
from ropa.models import Membership, Organisation, Role
from ropa.persons import Person

ROLES = (Role.OWNER.value, Role.CONTROLLER.value)
"""Who may have a part in it. The DPO advises and decides nothing (GDPR art. 38(6))."""


def answering(organisation: Organisation, user: Any, *, at_the_shell: bool = False) -> Person:
    """An account as it has a part in a campaign. Raises LifecycleError where it is not on the controller's side."""
    held = set(Membership.objects.filter(user=user, organisation=organisation).values_list("role", flat=True))
    if Role.DPO in held:
        raise LifecycleError(_("the DPO advises and watches, and decides nothing (art. 38(6) GDPR)"))
    role = next((role for role in ROLES if role in held), None)
    if not user.is_active or role is None:
        raise LifecycleError(
            _("a campaign is decided by accounts that are an owner or a controller of its organisation")
        )
    return Person(f"{SHELL if at_the_shell else role}:{user.get_username()}", user.pk)


def need_somebody(by: Person) -> None:
    """Raises LifecycleError for nobody, and for a role that has no part in a campaign."""
    if by.who.partition(":")[0] not in {*ROLES, SHELL} or by.name == "" or by.account is None:
        raise LifecycleError(_("a campaign needs an account with the role %(known)s") % {"known": " or ".join(ROLES)})


def said(events: Iterable[CampaignEvent]) -> list[Person]:
    """Who said these."""
    return [Person(one.by, one.account) for one in events]


def need_another(campaign: Campaign, by: Person, before: Sequence[Person]) -> None:
    """Raises LifecycleError where whoever confirms has, or may have, had a part in it before."""
    if by.is_among(before):
        raise LifecycleError(
            _("campaign %(number)s: whoever proposed or decided it cannot confirm it (separation of duties)")
            % {"number": campaign.number}
        )
    if of_shell(by) and any(of_shell(one) for one in before):
        raise LifecycleError(
            _("campaign %(number)s was proposed or decided at the command line: another person must log in")
            % {"number": campaign.number}
        )
