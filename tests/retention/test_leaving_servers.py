"""Leaving a real PostgreSQL for a real SQLite; and a closing that is killed at each of its points."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from retention.leaving import certificate_of, check, close, record_migration
from retention.models import Connection
from retention.night import run_night
from retention.runs import succeeded
from tests.connectors.sql_servers import Postgres, postgres  # noqa: F401
from tests.retention.company import NOW, TODAY
from tests.retention.leaving_company import CUSTOMERS, OLD, found, run

POINTS = ["asked", "certificate", "state", "signed", "closed"]


@pytest.fixture
def company(db, data_dir, postgres: Postgres):  # noqa: F811
    company = found(data_dir)
    postgres.run(*OLD)
    postgres.run("insert into asiakas values (%s, %s, %s)", rows=CUSTOMERS)
    Connection.objects.filter(code="vanha").update(config={"url": postgres.url()})
    return company


def test_a_postgresql_is_left_and_watched(company, postgres: Postgres):  # noqa: F811
    assert [one.state for one in check(company, "vanha", TODAY).datasets] == ["left", "empty"]
    record_migration(
        company,
        "vanhat-asiakkaat",
        "uudet-asiakkaat",
        3,
        "controller",
        "siirretty",
        TODAY,
        key_column="vanha_id",
        destroy_by=TODAY.replace(year=2027),
    )
    told = certificate_of(close(company, "vanha", "controller", "uusi järjestelmä", NOW))
    assert [(one["state"], one["items"]) for one in told["datasets"]] == [("migrated", 3), ("empty", 0)]
    assert succeeded(run_night(company, TODAY, NOW))
    postgres.run("insert into asiakas values (4, '2004', 'Testi Neljä')")
    night = run_night(company, TODAY.replace(month=7, day=1), NOW.replace(month=7, day=1))
    assert "not when it closed" in night.summary["problems"]["vanhat-asiakkaat"]


def test_rows_that_may_not_be_seen_are_not_gone(company, postgres: Postgres):  # noqa: F811
    user = f"u_{postgres.name}"
    postgres.run(f"create role {user} login", f"grant usage on schema {postgres.name} to {user}")
    Connection.objects.filter(code="vanha").update(config={"url": postgres.url(user=user)})
    assert {one.state for one in check(company, "vanha", TODAY).datasets} == {"unknown"}
    postgres.run(f"drop owned by {user}", f"drop role {user}")


def _close(point: str = "") -> None:
    from ropa.models import Organisation

    def at(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    close(Organisation.objects.get(slug="testi"), "vanha", "controller", "uusi järjestelmä", NOW, at=at)


def _whole(closed: bool) -> None:
    """The certificate and the state are there together, or neither is; the evidence is whole either way."""
    from retention.closed import closings
    from retention.evidence_check import verify
    from retention.models import EvidenceEntry
    from ropa.models import Organisation

    organisation = Organisation.objects.get(slug="testi")
    assert bool(closings(organisation)) is closed
    assert EvidenceEntry.objects.count() == int(closed)
    assert verify("testi").heads == int(closed)


def test_killed_at_any_point_a_closing_is_whole_or_has_not_been(own_database, tmp_path):
    assert own_database.in_process(lambda: found(own_database.directory)) == 0
    run(own_database.directory / "registers" / "vanha.sqlite3", "delete from asiakas", "delete from muistio")
    for point in POINTS:
        with own_database.copy(tmp_path / point) as own:
            assert own.in_process(partial(_close, point)) == -signal.SIGKILL, point
            closed = point == "closed"
            assert own.in_process(partial(_whole, closed)) == 0, point
            if not closed:
                assert own.in_process(_close) == 0, point
                assert own.in_process(partial(_whole, True)) == 0, point
