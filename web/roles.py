"""People and roles of an organisation: who has which, what an administrator does, what a controller confirms."""

from __future__ import annotations

from collections import Counter
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from entrance import factors, people
from entrance.models import AccountLink, Act, ActState, PersonAct
from entrance.people import Asker, Done, PersonRefused
from entrance.tokens import tokens_in_time
from ropa.models import Membership, Role
from ropa.rights import Verb
from web.access import Place, page
from web.shell import role_in_words, shown

MOST_ACTS = 100


def _offered() -> list[tuple[str, str]]:
    return [(role.value, role_in_words(role)) for role in Role]


class AddForm(forms.Form):
    """Somebody who gets a role: an account that is there, or a new one."""

    name = forms.CharField(
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("It stands in the evidence and is never changed. A name that is new makes an account."),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=_offered)
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        help_text=gettext_lazy("Kept with what is done: a decision, a request, a new task."),
        max_length=500,
    )


@page(GET=Verb.READ, POST=Verb.ADMINISTER)
def roles(request: HttpRequest, place: Place) -> HttpResponse:
    """Who has which role; an administrator adds somebody."""
    form, status = None, 200
    if place.may(Verb.ADMINISTER):
        form = AddForm(request.POST or None, label_suffix="")
        if request.method == "POST":
            if form.is_valid() and _add(request, place, form):
                return redirect("web:roles", slug=place.organisation.slug)
            status = 422
    return shown(request, place, "web/roles.html", _context(request, place, form), here="roles", status=status)


@page(GET=Verb.ADMINISTER)
def role_person(request: HttpRequest, place: Place, pk: int) -> HttpResponse:
    """What an administrator may do to one person."""
    return _person(request, place, get_object_or_404(_members(place), pk=pk))


def _person(request: HttpRequest, place: Place, user: User, status: int = 200) -> HttpResponse:
    """What was sent stands in the form that was refused."""
    row = next(one for one in _rows(place) if one["user"].pk == user.pk)
    return shown(request, place, "web/role.html", {"row": row, "sent": request.POST}, here="roles", status=status)


@page(POST=Verb.ADMINISTER)
def role_act(request: HttpRequest, place: Place) -> HttpResponse:
    """Give or take a role, make a link, revoke tokens, block or open an account of this organisation."""
    user = get_object_or_404(_members(place), pk=_number(request.POST.get("user")))
    what, role = request.POST.get("act", ""), request.POST.get("role", "")
    try:
        if what not in {Act.GIVE, Act.TAKE, Act.LINK, Act.BLOCK, Act.UNBLOCK, Act.REVOKE}:
            raise PersonRefused(_("Nothing was chosen: nothing was changed."))
        kept_role = role if what in {Act.GIVE, Act.TAKE} else ""
        reason = request.POST.get("reason", "")[:500]
        _tell(
            request, people.act(place.organisation, Act(what), user, kept_role, _asker(place, Verb.ADMINISTER), reason)
        )
    except PersonRefused as error:
        messages.warning(request, str(error))
        return _person(request, place, user, status=422)
    return redirect("web:roles", slug=place.organisation.slug)


@page(POST=Verb.ENTRUST)
def role_decide(request: HttpRequest, place: Place, pk: int) -> HttpResponse:
    """A controller confirms what waits, or refuses it."""
    asked = get_object_or_404(PersonAct, organisation=place.organisation, pk=pk)
    try:
        yes = request.POST.get("decision") == "confirm"
        _tell(request, people.decide(asked, _asker(place, Verb.ENTRUST), yes))
    except PersonRefused as error:
        messages.warning(request, str(error))
    return redirect("web:roles", slug=place.organisation.slug)


def _members(place: Place) -> QuerySet[User]:
    """Accounts with a role here, and those that were made here and have none anywhere yet."""
    here = Membership.objects.filter(organisation=place.organisation).values("user")
    made_here = PersonAct.objects.filter(organisation=place.organisation, user__isnull=False).values("user")
    nowhere = ~Q(pk__in=Membership.objects.values("user"))
    return User.objects.filter(Q(pk__in=here) | (Q(pk__in=made_here) & nowhere))


def _asker(place: Place, verb: Verb) -> Asker:
    return Asker(place.who(verb), place.user)


def _add(request: HttpRequest, place: Place, form: AddForm) -> bool:
    told = form.cleaned_data
    by = _asker(place, Verb.ADMINISTER)
    user = User.objects.filter(username=told["name"].strip()).first()
    done = []
    try:
        with transaction.atomic():  # an account without the role that it was made for would be nobody's
            if user is None:
                done.append(people.make_account(place.organisation, told["name"], by, told["reason"]))
                user = done[0].act.user
            done.append(people.act(place.organisation, Act.GIVE, user, told["role"], by, told["reason"]))
    except PersonRefused as error:
        form.add_error(None, str(error))
        return False
    for one in done:
        _tell(request, one)
    return True


