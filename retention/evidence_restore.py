"""Our own database was restored from a backup, and the evidence beside it is newer.

The heads' copies and the journals lie outside the database (D7), so they tell that nights ran which the database no
longer knows. Nothing may be destroyed on such a database before somebody has said that it is so: approvals, holds
and lots of those nights are gone from it. Adopting takes the heads back from their copies, names the nights whose
entries are lost, and signs that; what was destroyed in them is in the journals, as keyed digests, and stays absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Container, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import transaction

from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, canonical, sha256_hex
from retention.evidence_log import (
    EvidenceLog,
    Journal,
    copy_heads,
    heads_directory,
    key_id,
    sign_head,
    signing_key,
)
from retention.models import Attempt, EvidenceEntry, EvidenceHead, Run
from retention.models.run import RunState

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

KIND = "adopted"
"""The entry that says which nights' entries were lost with our own database."""


def lost_nights(slug: str) -> list[str]:
    """Dates of nights that the evidence outside the database tells of and the database does not know whole."""
    return _lost(slug, adopted_nights(slug), _ahead(slug))


def _lost(slug: str, adopted: Container[str], ahead: Sequence[tuple[int, str]]) -> list[str]:
    chains = EvidenceEntry.objects.filter(organisation=slug).order_by()  # in the order of entries all were distinct
    known = set(chains.values_list("chain", flat=True).distinct())
    journals = _journals(slug)
    lost = {path.stem for path in journals if path.stem not in known and Journal(slug, _day(path)).end()[0]}
    lost |= {path.stem for path in journals[-1:] if not _knows_its_journal(slug, _day(path), adopted)}
    lost |= {json.loads(body)["chain"] for _, body in ahead}
    return sorted(name for name in lost if name not in adopted and not name.startswith(f"{KIND}-"))


def _day(path: Path) -> date:
    return date.fromisoformat(path.stem)


def refuse_restored(run: Run) -> None:
    """Raises EvidenceError if our own database is older than the evidence beside it, or this night was lost with it."""
    slug, night = run.organisation.slug, run.business_date
    heads = EvidenceHead.objects.filter(organisation=slug, business_date=night)
    adopted, ahead = adopted_nights(slug), _ahead(slug)
    if night.isoformat() in adopted and heads.exists():
        raise EvidenceError(f"{slug}: the night of {night} ran before our own database was restored; run the next")
    lost = _lost(slug, adopted, ahead)
    if not lost and not ahead and _follows_its_copy(slug):
        return
    raise EvidenceError(
        f"{slug}: our own database was restored from a backup: it does not know the night of "
        f"{', '.join(lost) or night.isoformat()} as the evidence outside it does. Place again the holds of those days, "
        "then say `manage.py evidence adopt`"
    )


def _follows_its_copy(slug: str) -> bool:
    """Whether the last head is the one that was copied under its number."""
    last = EvidenceHead.objects.filter(organisation=slug).order_by("-number").first()
    path = None if last is None else heads_directory(slug) / f"{last.number}.json"
    if last is None or path is None or not path.exists():
        return True
    return bool(_told(slug, last.number)["digest"] == last.digest)


def _knows_its_journal(slug: str, night: date, adopted: Container[str]) -> bool:
    """Whether the last intent that the night's journal tells of is in the database, which had it first."""
    journal = Journal(slug, night)
    if not journal.end()[0] or night.isoformat() in adopted:
        return True
    told = [(record["lot"], record["attempt"]) for _, record, _ in journal.lines()]
    lot, attempt = told[-1]
    return Attempt.objects.filter(lot_id=lot, number=attempt, lot__organisation__slug=slug).exists()


def adopt(slug: str, today: date, by: str, reason: str) -> list[str]:
    """Take the heads back from their copies, and sign which nights' entries are lost; those nights' dates.

    Raises EvidenceError if nothing was lost, or a copy is not what its night signed.
    """
    lost, heads = lost_nights(slug), _ahead(slug)
    if not lost and not heads:
        raise EvidenceError(f"{slug}: the database knows every night that the evidence tells of")
    signed = {
        json.loads(body)["chain"]
        for body in EvidenceHead.objects.filter(organisation=slug).values_list("body", flat=True)
    }
    if cut := sorted(signed & set(lost)):
        raise EvidenceError(
            f"{slug}: the entries of {cut[0]} are gone and its head is still there: no restore does that, somebody did"
        )
    with transaction.atomic():
        for number, body in heads:
            _take_back(slug, number, body)
        log = EvidenceLog(slug, f"{KIND}-{today.isoformat()}")
        log.append(KIND, {"nights": lost, "heads": [number for number, _ in heads], "by": by, "reason": reason})
        sign_head(slug, today, log.chain, {"nights_lost": len(lost)})
        nights = [name for name in lost if _DATE.fullmatch(name)]  # a decision on a register has a chain too
        broken = Run.objects.filter(organisation__slug=slug, business_date__in=nights)
        broken.exclude(state=RunState.FINISHED).update(
            state=RunState.STOPPED, stop_reason="our own database was restored in the middle of it"
        )
        transaction.on_commit(partial(copy_heads, slug))
    return lost


def adopted_nights(slug: str, signed: Collection[str] | None = None) -> frozenset[str]:
    """Nights whose entries are lost, as was said when our own database had been restored; in `signed` chains only."""
    told = EvidenceEntry.objects.filter(organisation=slug, kind=KIND).values_list("chain", "body")
    heard = (body for chain, body in told if signed is None or chain in signed)
    return frozenset(night for body in heard for night in json.loads(body)["nights"])


def _journals(slug: str) -> list[Path]:
    return sorted((Path(settings.DATA_DIR) / "journal" / slug).glob("????-??-??.jsonl"))


def _ahead(slug: str) -> list[tuple[int, str]]:
    """The number and the body of each copied head that the database does not have."""
    known = set(EvidenceHead.objects.filter(organisation=slug).values_list("number", flat=True))
    numbers = sorted(int(path.stem) for path in heads_directory(slug).glob("*.json") if path.stem.isdecimal())
    return [(number, str(_told(slug, number)["body"])) for number in numbers if number not in known]


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
    key, content = signing_key(), json.loads(body)
    if told["digest"] != sha256_hex(body.encode("utf-8")) or told["key_id"] != key_id(key):
        raise EvidenceError(f"{where} was changed, or signed with another key than keys/evidence.pem")
    try:
        key.public_key().verify(bytes.fromhex(told["signature"]), bytes.fromhex(told["digest"]))
    except (InvalidSignature, ValueError):
        raise EvidenceError(f"{where} has a signature that is not its own") from None
    before = EvidenceHead.objects.filter(organisation=slug).order_by("-number").first()
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
