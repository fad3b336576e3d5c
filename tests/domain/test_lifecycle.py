"""The table of moves: what ends stays ended, and nothing is claimed unapproved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retention.domain.lifecycle import FINAL, MOVES, RETRIED, LotState, Outcome, allowed, may_be_sent


def test_every_state_is_in_the_table():
    assert set(MOVES) == set(LotState)


@given(st.lists(st.sampled_from(LotState), max_size=12))
def test_no_walk_claims_what_was_not_approved_or_leaves_an_end(wanted):
    state, walked = LotState.FLAGGED, [LotState.FLAGGED]
    for after in wanted:
        if allowed(state, after):
            state = after
            walked.append(after)
    if LotState.CLAIMED in walked:
        assert walked.index(LotState.APPROVED) < walked.index(LotState.CLAIMED)
    for end in (LotState.VERIFIED, LotState.REJECTED, LotState.WITHDRAWN):
        assert end not in walked[:-1]


def test_a_lot_that_was_sent_is_never_rejected():
    assert not allowed(LotState.CLAIMED, LotState.REJECTED)
    assert not allowed(LotState.DONE, LotState.WITHDRAWN)


def test_a_key_is_either_final_or_tried_again():
    assert set(Outcome) == RETRIED | FINAL
    assert not RETRIED & FINAL
    assert may_be_sent(None)
    assert all(may_be_sent(outcome) for outcome in RETRIED)
    assert not any(may_be_sent(outcome) for outcome in FINAL)
