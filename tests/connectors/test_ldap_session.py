"""Reaching a directory: certificates, passwords, silence, limits and referrals, on real servers."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from retention.connectors.contract import Connector, ConnectorError, Ref
from retention.connectors.ldap import LdapConnector, wire
from retention.connectors.registry import connect
from retention.connectors.suite import Given, refs_of
from retention.domain.predicates import TRUE
from retention.domain.rules import Action
from tests.connectors.ldap_strict import admin_of, strict_slapd, write_certificate
from tests.connectors.ldap_worlds import SUFFIX, AdWorld, SlapdWorld, done

SECRET = "salaisuus-1234"
CONFIG = {"url": "ldaps://ldap.example.invalid", "bind_dn": "cn=x", "password": SECRET}


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    top = tmp_path_factory.mktemp("strict")
    with strict_slapd(top) as running, admin_of(running) as admin:
        yield running, admin


@pytest.fixture
def world(strict):
    world = SlapdWorld(*strict)
    yield world
    world.clean()


def failing(config: dict[str, str]) -> ConnectorError:
    """What entering says, without any secret in it."""
    with pytest.raises(ConnectorError) as raised, connect("ldap", config):
        pass
    error = raised.value
    assert SECRET not in f"{error!r} {error.__cause__!r}"
    return error


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": f"ldap://user:{SECRET}@host"}, "url must be"),
        ({"url": "http://host"}, "url must be"),
        ({"url": "ldaps://host:99999"}, "url must be"),
        ({"url": f"ldaps://host/{SECRET}"}, "url must be"),
        ({"tls": "off"}, "tls can be off only"),
        ({"url": "ldap://ldap.example.invalid", "tls": "off"}, "tls can be off only"),
        ({"url": "ldap://192.0.2.1", "tls": "off"}, "tls can be off only"),
        ({"tls": "perhaps"}, "tls must be"),
        ({"password": ""}, "must not be empty"),
        ({"bind_dn": ""}, "must not be empty"),
        ({"directory": "novell"}, "directory must be"),
        ({"timeout": "0"}, "timeout must be"),
        ({"timeout": "pian"}, "timeout must be"),
        ({"time_zone": "Helsinki"}, "time_zone"),
    ],
)
def test_a_config_that_is_none_is_told_without_its_values(change, says):
    with pytest.raises(ConnectorError, match=says) as raised:
        connect("ldap", {**CONFIG, **change})
    assert raised.value.permanent
    assert SECRET not in str(raised.value)


def test_only_the_password_is_a_secret():
    assert [field.name for field in LdapConnector.fields if field.secret] == ["password"]
    connector = connect("ldap", CONFIG)
    assert isinstance(connector, Connector)
    assert SECRET not in repr(connector)
    with pytest.raises(ConnectorError, match="not entered"):
        connector.check()


def test_ca_file_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("ei mitään")
    assert "ca_file" in str(failing({**CONFIG, "ca_file": str(tmp_path / "ca.pem")}))
    assert failing({**CONFIG, "ca_file": str(tmp_path / "puuttuu.pem")}).permanent


def test_starttls_with_a_certificate_that_is_trusted(world):
    config = world.config(ca_file=str(world.running.directory / "cert.pem"), tls="require")
    keys = world.add([Given()])
    with connect("ldap", config) as connector:
        assert [found.ref.key for found in connector.find(world.mapping)] == keys


def test_starttls_with_a_certificate_that_is_not(world, tmp_path):
    error = failing(world.config(tls="require", password=SECRET))
    assert error.permanent
    assert "certificate is not valid" in str(error)
    write_certificate(tmp_path)
    assert "certificate" in str(failing(world.config(tls="require", ca_file=str(tmp_path / "cert.pem"))))


def test_starttls_with_another_servers_name(world):
    ca_file = str(world.running.directory / "cert.pem")
    error = failing(world.config(tls="require", ca_file=ca_file, server_name="toinen.example.invalid"))
    assert error.permanent
    assert "server_name" in str(error)


def test_a_server_without_starttls_is_never_told_the_password(slapd_server, slapd_admin):
    world = SlapdWorld(slapd_server, slapd_admin)
    error = failing(world.config(tls="require"))
    assert error.permanent
    assert "StartTLS" in str(error)
    world.clean()


def test_ldaps_checks_the_name_and_the_issuer(ad_server, ad_admin):
    world = AdWorld(ad_server, ad_admin)
    wrong = [{"server_name": "dc2.isp.example"}, {"server_name": ""}, {"ca_file": ""}]
    for change in wrong:
        error = failing(world.config(password=SECRET, **change))
        assert error.permanent
        assert "certificate is not valid" in str(error)
    world.clean()


def test_a_wrong_password_is_permanent(world):
    error = failing(world.config(password=SECRET))
    assert error.permanent
    assert "bind_dn or password" in str(error)


def test_a_server_that_is_down_is_tried_again(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failing(world.config(url=f"ldap://127.0.0.1:{taken.getsockname()[1]}"))
    assert not error.permanent
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_server_that_says_nothing_is_given_up(world, scheme):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        error = failing(world.config(url=url, timeout="0.1", tls="off" if scheme == "ldap" else "require"))
    assert not error.permanent


def test_a_connection_that_breaks_is_an_error_that_may_pass(world):
    """A relay in front of the real server, cut while the session lasts."""
    with socket.create_server(("127.0.0.1", 0)) as front:
        ends: list[socket.socket] = []
        thread = threading.Thread(target=_relay, args=(front, world.running.port, ends))
        thread.start()
        try:
            with connect("ldap", world.config(url=f"ldap://127.0.0.1:{front.getsockname()[1]}")) as connector:
                assert list(connector.find(world.mapping)) == []
                for end in ends:
                    end.shutdown(socket.SHUT_RDWR)
                with pytest.raises(ConnectorError, match="lost or timed out") as raised:
                    list(connector.find(world.mapping))
                assert not raised.value.permanent
        finally:
            thread.join()
            for end in ends:
                end.close()


def test_more_than_the_servers_limit_comes_page_by_page(world):
    keys = world.add([Given(str(n)) for n in range(620)])
    assert {ref.key for ref in refs_of(world)} == set(keys)


@pytest.mark.parametrize(("account", "says"), [("nopaging", "adminLimitExceeded"), ("stingy", "sizeLimitExceeded")])
def test_half_an_answer_is_an_error_and_gives_nothing(world, account, says):
    world.add([Given() for _ in range(8)])
    config = world.config(bind_dn=f"cn={account},{SUFFIX}", password=account)
    with connect("ldap", config) as connector, pytest.raises(ConnectorError, match=says) as raised:
        next(connector.find(world.mapping))
    assert raised.value.permanent
    assert "paged results without a limit" in str(raised.value)


def test_half_an_answer_on_a_later_page_gives_nothing_either(world, monkeypatch):
    world.add([Given() for _ in range(8)])
    real = wire.Session.search

    def by_three(self, *args, **more):
        return real(self, *args, **{**more, "page": 3})

    monkeypatch.setattr(wire.Session, "search", by_three)
    config = world.config(bind_dn=f"cn=stingy,{SUFFIX}", password="stingy")
    with connect("ldap", config) as connector, pytest.raises(ConnectorError, match="sizeLimitExceeded"):
        next(connector.find(world.mapping))


def test_pages_of_any_size_give_the_same(world, monkeypatch):
    keys = sorted(world.add([Given() for _ in range(7)]))
    real = wire.Session.search
    for page in (1, 2, 3, 7, 8):

        def of(self, *args, page=page, **more):
            return real(self, *args, **{**more, "page": page})

        monkeypatch.setattr(wire.Session, "search", of)
        assert [ref.key for ref in refs_of(world)] == keys


def test_a_part_that_lies_on_another_server_is_an_error(world):
    world.add([Given()])
    elsewhere = f"ou=muualla,{world.place}"
    world.admin.add(elsewhere, ["referral", "extensibleObject"], {"ref": f"ldap://muu.example.invalid/{elsewhere}"})
    done(world.admin)
    with world.connect() as connector:
        with pytest.raises(ConnectorError, match="referral") as raised:
            list(connector.find(world.mapping))
        assert raised.value.permanent
        world.mapping = world.mapped(place=elsewhere)
        with pytest.raises(ConnectorError, match="referral") as raised:
            connector.check([world.mapping])
        assert raised.value.permanent
    world.admin.delete(elsewhere, controls=[("2.16.840.1.113730.3.4.2", True, None)])
    done(world.admin)


def test_the_access_log_is_no_field_of_active_directory(ad_server, ad_admin):
    world = AdWorld(ad_server, ad_admin)
    error = failing(world.config(accesslog="cn=accesslog"))
    assert error.permanent
    assert "OpenLDAP" in str(error)
    world.clean()


def test_an_access_log_that_we_may_not_read_is_a_missing_right(world):
    with connect("ldap", world.config(accesslog="cn=accesslog")) as connector:
        assert connector.check([world.mapping]).missing_rights == ("read and write cn=accesslog",)


def test_a_context_checks_names_by_itself():
    context = wire._context(wire.Address("h", 1, True, False, None, "h", 1.0))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_disposing_when_the_server_is_gone_says_nothing_of_any_item(tmp_path):
    tmp_path.joinpath("s").mkdir()
    with strict_slapd(tmp_path / "s") as running, admin_of(running) as admin:
        world = SlapdWorld(running, admin)
        keys = world.add([Given()])
        connector = world.connect()
        connector.__enter__()
    with pytest.raises(ConnectorError, match="lost or timed out") as raised:
        connector.dispose(world.mapping, [Ref(keys[0], "1001")], Action.DELETE, TRUE)
    assert not raised.value.permanent
    assert keys[0] not in str(raised.value)
    connector.__exit__(None, None, None)


def _relay(front: socket.socket, port: int, ends: list[socket.socket]) -> None:
    client, _ = front.accept()
    server = socket.create_connection(("127.0.0.1", port))
    ends += [client, server]
    other = threading.Thread(target=_pump, args=(server, client))
    other.start()
    _pump(client, server)
    other.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
    except OSError:
        return
