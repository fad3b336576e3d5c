"""The ledger is fed, holds are placed, nights asked for, lots decided; nobody's number comes back out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from knox.models import AuthToken
from rest_framework.test import APIClient

from api.retention_serializers import ROW_LIMIT
from retention.models import Connection, Hold, LedgerContract, LedgerEvent, LedgerFact, Lot, Run
from retention.models.run import RunState
from retention.runs import request, stop
from ropa.models import Membership, Organisation, Register, Role
from tests.api.conftest import NIGHT, SECRET_NUMBER, House, make_lot
from tests.retention.company import NOW, TODAY, found_company
from worker.requested_nights import run_requested, stop_waiting

IN = "/api/v1/organisations/testi/"
WHO = {"subject_kind": "customer", "subject": SECRET_NUMBER}


# --- ledger --------------------------------------------------------------------------------------------------------


def test_the_ledger_takes_contracts_events_and_facts(house):
    body = {
        "contracts": [{**WHO, "ref": "S1", "started": "2020-01-01", "ended": "2022-01-31", "revision": 2}],
        "events": [{**WHO, "name": "debt_due", "thing": "L1", "date": "2022-03-01"}],
        "facts": [{**WHO, "name": "non_disclosure", "value": True}],
    }
    client = house.client("ines")
    answer = client.post(IN + "ledger/", body)
    assert answer.json() == {"contracts": 1, "events": 1, "facts": 1, "superseded": 0}
    contract = LedgerContract.objects.get()
    assert (contract.ended, contract.source) == (date(2022, 1, 31), "api:ines")
    assert LedgerEvent.objects.get().thing == "L1"
    assert LedgerFact.objects.get().value is True
    older = {"contracts": [{**WHO, "ref": "S1", "started": "2020-01-01", "revision": 1}]}
    assert client.post(IN + "ledger/", older).json()["superseded"] == 1
    assert LedgerContract.objects.get().ended == date(2022, 1, 31)


def test_of_a_wrong_list_nothing_is_written_and_every_problem_is_named(house):
    body = {
        "contracts": [
            {**WHO, "ref": "S1", "started": "2022-01-01", "ended": "2020-01-01"},
            {**WHO, "ref": "S2", "started": "2022-01-01"},
        ],
        "events": [{**WHO, "name": "no_such_event", "date": "2022-03-01"}],
    }
    answer = house.client("ines").post(IN + "ledger/", body)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["contracts[0].ended", "events[0].name"]
    assert SECRET_NUMBER not in answer.content.decode()
    assert not LedgerContract.objects.exists()


def test_a_wrong_shape_is_named_with_its_place_and_without_its_content(house):
    body = {"contracts": [{**WHO, "ref": "S1"}, {**WHO, "ref": "S2", "started": SECRET_NUMBER, "colour": "red"}]}
    answer = house.client("ines").post(IN + "ledger/", body)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == ["contracts[1].colour"]
    assert SECRET_NUMBER not in answer.content.decode()


def test_one_call_carries_a_bounded_number_of_rows(house):
    rows = [{**WHO, "ref": str(n)} for n in range(ROW_LIMIT)]
    facts = [{**WHO, "name": "non_disclosure", "value": True}]
    assert house.client("ines").post(IN + "ledger/", {"contracts": rows, "facts": facts}).status_code == 413
    assert house.client("ines").post(IN + "ledger/", {"contracts": rows}).json()["contracts"] == ROW_LIMIT


# --- holds ---------------------------------------------------------------------------------------------------------


def place(house: House, **over):
    body = {"subjects": [WHO], "reason": "dispute", "owner": "legal", "review_by": "2099-01-01", **over}
    return house.client("bob").post(IN + "holds/", body)


def test_a_hold_says_what_it_came_in_time_for(house):
    answer = place(house, dataset="crm-0", register="crm")
    assert answer.status_code == 201
    assert answer.json()["saved"] == 3
    assert (answer.json()["in_flight"], answer.json()["gone"]) == (0, 0)
    assert answer.json()["unknown"] == 0
    assert answer.json()["hold"]["subjects"] == 1
    assert SECRET_NUMBER not in answer.content.decode()
    placed = Hold.objects.get(pk=answer.json()["hold"]["id"])
    assert placed.subjects.get().subject == SECRET_NUMBER
    assert placed.history.first().history_change_reason == "placed by dpo:bob"


def test_a_hold_says_of_how_many_nothing_here_knows(house):
    nobody = {"subject_kind": "customer", "subject": "nobody"}
    assert place(house, subjects=[WHO, nobody]).json()["unknown"] == 1
    assert place(house, subjects=[{**nobody, "subject": "\ufeffnobody"}]).status_code == 422


def test_a_hold_without_a_reason_that_counts_is_refused(house):
    assert place(house, reason="because").json()["errors"][0]["path"] == "reason"
    assert place(house, review_by="2000-01-01").status_code == 422


def test_a_hold_on_a_register_that_is_nowhere_is_refused(house):
    answer = place(house, register="crn", dataset="crm-9")
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["register", "dataset"]


def test_a_draft_without_the_register_that_a_hold_names_is_not_published(house):
    number = place(house, register="crm").json()["hold"]["id"]
    Register.objects.filter(code="crm").update(code="asiakkaat")
    draft = house.client("alice").get(IN + "draft/").json()["digest"]
    decided = {"digest": draft, "in_force_from": "2099-01-01", "opinion_reason": "kiire"}
    answer = house.client("alice").post(IN + "versions/", decided, headers={"accept-language": "en"})
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["registers"]
    assert f"hold {number} is on the register 'crm'" in answer.json()["errors"][0]["message"]
    assert house.testi.versions.count() == 1
    house.client("alice").post(f"{IN}holds/{number}/release/", {})
    assert house.client("alice").post(IN + "versions/", decided).status_code == 201


def test_a_hold_is_released_once_by_the_controller(house):
    path = f"{IN}holds/{house.hold.pk}/release/"
    answer = house.client("alice").post(path, {"day": "2026-07-01"})
    assert (answer.json()["released"], answer.json()["released_by"]) == ("2026-07-01", "controller:alice")
    assert house.client("alice").post(path, {"day": "2026-07-02"}).status_code == 409
    assert house.client("bob").get(IN + "holds/", {"released": "true"}).json()["count"] == 1
    assert house.client("bob").get(IN + "holds/", {"released": "false"}).json()["count"] == 0


# --- lots ----------------------------------------------------------------------------------------------------------


def approve(house: House, who: str, lot: Lot, digest: str | None = None):
    return house.client(who).post(f"{IN}lots/{lot.pk}/approve/", {"digest": digest or lot.digest})


def test_two_must_be_two(house):
    first = approve(house, "alice", house.lot)
    assert first.json()["state"] == "flagged"
    assert first.json()["approvals"] == ["controller:alice"]
    again = approve(house, "alice", house.lot)
    assert again.status_code == 409
    assert again.json()["type"] == "urn:seloste:problem:lifecycle"
    second = approve(house, "ada", house.lot)
    assert second.json()["state"] == "approved"
    assert [event["who"] for event in second.json()["events"]][:2] == ["controller:alice", "controller:ada"]


def test_a_sample_is_looked_at_before_a_wave_is_approved(house, data_dir):
    path = data_dir / "crm.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table asiakas(id text primary key, asiakasnro text, nimi text)")
        database.execute("insert into asiakas values ('7-0', ?, 'Testihenkilö')", (SECRET_NUMBER,))
    Connection.objects.filter(code="crm").update(config={"url": f"sqlite:///{path}"})
    lot = make_lot(house.run, 7)
    Lot.objects.filter(pk=lot.pk).update(wave=1)
    refused = approve(house, "ada", lot)
    assert (refused.status_code, "3 of the items" in refused.json()["detail"]) == (409, True)
    there = f"{IN}lots/{lot.pk}/sample/"
    told = house.client("ada").get(there).json()
    assert [item["key"] for item in told["items"]] == ["7-0", "7-1", "7-2"]
    assert told["items"][0]["shown"]["nimi"] == "Testihenkilö"
    assert told["items"][1]["shown"] is None
    assert house.client("bob").get(there).status_code == 403
    verdict = {"digest": told["digest"], "right": [0, 1, 2], "wrong": []}
    assert house.client("ada").post(there, verdict, format="json").status_code == 200
    assert approve(house, "ada", lot).status_code == 200
    assert house.client("olga").get(f"{IN}lots/{lot.pk}/").json()["wave"] == 1
    wrong = {"digest": told["digest"], "right": [], "wrong": [1], "reason": "Sopimus jatkuu."}
    assert house.client("alice").post(there, wrong, format="json").json()["state"] == "rejected"


def test_a_second_role_makes_no_second_person(house):
    alice = Membership.objects.get(user__username="alice", organisation=house.testi)
    Membership.objects.create(user=alice.user, organisation=house.testi, role=Role.ADMINISTRATOR)
    Membership.objects.create(user=alice.user, organisation=house.testi, role=Role.OWNER)
    assert approve(house, "alice", house.lot).status_code == 200
    assert approve(house, "alice", house.lot).status_code == 409


def test_the_publisher_alone_is_not_enough(house):
    lot = make_lot(house.run, 2, approvals=1)
    first = approve(house, "alice", lot).json()
    assert (first["state"], first["approvals"], first["approvals_wanted"]) == ("flagged", ["controller:alice"], 1)
    second = approve(house, "ada", lot).json()
    assert (second["state"], second["approvals_wanted"]) == ("approved", 0)


def test_a_token_approves_as_its_owner(house):
    ada = User.objects.get(username="ada")
    _, token = AuthToken.objects.create(ada)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.post(f"{IN}lots/{house.lot.pk}/approve/", {"digest": house.lot.digest}).status_code == 200
    assert house.lot.events.values_list("who", "account").get() == ("controller:ada", ada.pk)
    assert approve(house, "ada", house.lot).status_code == 409


@pytest.mark.parametrize("who", ["bob", "olga", "aino", "ines", "adam"])
def test_nobody_else_approves_or_rejects(house, who):
    assert approve(house, who, house.lot).status_code == 403
    assert house.client(who).post(f"{IN}lots/{house.lot.pk}/reject/", {"reason": "ei"}).status_code == 403


def test_what_is_approved_is_what_was_looked_at(house):
    assert approve(house, "alice", house.lot, "0" * 64).status_code == 409
    assert approve(house, "alice", house.lot, "no digest").status_code == 400
    assert Lot.objects.get().state == "flagged"


def test_a_rejected_lot_forgets_its_keys(house):
    path = f"{IN}lots/{house.lot.pk}/reject/"
    assert house.client("alice").post(path, {"reason": " "}).status_code == 400
    answer = house.client("alice").post(path, {"reason": "the rule is wrong"})
    assert answer.json()["state"] == "rejected"
    assert Lot.objects.get().keys is None
    assert house.client("alice").post(path, {"reason": "again"}).status_code == 409


def test_no_key_and_no_number_is_shown(house):
    client = house.client("alice")
    for path in ("lots/", f"lots/{house.lot.pk}/", "holds/", "nights/", f"nights/{NIGHT}/"):
        answer = client.get(IN + path)
        assert answer.status_code == 200
        assert SECRET_NUMBER not in answer.content.decode()
        assert '"keys"' not in answer.content.decode()


@pytest.mark.parametrize(("place", "most"), [("lots", 5), ("holds", 4), ("nights", 4), ("versions", 4)])
def test_a_long_list_asks_the_database_no_more_than_a_short_one(house, place, most, django_assert_max_num_queries):
    for number in range(30):
        make_lot(house.run, number)
        Hold.objects.create(
            organisation=house.testi, reason="dispute", owner="x", start=NIGHT, review_by=date(2027, 1, 1)
        )
        Run.objects.create(organisation=house.testi, business_date=date(2026, 1, 1 + number), version=house.run.version)
    with django_assert_max_num_queries(most):
        answer = house.client("aino").get(f"{IN}{place}/")
    assert answer.status_code == 200
    assert answer.json()["count"] >= (1 if place == "versions" else 30)


# --- nights --------------------------------------------------------------------------------------------------------


def test_a_night_is_asked_for_and_stopped(house):
    client = house.client("adam")
    asked = client.post(IN + "nights/", {"business_date": "2026-07-01", "confirm_gap": True})
    assert asked.status_code == 202
    assert asked["Location"].endswith("/api/v1/organisations/testi/nights/2026-07-01/")
    assert (asked.json()["state"], asked.json()["requested_by"]) == ("requested", "administrator:adam")
    stopped = house.client("bob").post(IN + "nights/2026-07-01/stop/", {"reason": "a restore is running"})
    assert stopped.json()["stop_requested"] is True
    assert stopped.json()["stop_reason"] == "a restore is running (dpo:bob)"


def test_a_fall_is_confirmed_source_by_source(house):
    client = house.client("adam")
    for sources in (["crm:contracts"], ["crm:debts"], []):
        asked = client.post(IN + "nights/", {"business_date": "2026-07-01", "confirm_falls": sources})
    assert asked.json()["falls_confirmed"] == ["crm:contracts", "crm:debts"]
    assert client.post(IN + "nights/", {"confirm_falls": "crm:debts"}).status_code == 400


def test_a_finished_night_is_not_run_again_and_not_stopped(house):
    Run.objects.update(state=RunState.FINISHED)
    assert house.client("adam").post(IN + "nights/", {"business_date": str(NIGHT)}).status_code == 200
    assert house.client("adam").post(f"{IN}nights/{NIGHT}/stop/", {"reason": "late"}).status_code == 409


@pytest.fixture
def company(db, data_dir, house):
    """The company whose registers can be reached, with alice as its controller."""
    Membership.objects.all().delete()
    Lot.objects.all().delete()
    Run.objects.all().delete()
    house.testi.slug = "before"
    house.testi.save()
    organisation = found_company(data_dir)
    Membership.objects.create(user=User.objects.get(username="alice"), organisation=organisation, role=Role.CONTROLLER)
    return house.client("alice")


def test_the_worker_runs_what_was_asked_for(company):
    company.post(IN + "nights/", {"business_date": TODAY.isoformat()})
    refused = []
    (run,) = run_requested(NOW, lambda run, why: refused.append(why))
    assert refused == []
    assert run.state == RunState.FINISHED
    shown = company.get(f"{IN}nights/{TODAY}/").json()
    assert shown["state"] == "finished"
    assert shown["summary"]["purged"] > 0
    assert list(run_requested(NOW, lambda run, why: refused.append(why))) == []


def test_a_night_that_was_killed_while_it_ran_is_finished(company):
    company.post(IN + "nights/", {"business_date": TODAY.isoformat()})
    Run.objects.update(state=RunState.RUNNING)
    assert [run.state for run in run_requested(NOW, lambda run, why: None)] == [RunState.FINISHED]


def test_a_request_that_may_not_run_waits_with_its_reason(company):
    company.post(IN + "nights/", {"business_date": "2026-07-01"})
    refused = []
    assert list(run_requested(NOW, lambda run, why: refused.append(why))) == []
    shown = company.get(f"{IN}nights/2026-07-01/").json()
    assert shown["state"] == "requested"
    assert refused == [shown["stop_reason"]]
    assert "2026-07-01" in shown["stop_reason"]


def test_a_request_that_was_stopped_does_not_run_until_it_is_asked_for_again(company):
    company.post(IN + "nights/", {"business_date": TODAY.isoformat()})
    company.post(f"{IN}nights/{TODAY}/stop/", {"reason": "wait"})
    assert list(run_requested(NOW, lambda run, why: None)) == []
    assert company.get(f"{IN}nights/{TODAY}/").json()["state"] == "stopped"
    company.post(IN + "nights/", {"business_date": TODAY.isoformat()})
    assert [run.state for run in run_requested(NOW, lambda run, why: None)] == [RunState.FINISHED]


def test_a_request_that_is_stopped_while_another_runs_does_not_run(company):
    """The list of what waits was read before; a stopped night is begun by nobody but who asks for it."""
    company.post(IN + "nights/", {"business_date": TODAY.isoformat()})
    tomorrow = TODAY + timedelta(days=1)
    company.post(IN + "nights/", {"business_date": tomorrow.isoformat()})
    told = []
    running = run_requested(NOW + timedelta(days=1), lambda run, why: told.append(why))
    assert next(running).business_date == TODAY
    company.post(f"{IN}nights/{tomorrow}/stop/", {"reason": "wait"})
    stop_waiting()
    assert list(running) == []
    assert told == [f"the night of {tomorrow} was stopped: nobody has asked for it since"]
    assert company.get(f"{IN}nights/{tomorrow}/").json()["state"] == "stopped"


def test_what_is_confirmed_of_a_running_night_takes_back_no_stop(company):
    run = request(Organisation.objects.get(slug="testi"), TODAY, "dpo")
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    stop(run, "dpo", "väärä sääntö")
    assert request(run.organisation, TODAY, "controller", confirm_falls=["crm:contracts"]).stop_requested
    Run.objects.filter(pk=run.pk).update(state=RunState.STOPPED)
    assert not request(run.organisation, TODAY, "controller").stop_requested


def test_the_command_fails_when_a_request_could_not_run(company, capsys):
    company.post(IN + "nights/", {"business_date": "2999-01-01"})
    with pytest.raises(SystemExit):
        call_command("run_requested_nights")
    assert "testi 2999-01-01" in capsys.readouterr().err
