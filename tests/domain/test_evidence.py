"""The chain and the tree: any change anywhere is found, and where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.errors import EvidenceError
from retention.domain.evidence import GENESIS, Entry, canonical, link, merkle_root, sha256_hex, verify_chain


def chain(bodies):
    entries, previous = [], GENESIS
    for number, body in enumerate(bodies, 1):
        digest = link(previous, number, "kind", body)
        entries.append(Entry(number, "kind", body, previous, digest))
        previous = digest
    return entries


bodies = st.lists(st.binary(max_size=20), min_size=1, max_size=8)


@given(bodies)
def test_a_chain_verifies(bodies):
    entries = chain(bodies)
    assert verify_chain(entries) == (len(bodies), entries[-1].digest)


@given(bodies, st.data())
def test_one_flipped_bit_is_found_and_located(bodies, data):
    entries = chain(bodies)
    at = data.draw(st.integers(0, len(entries) - 1))
    body = bytearray(entries[at].body or b"\x00")
    body[0] ^= 1
    entries[at] = replace(entries[at], body=bytes(body))
    with pytest.raises(EvidenceError, match=rf"entry {at + 1} "):
        verify_chain(entries)


@given(bodies.filter(lambda b: len(b) > 1), st.data())
def test_a_dropped_entry_is_found_and_located(bodies, data):
    entries = chain(bodies)
    at = data.draw(st.integers(0, len(entries) - 2))
    del entries[at]
    with pytest.raises(EvidenceError, match=rf"entry {at + 1} is missing"):
        verify_chain(entries)


leaves = st.lists(st.integers().map(lambda n: sha256_hex(str(n).encode())), max_size=40)


@given(leaves, leaves)
def test_other_leaves_another_root(one, other):
    assert (merkle_root(one) == merkle_root(other)) is (one == other)


def test_a_leaf_is_not_its_own_root():
    leaf = sha256_hex(b"x")
    assert merkle_root([leaf]) != leaf


def test_canonical_form_has_one_spelling():
    assert canonical({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
