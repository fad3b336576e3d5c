"""Reaching a mail server: config, TLS, log-in, doveadm; keys and criteria, which need no server."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from retention.connectors.contract import ConnectorError, DatasetMapping, Flags, Outcome, Ref
from retention.connectors.imap import ImapConnector
from retention.connectors.imap.keys import MailboxKey, MessageKey, mailbox_key, message_key
from retention.connectors.imap.layout import read_layout
from retention.connectors.imap.question import MOST_BYTES, addresses, ask, uid_set, word
from retention.connectors.registry import connect
from retention.domain.predicates import FALSE, TRUE, All, Any, AtLeast, AtMost, Closed, Not, Recorded
from retention.domain.rules import Action
from samples.servers import free_port
from tests.connectors.imap_world import Dovecot, letter, opened

DAY = date(2020, 6, 15)
COLUMNS = {"recorded": "received", "occurred": "sent"}


@pytest.fixture
def dovecot(dovecot_server):
    return opened(dovecot_server)


def mapped(account: str, **options: object) -> DatasetMapping:
    return DatasetMapping(place=account, key="uid", subject="correspondent", options={"unit": "message", **options})


def failure(dovecot: Dovecot, *mappings: DatasetMapping, **config: str) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised, dovecot.connector(**config) as connector:
        connector.check(mappings)
    text = f"{raised.value!r} {raised.value.__cause__!r}"
    assert not any(secret in text for secret in ("hunter2", config.get("password", "secret")))
    return raised.value


# --- log-in and rights


def test_the_registry_makes_one_and_it_blocks_nothing(dovecot):
    connector = connect("imap", dovecot.config())
    assert isinstance(connector, ImapConnector)
    assert not isinstance(connector, Flags)
    assert "secret" not in repr(connector)
    assert {field.name for field in ImapConnector.fields if field.secret} == {"password", "doveadm_key"}
    with pytest.raises(ConnectorError, match="not entered"):
        connector.check()


def test_a_wrong_password_is_told_and_will_not_get_better(dovecot):
    account = dovecot.role()
    error = failure(dovecot, mapped(account), password="hunter2")
    assert error.permanent
    assert str(error).startswith(f"{account}: the server refused the login: wrong master user or password")


def test_an_account_that_is_not_there_is_named(dovecot):
    error = failure(dovecot, mapped("ei_ole@yhtio.example.invalid"))
    assert error.permanent
    assert "ei_ole@yhtio.example.invalid" in str(error)


def test_a_folder_and_a_use_that_are_not_there_are_named(dovecot):
    account = dovecot.role()
    for name in ("Ei ole", "\\Archive"):
        error = failure(dovecot, mapped(account, folders=[name]))
        assert error.permanent
        assert name in str(error)


def test_an_account_may_be_opened_with_its_own_password(dovecot):
    account = dovecot.role()
    (key,) = dovecot.put(account, [(letter("anna@x.invalid", account), DAY)])
    config = dovecot.config(password="oma")
    for name in ("master_user", "doveadm_url", "doveadm_key"):
        del config[name]
    with ImapConnector(**config) as connector:
        assert connector.check([mapped(account)]).missing_rights == ()
        (answer,) = connector.dispose(mapped(account), [Ref(key, "anna@x.invalid")], Action.DELETE, TRUE)
        assert answer.outcome is Outcome.DESTROYED
        with pytest.raises(ConnectorError, match="doveadm_url or accounts_file is needed"):
            list(connector.describe())


def test_an_account_cannot_name_another_master_user(dovecot):
    account = dovecot.role()
    with pytest.raises(ConnectorError, match="the place of messages is one account"):
        read_layout(mapped(f"{account}*toinen"))
    error = failure(dovecot, mapped(f"{account}#toinen"), master_separator="#")
    assert "may not stand in a login" in str(error)


# --- the server is not there, or not as it should be


def test_a_server_that_is_down_may_be_up_later(dovecot):
    account = dovecot.role()
    error = failure(dovecot, mapped(account), port=str(free_port()))
    assert not error.permanent
    assert "the connection was lost (connect)" in str(error)


def test_a_server_that_says_nothing_is_not_waited_for(dovecot):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(dovecot, mapped(dovecot.role()), port=str(silent.getsockname()[1]), timeout="0.2")
    assert not error.permanent
    assert "no answer in time" in str(error)


def test_without_starttls_no_password_is_sent(dovecot, monkeypatch):
    monkeypatch.setattr("imapclient.IMAPClient.login", None)
    error = failure(dovecot, mapped(dovecot.role()), tls="starttls")
    assert error.permanent
    assert "does not offer what STARTTLS needs" in str(error)


def test_a_server_is_believed_by_its_certificate_only(dovecot, tmp_path):
    account = dovecot.role()
    (key,) = dovecot.put(account, [(letter("anna@x.invalid", account), DAY)])
    ours, others = certificate(tmp_path / "oma.pem"), certificate(tmp_path / "vieras.pem")
    with behind_tls(dovecot.port, ours) as port:
        trusting = dovecot.config(tls="imaps", port=str(port), ca_file=str(ours))
        trusting["doveadm_url"] = f"http://127.0.0.1:{dovecot.port + 1}"
        with ImapConnector(**trusting) as connector:
            assert [c.ref.key for c in connector.find(mapped(account))] == [key]
        for config in ({"ca_file": str(others)}, {}):
            error = failure(dovecot, mapped(account), tls="imaps", port=str(port), **config)
            assert error.permanent
            assert "its certificate is not trusted" in str(error)


def certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "posti")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@contextmanager
def behind_tls(port: int, pem: Path) -> Iterator[int]:
    """The server's port, reached through TLS: what is taken apart here is passed on as it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    threads: list[Thread] = []

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                target.sendall(part)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(raw: socket.socket) -> None:
        try:
            inside = context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        with inside, socket.create_connection(("127.0.0.1", port)) as plain:
            back = Thread(target=pass_on, args=(plain, inside))
            back.start()
            pass_on(inside, plain)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listening.accept()
                threads.append(Thread(target=serve, args=(raw,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = Thread(target=accept)
        accepting.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for thread in threads:
        thread.join()


# --- doveadm


def test_a_doveadm_that_does_not_know_the_key_is_found_out_before_anything_goes(dovecot):
    error = failure(dovecot, mapped(dovecot.role()), doveadm_key="hunter2")
    assert error.permanent
    assert str(error) == "doveadm: user: the key is not accepted"


def test_an_error_that_comes_with_status_200_is_an_error(dovecot):
    with dovecot.connector() as connector:
        doveadm = connector._server._doveadm
        with pytest.raises(ConnectorError, match="mailboxCachePurge: no such account"):
            doveadm.forget_cached("ei_ole@yhtio.example.invalid", ["INBOX"])
        with pytest.raises(ConnectorError, match="nosuch: unknownMethod 0") as raised:
            doveadm._call("nosuch", {})
        assert raised.value.permanent
        doveadm.forget_cached(dovecot.role(), ["Ei ole"])


def test_a_doveadm_that_is_down_may_be_up_later_and_what_went_stays_gone(dovecot):
    account = dovecot.role()
    (key,) = dovecot.put(account, [(letter("anna@x.invalid", account), DAY)])
    refs = [Ref(key, "anna@x.invalid")]
    down = dovecot.connector(doveadm_url=f"http://127.0.0.1:{free_port()}")
    with down as connector, pytest.raises(ConnectorError, match="no answer to mailboxCachePurge") as raised:
        connector.dispose(mapped(account), refs, Action.DELETE, TRUE)
    assert not raised.value.permanent
    assert dovecot.everything(account) == {}
    with dovecot.connector() as connector:
        (answer,) = connector.dispose(mapped(account), refs, Action.DELETE, TRUE)
    assert answer.outcome is Outcome.ALREADY_ABSENT
    assert dovecot.on_disk(account, "anna@x.invalid") == []


# --- config and mapping


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"host": ""}, "host: a server's name is needed"),
        ({"host": "posti.example.invalid"}, "tls: none is only for a server on this machine"),
        ({"tls": "ehkä"}, "tls: one of imaps, starttls, none"),
        ({"port": "x"}, "port: a number above 0"),
        ({"port": "70000"}, "port: a number above 0"),
        ({"timeout": "nan"}, "timeout: a number above 0"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: there is no time zone 'Mars/Olympus'"),
        ({"tls": "imaps", "ca_file": "ei-ole.pem"}, "ca_file: no certificates could be read"),
        ({"doveadm_url": "http://posti.example.invalid"}, "doveadm_url: https is needed"),
        ({"doveadm_url": "https://hunter2@posti.example.invalid"}, "doveadm_url: an address without user"),
        ({"master_separator": ""}, "master_separator: at least one"),
        ({"accounts_file": "ei-ole"}, "accounts_file: it cannot be read"),
    ],
)
def test_a_wrong_config_is_told_by_its_field(dovecot, config, message):
    error = failure(dovecot, **config)
    assert error.permanent
    assert str(error).startswith(message)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (DatasetMapping("info@x", "uid"), "options.unit is needed"),
        (DatasetMapping("info@x", "id", options={"unit": "message"}), "the key of a message is 'uid'"),
        (DatasetMapping("info@x", "uid", "asiakas", options={"unit": "message"}), "the subject of a message is"),
        (DatasetMapping("info@x", "uid", events={"recorded": "luotu"}, options={"unit": "message"}), "events.recorded"),
        (DatasetMapping("info@x", "uid", options={"unit": "message", "kansio": 1}), "unknown option kansio"),
        (DatasetMapping("info@x", "uid", options={"unit": "message", "folders": "INBOX"}), "options.folders: a list"),
        (DatasetMapping("*@x", "uid", options={"unit": "message"}), "the place of messages is one account"),
        (DatasetMapping("*@x", "account", options={"unit": "mailbox", "account": "x"}), "options.account: keep or"),
        (DatasetMapping("*@x", "account", fields=("a",), options={"unit": "mailbox"}), "mail has no contract"),
    ],
)
def test_a_wrong_mapping_is_told_by_its_place(mapping, message):
    with pytest.raises(ConnectorError) as raised:
        read_layout(mapping)
    assert raised.value.permanent
    assert str(raised.value).startswith(f"{mapping.place}: {message}")


