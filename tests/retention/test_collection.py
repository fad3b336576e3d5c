"""The ledger says what its registers say, wholly or not at all. Real SQLite registers, read by the real connector."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest
from django.db import connection

from retention import runs, staging
from retention.collection import collect, set_aside_dropped_sources
from retention.connectors.contract import LedgerRow
from retention.connectors.sql import SqlConnector
from retention.domain.errors import NightError
from retention.domain.items import Contract, Occurrence
from retention.ledger import UNTOLD, ContractRow, ledger_items, upsert
from retention.models import Collection, LedgerContract, LedgerEvent, LedgerFact, LedgerOpen, Run
from retention.night import run_night
from retention.plan import plan_of
from retention.selectors import connector_of
from tests.retention.company import CONTRACTS, NOW, TODAY, document, found_company, ground, publish

MORE = """
create table lasku(id integer primary key, asiakasnro text, laskunro text, erapvm date, maksettu date, tila text);
create table riita(id integer primary key, asiakasnro text, avattu date, ratkaistu date, tila text);
create table henkilo(asiakasnro text, on_asiakas boolean);
"""
DEBTS = {
    "id": "debts", "subject_kind": "customer", "place": "lasku", "subject": "asiakasnro", "thing": "laskunro",
    "events": {"debt_due": "erapvm", "debt_settled": "maksettu"},
    "closed": {"column": "tila", "values": ["suljettu"]},
}  # fmt: skip
DISPUTES = {
    "id": "disputes", "subject_kind": "customer", "place": "riita", "subject": "asiakasnro",
    "events": {"dispute_opened": "avattu", "dispute_resolved": "ratkaistu"},
    "closed": {"column": "tila", "values": ["suljettu"]},
}  # fmt: skip
PEOPLE = {
    "id": "people", "subject_kind": "customer", "place": "henkilo", "subject": "asiakasnro",
    "facts": {"became_customer": "on_asiakas"},
}  # fmt: skip


def loosen(path):
    """The contracts in a table where a number may stand twice, each row a child of its customer."""
    with closing(sqlite3.connect(path)) as crm, crm:
        crm.executescript(
            """
            create table kopio(id integer primary key, sopimusnro text, alku date, loppu date, tila text,
              asiakasnro text not null references asiakas(asiakasnro));
            insert into kopio select id, sopimusnro, alku, loppu, tila, asiakasnro from sopimus;
            drop table sopimus;
            alter table kopio rename to sopimus;
            create index sopimus_asiakas on sopimus(asiakasnro);
            """
        )


class Nights:
    """A company, and its collections night after night."""

    def __init__(self, data_dir):
        self.path = data_dir / "registers" / "crm.sqlite3"
        self.organisation = found_company(data_dir)
        self.versions = 1
        self.day = TODAY
        with closing(sqlite3.connect(self.path)) as crm:
            crm.executescript(MORE)

    def sql(self, statement, rows=None):
        with closing(sqlite3.connect(self.path)) as crm, crm:
            if rows is None:
                crm.execute(statement)
            else:
                crm.executemany(statement, rows)

    def publish(self, *sources, register="crm", keep=True):
        content = document()
        if not keep:
            content["registers"][0]["ledger"] = []
        content["registers"][0]["ledger"] += sources
        self.versions += 1
        publish(self.organisation, content, self.versions)

    def collect(self, connector=None):
        """Collect once more on the same night; its notes by source."""
        version = self.organisation.versions.latest("number")
        run, _ = Run.objects.get_or_create(
            organisation=self.organisation, business_date=self.day, defaults={"version": version}
        )
        Run.objects.filter(pk=run.pk).update(version=version)
        run.version = version
        plan = plan_of(version)
        set_aside_dropped_sources(run, plan)
        (register,) = plan.registers
        with connector or connector_of(self.organisation, register) as reached:
            collect(run, register, reached)
        return {note.source: note for note in Collection.objects.filter(run=run)}

    def next_day(self):
        self.day += timedelta(days=1)

    def item(self, number):
        return dict(ledger_items(self.organisation, "customer", [number])).get(number)


@pytest.fixture
def nights(db, data_dir):
    return Nights(data_dir)


def known():
    return set(LedgerContract.objects.values_list("subject", "ref", "started", "ended", "closed", "source"))


class TestWhole:
    def test_the_ledger_says_what_the_register_says(self, nights):
        note = nights.collect()["crm:contracts"]
        assert (note.rows, note.complete, note.problem, note.register) == (len(CONTRACTS), True, "", "crm")
        assert nights.item("1006").contracts == (Contract("S6", date(2015, 1, 1), None, True),)
        assert nights.item("1007").contracts == (
            Contract("S7", date(2015, 1, 1), date(2021, 3, 1), True),
            Contract("S8", date(2024, 1, 1)),
        )

    def test_told_again_nothing_is_written(self, nights):
        nights.collect()
        before = set(LedgerContract.objects.values_list("pk", "subject", "ended"))
        nights.collect()
        nights.next_day()
        nights.collect()
        assert set(LedgerContract.objects.values_list("pk", "subject", "ended")) == before

    def test_a_running_contract_that_is_told_no_more_is_taken_out(self, nights):
        nights.collect()
        nights.sql("delete from sopimus where sopimusnro in ('S2', 'S6')")
        nights.collect()
        assert nights.item("1002") is None
        assert nights.item("1006") is None

    def test_where_an_earlier_one_is_known_it_is_over_and_nobody_knows_since_when(self, nights):
        """Or the end of the earlier one, years ago, would be the end of all that the person had."""
        nights.collect()
        earlier = Contract("S7", date(2015, 1, 1), date(2021, 3, 1), True)
        nights.sql("delete from sopimus where sopimusnro = 'S8'")
        for _ in range(2):
            nights.collect()
            assert nights.item("1007").contracts == (earlier, Contract("S8", date(2024, 1, 1), None, True))
            assert LedgerContract.objects.get(ref="S8").revision == UNTOLD
            nights.sql("delete from sopimus where sopimusnro = 'S7'")  # whether that is told or not
        nights.sql("insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1007', 'S8', '2024-01-01', 'x')")
        nights.collect()
        assert nights.item("1007").contracts == (earlier, Contract("S8", date(2024, 1, 1)))
        assert LedgerContract.objects.get(ref="S8").revision == 0

    def test_nor_does_another_owner_or_a_number_that_ended_long_ago_end_it(self, nights):
        nights.collect()
        nights.sql("update sopimus set asiakasnro = '1008' where sopimusnro = 'S8'")
        nights.sql("update sopimus set sopimusnro = 'S20', loppu = '2020-01-01' where sopimusnro = 'S2'")
        nights.collect()
        assert Contract("S8", date(2024, 1, 1), None, True) in nights.item("1007").contracts
        assert Contract("S2", date(2015, 1, 1), None, True) in nights.item("1002").contracts

    def test_where_another_one_runs_it_is_taken_out(self, nights):
        """A new number is nobody's missing date: while it runs nothing ends."""
        nights.collect()
        nights.sql("update sopimus set sopimusnro = 'S20' where sopimusnro = 'S8'")
        nights.collect()
        assert nights.item("1007").contracts == (
            Contract("S20", date(2024, 1, 1)),
            Contract("S7", date(2015, 1, 1), date(2021, 3, 1), True),
        )

    def test_where_another_source_knows_an_earlier_one_too(self, nights):
        row = ContractRow("customer", "1002", "S70", date(2010, 1, 1), date(2012, 1, 1))
        upsert(nights.organisation, contracts=[row], source="api:integrator")
        nights.collect()
        nights.sql("delete from sopimus where sopimusnro = 'S2'")
        nights.collect()
        assert Contract("S2", date(2015, 1, 1), None, True) in nights.item("1002").contracts

    def test_an_ended_contract_that_is_told_no_more_is_still_known_and_marked(self, nights):
        nights.collect()
        nights.sql("delete from sopimus where sopimusnro in ('S1', 'S7')")
        nights.collect()
        assert {c.ref for number in ("1001", "1007") for c in nights.item(number).contracts} == {"S1", "S7", "S8"}
        assert set(LedgerContract.objects.filter(revision=UNTOLD).values_list("ref", flat=True)) == {"S1", "S7"}

    def test_an_end_that_stands_for_not_yet_is_none(self, nights):
        """Or nobody would see that the contract runs, nor take it out when its row has gone."""
        nights.sql("update sopimus set loppu = '9999-12-31' where sopimusnro in ('S2', 'S6')")
        nights.sql("update sopimus set loppu = '2199-12-31' where sopimusnro = 'S8'")
        nights.collect()
        assert nights.item("1002").contracts == (Contract("S2", date(2015, 1, 1)),)
        assert nights.item("1006").contracts == (Contract("S6", date(2015, 1, 1), None, True),)
        assert nights.item("1007").contracts[1].ended == date(2199, 12, 31)
        told = [LedgerRow("1002", "S2", date(2015, 1, 1), date(9999, 12, 31))]
        assert staging.nothing_new(nights.organisation, "customer", "crm:contracts", told)
        nights.sql("delete from sopimus where sopimusnro = 'S2'")
        nights.collect()
        assert nights.item("1002") is None

    def test_what_changed_is_changed_and_what_is_new_is_added(self, nights):
        nights.collect()
        nights.sql("update sopimus set loppu = null, tila = 'voimassa' where sopimusnro = 'S1'")
        nights.sql("insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1001', 'S20', '2026-01-01', 'x')")
        nights.collect()
        assert nights.item("1001").contracts == (
            Contract("S1", date(2015, 1, 1)),
            Contract("S20", date(2026, 1, 1)),
        )

    def test_what_one_source_tells_no_more_another_may_tell(self, nights):
        nights.collect()
        nights.sql("create table uusi(id integer primary key, asiakasnro text, sopimusnro text, alku date, loppu date)")
        nights.sql("insert into uusi values (1, '1001', 'S1', '2015-01-01', '2023-01-31')")
        nights.sql("delete from sopimus where sopimusnro in ('S1', 'S3')")
        moved = {"id": "moved", "subject_kind": "customer", "place": "uusi", "subject": "asiakasnro",
                 "contract": "sopimusnro", "started": "alku", "ended": "loppu"}  # fmt: skip
        nights.publish(moved)
        assert nights.collect()["crm:moved"].complete
        assert nights.item("1001").contracts == (Contract("S1", date(2015, 1, 1), date(2023, 1, 31)),)
        row = ContractRow("customer", "1003", "S3", date(2015, 1, 1), date(2024, 1, 1))
        assert upsert(nights.organisation, contracts=[row], source="api:integrator").contracts == 1

    def test_in_batches_it_is_the_same(self, nights, monkeypatch):
        nights.collect()
        at_once = known()
        LedgerContract.objects.all().delete()
        monkeypatch.setattr(staging, "BATCH", 2)
        assert nights.collect()["crm:contracts"].rows == len(CONTRACTS)
        assert known() == at_once

    def test_a_register_takes_over_from_a_program(self, nights):
        row = ContractRow("customer", "1001", "S1", date(2015, 1, 1), date(2026, 1, 1), revision=77)
        upsert(nights.organisation, contracts=[row], source="api:integrator")
        assert nights.collect()["crm:contracts"].complete
        assert LedgerContract.objects.get(ref="S1").ended == date(2022, 1, 31)
        assert LedgerContract.objects.get(ref="S1").source == "crm:contracts"

    def test_rows_of_other_sources_are_left(self, nights):
        row = ContractRow("customer", "7", "S70", date(2015, 1, 1))
        upsert(nights.organisation, contracts=[row], source="api:integrator")
        nights.collect()
        assert nights.item("7") is not None

    def test_a_source_that_the_inventory_dropped_is_forgotten(self, nights):
        nights.sql("insert into lasku(asiakasnro, laskunro, erapvm) values ('1001', 'L1', '2020-01-01')")
        nights.publish(DEBTS)
        nights.collect()
        assert LedgerEvent.objects.count() == LedgerOpen.objects.count() == 1
        nights.publish(dict(DEBTS, id="invoices"))
        nights.next_day()
        nights.collect()
        for table in (LedgerEvent, LedgerOpen):
            assert set(table.objects.values_list("source", flat=True)) == {"crm:invoices"}

    def test_without_a_version_nothing_is_collected(self, nights):
        run = Run.objects.create(organisation=nights.organisation, business_date=TODAY)
        (register,) = plan_of(nights.organisation.versions.get()).registers
        with pytest.raises(NightError, match="version"):
            collect(run, register, connector_of(nights.organisation, register))


