"""What an older backup of our own database would undo, remembered beside it: holds, stops, destroyed leaves (D9).

Journals under DATA_DIR/remembered/SLUG. A hold is told there when it has been committed, without its persons: their
number and one keyed digest of all of them, by which a hold that is placed again is known to be the same. Of leaves
that were forgotten only their places are told, nobody's. Neither file says anything that the database does not know
on an ordinary day; after a restore they say what it has forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical
from retention.evidence_log import Journal, subject_digest
from retention.models import Gate, Hold, HoldSubject, StopEvent

HOLD, RELEASED, STOPS, SETTLED = "hold", "released", "stops", "settled"


@dataclass(frozen=True, slots=True)
class LostHold:
    """A hold that the database does not know. `line`: of the journal; `again`: the one that was placed in its stead."""

    line: int
    number: int
    start: str
    reason: str
    register: str
    dataset: str
    persons: int
    who: str
    again: int | None = None

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.register, self.dataset))) or "every register"
        whom = f"{self.persons} persons" if self.persons else "everybody"
        return f"hold {self.number} from {self.start} ({self.reason}; {whom}; {where})"


@dataclass(frozen=True, slots=True)
class LostStop:
    """A stop that the database does not know: of these registers, or of everything. `lines`: of the journal."""

    lines: tuple[int, ...]
    everything: bool
    registers: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        what = "everything" if self.everything else ", ".join(self.registers)
        return f"the stop of {what} ({self.reason})"


def tell_hold(hold: Hold, subjects: Iterable[tuple[str, str]]) -> None:
    """A hold stands: once its transaction is committed."""
    persons = sorted(set(subjects))
    _holds(hold.organisation.slug).append(
        {
            "kind": HOLD,
            **_one(hold),
            "start": hold.start.isoformat(),
            "reason": hold.reason,
            "register": hold.register,
            "dataset": hold.dataset,
            "persons": len(persons),
            "who": _who(persons),
        }
    )


def tell_release(hold: Hold) -> None:
    """A hold was released: whoever restores an older database need not place it again."""
    _holds(hold.organisation.slug).append({"kind": RELEASED, **_one(hold)})


def tell_stops(slug: str) -> None:
    """Each stop pulled or taken back that was not told yet, in their order, whoever of two comes here first."""
    told = {_which(record) for _, record in _lines(_holds(slug)) if record["kind"] == STOPS}
    for event in StopEvent.objects.filter(organisation__slug=slug).order_by("pk"):
        change = {"epoch": event.epoch, "at": _instant(event.at)}
        if _which(change) not in told:
            _holds(slug).append(
                {
                    "kind": STOPS,
                    **change,
                    "everything": event.everything,
                    "registers": sorted(event.registers),
                    "reason": event.reason,
                }
            )


def _which(change: Mapping[str, Any]) -> tuple[int, str]:
    """What no other change of the gate has, the one that follows a restore included."""
    return change["epoch"], change["at"]


def _one(hold: Hold) -> dict[str, Any]:
    """What no other hold has: after a restore another one takes its number, and the gate counts on from before it."""
    return {"hold": hold.pk, "at": _instant(hold.placed_at)}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def tell_settled(slug: str, lines: Sequence[int]) -> None:
    """What these lines tell and the database does not know was confirmed by a person, and signed."""
    if lines:
        _holds(slug).append({"kind": SETTLED, "lines": sorted(lines)})


def lost(slug: str) -> tuple[list[LostHold], LostStop | None]:
    """The holds and the stop that stand by what was told and that the database does not know. Raises EvidenceError.

    The journal is read first and tells only what was committed: what is done meanwhile is not taken for lost.
    """
    told: dict[tuple[int, str], tuple[int, Mapping[str, Any]]] = {}
    stops: dict[tuple[int, str], tuple[int, Mapping[str, Any]]] = {}
    settled: set[int] = set()
    for line, record in _lines(_holds(slug)):
        if record["kind"] == HOLD:
            told[record["hold"], record["at"]] = line, record
        elif record["kind"] == RELEASED:
            told.pop((record["hold"], record["at"]), None)
        elif record["kind"] == STOPS:
            stops.setdefault(_which(record), (line, record))
        else:
            settled.update(record["lines"])
    known = Hold.objects.filter(organisation__slug=slug).values_list("pk", "placed_at") if told else ()
    here = {(pk, _instant(at)) for pk, at in known}
    missing = [(line, record) for key, (line, record) in told.items() if key not in here and line not in settled]
    again = _standing(slug) if missing else {}
    holds = [
        LostHold(
            line=line,
            number=record["hold"],
            start=record["start"],
            reason=record["reason"],
            register=record["register"],
            dataset=record["dataset"],
            persons=record["persons"],
            who=record["who"],
            again=again.get((record["register"], record["dataset"], record["who"])),
        )
        for line, record in missing
    ]
    return holds, _lost_stop(slug, {key: one for key, one in stops.items() if one[0] not in settled})


def catch_up(slug: str) -> None:
    """Tell of each stop, and of each hold that stands, that was not told yet.

    They were placed before this journal was, or when it could not be written. Only where nothing is lost: what is not
    here would otherwise be taken for known.
    """
    told = {(record["hold"], record["at"]) for _, record in _lines(_holds(slug)) if record["kind"] == HOLD}
    for hold in Hold.objects.filter(organisation__slug=slug, released=None).select_related("organisation"):
        if (hold.pk, _instant(hold.placed_at)) not in told:
            tell_hold(hold, hold.subjects.values_list("subject_kind", "subject"))
    tell_stops(slug)


def _lost_stop(slug: str, told: Mapping[tuple[int, str], tuple[int, Mapping[str, Any]]]) -> LostStop | None:
    """What the last change that is not known had stopped, and is not stopped here."""
    known = StopEvent.objects.filter(organisation__slug=slug).values_list("epoch", "at") if told else ()
    here = {(epoch, _instant(at)) for epoch, at in known}
    unknown = [one for key, one in told.items() if key not in here]
    if not unknown:
        return None
    _, last = max(unknown, key=lambda one: one[0])
    gate = Gate.objects.filter(organisation__slug=slug).first()
    everything = last["everything"] and not (gate is not None and gate.stopped)
    registers = set(last["registers"]) - set(gate.stopped_registers if gate is not None else ())
    if not everything and not registers:
        return None
    return LostStop(tuple(line for line, _ in unknown), everything, tuple(sorted(registers)), last["reason"])


def _standing(slug: str) -> dict[tuple[str, str, str], int]:
    """Register, dataset and persons of each hold that was not released: its number."""
    holds = Hold.objects.filter(organisation__slug=slug, released=None)
    persons: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for pk, kind, subject in HoldSubject.objects.filter(hold__in=holds).values_list("hold", "subject_kind", "subject"):
        persons[pk].append((kind, subject))
    return {(hold.register, hold.dataset, _who(sorted(persons[hold.pk]))): hold.pk for hold in holds}


def _who(persons: Sequence[tuple[str, str]]) -> str:
    return subject_digest("held\0" + canonical([list(one) for one in persons]).decode("utf-8"))


def tell_forgotten(slug: str, places: Mapping[str, Sequence[int]]) -> None:
    """Leaves that were destroyed: of an entry of the evidence, which."""
    journal = Journal.at(_directory(slug) / "forgotten.jsonl")
    for entry, positions in sorted(places.items()):
        journal.append({"entry": entry, "leaves": sorted(positions)})


def forgotten(slug: str) -> Mapping[str, frozenset[int]]:
    """Entry -> the leaves of it that nobody may read any more, whatever a backup has brought back."""
    path = _directory(slug) / "forgotten.jsonl"
    seen = _seen(path)
    return {} if seen is None else _forgotten(path, seen)


def _seen(path: Path) -> tuple[int, ...] | None:
    """What tells whether a file is the one that was read; None where there is none."""
    try:
        told = path.stat()
    except FileNotFoundError:
        return None
    return told.st_ino, told.st_size, told.st_mtime_ns


@lru_cache(maxsize=8)
def _forgotten(path: Path, seen: tuple[int, ...]) -> Mapping[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for _, record in _lines(Journal.at(path)):
        found[record["entry"]] = found.get(record["entry"], frozenset()) | frozenset(record["leaves"])
    return found


def tell_destroyed_months(slug: str, months: Sequence[str]) -> None:
    """Months (YYYY-MM) of whose leaves the key is destroyed."""
    Journal.at(_directory(slug) / "months.jsonl").append({"months": sorted(months)})


def destroyed_months(slug: str) -> frozenset[str]:
    """The months of whose leaves the key was destroyed."""
    path = _directory(slug) / "months.jsonl"
    seen = _seen(path)
    return frozenset() if seen is None else _destroyed_months(path, seen)


@lru_cache(maxsize=8)
def _destroyed_months(path: Path, seen: tuple[int, ...]) -> frozenset[str]:
    return frozenset(month for _, record in _lines(Journal.at(path)) for month in record["months"])


def _lines(journal: Journal) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if journal.path.exists():
        try:
            for number, record, _ in journal.lines():
                yield number, record
        except EvidenceError as error:
            raise EvidenceError(f"remembered: {error}") from None


def _holds(slug: str) -> Journal:
    return Journal.at(_directory(slug) / "holds.jsonl")


def _directory(slug: str) -> Path:
    return Path(settings.DATA_DIR) / "remembered" / slug
