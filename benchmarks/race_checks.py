"""What must be true of a race that is over, judged from what each process noted of itself.

Times are those of CLOCK_MONOTONIC, one for all processes of a machine, in nanoseconds. A note is taken before something
began or after it had ended, whichever makes the claim the weaker: what is called a violation is one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

Key = tuple[str, str]
"""(place, primary key)."""


@dataclass(frozen=True)
class Sending:
    """Keys that were sent to the register in one call: when the epoch was asked, when the call began and ended."""

    place: str
    keys: tuple[str, ...]
    epoch: int
    began: int
    ended: int
    claimed: tuple[int, int] | None
    """Their claim lies between these; None where an interrupted one was finished."""


@dataclass
class Holding:
    """A hold, from before it was placed to before it was released."""

    subjects: frozenset[str]
    places: frozenset[str]
    scoped: bool
    began: int
    committed: int
    saved: int
    in_flight: int
    gone: int
    released: float = inf
    epoch: int = 0


@dataclass(frozen=True)
class Stop:
    places: frozenset[str]
    committed: int
    resumed: int


@dataclass
class Race:
    """All that was noted. `rows`: whose each key is; `evaluated`: since when it was surely in a lot, if it was free."""

    rows: Mapping[Key, str]
    evaluated: Mapping[Key, int]
    left: frozenset[Key]
    sendings: Sequence[Sending]
    holds: Sequence[Holding]
    stops: Sequence[Stop]
    chunks: Sequence[tuple[int, int]]
    """Each from before it was claimed until after its outcome was committed."""
    actions: Sequence[tuple[int, int]]
    """Each hold placed, extended or released, each stop and its end: began, committed."""
    found: list[str] = field(default_factory=list)

    @cached_property
    def sent(self) -> Mapping[Key, Sending]:
        """By key the call that took it: the last, since what a call left there is sent again."""
        return {(one.place, key): one for one in sorted(self.sendings, key=lambda s: s.began) for key in one.keys}

    @cached_property
    def of_subject(self) -> Mapping[str, Sequence[Key]]:
        found: dict[str, list[Key]] = {}
        for key, subject in self.rows.items():
            found.setdefault(subject, []).append(key)
        return found

    def protected(self, hold: Holding) -> Iterable[Key]:
        """The keys that a hold keeps: of its persons, of nobody where it names a scope, of all where it names none."""
        if not hold.subjects:
            return [key for key in self.rows if key[0] in hold.places]
        whose = {*hold.subjects, ""} if hold.scoped else hold.subjects
        return [key for subject in whose for key in self.of_subject.get(subject, ()) if key[0] in hold.places]

    @cached_property
    def lot_ended(self) -> Mapping[tuple[str, int], int]:
        """By place and when a lot was made: when the last of its keys was sent."""
        found: dict[tuple[str, int], int] = {}
        for key, sending in self.sent.items():
            lot = key[0], self.evaluated[key]
            found[lot] = max(found.get(lot, 0), sending.ended)
        return found

    def gone(self, key: Key) -> bool:
        return key not in self.left


def violations(race: Race) -> list[str]:
    """Each sentence one promise that was broken; no person is named."""
    found = [f"{key[0]} {key[1]} is gone and was never sent" for key in race.rows if _unsent(race, key)]
    for number, hold in enumerate(race.holds):
        found += _sent_under(race, number, hold) + _untrue(race, number, hold)
    found += [line for stop in race.stops for line in _claimed_under(race, stop)]
    return found


def _unsent(race: Race, key: Key) -> bool:
    return race.gone(key) and key not in race.sent


def _sent_under(race: Race, number: int, hold: Holding) -> list[str]:
    """Keys whose epoch was read when the hold had been committed, and whose call began before it was released."""
    return [
        f"hold {number}: {key[0]} {key[1]} was sent under it"
        for key in race.protected(hold)
        if (sending := race.sent.get(key)) and sending.epoch > hold.committed and sending.began < hold.released
    ]


def _untrue(race: Race, number: int, hold: Holding) -> list[str]:
    """The three numbers against what became of the keys, as long as nothing but this hold decided about them."""
    keys = list(race.protected(hold))
    surely_gone = certain = surely_there = uncertain = there = 0
    for key in keys:
        sending = race.sent.get(key)
        went = race.gone(key) and sending is not None
        before_release = went and sending is not None and sending.began < hold.released
        there += not (went and sending is not None and sending.ended < hold.released)
        certain += went
        surely_gone += before_release
        uncertain += before_release and sending is not None and _lot_may_be_wiped(race, key, hold)
        surely_there += not went and _surely_in_a_lot(race, key, hold)
    told = f"said {hold.saved} saved, {hold.in_flight} in flight, {hold.gone} gone of {len(keys)}"
    found = []
    if hold.gone > certain:
        found.append(f"hold {number}: {told}; only {certain} went")
    if surely_gone - uncertain > hold.gone + hold.in_flight:
        found.append(f"hold {number}: {told}; {surely_gone} went")
    if hold.saved > there:
        found.append(f"hold {number}: {told}; only {there} are there")
    if surely_there > hold.saved + hold.in_flight:
        found.append(f"hold {number}: {told}; {surely_there} are there")
    return found


def _lot_may_be_wiped(race: Race, key: Key, hold: Holding) -> bool:
    """What was verified is gone without being counted: all of the key's lot had been sent when the hold was placed."""
    return race.lot_ended.get((key[0], race.evaluated[key]), 0) < hold.committed


