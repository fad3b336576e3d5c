"""The doors: log-in with its second step, the account's factors, its password. django-allauth's views in our frame.

Nobody signs up here and no mail is sent. Tries are counted before anything is looked at (`entrance.guesses`).
"""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.views import PasswordChangeView, ReauthenticateView
from allauth.mfa.base import views as second
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from entrance import factors
from entrance.guesses import count_code, count_guess, forget_codes
from web.shell import POLICY

AFTER = "after_set_up"
"""Where in the session it stands where somebody goes on to who was led to set up a factor."""

TRIES_SECONDS = 300
"""django-allauth takes five wrong codes of an account in so long."""


class Framed:
    """A class view in our frame: nothing is kept by the browser, nothing comes from outside."""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **kwargs)  # type: ignore[misc]
        response["Content-Security-Policy"] = POLICY
        response["Cache-Control"] = "no-store"
        return response

    def get_form(self, *given: Any) -> Any:
        """As our own forms look: no colons, no names inside the fields, and the rule of passwords in one sentence."""
        form = super().get_form(*given)  # type: ignore[misc]
        form.label_suffix = ""
        for name, field in form.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name == "password1":
                field.help_text = _("At least 12 characters, and not a usual one.")
        return form

    def too_many(self, form: Any, wait: int) -> HttpResponse:
        problem = _("Too many tries. Wait %(seconds)d seconds.") % {"seconds": wait}
        context = self.get_context_data(form=form, problem=problem)  # type: ignore[attr-defined]
        response = self.render_to_response({**context, "problem": problem}, status=429)
        response["Retry-After"] = str(wait)
        return response


