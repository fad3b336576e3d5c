"""What every connector must do, as tests that anyone can run against theirs. Needs pytest.

    class TestMine(ConnectorSuite):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

A `World` is one real system, empty at first, that the suite fills through `add` and looks at through
`snapshot`, neither of which may use the connector. What a system cannot hold (a fact, a missing date,
a subject with a newline in it) it says so, and the behaviours that need it are skipped by name; a suite that
names it in `lacks` has no such tests at all, and one that holds the world to it.
"""

# ruff: noqa: S101
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, TypeVar

import pytest

from retention.connectors.contract import (
    Candidate,
    Connector,
    ConnectorError,
    DatasetMapping,
    Disposal,
    FindsByKey,
    Outcome,
    Ref,
    Residue,
)
from retention.domain.predicates import (
    FALSE,
    TRUE,
    All,
    Any,
    AtLeast,
    AtMost,
    Closed,
    Expression,
    FactIs,
    FactKnown,
    Literal,
    Not,
    Recorded,
)
from retention.domain.rules import Action, FactValue

DAY = date(2020, 6, 15)
AWKWARD = (
    "'; drop table asiakas; --",
    '" or ""="',
    "*)(uid=*",
    "\\",
    "..",
    "../../etc/passwd",
    "/",
    "%",
    "_",
    "*",
    "a\nb",
    "a\x00b",
    " 1",
    "01",
    "1.0",
    "",
    "ÄÖ å",
    "\ud800",
)
"""Keys and subjects that somebody might have, or might send."""


@dataclass(frozen=True, slots=True)
class Given:
    """One item that the suite wants to be there."""

    subject: str | None = "1001"
    day: date | None = DAY
    fact: FactValue | None = None
    closed: bool = False


class World(ABC):
    """One real system under test: how to reach it, fill it and look at it without the connector."""

    mapping: DatasetMapping
    event: str
    """The event of `mapping.events` that `Given.day` is."""
    fact: str | None = None
    """The boolean fact of `mapping.facts` that `Given.fact` is; None where the system has none."""
    undated: bool = True
    """Whether an item may have no date."""
    action: Action = Action.DELETE
    disposed: Outcome = Outcome.DESTROYED
    """What disposing of an item gives; `pending` where people finish it."""
    again: Outcome = Outcome.ALREADY_ABSENT
    """What disposing of it a second time gives."""
    many: int = 2_500
    """Enough items for several pages."""

    @abstractmethod
    def connect(self) -> Connector:
        """A connector to the system, not yet entered."""

    @abstractmethod
    def broken(self) -> tuple[Connector, str]:
        """A connector that cannot reach its system, and a secret of its config that no error may tell."""

    @abstractmethod
    def add(self, items: Sequence[Given]) -> list[str]:
        """Put the items into the system and give back their keys, in their order."""

    @abstractmethod
    def snapshot(self) -> Mapping[str, object]:
        """All that is in the system, byte for byte: under each item's key what belongs to it, the rest by any name."""

    def in_order(self, keys: Iterable[str]) -> list[str]:
        """The keys in the system's key order; by code point unless told otherwise."""
        return sorted(keys)

    def can_hold(self, subject: str) -> bool:
        """Whether a subject's number may be this text."""
        return True


def satisfies(expression: Expression, candidate: Candidate) -> bool:
    """What an expression says of one item, in plain Python: the meaning that every register must give it."""
    match expression:
        case Literal(value):
            return value
        case AtMost(event, day):
            own = candidate.events.get(event)
            return own is not None and own <= day
        case AtLeast(event, day):
            own = candidate.events.get(event)
            return own is not None and own >= day
        case Recorded(event):
            return candidate.events.get(event) is not None
        case FactIs(fact, value):
            known = candidate.facts.get(fact)
            return known is not None and known == value
        case FactKnown(fact):
            return candidate.facts.get(fact) is not None
        case Closed():
            return candidate.closed
        case Not(term):
            return not satisfies(term, candidate)
        case All(terms):
            return all(satisfies(term, candidate) for term in terms)
        case Any(terms):
            return any(satisfies(term, candidate) for term in terms)


def refs_of(world: World, where: Expression = TRUE, subjects: Sequence[str] | None = None) -> list[Ref]:
    """The refs that a fresh connector finds."""
    with world.connect() as connector:
        return [candidate.ref for candidate in connector.find(world.mapping, where, subjects)]


