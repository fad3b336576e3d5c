"""Role mailboxes on the real Dovecot: what is read, found, deleted, spared and read back."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from imapclient import IMAPClient

from retention.connectors.contract import (
    ConnectorError,
    DatasetMapping,
    LedgerMapping,
    Outcome,
    Ref,
    Residue,
    SeesOnce,
    TellsAbsence,
)
from retention.connectors.imap import session as imap_session
from retention.connectors.imap.session import Session
from retention.domain.predicates import TRUE, AtLeast, AtMost
from retention.domain.rules import Action
from retention.identity import Named
from tests.connectors.imap_world import ROLE_DOMAIN, Dovecot, letter, opened, who_asks_is_told_uses

DAY = date(2020, 6, 15)
ANNA, JOANNA = "anna@x.invalid", "joanna@x.invalid"


@pytest.fixture
def dovecot(dovecot_server):
    return opened(dovecot_server)


@pytest.fixture
def account(dovecot):
    return dovecot.role()


def mapped(account: str, **options: object) -> DatasetMapping:
    return DatasetMapping(
        place=account,
        key="uid",
        subject="correspondent",
        events={"recorded": "received", "occurred": "sent"},
        options={"unit": "message", **options},
    )


def find(dovecot: Dovecot, mapping: DatasetMapping, where=TRUE, subjects=None, **config: str):
    with dovecot.connector(**config) as connector:
        return list(connector.find(mapping, where, subjects))


def dispose(dovecot: Dovecot, mapping: DatasetMapping, *refs: Ref, due=TRUE, action=Action.DELETE):
    with dovecot.connector() as connector:
        return [(d.outcome, d.detail) for d in connector.dispose(mapping, refs, action, due)]


# --- whose a message is


@pytest.mark.parametrize(
    ("sender", "to", "headers", "subject", "doubt"),
    [
        ("Anna <Anna@X.invalid>", "info", {}, ANNA, ""),
        ("info", ANNA, {}, ANNA, ""),
        ("info", "", {"Cc": ANNA}, ANNA, ""),
        ("info", "", {"Bcc": ANNA}, ANNA, ""),
        ("info", "muu@" + ROLE_DOMAIN, {}, None, ""),
        (ANNA, "info", {"Cc": ANNA.upper()}, ANNA, ""),
        (ANNA, "info", {"Cc": JOANNA}, ANNA, "names several people"),
        (f"{JOANNA}, {ANNA}", "info", {}, ANNA, "names several people"),
        ("info", f"ryhma: {ANNA}, {JOANNA};", {}, ANNA, "names several people"),
        ("", "info", {}, None, ""),
        ("info", "undisclosed-recipients:;", {}, None, ""),
        ("Nimi <>", "info", {}, None, "an address in it cannot be read"),
        ('"anna@x.invalid"', "info", {}, None, "an address in it cannot be read"),
        ("info", "info", {"Reply-To": ANNA}, None, ""),
        ('"Anna \\"A\\" (x)" <anna@x.invalid>', "info", {}, ANNA, ""),
        ("anna (koti) @ x.invalid", "info", {}, ANNA, ""),
        ("=?utf-8?q?joanna=40x=2Einvalid?= <anna@x.invalid>", "info", {}, ANNA, ""),
        ("Ännä <ännä@ö.invalid>", "info", {}, "ännä@ö.invalid", ""),
        ('"a\\"b c"@x.invalid', "info", {}, 'a"b c@x.invalid', ""),
    ],
)
def test_a_message_is_that_of_the_one_outside(dovecot, account, sender, to, headers, subject, doubt):
    own = {"info": account}
    (key,) = dovecot.put(account, [(letter(own.get(sender, sender), own.get(to, to), **headers), DAY)])
    (found,) = find(dovecot, mapped(account))
    assert (found.ref, found.doubt) == (Ref(key, subject), doubt)
    if subject:
        assert [c.ref for c in find(dovecot, mapped(account), subjects=[subject.upper()])] == [Ref(key, subject)]
    if doubt:
        assert dispose(dovecot, mapped(account), found.ref) == [(Outcome.REFUSED, doubt)]
        assert list(dovecot.everything(account)) == [key]


def test_of_several_people_each_finds_the_message_and_nobody_may_delete_it(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account, Cc=JOANNA), DAY)])
    for subject in (ANNA, JOANNA):
        (found,) = find(dovecot, mapped(account), subjects=[subject])
        assert (found.ref, found.doubt) == (Ref(key, subject), "names several people")
        assert dispose(dovecot, mapped(account), found.ref)[0][0] is Outcome.REFUSED
    assert dispose(dovecot, mapped(account), Ref(key, "muu@x.invalid"))[0][0] is Outcome.SUPERSEDED


def test_without_a_subject_a_message_goes_by_its_day_whoever_is_named(dovecot, account):
    mapping = replace(mapped(account), subject=None)
    (key,) = dovecot.put(account, [(letter(ANNA, account, Cc=JOANNA), DAY)])
    (found,) = find(dovecot, mapping)
    assert (found.ref, found.doubt) == (Ref(key), "")
    assert dispose(dovecot, mapping, found.ref) == [(Outcome.DESTROYED, "")]


def test_a_part_of_an_address_is_another_address(dovecot, account):
    mine, hers = dovecot.put(account, [(letter(ANNA, account), DAY), (letter(JOANNA, account), DAY)])
    dovecot.put(account, [(letter(JOANNA, account), DAY) for _ in range(3)])
    assert [c.ref.key for c in find(dovecot, mapped(account), subjects=[ANNA])] == [mine]
    assert dispose(dovecot, mapped(account), Ref(hers, ANNA))[0][0] is Outcome.SUPERSEDED


def test_own_addresses_are_no_correspondents(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account, Cc="pomo@muu.invalid, maija@asiakas.invalid"), DAY)])
    (found,) = find(dovecot, mapped(account), own_domains=f"{ROLE_DOMAIN}, muu.invalid Maija@asiakas.invalid")
    assert (found.ref, found.doubt) == (Ref(key, ANNA), "")


def test_asks_for_hundreds_of_addresses_in_commands_that_are_not_too_long(dovecot, account, monkeypatch):
    keys = dovecot.put(account, [(letter(f"a{n}@x.invalid", account), DAY) for n in range(300)])
    sizes = []
    search = Session.search

    def noted(self, criteria):
        sizes.append(len(str(criteria)))
        return search(self, criteria)

    monkeypatch.setattr(Session, "search", noted)
    wanted = [f"a{n}@x.invalid" for n in range(0, 300, 3)]
    assert [c.ref.key for c in find(dovecot, mapped(account), subjects=wanted)] == keys[::3]
    assert len(sizes) > 1
    assert max(sizes) < 12_000  # as Python writes it, twice as long as the command


# --- when it was


@pytest.mark.parametrize(
    ("header", "day"),
    [
        ("Tue, 31 Dec 2019 21:59:59 +0000", date(2019, 12, 31)),
        ("Tue, 31 Dec 2019 22:00:00 +0000", date(2020, 1, 1)),
        ("Wed, 1 Jan 2020 11:00:00 +1400", date(2019, 12, 31)),
        ("Tue, 31 Dec 2019 12:00:00 -1200", date(2020, 1, 1)),
        ("eilen", None),
        ("", None),
        ("Mon, 1 Jan 99999999999999999999 00:00:00 +0000", None),
        ("Mon, 1 Jan 2018 10:00:00 +9999", None),
        ("Mon, 1 Jan 1900 00:00:00 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -0500", None),
    ],
)
def test_the_day_sent_is_read_in_our_time_zone_or_not_at_all(dovecot, account, header, day):
    message = letter(ANNA, account, Date=header)
    dovecot.put(account, [(message, DAY), (letter(ANNA, account, day=DAY), DAY)])
    found, other = find(dovecot, mapped(account))
    assert found.events["occurred"] == day
    assert (found.events["recorded"], other.events["occurred"]) == (DAY, DAY)
    if day is not None:
        for where in (AtMost("occurred", day), AtLeast("occurred", day)):
            assert found.ref in [c.ref for c in find(dovecot, mapped(account), where)]


def test_a_message_that_cannot_be_read_is_shown_with_a_doubt_and_stays(dovecot, account):
    bad = letter(ANNA, account, Date="Mon, 1 Jan 99999999999999999999 00:00:00 +0000")
    dovecot.put(account, [(bad, DAY)])
    (found,) = find(dovecot, mapped(account))
    assert (found.ref.subject, found.doubt) == (None, "its envelope cannot be read")
    assert dispose(dovecot, mapped(account), found.ref) == [(Outcome.REFUSED, "its envelope cannot be read")]


# --- where it lies


def test_looks_into_inbox_and_sent_and_always_into_the_trash(dovecot, account):
    inbox = dovecot.put(account, [(letter(ANNA, account), DAY)])
    sent = dovecot.put(account, [(letter(account, ANNA), DAY)], "Sent")
    trash = dovecot.put(account, [(letter(ANNA, account), DAY)], "Trash")
    other = dovecot.put(account, [(letter(ANNA, account), DAY)], "Asiakkaat/Ääkköset & muut")
    assert [c.ref.key for c in find(dovecot, mapped(account))] == [*inbox, *sent, *trash]
    named = mapped(account, folders=["Asiakkaat/Ääkköset & muut"])
    found = [c.ref for c in find(dovecot, named)]
    assert [ref.key for ref in found] == [
        key.replace("Ääkköset & ", "%C3%84%C3%A4kk%C3%B6set%20%26%20") for key in other
    ] + trash
    assert dispose(dovecot, named, *found) == [(Outcome.DESTROYED, "")] * 2
    assert len(find(dovecot, mapped(account, folders=["*"]))) == 2


def test_a_message_moved_to_the_trash_is_not_gone(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    with dovecot.as_owner(account) as client:
        client.select_folder("INBOX")
        client.move(client.search("ALL"), "Trash")
    (found,) = find(dovecot, mapped(account), subjects=[ANNA])
    assert found.ref.key.split("/")[1] == "Trash"
    assert found.events["recorded"] == DAY
    assert dispose(dovecot, mapped(account), Ref(key, ANNA), found.ref) == [
        (Outcome.ALREADY_ABSENT, ""),
        (Outcome.DESTROYED, ""),
    ]
    assert dovecot.everything(account) == {}


def test_a_copy_in_the_trash_is_residue_and_one_in_another_folder_is_an_item_of_its_own(dovecot, account):
    message = letter(ANNA, account)
    (key,) = dovecot.put(account, [(message, DAY)])
    dovecot.put(account, [(message, DAY)], "Trash")
    dovecot.put(account, [(message, DAY)], "Arkisto")
    dovecot.put(account, [(letter(JOANNA, account), DAY)], "Trash")
    with dovecot.connector() as connector:
        assert list(connector.verify(mapped(account), [Ref(key, ANNA)], Action.DELETE)) == [
            Residue(key, "still in INBOX")
        ]
        assert connector.dispose(mapped(account), [Ref(key, ANNA)], Action.DELETE, TRUE)[0].outcome is Outcome.DESTROYED
        (residue,) = connector.verify(mapped(account), [Ref(key, ANNA)], Action.DELETE)
        assert residue == Residue(key, "a copy in Trash", copy=True, seen_once=True)


def test_where_copies_may_lie_of_a_message_that_somebody_else_deleted_is_told(dovecot, account):
    with dovecot.connector() as connector:
        told = connector.unseen(mapped(account))
    assert told.startswith("a copy in ")
    assert "Trash" in told
    assert "Arkisto" not in told


def test_a_register_that_knows_people_by_other_names_tells_what_it_cannot_have_seen_too(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    with Named(dovecot.connector(), None, None) as connector:  # type: ignore[arg-type]
        assert isinstance(connector, TellsAbsence)
        assert isinstance(connector, SeesOnce)
        assert connector.absent(mapped(account), [key]) == frozenset()  # it is there
        assert "Trash" in connector.unseen(mapped(account))


# --- what goes and what stays


def test_exactly_the_meant_messages_are_expunged(dovecot, account):
    owners, ours, other = dovecot.put(account, [(letter(a, account), DAY) for a in (JOANNA, ANNA, "c@x.invalid")])
    with dovecot.as_owner(account) as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
        client.add_flags([3], [rb"\Seen", rb"\Flagged"])
    before = dovecot.everything(account)
    assert dispose(dovecot, mapped(account), Ref(ours, ANNA)) == [(Outcome.DESTROYED, "")]
    after = dovecot.everything(account)
    assert after == {key: before[key] for key in (owners, other)}
    assert after[owners][0] == [rb"\Deleted"]


def test_reading_marks_nothing_as_read(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    before = dovecot.everything(account)
    with dovecot.connector() as connector:
        connector.check([mapped(account)])
        assert len(list(connector.find(mapped(account)))) == 1
        (exported,) = connector.export(mapped(account), [Ref(key, ANNA)])
        list(connector.verify(mapped(account), [Ref(key, ANNA)], Action.DELETE))
    assert exported["message"] == before[key][2]
    assert dovecot.everything(account) == before


def test_a_folder_made_anew_is_another_folder(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)], "Kansio")
    mapping = mapped(account, folders=["Kansio"])
    with dovecot.as_owner(account) as client:
        client.delete_folder("Kansio")
    old = uidvalidity_of(key)
    (again,) = dovecot.put(account, [(letter(ANNA, account), DAY)], "Kansio")
    while uidvalidity_of(again) == old:  # counted in seconds
        with dovecot.as_owner(account) as client:
            client.delete_folder("Kansio")
        (again,) = dovecot.put(account, [(letter(ANNA, account), DAY)], "Kansio")
    assert dispose(dovecot, mapping, Ref(key, ANNA)) == [(Outcome.SUPERSEDED, "the folder's UIDVALIDITY changed")]
    with dovecot.connector() as connector:
        assert list(connector.verify(mapping, [Ref(key, ANNA)], Action.DELETE)) == []
        assert connector.absent(mapping, [key, again]) == frozenset()  # nobody has looked where it lay
    assert list(dovecot.everything(account)) == [again]
    assert dispose(dovecot, mapping, Ref(again, ANNA)) == [(Outcome.DESTROYED, "")]
    with dovecot.connector() as connector:
        assert connector.absent(mapping, [key, again]) == {again}


def uidvalidity_of(key: str) -> int:
    return int(key.split("/")[2])


def test_other_actions_and_other_places_are_refused(dovecot, account):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    assert dispose(dovecot, mapped(account), Ref(key, ANNA), action=Action.ANONYMISE)[0][0] is Outcome.REFUSED
    assert dispose(dovecot, mapped(dovecot.role()), Ref(key, ANNA))[0][0] is Outcome.REFUSED
    folder = mapped(account, folders=["Sent"])
    assert dispose(dovecot, folder, Ref(key, ANNA))[0][0] is Outcome.SUPERSEDED
    assert list(dovecot.everything(account)) == [key]


def test_a_folder_that_may_not_be_changed_is_refused_and_the_rest_goes(dovecot, account):
    (stays,) = dovecot.put(account, [(letter(ANNA, account), DAY)], "Lukittu")
    (goes,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    mapping = mapped(account, folders=["INBOX", "Lukittu"])
    with locked(dovecot, account, "Lukittu"):
        with dovecot.connector() as connector:
            assert connector.check([mapping]).missing_rights == ("delete in Lukittu",)
            assert connector.check([mapped(account, folders=["*"])]).missing_rights == ("delete in 1 of 4 folders",)
        assert dispose(dovecot, mapping, Ref(stays, ANNA), Ref(goes, ANNA)) == [
            (Outcome.REFUSED, "the folder may only be read"),
            (Outcome.DESTROYED, ""),
        ]
    assert list(dovecot.everything(account)) == [stays]
    assert dispose(dovecot, mapping, Ref(stays, ANNA)) == [(Outcome.DESTROYED, "")]


@contextmanager
def locked(dovecot: Dovecot, account: str, folder: str) -> Iterator[None]:
    """No right to write for the server's user."""
    if os.geteuid() != 0:
        pytest.skip("needs root, so that the server is another user")
    name, _, domain = account.partition("@")
    path = dovecot.running.directory / "mail" / domain / name / "Maildir" / f".{folder}"
    owner, dirs = path.stat(), [path, path / "cur", path / "new", path / "tmp"]
    for inside in dirs:
        os.chown(inside, 0, 0)
        inside.chmod(0o555)
    yield
    for inside in dirs:
        os.chown(inside, owner.st_uid, owner.st_gid)
        inside.chmod(0o700)