def _tell(request: HttpRequest, done: Done) -> None:
    if done.link:
        request.session["new_link"] = {
            "address": request.build_absolute_uri(reverse("welcome-link", args=[done.link])),
            "name": done.act.whom,
        }
    if done.waits:
        messages.info(request, _("It waits for a controller, who sees it on the morning page."))
    elif done.act.state == ActState.REFUSED:
        messages.success(request, _("It is refused."))
    else:
        messages.success(request, act_in_words(done.act) + ".")


def who_in_words(text: str) -> str:
    """Who did it, as history names it: a role, or the machine, and a name."""
    role, _colon, name = text.partition(":")
    if role == people.MACHINE:
        return _("at the machine, %(name)s") % {"name": name}
    return f"{role_in_words(role)} {name}" if role in Role.values else text


def act_in_words(one: PersonAct) -> str:
    """What is done to whom, as a sentence without its full stop."""
    told = {"name": one.whom, "role": role_in_words(one.role) if one.role else ""}
    return {
        Act.MAKE: _("An account for %(name)s"),
        Act.GIVE: _("%(role)s: given to %(name)s"),
        Act.TAKE: _("%(role)s: taken from %(name)s"),
        Act.LINK: _("A link for a new password for %(name)s; the old password, second factor and tokens end"),
        Act.BLOCK: _("The account of %(name)s is blocked"),
        Act.UNBLOCK: _("The account of %(name)s is open again"),
        Act.REVOKE: _("The tokens of %(name)s are revoked"),
    }[Act(one.act)] % told


def _hands(one: PersonAct) -> str:
    """Through whose hands it went."""
    hands = dict.fromkeys((one.asked_by, one.decided_by))
    return ", ".join(who_in_words(text) for text in hands if text)


def _asked_in_words(one: PersonAct) -> str:
    """What a controller is asked for."""
    told = {"name": one.whom, "role": role_in_words(one.role) if one.role else ""}
    match one.act:
        case Act.GIVE:
            return _("The role %(role)s to be given to %(name)s") % told
        case Act.TAKE:
            return _("The role %(role)s to be taken from %(name)s") % told
        case _:
            return act_in_words(one)


def _context(request: HttpRequest, place: Place, form: AddForm | None) -> dict[str, Any]:
    acts = PersonAct.objects.filter(organisation=place.organisation).select_related("user")
    return {
        "rows": _rows(place),
        "form": form,
        "link": request.session.pop("new_link", None),
        "waiting": [_waits(one, place) for one in acts.filter(state=ActState.WAITING)],
        "history": [
            {"at": one.decided_at or one.asked_at, "text": act_in_words(one), "one": one, "who": _hands(one)}
            for one in acts.exclude(state=ActState.WAITING)[:MOST_ACTS]
        ],
        "elsewhere": [
            {
                "at": one.history_date,
                "given": one.history_type == "+",
                "role": role_in_words(one.role),
                "name": User.objects.filter(pk=one.user_id).values_list("username", flat=True).first() or "–",
                "by": one.history_user,
            }
            for one in people.changed_elsewhere(place.organisation).exclude(history_type="~")[:20]
        ],
        "administers": place.may(Verb.ADMINISTER),
        "entrusts": place.may(Verb.ENTRUST),
    }


def _rows(place: Place) -> list[dict[str, Any]]:
    held: dict[int, list[Role]] = {}
    for pk, role in Membership.objects.filter(organisation=place.organisation).values_list("user", "role"):
        held.setdefault(pk, []).append(Role(role))
    users = list(_members(place).order_by("username"))
    set_up = set(Authenticator.objects.filter(user__in=users, type__in=factors.REAL).values_list("user", flat=True))
    tokens: Counter[int] = Counter()
    if place.may(Verb.ADMINISTER):
        tokens.update(tokens_in_time().filter(user__in=users).values_list("user", flat=True))
    return [
        {
            "user": one,
            "roles": [(role.value, role_in_words(role)) for role in Role if role in held.get(one.pk, [])],
            "others": [(role.value, role_in_words(role)) for role in Role if role not in held.get(one.pk, [])],
            "set_up": one.pk in set_up,
            "needs": factors.needed_by(held.get(one.pk, [])),
            "has_password": one.has_usable_password(),
            "own": one.pk == place.user.pk,
            "tokens": tokens[one.pk],
        }
        for one in users
    ]


def _waits(one: PersonAct, place: Place) -> dict[str, Any]:
    """What a controller has to know before she confirms: is the account really that person's."""
    link = AccountLink.objects.filter(user=one.user).first() if one.user else None
    return {
        "one": one,
        "text": _asked_in_words(one),
        "asker": who_in_words(one.asked_by),
        "link": link,
        "set_up": one.user is not None and factors.has(one.user),
        "may": place.may(Verb.ENTRUST) and people.may_confirm(one, place.user),
    }


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0
