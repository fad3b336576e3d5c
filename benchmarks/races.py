"""Holds and stops against claims, thousands of times, by real processes: `python -m benchmarks.races [--at-least N]`.

Two processes run the same nights on two registers, two others place, extend and release holds, one pulls the master
stop and the stop of a register and takes them back. Before statements of all of them a coin decides whether another
goes first. What became of each key is then held against what each process noted (`benchmarks.race_checks`). Prints the
interleavings and the violations; exit code 1 on any.

An *interleaving* is a hold placed, extended or released, a stop or its end, that came while a chunk was between its
claim and its outcome; a *situation* is such a kind of action and between which points of the protocol it came.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkContext
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.fault_world import VENDORS, Place, places
from benchmarks.race_checks import Race, interleavings, read, violations
from retention import breakers, purge
from retention.connectors.sql import SqlConnector
from retention.domain.errors import NightError
from retention.evidence_check import verify
from retention.holds import epoch_of, place, release, resume, stop
from retention.models import Attempt, Connection, Gate, Hold, Lot
from retention.models.run import RunState
from retention.night import run_night
from retention.runs import succeeded
from ropa.models import Organisation
from tests.own_database import wait
from tests.retention.company import NOW, TODAY, document, ground, publish

PLACES = {"tiketti": ("crm", "tiketit"), "kirje": ("arkisto", "kirjeet")}
"""Table -> its register and dataset."""

SCHEMA = tuple(
    f"create table {table}(id integer primary key, asiakasnro text, avattu date not null, suljettu date)"
    for table in PLACES
)
ROWS, CHUNK, CLAIMERS, HOLDERS = 240, 3, 2, 2
PATIENCE_SECONDS = 120.0
POINTS = ("", "intent committed", "intent journalled", "before disposal", "disposed", "sent", "read back")
DAYS = timedelta(days=30)


@dataclass
class Shared:
    """What the processes of one night see of each other."""

    directory: Path
    night: int
    seed: int
    rows: int = ROWS
    context: ForkContext = field(default_factory=lambda: get_context("fork"))

    def __post_init__(self) -> None:
        self.over = self.context.Event()
        self.evaluated = [self.context.Event() for _ in PLACES]
        self.ticks = self.context.Value("L", 0)
        self.actions = self.context.Value("L", 0)
        self.next_person = [self.context.Value("i", 0) for _ in range(CLAIMERS)]
        self.where = [self.context.Value("i", 0) for _ in range(CLAIMERS)]

    def wait_for_ticks(self, number: int) -> None:
        """Until claimers have come past so many points, or the night is over, or a moment has passed."""
        self._wait(self.ticks, number)

    def wait_for_an_action(self) -> None:
        """The same until somebody else's action has been committed."""
        self._wait(self.actions, 1)

    def _wait(self, counter: Any, number: int) -> None:
        seen, deadline = counter.value + number, time.monotonic() + 0.03
        while counter.value < seen and not self.over.is_set() and time.monotonic() < deadline:
            self.over.wait(0.0005)

    def situation(self) -> str:
        return " and ".join(sorted(POINTS[one.value] or "-" for one in self.where))


def count(counter: Any) -> None:
    with counter.get_lock():
        counter.value += 1


class Notes:
    """One process's lines, read when all have ended."""

    def __init__(self, directory: Path, name: str) -> None:
        self.file = (directory / f"{name}.notes").open("a")

    def write(self, what: str, **told: Any) -> None:
        self.file.write(json.dumps({"what": what, **told}) + "\n")
        self.file.flush()


def found_company(place: Place) -> None:
    """Two registers in one database, a dataset in each, nothing in them yet."""

    place.source.run(*SCHEMA)
    organisation = Organisation.objects.create(slug="testi", name="Testi Oy")
    Gate.objects.create(organisation=organisation)
    config = {"url": place.source.url()}
    Connection.objects.create(organisation=organisation, code="crm", kind="sql", config=config)
    content = document()
    content["registers"] = [
        {"id": register, "name": {"fi": register}, "medium": "database", "connection": "crm"}
        for register, _ in PLACES.values()
    ]
    events = {"case_opened": "avattu", "case_closed": "suljettu"}
    content["datasets"] = [
        {
            **content["datasets"][0],
            "id": dataset,
            "register": register,
            "mapping": {"place": table, "key": "id", "subject": "asiakasnro", "events": events},
            "grounds": [ground("tuki", trigger="case_closed", period="P2Y")],
        }
        for table, (register, dataset) in PLACES.items()
    ]
    publish(organisation, content)


