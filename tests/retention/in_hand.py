"""A lot in hand outside of any night: chunk after chunk is sent to a real register, and all that it writes is seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from retention import leaf_keys, leaves, replay
from retention.connectors.contract import Connector
from retention.disposal import make_lots, move
from retention.domain.lifecycle import LotState
from retention.domain.rules import Action
from retention.domain.written import parse_step
from retention.evidence_log import EvidenceLog, Journal
from retention.lot_keys import LotKey
from retention.models import Campaign, EvidenceEntry, KeyOutcome, Lot, Run
from retention.models.run import RunState
from retention.plan import DatasetPlan, Plan, StepPlan, plan_of
from retention.purge import Work, purge_chunk
from retention.question import Question
from retention.recollection import Recollection
from retention.selectors import connector_of
from ropa.models import Organisation
from tests.retention.company import NOW, TODAY

BASIS = '[["sopimus","ended","2022-01-31","2022-01-31","contract_ended",null]]'


def key(number: int, due: date = date(2025, 2, 1), **over: Any) -> LotKey:
    """Row `number` of the small company's customers, whose number is 1000 more."""
    return LotKey(str(number), str(1000 + number), due, **{"basis": BASIS, **over})


DUE = (key(1), key(3), key(8))
A_CHUNK = [
    "intent committed",
    "intent journalled",
    "before disposal",
    "disposed",
    "sent",
    "read back",
    "outcome committed",
]
HELD_1005 = [["2025-01-01", None]]


@dataclass
class Hand:
    """A night that somebody works on by hand, with one register open. `points`: what was passed, in order."""

    company: Organisation
    connector: Connector
    sources: Recollection
    run: Run
    plan: Plan
    points: list[str] = field(default_factory=list)

    @property
    def log(self) -> EvidenceLog:
        return EvidenceLog(self.company.slug, self.run.business_date.isoformat())

    @property
    def journal(self) -> Journal:
        return Journal(self.company.slug, self.run.business_date)

    def dataset(self, code: str) -> DatasetPlan:
        found = self.plan.find_dataset(code)
        assert found is not None
        return found

    def lot(
        self,
        keys: Sequence[LotKey],
        dataset: str = "asiakastiedot",
        why: str = "GROUNDS_ENDED",
        action: Action = Action.DELETE,
        estimated: Sequence[int] = (),
        approve: bool = True,
    ) -> Lot:
        """Flagged, and approved by the policy unless people are to."""
        with transaction.atomic():
            (lot,) = make_lots(self.run, self.dataset(dataset), action, why, keys, self.log, estimated)
        if approve:
            move(lot, LotState.APPROVED, "policy: automatic", digest=lot.digest)
        return lot

    def work(self, lot: Lot, **over: Any) -> Work:
        """As a night takes it, but that nobody else decides about its items."""
        question = Question(
            self.company, self.plan, self.dataset(lot.dataset), self.run.business_date, sources=self.sources
        )
        given = {"question": question, "connector": self.connector, "at": self.points.append, **over}
        return Work(lot, self.run, log=self.log, journal=self.journal, **given)

    def send(self, lot: Lot, **over: Any) -> Work:
        """Every chunk of it that may go tonight."""
        work = self.work(lot, **over)
        while purge_chunk(work):
            pass
        return work

    def next_night(self) -> None:
        self.run = begun(self.company, date.fromordinal(self.run.business_date.toordinal() + 1))

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the entries of this kind say, in order."""
        entries = EvidenceEntry.objects.filter(organisation=self.company.slug, kind=kind).order_by("chain", "number")
        return [json.loads(body) for body in entries.values_list("body", flat=True)]

    def leaves(self) -> list[dict[str, Any]]:
        """Every leaf, in the order in which they were written."""
        found = []
        for entry in EvidenceEntry.objects.filter(kind=leaves.KIND).order_by("chain", "number"):
            _, opened = leaves.of_entry(self.company.slug, entry.digest)
            found += [json.loads(one.text) for one in opened if one is not None]
        return found


def begun(company: Organisation, day: date) -> Run:
    """A night that has been entered."""
    version = company.versions.latest("number")
    leaf_keys.begin(company.slug, f"{day:%Y-%m}")
    replay.begin(company, plan_of(version), day)
    return Run.objects.create(
        organisation=company, business_date=day, version=version, state=RunState.RUNNING, started_at=NOW
    )


@contextmanager
def taken_in_hand(company: Organisation, day: date = TODAY) -> Iterator[Hand]:
    run = begun(company, day)
    assert run.version is not None
    plan = plan_of(run.version)
    register = plan.find_register("crm")
    assert register is not None
    with (
        connector_of(company, register) as connector,
        Recollection(run, plan, {"crm": connector}, lambda: None) as sources,
    ):
        yield Hand(company, connector, sources, run, plan)


def take_on(data_dir: Path, *numbers: int) -> None:
    """Customers more, of these rows: their contract ended long ago."""
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.executemany(
            "insert into asiakas values (?, ?, 'Testihenkilö', 'Esimerkkikatu')", [(n, 1000 + n) for n in numbers]
        )
        columns = "asiakasnro, sopimusnro, alku, loppu, tila"
        ended = [(1000 + n, f"T{n}", "2015-01-01", "2022-01-31", "paattynyt") for n in numbers]
        crm.executemany(f"insert into sopimus({columns}) values (?, ?, ?, ?, ?)", ended)
    crm.close()


def journal(data_dir: Path) -> list[dict[str, Any]]:
    """What every line of every night's journal says."""
    files = sorted((data_dir / "journal" / "testi").glob("*.jsonl"))
    return [json.loads(line)["body"] for file in files for line in file.read_text().splitlines()]


def exceptions(lot: Lot) -> list[tuple[int, str, str, str]]:
    """Position, outcome, detail and residue of what did not simply go."""
    rows = KeyOutcome.objects.filter(lot=lot).order_by("position")
    return list(rows.values_list("position", "outcome", "detail", "residue"))


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


def until(point, number=1):
    """Whoever is told of the points dies at this one, when it is passed for the `number`th time."""
    passed = []

    def at(reached):
        passed.append(reached)
        if passed.count(point) == number:
            raise Killed

    return at


def kill(hand, lot, point, **over):
    with pytest.raises(Killed):
        purge_chunk(hand.work(lot, at=until(point), **over))
    hand.points.clear()


def replaced(hand, monkeypatch, **verbs):
    """The register does otherwise than it does: no real one does so on demand. Each verb is given the real one's."""
    for name, verb in verbs.items():
        real = getattr(hand.connector, name, None)
        monkeypatch.setattr(hand.connector, name, partial(verb, real), False)


def noting(noted, of):
    """A verb that does what the real one does, and notes what it was given."""

    def verb(real, *given):
        noted.append(of(given))
        return real(*given)

    return verb


def campaign(hand, dataset, event):
    return Campaign.objects.create(
        organisation=hand.company,
        number=7,
        version=hand.run.version,
        register="crm",
        dataset=dataset,
        rules=[],
        event=event,
        cause="no_date",
        substitute_day=date(2020, 1, 1),
        items=1,
        gaps=1,
        forecast={},
        state="confirmed",
    )


def not_whole(dataset, what):
    """The dataset as one of single columns, or as what a step of it works on."""
    if what == "fields":
        return replace(dataset, mapping=replace(dataset.mapping, fields=("osoite",)))
    written = {"id": "s", "action": "clear", "trigger": "contract_ended", "period": "P1Y", "status": "confirmed"}
    return replace(dataset, step=StepPlan("asiakastiedot", parse_step(written, "s")))
