"""An item that follows others: as a document's case, and for every rule and item that can be drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.domain.cases import answer, parse_case
from retention.domain.decisions import Contract, Decision, Item, Reason, ReasonCode, State, Why, decide, with_own
from retention.domain.following import Followed, decide_following
from retention.domain.periods import FinancialYears
from retention.domain.rules import Action, Follow, Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some
from tests.domain.strategies import TODAY

FOLLOW = Follow("d")
NEED = {"id": "n", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "anonymise"}


def followed(day, **over):
    return {"events": {"recorded": day}, "grounds": [NEED], **over}


def told(**over):
    return answer(parse_case({"id": "F", "today": "2026-06-30", **over}, "F").decide())


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"follows": [followed("2025-01-01"), followed("2025-06-29")]}, ("due", "2026-06-30")),
        ({"follows": [followed("2025-01-01"), followed("2025-06-30")]}, ("keep", "2026-07-01")),
        ({"follows": [followed("2025-01-01"), followed(None)]}, ("trigger_missing", None)),
        ({"follows": []}, ("due", "2026-06-30")),
        ({"follows": [], "first_seen": "2026-06-01"}, ("due", "2026-06-01")),
        ({"follows": "unknown"}, ("trigger_missing", None)),
        (
            {"follows": [followed("2025-01-01", holds=[{"reason": "dispute", "from": "2026-01-01"}])]},
            ("held", "2026-01-02"),
        ),
        (
            {"follows": [followed("2025-01-01")], "holds": [{"reason": "dispute", "from": "2026-01-01"}]},
            ("held", "2026-01-02"),
        ),
        (
            {
                "follows": [followed("2026-06-01")],
                "events": {"recorded": "2026-01-01"},
                "ceilings": [{"id": "c", "trigger": "recorded", "period": "P1M", "action": "anonymise"}],
            },
            ("due", "2026-02-02"),
        ),
    ],
)
def test_a_case(case, expected):
    found = told(**case)
    assert (found["state"], found.get("due_from")) == expected
    if "ceilings" not in case and found.get("action"):
        assert found["action"] == "delete"  # what becomes of the follower is its own


def one(day, doubt=False, holds=(), follow=FOLLOW, **over):
    rules = RuleSet((parse_ground({**NEED, **over}, "g"),))
    return Followed(follow, Item(events={"recorded": day}), rules, holds, doubt)


def decided(*them, item=None, rules=None, holds=()):
    return decide_following(item or Item(), rules or RuleSet(follows=(FOLLOW,)), list(them), holds, TODAY)


LONG_AGO, DUE_TODAY, KEPT = date(2020, 1, 1), date(2025, 6, 29), date(2025, 6, 30)
HELD = Hold(date(2026, 1, 1))


class TestTheWholeDecision:
    def test_of_several_that_are_due(self):
        found = decided(one(LONG_AGO), one(DUE_TODAY), one(date(2024, 1, 1), id="m"))
        assert found == Decision(
            State.DUE,
            TODAY,
            Action.DELETE,
            Why.GROUNDS_ENDED,
            False,
            0,
            (
                Reason(ReasonCode.ENDED, "n", date(2021, 1, 1), "recorded"),
                Reason(ReasonCode.ENDED, "n", date(2026, 6, 29), "recorded"),
                Reason(ReasonCode.ENDED, "m", date(2025, 1, 1), "recorded"),
            ),
        )
        assert decided(one(LONG_AGO), one(LONG_AGO)).reasons == decided(one(LONG_AGO)).reasons
        assert decided(one(LONG_AGO), one(date(2024, 1, 1))).overdue_days == (TODAY - date(2025, 1, 2)).days

    def test_the_release_of_the_last_counts(self):
        """Both are due since the same day; the one that was held for longer is not overdue before that."""
        released = Hold(date(2020, 6, 1), TODAY - timedelta(days=2))
        assert decided(one(LONG_AGO), one(LONG_AGO, holds=[released])).overdue_days == 1

    @pytest.mark.parametrize(
        ("them", "state", "due_from", "overdue"),
        [
            ([one(LONG_AGO), one(KEPT)], State.KEEP, TODAY + timedelta(days=1), None),
            ([one(LONG_AGO, holds=[HELD]), one(KEPT)], State.KEEP, TODAY + timedelta(days=1), None),
            ([one(LONG_AGO, holds=[HELD]), one(DUE_TODAY)], State.HELD, TODAY, None),
            ([one(LONG_AGO), one(DUE_TODAY)], State.DUE, TODAY, 0),
        ],
    )
    def test_kept_before_held_before_due(self, them, state, due_from, overdue):
        found = decided(*them)
        assert (found.state, found.due_from, found.overdue_days) == (state, due_from, overdue)
        assert (found.action, found.why) == (Action.DELETE, Why.GROUNDS_ENDED)

    @pytest.mark.parametrize(
        ("kinds", "blocked"), [(["obligation"], True), (["obligation", "need"], False), (["obligation", "claim"], True)]
    )
    def test_blocked_where_all_that_run_are(self, kinds, blocked):
        assert decided(one(LONG_AGO), *(one(KEPT, kind=kind) for kind in kinds)).blocked is blocked
        waiting = [one(KEPT, kind=kind, trigger="case_closed") for kind in kinds]
        waiting = [replace(each, item=Item(events={"case_opened": LONG_AGO})) for each in waiting]
        found = decided(*waiting)
        assert (found.state, found.blocked) == (State.OPEN, blocked)
        assert decided(*waiting, one(None)).blocked is False  # what nobody can say is not blocked
        assert decided(one(LONG_AGO)).blocked is False

    @pytest.mark.parametrize(("closed", "state"), [(False, State.OPEN), (True, State.TRIGGER_MISSING)])
    def test_one_whose_own_end_is_empty_does_not_end_by_another_contract(self, closed, state):
        """The row says that its contract has no end; the person's old contract, which ended, says nothing of it."""
        old = Item(contracts=(Contract("A", LONG_AGO, LONG_AGO),))
        running = with_own(old, {"contract_ended": None}, {}, closed)
        followed = replace(one(LONG_AGO, trigger="contract_ended"), item=running)
        assert decided(followed).state is state
        assert decided(replace(followed, item=old)).state is State.DUE

    def test_what_one_of_them_is_and_why(self):
        found = decided(one(LONG_AGO), one(None))
        assert found.state is State.TRIGGER_MISSING
        assert [(reason.code, reason.rule) for reason in found.reasons] == [
            (ReasonCode.ENDED, "n"),
            (ReasonCode.START_MISSING, "n"),
        ]
        assert (found.due_from, found.action) == (None, None)

    def test_the_stronger_action_of_those_that_end_last(self):
        weaker = Follow("e", action=Action.ANONYMISE)
        assert decided(one(LONG_AGO, follow=weaker)).action is Action.ANONYMISE
        both = [one(LONG_AGO, follow=weaker), one(LONG_AGO)]
        assert decided(*both).action is decided(*both[::-1]).action is Action.DELETE
        assert decided(one(LONG_AGO), one(DUE_TODAY, follow=weaker)).action is Action.ANONYMISE

    @pytest.mark.parametrize(
        ("day", "holds", "state"),
        [(LONG_AGO, (), State.REVIEW), (LONG_AGO, (HELD,), State.REVIEW), (KEPT, (), State.KEEP)],
    )
    def test_whose_person_is_in_doubt_is_a_persons_to_decide(self, day, holds, state):
        assert decided(one(day, doubt=True), holds=holds).state is state
        assert decided(one(day, doubt=True, holds=holds)).state is state

    def test_of_what_has_no_ground_left_the_followers_action_too(self):
        weaker = Follow("e", action=Action.ANONYMISE)
        none = Followed(weaker, Item(), RuleSet(no_reason_to_keep=True))
        assert (decided(none).action, decided(none).why) == (Action.ANONYMISE, Why.NO_GROUND)
        ceiling = parse_ceiling({"id": "c", "trigger": "recorded", "period": "P1M", "action": "delete"}, "c")
        cut = Followed(weaker, Item(events={"recorded": LONG_AGO}), RuleSet(ceilings=(ceiling,)))
        assert decided(cut).action is Action.ANONYMISE

    def test_a_ceiling_of_its_own_has_its_own_action(self):
        written = {"id": "c", "trigger": "recorded", "period": "P1M", "action": "anonymise"}
        rules = RuleSet(ceilings=(parse_ceiling(written, "c"),), follows=(FOLLOW,))
        found = decided(one(KEPT), item=Item(events={"recorded": LONG_AGO}), rules=rules)
        assert (found.state, found.action, found.why) == (State.DUE, Action.ANONYMISE, Why.CEILING)

    def test_which_they_are_nobody_can_say(self):
        found = decide_following(Item(), RuleSet(follows=(FOLLOW,)), None, (), TODAY)
        assert found == Decision(State.TRIGGER_MISSING, reasons=(Reason(ReasonCode.FOLLOWED_UNKNOWN),))

    def test_nothing_is_left_of_them(self):
        follows = (Follow("e", action=Action.ANONYMISE), FOLLOW, Follow("f", action=Action.CRYPTO_SHRED))
        seen = Item(first_seen=TODAY - timedelta(days=3))
        found = decided(item=seen, rules=RuleSet(follows=follows))
        assert found == Decision(
            State.DUE,
            TODAY - timedelta(days=3),
            Action.DELETE,
            Why.NO_GROUND,
            overdue_days=3,
            reasons=(Reason(ReasonCode.FOLLOWED_GONE),),
        )
        paper = (FOLLOW, Follow("g", action=Action.DESTROY_PAPER))
        assert decided(rules=RuleSet(follows=paper)).action is Action.DELETE
        held = decided(item=seen, rules=RuleSet(follows=follows[:1]), holds=[HELD])
        assert (held.state, held.action) == (State.HELD, Action.ANONYMISE)
        assert [reason.code for reason in held.reasons] == [ReasonCode.FOLLOWED_GONE, ReasonCode.HELD]