# --- keys and criteria


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(min_size=1), st.integers(1, 2**32 - 1))
def test_a_key_means_one_message_whatever_it_is_called(account, folder, uid):
    try:
        folder.encode()
    except UnicodeEncodeError:
        return
    key = MessageKey(account, folder, 7, uid)
    assert str(key).isascii()
    assert message_key(str(key)) == key
    assert mailbox_key(str(key)) is None
    assert mailbox_key(str(MailboxKey(account, uid))) == MailboxKey(account, uid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/b/1/1",
        "a/b/0000000001/0000000000",
        "a/b/9999999999/0000000001",
        "%61/b/0000000001/0000000001",
        "a%2fb/b/0000000001/0000000001",
        "a/b/0000000001/0000000001\n",
        "a/b/c/0000000001/0000000001",
        "a/%FF/0000000001/0000000001",
    ],
)
def test_other_texts_are_no_keys(text):
    assert message_key(text) is None


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        ("anna@x.invalid", "anna@x.invalid"),
        ("1001", "1001"),
        ('a"b c@x.invalid', "x.invalid"),
        ("matti.meikäläinen@x.fi", "matti.meik"),
        ("*", ""),
        ("\\", ""),
        ("a" * 100 + "@x.fi", "a" * 59 + "@x.fi"),
    ],
)
def test_only_plain_words_are_sent(subject, plain):
    assert word(subject) == plain


