"""What is sent after a session has ended, from a form that is too old, or twice: nothing is lost or done twice."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from retention import holds
from retention.models import Hold, StopEvent
from tests.api.conftest import PASSWORD
from tests.factors import code
from tests.web.test_log_in import fresh
from tests.web.test_pages import text

pytestmark = pytest.mark.usefixtures("clock")
STOP = "/o/testi/stop/"
REASON = "Varmuuskopio\npalautetaan <b>yöllä</b>"


def log_in(client: Client, name: str, onward: str = ""):
    answer = client.post("/login/", {"username": name, "password": PASSWORD, "next": onward})
    if answer["Location"] == "/login/second/":
        answer = client.post("/login/second/", {"code": code()})
    assert answer.status_code == 302
    return client if not onward else answer


def ended(client: Client) -> None:
    """Its session is over on our side; the browser knows nothing of it."""
    Session.objects.filter(session_key=client.cookies["sessionid"].value).delete()


def found(pattern: str, page) -> str:
    one = re.search(pattern, page.content.decode(), flags=re.S)
    assert one is not None
    return one[1]


def resent(page) -> dict[str, str]:
    form = found(r'(<form method="post" action="/o/.*?</form>)', page)
    return {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}


def test_what_was_written_survives_an_ended_session(people):
    bob = log_in(fresh(), "bob")
    ended(bob)
    answer = bob.post(STOP, {"reason": REASON})
    assert answer["Location"] == "/login/?next=/again/"
    assert REASON.split(maxsplit=1)[0] not in answer["Location"]
    assert not StopEvent.objects.exists()
    assert "Your session had ended" in text(bob.get(answer["Location"]))
    assert log_in(bob, "bob", "/again/")["Location"] == "/again/"
    page = bob.get("/again/")
    assert "Varmuuskopio" in text(page)
    assert "<b>yöllä" not in page.content.decode()
    sent = resent(page)
    assert sent["reason"].replace("\r", "") == REASON
    bob.post(STOP, sent)
    assert StopEvent.objects.get().reason.split()[0] == "Varmuuskopio"
    assert bob.get("/again/").status_code == 302  # sent, it is kept no longer


def test_it_is_shown_to_nobody_else(people):
    bob = log_in(fresh(), "bob")
    ended(bob)
    bob.post(STOP, {"reason": REASON})
    log_in(bob, "aino", "/again/")
    page = bob.get("/again/", follow=True)
    assert "Varmuuskopio" not in text(page)
    assert "Nothing is kept" in text(page)
    assert "Varmuuskopio" not in str(dict(bob.session))


def test_it_is_kept_for_half_an_hour(people, clock):
    bob = log_in(fresh(), "bob")
    ended(bob)
    bob.post(STOP, {"reason": REASON})
    clock.shift(1801)
    log_in(bob, "bob")
    assert bob.get("/again/").status_code == 302


def test_whoever_was_never_here_leaves_nothing(people):
    stranger = fresh()
    assert stranger.post(STOP, {"reason": REASON})["Location"] == "/login/?next=/"
    assert "Varmuuskopio" not in str(dict(stranger.session))
    forged = fresh()
    forged.cookies["seloste_last"] = f"{people['alice'].pk}:1vabcd:nonsense"
    forged.post(STOP, {"reason": REASON})
    assert "Varmuuskopio" not in str(dict(forged.session))


def test_a_persons_number_is_not_kept_but_the_rest_is(people):
    bob = log_in(fresh(), "bob")
    ended(bob)
    bob.post("/o/testi/holds/", {"people": "7700199", "note": "case 12", "reason": "dispute"})
    assert "7700199" not in str(dict(bob.session))
    log_in(bob, "bob")
    page = bob.get("/again/")
    assert "case 12" in text(page)
    assert "you are asked for them again" in text(page)
    ended(bob)
    bob.post("/o/testi/person/", {"number": "7700199"})
    assert "7700199" not in str(dict(bob.session))


def test_a_password_is_not_kept(people):
    bob = log_in(fresh(), "bob")
    ended(bob)
    bob.post("/account/password/", {"oldpassword": PASSWORD, "password1": "x", "password2": "x"})
    assert "kept_form" not in bob.session


def test_what_is_shown_again_is_asked_for_its_right_again(people, clock):
    olga = log_in(fresh(), "olga")
    ended(olga)
    olga.post("/o/testi/stop/resume/", {})
    clock.shift(31)
    log_in(olga, "olga")
    assert olga.post("/o/testi/stop/resume/", {}).status_code == 403


def test_a_form_from_before_the_last_log_in_is_shown_again_if_it_is_ours(people):
    bob = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    bob.force_login(people["bob"])
    bob.get("/o/testi/nights/")
    stale = bob.post(STOP, {"reason": REASON, "csrfmiddlewaretoken": "x" * 64}, headers={"Origin": "http://testserver"})
    assert stale["Location"] == "/again/"
    assert not StopEvent.objects.exists()
    assert "Varmuuskopio" in text(bob.get("/again/"))
    for origin in ("https://example.org", "null", None):
        headers = {"Origin": origin} if origin else {}
        other = bob.post(STOP, {"reason": "from elsewhere"}, headers=headers)
        assert other.status_code == 403
        assert "This form is too old" in text(other)
        assert "from elsewhere" not in str(dict(bob.session))


def test_a_page_that_is_drawn_in_parts_goes_to_the_log_in_as_a_whole(people):
    answer = fresh().get("/o/testi/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/login/?next=/o/testi/")


def test_a_form_that_is_sent_twice_is_done_once(people):
    bob = log_in(fresh(), "bob")
    once = r'name="once" value="([^"]+)"'
    told = {
        "once": found(once, bob.get("/o/testi/holds/")),
        "people": "100001",
        "reason": "dispute",
        "owner": "legal",
        "review_by": "2027-06-01",
    }
    before = Hold.objects.count()
    assert bob.post("/o/testi/holds/", {**told, "review_by": "soon"}).status_code == 422
    again = found(once, bob.get("/o/testi/holds/"))
    assert again != told["once"]
    bob.post("/o/testi/holds/", {**told, "once": again})
    twice = bob.post("/o/testi/holds/", {**told, "once": again}, follow=True)
    assert "not done a second time" in text(twice)
    assert Hold.objects.count() == before + 1


def test_what_failed_may_be_sent_again(people, monkeypatch):
    bob = log_in(fresh(), "bob")
    bob.raise_request_exception = False

    def broken(*args):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(holds, "stop", broken)
        assert bob.post(STOP, {"reason": "x", "once": "1"}).status_code == 500
    bob.post(STOP, {"reason": "x", "once": "1"})
    assert StopEvent.objects.count() == 1
