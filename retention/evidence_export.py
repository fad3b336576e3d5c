"""Evidence that leaves the house: all of an organisation's in one file, or what it says of one person.

`retention.offline` checks both with neither the database nor our keys; docs/reference/evidence-file.md says what a
line means. Both are written line by line, and hold no name and no number of those whose data went: they are keyed
digests. Entries of what people decided outside of nights may name who did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from retention import leaves, stamps
from retention.domain.errors import EvidenceError
from retention.domain.evidence import Entry, canonical, merkle_path, sha256_hex
from retention.evidence_log import PAGE, EvidenceLog, chains_of
from retention.evidence_restore import adopted_nights
from retention.models import EvidenceEntry, EvidenceHead
from retention.signing_keys import signer, signing_key

SCHEMA = "seloste.evidence/1"
PROOF_SCHEMA = "seloste.proof/1"


class _File:
    """A file of canonical JSON lines whose last one signs all before it."""

    def __init__(self, out: BinaryIO, slug: str, schema: str, **besides: Any) -> None:
        self._out, self._schema, self._signer = out, schema, signer()
        self._sum, self._first, self.lines = hashlib.sha256(), "", 0
        ring = self._signer.ring
        if ring.links:
            besides["signers"] = ring.links
        self._write({"schema": schema, "organisation": slug, "public_keys": ring.keys, **besides})
        self._first = self._sum.hexdigest()

    def line(self, kind: str, told: Any) -> None:
        self._write({kind: told})

    def close(self) -> int:
        """Sign it; the number of its lines."""
        about = {"first": self._first, "lines": self.lines + 1, "sha256": self._sum.hexdigest()}
        signed = self._schema.encode("ascii") + b"\n" + canonical(about)
        self.line("end", {**about, "key_id": self._signer.id, "signature": self._signer.key.sign(signed).hex()})
        return self.lines

    def _write(self, line: Mapping[str, Any]) -> None:
        raw = canonical(line) + b"\n"
        self._sum.update(raw)
        self._out.write(raw)
        self.lines += 1


def export(slug: str, out: BinaryIO) -> int:
    """Write all that the organisation's evidence says; the number of lines. Memory for one chunk's leaves.

    Raises EvidenceError if the signing key or leaves cannot be read; what is broken in the chains is written as it is.
    """
    file = _File(out, slug, SCHEMA)
    chains = chains_of(slug)  # before the heads: what is signed meanwhile is not written as if it had none
    bodies = EvidenceHead.objects.filter(organisation=slug).values_list("body", flat=True)
    lost = adopted_nights(slug, signed={json.loads(body)["chain"] for body in bodies.iterator(chunk_size=PAGE)})
    signed = set()
    for head in _heads(slug):
        chain = json.loads(head.body)["chain"]
        signed.add(chain)
        if chain not in lost:
            _write_chain(file, EvidenceLog(slug, chain))
        file.line("head", _head(head))
    for chain in chains:
        if chain not in signed and chain not in lost:
            _write_chain(file, EvidenceLog(slug, chain))
    return file.close()


def _heads(slug: str) -> Iterator[EvidenceHead]:
    last = 0
    while page := list(EvidenceHead.objects.filter(organisation=slug, number__gt=last).order_by("number")[:PAGE]):
        yield from page
        last = page[-1].number


def _head(head: EvidenceHead) -> dict[str, Any]:
    told = {"body": head.body, "digest": head.digest, "key_id": head.key_id, "signature": head.signature}
    answer = stamps.of_head(head)
    return told if answer is None else {**told, "stamp": {"answer": answer.hex(), "digest": sha256_hex(answer)}}


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "kind": entry.kind,
        "body": entry.body.decode("utf-8"),
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _write_chain(file: _File, log: EvidenceLog) -> None:
    for entry in log.entries():
        if entry.number == 1:
            file.line("chain", {"name": log.chain, "digest": sha256_hex(log.chain.encode("utf-8"))})
        file.line("entry", _entry(entry))
        if entry.kind != leaves.KIND:
            continue
        digests, opened = _leaves_of(log, entry.number, entry.digest)
        for digest, one in zip(digests, opened, strict=True):
            file.line("leaf", {"digest": digest, **({} if one is None else _opened(one))})


def _opened(one: leaves.Opened) -> dict[str, str]:
    return {"key": one.key.hex(), "text": one.text}


def _leaves_of(log: EvidenceLog, number: int, digest: str) -> tuple[list[str], list[leaves.Opened | None]]:
    try:
        return leaves.of_entry(log.slug, digest)
    except EvidenceError as error:
        raise EvidenceError(f"{log.slug} {log.chain}: entry {number} ({leaves.KIND}): {error}") from None


def prove(slug: str, kind: str, number: str, out: BinaryIO) -> int:
    """Write what the evidence says of one person, with the way of each leaf to a signed head; how many leaves.

    It shows nobody else: of others there are digests on the way, made with random keys. Of the lots it shows the
    rules, and how many people approved. Nights that are not signed yet are left out, and what was lost with our own
    database, or went by a claim that was: there is nothing to prove by.
    """
    person = leaves.person_digest(kind, number)
    file = _File(out, slug, PROOF_SCHEMA, person=person)
    heads = {json.loads(head.body)["chain"]: head for head in _heads(slug)}
    for night in adopted_nights(slug, signed=heads):
        heads.pop(night, None)  # of its entries there are some at most
    shown: set[str] = set()
    claimed: set[int] = set()
    campaigns: set[int] = set()
    written = 0
    digests_of: dict[str, list[str]] = {}

    def proven(row: EvidenceEntry) -> None:
        if row.chain not in shown:
            file.line("head", _head(heads[row.chain]))
            shown.add(row.chain)
        if row.chain not in digests_of:
            digests_of.clear()  # one night's at a time
            digests_of[row.chain] = EvidenceLog(slug, row.chain).digests()
        path = merkle_path(digests_of[row.chain], row.number - 1)
        told = {"chain": row.chain, "number": row.number, "kind": row.kind, "body": row.body, "previous": row.previous}
        file.line("proven", {**told, "path": path})

    for entry, digests, theirs in leaves.about(slug, person):
        row = EvidenceEntry.objects.get(organisation=slug, digest=entry, kind=leaves.KIND)
        if row.chain not in heads:
            continue
        lot = json.loads(row.body)["lot"]
        if lot not in claimed:
            claim = _claim(slug, lot)
            if claim is None or claim.chain not in heads:
                continue
            claimed.add(lot)
            estimated = set(json.loads(claim.body).get("estimated", [])) - campaigns
            campaigns |= estimated
            for said in (one for campaign in sorted(estimated) for one in _said_of(slug, campaign)):
                if said.chain in heads:
                    proven(said)
            proven(claim)
        proven(row)
        for index, one in theirs.items():
            path = merkle_path(digests, index)
            file.line("leaf", {"digest": digests[index], "index": index, "path": path, **_opened(one)})
            written += 1
    file.close()
    return written


def _claim(slug: str, lot: int) -> EvidenceEntry | None:
    """The entry by which a lot was claimed: it says by which rules, and who approved it."""
    named = f'"lot":{lot},'
    for row in EvidenceEntry.objects.filter(organisation=slug, kind="claimed", body__contains=named).order_by("pk"):
        if json.loads(row.body)["lot"] == lot:
            return row
    return None


def _said_of(slug: str, campaign: int) -> list[EvidenceEntry]:
    """The entries in which persons proposed, decided, confirmed or took back a substitute for missing dates."""
    rows = EvidenceEntry.objects.filter(
        organisation=slug, kind__startswith="campaign_", body__contains=f'"campaign":{campaign},'
    )
    return [row for row in rows.order_by("pk") if json.loads(row.body)["campaign"] == campaign]


def fingerprint() -> str:
    """The public key that signs, in hex, to be given to whoever is to check a file. Raises EvidenceError."""
    return signing_key().public_key().public_bytes_raw().hex()
