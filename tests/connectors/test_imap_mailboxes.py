"""Personal mailboxes on the real Dovecot: told unread, emptied wholly, and only those that are meant."""

from __future__ import annotations

import re
from datetime import date

import pytest

from retention.connectors.contract import ConnectorError, DatasetMapping, Outcome, Ref
from retention.connectors.imap.session import SaidNoError, Session
from retention.domain.predicates import TRUE, AtMost
from retention.domain.rules import Action
from tests.connectors.imap_world import DOMAIN, Dovecot, fresh, letter, opened, uidvalidity

DAY, LATER = date(2020, 6, 15), date(2022, 3, 1)


@pytest.fixture
def dovecot(dovecot_server):
    return opened(dovecot_server)


@pytest.fixture
def world():
    return f"{fresh('k')}.{DOMAIN}"


def mapped(place: str, **options: object) -> DatasetMapping:
    return DatasetMapping(
        place=place,
        key="account",
        subject="local_part",
        events={"last_activity": "latest", "first_recorded": "oldest"},
        options={"unit": "mailbox", **options},
    )


def fill(dovecot: Dovecot, account: str) -> Ref:
    """A mailbox with mail in INBOX, Sent and folders within folders, and the ref that it has."""
    for folder, day in (("INBOX", DAY), ("Sent", LATER), ("Oma/Sisempi/Sisin", DAY), ("Lääkäri", DAY)):
        dovecot.put(account, [(letter("joku@x.invalid", account), day)], folder)
    with dovecot.as_owner(account) as client:
        client.subscribe_folder("Lääkäri")
    return Ref(f"{account}/{uidvalidity(dovecot, account):010}", account.partition("@")[0])


def find(dovecot: Dovecot, mapping: DatasetMapping, where=TRUE, subjects=None, **config: str):
    with dovecot.connector(**config) as connector:
        return list(connector.find(mapping, where, subjects))


def dispose(dovecot: Dovecot, mapping: DatasetMapping, *refs: Ref, due=TRUE, action=Action.DELETE):
    with dovecot.connector() as connector:
        return [(d.outcome, d.detail) for d in connector.dispose(mapping, refs, action, due)]


def residues(dovecot: Dovecot, mapping: DatasetMapping, *refs: Ref):
    with dovecot.connector() as connector:
        return [r.where for r in connector.verify(mapping, refs, Action.DELETE)]


def absent(dovecot: Dovecot, mapping: DatasetMapping, *refs: Ref) -> frozenset[str]:
    with dovecot.connector() as connector:
        return connector.absent(mapping, [ref.key for ref in refs])


def folders(dovecot: Dovecot, account: str) -> list[str]:
    with dovecot.as_owner(account) as client:
        return sorted(name for _, _, name in client.list_folders())


def test_a_mailbox_goes_whole_and_its_neighbours_stay(dovecot, world):
    account, neighbour = f"1001@{world}", f"1002@{world}"
    ref, other = fill(dovecot, account), fill(dovecot, neighbour)
    before = dovecot.everything(neighbour)
    assert [c.ref for c in find(dovecot, mapped(f"*@{world}"))] == [ref, other]
    assert residues(dovecot, mapped(f"*@{world}"), ref) == ["4 messages in 4 folders"]
    assert absent(dovecot, mapped(f"*@{world}"), ref, other) == frozenset()
    assert dispose(dovecot, mapped(f"*@{world}"), ref) == [(Outcome.DESTROYED, "")]
    assert dovecot.everything(account) == {}
    assert folders(dovecot, account) == ["INBOX", "Sent", "Trash"]
    with dovecot.as_owner(account) as client:
        assert "Lääkäri" not in [name for _, _, name in client.list_sub_folders()]
    assert dovecot.on_disk(account, "joku@x.invalid") == []
    assert residues(dovecot, mapped(f"*@{world}"), ref) == []
    assert absent(dovecot, mapped(f"*@{world}"), ref, other) == {ref.key}
    assert [c.ref for c in find(dovecot, mapped(f"*@{world}"))] == [other]
    assert dovecot.everything(neighbour) == before
    assert folders(dovecot, neighbour) == [
        "INBOX",
        "Lääkäri",
        "Oma",
        "Oma/Sisempi",
        "Oma/Sisempi/Sisin",
        "Sent",
        "Trash",
    ]


