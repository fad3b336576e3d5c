"""Campaigns over the API: three people, one group, and the minutes in three languages."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from pikepdf import Pdf

from retention.models import Connection, LedgerContract

IN = "/api/v1/organisations/testi/"
PROPOSAL = {
    "dataset": "crm-0",
    "event": "contract_ended",
    "cause": "no_date",
    "day": "2020-12-31",
    "evidence": "Viimeinen lasku on vuodelta 2020.",
    "attachments": [{"name": "laskut.pdf", "sha256": "a" * 64}],
}


@pytest.fixture
def crm(house, data_dir):
    path = data_dir / "crm.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table asiakas(id integer primary key, asiakasnro text)")
        database.execute("insert into asiakas values (1, '7700')")
    Connection.objects.filter(code="crm").update(config={"url": f"sqlite:///{path}"})
    LedgerContract.objects.create(
        organisation=house.testi,
        subject_kind="customer",
        subject="7700",
        ref="S1",
        started="2019-01-01",
        closed=True,
        source="crm:contracts",
    )
    return path


def propose(house):
    said = house.client("ada").post(f"{IN}campaigns/", PROPOSAL, format="json")
    assert said.status_code == 201, said.content
    return said.json()


def test_from_the_group_to_the_confirmation(house, crm):
    groups = house.client("olga").get(f"{IN}campaigns/groups/?dataset=crm-0").json()
    assert [(g["cause"], g["items"], g["undecided"]) for g in groups] == [("no_date", 1, 1)]
    told = propose(house)
    assert (told["state"], told["items"], told["forecast"]["due"]) == ("proposed", 1, 1)
    sign = {"reason": "Kirjanpito kertoo saman.", "digest": told["root"]}
    decided = house.client("olga").post(f"{IN}campaigns/1/decide/", sign, format="json").json()
    assert decided["state"] == "decided"
    for who in ("olga", "ada"):
        refused = house.client(who).post(f"{IN}campaigns/1/confirm/", sign, format="json")
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:seloste:problem:lifecycle")
    confirmed = house.client("alice").post(f"{IN}campaigns/1/confirm/", sign, format="json").json()
    assert [(e["what"], e["by"]) for e in confirmed["events"]] == [
        ("proposed", "controller:ada"), ("decided", "owner:olga"), ("confirmed", "controller:alice"),
    ]  # fmt: skip
    listed = house.client("aino").get(f"{IN}campaigns/").json()
    assert [(c["number"], c["state"]) for c in listed["results"]] == [(1, "confirmed")]
    assert house.client("olga").post(f"{IN}campaigns/1/withdraw/", {"reason": "ei"}, format="json").json() == {
        "saved": 0, "in_flight": 0, "gone": 0,
    }  # fmt: skip


def test_a_root_of_another_group_is_refused(house, crm):
    propose(house)
    refused = house.client("olga").post(f"{IN}campaigns/1/decide/", {"reason": "so", "digest": "0" * 64}, format="json")
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("language", "title", "role", "day"),
    [
        ("fi", "Pöytäkirja", "rekisterin omistaja", "31.12.2020"),
        ("sv", "Protokoll", "registerägare", "31.12.2020"),
        ("en", "Minutes", "register owner", "31\u00a0December\u00a02020"),
    ],
)
def test_the_minutes_in_three_languages(house, crm, language, title, role, day):
    told = propose(house)
    sign = {"reason": "Selvä <b>.", "digest": told["root"]}
    house.client("olga").post(f"{IN}campaigns/1/decide/", sign, format="json")
    page = house.client("aino").get(f"{IN}campaigns/1/minutes/?language={language}")
    text = page.content.decode().replace("\u00ad", "")
    assert f'<html lang="{language}">' in text
    assert title in text
    assert role in text
    assert "olga" not in text
    assert "<b>." not in text
    assert day in text


def test_the_minutes_as_pdf(house, crm, tmp_path):
    propose(house)
    answer = house.client("aino").get(f"{IN}campaigns/1/minutes/?format=pdf&language=fi")
    assert answer["Content-Type"] == "application/pdf"
    (tmp_path / "minutes.pdf").write_bytes(answer.content)
    with Pdf.open(tmp_path / "minutes.pdf") as pdf:
        assert "Pöytäkirja" in str(pdf.docinfo["/Title"])
        assert str(pdf.Root.Lang) == "fi"


def test_before_a_night_nothing_followed(house, crm):
    told = propose(house)
    sign = {"reason": "so", "digest": told["root"]}
    house.client("olga").post(f"{IN}campaigns/1/decide/", sign, format="json")
    house.client("alice").post(f"{IN}campaigns/1/confirm/", sign, format="json")
    assert house.client("aino").get(f"{IN}campaigns/1/").json()["followed"] == {
        "lots": [], "outcomes": {}, "destroyed": 0, "gaps_left": 1,
    }  # fmt: skip
