"""The evidence recomputed from its beginning: every chain, head, copy and journal, with the keys alone."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import CharField
from django.db.models.functions import Cast

from retention import leaves, stamps
from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, Entry, MerkleTree, canonical, sha256_hex, verify_chain
from retention.evidence_log import PAGE, EvidenceLog, Journal, chains_of, heads_directory, is_night
from retention.evidence_restore import adopted_nights
from retention.models import EvidenceHead
from retention.signing_keys import keyring


@dataclass
class Verified:
    """What was recomputed and agreed. `unsigned`: chains of nights that are not finished, which nothing holds yet but
    their journals; `lost`: nights whose entries went when our own database was restored, as was signed then. `away`:
    copies of heads that had left this machine. `stamps`: time stamps of heads; who gave them is asked only with
    SELOSTE_STAMP_CA.
    """

    chains: int = 0
    entries: int = 0
    heads: int = 0
    unsigned: int = 0
    copies: int = 0
    journals: int = 0
    journal_lines: int = 0
    lost: int = 0
    leaves: int = 0
    away: int = 0
    stamps: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


_Step = tuple[int, int]
"""(lot, number of the attempt)."""


@dataclass
class _Steps:
    """What chains told of steps that may still be told of: a night's own, and those that earlier nights left open."""

    intents: dict[_Step, str] = field(default_factory=dict)
    outcomes: dict[_Step, str] = field(default_factory=dict)

    def settle(self) -> None:
        """A night is over: what came to its outcome in it no later journal speaks of."""
        for step in self.outcomes:
            self.intents.pop(step, None)
        self.outcomes.clear()


def verify(slug: str, away: Path | None = None) -> Verified:
    """Recompute everything that this organisation's evidence says. Raises EvidenceError naming the first broken place.

    Chains, signatures, the heads' own chain and their copies; and, where a journal is there, that it and
    the chains tell of the same intents and outcomes. Night by night: what is kept meanwhile is one night's.
    `away`: a directory with copies of heads that had left this machine; with the database everything here may have
    been restored, and only they show it.
    """
    with _whatever_is_stored():
        found = _verify(slug)
    if away is not None:
        _verify_away(slug, away, found)
    return found


def _verify_away(slug: str, away: Path, found: Verified) -> None:
    known = dict(EvidenceHead.objects.filter(organisation=slug).values_list("number", "digest"))
    for number, path in sorted(
        (int(p.stem), p) for p in away.glob("*.json") if p.stem.isascii() and p.stem.isdecimal()
    ):
        try:
            told = json.loads(path.read_bytes())
            digest, body = str(told["digest"]), json.loads(told["body"])
            keyring().check_head(told)
        except (ValueError, KeyError, TypeError):
            raise EvidenceError(f"{slug}: {path.name} of the heads that left cannot be read") from None
        except EvidenceError as error:
            raise EvidenceError(f"{slug}: {path.name} of the heads that left {error}") from None
        if body["organisation"] != slug or digest != sha256_hex(told["body"].encode("utf-8")):
            raise EvidenceError(f"{slug}: {path.name} of the heads that left is another organisation's or was changed")
        if number not in known:
            raise EvidenceError(
                f"{slug}: head {number} ({body['business_date']}) left this machine and is known here no more: what is "
                "here was restored from a backup. Bring its copy back into the directory of heads"
            )
        if known[number] != digest:
            raise EvidenceError(
                f"{slug}: head {number} ({body['business_date']}) left this machine, and another stands here under its "
                "number: what is here was restored from a backup, and went on from there"
            )
        found.away += 1