def test_folders_that_the_server_shows_no_use_of_must_be_named_before_anything_goes(dovecot):
    account = dovecot.without_uses()
    keys = [dovecot.put(account, [(letter(ANNA, account), DAY)], folder)[0] for folder in ("INBOX", "Sent", "Trash")]
    named = mapped(account, folders=["INBOX", "Sent", "Trash"])
    with dovecot.connector() as connector:
        assert [c.ref.key for c in connector.find(mapped(account))] == keys[:1]
        for by_use in (mapped(account), mapped(account, folders=["INBOX", "\\Sent"])):
            (told,) = connector.check([by_use]).hindrances
            assert told.startswith(f"{account}: the server shows no special use of any folder, so only INBOX would be")
        for as_wanted in (named, mapped(account, folders=["INBOX"]), mapped(account, folders=["*"])):
            assert connector.check([as_wanted]).hindrances == ()
        assert sorted(c.ref.key for c in connector.find(named)) == sorted(keys)


def test_where_a_use_is_shown_or_there_is_nothing_beside_the_inbox_nothing_hinders(dovecot, account):
    bare = dovecot.without_uses()
    dovecot.put(account, [(letter(ANNA, account), DAY)], "Oma")
    dovecot.put(bare, [(letter(ANNA, bare), DAY)])
    with dovecot.connector() as connector:
        assert connector.check([mapped(account), mapped(bare)]).hindrances == ()


