"""Disposal in a real OpenLDAP: conditions, rights, groups, what lies below, and the access log."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from retention.connectors.contract import ConnectorError, Outcome, Ref
from retention.connectors.ldap import openldap, wire
from retention.connectors.ldap.openldap import Purge
from retention.connectors.suite import DAY, Given, dispose, refs_of, residues
from retention.domain.predicates import TRUE, AtMost
from retention.domain.rules import Action
from tests.connectors.ldap_strict import admin_of, strict_slapd
from tests.connectors.ldap_worlds import SUFFIX, SlapdWorld, UnlinkedWorld, done, entries

LOG = "cn=accesslog"
DUE = AtMost("contract_ended", DAY)


@pytest.fixture
def world(slapd_server, slapd_admin):
    world = SlapdWorld(slapd_server, slapd_admin)
    world.accesslog = LOG
    yield world
    world.clean()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    with strict_slapd(tmp_path_factory.mktemp("strict")) as running, admin_of(running) as admin:
        yield running, admin


@pytest.fixture
def strict_world(strict):
    world = SlapdWorld(*strict)
    yield world
    world.clean()


def before_next(monkeypatch, verb: str, act: Callable[[], None]) -> None:
    """Do something in the moment between what the connector read and what it writes, once."""
    real = getattr(wire.Session, verb)
    todo = [act]

    def late(self, *args, **kwargs):
        if todo:
            todo.pop()()
        return real(self, *args, **kwargs)

    monkeypatch.setattr(wire.Session, verb, late)


def log_of(world: SlapdWorld, text: str) -> list[str]:
    """The log entries since the test began in which a text stands anywhere."""
    names = ("reqDN", "reqNewDN", "reqNewRDN", "reqEntryUUID", "reqMod", "reqOld")
    found = entries(world.admin, LOG, f"(reqStart>={world.began:%Y%m%d%H%M%S}.000000Z)", names)
    return [dn for dn, has in found.items() if any(text.encode() in value for some in has.values() for value in some)]


def test_what_changed_since_it_was_read_is_superseded(world, monkeypatch):
    ((dn, attributes),) = world.put([Given()]).items()
    key = attributes["entryUUID"][0].decode()

    def change():
        world.admin.modify(dn, {"roomNumber": [(wire.REPLACE, ["2031-01-01"])]})

    before_next(monkeypatch, "delete", change)

    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.SUPERSEDED]
    assert dn in entries(world.admin, world.place)


def test_what_changed_in_something_else_is_still_due(world, monkeypatch):
    ((dn, attributes),) = world.put([Given()]).items()
    before_next(monkeypatch, "delete", lambda: world.admin.modify(dn, {"title": [(wire.ADD, ["x"])]}))

    disposals = dispose(world, [Ref(attributes["entryUUID"][0].decode(), "1001")], DUE)
    assert [one.outcome for one in disposals] == [Outcome.DESTROYED]


def test_a_name_that_was_given_to_somebody_else_is_not_deleted(world, monkeypatch):
    ((dn, attributes),) = world.put([Given()]).items()

    def replace():
        world.admin.delete(dn)
        world.admin.add(dn, ["inetOrgPerson"], {"cn": "Uusi", "sn": "Testi", "roomNumber": DAY.isoformat()})
        done(world.admin)

    before_next(monkeypatch, "delete", replace)

    disposals = dispose(world, [Ref(attributes["entryUUID"][0].decode(), "1001")], DUE)
    assert [one.outcome for one in disposals] == [Outcome.ALREADY_ABSENT]
    assert dn in entries(world.admin, world.place)


def test_fields_are_emptied_only_if_nothing_changed(slapd_server, slapd_admin, monkeypatch):
    world = UnlinkedWorld(slapd_server, slapd_admin)
    ((dn, attributes),) = world.put([Given()]).items()

    def change():
        world.admin.modify(dn, {"roomNumber": [(wire.REPLACE, ["2031-01-01"])]})

    before_next(monkeypatch, "modify", change)

    disposals = dispose(world, [Ref(attributes["entryUUID"][0].decode(), "1001")], DUE)
    assert [one.outcome for one in disposals] == [Outcome.SUPERSEDED]
    assert "mail" in entries(world.admin, world.place)[dn]
    world.clean()


def test_the_access_log_forgets_with_the_entry(world):
    people = world.put([Given(), Given("1002")])
    (gone, stays), (key, other) = people, [each["entryUUID"][0].decode() for each in people.values()]
    renamed = f"uid=toinen,{world.place}"
    group = f"cn=vpn-{world.count},ou=groups,{SUFFIX}"
    world.admin.add(group, ["groupOfNames"], {"member": [gone, stays]})
    world.admin.modify(gone, {"telephoneNumber": [(wire.ADD, ["+358 40 0000000"])]})
    world.admin.modify(gone, {"telephoneNumber": [(wire.DELETE, [])]})
    world.admin.modify_dn(gone, "uid=toinen")
    done(world.admin)
    assert log_of(world, gone)
    assert log_of(world, "+358 40 0000000")

    with world.connect() as connector:
        refs = [Ref(key, "1001")]
        (disposal,) = connector.dispose(world.mapping, refs, Action.DELETE, DUE)
        assert disposal.outcome is Outcome.DESTROYED
        assert list(connector.verify(world.mapping, refs, Action.DELETE)) == []

    for text in (gone, renamed, key, "+358 40 0000000"):
        assert log_of(world, text) == []
    assert log_of(world, other)
    assert entries(world.admin, group)[group]["member"] == [stays.encode()]
    world.admin.delete(group)


def test_what_the_access_log_has_of_its_name_alone_only_the_connection_that_deleted_can_see(world):
    ((dn, attributes),) = world.put([Given()]).items()
    refs = [Ref(attributes["entryUUID"][0].decode(), "1001")]
    group = f"cn=vpn-{world.count},ou=groups,{SUFFIX}"
    with world.connect() as connector:
        (disposal,) = connector.dispose(world.mapping, refs, Action.DELETE, DUE)
        assert disposal.outcome is Outcome.DESTROYED
        world.admin.add(group, ["groupOfNames"], {"member": [dn]})
        done(world.admin)
        found = list(connector.verify(world.mapping, refs, Action.DELETE))
    assert [(left.where, left.copy, left.seen_once) for left in found] == [(LOG, True, True)]
    assert residues(world, refs) == []
    world.admin.delete(group)


def test_the_access_log_is_purged_too_after_a_kill(world, monkeypatch):
    ((dn, attributes),) = world.put([Given()]).items()
    key = attributes["entryUUID"][0].decode()
    monkeypatch.setattr(Purge, "_purge_log", _killed)
    with pytest.raises(KeyboardInterrupt):
        dispose(world, [Ref(key, "1001")], DUE)
    monkeypatch.undo()
    assert dn not in entries(world.admin, world.place)
    found = residues(world, [Ref(key, "1001")])
    assert [(left.key, left.where, left.seen_once) for left in found] == [(key, LOG, False)]

    assert [one.outcome for one in dispose(world, [Ref(key, "1001")], DUE)] == [Outcome.ALREADY_ABSENT]
    assert residues(world, [Ref(key, "1001")]) == []
    assert log_of(world, dn) == []


def test_the_log_of_whoever_has_the_name_now_stays(world):
    ((dn, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")
    with world.connect() as connector:
        (answer,) = connector.dispose(world.mapping, [ref], Action.DELETE, DUE)
        assert answer.outcome is Outcome.DESTROYED
        world.admin.add(dn, ["inetOrgPerson"], {"cn": "Uusi", "sn": "Testi"})
        done(world.admin)
        successor = entries(world.admin, dn)[dn]["entryUUID"][0].decode()
        assert log_of(world, successor)
        (answer,) = connector.dispose(world.mapping, [ref], Action.DELETE, DUE)
        assert answer.outcome is Outcome.ALREADY_ABSENT
        assert list(connector.verify(world.mapping, [ref], Action.DELETE)) == []
    assert log_of(world, successor)


def test_a_delete_that_only_seemed_to_be_is_found_by_reading_back(world, monkeypatch):
    """No server here says yes and does nothing, so the request is kept back."""
    ref = Ref(world.add([Given()])[0], "1001")
    monkeypatch.setattr(wire.Session, "delete", lambda *args, **more: wire.Answer(0, "success"))
    world.accesslog = ""
    assert [one.outcome for one in dispose(world, [ref], DUE)] == [Outcome.DESTROYED]
    assert [(left.key, left.where) for left in residues(world, [ref])] == [(ref.key, world.place)]


def test_a_log_that_cannot_be_purged_is_an_error(world):
    keys = world.add([Given()])
    world.accesslog = f"ou=groups,{SUFFIX}x"
    with world.connect() as connector, pytest.raises(ConnectorError, match="groups"):
        connector.dispose(world.mapping, [Ref(keys[0], "1001")], Action.DELETE, DUE)


def test_the_old_values_of_emptied_fields_leave_the_log(slapd_server, slapd_admin):
    world = UnlinkedWorld(slapd_server, slapd_admin)
    world.accesslog = LOG
    ((dn, attributes),) = world.put([Given()]).items()
    mail = attributes["mail"][0].decode()
    world.admin.modify(dn, {"mail": [(wire.REPLACE, [f"uusi.{mail}"])]})
    world.admin.modify(dn, {"title": [(wire.ADD, ["neuvoja"])]})
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")

    assert [one.outcome for one in dispose(world, [ref], DUE)] == [Outcome.UNLINKED]
    assert residues(world, [ref]) == []
    there = log_of(world, f"{world.place}")
    assert not set(there) & set(log_of(world, mail))
    assert log_of(world, "neuvoja")
    world.clean()


def test_a_missing_right_refuses_its_entry_and_no_other(strict_world):
    people = strict_world.put([Given() for _ in range(3)])
    dns, keys = list(people), [each["entryUUID"][0].decode() for each in people.values()]
    strict_world.admin.modify(dns[1], {"title": [(wire.ADD, ["pysyva"])]})

    answers = dispose(strict_world, [Ref(key, "1001") for key in keys])

    assert [one.outcome for one in answers] == [Outcome.DESTROYED, Outcome.REFUSED, Outcome.DESTROYED]
    assert answers[1].detail == "no right: delete the entry"
    assert dns[1] in entries(strict_world.admin, strict_world.place)


def test_an_entry_with_others_below_it_is_refused_unless_the_mapping_says_subtree(world):
    ((dn, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")
    for below in (f"cn=laite,{dn}", f"cn=kortti,cn=laite,{dn}"):
        world.admin.add(below, ["device"])
        done(world.admin)
    (answer,) = dispose(world, [ref])
    assert answer.outcome is Outcome.REFUSED
    assert "subtree" in answer.detail
    assert len(entries(world.admin, dn)) == 3

    world.mapping = world.mapped(children=("subtree",))
    assert [one.outcome for one in dispose(world, [ref])] == [Outcome.DESTROYED]
    assert world.snapshot().keys().isdisjoint({ref.key})


def test_another_item_below_it_does_not_go_with_it(world):
    """A family member's account under the customer's: it has a subject and an end of its own."""
    ((dn, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")
    below = {"sn": "Testi", "cn": "lapsi", "employeeNumber": "1002"}
    world.admin.add(f"cn=lapsi,{dn}", ["inetOrgPerson"], below)
    done(world.admin)
    world.mapping = world.mapped(children=("subtree",))
    (answer,) = dispose(world, [ref])
    assert (answer.outcome, answer.detail) == (Outcome.REFUSED, "another item lies below it")
    assert len(entries(world.admin, dn)) == 2


@pytest.mark.parametrize("children", [(), ("subtree",)])
@pytest.mark.parametrize("hidden", ["controls", "entryCSN"])
def test_where_nothing_can_be_asserted_each_is_read_again_just_before(world, monkeypatch, hidden, children):
    """The second changes while the first goes; what lies below it stays too."""
    world.mapping = world.mapped(children=children)
    found = world.put([Given("1001"), Given("1002")])
    refs = [Ref(attributes["entryUUID"][0].decode(), f"100{n}") for n, attributes in enumerate(found.values(), 1)]
    dn = list(found)[1]
    if children:
        world.admin.add(f"cn=laite,{dn}", ["device"])
        done(world.admin)
    if hidden == "controls":
        monkeypatch.setattr(openldap, "ASSERTION", "1.1")
    else:
        monkeypatch.setattr(openldap, "_VERSION", ("entryUUID", "uid"))
    before_next(monkeypatch, "delete", lambda: world.admin.modify(dn, {"roomNumber": [(wire.REPLACE, ["2031-01-01"])]}))
    assert [one.outcome for one in dispose(world, refs, DUE)] == [Outcome.DESTROYED, Outcome.SUPERSEDED]
    assert len(entries(world.admin, dn)) == (2 if children else 1)


def test_what_moves_away_while_it_is_judged_is_not_absent(world, monkeypatch):
    """And its lines of the access log stay, as it does."""
    ((dn, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")

    def move():
        world.admin.modify_dn(dn, dn.partition(",")[0], new_superior=f"ou=groups,{SUFFIX}")
        done(world.admin)

    before_next(monkeypatch, "delete", move)
    (answer,) = dispose(world, [ref])
    assert answer.outcome is Outcome.SUPERSEDED
    assert log_of(world, ref.key)
    world.admin.delete(f"{dn.partition(',')[0]},ou=groups,{SUFFIX}")
    done(world.admin)


def test_what_lies_elsewhere_by_now_is_not_absent(world):
    ((dn, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")
    world.admin.modify_dn(dn, dn.partition(",")[0], new_superior=f"ou=groups,{SUFFIX}")
    done(world.admin)

    assert [one.outcome for one in dispose(world, [ref])] == [Outcome.SUPERSEDED]
    assert [left.key for left in residues(world, [ref])] == [ref.key]
    world.admin.delete(f"{dn.partition(',')[0]},ou=groups,{SUFFIX}")


def test_what_the_filter_leaves_out_is_no_item_and_is_not_deleted(world):
    ((_, attributes),) = world.put([Given()]).items()
    ref = Ref(attributes["entryUUID"][0].decode(), "1001")
    world.mapping = world.mapped(options={"filter": {"objectClass": "inetOrgPerson", "title": ["a", "b)(uid=*"]}})

    assert refs_of(world) == []
    assert [one.outcome for one in dispose(world, [ref])] == [Outcome.SUPERSEDED]


def test_our_own_account_is_no_item_and_stays(slapd_server, slapd_admin):
    world = SlapdWorld(slapd_server, slapd_admin)
    own = entries(slapd_admin, f"cn=ropa,{SUFFIX}")[f"cn=ropa,{SUFFIX}"]["entryUUID"][0].decode()
    world.mapping = world.mapped(
        place=SUFFIX, subject=None, options={"filter": {"objectClass": "organizationalRole"}, "scope": "one"}
    )
    assert own not in {ref.key for ref in refs_of(world)}
    (answer,) = dispose(world, [Ref(own)])
    assert answer.outcome is Outcome.REFUSED
    assert "bound" in answer.detail
    world.clean()


@pytest.mark.parametrize("name", ["member", "uniqueMember", "memberUid"])
def test_where_nothing_cleans_groups_the_connector_does(strict_world, name):
    (dn, attributes), (other, _) = strict_world.put([Given(), Given()]).items()
    classes = {"member": "groupOfNames", "uniqueMember": "groupOfUniqueNames", "memberUid": "posixGroup"}
    values = ["c1", "c2"] if name == "memberUid" else [dn, other]
    group = f"cn=vpn,ou=groups,{SUFFIX}"
    more = {"gidNumber": "1"} if name == "memberUid" else {}
    strict_world.admin.add(group, [classes[name]], {name: values, **more})
    done(strict_world.admin)
    strict_world.mapping = strict_world.mapped(options={"groups": f"ou=groups,{SUFFIX}"})

    with strict_world.connect() as connector:
        refs = [Ref(attributes["entryUUID"][0].decode(), "1001")]
        (answer,) = connector.dispose(strict_world.mapping, refs, Action.DELETE, TRUE)
        assert answer.outcome is Outcome.DESTROYED
        assert list(connector.verify(strict_world.mapping, refs, Action.DELETE)) == []
    assert entries(strict_world.admin, group)[group][name] == [values[1].encode()]
    strict_world.admin.delete(group)


def test_what_names_somebody_who_went_and_nobody_looked_for_is_told(strict_world):
    groups = f"ou=groups,{SUFFIX}"
    with strict_world.connect() as connector:
        told = connector.unseen(strict_world.mapped(options={"groups": groups}))
        assert told.startswith(f"its name in {groups}")
        assert connector.unseen(strict_world.mapped(options={"groups": groups}, fields=("mail",))) == ""


def test_a_group_that_still_names_somebody_who_went_is_told(strict_world):
    (dn, attributes), (other, _) = strict_world.put([Given(), Given()]).items()
    group = f"cn=vpn,ou=groups,{SUFFIX}"
    strict_world.mapping = strict_world.mapped(options={"groups": f"ou=groups,{SUFFIX}"})
    with strict_world.connect() as connector:
        refs = [Ref(attributes["entryUUID"][0].decode(), "1001")]
        list(connector.dispose(strict_world.mapping, refs, Action.DELETE, TRUE))
        strict_world.admin.add(group, ["groupOfNames"], {"member": [dn, other]})
        left = list(connector.verify(strict_world.mapping, refs, Action.DELETE))
    assert [(one.where, one.seen_once) for one in left] == [(f"ou=groups,{SUFFIX}", True)]
    strict_world.admin.delete(group)


def test_the_last_member_of_a_group_is_refused_and_nobody_loses_a_membership(strict_world):
    (dn, attributes), (other, _) = strict_world.put([Given(), Given()]).items()
    groups = [f"cn=vpn,ou=groups,{SUFFIX}", f"cn=yksin,ou=groups,{SUFFIX}"]
    strict_world.admin.add(groups[0], ["groupOfNames"], {"member": [dn, other]})
    strict_world.admin.add(groups[1], ["groupOfNames"], {"member": [dn]})
    strict_world.mapping = strict_world.mapped(options={"groups": f"ou=groups,{SUFFIX}"})

    (answer,) = dispose(strict_world, [Ref(attributes["entryUUID"][0].decode(), "1001")])

    assert answer.outcome is Outcome.REFUSED
    assert "last member" in answer.detail
    assert dn in entries(strict_world.admin, strict_world.place)
    for group in groups:
        assert dn.encode() in entries(strict_world.admin, group)[group]["member"]
        strict_world.admin.delete(group)


def test_memberships_come_back_where_the_entry_stays_after_all(strict_world):
    (dn, attributes), (other, _) = strict_world.put([Given(), Given()]).items()
    strict_world.admin.modify(dn, {"title": [(wire.ADD, ["pysyva"])]})
    group = f"cn=vpn,ou=groups,{SUFFIX}"
    strict_world.admin.add(group, ["groupOfNames"], {"member": [dn, other]})
    strict_world.mapping = strict_world.mapped(options={"groups": f"ou=groups,{SUFFIX}"})

    (answer,) = dispose(strict_world, [Ref(attributes["entryUUID"][0].decode(), "1001")])

    assert answer.outcome is Outcome.REFUSED
    assert sorted(entries(strict_world.admin, group)[group]["member"]) == sorted([dn.encode(), other.encode()])
    strict_world.admin.delete(group)


def test_two_numbers_in_one_entry_are_in_doubt_and_stay(world):
    ((dn, attributes),) = world.put([Given()]).items()
    world.admin.modify(dn, {"departmentNumber": [(wire.ADD, ["7001", "7002"])]})
    world.mapping = world.mapped(subject="departmentNumber")
    with world.connect() as connector:
        (found,) = connector.find(world.mapping, subjects=["7002"])
    assert (found.ref.subject, found.doubt) == ("7002", "several values of departmentNumber")
    (answer,) = dispose(world, [found.ref])
    assert (answer.outcome, answer.detail) == (Outcome.REFUSED, "several values of departmentNumber")
    assert attributes["entryUUID"][0].decode() == found.ref.key


def test_an_entry_that_cannot_be_read_is_refused_and_the_rest_go(world):
    people = world.put([Given(), Given()])
    keys = [each["entryUUID"][0].decode() for each in people.values()]
    world.admin.modify(next(iter(people)), {"roomNumber": [(wire.REPLACE, ["eilen"])]})

    answers = dispose(world, [Ref(key, "1001") for key in keys])

    assert [one.outcome for one in answers] == [Outcome.REFUSED, Outcome.DESTROYED]
    assert answers[0].detail == "roomNumber holds a value that is not a date"


def test_a_directory_cannot_anonymise(world):
    with world.connect() as connector, pytest.raises(ConnectorError, match="cannot anonymise") as raised:
        connector.dispose(world.mapping, [], Action.ANONYMISE, TRUE)
    assert raised.value.permanent


def _killed(*args):
    raise KeyboardInterrupt
