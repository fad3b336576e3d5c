"""One's own account: roles, second factor, recovery codes, tokens of programs; and what an ended session left over."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entrance import factors
from entrance.guesses import count_token
from entrance.links import LinkError, open_link, use_link
from entrance.tokens import LONGEST_DAYS, make_token, may_make, own_tokens, revoke_tokens
from ropa.models import Role
from web.access import once, places_of, signed_in
from web.again import HIDDEN, drop, kept_for
from web.doors import AFTER
from web.shell import role_in_words, shown

LINK = "account_link"
"""Where in the session a link's token stands, so that it stands in no address of the form."""


@signed_in
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """What the account is and has."""
    return _account(request)


def _account(request: HttpRequest, new_token: str = "") -> HttpResponse:
    own = Authenticator.objects.filter(user=request.user)
    codes = own.filter(type=Authenticator.Type.RECOVERY_CODES).first()
    places = places_of(request.user)
    needs, since = factors.needs(request.user), factors.since(request.user)
    context = {
        "places": [(one.organisation, [role_in_words(role) for role in Role if role in one.roles]) for one in places],
        "app": own.filter(type=Authenticator.Type.TOTP).first(),
        "keys": own.filter(type=Authenticator.Type.WEBAUTHN).order_by("created_at"),
        "codes_left": None if codes is None else len(codes.wrap().get_unused_codes()),
        "needs": needs,
        "may_have_token": may_make(request),
        "tokens": [(one, needs and (since is None or one.created < since)) for one in own_tokens(request.user)],
        "new_token": new_token,
        "longest": LONGEST_DAYS,
    }
    return shown(request, None, "web/account/account.html", context)


@signed_in
@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """Why a second factor is needed, and the ways to set one up; afterwards it goes on where somebody came from."""
    onward = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure()):
        onward = "/"
    if factors.proven(request):
        return redirect(onward)
    if factors.has(request.user):  # this session is older than the factor
        return redirect(f"{reverse('mfa_reauthenticate')}?next={onward}")
    request.session[AFTER] = onward
    return shown(request, None, "web/account/why.html", {})


@signed_in
@reauthentication_required(app="allauth.mfa", allow_get=True)  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def token_make(request: HttpRequest) -> HttpResponse:
    """A token of one's own, for a program. Its text is in this answer alone: it is kept nowhere, nor in the session."""
    if request.method != "POST":  # the address of that answer, opened anew
        return redirect("account")
    return once(request, lambda: _token_made(request), reverse("account"))


def _token_made(request: HttpRequest) -> HttpResponse:
    days = request.POST.get("days", "")
    if not may_make(request):
        messages.warning(request, _("Set up a second factor first: your role needs one."))
    elif not days.isdecimal() or len(days) > 4 or not 1 <= int(days) <= LONGEST_DAYS:
        messages.warning(request, _("Say for how many days, at most %(n)d.") % {"n": LONGEST_DAYS})
    elif count_token(request, request.user.pk):
        messages.warning(request, _("Too many tokens were made within an hour. Try again later."))
    else:
        _made, token = make_token(request.user, int(days))
        return _account(request, token)
    return redirect("account")


@signed_in
@require_POST
def token_revoke(request: HttpRequest, key: str) -> HttpResponse:
    """It opens nothing from now on."""
    get_object_or_404(own_tokens(request.user), token_key=key).delete()
    messages.success(request, _("The token is revoked."))
    return redirect("account")


@signed_in
@require_POST
def tokens_revoke(request: HttpRequest) -> HttpResponse:
    """None of the account's tokens opens anything from now on."""
    n = revoke_tokens(request.user)
    messages.success(request, ngettext("%(n)d token is revoked.", "%(n)d tokens are revoked.", n) % {"n": n})
    return redirect("account")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """What was sent after the session had ended, and a button that sends it; POST leaves it be."""
    kept = kept_for(request)
    if kept is None or request.method == "POST":
        drop(request)
        messages.info(request, _("Nothing is kept: what was sent earlier was not done."))
        return redirect("web:portfolio")
    texts = [(_called(name), value) for name, value in kept["fields"] if name not in HIDDEN and value.strip()]
    return shown(request, None, "web/again.html", {"kept": kept, "texts": texts})


def _called(name: str) -> str:
    """A field's name for a person, where it is known."""
    known = {
        "reason": _("Reason"),
        "note": _("Note"),
        "owner": _("Who answers for it"),
        "register": _("Where"),
        "review_by": _("To be reviewed by"),
        "decision": _("Decision"),
        "text": _("Text"),
        "role": _("Role"),
        "name": _("User name"),
        "organisation": _("Organisation"),
        "slug": _("Id"),
        "language": _("Language"),
    }
    return known.get(name, known["text"])


class NewPasswordForm(forms.Form):
    """A password that nobody else knows."""

    password1 = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        help_text=gettext_lazy("At least 12 characters, and not a usual one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=gettext_lazy("The same again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("password1") != told.get("password2"):
            self.add_error("password2", _("The two are not the same."))
        return told


@require_safe
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """A link's address: it only leads to the form, whose address does not name it. Looking at it uses nothing up."""
    request.session[LINK] = token
    response = redirect("welcome")
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def first_password(request: HttpRequest) -> HttpResponse:
    """The account's new password, by a link; then the log-in."""
    token = request.session.get(LINK, "")
    try:
        link = open_link(token)
        form = NewPasswordForm(request.POST or None, label_suffix="")
        status = 200
        if request.method == "POST":
            if form.is_valid() and _settled(form, token):
                del request.session[LINK]
                messages.success(request, _("The password is set. Log in with it."))
                return redirect("account_login")
            status = 422
    except LinkError as error:
        context = {"heading": _("This link opens nothing"), "paragraphs": [str(error)]}
        return shown(request, None, "web/error.html", context, status=410)
    told: dict[str, Any] = {"form": form, "name": link.user.get_username()}
    response = shown(request, None, "web/account/first.html", told, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _settled(form: NewPasswordForm, token: str) -> bool:
    try:
        use_link(token, form.cleaned_data["password1"])
    except forms.ValidationError as error:
        form.add_error("password1", error)
        return False
    return True
