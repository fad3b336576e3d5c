"""Holds, stops and the gate: what a hold protects, and that none is ever lost to a claim."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest
from django.db import transaction

from retention.approvals import approve
from retention.domain import rules
from retention.domain.errors import DocumentError, LifecycleError
from retention.evidence_log import EvidenceLog
from retention.holds import (
    UNNAMED,
    active,
    claim_gate,
    epoch_of,
    place,
    register_stopped,
    release,
    resume,
    stop,
    stopped,
)
from retention.models import Gate, Hold, HoldSubject, LedgerContract, LedgerFact, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.question import Question
from ropa.models import Organisation, Withdrawal
from tests.own_database import OwnDatabase, wait
from tests.retention.company import NOW, TODAY, controller, customers, document, found_company, ground, publish

pytestmark = pytest.mark.usefixtures("english")

ROOT = Path(__file__).resolve().parents[2]
REVIEW = date(2027, 1, 1)
PURGE = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}


def hold(organisation, *subjects, **scope):
    whom = [("customer", number) for number in subjects]
    return place(organisation, whom, "dispute", "asia 1/2026", "lakiasiat", TODAY, REVIEW, by="dpo", **scope)


def held(organisation, register="crm", dataset="asiakastiedot", kind="customer"):
    return set(active(organisation, register, dataset, kind))


@pytest.fixture
def organisation(db):
    return Organisation.objects.create(slug="testi", name="Testi Oy")


def two_registers():
    """The company's inventory with a register for bills beside the CRM, which somebody tells of staff."""
    content = document()
    staff = {"id": "hr", "subject_kind": "staff", "via": "api", "tells": ["employed"]}
    content["registers"].append({"id": "laskutus", "name": {"fi": "Laskutus"}, "medium": "database", "ledger": [staff]})
    bills = {"id": "laskut", "name": {"fi": "Laskut"}, "register": "laskutus", "policy": {**PURGE, "mode": "observe"}}
    content["datasets"].append({**content["datasets"][0], **bills, "mapping": None})
    return content


class TestWhomItProtects:
    @pytest.fixture
    def organisation(self, organisation):
        publish(organisation, two_registers())
        return organisation

    def test_the_subjects_it_names_in_the_scope_it_names(self, organisation):
        hold(organisation, "1")
        hold(organisation, "2", register="crm")
        hold(organisation, "3", dataset="asiakastiedot")
        hold(organisation, "4", register="crm", dataset="tiketit")
        place(organisation, [("staff", "5")], "request", "", "hr", TODAY, REVIEW)
        assert held(organisation) == {"1", "2", "3", UNNAMED}
        assert held(organisation, register="laskutus") == {"1", "3", UNNAMED}
        assert held(organisation, dataset="tiketit") == {"1", "2", "4", UNNAMED}
        assert held(organisation, kind="staff") == {"5", UNNAMED}

    def test_of_nobody_it_is_everybodys(self, organisation):
        hold(organisation, register="crm")
        assert held(organisation) == {""}
        assert held(organisation, register="laskutus") == set()

    def test_one_that_names_others_only_is_nobodys_here(self, organisation):
        place(organisation, [("staff", "5")], "request", "", "hr", TODAY, REVIEW)
        assert held(organisation) == set()

    def test_another_organisations_holds_are_its_own(self, organisation):
        hold(Organisation.objects.create(slug="toinen", name="Toinen Oy"), "1")
        assert held(organisation) == set()

    def test_it_tells_its_days(self, organisation):
        placed = hold(organisation, "1").hold
        release(placed, date(2026, 7, 5), "dpo")
        assert active(organisation, "crm", "d", "customer") == {
            "1": (rules.Hold(TODAY, date(2026, 7, 5), "dispute"),),
        }

    def test_people_held_alike_share_what_holds_them(self, company):
        hold(company, "1001", "1002")
        people = question_of(company, "asiakastiedot").holds()
        assert people["1001"] == people["1002"] != ()
        assert people["1001"] is people["1002"]

    def test_what_is_forgotten_is_read_again(self, company):
        question = question_of(company, "asiakastiedot")
        before = question.memory.holds(question)
        assert question.memory.holds(question) is before
        memo = question.memory.of(question)
        question.memory.forget()
        assert question.memory.of(question) is not memo
        assert question.memory.holds(question) is not before
        assert question.memory.holds(question) == before