@contextmanager
def _whatever_is_stored() -> Iterator[None]:
    """SQLite gives a text as it lies on the disk: what is none any more is read too, and its digest then is another."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    before = connection.connection.text_factory
    connection.connection.text_factory = lambda stored: stored.decode("utf-8", "replace")
    try:
        yield
    finally:
        connection.connection.text_factory = before


def _verify(slug: str) -> Verified:
    found = Verified()
    before = chains_of(slug)  # and after: what is signed while the heads are read is neither headless nor gone
    heads = _verify_heads(slug, found)
    chains = set(chains_of(slug))
    found.stamps = stamps.check(slug)
    adopted = adopted_nights(slug, signed=heads)
    journals = {path.stem: path for path in (Path(settings.DATA_DIR) / "journal" / slug).glob("*.jsonl")}
    steps = _Steps()
    for name in sorted(chains | set(journals) | (set(heads) - adopted)):
        if name not in chains and name in heads and name not in adopted:
            raise EvidenceError(f"{slug}: the chain {name} is gone, and its head is there")
        if name in chains:
            head = None if name in adopted else heads.get(name)  # of a lost night half its entries may be there
            _verify_one_chain(EvidenceLog(slug, name), head, found, steps)
        if name in journals:
            _verify_journal(slug, journals[name], heads.get(name), name in adopted, found, steps)
        steps.settle()
    _refuse_headless(slug, [name for name in before if name not in adopted], heads, adopted)
    found.lost = len(adopted)
    return found


def _refuse_headless(
    slug: str, chains: Iterable[str], heads: Mapping[str, Mapping[str, Any]], adopted: Container[str]
) -> None:
    """Only nights since the last one that ended lack a head: what ends signs them too, and all else is signed at once.

    Whoever can write the database but not sign would otherwise add a night that never was, and it would verify.
    """
    nights = (name for name, head in heads.items() if name == head["business_date"] and name not in adopted)
    last = max(nights, default="")
    for name in chains:
        if name not in heads and not (is_night(name) and name > last):
            raise EvidenceError(
                f"{slug}: the chain {name} has no head, and only a night since the last signed one "
                f"({last or 'none'}) may lack it"
            )


def _verify_heads(slug: str, found: Verified) -> dict[str, Mapping[str, Any]]:
    """The signed bodies by their chain."""
    ring = keyring() if EvidenceHead.objects.filter(organisation=slug).exists() else None
    previous, by_chain, place = GENESIS, {}, 0
    stored = EvidenceHead.objects.filter(organisation=slug).order_by("number").defer("business_date")
    for head in stored.annotate(day=Cast("business_date", CharField())).iterator(chunk_size=PAGE):
        where = f"{slug}: head {head.number} ({head.day})"
        if head.digest != sha256_hex(head.body.encode("utf-8")):
            raise EvidenceError(f"{where} was changed: its digest is another")
        if ring is not None:
            try:
                place = ring.check_head(_told(head), after=place)
            except EvidenceError as error:
                raise EvidenceError(f"{where} {error}") from None
        body = json.loads(head.body)
        if head.number != found.heads + 1 or body["number"] != head.number or body["previous"] != previous:
            missing = f": head {found.heads + 1} is missing" if head.number > found.heads + 1 else ""
            raise EvidenceError(f"{where} does not follow head {found.heads}{missing}")
        if body["organisation"] != slug or body["business_date"] != head.day:
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


def _told(head: EvidenceHead) -> dict[str, str]:
    return {"body": head.body, "digest": head.digest, "key_id": head.key_id, "signature": head.signature}


def _verify_copy(slug: str, head: EvidenceHead, where: str, found: Verified) -> None:
    path = heads_directory(slug) / f"{head.number}.json"
    if not path.exists():
        return
    if path.read_bytes() != canonical(_told(head)) + b"\n":
        raise EvidenceError(f"{where} is not what its copy says")
    found.copies += 1


def _verify_one_chain(log: EvidenceLog, head: Mapping[str, Any] | None, found: Verified, steps: _Steps) -> None:
    tree = MerkleTree()

    def noted() -> Iterator[Entry]:
        for entry in log.entries():
            yield entry  # checked before it is read
            tree.add(entry.digest)
            if entry.kind == leaves.KIND:
                found.leaves += _verify_leaves(log.slug, entry)
            if entry.kind == "intent":
                body = json.loads(entry.body)
                steps.intents[body["lot"], body["attempt"]] = sha256_hex(entry.body)
            elif entry.kind == "outcome":
                body = json.loads(entry.body)
                steps.outcomes[body["lot"], body["attempt"]] = sha256_hex(canonical(body["tally"]))

    try:
        entries, last = verify_chain(noted())
    except EvidenceError as error:
        raise EvidenceError(f"{log.slug} {log.chain}: {error}") from None
    found.chains += 1
    found.entries += entries
    if head is None:
        found.unsigned += 1
    elif (head["entries"], head["last"], head["root"]) != (entries, last, tree.root()):
        raise EvidenceError(
            f"{log.slug} {log.chain}: {entries} entries, and its head signs {head['entries']} or others"
        )


def _verify_leaves(slug: str, entry: Entry) -> int:
    body = json.loads(entry.body)
    try:
        leaves.check(slug, entry.digest, body["leaves"], body["root"])
    except EvidenceError as error:
        raise EvidenceError(f"entry {entry.number} ({entry.kind}): {error}") from None
    return int(body["leaves"])


def _verify_journal(
    slug: str, path: Path, head: Mapping[str, Any] | None, adopted: bool, found: Verified, steps: _Steps
) -> None:
    """An intent is committed, then journalled, then sent, then its outcome is committed and journalled.

    Of an `adopted` night the entries are lost: the journal's own chain, and its head, are what is left.
    """
    try:
        journal = Journal(slug, date.fromisoformat(path.stem))
    except ValueError:
        raise EvidenceError(f"{slug}: {path.name!r} among the journals is none") from None
    signed = head["journal"] if head is not None else {"lines": 0, "last": GENESIS}
    agreed = signed["lines"] == 0
    told: set[_Step] = set()
    number = 0
    for number, record, digest in journal.lines():
        agreed = agreed or (number == signed["lines"] and digest == signed["last"])
        if adopted:
            continue
        where = f"{slug}: journal {path.name}: line {number}"
        step = record["lot"], record["attempt"]
        if record["kind"] == "intent":
            body = {name: value for name, value in record.items() if name not in {"kind", "run"}}
            if steps.intents.get(step) != sha256_hex(canonical(body)):
                raise EvidenceError(f"{where} tells of an intent (lot {step[0]}) that the chain does not have")
            told.add(step)
        elif steps.outcomes.get(step) != sha256_hex(canonical(record["tally"])):
            raise EvidenceError(f"{where} tells of an outcome (lot {step[0]}) that the chain does not have")
    if not agreed:
        raise EvidenceError(
            f"{slug}: journal {path.name} ends after line {number}, and its night's head signs {signed['lines']}"
        )
    found.journals += 1
    found.journal_lines += number
    lacking = [] if adopted else sorted(steps.outcomes.keys() - told)
    if lacking:
        lot, attempt = lacking[0]
        raise EvidenceError(f"{slug}: journal {path.name} lacks the intent of lot {lot}, attempt {attempt}")
