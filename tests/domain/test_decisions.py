"""What must hold of every decision, whatever the rules and the item."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retention.domain import compiled
from retention.domain.decisions import Item, Occurrence, ReasonCode, State, decide, with_own
from retention.domain.periods import FinancialYears
from retention.domain.predicates import is_false
from retention.domain.rules import Action, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some

items = st.builds(
    lambda contracts, scope, told, known, own, fact, closed: with_own(
        Item(tuple(contracts), scope, told, {} if known is None else {"known": known}), own, {"own": fact}, closed
    ),
    some.contracts,
    st.sampled_from([None, None, "A"]),
    some.ledger_events,
    st.sampled_from([None, True, False]),
    st.fixed_dictionaries(dict.fromkeys(some.OWN_EVENTS, some.maybe_day)),
    st.sampled_from([None, True, False]),
    st.booleans(),
)
rule_documents = st.tuples(some.some(some.ground_documents, 3, "g", least=1), some.some(some.ceiling_documents, 2, "c"))


def rule_set(grounds, ceilings=()):
    return RuleSet(
        tuple(parse_ground(document, "g") for document in grounds),
        tuple(parse_ceiling(document, "c") for document in ceilings),
        financial_years=FinancialYears((4, 30)),
    )


DUE = {State.DUE, State.HELD}


@settings(max_examples=400)
@given(items, rule_documents, some.ground_documents("another"), some.hold_lists)
def test_another_ground_never_makes_an_item_due(item, documents, another, holds):
    grounds, ceilings = documents
    before = decide(item, rule_set(grounds, ceilings), holds, some.TODAY)
    assume(before.state not in DUE)
    assert decide(item, rule_set((*grounds, another), ceilings), holds, some.TODAY).state not in DUE


@settings(max_examples=300)
@given(items, rule_documents, some.hold_lists)
def test_a_hold_only_ever_turns_due_into_held(item, documents, holds):
    rules = rule_set(*documents)
    free, held = decide(item, rules, (), some.TODAY), decide(item, rules, holds, some.TODAY)
    if any(hold.holds_on(some.TODAY) for hold in holds):
        assert held.state is (State.HELD if free.state is State.DUE else free.state)
    else:
        assert held.state is free.state
    assert (held.due_from, held.action, held.why) == (free.due_from, free.action, free.why)


@settings(max_examples=300)
@given(items, rule_documents)
def test_a_dated_decision_is_complete_and_its_day_agrees_with_its_state(item, documents):
    decision = decide(item, rule_set(*documents), (), some.TODAY)
    if decision.state in {State.DUE, State.KEEP}:
        assert decision.due_from is not None
        assert decision.action is not None
        assert decision.why is not None
        assert (decision.due_from <= some.TODAY) is (decision.state is State.DUE)
    if decision.state is State.DUE and decision.due_from is not None:
        assert decision.overdue_days == (some.TODAY - decision.due_from).days
    if decision.blocked:
        assert decision.state in {State.OPEN, State.KEEP}


@settings(max_examples=300)
@given(items, rule_documents)
def test_every_rule_says_its_part(item, documents):
    grounds, ceilings = documents
    decision = decide(item, rule_set(grounds, ceilings), (), some.TODAY)
    said = {reason.rule for reason in decision.reasons}
    assert {document["id"] for document in (*grounds, *ceilings)} <= said


@settings(max_examples=300)
@given(items, rule_documents)
def test_an_undecided_obligation_is_never_due(item, documents):
    grounds, ceilings = documents
    unsure = {**grounds[0], "kind": "obligation", "ends_on": [], "status": "unconfirmed", "condition": []}
    assert decide(item, rule_set((unsure, *grounds[1:]), ceilings), (), some.TODAY).state not in DUE


def test_the_day_after_the_last_day_is_the_first_on_which_it_may_go():
    rules = rule_set([{"id": "g", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "delete"}])
    item = with_own(Item(), {"recorded": some.TODAY.replace(year=2025)}, {}, False)
    assert decide(item, rules, (), some.TODAY).state is State.KEEP
    assert decide(item, rules, (), some.TODAY + timedelta(days=1)).state is State.DUE


@pytest.mark.parametrize(("closed", "state"), [(False, State.OPEN), (True, State.TRIGGER_MISSING)])
def test_a_closed_row_without_its_date_is_missing_it(closed, state):
    rules = rule_set([{"id": "g", "kind": "need", "trigger": "case_closed", "period": "P1Y", "action": "delete"}])
    item = with_own(Item(), {"case_opened": some.TODAY, "case_closed": None}, {}, closed)
    assert decide(item, rules, (), some.TODAY).state is state


def test_consent_and_objection_act_per_purpose():
    def consent(purpose):
        return {
            "id": purpose, "kind": "consent", "purpose": purpose, "trigger": "consent_given",
            "period": "P10Y", "action": "delete",
        }  # fmt: skip

    given = Occurrence(some.TODAY - timedelta(days=9), purpose="uutiskirje")
    withdrawn = Occurrence(some.TODAY - timedelta(days=1), purpose="uutiskirje")
    other = Occurrence(some.TODAY - timedelta(days=9), purpose="kysely")
    item = Item(events={"consent_given": (given, other), "consent_withdrawn": (withdrawn,)})
    codes = {
        reason.rule: reason.code
        for reason in decide(item, rule_set([consent("uutiskirje"), consent("kysely")]), (), some.TODAY).reasons
    }
    assert codes == {"uutiskirje": ReasonCode.ENDED_BY_EVENT, "kysely": ReasonCode.LASTS}


def test_the_strongest_action_of_a_day_is_taken():
    assert max(Action, key=lambda action: action.strength) is Action.DELETE
    assert min(Action, key=lambda action: action.strength) is Action.ANONYMISE


@pytest.mark.parametrize("told", ["true", "kyllä", "1"])
def test_a_text_is_neither_true_nor_false(told):
    """A program that sends "true" for true would else end the ground that it meant to keep."""
    document = {"id": "g", "kind": "claim", "trigger": "recorded", "period": "P100Y", "action": "delete"}
    rules = rule_set([{**document, "status": "confirmed", "condition": {"fact": "known", "is": True}}])
    item = Item(events={"recorded": some.TODAY}, facts={"known": told})
    assert decide(item, rules, (), some.TODAY).state is State.REVIEW
    verdicts = compiled.verdicts(item, rules, some.TODAY, frozenset(), frozenset())
    assert is_false(compiled.due(rules, verdicts, some.TODAY, frozenset(), frozenset(), False))
