"""Killed anywhere, run again: same end, every key counted once.

A real process runs a real night on a real database file and is ended with SIGKILL at every point between
two steps in turn; then the night is run again, whole.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from config.keys import make_keys
from tests.retention.company import DUE_TICKETS, NOW, SURVIVORS, TICKETS, TODAY, customers, found_company, tickets

CHUNK = 2


def _in_process(data_dir: Path, act: Callable[[], None]) -> int:
    """Run `act` in a process of its own, on this directory's database; its exit status (negative: its signal)."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            from django.conf import settings

            settings.DATA_DIR = data_dir
            connections["default"].settings_dict["NAME"] = str(data_dir / "seloste.sqlite3")
            connections.close_all()  # only now: a database in memory is never closed
            act()
            connections.close_all()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never return into pytest
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _night(at: Callable[[str], None]) -> None:
    from retention.night import run_night
    from ropa.models import Organisation

    run_night(Organisation.objects.get(slug="testi"), TODAY, NOW, chunk=CHUNK, at=at)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Path:
    """A company as it is before its first night."""
    directory = tmp_path_factory.mktemp("template")
    make_keys(directory / "keys")

    def prepare() -> None:
        call_command("migrate", verbosity=0)
        found_company(directory)

    with django_db_blocker.unblock():
        assert _in_process(directory, prepare) == 0
    return directory


def _points(template: Path, tmp_path: Path) -> list[str]:
    directory = shutil.copytree(template, tmp_path / "points")
    _move_registers(directory, template)
    seen = directory / "points.txt"

    def note(point: str) -> None:
        with seen.open("a") as file:
            file.write(point + "\n")

    assert _in_process(directory, lambda: _night(note)) == 0
    return seen.read_text().splitlines()


def _move_registers(directory: Path, template: Path) -> None:
    """Point the copy's connection at the copy's register."""
    with sqlite3.connect(directory / "seloste.sqlite3") as database:
        database.execute(
            "update retention_connection set config = replace(config, ?, ?)", (str(template), str(directory))
        )
    database.close()


def _end(directory: Path) -> dict[str, object]:
    with sqlite3.connect(directory / "seloste.sqlite3") as database:
        lots = database.execute("select dataset, size, next_position, state, tally from retention_lot order by dataset")
        tallied = []
        for dataset, size, sent, state, tally in lots:
            outcomes = json.loads(tally)
            gone = outcomes.pop("destroyed", 0) + outcomes.pop("recovered", 0)
            tallied.append((dataset, size, sent, state, gone, outcomes))
        state = database.execute("select state from retention_run").fetchall()
    database.close()
    return {"customers": customers(directory), "tickets": tickets(directory), "lots": tallied, "run": state}


def test_killed_at_any_point_the_next_start_comes_to_the_same_end(template, tmp_path, django_db_blocker):
    with django_db_blocker.unblock():
        points = _points(template, tmp_path)
        expected = _end(tmp_path / "points")
        assert expected["customers"] == SURVIVORS
        assert expected["tickets"] == (len(TICKETS) - DUE_TICKETS, 2 * (len(TICKETS) - DUE_TICKETS))
        assert {"intent committed", "intent journalled", "disposed", "outcome committed", "closed"} <= set(points)
        for number in range(len(points)):
            directory = shutil.copytree(template, tmp_path / f"killed-{number}")
            _move_registers(directory, template)
            passed = iter(range(len(points) + 1))

            def kill(point: str, passed=passed, number=number) -> None:
                if next(passed) == number:
                    os.kill(os.getpid(), signal.SIGKILL)

            where = f"{number}: {points[number]}"
            assert _in_process(directory, partial(_night, kill)) == -signal.SIGKILL, where
            assert _in_process(directory, lambda: _night(lambda point: None)) == 0, where
            assert _end(directory) == expected, where
            assert _in_process(directory, _verify) == 0, where


def _verify() -> None:
    from retention.evidence_check import verify

    verify("testi")
