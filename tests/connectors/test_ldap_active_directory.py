"""Disposal and blocking in a Samba domain whose recycle bin keeps what a deleted object had."""

from __future__ import annotations

import uuid

import pytest

from retention.connectors.contract import ClosedWhen, Outcome, Ref
from retention.connectors.ldap import active_directory, wire
from retention.connectors.ldap.values import NEVER
from retention.connectors.registry import connect
from retention.connectors.suite import DAY, Given, dispose, refs_of, residues
from retention.domain.predicates import TRUE, AtMost, Closed, FactIs, Not
from retention.domain.rules import Action
from tests.connectors.ldap_worlds import AdWorld, done, entries
from tests.connectors.test_ldap_disposal import before_next

DUE = AtMost("contract_ended", DAY)
SHOW = [(wire.SHOW_DELETED, True, None), (wire.SHOW_RECYCLED, True, None)]
LATER = "20310101000000.0Z"
PERSONAL = {
    "givenName": "Aku",
    "sn": "Testi",
    "telephoneNumber": "+358 40 0000000",
    "streetAddress": "Esimerkkitie 1",
    "description": "VPN",
    "info": "puheli 1.1.",
    "employeeID": "SALA-7",
    "thumbnailPhoto": b"\xff\xd8\xff",
}


@pytest.fixture
def world(ad_server, ad_admin):
    world = AdWorld(ad_server, ad_admin)
    yield world
    world.clean()


@pytest.fixture
def person(world):
    return person_of(world, "1001")


def person_of(world: AdWorld, subject: str) -> tuple[str, str]:
    """Key and DN of one person with much to tell."""
    ((key, dn),) = world.put([Given(subject)]).items()
    world.admin.modify(dn, {name: [(wire.ADD, [value])] for name, value in PERSONAL.items()})
    done(world.admin)
    return key, dn


def deleted(world: AdWorld, key: str) -> dict[str, list[bytes]]:
    """All that the domain still has of an object, deleted or not."""
    asked = "".join(f"\\{byte:02x}" for byte in uuid.UUID(key).bytes_le)
    world.admin.search(world.base, f"(objectGUID={asked})", attributes=["*"], controls=SHOW)
    (found,) = [one for one in world.admin.response or () if one["type"] == "searchResEntry"]
    return dict(found["raw_attributes"])


def test_a_deleted_object_tells_of_nobody(world):
    subject = "asiakas-1001"
    key, dn = person_of(world, subject)
    group = f"CN=vpn,{world.place}"
    world.admin.add(group, ["group"], {"sAMAccountName": f"vpn{world.mark}", "member": dn})
    done(world.admin)

    assert [one.outcome for one in dispose(world, [Ref(key, subject)], DUE)] == [Outcome.DESTROYED]

    left = deleted(world, key)
    assert left["isDeleted"] == [b"TRUE"]
    assert left["sAMAccountName"] == [f"purged-{key[:8]}".encode()]
    assert left["cn"] == [f"purged-{key[:8]}\nDEL:{key}".encode()]
    told = b" ".join(value for values in left.values() for value in values)
    for text in (*PERSONAL.values(), "Testi 1", world.mark + "1", subject):
        assert (text if isinstance(text, bytes) else text.encode()) not in told
    assert not {name.lower() for name in PERSONAL} & {name.lower() for name in left}
    assert residues(world, [Ref(key, subject)]) == []
    assert entries(world.admin, group, names=("*",))[group].get("member", []) == []


def test_what_a_tombstone_still_tells_is_named(world, person):
    key, dn = person
    world.admin.delete(dn)
    done(world.admin)
    (left,) = residues(world, [Ref(key, "1001")])
    assert left.key == key
    kind, _, names = left.where.partition(": ")
    assert kind == "tombstone"
    named = set(names.split(", "))
    assert {*PERSONAL, "cn", "mail", "sAMAccountName", "employeeNumber", "displayName"} <= named
    assert not named & {"objectGUID", "objectSid", "whenCreated", "userAccountControl", "memberOf"}
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")])] == [Outcome.ALREADY_ABSENT]


@pytest.mark.parametrize("step", ["modify", "rename", "delete"])
def test_killed_before_any_step_the_next_dispose_ends_it(world, person, monkeypatch, step):
    key, _ = person
    others = world.add([Given("1002")])

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(wire.Session, step, killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [Ref(key, "1001")], DUE)
    monkeypatch.undo()
    assert "isDeleted" not in deleted(world, key)
    assert [left.key for left in residues(world, [Ref(key, "1001")])] == [key]

    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.DESTROYED]
    assert residues(world, [Ref(key, "1001")]) == []
    assert [ref.key for ref in refs_of(world)] == others


