"""What an older backup of our own database would undo, remembered beside it (D9).

That is what keeps something from going: holds, stops, versions that were published or withdrawn, lots that were turned
down, marketing bans; and leaves that were destroyed. Journals under DATA_DIR/remembered/SLUG. A hold is told there when
it has been committed, without its persons: their number and one keyed digest of all of them, by which a hold that is
placed again is known to be the same. Of leaves that were forgotten only their places are told, nobody's, and of bans
the newest one's number. Nothing there says what the database does not know on an ordinary day; after a restore it says
what has been forgotten.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed_zone
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical
from retention.domain.lifecycle import LotState
from retention.evidence_log import Journal, subject_digest, write_whole
from retention.models import BanEvent, Gate, Hold, HoldSubject, LotEvent, StopEvent
from ropa.models import Version, Withdrawal

HOLD, RELEASED, STOPS, SETTLED = "hold", "released", "stops", "settled"
VERSION, WITHDRAWAL, REJECTION = "version", "withdrawal", "rejection"
BAN = "ban"
LAST_ZONE = fixed_zone(timedelta(hours=-12))


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


@dataclass(frozen=True, slots=True)
class LostDecision:
    """A decision that the database does not know: `kind` of `number` (of a version, or a lot), `at` an instant.

    again  whether it was taken once more; that a lot was turned down needs no repetition, adopting takes it back
    """

    line: int
    kind: str
    number: int
    at: str
    again: bool

    def __str__(self) -> str:
        what = {
            VERSION: "the publication of version {}",
            WITHDRAWAL: "the withdrawal of version {}",
            REJECTION: "that lot {} was turned down",
        }[self.kind]
        return f"{what.format(self.number)} ({self.at[:10]})"


@dataclass(frozen=True, slots=True)
class Lost:
    """What the database has forgotten. `bans`: since when marketing bans are missing (the newest's instant); ""."""

    holds: tuple[LostHold, ...] = ()
    stop: LostStop | None = None
    decisions: tuple[LostDecision, ...] = ()
    bans: str = ""

    def __bool__(self) -> bool:
        return bool(self.holds or self.stop or self.decisions or self.bans)

    @property
    def missing(self) -> Lost:
        """Of these, what nobody has put right yet, and adopting does not either."""
        return Lost(
            tuple(hold for hold in self.holds if hold.again is None),
            None,
            tuple(one for one in self.decisions if not one.again),
            self.bans,
        )

    def __str__(self) -> str:
        """In words; "" if nothing is lost."""
        stop = () if self.stop is None else (self.stop,)
        bans = (f"marketing bans until {self.bans[:10]}",) if self.bans else ()
        return "; ".join(map(str, (*self.holds, *stop, *self.decisions, *bans)))


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
    """A hold was released: whoever restores an older database need not place it again.

    Of one that still holds, because its release lies ahead, nothing is told: who restores one is asked about it.
    """
    if hold.released is not None and hold.released > hold.organisation.day_of(timezone.now()):
        return
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


def tell_decisions(slug: str) -> None:
    """Each version that was published or withdrawn, and each lot that was turned down, that was not told yet."""
    told = {_decided(record) for _, record in _lines(_holds(slug)) if record["kind"] in _KNOWN}
    for kind, known in _KNOWN.items():
        for number, at, more in known(slug):
            decision = {"kind": kind, "number": number, "at": at, **more}
            if _decided(decision) not in told:
                _holds(slug).append(decision)


def _decided(record: Mapping[str, Any]) -> _Key:
    return record["kind"], record["number"], record["at"]


def tell_bans(slug: str, settled: bool = False) -> None:
    """The newest marketing ban, or lifting: an older database has another newest one, or none.

    As long as some are lost nothing hides that; `settled`: a person has said that it is known.
    """
    if not settled and _lost_bans(slug):
        return
    newest = BanEvent.objects.filter(organisation__slug=slug).order_by("-pk").values_list("pk", "at").first()
    path = _bans(slug)
    if newest is not None:
        number, at = newest
        write_whole(path, canonical({"number": number, "at": _instant(at)}))
    elif path.exists():
        path.unlink()


def _bans(slug: str) -> Path:
    return _directory(slug) / "bans.json"


def _told_ban(slug: str) -> Mapping[str, Any] | None:
    path = _bans(slug)
    return dict(json.loads(path.read_bytes())) if path.exists() else None


def _lost_bans(slug: str) -> str:
    told = _told_ban(slug)
    if told is None:
        return ""
    at = BanEvent.objects.filter(organisation__slug=slug, pk=told["number"]).values_list("at", flat=True).first()
    return "" if at is not None and _instant(at) == told["at"] else str(told["at"])


def lost(slug: str) -> Lost:
    """What stands by what was told and the database does not know. Raises EvidenceError."""
    return compare(slug)[0]


def compare(slug: str) -> tuple[Lost, bool]:
    """What stands by what was told and the database does not know; and whether it knows more: then `catch_up`.

    The journal is read first and tells only what was committed: what is done meanwhile is not taken for lost. Raises
    EvidenceError.
    """
    told: dict[tuple[int, str], tuple[int, Mapping[str, Any]]] = {}
    stops: dict[tuple[int, str], tuple[int, Mapping[str, Any]]] = {}
    decisions: dict[_Key, tuple[int, Mapping[str, Any]]] = {}
    settled: set[int] = set()
    ever: set[_Key] = set()
    for line, record in _lines(_holds(slug)):
        if record["kind"] == HOLD:
            told[record["hold"], record["at"]] = line, record
            ever.add((HOLD, record["hold"], record["at"]))
        elif record["kind"] == RELEASED:
            told.pop((record["hold"], record["at"]), None)
            ever.add((HOLD, record["hold"], record["at"]))
        elif record["kind"] == STOPS:
            stops.setdefault(_which(record), (line, record))
            ever.add((STOPS, *_which(record)))
        elif record["kind"] == SETTLED:
            settled.update(record["lines"])
        else:
            decisions.setdefault(_decided(record), (line, record))
            ever.add(_decided(record))
    ban = _told_ban(slug)
    here = _here(slug, ban)
    if ban is not None:
        ever.add((BAN, ban["number"], ban["at"]))
    found = Lost(
        holds=_lost_holds(slug, {key: one for key, one in told.items() if one[0] not in settled}, here),
        stop=_lost_stop(slug, {key: one for key, one in stops.items() if one[0] not in settled}, here),
        decisions=_lost_decisions(slug, {key: one for key, one in decisions.items() if one[0] not in settled}, here),
        bans="" if ban is None or (BAN, ban["number"], ban["at"]) in here else str(ban["at"]),
    )
    return found, any(one[0] != RELEASED and one not in ever for one in here)


_Key = tuple[str, int, str]
"""(what it is, its number, its instant): what no other has."""

_KNOWN_HERE = """
WITH own AS (SELECT id FROM ropa_organisation WHERE slug = %(slug)s)
SELECT CASE WHEN released IS NULL OR released > %(today)s THEN 'hold' ELSE 'released' END, id, placed_at
    FROM retention_hold WHERE organisation_id IN (SELECT id FROM own)
UNION ALL SELECT 'stops', epoch, at FROM retention_stopevent WHERE organisation_id IN (SELECT id FROM own)
UNION ALL SELECT 'version', number, published_at FROM ropa_version WHERE organisation_id IN (SELECT id FROM own)
UNION ALL SELECT 'withdrawal', v.number, w.withdrawn_at
    FROM ropa_withdrawal w JOIN ropa_version v ON v.id = w.version_id WHERE v.organisation_id IN (SELECT id FROM own)
UNION ALL SELECT 'rejection', e.lot_id, e.at FROM retention_lotevent e JOIN retention_lot l ON l.id = e.lot_id
    WHERE e.after = 'rejected' AND l.organisation_id IN (SELECT id FROM own)
UNION ALL SELECT 'ban', id, at FROM retention_banevent WHERE organisation_id IN (SELECT id FROM own)
    AND id = coalesce(%(ban)s, (SELECT max(id) FROM retention_banevent WHERE organisation_id IN (SELECT id FROM own)))
"""
"""Every hold, stop and decision, and of the bans the one that was told last, or the newest where none was."""


def _here(slug: str, ban: Mapping[str, Any] | None) -> frozenset[_Key]:
    """What the database knows; in one statement, for each night asks it."""
    with connection.cursor() as cursor:
        asked = {"slug": slug, "ban": None if ban is None else ban["number"], "today": _today().isoformat()}
        cursor.execute(_KNOWN_HERE, asked)
        rows = cursor.fetchall()
    if connection.vendor == "sqlite":  # which knows no offsets: all is in UTC there
        rows = [(what, number, at.replace(tzinfo=UTC)) for what, number, at in rows]
    return frozenset((what, number, _instant(at)) for what, number, at in rows)


def _lost_holds(
    slug: str, told: Mapping[tuple[int, str], tuple[int, Mapping[str, Any]]], here: frozenset[_Key]
) -> tuple[LostHold, ...]:
    missing = [one for key, one in told.items() if here.isdisjoint({(HOLD, *key), (RELEASED, *key)})]
    again = _standing(slug) if missing else {}
    return tuple(
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
    )


def _lost_decisions(
    slug: str, told: Mapping[_Key, tuple[int, Mapping[str, Any]]], here: frozenset[_Key]
) -> tuple[LostDecision, ...]:
    missing = [(line, record) for key, (line, record) in told.items() if key not in here]
    return tuple(
        LostDecision(line, record["kind"], record["number"], record["at"], _taken_again(slug, record))
        for line, record in missing
    )


def _taken_again(slug: str, told: Mapping[str, Any]) -> bool:
    if told["kind"] == REJECTION:
        return True
    versions = Version.objects.filter(organisation__slug=slug)
    if told["kind"] == VERSION:
        return versions.filter(digest=told["digest"], in_force_from=told["in_force_from"]).exists()
    return Withdrawal.objects.filter(version__in=versions, version__number=told["number"]).exists()


_Decisions = Iterator[tuple[int, str, Mapping[str, Any]]]
"""(number, at, what else is told of it)"""


def _versions(slug: str) -> _Decisions:
    known = Version.objects.filter(organisation__slug=slug).order_by("number")
    for number, at, digest, day in known.values_list("number", "published_at", "digest", "in_force_from"):
        yield number, _instant(at), {"digest": digest, "in_force_from": day.isoformat()}


def _withdrawals(slug: str) -> _Decisions:
    known = Withdrawal.objects.filter(version__organisation__slug=slug).order_by("pk")
    for number, at in known.values_list("version__number", "withdrawn_at"):
        yield number, _instant(at), {}


def _rejections(slug: str) -> _Decisions:
    known = LotEvent.objects.filter(lot__organisation__slug=slug, after=LotState.REJECTED).order_by("pk")
    for number, at in known.values_list("lot", "at"):
        yield number, _instant(at), {}


_KNOWN: Mapping[str, Callable[[str], _Decisions]] = {
    VERSION: _versions,
    WITHDRAWAL: _withdrawals,
    REJECTION: _rejections,
}


def catch_up(slug: str) -> None:
    """Tell of each stop and decision, and of each hold that stands, that was not told yet.

    They were placed before this journal was, or when it could not be written. Only where nothing is lost: what is not
    here would otherwise be taken for known.
    """
    told = {(record["hold"], record["at"]) for _, record in _lines(_holds(slug)) if record["kind"] in {HOLD, RELEASED}}
    standing = Hold.objects.filter(_stands(), organisation__slug=slug).order_by("pk")
    untold = [pk for pk, at in standing.values_list("pk", "placed_at") if (pk, _instant(at)) not in told]
    for hold in standing.filter(pk__in=untold).select_related("organisation") if untold else ():
        tell_hold(hold, hold.subjects.values_list("subject_kind", "subject"))
    tell_stops(slug)
    tell_decisions(slug)
    if not _bans(slug).exists():
        tell_bans(slug)


def _lost_stop(
    slug: str, told: Mapping[tuple[int, str], tuple[int, Mapping[str, Any]]], here: frozenset[_Key]
) -> LostStop | None:
    """What the last change that is not known had stopped, and is not stopped here."""
    unknown = [one for key, one in told.items() if (STOPS, *key) not in here]
    if not unknown:
        return None
    _, last = max(unknown, key=lambda one: one[0])
    gate = Gate.objects.filter(organisation__slug=slug).first()
    everything = last["everything"] and not (gate is not None and gate.stopped)
    registers = set(last["registers"]) - set(gate.stopped_registers if gate is not None else ())
    if not everything and not registers:
        return None
    return LostStop(tuple(line for line, _ in unknown), everything, tuple(sorted(registers)), last["reason"])


def _today() -> date:
    """The day that it still is somewhere on earth: nothing is taken for released too early, whoever's hold it is."""
    return timezone.now().astimezone(LAST_ZONE).date()


def _stands() -> Q:
    """What holds still, also where its release lies ahead."""
    return Q(released=None) | Q(released__gt=_today())


def _standing(slug: str) -> dict[tuple[str, str, str], int]:
    """Register, dataset and persons of each hold that holds still: its number."""
    holds = Hold.objects.filter(_stands(), organisation__slug=slug)
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
