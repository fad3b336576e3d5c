"""A source of truth that a new version no longer has: what it told stays known, and nothing goes because it is silent.

What it would have told from now on nobody tells: a contract that ran has perhaps ended, or runs on.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest

from retention.domain.decisions import State, decide
from retention.domain.items import Contract, Occurrence
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ground
from retention.forgetting import forget
from retention.ledger import UNTOLD, ledger_items
from retention.models import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.night import run_night
from retention.plan import plan_of
from retention.rule_impact import impact_of
from tests.retention.company import NOW, TODAY, customers, document, found_company, ground, publish
from tests.retention.test_collection import DEBTS, DISPUTES, PEOPLE, Nights

OLD = {
    "id": "old", "subject_kind": "customer", "place": "vanha", "subject": "asiakasnro", "contract": "sopimusnro",
    "started": "alku", "ended": "loppu",
}  # fmt: skip
DEBT = RuleSet((parse_ground(ground("velka", kind="claim", trigger="debt_settled", period="P1Y"), "g"),))
RUNNING = Contract("V1", date(2018, 1, 1), None, True)
"""As it is known once nobody tells of it: closed, since a day that nobody knows."""
UUSI = """create table uusi(id integer primary key, asiakasnro text, laskunro text, erapvm date, maksettu date,
  tila text)"""


def with_old_contracts(path):
    """1001 has a contract that runs in the old system, and one in the new that ended years ago."""
    with closing(sqlite3.connect(path)) as crm, crm:
        crm.execute("create table vanha(asiakasnro text, sopimusnro text, alku date, loppu date)")
        rows = [("1001", "V1", "2018-01-01", None), ("1004", "V4", "2018-01-01", "2019-01-01")]
        crm.executemany("insert into vanha values (?, ?, ?, ?)", rows)


def with_ledger(*more, **over):
    content = document(**over)
    content["registers"][0]["ledger"] += more
    return content


def people(run):
    return next(row for row in run.summary["datasets"] if row["dataset"] == "asiakastiedot")


@pytest.fixture
def company(db, data_dir):
    """A night has passed in which the old system told of its contracts."""
    organisation = found_company(data_dir)
    with_old_contracts(data_dir / "registers" / "crm.sqlite3")
    publish(organisation, with_ledger(OLD), 2)
    run_night(organisation, TODAY, NOW)
    assert "1001" in customers(data_dir)
    return organisation


def tomorrow(company, days=1):
    return run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))


class TestTheNight:
    def test_an_old_contracts_end_does_not_become_the_persons(self, company, data_dir):
        publish(company, document(), 3)
        run = tomorrow(company)
        assert "1001" in customers(data_dir)
        assert (people(run)["due"], "1004" in customers(data_dir)) == (1, False)  # 1004 alone, since its day has come
        assert people(run)["review"] == 2  # 1006, closed without a date, and 1001
        assert RUNNING in dict(ledger_items(company, "customer"))["1001"].contracts
        tomorrow(company, 2)
        assert "1001" in customers(data_dir)

    def test_what_is_told_under_another_name_is_as_it_was(self, company, data_dir):
        before = dict(ledger_items(company, "customer"))
        left = customers(data_dir) - {"1004"}  # due tomorrow in any case
        publish(company, with_ledger({**OLD, "id": "renamed"}), 3)
        run = tomorrow(company)
        assert dict(ledger_items(company, "customer")) == before
        assert customers(data_dir) == left
        assert people(run)["review"] == 1
        assert LedgerContract.objects.get(ref="V1").source == "crm:renamed"

    def test_told_again_it_runs_again(self, company):
        publish(company, document(), 3)
        tomorrow(company)
        publish(company, with_ledger(OLD), 4)
        tomorrow(company, 2)
        assert Contract("V1", date(2018, 1, 1)) in dict(ledger_items(company, "customer"))["1001"].contracts
        assert not LedgerContract.objects.filter(ref="V1", revision=UNTOLD).exists()

    def test_the_effect_of_leaving_it_out_is_counted(self, company):
        """Every source tells contracts, the same as before; but not of the same people."""
        found = impact_of(company, TODAY + timedelta(days=1), document())
        assert found.same == 0
        assert {effect.dataset for effect in found.effects} == {"tiketit", "asiakastiedot"}


class TestForgetting:
    def forget(self, company):
        forget(company, plan_of(company.versions.latest("number")))

    def test_one_that_perhaps_runs_stays_with_its_person(self, company):
        """Also where another one runs: when that ends, its end is not the person's."""
        publish(company, document(), 3)
        tomorrow(company)
        LedgerContract.objects.filter(ref="S1").update(ended=None)
        self.forget(company)
        assert LedgerContract.objects.get(ref="V1").revision == UNTOLD

    def test_nothing_stays_of_whom_no_register_has_anything(self, company, data_dir):
        publish(company, document(), 3)
        tomorrow(company)
        with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
            for table in ("viesti", "tiketti", "sopimus", "asiakas"):
                where = "" if table == "viesti" else " where asiakasnro = '1001'"
                crm.execute(f"delete from {table}{where}")
        tomorrow(company, 2)
        assert not LedgerContract.objects.filter(subject="1001").exists()

    def test_nobody_stays_of_a_kind_that_no_source_tells_of(self, company, data_dir):
        content = document()
        content["registers"][0]["ledger"] = []
        content["datasets"] = [{**content["datasets"][0], "subject_kind": "staff"}]
        publish(company, content, 3)
        tomorrow(company)
        self.forget(company)
        assert not LedgerContract.objects.exists()


