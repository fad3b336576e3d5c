"""The page behind a link, as a browser without script and a mail scanner use it."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as settings_module
from django.test import Client

from config.masks import LinkMask
from ropa.models import ReviewEvent
from ropa.review_answers import NothingAskedError, Why, asked_by
from ropa.reviews import ask
from tests.ropa.reviewed import ANNA, DPO, START, again, appoint, days, owned, published, sink
from web import reviews

__all__ = ["sink"]
QUESTION = "Pitävätkö tiedot yhä paikkansa?"


@pytest.fixture(autouse=True)
def clock(settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def address(db, sink):
    organisation = published(datasets=owned(ANNA, "2026-01-01"))
    appoint(organisation)
    assert ask(organisation, START).asked == 1
    (found,) = re.findall(r"https://seloste\.example\.invalid(/review/\S+)", sink.to(ANNA)[0].get_content())
    return found


def browser():
    return Client(enforce_csrf_checks=True)


def fields(page):
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', page.content.decode()))


def send(client, address, **said):
    page = client.get(address)
    return client.post(address, {**fields(page), **said})


def test_looking_changes_nothing_however_often(address):
    before = list(ReviewEvent.objects.values())
    for client in (browser(), browser()):
        for _ in range(3):
            assert client.get(address).status_code == 200
            assert client.head(address).status_code == 200
            assert client.get(f"{address}?answer=unchanged").status_code == 200
    assert list(ReviewEvent.objects.values()) == before


def test_it_shows_the_entry_in_words_and_nothing_of_the_machine(address):
    text = unescape(browser().get(address).content.decode())
    assert QUESTION in text
    assert "Testi Oy" in text
    assert "Rekisteri: CRM" in text
    assert "Asiakaspalvelupäällikkö" in text
    assert ANNA not in text
    assert "env:CRM" not in text


@pytest.mark.parametrize(
    ("language", "said"), [("sv", "Stämmer uppgifterna fortfarande?"), ("en", "Is this still right?")]
)
def test_it_speaks_three_languages(address, language, said):
    text = browser().get(f"{address}?language={language}").content.decode()
    assert said in text
    assert f'<html lang="{language}">' in text
    assert QUESTION in unescape(browser().get(f"{address}?language=xx").content.decode())


def test_it_loads_and_tells_nothing(address):
    page = browser().get(address)
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in page["Cache-Control"]
    assert page["Content-Security-Policy"].startswith("default-src 'none'")
    assert page["Referrer-Policy"] == "same-origin"
    assert set(page.cookies) == {"csrftoken"}
    text = page.content.decode()
    assert "<script" not in text
    assert "src=" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_unchanged_is_recorded_once(address):
    client = browser()
    answer = send(client, address, answer="unchanged")
    assert answer.status_code == 200
    assert "Kiitos" in answer.content.decode()
    event = ReviewEvent.objects.get(what="answered")
    assert (event.answer, event.text, event.email, event.at, len(event.digest)) == ("unchanged", "", ANNA, START, 64)
    again_page = client.get(address)
    assert again_page.status_code == 410
    assert "on jo vastattu" in again_page.content.decode()
    page_of_another = browser()
    page_of_another.get("/login/")
    token = page_of_another.cookies["csrftoken"].value
    late = page_of_another.post(address, {"csrfmiddlewaretoken": token, "answer": "unknown", "seen": event.digest})
    assert late.status_code == 410
    assert ReviewEvent.objects.filter(what="answered").count() == 1


def test_what_has_changed_is_told_to_the_dpo_at_once(address, sink):
    assert send(browser(), address, answer="changed", text="Toimittaja on <b>toinen</b>").status_code == 200
    (letter,) = sink.to(DPO)
    assert "Toimittaja on <b>toinen</b>" in letter.get_content()
    assert ReviewEvent.objects.filter(what="escalated").count() == 1


def test_do_not_know_goes_to_the_dpo_and_a_dead_server_loses_nothing(address, sink, settings):
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert send(browser(), address, answer="unknown").status_code == 200
    assert ReviewEvent.objects.get(what="answered").answer == "unknown"
    settings.EMAIL_PORT = port
    review = ReviewEvent.objects.get(what="answered").review
    assert ask(review.organisation, START).escalated == 1
    assert len(sink.to(DPO)) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "Valitse jokin vastauksista."),
        ({"answer": "perhaps"}, "Valitse jokin vastauksista."),
        ({"answer": "changed", "text": " \n"}, "Kirjoita, mikä on muuttunut"),
        ({"answer": "changed", "text": "x" * 4001}, "enintään 4000"),
    ],
)
def test_an_answer_that_is_none_is_told_and_not_recorded(address, said, told):
    page = send(browser(), address, **said)
    assert page.status_code == 422
    assert told in unescape(page.content.decode())
    assert not ReviewEvent.objects.filter(what="answered").exists()


def test_what_was_written_is_still_there_and_harmless(address):
    text = send(browser(), address, answer="perhaps", text="</textarea><script>").content.decode()
    assert "&lt;/textarea&gt;&lt;script&gt;" in text
    assert "<script" not in text


def test_without_the_forms_token_nothing_is_taken(address):
    client = browser()
    seen = fields(client.get(address))["seen"]
    assert client.post(address, {"seen": seen, "answer": "unchanged"}).status_code == 403
    assert not ReviewEvent.objects.filter(what="answered").exists()


def test_an_entry_that_changed_meanwhile_is_shown_again(address, clock):
    client = browser()
    page = client.get(address)
    organisation = ReviewEvent.objects.get().review.organisation
    again(organisation, date(2026, 1, 13), registers={**owned(ANNA), "name": {"fi": "Uusi nimi"}})
    clock.move_to(days(2))
    answer = client.post(address, {**fields(page), "answer": "unchanged"})
    assert answer.status_code == 409
    text = unescape(answer.content.decode())
    assert "Tiedot ovat muuttuneet" in text
    assert not ReviewEvent.objects.filter(what="answered").exists()
    assert client.post(address, {**fields(answer), "answer": "unchanged"}).status_code == 200


def test_an_entry_that_changed_and_then_went_while_it_was_answered(address, monkeypatch):
    """Between the refusal and the page that shows it again, somebody else answered."""
    client = browser()
    page = client.get(address)
    asked = []

    def once(token, now):
        asked.append(token)
        if len(asked) > 1:
            raise NothingAskedError(Why.ANSWERED)
        return asked_by(token, now)

    def refused(*args):
        raise NothingAskedError(Why.OTHER_NOW)

    monkeypatch.setattr(reviews, "asked_by", once)
    monkeypatch.setattr(reviews, "take_answer", refused)
    answer = client.post(address, {**fields(page), "answer": "unchanged"})
    assert answer.status_code == 410
    assert "Tähän on jo vastattu" in unescape(answer.content.decode())


def test_links_that_ask_nothing(address, clock):
    client = browser()
    wrong = client.get("/review/1-20991231-" + "0" * 64 + "/", headers={"accept-language": "sv"})
    assert wrong.status_code == 404
    assert "Länken är inte känd" in wrong.content.decode()
    assert client.get("/review/x/").status_code == 404
    assert Client().put(address).status_code == 405
    clock.move_to(days(61))
    old = client.get(address)
    assert old.status_code == 410
    assert "vanhentunut" in old.content.decode()


def test_no_log_line_opens_a_link(address, caplog):
    page = send(browser(), address)
    assert page.status_code == 422
    assert caplog.records
    for record in caplog.records:
        assert LinkMask().filter(record)
        assert address.split("/")[2] not in record.getMessage()
        assert "/review/…" in record.getMessage()
    handlers: Any = settings_module.LOGGING["handlers"]
    assert handlers["stderr"]["filters"] == ["links"]
