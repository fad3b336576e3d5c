"""A register with many people is worked on in parts, by whoever is free; alone or with others the end is the same."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from typing import Any

import pytest
from django.db.models import Sum

from retention import night_context, night_work, parts
from retention.connectors.contract import ConnectorError
from retention.connectors.sql import SqlConnector
from retention.evidence_check import verify
from retention.leases import LeaseLost
from retention.ledger import known_to_ledger, spans
from retention.models import DatasetNight, EvidenceEntry, LedgerContract, Lot, NightStep, Run
from retention.models.run import RunState
from retention.night import help_night, run_night
from retention.runs import request, stop, succeeded
from ropa.models import Organisation
from tests.naming import any_names
from tests.own_database import OwnDatabase, wait
from tests.retention.company import (
    DUE_TICKETS,
    NOW,
    SURVIVORS,
    TICKETS,
    TODAY,
    customers,
    found_company,
    tickets,
)
from tests.retention.shape_house import dataset, ground, house  # noqa: F401
from tests.retention.test_rule_shapes import ceiling


@pytest.fixture
def few(monkeypatch):
    """Two people are many."""
    monkeypatch.setattr(night_context, "PEOPLE", 2)


class TestSpans:
    @pytest.fixture
    def known(self, company):
        for number in ("0007", "10", "9", "Å1", "a-1", "B_2", "ä"):
            LedgerContract.objects.create(
                organisation=company, subject_kind="customer", subject=number, ref=number, source="x"
            )
        return company

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
    def test_each_is_in_one_of_them_and_of_others_there_is_nobody(self, known, size):
        found = [
            [subject for subject, _ in known_to_ledger(known, "customer", span=span)]
            for span in spans(known, "customer", size)
        ]
        assert [number for part in found for number in part] == [n for n, _ in known_to_ledger(known, "customer")]
        assert {len(part) for part in found[:-1]} <= {size}
        assert len(found[-1]) <= size

    def test_nobody_is_known(self, company):
        assert spans(company, "customer", 5) == [("", "")]
        assert list(known_to_ledger(company, "customer", span=("", ""))) == []


def test_one_alone_does_all_the_parts(company, data_dir, few):
    points: list[str] = []
    run = run_night(company, TODAY, NOW, at=points.append)
    assert succeeded(run), run.summary
    assert customers(data_dir) == SURVIVORS
    assert tickets(data_dir)[0] == len(TICKETS) - DUE_TICKETS
    done = [point.removesuffix(" done") for point in points if point.endswith(" done")]
    # eight people, two at a time, and whoever comes after the last
    assert len([name for name in done if "evaluate asiakastiedot" in name]) == 5
    lots = Lot.objects.filter(dataset="asiakastiedot").count()
    assert len([name for name in done if "purge asiakastiedot" in name]) == lots == 3
    assert {name for name in done if name.startswith("part crm read")} == {
        "part crm read read 1",
        "part crm read read 2",
    }
    row = DatasetNight.objects.get(run=run, dataset="asiakastiedot")
    assert {name: row.counts[name] for name in ("due", "held", "trigger_missing")} == {
        "due": 3,
        "held": 1,
        "trigger_missing": 1,
    }
    evaluated = [
        json.loads(body) for body in EvidenceEntry.objects.filter(kind="evaluated").values_list("body", flat=True)
    ]
    assert [one["dataset"] for one in evaluated] == ["tiketit", "asiakastiedot"]
    verify("testi")


def test_what_parts_were_about_is_gone_with_them(company, few):
    seen: list[Any] = []

    def at(point):
        seen.extend(NightStep.objects.filter(kind=parts.PART).exclude(about={}).values_list("about", flat=True))

    run_night(company, TODAY, NOW, at=at)
    assert any("1002" in json.dumps(about) for about in seen)
    assert not NightStep.objects.filter(kind=parts.PART).exists()
    assert not any_names(EvidenceEntry.objects.values_list("body", flat=True), "1002")


def test_where_all_lots_are_done_when_the_step_is_taken_again_its_parts_are_gone_too(company, data_dir, few):
    last = "part crm work purge asiakastiedot 3 done"
    lost: list[str] = []

    def at(point):
        if point == last and not lost:
            lost.append(point)
            raise LeaseLost(point)

    run = run_night(company, TODAY, NOW, at=at)
    assert lost
    assert succeeded(run), run.summary
    assert customers(data_dir) == SURVIVORS
    assert not NightStep.objects.filter(kind=parts.PART).exists()


def test_people_whom_nobody_knows_are_in_one_part_each(house, few):  # noqa: F811
    house.put("sopimus", *((n, str(1000 + n), f"S{n}", "2020-01-01", None) for n in range(9)))
    house.tiedot(*((n, str(2000 + n), None, "2024-01-01") for n in range(20)), (99, "1000", None, "2025-06-30"))
    house.publish(dataset(grounds=[ground("sopimus", period="P0D")], ceilings=[ceiling()]))
    run = house.night("2025-07-01")
    assert house.left() == {99}
    assert DatasetNight.objects.get(run=run).counts["due"] == 20
    assert Lot.objects.aggregate(sum=Sum("size"))["sum"] == 20
    assert Lot.objects.count() > 1


def test_an_evaluation_that_is_not_whole_purges_nothing_and_says_so_once(company, data_dir, few, monkeypatch):
    asked = []
    find = SqlConnector.find

    def failing(self, mapping, *args, **how):
        asked.append(mapping.place)
        if mapping.place == "asiakas" and asked.count("asiakas") == 2:
            raise ConnectorError("it broke off", permanent=False)
        return find(self, mapping, *args, **how)

    monkeypatch.setattr(SqlConnector, "find", failing)
    run = run_night(company, TODAY, NOW)
    assert not succeeded(run)
    assert len(customers(data_dir)) == 8
    assert DatasetNight.objects.get(run=run, dataset="asiakastiedot").problem == "it broke off"
    problems = EvidenceEntry.objects.filter(kind="problem").values_list("body", flat=True)
    assert [json.loads(body)["problem"] for body in problems] == ["it broke off"]
    assert tickets(data_dir)[0] == len(TICKETS) - DUE_TICKETS


def test_a_stop_between_two_parts_stops_the_night(company, data_dir, few):
    run = request(company, TODAY, "test")

    def at(point):
        if point == "part crm work evaluate asiakastiedot 2 done":
            stop(run, "a person", "enough")

    run = run_night(company, TODAY, NOW, at=at)
    assert run.state == RunState.STOPPED
    assert len(customers(data_dir)) == 8


class TestSeveral:
    """On databases that processes share."""

    def _company(self, own: OwnDatabase) -> None:
        found_company(own.directory)
        with closing(sqlite3.connect(own.directory / "registers" / "crm.sqlite3")) as crm, crm:
            for n in range(2000, 2040):
                crm.execute("insert into asiakas(asiakasnro, nimi) values (?, 'Testihenkilö')", (str(n),))
                crm.execute(
                    "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values (?, ?, '2015-01-01', ?, ?)",
                    (str(n), f"T{n}", "2020-01-01" if n % 2 else None, "paattynyt" if n % 2 else "voimassa"),
                )

    def _night(self, at=lambda point: None) -> None:
        night_context.PEOPLE = 5
        run = run_night(Organisation.objects.get(slug="testi"), TODAY, NOW, at=at)
        assert run.state == RunState.FINISHED

    def _end(self, own: OwnDatabase) -> tuple[Any, ...]:
        # without those of an evaluation that was killed, which are taken back
        lots = own.rows(
            "select dataset, size, next_position, state from retention_lot where weighed order by dataset, size"
        )
        assert own.rows("select distinct state from retention_lot where not weighed") in ([], [("withdrawn",)])
        nights = own.rows("select dataset, counts, problem, overdue_left from retention_datasetnight order by dataset")
        return (
            lots,
            nights,
            tickets(own.directory),
            customers(own.directory),
            own.rows("select state from retention_run"),
        )

    def test_together_they_come_to_the_end_of_one_alone(self, own_database, tmp_path):
        own = own_database
        assert own.in_process(lambda: self._company(own)) == 0
        with own.copy(tmp_path / "alone") as alone:
            assert alone.in_process(self._night) == 0
            expected = self._end(alone)
        barrier = get_context("fork").Barrier(3)
        took = own.directory / "took"

        def together():
            def at(point):
                if point.startswith("part ") and point.endswith(" done"):
                    with took.open("a") as file:
                        file.write(f"{os.getpid()} {point}\n")

            barrier.wait(60)
            self._night(at)

        processes = [own.start(together) for _ in range(3)]
        assert [wait(process) for process in processes] == [0, 0, 0]
        assert self._end(own) == expected
        lines = [line.split(" ", 1) for line in took.read_text().splitlines()]
        names = [name for _, name in lines]
        assert sorted(names) == sorted(set(names))
        assert len({pid for pid, _ in lines}) > 1, "more than one of them took parts"
        assert own.in_process(lambda: verify("testi")) == 0

    @pytest.mark.parametrize(
        ("place", "nth"),
        [
            ("part crm work evaluate asiakastiedot 3 done", 1),
            ("intent journalled", 2),
            ("disposed", 3),
            ("outcome committed", 2),
            ("part crm work purge asiakastiedot 1 done", 1),
            ("part crm read read 1 done", 1),
        ],
    )
    def test_killed_in_a_part_the_next_comes_to_the_same_end(self, own_database, tmp_path, place, nth):
        own = own_database
        assert own.in_process(lambda: self._company(own)) == 0
        with own.copy(tmp_path / "alone") as alone:
            assert alone.in_process(self._night) == 0
            expected = self._end(alone)
        left = [nth]

        def at(point):
            if point == place:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        assert own.in_process(lambda: self._night(at)) == -signal.SIGKILL
        assert own.in_process(self._night) == 0
        assert self._end(own)[2:] == expected[2:]
        assert own.rows("select sum(size) from retention_lot where weighed") == [
            (sum(size for _, size, *_ in expected[0]),)
        ]
        assert own.in_process(lambda: verify("testi")) == 0

    def test_what_a_living_worker_has_in_flight_in_a_part_stays_his_when_the_step_is_taken_over(
        self, own_database, tmp_path
    ):
        """The step's own worker is killed in his part, while a helper stands between disposal and outcome in another.

        Whoever takes the step settles what the dead one had in flight, and not what the living one has.
        """
        own = own_database
        assert own.in_process(lambda: self._company(own)) == 0
        with own.copy(tmp_path / "alone") as alone:
            assert alone.in_process(self._night) == 0
            expected = self._end(alone)
        context = get_context("fork")
        shared_out, stands, on = context.Event(), context.Event(), context.Event()

        def purging(point: str, wanted: str) -> bool:
            return point == wanted and Lot.objects.filter(dataset="asiakastiedot", state="claimed").exists()

        def killed(point: str) -> None:
            if point == "part crm work evaluate asiakastiedot 1 done":
                shared_out.set()
            if purging(point, "intent journalled"):
                assert stands.wait(60)
                os.kill(os.getpid(), signal.SIGKILL)

        def standing(point: str) -> None:
            if not stands.is_set() and purging(point, "disposed"):
                stands.set()
                assert on.wait(60)

        def taking_over(point: str) -> None:
            if point.startswith("part crm work purge asiakastiedot") and point.endswith(" done"):
                on.set()

        first = own.start(lambda: self._night(killed))
        assert shared_out.wait(60)
        helper = own.start(lambda: self._help(standing))
        assert wait(first) == -signal.SIGKILL
        assert own.in_process(lambda: self._night(taking_over)) == 0
        assert wait(helper) == 0
        assert self._end(own) == expected
        told = own.rows("select body from retention_evidenceentry where kind = 'outcome'")
        settled = [(body["lot"], body["attempt"]) for body in (json.loads(body) for (body,) in told)]
        assert sorted(settled) == sorted(set(settled))
        assert own.in_process(lambda: verify("testi")) == 0

    def _help(self, at) -> None:
        night_context.PEOPLE = 5
        run = Run.objects.select_related("organisation").get()
        while run.state == RunState.RUNNING:
            help_night(run, NOW, at=at)
            run.refresh_from_db()

    def test_who_is_killed_at_a_part_is_replaced_by_who_waits_for_it(self, own_database):
        own = own_database
        assert own.in_process(lambda: self._company(own)) == 0
        context = get_context("fork")
        at_it, waits = context.Event(), context.Event()

        def first(point):
            if point == "collected crm":
                helper.append(own.start(lambda: self._helper(at_it, waits)))
            if point == "part crm work evaluate asiakastiedot 1 done":
                waits.set()

        helper: list[int] = []
        assert own.in_process(lambda: self._first(first, helper, at_it)) == 0
        assert len(customers(own.directory)) == len(SURVIVORS) + 20
        assert own.in_process(lambda: verify("testi")) == 0

    def _first(self, at, helper, at_it) -> None:
        self._night(at)
        assert wait(helper[0]) == -signal.SIGKILL
        assert at_it.is_set()

    def _helper(self, at_it, waits) -> None:
        """Helps at the night until it has a part, and is killed there."""
        night_context.PEOPLE = 5

        def killed(night, *how):
            at_it.set()
            waits.wait(60)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(night_work, "evaluate_part", killed)  # noqa: B010 - it is imported there, and read when it is called
        run = Run.objects.select_related("organisation").get()
        while True:
            help_night(run, NOW)
            run.refresh_from_db()
            if run.state == RunState.FINISHED:
                return


def test_who_was_written_for_by_parts_is_our_own_doing(house, few):  # noqa: F811
    """The night after a shared purge asks nothing where only we wrote (PostgreSQL tells)."""
    house.put(
        "sopimus", *((n, str(1000 + n), f"S{n}", "2020-01-01", "2024-06-30" if n < 4 else None) for n in range(9))
    )
    house.tiedot(*((n, str(1000 + n), None, "2024-01-01") for n in range(9)))
    house.publish(dataset(grounds=[ground("sopimus", period="P0D")]))
    assert succeeded(house.night(date(2025, 7, 1)))
    assert house.left() == {4, 5, 6, 7, 8}
    if house.server.kind != "postgresql":
        return
    house.night(date(2025, 7, 2))
    quiet = DatasetNight.objects.get(run=house.night(date(2025, 7, 3)))
    assert quiet.unchanged_since is not None
