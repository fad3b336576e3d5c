"""A night end to end on a real register: what goes, what stays, and what it says of both."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest

from retention.approvals import approve
from retention.disposal import reject
from retention.domain.errors import EvidenceError, LifecycleError, NightError
from retention.evidence_check import verify
from retention.holds import place
from retention.holds import stop as stop_register
from retention.lot_keys import lot_digest, unpack
from retention.models import Attempt, Connection, DatasetNight, EvidenceEntry, FirstSeen, LedgerContract, Lot, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.runs import request, stop, succeeded
from tests.retention.company import (
    DUE_CUSTOMERS,
    DUE_TICKETS,
    NOW,
    SURVIVORS,
    TODAY,
    controller,
    customers,
    document,
    found_company,
    publish,
    tickets,
)

POLICY = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}


def sql(data_dir, statement, *arguments):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        rows = crm.execute(statement, arguments).fetchall()
    crm.close()
    return rows


def dataset(run, code):
    return next(row for row in run.summary["datasets"] if row["dataset"] == code)


def test_what_is_due_goes_and_nothing_else(company, data_dir):
    untouched = sql(data_dir, "select * from asiakas where asiakasnro = '1002'")
    run = run_night(company, TODAY, NOW)
    assert run.state == RunState.FINISHED
    assert customers(data_dir) == SURVIVORS
    assert tickets(data_dir)[0] == 6 - DUE_TICKETS
    assert sql(data_dir, "select * from asiakas where asiakasnro = '1002'") == untouched
    people = dataset(run, "asiakastiedot")
    assert (people["due"], people["destroyed"], people["held"], people["review"]) == (3, 3, 1, 1)
    assert succeeded(run)


def test_messages_go_with_their_ticket_and_only_with_it(company, data_dir):
    run_night(company, TODAY, NOW)
    assert sql(data_dir, "select count(*) from viesti where tiketti_id not in (select id from tiketti)") == [(0,)]
    left = sql(data_dir, "select count(*) from viesti")[0][0]
    assert left == 2 * (6 - DUE_TICKETS)


@pytest.mark.parametrize(("today", "gone"), [(date(2026, 6, 29), False), (date(2026, 6, 30), True)])
def test_both_sides_of_the_boundary_day(company, data_dir, today, gone):
    run_night(company, today, NOW)
    assert ("1003" not in customers(data_dir)) is gone


def test_a_second_run_of_the_same_night_does_nothing(company, data_dir):
    first = run_night(company, TODAY, NOW)
    entries = EvidenceEntry.objects.count()
    second = run_night(company, TODAY, NOW + timedelta(hours=3))
    assert second.pk == first.pk
    assert EvidenceEntry.objects.count() == entries


def test_the_next_night_takes_what_fell_due_since(company, data_dir):
    run_night(company, TODAY, NOW)
    run = run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert run.summary["purged"] == 1
    assert customers(data_dir) == SURVIVORS - {"1004"}


def test_evidence_verifies_and_names_no_one(company, data_dir):
    run_night(company, TODAY, NOW)
    verify("testi")
    bodies = " ".join(EvidenceEntry.objects.values_list("body", flat=True))
    assert "Testihenkilö" not in bodies
    assert '"1001"' not in bodies


def test_every_key_of_a_lot_is_counted_once(company):
    run_night(company, TODAY, NOW, chunk=1)
    for lot in Lot.objects.all():
        assert sum(lot.tally.values()) == lot.size == lot.next_position
        assert lot.keys is None
        sent = Attempt.objects.filter(lot=lot).values_list("tally", flat=True)
        assert sum(sum(tally.values()) for tally in sent) == lot.size


def test_a_reopened_contract_brings_its_customer_back(company, data_dir):
    sql(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where asiakasnro = '1001'")
    run_night(company, TODAY, NOW)
    assert "1001" in customers(data_dir)


def test_a_contract_reopened_between_flag_and_claim_supersedes_its_keys(data_dir, db):
    company = found_company(data_dir, {**POLICY, "approval": "one"})
    run_night(company, TODAY, NOW)
    lot = Lot.objects.get(dataset="asiakastiedot")
    approve(lot, controller(lot.organisation), lot.digest)
    sql(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where asiakasnro = '1001'")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    lot.refresh_from_db()
    assert lot.tally == {"destroyed": 2, "superseded": 1}
    assert (lot.state, lot.keys) == ("verified", None)  # what stays is no residue
    assert "1001" in customers(data_dir)


def test_a_hold_placed_between_flag_and_claim_wins(data_dir, db):
    company = found_company(data_dir, {**POLICY, "approval": "one"})
    run_night(company, TODAY, NOW)
    lot = Lot.objects.get(dataset="asiakastiedot")
    approve(lot, controller(lot.organisation), lot.digest)
    place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1), by="dpo")
    tomorrow = TODAY + timedelta(days=1)
    run_night(company, tomorrow, NOW + timedelta(days=1))
    lot.refresh_from_db()
    assert lot.tally == {"destroyed": 2, "held": 1}
    assert "1008" in customers(data_dir)


def test_a_hold_on_everybody_holds_everybody(company, data_dir):
    place(company, [], "authority", "", "lakiasiat", TODAY, date(2027, 1, 1), dataset="asiakastiedot", by="dpo")
    run = run_night(company, TODAY, NOW)
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
    assert (dataset(run, "asiakastiedot")["due"], dataset(run, "asiakastiedot")["held"]) == (0, 4)
    assert tickets(data_dir)[0] == 6 - DUE_TICKETS
    assert succeeded(run)


@pytest.mark.usefixtures("english")
class TestApproval:
    def test_nothing_goes_unapproved_and_waiting_is_an_explanation(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "approval": "two"})
        run = run_night(company, TODAY, NOW)
        assert run.summary["purged"] == 0
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert succeeded(run)
        lot = Lot.objects.get(dataset="asiakastiedot")
        assert approve(lot, controller(lot.organisation), lot.digest) == 1
        with pytest.raises(LifecycleError, match="same person"):
            approve(lot, controller(lot.organisation), lot.digest)
        assert approve(lot, controller(lot.organisation, "hallituksen puheenjohtaja"), lot.digest) == 0
        run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
        assert not DUE_CUSTOMERS & customers(data_dir)

    def test_an_approval_signs_exactly_what_was_seen(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "approval": "one"})
        run_night(company, TODAY, NOW)
        lot = Lot.objects.get(dataset="asiakastiedot")
        with pytest.raises(LifecycleError, match="digest"):
            approve(lot, controller(lot.organisation), "0" * 64)

    def test_a_changed_rule_voids_it(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "approval": "one"})
        run_night(company, TODAY, NOW)
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation), lot.digest)
        changed = document({**POLICY, "approval": "one"})
        changed["datasets"][1]["grounds"][1]["period"] = "P10Y"
        publish(company, changed, 2, (TODAY + timedelta(days=1)).isoformat())
        run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
        lot.refresh_from_db()
        assert lot.state == "withdrawn"
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS

    def test_grace_is_waited_for(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "grace": "P2D"})
        for days, gone in ((0, False), (1, False), (2, True)):
            run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))
            assert ("1001" not in customers(data_dir)) is gone

    def test_a_rejected_lot_is_asked_about_again(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "approval": "one"})
        run_night(company, TODAY, NOW)
        reject(Lot.objects.get(dataset="asiakastiedot"), "toimitusjohtaja", "ei vielä")
        run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
        assert Lot.objects.filter(dataset="asiakastiedot", state="flagged").count() == 1


@pytest.mark.parametrize("mode", ["observe", "flag"])
def test_only_a_purging_policy_destroys(data_dir, db, mode):
    company = found_company(data_dir, {**POLICY, "mode": mode})
    run = run_night(company, TODAY, NOW)
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
    assert dataset(run, "asiakastiedot")["due"] == 3
    assert Lot.objects.count() == (0 if mode == "observe" else 2)


class TestWhenItMayRun:
    def test_not_ahead_of_the_calendar_where_the_organisation_is(self, company):
        before_midnight = datetime(2026, 6, 29, 20, 59, tzinfo=UTC)  # 23.59 in Helsinki
        with pytest.raises(NightError, match="not begun"):
            run_night(company, TODAY, before_midnight)
        assert not Run.objects.exists()
        run_night(company, TODAY, before_midnight + timedelta(minutes=1))

    def test_not_on_a_date_that_a_later_night_covered(self, company):
        run_night(company, TODAY, NOW)
        with pytest.raises(NightError, match="later night"):
            run_night(company, TODAY - timedelta(days=1), NOW)

    def test_a_gap_of_more_than_seven_days_wants_a_confirmation(self, company):
        run_night(company, TODAY, NOW)
        after = TODAY + timedelta(days=8)
        now = NOW + timedelta(days=8)
        with pytest.raises(NightError, match="--confirm-gap"):
            run_night(company, after, now)
        run = run_night(company, after, now, confirm_gap=True)
        assert len(run.missed_dates) == 7

    def test_a_source_that_fell_wants_a_confirmation_which_the_evidence_tells(self, company, data_dir):
        run_night(company, TODAY, NOW)
        with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
            crm.execute("delete from sopimus where id > 2")
        nights = [(TODAY + timedelta(days=n), NOW + timedelta(days=n)) for n in (1, 2)]
        assert "--confirm-fall crm:contracts" in run_night(company, *nights[0]).summary["problems"]["asiakastiedot"]
        run = run_night(company, *nights[1], confirm_falls=["crm:contracts"])
        assert "asiakastiedot" not in run.summary["problems"]
        begun = EvidenceEntry.objects.filter(kind="night_started").order_by("pk").values_list("body", flat=True)
        assert [json.loads(body).get("falls_confirmed") for body in begun] == [None, None, ["crm:contracts"]]

    def test_seven_days_are_no_gap(self, company):
        run_night(company, TODAY, NOW)
        assert run_night(company, TODAY + timedelta(days=7), NOW + timedelta(days=7)).state == RunState.FINISHED

    @pytest.mark.parametrize("name", ["evidence.pem", "digest.key"])
    @pytest.mark.parametrize("content", [None, b"", b"hei"])
    def test_not_without_keys_that_can_sign_and_hide(self, company, data_dir, name, content):
        key = data_dir / "keys" / name
        key.unlink()
        if content is not None:
            key.write_bytes(content)
        before = customers(data_dir)
        with pytest.raises(EvidenceError, match=name):
            run_night(company, TODAY, NOW)
        assert customers(data_dir) == before
        assert not EvidenceEntry.objects.exists()

    def test_not_without_a_version_in_force(self, company):
        with pytest.raises(NightError, match="in force"):
            run_night(company, date(2019, 12, 31), NOW)

    @pytest.mark.parametrize("day", [date(2026, 3, 29), date(2025, 10, 26)])
    def test_the_night_of_a_clock_change_is_a_night_like_any(self, company, data_dir, day):
        now = datetime(day.year, day.month, day.day, 1, 30, tzinfo=UTC)
        assert run_night(company, day, now).state == RunState.FINISHED
        assert "1008" not in customers(data_dir)


def test_what_a_register_told_has_no_day_when_it_is_the_source_of_nothing_any_more(company, data_dir):
    run_night(company, TODAY, NOW)
    changed = document(POLICY)
    changed["registers"][0]["ledger"] = []
    publish(company, changed, 2, (TODAY + timedelta(days=1)).isoformat())
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert set(LedgerContract.objects.values_list("ended", "closed")) == {(None, True)}
    assert "1004" in customers(data_dir)  # due today, by what nobody tells any more


class TestStops:
    def test_a_stop_takes_effect_within_one_chunk_and_the_night_resumes(self, company, data_dir):
        def stop_after_first_chunk(point):
            if point == "outcome committed":
                Run.objects.filter(state=RunState.RUNNING).update(stop_requested=True, stop_reason="koe")

        run = run_night(company, TODAY, NOW, chunk=1, at=stop_after_first_chunk)
        assert (run.state, run.stop_reason) == (RunState.STOPPED, "koe")
        assert Attempt.objects.count() == 1
        run = run_night(company, TODAY, NOW, chunk=1)
        assert run.state == RunState.FINISHED
        assert customers(data_dir) == SURVIVORS

    def test_a_stopped_register_is_left_alone_and_said(self, company, data_dir):
        stop_register(company, ["crm"], "controller", "epäily virheestä")
        run = run_night(company, TODAY, NOW)
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert not succeeded(run)
        assert "epäily virheestä" in str(run.summary["problems"]) + run.stop_reason

    def test_a_request_that_was_stopped_before_it_began_does_not_run(self, company, data_dir):
        stop(request(company, TODAY, "api"), "dpo", "odotetaan")
        run = run_night(company, TODAY, NOW)
        assert run.state == RunState.STOPPED
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS

    def test_only_a_night_that_is_not_over_can_be_stopped(self, company):
        run = run_night(company, TODAY, NOW)
        with pytest.raises(NightError):
            stop(run, "controller", "liian myöhään")


def test_what_a_kill_left_in_flight_is_not_sent_again_while_the_ledger_is_blind(company, data_dir):
    class Killed(Exception):
        """Stands for the process that ends."""

    points = []

    def die(point):
        points.append(point)
        if points.count("before disposal") == 2:  # the tickets went, the customers are next
            raise Killed

    with pytest.raises(Killed):
        run_night(company, TODAY, NOW, at=die)
    before = customers(data_dir)
    assert before == SURVIVORS | DUE_CUSTOMERS
    sql(data_dir, "update sopimus set alku = '2025-01-01' where sopimusnro = 'S1'")  # the source contradicts itself
    run = run_night(company, TODAY, NOW)
    assert "crm:contracts" in run.summary["problems"]["asiakastiedot"]
    assert customers(data_dir) == before
    sql(data_dir, "update sopimus set alku = '2015-01-01' where sopimusnro = 'S1'")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert not DUE_CUSTOMERS & customers(data_dir)


class Killed(Exception):
    """Stands for the process that ends."""


def kill_at(point):
    def die(reached):
        if reached == point:
            raise Killed

    return die


@pytest.mark.parametrize(("point", "went"), [("intent committed", 0), ("sent", 1)])
@pytest.mark.parametrize("policy", [{"mode": "observe"}, {"mode": "flag"}, {"approval": "two"}])
def test_what_a_kill_left_in_flight_is_not_sent_under_a_stricter_policy(company, data_dir, policy, point, went):
    with pytest.raises(Killed):
        run_night(company, TODAY, NOW, chunk=1, at=kill_at(point))
    publish(company, document({**POLICY, **policy}), 2, "2026-07-01")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1), chunk=1)
    assert tickets(data_dir)[0] == 6 - went
    lot = Lot.objects.order_by("pk")[0]
    assert (lot.state, lot.tally) == ("withdrawn", {"recovered" if went else "superseded": 1})
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
    assert not Attempt.objects.filter(state="intent").exists()
    verify("testi")


def test_a_lot_goes_with_as_many_approvals_as_its_policy_wants_now(data_dir, db):
    company = found_company(data_dir, {**POLICY, "mode": "flag"})
    run_night(company, TODAY, NOW)
    publish(company, document({**POLICY, "approval": "one"}), 2, "2026-07-01")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
    states = Lot.objects.filter(dataset="tiketit").order_by("pk").values_list("state", "approvals_needed")
    assert list(states) == [("withdrawn", 0), ("flagged", 1)]


def test_what_a_kill_left_in_flight_ends_though_its_dataset_is_in_the_inventory_no_more(company, data_dir):
    with pytest.raises(Killed):
        run_night(company, TODAY, NOW, chunk=1, at=kill_at("intent committed"))
    content = document()
    content["datasets"] = content["datasets"][1:]
    publish(company, content, 2, "2026-07-01")
    run = run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert tickets(data_dir)[0] == 6
    assert run.summary["waiting_lots"] == 0
    assert not Attempt.objects.filter(state="intent").exists()


class TestBadInput:
    def test_a_register_that_is_not_there_is_named_and_nothing_is_made_up(self, company, data_dir):
        Connection.objects.update(config={"url": f"sqlite:///{data_dir}/puuttuu.sqlite3"})
        run = run_night(company, TODAY, NOW)
        assert run.state == RunState.FINISHED
        assert not succeeded(run)
        row = DatasetNight.objects.get(dataset="asiakastiedot")
        assert row.problem
        assert row.overdue_left is None
        people = dataset(run, "asiakastiedot")
        assert [people[name] for name in ("due", "held", "review", "overdue_left")] == [None] * 4
        assert not (data_dir / "puuttuu.sqlite3").exists()

    def test_a_missing_column_stops_its_dataset_alone(self, company, data_dir):
        sql(data_dir, "alter table tiketti rename column suljettu to kiinni")
        run = run_night(company, TODAY, NOW)
        assert "suljettu" in run.summary["problems"]["tiketit"]
        assert customers(data_dir) == SURVIVORS

    def test_a_contract_that_ends_before_it_starts_stops_what_rests_on_contracts(self, company, data_dir):
        sql(data_dir, "update sopimus set alku = '2025-01-01' where sopimusnro = 'S1'")
        run = run_night(company, TODAY, NOW)
        assert "crm:contracts" in run.summary["problems"]["asiakastiedot"]
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert tickets(data_dir)[0] == 6 - DUE_TICKETS

    def test_a_source_that_halved_overnight_purges_nothing(self, company, data_dir):
        run_night(company, TODAY, NOW)
        sql(data_dir, "delete from sopimus where sopimusnro not in ('S2', 'S4')")
        run = run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
        assert "asiakastiedot" in run.summary["problems"]
        assert "1004" in customers(data_dir)


def test_a_request_is_the_queue(company):
    first = request(company, TODAY, "api")
    assert request(company, TODAY, "other").pk == first.pk
    assert first.state == RunState.REQUESTED
    assert run_night(company, TODAY, NOW).pk == first.pk


class TestPolicyChangedSince:
    """What a lot was flagged under is not what it may go under."""

    @pytest.mark.parametrize("before", [{"mode": "flag"}, {"grace": "P2D"}])
    def test_more_approvals_than_it_was_flagged_with_are_waited_for(self, data_dir, db, before):
        company = found_company(data_dir, {**POLICY, **before})
        run_night(company, TODAY, NOW)
        publish(company, document({**POLICY, "approval": "two"}), 2, (TODAY + timedelta(days=1)).isoformat())
        for days in (1, 2, 3):
            run = run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS
        assert succeeded(run)  # it waits for two persons
        lots = Lot.objects.filter(dataset="asiakastiedot", state="flagged")
        assert sorted(lots.values_list("size", "approvals_needed")) == [(4, 2)]  # 1004 too

    def test_an_approval_does_not_outlive_a_time_of_observing(self, data_dir, db):
        company = found_company(data_dir, {**POLICY, "approval": "one", "grace": "P1D"})
        run_night(company, TODAY, NOW)
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation), lot.digest)
        for days, policy in ((1, {"mode": "observe"}), (2, {"approval": "one"})):
            day = TODAY + timedelta(days=days)
            publish(company, document({**POLICY, **policy}), 1 + days, day.isoformat())
            run_night(company, day, NOW + timedelta(days=days))
        assert customers(data_dir) == SURVIVORS | DUE_CUSTOMERS


def test_what_a_lot_has_settled_may_fall_due_again_while_it_is_open(data_dir, db):
    company = found_company(data_dir, {**POLICY, "approval": "one"})
    run_night(company, TODAY, NOW)
    lot = Lot.objects.get(dataset="asiakastiedot")
    approve(lot, controller(lot.organisation), lot.digest)
    place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1), by="dpo")
    sql(data_dir, "update sopimus set loppu = null, tila = 'voimassa' where asiakasnro = '1001'")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    lot.refresh_from_db()
    assert (lot.state, lot.tally) == ("claimed", {"destroyed": 1, "held": 1, "superseded": 1})
    sql(data_dir, "update sopimus set loppu = '2022-01-31', tila = 'paattynyt' where sopimusnro = 'S1'")
    run = run_night(company, TODAY + timedelta(days=2), NOW + timedelta(days=2))
    assert Lot.objects.filter(dataset="asiakastiedot", state="flagged").exists()
    assert succeeded(run)


def test_what_was_first_seen_without_a_ground_is_forgotten_with_it(data_dir, db):
    company = found_company(data_dir)
    content = document(POLICY)
    content["datasets"][0] |= {"grounds": [], "no_reason_to_keep": True}
    publish(company, content, 2, "2020-01-02")
    place(company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1), by="dpo")
    run_night(company, TODAY, NOW)
    assert tickets(data_dir)[0] == 3
    assert FirstSeen.objects.filter(dataset="tiketit").count() == 0


def test_the_keys_of_a_lot_cannot_be_found_by_trying(data_dir, db):
    company = found_company(data_dir, {**POLICY, "approval": "one"})
    run_night(company, TODAY, NOW)
    lot = Lot.objects.get(dataset="asiakastiedot")
    tried = lot_digest(unpack(bytes(lot.keys or b"")), lot.dataset, lot.action, lot.rules_digest)
    assert tried != lot.digest
    assert not EvidenceEntry.objects.filter(body__contains=tried).exists()


def test_what_a_history_table_keeps_is_said_and_no_success(company, data_dir):
    sql(data_dir, "create table asiakas_history(asiakas_id integer, nimi text)")
    sql(data_dir, "insert into asiakas_history select id, nimi from asiakas where asiakasnro = '1001'")
    run = run_night(company, TODAY, NOW)
    assert "1001" not in customers(data_dir)
    assert "asiakas_history" in run.summary["problems"]["asiakastiedot"]
    assert not succeeded(run)


def test_what_was_put_under_another_contract_since_is_that_contracts(data_dir, db):
    """Same customer, still there, and its own dates say nothing: only the contract tells that it may not go."""
    company = found_company(data_dir, {**POLICY, "approval": "one"})
    sql(data_dir, "create table laite(id integer primary key, asiakasnro text, sopimusnro text)")
    sql(data_dir, "insert into laite values (1, '1007', 'S7'), (2, '1007', 'S7'), (3, '1007', 'S7')")
    content = document({**POLICY, "approval": "one"})
    mapping = {"place": "laite", "key": "id", "subject": "asiakasnro", "contract": "sopimusnro"}
    device = {**content["datasets"][1], "id": "laitteet", "grain": "contract", "mapping": mapping}
    content["datasets"] = [device]
    publish(company, content, 2, "2020-01-02")
    run_night(company, TODAY, NOW)
    lot = Lot.objects.get()
    assert lot.size == 3
    approve(lot, controller(lot.organisation), lot.digest)
    sql(data_dir, "update laite set sopimusnro = 'S8' where id = 1")
    sql(data_dir, "delete from laite where id = 2")
    run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert sql(data_dir, "select id from laite") == [(1,)]
    lot.refresh_from_db()
    assert lot.tally == {"already_absent": 1, "destroyed": 1, "superseded": 1}
