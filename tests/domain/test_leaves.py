"""The text of a leaf, to the letter: what stands in it is what anybody recomputes its digest from."""

from __future__ import annotations

import json
from datetime import date
from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retention.domain.decisions import Decision, Reason, ReasonCode, State
from retention.domain.evidence import canonical
from retention.domain.leaves import basis, leaf, leaf_digest
from retention.domain.rules import Hold

DAY = date(2026, 6, 30)
TOLD: dict[str, Any] = {
    "item": "aa",
    "person": "bb",
    "rules": "cc",
    "why": "GROUNDS_ENDED",
    "due_from": DAY,
    "basis": "[]",
    "holds": (),
    "outcome": "destroyed",
    "read_back": True,
}


def test_a_leaf():
    assert leaf(**TOLD) == (
        '{"basis":[],"due_from":"2026-06-30","holds":[],"item":"aa","outcome":"destroyed","person":"bb",'
        '"read_back":true,"rules":"cc","why":"GROUNDS_ENDED"}'
    )


def test_a_leaf_of_nobody_that_was_held_and_due_by_estimates():
    holds = [Hold(DAY, None, "dispute"), Hold(DAY, date(2026, 7, 1))]
    over = {"person": None, "basis": "", "holds": holds, "outcome": "held", "read_back": None, "estimated": [3, 12]}
    assert leaf(**{**TOLD, **over}) == (
        '{"basis":null,"due_from":"2026-06-30","estimated":[3,12],"holds":[["2026-06-30",null],'
        '["2026-06-30","2026-07-01"]],"item":"aa","outcome":"held","person":null,"read_back":null,"rules":"cc",'
        '"why":"GROUNDS_ENDED"}'
    )


@given(
    st.none() | st.text("0123456789abcdef", min_size=1),
    st.lists(st.builds(Hold, st.dates(), st.none() | st.dates()), max_size=3),
    st.sampled_from([True, False, None]),
    st.lists(st.integers(1, 99), max_size=3),
)
def test_it_is_canonical_whatever_it_tells(person, holds, read_back, estimated):
    text = leaf(**{**TOLD, "person": person, "holds": holds, "read_back": read_back, "estimated": estimated})
    assert canonical(json.loads(text)).decode() == text


def test_the_basis_names_each_rule_and_how_it_stood():
    decision = Decision(
        State.DUE,
        reasons=(
            Reason(ReasonCode.ENDED, "sopimus", DAY, "contract_ended", date(2023, 6, 30)),
            Reason(ReasonCode.CONDITION_FALSE, "ehto", by="billed", told=False),
            Reason(ReasonCode.LASTS, "arvio", None, "case_closed", DAY, estimated=True),
            Reason(ReasonCode.NO_REASON_TO_KEEP),
        ),
    )
    assert json.loads(basis(decision)) == [
        ["sopimus", "ended", "2023-06-30", "2026-06-30", "contract_ended", None],
        ["ehto", "condition_false", None, None, "billed", False],
        ["arvio", "lasts", "2026-06-30", None, "case_closed", None, True],
    ]
    assert basis(Decision(State.DUE)) == "[]"


def test_the_digest_is_keyed():
    assert leaf_digest(b"k" * 16, "ä") == blake2b("ä".encode(), key=b"k" * 16, digest_size=32).hexdigest()
