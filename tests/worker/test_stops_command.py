"""`manage.py stops`: pulled and taken back where there is a shell."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from retention.holds import register_stopped, stopped
from retention.night import run_night
from tests.retention.company import DUE_CUSTOMERS, NOW, TODAY, customers, found_company


def run(*asked):
    told = StringIO()
    call_command("stops", *asked, stdout=told)
    return told.getvalue()


@pytest.fixture
def company(db, data_dir):
    return found_company(data_dir)


def test_nothing_goes_until_it_is_taken_back(company, data_dir):
    run("pull", "testi", "--by", "tietosuojavastaava", "--reason", "palautus")
    assert run_night(company, TODAY, NOW).state == "stopped"
    assert customers(data_dir) >= DUE_CUSTOMERS
    run("resume", "testi", "--by", "rekisterinpitäjä")
    assert stopped(company) == ""
    assert run_night(company, TODAY, NOW).state == "finished"
    assert not customers(data_dir) & DUE_CUSTOMERS


def test_who_stopped_what_is_listed(company):
    assert run("list", "testi", "--language", "en") == "Nothing is stopped, and nothing ever was.\n"
    run("pull", "testi", "--register", "crm", "--by", "ylläpito", "--reason", "palautus")
    assert register_stopped(company, "crm")
    run("resume", "testi", "--register", "crm", "--by", "rekisterinpitäjä")
    lines = run("list", "testi").splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "ylläpito: pysäytetty: crm: palautus (ylläpito)",
        "rekisterinpitäjä: mitään ei ole enää pysäytetty",
    ]
    told = json.loads(run("list", "testi", "--json"))
    assert [(one["by"], one["registers"]) for one in told] == [("ylläpito", ["crm"]), ("rekisterinpitäjä", [])]


@pytest.mark.parametrize(
    "asked",
    [
        ("pull", "nobody", "--by", "x", "--reason", "y"),
        ("pull", "testi", "--reason", "y"),
        ("pull", "testi", "--by", "x"),
        ("pull", "testi", "--by", "x", "--reason", "y", "--register", "cmr"),
        ("resume", "testi", "--register", "crm"),
    ],
)
def test_what_cannot_be_done_is_refused(company, asked):
    with pytest.raises(CommandError):
        run(*asked)
    assert stopped(company) == ""
