"""What the evidence says of one item: its keyed digests, why it was due, and what became of it.

A leaf is canonical JSON, and stands in a Merkle tree as BLAKE2b keyed with a random key of its own. Who has neither
the leaf nor its key learns nothing from the tree, not even by trying out every number; who destroys both has taken
one item's leaf out of the evidence, and the tree still holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b

from retention.domain.decisions import Decision
from retention.domain.evidence import canonical
from retention.domain.rules import Hold

KEY_BYTES = 16
"""Of a leaf's own key."""


def basis(decision: Decision) -> str:
    """Why: for each rule [id, code, start, last day, by, told], as canonical JSON. Dates are ISO 8601, or null.

    A seventh, true, stands where the rule starts with an event whose day is an estimate.

    code   how the rule stands (`ReasonCode`)
    start  the day from which its period was counted
    by     the start events, those that ended it early, the fact, or the ceiling that says so
    told   the value of the fact by which a rule does not count
    """
    return canonical(
        [
            [
                reason.rule,
                reason.code.value,
                None if reason.start is None else reason.start.isoformat(),
                None if reason.day is None else reason.day.isoformat(),
                reason.by,
                reason.told,
                *([True] if reason.estimated else []),
            ]
            for reason in decision.reasons
            if reason.rule
        ]
    ).decode("utf-8")


def leaf(
    *,
    item: str,
    person: str | None,
    rules: str,
    why: str,
    due_from: date,
    basis: str,
    holds: Iterable[Hold],
    outcome: str,
    read_back: bool | None,
    estimated: Sequence[int] = (),
) -> str:
    """The leaf of one item, canonical JSON. `item`, `person`: keyed digests; `rules`: the lot's `rules_digest`.

    estimated  the campaigns by whose substitute start it was due; a leaf without any says nothing of it
    holds      those on it when it was sent, released ones too: [from, released or null]
    read_back  of what is gone: whether the register, asked again, has nothing of it; else None
    """
    before, after = _before(basis, due_from, tuple(estimated), tuple(holds)), _after(read_back, rules, why)
    return f'{before}{item}","outcome":"{outcome}","person":{_text(person)}{after}'


@lru_cache(maxsize=8192)
def _before(basis: str, due_from: date, estimated: tuple[int, ...], holds: tuple[Hold, ...]) -> str:
    """What stands before the item: by hand, for a night writes many, and most of it is the same for many."""
    told = json.dumps([[h.start.isoformat(), h.released and h.released.isoformat()] for h in holds], separators=_TIGHT)
    by = f'"estimated":{json.dumps(estimated, separators=_TIGHT)},' if estimated else ""
    return f'{{"basis":{basis or "null"},"due_from":"{due_from.isoformat()}",{by}"holds":{told},"item":"'


@lru_cache(maxsize=64)
def _after(read_back: bool | None, rules: str, why: str) -> str:
    return f',"read_back":{json.dumps(read_back)},"rules":"{rules}","why":{json.dumps(why)}}}'


def leaf_digest(key: bytes, text: str) -> str:
    """How a leaf stands in its tree, hex."""
    return blake2b(text.encode("utf-8"), key=key, digest_size=32).hexdigest()


_TIGHT = (",", ":")


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'
