"""The exact effect of a rule change before it is published: what the draft lets go that the version in force keeps.

Every item of every dataset that the draft decides otherwise is read from its register, joined with the ledger and
decided by `decide` under both, from the first day on and 24 months ahead, as if nothing but the calendar changed.
Nothing is flagged, destroyed or written: only where the two read different places are keyed digests of the items
compared in a temporary table. What cannot be asked is unknown, never "no effect". Contracts that no night has collected
yet are asked for as a night would, and forgotten again (`retention.first_told`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from django.db import connection
from django.utils.translation import gettext_noop

from retention import following_reader
from retention.closed import closings
from retention.connectors.contract import Candidate
from retention.domain.ahead import MAY_GO, Course, course
from retention.domain.decisions import Decision, Item, State, decide
from retention.domain.errors import SelosteError
from retention.domain.evidence import canonical, sha256_hex
from retention.domain.following import Followed, decide_following
from retention.domain.horizon import Question, questions
from retention.domain.periods import Period, last_day
from retention.domain.rules import Hold, RuleSet
from retention.evidence_log import subject_digest
from retention.first_told import Silent, first_told, refuse_blind
from retention.following_reader import Reader
from retention.holds import of_item, on
from retention.identity import Names
from retention.plan import DatasetPlan, Plan, plan_of
from retention.verification import join
from ropa.models import Organisation, Version
from ropa.selectors import version_in_force
from ropa.services import draft_of

MONTHS_AHEAD = 24
BATCH = 2_000
UNMAPPED = gettext_noop("Nobody has said where it lies in its register, so no night reaches it.")
NOWHERE = ("", "", "")
"""In the columns of a side that does not have the item."""


@dataclass
class Month:
    """How many items fall due in a month that did not until then (`gained`), or no longer do (`lost`)."""

    gained: int = 0
    lost: int = 0


@dataclass
class Effect:
    """What a draft changes about one dataset, or one step of one.

    modes     how far nights go, in the version in force and in the draft; "": it is not there
    items     how many there are; None where they could not all be asked (`problem`)
    due       how many may go on the first day, before and after; those under a hold included
    gained    may go earlier than they did, or at all, within the time looked at; `held`: of these, under a hold then
    lost      may go later than they did, or not at all within the time looked at
    at_once   of these, on the first day itself; `months`: the rest by the month of the earlier day
    states    of the items on the first day, before and after
    """

    dataset: str
    register: str
    modes: tuple[str, str]
    items: int | None = 0
    problem: str = ""
    due: list[int] = field(default_factory=lambda: [0, 0])
    gained: int = 0
    lost: int = 0
    held: int = 0
    at_once: Month = field(default_factory=Month)
    months: dict[str, Month] = field(default_factory=dict)
    states: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))

    def add(self, before: Course | None, after: Course | None, start: date, times: int = 1) -> None:
        """Count items that go this way before and that way after; None: one of both does not reach them."""
        self.items = (self.items or 0) + times
        for side, one in enumerate((before, after)):
            if one is not None:
                self.states[side][one.state.value] += times
                self.due[side] += times * (one.due == start)
        old, new = before.due if before else None, after.due if after else None
        if new is not None and after is not None and (old is None or new < old):
            self.gained += times
            self.held += times * after.held
            self._of(new, start).gained += times
        elif old is not None and (new is None or new > old):
            self.lost += times
            self._of(old, start).lost += times

    def _of(self, day: date, start: date) -> Month:
        return self.at_once if day == start else self.months[day.isoformat()[:7]]

    def as_data(self) -> dict[str, Any]:
        """As programs get it, and as its digest is made of."""
        if self.problem:
            counted: dict[str, Any] = dict.fromkeys(("items", "due", "gained", "lost", "held", "at_once", "months"))
        else:
            counted = {
                "items": self.items,
                "due": self.due,
                "gained": self.gained,
                "lost": self.lost,
                "held": self.held,
                "at_once": vars(self.at_once),
                "months": [{"month": name, **vars(month)} for name, month in self.months.items()],
            }
        return {
            "dataset": self.dataset,
            "register": self.register,
            "modes": list(self.modes),
            "problem": self.problem,
            **counted,
            "states": None if self.problem else [dict(sorted(side.items())) for side in self.states],
        }


@dataclass(frozen=True)
class Impact:
    """The effect of one draft against one version, looked at from `start` to `until`.

    draft    the draft's digest
    version  the version in force on `start`; None: there is none yet
    same     datasets and steps about which nothing that decides has changed; they are not asked
    """

    draft: str
    version: Version | None
    start: date
    until: date
    effects: tuple[Effect, ...]
    same: int

    @property
    def complete(self) -> bool:
        """Whether every dataset that the draft changes answered to its end."""
        return not any(effect.problem for effect in self.effects)

    def as_data(self) -> dict[str, Any]:
        """As programs get it: what `digest` is made of."""
        return {
            "draft": self.draft,
            "version": None if self.version is None else self.version.number,
            "from": self.start.isoformat(),
            "until": self.until.isoformat(),
            "complete": self.complete,
            "gained": sum(effect.gained for effect in self.effects) if self.complete else None,
            "lost": sum(effect.lost for effect in self.effects) if self.complete else None,
            "same": self.same,
            "datasets": [effect.as_data() for effect in self.effects],
        }


@dataclass
class _Side:
    """One of the two that are compared: the version in force, or the draft."""

    plan: Plan
    dataset: DatasetPlan
    names: Names
    organisation: Organisation
    start: date
    until: date
    silent: Silent
    holds: Mapping[str, Sequence[Hold]] = field(default_factory=dict)
    reader: Reader | None = None
    asked: dict[tuple[int, date], tuple[RuleSet, frozenset[Question]]] = field(default_factory=dict)

    def prepare(self, stack: ExitStack) -> None:
        """Read the holds, and open what the dataset follows. Raises ConnectorError, RuleError."""
        one = self.dataset
        refuse_blind(self.organisation, self.plan, one, self.start, self.silent)
        self.holds = on(self.organisation, self.plan, one)
        if one.rules.follows:
            self.reader = stack.enter_context(
                following_reader.reader(self.plan, one, self.organisation, self.start, self.names.connect, self._beside)
            )

    def batches(self) -> Iterator[list[Candidate]]:
        """Every item of the register, some at a time. Raises ConnectorError."""
        if self.dataset.mapping is None:
            return
        with self.names.connect(self.dataset) as connector:
            connector.check([self.dataset.mapping])
            stream = iter(connector.find(self.dataset.mapping))
            while batch := list(islice(stream, BATCH)):
                yield batch

    def _beside(self, theirs: DatasetPlan, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Item]]:
        found = join(self.plan, theirs, self.organisation, candidates, self.start)
        return ((one.candidate, one.item) for one in found)

    def courses(self, batch: Sequence[Candidate]) -> Iterator[Course]:
        """What becomes of each of these items in the days ahead."""
        joined = list(join(self.plan, self.dataset, self.organisation, batch, self.start))
        beside = self.reader.followed(batch) if self.reader is not None else [None] * len(batch)
        for one, followed in zip(joined, beside, strict=True):
            found = self._course(one.item, of_item(self.holds, one.candidate.ref.subject), followed)
            if one.doubtful:  # whose it is is not certain: a person's to decide, on every day
                found = Course(State.REVIEW if found.state in MAY_GO else found.state)
            yield found

    def _course(self, item: Item, holds: Sequence[Hold], followed: Sequence[Followed] | None) -> Course:
        rules = self.dataset.rules

        def on(day: date) -> Decision:
            if rules.follows:
                return decide_following(item, rules, followed, holds, day)
            return decide(item, rules, holds, day)

        parts = [(item, rules), *((one.item, one.rules) for one in followed or ())]
        every = [*holds, *(hold for one in followed or () for hold in one.holds)]
        return course(on, parts, every, self.start, self.until, self._asked)

    def _asked(self, rules: RuleSet, day: date) -> frozenset[Question]:
        """Asked once for all items: every one begins on the same day."""
        found = self.asked.get((id(rules), day))
        if found is None or found[0] is not rules:
            found = self.asked[id(rules), day] = rules, questions(rules, day)
        return found[1]


def impact_of(
    organisation: Organisation,
    start: date,
    document: Mapping[str, Any] | None = None,
    only: str | None = None,
) -> Impact:
    """The effect of the organisation's draft if it were in force from `start` on.

    `document`: another draft, which nobody has saved. `only`: of one dataset and its steps, the others are not asked.
    Raises RuleError for a draft that no night could execute. A register that does not answer is a `problem` of its
    datasets, as is that nobody has mapped one, and the impact is not complete.
    """
    snapshot = canonical(draft_of(organisation) if document is None else document).decode("utf-8")
    draft = Version(snapshot=snapshot, digest=sha256_hex(snapshot.encode("utf-8")))
    version = version_in_force(organisation, start)
    until = last_day(start, Period(MONTHS_AHEAD, 0))
    closed = closings(organisation)
    after = plan_of(draft).without(closed)
    before = plan_of(version).without(closed) if version is not None else None
    effects, same = [], 0
    with ExitStack() as stack:
        names = [
            stack.enter_context(Names(organisation, plan)) if plan is not None else None for plan in (before, after)
        ]
        silent = stack.enter_context(first_told(organisation, [plan for plan in (before, after) if plan is not None]))
        for old, new in _pairs(before, after, only):
            alike = _decided_alike(before, old, after, new)
            if alike and old is not None and new is not None and old.policy.mode == new.policy.mode:
                same += 1
                continue
            sides = [
                _Side(plan, one, name, organisation, start, until, silent)
                if plan is not None and one is not None and name is not None and one.mapping is not None
                else None
                for plan, one, name in ((before, old, names[0]), (after, new, names[1]))
            ]
            one = new or old
            if one is not None:
                modes = (old.policy.mode if old else "", new.policy.mode if new else "")
                effects.append(_effect(Effect(one.code, one.register, modes), *sides, alike=alike))
    return Impact(draft.digest, version, start, until, tuple(effects), same)


def ahead_of(organisation: Organisation, version: Version, start: date) -> tuple[date, list[Effect]]:
    """What falls due by a version's rules from `start` on, and until when was looked: as `gained`, for nothing was due.

    A register that does not answer is a `problem` of its datasets, and so is that nobody has mapped one. Raises
    RuleError for a version that no night could execute.
    """
    until = last_day(start, Period(MONTHS_AHEAD, 0))
    plan = plan_of(version).without(closings(organisation))
    effects = []
    with ExitStack() as stack:
        names = stack.enter_context(Names(organisation, plan))
        silent = stack.enter_context(first_told(organisation, [plan]))
        for one in _asked(plan, None):
            side = _Side(plan, one, names, organisation, start, until, silent) if one.mapping is not None else None
            effects.append(_effect(Effect(one.code, one.register, ("", one.policy.mode)), None, side))
    return until, effects


def _pairs(
    before: Plan | None, after: Plan, only: str | None
) -> Iterator[tuple[DatasetPlan | None, DatasetPlan | None]]:
    """Datasets and steps of both by their code: those of the draft first, in its order, then those that it leaves."""
    olds = {one.code: one for one in _asked(before, only)} if before is not None else {}
    for one in _asked(after, only):
        yield olds.pop(one.code, None), one
    for one in olds.values():
        yield one, None


def _asked(plan: Plan, only: str | None) -> Iterator[DatasetPlan]:
    for one in (*plan.datasets, *plan.steps):
        if only is None or only in (one.code, one.code.partition(".")[0]):
            yield one


def _decided_alike(before: Plan | None, old: DatasetPlan | None, after: Plan, new: DatasetPlan | None) -> bool:
    """Whether nothing that decides about the items has changed."""
    if before is None or old is None or new is None:
        return False
    kinds = {one.subject_kind for one in (*before.datasets, *after.datasets)}
    return (
        old.rules_digest == new.rules_digest
        and old.register == new.register
        and _followed(before, old) == _followed(after, new)
        and all(before.told(kind) == after.told(kind) for kind in kinds)
        and all(_telling(before, kind) <= _telling(after, kind) for kind in kinds)
    )


def _telling(plan: Plan, subject_kind: str) -> frozenset[tuple[str, str]]:
    """The sources that tell of subjects of this kind: of whom one that is left out told, nobody tells any more."""
    return frozenset(
        (register.code, source.code)
        for register in plan.registers
        for source in register.ledger
        if source.subject_kind == subject_kind
    )


def _followed(plan: Plan, dataset: DatasetPlan) -> list[object]:
    """Where what decides about a follower's items is read from."""
    found = [plan.find_dataset(follow.dataset) for follow in dataset.rules.follows]
    registers = [plan.find_register(one.register) if one is not None else None for one in found]
    return [
        (one.code, one.mapping, one.register, register.connection if register is not None else None)
        for one, register in zip(found, registers, strict=True)
        if one is not None
    ]


