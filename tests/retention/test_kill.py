"""Killed anywhere, run again: same end, every key counted once.

A real process runs a real night on a real database file and is ended with SIGKILL at every point between
two steps in turn; then the night is run again, whole.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial

from tests.own_database import OwnDatabase
from tests.retention.company import DUE_TICKETS, NOW, SURVIVORS, TICKETS, TODAY, customers, found_company, tickets

CHUNK = 2
ALL = os.environ.get("SELOSTE_TEST_DATABASE") == "postgresql"
"""On SQLite a night is killed at each of its points; on PostgreSQL at each fourth, unless all tests run on it."""


def _night(at: Callable[[str], None]) -> None:
    from retention.night import run_night
    from ropa.models import Organisation

    run_night(Organisation.objects.get(slug="testi"), TODAY, NOW, chunk=CHUNK, at=at)


def _points(company: OwnDatabase, tmp_path) -> tuple[list[str], dict[str, object]]:
    """The points of a night that nobody disturbs, and its end."""
    with company.copy(tmp_path / "points") as own:
        seen = own.directory / "points.txt"

        def note(point: str) -> None:
            with seen.open("a") as file:
                file.write(point + "\n")

        assert own.in_process(lambda: _night(note)) == 0
        return seen.read_text().splitlines(), _end(own)


def _end(own: OwnDatabase) -> dict[str, object]:
    tallied = []
    question = "select dataset, size, next_position, state, cast(tally as text) from retention_lot order by dataset"
    for dataset, size, sent, state, tally in own.rows(question):
        outcomes = json.loads(tally)
        gone = outcomes.pop("destroyed", 0) + outcomes.pop("recovered", 0)
        tallied.append((dataset, size, sent, state, gone, outcomes))
    left = own.directory
    runs = own.rows("select state from retention_run")
    return {"customers": customers(left), "tickets": tickets(left), "lots": tallied, "run": runs}


def test_killed_at_any_point_the_next_start_comes_to_the_same_end(own_database, tmp_path):
    company = own_database
    assert company.in_process(lambda: found_company(company.directory)) == 0
    points, expected = _points(company, tmp_path)
    assert expected["customers"] == SURVIVORS
    assert expected["tickets"] == (len(TICKETS) - DUE_TICKETS, 2 * (len(TICKETS) - DUE_TICKETS))
    assert {"intent committed", "intent journalled", "disposed", "outcome committed", "closed"} <= set(points)
    for number in range(0, len(points), 4 if company.server and not ALL else 1):
        with company.copy(tmp_path / f"killed-{number}") as own:
            passed = iter(range(len(points) + 1))

            def kill(point: str, passed=passed, number=number) -> None:
                if next(passed) == number:
                    os.kill(os.getpid(), signal.SIGKILL)

            where = f"{number}: {points[number]}"
            assert own.in_process(partial(_night, kill)) == -signal.SIGKILL, where
            assert own.in_process(lambda: _night(lambda point: None)) == 0, where
            assert _end(own) == expected, where
            assert own.in_process(_verify) == 0, where


def _verify() -> None:
    from retention.evidence_check import verify

    verify("testi")
