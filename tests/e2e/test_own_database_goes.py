"""Our own PostgreSQL ends a connection, or goes, in mid-night: what went is told, and the same night is finished."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

import psycopg
import pytest

from config.keys import make_keys
from retention.runs import request
from ropa.models import Organisation
from tests.composed import environment, running, until
from tests.e2e.fault_house import House, Stoppable, wait_for
from tests.own_database import OwnDatabase, Tables, administer
from tests.retention.company import DUE_CUSTOMERS, SURVIVORS, TODAY

pytestmark = pytest.mark.xdist_group("test_own_database_goes")
NUMBERS = count()
WAITING = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
on_postgresql = pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)


@contextmanager
def kept_busy(house: House, table: str) -> Iterator[None]:
    """Somebody else holds a table of ours: who wants to write there waits, in a transaction."""
    with psycopg.connect(house.own.url) as other:
        other.execute(f"lock table {table} in exclusive mode")
        yield
        other.rollback()


def terminate(house: House) -> None:
    """The backend that waits in the middle of its transaction."""
    ((pid,),) = wait_for(lambda: house.own.rows(WAITING), "the night waits for a lock")
    house.own.rows(f"select pg_terminate_backend({pid})")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as processes:
        yield processes


@on_postgresql
class TestTerminated:
    @pytest.mark.parametrize(
        ("point", "table", "went"),
        [
            ("evaluated tiketit", "retention_attempt", 0),  # the intent
            ("read back", "retention_attempt", 2),  # the outcome of what went
            ("outcome committed", "retention_lot", 2),  # the next chunk's claim
        ],
    )
    def test_its_backend_in_mid_transaction(self, house, point, table, went):
        with house.standing_at(point) as night, kept_busy(house, table):
            night.go_on()
            terminate(house)
            assert night.end() == 1
        ((tickets,),) = house.crm.rows("select count(*) from tiketti")
        assert tickets == 6 - went
        house.sound()
        house.traced()
        assert house.open_intents() == (point == "read back")
        assert house.nightly(TODAY) == 0
        house.whole(TODAY)
        assert house.tallies().get("recovered", 0) == (went if point == "read back" else 0)

    def test_whoever_watches_the_queue_goes_on(self, house, stack, tmp_path):
        """`./run serve` has nobody who would start him again."""
        settings = environment(house.own.directory, SELOSTE_DATABASE_URL=house.own.url)
        words, log = ["python", "manage.py", "run_requested_nights", "--watch", "1"], tmp_path / "watch.log"
        assert house.own.in_process(_ask) == 0
        with kept_busy(house, "retention_attempt"):
            process = stack.enter_context(running(words, settings, log))
            terminate(house)
        asked = "select state from retention_run"
        until(lambda: house.own.rows(asked) == [("finished",)], "the night ends", logs=(log,))
        assert process.poll() is None
        stack.close()
        house.whole(TODAY)
        assert "OperationalError 57P01" in log.read_text()
        assert "terminating" not in log.read_text()  # the server's own text may quote data


def _ask() -> None:
    request(Organisation.objects.get(), TODAY, "api")


@pytest.fixture(scope="module")
def on_this_server(source: Stoppable, tables: Tables, tmp_path_factory, django_db_blocker) -> OwnDatabase:
    directory = tmp_path_factory.mktemp("on_this_server")
    make_keys(directory / "keys")
    made = OwnDatabase(directory, f"postgresql://postgres@127.0.0.1:{source.port}", f"tables_{os.getpid()}")
    administer(made.server, f"create database {made.name}")
    with django_db_blocker.unblock():
        tables.into(made)
    return made


class TestServer:
    """Our database and the register on one server, which goes at once and comes back."""

    @pytest.fixture
    def own_database(self, on_this_server: OwnDatabase, tmp_path, django_db_blocker) -> Iterator[OwnDatabase]:
        with django_db_blocker.unblock(), on_this_server.copy(tmp_path / "own") as own:
            yield own

    @pytest.mark.parametrize("point", ["collected crm", "intent committed", "disposed", "outcome committed"])
    def test_it_goes_in_mid_night_and_comes_back(self, house, source, point):
        with house.standing_at(point) as night:
            source.stop()
            assert night.end() == 1
        source.start()
        house.sound()
        house.traced()
        assert house.run()[0] == "running"
        assert (house.crm.customers() & DUE_CUSTOMERS) == DUE_CUSTOMERS
        assert house.nightly(TODAY) == 0
        house.whole(TODAY)
        assert house.crm.customers() == SURVIVORS