def dispose(world: World, refs: Sequence[Ref], still_due: Expression = TRUE) -> list[Disposal]:
    """What a fresh connector says became of the refs."""
    with world.connect() as connector:
        return list(connector.dispose(world.mapping, refs, world.action, still_due))


def residues(world: World, refs: Sequence[Ref]) -> list[Residue]:
    """What a fresh connector reads back."""
    with world.connect() as connector:
        return list(connector.verify(world.mapping, refs, world.action))


WHAT_MAY_LACK: Mapping[str, Callable[[World], bool]] = {
    "undated items": lambda world: world.undated,
    "facts": lambda world: world.fact is not None,
    "state": lambda world: world.mapping.closed is not None,
    "subjects": lambda world: world.mapping.subject is not None,
}
"""What a system may not be able to hold, and how its world tells that it can."""

Test = TypeVar("Test", bound=Callable[..., None])


def needs(what: str) -> Callable[[Test], Test]:
    """A behaviour that a system without `what` cannot have."""

    def marked(test: Test) -> Test:
        test.needs = what  # type: ignore[attr-defined]
        return test

    return marked


class ConnectorSuite:
    """The behaviours. Subclass it with a fixture `world` that gives a `World`.

    `lacks`: what the system cannot hold, of `WHAT_MAY_LACK`; the tests that need it are not there.
    """

    lacks: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        for name in dir(cls):
            if getattr(getattr(cls, name), "needs", None) in cls.lacks:
                setattr(cls, name, None)

    def test_lacks_what_it_says(self, world: World) -> None:
        assert {what for what, has in WHAT_MAY_LACK.items() if not has(world)} >= self.lacks

    long_ago: ClassVar[date] = date(1900, 1, 1)
    far_ahead: ClassVar[date] = date(9999, 12, 31)

    def test_checks_the_mapping(self, world: World) -> None:
        world.add([Given()])
        with world.connect() as connector:
            assert connector.check([world.mapping]).missing_rights == ()

    def test_a_place_that_is_not_there_is_named(self, world: World) -> None:
        world.add([Given()])
        missing = DatasetMapping(place="ei_ole", key=world.mapping.key, events=world.mapping.events)
        with world.connect() as connector, pytest.raises(ConnectorError, match="ei_ole") as raised:
            connector.check([missing])
        assert raised.value.permanent

    def test_an_error_tells_no_secret(self, world: World) -> None:
        connector, secret = world.broken()
        assert secret not in repr(connector)
        with pytest.raises(ConnectorError) as raised, connector as entered:
            entered.check([world.mapping])
        told = [str(raised.value), repr(raised.value)]
        told += [str(cause) for cause in (raised.value.__cause__,) if cause is not None]
        assert not any(secret in text for text in told)

    def test_finds_each_item_once_in_key_order_over_pages(self, world: World) -> None:
        keys = world.add([Given(day=DAY + timedelta(days=n % 7)) for n in range(world.many)])
        assert len(set(keys)) == world.many
        assert [ref.key for ref in refs_of(world)] == world.in_order(keys)

    def test_tells_items_as_they_stand(self, world: World) -> None:
        days = [DAY, self.long_ago, self.far_ahead] + ([None] if world.undated else [])
        keys = world.add([Given(day=day) for day in days])
        with world.connect() as connector:
            found = {item.ref.key: item.events[world.event] for item in connector.find(world.mapping)}
        assert found == dict(zip(keys, days, strict=True))

    def test_asks_for_dates_on_both_sides_of_the_day(self, world: World) -> None:
        before, on, after = world.add([Given(day=DAY + timedelta(days=n)) for n in (-1, 0, 1)])
        assert {before, on} <= {ref.key for ref in refs_of(world, AtMost(world.event, DAY))}
        assert {on, after} <= {ref.key for ref in refs_of(world, AtLeast(world.event, DAY))}
        dated = All((AtLeast(world.event, DAY), AtMost(world.event, DAY)))
        assert _outcomes(world, [before, on, after], dated) == [
            Outcome.SUPERSEDED,
            world.disposed,
            Outcome.SUPERSEDED,
        ]

    @needs("undated items")
    def test_every_leaf_is_two_valued(self, world: World) -> None:
        if not world.undated:
            pytest.skip("every item of this system has a date")
        (key,) = world.add([Given(day=None)])
        for leaf in (AtMost(world.event, DAY), AtLeast(world.event, DAY), Recorded(world.event)):
            assert [ref.key for ref in refs_of(world, Not(leaf))] == [key]
            assert _outcomes(world, [key], leaf) == [Outcome.SUPERSEDED]

    @needs("facts")
    def test_asks_for_facts(self, world: World) -> None:
        if world.fact is None:
            pytest.skip("items of this system have no facts")
        yes, no, unknown = world.add([Given(fact=True), Given(fact=False), Given(fact=None)])
        assert yes in {ref.key for ref in refs_of(world, FactIs(world.fact, True))}
        assert {no, unknown} <= {ref.key for ref in refs_of(world, Not(FactIs(world.fact, True)))}
        assert unknown in {ref.key for ref in refs_of(world, Not(FactKnown(world.fact)))}
        assert _outcomes(world, [no, unknown], FactIs(world.fact, True)) == [Outcome.SUPERSEDED] * 2
        assert _outcomes(world, [yes, no], Not(FactKnown(world.fact))) == [Outcome.SUPERSEDED] * 2

    @needs("state")
    def test_asks_for_the_own_state(self, world: World) -> None:
        if world.mapping.closed is None:
            pytest.skip("items of this system have no state")
        is_open, is_closed = world.add([Given(closed=False), Given(closed=True)])
        with world.connect() as connector:
            states = {item.ref.key: item.closed for item in connector.find(world.mapping)}
        assert states == {is_open: False, is_closed: True}
        assert _outcomes(world, [is_open], Closed()) == [Outcome.SUPERSEDED]
        assert _outcomes(world, [is_closed], Not(Closed())) == [Outcome.SUPERSEDED]

    def test_never_leaves_out_what_satisfies_the_expression(self, world: World) -> None:
        days = (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1), *((None,) if world.undated else ()))
        facts = (True, False, None) if world.fact is not None else (None,)
        states = (True, False) if world.mapping.closed is not None else (False,)
        world.add([Given("1001", day, fact, closed) for day in days for fact in facts for closed in states])
        leaves: list[Expression] = [AtMost(world.event, DAY), AtLeast(world.event, DAY), Recorded(world.event)]
        leaves += [Closed(), TRUE, FALSE]
        leaves += [FactIs(world.fact, True), FactKnown(world.fact)] if world.fact is not None else []
        asked = [how((a, Not(b))) for a in leaves for b in leaves for how in (All, Any)]
        with world.connect() as connector:
            everything = list(connector.find(world.mapping))
            for where in (*asked, *(Not(term) for term in asked), All(()), Any(())):
                found = {candidate.ref.key for candidate in connector.find(world.mapping, where)}
                assert {c.ref.key for c in everything if satisfies(where, c)} <= found, where

    @needs("subjects")
    def test_asks_for_subjects_in_batches(self, world: World) -> None:
        if world.mapping.subject is None:
            pytest.skip("items of this system have no subject")
        keys = world.add([Given("1001"), Given("1002"), Given("1003"), Given("1001")])
        batch = [str(number) for number in range(5_000, 9_998)] + ["1001", "1003"]
        found = refs_of(world, subjects=batch)
        assert {(ref.key, ref.subject) for ref in found} == {
            (keys[0], "1001"),
            (keys[2], "1003"),
            (keys[3], "1001"),
        }
        assert refs_of(world, subjects=[]) == []

    def test_one_disposal_per_ref_in_their_order(self, world: World) -> None:
        keys = world.add([Given(), Given(), Given()])
        absent = _absent_key(world)
        refs = [Ref(keys[2], _subject(world)), Ref(absent, _subject(world)), Ref(keys[0], _subject(world))]
        answers = dispose(world, refs)
        assert [answer.key for answer in answers] == [keys[2], absent, keys[0]]
        assert [answer.outcome for answer in answers] == [world.disposed, Outcome.ALREADY_ABSENT, world.disposed]
        assert dispose(world, []) == []

    def test_disposing_twice_is_disposing_once(self, world: World) -> None:
        keys = world.add([Given(), Given()])
        assert _outcomes(world, keys) == [world.disposed] * 2
        after = world.snapshot()
        assert _outcomes(world, keys) == [world.again] * 2
        assert world.snapshot() == after

    def test_nothing_else_changes(self, world: World) -> None:
        keys = world.add([Given(f"100{n}") for n in range(6)])
        before = dict(world.snapshot())
        gone = [key for n, key in enumerate(keys) if n % 2]
        refs = [ref for ref in refs_of(world) if ref.key in gone]
        dispose(world, refs)
        after = dict(world.snapshot())
        kept = {name: value for name, value in before.items() if name not in gone}
        assert {name: after.get(name) for name in kept} == kept
        if world.disposed is Outcome.DESTROYED:
            assert after == kept

    def test_what_is_no_longer_due_is_superseded(self, world: World) -> None:
        keys = world.add([Given(day=DAY), Given(day=DAY + timedelta(days=400))])
        before = dict(world.snapshot())
        assert _outcomes(world, keys, AtMost(world.event, DAY - timedelta(days=1))) == [Outcome.SUPERSEDED] * 2
        assert dict(world.snapshot()) == before

    @needs("subjects")
    def test_what_is_another_subjects_now_is_superseded(self, world: World) -> None:
        if world.mapping.subject is None:
            pytest.skip("items of this system have no subject")
        keys = world.add([Given("1001")])
        before = dict(world.snapshot())
        assert [a.outcome for a in dispose(world, [Ref(keys[0], "1002")])] == [Outcome.SUPERSEDED]
        assert [a.outcome for a in dispose(world, [Ref(keys[0], None)])] == [Outcome.SUPERSEDED]
        assert dict(world.snapshot()) == before

    def test_finds_items_by_their_keys(self, world: World) -> None:
        keys = world.add([Given(), Given(), Given(day=None if world.undated else self.far_ahead)])
        with world.connect() as connector:
            if not isinstance(connector, FindsByKey):
                pytest.skip("this system is looked through")
            every = {item.ref.key: item for item in connector.find(world.mapping)}
            wanted = [keys[2], keys[0], _absent_key(world)]
            assert list(connector.find_keys(world.mapping, wanted)) == [
                every[key] for key in world.in_order([keys[0], keys[2]])
            ]
            due = list(connector.find_keys(world.mapping, wanted, AtMost(world.event, DAY)))
            assert due == [every[keys[0]]]

    def test_reads_back(self, world: World) -> None:
        keys = world.add([Given(), Given()])
        refs = [Ref(key, _subject(world)) for key in keys]
        assert {residue.key for residue in residues(world, refs)} == set(keys)
        assert all(residue.where for residue in residues(world, refs))
        dispose(world, refs[:1])
        left = {residue.key for residue in residues(world, refs)}
        assert left == (set(keys) if world.disposed is Outcome.PENDING else {keys[1]})

    def test_exports_what_will_go(self, world: World) -> None:
        keys = world.add([Given(), Given()])
        with world.connect() as connector:
            exported = list(connector.export(world.mapping, [Ref(keys[1], _subject(world))]))
        assert len(exported) == 1
        assert exported[0]

    @pytest.mark.parametrize("text", AWKWARD, ids=ascii)
    def test_an_awkward_key_touches_nothing(self, world: World, text: str) -> None:
        keys = world.add([Given(), Given()])
        if text in keys:
            pytest.skip("this text is a key that the system gave")
        before = dict(world.snapshot())
        (answer,) = dispose(world, [Ref(text, _subject(world))])
        assert answer.key == text
        assert answer.outcome in {Outcome.ALREADY_ABSENT, Outcome.REFUSED}
        assert residues(world, [Ref(text, _subject(world))]) == []
        assert dict(world.snapshot()) == before

    @needs("subjects")
    @pytest.mark.parametrize("text", AWKWARD, ids=ascii)
    def test_an_awkward_subject_means_itself_only(self, world: World, text: str) -> None:
        if world.mapping.subject is None:
            pytest.skip("items of this system have no subject")
        others = world.add([Given("1"), Given("1001")])
        assert {ref.key for ref in refs_of(world, subjects=[text])} == set()
        before = dict(world.snapshot())
        assert [a.outcome for a in dispose(world, [Ref(key, text) for key in others])] == [Outcome.SUPERSEDED] * 2
        assert dict(world.snapshot()) == before
        if not world.can_hold(text):
            return
        own = world.add([Given(text)])
        assert [(ref.key, ref.subject) for ref in refs_of(world, subjects=[text])] == [(own[0], text)]
        assert [a.outcome for a in dispose(world, [Ref(own[0], text)])] == [world.disposed]


def _subject(world: World) -> str | None:
    return "1001" if world.mapping.subject is not None else None


def _outcomes(world: World, keys: Sequence[str], still_due: Expression = TRUE) -> list[Outcome]:
    return [answer.outcome for answer in dispose(world, [Ref(key, _subject(world)) for key in keys], still_due)]


def _absent_key(world: World) -> str:
    """A key of an item that was there and is there no more; where that cannot be, one that never was."""
    (key,) = world.add([Given()])
    if world.disposed is Outcome.DESTROYED:
        assert _outcomes(world, [key]) == [Outcome.DESTROYED]
        return key
    return "999999"
