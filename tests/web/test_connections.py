"""Connections: their fields as declared, no secret written down, and none of this installation's own given away."""

from __future__ import annotations

import json

import pytest

from retention.connectors.contract import ConnectorError
from retention.connectors.registry import BUILT_IN
from retention.models import ConfirmedConnection, Connection
from retention.selectors import resolve
from ropa.models import Membership
from tests.factors import sign_in
from tests.retention.company import publish
from tests.web.test_log_in import found, fresh
from tests.web.test_pages import client, text
from web.connector_words import KINDS

PLACE = "/o/testi/connections/"


def test_an_administrator_changes_one_and_asks_whether_it_answers(house, data_dir):
    adam = client("adam", "en")
    page = adam.get(f"{PLACE}crm/")
    assert 'value="sqlite:///crm.sqlite3"' in page.content.decode()
    assert "Secret: write where it lies" in text(page)
    lost = adam.post(f"{PLACE}crm/", {"reach": "1"}, follow=True)
    assert "It does not answer as it should" in text(lost)
    (data_dir / "crm.sqlite3").touch()
    told = {"field-url": "sqlite:///{data}/crm.sqlite3", "field-receipt_key": "env:CRM_KEY", "reason": "it moved"}
    adam.post(f"{PLACE}crm/", told)
    row = Connection.objects.get(organisation=house.testi, code="crm")
    assert row.config == {"url": "sqlite:///{data}/crm.sqlite3", "receipt_key": {"secret": "env:CRM_KEY"}}
    assert row.history.latest().history_change_reason == "administrator:adam: it moved"
    assert row.history.latest().history_user.username == "adam"
    adam.post(f"{PLACE}crm/", {**told, "field-receipt_key": ""})
    assert "It answers." in text(adam.post(f"{PLACE}crm/", {"reach": "1"}, follow=True))


@pytest.mark.parametrize("secret", ["hunter2hunter2hunter2hunter2hunter2", "env", "env:"])
def test_a_secret_is_not_written_down(house, secret):
    told = {"field-url": "sqlite:///{data}/crm.sqlite3", "field-receipt_key": secret, "reason": "x"}
    answer = client("adam", "en").post(f"{PLACE}crm/", told)
    assert answer.status_code == 422
    assert "may hold a secret" in text(answer)
    assert "receipt_key" not in Connection.objects.get(organisation=house.testi, code="crm").config


@pytest.mark.parametrize(
    "reference",
    [
        "env:SELOSTE_SECRET_KEY",
        "env:SELOSTE_DATABASE_URL",
        "env:SELOSTE_SECRET_KEY_FILE",
        "file:{data}/keys/evidence.pem",
        "file:{data}/x/../keys/factors.key",
        "file:/proc/self/environ",
        "{data}/keys",
        "{data}",
        "/",
    ],
)
def test_what_is_the_installations_own_is_no_connections(house, data_dir, reference):
    kind, field = ("sql", "field-url") if reference[:4] in {"env:", "file"} else ("files", "field-root")
    told = {"code": "thief", field: reference, "reason": "x"}
    answer = client("adam", "en").post(f"{PLACE}add/{kind}/", told)
    assert answer.status_code == 422
    assert "own" in text(answer)
    assert not Connection.objects.filter(code="thief").exists()
    value = {"secret": reference} if kind == "sql" else reference
    with pytest.raises(ConnectorError, match="installation's own"):  # nor if it came there by another way
        resolve({"x": value}, "connection")


def test_a_new_one_has_a_kind_that_is_installed_and_a_name_of_its_own(house):
    adam = client("adam", "en")
    assert adam.get(f"{PLACE}add/nonsense/").status_code == 404
    told = {"code": "crm", "field-url": "sqlite:///x.sqlite3", "reason": "x"}
    assert "already" in text(adam.post(f"{PLACE}add/sql/", told))
    adam.post(f"{PLACE}add/sql/", {**told, "code": "billing"})
    assert Connection.objects.get(organisation=house.testi, code="billing").kind == "sql"
    assert adam.post(f"{PLACE}add/sql/", {"code": "no url", "reason": "x"}).status_code == 422


