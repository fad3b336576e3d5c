"""Tokens of programs on one's own page: shown once and kept nowhere, made by whom the API would let, revoked."""

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

from entrance.tokens import make_token
from ropa.models import Membership, Role
from tests.api.conftest import PASSWORD
from tests.api.test_tokens import ORGANISATIONS, TOKENS, bearer
from tests.factors import sign_in
from tests.web.test_log_in import comes_in, found, fresh, inside
from tests.web.test_pages import text

pytestmark = pytest.mark.usefixtures("clock")
MAKE, REVOKE = "/account/tokens/", "/account/tokens/revoke/"
SHOWN = r'<code class="digest">([0-9a-f]{64})</code>'
ONCE = r'action="/account/tokens/".*?name="once" value="([^"]+)"'


def opens(token: str) -> bool:
    return APIClient().get(ORGANISATIONS, **bearer(token)).status_code == 200


def test_a_token_is_in_one_answer_and_kept_nowhere(people):
    alice = comes_in("alice")
    answer = alice.post(MAKE, {"days": "3"})
    token = found(SHOWN, answer)
    assert "no-store" in answer["Cache-Control"]
    assert opens(token)
    row = AuthToken.objects.get()
    assert row.expiry - timezone.now() == timedelta(days=3)
    page = alice.get("/account/")
    assert token not in page.content.decode()
    assert f"<code>{row.token_key}</code>" in page.content.decode()
    assert row.token_key == token[: len(row.token_key)]
    assert not any(token in str(one.get_decoded()) for one in Session.objects.all())
    assert alice.get(MAKE)["Location"] == "/account/"  # the answer's address, opened anew


def test_sent_twice_it_makes_one(people):
    alice = comes_in("alice")
    told = {"days": "3", "once": found(ONCE, alice.get("/account/"))}
    found(SHOWN, alice.post(MAKE, told))
    again = alice.post(MAKE, told, follow=True)
    assert "not done a second time" in text(again)
    assert not re.search(SHOWN, again.content.decode())
    assert AuthToken.objects.count() == 1


@pytest.mark.parametrize("days", ["", "0", "366", "-1", "x", "9" * 5_000])
def test_a_token_has_an_end_within_a_year(people, days):
    alice = comes_in("alice")
    assert "Say for how many days, at most 365." in text(alice.post(MAKE, {"days": days}, follow=True))
    assert not AuthToken.objects.exists()


def test_the_password_is_asked_again_and_then_the_token_is_shown(people, clock):
    alice = comes_in("alice")
    once = found(ONCE, alice.get("/account/"))
    clock.shift(301)
    asked = alice.post(MAKE, {"days": "3", "once": once})
    assert asked["Location"].startswith("/account/again/")
    assert not AuthToken.objects.exists()
    answer = alice.post(asked["Location"], {"password": PASSWORD})
    token = found(SHOWN, answer)
    assert "no-store" in answer["Cache-Control"]
    assert opens(token)
    assert not any(token in str(one.get_decoded()) for one in Session.objects.all())


def test_whom_the_api_refuses_the_page_refuses(people):
    """A session that was opened by the password alone, of an account that has a factor."""
    alice = fresh()
    alice.force_login(people["alice"])
    assert "Set up a second factor first" in text(alice.get("/account/"))
    asked = alice.post(MAKE, {"days": "3"})
    refused = alice.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert "Set up a second factor first" in text(refused)
    assert alice.post(TOKENS, {"days": 3}, content_type="application/json").status_code == 403
    assert not AuthToken.objects.exists()


def test_too_many_tokens_in_an_hour_are_refused(people):
    alice = comes_in("alice")
    for _number in range(20):
        found(SHOWN, alice.post(MAKE, {"days": "3"}))
    assert "Too many tokens were made" in text(alice.post(MAKE, {"days": "3"}, follow=True))
    assert AuthToken.objects.count() == 20


def test_all_are_revoked_and_nobody_elses(people):
    (_one, first), (_two, second), (_three, other) = (make_token(people[name], 3) for name in ("alice", "alice", "ada"))
    alice = sign_in(fresh(), people["alice"])
    assert REVOKE in alice.get("/account/").content.decode()
    assert "2 tokens are revoked." in text(alice.post(REVOKE, follow=True))
    assert [opens(token) for token in (first, second, other)] == [False, False, True]
    assert inside(alice)
    assert alice.get(REVOKE).status_code == 405
    assert fresh().post(REVOKE)["Location"].startswith("/login/")
    assert AuthToken.objects.get().user == people["ada"]


def test_a_form_from_elsewhere_neither_makes_nor_revokes(people):
    make_token(people["alice"], 3)
    alice = Client(enforce_csrf_checks=True)
    sign_in(alice, people["alice"])
    for address in (MAKE, REVOKE):
        assert alice.post(address, {"days": "3"}, headers={"Origin": "https://example.org"}).status_code == 403
    assert AuthToken.objects.count() == 1


def test_one_that_is_older_than_the_factor_is_told_where_a_role_needs_it(people, clock):
    told = "made before your second factor"
    make_token(people["ines"], 3)
    clock.shift(1)
    ines = sign_in(fresh(), people["ines"])
    assert told not in text(ines.get("/account/"))  # an integrator needs none
    Membership.objects.filter(user=people["ines"]).update(role=Role.CONTROLLER)
    assert told in text(ines.get("/account/"))
    make_token(people["alice"], 3)
    alice = sign_in(fresh(), people["alice"])
    assert told not in text(alice.get("/account/"))
    Authenticator.objects.filter(user=people["alice"]).update(created_at=timezone.now() + timedelta(seconds=1))
    assert told in text(alice.get("/account/"))


@pytest.mark.parametrize(
    ("language", "said"), [("fi", "Mitätöi kaikki"), ("sv", "Återkalla alla"), ("en", "Revoke all")]
)
def test_the_page_in_every_language(people, language, said):
    for _number in range(2):
        make_token(people["alice"], 3)
    alice = sign_in(fresh(), people["alice"])
    page = alice.get("/account/", headers={"Accept-Language": language})
    assert said in text(page)
    assert not re.search(r"<script|<style| style=|(src|href)=.(https?:)?//", page.content.decode())