def question_of(organisation, code):
    plan = plan_of(organisation.versions.get())
    dataset = plan.find_dataset(code)
    assert dataset is not None
    return Question(organisation, plan, dataset, TODAY)


class TestPlacing:
    def test_it_raises_the_epoch_and_remembers_it(self, organisation):
        assert epoch_of(organisation) == 0
        assert [hold(organisation, "1").hold.epoch, hold(organisation, "1").hold.epoch] == [1, 2]
        assert epoch_of(organisation) == 2

    def test_every_mistake_is_named_and_nothing_placed(self, organisation):
        with pytest.raises(DocumentError) as caught:
            place(
                organisation,
                [("customer", "1"), ("customer", " "), ("", "9001001"), ("customer", "9001001" * 20)],
                "because",
                "",
                " ",
                TODAY,
                date(2026, 1, 1),
            )
        assert [problem.path for problem in caught.value.problems] == [
            "subjects[1].number",
            "subjects[2].kind",
            "subjects[3].number",
            "reason",
            "owner",
            "review_by",
        ]
        assert "9001001" not in str(caught.value)
        assert not Hold.objects.exists()
        assert epoch_of(organisation) == 0

    def test_a_kind_that_nothing_is_about_would_protect_nobody(self, company):
        with pytest.raises(DocumentError, match=r"subjects\[0\]\.kind: nothing here is about a 'custmer'"):
            place(company, [("custmer", "1001")], "dispute", "", "lakiasiat", TODAY, REVIEW)

    @pytest.mark.parametrize(
        ("scope", "told"),
        [
            ({"register": "crn"}, "register: there is no register 'crn'"),
            ({"dataset": "tikeit"}, "dataset: there is no dataset 'tikeit'"),
            ({"register": "crm", "dataset": "laskut"}, "dataset: the dataset 'laskut' is not in the register 'crm'"),
            ({"register": "vanha"}, "register: there is no register 'vanha'"),
        ],
    )
    def test_a_register_or_dataset_that_is_nowhere_would_protect_nobody(self, organisation, scope, told):
        former = document()
        former["registers"].append({**former["registers"][0], "id": "vanha"})
        publish(organisation, former)
        publish(organisation, two_registers(), 2, "2021-01-01")
        with pytest.raises(DocumentError) as caught:
            hold(organisation, "1001", **scope)
        assert str(caught.value) == told
        assert not Hold.objects.exists()

    def test_what_is_published_for_a_day_ahead_can_be_held_and_what_was_withdrawn_cannot(self, company):
        ahead = publish(company, two_registers(), 2, "2999-01-01")
        assert hold(company, "1001", register="laskutus", dataset="laskut").hold.pk
        assert hold(company, "1001", register="crm", dataset="tiketit").hold.pk
        Withdrawal.objects.create(version=ahead, withdrawn_at=NOW, withdrawer="controller", reason="ei sittenkään")
        with pytest.raises(DocumentError, match="there is no register 'laskutus'"):
            hold(company, "1001", register="laskutus")

    def test_what_a_version_that_is_published_ahead_takes_away_is_refused_with_its_day(self, company):
        without = document()
        without["datasets"] = [one for one in without["datasets"] if one["id"] != "tiketit"]
        ahead = publish(company, without, 2, "2999-01-01")
        with pytest.raises(DocumentError) as caught:
            hold(company, "1001", register="crm", dataset="tiketit")
        assert str(caught.value).startswith(
            "dataset: version 2, which is in force from 2999-01-01, does not have it there: the hold would protect"
        )
        assert not Hold.objects.filter(dataset="tiketit").exists()
        assert hold(company, "1001", register="crm").hold.pk
        assert hold(company, "1001").hold.pk
        Withdrawal.objects.create(version=ahead, withdrawn_at=NOW, withdrawer="controller", reason="ei sittenkään")
        assert hold(company, "1001", dataset="tiketit").hold.pk

    def test_a_version_in_whose_place_another_comes_on_its_day_takes_nothing_away(self, company):
        without = document()
        without["datasets"] = [one for one in without["datasets"] if one["id"] != "tiketit"]
        publish(company, without, 2, "2999-01-01")
        publish(company, document(), 3, "2999-01-01")
        assert hold(company, "1001", dataset="tiketit").hold.pk

    def test_before_the_first_version_there_is_no_register_to_hold(self, organisation):
        with pytest.raises(DocumentError, match="there is no register 'crm'"):
            hold(organisation, "1001", register="crm")
        assert hold(organisation, "1001").hold.pk

    def test_history_says_who_and_names_no_subject(self, organisation):
        placed = hold(organisation, "9001001").hold
        release(placed, date(2026, 7, 1), "controller")
        history = list(placed.history.order_by("history_id").values())
        assert [row["history_change_reason"] for row in history] == ["placed by dpo", "released by controller"]
        assert history[-1]["released_by"] == "controller"
        assert "9001001" not in json.dumps(history, default=str)

    def test_the_same_subject_twice_is_one(self, organisation):
        hold(organisation, "1", "1")
        assert HoldSubject.objects.count() == 1


