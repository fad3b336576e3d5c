"""What nobody wrote and no day has changed is not asked again; whatever changes anything makes it be asked."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention import canaries, holds, ledger, night_steps, runs, verification
from retention.evidence_check import verify
from retention.evidence_log import EvidenceLog
from retention.ledger import EventRow
from retention.models import (
    Collection,
    Connection,
    DatasetNight,
    DatasetState,
    EvidenceHead,
    Hold,
    LedgerContract,
    Run,
)
from retention.night import run_night
from retention.release import release
from retention.reports import given
from retention.runs import succeeded
from retention.steps import begin
from tests.connectors.sql_servers import plain_postgres  # noqa: F401
from tests.retention.company import CONTRACTS, NOW, SCHEMA, TICKETS, TODAY, document, found_company, publish

MOST_STATEMENTS = 46
BOTH = {"tiketit", "asiakastiedot"}
WEEK = timedelta(days=7)


class File:
    """The CRM as the company's own file; as if each change had been a while ago when the night looks."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "registers" / "crm.sqlite3"

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as crm:
            for statement in statements:
                crm.execute(statement)
            crm.commit()

    def column(self, question: str) -> list[object]:
        with closing(sqlite3.connect(self.path)) as crm:
            return [row[0] for row in crm.execute(question)]

    def settle(self) -> None:
        written = self.path.stat().st_mtime
        if written > time.time() - 30:
            os.utime(self.path, (written - 60, written - 60))


@pytest.fixture(params=["postgresql", "sqlite"])
def crm(db, data_dir, request):
    """The company's CRM, of which nothing was asked yet; one more ticket falls due on TODAY + 6."""
    found_company(data_dir)
    if request.param == "sqlite":
        source = File(data_dir)
    else:
        source = request.getfixturevalue("plain_postgres")
        fill(source)
    source.run(
        "insert into tiketti(id, asiakasnro, aihe, avattu, suljettu, tila)"
        " values (77, '1002', 'vika', '2024-01-01', '2024-07-05', 'suljettu')"
    )
    return source


def fill(postgres) -> None:
    postgres.run(*[statement for statement in SCHEMA.split(";") if statement.strip()])
    numbers = sorted({row[0] for row in CONTRACTS})
    postgres.run("insert into asiakas values (%s, %s, 'Testihenkilö', 'Esimerkkikatu')", rows=[*enumerate(numbers, 1)])
    postgres.run(
        "insert into sopimus(id, asiakasnro, sopimusnro, alku, loppu, tila) values (%s, %s, %s, %s, %s, %s)",
        rows=[(key, *row) for key, row in enumerate(CONTRACTS, 1)],
    )
    postgres.run(
        "insert into tiketti(id, asiakasnro, aihe, avattu, suljettu, tila) values (%s, %s, 'vika', %s, %s, %s)",
        rows=[(key, *row) for key, row in enumerate(TICKETS, 1)],
    )
    Connection.objects.update(config={"url": postgres.url()})


def night(crm, day: int, **how):
    if isinstance(crm, File):
        crm.settle()
    organisation = Connection.objects.get().organisation
    return run_night(organisation, TODAY + timedelta(days=day), NOW + timedelta(days=day), **how)


def unasked(run) -> set[str]:
    return set(DatasetNight.objects.filter(run=run).exclude(unchanged_since=None).values_list("dataset", flat=True))


@pytest.fixture
def quiet(crm):
    """After three nights: all that was due has gone, and the last of them asked nothing."""
    assert succeeded(night(crm, 0))
    assert succeeded(night(crm, 1))
    night(crm, 2)
    assert unasked(night(crm, 3)) == BOTH
    return crm


