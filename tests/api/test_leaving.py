"""Leaving over the API: the controller asks, closes what is empty, reads the certificate, and reopens."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from retention.models import Connection, LedgerContract, Lot, Run

IN = "/api/v1/organisations/testi/"


@pytest.fixture
def crm(house, data_dir):
    path = data_dir / "crm.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table asiakas(id integer primary key, asiakasnro text)")
        database.execute("insert into asiakas values (1, '1')")
    Connection.objects.filter(code="crm").update(config={"url": f"sqlite:///{path}"})
    Run.objects.update(state="finished")
    Lot.objects.update(state="rejected")
    LedgerContract.objects.all().delete()
    return path


def test_what_is_left_is_named_and_the_register_stays(house, crm):
    client = house.client("alice")
    asked = client.post(f"{IN}registers/crm/close/", {"reason": "pois", "check": True}).json()
    assert (asked["closed"], asked["may_close"]) == (False, False)
    assert asked["problems"][0]["where"] == "crm-0"
    refused = client.post(f"{IN}registers/crm/close/", {"reason": "pois"})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (409, "crm-0")
    assert client.get(f"{IN}registers/crm/certificate/").status_code == 404


def test_an_empty_one_is_closed_and_reopened(house, crm):
    with closing(sqlite3.connect(crm)) as database, database:
        database.execute("delete from asiakas")
        database.execute("create table muu(id integer primary key)")
        database.execute("insert into muu values (1)")
    client = house.client("alice")
    asked = client.post(f"{IN}registers/crm/close/", {"reason": "pois", "check": True}).json()
    assert (asked["may_close"], asked["beside"], asked["residue"]) == (True, {"muu": 1}, [])
    closed = client.post(f"{IN}registers/crm/close/", {"reason": "pois"})
    assert closed.status_code == 200, closed.content
    assert closed.json()["beside"] == {"muu": 1}
    told = house.client("aino").get(f"{IN}registers/crm/certificate/").json()
    assert told["certificate"]["decided_by"] == "controller:alice"
    assert told["certificate"]["datasets"][0]["state"] == "empty"
    assert told["seal"]["signature"]
    assert client.get(f"{IN}registers/crm/").json()["lifecycle"] == "closed"
    assert client.post(f"{IN}registers/crm/reopen/", {"reason": "erehdys"}).status_code == 204
    assert client.post(f"{IN}registers/crm/reopen/", {"reason": "erehdys"}).status_code == 409


def test_a_migration_that_makes_no_sense_is_refused(house, crm):
    body = {"to_dataset": "crm-0", "items": 1, "reason": "siirto"}
    refused = house.client("alice").post(f"{IN}datasets/crm-0/migration/", body)
    assert refused.status_code == 409
    assert refused.json()["errors"] == [{"path": "crm-0", "message": "lies in the same register"}]