class TestNotWhole:
    """Each leaves the ledger as it was, and says why without naming anyone."""

    @pytest.fixture
    def before(self, nights):
        nights.collect()
        return known()

    def check(self, nights, before, *words):
        note = nights.collect()["crm:contracts"]
        assert not note.complete
        for word in words:
            assert word in note.problem
        assert "100" not in note.problem
        assert known() == before

    def test_a_stream_that_broke_off(self, nights, before, monkeypatch):
        monkeypatch.setattr(staging, "BATCH", 2)
        nights.sql("delete from sopimus where sopimusnro = 'S1'")
        nights.sql("insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1009', 'S99', 'eilen', 'x')")
        self.check(nights, before, "sopimus.alku")

    def test_a_contract_that_ends_before_it_starts(self, nights, before):
        nights.sql("update sopimus set alku = '2025-01-01' where sopimusnro in ('S1', 'S3')")
        self.check(nights, before, "2 contracts end before they start")

    def test_a_contract_told_twice_and_differently(self, nights, before):
        loosen(nights.path)
        nights.sql(
            "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila)"
            " select asiakasnro, sopimusnro, alku, loppu, tila from sopimus where sopimusnro = 'S2'"
        )
        assert nights.collect()["crm:contracts"].complete  # the same told twice is told once
        assert known() == before
        nights.sql("insert into sopimus(asiakasnro, sopimusnro, alku, tila) values ('1003', 'S3', '2015-01-01', 'x')")
        self.check(nights, before, "1 contracts are told twice")

    def test_a_contract_without_a_number_or_with_an_endless_one(self, nights, before):
        nights.sql(f"update sopimus set sopimusnro = '{'S' * 101}' where sopimusnro = 'S1'")
        nights.sql("update sopimus set sopimusnro = '' where sopimusnro = 'S2'")
        self.check(nights, before, "2 rows have a number")

    def test_a_table_that_is_gone(self, nights, before):
        nights.sql("alter table sopimus rename to vanha")
        self.check(nights, before, "sopimus")

    def test_two_registers_of_one_contract(self, nights, before):
        nights.publish(dict(document()["registers"][0]["ledger"][0], id="copies"))
        notes = nights.collect()
        assert notes["crm:contracts"].complete
        assert notes["crm:copies"].problem == f"{len(CONTRACTS)} contracts are told by crm:contracts too"
        assert known() == before

    def test_a_customer_number_that_stands_twice(self, nights):
        nights.publish(PEOPLE)
        nights.sql("insert into henkilo values (?, ?)", [("1001", True), ("1002", True)])
        assert nights.collect()["crm:people"].complete
        assert nights.item("1001").facts == {"became_customer": True}
        nights.sql("insert into henkilo values ('1001', true)")
        note = nights.collect()["crm:people"]
        assert (note.complete, note.problem) == (False, "1 facts are told twice")

    def test_a_contracts_end_mapped_as_an_event(self, nights):
        wrong = {"id": "ends", "subject_kind": "customer", "place": "sopimus", "subject": "asiakasnro",
                 "events": {"contract_ended": "loppu"}}  # fmt: skip
        nights.publish(wrong, keep=False)
        assert "started and ended" in nights.collect()["crm:ends"].problem
        assert not LedgerEvent.objects.exists()

    def test_one_failing_source_leaves_the_others_of_its_register(self, nights):
        nights.publish(DEBTS, PEOPLE)
        nights.sql("drop table lasku")
        nights.sql("insert into henkilo values ('1001', true)")
        notes = nights.collect()
        assert {source for source, note in notes.items() if note.complete} == {"crm:contracts", "crm:people"}
        assert LedgerFact.objects.count() == 1

    def test_what_failed_and_then_came_is_complete(self, nights):
        nights.sql("alter table sopimus rename to vanha")
        assert not nights.collect()["crm:contracts"].complete
        nights.sql("alter table vanha rename to sopimus")
        note = nights.collect()["crm:contracts"]
        assert (note.complete, note.rows, note.problem) == (True, len(CONTRACTS), "")


