"""Whose night begins when, whom the sweeper wakes, and what a message may carry."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis
import time_machine
from celery.beat import Service
from django.db.models.functions import Now

from retention.leases import owner
from retention.models import NightStep, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.outlook import count
from retention.plan import plan_of
from retention.runs import request
from retention.steps import begin
from ropa.models import Organisation
from tests.retention.company import NOW, TODAY, document, found_company, publish
from worker.schedule import outdated, request_tonight, tonight, turn, waiting

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


class TestFair:
    """No organisation's night waits while another's has several workers."""

    @pytest.fixture
    def other(self, company):
        other = Organisation.objects.create(slug="toinen", name="Toinen")
        content = document()
        content["organisation"]["slug"] = "toinen"
        publish(other, content)
        return request(other, TODAY, "test")

    def at_work(self, run, who):
        run.version, run.started_at = run.organisation.versions.latest("number"), NOW
        assert begin(run, plan_of(run.version), who) is not None

    def test_who_comes_to_a_night_that_others_are_at_goes_first_to_one_that_nobody_is_at(self, company, other):
        run = request(company, TODAY, "test")
        assert turn(run) == [run]  # nobody is at either
        with owner() as who, owner() as another:
            self.at_work(run, who)
            assert turn(run) == [other, run]
            assert turn(other) == [other]
            self.at_work(other, another)
            assert turn(run) == [run]

    @pytest.mark.parametrize("why", ["stopped", "refused"])
    def test_one_that_may_not_begin_takes_nobody_away(self, company, other, why):
        run = request(company, TODAY, "test")
        change = {"stop_requested": True} if why == "stopped" else {"stop_reason": "a gap of three days"}
        Run.objects.filter(pk=other.pk).update(**change)
        with owner() as who:
            self.at_work(run, who)
            assert turn(run) == [run]

    def test_a_woken_worker_does_both(self, company, other, tasks, monkeypatch):
        run = request(company, TODAY, "test")
        with owner() as who:
            self.at_work(run, who)
            monkeypatch.setattr(tasks.timezone, "now", lambda: NOW)
            asked = []
            monkeypatch.setattr(tasks, "help_night", lambda one, *how, **more: asked.append(one.organisation.slug))
            tasks.night(run.pk)
        assert asked == ["toinen", "testi"]


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

        monkeypatch.setattr("retention.night_steps.collect_register", fail)
        tasks.night(request(company, TODAY, "api").pk)
        assert "RuntimeError" in caplog.text
        assert "Testihenkilö" not in caplog.text
        assert NightStep.objects.get(kind="collect").problem == "RuntimeError"


class TestBeat:
    """The clock on the wall may jump; what is to be sent is sent within its interval."""

    @pytest.fixture
    def beat(self, tasks):
        return lambda: Service(tasks.app, scheduler_cls=tasks.app.conf.beat_scheduler).get_scheduler()

    def sweeps(self, beat, now):
        """How many it sends when it is asked then, until it wants to sleep; for how long."""
        sent: list[str] = []
        beat.apply_entry = lambda entry, producer=None: sent.append(entry.name)
        with time_machine.travel(now, tick=False):
            while (pause := beat.tick()) == 0:
                pass
        return sent.count("sweep"), pause

    def test_it_goes_on_when_the_clock_was_a_year_ahead(self, beat, settings):
        every = timedelta(seconds=settings.SWEEP_SECONDS)
        with time_machine.travel(NOW, tick=False):
            one = beat()
        assert self.sweeps(one, NOW)[0] == 0
        assert self.sweeps(one, NOW + every)[0] == 1
        ahead = NOW + timedelta(days=365)
        assert self.sweeps(one, ahead)[0] == 1
        assert self.sweeps(one, ahead + every)[0] == 1
        back = NOW + 2 * every
        sent, pause = self.sweeps(one, back)
        assert sent == 0
        assert pause <= every.total_seconds()
        assert self.sweeps(one, back + every)[0] == 1

    def test_no_step_back_delays_it_by_more_than_the_step(self, beat, settings):
        every, second = timedelta(seconds=settings.SWEEP_SECONDS), timedelta(seconds=1)
        with time_machine.travel(NOW, tick=False):
            one = beat()
        for part in range(1, 4):  # a clock that is corrected again and again
            assert self.sweeps(one, NOW + part * every / 4)[0] == 0
            assert self.sweeps(one, NOW + part * every / 4 - second)[0] == 0
        assert self.sweeps(one, NOW + every)[0] == 1

    def test_it_keeps_nothing_on_the_disk(self, beat, data_dir, monkeypatch):
        monkeypatch.chdir(data_dir)
        before = sorted(data_dir.rglob("*"))
        one = beat()
        one.tick()
        one.close()
        assert sorted(data_dir.rglob("*")) == before


def _body(message):
    return base64.b64decode(message["body"]).decode()


def test_what_falls_due_ahead_is_counted_once_a_week_and_not_while_people_are_at_work(company):
    night, noon = datetime(2026, 6, 29, 23, 0, tzinfo=UTC), datetime(2026, 6, 30, 9, 0, tzinfo=UTC)
    Organisation.objects.create(slug="luonnos", name="Ilman versiota")
    assert outdated(noon) == []
    assert outdated(night) == [company]
    count(company, night)
    assert outdated(night + timedelta(days=6, hours=23)) == []
    assert outdated(night + timedelta(days=7)) == [company]


def test_what_was_counted_by_a_clock_that_was_ahead_is_counted_anew(company):
    night = datetime(2026, 6, 29, 23, 0, tzinfo=UTC)
    count(company, night + timedelta(seconds=1))
    assert outdated(night) == [company]
    count(company, night)
    assert outdated(night) == []
