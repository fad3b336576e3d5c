"""The doors and one's own account, in every state."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.api.conftest import PASSWORD
from tests.browser.conftest import Served
from tests.browser.state import Act, State, one_after_the_other, send
from tests.browser.visits import log_in
from tests.browser.world import KEYLESS, NEWCOMER_LINK, TWO_FACTORS
from tests.factors import code


def prove(page: Page) -> None:
    """Where it is asked once more whether it is she: her password, or what her app shows."""
    for name, value in (("password", PASSWORD), ("code", code())):
        field = page.locator(f"main form[method=post] input[name={name}]")
        if "/account/again/" in page.url and field.count():
            send((name, value))(page)
            page.wait_for_load_state()


def proven(*acts: Act) -> Act:
    return one_after_the_other(prove, *acts)


def states(served: Served) -> list[State]:
    link = (served.own.directory / NEWCOMER_LINK).read_text()
    ((key,),) = served.own.rows("select id from mfa_authenticator where type = 'webauthn'")
    password = [("username", "bob"), ("password", PASSWORD)]
    return [
        State("account_login", "signed out", "/login/", None),
        State("account_login", "wrong password", "/login/", None, send(("username", "nobody"), ("password", "wrong"))),
        State("mfa_authenticate", "asked", "/login/", None, send(*password)),
        State(
            "mfa_authenticate", "wrong code", "/login/", None, one_after_the_other(send(*password), send(("code", "1")))
        ),
        State("welcome", "asked", link, None),
        State("welcome", "wrong form", link, None, send(("password1", "short"), ("password2", "shorter"))),
        State("welcome", "unknown", "/welcome/nothing/", None, status=410),
        State("account", "two factors", "/account/", TWO_FACTORS),
        State("account", "no factor", "/account/", KEYLESS),
        State("token-make", "shown once", "/account/", TWO_FACTORS, one_after_the_other(_make_a_token, prove)),
        State("account_change_password", "asked", "/account/password/", TWO_FACTORS),
        State(
            "account_change_password",
            "wrong form",
            "/account/password/",
            TWO_FACTORS,
            send(("oldpassword", "wrong"), ("password1", "short"), ("password2", "shorter")),
        ),
        State("account_reauthenticate", "asked", "/account/again/", TWO_FACTORS),
        State("account_reauthenticate", "wrong", "/account/again/", TWO_FACTORS, send(("password", "wrong"))),
        State("mfa_reauthenticate", "asked", "/account/again/code/", TWO_FACTORS),
        State("mfa_reauthenticate", "wrong", "/account/again/code/", TWO_FACTORS, send(("code", "1"))),
        State("mfa_reauthenticate_webauthn", "asked", "/account/again/key/", TWO_FACTORS),
        State("mfa_activate_totp", "asked", "/account/app/", KEYLESS, proven()),
        State("mfa_activate_totp", "wrong code", "/account/app/", KEYLESS, proven(send(("code", "1")))),
        State("app-replace", "asked", "/account/app/replace/", TWO_FACTORS, proven()),
        State("mfa_deactivate_totp", "asked", "/account/app/remove/", TWO_FACTORS, proven()),
        State("mfa_add_webauthn", "asked", "/account/keys/add/", TWO_FACTORS, proven()),
        State("mfa_remove_webauthn", "asked", f"/account/keys/{key}/remove/", TWO_FACTORS, proven()),
        State("mfa_generate_recovery_codes", "asked", "/account/codes/new/", TWO_FACTORS, proven()),
        State("mfa_view_recovery_codes", "shown once", "/account/codes/new/", TWO_FACTORS, proven(send())),
        State(
            "mfa_view_recovery_codes",
            "not again",
            "/account/codes/new/",
            TWO_FACTORS,
            proven(send(), _again),
        ),
        State("again", "kept", "/login/?next=/o/kasenet/paper/", None, _sent_too_late),
        State("second_factor", "why", "/account/second-factor/", KEYLESS),
    ]


def _sent_too_late(page: Page) -> None:
    """Somebody looks for a paper after her session has ended, and logs in again."""
    log_in(page, "aino")
    page.context.clear_cookies(name="sessionid")
    page.locator("main [name=number]").fill("K-2019-04")
    page.locator("main form[method=post] button").first.click()
    log_in(page, "aino", steps=1)


def _make_a_token(page: Page) -> None:
    page.locator("main form[action='/account/tokens/'] button").click()


def _again(page: Page) -> None:
    page.reload()
