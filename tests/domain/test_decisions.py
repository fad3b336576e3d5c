"""What must hold of every decision, whatever the rules and the item."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from retention.domain import compiled
from retention.domain.decisions import Item, Occurrence, Reason, ReasonCode, State, Why, decide, with_own
from retention.domain.periods import FinancialYears, due_from
from retention.domain.predicates import is_false
from retention.domain.rules import Action, Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground, parse_step
from tests.domain import strategies as some

items = st.builds(
    lambda contracts, scope, told, still_open, known, own, fact, closed: with_own(
        Item(tuple(contracts), scope, told, {} if known is None else {"known": known}, still_open=still_open),
        own,
        {"own": fact},
        closed,
    ),
    some.contracts,
    st.sampled_from([None, None, "A"]),
    some.ledger_events,
    some.still_open,
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


@settings(max_examples=800)
@given(items, rule_documents, some.hold_lists)
def test_what_is_open_never_makes_an_item_due(item, documents, holds):
    rules = rule_set(*documents)
    before = decide(replace(item, still_open={}), rules, holds, some.TODAY)
    after = decide(item, rules, holds, some.TODAY)
    event(f"{before.state.value} then {after.state.value}")
    assert after.state not in DUE or before.state in DUE
    if before.due_from is not None and after.due_from is not None:
        assert before.due_from <= after.due_from


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


def a_rule(code, trigger="occurred", period="P1Y", **over):
    return {
        "id": code, "kind": "need", "trigger": trigger, "period": period, "action": "delete", "status": "confirmed",
        **over,
    }  # fmt: skip


def a_ceiling(code, trigger="occurred", period="P1Y", **over):
    return {"id": code, "trigger": trigger, "period": period, "action": "delete", "status": "confirmed", **over}


YEAR_AGO = some.TODAY.replace(year=2025)
NOW_OR_NEVER = {"condition": [{"fact": "known", "is": True}]}


@pytest.mark.parametrize(
    ("rule", "item", "reason"),
    [
        (a_rule("g"), Item(events={"occurred": YEAR_AGO}), Reason(ReasonCode.LASTS, "g", some.TODAY, "occurred")),
        (
            a_rule("g"),
            Item(events={"occurred": YEAR_AGO - timedelta(days=1)}),
            Reason(ReasonCode.ENDED, "g", some.TODAY - timedelta(days=1), "occurred"),
        ),
        (a_rule("g"), Item(), Reason(ReasonCode.START_MISSING, "g", by="occurred")),
        (
            a_rule("g", **NOW_OR_NEVER),
            Item(events={"occurred": YEAR_AGO}, facts={"known": False}),
            Reason(ReasonCode.CONDITION_FALSE, "g", by="known"),
        ),
        (
            a_rule("g", "objection"),
            Item(),
            Reason(ReasonCode.NEVER_BEGAN, "g", by="objection"),
        ),
        (a_rule("g", status="proposed"), Item(), Reason(ReasonCode.NOT_CONFIRMED, "g")),
        (
            a_rule("g", **NOW_OR_NEVER),
            Item(events={"occurred": YEAR_AGO}),
            Reason(ReasonCode.FACT_UNKNOWN, "g", by="known"),
        ),
        (a_rule("g", kind="consent"), Item(), Reason(ReasonCode.NEVER_BEGAN, "g", by="consent_given")),
        (
            a_rule("g", kind="consent"),
            Item(events={"occurred": YEAR_AGO, "consent_given": (Occurrence(None),)}),
            Reason(ReasonCode.START_MISSING, "g", by="consent_given"),
        ),
        (
            a_rule("g", "case_closed"),
            Item(events={"case_opened": YEAR_AGO}),
            Reason(ReasonCode.OPEN, "g", by="case_closed"),
        ),
        (
            a_rule("g", ends_on=["objection"]),
            Item(events={"occurred": YEAR_AGO, "objection": (Occurrence(date(2026, 1, 7)),)}),
            Reason(ReasonCode.ENDED_BY_EVENT, "g", date(2026, 1, 7), "objection"),
        ),
        (
            a_rule("g", ends_on=["objection"]),
            Item(events={"occurred": YEAR_AGO, "objection": (Occurrence(some.TODAY),)}),
            Reason(ReasonCode.LASTS, "g", some.TODAY, "occurred"),  # it would have ended on that day all the same
        ),
    ],
)
def test_a_ground_says_why(rule, item, reason):
    assert decide(item, rule_set([rule]), (), some.TODAY).reasons == (reason,)


@pytest.mark.parametrize(
    ("rule", "item", "state", "reason"),
    [
        (
            a_ceiling("c", "case_opened"),
            Item(events={"occurred": some.TODAY, "case_opened": YEAR_AGO}),
            State.KEEP,
            Reason(ReasonCode.CEILING_AHEAD, "c", some.TODAY, "case_opened"),
        ),
        (
            a_ceiling("c", "case_opened", "P1M"),
            Item(events={"occurred": some.TODAY, "case_opened": YEAR_AGO}),
            State.DUE,
            Reason(ReasonCode.CEILING_PASSED, "c", date(2025, 7, 30), "case_opened"),
        ),
        (
            a_ceiling("c", "case_opened"),
            Item(events={"occurred": some.TODAY}),
            State.TRIGGER_MISSING,
            Reason(ReasonCode.START_MISSING, "c", by="case_opened"),
        ),
        (
            a_ceiling("c", **NOW_OR_NEVER),
            Item(events={"occurred": some.TODAY}, facts={"known": False}),
            State.KEEP,
            Reason(ReasonCode.CONDITION_FALSE, "c", by="known"),
        ),
    ],
)
def test_a_ceiling_says_why(rule, item, state, reason):
    decision = decide(item, rule_set([a_rule("g")], [rule]), (), some.TODAY)
    assert decision.state is state
    assert reason in decision.reasons


@pytest.mark.parametrize(
    ("rule", "item", "code", "by"),
    [
        (a_ceiling("c", **NOW_OR_NEVER), Item(events={"occurred": some.TODAY}), ReasonCode.FACT_UNKNOWN, "known"),
        (a_ceiling("c", status="proposed"), Item(events={"occurred": some.TODAY}), ReasonCode.NOT_CONFIRMED, ""),
        (a_ceiling("c", "objection"), Item(events={"occurred": some.TODAY}), ReasonCode.CEILING_NOT_BEGUN, "objection"),
    ],
)
def test_a_ceiling_without_a_day_says_why(rule, item, code, by):
    decision = decide(item, rule_set([a_rule("g")], [rule]), (), some.TODAY)
    assert decision.state is (State.KEEP if code is ReasonCode.CEILING_NOT_BEGUN else State.REVIEW)
    assert decision.reasons == (
        Reason(ReasonCode.LASTS, "g", due_from(some.TODAY, "P1Y") - timedelta(days=1), "occurred"),
        Reason(code, "c", by=by),
    )


def test_a_reason_tells_from_which_day_it_counted_and_what_it_was_told():
    item = Item(events={"occurred": YEAR_AGO, "objection": (Occurrence(date(2026, 1, 7)),)}, facts={"known": False})
    rules = [
        a_rule("lasts"),
        a_rule("ended", ends_on=["objection"]),
        a_rule("told", **NOW_OR_NEVER),
    ]
    reasons = decide(item, rule_set(rules, [a_ceiling("c", period="P9Y")]), (), some.TODAY).reasons
    assert {one.rule: (one.start, one.told) for one in reasons} == {
        "lasts": (YEAR_AGO, None), "ended": (YEAR_AGO, None), "told": (None, False), "c": (YEAR_AGO, None),
    }  # fmt: skip


def test_a_ground_that_a_ceiling_cuts_says_by_which_and_when():
    item = Item(events={"occurred": date(2026, 1, 1)})
    decision = decide(item, rule_set([a_rule("g")], [a_ceiling("c", period="P1M")]), (), some.TODAY)
    assert Reason(ReasonCode.CUT, "g", date(2026, 2, 1), "c") in decision.reasons


def test_a_ceiling_on_an_obligations_own_last_day_is_no_conflict_and_one_a_day_before_is():
    item = Item(events={"occurred": some.TODAY})
    by_law = a_rule("g", kind="obligation", period="P31D")
    assert decide(item, rule_set([by_law], [a_ceiling("c", period="P31D")]), (), some.TODAY).state is State.KEEP
    decision = decide(item, rule_set([by_law], [a_ceiling("c", period="P30D")]), (), some.TODAY)
    assert decision.state is State.RULE_CONFLICT
    assert Reason(ReasonCode.CONFLICT, "g", some.TODAY + timedelta(days=30), "c") in decision.reasons


@pytest.mark.parametrize("choose", ["latest_of", "earliest_of"])
def test_of_several_that_may_never_happen_none_makes_no_reason_to_keep(choose):
    rule = a_rule("g", {choose: ["objection", "dispute_opened"]})
    assert decide(Item(), rule_set([rule]), (), some.TODAY).reasons == (
        Reason(ReasonCode.NEVER_BEGAN, "g", by="objection dispute_opened"),
    )


def test_a_step_has_its_own_day_and_the_end_waits_for_nobodys_word():
    written = {"id": "s", "trigger": "occurred", "period": "P1M", "action": "pseudonymise"}
    rules = replace(
        rule_set([a_rule("g", period="P10Y")]), steps=(parse_step({**written, "status": "confirmed"}, "s"),)
    )
    for day, state in ((date(2026, 5, 30), State.KEEP), (date(2026, 5, 29), State.DUE)):
        decision = decide(Item(events={"occurred": day}), rules, (), some.TODAY)
        assert decision.state is State.KEEP
        (found,) = decision.steps
        assert (found.step, found.state) == ("s", state)
        assert found.due_from == due_from(day, "P1M")


@pytest.mark.parametrize("shape", ["ground", "ceiling"])
def test_what_is_open_counts_beside_what_has_ended(shape):
    """One debt was settled long ago, another never: its absence is read by what opened it, for the same thing."""
    settled = Occurrence(date(2015, 1, 2), thing="L1")
    due = (Occurrence(date(2015, 1, 1), thing="L1"), Occurrence(date(2016, 1, 1), thing="L2"))
    document = {"id": "g", "trigger": "debt_settled", "period": "P1Y", "action": "delete", "status": "confirmed"}
    if shape == "ground":
        rules = RuleSet((parse_ground({**document, "kind": "claim"}, "g"),))
    else:
        rules = RuleSet((), (parse_ceiling(document, "c"),))
    both = Item(events={"debt_due": due, "debt_settled": (settled,)})
    one = Item(events={"debt_due": due[:1], "debt_settled": (settled,)})
    assert decide(one, rules, (), some.TODAY).state is State.DUE
    assert decide(both, rules, (), some.TODAY).state is (State.OPEN if shape == "ground" else State.REVIEW)


def test_only_what_starts_with_an_estimated_day_is_marked():
    item = Item(events={"occurred": YEAR_AGO, "recorded": YEAR_AGO}, estimated=frozenset({"occurred"}))
    rules = rule_set(
        [a_rule("on it"), a_rule("beside it", "recorded")], [a_ceiling("over it"), a_ceiling("c", "recorded")]
    )
    decision = decide(item, rules, (), some.TODAY)
    assert decision.estimated == ("occurred",)
    assert {reason.rule: reason.estimated for reason in decision.reasons} == {
        "on it": True, "beside it": False, "over it": True, "c": False,
    }  # fmt: skip


def test_a_step_that_never_begins_is_open_and_the_end_is_not():
    written = {"id": "s", "trigger": "objection", "period": "P1M", "action": "pseudonymise", "status": "confirmed"}
    rules = replace(rule_set([a_rule("g", "objection")]), steps=(parse_step(written, "s"),))
    decision = decide(Item(), rules, (), some.TODAY)
    assert decision.state is State.DUE
    assert [(step.state, step.due_from) for step in decision.steps] == [(State.OPEN, None)]


def test_that_there_is_no_reason_to_keep_is_said_only_where_the_rules_say_so():
    code = ReasonCode.NO_REASON_TO_KEEP
    without = replace(rule_set([]), no_reason_to_keep=True)
    assert [reason.code for reason in decide(Item(), without, (), some.TODAY).reasons] == [code]
    never = replace(rule_set([a_rule("g", "objection")]), no_reason_to_keep=True)
    for rules in (never, rule_set([a_rule("g", "objection")])):
        decision = decide(Item(), rules, (), some.TODAY)
        assert decision.state is State.DUE
        assert code not in {reason.code for reason in decision.reasons}


def test_a_ceiling_alone_is_looked_at_until_its_last_day_and_due_after_it():
    rules = rule_set([], [a_ceiling("c"), a_ceiling("later", period="P2Y", action="anonymise")])
    on_its_day = decide(Item(events={"occurred": YEAR_AGO}), rules, (), some.TODAY)
    assert on_its_day.state is State.REVIEW
    assert on_its_day.reasons[0] == Reason(ReasonCode.NO_RULE)
    after = decide(Item(events={"occurred": YEAR_AGO - timedelta(days=1)}), rules, (), some.TODAY)
    assert (after.state, after.due_from, after.action) == (State.DUE, some.TODAY, Action.DELETE)
    assert after.why is Why.CEILING
    assert [reason.code for reason in after.reasons] == [ReasonCode.CEILING_PASSED, ReasonCode.CEILING_AHEAD]
    yielding = rule_set([], [a_ceiling("c", yields_to="any_basis")])
    assert decide(Item(events={"occurred": date(2020, 1, 1)}), yielding, (), some.TODAY).state is State.REVIEW


def test_a_hold_says_since_when_and_why_and_after_its_release_overdue_begins_anew():
    item = Item(events={"occurred": date(2024, 1, 1)})
    held = decide(item, rule_set([a_rule("g")]), [Hold(date(2026, 2, 1), None, "riita")], some.TODAY)
    assert held.state is State.HELD
    assert [(r.code, r.day, r.by) for r in held.reasons] == [
        (ReasonCode.ENDED, date(2025, 1, 1), "occurred"),
        (ReasonCode.HELD, date(2026, 2, 1), "riita"),
    ]
    for released, overdue in (
        (some.TODAY, 0),
        (some.TODAY - timedelta(days=1), 0),
        (some.TODAY - timedelta(days=9), 8),
    ):
        freed = decide(item, rule_set([a_rule("g")]), [Hold(date(2026, 2, 1), released)], some.TODAY)
        assert (freed.state, freed.overdue_days) == (State.DUE, overdue)


def test_of_two_grounds_that_end_together_the_stronger_action_is_taken():
    item = Item(events={"occurred": YEAR_AGO})
    for first, second in (("anonymise", "delete"), ("delete", "anonymise"), ("destroy_paper", "delete")):
        rules = rule_set([a_rule("a", action=first), a_rule("b", action=second)])
        assert decide(item, rules, (), some.TODAY).action is Action.DELETE


@pytest.mark.parametrize(
    ("review_by", "state", "code"),
    [
        (some.TODAY + timedelta(days=1), State.OPEN, ReasonCode.CRITERION_OPEN),
        (some.TODAY, State.REVIEW, ReasonCode.CRITERION_DUE),
    ],
)
def test_a_criterion_is_open_until_the_day_on_which_it_is_looked_at(review_by, state, code):
    rule = {key: value for key, value in a_rule("g").items() if key != "period"}
    decision = decide(
        Item(events={"occurred": YEAR_AGO}), rule_set([{**rule, "review_by": str(review_by)}]), (), some.TODAY
    )
    assert decision.state is state
    assert decision.reasons == (Reason(code, "g", review_by),)


def test_beside_a_need_an_obligation_is_in_conflict_with_a_ceiling_until_both_have_passed():
    need, by_law = a_rule("need"), a_rule("law", kind="obligation")
    short = [a_ceiling("c", period="P1M")]
    for day, state in ((YEAR_AGO, State.RULE_CONFLICT), (YEAR_AGO - timedelta(days=1), State.DUE)):
        decision = decide(Item(events={"occurred": day}), rule_set([need, by_law], short), (), some.TODAY)
        assert decision.state is state


def test_a_need_beside_an_obligation_is_cut_all_the_same():
    item = Item(events={"occurred": date(2020, 1, 1)})
    rules = rule_set([a_rule("law", kind="obligation"), a_rule("need", period="P9Y")], [a_ceiling("c", period="P2Y")])
    decision = decide(item, rules, (), some.TODAY)
    assert decision.state is State.DUE
    assert Reason(ReasonCode.CUT, "need", date(2022, 1, 1), "c") in decision.reasons


def test_a_ceiling_ends_what_nobody_has_decided_only_after_its_last_day():
    rules = rule_set([a_rule("g", status="proposed")], [a_ceiling("c")])
    for day, state in ((YEAR_AGO, State.REVIEW), (YEAR_AGO - timedelta(days=1), State.DUE)):
        assert decide(Item(events={"occurred": day}), rules, (), some.TODAY).state is state


def test_a_ceiling_counts_by_the_organisations_own_financial_year():
    by_year = a_ceiling("c", period="P0D", rounding="end_of_financial_year")
    rules = rule_set([a_rule("g", period="P9Y")], [by_year])
    assert decide(Item(events={"occurred": date(2026, 1, 1)}), rules, (), some.TODAY).due_from == date(2026, 5, 1)


def test_several_events_are_named_one_beside_the_other():
    item = Item(events={"occurred": YEAR_AGO, "objection": (Occurrence(date(2026, 1, 7)),)})
    ended = a_rule("g", ends_on=["objection", "debt_settled"])
    assert decide(item, rule_set([ended]), (), some.TODAY).reasons[0].by == "objection debt_settled"
    over = a_ceiling("c", {"latest_of": ["occurred", "recorded"]})
    decision = decide(
        Item(events={"occurred": YEAR_AGO, "recorded": YEAR_AGO}), rule_set([a_rule("g")], [over]), (), some.TODAY
    )
    assert decision.reasons[-1].by == "occurred recorded"


@pytest.mark.parametrize(
    ("told", "state"), [("sähkö", State.DUE), ("vesi", State.REVIEW), (True, State.REVIEW), (None, State.REVIEW)]
)
def test_a_condition_on_a_text_is_held_against_texts(told, state):
    written = {"id": "g", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "delete"}
    condition = {"condition": {"fact": "liittymä", "is": "sähkö"}, "status": "confirmed"}
    other = {**written, "id": "h", "period": None, "review_by": "2026-01-01"}
    counts = {"condition": {"fact": "liittymä", "is": "vesi"}, "status": "confirmed"}
    rules = RuleSet((parse_ground({**written, **condition}, "g"), parse_ground({**other, **counts}, "h")))
    item = Item(events={"recorded": date(2020, 1, 1)}, facts={} if told is None else {"liittymä": told})
    assert decide(item, rules, (), date(2026, 6, 30)).state is state


def test_a_ceiling_cuts_the_second_ground_though_it_yields_to_the_first():
    grounds = [a_rule("v", kind="claim", period="P100Y"), a_rule("g", period="P100Y")]
    rules = rule_set(grounds, [a_ceiling("c", yields_to=["claim"])])
    decision = decide(Item(events={"occurred": YEAR_AGO}), rules, (), some.TODAY)
    assert [(one.code, one.rule) for one in decision.reasons[:2]] == [(ReasonCode.LASTS, "v"), (ReasonCode.CUT, "g")]


def test_the_second_ceiling_conflicts_though_the_first_yields_to_the_obligation():
    rules = rule_set(
        [a_rule("o", kind="obligation", period="P100Y")],
        [a_ceiling("b", yields_to=["obligation"]), a_ceiling("c")],
    )
    assert decide(Item(events={"occurred": YEAR_AGO}), rules, (), some.TODAY).state is State.RULE_CONFLICT
