"""What ended stays known as long as some register holds an item that needs it, and no longer."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from retention.connectors.contract import ConnectorError
from retention.forgetting import forget
from retention.ledger import EventRow, upsert
from retention.models import Connection, EvidenceEntry, LedgerContract, LedgerEvent
from retention.night import run_night
from retention.plan import plan_of
from tests.retention.company import NOW, TODAY, customers


def sql(data_dir, statement):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.execute(statement)
    crm.close()


def known(company):
    return set(LedgerContract.objects.filter(organisation=company).values_list("subject", flat=True))


def tomorrow(company, days=1):
    return run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))


def test_whose_contract_row_went_is_not_a_stranger_while_something_of_theirs_is_left(company, data_dir):
    run_night(company, TODAY, NOW)
    sql(data_dir, "delete from sopimus where asiakasnro in ('1005', '1001')")
    run = tomorrow(company)
    people = next(row for row in run.summary["datasets"] if row["dataset"] == "asiakastiedot")
    assert people["held"] == 1
    assert "1005" in known(company)


def test_who_is_gone_from_every_register_is_forgotten(company, data_dir):
    run_night(company, TODAY, NOW)
    assert "1001" in known(company)
    sql(data_dir, "delete from sopimus where asiakasnro = '1001'")
    run = tomorrow(company)
    assert "1001" not in known(company)
    entry = EvidenceEntry.objects.get(chain=run.business_date.isoformat(), kind="ledger_forgot")
    assert '"subjects":1' in entry.body


def test_a_running_contract_whose_row_went_is_not_made_up(company, data_dir):
    run_night(company, TODAY, NOW)
    sql(data_dir, "delete from sopimus where asiakasnro = '1002'")
    run = tomorrow(company)
    people = next(row for row in run.summary["datasets"] if row["dataset"] == "asiakastiedot")
    assert people["review"] == 2  # 1006, and 1002, of whom nobody knows anything any more
    assert "1002" not in known(company)


def test_whose_running_contract_went_keeps_all_until_nothing_is_left_of_them(company, data_dir):
    """1007 had a contract until 2021 and another one that ran."""
    run_night(company, TODAY, NOW)
    sql(data_dir, "delete from sopimus where sopimusnro = 'S8'")
    run = tomorrow(company)
    people = next(row for row in run.summary["datasets"] if row["dataset"] == "asiakastiedot")
    assert people["review"] == 2  # 1006, and 1007
    assert "1007" in customers(data_dir)
    sql(data_dir, "delete from sopimus where sopimusnro = 'S7'")
    tomorrow(company, 2)
    assert "1007" in customers(data_dir)
    assert LedgerContract.objects.filter(subject="1007").count() == 2
    sql(data_dir, "delete from asiakas where asiakasnro = '1007'")
    tomorrow(company, 3)
    assert "1007" not in known(company)


def test_an_earlier_contract_of_a_customer_who_stays_is_forgotten(company, data_dir):
    run_night(company, TODAY, NOW)
    sql(data_dir, "delete from sopimus where sopimusnro = 'S7'")
    tomorrow(company)
    assert set(LedgerContract.objects.filter(subject="1007").values_list("ref", flat=True)) == {"S8"}


def test_who_is_told_again_is_known_again(company, data_dir):
    run_night(company, TODAY, NOW)
    sql(data_dir, "delete from sopimus where asiakasnro = '1005'")
    tomorrow(company)
    sql(
        data_dir,
        "insert into sopimus(sopimusnro, asiakasnro, alku, loppu, tila)"
        " values ('S5', '1005', '2015-01-01', '2022-05-31', 'paattynyt')",
    )
    tomorrow(company, 2)
    assert list(LedgerContract.objects.filter(subject="1005").values_list("revision", flat=True)) == [0]


def test_while_a_register_does_not_answer_nothing_is_forgotten(company, data_dir):
    version = run_night(company, TODAY, NOW).version
    assert version is not None
    LedgerContract.objects.filter(subject="1001").update(revision=-1)
    Connection.objects.update(config={"url": f"sqlite:///{data_dir}/missing.sqlite3"})
    with pytest.raises(ConnectorError):
        forget(company, plan_of(version))
    assert "1001" in known(company)


def test_what_a_program_tells_while_the_registers_are_asked_stays(company, monkeypatch):
    version = run_night(company, TODAY, NOW).version
    assert version is not None
    LedgerContract.objects.filter(subject="1001").update(revision=-1)

    def told_meanwhile(*asked):
        upsert(company, events=[EventRow("customer", "1001", "objection", TODAY)], source="api:crm")
        return set()

    monkeypatch.setattr("retention.forgetting._still_somewhere", told_meanwhile)
    forget(company, plan_of(version))
    assert LedgerEvent.objects.filter(subject="1001").count() == 1