class TestReleasing:
    def test_it_ends_on_its_day_and_is_kept(self, company):
        placed = hold(company, "1001").hold
        release(placed, date(2026, 7, 1), "dpo")
        run_night(company, TODAY, NOW)
        assert Hold.objects.filter(pk=placed.pk).exists()
        assert not Lot.objects.filter(dataset="asiakastiedot", size=3).exists()  # 1001 was held still
        known = active(company, "crm", "asiakastiedot", "customer")["1001"]
        assert [one.holds_on(date(2026, 6, 30)) for one in known] == [True]
        assert [one.holds_on(date(2026, 7, 1)) for one in known] == [False]

    def test_once_and_not_before_it_begins(self, organisation):
        placed = hold(organisation, "1").hold
        with pytest.raises(LifecycleError, match="starts on"):
            release(placed, date(2026, 6, 29), "dpo")
        release(placed, TODAY, "dpo")
        with pytest.raises(LifecycleError, match="already"):
            release(placed, TODAY, "dpo")


class TestWhatItCameInTimeFor:
    """Saved, in flight, gone: counted over the lots whose keys are still known."""

    @pytest.fixture
    def flagged(self, db, data_dir):
        company = found_company(data_dir, {**PURGE, "approval": "one"})
        run_night(company, TODAY, NOW)
        return company

    def counts(self, *arguments, **scope):
        placed = hold(*arguments, **scope)
        return placed.saved, placed.in_flight, placed.gone

    def test_what_waits_is_saved(self, flagged):
        assert self.counts(flagged, "1008") == (3, 0, 0)  # the customer, two of three tickets
        assert self.counts(flagged, "1008", dataset="tiketit") == (2, 0, 0)
        publish(flagged, two_registers(), 2, "2999-01-01")
        assert self.counts(flagged, "1008", register="laskutus") == (0, 0, 0)
        assert self.counts(flagged, "1002") == (0, 0, 0)
        assert self.counts(flagged) == (6, 0, 0)

    def test_another_kinds_number_is_another_person(self, flagged):
        staff = [("staff", "1008")]
        LedgerFact.objects.create(
            organisation=flagged, subject_kind="staff", subject="1008", source="api:hr", name="own", value=True
        )
        placed = place(flagged, staff, "dispute", "", "lakiasiat", TODAY, REVIEW)
        assert (placed.saved, placed.in_flight, placed.gone) == (0, 0, 0)

    def test_whom_nothing_here_knows_is_told(self, flagged):
        assert hold(flagged, "1008", "1002").unknown == 0
        assert hold(flagged, "1008", "10O8", "1oo8").unknown == 2
        LedgerContract.objects.filter(subject="1008").delete()
        assert hold(flagged, "1008").unknown == 0  # a lot that waits does

    @pytest.mark.parametrize("written", ["\ufeff1008", "1008\u200b", "10\u200d08", " 1008", "1008\t", "1008\u2028"])
    def test_a_number_with_what_nobody_sees_is_refused(self, flagged, written):
        before = Hold.objects.count()
        with pytest.raises(DocumentError, match="nobody sees"):
            hold(flagged, "1002", written)
        assert Hold.objects.count() == before

    def test_unless_the_ledger_writes_it_so(self, flagged):
        LedgerContract.objects.filter(subject="1008").update(subject="1008\u200b")
        assert hold(flagged, "1008\u200b").unknown == 0

    def test_of_what_tells_no_person_a_hold_in_this_scope_saves_all(self, db, data_dir):
        company = found_company(data_dir, {**PURGE, "approval": "one"})
        with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
            crm.execute("update tiketti set asiakasnro = null where asiakasnro = '1008'")
        crm.close()
        run_night(company, TODAY, NOW)
        assert self.counts(company, "1001", dataset="tiketit") == (3, 0, 0)  # one of theirs, two of nobody's
        assert self.counts(company, "1001") == (2, 0, 0)  # ticket and customer

    def test_in_flight_and_gone(self, flagged):
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation), lot.digest)
        found = []

        class Killed(Exception):
            pass

        def at(point):
            if point == "intent journalled":
                found.append(self.counts(flagged, dataset="asiakastiedot", register="crm"))
                Hold.objects.filter(register="crm").delete()
            if len(found) == 2:
                raise Killed

        tomorrow = date(2026, 7, 1)
        with pytest.raises(Killed):
            run_night(flagged, tomorrow, NOW.replace(month=7, day=1), chunk=1, at=at)
        # of three keys: the first in flight; then it is gone, and the second is in flight.
        # One more customer fell due and waits for its own approval.
        assert found == [(3, 1, 0), (2, 1, 1)]

    def test_what_is_verified_is_not_counted_any_more(self, company):
        run_night(company, TODAY, NOW)
        assert self.counts(company, "1001") == (0, 0, 0)


