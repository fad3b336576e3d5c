"""What a canary's being there says, each case once; and what must hold whatever a night saw."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.canaries import FINAL, Seen, judge

DUE, BY = date(2026, 6, 30), date(2026, 7, 7)
BEFORE, BETWEEN, AFTER = DUE - timedelta(days=1), DUE, BY + timedelta(days=1)


@pytest.mark.parametrize(
    ("expects", "today", "seen", "judged"),
    [
        ("vanish", BETWEEN, Seen(False, False, False, False), ("declared", "")),
        ("vanish", AFTER, Seen(False, False, False, False), ("wrong", "never_seen")),
        ("vanish", BEFORE, Seen(True, False, False, False), ("there", "")),
        ("vanish", BY, Seen(True, True, False, False), ("there", "")),
        ("vanish", AFTER, Seen(True, True, False, False), ("wrong", "left")),
        ("vanish", BEFORE, Seen(False, True, True, False), ("wrong", "too_early")),
        ("vanish", DUE, Seen(False, True, True, False), ("vanished", "")),
        ("vanish", DUE, Seen(False, True, False, False), ("wrong", "not_ours")),
        ("vanish", AFTER, Seen(False, True, True, False), ("vanished", "")),
        ("survive", BEFORE, Seen(True, True, False, False), ("there", "")),
        ("survive", BY, Seen(False, False, False, False), ("declared", "")),
        ("vanish", BY, Seen(False, False, False, False), ("declared", "")),
        ("survive", DUE, Seen(True, True, False, True), ("there", "")),
        ("survive", DUE, Seen(True, True, False, False), ("wrong", "unheld")),
        ("survive", AFTER, Seen(False, True, True, True), ("wrong", "lost")),
        ("survive", AFTER, Seen(False, False, False, True), ("wrong", "never_seen")),
    ],
)
def test_each_case(expects, today, seen, judged):
    assert judge(expects, DUE, BY, today, seen) == judged


@given(
    expects=st.sampled_from(["vanish", "survive"]),
    days=st.integers(-10, 20),
    there=st.booleans(),
    before=st.booleans(),
    ours=st.booleans(),
    held=st.booleans(),
)
def test_nothing_is_well_that_nobody_saw_and_nothing_that_is_gone_is_there(expects, days, there, before, ours, held):
    state, problem = judge(expects, DUE, BY, DUE + timedelta(days=days), Seen(there, before, ours, held))
    assert (state == "wrong") == (problem != "")
    if state == "vanished":
        assert expects == "vanish" and before and ours and not there and days >= 0
    if state == "there":
        assert there
    if problem in FINAL:
        assert before and not there