@pytest.mark.parametrize("step", ["modify", "rename", "delete"])
def test_killed_after_any_step_the_next_dispose_ends_it(world, person, monkeypatch, step):
    key, _ = person
    real = getattr(wire.Session, step)

    def killed(*args, **kwargs):
        assert real(*args, **kwargs).ok
        raise KeyboardInterrupt

    monkeypatch.setattr(wire.Session, step, killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [Ref(key, "1001")], DUE)
    monkeypatch.undo()

    (again,) = dispose(world, [Ref(key, "1001")], DUE)
    assert again.outcome is (Outcome.ALREADY_ABSENT if step == "delete" else Outcome.DESTROYED)
    assert residues(world, [Ref(key, "1001")]) == []


def test_what_broke_off_half_way_is_shown_in_doubt_and_blocks_are_not_lifted(world, person, monkeypatch):
    key, _ = person
    world.mapping = world.mapped(options={"mark_attribute": "adminDescription"})

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(wire.Session, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [Ref(key, "1001")], DUE)
    monkeypatch.undo()

    with world.connect() as connector:
        (found,) = connector.find(world.mapping)
        assert found.doubt
        assert found.ref == Ref(key, None)
        (lifted,) = connector.unflag(world.mapping, [found.ref])
        assert lifted.outcome is Outcome.SUPERSEDED
    assert deleted(world, key)["userAccountControl"] == [b"514"]


def test_a_name_like_ours_saves_nobody_and_condemns_nobody(world):
    ((key, dn),) = world.put([Given(day=DAY.replace(year=2031))]).items()
    world.admin.modify(dn, {"sAMAccountName": [(wire.REPLACE, [f"purged-{key[:8]}"])]})
    done(world.admin)
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.REFUSED]
    assert deleted(world, key)["employeeNumber"] == [b"1001"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("employeeNumber", "1002"), ("msTSExpireDate", LATER), ("userAccountControl", "512")],
)
def test_what_changed_since_it_was_read_is_superseded(world, monkeypatch, name, value):
    ((key, dn),) = world.put([Given(closed=True)]).items()

    def change():
        if name == "userAccountControl":
            world.admin.modify(dn, {name: [(wire.REPLACE, ["544"])]})
        else:
            world.admin.modify(dn, {name: [(wire.REPLACE, [value])]})
        done(world.admin)

    before_next(monkeypatch, "modify", change)
    due = AtMost("contract_ended", DAY) if name != "userAccountControl" else Closed()

    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], due)] == [Outcome.SUPERSEDED]
    assert deleted(world, key)["displayName"] == [b"Testi 1"]


def test_fields_are_emptied_and_the_account_stays(world, person, monkeypatch):
    key, dn = person
    world.mapping = world.mapped(fields=("telephoneNumber", "info"))
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.UNLINKED]
    left = deleted(world, key)
    assert not {"telephoneNumber", "info"} & set(left)
    assert left["employeeNumber"] == [b"1001"]
    assert residues(world, [Ref(key, "1001")]) == []
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.ALREADY_ABSENT]
    assert refs_of(world) == []

    world.admin.modify(dn, {"info": [(wire.ADD, ["uusi"])]})
    before_next(monkeypatch, "modify", lambda: world.admin.modify(dn, {"employeeNumber": [(wire.REPLACE, ["9"])]}))
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.SUPERSEDED]
    assert deleted(world, key)["info"] == [b"uusi"]


def test_a_contact_has_no_account_name_and_goes_all_the_same(world, monkeypatch):
    dn = f"CN=Aku Testi,{world.place}"
    world.admin.add(dn, ["contact"], {"pager": "1001", "mail": "aku@example.invalid", "sn": "Testi"})
    done(world.admin)
    world.mapping = world.mapped(
        subject="pager", events={}, facts={}, closed=None, options={"filter": {"objectClass": "contact"}}
    )
    (ref,) = refs_of(world)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(wire.Session, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [ref])
    monkeypatch.undo()
    assert [one.outcome for one in dispose(world, [ref])] == [Outcome.DESTROYED]
    assert residues(world, [ref]) == []
    assert b"Aku" not in b" ".join(value for values in deleted(world, ref.key).values() for value in values)


def test_an_entry_with_others_below_it_is_refused_unless_the_mapping_says_subtree(world, person):
    key, dn = person
    below = f"CN=Akun laite,{dn}"
    world.admin.add(below, ["classStore"], {"displayName": "Akun laite"})
    done(world.admin)
    child = entries(world.admin, below, names=("objectGUID",))[below]["objectGUID"][0]
    (answer,) = dispose(world, [Ref(key, "1001")])
    assert (answer.outcome, "subtree" in answer.detail) == (Outcome.REFUSED, True)
    assert deleted(world, key)["displayName"] == [b"Testi 1"]

    world.mapping = world.mapped(children=("subtree",))
    refs = [Ref(key, "1001"), Ref(str(uuid.UUID(bytes_le=child)))]
    assert [one.outcome for one in dispose(world, refs[:1])] == [Outcome.DESTROYED]
    assert residues(world, refs) == []


