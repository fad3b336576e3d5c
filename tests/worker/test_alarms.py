"""`manage.py alarms`, its exit code, the schedule's task, and settings that could tell nobody."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from config import env
from retention.evidence_log import copy_heads
from retention.models import Alarm, AlarmDelivery, DatasetNight
from retention.night import run_night
from ropa.models import Organisation
from tests.retention.alarmed import ADMIN, appoint, hook, sink
from tests.retention.company import NOW, TODAY, found_company
from worker.checks import settings_fit_together

__all__ = ["hook", "sink"]

MORNING = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def company(db, data_dir):
    found = found_company(data_dir)
    appoint(found)
    return found


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(MORNING, tick=False):
        yield


def alarms(capsys, *arguments):
    code = 0
    try:
        call_command("alarms", "--language", "en", *arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_look_shows_and_records_nothing(company, sink, capsys):
    code, out, _ = alarms(capsys, "--look")
    assert (code, Alarm.objects.count(), sink.letters) == (1, 0, [])
    assert "The night of 1\u00a0July\u00a02026 has not run, and none has ever ended." in out


def test_it_records_tells_and_ends_with_one_while_something_is_open(company, sink, capsys):
    code, out, err = alarms(capsys, "--organisation", "testi")
    alarm = Alarm.objects.get()
    assert (code, len(sink.to(ADMIN)), err) == (1, 1, "")
    assert f"testi: {alarm.pk} open: The night of 1\u00a0July\u00a02026 has not run" in out
    code, out, _ = alarms(capsys, "--acknowledge", str(alarm.pk), "--until", "2026-07-02", "--reason", "x", "--by", "y")
    assert (code, out) == (0, f"Alarm {alarm.pk} is quiet through 2\u00a0July\u00a02026. It is not over.\n")
    code, out, _ = alarms(capsys, "--json")
    (row,) = json.loads(out)
    assert (code, row["alarms"][0]["state"], len(sink.letters)) == (1, "acknowledged", 1)


def test_it_ends_with_zero_once_all_is_well(company, sink, capsys):
    run_night(company, TODAY, NOW)
    run_night(company, date(2026, 7, 1), MORNING - timedelta(hours=3))
    copy_heads("testi")
    code, out, _ = alarms(capsys)
    assert code == 1
    assert "lacks the date from which its time runs" in out
    DatasetNight.objects.update(counts={})
    assert alarms(capsys)[:2] == (0, "testi: No alarm is open.\n")


def test_what_could_not_be_delivered_is_shown(company, sink, capsys):
    sink.refused.add(ADMIN)
    code, _, err = alarms(capsys)
    assert code == 1
    assert "Messages that could not be delivered yet: 1" in err
    assert ADMIN not in err


def test_it_says_that_nobody_is_told(company, capsys):
    assert "Nobody is told: alarms go to the log only." in alarms(capsys)[2]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--organisation", "nowhere"], "nowhere"),
        (["--acknowledge", "1"], "--until"),
        (["--acknowledge", "9", "--until", "2026-07-02"], "no alarm 9"),
    ],
)
def test_what_cannot_be_done_is_named(company, arguments, wrong):
    with pytest.raises(CommandError, match=wrong):
        call_command("alarms", *arguments)


def test_the_schedule_looks_and_delivers(company, hook, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    from worker.tasks import alarms as task

    task()
    task()
    assert [told["kind"] for told in hook.messages()] == ["night_missing"]
    assert AlarmDelivery.objects.get().state == "sent"


def test_where_one_organisation_cannot_be_looked_at_the_others_are(company, sink, monkeypatch, capsys, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    from retention.alarms import looking
    from worker import tasks
    from worker.management.commands import alarms as command

    second = Organisation.objects.create(slug="toinen", name="Toinen Oy")
    look = looking.look
    looked = []

    def failing(organisation, now):
        if organisation == company:
            raise ZeroDivisionError
        looked.append(organisation.slug)
        return look(organisation, now)

    for place in (tasks, command):
        monkeypatch.setattr(place, "watched", lambda: [company, second])
        monkeypatch.setattr(place, "look", failing)
    with pytest.raises(ZeroDivisionError):
        tasks.alarms()
    with pytest.raises(ZeroDivisionError):
        alarms(capsys)
    assert looked == ["toinen", "toinen"]
    assert "testi: ZeroDivisionError" in capsys.readouterr().err


def test_settings_that_would_tell_nobody_stop_the_start(settings):
    settings.ALARM_WEBHOOK_URL, settings.ALARM_WEBHOOK_SECRET = "https://example.invalid/a", ""
    settings.ALARM_MAIL = [["ops@example.invalid"]]
    assert [error.id for error in settings_fit_together()] == ["seloste.E004", "seloste.E005"]


def test_addresses_stand_in_levels(monkeypatch):
    monkeypatch.setenv("SELOSTE_X", "a@example.invalid, b@example.invalid;; c@example.invalid")
    assert env.addresses("SELOSTE_X") == [["a@example.invalid", "b@example.invalid"], [], ["c@example.invalid"]]
    monkeypatch.setenv("SELOSTE_X", "")
    assert env.addresses("SELOSTE_X") == []
    monkeypatch.setenv("SELOSTE_X", "Matti Meikäläinen")
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X") as refused:
        env.addresses("SELOSTE_X")
    assert "Matti" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://example.invalid/x", "ftp://127.0.0.1/x", "https://"])
def test_a_webhook_is_reached_over_tls_or_not_at_all(monkeypatch, url):
    monkeypatch.setenv("SELOSTE_X", url)
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X"):
        env.webhook("SELOSTE_X")
    for good in ("https://example.invalid/x", "http://127.0.0.1:8080/x", ""):
        monkeypatch.setenv("SELOSTE_X", good)
        assert env.webhook("SELOSTE_X") == good
