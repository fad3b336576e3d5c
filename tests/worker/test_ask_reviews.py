"""The daily job from the command line and by the schedule, and two workers at it at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from config import env
from ropa.models import ReviewEvent
from ropa.reviews import ask
from tests.ropa.reviewed import ANNA, DPO, START, appoint, days, published, sink
from tests.ropa.test_services import rule
from worker.schedule import at_work

__all__ = ["sink"]


def run(capsys, *arguments):
    with time_machine.travel(START, tick=False):
        call_command("ask_reviews", *arguments)
    return capsys.readouterr()


def test_it_says_what_it_did_what_is_due_and_which_dates_are_near(db, sink, capsys):
    published(datasets={"grounds": [rule("a", kind="need", review_by="2026-01-01")]})
    (told,) = json.loads(run(capsys, "--json").out)
    assert (told["organisation"], told["asked"], told["problems"]) == ("testi", 1, [])
    (due,) = told["due"]
    assert (due["path"], due["state"], due["due_on"]) == ("registers[crm]", "asked", "2026-01-12")
    assert told["dates"] == [
        {
            "path": "datasets[asiakkaat].grounds[a].review_by",
            "what": "review_by",
            "on": "2026-01-01",
            "passed": True,
        }
    ]
    again = run(capsys, "--organisation", "testi")
    assert again.out == "testi: 0 asked, 0 reminded, 0 told to the DPO\n"
    assert len(sink.letters) == 1


def test_it_fails_where_somebody_could_not_be_written_to(db, sink, capsys):
    published()
    sink.refused.add(ANNA)
    with pytest.raises(SystemExit):
        run(capsys)
    said = capsys.readouterr()
    assert "registers[crm]" in said.err
    assert ANNA not in said.err + said.out


def test_an_organisation_without_a_version_is_named(db):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("ask_reviews", "--organisation", "nowhere")


def test_letters_go_while_people_are_at_work(db):
    organisation = published()
    assert [at_work(datetime(2026, 1, 12, hour, 0, tzinfo=UTC)) for hour in (5, 6, 13, 14)] == [
        [],
        [organisation],  # 8.00 there
        [organisation],
        [],
    ]


def test_two_workers_at_once_write_one_letter(own_database, sink, django_db_blocker):
    with django_db_blocker.unblock():

        def found():
            appoint(published())

        def work():
            from ropa.models import Organisation

            for day in (0, 28):
                assert ask(Organisation.objects.get(), days(day)).problems == []

        assert own_database.in_process(found) == 0
        workers = [own_database.start(work) for _ in range(3)]
        from tests.own_database import wait

        assert [wait(pid) for pid in workers] == [0, 0, 0]
    assert [len(sink.to(address)) for address in (ANNA, DPO)] == [2, 1]
    events = own_database.rows("select what, number from ropa_reviewevent order by id")
    assert sorted(events) == [("asked", 1), ("escalated", 1), ("reminded", 1)]


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "ssl"),
    [
        ("", "", 25, False, False),
        ("smtp://mail.example.invalid", "mail.example.invalid", 25, False, False),
        ("smtp+starttls://u:p%40ss@mail.example.invalid", "mail.example.invalid", 587, True, False),
        ("smtps://mail.example.invalid:4465", "mail.example.invalid", 4465, False, True),
    ],
)
def test_mail_by_url(monkeypatch, url, host, port, tls, ssl):
    monkeypatch.setenv("SELOSTE_X", url)
    found = env.mail("SELOSTE_X")
    assert [found[f"EMAIL_{key}"] for key in ("HOST", "PORT", "USE_TLS", "USE_SSL")] == [host, port, tls, ssl]
    assert found["EMAIL_HOST_PASSWORD"] == ("p@ss" if "p%40ss" in url else "")


@pytest.mark.parametrize(("name", "value"), [("mail", "http://x"), ("mail", "smtp://"), ("address", "seloste.fi")])
def test_what_is_no_such_address_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv("SELOSTE_X", value)
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X"):
        getattr(env, name)("SELOSTE_X")


def test_a_link_in_a_letter_needs_somewhere_to_lead(settings):
    from worker.checks import settings_fit_together

    settings.MAIL_URL, settings.PUBLIC_URL = True, ""
    assert [error.id for error in settings_fit_together()] == ["seloste.E003"]
    settings.PUBLIC_URL = "https://seloste.example.invalid"
    assert settings_fit_together() == []


def test_nothing_is_recorded_twice(db, sink):
    organisation = published()
    for _ in range(3):
        ask(organisation, START)
    assert ReviewEvent.objects.count() == 1
