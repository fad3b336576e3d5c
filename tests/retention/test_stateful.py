"""Whatever happens in whatever order: contracts, holds, rules, approvals, nights and crashes against a reference model.

A real register, read and written by the real connector; nights as they run. The model (`reference_model.py`) says from
the same story what must be there, what may go and what must have gone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.keys import make_keys
from retention import holds as real_holds
from retention.approvals import approve
from retention.domain.lifecycle import GONE, RETRIED
from retention.evidence_check import verify
from retention.lot_keys import unpack
from retention.models import Attempt, DatasetNight, KeyOutcome, Lot, Run
from retention.models import Hold as HoldRow
from retention.models.run import RunState
from retention.runs import succeeded, summary_row
from tests.connectors.sql_servers import Sqlite
from tests.retention import shape_house
from tests.retention.company import controller
from tests.retention.reference_model import CUSTOMERS, NOTES, Hold, Key, Model, Row, Rules, Span
from tests.retention.shape_house import LEDGER, MAPPING, POLICY, House, dataset, found, ground

START = date(2026, 2, 27)
"""A day before a month's last in a short month: clamping and the year's turn lie close by."""
PEOPLE = ("1001", "1002", "1003")
SCHEMA = (*shape_house.SCHEMA[:2], "create table muistio(id integer primary key, nro varchar(20), luotu date)")
CONTRACTS = LEDGER[:1]
TABLES = {CUSTOMERS: "tieto", NOTES: "muistio"}
FINAL = {outcome.value for outcome in set(GONE)} | {"superseded", "already_absent"}

people = st.sampled_from(PEOPLE)
held_people = people | st.just("")
held_datasets = st.sampled_from(["", CUSTOMERS, NOTES])
spans = st.sampled_from([Span(0, 0), Span(1, 0), Span(0, 3), Span(1, 1), Span(12, 0), Span(0, 0), Span(0, 0)])
rule_sets = st.builds(Rules, spans, spans, spans)
days_ago = st.sampled_from([400, 367, 32, 31, 30, 29, 28, 27, 4, 3, 2, 1, 0, 364, 365, 366, 400, 400, 400, 400])
maybe_ago = st.sampled_from([400, 400, 29, 28, 3, 1, 0, None])
several_days = st.lists(days_ago, min_size=1, max_size=3)
arrivals = st.none() | st.tuples(people, st.sampled_from([CUSTOMERS, NOTES]), several_days)
chunks = st.sampled_from([1, 2, 500])
until_night = st.sampled_from([0, 0, 1, 1, 1, 2, 7])
Arrival = tuple[str, str, list[int]] | None
points = st.tuples(
    st.sampled_from(
        [
            "intent committed",
            "intent journalled",
            "before disposal",
            "disposed",
            "sent",
            "read back",
            "outcome committed",
            f"evaluated {CUSTOMERS}",
            f"evaluated {NOTES}",
            "collected talo",
            "forgot",
        ]
    ),
    st.sampled_from([1, 1, 1, 2, 3]),
)
"""Where a night is met, and which time that it comes there."""


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


def once(point: tuple[str, int], act: Callable[[], object]) -> Callable[[str], None]:
    """What a night tells its points to: it acts at that one."""
    passed = Counter[str]()

    def at(name: str) -> None:
        passed[name] += 1
        if (name, passed[name]) == point:
            act()

    return at


def awake(story: Story) -> bool:
    """Between two nights only so much happens: else most stories would have none."""
    return story.happened < 3


class Story(RuleBasedStateMachine):
    """One organisation from its first contract on. `keys`: a data directory's, made once; `settings`: Django's."""

    keys: Path
    settings: Any

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copytree(self.keys, directory / "keys")
        self.settings.DATA_DIR = directory
        self.stack.enter_context(transaction.atomic())
        self.stack.callback(transaction.set_rollback, True)
        self.house: House = found(Sqlite(directory / "talo.sqlite3"), SCHEMA, CONTRACTS)
        self.model = Model()
        self.today = START
        self.pinned: dict[date, Rules] = {}
        self.placed: list[tuple[HoldRow, Hold]] = []
        self.killed: set[Key] | None = None
        """After a kill: what tonight was to take then. Until the night is over more is not promised."""
        self.unsure: set[Key] = set()
        """Signed, not due when a night was killed: nobody knows whether it has been told so."""
        self.repeated = False
        """Whether the night is over already: it does nothing then."""
        self.gone = 0
        self.recorded = 0
        self.happened = 0

    def teardown(self) -> None:
        self.stack.close()

    # what happens in the register

    @initialize(rules=rule_sets, ends=st.lists(maybe_ago, min_size=2, max_size=3), rows=several_days)
    def begin(self, rules: Rules, ends: list[int | None], rows: list[int]) -> None:
        self._publish(rules, START - timedelta(days=400))
        for person, end in zip(PEOPLE, ends, strict=False):  # of the third perhaps nothing is known
            self.sign_contract(person, end)
            self._record(person, CUSTOMERS, rows)
            self._record(person, NOTES, rows)

    @precondition(awake)
    @rule(person=people, ago=maybe_ago)
    def sign_contract(self, person: str, ago: int | None) -> None:
        """Perhaps one that has ended already."""
        count = sum(map(len, self.model.contracts.values())) + 1
        end = None if ago is None else self.today - timedelta(days=ago)
        self.model.contracts.setdefault(person, {})[f"S{count}"] = end
        start = self.today - timedelta(days=500)
        self.house.put("sopimus", (count, person, f"S{count}", start.isoformat(), end and end.isoformat()))

    @precondition(awake)
    @rule(data=st.data(), ago=maybe_ago)
    def end_or_reopen_contract(self, data: st.DataObject, ago: int | None) -> None:
        person = data.draw(st.sampled_from(sorted(self.model.contracts)))
        ref = data.draw(st.sampled_from(sorted(self.model.contracts[person])))
        end = None if ago is None else self.today + timedelta(days=2 - ago)
        self.model.contracts[person][ref] = end
        until = f"'{end}'" if end else "null"
        self.house.server.run(f"update sopimus set loppu = {until} where sopimusnro = '{ref}'")

    def _record(self, person: str, dataset: str, days: list[int]) -> None:
        """Rows, each so many days old."""
        rows: list[tuple[object, ...]] = []
        for ago in days:
            self.recorded += 1
            row = Row(person, self.today - timedelta(days=ago))
            self.model.rows[Key(dataset, self.recorded)] = row
            middle = (None,) if dataset == CUSTOMERS else ()
            rows.append((self.recorded, person, *middle, row.recorded.isoformat()))
        if dataset == CUSTOMERS:
            self.house.tiedot(*rows)
        else:
            self.house.put("muistio", *rows)

    @precondition(lambda self: awake(self) and self.model.rows)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        """Its own day is today, from now on."""
        key = data.draw(st.sampled_from(sorted(self.model.rows)))
        self.model.rows[key].recorded = self.today
        self.house.server.run(f"update {TABLES[key.dataset]} set luotu = '{self.today}' where id = {key.id}")

    # what people decide

    def _publish(self, rules: Rules, since: date) -> None:
        self.model.versions.append((since, rules))
        customers = [
            ground("suhde", period=rules.ended.iso),
            ground("vaateet", kind="claim", trigger="recorded", period=rules.least.iso),
        ]
        note = [ground("muistio", trigger="recorded", period=rules.note.iso)]
        self.house.publish(
            dataset(CUSTOMERS, grain="subject", grounds=customers),
            dataset(NOTES, mapping={**MAPPING, "place": "muistio"}, grounds=note, policy={**POLICY, "approval": "one"}),
            since=since,
        )

    @precondition(awake)
    @rule(rules=rule_sets, days=st.integers(0, 3))
    def publish(self, rules: Rules, days: int) -> None:
        """Other rules, longer or shorter, from today or later on."""
        self._publish(rules, self.today + timedelta(days=days))

    @precondition(awake)
    @rule(person=held_people, dataset=held_datasets)
    def hold_or_release(self, person: str, dataset: str) -> None:
        """Few hold at a time: where everything is held nothing happens."""
        if not self._release():
            self._hold(person, dataset)

    def _release(self) -> bool:
        """The hold that runs longest."""
        running = [one for one in self.placed if one[1].released is None]
        for row, held in running[:1]:
            real_holds.release(row, self.today, "dpo")
            held.released = self.today
        return bool(running)

    def _hold(self, person: str, dataset: str) -> real_holds.Placed:
        whom = [("customer", person)] if person else []
        review = self.today + timedelta(days=90)
        answer = real_holds.place(
            self.house.organisation, whom, "dispute", "", "lakiasiat", self.today, review, dataset=dataset
        )
        held = Hold(person, dataset)
        self.placed.append((answer.hold, held))
        self.model.holds.append(held)
        return answer

    def _sign(self) -> None:
        """Somebody approves all that waits."""
        for lot in Lot.objects.filter(dataset=NOTES, state="flagged"):
            assert lot.keys is not None
            under = self.model.versions[lot.version.number - 1][1].note
            for entry in unpack(bytes(lot.keys)):
                key = Key(NOTES, int(entry.key))
                self.model.approved[key], self.model.since[key] = under, entry.due_from
            approve(lot, controller(lot.organisation), lot.digest)

    # nights

    @rule(days=until_night, chunk=chunks, signed=st.booleans(), new=arrivals)
    def night(self, days: int, chunk: int, signed: bool, new: Arrival) -> None:
        due = self._tonight(days, signed, new)
        held = self.model.held(self.model.due(self.today, self.pinned[self.today]), self.today)
        again = Run.objects.filter(business_date=self.today).exists()
        run = self.house.night(self.today, chunk=chunk)
        assert run.state == RunState.FINISHED
        self._settle(due, due if self.killed is None else due & self.killed)
        self._night_is_over()
        if again:
            return
        assert succeeded(run), run.summary
        told = summary_row(DatasetNight.objects.get(run=run, dataset=CUSTOMERS))
        assert told["held"] == sum(key.dataset == CUSTOMERS for key in held)
        assert told["review"] == self.model.unknown()
        assert told["overdue_left"] == 0

    @rule(days=until_night, chunk=chunks, signed=st.booleans(), new=arrivals, point=points)
    def night_killed(self, days: int, chunk: int, signed: bool, new: Arrival, point: tuple[str, int]) -> None:
        due = self._tonight(days, signed, new)

        def kill() -> None:
            raise Killed

        try:
            self.house.night(self.today, chunk=chunk, at=once(point, kill))
        except Killed:
            self._settle(due, set())
            self.killed = due if self.killed is None else due & self.killed
            self._void()
        else:
            self._settle(due, due if self.killed is None else due & self.killed)
            self._night_is_over()

    @rule(
        days=until_night,
        chunk=chunks,
        signed=st.booleans(),
        new=arrivals,
        point=points,
        person=held_people,
        dataset=held_datasets,
    )
    def hold_in_the_night(
        self, days: int, chunk: int, signed: bool, new: Arrival, point: tuple[str, int], person: str, dataset: str
    ) -> None:
        """What the answer does not call in flight is safe from then on."""
        self._release()
        due = self._tonight(days, signed, new)
        saved: set[Key] = set()
        flying: set[Key] = set()

        def place() -> None:
            answer = self._hold(person, dataset)
            here = self.model.held(set(self.model.rows), self.today) & self._there()
            (flying if answer.in_flight else saved).update(here)

        self.house.night(self.today, chunk=chunk, at=once(point, place))
        must = due - saved - flying
        self._settle(due - saved, must if self.killed is None else must & self.killed)
        self._night_is_over()

    def _tonight(self, days: int, signed: bool, new: Arrival) -> set[Key]:
        """Some days later: what the night may take. Of one that is over, nothing."""
        self.happened = 0
        if new is not None:
            self._record(*new)
        if signed:
            self._sign()
        if days:
            self.today += timedelta(days=days)
            self.killed = None
        self.repeated = Run.objects.filter(business_date=self.today, state=RunState.FINISHED).exists()
        if self.repeated:
            self.killed = set()
            return set()
        rules = self.pinned.setdefault(self.today, self.model.rules_on(self.today))
        return self.model.goes(self.today, rules)

    def _there(self) -> set[Key]:
        return {Key(code, key) for code, table in TABLES.items() for key in self.house.left(table)}

    def _settle(self, may: set[Key], must: set[Key]) -> None:
        gone = set(self.model.rows) - self._there()
        assert gone <= may, f"gone, though the model keeps it: {gone - may}"
        assert must - self.unsure <= gone, f"left, though it is due: {must - gone}"
        for key in gone:
            del self.model.rows[key]
            self.model.approved.pop(key, None)
        self.gone += len(gone)

    def _void(self) -> set[Key]:
        """Other rules void what was signed; of what is not due the lot may have been told so."""
        rules = self.pinned[self.today]
        signed = self.model.approved
        self.model.approved = {key: under for key, under in signed.items() if under == rules.note}
        undue = set(self.model.approved) - self.model.due(self.today, rules)
        self.unsure |= undue
        return undue

    def _night_is_over(self) -> None:
        if not self.repeated:
            for key in self._void():
                del self.model.approved[key]
            self.unsure &= set(self.model.approved)
        self.killed = None
        assert not Attempt.objects.filter(state="intent").exists()
        told = Counter[str]()
        for lot in Lot.objects.all():
            told.update(lot.tally)
        assert told["destroyed"] + told["recovered"] == self.gone
        verify("testi")

    @invariant()
    def nothing_else_is_gone(self) -> None:
        self.happened += 1
        assert self._there() == set(self.model.rows)

    @invariant()
    def every_key_has_one_outcome(self) -> None:
        """D3: of an attempt as of a lot, and both the same."""
        for attempt in Attempt.objects.filter(state="outcome"):
            assert sum(attempt.tally.values()) == len(attempt.positions)
        for lot in Lot.objects.all():
            assert sum(lot.tally.values()) == lot.next_position <= lot.size
            final = Counter[str]()
            for tally in lot.attempts.values_list("tally", flat=True):
                final.update({name: n for name, n in tally.items() if name in FINAL})
            assert final == Counter({name: n for name, n in lot.tally.items() if name in FINAL})
            if lot.keys is not None:
                waiting = KeyOutcome.objects.filter(lot=lot, outcome__in=list(RETRIED)).count()
                assert waiting == sum(n for name, n in lot.tally.items() if name not in FINAL)


@pytest.mark.usefixtures("db")
def test_whatever_happens_in_whatever_order(tmp_path, settings):
    Story.keys, Story.settings = tmp_path / "keys", settings
    make_keys(Story.keys)
    run_state_machine_as_test(
        Story,
        settings=hypothesis.settings(
            max_examples=14,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
