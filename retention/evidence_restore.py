"""Our own database was restored from a backup, and the evidence beside it is newer.

The heads' copies and the journals lie outside the database (D7), so they tell that nights ran which the database no
longer knows, and `remembered` tells which holds and stops it has forgotten. Nothing may be destroyed on such a database
before somebody has said that it is so. Adopting takes the heads back from their copies, names the nights whose entries
are lost and the head that was restored, and signs that; what was destroyed in them is in the journals, as keyed
digests, and stays absent. What waited in a lot and what was stopped is `restoring`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from retention import remembered
from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, canonical, sha256_hex
from retention.evidence_log import (
    EvidenceLog,
    Journal,
    copy_heads,
    heads_directory,
    sign_head,
)
from retention.models import Attempt, EvidenceEntry, EvidenceHead, NightStep, Run
from retention.models.run import RunState
from retention.models.step import StepState
from retention.signing_keys import keyring

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

KIND = "adopted"
"""The entry that says which nights' entries were lost with our own database."""

_ADOPTED = Q(kind=KIND, number=1, chain__gt="a", chain__lt="b")
"""It begins a chain of its own, `adopted-…`: within these bounds only few of all entries are looked at."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The evidence outside the database held against what the database knows.

    lost     chains of which it does not know what is told outside, and that were not adopted
    ahead    the number and the body of each copied head that it does not have
    adopted  nights whose entries are lost, as was said
    last     the number and the digest of its last head; 0 and "" of none
    """

    lost: Sequence[str]
    ahead: Sequence[tuple[int, str]]
    adopted: Container[str]
    last: tuple[int, str]


def compare(slug: str) -> Compared:
    """Read what lies outside, and then what the database knows. Raises EvidenceError."""
    copied = sorted(int(path.stem) for path in heads_directory(slug).glob("*.json") if path.stem.isdecimal())
    journals = _journals(slug)
    written = {path.stem for path in journals if Journal(slug, _day(path)).end()[0]}
    intent = Journal(slug, _day(journals[-1])).last() if journals else None
    # after the files, which the database has first: a night that begins meanwhile is not taken for a lost one
    first = Q(chain__in=written, number=1)
    told = EvidenceEntry.objects.filter(first | _ADOPTED, organisation=slug).order_by()
    entries = list(told.values_list("chain", "kind", "body"))
    adopted = _adopted(body for _, kind, body in entries if kind == KIND)
    heads = dict(EvidenceHead.objects.filter(organisation=slug).values_list("number", "digest"))
    ahead = [(number, str(_told(slug, number)["body"])) for number in copied if number not in heads]
    lost = written - {chain for chain, _, _ in entries}
    if intent is not None and journals[-1].stem not in adopted and not _knows(slug, intent):
        lost.add(journals[-1].stem)
    lost |= {json.loads(body)["chain"] for _, body in ahead}
    last = max(heads.items(), default=(0, ""))
    return Compared(sorted(name for name in lost if name not in adopted), ahead, adopted, last)


def lost_nights(slug: str) -> list[str]:
    """Dates of nights that the evidence outside the database tells of and the database does not know whole."""
    return [*compare(slug).lost]


def _day(path: Path) -> date:
    return date.fromisoformat(path.stem)


def refuse_restored(run: Run) -> None:
    """Raises EvidenceError if our own database is older than the evidence beside it, or this night was lost with it."""
    slug, night = run.organisation.slug, run.business_date
    heads = EvidenceHead.objects.filter(organisation=slug, business_date=night)
    found = compare(slug)
    if night.isoformat() in found.adopted and heads.exists():
        raise EvidenceError(f"{slug}: the night of {night} ran before our own database was restored; run the next")
    if found.lost or found.ahead or not _follows_its_copy(slug, *found.last):
        raise EvidenceError(
            f"{slug}: our own database was restored from a backup: it does not know the night of "
            f"{', '.join(found.lost) or night.isoformat()} as the evidence outside it does. Place again the holds of "
            "those days, then say `manage.py evidence adopt`"
        )
    forgotten, untold = remembered.compare(slug)
    if forgotten:
        raise EvidenceError(
            f"{slug}: our own database was restored from a backup: it does not know {forgotten}. Place, publish or say "
            "again what still holds, then say `manage.py evidence adopt`"
        )
    if untold:
        remembered.catch_up(slug)


def _follows_its_copy(slug: str, number: int, digest: str) -> bool:
    """Whether the last head is the one that was copied under its number."""
    return not (heads_directory(slug) / f"{number}.json").exists() or _told(slug, number)["digest"] == digest


def _refuse_two_histories(slug: str, number: int, digest: str) -> None:
    """Where copies came back only after heads were signed anew, no chain of heads can hold both."""
    if not _follows_its_copy(slug, number, digest):
        raise EvidenceError(
            f"{slug}: head {number} was signed here, and another one under its number before the restore. Keep the "
            "copies of both elsewhere (`evidence verify --heads DIRECTORY` shows where they part), take those that "
            f"were brought back out of heads/{slug}, and say it again"
        )


def _knows(slug: str, intent: Mapping[str, Any]) -> bool:
    """Whether the last intent that a journal tells of is in the database, which had it first."""
    lot, attempt = intent["lot"], intent["attempt"]
    return Attempt.objects.filter(lot_id=lot, number=attempt, lot__organisation__slug=slug).exists()


