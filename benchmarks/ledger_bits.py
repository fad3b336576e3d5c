"""One bit of a large ledger flips: `python -m benchmarks.ledger_bits [--entries N] [--database postgresql]`.

Makes the evidence of as many nights as it takes (chains, heads with their copies, journals), lets the verifier
recompute it, and then flips one bit at a time, chosen from a seed: in an entry's body, kind, number, digests or chain,
in a head, in a head's copy, in a journal. Each time the verifier must name what was damaged. Prints entries, seconds,
the verifier's greatest memory beside that of a tenth of the ledger, and where each bit was found; exit code 1 where
one was not, or where memory grew with the ledger.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from benchmarks.fault_world import VENDORS, Place, places
from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, canonical, link, merkle_root, sha256_hex
from retention.evidence_check import verify
from retention.evidence_log import heads_directory, sign_head
from retention.models import EvidenceEntry, EvidenceHead

SLUG = "testi"
FIRST = date(2025, 1, 1)
NIGHT = 1_000
"""Entries of a night."""
GROWTH_KB = 4_096
"""So much more memory ten times the ledger may take: what the interpreter and the driver do of themselves."""

ENTRY = ("body", "kind", "number", "previous", "digest", "chain")
HEAD = ("body", "number", "digest", "signature", "key_id")
"""And an entry's or a head's place in the order; the night that a head names is in its body too."""
PLACES = (*(f"entry {name}" for name in ENTRY), *(f"head {name}" for name in HEAD), "copy", "journal")


def records(night: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a night says, NIGHT entries: kind and body."""
    yield "night_started", {"business_date": day_of(night).isoformat(), "organisation": SLUG}
    for attempt in range(1, NIGHT // 2):
        keys = [sha256_hex(f"{night} {attempt} {n}".encode()) for n in range(3)]
        step = {"lot": night + 1, "attempt": attempt, "register": "crm", "dataset": "tiketit"}
        yield "intent", {**step, "action": "delete", "epoch": 0, "keys": keys, "root": merkle_root(keys)}
        yield "outcome", {**step, "tally": {"destroyed": 3}, "residue": 0, "exceptions": []}
    yield "night_finished", {"business_date": day_of(night).isoformat(), "summary": {}}


def day_of(night: int) -> date:
    return FIRST + timedelta(days=night)


def fill(directory: Path, first: int, nights: int) -> None:
    """Further nights, as a night writes them but many rows at once; each head is signed by what signs heads."""
    journals = directory / "journal" / SLUG
    journals.mkdir(parents=True, exist_ok=True)
    for night in range(first, first + nights):
        chain, previous, rows = day_of(night).isoformat(), GENESIS, []
        lines: list[bytes] = []
        told, last = 0, GENESIS
        for number, (kind, body) in enumerate(records(night), 1):
            content = canonical(body)
            digest = link(previous, number, kind, content)
            rows.append(
                EvidenceEntry(
                    organisation=SLUG, chain=chain, number=number, kind=kind, body=content.decode(),
                    previous=previous, digest=digest,
                )
            )  # fmt: skip
            previous = digest
            if kind in {"intent", "outcome"}:
                record = {"kind": kind, "run": 1, **body} if kind == "intent" else _told(body)
                told += 1
                following = link(last, told, "journal", canonical(record))
                line = {"body": record, "digest": following, "number": told, "previous": last}
                lines.append(canonical(line) + b"\n")
                last = following
        (journals / f"{chain}.jsonl").write_bytes(b"".join(lines))
        with transaction.atomic():
            EvidenceEntry.objects.bulk_create(rows, batch_size=500)
            sign_head(SLUG, day_of(night), chain, {})


def _told(body: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "outcome", **{name: body[name] for name in ("lot", "attempt", "tally")}}


@dataclass(frozen=True)
class Verification:
    """What the verifier said ("" if nothing is wrong), how long it took, and its greatest memory in kB."""

    said: str
    seconds: float
    memory: int
    entries: int


def verified(place: Place, what: str = "", seed: str = "") -> tuple[Verification, str, bool]:
    """The verifier in a process of its own, with one bit flipped: what it said, where that was, whether it is named."""
    path = place.own.directory / "verified.json"

    def run() -> None:
        flipping = flip(place, what, random.Random(seed)) if what else None  # noqa: S311 - which bit, not a secret
        if flipping is not None:
            flipping.put(flipping.after)
        try:
            found = _verify()
        finally:
            if flipping is not None:
                flipping.put(flipping.before)
        where, words = (flipping.where, flipping.words) if flipping is not None else ("", [])
        path.write_text(json.dumps([asdict(found), where, all(word in found.said for word in words)]))

    if place.own.in_process(run) != 0:
        return Verification("the verifier itself broke", 0.0, 0, 0), "", False
    told, where, named = json.loads(path.read_text())
    return Verification(**told), where, named


def _verify() -> Verification:
    _forget_peak()
    began, said, entries = time.monotonic(), "", 0
    try:
        entries = verify(SLUG).entries
    except EvidenceError as error:
        said = str(error)
    return Verification(said, time.monotonic() - began, _peak(), entries)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1])