def test_a_night_with_nothing_due_takes_over_what_stands(quiet):
    asked = DatasetState.objects.select_related("night__run").get(dataset="asiakastiedot").night
    run = night(quiet, 4)
    assert succeeded(run)
    row = DatasetNight.objects.get(run=run, dataset="asiakastiedot")
    assert row.unchanged_since == asked.run.business_date < run.business_date
    names = ("overdue_left", "unexplained", "people_overdue", "overdue_since", "oldest_kept")
    assert [getattr(row, name) for name in names] == [getattr(asked, name) for name in names]
    assert row.overdue_left == 0
    assert row.counts == {
        "held": 1,
        "left_held": 1,
        "left_open": 2,
        "left_trigger_missing": 1,
        "trigger_missing": 1,
        "outcomes": {},
    }
    (source,) = Collection.objects.filter(run=run)
    assert (source.complete, source.problem) == (True, "")
    assert source.unchanged_since < run.business_date
    told = {one["dataset"]: one for one in run.summary["datasets"]}
    assert told["asiakastiedot"]["unchanged_since"] == row.unchanged_since.isoformat()


def test_its_evidence_says_since_when_and_never_that_it_asked(quiet):
    run = night(quiet, 4)
    entries = list(EvidenceLog("testi", run.business_date.isoformat()).entries())
    assert [entry.kind for entry in entries] == ["night_started", "unchanged", "night_finished"]
    state = DatasetState.objects.select_related("night__run").get(dataset="tiketit")
    since = state.night.run.business_date.isoformat()
    assert f'"tiketit":["{since}","{state.digest}"]' in entries[1].body.decode()
    assert verify("testi").unsigned == 0


def test_its_report_says_when_it_was_asked_last(quiet):
    run = night(quiet, 4)
    evidence = given(run.organisation, run.business_date).evidence
    assert evidence is not None
    told = {code: one["last_answered"] for code, one in evidence["datasets"].items()}
    rows = DatasetNight.objects.filter(run=run)
    assert told == {row.dataset: str(row.unchanged_since) for row in rows}


def test_nothing_is_read_of_the_source(db, data_dir, plain_postgres):  # noqa: F811
    found_company(data_dir)
    fill(plain_postgres)
    scans = (
        "select sum(seq_scan + coalesce(idx_scan, 0))::int from pg_stat_user_tables"
        f" where schemaname = '{plain_postgres.name}'"
    )
    for day in range(3):
        night(plain_postgres, day)
    before = plain_postgres.column(scans)
    assert unasked(night(plain_postgres, 3)) == BOTH
    assert plain_postgres.column(scans) == before
    plain_postgres.run("insert into tiketti values (99, '1002', 'vika', '2026-06-01', null, 'auki')")
    night(plain_postgres, 4)
    assert plain_postgres.column(scans) != before


@pytest.mark.parametrize(
    ("statement", "asked"),
    [
        ("insert into tiketti values (99, '1002', 'vika', '2019-01-01', '2019-02-01', 'suljettu')", {"tiketit"}),
        ("update tiketti set suljettu = '2020-01-01' where id = 77", {"tiketit"}),
        ("delete from tiketti where id = 77", {"tiketit"}),
        ("insert into asiakas values (99, '1099', 'Testihenkilö', 'Esimerkkikatu')", {"asiakastiedot"}),
        ("update sopimus set loppu = '2020-01-01', tila = 'paattynyt' where asiakasnro = '1002'", BOTH),
        ("insert into sopimus values (99, 'S99', '1006', '2024-01-01', null, 'voimassa')", BOTH),
        ("delete from sopimus where sopimusnro = 'S8'", BOTH),
    ],
)
def test_a_row_that_was_written_behind_our_back_makes_it_be_asked(quiet, statement, asked):
    quiet.run(statement)
    run = night(quiet, 4)
    assert unasked(run) == (set() if isinstance(quiet, File) else BOTH - asked)
    assert Collection.objects.get(run=run).unchanged_since is None  # nothing is asked on a ledger that is believed


def test_what_falls_due_by_a_change_goes_that_night(quiet):
    quiet.run("update sopimus set loppu = '2020-01-01', tila = 'paattynyt' where asiakasnro = '1002'")
    night(quiet, 4)
    assert quiet.column("select count(*) from asiakas where asiakasnro = '1002'") == [0]


def test_what_falls_due_by_its_day_goes_that_day(quiet):
    assert DatasetState.objects.get(dataset="tiketit").next_day == TODAY + timedelta(days=6)
    assert unasked(night(quiet, 4)) == BOTH
    assert unasked(night(quiet, 5)) == BOTH
    assert quiet.column("select count(*) from tiketti where id = 77") == [1]
    assert "tiketit" not in unasked(night(quiet, 6))
    assert quiet.column("select count(*) from tiketti where id = 77") == [0]