@pytest.mark.parametrize("name", ["alice", "bob", "olga", "aino"])
def test_others_see_that_they_are_there(house, name):
    who = client(name, "en")
    page = who.get(PLACE)
    assert "crm SQL database Rekisteri crm" in text(page)
    assert "sqlite:///" not in page.content.decode()
    assert who.get(f"{PLACE}crm/").status_code == 403
    assert who.post(f"{PLACE}crm/", {"field-url": "sqlite:///y", "reason": "x"}).status_code == 403


def test_every_kind_of_ours_is_called_by_what_it_reaches(house):
    assert set(KINDS) == set(BUILT_IN)
    page = text(client("adam").get(PLACE))
    assert "Hakemistopalvelu (LDAP)" in page
    assert "Sähköpostipalvelin (IMAP)" in page
    assert "SQL-tietokanta" in text(client("adam").get(f"{PLACE}crm/"))


def test_another_organisations_are_not_there(house):
    Connection.objects.create(organisation=house.other, code="theirs", kind="sql", config={"url": "sqlite:///t"})
    adam = sign_in(fresh(), house.testi.memberships.get(role="administrator").user)
    assert adam.get(f"{PLACE}theirs/").status_code == 404
    assert adam.get("/o/toinen/connections/").status_code == 404
    assert "theirs" not in text(adam.get(PLACE))


def purged(house, policy="purge") -> None:
    """A version in force by which a night purges what lies behind the connection."""
    last = house.testi.versions.latest("number")
    document = json.loads(last.snapshot)
    for register in document["registers"]:
        register["connection"] = "crm"
    for dataset in document["datasets"]:
        dataset["policy"] = {"mode": policy}
    publish(house.testi, document, last.number + 1)


def repointed(house):
    told = {"field-url": "sqlite:///{data}/rogue.sqlite3", "reason": "it moved"}
    return client("adam", "en").post(f"{PLACE}crm/", told, follow=True)


def test_a_change_that_a_purge_would_use_is_told_to_the_controller_who_confirms_it(house):
    purged(house)
    assert "No night uses it before a controller has confirmed" in text(repointed(house))
    assert "Changed; waits for a controller" in text(client("adam", "en").get(f"{PLACE}crm/"))
    alice = client("alice", "en")
    morning = text(alice.get("/o/testi/"))
    assert "The changed connection crm" in morning
    page = alice.get(f"{PLACE}crm/confirm/")
    assert "Address of the system sqlite:///crm.sqlite3 sqlite:///{data}/rogue.sqlite3" in text(page)
    assert "it moved Administrator adam" in text(page)
    digest = found(r'name="digest" value="(\w+)"', page)
    assert "It was changed after you looked" in text(alice.post(f"{PLACE}crm/confirm/", {"digest": "0", "reason": "x"}))
    alice.post(f"{PLACE}crm/confirm/", {"digest": digest, "reason": "I rang him"})
    kept = ConfirmedConnection.objects.latest("pk")
    assert (kept.by, kept.reason) == ("controller:alice", "I rang him")
    assert "The changed connection" not in text(alice.get("/o/testi/"))
    assert "Nothing of this connection waits" in text(alice.get(f"{PLACE}crm/confirm/"))


def test_what_only_watches_is_changed_by_the_administrator_alone(house):
    purged(house, "observe")
    assert "counts from the next night on" in text(repointed(house))
    assert "The changed connection" not in text(client("alice", "en").get("/o/testi/"))


@pytest.mark.parametrize("name", ["adam", "bob", "olga", "aino", "ines"])
def test_only_a_controller_confirms(house, name):
    purged(house)
    repointed(house)
    who = client(name, "en")
    assert who.get(f"{PLACE}crm/confirm/").status_code == 403
    assert who.post(f"{PLACE}crm/confirm/", {"digest": "x", "reason": "x"}).status_code == 403
    if name != "ines":
        assert "sqlite:///" not in who.get(PLACE).content.decode()


def test_who_changed_it_sees_no_button_also_as_a_controller(house):
    purged(house)
    repointed(house)
    adam = house.testi.memberships.get(role="administrator").user
    Membership.objects.create(user=adam, organisation=house.testi, role="controller")
    page = client("adam", "en").get(f"{PLACE}crm/confirm/")
    assert "not who changed it" in text(page)
    assert 'name="digest"' not in page.content.decode()
