"""The reader and the evidence from the command line: what they say, and how they end."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from retention.models import Connection, EvidenceEntry
from retention.night import run_night
from tests.retention.company import NOW, TODAY, customers, found_company


@pytest.fixture
def company(db, data_dir):
    with time_machine.travel(NOW, tick=False):
        yield found_company(data_dir)


def run(*arguments):
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_what_was_left_is_told_with_people_and_since_when(data_dir, db):
    company = found_company(data_dir, {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False})
    run_night(company, TODAY, NOW)
    before = customers(data_dir)
    code, out, _ = run("verify_overdue", "--on", TODAY.isoformat(), "--json")
    assert code == 1
    people = next(row for row in json.loads(out)[0]["datasets"] if row["dataset"] == "asiakastiedot")
    assert (people["overdue"], people["unexplained"], people["people_overdue"]) == (3, 3, 3)
    assert people["states"] == {"due": 3, "held": 1, "keep": 1, "open": 2, "trigger_missing": 1}
    assert people["overdue_since"] == "2024-01-01"
    assert customers(data_dir) == before


def test_a_night_that_did_not_run_is_told(company):
    run_night(company, TODAY, NOW)
    _, out, _ = run("verify_overdue", "--on", (TODAY + timedelta(days=1)).isoformat(), "--language", "en")
    assert "No night" not in out
    code, out, _ = run("verify_overdue", "--on", (TODAY + timedelta(days=2)).isoformat(), "--language", "en")
    assert code == 1
    assert "No night has run since 30\u00a0June\u00a02026." in out


def test_after_the_night_nothing_is_overdue(company):
    run_night(company, TODAY, NOW)
    code, out, _ = run("verify_overdue", "--language", "en")
    assert code == 0
    assert "asiakastiedot: nothing overdue (" in out


def test_a_register_that_is_not_there_is_named(company, data_dir):
    Connection.objects.update(config={"url": f"sqlite:///{data_dir}/missing.sqlite3"})
    code, out, _ = run("verify_overdue", "--json")
    assert code == 1
    assert all(row["problem"] for row in json.loads(out)[0]["datasets"])


def test_evidence_verifies(company):
    run_night(company, TODAY, NOW)
    code, out, _ = run("evidence", "verify", "--json")
    assert code == 0
    (found,) = json.loads(out)
    assert found["intact"]
    assert found["heads"] == 1
    assert found["entries"] == EvidenceEntry.objects.count()


def test_a_changed_entry_is_named(company):
    run_night(company, TODAY, NOW)
    entry = EvidenceEntry.objects.get(number=3)
    EvidenceEntry.objects.filter(pk=entry.pk).update(body=entry.body.replace("testi", "tosti").replace("1", "2"))
    code, _, err = run("evidence", "verify")
    assert code == 1
    assert "entry 3" in err


def test_without_evidence_there_is_nothing_to_be_intact(company):
    with pytest.raises(CommandError, match="no evidence"):
        run("evidence", "verify")


def test_what_the_purge_left_is_found_by_the_reader(company, data_dir):
    """A row that came back after the night, as from a restored backup, is overdue and unexplained."""
    run_night(company, TODAY, NOW)
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.execute("insert into asiakas(asiakasnro, nimi) values ('1001', 'Testihenkilö 1001')")
    crm.close()
    code, out, _ = run("verify_overdue", "--json")
    assert code == 1
    assert sum(row["unexplained"] for row in json.loads(out)[0]["datasets"]) == 1