def test_addresses_are_asked_for_in_commands_of_bounded_length():
    batches = list(addresses([f"asiakas{n}@x.invalid" for n in range(5_000)]))
    assert len(batches) > 50
    assert max(len(" ".join(map(str, batch))) for batch in batches) <= MOST_BYTES
    assert list(addresses(["anna@x.invalid", "*"])) == [[]]
    assert list(addresses(["a\nb", "a\x00b", "", "\ud800"])) == []


def test_dates_are_asked_for_with_two_days_to_spare_and_unknown_days_never_left_out():
    at_most, at_least = AtMost("recorded", DAY), AtLeast("recorded", DAY)
    assert ask(at_most, COLUMNS) == ["BEFORE", date(2020, 6, 17)]
    assert ask(at_least, COLUMNS) == ["SINCE", date(2020, 6, 13)]
    assert ask(Not(at_most), COLUMNS) == ["SINCE", date(2020, 6, 13)]
    assert ask(AtMost("occurred", DAY), COLUMNS) == ["SENTBEFORE", date(2020, 6, 17)]
    assert ask(Not(AtMost("occurred", DAY)), COLUMNS) == []
    assert ask(AtMost("recorded", date(9999, 12, 31)), COLUMNS) == []
    assert ask(AtLeast("recorded", date(1, 1, 1)), COLUMNS) == []
    assert ask(Any((at_most, Recorded("occurred"))), COLUMNS) == []
    assert ask(Any((at_most, at_least)), COLUMNS) == ["OR", ["BEFORE", date(2020, 6, 17)], ["SINCE", date(2020, 6, 13)]]
    assert ask(All((at_most, FALSE)), COLUMNS) is None
    assert ask(Closed(), COLUMNS) is None
    assert ask(Any(tuple(AtMost("recorded", DAY + timedelta(n)) for n in range(100))), COLUMNS) == []


def test_uids_are_written_as_runs():
    assert uid_set([5, 1, 2, 3, 9]) == "1:3,5,9"
