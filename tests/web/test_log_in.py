"""Coming in: password and second factor, what cannot be walked around, what cannot be tried often or twice."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from entrance.factor_keys import FactorKeyError
from entrance.guesses import count_code, forget_codes
from ropa.models import Membership, Role
from tests.api.conftest import PASSWORD
from tests.api.test_tokens import ORGANISATIONS, TOKENS, basic, bearer
from tests.factors import SECRET, code, sign_in
from tests.web.test_pages import text

MORNING = "/o/testi/"
pytestmark = pytest.mark.usefixtures("clock")


def fresh(**headers: str) -> Client:
    return Client(headers={"Accept-Language": "en", **headers})


def password(client: Client, name: str, onward: str = "", word: str = PASSWORD):
    return client.post("/login/", {"username": name, "password": word, "next": onward})


def second(client: Client, number: str):
    return client.post("/login/second/", {"code": number})


def inside(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def comes_in(name: str, number: str | None = None) -> Client:
    client = fresh()
    password(client, name)
    second(client, number or code())
    assert inside(client)
    return client


def found(pattern: str, page) -> str:
    one = re.search(pattern, page.content.decode())
    assert one is not None
    return one[1]


def app_secret(client: Client) -> str:
    return found(r'<code class="digest">([A-Z2-7 ]+)</code>', client.get("/account/app/")).replace(" ", "")


def set_up(client: Client) -> list[str]:
    """Set up an app; the recovery codes that are shown."""
    secret = app_secret(client)
    answer = client.post("/account/app/", {"code": code(secret=secret)})
    assert (answer.status_code, answer["Location"]) == (302, "/account/codes/")
    return re.findall(r"<code>(\d{8})</code>", client.get("/account/codes/").content.decode())


def test_after_the_password_the_code_is_asked_for_and_then_it_goes_on(people):
    client = fresh()
    answer = password(client, "alice", "/o/testi/lots/")
    assert answer["Location"] == "/login/second/"
    page = client.get("/login/second/")
    assert "You are not logged in yet." in text(page)
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert not re.search(r"<script(?! src=\"/static| id=\"key-data\" type=\"application/json\")", page.content.decode())
    assert second(client, code())["Location"] == "/o/testi/lots/"
    assert client.get("/o/testi/lots/").status_code == 200


def test_the_second_step_cannot_be_walked_around(people):
    client = fresh()
    password(client, "alice")
    for address in (MORNING, "/account/", "/account/app/", "/account/codes/", "/account/password/", "/admin/"):
        assert "/login/" in client.get(address)["Location"], address
    assert client.get(ORGANISATIONS).status_code == 401
    assert client.post(TOKENS, {}).status_code == 401
    assert not inside(client)
    assert second(fresh(), code()).status_code == 302  # without the password before it, a code opens nothing
    assert client.get("/login/second/").status_code == 200


def test_a_session_has_a_new_key_at_each_step(people):
    client = fresh()
    client.get("/login/")
    password(client, "alice")
    before = client.cookies["sessionid"].value
    second(client, code())
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(session_key=before).exists()
    stranger = fresh()
    stranger.cookies["sessionid"] = before
    assert not inside(stranger)


def test_setting_up_a_factor_gives_the_session_a_new_key_and_only_that_one_its_rights(people):
    bob = fresh()
    password(bob, "bob")
    before = bob.cookies["sessionid"].value
    set_up(bob)
    assert bob.cookies["sessionid"].value != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.parametrize("onward", ["https://example.org/", "//example.org", "javascript:alert(1)", "/\\example.org"])
def test_nobody_is_sent_elsewhere(people, onward):
    client = fresh()
    password(client, "alice", onward)
    assert second(client, code())["Location"] == "/"
    plain = fresh()
    assert password(plain, "bob", onward)["Location"] == "/"
    Authenticator.objects.all().delete()
    unset = fresh()
    password(unset, "ada")
    unset.get("/account/second-factor/", {"next": onward})
    assert "example.org" not in str(dict(unset.session))
    assert "alert" not in str(dict(unset.session))


def test_a_code_opens_once(people, clock):
    comes_in("alice")
    again = fresh()
    password(again, "alice")
    assert "used already" in text(second(again, code()))
    assert not inside(again)
    clock.shift(31)
    second(again, code())
    assert inside(again)


def test_the_code_of_setting_up_opens_nothing_a_second_time(people):
    bob = fresh()
    password(bob, "bob")
    secret = app_secret(bob)
    number = code(secret=secret)
    bob.post("/account/app/", {"code": number})
    thief = fresh()
    password(thief, "bob")
    second(thief, number)
    assert not inside(thief)


def test_an_old_code_opens_nothing(people, clock):
    old = code()
    clock.shift(91)
    client = fresh()
    password(client, "alice")
    second(client, old)
    assert not inside(client)


def test_a_recovery_code_opens_once_and_says_how_many_are_left(people, clock):
    bob = fresh()
    password(bob, "bob")
    codes = set_up(bob)
    assert len(codes) == 10
    assert not set(codes) & set(re.findall(r"\d{8}", bob.get("/account/codes/").content.decode()))  # once
    client = fresh()
    password(client, "bob")
    second(client, codes[3])
    assert "codes left: 9" in text(client.get("/account/"))
    twice = fresh()
    password(twice, "bob")
    assert "used already" in text(second(twice, codes[3]))
    assert not inside(twice)


def test_guessing_codes_ends_soon_and_for_the_day(people, clock):
    client = fresh()
    password(client, "alice")
    wrong = "000000" if code() != "000000" else "000001"
    answers = [second(client, wrong).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    late = second(client, code())
    assert (late.status_code, inside(client)) == (429, False)
    assert int(late["Retry-After"]) > 0
    tried = 7
    for _round in range(4):
        clock.shift(301)
        client = fresh()
        password(client, "alice")
        for _ in range(5):
            second(client, wrong)
            tried += 1
    assert tried > 20
    clock.shift(301)
    client = fresh()
    password(client, "alice")
    last = second(client, code())
    assert last.status_code == 429
    assert int(last["Retry-After"]) > 3600
    assert not inside(client)
    clock.shift(24 * 3600)
    password(client, "alice")
    second(client, code())
    assert inside(client)


def test_a_code_that_is_refused_for_the_number_of_tries_is_not_looked_at(people, rf):
    alice = people["alice"]
    for _ in range(20):
        assert count_code(rf.post("/"), alice.pk) == 0
    client = fresh()
    password(client, "alice")
    assert second(client, code()).status_code == 429
    forget_codes(alice.pk)
    second(client, code())  # had it been looked at, it would be used up
    assert inside(client)


def test_secrets_lie_sealed(people, data_dir):
    assert SECRET not in str(list(Authenticator.objects.values_list("data", flat=True)))
    (data_dir / "keys" / "factors.key").write_bytes(b"1" * 32)
    with pytest.raises(FactorKeyError):
        Authenticator.objects.first().wrap().validate_code(code())
    (data_dir / "keys" / "factors.key").unlink()
    with pytest.raises(FactorKeyError, match="backup"):
        Authenticator.objects.first().wrap().validate_code(code())


def test_recovery_codes_lie_sealed(people):
    bob = fresh()
    password(bob, "bob")
    set_up(bob)
    seed = Authenticator.objects.get(user=people["bob"], type="recovery_codes").data["seed"]
    assert not re.fullmatch(r"[0-9a-f]{80}", seed)


def test_whose_role_needs_a_factor_is_led_to_set_one_up_and_then_on(people):
    Authenticator.objects.all().delete()
    client = fresh()
    assert password(client, "alice", "/o/testi/lots/")["Location"] == "/o/testi/lots/"
    led = client.get("/o/testi/lots/")
    assert led["Location"] == "/account/second-factor/?next=/o/testi/lots/"
    assert "A second factor first" in text(client.get(led["Location"]))
    assert client.get(ORGANISATIONS + "testi/").json()["detail"].startswith("Your role needs a second factor")
    secret = app_secret(client)
    client.post("/account/app/", {"code": code(secret=secret)})
    assert 'href="/o/testi/lots/"' in client.get("/account/codes/").content.decode()
    assert client.get("/o/testi/lots/").status_code == 200
    assert client.get(ORGANISATIONS + "testi/").status_code == 200


@pytest.mark.parametrize("name", ["alice", "olga", "adam", "bob", "aino"])
def test_who_needs_one(people, name):
    Authenticator.objects.all().delete()
    client = fresh()
    password(client, name)
    needs = name in {"alice", "olga", "adam"}
    assert client.get(MORNING).status_code == (302 if needs else 200)
    assert client.get(ORGANISATIONS + "testi/").status_code == (403 if needs else 200)


def test_a_session_that_is_older_than_the_factor_is_asked_for_it(people):
    Membership.objects.filter(user=people["bob"]).update(role=Role.OWNER)
    old = fresh()
    password(old, "bob")
    new = fresh()
    password(new, "bob")
    set_up(new)
    assert new.get(MORNING).status_code == 200
    led = old.get(MORNING)
    assert led["Location"] == f"/account/second-factor/?next={MORNING}"
    assert old.get(led["Location"])["Location"] == f"/account/again/code/?next={MORNING}"
    assert old.get(ORGANISATIONS + "testi/").status_code == 403
    assert old.post(TOKENS, {}).status_code == 403


def test_the_last_factor_of_whoever_needs_one_is_not_removed(people):
    alice = comes_in("alice")
    assert "set up another one" in text(alice.post("/account/app/remove/"))
    assert Authenticator.objects.filter(user=people["alice"], type="totp").exists()
    Membership.objects.filter(user=people["alice"]).delete()
    alice.post("/account/app/remove/")
    assert not Authenticator.objects.filter(user=people["alice"]).exists()


def test_another_phone_takes_the_place_of_the_old_one_in_one_step(people, clock):
    alice = comes_in("alice")
    page = alice.get("/account/app/replace/")
    new = found(r'<code class="digest">([A-Z2-7 ]+)</code>', page).replace(" ", "")
    assert alice.post("/account/app/replace/", {"code": "000000"}).status_code == 200
    clock.shift(31)
    old = fresh()
    password(old, "alice")
    assert second(old, code()).status_code == 302  # nothing has changed yet
    answer = alice.post("/account/app/replace/", {"code": code(secret=new)})
    assert answer["Location"] == "/account/"
    clock.shift(62)
    late = fresh()
    password(late, "alice")
    second(late, code())
    assert not inside(late)
    second(late, code(secret=new))
    assert inside(late)
    assert Authenticator.objects.filter(user=people["alice"], type="totp").count() == 1
    assert fresh().get("/account/app/replace/")["Location"].startswith("/login/")


def test_somebody_elses_key_is_not_there(people):
    key = Authenticator.objects.create(user=people["alice"], type="webauthn", data={"name": "k", "credential": {}})
    ada = comes_in("ada")
    assert ada.post(f"/account/keys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_what_opens_the_account_is_changed_only_by_whoever_has_just_shown_the_password(people, clock):
    alice = comes_in("alice")
    clock.shift(301)
    for address in ("/account/codes/new/", "/account/app/remove/", "/account/keys/add/"):
        assert alice.post(address)["Location"].startswith("/account/again/"), address
    assert alice.post("/account/tokens/", {"days": "3"})["Location"].startswith("/account/again/")
    assert not AuthToken.objects.exists()
    answer = alice.post("/account/again/?next=/account/codes/new/", {"password": PASSWORD})
    assert answer["Location"] == "/account/codes/new/"
    assert alice.get("/account/codes/new/").status_code == 200


def test_a_changed_password_ends_every_other_session(people):
    here, there = comes_in("bob", "x"), fresh()
    password(there, "bob")
    assert inside(there)
    new = "another long password"
    wrong = here.post("/account/password/", {"oldpassword": "guess", "password1": new, "password2": new})
    assert wrong.status_code == 200
    answer = here.post("/account/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer["Location"] == "/account/"
    assert (inside(here), inside(there)) == (True, False)


def test_a_password_alone_makes_no_token_of_an_account_with_a_factor(people, clock):
    client = APIClient()
    bare = client.post(TOKENS, {}, **basic("alice", PASSWORD))
    assert bare.status_code == 401
    assert "Second-Factor" in bare.json()["detail"]
    assert client.post(TOKENS, {}, HTTP_SECOND_FACTOR="000000", **basic("alice", PASSWORD)).status_code == 401
    number = code()
    made = client.post(TOKENS, {}, HTTP_SECOND_FACTOR=number, **basic("alice", PASSWORD))
    assert made.status_code == 201
    assert client.post(TOKENS, {}, HTTP_SECOND_FACTOR=number, **basic("alice", PASSWORD)).status_code == 401
    token = bearer(made.json()["token"])
    assert client.get(ORGANISATIONS + "testi/lots/", **token).status_code == 200
    assert AuthToken.objects.count() == 1


def test_guessing_the_code_beside_the_password_is_limited_too(people, clock):
    for number in range(20):
        if number % 8 == 0:
            clock.shift(61)
        answer = APIClient().post(TOKENS, {}, HTTP_SECOND_FACTOR=f"{number:06}", **basic("alice", PASSWORD))
        assert answer.status_code == 401
    clock.shift(61)
    answer = APIClient().post(TOKENS, {}, HTTP_SECOND_FACTOR=code(), **basic("alice", PASSWORD))
    assert answer.status_code == 429
    assert not AuthToken.objects.exists()


def test_a_role_that_needs_a_factor_opens_to_no_token_made_without_one(people, clock):
    made = APIClient().post(TOKENS, {}, **basic("ines", PASSWORD)).json()["token"]
    assert APIClient().get(ORGANISATIONS + "testi/", **bearer(made)).status_code == 200
    Membership.objects.filter(user=people["ines"]).update(role=Role.CONTROLLER)
    refused = APIClient().get(ORGANISATIONS + "testi/", **bearer(made))
    assert refused.status_code == 403
    assert APIClient().post(TOKENS, {}, **basic("ines", PASSWORD)).status_code == 403  # needed, and there is none
    clock.shift(1)
    ines = fresh()
    password(ines, "ines")
    set_up(ines)
    assert APIClient().get(ORGANISATIONS + "testi/", **bearer(made)).status_code == 403  # it is older than the factor


def test_a_token_is_made_shown_once_and_revoked_on_ones_own_page(people):
    alice = comes_in("alice")
    assert alice.post("/account/tokens/", {"days": "0"}).status_code == 302
    assert not AuthToken.objects.exists()
    token = found(r'<code class="digest">([0-9a-f]{64})</code>', alice.post("/account/tokens/", {"days": "3"}))
    assert token not in alice.get("/account/").content.decode()
    row = AuthToken.objects.get()
    assert row.expiry - timezone.now() <= timedelta(days=3)
    assert APIClient().get(ORGANISATIONS, **bearer(token)).status_code == 200
    ada = sign_in(fresh(), people["ada"])
    assert ada.post(f"/account/tokens/{row.token_key}/revoke/").status_code == 404
    alice.post(f"/account/tokens/{row.token_key}/revoke/")
    assert APIClient().get(ORGANISATIONS, **bearer(token)).status_code == 401


def test_the_emergency_administration_wants_a_factor(people):
    Authenticator.objects.filter(user=people["stranger"]).delete()
    client = fresh()
    password(client, "stranger")
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/account/second-factor/?next=/admin/"
    set_up(client)
    assert client.get("/admin/").status_code == 200
    alice = comes_in("alice")
    assert alice.get("/admin/login/?next=/admin/").status_code == 403


@pytest.mark.parametrize(
    "address", ["/login/", "/login/second/", "/account/app/", "/account/tokens/", "/account/app/remove/"]
)
def test_no_form_works_from_elsewhere(people, address):
    client = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    sign_in(client, people["alice"])
    answer = client.post(address, {"username": "alice", "password": PASSWORD, "code": code(), "days": "3"})
    assert answer.status_code == 403
    assert "This form is too old" in text(answer)
    assert not AuthToken.objects.exists()
    assert Authenticator.objects.filter(user=people["alice"]).count() == 1


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pages_of_an_account_take_nothing_from_outside(people, language):
    alice = comes_in("alice")
    alice.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for address in ("", "password/", "keys/add/", "codes/new/", "app/remove/"):
        answer = alice.get(f"/account/{address}")
        content = answer.content.decode()
        assert f'<html lang="{language}">' in content
        assert "unsafe-inline" not in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]
        assert not re.search(r" style=|<style|(src|href)=.(https?:)?//|<script>", content)