def test_uses_are_asked_for_where_a_plain_list_does_not_show_them(dovecot, account):
    keys = [dovecot.put(account, [(letter(ANNA, account), DAY)], folder)[0] for folder in ("INBOX", "Sent", "Trash")]
    with who_asks_is_told_uses(dovecot.port) as port:
        with IMAPClient("127.0.0.1", port, ssl=False, timeout=20) as client:
            client.login(account, "oma")
            assert not any({rb"\Sent", rb"\Trash"} & set(flags) for flags, _, _ in client.list_folders())
        with dovecot.connector(port=str(port)) as connector:
            assert connector.check([mapped(account)]).hindrances == ()
            assert [c.ref.key for c in connector.find(mapped(account))] == keys


def test_what_the_server_did_not_expunge_loses_our_mark_again(dovecot, account, monkeypatch):
    ours, owners = dovecot.put(account, [(letter(ANNA, account), DAY)] * 2)
    with dovecot.as_owner(account) as client:
        client.select_folder("INBOX")
        client.delete_messages([2])
    before = dovecot.everything(account)
    monkeypatch.setattr(Session, "expunge", lambda self, uids: None)
    refs = (Ref(ours, ANNA), Ref(owners, ANNA))
    assert dispose(dovecot, mapped(account), *refs) == [(Outcome.REFUSED, "the server left it there")] * 2
    assert dovecot.everything(account) == before