@dataclass(frozen=True)
class Flip:
    """One bit of one value: what puts it there and back, and the words that name the place."""

    place: str
    where: str
    words: Sequence[str]
    put: Callable[[bytes], object]
    before: bytes
    after: bytes


def flipped(content: bytes, chance: random.Random, text: bool) -> bytes:
    """The same with one bit changed; of `text` one that PostgreSQL would store as well."""
    while True:
        changed = bytearray(content)
        position = chance.randrange(len(changed))
        changed[position] ^= 1 << chance.randrange(7 if text else 8)
        if not text or changed[position]:
            return bytes(changed)


def flip(own: Place, what: str, chance: random.Random) -> Flip:
    """Choose a bit of this kind of place, in the process that works on the place."""
    kind, _, name = what.partition(" ")
    nights = EvidenceHead.objects.filter(organisation=SLUG).count()
    night = chance.randrange(nights)
    chain = day_of(night).isoformat()
    if kind == "entry":
        number = chance.randrange(1, NIGHT + 1)
        row: Any = EvidenceEntry.objects.get(organisation=SLUG, chain=chain, number=number)
        words = (f"entry {number} ",) if name == "chain" else (chain, f"entry {number} ")  # it stands in another one
        return _column(row, name, f"{chain} entry {number}", words, chance)
    if kind == "head":
        head: Any = EvidenceHead.objects.get(organisation=SLUG, number=night + 1)
        return _column(head, name, f"head {night + 1}", (f"head {night + 1} ",), chance)
    if kind == "copy":
        path = heads_directory(SLUG) / f"{night + 1}.json"
        content = path.read_bytes()
        words = (f"head {night + 1} ", "copy")
        return Flip(what, path.name, words, path.write_bytes, content, flipped(content, chance, text=False))
    path = own.own.directory / "journal" / SLUG / f"{chain}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    number = chance.randrange(len(lines))
    changed = flipped(lines[number], chance, text=False)
    whole = b"".join([*lines[:number], changed, *lines[number + 1 :]])
    words = (path.name, f"line {number + 1}")
    return Flip(what, f"{chain} line {number + 1}", words, path.write_bytes, b"".join(lines), whole)


def _column(row: Any, name: str, where: str, words: Sequence[str], chance: random.Random) -> Flip:
    table, value = row._meta.db_table, getattr(row, name)
    if isinstance(value, int):
        put = partial(_put_number, table, name, row.pk)
        return Flip(name, where, words, put, str(value).encode(), str(value ^ 1 << chance.randrange(10, 20)).encode())
    content = value.encode()
    after = flipped(content, chance, text=connection.vendor == "postgresql")
    return Flip(name, where, words, partial(_put_text, table, name, row.pk), content, after)


def _put_number(table: str, name: str, key: int, content: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"update {table} set {name} = %s where id = %s", [int(content), key])  # noqa: S608


def _put_text(table: str, name: str, key: int, content: bytes) -> None:
    """As bytes: what stands on a disk need not be text any more."""
    value = "%s" if connection.vendor == "postgresql" else "cast(%s as text)"
    with connection.cursor() as cursor:
        told: str | bytes = content.decode() if connection.vendor == "postgresql" else content
        cursor.execute(f"update {table} set {name} = {value} where id = %s", [told, key])  # noqa: S608


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--database", choices=VENDORS, default="sqlite")
    parser.add_argument("--bits", type=int, default=2, help="in each kind of place")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    nights = max(10, -(-asked.entries // NIGHT))
    wrong = 0
    with places(asked.database, "sqlite") as made:
        place = next(made)
        small = _grown(place, 0, nights // 10)
        whole = _grown(place, nights // 10, nights - nights // 10)
        grew = whole.memory - small.memory
        _say(f"{asked.database}: {whole.entries} entries, {nights} nights, verified in {whole.seconds:.1f} s; greatest")
        _say(f"memory {whole.memory / 1024:.1f} MB, of {small.entries} entries {small.memory / 1024:.1f} MB")
        if whole.said or small.said or grew > GROWTH_KB:
            _say(whole.said or small.said or f"memory grew by {grew / 1024:.1f} MB")
            wrong += 1
        for what in PLACES:
            for n in range(asked.bits):
                found, where, named = verified(place, what, f"{asked.seed} {what} {n}")
                wrong += not named
                _say(
                    f"{what:<15} {where:<22} {found.seconds:>5.1f} s  {'found' if named else 'NOT NAMED'}: {found.said}"
                )
        after, _, _ = verified(place)
        wrong += bool(after.said)
    _say(f"not found or not named: {wrong}")
    sys.exit(1 if wrong else 0)


def _grown(place: Place, first: int, nights: int) -> Verification:
    if place.own.in_process(lambda: fill(place.own.directory, first, nights)) != 0:
        raise SystemExit("the ledger could not be made")
    return verified(place)[0]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