class TestShrinking:
    @pytest.mark.parametrize(("left", "believed"), [(4, False), (5, True)])
    def test_half_or_less_is_not_believed(self, nights, left, believed):
        nights.collect()
        before = known()
        nights.next_day()
        nights.sql(f"delete from sopimus where id > {left}")
        note = nights.collect()["crm:contracts"]
        assert note.complete is believed
        assert note.rows == left
        if not believed:
            told = f"fell from 9 rows on 2026-06-30 to {left}; if that is true, say --confirm-fall crm:contracts"
            assert note.problem == told
            assert known() == before

    def test_it_is_still_not_believed_on_the_night_after(self, nights):
        nights.collect()
        nights.sql("delete from sopimus where id > 2")
        for _ in range(2):
            nights.next_day()
            assert not nights.collect()["crm:contracts"].complete

    def test_somebody_may_say_that_it_is_true(self, nights):
        nights.collect()
        nights.next_day()
        nights.sql("delete from sopimus where id > 2")
        runs.request(nights.organisation, nights.day, "owner", confirm_falls=["crm:others"])
        assert not nights.collect()["crm:contracts"].complete
        run = runs.request(nights.organisation, nights.day, "owner", confirm_falls=["crm:contracts"])
        assert run.falls_confirmed == ["crm:contracts", "crm:others"]
        assert nights.collect()["crm:contracts"].complete
        nights.next_day()
        assert nights.collect()["crm:contracts"].complete

    def test_what_was_told_twice_may_be_told_once(self, nights):
        nights.sql("alter table sopimus rename to sopimukset")
        nights.sql("create view sopimus as select * from sopimukset union all select * from sopimukset")
        assert nights.collect()["crm:contracts"].rows == 2 * len(CONTRACTS)
        before = known()
        nights.sql("drop view sopimus")
        nights.sql("alter table sopimukset rename to sopimus")
        nights.next_day()
        assert nights.collect()["crm:contracts"].complete
        assert known() == before
        nights.sql("delete from sopimus where id > 4")
        nights.next_day()
        assert not nights.collect()["crm:contracts"].complete

    def test_what_is_told_twice_does_not_stand_for_what_is_missing(self, nights):
        nights.sql("alter table sopimus rename to sopimukset")
        nights.sql("create view sopimus as select * from sopimukset union all select * from sopimukset")
        nights.collect()
        nights.sql("delete from sopimukset where id > 5")
        nights.sql("delete from sopimukset where id = 4")
        nights.sql("drop view sopimus")
        nights.sql(
            "create view sopimus as select * from sopimukset union all select * from sopimukset"
            " union all select * from sopimukset where id < 2"
        )
        nights.next_day()
        note = nights.collect()["crm:contracts"]
        assert (note.complete, note.rows) == (False, 9)

    @pytest.mark.parametrize(("gone", "believed"), [("'S2', 'T0', 'T1'", False), ("'S2', 'T0'", True)])
    def test_of_those_that_ran_half_or_more_may_not_be_missing(self, nights, gone, believed):
        """Also where the source is far from half: what has ended is most of it, and none of what keeps anything."""
        nights.sql(
            "insert into sopimus(asiakasnro, sopimusnro, alku, tila) values (?, ?, '2020-01-01', 'voimassa')",
            [(f"20{n}", f"T{n}") for n in range(4)],
        )
        nights.collect()
        before = known()
        nights.next_day()
        nights.sql(f"delete from sopimus where sopimusnro in ({gone})")
        note = nights.collect()["crm:contracts"]
        assert note.complete is believed
        if not believed:
            assert note.problem.startswith("3 of 6 running contracts are told no more at once")
            assert known() == before

    def test_a_small_source_may_shrink(self, nights):
        nights.sql("delete from sopimus where id > 3")
        nights.collect()
        nights.next_day()
        nights.sql("delete from sopimus")
        assert nights.collect()["crm:contracts"].complete

    @pytest.mark.parametrize("as_children", [False, True])
    def test_what_we_took_ourselves_is_allowed_for(self, db, data_dir, as_children):
        """A backlog of ended contracts goes lawfully; the next night is not locked by it."""
        company = found_company(data_dir)
        with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
            crm.execute(
                "update sopimus set alku = '2010-01-01', loppu = '2020-01-01', tila = 'paattynyt'"
                " where asiakasnro <> '1002'"
            )
        loosen(data_dir / "registers" / "crm.sqlite3")
        content = document()
        if as_children:
            content["datasets"][1]["mapping"]["children"] = ["sopimus"]
        else:
            content["datasets"].insert(
                1,
                {
                    "id": "sopimukset",
                    "name": {"fi": "Sopimukset"},
                    "register": "crm",
                    "activity": "asiakkaat",
                    "grain": "contract",
                    "subject_kind": "customer",
                    "enforced_by": "us",
                    "mapping": {"place": "sopimus", "key": "id", "subject": "asiakasnro", "contract": "sopimusnro"},
                    "policy": content["datasets"][0]["policy"],
                    "grounds": [ground("sopimus", period="P0D")],
                },
            )
        publish(company, content, 2)
        run_night(company, TODAY, NOW)
        run_night(company, TODAY + timedelta(days=1), NOW + timedelta(days=1))
        first, second = Collection.objects.order_by("run__business_date")
        assert 2 * second.rows <= first.rows
        assert second.complete