class TestStops:
    def test_of_everything(self, organisation):
        assert stopped(organisation) == ""
        stop(organisation, None, "controller", "epäily virheestä")
        assert stopped(organisation) == "epäily virheestä (controller)"
        resume(organisation, None, "controller")
        assert stopped(organisation) == ""

    def test_of_one_register(self, organisation):
        stop(organisation, ["crm", "gis"], "controller", "muutto")
        assert stopped(organisation) == ""
        assert register_stopped(organisation, "crm") == "muutto (controller)"
        assert register_stopped(organisation, "laskutus") == ""
        resume(organisation, ["crm"], "controller")
        assert register_stopped(organisation, "crm") == ""
        assert register_stopped(organisation, "gis") == "muutto (controller)"

    def test_without_a_reason_there_is_none(self, organisation):
        with pytest.raises(LifecycleError, match="reason"):
            stop(organisation, None, "controller", " ")


def _prepared(own: OwnDatabase, then=lambda: None) -> None:
    def prepare():
        found_company(own.directory)
        then()

    assert own.in_process(prepare) == 0


def _hold_from_elsewhere(own: OwnDatabase, number):
    """Place a hold in a process that shares nothing with this one but the database."""
    code = f"""
import django
django.setup()
from ropa.models import Organisation
from tests.retention.test_holds import hold
placed = hold(Organisation.objects.get(), {number!r})
assert placed.in_flight, placed
"""
    subprocess.run([sys.executable, "-c", code], env=own.environment(), cwd=ROOT, check=True, timeout=60)


def _night(at):
    run_night(Organisation.objects.get(), TODAY, NOW, at=at)


