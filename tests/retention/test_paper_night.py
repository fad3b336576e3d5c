"""Paper through whole nights: ordered, waited for, called back by a hold, done with the signed certificate."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from retention.connectors.paper_orders import Orders
from retention.evidence_check import verify
from retention.holds import place
from retention.models import EvidenceEntry, Lot
from retention.night import run_night
from retention.runs import succeeded
from tests.retention.company import NOW, TODAY, ground, publish
from tests.retention.paper_company import POLICY, found_archive


@pytest.fixture
def company(db, data_dir):
    return found_archive(data_dir)


def night(company, days=0):
    return run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))


def papers(data_dir):
    lines = (data_dir / "archive" / "contents.csv").read_text().splitlines()[1:]
    return [line.split(";")[0] for line in lines]


def command(*arguments):
    out = StringIO()
    call_command("paper_orders", "--organisation", "testi", *arguments, stdout=out)
    return out.getvalue()


def test_what_is_ordered_is_explained_and_nothing_has_gone(company, data_dir):
    run = night(company)
    assert succeeded(run)
    assert Lot.objects.get(dataset="paperit").tally == {"pending": 2}
    assert papers(data_dir) == ["L1/1", "L1/2", "L2/1"]
    (order,) = json.loads(command("--json"))
    assert (order["box"], sorted(order["papers"])) == ("L1", ["L1/1", "L1/2"])


def test_asking_again_orders_nothing_new(company):
    night(company)
    before = command("--json")
    night(company, 1)
    assert command("--json") == before


def test_with_the_certificate_it_is_done(company, data_dir):
    night(company)
    (order,) = json.loads(command("--json"))
    command("--certify", order["order"], "--signed-by", "arkistonhoitaja", "--on", "2026-06-30")
    night(company, 1)
    lot = Lot.objects.get(dataset="paperit")
    assert (lot.state, lot.tally) == ("verified", {"destroyed": 2})
    assert papers(data_dir) == ["L2/1"]
    assert "papers" not in command()


def test_a_hold_calls_the_order_back(company, data_dir):
    night(company)
    place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1), by="dpo")
    night(company, 1)
    assert Lot.objects.get(dataset="paperit").tally == {"held": 1, "pending": 1}
    orders = Orders(data_dir / "archive" / "orders").written.values()
    assert [sorted(order.order["papers"]) for order in orders if order.withdrawn] == [["L1/1", "L1/2"]]
    assert [sorted(order.order["papers"]) for order in orders if order.open] == [["L1/1"]]


@pytest.mark.parametrize(
    "change",
    [{"grounds": [ground("vaateet", kind="claim", action="destroy_paper", period="P30Y")]}]
    + [{"policy": {**POLICY, **stricter}} for stricter in ({"mode": "observe"}, {"mode": "flag"}, {"approval": "two"})],
)
@pytest.mark.parametrize("certified", [False, True])
def test_a_changed_rule_or_a_stricter_policy_calls_the_order_back(company, data_dir, change, certified):
    night(company)
    if certified:
        (order,) = json.loads(command("--json"))
        command("--certify", order["order"], "--signed-by", "arkistonhoitaja", "--on", "2026-06-30")
    content = json.loads(company.versions.get(number=2).snapshot)
    content["datasets"][-1].update(change)
    publish(company, content, 3, (TODAY + timedelta(days=1)).isoformat())
    night(company, 1)
    lot = Lot.objects.filter(dataset="paperit").order_by("pk")[0]
    assert (lot.tally, lot.keys) == ({"destroyed" if certified else "superseded": 2}, None)
    (order,) = Orders(data_dir / "archive" / "orders").written.values()
    assert order.withdrawn is not certified
    assert len(papers(data_dir)) == (1 if certified else 3)


def test_what_was_destroyed_before_the_hold_came_is_counted_as_destroyed(company):
    night(company)
    (order,) = json.loads(command("--json"))
    command("--certify", order["order"], "--signed-by", "arkistonhoitaja", "--on", "2026-06-30")
    place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1), by="dpo")
    night(company, 1)
    assert Lot.objects.get(dataset="paperit").tally == {"destroyed": 2}


def test_a_certificate_wants_a_role_and_an_order_that_is_there(company):
    night(company)
    with pytest.raises(CommandError, match="--signed-by"):
        command("--certify", "X")
    with pytest.raises(CommandError, match="no order X"):
        command("--certify", "X", "--signed-by", "arkistonhoitaja")


def test_a_certificate_is_in_evidence_by_its_digest_and_names_no_paper(company, data_dir):
    night(company)
    (order,) = json.loads(command("--json"))
    told = ("--certify", order["order"], "--signed-by", "arkistonhoitaja", "--on", "2026-06-30", "--only", "L1/1")
    command(*told, "--by", "arkisto")
    (entry,) = EvidenceEntry.objects.filter(kind="paper_certified")
    (certificate,) = (data_dir / "archive" / "orders").glob("*.certificate.json")
    assert json.loads(entry.body) == {
        "archive": "arkisto",
        "order": order["order"],
        "destroyed": 1,
        "not_found": 0,
        "destroyed_on": "2026-06-30",
        "certificate": hashlib.sha256(certificate.read_bytes()).hexdigest(),
        "by": "shell:arkisto",
    }
    assert verify("testi").entries > 1
    with pytest.raises(CommandError, match="tells of them already"):
        command(*told)
    assert EvidenceEntry.objects.filter(kind="paper_certified").count() == 1


def test_what_nobody_could_sign_is_not_recorded(company, data_dir):
    night(company)
    (order,) = json.loads(command("--json"))
    (data_dir / "keys" / "evidence.pem").unlink()
    with pytest.raises(CommandError, match=r"evidence\.pem"):
        command("--certify", order["order"], "--signed-by", "arkistonhoitaja", "--on", "2026-06-30")
    assert not list((data_dir / "archive" / "orders").glob("*.certificate.json"))


def test_where_two_approve_two_see_to_it_and_no_day_lies_ahead(company, data_dir):
    night(company)
    content = json.loads(company.versions.get(number=2).snapshot)
    content["datasets"][-1]["policy"] = {**POLICY, "approval": "two"}
    publish(company, content, 3, TODAY.isoformat())
    (order,) = json.loads(command("--json"))
    told = ("--certify", order["order"], "--signed-by", "arkistonhoitaja")
    with pytest.raises(CommandError, match="asks for two persons"):
        command(*told, "--on", "2026-06-30")
    with pytest.raises(CommandError, match="lies ahead"):
        command(*told, "--on", "9999-01-01", "--witness", "vahtimestari")
    command(*told, "--on", "2026-06-30", "--witness", "vahtimestari")
    (certificate,) = (data_dir / "archive" / "orders").glob("*.certificate.json")
    assert json.loads(certificate.read_text())["witness"] == "vahtimestari"


def test_rules_that_keep_it_longer_call_the_order_back(company, data_dir):
    night(company)
    changed = json.loads(company.versions.order_by("-number").first().snapshot)
    changed["datasets"][-1]["grounds"][0]["period"] = "P30Y"
    publish(company, changed, 3, (TODAY + timedelta(days=1)).isoformat())
    night(company, 1)
    (order,) = Orders(data_dir / "archive" / "orders").written.values()
    assert order.withdrawn
    assert Lot.objects.get(dataset="paperit").state == "withdrawn"


@pytest.mark.parametrize("gone", [True, False])
def test_a_dataset_that_is_dropped_or_only_observed_calls_the_order_back(company, data_dir, gone):
    night(company)
    changed = json.loads(company.versions.order_by("-number").first().snapshot)
    if gone:
        del changed["datasets"][-1]
    else:
        changed["datasets"][-1]["policy"]["mode"] = "observe"
    publish(company, changed, 3, (TODAY + timedelta(days=1)).isoformat())
    night(company, 1)
    (order,) = Orders(data_dir / "archive" / "orders").written.values()
    assert order.withdrawn


def test_what_lies_with_the_archive_keeper_is_in_flight_and_not_saved(company):
    night(company)
    until = date(2027, 1, 1)
    placed = place(company, [("customer", "1001")], "dispute", "", "lakiasiat", TODAY, until, dataset="paperit")
    assert (placed.saved, placed.in_flight, placed.gone) == (0, 1, 0)


def test_a_folder_of_orders_that_cannot_be_locked_stops_paper_alone(company, data_dir):
    (data_dir / "archive" / "orders" / ".lock").mkdir()
    run = night(company)
    assert "folder for orders" in run.summary["problems"]["paperit"]
    assert run.summary["purged"] > 0