def fill(place: Place, night: int, number: int) -> dict[tuple[str, str], str]:
    """Rows long due of the night's own persons, a few of nobody; whose each is."""
    whose: dict[tuple[str, str], str] = {}
    for table in PLACES:
        rows = [(first_key(night) + n, None if n % 50 == 49 else f"N{night}-{person(table, n)}") for n in range(number)]
        whose |= {(table, str(key)): subject or "" for key, subject in rows}
        place.source.run(f"insert into {table} values (%s, %s, '2019-01-01', '2019-02-01')", rows=rows)  # noqa: S608
    return whose


def first_key(night: int) -> int:
    return (night + 1) * 10_000  # keys are sent in their order as text


def person(table: str, n: int) -> int:
    """A person has one ticket and two letters."""
    return n // 2 if table == "kirje" else n


@contextmanager
def by_chance(seed: int) -> Iterator[random.Random]:
    """Before some statements of this process the others may go first."""
    chance = random.Random(seed)  # noqa: S311 - which of all orders is tried, not a secret

    def before_each(execute: Callable[..., Any], *arguments: Any) -> Any:
        if chance.random() < 0.25:
            until = time.monotonic_ns() + chance.randrange(400_000)
            while time.monotonic_ns() < until:
                time.sleep(0)
        return execute(*arguments)

    with connection.execute_wrapper(before_each):
        yield chance


def claim(shared: Shared, number: int) -> None:
    """Run the night, or help at it, until it is over, noting what was sent and when."""

    notes = Notes(shared.directory, f"claim-{number}-{shared.night}")
    dispose = SqlConnector.dispose
    seen = {"last": time.monotonic_ns(), "began": 0, "epoch": 0}
    claimed: list[tuple[int, int]] = []

    def asked_epoch(organisation: Organisation) -> int:
        if chance.random() < 0.1:
            shared.wait_for_an_action()
        seen["epoch"] = time.monotonic_ns()
        return epoch_of(organisation)

    def send(connector: Any, mapping: Any, refs: Sequence[Any], *more: Any) -> Any:
        began = time.monotonic_ns()
        answers = list(dispose(connector, mapping, refs, *more))
        keys, ended = [ref.key for ref in refs], time.monotonic_ns()
        shared.next_person[number].value = person(mapping.place, int(keys[-1]) + 1 - first_key(shared.night))
        which = claimed[-1] if claimed else None
        notes.write(
            "sent", place=mapping.place, keys=keys, epoch=seen["epoch"], began=began, ended=ended, claimed=which
        )
        return answers

    def at(point: str) -> None:
        now = time.monotonic_ns()
        count(shared.ticks)
        shared.where[number].value = POINTS.index(point) if point in POINTS else 0
        if point == "intent committed":
            claimed[:] = [(seen["last"], now)]
            seen["began"] = seen["last"]
        elif point == "outcome committed":
            if claimed:
                notes.write("chunk", began=seen["began"], ended=now)
            claimed.clear()
        for n, (table, (_, dataset)) in enumerate(PLACES.items()):
            if point == f"evaluated {dataset}":
                notes.write("evaluated", place=table, night=shared.night, at=now)
                shared.evaluated[n].set()
        if chance.random() < 0.05:
            shared.wait_for_an_action()
        seen["last"] = now

    purge.epoch_of = asked_epoch  # type: ignore[attr-defined]
    SqlConnector.dispose = send  # type: ignore[method-assign, assignment]
    day = timedelta(days=shared.night)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with by_chance(shared.seed + number) as chance:
        while time.monotonic() < deadline:
            claimed.clear()
            try:
                run = run_night(Organisation.objects.get(), TODAY + day, NOW + day, chunk=CHUNK, at=at)
            except NightError:  # it is being stopped by the other one still
                shared.over.wait(0.002)
                continue
            if run.state == RunState.FINISHED:
                return
    raise SystemExit("the night did not end")


