"""The evidence recomputed from its beginning: every chain, head, copy and journal, with the keys alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from django.conf import settings

from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, Entry, canonical, merkle_root, sha256_hex, verify_chain
from retention.evidence_log import EvidenceLog, Journal, heads_directory, key_id, signing_key
from retention.evidence_restore import adopted_nights
from retention.models import EvidenceEntry, EvidenceHead


@dataclass
class Verified:
    """What was recomputed and agreed. `unsigned`: chains of nights that are not finished; `lost`: nights whose entries
    went when our own database was restored, as was signed then.
    """

    chains: int = 0
    entries: int = 0
    heads: int = 0
    unsigned: int = 0
    copies: int = 0
    journals: int = 0
    journal_lines: int = 0
    lost: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


_Step = tuple[int, int]
"""(lot, number of the attempt)."""


def verify(slug: str) -> Verified:
    """Recompute everything that this organisation's evidence says. Raises EvidenceError naming the first broken place.

    Chains, signatures, the heads' own chain and their copies; and, where a journal is there, that it and
    the chains tell of the same intents and outcomes.
    """
    found = Verified()
    heads = _verify_heads(slug, found)
    intents: dict[_Step, str] = {}
    outcomes: dict[_Step, tuple[str, str]] = {}
    names = EvidenceEntry.objects.filter(organisation=slug).order_by("chain").values_list("chain", flat=True)
    chains = list(names.distinct())
    adopted = adopted_nights(slug, signed=heads)
    for chain in chains:
        head = None if chain in adopted else heads.get(chain)  # of a night that was lost half its entries may be there
        _verify_one_chain(EvidenceLog(slug, chain), head, found, intents, outcomes)
    lost = sorted(set(heads) - set(chains) - adopted)
    if lost:
        raise EvidenceError(f"{slug}: the chain {lost[0]} is gone, and its head is there")
    found.lost = len(adopted)
    _verify_journals(slug, heads, found, intents, outcomes, adopted)
    return found


def _verify_heads(slug: str, found: Verified) -> dict[str, Mapping[str, Any]]:
    """The signed bodies by their chain."""
    key = signing_key() if EvidenceHead.objects.filter(organisation=slug).exists() else None
    previous, by_chain = GENESIS, {}
    for head in EvidenceHead.objects.filter(organisation=slug).order_by("number"):
        where = f"{slug}: head {head.number} ({head.business_date})"
        if head.digest != sha256_hex(head.body.encode("utf-8")):
            raise EvidenceError(f"{where} was changed: its digest is another")
        if key is None or head.key_id != key_id(key):
            raise EvidenceError(f"{where} is signed with another key than keys/evidence.pem")
        try:
            key.public_key().verify(bytes.fromhex(head.signature), bytes.fromhex(head.digest))
        except (InvalidSignature, ValueError):
            raise EvidenceError(f"{where} has a signature that is not its own") from None
        body = json.loads(head.body)
        if head.number != found.heads + 1 or body["number"] != head.number or body["previous"] != previous:
            raise EvidenceError(f"{where} does not follow head {found.heads}")
        if body["organisation"] != slug or body["business_date"] != head.business_date.isoformat():
            raise EvidenceError(f"{where} is another night's")
        _verify_copy(slug, head, where, found)
        found.heads, previous = head.number, head.digest
        by_chain[body["chain"]] = body
    copies = []
    for path in heads_directory(slug).glob("*.json"):
        if not (path.stem.isascii() and path.stem.isdecimal()):
            raise EvidenceError(f"{slug}: {path.name!r} among the copies of heads is none")
        copies.append(int(path.stem))
    ahead = [number for number in copies if number > found.heads]
    if ahead:
        raise EvidenceError(f"{slug}: head {min(ahead)} is gone from the database, and its copy is there")
    return by_chain


def _verify_copy(slug: str, head: EvidenceHead, where: str, found: Verified) -> None:
    path = heads_directory(slug) / f"{head.number}.json"
    if not path.exists():
        return
    content = {"body": head.body, "digest": head.digest, "key_id": head.key_id, "signature": head.signature}
    if path.read_bytes() != canonical(content) + b"\n":
        raise EvidenceError(f"{where} is not what its copy says")
    found.copies += 1


def _verify_one_chain(
    log: EvidenceLog,
    head: Mapping[str, Any] | None,
    found: Verified,
    intents: dict[_Step, str],
    outcomes: dict[_Step, tuple[str, str]],
) -> None:
    digests: list[str] = []

    def noted() -> Iterator[Entry]:
        for entry in log.entries():
            yield entry  # checked before it is read
            digests.append(entry.digest)
            if entry.kind == "intent":
                body = json.loads(entry.body)
                intents[body["lot"], body["attempt"]] = sha256_hex(entry.body)
            elif entry.kind == "outcome":
                body = json.loads(entry.body)
                outcomes[body["lot"], body["attempt"]] = log.chain, sha256_hex(canonical(body["tally"]))

    try:
        entries, last = verify_chain(noted())
    except EvidenceError as error:
        raise EvidenceError(f"{log.slug} {log.chain}: {error}") from None
    found.chains += 1
    found.entries += entries
    if head is None:
        found.unsigned += 1
    elif (head["entries"], head["last"], head["root"]) != (entries, last, merkle_root(digests)):
        raise EvidenceError(
            f"{log.slug} {log.chain}: {entries} entries, and its head signs {head['entries']} or others"
        )


def _verify_journals(
    slug: str,
    heads: Mapping[str, Mapping[str, Any]],
    found: Verified,
    intents: Mapping[_Step, str],
    outcomes: Mapping[_Step, tuple[str, str]],
    adopted: Collection[str],
) -> None:
    """An intent is committed, then journalled, then sent, then its outcome is committed and journalled."""
    told: dict[str, set[_Step]] = {}
    for path in sorted((Path(settings.DATA_DIR) / "journal" / slug).glob("*.jsonl")):
        try:
            journal = Journal(slug, date.fromisoformat(path.stem))
        except ValueError:
            raise EvidenceError(f"{slug}: {path.name!r} among the journals is none") from None
        signed = heads[path.stem]["journal"] if path.stem in heads else {"lines": 0, "last": GENESIS}
        agreed = signed["lines"] == 0
        steps = told.setdefault(path.stem, set())
        number = 0
        for number, record, digest in journal.lines():
            where = f"{slug}: journal {path.name}: line {number}"
            step = record["lot"], record["attempt"]
            if path.stem in adopted:  # its entries are lost: the journal's own chain, and its head, are what is left
                agreed = agreed or (number == signed["lines"] and digest == signed["last"])
                continue
            if record["kind"] == "intent":
                body = {name: value for name, value in record.items() if name not in {"kind", "run"}}
                if intents.get(step) != sha256_hex(canonical(body)):
                    raise EvidenceError(f"{where} tells of an intent (lot {step[0]}) that the chain does not have")
                steps.add(step)
            elif outcomes.get(step, ("", ""))[1] != sha256_hex(canonical(record["tally"])):
                raise EvidenceError(f"{where} tells of an outcome (lot {step[0]}) that the chain does not have")
            agreed = agreed or (number == signed["lines"] and digest == signed["last"])
        if not agreed:
            raise EvidenceError(
                f"{slug}: journal {path.name} ends after line {number}, and its night's head signs {signed['lines']}"
            )
        found.journals += 1
        found.journal_lines += number
    for (lot, attempt), (chain, _) in sorted(outcomes.items()):
        if chain in adopted:
            continue
        if chain in told and (lot, attempt) not in told[chain]:
            raise EvidenceError(f"{slug}: journal {chain}.jsonl lacks the intent of lot {lot}, attempt {attempt}")
