"""Steps and leases: who may take what, what happens to those who lost it, and several processes at one night."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from retention import steps, verification
from retention.domain.errors import NightError
from retention.evidence_check import verify
from retention.evidence_log import EvidenceLog, Journal
from retention.leases import LeaseLost, known_dead, owner, take
from retention.models import (
    Attempt,
    Collection,
    Connection,
    DatasetNight,
    EvidenceEntry,
    LedgerContract,
    Lot,
    NightStep,
    Run,
)
from retention.models.run import RunState
from retention.models.step import StepState
from retention.night import help_night, run_night
from retention.plan import plan_of
from retention.runs import request, stop
from retention.staging import Staged
from retention.steps import MOST_TRIES, begin, following, steps_of, workers_at
from ropa.models import Organisation
from tests.own_database import OwnDatabase, wait
from tests.retention.company import (
    DUE_CUSTOMERS,
    DUE_TICKETS,
    NOW,
    SURVIVORS,
    TICKETS,
    TODAY,
    customers,
    document,
    found_company,
    make_registers,
    publish,
    tickets,
)

TOMORROW, THEN = TODAY + timedelta(days=1), NOW + timedelta(days=1)
LATER, BEFORE = Now() + timedelta(hours=1), Now() - timedelta(seconds=1)


def plan(organisation):
    return plan_of(organisation.versions.latest("number"))


def named(found):
    return [str(step) for step in found]


def with_three_registers(directory: Path, slug: str = "testi") -> None:
    """Two more registers of tickets beside the first: their work may be done side by side."""
    organisation = Organisation.objects.get(slug=slug)
    content = document()
    content["organisation"]["slug"] = slug
    for code in ("tuki1", "tuki2"):
        path = make_registers(directory / slug / code)
        config = {"url": f"sqlite:///{path}"}
        Connection.objects.create(organisation=organisation, code=code, kind="sql", config=config)
        content["registers"].append({**content["registers"][0], "id": code, "connection": code, "ledger": []})
        content["datasets"].append({**content["datasets"][0], "id": f"tiketit-{code}", "register": code})
    publish(organisation, content, 2, "2020-01-02")


class TestWhichSteps:
    def test_in_the_order_of_one_process(self, company, data_dir):
        with_three_registers(data_dir)
        found = steps_of(plan(company))
        assert named(found) == [
            "begin",
            "collect crm",
            "work crm",
            "work tuki1",
            "work tuki2",
            "read crm",
            "read tuki1",
            "read tuki2",
            "forget",
            "close",
        ]
        by_name = {str(step): {str(found[n]) for n in step.after} for step in found}
        assert by_name["work tuki2"] == {"begin", "collect crm"}
        assert by_name["read crm"] >= {"work crm", "work tuki1", "work tuki2"}
        assert by_name["forget"] >= {"read crm", "read tuki1", "read tuki2"}
        assert "forget" in by_name["close"]

    def test_a_register_waits_for_those_that_it_depends_on(self, company, data_dir, monkeypatch):
        with_three_registers(data_dir)
        monkeypatch.setattr(steps, "order", lambda plan: {"crm": {"tuki2"}, "tuki2": {"tuki1"}, "tuki1": set()})
        found = steps_of(plan(company))
        assert named(found)[2:5] == ["work tuki1", "work tuki2", "work crm"]
        assert {"work tuki1", "work tuki2"} <= {str(found[n]) for n in found[4].after}

    def test_registers_that_wait_for_each_other_are_named_and_no_night_begins(self, company, data_dir, monkeypatch):
        with_three_registers(data_dir)
        monkeypatch.setattr(steps, "order", lambda plan: {"tuki1": {"tuki2"}, "tuki2": {"tuki1"}})
        with pytest.raises(NightError, match="wait for each other: tuki"):
            run_night(company, TODAY, NOW)
        assert Run.objects.get().state == RunState.REQUESTED

    def test_two_sources_that_may_contradict_each_other_are_collected_one_after_the_other(self, company):
        content = document()
        content["registers"].append({**content["registers"][0], "id": "toinen"})
        source = {"id": "suostumukset", "subject_kind": "customer", "place": "s", "subject": "nro"}
        other = [{**source, "events": {"consent_given": "annettu"}}]
        content["registers"].append({**content["registers"][0], "id": "kolmas", "ledger": other})
        publish(company, content, 2, "2020-01-02")
        found = steps_of(plan(company))
        waits = {step.register: {found[n].register for n in step.after} for step in found if step.kind == "collect"}
        assert waits == {"crm": {""}, "toinen": {"", "crm"}, "kolmas": {""}}


@pytest.fixture
def begun(company):
    """A night at whose first step somebody is."""
    run = request(company, TODAY, "test")
    run.version = company.versions.get()
    return run


def first(run, who):
    step = begin(run, plan_of(run.version), who)
    assert step is not None
    return step


class TestLeases:
    def test_a_step_is_taken_once_and_the_next_when_it_is_done(self, begun):
        with owner() as one, owner() as other:
            step = first(begun, one)
            assert str(step) == "begin"
            assert following(begun, other) is None
            assert str(following(begun, one, step)) == "collect crm"
            assert following(begun, other) is None

    def test_ending_a_step_that_somebody_else_has_ends_nothing(self, begun):
        with owner() as one, owner() as other:
            step = first(begun, one)
            NightStep.objects.filter(pk=step.pk).update(lease_owner=other.token)
            with pytest.raises(LeaseLost):
                following(begun, one, step)
            assert NightStep.objects.get(pk=step.pk).state == StepState.RUNNING

    @pytest.mark.parametrize(("until", "taken"), [(LATER, False), (BEFORE, True)])
    def test_of_an_owner_elsewhere_it_is_taken_when_it_ran_out(self, begun, until, taken):
        with owner() as one, owner() as other:
            step = first(begun, one)
            NightStep.objects.filter(pk=step.pk).update(lease_owner="elsewhere", lease_until=until)
            assert (following(begun, other) is not None) is taken

    def test_one_that_was_renewed_since_it_was_looked_at_is_not_taken(self, begun):
        with owner() as one, owner() as other:
            step = first(begun, one)
            NightStep.objects.filter(pk=step.pk).update(lease_until=BEFORE)
            step.refresh_from_db()
            assert one.renew() == 1
            assert not take(step, other)
            one.fence(step)

    def test_of_an_owner_who_is_known_to_be_dead_it_is_taken_at_once(self, begun):
        with pytest.raises(ZeroDivisionError), owner() as one:
            step = first(begun, one)
            assert not known_dead(one.token)
            raise ZeroDivisionError
        assert known_dead(one.token)
        with owner() as other:
            taken = following(begun, other)
        assert taken is not None
        assert (taken.pk, taken.tries) == (step.pk, 2)

    def test_of_one_on_another_machine_a_lock_that_is_not_seen_says_nothing(self, begun, data_dir):
        with pytest.raises(ZeroDivisionError), owner() as one:
            begin(begun, plan_of(begun.version), one)
            raise ZeroDivisionError
        (data_dir / "locks" / f"{one.token}.lease").write_text("7 another-kernel\n")
        assert not known_dead(one.token)
        with owner() as other:
            assert following(begun, other) is None

    def test_who_left_in_order_leaves_no_file(self, db, data_dir):
        with owner():
            assert len(list((data_dir / "locks").iterdir())) == 1
        assert list((data_dir / "locks").iterdir()) == []

    def test_the_files_of_the_dead_are_removed_when_the_next_night_begins(self, company, data_dir):
        with pytest.raises(ZeroDivisionError), owner():
            raise ZeroDivisionError
        run_night(company, TODAY, NOW)
        assert list((data_dir / "locks").iterdir()) == []

    def test_it_is_renewed_while_its_owner_lives(self, own_database):
        """By a thread: what is asked of a register may last longer than any lease."""

        def watch():
            from django.conf import settings

            settings.LEASE_SECONDS = 0.3
            run = Run.objects.create(organisation=Organisation.objects.create(slug="a"), business_date=TODAY)
            with owner() as one:
                held = NightStep.objects.create(
                    run=run, position=0, kind="work", state="running", lease_owner=one.token
                )
                NightStep.objects.filter(pk=held.pk).update(lease_until=one.until)
                ends = [_until(held)]
                deadline = time.monotonic() + 30
                while len(ends) < 4 and time.monotonic() < deadline:
                    if (seen := _until(held)) != ends[-1]:
                        ends.append(seen)
            assert len(ends) == 4
            assert all(a < b for a, b in pairwise(ends))

        assert own_database.in_process(watch) == 0


def _until(step):
    return NightStep.objects.values_list("lease_until", flat=True).get(pk=step.pk)


STEPS, TAKERS = 40, 4


def test_of_many_who_take_at_once_each_step_goes_to_one(own_database):
    barrier = get_context("fork").Barrier(TAKERS)

    def prepare():
        organisation = Organisation.objects.create(slug="testi")
        run = Run.objects.create(organisation=organisation, business_date=TODAY, state=RunState.RUNNING)
        NightStep.objects.bulk_create(
            NightStep(run=run, position=n, kind="work", register=f"r{n}") for n in range(STEPS)
        )

    def take_all():
        run = Run.objects.select_related("organisation").get()
        with owner() as who, (own_database.directory / f"{os.getpid()}.taken").open("w") as told:
            barrier.wait(60)
            while (step := following(run, who)) is not None:
                told.write(f"{step.pk}\n")
            barrier.wait(60)  # nobody is dead before everybody has seen that none is free

    assert own_database.in_process(prepare) == 0
    takers = [own_database.start(take_all) for _ in range(TAKERS)]
    assert [wait(taker) for taker in takers] == [0] * TAKERS
    taken = [line for path in own_database.directory.glob("*.taken") for line in path.read_text().splitlines()]
    assert len(taken) == len(set(taken)) == STEPS
    assert own_database.rows("select distinct tries from retention_nightstep") == [(1,)]


@pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
def test_a_step_that_somebody_is_just_taking_is_passed_over_and_not_waited_for(own_database):
    def take_second():
        organisation = Organisation.objects.create(slug="testi")
        run = Run.objects.create(organisation=organisation, business_date=TODAY, state=RunState.RUNNING)
        NightStep.objects.bulk_create(NightStep(run=run, position=n, kind="work", register=f"r{n}") for n in range(2))
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
        with psycopg.connect(own_database.url) as other, owner() as who:
            other.execute("SELECT * FROM retention_nightstep WHERE position = 0 FOR UPDATE")
            step = following(run, who)
            assert step is not None
            assert step.position == 1
            other.rollback()

    assert own_database.in_process(take_second) == 0


@pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
def test_who_begins_it_anew_beside_one_who_is_just_ending_it_lets_it_end(own_database):
    """Its owner was away for longer than his lease, and ends it all the same: who waited for his step sees that."""

    def both():
        organisation = found_company(own_database.directory)
        run = request(organisation, TODAY, "test")
        run.version, run.started_at = organisation.versions.get(), NOW
        answers = []

        def begin_too():
            try:
                with owner() as another:
                    answers.append(begin(run, plan(organisation), another))
            finally:
                connection.close()

        with owner() as who, psycopg.connect(own_database.url) as ending:
            first = begin(run, plan(organisation), who)
            assert first is not None
            many = run.steps.count()
            NightStep.objects.filter(pk=first.pk).update(lease_until=BEFORE)
            ending.execute("SELECT id FROM retention_nightstep WHERE id = %s FOR NO KEY UPDATE", [first.pk])
            thread = Thread(target=begin_too)
            thread.start()
            with psycopg.connect(own_database.url, autocommit=True) as looking:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                while looking.execute(waiting).fetchone() == (0,):
                    os.sched_yield()
            ending.execute("UPDATE retention_nightstep SET state = 'done' WHERE id = %s", [first.pk])
            ending.execute("UPDATE retention_run SET state = %s WHERE id = %s", [RunState.FINISHED, run.pk])
            ending.commit()
            thread.join()
        run.refresh_from_db()
        assert answers == [None]
        assert (run.state, run.steps.count()) == (RunState.FINISHED, many)

    assert own_database.in_process(both) == 0


def steal(until=LATER):
    """Somebody else takes what is being worked on: its owner was away for longer than its lease."""
    NightStep.objects.filter(state=StepState.RUNNING).update(lease_owner="elsewhere", lease_until=until)


class TestFence:
    """What somebody does no more who lost his lease while he was at a step."""

    def lose(self, company, point, chunk=500):
        reached = []

        def at(here):
            reached.append(here)
            if here == point and reached.count(point) == 1:
                steal()

        run = request(company, TODAY, "test")
        help_night(run, NOW, chunk=chunk, at=at)
        assert point in reached
        assert reached[-1] == point, "nothing more is done of the step, and no other step is free"
        return run

    @pytest.mark.parametrize("point", ["intent committed", "intent journalled", "before disposal"])
    def test_nothing_is_disposed_of(self, company, data_dir, point):
        self.lose(company, point)
        assert tickets(data_dir)[0] == len(TICKETS)
        assert list(Attempt.objects.values_list("state", flat=True)) == ["intent"]

    @pytest.mark.parametrize("point", ["disposed", "sent", "read back"])
    def test_no_outcome_is_written_of_what_went(self, company, data_dir, point):
        self.lose(company, point)
        assert tickets(data_dir)[0] == len(TICKETS) - DUE_TICKETS
        assert list(Attempt.objects.values_list("state", flat=True)) == ["intent"]
        assert not EvidenceEntry.objects.filter(kind="outcome").exists()

    @pytest.mark.parametrize("point", ["intent committed", "before disposal", "disposed", "outcome committed"])
    @pytest.mark.parametrize("chunk", [1, 500])
    def test_who_takes_it_comes_to_the_same_end(self, company, data_dir, point, chunk):
        run = self.lose(company, point, chunk)
        steal(BEFORE)
        assert run_night(company, TODAY, NOW).pk == run.pk
        assert customers(data_dir) == SURVIVORS
        assert tickets(data_dir)[0] == len(TICKETS) - DUE_TICKETS
        for lot in Lot.objects.all():
            assert sum(lot.tally.values()) == lot.size
        verify("testi")

    def test_what_is_written_in_a_transaction_is_undone_with_it(self, company, data_dir):
        """Between two points too: no lot, no evidence, no row of the night."""

        def progress(step, register, detail):
            if step == "evaluate":
                steal()

        help_night(request(company, TODAY, "test"), NOW, progress=progress)
        assert not DatasetNight.objects.exists()
        assert not Lot.objects.exists()
        assert not EvidenceEntry.objects.exclude(kind="night_started").exists()
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS

    def test_no_reading_is_written(self, company, monkeypatch):
        monkeypatch.setattr(verification, "read", _late(verification.read))
        help_night(request(company, TODAY, "test"), NOW)
        assert DatasetNight.objects.exists()
        assert not DatasetNight.objects.exclude(overdue_left=None).exists()

    def test_nothing_collected_is_written(self, company, monkeypatch):
        monkeypatch.setattr(Staged, "fill", _late(Staged.fill))
        help_night(request(company, TODAY, "test"), NOW)
        assert not LedgerContract.objects.exists()
        assert not Collection.objects.exists()

    def test_the_row_stays_ours_until_what_we_write_is_committed(self, own_database):
        """On PostgreSQL a taker passes over a row that a transaction of its owner has asked about."""

        def both():
            organisation = Organisation.objects.create(slug="testi")
            run = Run.objects.create(organisation=organisation, business_date=TODAY, state=RunState.RUNNING)
            with owner() as one:
                NightStep.objects.create(run=run, position=0, kind="work")
                step = following(run, one)
                assert step is not None
                NightStep.objects.update(lease_until=BEFORE)  # and the thread is late
                seen = []
                with transaction.atomic():
                    one.fence(step)
                    if own_database.server:
                        with psycopg.connect(own_database.url) as other:
                            question = "SELECT id FROM retention_nightstep FOR UPDATE SKIP LOCKED"
                            seen.append(other.execute(question).fetchall())
                assert seen in ([], [[]])

        assert own_database.in_process(both) == 0


def _late(asked):
    """The same question, whose answer comes after somebody else has taken the step."""

    def late(*arguments):
        found = asked(*arguments)
        steal()
        return found

    return late


class TestOneNightAtATime:
    def test_another_night_of_the_organisation_is_refused_while_somebody_is_at_one(self, company):
        help_night(request(company, TODAY, "test"), NOW, at=lambda point: steal() if point == "begin done" else None)
        with pytest.raises(NightError, match="another night is running"):
            run_night(company, TOMORROW, THEN)
        assert Run.objects.get(business_date=TOMORROW).state == RunState.REQUESTED

    def test_one_that_everybody_left_waits_again_and_is_covered(self, company, data_dir):
        help_night(request(company, TODAY, "test"), NOW, at=lambda point: steal() if point == "begin done" else None)
        steal(BEFORE)
        seen = []
        run_night(
            company,
            TOMORROW,
            THEN,
            at=lambda point: seen.append(Run.objects.get(business_date=TODAY).state),
        )
        assert seen[0] == RunState.REQUESTED
        assert Run.objects.get(business_date=TODAY).state == RunState.STOPPED
        assert customers(data_dir) == SURVIVORS - {"1004"}

    def test_another_organisation_is_not_touched(self, company, data_dir):
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        path = make_registers(data_dir / "toinen")
        Connection.objects.create(organisation=other, code="crm", kind="sql", config={"url": f"sqlite:///{path}"})
        content = document()
        content["organisation"]["slug"] = "toinen"
        publish(other, content)
        help_night(request(company, TODAY, "test"), NOW, at=lambda point: steal() if point == "begin done" else None)
        before = list(company.runs.values()), list(NightStep.objects.filter(run__organisation=company).values())
        assert run_night(other, TODAY, NOW).state == RunState.FINISHED
        after = list(company.runs.values()), list(NightStep.objects.filter(run__organisation=company).values())
        assert after == before
        assert verify("toinen").heads == 1


class TestBrokenSteps:
    def test_an_error_of_nobodys_leaves_the_step_to_the_next_and_quotes_nothing(self, company, data_dir):
        def fail(point):
            if point == "before disposal":
                raise RuntimeError("Testihenkilö 1001")

        run = request(company, TODAY, "test")
        for _ in range(MOST_TRIES):
            with pytest.raises(RuntimeError):
                help_night(run, NOW, at=fail)
        step = NightStep.objects.get(kind="work")
        assert (step.state, step.tries, step.problem) == (StepState.WAITING, MOST_TRIES, "RuntimeError")
        help_night(run, NOW)
        run.refresh_from_db()
        assert run.state == RunState.STOPPED
        assert run.stop_reason == f"work crm: begun {MOST_TRIES} times and never ended: RuntimeError"
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        help_night(request(company, TODAY, "a person"), NOW)  # who has looked at it
        assert customers(data_dir) == SURVIVORS

    def test_a_stop_between_two_steps_is_heard(self, company, data_dir):
        run = request(company, TODAY, "test")

        def at(point):
            if point == "collect crm done":
                stop(Run.objects.get(), "controller", "odotetaan")

        help_night(run, NOW, at=at)
        run.refresh_from_db()
        assert (run.state, run.stop_reason) == (RunState.STOPPED, "odotetaan (controller)")
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS


def _company_of_three(own: OwnDatabase) -> None:
    found_company(own.directory)
    with_three_registers(own.directory)


def _end(own: OwnDatabase) -> object:
    lots = own.rows("select dataset, size, next_position, state from retention_lot order by dataset")
    left = [tickets(own.directory), customers(own.directory)]
    for code in ("tuki1", "tuki2"):
        with closing(sqlite3.connect(own.directory / "testi" / code / "crm.sqlite3")) as register:
            left.append(register.execute("select * from tiketti, viesti order by 1").fetchall())
    nights = "select dataset, problem, overdue_left from retention_datasetnight order by dataset"
    return lots, left, own.rows(nights), own.rows("select state from retention_run")


def _run(at: Callable[[str], None] = lambda point: None) -> None:
    run = run_night(Organisation.objects.get(slug="testi"), TODAY, NOW, chunk=1, at=at)
    assert run.state == RunState.FINISHED


def test_several_at_one_night_come_to_the_end_of_one_alone(own_database, tmp_path):
    own = own_database
    barrier = get_context("fork").Barrier(3)
    assert own.in_process(lambda: _company_of_three(own)) == 0
    with own.copy(tmp_path / "alone") as alone:
        assert alone.in_process(_run) == 0
        expected = _end(alone)

    def together():
        barrier.wait(60)
        _run()

    processes = [own.start(together) for _ in range(3)]
    assert [wait(process) for process in processes] == [0, 0, 0]
    assert _end(own) == expected
    assert own.rows("select distinct state, tries from retention_nightstep") == [("done", 1)]
    assert own.in_process(lambda: verify("testi")) == 0


def test_who_is_killed_beside_another_is_replaced_at_once(own_database, tmp_path):
    """Its lease would last two minutes more; the other knows better."""
    own = own_database
    assert own.in_process(lambda: _company_of_three(own)) == 0
    with own.copy(tmp_path / "alone") as alone:
        assert alone.in_process(_run) == 0
        expected = _end(alone)
    context = get_context("fork")
    in_flight, joined = context.Event(), context.Event()

    def killed(point):
        if point == "intent journalled":
            in_flight.set()
            assert joined.wait(60)
            os.kill(os.getpid(), signal.SIGKILL)

    def other():
        assert in_flight.wait(60)
        _run(lambda point: joined.set())

    first, second = own.start(lambda: _run(killed)), own.start(other)
    assert (wait(first), wait(second)) == (-signal.SIGKILL, 0)
    assert _end(own) == expected
    assert own.in_process(lambda: verify("testi")) == 0


class TestLeaving:
    """Whoever is wanted elsewhere leaves a night to others, and never to nobody."""

    def two_at_it(self, company, data_dir, ours, theirs):
        with_three_registers(data_dir)
        run = request(company, TODAY, "test")
        run.version, run.started_at = company.versions.latest("number"), NOW
        begun = begin(run, plan(company), ours)
        assert named([following(run, ours, begun)]) == ["collect crm"]
        NightStep.objects.filter(kind="collect").update(state=StepState.DONE, lease_owner="", lease_until=None)
        mine, other = following(run, ours), following(run, theirs)
        assert named([mine, other]) == ["work crm", "work tuki1"]
        return run, mine, other

    def test_to_others(self, company, data_dir):
        with owner() as ours, owner() as theirs:
            run, mine, _ = self.two_at_it(company, data_dir, ours, theirs)
            assert following(run, ours, mine, leave=True) is None
            assert workers_at(run) == 1

    def test_not_to_somebody_who_has_gone(self, company, data_dir):
        with owner() as ours, owner() as theirs:
            run, mine, other = self.two_at_it(company, data_dir, ours, theirs)
            NightStep.objects.filter(pk=other.pk).update(lease_owner="elsewhere", lease_until=BEFORE)
            assert str(following(run, ours, mine, leave=True)) == "work tuki1"

    def test_not_one_after_the_other(self, company, data_dir):
        with owner() as ours, owner() as theirs:
            run, mine, other = self.two_at_it(company, data_dir, ours, theirs)
            assert following(run, ours, mine, leave=True) is None
            assert str(following(run, theirs, other, leave=True)) == "work tuki2"

    def test_who_is_alone_does_the_whole_night(self, company, data_dir):
        run = request(company, TODAY, "test")
        help_night(run, NOW, leave=lambda: True)
        assert Run.objects.get().state == RunState.FINISHED
        assert customers(data_dir) == SURVIVORS


WRITERS, EACH = 3, 30


def test_evidence_and_journal_stand_several_writers(own_database):
    barrier = get_context("fork").Barrier(WRITERS)

    def write(lot):
        log, journal = EvidenceLog("testi", str(TODAY)), Journal("testi", TODAY)
        barrier.wait(60)
        for attempt in range(EACH):
            body = {"lot": lot, "attempt": attempt, "keys": []}
            with transaction.atomic():
                log.append("intent", body)
            journal.append({"kind": "intent", "run": 1, **body})
            told = {"lot": lot, "attempt": attempt, "tally": {"destroyed": attempt}}
            with transaction.atomic():
                log.append("outcome", told)
            journal.append({"kind": "outcome", **told})

    def check():
        found = verify("testi")
        assert (found.entries, found.journal_lines) == (2 * WRITERS * EACH, 2 * WRITERS * EACH)

    writers = [own_database.start(lambda lot=lot: write(lot)) for lot in range(WRITERS)]
    assert [wait(writer) for writer in writers] == [0] * WRITERS
    assert own_database.in_process(check) == 0


def test_a_journal_stands_writers_who_never_wait_for_each_other_elsewhere(data_dir):
    barrier = get_context("fork").Barrier(WRITERS)

    def write():
        barrier.wait(60)
        for number in range(150):
            Journal("testi", TODAY).append({"keys": ["0" * 64] * 20, "number": number})

    own = OwnDatabase(data_dir)
    writers = [own.start(write) for _ in range(WRITERS)]
    assert [wait(writer) for writer in writers] == [0] * WRITERS
    assert [number for number, _, _ in Journal("testi", TODAY).lines()] == list(range(1, 150 * WRITERS + 1))