def _tally(own: OwnDatabase, dataset):
    ((tally,),) = own.rows(f"select cast(tally as text) from retention_lot where dataset = '{dataset}'")
    return json.loads(tally)


def test_a_hold_placed_from_elsewhere_after_the_intent_wins(own_database):
    def at(point):
        if point == "intent journalled" and Lot.objects.filter(dataset="asiakastiedot", state="claimed").exists():
            _hold_from_elsewhere(own_database, "1001")

    _prepared(own_database)
    assert own_database.in_process(lambda: _night(at)) == 0
    left = customers(own_database.directory)
    assert "1001" in left
    assert not {"1003", "1008"} & left
    assert _tally(own_database, "asiakastiedot") == {"destroyed": 2, "held": 1}


def two_questions():
    """Tickets of 1001 go a year after they were closed, those of others two: one chunk is sent in two calls."""
    company = Organisation.objects.get()
    for number in ("1001", "1008"):
        LedgerFact.objects.create(
            organisation=company, subject_kind="customer", subject=number, source="api:crm", name="short",
            value=number == "1001",
        )  # fmt: skip
    content = document()
    content["datasets"] = content["datasets"][:1]
    content["datasets"][0]["grounds"] = [
        ground(code, trigger="case_closed", period=period, condition=[{"fact": "short", "is": short}])
        for code, period, short in (("a", "P1Y", True), ("b", "P2Y", False))
    ]
    publish(company, content, 2)


def test_a_hold_placed_from_elsewhere_between_two_calls_wins(own_database):
    placed: list[str] = []

    def at(point):
        if point == "before disposal" and not placed:
            placed.append(point)
            _hold_from_elsewhere(own_database, "1008")

    _prepared(own_database, two_questions)
    assert own_database.in_process(lambda: _night(at)) == 0
    assert _tally(own_database, "tiketit") == {"destroyed": 1, "held": 2}


SUBJECTS, KEYS_EACH, CLAIMERS = 12, 8, 3


def _claim(number):
    """Claim keys one by one, as the purge does: under the gate, holds read after it, noted in the same transaction."""
    organisation = Organisation.objects.get()
    log = EvidenceLog("testi", "2026-06-30")
    for key in range(SUBJECTS * KEYS_EACH):
        subject = str(key % SUBJECTS)
        with transaction.atomic():
            gate = claim_gate(organisation)
            holds = active(organisation, "crm", "asiakastiedot", "customer")
            if subject not in holds:
                log.append("claim", {"subject": subject, "epoch": gate.epoch, "by": number})


def _hold_all():
    organisation = Organisation.objects.get()
    log = EvidenceLog("testi", "2026-06-30")
    for subject in range(SUBJECTS):
        with transaction.atomic():
            placed = hold(organisation, str(subject))
            log.append("hold", {"subject": str(subject), "epoch": placed.hold.epoch})


def test_no_claim_comes_after_a_hold_in_the_order_of_commits(own_database):
    """Real processes on one database: the evidence's numbers are the order in which they committed."""
    barrier = get_context("fork").Barrier(CLAIMERS + 1)

    def together(act, *arguments):
        barrier.wait(60)
        act(*arguments)

    _prepared(own_database)
    children = [own_database.start(lambda number=number: together(_claim, number)) for number in range(CLAIMERS)]
    children.append(own_database.start(lambda: together(_hold_all)))
    assert [wait(child) for child in children] == [0] * len(children)
    held_by: dict[str, int] = {}
    for kind, body in own_database.rows("select kind, body from retention_evidenceentry order by number"):
        told = json.loads(body)
        if kind == "hold":
            held_by[told["subject"]] = told["epoch"]
        else:
            assert told["subject"] not in held_by
            assert told["epoch"] == max(held_by.values(), default=0)
    assert sorted(held_by.values()) == list(range(1, SUBJECTS + 1))


def test_the_gate_is_made_on_first_use(organisation):
    with transaction.atomic():
        assert claim_gate(organisation).epoch == 0
    assert Gate.objects.get().organisation == organisation
