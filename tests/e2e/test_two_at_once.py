"""The same night wanted twice at once: it runs once, nothing is done twice, nobody waits for ever."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import redis
from django.core.management import call_command
from django.db import connection

from retention.night import run_night
from retention.runs import request, stop
from ropa.models import Organisation
from tests.composed import command, environment, running, until
from tests.e2e.fault_house import INTENTS, PATIENCE_SECONDS, TOMORROW, House, one_night, wait_for
from tests.own_database import wait
from tests.retention.company import NOW, TODAY
from worker.schedule import request_tonight

pytestmark = pytest.mark.xdist_group("test_two_at_once")

WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
on_postgresql = pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)


def together(house: House, *acts) -> list[int]:
    """Each in a process of its own, all let go at once; their exit statuses."""
    barrier = get_context("fork").Barrier(len(acts))

    def one(act) -> None:
        barrier.wait(PATIENCE_SECONDS)
        act()

    return [wait(pid) for pid in [house.own.start(partial(one, act)) for act in acts]]


def nightly(day=TODAY) -> None:
    call_command("nightly", on=day, stdout=StringIO(), stderr=StringIO())


def once(house: House) -> None:
    """One run, each of its steps done, no key sent twice, one entry of each that there is one of, one head."""
    assert house.own.rows("select business_date, state from retention_run") in (
        [(TODAY, "finished")],
        [(TODAY.isoformat(), "finished")],
    )
    assert house.own.rows("select distinct state from retention_nightstep") == [("done",)]
    told = house.own.rows("select kind, count(*) from retention_evidenceentry group by kind")
    assert {kind: number for kind, number in told if kind.startswith("night_")} == {
        "night_started": 1,
        "night_finished": 1,
    }
    assert house.own.rows("select count(*) from retention_evidencehead") == [(1,)]
    sent = [key for (body,) in house.own.rows(INTENTS) for key in json.loads(body)["keys"]]
    assert len(sent) == 6
    house.whole(TODAY)
    house.traced()


class TestCommands:
    def test_three_at_once_run_one_night(self, house):
        assert together(house, nightly, nightly, nightly) == [0, 0, 0]
        once(house)

    def test_two_dates_at_once(self, house):
        """Whichever begins first: the other is refused, or comes after it; nothing goes twice."""
        statuses = together(house, nightly, partial(nightly, TOMORROW))
        assert 0 in statuses
        states = dict(house.own.rows("select cast(business_date as varchar(10)), state from retention_run"))
        assert "finished" in states.values()
        assert house.nightly(TOMORROW) == 0
        house.sound()
        house.traced()
        found = house.tallies()
        assert found == {"destroyed": 7}

    def test_two_at_once_after_one_was_killed(self, house):
        def killed(point: str) -> None:
            if point == "disposed":
                os.kill(os.getpid(), signal.SIGKILL)

        assert house.own.in_process(partial(one_night, TODAY, killed)) == -signal.SIGKILL
        assert together(house, nightly, nightly) == [0, 0]
        house.whole(TODAY)
        house.traced()


class TestAskedTwice:
    def test_by_two_schedules_an_api_and_a_command_at_once(self, house):
        def schedule() -> None:
            request_tonight(NOW, NOW.time())

        def api() -> None:
            request(Organisation.objects.get(), TODAY, "api")

        assert together(house, schedule, schedule, api, api, nightly) == [0] * 5
        once(house)

    def test_again_when_it_is_over(self, house):
        assert house.nightly(TODAY) == 0
        for ask in (nightly, lambda: request(Organisation.objects.get(), TODAY, "api"), nightly):
            assert house.own.in_process(ask) == 0
        once(house)

    @on_postgresql
    def test_a_night_that_was_stopped_asked_for_again_by_two(self, house):
        """One has seen that it is stopped, and writes that it is wanted only when the other has begun it already."""
        context = get_context("fork")
        about_to_write, begun, may_go_on = context.Event(), context.Event(), context.Event()

        def slow() -> None:
            def stand_still(execute, sql, params, many, context):
                if sql.startswith('UPDATE "retention_run"'):
                    about_to_write.set()
                    wait_for(lambda: begun.is_set() or house.own.rows(WAITING), "the other begins, or waits for us")
                return execute(sql, params, many, context)

            organisation = Organisation.objects.get()
            with connection.execute_wrapper(stand_still):
                request(organisation, TODAY, "api")

        def quick() -> None:
            def at(point: str) -> None:
                if point == "begin done":
                    begun.set()
                    assert may_go_on.wait(PATIENCE_SECONDS)

            assert about_to_write.wait(PATIENCE_SECONDS)
            one_night(TODAY, at)

        assert house.own.in_process(_stopped_night) == 0
        pids = [house.own.start(slow), house.own.start(quick)]
        assert wait(pids[0]) == 0
        may_go_on.set()
        assert wait(pids[1]) == 0
        assert house.run()[0] == "finished"
        house.whole(TODAY)


class TestBeats:
    """compose.yaml's own commands, two of each, on the same data directory, database and broker."""

    @pytest.fixture
    def settings_of(self, house, redis_server) -> dict[str, str]:
        broker = f"redis://127.0.0.1:{redis_server.port}/2"
        with redis.Redis.from_url(broker) as connection:
            connection.flushdb()
        due = datetime.now(ZoneInfo("Europe/Helsinki")) - timedelta(minutes=1)
        return environment(
            house.own.directory,
            SELOSTE_DATABASE_URL=house.own.url,
            SELOSTE_REDIS_URL=broker,
            SELOSTE_NIGHT_AT=due.strftime("%H:%M"),
            SELOSTE_SWEEP_SECONDS="1",
        )

    def test_two_schedules_and_two_workers_run_one_night(self, house, settings_of, tmp_path):
        with ExitStack() as stack:

            def start(service: str, number: int, *more: str) -> Path:
                log: Path = tmp_path / f"{service}{number}.log"
                stack.enter_context(running([*command(service), *more], settings_of, log))
                return log

            beats = [start("beat", n) for n in range(2)]
            logs = (*beats, *(start("worker", n, "--hostname", f"w{n}@%h") for n in range(2)))
            for beat in beats:
                until(partial(sends, beat), "it sends", logs=logs)
            asked = "select distinct state from retention_nightstep"
            until(lambda: house.own.rows(asked) == [("done",)], "the night ends", logs=logs)
        assert not [log for log in logs if "Traceback" in log.read_text() or "corrupted" in log.read_text()]
        house.sound()
        house.traced()
        assert house.open_intents() == 0
        assert house.own.rows("select state from retention_run") == [("finished",)]
        assert house.own.rows("select distinct tries from retention_nightstep") == [(1,)]
        sent = [key for (body,) in house.own.rows(INTENTS) for key in json.loads(body)["keys"]]
        assert house.tallies() == {"destroyed": len(sent)}
        assert house.left() == set()
        assert house.own.rows("select count(*) from retention_evidencehead") == [(1,)]


def sends(beat: Path) -> bool:
    return beat.read_text().count("Sending due task sweep") > 1


def _stopped_night() -> None:
    run = request(Organisation.objects.get(), TODAY, "api")
    stop(run, "controller", "look")
    run_night(run.organisation, TODAY, NOW)
    run.refresh_from_db()
    assert run.state == "stopped", run.state
