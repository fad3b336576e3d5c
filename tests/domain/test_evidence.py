"""The chain and the tree: any change anywhere is found, and where it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.errors import EvidenceError
from retention.domain.evidence import (
    GENESIS,
    Entry,
    MerkleTree,
    canonical,
    link,
    merkle_path,
    merkle_root,
    sha256_hex,
    verify_chain,
)


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


def root_by_the_book(leaves):
    """As RFC 6962 section 2.1 says it: split where the largest power of two lies below the number of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0].encode("ascii")).digest()
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_by_the_book(leaves[:left]) + root_by_the_book(leaves[left:])).digest()


@given(leaves)
def test_the_root_is_that_of_the_standard_whole_and_one_by_one(leaves):
    by_the_book = root_by_the_book(leaves).hex()
    assert merkle_root(leaves) == by_the_book
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    assert tree.root() == by_the_book


@given(leaves.filter(bool), st.data())
def test_a_path_leads_from_its_leaf_to_the_root(leaves, data):
    at = data.draw(st.integers(0, len(leaves) - 1))
    digest, index, last = hashlib.sha256(b"\x00" + leaves[at].encode("ascii")).digest(), at, len(leaves) - 1
    for beside in map(bytes.fromhex, merkle_path(leaves, at)):
        while index == last and index % 2 == 0:  # promoted without a sibling
            index, last = index // 2, last // 2
        left, right = (beside, digest) if index % 2 else (digest, beside)
        digest = hashlib.sha256(b"\x01" + left + right).digest()
        index, last = index // 2, last // 2
    assert digest.hex() == merkle_root(leaves)


@given(leaves, leaves)
def test_other_leaves_another_root(one, other):
    assert (merkle_root(one) == merkle_root(other)) is (one == other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda entries: entries.pop(1), "entry 2 is missing: entry 3 follows 1"),
        (
            lambda entries: entries.__setitem__(1, replace(entries[1], previous=GENESIS)),
            "entry 2 does not follow the entry before it",
        ),
        (
            lambda entries: entries.__setitem__(1, replace(entries[1], body=b"x")),
            "entry 2 (kind) was changed: its digest is another",
        ),
    ],
)
def test_what_is_wrong_with_a_chain_is_said(change, words):
    entries = chain([b"a", b"b", b"c"])
    change(entries)
    with pytest.raises(EvidenceError) as caught:
        verify_chain(entries)
    assert str(caught.value) == words


def test_a_chain_may_go_on_from_another():
    entries = chain([b"a", b"b"])
    assert verify_chain(entries[:1]) == (1, entries[0].digest)
    assert verify_chain([], "f" * 64) == (0, "f" * 64)


def test_a_leaf_is_not_its_own_root():
    leaf = sha256_hex(b"x")
    assert merkle_root([leaf]) != leaf


def test_canonical_form_has_one_spelling():
    assert canonical(["", " ", 1.5, None, True]) == b'[""," ",1.5,null,true]'
    assert canonical({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
