"""A register that was restored from its backup: what had been destroyed is noticed, and goes again (D9)."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import pytest

from retention import replay
from retention.models import EvidenceEntry, Gone, LedgerContract, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.runs import succeeded
from ropa.models import Version
from tests.retention.company import DUE_CUSTOMERS, NOW, SURVIVORS, TODAY, customers, document, found_company, publish
from tests.retention.test_night import sql

TOMORROW = TODAY + timedelta(days=1)
LATER = TODAY + timedelta(days=2)


def night(company, day):
    return run_night(company, day, NOW + timedelta(days=(day - TODAY).days))


def told(kind, day):
    return EvidenceEntry.objects.filter(kind=kind, chain=day.isoformat())


@pytest.fixture
def dated(db, data_dir):
    """The small company, where a customer's row also says when it was recorded."""
    company = found_company(data_dir)
    sql(data_dir, "alter table asiakas add column kirjattu date")
    sql(data_dir, "update asiakas set kirjattu = '2015-01-01'")
    content = document()
    content["datasets"][1]["mapping"]["events"] = {"recorded": "kirjattu"}
    Version.objects.all().delete()
    publish(company, content)
    return company


def test_a_restored_register_is_noticed_and_purged_again(dated, data_dir):
    register = data_dir / "registers" / "crm.sqlite3"
    backup = shutil.copy(register, data_dir / "backup")
    night(dated, TODAY)
    assert customers(data_dir) == SURVIVORS
    assert not told("returned", TODAY)
    shutil.copy(backup, register)
    night(dated, TOMORROW)
    assert {'"dataset":"asiakastiedot","items":3'} == {
        entry.body[entry.body.index('"dataset"') : entry.body.index(',"register"')]
        for entry in told("returned", TOMORROW)
        if "asiakastiedot" in entry.body
    }
    assert not customers(data_dir) & DUE_CUSTOMERS


def test_what_nobody_knows_any_more_goes_by_its_former_destruction(dated, data_dir):
    """The contracts are gone from the ledger and only the customers' rows come back: the rules alone cannot tell."""
    rows = sql(data_dir, "select * from asiakas where asiakasnro in ('1001', '1008')")
    sql(data_dir, "delete from sopimus where asiakasnro in ('1001', '1008')")
    LedgerContract.objects.all().delete()
    night(dated, TODAY)  # nobody tells of 1001 and 1008: they are shown as missing their start, and stay
    assert {"1001", "1008"} <= customers(data_dir)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of(row) for row in rows[:1]])

    shown = night(dated, TOMORROW)
    assert not succeeded(shown)
    assert "restored from a backup" in shown.summary["problems"]["asiakastiedot"]
    assert Lot.objects.get(why=replay.WHY).size == 1
    night(dated, LATER)
    assert "1001" not in customers(data_dir)
    assert "1008" in customers(data_dir)


def went(company, rules=None):
    dataset = plan_of(company.versions.get()).find_dataset("asiakastiedot")
    assert dataset is not None
    return replay.Went("delete", rules or dataset.rules_digest)


def key_of(row):
    from retention.lot_keys import LotKey

    return LotKey(str(row[0]), row[1], TODAY, None, None, '{"recorded":"2015-01-01"}')


@pytest.mark.parametrize(
    "change",
    [
        "update asiakas set kirjattu = '2024-05-05' where asiakasnro = '1001'",
        "update asiakas set asiakasnro = '2001' where asiakasnro = '1001'",
    ],
)
def test_a_returning_customer_is_not_a_restored_one(dated, data_dir, change):
    (row,) = sql(data_dir, "select * from asiakas where asiakasnro = '1001'")
    sql(data_dir, "delete from sopimus where asiakasnro = '1001'")
    replay.begin(dated, plan_of(dated.versions.get()), TODAY)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of(row)])
    sql(data_dir, change)
    night(dated, TODAY)
    assert not Lot.objects.filter(why=replay.WHY)


def test_what_changed_between_the_two_nights_stays(dated, data_dir):
    (row,) = sql(data_dir, "select * from asiakas where asiakasnro = '1001'")
    sql(data_dir, "delete from sopimus where asiakasnro = '1001'")
    replay.begin(dated, plan_of(dated.versions.get()), TODAY)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of(row)])
    night(dated, TODAY)
    assert Lot.objects.filter(why=replay.WHY).count() == 1
    sql(data_dir, "update asiakas set kirjattu = '2024-05-05' where asiakasnro = '1001'")
    night(dated, TOMORROW)
    assert "1001" in customers(data_dir)


def test_somebody_who_came_back_keeps_their_rows(dated, data_dir):
    (row,) = sql(data_dir, "select * from asiakas where asiakasnro = '1001'")
    sql(data_dir, "delete from sopimus where asiakasnro = '1001'")
    replay.begin(dated, plan_of(dated.versions.get()), TODAY)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of(row)])
    night(dated, TODAY)
    columns = "asiakasnro, sopimusnro, alku, loppu, tila"
    sql(data_dir, f"insert into sopimus({columns}) values ('1001', 'S99', '2026-01-01', null, 'voimassa')")
    night(dated, TOMORROW)
    assert "1001" in customers(data_dir)


def test_keys_go_with_the_last_backup(dated, data_dir):
    plan = plan_of(dated.versions.get())
    directory = data_dir / "keys" / "replay" / dated.slug
    replay.begin(dated, plan, TODAY)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of((1, "1001"))])
    replay.begin(dated, plan, date(2027, 7, 31))  # 13 months after the month's end, and not a day more
    assert sorted(path.name for path in directory.iterdir()) == ["2026-06.key", "2027-07.key"]
    replay.begin(dated, plan, date(2027, 8, 2))
    assert sorted(path.name for path in directory.iterdir()) == ["2027-07.key", "2027-08.key"]
    assert not Gone.objects.exists()


def test_under_other_rules_what_is_back_is_a_persons_to_decide(dated, data_dir):
    """A backup is brought back because a rule was wrong: its old destruction says nothing under the new one."""
    (row,) = sql(data_dir, "select * from asiakas where asiakasnro = '1001'")
    sql(data_dir, "delete from sopimus where asiakasnro = '1001'")
    replay.begin(dated, plan_of(dated.versions.get()), TODAY)
    replay.remember(dated, "asiakastiedot", went(dated, "0" * 64), TODAY, [key_of(row)])
    night(dated, TODAY)
    assert not Lot.objects.filter(why=replay.WHY)
    assert "1001" in customers(data_dir)


def test_a_month_whose_key_is_lost_is_told(dated, data_dir):
    replay.begin(dated, plan_of(dated.versions.get()), TODAY)
    replay.remember(dated, "asiakastiedot", went(dated), TODAY, [key_of((1, "1001"))])
    (data_dir / "keys" / "replay" / dated.slug / "2026-06.key").unlink()
    run = night(dated, TODAY)
    assert not succeeded(run)
    assert "2026-06" in run.summary["problems"]["replay"]
    assert told("replay_keys_lost", TODAY)
    assert succeeded(night(dated, TOMORROW))