def test_a_folder_that_may_not_be_removed_is_emptied_and_stays(dovecot, world, monkeypatch):
    """As the folders that a server has for everybody; without mail it is no mailbox any more."""
    account = f"1001@{world}"
    ref = fill(dovecot, account)
    remove = Session.delete_folder

    def refused(self, name):
        if name == "Lääkäri":
            raise SaidNoError("it is the system's", "CANNOT")
        remove(self, name)

    monkeypatch.setattr(Session, "delete_folder", refused)
    assert dispose(dovecot, mapped(f"*@{world}"), ref) == [(Outcome.DESTROYED, "")]
    assert dovecot.everything(account) == {}
    assert residues(dovecot, mapped(f"*@{world}"), ref) == []
    assert find(dovecot, mapped(f"*@{world}")) == []
    assert dispose(dovecot, mapped(f"*@{world}"), ref) == [(Outcome.ALREADY_ABSENT, "")]


def test_the_newest_and_the_oldest_moment_are_those_of_all_folders(dovecot, world):
    ref = fill(dovecot, f"1001@{world}")
    (found,) = find(dovecot, mapped(f"*@{world}"))
    assert found.events == {"last_activity": LATER, "first_recorded": DAY}
    assert dispose(dovecot, mapped(f"*@{world}"), ref, due=AtMost("last_activity", DAY))[0][0] is Outcome.SUPERSEDED
    assert len(dovecot.everything(f"1001@{world}")) == 4


def test_no_header_and_no_content_of_a_personal_mailbox_is_ever_asked_for(dovecot, world, monkeypatch):
    asked: list[str] = []
    fetch = Session._fetch

    def noted(self, uids, items):
        asked.extend(items)
        return fetch(self, uids, items)

    monkeypatch.setattr(Session, "_fetch", noted)
    monkeypatch.setattr(Session, "content", None)
    ref = fill(dovecot, f"1001@{world}")
    mapping = mapped(f"*@{world}")
    with dovecot.connector() as connector:
        connector.check([mapping])
        list(connector.find(mapping))
        (exported,) = connector.export(mapping, [ref])
        connector.dispose(mapping, [ref], Action.DELETE, TRUE)
        list(connector.verify(mapping, [ref], Action.DELETE))
    assert set(asked) == {"INTERNALDATE"}
    assert exported["folders"] == {"INBOX": 1, "Sent": 1, "Trash": 0, "Oma/Sisempi/Sisin": 1, "Lääkäri": 1}


def test_the_mailboxes_of_others_are_not_even_opened(dovecot, world, monkeypatch):
    fill(dovecot, f"1001@{world}")
    fill(dovecot, f"1002@{world}")
    opened_accounts: list[str] = []
    start = Session.__init__

    def noted(self, settings, name):
        opened_accounts.append(name)
        start(self, settings, name)

    monkeypatch.setattr(Session, "__init__", noted)
    assert len(find(dovecot, mapped(f"*@{world}"), subjects=["1002"])) == 1
    assert opened_accounts == [f"1002@{world}"]


def test_accounts_that_are_named_out_are_none_of_its(dovecot, world):
    staff = fill(dovecot, f"1001@{world}")
    other = fill(dovecot, f"1002@{world}")
    mapping = mapped(f"*@{world}", without=[f"1001@{world}"])
    assert [c.ref for c in find(dovecot, mapping)] == [other]
    assert dispose(dovecot, mapping, staff)[0][0] is Outcome.REFUSED
    assert len(dovecot.everything(f"1001@{world}")) == 4


def test_the_whole_address_may_be_the_subject(dovecot, world):
    ref = fill(dovecot, f"1001@{world}")
    mapping = DatasetMapping(place=f"*@{world}", key="account", subject="address", options={"unit": "mailbox"})
    (found,) = find(dovecot, mapping, subjects=[f"1001@{world.upper()}"])
    assert (found.ref, found.events) == (Ref(ref.key, f"1001@{world}"), {})
    assert dispose(dovecot, mapping, Ref(ref.key, f"1002@{world}"))[0][0] is Outcome.SUPERSEDED
    assert dispose(dovecot, mapping, found.ref) == [(Outcome.DESTROYED, "")]


def test_a_mailbox_made_anew_under_the_same_name_is_another_one(dovecot, world):
    account = f"1001@{world}"
    ref = fill(dovecot, account)
    another = Ref(ref.key[:-10] + f"{int(ref.key[-10:]) - 1:010}", "1001")
    why = "another mailbox has this name (UIDVALIDITY)"
    assert dispose(dovecot, mapped(f"*@{world}"), another) == [(Outcome.SUPERSEDED, why)]
    assert residues(dovecot, mapped(f"*@{world}"), another) == []
    assert len(dovecot.everything(account)) == 4


