"""A register that knows people by address only, and a CRM that tells whose address it was, and when.

Customers of the small company with their addresses (contract data goes three years after the end):
    1001 ended 2022-01-31: a@example.invalid since 2015      1002 running: b@ since 2015
    1003 ended 2023-06-29: had shared@ until 2020-12-31      1004 ended 2023-06-30: has shared@ since 2021-01-01
    1005 under a hold: e@ since 2015                         1008 ended 2020-12-31: h@, since nobody knows when
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest

from retention.connectors.contract import Candidate, ConnectorError, Identity, Ref
from retention.domain.errors import DocumentError
from retention.identity import NO_DAY, NO_TIME, NOT_THEN, SEVERAL, Names, owner_of
from retention.inventory_document import read
from retention.inventory_document.checks import check
from retention.models import Connection, DatasetNight, EvidenceEntry, Hold, KeyOutcome, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.runs import succeeded
from ropa.models import Version
from tests.retention.company import NOW, TODAY, controller, document, found_company, ground, publish
from tests.retention.test_night import sql

pytestmark = pytest.mark.usefixtures("english")

TOMORROW = TODAY + timedelta(days=1)
ADDRESSES = [
    ("1001", "A@example.invalid", "2015-01-01", None),
    ("1002", "b@example.invalid", "2015-01-01", None),
    ("1003", "shared@example.invalid", "2015-01-01", "2020-12-31"),
    ("1004", "shared@example.invalid", "2021-01-01", None),
    ("1005", "e@example.invalid", "2015-01-01", None),
    ("1008", "h@example.invalid", None, None),
]
MESSAGES = [
    (1, "a@example.invalid", "2019-05-05"),
    (2, "b@example.invalid", "2019-05-05"),
    (3, "shared@example.invalid", "2020-12-31"),  # 1003's, due
    (4, "shared@example.invalid", "2021-01-01"),  # 1004's, not due before tomorrow
    (5, "e@example.invalid", "2019-05-05"),
    (6, "h@example.invalid", "2019-05-05"),
    (7, "nobody@example.invalid", "2019-05-05"),
    (8, "a@example.invalid", None),
    (9, "a@example.invalid", "2014-01-01"),  # before it was 1001's: in doubt
]


def inbox(data_dir, statement, *arguments):
    with closing(sqlite3.connect(data_dir / "registers" / "posti.sqlite3")) as posti, posti:
        return posti.execute(statement, arguments).fetchall()


def left(data_dir):
    return {key for (key,) in inbox(data_dir, "select id from viesti")}


def content(policy=None):
    """The small company's inventory with a register of messages, named through the CRM."""
    wanted = document(policy)
    wanted["registers"][0]["identities"] = [
        {
            "id": "osoitteet",
            "kind": "email",
            "subject_kind": "customer",
            "place": "osoite",
            "subject": "asiakasnro",
            "value": "osoite",
            "valid_from": "alkaen",
            "valid_to": "paattyen",
        }
    ]
    wanted["registers"].append(
        {"id": "posti", "name": {"fi": "Posti"}, "medium": "mail", "connection": "posti", "ledger": []}
    )
    people = wanted["datasets"][1]
    addresses = {
        **people,
        "id": "osoitteet",
        "name": {"fi": "Sähköpostiosoitteet"},
        "grain": "record",
        "mapping": {"place": "osoite", "key": "id", "subject": "asiakasnro"},
    }
    messages = {
        **people,
        "id": "viestit",
        "name": {"fi": "Viestit"},
        "register": "posti",
        "grain": "record",
        "mapping": {
            "place": "viesti",
            "key": "id",
            "subject": "lahettaja",
            "subject_key": {"kind": "email", "via": "crm", "at": "occurred"},
            "events": {"occurred": "saapunut"},
        },
        "grounds": [ground("sopimus")],
    }
    wanted["datasets"] += [addresses, messages]
    return wanted


@pytest.fixture
def company(db, data_dir):
    company = found_company(data_dir)
    columns = "asiakasnro text, osoite text, alkaen date, paattyen date"
    sql(data_dir, f"create table osoite(id integer primary key, {columns})")
    for address in ADDRESSES:
        sql(data_dir, "insert into osoite(asiakasnro, osoite, alkaen, paattyen) values (?, ?, ?, ?)", *address)
    inbox(data_dir, "create table viesti(id integer primary key, lahettaja text, saapunut date)")
    for row in MESSAGES:
        inbox(data_dir, "insert into viesti values (?, ?, ?)", *row)
    Connection.objects.create(
        organisation=company,
        code="posti",
        kind="sql",
        config={"url": f"sqlite:///{data_dir}/registers/posti.sqlite3"},
    )
    Version.objects.all().delete()
    publish(company, content())
    return company