@pytest.fixture
def nights(db, data_dir):
    return Nights(data_dir)


def drop(nights, *left):
    nights.publish(*left)
    nights.next_day()
    nights.collect()


class TestEvents:
    @pytest.fixture
    def debts(self, nights):
        """1001 owes L1 and has paid L2; whoever tells of other people's debts is asked too."""
        rows = [("1001", "L1", "2018-01-01", None), ("1001", "L2", "2018-01-01", "2019-01-01")]
        nights.sql("insert into lasku(asiakasnro, laskunro, erapvm, maksettu, tila) values (?, ?, ?, ?, 'x')", rows)
        nights.sql(UUSI)
        nights.publish(DEBTS, self.OTHERS)
        nights.collect()
        return nights

    OTHERS = {**DEBTS, "id": "new", "place": "uusi"}

    def test_a_debt_that_nobody_settled_is_not_settled_by_silence(self, debts):
        drop(debts, self.OTHERS)
        found = debts.item("1001").events
        assert set(found["debt_due"]) == {Occurrence(date(2018, 1, 1), "L1"), Occurrence(date(2018, 1, 1), "L2")}
        assert Occurrence(None, "L1") in found["debt_settled"]  # nobody knows whether, and when
        assert Occurrence(date(2019, 1, 1), "L2") in found["debt_settled"]
        assert decide(debts.item("1001"), DEBT, (), TODAY).state is State.TRIGGER_MISSING

    def test_what_was_open_alone_is_shown_as_missing_too(self, debts):
        debts.sql("delete from lasku where laskunro = 'L2'")
        debts.collect()
        assert decide(debts.item("1001"), DEBT, (), TODAY).state is State.OPEN
        drop(debts, self.OTHERS)
        assert decide(debts.item("1001"), DEBT, (), TODAY).state is State.TRIGGER_MISSING

    def test_what_nobody_is_declared_to_tell_any_more_has_no_date(self, debts):
        """A later debt nobody would tell of."""
        drop(debts)
        assert {one.day for told in debts.item("1001").events.values() for one in told} == {None}

    def test_it_goes_once_another_source_tells_of_the_same(self, debts):
        drop(debts, self.OTHERS)
        debts.sql("insert into uusi select * from lasku")
        debts.sql("update uusi set maksettu = '2020-05-01' where laskunro = 'L1'")
        assert debts.collect()["crm:new"].complete
        assert set(LedgerEvent.objects.values_list("source", flat=True)) == {"crm:new"}
        assert not LedgerOpen.objects.exists()

    def test_what_nothing_tells_apart_goes_only_if_it_stands_the_same(self, nights):
        """Disputes without a number: that another one of the person is resolved says nothing of one that is open."""
        others = {**DISPUTES, "id": "new", "place": "uusi"}
        nights.sql("create table uusi(id integer primary key, asiakasnro text, avattu date, ratkaistu date, tila text)")
        nights.sql("insert into riita(asiakasnro, avattu) values ('1001', '2024-01-01')")
        nights.sql("insert into uusi(asiakasnro, avattu, ratkaistu) values ('1001', '2018-01-01', '2019-01-01')")
        nights.publish(DISPUTES, others)
        nights.collect()
        drop(nights, others)
        dispute = RuleSet((parse_ground(ground("r", kind="claim", trigger="dispute_resolved", period="P1Y"), "g"),))
        assert decide(nights.item("1001"), dispute, (), TODAY).state is State.TRIGGER_MISSING
        nights.sql("update uusi set avattu = '2024-01-01', ratkaistu = null")
        nights.collect()
        assert decide(nights.item("1001"), dispute, (), TODAY).state is State.OPEN
        assert set(LedgerOpen.objects.values_list("source", flat=True)) == {"crm:new"}

    def test_told_under_another_name_it_is_as_it_was(self, nights):
        nights.sql("insert into lasku(asiakasnro, laskunro, erapvm) values ('1001', 'L1', '2018-01-01')")
        nights.sql("insert into riita(asiakasnro, avattu, ratkaistu) values ('1001', '2018-01-01', '2019-01-01')")
        nights.sql("insert into henkilo values ('1001', true)")
        nights.publish(DEBTS, DISPUTES, PEOPLE)
        nights.collect()
        before = dict(ledger_items(nights.organisation, "customer"))
        drop(nights, *({**one, "id": f"{one['id']}2"} for one in (DEBTS, DISPUTES, PEOPLE)))
        assert dict(ledger_items(nights.organisation, "customer")) == before


