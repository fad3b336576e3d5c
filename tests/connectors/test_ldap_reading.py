"""Finding, resolving, collecting and describing in real directories, and mappings that cannot be."""

from __future__ import annotations

from datetime import date

import pytest

from retention.connectors.contract import (
    ClosedWhen,
    ConnectorError,
    DatasetMapping,
    Flags,
    IdentityMapping,
    LedgerMapping,
    Outcome,
    Ref,
    TellsIdentities,
)
from retention.connectors.ldap import wire
from retention.connectors.suite import DAY, Given, refs_of
from retention.domain.predicates import AtLeast, AtMost, FactIs, FactKnown, Not, Recorded
from tests.connectors.ldap_worlds import AdWorld, MomentWorld, SlapdWorld, done, entries

NEXT = date(2020, 6, 16)


@pytest.fixture
def world(slapd_server, slapd_admin):
    world = SlapdWorld(slapd_server, slapd_admin)
    yield world
    world.clean()


@pytest.fixture
def domain(ad_server, ad_admin):
    world = AdWorld(ad_server, ad_admin)
    yield world
    world.clean()


def asked(monkeypatch) -> list[str]:
    """The filters that the connector sends from now on."""
    real, filters = wire.Session.search, []

    def search(self, base, told, *args, **more):
        filters.append(told)
        return real(self, base, told, *args, **more)

    monkeypatch.setattr(wire.Session, "search", search)
    return filters


def test_both_further_verbs_are_there(world):
    connector = world.connect()
    assert isinstance(connector, TellsIdentities)
    assert isinstance(connector, Flags)


def test_a_moment_late_in_the_evening_is_the_next_day(slapd_server, slapd_admin, monkeypatch):
    """2020-06-15T21:00Z is midnight in Helsinki; winter time is an hour behind."""
    world = MomentWorld(slapd_server, slapd_admin)
    moments = ["20200615205959Z", "20200615210000Z", "20201231215959Z", "20201231220000Z"]
    days = [DAY, NEXT, date(2020, 12, 31), date(2021, 1, 1)]
    keys = []
    for moment in moments:
        monkeypatch.setattr(world, "day_of", lambda day, moment=moment: {"createTimestamp": moment})
        keys += world.add([Given()])
    with world.connect() as connector:
        found = {item.ref.key: item.events["contract_ended"] for item in connector.find(world.mapping)}
        assert [found[key] for key in keys] == days
        for key, day in zip(keys, days, strict=True):
            assert key in {item.ref.key for item in connector.find(world.mapping, AtMost("contract_ended", day))}
            assert key in {item.ref.key for item in connector.find(world.mapping, AtLeast("contract_ended", day))}
        at_most = [item.ref.key for item in connector.find(world.mapping, AtMost("contract_ended", DAY))]
        assert at_most == [keys[0]]
    world.clean()


def test_dates_are_asked_of_the_server(domain, monkeypatch):
    old, new, none = domain.add([Given(), Given(day=date(2031, 1, 1)), Given(day=None)])
    filters = asked(monkeypatch)
    assert refs_of(domain, AtMost("contract_ended", DAY)) == [Ref(old, "1001")]
    assert "(msTSExpireDate<=20200615210000.0Z)" in filters[-1]
    later = {ref.key for ref in refs_of(domain, Not(AtMost("contract_ended", DAY)))}
    assert later == {new, none}
    assert "(|(!(msTSExpireDate=*))(msTSExpireDate>=20200615210000.0Z))" in filters[-1]
    assert {ref.key for ref in refs_of(domain, Not(Recorded("contract_ended")))} == {none}
    assert "(!(msTSExpireDate=*))" in filters[-1]
    refs_of(domain, FactIs("active", True))
    assert "(msTSAllowLogon=TRUE)" in filters[-1]


def test_what_a_domain_makes_up_when_it_is_read_is_not_asked_of_it(domain):
    (key,) = domain.add([Given()])
    domain.mapping = domain.mapped(events={"recorded": "createTimestamp"})
    tomorrow = date(9000, 1, 1)
    for where in (Recorded("recorded"), AtMost("recorded", tomorrow), Not(AtLeast("recorded", tomorrow))):
        assert [ref.key for ref in refs_of(domain, where)] == [key]
    with domain.connect() as connector, pytest.raises(ConnectorError, match="nobody can be found by"):
        connector.check([domain.mapped(subject="canonicalName")])


def test_what_cannot_be_compared_is_asked_wider_and_sorted_out_here(world, monkeypatch):
    """A plain date in a text has no order in the directory."""
    old, _, _ = world.add([Given(), Given(day=date(2031, 1, 1)), Given(day=None)])
    filters = asked(monkeypatch)
    assert refs_of(world, AtMost("contract_ended", DAY)) == [Ref(old, "1001")]
    assert "(roomNumber=*)" in filters[-1]
    assert "<=" not in filters[-1]


