"""What tells two people apart, and what does not, by example: who looks alike is asked about once."""

from __future__ import annotations

from datetime import date

import pytest

from retention.domain.rules import RuleSet
from retention.domain.sight import Sight
from retention.domain.written import parse_ground
from tests.domain.strategies import TODAY

OLD, NEW, AHEAD = date(2015, 1, 1), date(2026, 1, 1), date(2027, 1, 1)


def ground(trigger, **over):
    return parse_ground(
        {"id": "g", "kind": "need", "trigger": trigger, "period": "P1Y", "action": "delete", **over}, "g"
    )


CONTRACTS = RuleSet((ground("contract_ended"),))
DEBTS = RuleSet((ground("debt_settled", condition={"fact": "billed", "is": True}),))
CONSENT = RuleSet((ground("recorded", kind="consent"),))


def of(contracts=(), facts=(), scope=None, **events):
    return (contracts, events, dict(facts), scope)


def debt(day=OLD, thing="L1", purpose="", contract="A"):
    return of(debt_settled=[(day, thing, purpose, contract)])


def contract(ref="A", started=OLD, ended=NEW, closed=False):
    return (ref, started, ended, closed)


def within(scope, one):
    return (*one[:3], scope, *one[4:])


def beside(one, *still_open):
    """The same with what some source has open."""
    return (*one[:4], {"debt_settled": [(None, *about) for about in still_open]})


@pytest.mark.parametrize(
    ("rules", "one", "other"),
    [
        (CONTRACTS, of([contract()]), of()),
        (CONTRACTS, of([contract()]), of([contract(ended=None)])),
        (CONTRACTS, of([contract()]), of([contract(closed=True)])),
        (CONTRACTS, of([contract(started=None)]), of([contract()])),
        (CONTRACTS, of([contract()], scope="A"), of([contract(ended=None)], scope="A")),
        (DEBTS, of([contract()]), of()),  # whoever has one is no stranger, whatever it says
        (DEBTS, debt(), of()),
        (DEBTS, debt(), debt(AHEAD)),
        (DEBTS, debt(), debt(None)),
        (DEBTS, debt(), debt(thing="")),
        (DEBTS, debt(), debt(purpose="kysely")),
        (DEBTS, within("A", debt()), within("A", debt(contract="B"))),
        (DEBTS, of(facts={"billed": True}), of()),
        (DEBTS, of(facts={"billed": True}), of(facts={"billed": 1})),
        (DEBTS, debt(), beside(debt(), ("L1", "", "A"))),
        (DEBTS, beside(debt(), ("L1", "", "A")), beside(debt(), ("L2", "", "A"))),
        (DEBTS, beside(debt(), ("L1", "", "A")), beside(debt(), ("", "", "A"))),
        (DEBTS, beside(debt(), ("L1", "", "A")), beside(debt(), ("L1", "kysely", "A"))),
        (DEBTS, within("A", beside(debt(), ("L1", "", "A"))), within("A", beside(debt(), ("L1", "", "B")))),
        (CONSENT, of(consent_given=[(OLD, "", "", "")]), of()),
        (CONSENT, of(consent_withdrawn=[(OLD, "", "", "")]), of()),
    ],
)
def test_who_is_told_apart(rules, one, other):
    sight = Sight.of(rules, TODAY)
    assert sight.look(*one) != sight.look(*other)
    assert sight.exactly(*one) != sight.exactly(*other)


@pytest.mark.parametrize(
    ("rules", "one", "other"),
    [
        (CONTRACTS, of([contract()]), of([contract("B")])),
        (CONTRACTS, of([contract()], scope="A"), of([contract(), contract("B", ended=None)], scope="A")),
        (CONTRACTS, of(consent_given=[(OLD, "", "", "")]), of()),
        (DEBTS, of([contract()]), of([contract(ended=None)])),
        (DEBTS, debt(), debt(contract="B")),
        (DEBTS, beside(debt(), ("L1", "", "A")), beside(debt(), ("L1", "", "B"))),
        (DEBTS, within("A", debt(contract="")), within("A", debt())),
        (DEBTS, of(facts={"other": True}), of()),
    ],
)
def test_who_is_not(rules, one, other):
    sight = Sight.of(rules, TODAY)
    assert sight.look(*one) == sight.look(*other)
    assert sight.exactly(*one) == sight.exactly(*other)


def test_alike_is_less_than_exactly_alike():
    """What a thing is called, and which day of several between two edges it was, only the second tells."""
    sight = Sight.of(DEBTS, TODAY)
    for other in (debt(thing="L2"), debt(date(2015, 1, 2))):
        assert sight.look(*debt()) == sight.look(*other)
        assert sight.exactly(*debt()) != sight.exactly(*other)