def test_a_fact_that_nobody_tells_any_more_is_unknown(nights):
    """Whatever the organisation says of everybody: of this person somebody told otherwise."""
    nights.sql("insert into henkilo values ('1001', false)")
    nights.publish(PEOPLE)
    nights.collect()
    condition = [{"fact": "became_customer", "is": True}]
    rules = RuleSet((parse_ground(ground("sopimus", trigger="contract_started", condition=condition), "g"),))
    assert decide(nights.item("1001"), rules, (), TODAY).state is State.DUE  # the ground does not count
    drop(nights)
    assert LedgerFact.objects.count() == 1
    assert decide(nights.item("1001"), rules, (), TODAY).state is State.REVIEW


def test_where_no_source_tells_contracts_no_end_is_believed(nights):
    nights.collect()
    nights.publish(keep=False)
    nights.next_day()
    nights.collect()
    ended = RuleSet((parse_ground(ground("sopimus"), "g"),))
    assert nights.item("1001").contracts == (Contract("S1", date(2015, 1, 1), None, True),)
    assert decide(nights.item("1001"), ended, (), TODAY).state is State.TRIGGER_MISSING


def test_on_either_database(own_database):
    def act():
        nights = Nights(own_database.directory)
        with_old_contracts(nights.path)
        nights.sql("insert into lasku(asiakasnro, laskunro, erapvm) values ('1001', 'L1', '2018-01-01')")
        nights.sql("insert into henkilo values ('1001', false)")
        nights.publish(OLD, DEBTS, PEOPLE)
        nights.collect()
        drop(nights)
        found = nights.item("1001")
        assert RUNNING in found.contracts
        assert (found.facts, set(found.events)) == ({"became_customer": None}, {"debt_due", "debt_settled"})
        drop(nights, {**DEBTS, "id": "again"})
        assert set(LedgerEvent.objects.values_list("source", "revision")) == {("crm:again", 0)}

    assert own_database.in_process(act) == 0