class LogIn(Framed, LoginView):
    """Name and password. Whoever has a second factor is asked for it next, and is nobody until then."""

    template_name = "web/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if wait := count_guess(request, request.POST.get("username", "")):
            return self.too_many(self.get_form_class()(request, label_suffix=""), wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> Any:
        user = form.get_user()
        name = {"username": user.get_username()}
        login = Login(user=user, redirect_url=self.get_success_url())
        return perform_password_login(self.request, name, login)


class SecondStep(Framed, second.AuthenticateView):  # type: ignore[misc]
    """The code of an app, a recovery code, or a security key, after the password."""

    template_name = "web/account/second.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        account = self.stage.login.user.pk
        if wait := count_code(request, account):
            self._forget_what_was_sent()  # a form that is drawn would look at its code
            return self.too_many(self.auth_form, wait)
        response: HttpResponse = super().post(request, *args, **kwargs)
        if self.form.is_valid():
            forget_codes(account)
            _tell_codes_left(request, self.stage.login.user, self.form)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if any(form.has_error(name, "too_many_login_attempts") for name in form.fields):
            response.status_code = 429
            response["Retry-After"] = str(TRIES_SECONDS)
        return response

    def _forget_what_was_sent(self) -> None:
        user = self.stage.login.user
        self.auth_form = self.get_form_class()(user=user)
        self.webauthn_form = self.get_webauthn_form_class()(user=user)


def _tell_codes_left(request: HttpRequest, user: Any, form: Any) -> None:
    used = getattr(form, "authenticator", None)
    if used is None or used.type != Authenticator.Type.RECOVERY_CODES:
        return
    left = len(Authenticator.objects.get(pk=used.pk).wrap().get_unused_codes())
    text = _(
        "You came in with a recovery code; codes left: %(n)d. If the phone is gone, choose New phone at your account."
    )
    messages.warning(request, text % {"n": left})


class PasswordAgain(Framed, ReauthenticateView):  # type: ignore[misc]
    template_name = "web/account/again.html"


class CodeAgain(Framed, second.ReauthenticateView):  # type: ignore[misc]
    template_name = "web/account/again.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if wait := count_code(request, request.user.pk):
            return self.too_many(self.get_form_class()(user=request.user), wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> Any:
        forget_codes(self.request.user.pk)
        return super().form_valid(form)


class KeyAgain(Framed, ReauthenticateWebAuthnView):  # type: ignore[misc]
    template_name = "web/account/key_again.html"


class ChangePassword(Framed, PasswordChangeView):  # type: ignore[misc]
    """A new password ends every other session of the account."""

    template_name = "web/account/password.html"

    def form_valid(self, form: Any) -> Any:
        response = super().form_valid(form)
        messages.success(self.request, _("The password is changed. Every other session of yours has ended."))
        return response

    def get_default_success_url(self) -> str:
        return reverse("account")


class SetUpApp(Framed, ActivateTOTPView):  # type: ignore[misc]
    """An authenticator app: scan, and show its first code."""

    template_name = "web/account/app.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        secret = context["form"].secret
        svg = context.pop("totp_svg")
        context.pop("totp_svg_data_uri")
        context["picture"] = svg[svg.index("<svg") :]
        context["secret"] = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
        return context

    def form_valid(self, form: Any) -> Any:
        response = super().form_valid(form)
        app = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        app.wrap().validate_code(form.cleaned_data["code"])  # used: it opens nothing a second time
        factors.record_set_up(self.request, "totp")
        messages.success(self.request, _("The authenticator app is set up."))
        return response


class ReplaceApp(SetUpApp):
    """Another phone: the old app opens nothing as soon as the new one has shown its code, and never before."""

    template_name = "web/account/app.html"

    @method_decorator(reauthentication_required(app="allauth.mfa"))
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self._old().exists():
            return redirect("mfa_activate_totp")
        return View.dispatch(self, request, *args, **kwargs)

    def form_valid(self, form: Any) -> Any:
        with transaction.atomic():
            self._old().delete()
            return super().form_valid(form)

    def get_success_url(self) -> str:
        return reverse("account")

    def _old(self) -> Any:
        return Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.TOTP)


class RemoveApp(Framed, DeactivateTOTPView):  # type: ignore[misc]
    template_name = "web/account/remove.html"

    def form_valid(self, form: Any) -> Any:
        response = super().form_valid(form)
        messages.success(self.request, _("The authenticator app is removed."))
        return response


class SetUpKey(Framed, AddWebAuthnView):  # type: ignore[misc]
    """A security key or a passkey, as a second factor beside the password."""

    template_name = "web/account/key.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["form"] = kwargs.get("form") or self.get_form()
        return context

    def form_valid(self, form: Any) -> Any:
        response = super().form_valid(form)
        factors.record_set_up(self.request, "webauthn")
        messages.success(self.request, _("The security key is set up."))
        return response


class RemoveKey(Framed, RemoveWebAuthnView):  # type: ignore[misc]
    template_name = "web/account/remove.html"

    def get_success_url(self) -> str:
        return reverse("account")

    def form_valid(self, form: Any) -> Any:
        if not self.may():
            return self.render_to_response(self.get_context_data(form=form), status=409)
        response = super().form_valid(form)
        messages.success(self.request, _("The security key is removed."))
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "refused": not self.may()}

    def may(self) -> bool:
        from allauth.mfa.adapter import get_adapter

        return bool(get_adapter().can_delete_authenticator(self.get_object()))


class RecoveryCodes(Framed, ViewRecoveryCodesView):  # type: ignore[misc]
    """Shown once, when they are made."""

    template_name = "web/account/codes.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["onward"] = self.request.session.pop(AFTER, "") or reverse("account")
        return context


class NewRecoveryCodes(Framed, GenerateRecoveryCodesView):  # type: ignore[misc]
    template_name = "web/account/new_codes.html"


@require_safe
def to_the_admin(request: HttpRequest) -> HttpResponse:
    """Django's administration has no log-in of its own: ours, then a second factor, and only staff."""
    if not request.user.is_authenticated:
        return redirect(f"{reverse('account_login')}?{request.GET.urlencode(safe='/')}")
    if request.user.is_staff and not factors.proven(request):
        return redirect(f"{reverse('second_factor')}?{request.GET.urlencode(safe='/')}")
    raise PermissionDenied