def test_the_index_cache_forgets_the_address(dovecot, account):
    where = "kadonnut@x.invalid"
    keys = dovecot.put(account, [(letter(where, account), DAY), (letter(ANNA, account), DAY)])
    find(dovecot, mapped(account))
    assert any("dovecot.index.cache" in path for path in dovecot.on_disk(account, where))
    assert dispose(dovecot, mapped(account), Ref(keys[0], where)) == [(Outcome.DESTROYED, "")]
    assert dovecot.on_disk(account, where) == []
    assert len(find(dovecot, mapped(account))) == 1


# --- what goes wrong


def test_a_connection_lost_in_the_middle_can_be_taken_up_again(dovecot, account, monkeypatch):
    keys = dovecot.put(account, [(letter(ANNA, account), DAY) for _ in range(6)])
    refs = [Ref(key, ANNA) for key in keys]
    expunge = Session.expunge

    def kicked(self: Session, uids):
        expunge(self, sorted(uids)[:2])
        dovecot.doveadm("kick", mask=[account])
        while account in {there["username"] for there in dovecot.doveadm("who")}:
            pass
        expunge(self, uids)

    monkeypatch.setattr(Session, "expunge", kicked)
    with dovecot.connector() as connector:
        with pytest.raises(ConnectorError, match="connection was lost") as raised:
            connector.dispose(mapped(account), refs, Action.DELETE, TRUE)
        assert not raised.value.permanent
        monkeypatch.undo()
        again = connector.dispose(mapped(account), refs, Action.DELETE, TRUE)
    assert [d.outcome for d in again] == [Outcome.ALREADY_ABSENT] * 2 + [Outcome.DESTROYED] * 4
    assert dovecot.everything(account) == {}


