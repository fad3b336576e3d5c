"""The verifier's memory does not grow with the ledger, and the ledger of the benchmark is what a night writes."""

from __future__ import annotations

import tracemalloc

from benchmarks.ledger_bits import NIGHT, SLUG, fill
from retention.evidence_check import verify

GROWTH = 300_000
"""Bytes: what a head of a night takes, and chance."""


def greatest() -> int:
    tracemalloc.start()
    try:
        verify(SLUG)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_ledger_takes_no_more_memory(db, data_dir):
    fill(data_dir, 0, 1)
    verify(SLUG)  # what is read once for all
    small = greatest()
    fill(data_dir, 1, 9)
    assert verify(SLUG).entries == 10 * NIGHT
    assert greatest() - small < GROWTH
