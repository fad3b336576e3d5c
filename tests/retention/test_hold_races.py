"""Holds against claims, statement by statement: what was answered is true, and what was held is not sent.

One night destroys key after key, each of a person of its own. Somewhere between two statements of it somebody in
another thread, with a connection of his own, places a hold on whose turn it is. `benchmarks/races.py` lets chance
choose instead, with several processes and every kind of hold and stop; a little of that runs here too.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, connections

from benchmarks.fault_world import Place, source_of
from benchmarks.races import race
from retention import purge
from retention.connectors.contract import Ref
from retention.connectors.sql import SqlConnector
from retention.holds import Placed, epoch_of, place
from retention.lot_keys import unpack
from retention.models import Attempt, Lot
from retention.night import run_night
from ropa.models import Organisation
from tests.own_database import OwnDatabase
from tests.retention.company import NOW, TODAY, document, found_company, publish

PEOPLE = 45
PATIENCE_SECONDS = 30.0
BLOCKED_SECONDS = 0.03
"""So long a hold is given while a transaction of the night is open, for whose end it may have to wait."""


def found_tickets(own: OwnDatabase) -> None:
    """A ticket long closed of each of so many people, and no other dataset."""
    organisation = found_company(own.directory)
    with sqlite3.connect(own.directory / "registers" / "crm.sqlite3") as crm:
        crm.execute("delete from viesti")
        crm.execute("delete from tiketti")
        crm.executemany(
            "insert into tiketti(asiakasnro, aihe, avattu, suljettu, tila) values (?, 'vika', ?, ?, 'suljettu')",
            [(f"T{n:03}", "2019-01-01", "2019-02-01") for n in range(PEOPLE)],
        )
    crm.close()
    content = document()
    content["datasets"] = content["datasets"][:1]
    publish(organisation, content, 2)


def left(own: OwnDatabase) -> set[str]:
    with sqlite3.connect(own.directory / "registers" / "crm.sqlite3") as crm:
        found = {number for (number,) in crm.execute("select asiakasnro from tiketti")}
    crm.close()
    return found


def in_hand() -> str:
    """Whose key was claimed last and has no outcome yet."""
    attempt = Attempt.objects.get(state="intent")
    (position,) = attempt.positions
    return str(unpack(bytes(attempt.lot.keys or b""))[position].subject)


@dataclass
class Elsewhere:
    """A hold that is placed by another thread, and may stand still before one of its own statements."""

    subject: str
    still_before: int = 0
    statements: int = 0
    here: threading.Event = field(default_factory=threading.Event)
    on: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    answer: Placed | None = None

    def start(self) -> Elsewhere:
        self.thread = threading.Thread(target=self._place)
        self.thread.start()
        return self

    def _place(self) -> None:
        try:
            with connection.execute_wrapper(self._before_each):
                whom = [("customer", self.subject)]
                self.answer = place(Organisation.objects.get(), whom, "dispute", "", "lakiasiat", TODAY, TODAY)
        finally:
            connections.close_all()
            self.here.set()
            self.done.set()

    def _before_each(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements += 1
        if self.statements == self.still_before:
            self.here.set()
            assert self.on.wait(PATIENCE_SECONDS)
        return execute(sql, params, many, context)

    def counts(self) -> tuple[int, int, int]:
        self.on.set()
        self.thread.join(PATIENCE_SECONDS)
        assert self.answer is not None, "the hold was not placed"
        return self.answer.saved, self.answer.in_flight, self.answer.gone


def told(own: OwnDatabase, answers: list[Any]) -> None:
    (own.directory / "answers.json").write_text(json.dumps(answers))


def answers_while_outcomes_are_committed(own: OwnDatabase) -> None:
    """The n-th key's hold stands still before its n-th statement while that key's outcome is committed."""
    answers: list[Any] = []
    held: list[Elsewhere] = []

    def at(point: str) -> None:
        if point == "read back":
            held.append(Elsewhere(in_hand(), still_before=len(answers) + 1).start())
            assert held[-1].here.wait(PATIENCE_SECONDS)
        if point == "outcome committed" and len(held) > len(answers):
            one = held[-1]
            whole = one.done.is_set()
            answers.append([one.subject, *one.counts(), whole])

    run_night(Organisation.objects.get(), TODAY, NOW, chunk=1, at=at)
    told(own, answers)


@pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)
def test_what_is_gone_was_not_called_saved_wherever_its_outcome_was_committed(own_database):
    """On SQLite a hold's transaction lets no other write begin: there is nothing between its statements."""
    assert own_database.in_process(lambda: found_tickets(own_database)) == 0
    assert own_database.in_process(lambda: answers_while_outcomes_are_committed(own_database)) == 0
    answers = json.loads((own_database.directory / "answers.json").read_text())
    between = [answer for answer in answers if not answer[-1]]
    assert len(answers) == PEOPLE
    assert len(between) > 8  # statements of placing a hold
    assert not left(own_database)
    assert {tuple(answer[1:4]) for answer in answers} <= {(0, 1, 0), (0, 0, 1)}, between