def _surely_in_a_lot(race: Race, key: Key, hold: Holding) -> bool:
    since = race.evaluated.get(key, inf)
    others = (other for other in race.holds if other is not hold and other.began < since)
    return since < hold.began and not any(key in race.protected(other) for other in others)


def _claimed_under(race: Race, stop: Stop) -> list[str]:
    return [
        f"{one.place}: {len(one.keys)} keys were claimed under a stop"
        for one in race.sendings
        if one.claimed is not None
        and one.place in stop.places
        and one.claimed[0] > stop.committed
        and one.claimed[1] < stop.resumed
    ]


def interleavings(race: Race) -> int:
    """How many actions came while a chunk was between its claim and its outcome."""
    chunks = sorted(race.chunks)
    begins = [began for began, _ in chunks]
    latest: list[int] = []
    for _, ended in chunks:
        latest.append(max(ended, latest[-1] if latest else 0))
    found = 0
    for began, committed in race.actions:
        before = bisect_left(begins, committed)
        found += before > 0 and latest[before - 1] > began
    return found


def read(notes: Iterable[Mapping[str, Any]], places: Sequence[str]) -> dict[str, Any]:
    """The fields of a Race that the processes noted."""
    sendings, stops, chunks, actions = [], [], [], []
    holds: dict[int, Holding] = {}
    evaluated: dict[tuple[str, int], int] = {}
    released: dict[int, int] = {}
    for note in notes:
        match note["what"]:
            case "sent":
                claimed = None if note["claimed"] is None else (int(note["claimed"][0]), int(note["claimed"][1]))
                keys = tuple(note["keys"])
                sendings.append(Sending(note["place"], keys, note["epoch"], note["began"], note["ended"], claimed))
            case "chunk":
                chunks.append((note["began"], note["ended"]))
            case "evaluated":
                which = note["place"], note["night"]
                evaluated[which] = max(evaluated.get(which, 0), note["at"])
            case "hold":
                chosen = frozenset(note["places"] or places)
                holds[note["id"]] = Holding(
                    frozenset(note["subjects"]), chosen, bool(note["places"]), note["began"], note["committed"],
                    note["saved"], note["in_flight"], note["gone"], epoch=note["epoch"],
                )  # fmt: skip
            case "release":
                released[note["id"]] = note["began"]
            case "stop":
                chosen = frozenset(note["places"] or places)
                stops.append(Stop(chosen, note["committed"], note["resumed"]))
        if "committed" in note:
            actions.append((note["began"], note["committed"]))
    for number, began in released.items():
        holds[number].released = began
    return {
        "sendings": sendings,
        "stops": stops,
        "chunks": chunks,
        "actions": actions,
        "holds": [holds[number] for number in sorted(holds)],
        "evaluated": evaluated,
    }
