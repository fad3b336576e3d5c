"""A company whose CRM is a real PostgreSQL: what can be wrong with a source on the night that asks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from retention.models import Collection, Connection, DatasetNight
from retention.night import run_night
from retention.runs import succeeded
from tests.connectors.sql_servers import Postgres, postgres  # noqa: F401
from tests.retention.company import CONTRACTS, NOW, SCHEMA, SURVIVORS, TICKETS, TODAY, found_company

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def company(db, data_dir, postgres: Postgres):  # noqa: F811
    """The small company, its register moved to PostgreSQL."""
    company = found_company(data_dir)
    postgres.run(*[statement for statement in SCHEMA.split(";") if statement.strip()])
    numbers = sorted({row[0] for row in CONTRACTS})
    for key, number in enumerate(numbers, 1):
        postgres.run(f"insert into asiakas values ({key}, '{number}', 'Testihenkilö', 'Esimerkkikatu')")
    postgres.run(
        "insert into sopimus(id, asiakasnro, sopimusnro, alku, loppu, tila) values (%s, %s, %s, %s, %s, %s)",
        rows=[(key, *row) for key, row in enumerate(CONTRACTS, 1)],
    )
    postgres.run(
        "insert into tiketti(id, asiakasnro, aihe, avattu, suljettu, tila) values (%s, %s, 'vika', %s, %s, %s)",
        rows=[(key, *row) for key, row in enumerate(TICKETS, 1)],
    )
    Connection.objects.update(config={"url": postgres.url()})
    return company


def night(company, day=TODAY):
    return run_night(company, day, NOW + timedelta(days=(day - TODAY).days))


def customers(postgres):  # noqa: F811
    return {number for (number,) in postgres.rows("select asiakasnro from asiakas")}


def test_what_is_due_goes(company, postgres):  # noqa: F811
    assert succeeded(night(company))
    assert customers(postgres) == SURVIVORS


@pytest.mark.parametrize("minutes", [-6, 6])
def test_nothing_goes_where_the_clocks_disagree(company, postgres, minutes):  # noqa: F811
    before = customers(postgres)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes), tick=True):
        run = night(company)
    assert customers(postgres) == before
    assert not succeeded(run)
    assert "clock" in run.summary["problems"]["asiakastiedot"]


def test_clocks_that_nearly_agree_do_no_harm(company, postgres):  # noqa: F811
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=4), tick=True):
        assert succeeded(night(company))
    assert customers(postgres) == SURVIVORS


def test_a_source_that_halves_overnight_purges_nobody(company, postgres):  # noqa: F811
    night(company)
    postgres.run("delete from sopimus where asiakasnro <> '1004'")
    before = customers(postgres)
    run = night(company, TOMORROW)
    assert customers(postgres) == before
    assert not succeeded(run)
    assert not Collection.objects.get(run=run).complete
    assert "is not complete tonight" in run.summary["problems"]["asiakastiedot"]


def test_a_right_that_is_missing_is_named_and_the_rest_goes_on(company, postgres):  # noqa: F811
    user = f"u_{postgres.name}"
    postgres.run(
        f"create role {user} login",
        f"grant usage on schema {postgres.name} to {user}",
        f"grant select, update, delete on all tables in schema {postgres.name} to {user}",
        f"revoke delete on asiakas from {user}",
    )
    Connection.objects.update(config={"url": postgres.url(user=user)})
    run = night(company)
    assert customers(postgres) >= SURVIVORS | {"1001"}
    assert "DELETE on asiakas" in run.summary["problems"]["asiakastiedot"]
    assert DatasetNight.objects.get(run=run, dataset="tiketit").counts["outcomes"] == {"destroyed": 3}
    postgres.run(f"drop owned by {user}", f"drop role {user}")