class TestHolds:
    def test_one_that_is_placed_makes_it_be_asked(self, quiet):
        organisation = Connection.objects.get().organisation
        holds.place(organisation, [("customer", "1002")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1))
        assert unasked(night(quiet, 4)) == set()

    def test_one_that_is_released_lets_it_go(self, quiet):
        hold = Hold.objects.get()
        holds.release(hold, TODAY + timedelta(days=4), "lakiasiat")
        assert unasked(night(quiet, 4)) == set()
        assert quiet.column("select count(*) from asiakas where asiakasnro = '1005'") == [0]

    def test_one_that_is_released_later_lets_it_go_then(self, quiet):
        holds.release(Hold.objects.get(), TODAY + timedelta(days=6), "lakiasiat")
        assert unasked(night(quiet, 4)) == set()
        assert "asiakastiedot" in unasked(night(quiet, 5))
        assert unasked(night(quiet, 6)) == set()
        assert quiet.column("select count(*) from asiakas where asiakasnro = '1005'") == [0]


def test_an_event_that_a_program_sends_makes_it_be_asked(quiet):
    organisation = Connection.objects.get().organisation
    told = EventRow("customer", "1002", "objection", TODAY, revision=1)
    ledger.upsert(organisation, events=[told], source="api:laskutus")
    assert unasked(night(quiet, 4)) == set()
    ledger.upsert(organisation, events=[told], source="api:laskutus")  # known already: no other ledger
    assert unasked(night(quiet, 5)) == BOTH


def test_another_kind_of_subject_is_nobody_of_ours(quiet):
    organisation = Connection.objects.get().organisation
    ledger.upsert(organisation, events=[EventRow("staff", "7", "role_ended", TODAY, revision=1)], source="api:hr")
    assert unasked(night(quiet, 4)) == BOTH


def test_another_version_makes_it_be_asked(quiet):
    content = document()
    content["datasets"][0]["grounds"][0]["period"] = "P1Y"
    publish(Connection.objects.get().organisation, content, 2, "2026-07-04")
    run = night(quiet, 4)
    assert unasked(run) == set()
    assert Collection.objects.get(run=run).unchanged_since is None


def test_another_connection_makes_it_be_asked(quiet):
    connection = Connection.objects.get()
    connection.config = {**connection.config, "timeout": "31"}
    connection.save()
    run = night(quiet, 4)
    assert unasked(run) == set()
    assert Collection.objects.get(run=run).unchanged_since is None


def test_another_release_of_ours_makes_it_be_asked(quiet, monkeypatch):
    for module in ("unchanged", "unchanged_sources"):
        monkeypatch.setattr(f"retention.{module}.release", lambda: f"{release()}.1")
    run = night(quiet, 4)
    assert unasked(run) == set()
    assert Collection.objects.get(run=run).unchanged_since is None


def test_after_a_week_it_is_asked_in_any_case(quiet):
    quiet.run("update tiketti set suljettu = '2026-06-01' where id = 77")  # so that no day comes meanwhile
    night(quiet, 4)
    asked = DatasetState.objects.select_related("night__run").get(dataset="asiakastiedot").night.run.business_date
    for day in range(5, 12):
        run = night(quiet, day)
        stands = run.business_date < asked + WEEK
        assert ("asiakastiedot" in unasked(run)) == stands, day
        assert (Collection.objects.get(run=run).unchanged_since is not None) == stands, day
        if not stands:
            return
    pytest.fail("it was never asked again")


def test_while_a_source_is_incomplete_nothing_stands(quiet):
    quiet.run("delete from sopimus where asiakasnro <> '1006'")
    run = night(quiet, 4)
    assert not succeeded(run)
    assert unasked(run) == set()
    again = night(quiet, 5)
    assert not succeeded(again)  # it was not believed, and so it is read again though nobody wrote since
    assert Collection.objects.get(run=again).unchanged_since is None


