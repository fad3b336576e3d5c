"""Whose night begins when, whom the sweeper wakes, and what a message may carry."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis
from django.db.models.functions import Now

from retention.leases import owner
from retention.models import NightStep, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.plan import plan_of
from retention.runs import request
from retention.steps import begin
from ropa.models import Organisation
from tests.retention.company import NOW, TODAY, document, found_company, publish
from worker.schedule import request_tonight, tonight, waiting

HELSINKI = ZoneInfo("Europe/Helsinki")
TWO = time(2, 0)


@pytest.fixture
def company(db, data_dir):
    return found_company(data_dir)


@pytest.mark.parametrize(
    ("now", "at", "day"),
    [
        ("2026-06-29T22:59:59", TWO, None),
        ("2026-06-29T23:00:00", TWO, date(2026, 6, 30)),  # 02.00 in Helsinki
        ("2026-06-30T04:59:59", TWO, date(2026, 6, 30)),
        ("2026-06-30T05:00:00", TWO, None),  # people are at work
        ("2026-06-30T19:59:00", time(23, 0), None),
        ("2026-06-30T20:00:00", time(23, 0), date(2026, 6, 30)),
        ("2026-06-30T21:30:00", time(23, 0), date(2026, 6, 30)),  # past midnight it is still that night
        ("2026-03-29T00:59:00", time(3, 30), None),
        ("2026-03-29T01:00:00", time(3, 30), date(2026, 3, 29)),  # there is no 03.30 that night
        ("2026-10-25T00:10:00", time(3, 30), None),
        ("2026-10-25T00:30:00", time(3, 30), date(2026, 10, 25)),  # and here there are two
        ("2026-10-25T01:30:00", time(3, 30), date(2026, 10, 25)),
    ],
)
def test_the_night_is_that_of_the_clock_on_the_wall(now, at, day):
    assert tonight(HELSINKI, datetime.fromisoformat(now).replace(tzinfo=UTC), at) == day


def test_each_organisation_is_asked_once_at_its_own_hour(company):
    other = Organisation.objects.create(slug="toinen", name="Toinen", time_zone="Atlantic/Azores")
    content = document()
    content["organisation"]["slug"] = "toinen"
    publish(other, content)
    Organisation.objects.create(slug="luonnos", name="Ilman versiota")
    now = datetime(2026, 6, 29, 23, 0, tzinfo=UTC)
    assert [(run.organisation.slug, run.business_date) for run in request_tonight(now, TWO)] == [("testi", TODAY)]
    assert request_tonight(now, TWO) == []
    later = now + timedelta(hours=3)
    assert [run.organisation.slug for run in request_tonight(later, TWO)] == ["toinen"]
    assert Run.objects.count() == 2


def test_a_date_that_was_missed_is_not_asked_for_once_a_later_one_has_run(company):
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert request_tonight(datetime(2026, 6, 30, 0, 0, tzinfo=UTC), TWO) == []


class TestWhomItWakes:
    def test_for_what_was_asked_for_and_for_what_was_left(self, company):
        run = request(company, TODAY, "api")
        assert list(waiting()) == [(run, 1)]
        run.version = company.versions.get()
        with pytest.raises(ZeroDivisionError), owner() as who:
            begin(run, plan_of(run.version), who)
            assert list(waiting()) == []  # somebody is at the only step that is free
            raise ZeroDivisionError
        assert list(waiting()) == [(run, 1)]

    def test_for_each_step_that_is_free_beside_those_who_work(self, company):
        run = Run.objects.create(organisation=company, business_date=TODAY, state=RunState.RUNNING)
        NightStep.objects.bulk_create(NightStep(run=run, position=n, kind="work", register=f"r{n}") for n in range(3))
        with owner() as who:
            NightStep.objects.filter(position=0).update(state="running", lease_owner=who.token, lease_until=who.until)
            assert list(waiting()) == [(run, 2)]
            NightStep.objects.filter(position=0).update(lease_owner="elsewhere", lease_until=Now())
            assert list(waiting()) == [(run, 1)]  # it is left by everybody: one begins it anew

    @pytest.mark.parametrize("state", [RunState.STOPPED, RunState.FINISHED])
    def test_for_nothing_that_is_over(self, company, state):
        Run.objects.create(organisation=company, business_date=TODAY, state=state)
        assert list(waiting()) == []


@pytest.fixture
def tasks(redis_server, settings, monkeypatch):
    """The tasks, on a broker that nobody listens to."""
    settings.REDIS_URL = f"redis://127.0.0.1:{redis_server.port}/1"
    for name in ("worker.tasks", "worker.app"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import worker.tasks

    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.flushdb()
        yield worker.tasks
        worker.tasks.night.app.close()
    for name in ("worker.tasks", "worker.app"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def sent(settings):
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        return [json.loads(message) for message in broker.lrange("nights", 0, -1)]


class TestMessages:
    def test_they_carry_a_runs_id_and_no_moment(self, company, tasks, settings):
        run = request(company, TODAY, "api")
        tasks.sweep()
        night = [message for message in sent(settings) if message["headers"]["task"] == "seloste.night"]
        (message,) = [one for one in night if json.loads(_body(one))[0] == [run.pk]]
        assert json.loads(_body(message))[:2] == [[run.pk], {}]
        assert message["content-type"] == "application/json"
        assert message["headers"]["eta"] is None
        assert "testi" not in json.dumps(message) + _body(message)

    def test_without_a_broker_nothing_breaks_and_the_row_waits(self, company, tasks, caplog):
        tasks.night.app.conf.broker_url = "redis://127.0.0.1:1/0"
        run = request(company, TODAY, "api")
        tasks.wake(run.pk)
        assert "the next sweep finds what waits" in caplog.text
        assert [found.pk for found, _ in waiting()] == [run.pk]

    def test_one_for_a_run_that_is_gone_or_over_is_nothing(self, company, tasks):
        run = run_night(company, TODAY, NOW)
        before = list(NightStep.objects.values())
        tasks.night(run.pk)
        tasks.night(run.pk + 1000)
        assert list(NightStep.objects.values()) == before

    def test_a_night_that_may_not_run_keeps_its_reason(self, company, tasks):
        run = request(company, date(2126, 1, 1), "api")
        tasks.night(run.pk)
        run.refresh_from_db()
        assert run.state == RunState.REQUESTED
        assert "has not begun yet" in run.stop_reason

    def test_an_error_that_is_not_ours_is_told_without_its_text(self, company, tasks, monkeypatch, caplog):
        def fail(*arguments, **more):
            raise RuntimeError("Testihenkilö 1001")

        monkeypatch.setattr("retention.night_steps._collect", fail)
        tasks.night(request(company, TODAY, "api").pk)
        assert "RuntimeError" in caplog.text
        assert "Testihenkilö" not in caplog.text
        assert NightStep.objects.get(kind="collect").problem == "RuntimeError"


def _body(message):
    return base64.b64decode(message["body"]).decode()
