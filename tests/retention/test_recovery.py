"""A chunk that was in flight when a night was killed, and what was decided before the next one."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import pytest

from retention.approvals import approve
from retention.evidence_check import verify
from retention.holds import Placed, place
from retention.holds import resume as resume_stopped
from retention.holds import stop as stop_registers
from retention.models import Attempt, DatasetNight, EvidenceHead, Lot, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.runs import stop, succeeded
from tests.retention.company import (
    DUE_CUSTOMERS,
    NOW,
    SURVIVORS,
    TODAY,
    controller,
    customers,
    document,
    found_company,
    publish,
)
from tests.retention.test_holds import two_questions

POLICY = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
DAY = timedelta(days=1)
TOMORROW = TODAY + DAY


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


def interrupt(company, point="intent journalled", dataset="asiakastiedot", chunk=500, today=TODAY):
    """Kill the night at a point of a chunk of this dataset."""

    def kill(reached):
        in_flight = Attempt.objects.filter(lot__dataset=dataset, state="intent").exists()
        if reached == point and (in_flight or point.startswith("evaluated")):
            raise Killed

    with pytest.raises(Killed):
        run_night(company, today, NOW + (today - TODAY), chunk=chunk, at=kill)


def crm(data_dir, statement, *arguments):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as register:
        register.execute(statement, arguments)
    register.close()


class TestStoppedSince:
    @pytest.mark.parametrize("registers", [None, ["crm"]])
    def test_what_was_in_flight_is_not_sent_again_until_the_stop_is_taken_back(self, company, data_dir, registers):
        interrupt(company)
        stop_registers(company, registers, "controller", "epäily virheestä")
        run = run_night(company, TODAY, NOW)
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert not succeeded(run)
        resume_stopped(company, registers, "controller")
        run_night(company, TOMORROW, NOW + DAY)
        assert not DUE_CUSTOMERS & customers(data_dir)


def test_a_killed_night_that_was_stopped_since_does_not_go_on_by_itself(company, data_dir):
    interrupt(company, "evaluated asiakastiedot")
    stop(Run.objects.get(), "controller", "epäily virheestä")
    assert run_night(company, TODAY, NOW).state == RunState.STOPPED
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
    assert run_night(company, TODAY, NOW).state == RunState.FINISHED


def test_on_an_incomplete_ledger_nothing_in_flight_is_sent_again(company, data_dir):
    interrupt(company)
    crm(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where asiakasnro = '1001'")
    crm(data_dir, "update sopimus set alku = '2025-01-01' where sopimusnro = 'S3'")  # ends before it starts
    run_night(company, TODAY, NOW)
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS


class TestDecidedOtherwiseSince:
    @pytest.mark.parametrize("chunk", [1, 500])
    def test_other_rules_void_the_rest_of_the_lot_and_what_is_in_flight(self, data_dir, db, chunk):
        company = found_company(data_dir, {**POLICY, "approval": "one"})
        run_night(company, TODAY, NOW)
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation), lot.digest)
        interrupt(company, chunk=chunk, today=TOMORROW)
        changed = document({**POLICY, "approval": "one"})
        changed["datasets"][1]["grounds"][1]["period"] = "P2Y"
        publish(company, changed, 2, (TODAY + 2 * DAY).isoformat())
        run_night(company, TODAY + 2 * DAY, NOW + 2 * DAY)
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        lot.refresh_from_db()
        assert lot.state == "withdrawn"
        assert Lot.objects.filter(dataset="asiakastiedot", state="flagged", version__number=2).count() == 1

    @pytest.mark.parametrize("mode", ["observe", "flag"])
    def test_a_policy_that_purges_no_longer_leaves_what_is_in_flight(self, company, data_dir, mode):
        interrupt(company)
        publish(company, document({**POLICY, "mode": mode}), 2, TOMORROW.isoformat())
        run_night(company, TOMORROW, NOW + DAY)
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert not Attempt.objects.filter(state="intent").exists()

    def test_what_had_gone_before_the_kill_is_counted_as_recovered(self, company, data_dir):
        interrupt(company, "disposed")
        publish(company, document({**POLICY, "mode": "observe"}), 2, TOMORROW.isoformat())
        run_night(company, TOMORROW, NOW + DAY)
        assert customers(data_dir) == SURVIVORS
        lot = Lot.objects.get(dataset="asiakastiedot")
        assert (lot.state, lot.tally) == ("withdrawn", {"recovered": 3})


def test_what_a_later_night_recovers_stands_in_that_night(company):
    interrupt(company, "disposed")
    run = run_night(company, TOMORROW, NOW + DAY)
    row = next(row for row in run.summary["datasets"] if row["dataset"] == "asiakastiedot")
    assert row["destroyed"] == 4  # three recovered, and 1004 fell due
    assert DatasetNight.objects.get(run=run, dataset="asiakastiedot").counts["outcomes"]["recovered"] == 3
    assert run.state == RunState.FINISHED


@pytest.mark.parametrize("dropped", [False, True], ids=["", "of a dataset that there is no more"])
def test_what_a_night_that_never_ended_destroyed_is_told_by_the_next(company, dropped):
    """It was stopped after its first dataset, and nobody resumes it."""

    def at(point):
        if point.startswith("evaluated ") and Attempt.objects.filter(state="outcome").exists():
            stop(Run.objects.get(), "dpo", "väärä sääntö")

    broken_off = run_night(company, TODAY, NOW, at=at)
    went = Attempt.objects.get(run=broken_off)
    first, gone = went.lot.dataset, went.tally["destroyed"]
    assert (broken_off.state, gone > 0) == (RunState.STOPPED, True)
    if dropped:
        content = document(POLICY)
        content["datasets"] = [one for one in content["datasets"] if one["id"] != first]
        publish(company, content, 2, TOMORROW.isoformat())
    run = run_night(company, TOMORROW, NOW + DAY)
    assert succeeded(run)
    told = {row["dataset"]: row["destroyed"] for row in run.summary["datasets"]}
    assert told[first] >= gone
    signed = {json.loads(head.body)["chain"]: head for head in EvidenceHead.objects.order_by("number")}
    assert [*signed] == [TODAY.isoformat(), TOMORROW.isoformat()]
    assert json.loads(signed[TOMORROW.isoformat()].body)["counts"]["purged"] == sum(told.values())
    assert verify(company.slug)
    next_one = run_night(company, TOMORROW + DAY, NOW + 2 * DAY)
    assert next_one.summary["purged"] == 0
    assert EvidenceHead.objects.count() == 3
    assert verify(company.slug)


def test_what_went_before_the_kill_is_recovered_though_a_hold_comes_between_two_calls(company):
    two_questions()
    seen = []

    def kill(point):
        seen.append(point)
        if seen.count("disposed") == 2:
            raise Killed

    with pytest.raises(Killed):
        run_night(company, TODAY, NOW, at=kill)
    placed: list[Placed] = []

    def hold(point):
        if point == "before disposal" and not placed:
            placed.append(
                place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, TODAY + 90 * DAY, by="dpo")
            )

    run_night(company, TODAY, NOW, at=hold)
    assert placed[0].in_flight
    assert Lot.objects.get(dataset="tiketit").tally == {"recovered": 3}


def test_of_what_a_hold_saves_between_two_calls_only_that_is_held(company, data_dir):
    two_questions()
    interrupt(company, dataset="tiketit")
    placed: list[Placed] = []

    def hold(point):
        if point == "before disposal" and not placed:
            placed.append(
                place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, TODAY + 90 * DAY, by="dpo")
            )

    run_night(company, TODAY, NOW, at=hold)
    assert Lot.objects.get(dataset="tiketit").tally == {"destroyed": 1, "held": 2}
    run_night(company, TOMORROW, NOW + DAY)
    assert Lot.objects.get(dataset="tiketit").tally == {"destroyed": 1, "held": 2}
