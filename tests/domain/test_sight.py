"""Two people who look alike have equal verdicts: what decides may not be left out of the look."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from retention.domain.compiled import verdicts
from retention.domain.decisions import decide, with_own
from retention.domain.events import NEVER
from retention.domain.items import CONTRACT_EVENTS, Contract, Item, Occurrence, recorded
from retention.domain.leaves import basis
from retention.domain.periods import FinancialYears
from retention.domain.rules import FactValue, RuleSet
from retention.domain.sight import Sight
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some
from tests.domain.strategies import TODAY

ONE_DAY = timedelta(days=1)
THINGS = ("", "L1", "L2", "L3")
PURPOSES = ("", "markkinointi", "muu")
REFS = ("", "A", "B")


@st.composite
def worlds(draw):
    """Rules, and two people of whom one thing differs; their days are drawn where rules turn."""
    rules = RuleSet(
        tuple(parse_ground(doc, "g") for doc in draw(some.some(some.ground_documents, 2, "g", 1))),
        tuple(parse_ceiling(doc, "c") for doc in draw(some.some(some.ceiling_documents, 1, "c"))),
        financial_years=FinancialYears((4, 30)),
    )
    edges = Sight.of(rules, TODAY).edges
    near = sorted({edge + n * ONE_DAY for edge in edges for n in (-2, -1, 0, 1)} | {TODAY - ONE_DAY, NEVER})
    days = st.none() | st.sampled_from(near)
    names = sorted(Sight.of(rules, TODAY).events - CONTRACT_EVENTS) or ["debt_due"]
    occurrence = st.builds(
        Occurrence, days, st.sampled_from(THINGS), st.sampled_from(PURPOSES), st.sampled_from(["", "A", "B"])
    )
    one = Item(
        contracts=tuple(
            Contract(ref, draw(days), draw(days), draw(st.booleans()))
            for ref in draw(st.lists(st.sampled_from(["A", "B"]), max_size=2, unique=True))
        ),
        scope=draw(st.sampled_from([None, None, "A"])),
        events=draw(
            st.dictionaries(st.sampled_from(names), st.lists(occurrence, min_size=1, max_size=3).map(tuple), max_size=3)
        ),
        facts=draw(st.dictionaries(st.sampled_from(["known", "house"]), st.sampled_from([True, False, 1, "x"]))),
        still_open=draw(some.still_open),
    )
    return rules, one, draw(changed(one, days))


def changed(one: Item, days) -> st.SearchStrategy[Item]:
    """The same with one thing another."""
    told: st.SearchStrategy[FactValue] = st.sampled_from([True, False, 1, "x"])
    ways = [
        told.map(lambda value: replace(one, facts={**one.facts, "known": value})),
        some.still_open.map(lambda value: replace(one, still_open=value)),
    ]
    for n, contract in enumerate(one.contracts):
        for name, values in (("started", days), ("ended", days), ("closed", st.booleans())):
            ways.append(_contract(one, n, contract, name, values))
    for name in one.events:
        for n, occurrence in enumerate(recorded(one, name)):
            for field, values in (
                ("day", days),
                ("day", days),
                ("thing", st.sampled_from(THINGS)),
                ("purpose", st.sampled_from(PURPOSES)),
                ("contract", st.sampled_from(REFS)),
            ):
                ways.append(_occurrence(one, name, n, occurrence, field, values))
    return st.one_of(ways)


def _contract(one, n, contract, name, values):
    def put(value):
        there = list(one.contracts)
        there[n] = replace(contract, **{name: value})
        return replace(one, contracts=tuple(there))

    return values.map(put)


def _occurrence(one, name, n, occurrence, field, values):
    def put(value):
        there = list(one.events[name])
        there[n] = replace(occurrence, **{field: value})
        return replace(one, events={**one.events, name: tuple(there)})

    return values.map(put)


def look(sight: Sight, item: Item):
    return sight.look(
        [(c.ref, c.started, c.ended, c.closed) for c in item.contracts],
        {name: [(o.day, o.thing, o.purpose, o.contract) for o in recorded(item, name)] for name in item.events},
        item.facts,
        item.scope,
        {name: [(None, o.thing, o.purpose, o.contract) for o in told] for name, told in item.still_open.items()},
    )


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.frozensets(st.sampled_from([*some.OWN_EVENTS, "erasure_requested"])))
def test_who_looks_alike_has_the_same_verdicts(world, own):
    rules, one, other = world
    sight = Sight.of(rules, TODAY, own)
    alike = look(sight, one) == look(sight, other)
    event(f"alike {alike}, the same {one == other}")
    if alike:
        assert verdicts(one, rules, TODAY, own, frozenset()) == verdicts(other, rules, TODAY, own, frozenset())


def ground(**terms):
    document = {"id": "g", "kind": "need", "trigger": "contract_ended", "period": "P1Y", "action": "delete"}
    return RuleSet((parse_ground({**document, "status": "confirmed", **terms}, "g"),))


def contract(ended: date) -> Item:
    return Item(contracts=(Contract("A", date(2014, 1, 1), ended),))


def test_days_between_the_same_edges_are_one_sort():
    sight = Sight.of(ground(), TODAY)
    looks = {day: look(sight, contract(day)) for day in (date(2016, 1, 1), date(2024, 12, 31), date(2026, 1, 1))}
    assert looks[date(2016, 1, 1)] == looks[date(2024, 12, 31)] != looks[date(2026, 1, 1)]


def test_what_the_rules_do_not_ask_is_not_seen():
    sight = Sight.of(ground(), TODAY)
    more = replace(contract(date(2016, 1, 1)), events={"objection": (Occurrence(TODAY),)}, facts={"known": True})
    assert look(sight, more) == look(sight, contract(date(2016, 1, 1)))


def test_what_a_thing_is_called_is_not_seen_but_which_are_the_same():
    sight = Sight.of(ground(trigger="debt_settled"), TODAY)

    def debts(*things):
        due, settled = things
        return Item(events={"debt_due": (Occurrence(TODAY, due),), "debt_settled": (Occurrence(TODAY, settled),)})

    assert look(sight, debts("17", "17")) == look(sight, debts("4711", "4711"))
    assert look(sight, debts("17", "17")) != look(sight, debts("17", "4711"))


FIRST = date(1950, 1, 1)
GIVEN, WITHDRAWN = date(2026, 3, 1), date(2026, 3, 2)


def happened(**days: date | None) -> Item:
    return Item(events={name: (Occurrence(day),) for name, day in days.items()})


@pytest.mark.parametrize(
    ("terms", "one", "other"),
    [
        pytest.param({"ends_on": ["objection"]}, {"objection": TODAY - ONE_DAY}, {"objection": TODAY}, id="today"),
        pytest.param({"ends_on": ["objection"]}, {"objection": TODAY}, {"objection": TODAY + ONE_DAY}, id="tomorrow"),
        pytest.param({"trigger": "objection"}, {"objection": FIRST}, {"objection": FIRST - ONE_DAY}, id="too early"),
        pytest.param({"trigger": "objection"}, {"objection": None}, {"objection": TODAY}, id="unknown"),
        pytest.param({"trigger": "role_ended"}, {"role_ended": NEVER}, {"role_ended": NEVER - ONE_DAY}, id="never"),
        pytest.param(
            {"trigger": "objection"}, {"objection": date(2025, 6, 29)}, {"objection": date(2025, 6, 30)}, id="cutoff"
        ),
        pytest.param(
            {"trigger": "objection"},
            {"objection": GIVEN, "ban_lifted": WITHDRAWN},
            {"objection": WITHDRAWN, "ban_lifted": GIVEN},
            id="undone",
        ),
    ],
)
def test_days_that_decide_are_seen(terms, one, other):
    rules = ground(**terms)
    assert_told_apart(rules, happened(**one), happened(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((Contract("A", GIVEN, None, True),), (Contract("A", GIVEN, None, False),)),
        ((Contract("A", GIVEN, None),), (Contract("A", None, None),)),
        ((Contract("A", GIVEN, None),), (Contract("B", GIVEN, None),)),
        ((Contract("A", GIVEN, GIVEN),), (Contract("A", GIVEN, GIVEN), Contract("A", GIVEN, None))),
    ],
)
def test_contracts_that_decide_are_seen(one, other):
    assert_told_apart(ground(), Item(contracts=one, scope="A"), Item(contracts=other, scope="A"))


@pytest.mark.parametrize(
    "other",
    [Occurrence(GIVEN, purpose="muu"), Occurrence(GIVEN, contract="B")],
)
def test_what_an_occurrence_is_about_is_seen(other):
    rules = ground(trigger="objection", purpose="markkinointi")
    people = (Item(scope="A", events={"objection": (found,)}) for found in (Occurrence(GIVEN), other))
    assert_told_apart(rules, *people)


def test_facts_that_conditions_ask_are_seen():
    rules = ground(condition=[{"fact": "known", "is": True}])
    for value in (False, "yes"):
        assert_told_apart(rules, *(replace(contract(GIVEN), facts={"known": one}) for one in (True, value)))
    assert_told_apart(rules, contract(GIVEN), replace(contract(GIVEN), facts={"known": True}))


def assert_told_apart(rules: RuleSet, one: Item, other: Item) -> None:
    told = [verdicts(item, rules, TODAY, frozenset(), frozenset()) for item in (one, other)]
    assert told[0] != told[1], "they are to differ in what decides"
    sight = Sight.of(rules, TODAY)
    assert look(sight, one) != look(sight, other)


def exactly(sight: Sight, item: Item):
    return sight.exactly(
        [(c.ref, c.started, c.ended, c.closed) for c in item.contracts],
        {name: [(o.day, o.thing, o.purpose, o.contract) for o in recorded(item, name)] for name in item.events},
        item.facts,
        item.scope,
        {name: [(None, o.thing, o.purpose, o.contract) for o in told] for name, told in item.still_open.items()},
    )


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.integers(-40, 400))
def test_who_is_read_alike_is_decided_alike_on_every_day(world, later):
    rules, one, other = world
    sight = Sight.of(rules, TODAY)
    alike = exactly(sight, one) == exactly(sight, other)
    event(f"alike {alike}, the same {one == other}")
    if alike:
        for_one, for_other = (decide(item, rules, (), TODAY + later * ONE_DAY) for item in (one, other))
        assert for_one == for_other
        assert basis(for_one) == basis(for_other)


@pytest.mark.parametrize("value", [1, "true", "1"])
def test_what_is_told_of_a_fact_is_read_with_its_type(value):
    """The reason says it as it was told: `1` and `true` are not the same text in the evidence."""
    rules = ground(condition={"fact": "own", "is": True})
    sight = Sight.of(rules, TODAY)
    one, other = (Item(facts={"own": fact}, contracts=contract(date(2016, 1, 1)).contracts) for fact in (True, value))
    assert exactly(sight, one) != exactly(sight, other)
    assert look(sight, one) != look(sight, other)


def test_contracts_that_differ_by_their_number_alone_are_read_alike():
    sight = Sight.of(ground(), TODAY)
    assert exactly(sight, contract(date(2016, 1, 1))) == exactly(
        sight, Item(contracts=(Contract("B", date(2014, 1, 1), date(2016, 1, 1)),))
    )


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.data())
def test_rows_that_are_read_alike_are_decided_alike(world, data):
    rules, person, _ = world
    sight = Sight.of(rules, TODAY)
    near = sorted({edge + n * ONE_DAY for edge in sight.edges for n in (-1, 0) if edge != NEVER} | {NEVER})
    days = st.none() | st.sampled_from(near)
    names = sorted(set(some.OWN_EVENTS) | (sight.events - CONTRACT_EVENTS))
    row = data.draw(st.dictionaries(st.sampled_from(names), days, min_size=1, max_size=3))
    other = {**row, data.draw(st.sampled_from(sorted(row))): data.draw(days)}
    facts = {"own": True}, {"own": data.draw(st.sampled_from([True, False, 1, None]))}
    alike = sight.own(row, facts[0]) == sight.own(other, facts[1])
    event(f"alike {alike}, the same {row == other}")
    if alike:
        one, two = (
            decide(with_own(person, own, fact, False), rules, (), TODAY)
            for own, fact in zip((row, other), facts, strict=True)
        )
        assert one == two
        assert basis(one) == basis(two)


def rows(rules: RuleSet, *events, facts=({}, {})):
    sight = Sight.of(rules, TODAY)
    return [sight.own(own, fact) for own, fact in zip(events, facts, strict=True)]


RETURNED = date(2025, 3, 1)


@pytest.mark.parametrize(
    ("terms", "one", "other"),
    [
        ({"trigger": "device_returned"}, {"device_returned": RETURNED}, {"device_returned": RETURNED + ONE_DAY}),
        ({"trigger": "device_returned"}, {"recorded": RETURNED}, {"recorded": None}),
        ({"trigger": "device_returned"}, {"recorded": TODAY}, {"recorded": TODAY + ONE_DAY}),
        ({"trigger": "device_returned"}, {"recorded": FIRST}, {"recorded": FIRST - ONE_DAY}),
        ({"ends_on": ["objection"]}, {"objection": RETURNED}, {"objection": RETURNED + ONE_DAY}),
        ({"trigger": "debt_settled"}, {"payment_reversed": RETURNED}, {"payment_reversed": RETURNED + ONE_DAY}),
        (
            {"kind": "consent", "trigger": "recorded"},
            {"consent_withdrawn": RETURNED},
            {"consent_withdrawn": RETURNED + ONE_DAY},
        ),
    ],
)
def test_days_of_a_row_that_decide_are_read(terms, one, other):
    mine, theirs = rows(ground(**terms), one, other)
    assert mine != theirs


def test_a_ceilings_start_in_the_row_is_read():
    document = {"id": "c", "trigger": "recorded", "period": "P1Y", "action": "delete", "status": "confirmed"}
    rules = replace(ground(), ceilings=(parse_ceiling(document, "c"),))
    mine, theirs = rows(rules, {"recorded": RETURNED}, {"recorded": RETURNED + ONE_DAY})
    assert mine != theirs


def test_of_a_day_that_only_opens_another_it_is_read_that_it_was():
    rules = ground(trigger="device_returned")
    mine, theirs = rows(rules, {"recorded": date(2020, 1, 1)}, {"recorded": date(2021, 1, 1)})
    assert mine == theirs
    mine, theirs = rows(rules, {"recorded": RETURNED, "last_contact": None}, {"recorded": RETURNED})
    assert mine == theirs  # nobody asks for it


def test_facts_of_a_row_are_read_with_their_type_where_the_rules_ask_them():
    rules = ground(condition=[{"fact": "own", "is": True}])
    for value in (False, 1, None):
        mine, theirs = rows(rules, {}, {}, facts=({"own": True}, {"own": value}))
        assert mine != theirs
    mine, theirs = rows(rules, {}, {}, facts=({"own": True, "other": 1}, {"own": True, "other": 2}))
    assert mine == theirs


def test_when_a_contract_began_is_read_where_a_rule_starts_on_it():
    days = date(2014, 1, 1), date(2015, 1, 1)
    items = [Item(contracts=(Contract("A", day, date(2016, 1, 1)),)) for day in days]
    mine, theirs = (exactly(Sight.of(ground(trigger="contract_started"), TODAY), one) for one in items)
    assert mine != theirs
    mine, theirs = (exactly(Sight.of(ground(), TODAY), one) for one in items)
    assert mine == theirs
    missing = Item(contracts=(Contract("A", None, date(2016, 1, 1)),))
    assert exactly(Sight.of(ground(), TODAY), missing) != mine