def test_an_account_that_is_not_listed_is_gone_and_one_elsewhere_is_refused(dovecot, world):
    mapping = mapped(f"*@{world}")
    assert dispose(dovecot, mapping, Ref(f"9999@{world}/0000000001", "9999")) == [
        (Outcome.ALREADY_ABSENT, "the account is gone")
    ]
    assert dispose(dovecot, mapping, Ref("9999@muu.invalid/0000000001", "9999"))[0][0] is Outcome.REFUSED


def test_a_mailbox_without_mail_is_no_item(dovecot, world):
    assert find(dovecot, mapped(f"*@{world}")) == []


def test_the_account_itself_is_reported_where_that_is_wanted(dovecot, world):
    ref = fill(dovecot, f"1001@{world}")
    mapping = mapped(f"*@{world}", account="report")
    assert dispose(dovecot, mapping, ref) == [(Outcome.DESTROYED, "")]
    assert residues(dovecot, mapping, ref) == ["the account itself"]


def test_mail_that_comes_in_meanwhile_goes_too(dovecot, world, monkeypatch):
    account = f"1001@{world}"
    ref = fill(dovecot, account)
    waiting = [1]
    unsubscribe_all = Session.unsubscribe_all

    def with_mail(self):
        unsubscribe_all(self)
        if waiting:
            waiting.pop()
            dovecot.put(account, [(letter("myohassa@x.invalid", account), LATER)])

    monkeypatch.setattr(Session, "unsubscribe_all", with_mail)
    assert dispose(dovecot, mapped(f"*@{world}"), ref) == [(Outcome.DESTROYED, "")]
    assert dovecot.everything(account) == {}


def test_interrupted_it_is_finished_the_next_time(dovecot, world, monkeypatch):
    account = f"1001@{world}"
    ref = fill(dovecot, account)
    delete_folder = Session.delete_folder

    def cut(self, folder):
        delete_folder(self, folder)
        if folder == "Lääkäri":
            self._client.socket().shutdown(2)

    monkeypatch.setattr(Session, "delete_folder", cut)
    with pytest.raises(ConnectorError, match="connection was lost") as raised:
        dispose(dovecot, mapped(f"*@{world}"), ref)
    assert not raised.value.permanent
    monkeypatch.undo()
    assert 0 < len(dovecot.everything(account)) < 4
    assert dispose(dovecot, mapped(f"*@{world}"), ref) == [(Outcome.DESTROYED, "")]
    assert dovecot.everything(account) == {}


def test_one_mailbox_that_cannot_be_opened_is_shown_and_does_not_stop_the_rest(dovecot, world, tmp_path):
    ref = fill(dovecot, f"1001@{world}")
    listed = tmp_path / "tilit"
    listed.write_text(f"# tilit\n\n0000@{world}\n1001@{world}\n")
    closed, open_one = find(dovecot, mapped(f"*@{world}"), accounts_file=str(listed))
    assert (closed.ref.subject, closed.doubt) == ("0000", "the mailbox cannot be opened")
    assert open_one.ref == ref
    with dovecot.connector(accounts_file=str(listed)) as connector:
        answers = connector.dispose(mapped(f"*@{world}"), [closed.ref, ref], Action.DELETE, TRUE)
        assert [a.outcome for a in answers] == [Outcome.FAILED, Outcome.DESTROYED]
        assert [r.where for r in connector.verify(mapped(f"*@{world}"), [closed.ref], Action.DELETE)] == [closed.doubt]


def test_with_a_wrong_password_nothing_is_taken_for_empty(dovecot, world):
    ref = fill(dovecot, f"1001@{world}")
    mapping = mapped(f"*@{world}")
    with dovecot.connector(password="hunter2") as connector:
        for ask in (
            lambda: list(connector.find(mapping)),
            lambda: connector.dispose(mapping, [ref], Action.DELETE, TRUE),
            lambda: connector.check([mapping]),
        ):
            with pytest.raises(ConnectorError, match="AUTHENTICATIONFAILED") as raised:
                ask()
            assert raised.value.permanent
            assert not re.search(r"hunter2|1001", str(raised.value))


def test_describes_counts_and_names_no_folder_of_somebodys(dovecot, world, tmp_path):
    fill(dovecot, f"1001@{world}")
    listed = tmp_path / "tilit"
    listed.write_text(f"1001@{world}\n")
    with dovecot.connector(accounts_file=str(listed)) as connector:
        places = list(connector.describe())
    account = f"1001@{world}"
    assert {place.name: place.rows for place in places} == {
        f"{account}/INBOX": 1,
        f"{account}/Sent": 1,
        f"{account}/Trash": 0,
        f"{account}/other folders": 2,
    }
    assert all(place.personal == {"account": "email"} for place in places)
