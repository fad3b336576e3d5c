"""The shared suite on OpenLDAP and on a Samba domain controller."""

from __future__ import annotations

import pytest

from retention.connectors.suite import ConnectorSuite
from tests.connectors.ldap_worlds import AdWorld, MomentWorld, SlapdWorld, UnlinkedWorld


class TestOpenLdap(ConnectorSuite):
    @pytest.fixture
    def world(self, slapd_server, slapd_admin):
        world = SlapdWorld(slapd_server, slapd_admin)
        yield world
        world.clean()


class TestMoments(ConnectorSuite):
    lacks = frozenset({"undated items"})

    @pytest.fixture
    def world(self, slapd_server, slapd_admin):
        world = MomentWorld(slapd_server, slapd_admin)
        yield world
        world.clean()


class TestAttributesOfAnEntryThatStays(ConnectorSuite):
    @pytest.fixture
    def world(self, slapd_server, slapd_admin):
        world = UnlinkedWorld(slapd_server, slapd_admin)
        yield world
        world.clean()


class TestActiveDirectory(ConnectorSuite):
    @pytest.fixture
    def world(self, ad_server, ad_admin):
        world = AdWorld(ad_server, ad_admin)
        yield world
        world.clean()