@pytest.fixture
def with_a_device(world, person):
    key, dn = person
    world.admin.add(f"CN=Akun laite,{dn}", ["classStore"], {"displayName": "Akun laite"})
    done(world.admin)
    world.mapping = world.mapped(children=("subtree",))
    return key, dn


def test_nothing_below_goes_with_one_that_changed(world, with_a_device, monkeypatch):
    key, dn = with_a_device
    before_next(monkeypatch, "modify", lambda: world.admin.modify(dn, {"employeeNumber": [(wire.REPLACE, ["1002"])]}))
    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.SUPERSEDED]
    assert len(entries(world.admin, dn)) == 2


@pytest.mark.parametrize("step", ["modify", "rename", "delete"])
@pytest.mark.parametrize("after", [1, 2])
def test_killed_with_something_below_the_next_dispose_ends_it(world, with_a_device, monkeypatch, step, after):
    key, dn = with_a_device
    (child,) = entries(world.admin, f"CN=Akun laite,{dn}", names=("objectGUID",)).values()
    real, calls = getattr(wire.Session, step), iter(range(1, 9))

    def killed(*args, **kwargs):
        answer = real(*args, **kwargs)
        if next(calls) == after:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(wire.Session, step, killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [Ref(key, "1001")], DUE)
    monkeypatch.undo()
    (again,) = dispose(world, [Ref(key, "1001")], DUE)
    assert again.outcome in {Outcome.DESTROYED, Outcome.ALREADY_ABSENT}
    assert residues(world, [Ref(key, "1001"), Ref(str(uuid.UUID(bytes_le=child["objectGUID"][0])))]) == []


def test_each_is_read_just_before_it_goes(world, monkeypatch):
    """What only the server writes can stand in no modify; here nothing does."""
    found = list(world.put([Given("1001"), Given("1002")]).items())
    before_next(
        monkeypatch, "delete", lambda: world.admin.modify(found[1][1], {"msTSExpireDate": [(wire.REPLACE, [LATER])]})
    )
    monkeypatch.setattr(active_directory, "_judged", lambda mapped: [])
    refs = [Ref(key, f"100{n}") for n, (key, _) in enumerate(found, 1)]
    assert [one.outcome for one in dispose(world, refs, DUE)] == [Outcome.DESTROYED, Outcome.SUPERSEDED]


def test_what_the_domain_needs_is_refused(world):
    world.mapping = world.mapped(place=f"CN=Users,{world.base}", subject=None)
    with world.connect() as connector:
        found = {ref.key for ref in refs_of(world)}
        users = entries(world.admin, world.mapping.place, "(objectClass=user)", ("objectGUID", "sAMAccountName"))
        keys = {
            one["sAMAccountName"][0].decode(): str(uuid.UUID(bytes_le=one["objectGUID"][0])) for one in users.values()
        }
        names = ["krbtgt", "Guest", "Administrator"]
        answers = list(connector.dispose(world.mapping, [Ref(keys[name]) for name in names], Action.DELETE, TRUE))
    assert [one.outcome for one in answers] == [Outcome.REFUSED] * 3
    assert keys["Administrator"] not in found
    assert keys["krbtgt"] in found
    assert "bound" in answers[2].detail
    assert set(entries(world.admin, world.mapping.place, "(objectClass=user)", ())) == set(users)


def test_an_administrator_is_refused(world, person):
    key, dn = person
    world.admin.modify(dn, {"adminCount": [(wire.ADD, ["1"])]})
    done(world.admin)
    (answer,) = dispose(world, [Ref(key, "1001")])
    assert (answer.outcome, "adminCount" in answer.detail) == (Outcome.REFUSED, True)


@pytest.mark.parametrize(
    ("stored", "day"),
    [("0", NEVER), ("9223372036854775807", NEVER), ("132000000000000000", DAY.replace(2019, 4, 17))],
)
def test_when_an_account_ends(world, person, stored, day):
    key, dn = person
    world.admin.modify(dn, {"accountExpires": [(wire.REPLACE, [stored])]})
    done(world.admin)
    world.mapping = world.mapped(events={"contract_ended": "accountExpires", "last_used": "lastLogonTimestamp"})
    with world.connect() as connector:
        (found,) = connector.find(world.mapping)
        assert found.events == {"contract_ended": day, "last_used": None}
        fits = [ref.ref.key for ref in connector.find(world.mapping, DUE)]
        assert fits == ([key] if day is not NEVER else [])
        answer = Outcome.DESTROYED if day is not NEVER else Outcome.SUPERSEDED
        assert [one.outcome for one in connector.dispose(world.mapping, [found.ref], Action.DELETE, DUE)] == [answer]