class Holder:
    """Somebody who places, extends and releases holds while a night runs."""

    def __init__(self, shared: Shared, number: int, chance: random.Random) -> None:

        self.shared, self.chance = shared, chance
        self.notes = Notes(shared.directory, f"hold-{number}-{shared.night}")
        self.organisation = Organisation.objects.get()
        self.mine: list[tuple[Any, list[str], bool]] = []

    def act(self) -> None:
        draw = self.chance.random()
        if draw < 0.5 or not self.mine:
            many = self.chance.choice((1, 1, 1, 2, 5))
            subjects = [self.somebody() for _ in range(many)]
            self.place("place", subjects, self.chance.choice(("", "", "register", "dataset")))
        elif draw < 0.65:
            _, subjects, _ = self.chance.choice(self.mine)  # further, before the one that it follows ends
            self.place("extend", [*subjects, self.somebody()], "")
        elif draw < 0.66:
            self.place("place", [], "dataset")
            self.shared.wait_for_ticks(3)
            self.release(len(self.mine) - 1)
        else:
            self.release(self.chance.randrange(len(self.mine)))

    def somebody(self) -> str:
        """Often one of those whose turn it is."""
        near = self.chance.choice(self.shared.next_person).value + self.chance.randrange(CHUNK)
        return f"N{self.shared.night}-{near if self.chance.random() < 0.6 else self.chance.randrange(self.shared.rows)}"

    def place(self, kind: str, subjects: list[str], scope: str) -> None:

        table = self.chance.choice(list(PLACES))
        register, dataset = PLACES[table]
        where = {"register": register} if scope == "register" else {"dataset": dataset} if scope else {}
        before, began = self.shared.situation(), time.monotonic_ns()
        whom = [("customer", one) for one in subjects]
        placed = place(self.organisation, whom, "dispute", "", "lakiasiat", TODAY, TODAY + DAYS, **where)
        committed = time.monotonic_ns()
        count(self.shared.actions)
        self.mine.append((placed.hold, subjects, bool(scope)))
        self.notes.write(
            "hold", kind=kind, id=placed.hold.pk, epoch=placed.hold.epoch, subjects=subjects,
            places=[table] if scope else [], began=began, committed=committed, saved=placed.saved,
            in_flight=placed.in_flight, gone=placed.gone, seen=f"{before} -> {self.shared.situation()}",
        )  # fmt: skip

    def release(self, n: int) -> None:

        hold, _, _ = self.mine.pop(n)
        before, began = self.shared.situation(), time.monotonic_ns()
        release(hold, TODAY, "lakiasiat")
        self.notes.write(
            "release", kind="release", id=hold.pk, began=began, committed=time.monotonic_ns(),
            seen=f"{before} -> {self.shared.situation()}",
        )  # fmt: skip

    def end(self) -> None:
        """What names a register or nobody ends with the night, most others too."""
        for n in reversed(range(len(self.mine))):
            if self.mine[n][2] or self.chance.random() < 0.8:
                self.release(n)


def hold(shared: Shared, number: int) -> None:
    with by_chance(shared.seed + 100 + number) as chance:
        holder = Holder(shared, number, chance)
        for one in shared.evaluated:
            one.wait(PATIENCE_SECONDS)
        while not shared.over.is_set():
            holder.act()
            shared.wait_for_ticks(chance.randrange(3))
        holder.end()


def pull_stops(shared: Shared) -> None:
    """The master stop and the stop of a register, a few times a night, each taken back."""

    notes = Notes(shared.directory, f"stop-{shared.night}")
    organisation = Organisation.objects.get()
    with by_chance(shared.seed + 200) as chance:
        for one in shared.evaluated:
            one.wait(PATIENCE_SECONDS)
        for _ in range(3):
            shared.wait_for_ticks(20 + chance.randrange(60))
            table = chance.choice(["", "", *PLACES])
            which = [PLACES[table][0]] if table else None
            before, began = shared.situation(), time.monotonic_ns()
            stop(organisation, which, "controller", "epäily")
            committed = time.monotonic_ns()
            seen = f"{before} -> {shared.situation()}"
            shared.wait_for_ticks(chance.randrange(12))
            resumed = time.monotonic_ns()
            resume(organisation, which, "controller")
            kind = "register stop" if table else "master stop"
            told = {"began": began, "committed": committed, "resumed": resumed, "seen": seen}
            notes.write("stop", kind=kind, places=[table] if table else [], **told)
            notes.write("resumed", kind="resume", began=resumed, committed=time.monotonic_ns(), seen="")


def one_night(place: Place, night: int, seed: int, rows: int) -> None:
    """Raises SystemExit if a process did not come to its end: it waited for another for ever, or failed."""
    shared = Shared(place.own.directory, night, seed * 1_000_003 + night * 1009, rows)
    claimers = [place.own.start(partial(claim, shared, n)) for n in range(CLAIMERS)]
    others = [place.own.start(partial(hold, shared, n)) for n in range(HOLDERS)]
    others.append(place.own.start(lambda: pull_stops(shared)))
    statuses = [wait(pid) for pid in claimers]
    shared.over.set()
    statuses += [wait(pid) for pid in others]
    if any(statuses):
        raise SystemExit(f"night {night}, seed {seed}: processes ended with {statuses}")