def _effect(effect: Effect, before: _Side | None, after: _Side | None, *, alike: bool = False) -> Effect:
    one = after or before
    if one is None:
        effect.problem = UNMAPPED  # how many there are nobody knows: that is not none
        return effect
    months = Period(1, 0)
    day = one.start.replace(day=1)
    while day <= one.until:
        effect.months[day.isoformat()[:7]] = Month()
        day = last_day(day, months)
    try:
        if before is not None and after is not None and not _same_place(before, after):
            _compared(effect, before, after)
        elif alike and before is not None and after is not None:
            _read_once(effect, after)
        else:
            _read(effect, one, before, after)
    except SelosteError as error:
        effect.problem = str(error)
    return effect


def _same_place(before: _Side, after: _Side) -> bool:
    """Whether both read the same items in the same words, so that one reading does for both."""
    old, new = before.dataset, after.dataset
    registers = (before.plan.find_register(old.register), after.plan.find_register(new.register))
    return (
        old.mapping == new.mapping
        and (old.register, old.grain, old.subject_kind) == (new.register, new.grain, new.subject_kind)
        and old.subject_key == new.subject_key
        and before.plan.identities(old) == after.plan.identities(new)
        and len({register.connection for register in registers if register is not None}) == 1
    )


def _read(effect: Effect, one: _Side, before: _Side | None, after: _Side | None) -> None:
    with ExitStack() as stack:
        for side in (before, after):
            if side is not None:
                side.prepare(stack)
        for batch in one.batches():
            nobody: list[None] = [None] * len(batch)
            olds = before.courses(batch) if before is not None else nobody
            news = after.courses(batch) if after is not None else nobody
            for old, new in zip(olds, news, strict=True):
                effect.add(old, new, one.start)


