"""Connections of the directories' administrators, one for a test process."""

from __future__ import annotations

import ssl

import pytest

from retention.connectors.ldap.wire import ldap3
from tests.connectors.ldap_worlds import SUFFIX, raw


@pytest.fixture(scope="session")
def slapd_admin(slapd_server):
    """The manager of OpenLDAP, whom no limit and no right holds back."""
    with raw(ldap3.Server("127.0.0.1", port=slapd_server.port), f"cn=admin,{SUFFIX}", "secret") as connection:
        yield connection


@pytest.fixture(scope="session")
def ad_admin(ad_server):
    """The domain's administrator; the certificate is not what is tested with it."""
    tls = ldap3.Tls(validate=ssl.CERT_NONE)
    server = ldap3.Server(ad_server.address, port=636, use_ssl=True, tls=tls)
    with raw(server, "Administrator@isp.example", "Passw0rd-Test") as connection:
        yield connection