class Turns:
    """A night during whose n-th chunk a hold is placed before the n-th statement, on whose key it is."""

    def __init__(self) -> None:
        self.statement = 0
        self.whose: Elsewhere | None = None
        self.reads_epoch = self.before_epoch = False
        self.sent: set[str] = set()
        self.answers: list[Any] = []
        self.chunks = 0

    def at(self, point: str) -> None:
        if point != "outcome committed":
            return
        if self.whose is not None and self.whose.statements:
            one = self.whose
            self.answers.append([one.subject, *one.counts(), self.before_epoch])
        lot = Lot.objects.get()
        more = lot.next_position < lot.size
        self.whose = Elsewhere(str(unpack(bytes(lot.keys or b""))[lot.next_position].subject)) if more else None
        self.chunks, self.statement, self.before_epoch = self.chunks + 1, 0, False

    def before_each(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statement += 1
        if self.whose is not None and self.statement == self.chunks:
            self.whose.start().done.wait(BLOCKED_SECONDS if connection.in_atomic_block else PATIENCE_SECONDS)
        if self.reads_epoch:
            self.before_epoch = self.whose is not None and self.whose.done.is_set()
        return execute(sql, params, many, context)

    def epoch(self, organisation: Organisation) -> int:
        self.reads_epoch = True
        try:
            return epoch_of(organisation)
        finally:
            self.reads_epoch = False


def holds_before_each_statement(own: OwnDatabase) -> None:
    turns = Turns()

    def send(connector: SqlConnector, mapping: Any, refs: Sequence[Ref], *more: Any) -> Any:
        turns.sent |= {str(ref.subject) for ref in refs}
        return dispose(connector, mapping, refs, *more)

    dispose = SqlConnector.dispose
    purge.epoch_of = turns.epoch  # type: ignore[attr-defined]
    SqlConnector.dispose = send  # type: ignore[method-assign, assignment]
    with connection.execute_wrapper(turns.before_each):
        run_night(Organisation.objects.get(), TODAY, NOW, chunk=1, at=turns.at)
    told(own, [*turns.answers, sorted(turns.sent)])


def test_a_hold_that_came_before_the_epoch_was_read_wins_before_whichever_statement(own_database):
    """The functions replaced are those of a process of its own, which ends with its night."""
    assert own_database.in_process(lambda: found_tickets(own_database)) == 0
    assert own_database.in_process(lambda: holds_before_each_statement(own_database)) == 0
    *answers, sent = json.loads((own_database.directory / "answers.json").read_text())
    assert left(own_database) == {f"T{n:03}" for n in range(PEOPLE)} - set(sent)
    seen = set()
    for subject, *counts, before_epoch in answers:
        seen.add((before_epoch, subject in sent))
        assert not (before_epoch and subject in sent), subject
        assert counts in ([[0, 1, 0], [0, 0, 1]] if subject in sent else [[1, 0, 0], [0, 1, 0]]), subject
    assert len(answers) > 15  # statements of a chunk
    assert {(True, False), (False, True)} <= seen


def test_a_little_of_what_chance_brings(own_database, tmp_path, request):
    """`python -m benchmarks.races` goes on for thousands of interleavings."""
    running = request.getfixturevalue("postgres_server") if own_database.server else None
    vendor = "postgresql" if own_database.server else "sqlite"
    with source_of(vendor, own_database.directory, running) as source:
        found = race(Place(own_database, source), at_least=20, seed=7, rows=36)
    assert found.interleavings >= 20
    assert found.violations == []
