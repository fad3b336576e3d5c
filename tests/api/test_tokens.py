"""Log-in by token and by session; guessing is slow; what is revoked or over is refused."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from tests.api.conftest import PASSWORD

ORGANISATIONS = "/api/v1/organisations/"
TOKENS = "/api/v1/tokens/"


@pytest.fixture
def ines(house) -> User:
    user = User.objects.get(username="ines")
    user.set_password(PASSWORD)
    user.save()
    return user


def basic(name: str, password: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def make(client: APIClient, days: int = 30):
    return client.post(TOKENS, {"days": days}, **basic("ines", PASSWORD))


def test_a_password_makes_a_token_and_the_token_opens_the_door(ines, client):
    client = APIClient()
    made = make(client)
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    token = made.json()["token"]
    assert client.get(ORGANISATIONS, **bearer(token)).json()["results"][0]["slug"] == "testi"
    assert not AuthToken.objects.filter(digest__contains=token).exists()
    listed = client.get(TOKENS, **bearer(token)).json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert "token" not in listed[0]


def test_a_password_opens_nothing_else(ines):
    assert APIClient().get(ORGANISATIONS, **basic("ines", PASSWORD)).status_code == 401


def test_a_token_makes_no_token(ines):
    token = make(APIClient()).json()["token"]
    assert APIClient().post(TOKENS, {}, **bearer(token)).status_code == 403


def test_a_revoked_token_is_refused(ines):
    made = make(APIClient()).json()
    assert APIClient().delete(f"{TOKENS}{made['id']}/", **bearer(made["token"])).status_code == 204
    answer = APIClient().get(ORGANISATIONS, **bearer(made["token"]))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


def test_a_token_ends_on_its_day(ines):
    token = make(APIClient(), days=1).json()["token"]
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert APIClient().get(ORGANISATIONS, **bearer(token)).status_code == 401


def test_somebody_elses_token_is_not_there(house, ines):
    made = make(APIClient()).json()
    assert house.client("alice").delete(f"{TOKENS}{made['id']}/").status_code == 404
    assert AuthToken.objects.count() == 1


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff\xfe", "Bearer nonsense", "Token x", "x"])
def test_a_header_that_is_no_token_is_refused(house, header):
    assert APIClient().get(ORGANISATIONS, HTTP_AUTHORIZATION=header).status_code == 401


def test_guessing_a_password_is_slow_and_the_right_one_does_not_help_then(ines):
    answers = [APIClient().post(TOKENS, {}, **basic("ines", f"guess {n}")).status_code for n in range(10)]
    assert answers == [401] * 10
    late = make(APIClient())
    assert late.status_code == 429
    assert int(late["Retry-After"]) > 0
    assert not AuthToken.objects.exists()


def test_another_address_in_a_header_does_not_help(ines):
    for number in range(20):
        APIClient().post(TOKENS, {}, HTTP_X_FORWARDED_FOR=f"192.0.2.{number}", **basic(f"nobody{number}", "guess"))
    answer = APIClient().post(TOKENS, {}, HTTP_X_FORWARDED_FOR="192.0.2.99", **basic("ines", PASSWORD))
    assert answer.status_code == 429


def test_a_session_begins_at_the_page_and_ends_with_a_post(ines, client):
    page = client.get("/login/")
    assert "Kirjaudu" in page.content.decode()
    assert client.get(ORGANISATIONS).status_code == 401
    answer = client.post("/login/", {"username": "ines", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get(ORGANISATIONS).status_code == 200
    assert client.get("/api/v1/").json()["user"] == "ines"
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get(ORGANISATIONS).status_code == 401


def test_a_session_writes_only_with_its_own_form_token(ines):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ines)
    answer = client.post("/api/v1/organisations/testi/ledger/", {})
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"


def test_the_page_does_not_send_a_person_elsewhere(ines, client):
    answer = client.post("/login/?next=https://example.org/", {"username": "ines", "password": PASSWORD})
    assert answer["Location"] == "/"


def test_guessing_at_the_page_is_slow_too(ines, client):
    for number in range(10):
        assert client.post("/login/", {"username": "ines", "password": f"guess {number}"}).status_code == 200
    late = client.post("/login/", {"username": "INES ", "password": PASSWORD})
    assert late.status_code == 429
    assert client.get(ORGANISATIONS).status_code == 401


def test_the_admin_has_no_log_in_of_its_own(db, client):
    answer = client.get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/admin/")