class TestEvents:
    def events(self, nights, source, number="1001"):
        nights.publish(source)
        assert nights.collect()[f"crm:{source['id']}"].complete
        return {name: set(told) for name, told in nights.item(number).events.items()}

    def test_each_thing_has_its_own(self, nights):
        nights.sql(
            "insert into lasku(asiakasnro, laskunro, erapvm, maksettu, tila) values ('1001', ?, ?, ?, ?)",
            [("L1", "2020-01-01", "2020-01-09", "avoin"), ("L2", "2020-02-01", None, "avoin"),
             ("L3", "2020-03-01", None, "suljettu"), ("L4", None, None, "avoin")],
        )  # fmt: skip
        found = self.events(nights, DEBTS)
        assert found["debt_due"] == {
            Occurrence(date(2020, 1, 1), "L1"),
            Occurrence(date(2020, 2, 1), "L2"),
            Occurrence(date(2020, 3, 1), "L3"),
        }
        settled = {told.thing: told.day for told in found["debt_settled"]}
        assert settled["L1"] == date(2020, 1, 9)
        assert settled.get("L2", date.max) == date.max  # not yet
        assert settled["L3"] is None  # closed, and nobody knows since when
        assert "L4" not in settled  # nothing fell due

    def test_an_open_dispute_beside_a_settled_one_stays_open(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, ratkaistu, tila) values ('1001', ?, ?, 'x')",
            [("2022-01-01", None), ("2020-01-01", "2021-01-01")],
        )
        found = self.events(nights, DISPUTES)
        assert found["dispute_opened"] == {Occurrence(date(2022, 1, 1))}
        assert "dispute_resolved" not in found

    def test_of_two_settled_disputes_the_latest_counts(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, ratkaistu, tila) values ('1001', ?, ?, 'x')",
            [("2020-01-01", "2023-01-01"), ("2022-01-01", "2022-06-01"), (None, None)],
        )
        assert self.events(nights, DISPUTES)["dispute_resolved"] == {Occurrence(date(2023, 1, 1))}

    def test_a_missing_date_outweighs_every_other(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, ratkaistu, tila) values ('1001', ?, ?, ?)",
            [("2020-01-01", "2021-01-01", "suljettu"), ("2022-01-01", None, "suljettu"), ("2023-01-01", None, "auki")],
        )
        assert self.events(nights, DISPUTES)["dispute_resolved"] == {Occurrence(None)}

    def test_a_placeholder_far_ahead_is_not_yet(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, ratkaistu, tila) values ('1001', '2020-01-01', '9999-12-31', 'x')"
        )
        assert "dispute_resolved" not in self.events(nights, DISPUTES)

    def test_the_first_of_several_where_the_catalogue_says_so(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, tila) values ('1001', ?, 'x')", [("2021-01-01",), ("2020-01-01",)]
        )
        first = dict(DISPUTES, id="seen", events={"first_recorded": "avattu"})
        assert self.events(nights, first)["first_recorded"] == {Occurrence(date(2020, 1, 1))}

    def test_a_purpose_goes_with_them_and_a_changed_one_replaces_it(self, nights):
        nights.sql("insert into riita(asiakasnro, avattu, tila) values ('1001', '2020-01-01', 'x')")
        for purpose in ("markkinointi", "tutkimus"):
            consents = dict(DISPUTES, id="consents", purpose=purpose, events={"consent_given": "avattu"})
            assert self.events(nights, consents)["consent_given"] == {Occurrence(date(2020, 1, 1), "", purpose)}

    def test_an_event_of_a_contract_is_that_contracts_a_subjects_is_not(self, nights):
        nights.sql("alter table riita add column sopimusnro text")
        nights.sql("insert into riita(asiakasnro, sopimusnro, avattu, tila) values ('1001', 'S1', '2020-01-01', 'x')")
        told = dict(
            DISPUTES, id="told", contract="sopimusnro", events={"service_ended": "avattu", "objection": "avattu"}
        )
        found = self.events(nights, told)
        assert found["service_ended"] == {Occurrence(date(2020, 1, 1), contract="S1")}
        assert found["objection"] == {Occurrence(date(2020, 1, 1))}

    @pytest.mark.parametrize("name", ["objection", "erasure_requested", "dispute_resolved"])
    def test_one_that_is_taken_back_is_none_though_its_row_tells_nothing_else(self, nights, name):
        nights.sql("insert into riita(asiakasnro, avattu, tila) values (?, '2020-01-01', 'x')", [("1001",), ("1002",)])
        told = dict(DISPUTES, id="told", events={name: "avattu"})
        assert self.events(nights, told)[name] == {Occurrence(date(2020, 1, 1))}
        nights.sql("update riita set avattu = null where asiakasnro = '1001'")
        nights.sql("delete from riita where asiakasnro = '1002'")
        nights.next_day()
        assert nights.collect()["crm:told"].complete
        assert set(LedgerEvent.objects.values_list("subject", "revision")) == {("1002", UNTOLD)}

    def test_a_row_of_nobody_has_no_place(self, nights):
        nights.sql(
            "insert into riita(asiakasnro, avattu, tila) values (?, '2020-01-01', 'x')", [("",), (None,), (" ",)]
        )
        nights.publish(DISPUTES)
        note = nights.collect()["crm:disputes"]
        assert (note.complete, note.rows) == (True, 0)