def test_what_is_written_while_a_night_evaluates_is_asked_the_next(quiet):
    def write(point):
        if point == "evaluated tiketit":
            quiet.run("insert into tiketti values (99, '1002', 'vika', '2019-01-01', '2019-02-01', 'suljettu')")

    quiet.run("update tiketti set aihe = 'muu' where id = 77")
    night(quiet, 4, at=write)
    assert "tiketit" not in unasked(night(quiet, 5))
    assert quiet.column("select count(*) from tiketti where id = 99") == [0]


def test_what_is_written_behind_the_reader_is_asked_the_next(quiet, monkeypatch):
    read = verification.read

    def write_after(plan, dataset, *more):
        found = read(plan, dataset, *more)
        if dataset.code == "tiketit":
            quiet.run("insert into tiketti values (99, '1002', 'vika', '2019-01-01', '2019-02-01', 'suljettu')")
        return found

    quiet.run("update tiketti set aihe = 'muu' where id = 77")
    monkeypatch.setattr(verification, "read", write_after)
    night(quiet, 4)
    monkeypatch.undo()
    assert "tiketit" not in unasked(night(quiet, 5))
    assert quiet.column("select count(*) from tiketti where id = 99") == [0]


class KilledError(Exception):
    """A process that is gone."""


def test_a_night_that_is_killed_before_it_ends_is_begun_anew_and_stands(quiet, monkeypatch):
    def kill(*args, **more):
        raise KilledError

    monkeypatch.setattr(night_steps, "sign_head", kill)
    with pytest.raises(KilledError):
        night(quiet, 4)
    monkeypatch.undo()
    left = Run.objects.latest("business_date")
    assert (left.state, unasked(left)) == ("running", set())
    assert not EvidenceLog("testi", left.business_date.isoformat()).has("night_started")
    run = night(quiet, 4)
    assert (unasked(run), run.state) == (BOTH, "finished")
    assert len(run.summary["datasets"]) == 2


def test_a_night_that_is_killed_once_it_is_over_stays_so(quiet):
    def kill(point):
        if point == "closed":
            raise KilledError

    with pytest.raises(KilledError):
        night(quiet, 4, at=kill)
    run = night(quiet, 4)
    assert (unasked(run), run.state) == (BOTH, "finished")
    assert set(run.steps.values_list("kind", "state")) >= {("collect", "done"), ("close", "done")}
    assert EvidenceHead.objects.filter(business_date=run.business_date).count() == 1
    assert succeeded(night(quiet, 5))


def test_a_stop_that_comes_before_it_begins_is_heard(quiet, monkeypatch):
    def stopped(run, plan, who):
        runs.stop(run, "controller:alice", "epäily")
        return begin(run, plan, who)

    monkeypatch.setattr("retention.night.begin", stopped)
    run = night(quiet, 4)
    assert (run.state, unasked(run)) == ("stopped", set())


def test_a_stop_that_comes_before_it_is_over_is_heard(quiet, monkeypatch):
    def stopped(run):
        runs.stop(run, "controller:alice", "epäily")
        return of_night(run)

    of_night = canaries.of_night
    monkeypatch.setattr(canaries, "of_night", stopped)
    run = night(quiet, 4)
    monkeypatch.undo()
    assert (run.state, run.stop_reason, unasked(run)) == ("stopped", "epäily (controller:alice)", set())
    assert not EvidenceLog("testi", run.business_date.isoformat()).has("night_started")
    assert night(quiet, 4).state == "finished"


def test_it_asks_our_own_database_little(quiet):
    """Each statement is most of a millisecond, and they are most of such a night."""
    with CaptureQueriesContext(connection) as asked:
        assert unasked(night(quiet, 4)) == BOTH
    told = [one["sql"] for one in asked if "SAVEPOINT" not in one["sql"]]  # a test's own transaction has them
    assert len(told) <= MOST_STATEMENTS, "\n".join(told)


def test_what_the_statistics_forgot_is_asked(db, data_dir, plain_postgres):  # noqa: F811
    found_company(data_dir)
    fill(plain_postgres)
    for day in range(3):
        night(plain_postgres, day)
    assert unasked(night(plain_postgres, 3)) == BOTH
    plain_postgres.run("select pg_stat_reset()")
    assert unasked(night(plain_postgres, 4)) == set()
    assert unasked(night(plain_postgres, 5)) == BOTH


