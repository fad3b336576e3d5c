"""The shared contract suite against Dovecot: messages of a role mailbox, and whole personal mailboxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from retention.connectors.contract import Connector, DatasetMapping
from retention.connectors.imap import ImapConnector
from retention.connectors.suite import ConnectorSuite, Given, World
from samples.servers import free_port
from tests.connectors.imap_world import DOMAIN, Dovecot, fresh, letter, opened, uidvalidity


@pytest.fixture
def dovecot(dovecot_server):
    return opened(dovecot_server)


class Mail(World):
    def __init__(self, dovecot: Dovecot) -> None:
        self.dovecot = dovecot

    def connect(self) -> Connector:
        return self.dovecot.connector()

    def broken(self) -> tuple[Connector, str]:
        return ImapConnector(
            host="127.0.0.1", port=str(free_port()), tls="none", master_user="master", password="hunter2"
        ), "hunter2"


class RoleMailbox(Mail):
    """An address without a domain is a correspondent by its name alone, so the suite's numbers can be such."""

    many = 600

    def __init__(self, dovecot: Dovecot, event: str, column: str) -> None:
        super().__init__(dovecot)
        self.account = dovecot.role()
        self.event = event
        self.undated = column == "sent"
        self.mapping = DatasetMapping(
            place=self.account,
            key="uid",
            subject="correspondent",
            events={event: column},
            options={"unit": "message"},
        )

    def add(self, items: Sequence[Given]) -> list[str]:
        letters = [
            (letter(self.sender(item), self.account, day=item.day), item.day or date(2020, 1, 1)) for item in items
        ]
        return self.dovecot.put(self.account, letters)

    def sender(self, item: Given) -> str:
        subject = item.subject or ""
        return (
            subject if subject.isalnum() or subject in "%*/_" else '"' + subject.replace("\\", "\\\\") + '"@x.invalid'
        )

    def snapshot(self) -> Mapping[str, object]:
        return self.dovecot.everything(self.account)

    def can_hold(self, subject: str) -> bool:
        return subject in {"%", "_", "*", "/", "01"}


class TestReceived(ConnectorSuite):
    lacks = frozenset({"facts", "state", "undated items"})

    long_ago = date(1971, 1, 2)
    far_ahead = date(2025, 1, 1)  # Dovecot takes nothing as received later than now

    @pytest.fixture
    def world(self, dovecot):
        return RoleMailbox(dovecot, "recorded", "received")


class TestSent(ConnectorSuite):
    lacks = frozenset({"facts", "state"})

    long_ago = date(1971, 1, 2)

    @pytest.fixture
    def world(self, dovecot):
        return RoleMailbox(dovecot, "occurred", "sent")

    def test_tells_items_as_they_stand(self, world):
        days = [date(2020, 6, 15), self.long_ago, date(2199, 12, 31), None]
        keys = world.add([Given(day=days[0])])
        for day in days[1:]:
            keys += world.dovecot.put(world.account, [(letter("1001", world.account, day=day), date(2020, 1, 1))])
        with world.connect() as connector:
            found = {item.ref.key: item.events["occurred"] for item in connector.find(world.mapping)}
        assert found == dict(zip(keys, days, strict=True))


class PersonalMailboxes(Mail):
    """Two mailboxes of one person are two accounts of one name in two domains."""

    event = "last_activity"
    undated = False
    many = 12

    def __init__(self, dovecot: Dovecot, accounts_file: Path) -> None:
        super().__init__(dovecot)
        self.world = fresh("w")
        self.file = accounts_file
        self.file.touch()
        self.accounts: dict[str, str] = {}
        self.of: Counter[str] = Counter()
        self.mapping = DatasetMapping(
            place=f"*.{self.world}.{DOMAIN}",
            key="account",
            subject="local_part",
            events={"last_activity": "latest"},
            options={"unit": "mailbox"},
        )

    def connect(self) -> Connector:
        return self.dovecot.connector(accounts_file=str(self.file))

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        for item in items:
            subject = item.subject or ""
            self.of[subject] += 1
            account = f"{subject}@a{self.of[subject]}.{self.world}.{DOMAIN}"
            with self.file.open("a") as file:
                file.write(f"{account}\n")
            assert item.day is not None
            self.dovecot.put(account, [(letter("joku@example.invalid", account), item.day)])
            keys.append(f"{account}/{uidvalidity(self.dovecot, account):010}")
            self.accounts[keys[-1]] = account
        return keys

    def snapshot(self) -> Mapping[str, object]:
        boxes = {key: self.dovecot.everything(account) for key, account in self.accounts.items()}
        return {key: box for key, box in boxes.items() if box}

    def can_hold(self, subject: str) -> bool:
        return subject in {"_", "01", "1.0"}


class TestMailboxes(ConnectorSuite):
    lacks = frozenset({"facts", "state", "undated items"})

    long_ago = date(1971, 1, 2)
    far_ahead = date(2025, 1, 1)

    @pytest.fixture
    def world(self, dovecot, tmp_path):
        return PersonalMailboxes(dovecot, tmp_path / "tilit")