drawn = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(some.OWN_EVENTS, some.maybe_day)),
    some.some(some.ground_documents, 3, "g"),
    some.some(some.ceiling_documents, 2, "c"),
    some.hold_lists,
)


def made(one):
    events, grounds, ceilings, holds = one
    rules = RuleSet(
        tuple(parse_ground(doc, "g") for doc in grounds),
        tuple(parse_ceiling(doc, "c") for doc in ceilings),
        financial_years=FinancialYears((4, 30)),
    )
    item = Item(events={**dict.fromkeys(rules.events), **events}, facts={"own": True})
    return Followed(FOLLOW, item, rules, holds)


@given(st.lists(drawn, min_size=1, max_size=3))
def test_it_is_due_when_all_are_and_as_bad_as_the_worst(them):
    followed = [made(one) for one in them]
    each = [decide(one.item, one.rules, one.holds, TODAY) for one in followed]
    found = decide_following(Item(), RuleSet(follows=(FOLLOW,)), followed, (), TODAY)
    states = {one.state for one in each}
    worst = [State.RULE_CONFLICT, State.TRIGGER_MISSING, State.REVIEW, State.OPEN, State.KEEP, State.HELD, State.DUE]
    assert found.state is next(state for state in worst if state in states)
    if found.state in {State.DUE, State.HELD, State.KEEP}:
        assert found.due_from == max(one.due_from for one in each if one.due_from is not None)


@given(drawn)
def test_its_own_hold_holds_whatever_would_be_due(one):
    hold = Hold(TODAY - timedelta(days=1))
    rules = RuleSet(follows=(FOLLOW,))
    free = decide_following(Item(), rules, [made(one)], (), TODAY)
    held = decide_following(Item(), rules, [made(one)], [hold], TODAY)
    assert held.state is (State.HELD if free.state is State.DUE else free.state)
    assert decide_following(Item(first_seen=date(2020, 1, 1)), rules, [], [hold], TODAY).state is State.HELD