def test_what_the_counts_missed_is_seen_when_the_source_is_read(db, data_dir, plain_postgres):  # noqa: F811
    found_company(data_dir)
    fill(plain_postgres)
    for day in range(3):
        night(plain_postgres, day)
    plain_postgres.run(
        "set track_counts = off; update sopimus set loppu = '2020-01-01', tila = 'paattynyt' where asiakasnro = '1002'"
    )
    assert unasked(night(plain_postgres, 3)) == BOTH
    plain_postgres.run("update tiketti set aihe = 'muu' where id = 1")
    plain_postgres.run("update tiketti set aihe = 'muu'")
    assert unasked(night(plain_postgres, 4)) == set()
    assert plain_postgres.column("select count(*) from asiakas where asiakasnro = '1002'") == [0]


class TestOurOwnDeletions:
    """On PostgreSQL, which tells whose they were."""

    @pytest.fixture
    def told(self, db, data_dir, plain_postgres):  # noqa: F811
        """The source of contracts is the table of a dataset: what goes is told no more."""
        company = found_company(data_dir)
        fill(plain_postgres)
        content = document()
        content["datasets"][1]["mapping"]["children"] = ["sopimus"]
        plain_postgres.run(
            "alter table asiakas add unique (asiakasnro)",
            "alter table sopimus add foreign key (asiakasnro) references asiakas(asiakasnro)",
        )
        company.versions.all().delete()
        publish(company, content)
        return plain_postgres

    def test_leave_the_last_collection_standing(self, told):
        assert succeeded(night(told, 0))
        assert succeeded(night(told, 1))  # 1004 is due, and so the source is read
        assert told.column("select count(*) from sopimus where asiakasnro = '1004'") == [0]
        run = night(told, 2)
        assert unasked(run) == BOTH
        assert Collection.objects.get(run=run).unchanged_since == TODAY + timedelta(days=1)
        assert LedgerContract.objects.filter(subject="1004").exists()

    def test_are_no_shrinking_a_week_later(self, told):
        told.run(
            "update sopimus set alku = '2015-01-01'",
            "update sopimus set loppu = '2020-01-01', tila = 'paattynyt' where asiakasnro in ('1002', '1006', '1007')",
            "update sopimus set loppu = '2026-06-01' where asiakasnro = '1004'",
        )
        for day in range(8):
            assert succeeded(night(told, day)), day
        assert told.column("select count(*) from sopimus") == [2]
        read = Collection.objects.filter(unchanged_since=None).values_list("run__business_date", flat=True)
        assert sorted(day - TODAY for day in read) == [timedelta(0), WEEK]
        assert not LedgerContract.objects.filter(subject="1006").exists()

    def test_are_not_ours_alone_if_somebody_wrote_meanwhile(self, told):
        def write(point):
            if point == "evaluated asiakastiedot":
                told.run("update sopimus set loppu = '2020-01-01', tila = 'paattynyt' where asiakasnro = '1002'")

        night(told, 0, at=write)
        assert Collection.objects.get(run=night(told, 1)).unchanged_since is None
        assert told.column("select count(*) from asiakas where asiakasnro = '1002'") == [0]


class TestForgetting:
    def test_whom_nobody_needs_any_more_is_forgotten(self, quiet):
        quiet.run("delete from sopimus where asiakasnro = '1005'")
        night(quiet, 4)
        night(quiet, 5)
        assert LedgerContract.objects.filter(subject="1005").exists()  # the register still has something of theirs
        quiet.run("delete from asiakas where asiakasnro = '1005'")
        night(quiet, 6)
        assert not LedgerContract.objects.filter(subject="1005").exists()

    def test_also_if_the_night_that_saw_it_never_came_to_forget(self, quiet):
        def kill(point):
            if point == "read crm done":
                raise KilledError

        quiet.run("update tiketti set suljettu = '2026-06-01' where id = 77", "delete from sopimus where id = 5")
        night(quiet, 4)
        night(quiet, 5)
        quiet.run("delete from asiakas where asiakasnro = '1005'")
        with pytest.raises(KilledError):
            night(quiet, 6, at=kill)
        assert unasked(night(quiet, 7)) == BOTH
        assert not LedgerContract.objects.filter(subject="1005").exists()
