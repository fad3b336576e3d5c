"""The shared contract suite against real folders and Maildirs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from retention.connectors.contract import ClosedWhen, Connector, DatasetMapping
from retention.connectors.files import FilesConnector
from retention.connectors.suite import ConnectorSuite, Given, World

SECRET = "hunter2"


def key_order(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: [name.encode() for name in key.split("/")])


class Folder(World):
    event = "recorded"

    def __init__(self, root: Path) -> None:
        self.root = root / "palvelin"
        self.root.mkdir()
        self.count = 0

    def connect(self) -> Connector:
        return FilesConnector(root=str(self.root))

    def broken(self) -> tuple[Connector, str]:
        return FilesConnector(root=str(self.root / "ei_levy")), SECRET

    def in_order(self, keys: Iterable[str]) -> list[str]:
        return key_order(keys)

    def can_hold(self, subject: str) -> bool:
        return subject not in {"", ".."} and not set(subject) & set("/\0") and subject.isprintable() | ("\n" in subject)

    def snapshot(self) -> Mapping[str, object]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


class Documents(Folder):
    mapping = DatasetMapping(
        place="sopimukset",
        key="path",
        subject="asiakas",
        events={"recorded": "pvm"},
        facts={"usage_billed": "laskutettu"},
        closed=ClosedWhen("tila", ("paattynyt", "irtisanottu")),
        options={"pattern": "{asiakas}/sopimus_{pvm:date}_{laskutettu:flag}_{tila}_*.pdf"},
    )
    fact = "usage_billed"

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        for given in items:
            self.count += 1
            day = given.day.isoformat() if given.day else "0000-00-00"
            # a fact that is not known has no place in this pattern: such a file's name is another
            fact = "true" if given.fact else "false"
            state = "paattynyt" if given.closed else "voimassa"
            name = f"sopimus_{day}_{fact}_{state}_{self.count}.pdf"
            path = self.root / "sopimukset" / (given.subject or "_") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%PDF-1.4")
            keys.append(self.key(path))
        return keys

    def key(self, path: Path) -> str:
        return str(path.relative_to(self.root)).replace("%", "%25").replace("\n", "%0A")


class TestDocuments(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return Documents(tmp_path)

    def test_asks_for_facts(self, world):
        yes, no, _ = world.add([Given(fact=True), Given(fact=False), Given(fact=False)])
        with world.connect() as connector:
            found = {item.ref.key: item.facts["usage_billed"] for item in connector.find(world.mapping)}
        assert (found[yes], found[no]) == (True, False)


class RoleMailboxes(Folder):
    mapping = DatasetMapping(place="roolit", key="path", events={"recorded": "delivered"}, options={"unit": "message"})
    event = "recorded"

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        box = self.root / "roolit" / "info"
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True, exist_ok=True)
        for given in items:
            self.count += 1
            name = f"{seconds(given.day)}.M{self.count:06}P1.posti"
            folder = ("cur", "new")[self.count % 2]
            (box / folder / f"{name}{':2,S' if folder == 'cur' else ''}").write_bytes(b"Subject: x\n\n")
            keys.append(f"roolit/info/{name}")
        return keys

    def snapshot(self) -> Mapping[str, object]:
        """Under the key, whatever flags the file's name has."""
        return {
            "/".join((*p.relative_to(self.root).parts[:-2], p.name.partition(":")[0])): p.read_bytes()
            for p in self.root.rglob("*")
            if p.is_file()
        }


def seconds(day: date | None) -> str:
    if day is None:
        return "x"
    # noon: the same day in Helsinki, whatever the clock does there
    moment = int(datetime(day.year, day.month, day.day, 10, tzinfo=UTC).timestamp())
    return str(moment)


class TestMessages(ConnectorSuite):
    lacks = frozenset({"facts", "state", "subjects"})

    far_ahead = date(5000, 1, 1)
    long_ago = date(1970, 1, 2)

    @pytest.fixture
    def world(self, tmp_path):
        return RoleMailboxes(tmp_path)


class CustomerMailboxes(Folder):
    """A box has no date of its own: its name may carry one here, so that the suite can ask about it."""

    mapping = DatasetMapping(
        place="asiakkaat",
        key="path",
        subject="asiakas",
        events={"recorded": "avattu"},
        options={"unit": "maildir", "pattern": "{asiakas}@{avattu:date8}*"},
    )
    many = 300

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        for given in items:
            self.count += 1
            day = given.day.isoformat().replace("-", "") if given.day else "00000000"
            box = self.root / "asiakkaat" / f"{given.subject}@{day}.{self.count}"
            for part in ("cur", "new", "tmp"):
                (box / part).mkdir(parents=True)
            (box / "cur" / "1.M1P1.posti:2,S").write_bytes(b"Subject: x\n\n")
            keys.append(str(box.relative_to(self.root)).replace("%", "%25").replace("\n", "%0A"))
        return keys

    def snapshot(self) -> Mapping[str, object]:
        boxes = (self.root / "asiakkaat").iterdir() if (self.root / "asiakkaat").is_dir() else ()
        return {
            f"asiakkaat/{box.name}": sorted(
                (os.fspath(p.relative_to(box)), p.read_bytes() if p.is_file() else b"") for p in box.rglob("*")
            )
            for box in boxes
        }


class TestMaildirs(ConnectorSuite):
    lacks = frozenset({"facts", "state"})

    @pytest.fixture
    def world(self, tmp_path):
        return CustomerMailboxes(tmp_path)


class CustomerFolders(CustomerMailboxes):
    mapping = DatasetMapping(
        place="asiakkaat",
        key="path",
        subject="asiakas",
        events={"recorded": "avattu"},
        options={"unit": "folder", "pattern": "{asiakas}@{avattu:date8}*"},
    )


class TestFolders(ConnectorSuite):
    lacks = frozenset({"facts", "state"})

    @pytest.fixture
    def world(self, tmp_path):
        return CustomerFolders(tmp_path)
