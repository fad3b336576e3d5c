"""People and their roles in an organisation: what an administrator may do alone, and what a controller confirms.

An administrator runs the house and decides nothing about deletion. So that nobody becomes a decider unseen:

- a role that frees deletion (`FREES_DELETION`), any role for oneself, the controller's role taken from somebody, and
  a new link for an account that has a role that frees deletion wait for a controller: not the one who asked, and not
  the one who gains;
- the first controller of an organisation is given by the administrator, to another account than his own;
- the last controller and the last administrator stay;
- an account with roles elsewhere, or one of Django's staff, is blocked, loses its tokens and gets its links from the
  machine alone.

Where nobody is left to confirm, whoever runs the machine does it: `manage.py people`. All of it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from entrance.links import make_link
from entrance.models import Act, ActState, PersonAct
from entrance.sessions import end_sessions
from entrance.tokens import own_tokens, revoke_tokens
from ropa.models import Membership, Organisation, Role
from ropa.rights import FREES_DELETION, role_for

MACHINE = "machine"
"""Who does it where no account does: `machine:` and the name that was said at the command line."""


class PersonRefused(Exception):
    """It is not done; the text says why, and who can."""


@dataclass(frozen=True)
class Asker:
    """Who does something: as history names it, and the account; None: whoever runs the machine."""

    who: str
    account: Any


@dataclass(frozen=True)
class Done:
    """What became of an act; `link`: the token of a link that was made, which is kept nowhere."""

    act: PersonAct
    link: str = ""

    @property
    def waits(self) -> bool:
        return self.act.state == ActState.WAITING


def frees_deletion(role: str) -> bool:
    """Whether this role may do something that makes records go."""
    return any(role_for(verb, {role}) is not None for verb in FREES_DELETION)


@transaction.atomic
def make_account(organisation: Organisation, name: str, by: Asker, reason: str) -> Done:
    """A new account without a password, and the link by which its person sets one. Raises PersonRefused."""
    User = get_user_model()  # noqa: N806
    name = name.strip()
    _want_a_reason(reason)
    if User.objects.filter(username__iexact=name).exists():
        raise PersonRefused(_("There is an account of this name already."))
    user = User(username=name)
    user.set_unusable_password()
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise PersonRefused(" ".join(error.messages)) from None
    user.save()
    link = make_link(user, by.who)
    return Done(_keep(organisation, Act.MAKE, "", user, by, reason, ActState.DONE), link)


@transaction.atomic
def act(organisation: Organisation, what: Act, user: Any, role: str, by: Asker, reason: str) -> Done:
    """Do it, or let it wait for a controller. Raises PersonRefused."""
    _want_a_reason(reason)
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if by.account is not None:
        _refuse_what_is_the_machines(organisation, what, user, by)
    _refuse_what_makes_no_sense(organisation, what, user, role)
    if by.account is not None and _waits(organisation, what, user, role, by):
        return Done(_ask(organisation, what, user, role, by, reason))
    kept = _keep(organisation, what, role, user, by, reason, ActState.DONE)
    return Done(kept, _do(kept, by.who))


@transaction.atomic
def decide(asked: PersonAct, by: Asker, confirmed: bool) -> Done:
    """A controller's yes or no to what waits. Raises PersonRefused."""
    Organisation.objects.select_for_update().get(pk=asked.organisation_id)  # two that are taken at once leave none
    user = asked.user
    if user is None:
        raise PersonRefused(_("The account is gone."))
    if confirmed and not may_confirm(asked, by.account):
        raise PersonRefused(_("Another controller confirms this: not who asked for it, and not who gains by it."))
    state = ActState.DONE if confirmed else ActState.REFUSED
    waiting = PersonAct.objects.filter(pk=asked.pk, state=ActState.WAITING)
    if not waiting.update(state=state, decided_at=timezone.now(), decided_by=by.who):
        raise PersonRefused(_("Somebody was faster: it was decided already."))
    asked.refresh_from_db()
    if not confirmed:
        return Done(asked)
    _refuse_what_makes_no_sense(asked.organisation, Act(asked.act), user, asked.role)
    return Done(asked, _do(asked, by.who))


def confirmers(organisation: Organisation, what: Act, user: Any, asker: Any) -> list[int]:
    """The accounts that may confirm it."""
    not_these = {asker.pk} if what is Act.TAKE else {asker.pk, user.pk}
    controllers = Membership.objects.filter(organisation=organisation, role=Role.CONTROLLER, user__is_active=True)
    return [pk for pk in controllers.values_list("user", flat=True) if pk not in not_these]


def may_confirm(asked: PersonAct, account: Any) -> bool:
    """Whether this account may: it did not ask for it, and does not gain by it."""
    asker = asked.asked_by.partition(":")[2]
    gains = asked.act != Act.TAKE and asked.user_id == account.pk
    return asker != account.get_username() and not gains


def _waits(organisation: Organisation, what: Act, user: Any, role: str, by: Asker) -> bool:
    held = Membership.objects.filter(organisation=organisation)
    is_there = held.filter(role=Role.CONTROLLER).exists()
    match what:
        case Act.GIVE:
            return (frees_deletion(role) and (is_there or role != Role.CONTROLLER)) or user.pk == by.account.pk
        case Act.TAKE:
            return role == Role.CONTROLLER
        case Act.LINK:
            return any(frees_deletion(one) for one in held.filter(user=user).values_list("role", flat=True))
        case _:
            return False


