"""Settings fail loudly; keys are made once and never overwritten."""

from __future__ import annotations

import stat
from datetime import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.keys import LostKeyError, make_keys, session_key
from tests.time_stamp_authority import make_authority


def test_a_missing_setting_is_named(monkeypatch):
    monkeypatch.delenv("SELOSTE_X", raising=False)
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X is not set"):
        env.text("SELOSTE_X")


@pytest.mark.parametrize(("value", "read"), [("true", True), ("ON", True), ("0", False), ("no", False)])
def test_a_flag_is_read(monkeypatch, value, read):
    monkeypatch.setenv("SELOSTE_X", value)
    assert env.flag("SELOSTE_X", not read) is read


@pytest.mark.parametrize("value", ["maybe", "", "2"])
def test_a_flag_that_says_neither_is_refused(monkeypatch, value):
    monkeypatch.setenv("SELOSTE_X", value)
    with pytest.raises(ImproperlyConfigured, match="true or false"):
        env.flag("SELOSTE_X", True)


@pytest.mark.parametrize("value", ["-1", "ten", "4"])
def test_a_number_that_is_too_small_or_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("SELOSTE_X", value)
    with pytest.raises(ImproperlyConfigured, match="at least 5"):
        env.number("SELOSTE_X", 9, least=5)


def test_databases_by_url(monkeypatch, tmp_path):
    monkeypatch.delenv("SELOSTE_X", raising=False)
    assert env.database("SELOSTE_X", tmp_path / "a b.sqlite3")["NAME"] == str(tmp_path / "a b.sqlite3")
    monkeypatch.setenv("SELOSTE_X", "postgresql://u:p%40ss@db:5433/seloste?sslmode=require")
    found = env.database("SELOSTE_X", tmp_path)
    assert (found["PASSWORD"], found["PORT"], found["OPTIONS"]) == ("p@ss", "5433", {"sslmode": "require"})
    found = env.database("SELOSTE_X", tmp_path, statement_seconds=9, connection_seconds=7)
    ends = "-c statement_timeout=9s -c idle_in_transaction_session_timeout=9s"
    assert (found["CONN_MAX_AGE"], found["OPTIONS"]) == (7, {"sslmode": "require", "options": ends})
    monkeypatch.setenv("SELOSTE_X", "postgresql://db/seloste?options=-c%20statement_timeout%3D1s")
    assert env.database("SELOSTE_X", tmp_path, 9)["OPTIONS"] == {"options": f"{ends} -c statement_timeout=1s"}
    monkeypatch.setenv("SELOSTE_X", "mysql://x")
    with pytest.raises(ImproperlyConfigured, match="mysql"):
        env.database("SELOSTE_X", tmp_path)


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@db/seloste\n")
    monkeypatch.setenv("SELOSTE_X_FILE", str(file))
    assert env.secret("SELOSTE_X") == "postgresql://u:p@db/seloste"
    assert env.database("SELOSTE_X", tmp_path)["PASSWORD"] == "p"
    monkeypatch.setenv("SELOSTE_X", "sqlite:///x")
    with pytest.raises(ImproperlyConfigured, match="both set"):
        env.secret("SELOSTE_X")
    monkeypatch.delenv("SELOSTE_X")
    for content in (None, "\n"):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(ImproperlyConfigured, match="SELOSTE_X_FILE"):
            env.secret("SELOSTE_X")


@pytest.mark.parametrize(("value", "read"), [("02:00", time(2, 0)), ("23:59", time(23, 59))])
def test_a_time_of_day_is_read(monkeypatch, value, read):
    monkeypatch.setenv("SELOSTE_X", value)
    assert env.clock("SELOSTE_X", "01:00") == read


@pytest.mark.parametrize("value", ["", "2", "24:00", "02:00:00", "two"])
def test_what_is_no_time_of_day_is_refused(monkeypatch, value):
    monkeypatch.setenv("SELOSTE_X", value)
    with pytest.raises(ImproperlyConfigured, match="as 02:00"):
        env.clock("SELOSTE_X", "01:00")


def test_a_broker_is_redis_or_nothing(monkeypatch):
    monkeypatch.delenv("SELOSTE_X", raising=False)
    assert env.broker("SELOSTE_X") == ""
    monkeypatch.setenv("SELOSTE_X", "rediss://:secret@redis/0")
    assert env.broker("SELOSTE_X") == "rediss://:secret@redis/0"
    monkeypatch.setenv("SELOSTE_X", "amqp://:secret@rabbit")
    with pytest.raises(ImproperlyConfigured, match="amqp") as caught:
        env.broker("SELOSTE_X")
    assert "secret" not in str(caught.value)