def test_a_block_is_ours_and_is_lifted_only_if_it_is(world):
    ours, theirs, late = world.add([Given(), Given(closed=True), Given(day=DAY.replace(2031))])
    world.mapping = world.mapped(
        facts={"enabled": "userAccountControl"}, options={"mark_attribute": "info", "enabled": "enabled"}
    )
    refs = [Ref(key, "1001") for key in (ours, theirs, late)]
    before = deleted(world, ours)["userAccountControl"]
    with world.connect() as connector:
        for _ in range(2):
            answers = [one.outcome for one in connector.flag(world.mapping, refs, DUE)]
            assert answers == [Outcome.PENDING, Outcome.PENDING, Outcome.SUPERSEDED]
        assert deleted(world, ours)["userAccountControl"] == [b"546"]
        assert deleted(world, ours)["info"] == [b"seloste-blocked:544"]
        assert "info" not in deleted(world, theirs)
        assert deleted(world, late)["userAccountControl"] == [b"544"]

        found = {item.ref.key: item for item in connector.find(world.mapping)}
        assert [found[key].facts["enabled"] for key in (ours, theirs, late)] == [True, False, True]
        assert [found[key].closed for key in (ours, theirs, late)] == [False, True, False]
        assert {item.ref.key for item in connector.find(world.mapping, Not(Closed()))} == {ours, late}
        assert {item.ref.key for item in connector.find(world.mapping, FactIs("enabled", False))} == {theirs}

        for _ in range(2):
            assert [one.outcome for one in connector.unflag(world.mapping, refs)] == [Outcome.SUPERSEDED] * 3
    assert deleted(world, ours)["userAccountControl"] == before
    assert "info" not in deleted(world, ours)
    assert deleted(world, theirs)["userAccountControl"] == [b"546"]


def test_an_account_that_we_blocked_is_disposed_of_like_any_other(world, person):
    key, dn = person
    world.admin.modify(dn, {"info": [(wire.DELETE, [])]})
    world.mapping = world.mapped(options={"mark_attribute": "info"})
    with world.connect() as connector:
        assert [one.outcome for one in connector.flag(world.mapping, [Ref(key, "1001")], DUE)] == [Outcome.PENDING]
        answers = connector.dispose(world.mapping, [Ref(key, "1001")], Action.DELETE, Not(Closed()))
        assert [one.outcome for one in answers] == [Outcome.DESTROYED]
    assert residues(world, [Ref(key, "1001")]) == []


def test_a_mark_that_is_taken_or_not_named_refuses(world, person):
    key, _ = person
    refs = [Ref(key, "1001")]
    with world.connect() as connector:
        (none,) = connector.flag(world.mapping, refs, DUE)
        assert (none.outcome, "mark_attribute" in none.detail) == (Outcome.REFUSED, True)
        assert [one.outcome for one in connector.unflag(world.mapping, refs)] == [Outcome.REFUSED]
        (taken,) = connector.flag(world.mapped(options={"mark_attribute": "info"}), refs, DUE)
        assert (taken.outcome, taken.detail) == (Outcome.REFUSED, "info is taken by something else")
    assert deleted(world, key)["userAccountControl"] == [b"544"]


def test_an_account_without_rights_is_told_which_and_changes_nothing(world, person):
    key, dn = person
    ((own, account),) = world.put([Given("2")]).items()
    name = f"{world.mark}palvelu"
    world.admin.modify(account, {"sAMAccountName": [(wire.REPLACE, [name])]})
    world.admin.extend.microsoft.modify_password(account, "Salas4na-Pitka!")
    world.admin.modify(account, {"userAccountControl": [(wire.REPLACE, ["512"])]})
    done(world.admin)
    before = deleted(world, key)
    config = world.config(bind_dn=account, password="Salas4na-Pitka!")
    with connect("ldap", config) as connector:
        health = connector.check([world.mapping])
        assert {"write mail", "write displayName", "write msTSExpireDate"} <= set(health.missing_rights)
        assert own not in {item.ref.key for item in connector.find(world.mapping)}
        (answer,) = connector.dispose(world.mapping, [Ref(key, "1001")], Action.DELETE, TRUE)
    assert answer.outcome is Outcome.REFUSED
    assert answer.detail.startswith("no right: empty ")
    assert deleted(world, key) == before
    assert dn in entries(world.admin, world.place, names=("*",))


def test_the_clock_is_told(world):
    with world.connect() as connector:
        offset = connector.check([world.mapping]).clock_offset_seconds
    assert offset is not None
    assert abs(offset) < 60


def test_closed_by_any_other_value_is_an_attribute_like_others(world):
    closed, _ = world.add([Given(closed=True), Given()])
    world.mapping = world.mapped(closed=ClosedWhen("displayName", ("Testi 1",)))
    assert [ref.key for ref in refs_of(world, Closed())] == [closed]
