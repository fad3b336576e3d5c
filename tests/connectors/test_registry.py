"""Which connectors there are, and what a config must be."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from retention.connectors import registry
from retention.connectors.contract import Connector, ConnectorError
from retention.connectors.registry import connect, connector_class, kinds
from retention.connectors.sql import SqlConnector


def test_our_own_are_listed():
    assert {"sql", "files", "paper"} <= set(kinds())
    assert list(kinds()) == sorted(kinds())
    assert connector_class("sql") is SqlConnector


def test_an_unknown_kind_names_those_that_there_are():
    with pytest.raises(ConnectorError, match=r"'telex'.*files.*paper.*sql") as raised:
        connector_class("telex")
    assert raised.value.permanent


def test_every_problem_of_a_config_is_named_and_no_value():
    with pytest.raises(ConnectorError) as raised:
        connect("sql", {"osoite": "salaisuus", "tunnus": "salaisuus"})
    assert str(raised.value) == "connector sql: unknown field osoite; unknown field tunnus; missing field url"


def test_a_config_gives_a_connector_that_is_not_yet_connected(tmp_path):
    connector = connect("sql", {"url": f"sqlite:///{tmp_path / 'salaisuus'}"})
    assert isinstance(connector, Connector)
    assert "salaisuus" not in repr(connector)
    with pytest.raises(ConnectorError, match="not entered"):
        connector.check()


def test_the_url_is_a_secret():
    assert {field.name for field in SqlConnector.fields if field.secret} == {"url", "receipt_key"}
    assert {field.name for field in SqlConnector.fields if field.required} == {"url"}


def test_others_are_found_by_their_entry_point(monkeypatch):
    point = EntryPoint("vieras", "retention.connectors.sql:SqlConnector", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    assert "vieras" in kinds()
    assert connector_class("vieras") is SqlConnector