def night(company, day=TODAY, **more):
    return run_night(company, day, NOW + timedelta(days=(day - TODAY).days), **more)


def counts(run, code):
    return DatasetNight.objects.get(run=run, dataset=code).counts


def test_messages_go_with_whom_the_address_meant_on_their_day(company, data_dir):
    run = night(company)
    assert left(data_dir) == {2, 4, 5, 6, 7, 8, 9}
    assert (
        counts(run, "viestit")["review"] == 3
    )  # 6: an address without a time; 8: a message without a day; 9: of another day
    assert counts(run, "viestit")["held"] == 1
    assert counts(run, "viestit")["left_trigger_missing"] == 1  # nobody's that is known: shown, and left


def test_both_sides_of_the_day_on_which_an_address_passed_on(company, data_dir):
    night(company)
    assert 3 not in left(data_dir)
    assert 4 in left(data_dir)
    night(company, TOMORROW)
    assert 4 not in left(data_dir)


def test_the_row_that_tells_names_goes_last(company, data_dir):
    """1001's message 8 is in doubt and stays, so the row that tells whose it is must wait; 1003's may go."""
    run = night(company)
    rows = {number for (number,) in sql(data_dir, "select asiakasnro from osoite")}
    assert "1003" not in rows
    assert {"1001", "1008"} <= rows
    waiting = KeyOutcome.objects.filter(outcome="waiting", lot__dataset="osoitteet")
    assert {row.detail for row in waiting} == {"tells names that posti still needs"}
    reader = DatasetNight.objects.get(run=run, dataset="osoitteet")
    assert (reader.overdue_left, reader.unexplained) == (2, 0)
    inbox(data_dir, "delete from viesti where id in (6, 8, 9)")
    night(company, TOMORROW)
    assert not {"1001", "1008"} & {number for (number,) in sql(data_dir, "select asiakasnro from osoite")}


def test_where_a_register_cannot_be_asked_no_name_is_forgotten(company, data_dir):
    posti = data_dir / "registers" / "posti.sqlite3"
    posti.rename(posti.with_suffix(".away"))
    run = night(company)
    assert not succeeded(run)
    assert len(sql(data_dir, "select * from osoite")) == len(ADDRESSES)
    posti.with_suffix(".away").rename(posti)
    night(company, TOMORROW)
    assert left(data_dir) == {2, 5, 6, 7, 8, 9}


def test_where_names_cannot_be_told_nothing_named_goes(company, data_dir):
    crm = data_dir / "registers" / "crm.sqlite3"
    sql(data_dir, "alter table osoite rename to muualla")
    run = night(company)
    assert len(left(data_dir)) == len(MESSAGES)
    assert "osoite" in run.summary["problems"]["viestit"]
    assert crm.exists()


def test_a_name_that_passed_on_before_its_turn_saves_the_message(company, data_dir):
    """The lot waits for approval; meanwhile the address turns out to have been somebody else's."""
    policy = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
    Version.objects.all().delete()
    publish(company, content(policy))
    night(company)
    lot = Lot.objects.get(dataset="viestit")
    from retention.approvals import approve

    approve(lot, controller(lot.organisation, "alice"), lot.digest)
    sql(data_dir, "update osoite set asiakasnro = '1002' where asiakasnro = '1001'")
    night(company, TOMORROW)
    assert 1 in left(data_dir)
    assert 3 not in left(data_dir)


def test_what_was_resolved_lies_with_the_lot_and_goes_with_it(company, data_dir):
    """The register forgot the name between approval and disposal: the lot's own, sealed, still finds the message."""
    policy = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
    Version.objects.all().delete()
    publish(company, content(policy))
    night(company)
    lot = Lot.objects.get(dataset="viestit")
    assert b"example" not in bytes(lot.keys or b"")
    from retention.approvals import approve

    approve(lot, controller(lot.organisation, "alice"), lot.digest)
    sql(data_dir, "delete from osoite where asiakasnro = '1001'")
    night(company, TOMORROW)
    assert 1 not in left(data_dir)
    lot.refresh_from_db()
    assert lot.keys is None


def test_a_hold_finds_its_person_by_any_name(company, data_dir):
    hold = Hold.objects.get()
    hold.subjects.create(subject_kind="customer", subject="1001")
    night(company)
    assert 1 in left(data_dir)
    assert 3 not in left(data_dir)


def test_no_address_is_in_the_evidence(company, data_dir):
    night(company)
    assert not EvidenceEntry.objects.filter(body__contains="example.invalid").exists()
    assert not EvidenceEntry.objects.filter(body__contains="shared").exists()
    journals = list((data_dir / "journal").rglob("*.jsonl"))
    assert journals
    assert not any(b"example.invalid" in path.read_bytes() for path in journals)


