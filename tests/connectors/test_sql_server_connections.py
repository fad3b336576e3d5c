"""Servers that are down, refuse, or are not who they say; and what an error tells of it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from retention.connectors.contract import ConnectorError
from retention.connectors.sql import SqlConnector
from tests.connectors.sql_servers import mariadb, postgres, register  # noqa: F401 - fixtures

SECRET = "salaisuus-1234"
PLACES = ["postgresql+psycopg", "mariadb+pymysql", "mysql+pymysql"]


def problem(url, **config):
    with pytest.raises(ConnectorError) as raised, SqlConnector(url, **config) as connector:
        connector.check()
    assert SECRET not in str(raised.value)
    assert SECRET not in repr(raised.value)
    assert raised.value.__suppress_context__
    return raised.value


@pytest.mark.parametrize("driver", PLACES)
def test_a_server_that_is_down_may_be_up_next_time(driver):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        error = problem(f"{driver}://{SECRET}:{SECRET}@127.0.0.1:{nobody.getsockname()[1]}/{SECRET}")
    assert not error.permanent
    assert "could not be reached" in str(error)


@pytest.mark.parametrize("driver", PLACES)
def test_a_server_that_does_not_answer_is_waited_for_in_measure(driver):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = problem(f"{driver}://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/x", connect_timeout="2")
    assert not error.permanent


def test_a_password_that_is_wrong_is_not_told(register):  # noqa: F811
    error = problem(register.url(user=SECRET, password=SECRET))
    assert error.permanent
    assert "refuses the user" in str(error)


def test_a_database_that_is_not_there_is_for_a_person(register):  # noqa: F811
    url = register.url().replace(f"/{register.name}", f"/{SECRET}").replace("/postgres?", f"/{SECRET}?")
    assert problem(url).permanent


def test_a_server_without_tls_is_not_spoken_to_where_it_is_demanded(register):  # noqa: F811
    query = {"sslmode": "verify-full"} if register.kind == "postgresql" else {"ssl_verify_cert": "true"}
    error = problem(register.url(**query))
    assert error.permanent
    assert "TLS" in str(error)


def test_the_servers_clock_is_held_against_ours(register):  # noqa: F811
    with register.connector() as connector:
        offset = connector.check().clock_offset_seconds
    assert offset is not None
    assert abs(offset) < 5
    with register.connector(clock=lambda: datetime.now(UTC) - timedelta(hours=2)) as connector:
        assert abs(connector.check().clock_offset_seconds - 7200) < 5


def test_a_file_has_no_clock_of_its_own(tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "x.sqlite3")) as db:
        db.execute("create table t(id integer)")
    with SqlConnector(f"sqlite:///{tmp_path}/x.sqlite3") as connector:
        assert connector.check().clock_offset_seconds is None


@pytest.mark.parametrize("config", [{"connect_timeout": "0"}, {"statement_timeout": "0"}, {"statement_timeout": "x"}])
def test_a_patience_that_is_none_is_refused(config):
    with pytest.raises(ConnectorError, match="must be seconds") as raised:
        SqlConnector("sqlite:////x", **config)
    assert raised.value.permanent