def test_somebody_else_may_use_the_connection_between_two_pages(dovecot, account, monkeypatch):
    monkeypatch.setattr(imap_session, "PAGE", 2)
    keys = dovecot.put(account, [(letter(ANNA, account), DAY) for _ in range(6)])
    other = dovecot.role()
    dovecot.put(other, [(letter(JOANNA, other), DAY)])
    seen = []
    with dovecot.connector() as connector:
        for candidate in connector.find(mapped(account)):
            seen.append(candidate.ref.key)
            assert len(list(connector.find(mapped(other)))) == 1
    assert seen == keys


def test_uids_far_apart_are_found(dovecot, account, monkeypatch):
    monkeypatch.setattr("retention.connectors.imap.messages.WINDOW", 3)
    keys = dovecot.put(account, [(letter(ANNA, account), DAY) for _ in range(60)])
    gone = [Ref(key, ANNA) for key in keys[5:50]]
    dispose(dovecot, mapped(account), *gone)
    assert [c.ref.key for c in find(dovecot, mapped(account))] == keys[:5] + keys[50:]


def test_without_uidplus_nothing_is_deleted(dovecot, account, monkeypatch):
    (key,) = dovecot.put(account, [(letter(ANNA, account), DAY)])
    has = IMAPClient.has_capability
    monkeypatch.setattr(IMAPClient, "has_capability", lambda self, name: name != "UIDPLUS" and has(self, name))
    with dovecot.connector() as connector:
        for do in (
            lambda: connector.check([mapped(account)]),
            lambda: connector.dispose(mapped(account), [Ref(key, ANNA)], Action.DELETE, TRUE),
        ):
            with pytest.raises(ConnectorError, match="UIDPLUS") as raised:
                do()
            assert raised.value.permanent
    assert list(dovecot.everything(account)) == [key]


def test_nothing_of_what_is_said_is_in_any_log(dovecot, account, caplog):
    caplog.set_level(logging.DEBUG)
    (key,) = dovecot.put(account, [(letter("Ännä <ännä@x.invalid>", account), DAY)])
    caplog.clear()
    find(dovecot, mapped(account), subjects=["ännä@x.invalid"])
    dispose(dovecot, mapped(account), Ref(key, "ännä@x.invalid"))
    assert "x.invalid" not in caplog.text
    assert "secret" not in caplog.text


def test_mail_is_no_source_for_the_ledger(dovecot):
    with dovecot.connector() as connector, pytest.raises(ConnectorError, match="no contracts"):
        connector.collect(LedgerMapping(place="info", subject="correspondent"))
