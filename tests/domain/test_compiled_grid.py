"""The compiled question against `decide()` on every shape that a rule has, with chosen people and rows, not by chance.

`test_compiled` draws at random and finds what nobody thought of; here each shape meets each sort of row, always.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from retention.domain import compiled
from retention.domain.decisions import Item, State, decide, with_own
from retention.domain.items import Contract, Occurrence
from retention.domain.rules import Kind, RuleSet, Trigger
from retention.domain.written import parse_ceiling, parse_ground, parse_step
from tests.domain.test_compiled import NEITHER, holds_true

TODAY = date(2026, 6, 30)
ONE = timedelta(days=1)
OLD, PASSED, LAST, AHEAD, NEVER = (
    date(2020, 1, 1),
    date(2025, 6, 29),
    date(2025, 6, 30),
    TODAY + ONE,
    date(9999, 12, 31),
)
OWN_EVENTS, OWN_FACTS = frozenset({"recorded", "case_opened", "case_closed", "invoice_dated"}), frozenset({"own"})


def ground(trigger="recorded", **over):
    usual = {"id": "g", "kind": "need", "period": "P1Y", "action": "delete", "status": "confirmed"}
    written = {**usual, "trigger": trigger, **over}
    return parse_ground({key: value for key, value in written.items() if value is not None}, "g")


def ceiling(trigger="recorded", **over):
    usual = {"id": "c", "period": "P1Y", "action": "delete", "status": "confirmed"}
    return parse_ceiling({**usual, "trigger": trigger, **over}, "c")


LONG = {"period": "P100Y"}
OWN, KNOWN = [{"fact": "own", "is": True}], [{"fact": "known", "is": True}]
REVIEWED = {"period": None, "review_by": "2026-06-30"}
CONSENT = {"kind": "consent", "purpose": "markkinointi"}
STEP = parse_step({"id": "s", "trigger": "case_closed", "period": "P1Y", "action": "clear", "status": "confirmed"}, "s")

GROUNDS = {
    "none": (),
    "recorded": (ground(),),
    "case_closed": (ground("case_closed"),),
    "invoice_dated": (ground("invoice_dated"),),
    "may be ahead and short": (ground("invoice_dated", period="P0D"),),
    "contract": (ground("contract_ended"),),
    "contract started": (ground("contract_started"),),
    "ledger, optional": (ground("last_contact"),),
    "ledger, things": (ground("debt_settled"),),
    "ledger, one of a purpose": (ground("objection", purpose="markkinointi"),),
    "absent is pending": (ground("case_closed", if_absent="pending"),),
    "absent is missing": (ground("case_closed", if_absent="missing"),),
    "absent does not apply": (ground("case_closed", if_absent="not_applicable"),),
    "absent in the ledger is pending": (ground("last_contact", if_absent="pending"),),
    "absent in the ledger is missing": (ground("last_contact", if_absent="missing"),),
    "latest": (ground({"latest_of": ["recorded", "case_closed", "last_contact"]}),),
    "latest of what may not apply": (ground({"latest_of": ["last_contact", "debt_settled"]}),),
    "earliest of what may not apply": (ground({"earliest_of": ["last_contact", "debt_settled"]}),),
    "earliest": (ground({"earliest_of": ["case_closed", "last_contact"]}),),
    "ends on its own": (ground("invoice_dated", ends_on=["case_closed"], **LONG),),
    "ends on the ledger": (ground("contract_ended", ends_on=["objection"], **LONG),),
    "reviewed": (ground(**REVIEWED),),
    "reviewed later": (ground(**{**REVIEWED, "review_by": "2026-07-01"}),),
    "reviewed and ended": (ground(ends_on=["case_closed", "objection"], **REVIEWED),),
    "reviewed by nobody": (ground(period=None),),
    "proposed": (ground(status="proposed"),),
    "own fact": (ground(condition=OWN),),
    "known fact": (ground(condition=KNOWN),),
    "both facts": (ground(condition=[*OWN, *KNOWN]),),
    "known text": (ground(condition=[{"fact": "known", "is": "yes"}]),),
    "proposed, if": (ground(status="proposed", condition=OWN),),
    "obligation": (ground(kind="obligation", **LONG),),
    "claim": (ground(kind="claim", **LONG),),
    "consent": (ground("consent_given", **CONSENT),),
    "consent, another start": (ground(**CONSENT),),
    "consent, proposed": (ground("consent_given", status="proposed", **CONSENT),),
    "consent, reviewed": (ground("consent_given", **CONSENT, **REVIEWED),),
    "two": (ground("case_closed"), ground("contract_ended", id="h")),
}
CEILINGS = {
    "none": (),
    "recorded": (ceiling(),),
    "case_closed": (ceiling("case_closed"),),
    "contract": (ceiling("contract_ended"),),
    "earliest": (ceiling({"earliest_of": ["case_closed", "last_contact", "recorded"]}),),
    "earliest of what waits": (ceiling({"earliest_of": ["case_closed", "last_contact"]}),),
    "latest of what waits": (ceiling({"latest_of": ["case_closed", "last_contact"]}),),
    "yields to obligation": (ceiling(yields_to=["obligation"]),),
    "of any purpose": (ceiling("objection"),),
    "consent": (ceiling("consent_given"),),
    "any basis": (ceiling(yields_to="any_basis"),),
    "yields to need": (ceiling(yields_to=["need"]),),
    "proposed": (ceiling(status="proposed"),),
    "own fact": (ceiling(condition=OWN),),
    "known fact": (ceiling(condition=KNOWN),),
    "absent does not apply": (ceiling("case_closed", if_absent="not_applicable"),),
}
WITH_EVERY_GROUND = {"none", "case_closed"}
WITH_EVERY_CEILING = {"none", "case_closed", "obligation", "claim", "consent, reviewed"}

LEDGER = [
    Item(),
    Item(facts={"known": True}, contracts=(Contract("A", OLD, PASSED),), events={"last_contact": LAST}),
    Item(facts={"known": False}, contracts=(Contract("A", OLD, LAST), Contract("B", OLD)), scope="A"),
    Item(contracts=(Contract("A", OLD, OLD, True), Contract("B", OLD)), events={"objection": (Occurrence(TODAY),)}),
    Item(contracts=(Contract("A", OLD, None, True),), events={"last_contact": (Occurrence(OLD),)}),
    Item(
        facts={"known": "yes"},
        contracts=(Contract("A", OLD, OLD),),
        events={
            "debt_due": (Occurrence(OLD, "L1"), Occurrence(OLD, "L2")),
            "debt_settled": (Occurrence(OLD, "L1"),),
            "objection": (Occurrence(OLD, purpose="markkinointi"),),
            "consent_given": (Occurrence(OLD, purpose="markkinointi"),),
        },
    ),
    Item(
        contracts=(Contract("A", OLD, OLD),),
        events={
            "debt_due": (Occurrence(OLD, "L1"),),
            "debt_settled": (Occurrence(PASSED, "L1"),),
            "objection": (Occurrence(LAST, purpose="muu"),),
            "consent_given": (Occurrence(OLD, purpose="markkinointi"), Occurrence(LAST, purpose="muu")),
            "consent_withdrawn": (Occurrence(TODAY - ONE, purpose="markkinointi"),),
            "last_contact": (Occurrence(PASSED),),
        },
    ),
    Item(
        contracts=(Contract("A", None, OLD),),
        events={
            "consent_given": (Occurrence(None, purpose="markkinointi"),),
            "consent_withdrawn": (Occurrence(TODAY, purpose="markkinointi"),),
            "last_contact": (Occurrence(None),),
            "debt_settled": (Occurrence(OLD, "L1"),),
            "objection": (Occurrence(TODAY - ONE, purpose="markkinointi"),),
        },
    ),
]
ROWS = [
    ({"recorded": recorded, "case_opened": opened, "case_closed": done, "invoice_dated": invoiced}, fact, closed)
    for recorded, opened, done, invoiced, fact, closed in [
        (OLD, OLD, OLD, OLD, True, True),
        (PASSED, PASSED, PASSED, PASSED, False, False),
        (LAST, LAST, LAST, LAST, None, True),
        (TODAY, TODAY, TODAY, TODAY, True, False),
        (OLD, OLD, TODAY - ONE, AHEAD, True, False),
        (AHEAD, AHEAD, AHEAD, NEVER, False, False),
        (None, None, None, None, None, False),
        (None, None, None, None, True, True),
        (OLD, OLD, None, NEVER - ONE, True, False),
        (OLD, OLD, None, OLD, True, True),
        (OLD, None, NEVER, date(1940, 1, 1), False, False),
        (OLD, OLD, NEVER, OLD, True, True),
        (date(1940, 1, 1), OLD, NEVER - ONE, OLD, True, True),
        (OLD, date(1940, 1, 1), date(1940, 1, 1), None, True, False),
    ]
]


def rule_sets():
    for (one, grounds), (other, ceilings) in product(GROUNDS.items(), CEILINGS.items()):
        if one in WITH_EVERY_CEILING or other in WITH_EVERY_GROUND:
            yield pytest.param(RuleSet(grounds, ceilings), id=f"{one} / {other}")
    yield pytest.param(RuleSet((), (), no_reason_to_keep=True), id="no reason to keep")
    yield pytest.param(RuleSet((), CEILINGS["earliest"], no_reason_to_keep=True), id="no reason to keep, a ceiling")
    yield pytest.param(STEP.rules(RuleSet()), id="a step")
    may_not_apply = replace(STEP, trigger=Trigger(("last_contact",)))
    yield pytest.param(may_not_apply.rules(RuleSet()), id="a step that may not apply")
    yield pytest.param(RuleSet((ground(period="P0D"),), first_plausible_day=TODAY), id="the first plausible day")


@pytest.mark.parametrize("rules", list(rule_sets()))
def test_every_shape_asks_for_what_is_due(rules):
    cutting = any(one.cuts(Kind.OBLIGATION) for one in rules.ceilings)
    may_conflict = cutting and any(one.kind is Kind.OBLIGATION for one in rules.grounds)
    no_rule = not rules.grounds and not rules.no_reason_to_keep
    for item, has_closed in product(LEDGER, (True, False)):
        verdicts = compiled.verdicts(item, rules, TODAY, OWN_EVENTS, OWN_FACTS)
        given = (rules, verdicts, TODAY, OWN_EVENTS, OWN_FACTS, has_closed)
        due, attention = compiled.due(*given), compiled.attention(*given)
        for dates, fact, closed in ROWS:
            whole = with_own(item, dates, {"own": fact}, closed and has_closed)
            state = decide(whole, rules, (), TODAY).state
            row = (dates, {"own": fact}, closed)
            assert holds_true(due, *row) == (state is State.DUE), (item, row)
            asked = holds_true(attention, *row)
            assert asked or state in NEITHER, (item, row)
            assert not asked or state not in NEITHER or may_conflict or no_rule, (item, row)