def settle(night: int) -> None:
    """Release everything; one night more ends what is left. Raises AssertionError where anything was lost."""

    for one in Hold.objects.filter(released=None):
        release(one, TODAY, "lakiasiat")
    for further in (night, night + 1):  # a register that was stopped is evaluated on the first, and read on both
        day = timedelta(days=further)
        run = run_night(Organisation.objects.get(), TODAY + day, NOW + day)
    if not succeeded(run):
        raise AssertionError(f"the last night did not succeed: {run.summary}")
    for lot in Lot.objects.all():
        if lot.state != "verified" or sum(lot.tally.values()) != lot.size:
            raise AssertionError(f"lot {lot.pk} is {lot.state}: {lot.tally} of {lot.size}")
    for attempt in Attempt.objects.all():
        if attempt.state != "outcome" or sum(attempt.tally.values()) != len(attempt.positions):
            raise AssertionError(f"attempt {attempt.pk} is {attempt.state}: {attempt.tally}")
    gate = Gate.objects.get()
    if gate.stopped or gate.stopped_registers:
        raise AssertionError("a stop was left")
    verify("testi")


@dataclass
class Result:
    nights: int = 0
    interleavings: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    situations: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def race(place: Place, at_least: int, seed: int, rows: int = ROWS) -> Result:
    """Nights until so many interleavings have been seen, and what was broken in them.

    All that a night has to do falls due at once and unforeseen, which no breaker would let go without a person.
    """
    with _without_breakers():
        return _race(place, at_least, seed, rows)


@contextmanager
def _without_breakers() -> Iterator[None]:
    """In this process and those that it starts."""
    before = breakers.tripped  # type: ignore[attr-defined]
    breakers.tripped = lambda tonight: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        breakers.tripped = before  # type: ignore[attr-defined]


def _race(place: Place, at_least: int, seed: int, rows: int) -> Result:
    found, began = Result(), time.monotonic()
    if place.own.in_process(lambda: found_company(place)) != 0:
        raise SystemExit("the company could not be founded")
    whose: dict[tuple[str, str], str] = {}
    while found.interleavings < at_least:
        whose |= fill(place, found.nights, rows)
        one_night(place, found.nights, seed, rows)
        found.nights += 1
        _judge(place, whose, found)
    if place.own.in_process(lambda: settle(found.nights)) != 0:
        found.violations.append("something was lost: see above")
    if any(place.source.rows(f"select 1 from {table} limit 1") for table in PLACES):  # noqa: S608
        found.violations.append("something due is left when everything was released")
    found.seconds = time.monotonic() - began
    return found


def _judge(place: Place, whose: dict[tuple[str, str], str], found: Result) -> None:
    notes = [
        json.loads(line)
        for path in sorted(place.own.directory.glob("*.notes"))
        for line in path.read_text().splitlines()
    ]
    told = read(notes, list(PLACES))
    evaluated = told.pop("evaluated")
    since = {key: evaluated[key[0], int(key[1]) // 10_000 - 1] for key in whose}
    left = {
        (table, str(key))
        for table in PLACES
        for (key,) in place.source.rows(f"select id from {table}")  # noqa: S608
    }
    race_ = Race(whose, since, frozenset(left), **told)
    found.violations = [*violations(race_), *_lost(place, told["holds"], notes)]
    found.interleavings = interleavings(race_)
    found.kinds = Counter(note["kind"] for note in notes if "kind" in note)
    found.situations = {f"{note['kind']}: {note['seen']}" for note in notes if note.get("seen")}


def _lost(place: Place, holds: Sequence[Any], notes: Sequence[Any]) -> list[str]:
    """Every hold is there under the epoch that was answered, no two are under one, and nothing is uncounted."""
    stored = sorted(epoch for (epoch,) in place.own.rows("select epoch from retention_hold"))
    answered = sorted(one.epoch for one in holds)
    ((epoch,),) = place.own.rows("select epoch from retention_gate")
    counted = len(holds) + sum(note["what"] in {"stop", "resumed"} for note in notes)
    found = [] if stored == answered else ["a hold was lost, or stands under another epoch"]
    found += [] if len(set(answered)) == len(answered) else ["two holds under one epoch"]
    return found + ([] if epoch == counted else [f"the epoch is {epoch} after {counted} holds, stops and their ends"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-least", type=int, default=2000, help="interleavings on each database")
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    broken = 0
    for vendor in VENDORS if asked.database == "both" else (asked.database,):
        with places(vendor, vendor) as made:
            found = race(next(made), asked.at_least, asked.seed)
        broken += len(found.violations)
        kinds = ", ".join(f"{name} {number}" for name, number in sorted(found.kinds.items()))
        sys.stdout.write(
            f"{vendor}: {found.interleavings} interleavings in {len(found.situations)} situations, "
            f"{found.nights} nights, {found.seconds:.0f} s ({kinds}); violations: {len(found.violations)}\n"
        )
        for line in found.violations[:20]:
            sys.stdout.write(f"  {line}\n")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