def test_several_dates_in_one_entry_are_in_doubt(world):
    ((dn, attributes),) = world.put([Given()]).items()
    world.admin.modify(dn, {"roomNumber": [(wire.ADD, ["2031-01-01"])]})
    done(world.admin)
    with world.connect() as connector:
        (found,) = connector.find(world.mapping, AtMost("contract_ended", DAY))
        assert found.doubt == "several values of roomNumber"
        assert found.events == {"contract_ended": None}
        (answer,) = connector.flag(
            world.mapped(options={"flag": {"attribute": "title", "value": "x"}}),
            [found.ref],
            AtMost("contract_ended", DAY),
        )
        assert (answer.outcome, answer.detail) == (Outcome.REFUSED, found.doubt)
    assert attributes["entryUUID"][0].decode() == found.ref.key


def test_several_values_of_a_fact_leave_nothing_out(world):
    """None of them is the fact, so whatever asks for its absence or its contrary must find the entry."""
    ((dn, _),) = world.put([Given()]).items()
    world.admin.modify(dn, {"title": [(wire.ADD, ["a", "b"])]})
    done(world.admin)
    world.mapping = world.mapped(facts={"grade": "title"})
    for where in (Not(FactIs("grade", "a")), Not(FactKnown("grade")), FactIs("grade", "b")):
        assert len(refs_of(world, where)) == 1


def test_numbers_are_compared_to_the_letter(world):
    (key,) = world.add([Given("AB  1")])
    with world.connect() as connector:
        assert [item.ref.key for item in connector.find(world.mapping, subjects=["ab 1"])] == []
        assert [item.ref.key for item in connector.find(world.mapping, subjects=["AB  1"])] == [key]


def test_by_contract_and_by_subject_together(world):
    people = world.put([Given("1"), Given("1"), Given("2")])
    for number, dn in enumerate(people):
        world.admin.modify(dn, {"departmentNumber": [(wire.ADD, [f"S{number}"])]})
    world.mapping = world.mapped(contract="departmentNumber")
    with world.connect() as connector:
        found = list(connector.find(world.mapping, subjects=["1"], contracts=["S1", "S2"]))
        assert [(item.ref.subject, item.contract) for item in found] == [("1", "S1")]
        assert len(list(connector.find(world.mapping, contracts=["S1", "S2"]))) == 2
        with pytest.raises(ConnectorError, match="names none"):
            list(connector.find(world.mapped(), contracts=["S1"]))


def test_one_level_or_all(world):
    (key,) = world.add([Given()])
    world.admin.add(f"ou=alla,{world.place}", ["organizationalUnit"])
    world.admin.add(f"uid=syva,ou=alla,{world.place}", ["inetOrgPerson"], {"cn": "Testi", "sn": "Testi"})
    done(world.admin)
    assert len(refs_of(world)) == 2
    world.mapping = world.mapped(options={"scope": "one"})
    assert [ref.key for ref in refs_of(world)] == [key]


def test_what_is_exported_has_no_password(world):
    ((dn, attributes),) = world.put([Given()]).items()
    world.admin.modify(dn, {"userPassword": [(wire.ADD, ["salaisuus-1234"])], "jpegPhoto": [(wire.ADD, [b"\xff\xd8"])]})
    done(world.admin)
    key = attributes["entryUUID"][0].decode()
    with world.connect() as connector:
        (shown,) = connector.export(world.mapping, [Ref(key, "1001"), Ref("ei", "1001")])
        assert (shown["dn"], shown["entryUUID"], shown["mail"]) == (dn, key, "c1@example.invalid")
        assert shown["jpegphoto"] == b"\xff\xd8"
        assert "userpassword" not in shown
        (fields,) = connector.export(world.mapped(fields=("mail",)), [Ref(key, "1001")])
    assert fields == {"dn": dn, "entryUUID": key, "mail": "c1@example.invalid"}


def test_names_of_a_person_and_the_person_of_a_name(world):
    people = world.put([Given("1"), Given("2")])
    first = next(iter(people))
    world.admin.modify(first, {"mail": [(wire.ADD, ["Toinen@example.invalid"])]})
    mapping = IdentityMapping(
        "email", world.place, "employeeNumber", "mail", valid_from="createTimestamp", valid_to="roomNumber"
    )
    with world.connect() as connector:
        names = list(connector.resolve(mapping, subjects=["1", "3"]))
        assert {name.value for name in names} == {"c1@example.invalid", "Toinen@example.invalid"}
        assert {(name.subject, name.valid_to) for name in names} == {("1", DAY)}
        assert all(name.valid_from is not None for name in names)
        assert [n.subject for n in connector.resolve(mapping, values=["TOINEN@example.INVALID"])] == ["1"]
        assert [n.value for n in connector.resolve(mapping, values=["C2@example.invalid", "*", ")(uid=*", ""])] == [
            "c2@example.invalid"
        ]
        assert list(connector.resolve(mapping, values=[])) == []
        for both in ({}, {"subjects": ["1"], "values": ["x"]}):
            with pytest.raises(ConnectorError, match="one of the two"):
                list(connector.resolve(mapping, **both))


