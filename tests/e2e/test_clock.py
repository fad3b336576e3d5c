"""The clock of our machine jumps forward and back, between nights and in the middle of one (P7)."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from tests.e2e.fault_house import TOMORROW, House, one_night
from tests.retention.company import DUE_CUSTOMERS, NOW, SURVIVORS, TODAY
from worker.requested_nights import run_requested
from worker.schedule import request_tonight

pytestmark = pytest.mark.xdist_group("test_clock")
YEAR, DAY = timedelta(days=365), timedelta(days=1)


def hour_comes(house: House, now: datetime) -> None:
    """What the schedule and the queue do when the night's hour has come, by a clock that says `now`."""

    def act() -> None:
        request_tonight(now, NOW.astimezone().time())
        list(run_requested(now, lambda run, why: None))

    assert house.own.in_process(act) == 0


def states(house: House) -> list[tuple[str, str]]:
    asked = "select cast(business_date as varchar(10)), state from retention_run order by business_date"
    return [(str(day), str(state)) for day, state in house.own.rows(asked)]


class TestForward:
    def test_a_year_at_once_waits_for_a_person_and_is_nothing_when_the_clock_is_right_again(self, house):
        hour_comes(house, NOW)
        assert house.crm.customers() == SURVIVORS
        hour_comes(house, NOW + YEAR)
        assert house.crm.customers() == SURVIVORS  # 1004 falls due on the next day
        far = (TODAY + YEAR).isoformat()
        ((why,),) = house.own.rows(f"select stop_reason from retention_run where business_date = '{far}'")
        assert "365 days since the last night" in why
        hour_comes(house, NOW + DAY)
        assert states(house) == [
            (TODAY.isoformat(), "finished"),
            (TOMORROW.isoformat(), "finished"),
            (far, "requested"),
        ]
        house.whole()

    @pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=5), YEAR])
    def test_nothing_goes_where_the_register_knows_the_time(self, house, ahead):
        """Before the first night there is no gap that could be noticed, and five days are none."""

        def nightly() -> None:
            with time_machine.travel(datetime.now(UTC) + ahead):
                call_command("nightly", stdout=StringIO(), stderr=StringIO())

        assert house.own.in_process(nightly) == 1
        assert house.crm.customers() == SURVIVORS | DUE_CUSTOMERS
        ((day,),) = house.own.rows("select business_date from retention_run")
        problems = house.problems(day)
        assert set(problems) == {"tiketit", "asiakastiedot"}
        assert all("seconds off ours" in problem for problem in problems.values())
        house.sound()


class TestBack:
    def test_a_day_after_a_night(self, house):
        """That date is covered: nobody asks for it, and who does is told so."""
        hour_comes(house, NOW)
        hour_comes(house, NOW - DAY)
        assert house.nightly(TODAY - DAY) == 1
        assert states(house) == [(TODAY.isoformat(), "finished")]
        house.whole(TODAY)
        hour_comes(house, NOW + DAY)
        house.whole()

    @pytest.mark.parametrize("point", ["intent journalled", "disposed"])
    def test_a_day_in_the_middle_of_a_night(self, house, point):
        """The earlier date's night does not begin: what the later one left open would be settled under another date."""
        seen = []

        def killed(told: str) -> None:
            seen.append(told)
            if seen.count(point) == 3:  # the customers' first chunk: 1001, and 1003, who is due today
                os.kill(os.getpid(), signal.SIGKILL)

        assert house.own.in_process(lambda: one_night(TODAY, killed)) == -signal.SIGKILL
        went = point == "disposed"
        assert ("1003" in house.crm.customers()) is not went
        hour_comes(house, NOW - DAY)
        assert ("1003" in house.crm.customers()) is not went
        assert house.open_intents() == 1
        house.sound()
        house.traced()
        hour_comes(house, NOW)
        house.whole(TODAY)
        hour_comes(house, NOW + DAY)
        house.whole()