def _ask(organisation: Organisation, what: Act, user: Any, role: str, by: Asker, reason: str) -> PersonAct:
    if not confirmers(organisation, what, user, by.account):
        raise PersonRefused(
            _("A controller has to confirm this, and there is none who may. Whoever runs the machine does it there.")
        )
    if PersonAct.objects.filter(
        organisation=organisation, act=what, role=role, whom=user.get_username(), state=ActState.WAITING
    ).exists():
        raise PersonRefused(_("The same waits for a controller already."))
    return _keep(organisation, what, role, user, by, reason, ActState.WAITING)


def _want_a_reason(reason: str) -> None:
    if not reason.strip():
        raise PersonRefused(_("Say why: it is kept with what was done."))


def _refuse_what_makes_no_sense(organisation: Organisation, what: Act, user: Any, role: str) -> None:
    held = Membership.objects.filter(organisation=organisation, user=user)
    if what is Act.GIVE and held.filter(role=role).exists():
        raise PersonRefused(_("The account has this role already."))
    if what is Act.TAKE and not held.filter(role=role).exists():
        raise PersonRefused(_("The account has not this role."))
    if what in {Act.GIVE, Act.TAKE} and role not in Role.values:
        raise PersonRefused(_("There is no such role."))
    if what is Act.REVOKE and not own_tokens(user).exists():
        raise PersonRefused(_("The account has no tokens."))
    if what is Act.TAKE and role in {Role.CONTROLLER, Role.ADMINISTRATOR}:
        others = Membership.objects.filter(organisation=organisation, role=role, user__is_active=True)
        if not others.exclude(user=user).exists():
            raise PersonRefused(_("It is the last one with this role: give it to somebody else first."))
    if what is Act.BLOCK and held.filter(role=Role.ADMINISTRATOR).exists():
        others = Membership.objects.filter(organisation=organisation, role=Role.ADMINISTRATOR, user__is_active=True)
        if not others.exclude(user=user).exists():
            raise PersonRefused(_("It is the last one with this role: give it to somebody else first."))


def _refuse_what_is_the_machines(organisation: Organisation, what: Act, user: Any, by: Asker) -> None:
    if what in {Act.LINK, Act.BLOCK} and user.pk == by.account.pk:
        raise PersonRefused(_("Not of your own account: another administrator does this."))
    if what is Act.GIVE and role_is_first(organisation) and user.pk == by.account.pk:
        raise PersonRefused(_("There is no controller yet who could confirm a role for yourself."))
    asked = PersonAct.objects.filter(user=user, state=ActState.WAITING).exclude(organisation=organisation)
    elsewhere = Membership.objects.filter(user=user).exclude(organisation=organisation).exists() or asked.exists()
    if what in {Act.LINK, Act.BLOCK, Act.UNBLOCK, Act.REVOKE} and (elsewhere or user.is_staff or user.is_superuser):
        raise PersonRefused(_("This account is not your organisation's alone. Whoever runs the machine does it there."))


def role_is_first(organisation: Organisation) -> bool:
    """Whether the organisation has no controller yet."""
    return not Membership.objects.filter(organisation=organisation, role=Role.CONTROLLER).exists()


def _do(kept: PersonAct, who: str) -> str:
    user, organisation = kept.user, kept.organisation
    if user is None:
        raise PersonRefused(_("The account is gone."))
    match Act(kept.act):
        case Act.GIVE:
            given = Membership(user=user, organisation=organisation, role=kept.role)
            given._change_reason = _mark(kept)  # type: ignore[attr-defined]
            try:
                given.save()
            except ValidationError as error:
                raise PersonRefused(" ".join(error.messages)) from None
        case Act.TAKE:
            taken = Membership.objects.get(user=user, organisation=organisation, role=kept.role)
            taken._change_reason = _mark(kept)  # type: ignore[attr-defined]
            taken.delete()
        case Act.LINK:
            return make_link(user, who)
        case Act.BLOCK | Act.UNBLOCK:
            user.is_active = kept.act == Act.UNBLOCK
            user.save(update_fields=["is_active"])
            if not user.is_active:
                end_sessions(user)
                revoke_tokens(user)
        case Act.REVOKE:
            revoke_tokens(user)
    return ""


def _mark(kept: PersonAct) -> str:
    """What history says of a role that was given or taken here: outside, it says something else or nothing."""
    return f"act {kept.pk}"


def _keep(
    organisation: Organisation, what: Act, role: str, user: Any, by: Asker, reason: str, state: ActState
) -> PersonAct:
    now = timezone.now()
    done = state == ActState.DONE
    return PersonAct.objects.create(
        organisation=organisation,
        act=what,
        role=role,
        user=user,
        whom=user.get_username(),
        state=state,
        reason=reason.strip(),
        asked_at=now,
        asked_by=by.who,
        decided_at=now if done else None,
        decided_by=by.who if done else "",
    )


def changed_elsewhere(organisation: Organisation) -> Any:
    """Roles that were given or taken by another way than this one: Django's administration, or the database."""
    return Membership.history.filter(organisation=organisation).exclude(history_change_reason__startswith="act ")
