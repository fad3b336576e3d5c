"""Servers that are down, refuse, or are not who they say; and what an error tells of it."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retention.connectors.contract import ConnectorError
from retention.connectors.sql import SqlConnector
from samples.servers import server
from tests.connectors.sql_servers import mariadb, postgres, register, wait_until_ready  # noqa: F401 - fixtures
from tests.servers.fixtures import need

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
    with closing(sqlite3.connect(tmp_path / "x.sqlite3")) as db:
        db.execute("create table t(id integer)")
    with SqlConnector(f"sqlite:///{tmp_path}/x.sqlite3") as connector:
        assert connector.check().clock_offset_seconds is None


@pytest.mark.parametrize("config", [{"connect_timeout": "0"}, {"statement_timeout": "0"}, {"statement_timeout": "x"}])
def test_a_patience_that_is_none_is_refused(config):
    with pytest.raises(ConnectorError, match="must be seconds") as raised:
        SqlConnector("sqlite:////x", **config)
    assert raised.value.permanent


def certificate(name):
    """(certificate, key) in PEM, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, private


def test_only_a_certificate_that_is_trusted_is_spoken_to(tmp_path):
    need("postgres")
    with server("postgres") as running:
        wait_until_ready(running.port)
        data = running.directory / "data"
        own, private = certificate("db.example")
        stranger, _ = certificate("db.example")
        for name, content in (("server.crt", own), ("server.key", private)):
            (data / name).write_bytes(content)
            (data / name).chmod(0o600)
            shutil.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        (tmp_path / "own.pem").write_bytes(own)
        (tmp_path / "stranger.pem").write_bytes(stranger)
        with closing(psycopg.connect(host="127.0.0.1", port=running.port, user="postgres", autocommit=True)) as db:
            db.execute("alter system set ssl = on")
            db.execute("select pg_reload_conf()")
            while db.execute("show ssl").fetchone() != ("on",):
                pass
        url = f"postgresql+psycopg://postgres@127.0.0.1:{running.port}/postgres?sslmode=verify-full&sslrootcert="
        with SqlConnector(f"{url}{tmp_path}/own.pem") as connector:
            assert connector.check().missing_rights == ()
        error = problem(f"{url}{tmp_path}/stranger.pem")
        assert error.permanent
        assert "TLS" in str(error)
