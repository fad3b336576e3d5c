"""Lists of any length: a page at a time, found by any word, in the same number of queries."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from retention.models import Hold
from ropa.models import Dataset, Register
from ropa.services import publish
from tests.api.conftest import make_lot, make_register
from tests.retention.company import publish as publish_content
from tests.web.test_pages import client, dataset_night, finished, text
from web.paging import ROWS


@pytest.fixture
def many(house):
    """Sixty registers in force; the last has names in two languages."""
    for n in range(60):
        make_register(house.testi, f"rek-{n:02}")
    Register.objects.filter(code="rek-59").update(name={"fi": "Kulunvalvonta", "sv": "Passagekontroll"})
    publish(house.testi, house.testi.day_of(timezone.now()), timezone.now(), "controller:alice", opinion_reason="uusi")
    return house


def names(answer) -> list[str]:
    return re.findall(r'<th scope="row" class="nm"><a href="/o/testi/registers/([^/]+)/', answer.content.decode())


def queries(person, address: str) -> int:
    assert person.get(address).status_code == 200  # a process reads the version and the draft once
    with CaptureQueriesContext(connection) as asked:
        assert person.get(address).status_code == 200
    return len(asked)


def test_registers_come_a_page_at_a_time_each_once(many):
    bob = client("bob")
    first, second = (bob.get(f"/o/testi/registers/?page={n}") for n in (1, 2))
    assert (len(names(first)), len(names(second))) == (ROWS, 11)
    assert len({*names(first), *names(second)}) == 61
    assert f"1–{ROWS} / 61" in text(first)
    for nowhere in ("99", "-1", "x"):
        assert bob.get(f"/o/testi/registers/?page={nowhere}").status_code == 200


def test_a_search_looks_in_every_language_and_stays_on_the_next_page(many):
    bob = client("bob")
    assert names(bob.get("/o/testi/registers/?q=PASSAGE")) == ["rek-59"]
    assert "q=rekisteri&amp;page=2" in bob.get("/o/testi/registers/?q=rekisteri").content.decode()


def test_no_page_asks_more_of_more_rows(house, many):
    today = house.testi.day_of(timezone.now())
    bob = client("bob")
    run = finished(house, today)
    dataset_night(run)
    pages = (
        "",
        "lots/",
        "alarms/",
        "nights/",
        f"nights/{today}/",
        "registers/",
        "registers/crm/",
        "holds/",
        "evidence/",
    )
    before = {page: queries(bob, f"/o/testi/{page}") for page in pages}
    for n in range(60):
        dataset_night(run, register=f"rek-{n:02}", dataset=f"rek-{n:02}-0")
        make_lot(house.run, number=200 + n)
        finished(house, today - timedelta(days=n + 1))
        Hold.objects.create(
            organisation=house.testi, reason="dispute", owner="x", start=today, review_by=date(2099, 1, 1)
        )
    assert {page: queries(bob, f"/o/testi/{page}") for page in pages} == before


def test_the_last_page_of_lots_is_decided_too(house):
    lots = [make_lot(house.run, number=n) for n in range(2, ROWS + 5)]
    alice = client("alice")
    assert f'value="{lots[-1].pk}:' not in alice.get("/o/testi/lots/").content.decode()
    assert f'value="{lots[-1].pk}:' in alice.get("/o/testi/lots/?page=2").content.decode()
    chosen = {"lot": f"{lots[-1].pk}:{lots[-1].digest}", "decision": "approve"}
    answer = alice.post("/o/testi/lots/?page=2", chosen)
    assert answer["Location"] == "/o/testi/lots/?page=2"
    assert lots[-1].events.count() == 1


def test_a_lot_that_nobody_could_mean_is_not_looked_for(house):
    for wrong in ("x:y", ":", "9" * 30 + ":0", "²:0"):
        shown = text(client("alice").post("/o/testi/lots/", {"lot": wrong, "decision": "approve"}, follow=True))
        assert "ei enää odota" in shown


def test_a_draft_that_somebody_edits_is_told_at_once(house):
    bob = client("bob")
    assert "Selosteen luonnos" not in text(bob.get("/o/testi/"))
    dataset = Dataset.objects.get(code="crm-0")
    dataset.name = {"fi": "Muut tiedot"}
    dataset.save()
    assert "Selosteen luonnos" in text(bob.get("/o/testi/"))
    dataset.name = {"fi": "Perustiedot"}
    dataset.save()
    assert "Selosteen luonnos" not in text(bob.get("/o/testi/"))


def test_of_many_registers_a_hold_names_one(house, monkeypatch):
    monkeypatch.setattr("web.holds.MOST_OFFERED", 0)
    told = {"people": "1", "reason": "dispute", "owner": "lakiasiat", "review_by": "2099-01-01"}
    shown = client("bob").post("/o/testi/holds/", {**told, "register": "Rekisteri olematon"})
    assert shown.status_code == 422
    assert 'value="Rekisteri olematon"' in shown.content.decode()
    client("bob").post("/o/testi/holds/", {**told, "register": "rekisteri CRM"})
    assert Hold.objects.latest("pk").register == "crm"
    content = json.loads(house.testi.versions.latest("number").snapshot)
    content["registers"].append({**content["registers"][0], "id": "crm-2"})
    publish_content(house.testi, content, 2)
    alike = client("bob", "en").post("/o/testi/holds/", {**told, "register": "rekisteri CRM"})
    assert "Several registers have this name. Write the id of one: crm, crm-2." in text(alike)
    client("bob").post("/o/testi/holds/", {**told, "register": "crm-2"})
    assert Hold.objects.latest("pk").register == "crm-2"


def test_the_same_hold_of_the_same_day_is_one(house):
    told = {"people": "1\n2", "reason": "dispute", "owner": "lakiasiat", "review_by": "2099-01-01"}
    bob = client("bob")
    before = Hold.objects.count()
    bob.post("/o/testi/holds/", told)
    assert "mitään ei lisätty" in text(bob.post("/o/testi/holds/", {**told, "people": "2\n1"}, follow=True))
    assert Hold.objects.count() == before + 1
    bob.post("/o/testi/holds/", {**told, "people": "2"})
    assert Hold.objects.count() == before + 2