def _read_once(effect: Effect, side: _Side) -> None:
    """Where both decide alike, and only how far nights go is another."""
    with ExitStack() as stack:
        side.prepare(stack)
        for batch in side.batches():
            for found in side.courses(batch):
                effect.add(found, found, side.start)


def _compared(effect: Effect, before: _Side, after: _Side) -> None:
    """Both read apart and brought together by the keyed digests of their items, with constant memory."""
    drop = "DROP TABLE IF EXISTS rule_impact"
    _run(drop)
    _run(
        "CREATE TEMPORARY TABLE rule_impact (item varchar(64), "
        "was varchar(20), was_due varchar(10), was_held varchar(1), "
        "will varchar(20), will_due varchar(10), will_held varchar(1))"
    )
    try:
        for side in (before, after):
            with ExitStack() as stack:
                side.prepare(stack)
                for batch in side.batches():
                    _insert(
                        (
                            _item(side, candidate),
                            *(NOWHERE if side is after else ()),
                            *_told(found),
                            *(NOWHERE if side is before else ()),
                        )
                        for candidate, found in zip(batch, side.courses(batch), strict=True)
                    )
        columns = ("was", "was_due", "was_held", "will", "will_due", "will_held")
        joined = ", ".join(f"max({column}) AS {column}" for column in columns)
        every = ", ".join(columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {every}, count(*) FROM (SELECT {joined} FROM rule_impact GROUP BY item) AS items "  # noqa: S608 - our own words
                f"GROUP BY {every}"
            )
            while rows := cursor.fetchmany(BATCH):
                for *told, times in rows:
                    effect.add(_course(*told[:3]), _course(*told[3:]), before.start, times)
    finally:
        _run(drop)


def _item(side: _Side, candidate: Candidate) -> str:
    place = side.dataset.mapping.place if side.dataset.mapping is not None else ""
    return subject_digest(canonical([side.dataset.register, place, candidate.ref.key]).decode("utf-8"))


def _told(found: Course) -> tuple[str, str, str]:
    return found.state.value, found.due.isoformat() if found.due else "", "h" if found.held else ""


def _course(state: str, due: str, held: str) -> Course | None:
    return Course(State(state), date.fromisoformat(due) if due else None, bool(held)) if state else None


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _insert(rows: Iterable[tuple[str, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO rule_impact VALUES (%s, %s, %s, %s, %s, %s, %s)", list(rows))
