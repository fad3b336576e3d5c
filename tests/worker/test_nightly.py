"""The nightly command on a real register: its table, its JSON, its exit code."""

from __future__ import annotations

import json
import sqlite3
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from retention.models import Connection
from tests.retention.company import DUE_CUSTOMERS, NOW, TODAY, customers, found_company


@pytest.fixture
def company(db, data_dir):
    return found_company(data_dir)


@pytest.fixture(autouse=True)
def tonight():
    with time_machine.travel(NOW, tick=False):
        yield


def nightly(*arguments):
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("nightly", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_a_night_that_left_nothing_ends_with_zero(company, data_dir):
    code, out, _ = nightly("--organisation", "testi", "--language", "en")
    assert code == 0
    assert "6 records were deleted." in out
    assert "Nothing is overdue without an explanation." in out
    assert not customers(data_dir) & DUE_CUSTOMERS


def test_a_second_run_says_that_nothing_was_done_again(company):
    nightly()
    code, out, _ = nightly("--language", "en")
    assert code == 0
    assert "0 deleted" in out


def test_json_tells_each_register(company):
    code, out, _ = nightly("--json")
    assert code == 0
    (night,) = json.loads(out)
    assert (night["organisation"], night["ran"], night["purged"], night["succeeded"]) == ("testi", True, 6, True)
    (crm,) = night["registers"]
    assert (crm["destroyed"], crm["held"], crm["overdue_left"]) == (6, 1, 0)


def test_an_unreachable_register_is_named_and_ends_with_one(company, data_dir):
    Connection.objects.update(config={"url": f"sqlite:///{data_dir}/missing.sqlite3"})
    code, out, _ = nightly("--language", "en")
    assert code == 1
    assert "2 datasets could not be worked on." in out


def test_a_night_that_may_not_run_ends_with_one_and_says_why(company, data_dir):
    code, _, err = nightly("--on", "2026-07-01")
    assert code == 1
    assert "has not begun" in err
    assert customers(data_dir) >= DUE_CUSTOMERS


def test_unknown_organisations_are_refused(company):
    with pytest.raises(CommandError, match="no organisation"):
        nightly("--organisation", "nobody")


def test_nothing_that_it_prints_names_a_person(company, data_dir):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.execute("update sopimus set alku = '2025-01-01' where sopimusnro = 'S1'")
    crm.close()
    _, out, err = nightly("--language", "en")
    for number in customers(data_dir):
        assert number not in out + err, TODAY
