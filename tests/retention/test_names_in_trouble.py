"""Names that pass on, are shared, spelt otherwise, told by other tables, or needed by somebody under a hold."""

from __future__ import annotations

from datetime import date, timedelta

from retention.holds import place
from retention.identity import Names
from retention.lot_keys import pack, unpack
from retention.models import Hold, Lot
from retention.plan import plan_of
from retention.runs import succeeded
from ropa.models import Version
from tests.retention import test_identity
from tests.retention.company import TODAY, controller, document, found_company, ground, publish
from tests.retention.test_identity import content, inbox, left, night
from tests.retention.test_night import sql

company = test_identity.company
NEXT, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
FLAG = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
SHARED = "yhdessa@example.invalid"


def again(company, wanted):
    Version.objects.all().delete()
    publish(company, wanted)


def dataset(wanted, code):
    return next(one for one in wanted["datasets"] if one["id"] == code)


def by_own_day(wanted):
    dataset(wanted, "viestit")["grounds"] = [ground("ika", trigger="occurred", period="P2Y")]
    return wanted


def share(data_dir, *numbers):
    for number in numbers:
        values = (number, SHARED)
        sql(data_dir, "insert into osoite(asiakasnro, osoite, alkaen) values (?, ?, '2015-01-01')", *values)
    inbox(data_dir, "insert into viesti values (10, ?, '2019-05-05')", SHARED)


def telling(data_dir):
    return {number for (number,) in sql(data_dir, "select asiakasnro from osoite")}


def test_names_told_by_a_child_table_wait_too(company, data_dir):
    sql(data_dir, "alter table osoite rename to vanha")
    columns = "asiakasnro text references asiakas(asiakasnro), osoite text, alkaen date, paattyen date"
    sql(data_dir, f"create table osoite(id integer primary key, {columns})")
    sql(data_dir, "insert into osoite select * from vanha")
    sql(data_dir, "drop table vanha")
    sql(data_dir, "create index osoite_asiakas on osoite(asiakasnro)")
    wanted = by_own_day(content())
    wanted["datasets"].remove(dataset(wanted, "osoitteet"))
    dataset(wanted, "asiakastiedot")["mapping"]["children"] = ["osoite"]
    again(company, wanted)
    hold = Hold.objects.create(
        organisation=company,
        register="posti",
        reason="dispute",
        owner="lakiasiat",
        start=date(2025, 1, 1),
        review_by=date(2027, 1, 1),
    )
    hold.subjects.create(subject_kind="customer", subject="1001")
    night(company)
    night(company, NEXT)
    assert 1 in left(data_dir)
    assert "1001" in telling(data_dir)


def test_names_told_by_a_view_may_be_of_any_table(company, data_dir):
    sql(data_dir, "create view nimet as select * from osoite")
    wanted = content()
    wanted["registers"][0]["identities"][0]["place"] = "nimet"
    again(company, wanted)
    night(company)
    assert "1001" in telling(data_dir)


def test_the_days_of_a_name_wait_as_the_name_does(company, data_dir):
    wanted = content()
    dataset(wanted, "osoitteet")["mapping"]["fields"] = ["alkaen", "paattyen"]
    again(company, wanted)
    night(company)
    assert sql(data_dir, "select alkaen from osoite where asiakasnro = '1001'") == [("2015-01-01",)]


def test_two_persons_with_one_address_keep_each_others_rows(company, data_dir):
    inbox(data_dir, "delete from viesti")
    share(data_dir, "1001", "1008")
    plan = plan_of(company.versions.get())
    addresses = plan.find_dataset("osoitteet")
    assert addresses is not None
    with Names(company, plan) as names:
        assert set(names.still_needed(addresses, ["1001", "1008"])) == {"1001", "1008"}
    night(company)
    night(company, NEXT)
    assert 10 in left(data_dir)


def test_what_was_in_doubt_stays_so_when_one_of_the_two_is_gone(company, data_dir):
    """1002 runs; somebody else's program deletes their address. 1001's the message has not become by that."""
    share(data_dir, "1001", "1002")
    night(company)
    sql(data_dir, "delete from osoite where asiakasnro = '1002'")
    run = night(company, NEXT)
    assert 10 in left(data_dir)
    assert run.datasets.get(dataset="viestit").counts["left_review"] >= 1