def test_keys_are_made_once_and_are_the_owners_alone(tmp_path):
    directory = tmp_path / "keys"
    made = ["django.key", "evidence.pem", "digest.key", "lots.key", "suppression.key", "factors.key"]
    assert make_keys(directory) == made
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert make_keys(directory) == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in directory.iterdir())


@pytest.mark.parametrize("name", ["evidence.pem", "digest.key"])
def test_a_key_that_evidence_was_made_with_is_not_replaced_in_silence(tmp_path, name):
    directory = tmp_path / "keys"
    make_keys(directory)
    (tmp_path / "heads").mkdir()
    (directory / name).unlink()
    with pytest.raises(LostKeyError, match=name):
        make_keys(directory)
    (directory / "signers.jsonl").touch()  # the chain of keys: a new key is not in it
    assert make_keys(directory, anew=True) == [name]
    assert (directory / "signers.jsonl").exists() is (name != "evidence.pem")
    assert len(list(directory.glob("signers*.jsonl"))) == 1


@pytest.mark.parametrize(
    "url", ["postgresql://seloste:S3cret/Pw@db/x", "postgresql://seloste:S3cret?Pw@db/x", "postgresql://[S3cret"]
)
def test_an_address_that_is_none_tells_no_part_of_its_password(monkeypatch, tmp_path, url):
    monkeypatch.setenv("SELOSTE_X", url)
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X") as raised:
        env.database("SELOSTE_X", tmp_path)
    assert "S3cret" not in str(raised.value)
    monkeypatch.setenv("SELOSTE_X", url.replace("postgresql", "redis"))
    with pytest.raises(ImproperlyConfigured, match="SELOSTE_X") as raised:
        env.broker("SELOSTE_X")
    assert "S3cret" not in str(raised.value)


@pytest.mark.parametrize("url", ["sqlite://tmp/x.sqlite3", "sqlite:///", "sqlite://"])
def test_an_embedded_database_is_a_file(monkeypatch, tmp_path, url):
    monkeypatch.setenv("SELOSTE_X", url)
    with pytest.raises(ImproperlyConfigured, match="names no file"):
        env.database("SELOSTE_X", tmp_path)


def test_only_the_session_key_is_made_on_the_way(tmp_path):
    directory = tmp_path / "keys"
    assert session_key(directory) == session_key(directory)
    assert [path.name for path in directory.iterdir()] == ["django.key"]


@pytest.mark.parametrize(
    ("url", "in_clear"),
    [("", False), ("https://tsa.example/tsr", False), ("http://tsa.example", True), ("http://127.0.0.1:1/x", False)],
)
def test_an_authority_for_time_stamps(monkeypatch, url, in_clear):
    monkeypatch.setenv("SELOSTE_X", url)
    assert env.stamp_authority("SELOSTE_X") == url
    assert env.in_clear(url) is in_clear


@pytest.mark.parametrize("url", ["tsa.example", "ftp://tsa.example", "https://", "https://user:word@tsa.example/"])
def test_what_is_no_address_of_an_authority_or_says_a_password(monkeypatch, url):
    monkeypatch.setenv("SELOSTE_X", url)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.stamp_authority("SELOSTE_X")
    assert "word" not in str(refused.value).replace("password", "")


def test_certificates_stand_in_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv("SELOSTE_X", raising=False)
    assert env.certificates("SELOSTE_X") == ()
    make_authority(tmp_path / "tsa", "one")
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join((tmp_path / "tsa" / name).read_bytes() for name in ("root.pem", "below.pem")))
    monkeypatch.setenv("SELOSTE_X", str(both))
    assert len(env.certificates("SELOSTE_X")) == 2
    both.write_text("no certificate")
    with pytest.raises(ImproperlyConfigured, match="holds no certificate"):
        env.certificates("SELOSTE_X")
    both.unlink()
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.certificates("SELOSTE_X")


def test_an_object_identifier(monkeypatch):
    monkeypatch.delenv("SELOSTE_X", raising=False)
    assert env.oid("SELOSTE_X") == ""
    monkeypatch.setenv("SELOSTE_X", "1.3.6.1.4.1.9999.1")
    assert env.oid("SELOSTE_X") == "1.3.6.1.4.1.9999.1"
    monkeypatch.setenv("SELOSTE_X", "policy")
    with pytest.raises(ImproperlyConfigured, match="OID"):
        env.oid("SELOSTE_X")