def test_names_in_a_domain(domain):
    domain.add([Given("1"), Given("2")])
    mapping = IdentityMapping("uid", domain.place, "employeeNumber", "sAMAccountName", valid_from="whenCreated")
    with domain.connect() as connector:
        assert [n.subject for n in connector.resolve(mapping, values=[f"{domain.mark}2".upper()])] == ["2"]
        (name,) = connector.resolve(mapping, subjects=["1"])
    assert (name.value, name.valid_to) == (f"{domain.mark}1", None)
    assert name.valid_from is not None


def test_a_directory_that_tells_of_contracts(world):
    world.add([Given("1", closed=True), Given("2", day=None), Given(None)])
    mapping = LedgerMapping(
        place=world.place,
        subject="employeeNumber",
        contract="uid",
        ended="roomNumber",
        closed=ClosedWhen("employeeType", ("suljettu",)),
        events={"recorded": "createTimestamp"},
        facts={"active": "olcReadOnly"},
    )
    with world.connect() as connector:
        rows = sorted(connector.collect(mapping), key=lambda row: row.subject)
        assert list(connector.collect_of(mapping, ["2", "9", ""])) == [row for row in rows if row.subject == "2"]
        assert list(connector.collect_of(mapping, [])) == []
    assert [(row.subject, row.contract, row.ended, row.closed) for row in rows] == [
        ("1", "c1", DAY, True),
        ("2", "c2", None, False),
    ]
    assert rows[0].facts == {"active": None}
    assert rows[0].events["recorded"] is not None


def test_describes_kinds_of_entries_and_what_looks_personal(world):
    world.accesslog = "cn=accesslog"
    world.add([Given("010101-900X"), Given()])
    with world.connect() as connector:
        places = {place.name: place for place in connector.describe()}
    people = places[f"inetOrgPerson in {world.place}"]
    assert people.rows == 2
    assert people.columns["mail"] == "text"
    assert {people.personal[name] for name in ("cn", "mail", "uid")} == {"name", "email", "user name"}
    assert "roomNumber" not in people.personal
    assert not any("Testi" in name or "uid=" in name or "audit" in name for name in places)


def test_describes_a_domain(domain):
    domain.add([Given()])
    with domain.connect() as connector:
        places = {place.name: place for place in connector.describe()}
    people = places[f"user in {domain.place}"]
    assert people.rows == 1
    assert people.columns["objectGUID"] == "binary"
    assert people.personal["sAMAccountName"] == "user name"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": "dn"}, "must be entryUUID"),
        ({"key": "uid"}, "must be entryUUID"),
        ({"subject": "eiOle"}, "knows no attribute eiOle"),
        ({"subject": "a)(uid=*"}, "cannot be the name"),
        ({"subject": "jpegPhoto"}, "no number or text"),
        ({"events": {"contract_ended": "olcReadOnly"}}, "is no date"),
        ({"events": {"contract_ended": "uidNumber"}}, "is no date"),
        ({"facts": {"active": "jpegPhoto"}}, "is no fact"),
        ({"closed": ClosedWhen("eiOle", ("x",))}, "knows no attribute eiOle"),
        ({"children": ("kortit",)}, "children can only be subtree"),
        ({"children": ("subtree",), "fields": ("mail",)}, "not both"),
        ({"fields": ("createTimestamp",)}, "the directory's own"),
        ({"options": {"fliter": {}}}, "unknown option fliter"),
        ({"options": {"filter": {}}}, "option filter"),
        ({"options": {"filter": "(uid=*)"}}, "option filter"),
        ({"options": {"filter": {"objectClass": []}}}, "option filter"),
        ({"options": {"filter": {"a)(b": "x"}}}, "option filter"),
        ({"options": {"filter": {"objectClass": [1]}}}, "no text"),
        ({"options": {"scope": "base"}}, "option scope"),
        ({"options": {"enabled": "active"}}, "userAccountControl"),
        ({"options": {"flag": "x"}}, "option flag"),
        ({"options": {"flag": {"attribute": "title"}}}, "option flag"),
        ({"options": {"flag": {"attribute": "employeeType", "value": "x"}}}, "which the mapping reads"),
        ({"options": {"mark_attribute": "roomNumber"}}, "which the mapping reads"),
        ({"options": {"mark_attribute": "title", "flag": {"attribute": "title", "value": "x"}}}, "must be two"),
        ({"options": {"groups": 1}}, "option groups"),
        ({"options": {"groups": "ou=ei,dc=isp,dc=example"}}, "no entry ou=ei"),
    ],
)
def test_a_mapping_that_cannot_be_is_told_by_what_is_wrong(world, change, says):
    with world.connect() as connector, pytest.raises(ConnectorError, match=says) as raised:
        connector.check([world.mapped(**change)])
    assert raised.value.permanent


