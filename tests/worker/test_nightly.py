"""The nightly command on a real register: its table, its JSON, its exit code."""

from __future__ import annotations

import errno
import json
import sqlite3
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from retention.models import Connection, Run
from retention.runs import request
from tests.naming import names_any
from tests.retention.company import DUE_CUSTOMERS, NOW, TODAY, customers, document, found_company, publish
from worker import requested_nights


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
        assert not names_any(out + err, number), TODAY


def test_a_register_that_only_tells_the_ledger_is_missed_too(company, data_dir):
    content = document()
    source = {"id": "suostumukset", "subject_kind": "customer", "place": "suostumus", "subject": "nro"}
    content["registers"].append(
        {
            "id": "toinen",
            "name": {"fi": "Toinen"},
            "medium": "database",
            "connection": "toinen",
            "ledger": [{**source, "events": {"consent_given": "annettu"}}],
        }
    )
    publish(company, content, 2, "2020-01-02")
    config = {"url": f"sqlite:///{data_dir}/puuttuu.sqlite3"}
    Connection.objects.create(organisation=company, code="toinen", kind="sql", config=config)
    code, out, _ = nightly()
    assert code == 1
    assert "toinen:suostumukset: the database file is not there" in out
    assert not customers(data_dir) & DUE_CUSTOMERS


def test_a_killed_night_that_a_later_one_covered_is_over(company):
    Run.objects.create(organisation=company, business_date=TODAY - timedelta(days=1), state="running")
    assert nightly()[0] == 0
    assert Run.objects.get(business_date=TODAY - timedelta(days=1)).state == "stopped"
    call_command("run_requested_nights")


def test_a_source_that_fell_is_confirmed_by_name(company, data_dir):
    nightly()
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.execute("delete from sopimus where id > 2")
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        code, out, _ = nightly("--language", "en")
        assert code == 1
        assert "--confirm-fall crm:contracts" in out
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        _, out, _ = nightly("--confirm-fall", "crm:contracts", "--language", "en")
    assert "could not be worked on" not in out


def test_a_night_that_broke_off_is_given_ever_longer(company, monkeypatch):
    """A disk that is full for some minutes does not use up the tries that a step has."""
    clock = [0.0]
    tried = []
    run = request(company, TODAY, "api")

    def broken(*asked, **more):
        tried.append(clock[0])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(requested_nights, "run_night", broken)
    rests = requested_nights.Rests(first=5, clock=lambda: clock[0])
    while clock[0] < 300:
        assert list(requested_nights.run_requested(NOW, lambda run, why: None, rests)) == []
        clock[0] += 5
    assert tried == [0, 5, 20, 65, 200]
    assert Run.objects.get(pk=run.pk).state == "requested"