def test_a_connection_that_knows_no_names_is_named(company, data_dir):
    Connection.objects.filter(code="crm").update(kind="files", config={"url": f"file://{data_dir}"})
    plan = plan_of(company.versions.get())
    dataset = plan.find_dataset("viestit")
    assert dataset is not None
    with Names(company, plan) as names, pytest.raises(ConnectorError):
        names.of_values(dataset, ["a@example.invalid"])


class TestOwner:
    """Whose item it is, decided from the names alone."""

    def dataset(self, company):
        return plan_of(company.versions.get()).find_dataset("viestit")

    @pytest.mark.parametrize(
        ("day", "holders", "subject", "doubt"),
        [
            (date(2020, 1, 1), [], None, ""),
            (date(2020, 1, 1), [("1", "2020-01-01", None)], "1", ""),
            (date(2019, 12, 31), [("1", "2020-01-01", None)], "1", NOT_THEN),
            (date(2021, 1, 1), [("1", "2020-01-01", "2021-01-01")], "1", ""),
            (date(2021, 1, 2), [("1", "2020-01-01", "2021-01-01")], "1", NOT_THEN),
            (date(2021, 1, 1), [("1", "2020-01-01", "2021-01-01"), ("2", "2021-01-01", None)], "1", SEVERAL),
            (date(2021, 1, 2), [("1", "2020-01-01", "2021-01-01"), ("2", "2021-01-01", None)], "2", ""),
            (date(2021, 1, 1), [("1", "2020-01-01", None), ("1", "2021-01-01", None)], "1", ""),
            (date(2021, 1, 1), [("1", None, None)], "1", NO_TIME),
            (date(2021, 1, 1), [("2", "2020-01-01", None), ("1", None, "2019-01-01")], "1", NO_TIME),
            (None, [("1", "2020-01-01", None)], "1", NO_DAY),
        ],
    )
    def test_the_day_decides(self, company, day, holders, subject, doubt):
        parse = lambda text: None if text is None else date.fromisoformat(text)  # noqa: E731
        known = [Identity(number, "x@example.invalid", parse(since), parse(until)) for number, since, until in holders]
        candidate = Candidate(Ref("1", "x@example.invalid"), events={"occurred": day})
        owner = owner_of(self.dataset(company), candidate, known)
        assert (owner.subject, owner.doubt) == (subject, doubt)


class TestDocument:
    """What an inventory may not say of names."""

    def errors(self, change):
        wanted = content()
        for register in wanted["registers"]:
            register.pop("ledger") if not register.get("ledger") else None
        wanted["connections"] = {
            code: {"kind": "sql", "config": {"url": "sqlite:///{data}/x.sqlite3"}} for code in ("crm", "posti")
        }
        change(wanted)
        return check(wanted)

    def test_it_is_sound(self):
        verdict = self.errors(lambda wanted: None)
        assert verdict.errors == ()
        assert verdict.warnings == ()

    @pytest.mark.parametrize(
        ("change", "path", "message"),
        [
            (lambda key: key.update(via="ei"), "subject_key.via", "there is no register"),
            (lambda key: key.update(kind="uid"), "subject_key.via", "tells no names of kind 'uid'"),
            (lambda key: key.update(at="recorded"), "subject_key.at", "none of the mapping's events"),
            (lambda key: key.update(kind="nimi"), "subject_key.kind", "is none of"),
        ],
    )
    def test_what_is_refused(self, change, path, message):
        verdict = self.errors(lambda wanted: change(wanted["datasets"][3]["mapping"]["subject_key"]))
        assert any(path in error.path and message in error.message for error in verdict.errors), verdict.errors

    def test_names_without_a_time_are_a_warning(self):
        verdict = self.errors(lambda wanted: wanted["registers"][0]["identities"][0].pop("valid_from"))
        assert [warning.path for warning in verdict.warnings] == ["registers[crm].identities[osoitteet].valid_from"]

    def test_a_circle_is_refused(self):
        def circle(wanted):
            wanted["registers"][1]["identities"] = [
                {
                    "id": "tunnukset",
                    "kind": "uid",
                    "subject_kind": "customer",
                    "place": "viesti",
                    "subject": "id",
                    "value": "lahettaja",
                    "valid_from": "saapunut",
                }
            ]
            wanted["datasets"][0]["mapping"]["subject_key"] = {"kind": "uid", "via": "posti", "at": "case_opened"}

        verdict = self.errors(circle)
        assert any("in a circle" in error.message for error in verdict.errors), verdict.errors
        with pytest.raises(DocumentError):
            read("seloste: 1")
