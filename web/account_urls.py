"""Log-in and one's own account, by the names that django-allauth asks for."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from web import account, doors

to_account = RedirectView.as_view(pattern_name="account")

urlpatterns = [
    path("login/", doors.LogIn.as_view(), name="account_login"),
    path("login/second/", doors.SecondStep.as_view(), name="mfa_authenticate"),
    path("logout/", LogoutView.as_view(next_page="account_login"), name="account_logout"),
    path("welcome/", account.first_password, name="welcome"),
    path("welcome/<str:token>/", account.welcome, name="welcome-link"),
    path("again/", account.again, name="again"),
    path("account/", account.account, name="account"),
    path("account/inactive/", RedirectView.as_view(pattern_name="account_login"), name="account_inactive"),
    path("account/password/", doors.ChangePassword.as_view(), name="account_change_password"),
    path("account/again/", doors.PasswordAgain.as_view(), name="account_reauthenticate"),
    path("account/again/code/", doors.CodeAgain.as_view(), name="mfa_reauthenticate"),
    path("account/again/key/", doors.KeyAgain.as_view(), name="mfa_reauthenticate_webauthn"),
    path("account/tokens/", account.token_make, name="token-make"),
    path("account/tokens/revoke/", account.tokens_revoke, name="tokens-revoke"),
    path("account/tokens/<str:key>/revoke/", account.token_revoke, name="token-revoke"),
    path("account/second-factor/", account.second_factor, name="second_factor"),
    path("account/factors/", to_account, name="mfa_index"),
    path("account/app/", doors.SetUpApp.as_view(), name="mfa_activate_totp"),
    path("account/app/replace/", doors.ReplaceApp.as_view(), name="app-replace"),
    path("account/app/remove/", doors.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/keys/", to_account, name="mfa_list_webauthn"),
    path("account/keys/add/", doors.SetUpKey.as_view(), name="mfa_add_webauthn"),
    path("account/keys/<int:pk>/remove/", doors.RemoveKey.as_view(), name="mfa_remove_webauthn"),
    path("account/codes/", doors.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("account/codes/new/", doors.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
]
