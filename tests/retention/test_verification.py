"""The independent reader: what is left of each dataset, and what of it nothing explains."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from retention import crowd_reader, following_reader, verification
from retention.approvals import approve
from retention.connectors.contract import ConnectorError
from retention.domain.errors import RuleError
from retention.domain.rules import Grain
from retention.evidence_log import subject_digest
from retention.models import Attempt, FirstSeen, KeyOutcome, LedgerContract, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.selectors import connector_of
from tests.retention.company import NOW, TODAY, controller, found_company

OBSERVE = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
PURGE = {**OBSERVE, "mode": "purge"}
TOMORROW = TODAY + timedelta(days=1)


def dataset_of(company, code):
    return next(d for d in plan_of(company.versions.latest("number")).datasets if d.code == code)


def read(company, code="asiakastiedot", today=TODAY, **changed):
    plan = plan_of(company.versions.latest("number"))
    dataset = replace(dataset_of(company, code), **changed)
    (register,) = plan.registers
    with connector_of(company, register) as connector:
        return verification.read(plan, dataset, connector, company, today)


def sql(data_dir, statement):
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
        crm.execute(statement)


@pytest.fixture
def company(db, data_dir):
    """After a night that only counted."""
    company = found_company(data_dir, OBSERVE)
    run_night(company, TODAY, NOW)
    return company


def waiting(data_dir, **policy):
    company = found_company(data_dir, {**PURGE, **policy})
    run_night(company, TODAY, NOW)
    return company


class TestWhatIsLeft:
    def test_every_item_is_counted_by_its_state(self, company):
        found = read(company)
        assert found.by_state == {"due": 3, "held": 1, "keep": 1, "open": 2, "trigger_missing": 1}
        assert (found.overdue, found.unexplained, found.people_overdue) == (3, 3, 3)
        assert found.overdue_since == date(2024, 1, 1)
        assert found.oldest_kept == date(2020, 12, 31)  # an ended contract's day: the row has none of its own

    def test_people_are_counted_once_and_the_oldest_date_is_the_items_own(self, company):
        found = read(company, "tiketit")
        assert (found.overdue, found.people_overdue) == (3, 2)
        assert found.oldest_kept == date(2019, 1, 1)

    def test_a_placeholder_is_not_the_oldest(self, company, data_dir):
        sql(data_dir, "update tiketti set avattu = '1900-01-01' where id = 1")
        assert read(company, "tiketit").oldest_kept == date(2019, 1, 1)

    def test_it_asks_on_the_day_it_is_given(self, company):
        assert read(company, today=TODAY - timedelta(days=1)).overdue == 2
        assert read(company, today=TOMORROW).overdue == 4

    def test_whom_the_ledger_does_not_know_is_no_one_to_delete(self, company, data_dir):
        sql(data_dir, "insert into asiakas(asiakasnro) values ('7777')")
        assert read(company).by_state["trigger_missing"] == 2

    def test_a_contract_that_the_ledger_does_not_know_is_no_ended_one(self, company, data_dir):
        contracts = replace(
            dataset_of(company, "asiakastiedot").mapping,
            place="sopimus",
            contract="sopimusnro",
        )
        as_contracts = {"grain": Grain.CONTRACT, "mapping": contracts}
        assert read(company, **as_contracts).by_state == {
            "due": 4, "held": 1, "keep": 1, "open": 2, "trigger_missing": 1,
        }  # fmt: skip
        sql(data_dir, "update sopimus set sopimusnro = 'S99' where sopimusnro = 'S1'")
        assert read(company, **as_contracts).by_state["trigger_missing"] == 2

    def test_since_when_nothing_keeps_it_is_what_was_first_seen(self, company):
        rules = dataset_of(company, "tiketit").rules
        groundless = replace(rules, grounds=(), no_reason_to_keep=True)
        FirstSeen.objects.create(organisation=company, dataset="tiketit", key=subject_digest("1"), day=date(2026, 3, 1))
        found = read(company, "tiketit", rules=groundless)
        assert (found.overdue, found.overdue_since) == (6, date(2026, 3, 1))

    def test_a_hold_on_everybody_holds_everybody(self, company):
        company.holds.create(
            register="crm", reason="authority", owner="o", start=date(2026, 1, 1), review_by=date(2027, 1, 1)
        )
        assert read(company).by_state["due"] == 0
        assert read(company, "tiketit").overdue == 0

    def test_more_items_than_are_joined_at_once(self, company, monkeypatch):
        whole = read(company, "tiketit")
        monkeypatch.setattr(verification, "BATCH", 2)
        assert read(company, "tiketit") == whole

    def test_what_is_not_reached_is_no_zero(self, company, data_dir):
        with pytest.raises(RuleError, match="not reached"):
            read(company, mapping=None)
        sql(data_dir, "drop table viesti")
        sql(data_dir, "drop table tiketti")
        with pytest.raises(ConnectorError):
            read(company, "tiketit")


class TestWhatExplains:
    def test_after_the_purge_nothing_is_left_to_explain(self, db, data_dir):
        found = read(waiting(data_dir))
        assert (found.overdue, found.unexplained, found.overdue_since) == (0, 0, None)

    def test_waiting_for_an_approval_does(self, db, data_dir):
        found = read(waiting(data_dir, approval="two"))
        assert (found.overdue, found.unexplained) == (3, 0)

    def test_what_fell_due_since_is_in_no_lot(self, db, data_dir):
        found = read(waiting(data_dir, approval="two"), today=TOMORROW)
        assert (found.overdue, found.unexplained) == (4, 1)

    def test_an_approval_that_waits_for_its_night_does(self, db, data_dir):
        company = waiting(data_dir, approval="one")
        lot = Lot.objects.get(dataset="asiakastiedot")
        approve(lot, controller(lot.organisation), lot.digest)
        assert read(company).unexplained == 0

    def test_grace_does_until_it_is_over(self, db, data_dir):
        company = waiting(data_dir, grace="P2D")
        assert read(company, today=TODAY).unexplained == 0
        assert read(company, today=TOMORROW).unexplained == 1  # 1004 fell due, and no night saw it
        assert read(company, today=TODAY + timedelta(days=2)).unexplained == 4

    def test_a_lot_under_rules_that_changed_does_not(self, db, data_dir):
        company = waiting(data_dir, approval="two")
        assert read(company, rules_digest="0" * 64).unexplained == 3

    @pytest.mark.parametrize("enforced_by", ["register", "other_controller"])
    def test_what_another_ends_is_never_explained_by_us(self, db, data_dir, enforced_by):
        company = waiting(data_dir, approval="two")
        assert read(company, enforced_by=enforced_by).unexplained == 3

    def test_only_marking_does_not(self, db, data_dir):
        assert read(waiting(data_dir, mode="flag", approval="one")).unexplained == 3

    @pytest.mark.parametrize(
        ("outcome", "unexplained"), [("pending", 2), ("failed", 3), ("refused", 3), ("superseded", 3)]
    )
    def test_of_what_was_sent_only_an_order_under_way_does(self, db, data_dir, outcome, unexplained):
        company = waiting(data_dir, approval="two")
        lot = Lot.objects.get(dataset="asiakastiedot")
        Lot.objects.filter(pk=lot.pk).update(state="claimed", next_position=3)
        attempt = Attempt.objects.create(lot=lot, run=lot.run, number=1, positions=[0, 1, 2], epoch=0, state="outcome")
        KeyOutcome.objects.create(lot=lot, attempt=attempt, position=1, outcome=outcome)
        assert read(company).unexplained == unexplained

    def test_a_rejected_lot_does_not(self, db, data_dir):
        company = waiting(data_dir, approval="two")
        Lot.objects.update(state="rejected", keys=None)
        assert read(company).unexplained == 3


def test_it_shares_no_code_with_what_it_checks():
    """`domain.predicates` are words, not rules: in them the reader says for itself what it asks a register."""
    for module in (verification, crowd_reader, following_reader):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not imported & {
            "retention.evaluation", "retention.question", "retention.purge", "retention.night", "retention.night_steps",
            "retention.night_evaluation", "retention.night_lots", "retention.night_work",
            "retention.following", "retention.domain.compiled", "retention.domain.horizon",
        }  # fmt: skip


def test_a_purge_that_believes_wrongly_is_found_out(db, data_dir):
    """The lot says verified; the row came back, as from a restored backup."""
    company = waiting(data_dir)
    assert not LedgerContract.objects.filter(subject="1001", ended=None).exists()
    sql(data_dir, "insert into asiakas(asiakasnro) values ('1001')")
    found = read(company)
    assert (found.overdue, found.unexplained, found.people_overdue) == (1, 1, 1)