def test_an_event_that_the_mapping_does_not_name_is_not_taken_for_absent(world):
    world.add([Given()])
    with world.connect() as connector, pytest.raises(ConnectorError, match="does not name"):
        list(connector.find(world.mapping, Not(Recorded("other"))))


def test_an_unreadable_date_is_named_by_its_attribute(world):
    ((dn, _),) = world.put([Given()]).items()
    for wrong in ("eilen", "2020-02-30", "20200101", "2020-6-1"):
        world.admin.modify(dn, {"roomNumber": [(wire.REPLACE, [wrong])]})
        with world.connect() as connector, pytest.raises(ConnectorError, match="roomNumber") as raised:
            list(connector.find(world.mapping))
        assert wrong not in str(raised.value)


def test_days_since_1970_as_shadow_accounts_have_them(world):
    people = world.put([Given(), Given(), Given()])
    keys = [each["entryUUID"][0].decode() for each in people.values()]
    for dn, stored in zip(people, ("18428", "-1", "0"), strict=True):
        world.admin.modify(dn, {"shadowExpire": [(wire.ADD, [stored])]})
        done(world.admin)
    world.mapping = world.mapped(events={"contract_ended": "shadowExpire"})
    with world.connect() as connector:
        found = {item.ref.key: item.events["contract_ended"] for item in connector.find(world.mapping)}
    assert [found[key] for key in keys] == [DAY, date(9999, 12, 31), None]


def test_a_block_in_openldap_keeps_what_stood_there(world):
    people = world.put([Given(), Given(), Given()])
    dns, keys = list(people), [each["entryUUID"][0].decode() for each in people.values()]
    refs = [Ref(key, "1001") for key in keys]
    world.admin.modify(dns[1], {"carLicense": [(wire.ADD, ["ennen"])]})
    world.admin.modify(dns[2], {"carLicense": [(wire.ADD, ["estetty"])]})
    before = entries(world.admin, world.place, names=("*",))
    block = {"attribute": "carLicense", "value": "estetty"}
    plain = world.mapped(options={"flag": block})
    marked = world.mapped(options={"flag": block, "mark_attribute": "title"})
    with world.connect() as connector:
        (none, *_) = connector.flag(world.mapping, refs, Recorded("contract_ended"))
        assert (none.outcome, "option flag" in none.detail) == (Outcome.REFUSED, True)
        (_, kept, _) = connector.flag(plain, refs, Not(Recorded("contract_ended")))
        assert kept.outcome is Outcome.SUPERSEDED
        (_, kept, _) = connector.flag(plain, refs, Recorded("contract_ended"))
        assert (kept.outcome, "mark_attribute" in kept.detail) == (Outcome.REFUSED, True)
        assert [one.outcome for one in connector.unflag(plain, refs[:1])] == [Outcome.SUPERSEDED]
        assert entries(world.admin, world.place, names=("*",)) == before

        for _ in range(2):
            answers = connector.flag(marked, refs, Recorded("contract_ended"))
            assert [one.outcome for one in answers] == [Outcome.PENDING] * 3
        now = entries(world.admin, world.place, names=("*",))
        assert [now[dn]["carLicense"] for dn in dns] == [[b"estetty"]] * 3
        assert [now[dn].get("title") for dn in dns] == [[b"seloste-blocked:"], [b"seloste-blocked:ennen"], None]
        for _ in range(2):
            assert [one.outcome for one in connector.unflag(marked, refs)] == [Outcome.SUPERSEDED] * 3
        assert [one.outcome for one in connector.unflag(marked, [Ref("ei")])] == [Outcome.ALREADY_ABSENT]
    assert entries(world.admin, world.place, names=("*",)) == before


def test_places_and_keys_of_active_directory(domain):
    with domain.connect() as connector:
        with pytest.raises(ConnectorError, match="must be objectGUID"):
            connector.check([domain.mapped(key="sAMAccountName")])
        with pytest.raises(ConnectorError, match="no entry OU=ei"):
            connector.check([domain.mapped(place="OU=ei,DC=isp,DC=example")])
        with pytest.raises(ConnectorError, match="knows no attribute eiOle"):
            connector.check([domain.mapped(subject="eiOle")])
        everything = DatasetMapping("DC=isp,DC=example", "objectGUID", "employeeNumber")
        assert connector.check([everything]).missing_rights == ()
        assert {item.ref.subject for item in connector.find(everything)} == {None}
