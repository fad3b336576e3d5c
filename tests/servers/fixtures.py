"""One real server of each kind for a whole test process. Tests keep apart by databases, subtrees and accounts.

Where a server is not installed its tests are skipped by name; with SELOSTE_REQUIRE=all (or its name) they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from samples.servers import Running, missing, server


def need(name: str) -> None:
    """Skip the test where this server or program cannot run; fail it where it is required."""
    why = missing(name)
    if not why:
        return
    required = os.environ.get("SELOSTE_REQUIRE", "").replace(",", " ").split()
    if "all" in required or name in required:
        pytest.fail(f"{why}; SELOSTE_REQUIRE asks for it", pytrace=False)
    pytest.skip(why)


def _one(name: str, **environment: str) -> Iterator[Running]:
    need(name)
    with server(name, environment=environment) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Running]:
    """PostgreSQL with PostGIS: superuser `postgres`, no password, trust on loopback."""
    yield from _one("postgres")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Running]:
    """MariaDB: user `test`, password `test`, all rights."""
    yield from _one("mariadb")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Running]:
    """Redis, nothing kept on disk."""
    yield from _one("redis")


@pytest.fixture(scope="session")
def slapd_server() -> Iterator[Running]:
    """OpenLDAP with accesslog, memberof and refint; service account cn=ropa,dc=isp,dc=example / ropa."""
    yield from _one("slapd")


@pytest.fixture(scope="session")
def ad_server() -> Iterator[Running]:
    """A Samba domain controller, recycle bin on: Administrator@isp.example / Passw0rd-Test."""
    yield from _one("samba-ad", RECYCLE_BIN="1")


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Running]:
    """Dovecot: IMAP on `port`, doveadm HTTP on `port` + 1 (key: secret); master user `master` / secret."""
    yield from _one("dovecot")
