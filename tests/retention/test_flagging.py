"""Accounts of a real Active Directory: disabled when their lot is made, deleted after it was approved, enabled again if
they may stay. Contracts are the small company's: 1001 and 1008 ended long ago, 1002 runs, 1005 is under a hold.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from retention.approvals import approve
from retention.connectors.contract import ConnectorError, Disposal, Outcome
from retention.connectors.suite import Given
from retention.disposal import reject
from retention.domain import rules
from retention.evidence_log import EvidenceLog
from retention.flagging import block, taken_back, unblock
from retention.holds import stop
from retention.models import Connection, EvidenceEntry, Hold, Lot, Run
from retention.models.run import RunState
from retention.night import run_night
from retention.plan import plan_of
from retention.question import Question
from retention.runs import stop as stop_night
from ropa.models import Version
from tests.connectors.conftest import ad_admin  # noqa: F401
from tests.connectors.ldap_worlds import AdWorld, entries
from tests.retention.company import NOW, TODAY, controller, document, found_company, ground, publish
from tests.retention.test_night import sql

DISABLED = 2
NUMBERS = ("1001", "1002", "1005", "1008")
TOMORROW, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)


@pytest.fixture
def domain(ad_server, ad_admin):  # noqa: F811
    world = AdWorld(ad_server, ad_admin)
    world.add([Given(subject=number, day=None) for number in NUMBERS])
    yield world
    world.clean()


def inventory(domain, rules=None):
    """Accounts only, approved by one person."""
    content = document({"mode": "purge", "approval": "one", "grace": "P0D", "waves": False})
    content["registers"].append(
        {"id": "toimialue", "name": {"fi": "Toimialue"}, "medium": "directory", "connection": "toimialue", "ledger": []}
    )
    accounts = {
        **content["datasets"][1],
        "id": "tilit",
        "register": "toimialue",
        "mapping": {
            "place": domain.place,
            "key": "objectGUID",
            "subject": "employeeNumber",
            "options": {"mark_attribute": "adminDescription"},
        },
        "grounds": rules or [ground("sopimus")],
    }
    content["datasets"] = [accounts]
    return content


@pytest.fixture
def company(db, data_dir, domain):
    company = found_company(data_dir)
    Connection.objects.create(organisation=company, code="toimialue", kind="ldap", config=domain.config())
    Version.objects.all().delete()
    publish(company, inventory(domain))
    return company


def night(company, day=TODAY):
    run = run_night(company, day, NOW + timedelta(days=(day - TODAY).days))
    assert run.summary["problems"] == {}
    return run


def disabled(domain):
    """Number -> whether the account is disabled; a deleted one is not there."""
    found = entries(domain.admin, domain.place, names=("employeeNumber", "userAccountControl"))
    return {
        told["employeeNumber"][0].decode(): bool(int(told["userAccountControl"][0]) & DISABLED)
        for told in found.values()
        if told.get("employeeNumber")
    }


def test_what_will_go_is_disabled_until_it_is_approved_and_then_deleted(company, domain):
    night(company)
    assert disabled(domain) == {"1001": True, "1002": False, "1005": False, "1008": True}
    lot = Lot.objects.get()
    approve(lot, controller(lot.organisation, "alice"), lot.digest)
    night(company, TOMORROW)
    assert set(disabled(domain)) == {"1002", "1005"}
    assert EvidenceEntry.objects.filter(kind="blocked").exists()


def test_who_came_back_works_again_the_next_morning_though_nobody_decided(company, domain, data_dir):
    night(company)
    values = "'1001', 'S50', '2026-06-01', null, 'voimassa'"
    sql(data_dir, f"insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values ({values})")
    night(company, TOMORROW)
    assert disabled(domain) == {"1001": False, "1002": False, "1005": False, "1008": True}
    lot = Lot.objects.get()
    approve(lot, controller(lot.organisation, "alice"), lot.digest)
    night(company, LATER)
    assert set(disabled(domain)) == {"1001", "1002", "1005"}
    assert disabled(domain)["1001"] is False


@pytest.mark.parametrize("stopping", ["everything", "the register", "the night"])
def test_a_stop_is_heard_before_anything_is_blocked(company, domain, stopping):
    def at(point):
        if point == "evaluated tilit":
            if stopping == "the night":
                stop_night(Run.objects.get(), "dpo", "väärä sääntö")
            else:
                stop(company, None if stopping == "everything" else ["toimialue"], "dpo", "väärä sääntö")

    run = run_night(company, TODAY, NOW, at=at)
    assert not any(disabled(domain).values())
    if stopping == "the register":
        assert "is stopped" in run.summary["problems"]["tilit"]
    else:
        assert run.state == RunState.STOPPED
    assert Lot.objects.get().state == "flagged"


def test_a_lot_that_is_turned_down_leaves_no_block(company, domain):
    night(company)
    lot = Lot.objects.get()
    reject(lot, "alice", "they are needed until the audit")
    lot.refresh_from_db()
    assert lot.keys is not None
    assert disabled(domain)["1001"] is True
    Version.objects.update(number=1)
    night_rules = inventory(domain, [ground("sopimus", period="P20Y")])
    publish(company, night_rules, 2, TOMORROW.isoformat())
    night(company, TOMORROW)
    assert not any(disabled(domain).values())
    lot.refresh_from_db()
    assert lot.keys is None


def test_a_lot_whose_rules_changed_leaves_no_block(company, domain):
    night(company)
    publish(company, inventory(domain, [ground("sopimus", period="P20Y")]), 2, TOMORROW.isoformat())
    night(company, TOMORROW)
    assert not any(disabled(domain).values())
    assert not Lot.objects.filter(keys__isnull=False).exists()


def test_a_block_of_somebody_elses_stays(company, domain):
    (name,) = (
        dn for dn, told in entries(domain.admin, domain.place).items() if told.get("employeeNumber") == [b"1001"]
    )
    domain.admin.modify(name, {"userAccountControl": [("MODIFY_REPLACE", ["546"])]})
    night(company)
    reject(Lot.objects.get(), "alice", "they are needed until the audit")
    publish(company, inventory(domain, [ground("sopimus", period="P20Y")]), 2, TOMORROW.isoformat())
    night(company, TOMORROW)
    assert disabled(domain) == {"1001": True, "1002": False, "1005": False, "1008": False}


def test_who_is_under_a_hold_is_not_blocked(company, domain):
    Hold.objects.get().subjects.create(subject_kind="customer", subject="1001")
    night(company)
    assert disabled(domain) == {"1001": False, "1002": False, "1005": False, "1008": True}


class Stubborn:
    """A register that cannot lift what it blocked: no real one does so on demand."""

    kind = "stubborn"
    fields = ()

    def __init__(self, answer):
        self.answer = answer
        self.blocked = set()

    def flag(self, mapping, refs, still_due):
        self.blocked |= {ref.key for ref in refs}
        return [Disposal(ref.key, Outcome.PENDING) for ref in refs]

    def unflag(self, mapping, refs):
        return [Disposal(ref.key, self.answer) for ref in refs]


@pytest.fixture
def waiting(db, data_dir):
    company = found_company(data_dir, {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False})
    run_night(company, TODAY, NOW)
    plan = plan_of(company.versions.get())
    dataset = plan.find_dataset("asiakastiedot")
    assert dataset is not None
    lot = Lot.objects.get(dataset="asiakastiedot")
    return lot, Question(company, plan, dataset, TODAY), EvidenceLog(company.slug, TODAY.isoformat())


def test_a_block_that_could_not_be_lifted_is_told_and_tried_again(waiting):
    lot, question, log = waiting
    register: Any = Stubborn(Outcome.REFUSED)
    block(lot, question, register, {}, log)
    reject(Lot.objects.get(pk=lot.pk), "alice", "they are needed until the audit")
    (left,) = taken_back(lot.organisation_id)
    with pytest.raises(ConnectorError, match="could not be lifted"):
        unblock(left, question, register, log)
    assert taken_back(lot.organisation_id) == [left]


def test_a_lot_that_was_turned_down_meanwhile_is_not_blocked(waiting):
    lot, question, log = waiting
    reject(Lot.objects.get(pk=lot.pk), "alice", "they are needed until the audit")
    register: Any = Stubborn(Outcome.SUPERSEDED)
    block(lot, question, register, {}, log)
    assert register.blocked == set()


def test_a_released_hold_holds_no_block(waiting):
    lot, question, log = waiting
    register: Any = Stubborn(Outcome.SUPERSEDED)
    released = {"": [rules.Hold(date(2020, 1, 1), date(2020, 2, 1), "dispute")]}
    block(lot, question, register, released, log)
    assert len(register.blocked) == 3
