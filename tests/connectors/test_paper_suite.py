"""The shared contract suite against a real archive: two lists as CSV files and a folder of orders."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from retention.connectors.contract import ClosedWhen, Connector, DatasetMapping, Outcome
from retention.connectors.paper import PaperConnector
from retention.connectors.suite import ConnectorSuite, Given, World
from retention.domain.rules import Action

BOXES = ("box", "shelf", "description", "security")
CONTENTS = ("number", "box", "kind", "customer", "dated", "billed", "state")


class Archive(World):
    mapping = DatasetMapping(
        place="sopimus",
        key="number",
        subject="customer",
        events={"recorded": "dated"},
        facts={"usage_billed": "billed"},
        closed=ClosedWhen("state", ("closed",)),
    )
    event = "recorded"
    fact: str | None = "usage_billed"
    action = Action.DESTROY_PAPER
    disposed = Outcome.PENDING
    again = Outcome.PENDING
    many = 600

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "orders").mkdir()
        self.boxes: list[Sequence[str]] = [("L-1", "A1", "Sopimukset", "P-4"), ("L-2", "A2", "Muut", "P-4")]
        self.contents: list[Sequence[str]] = [("0/1", "L-1", "kuitti", "1001", "2001-01-01", "", "")]
        self.write()

    def write(self) -> None:
        for name, heading, rows in (("boxes.csv", BOXES, self.boxes), ("contents.csv", CONTENTS, self.contents)):
            with (self.root / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=";").writerows([heading, *rows])

    def connect(self) -> Connector:
        return PaperConnector(
            list=str(self.root / "boxes.csv"),
            contents=str(self.root / "contents.csv"),
            orders=str(self.root / "orders"),
        )

    def broken(self) -> tuple[Connector, str]:
        return PaperConnector(list=str(self.root / "hunter2.csv"), contents="hunter2", orders="hunter2"), "hunter2"

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        for given in items:
            key = f"{len(self.contents):05}"
            day = given.day.isoformat() if given.day else ""
            fact = "" if given.fact is None else str(given.fact).lower()
            state = "closed" if given.closed else "open"
            self.contents.append((key, "L-1", "sopimus", given.subject or "", day, fact, state))
            keys.append(key)
        self.write()
        return keys

    def snapshot(self) -> Mapping[str, object]:
        with (self.root / "contents.csv").open(encoding="utf-8", newline="") as file:
            papers = {row[0]: row for row in csv.reader(file, delimiter=";")}
        orders = {p.name: p.read_bytes() for p in (self.root / "orders").iterdir() if p.name != ".lock"}
        return {**papers, **orders, "boxes": (self.root / "boxes.csv").read_bytes()}

    def can_hold(self, subject: str) -> bool:
        return bool(subject) and subject.isprintable() | ("\n" in subject)


class TestPapers(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return Archive(tmp_path)


class Boxes(Archive):
    """Each box with one paper: the item is the box."""

    mapping = DatasetMapping(place="sopimus", key="box", events={"recorded": "dated"})
    fact = None

    def add(self, items: Sequence[Given]) -> list[str]:
        keys = []
        for given in items:
            box = f"B-{len(self.boxes):05}"
            day = given.day.isoformat() if given.day else ""
            self.boxes.append((box, "A1", "", "P-4"))
            self.contents.append((f"{box}/1", box, "sopimus", given.subject or "", day, "", ""))
            keys.append(box)
        self.write()
        return keys

    def snapshot(self) -> Mapping[str, object]:
        with (self.root / "contents.csv").open(encoding="utf-8", newline="") as file:
            papers = {row[1]: row for row in csv.reader(file, delimiter=";")}
        with (self.root / "boxes.csv").open(encoding="utf-8", newline="") as file:
            boxes = {f"box {row[0]}": row for row in csv.reader(file, delimiter=";")}
        return {**papers, **boxes, **{p.name: p.read_bytes() for p in (self.root / "orders").glob("[DP]-*")}}


class TestBoxes(ConnectorSuite):
    lacks = frozenset({"facts", "state", "subjects"})

    @pytest.fixture
    def world(self, tmp_path):
        return Boxes(tmp_path)