def test_an_address_that_is_not_told_for_the_day_may_be_theirs_who_are_under_a_hold(company, data_dir):
    again(company, by_own_day(content()))
    sql(data_dir, "update osoite set alkaen = '2019-06-01' where asiakasnro = '1005'")
    night(company)
    assert 5 in left(data_dir)


def test_a_hold_on_a_register_keeps_what_tells_no_person(company, data_dir):
    """A message of nobody who is known, while one person's mail in this register is held."""
    again(company, by_own_day(content()))
    place(company, [("customer", "1002")], "authority", "", "lakiasiat", TODAY, date(2027, 1, 1), register="posti")
    night(company)
    assert 7 in left(data_dir)


def test_a_hold_on_one_person_keeps_the_window(db, data_dir):
    company = found_company(data_dir)
    sql(data_dir, "create table loki(id integer primary key, paiva date)")
    sql(data_dir, "insert into loki values (1, '2020-01-01')")
    wanted = document()
    mapping = {"place": "loki", "key": "id", "events": {"occurred": "paiva"}}
    window = {**wanted["datasets"][1], "id": "loki", "grain": "window", "subject_kind": "", "mapping": mapping}
    wanted["datasets"].append({**window, "grounds": [ground("vuosi", trigger="occurred", period="P1Y")]})
    again(company, wanted)
    place(company, [("customer", "1002")], "authority", "", "lakiasiat", TODAY, date(2027, 1, 1), dataset="loki")
    night(company)
    assert sql(data_dir, "select id from loki") == [(1,)]


def test_another_spelling_of_an_address_is_the_same(company, data_dir):
    inbox(data_dir, "update viesti set lahettaja = 'A@Example.Invalid' where id = 1")
    night(company)
    assert 1 not in left(data_dir)


def test_user_names_are_compared_without_case_on_both_sides(company, data_dir):
    """Two customers whose user names differ in case only: nobody knows whose it is."""
    wanted = content()
    wanted["registers"][0]["identities"][0]["kind"] = "uid"
    dataset(wanted, "viestit")["mapping"]["subject_key"]["kind"] = "uid"
    again(company, wanted)
    for number, name in (("1003", "pekka"), ("1004", "Pekka")):
        values = (number, name)
        sql(data_dir, "insert into osoite(asiakasnro, osoite, alkaen) values (?, ?, '2015-01-01')", *values)
    inbox(data_dir, "insert into viesti values (11, 'pekka', '2019-05-05')")
    night(company)
    assert 11 in left(data_dir)


def test_what_waits_for_names_is_saved_by_a_hold(company, data_dir):
    night(company)
    term = (TODAY, date(2027, 1, 1))
    placed = place(company, [("customer", "1001")], "dispute", "", "lakiasiat", *term, dataset="osoitteet")
    assert (placed.saved, placed.in_flight) == (1, 0)


def test_a_hold_is_never_too_late_for_a_lot_that_cannot_be_opened(company, data_dir):
    again(company, content(FLAG))
    night(company)
    Lot.objects.filter(dataset="viestit").update(keys=b"\x01" + b"0" * 60)
    place(company, [("customer", "1001")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1))
    assert Hold.objects.count() == 2


def test_a_lot_that_cannot_be_opened_is_given_up_told_and_made_anew(company, data_dir):
    again(company, content(FLAG))
    night(company)
    Lot.objects.filter(dataset="viestit").update(keys=b"\x01" + b"0" * 60)
    run = night(company, NEXT)
    assert not succeeded(run)
    assert "could not be opened" in run.summary["problems"]["viestit"]
    night(company, LATER)
    states = list(Lot.objects.filter(dataset="viestit").order_by("pk").values_list("state", flat=True))
    assert states == ["withdrawn", "flagged"]


def test_an_approval_is_of_exactly_these_keys(company, data_dir):
    from retention.approvals import approve

    again(company, content(FLAG))
    night(company)
    lot = Lot.objects.get(dataset="asiakastiedot")
    approve(lot, controller(lot.organisation, "alice"), lot.digest)
    others = unpack(bytes(lot.keys or b""))[::-1]
    Lot.objects.filter(pk=lot.pk).update(keys=pack(others))
    run = night(company, NEXT)
    assert "not those that were flagged" in run.summary["problems"]["asiakastiedot"]


def test_no_name_and_no_number_is_in_a_lot_as_it_lies(company, data_dir):
    again(company, content(FLAG))
    night(company)
    for lot in Lot.objects.exclude(keys=None):
        assert b"example" not in bytes(lot.keys or b"")
        assert b"1001" not in bytes(lot.keys or b"")
