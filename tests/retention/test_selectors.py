"""A connection with its secrets looked up; what goes wrong names the reference, never the secret."""

from __future__ import annotations

from collections import namedtuple

import pytest

from retention.connectors.contract import ConnectorError
from retention.models import Connection
from retention.selectors import connector_of, resolve
from ropa.models import Organisation

Register = namedtuple("Register", ["code", "connection"])
SECRET = "hunter2-is-secret"


def refused(config):
    with pytest.raises(ConnectorError) as caught:
        resolve(config, "connection crm")
    assert caught.value.permanent
    assert SECRET not in str(caught.value)
    return str(caught.value)


class TestResolve:
    def test_text_stands_for_itself(self):
        assert resolve({"host": "db.example", "port": 389, "tls": True}, "") == {
            "host": "db.example",
            "port": "389",
            "tls": "true",
        }

    def test_the_data_directory_has_a_placeholder_everywhere(self, tmp_path, settings, monkeypatch):
        settings.DATA_DIR = tmp_path
        monkeypatch.setenv("SELOSTE_TEST_URL", "sqlite:///{data}/b.sqlite3")
        (tmp_path / "secret").write_text("{data}/c\n")
        config = {
            "a": "{data}/a",
            "b": {"secret": "env:SELOSTE_TEST_URL"},
            "c": {"secret": "file:{data}/secret"},
        }
        assert resolve(config, "") == {
            "a": f"{tmp_path}/a",
            "b": f"sqlite:///{tmp_path}/b.sqlite3",
            "c": f"{tmp_path}/c",
        }

    @pytest.mark.parametrize(
        ("content", "read"), [("s3\n", "s3"), ("s3\r\n", "s3"), (" s3 ", " s3 "), ("a\nb", "a\nb")]
    )
    def test_only_the_last_line_break_of_a_file_is_none_of_the_secret(self, tmp_path, content, read):
        path = tmp_path / "secret"
        path.write_bytes(content.encode())
        assert resolve({"password": {"secret": f"file:{path}"}}, "") == {"password": read}

    def test_a_variable_that_is_not_set(self, monkeypatch):
        for set_it in (monkeypatch.delenv, lambda name, raising: monkeypatch.setenv(name, "")):
            set_it("SELOSTE_TEST_SECRET", raising=False)
            said = refused({"password": {"secret": "env:SELOSTE_TEST_SECRET"}})
            assert said == "connection crm, password: env:SELOSTE_TEST_SECRET is not set"

    def test_a_file_that_is_not_there_is_empty_or_no_text(self, tmp_path):
        (tmp_path / "empty").write_text("\n")
        (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff")
        assert "cannot be read" in refused({"password": {"secret": f"file:{tmp_path}/missing"}})
        assert "is empty" in refused({"password": {"secret": f"file:{tmp_path}/empty"}})
        assert "not UTF-8" in refused({"password": {"secret": f"file:{tmp_path}/binary"}})

    @pytest.mark.parametrize(
        "value",
        [{"secret": SECRET}, {"secret": "env:"}, {"secret": SECRET, "x": 1}, {"Secret": SECRET}, None, [SECRET]],
    )
    def test_a_secret_in_place_of_its_reference_is_not_repeated(self, value):
        assert refused({"password": value}).startswith("connection crm, password: ")


class TestConnector:
    @pytest.fixture
    def organisation(self, db):
        return Organisation.objects.create(slug="testi", name="Testi Oy")

    def test_it_reaches_what_the_connection_says(self, organisation, data_dir):
        (data_dir / "crm.sqlite3").touch()
        Connection.objects.create(
            organisation=organisation, code="c", kind="sql", config={"url": "sqlite:///{data}/crm.sqlite3"}
        )
        with connector_of(organisation, Register("crm", "c")) as connector:
            assert connector.check([]).missing_rights == ()

    def test_without_a_connection_there_is_no_connector(self, organisation):
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        Connection.objects.create(organisation=other, code="c", kind="sql", config={})
        for connection, said in (("", "no connection is named"), ("c", "there is no connection 'c'")):
            with pytest.raises(ConnectorError, match=said) as caught:
                connector_of(organisation, Register("crm", connection))
            assert caught.value.permanent
            assert "crm" in str(caught.value)