def adopt(slug: str, today: date, by: str, reason: str, without_lost: bool = False) -> list[str]:
    """Take the heads back from their copies, and sign which nights' entries are lost; the names of those chains.

    `without_lost`: what was not placed, published or said again holds no more, as who says so has looked at. Raises
    EvidenceError if nothing was lost, a copy is not what its night signed, or, without it, something is not put right.
    """
    found = compare(slug)
    _refuse_two_histories(slug, *found.last)
    lost, heads = [*found.lost], found.ahead
    forgotten = remembered.lost(slug)
    if not lost and not heads and not forgotten:
        raise EvidenceError(f"{slug}: the database knows every night that the evidence tells of")
    if (missing := forgotten.missing) and not without_lost:
        raise EvidenceError(
            f"{slug}: {missing}: lost, and not placed, published or said again. Do that with what still holds; of the "
            "rest say --without-lost"
        )
    signed = {
        json.loads(body)["chain"]
        for body in EvidenceHead.objects.filter(organisation=slug).values_list("body", flat=True)
    }
    if cut := sorted(signed & set(lost)):
        raise EvidenceError(
            f"{slug}: the entries of {cut[0]} are gone and its head is still there: no restore does that, somebody did"
        )
    with transaction.atomic():
        restored = EvidenceHead.objects.filter(organisation=slug).order_by("-number").first()
        for number, body in heads:
            _take_back(slug, number, body)
        log = EvidenceLog.apart(slug, KIND, today)
        log.append(
            KIND,
            {
                "nights": lost,
                "heads": [number for number, _ in heads],
                "restored": {"head": restored.number, "digest": restored.digest} if restored else None,
                "holds": [{"hold": one.number, "start": one.start, "again": one.again} for one in forgotten.holds],
                "stop": str(forgotten.stop or ""),
                "decisions": [{"what": str(one), "again": one.again} for one in forgotten.decisions],
                "bans": forgotten.bans,
                "by": by,
                "reason": reason,
            },
        )
        sign_head(slug, today, log.chain, {"nights_lost": len(lost), "holds_lost": len(missing.holds)})
        _settle_what_is_known(slug)
        nights = [name for name in lost if _DATE.fullmatch(name)]  # a decision on a register has a chain too
        broken = Run.objects.filter(organisation__slug=slug, business_date__in=nights)
        held = NightStep.objects.filter(run__in=broken, state=StepState.RUNNING)  # by processes of another database
        held.update(state=StepState.WAITING, lease_owner="", lease_until=None)
        broken.exclude(state=RunState.FINISHED).update(
            state=RunState.STOPPED, stop_reason="our own database was restored in the middle of it"
        )
        transaction.on_commit(partial(copy_heads, slug))
        stops = forgotten.stop.lines if forgotten.stop is not None else ()
        lines = [*(one.line for one in forgotten.holds), *(one.line for one in forgotten.decisions), *stops]
        transaction.on_commit(partial(remembered.tell_settled, slug, lines))
        transaction.on_commit(partial(remembered.tell_bans, slug, settled=True))
    return lost


def _settle_what_is_known(slug: str) -> None:
    """An intent that a lost night had brought to its outcome is counted there: what went is not recovered once more."""
    open_ = Attempt.objects.filter(lot__organisation__slug=slug, state="intent")
    wanted = {(lot, number): pk for pk, lot, number in open_.values_list("pk", "lot", "number")}
    if not wanted:
        return
    known = set()
    for path in _journals(slug):
        for _, record, _ in Journal(slug, _day(path)).lines():
            if record["kind"] == "outcome" and (step := (record["lot"], record["attempt"])) in wanted:
                known.add(wanted[step])
    Attempt.objects.filter(pk__in=known).update(state="lost")


def adopted_nights(slug: str, signed: Collection[str] | None = None) -> frozenset[str]:
    """Nights whose entries are lost, as was said when our own database had been restored; in `signed` chains only."""
    told = EvidenceEntry.objects.filter(_ADOPTED, organisation=slug).values_list("chain", "body")
    return _adopted(body for chain, body in told if signed is None or chain in signed)


def _adopted(bodies: Iterable[str]) -> frozenset[str]:
    return frozenset(night for body in bodies for night in json.loads(body)["nights"])


def _journals(slug: str) -> list[Path]:
    return sorted((Path(settings.DATA_DIR) / "journal" / slug).glob("????-??-??.jsonl"))


def _told(slug: str, number: int) -> dict[str, Any]:
    try:
        told = dict(json.loads((heads_directory(slug) / f"{number}.json").read_bytes()))
        json.loads(told["body"])["chain"]
        told["digest"], told["key_id"], told["signature"]
    except (ValueError, KeyError, TypeError):
        raise EvidenceError(f"{slug}: the copy of head {number} cannot be read") from None
    return told


def _take_back(slug: str, number: int, body: str) -> None:
    where = f"{slug}: the copy of head {number}"
    told = _told(slug, number)
    ring, content = keyring(), json.loads(body)
    if told["digest"] != sha256_hex(body.encode("utf-8")):
        raise EvidenceError(f"{where} was changed")
    before = EvidenceHead.objects.filter(organisation=slug).order_by("-number").first()
    ids = ring.ids()
    try:
        ring.check_head(told, after=ids.index(before.key_id) if before is not None and before.key_id in ids else 0)
    except EvidenceError as error:
        raise EvidenceError(f"{where} {error}") from None
    follows = (before.number + 1, before.digest) if before else (1, GENESIS)
    if (content["number"], content["previous"]) != follows or canonical(content) != body.encode("utf-8"):
        raise EvidenceError(f"{where} does not follow head {follows[0] - 1}")
    EvidenceHead.objects.create(
        organisation=slug,
        number=number,
        business_date=date.fromisoformat(content["business_date"]),
        body=body,
        digest=told["digest"],
        key_id=told["key_id"],
        signature=told["signature"],
    )