def test_what_vanishes_on_either_database(own_database):
    def act():
        nights = Nights(own_database.directory)
        nights.sql(
            "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values (?, ?, '2020-01-01', ?, 'x')",
            [(f"20{n}", f"T{n}", "9999-12-31") for n in range(4)],
        )
        nights.collect()
        assert LedgerContract.objects.get(ref="T0").ended is None
        nights.next_day()
        nights.sql("delete from sopimus where sopimusnro in ('S8', 'T0')")
        assert nights.collect()["crm:contracts"].complete
        assert nights.item("200") is None
        assert Contract("S8", date(2024, 1, 1), None, True) in nights.item("1007").contracts
        nights.sql("delete from sopimus where sopimusnro in ('S2', 'T1')")
        told = nights.collect()["crm:contracts"].problem
        assert told.startswith("2 of 4 running contracts are told no more at once")

    assert own_database.in_process(act) == 0


def test_what_is_taken_back_on_either_database(own_database):
    def act():
        nights = Nights(own_database.directory)
        told = dict(DISPUTES, id="told", events={"objection": "avattu"})
        nights.publish(told, PEOPLE, dict(PEOPLE, id="others"))
        rows = [(number, "2020-01-01") for number in ("1001", "1002", "1003")]
        nights.sql("insert into riita(asiakasnro, avattu, tila) values (?, ?, 'x')", rows)
        nights.sql("insert into henkilo values ('1001', false)")
        nights.collect()
        nights.sql("update riita set avattu = null where asiakasnro = '1001'")
        nights.sql("update henkilo set on_asiakas = null")
        nights.sql("delete from riita where asiakasnro = '1002'")
        notes = nights.collect()
        assert notes["crm:told"].complete
        assert notes["crm:people"].complete
        assert notes["crm:others"].complete  # where nothing is told nobody else tells it too
        assert set(LedgerEvent.objects.values_list("subject", "revision")) == {("1002", UNTOLD), ("1003", 0)}
        assert not LedgerFact.objects.exists()  # nobody knows any more

    assert own_database.in_process(act) == 0


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_while_the_register_is_asked(data_dir):
    """A hold must not wait for a slow register."""
    asked = []

    class Watched(SqlConnector):
        def collect(self, mapping):
            for row in super().collect(mapping):
                asked.append(connection.in_atomic_block)
                yield row

    nights = Nights(data_dir)
    notes = nights.collect(Watched(f"sqlite:///{nights.path}"))
    assert notes["crm:contracts"].complete
    assert asked == [False] * len(CONTRACTS)
