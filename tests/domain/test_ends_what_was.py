"""A granted request for erasure ends what had begun by its day, and nothing of what began later.

Whoever asked in 2019 and has signed again since is a customer; a ticket that was opened after the request stays open.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retention.domain import compiled
from retention.domain.decisions import Contract, Item, Occurrence, ReasonCode, State, decide, with_own
from retention.domain.events import CATALOGUE
from retention.domain.horizon import next_change, questions
from retention.domain.rules import RuleSet
from retention.domain.sight import Sight
from retention.domain.written import parse_ground
from tests.domain.strategies import TODAY
from tests.domain.test_compiled import NEITHER, holds_true

ONE = timedelta(days=1)
NEVER = date(9999, 12, 31)
BEFORE, ASKED, AFTER = date(2018, 3, 1), date(2019, 3, 1), date(2026, 6, 28)
FORMER, RUNNING = Contract("A", BEFORE, date(2018, 12, 1)), Contract("B", AFTER)


def rules(trigger="contract_ended", **terms):
    document = {"id": "g", "kind": "need", "trigger": trigger, "period": "P30Y", "action": "delete"}
    ends_on = ["erasure_requested"]
    return RuleSet((parse_ground({**document, "status": "confirmed", "ends_on": ends_on, **terms}, "g"),))


def told(**days):
    """What the ledger tells: a day each, or several occurrences."""
    return {name: day if isinstance(day, tuple) else (Occurrence(day),) for name, day in days.items()}


def asked(*contracts, **days):
    return Item(contracts=contracts, events=told(**{"erasure_requested": ASKED, **days}))


def state(item, rule_set):
    return decide(item, rule_set, (), TODAY).state


class TestDecided:
    def test_who_has_signed_again_is_a_customer(self):
        assert state(asked(FORMER, RUNNING), rules()) is State.OPEN
        assert state(asked(FORMER), rules()) is State.DUE

    def test_a_contract_that_ran_then_is_over(self):
        assert state(asked(Contract("A", BEFORE)), rules()) is State.DUE
        ended_since = asked(Contract("A", BEFORE, AFTER))
        assert decide(ended_since, rules(), (), TODAY).due_from == ASKED + ONE

    def test_what_began_again_and_has_ended_lasts_its_own_time(self):
        again = asked(FORMER, Contract("B", date(2020, 1, 1), AFTER))
        assert state(again, rules()) is State.KEEP
        assert state(again, rules(period="P0D")) is State.DUE

    def test_a_ticket_that_was_opened_later_stays(self):
        row = {"case_opened": AFTER, "case_closed": None}
        assert state(with_own(asked(), row, {}, False), rules("case_closed")) is State.OPEN
        row = {"case_opened": BEFORE, "case_closed": None}
        assert state(with_own(asked(), row, {}, False), rules("case_closed")) is State.DUE

    def test_the_last_of_several_requests_counts(self):
        requests = (Occurrence(ASKED), Occurrence(TODAY - ONE))
        assert decide(asked(FORMER, RUNNING, erasure_requested=requests), rules(), (), TODAY).due_from == TODAY

    @pytest.mark.parametrize(
        ("began", "found"), [(ASKED - ONE, State.DUE), (ASKED, State.DUE), (ASKED + ONE, State.KEEP)]
    )
    def test_by_a_day(self, began, found):
        assert state(asked(recorded=began), rules("recorded")) is found
        assert state(asked(Contract("A", began, AFTER)), rules()) is found

    def test_of_several_starts_the_last_counts(self):
        for choose in ("latest_of", "earliest_of"):
            either = rules({choose: ["recorded", "occurred"]})
            assert state(asked(recorded=BEFORE, occurred=AFTER), either) is State.KEEP
            assert state(asked(recorded=BEFORE, occurred=BEFORE), either) is State.DUE

    @pytest.mark.parametrize("mark", ["last_contact", "last_activity", "debt_interrupted"])
    def test_a_sign_that_it_goes_on_is_no_beginning(self, mark):
        """The mail that confirms the request comes the day after it."""
        assert state(asked(**{mark: ASKED + ONE}), rules(mark)) is State.DUE
        assert decide(asked(**{mark: ASKED + ONE}), rules(mark), (), TODAY).due_from == ASKED + ONE
        assert state(asked(**{mark: None}), rules(mark)) is State.DUE
        for choose in ("latest_of", "earliest_of"):
            either = rules({choose: ["recorded", mark]})
            assert state(asked(recorded=BEFORE, **{mark: AFTER}), either) is State.DUE
            assert state(asked(recorded=AFTER, **{mark: BEFORE}), either) is not State.DUE

    def test_which_are_signs_that_it_goes_on(self):
        """What opens another, takes one back or must be there is a beginning, or may be."""
        marks = {name for name, one in CATALOGUE.items() if one.is_mark}
        assert marks == {"last_contact", "last_activity", "debt_interrupted"}
        assert not marks & {name for one in CATALOGUE.values() for name in (one.opened_by, *one.undone_by)}

    def test_a_consent_that_was_given_later_stands(self):
        consent = rules("recorded", kind="consent")
        assert state(asked(recorded=BEFORE, consent_given=AFTER), consent) is State.KEEP
        assert state(asked(recorded=BEFORE, consent_given=BEFORE), consent) is State.DUE

    def test_what_nobody_knows_the_beginning_of_is_not_ended(self):
        undated = Contract("B", None)
        assert state(asked(FORMER, undated), rules()) is State.TRIGGER_MISSING
        assert state(asked(case_opened=None), rules("case_closed")) is State.TRIGGER_MISSING
        assert state(asked(recorded=None), rules("recorded")) is State.TRIGGER_MISSING
        open_beside = Item(
            events=told(erasure_requested=ASKED, service_ended=BEFORE),
            still_open={"service_ended": (Occurrence(None),)},
        )
        assert state(open_beside, rules("service_ended")) is State.TRIGGER_MISSING

    def test_what_nothing_is_told_of_is(self):
        """Its register has deleted the contract already: the others follow."""
        assert state(asked(), rules()) is State.DUE

    def test_that_ended_by_its_day_had_begun(self):
        assert state(asked(case_opened=None, case_closed=BEFORE), rules("case_closed")) is State.DUE
        assert state(asked(case_opened=None, case_closed=AFTER), rules("case_closed")) is State.KEEP

    def test_what_stands_in_the_row_is_held_against_the_ledger_alone(self):
        row = {"recorded": AFTER, "erasure_requested": ASKED}
        assert state(with_own(Item(), row, {}, False), rules("recorded")) is State.DUE
        assert state(with_own(Item(contracts=(RUNNING,)), row, {}, False), rules()) is State.OPEN

    def test_no_other_event_is_weighed_so(self):
        """Bans and withdrawals have an event that takes them back; a debt is paid before it is due."""
        assert {name for name, one in CATALOGUE.items() if one.ends_what_was} == {"erasure_requested"}
        objected = Item(contracts=(FORMER, RUNNING), events=told(objection=ASKED))
        assert state(objected, rules(ends_on=["objection"])) is State.DUE
        paid = Item(events=told(debt_due=AFTER, debt_settled=AFTER - ONE))
        assert state(paid, rules("debt_due", ends_on=["debt_settled"])) is State.DUE

    def test_the_reason_is_the_request_that_counts(self):
        requests = (Occurrence(ASKED), Occurrence(AFTER))
        (reason,) = decide(asked(RUNNING, erasure_requested=requests), rules(), (), TODAY).reasons
        assert (reason.code, reason.day) == (ReasonCode.ENDED_BY_EVENT, AFTER)


TRIGGERS = (
    "contract_ended",
    "service_ended",
    "case_closed",
    "recorded",
    "last_contact",
    "debt_settled",
    "domain_registration_ended",
    {"latest_of": ["contract_ended", "case_closed"]},
    {"latest_of": ["recorded", "last_contact"]},
    {"earliest_of": ["last_contact", "service_ended"]},
)
NAMES = (
    "erasure_requested",
    "case_opened",
    "case_closed",
    "recorded",
    "last_contact",
    "debt_due",
    "debt_settled",
    "order_received",
    "domain_registered",
)
LEDGERS = (*NAMES, "service_ended", "domain_registration_ended", "consent_given")
days = st.sampled_from([date(1900, 1, 1), BEFORE, ASKED - ONE, ASKED, ASKED + ONE, AFTER, TODAY, TODAY + ONE, NEVER])
happened = st.lists(
    st.builds(Occurrence, st.none() | days, st.sampled_from(["", "", "L1"])), min_size=1, max_size=2
).map(tuple)
rule_sets = st.builds(
    lambda trigger, terms, more: rules(trigger, **terms, **more),
    st.sampled_from(TRIGGERS),
    st.sampled_from([{}, {}, {"if_absent": "pending"}, {"if_absent": "missing"}, {"if_absent": "not_applicable"}]),
    st.sampled_from(
        [
            {},
            {},
            {"kind": "consent"},
            {"ends_on": ["objection", "erasure_requested"]},
            {"period": "P1Y"},
            {"period": None, "review_by": "2027-01-01"},
        ]
    ),
)
people = st.builds(
    lambda contracts, events, request, still_open: Item(
        tuple(contracts),
        events={**events, **({"erasure_requested": request} if request else {})},
        still_open={name: (Occurrence(None, thing),) for name, thing in still_open.items() if name in events},
    ),
    st.lists(st.builds(Contract, st.sampled_from("AB"), st.none() | days, st.none() | days, st.booleans()), max_size=2),
    st.dictionaries(st.sampled_from(LEDGERS), happened, max_size=4),
    st.none() | happened,
    st.dictionaries(
        st.sampled_from(["service_ended", "case_closed", "debt_settled", "domain_registration_ended"]),
        st.sampled_from(["", "L1"]),
        max_size=2,
    ),
)
rows = st.fixed_dictionaries(dict.fromkeys(NAMES, st.none() | days))


@settings(max_examples=1500, deadline=None)
@given(rule_sets, people, st.sets(st.sampled_from(NAMES)), rows, st.booleans(), st.booleans())
def test_a_register_asks_for_exactly_what_is_due(rule_set, person, mapped, row, closed, has_closed):
    own, none = frozenset(mapped), frozenset[str]()
    verdicts = compiled.verdicts(person, rule_set, TODAY, own, none)
    due = compiled.due(rule_set, verdicts, TODAY, own, none, has_closed)
    attention = compiled.attention(rule_set, verdicts, TODAY, own, none, has_closed)
    events = {name: row[name] for name in mapped}
    found = state(with_own(person, events, {}, closed and has_closed), rule_set)
    assert holds_true(due, events, {}, closed) == (found is State.DUE)
    assert found in NEITHER or holds_true(attention, events, {}, closed)


@pytest.mark.parametrize("mark", [BEFORE, ASKED, ASKED + ONE, AFTER, None])
@pytest.mark.parametrize("trigger", ["last_contact", {"latest_of": ["recorded", "last_contact"]}])
@pytest.mark.parametrize("own", [{"last_contact"}, {"last_contact", "recorded"}, {"recorded"}, {"erasure_requested"}])
def test_wherever_the_sign_stands_the_request_ends_it(mark, trigger, own):
    everything = {"recorded": BEFORE, "last_contact": mark, "erasure_requested": ASKED}
    person = Item(events=told(**{name: day for name, day in everything.items() if name not in own and day}))
    row = {name: everything[name] for name in sorted(own)}
    verdicts = compiled.verdicts(person, rules(trigger), TODAY, frozenset(own), frozenset())
    due = compiled.due(rules(trigger), verdicts, TODAY, frozenset(own), frozenset(), False)
    decided = state(with_own(person, row, {}, False), rules(trigger))
    assert holds_true(due, row, {}, False) == (decided is State.DUE)
    assert (decided is State.DUE) or (mark is None and trigger == "last_contact")


@pytest.mark.parametrize("began", [ASKED - ONE, ASKED, ASKED + ONE, None])
@pytest.mark.parametrize("trigger", ["recorded", "case_closed"])
@pytest.mark.parametrize("beside", [{}, {"service_ended": BEFORE}])
@pytest.mark.parametrize("is_open", [True, False])
def test_the_day_in_a_row_is_held_against_the_ledgers_request(began, trigger, beside, is_open):
    still_open = {"service_ended": (Occurrence(None),)} if beside and is_open else {}
    person = Item(events=told(erasure_requested=ASKED, **beside), still_open=still_open)
    rule_set = rules({"latest_of": [trigger, *beside]} if beside else trigger)
    row = {"recorded": began} if trigger == "recorded" else {"case_opened": began, "case_closed": None}
    own, none = frozenset(row), frozenset[str]()
    verdicts = compiled.verdicts(person, rule_set, TODAY, own, none)
    due = compiled.due(rule_set, verdicts, TODAY, own, none, False)
    decided = state(with_own(person, row, {}, False), rule_set)
    assert holds_true(due, row, {}, False) == (decided is State.DUE)
    if not still_open:
        assert (decided is State.DUE) == (began in {ASKED - ONE, ASKED})


def test_of_a_row_that_tells_of_the_request_one_question_is_asked_whenever_it_began():
    own, none = frozenset({"erasure_requested"}), frozenset[str]()
    customers = [Item(contracts=(Contract("A", ASKED + n * ONE),)) for n in range(50)]
    found = [compiled.verdicts(person, rules(), TODAY, own, none) for person in customers]
    assert len({compiled.attention(rules(), verdicts, TODAY, own, none, False) for verdicts in found}) == 1
    assert len({compiled.without_beginnings(verdicts) for verdicts in found}) == 1
    assert len({compiled.due(rules(), verdicts, TODAY, own, none, False) for verdicts in found}) == 50


@pytest.mark.parametrize("terms", [{}, {"period": None, "review_by": "2026-01-01"}])
@pytest.mark.parametrize("started", [BEFORE, ASKED, AFTER, None])
@pytest.mark.parametrize("kept", [True, False])
def test_what_the_request_may_not_have_ended_is_asked_for(terms, started, kept):
    """Beside another ground that keeps it is not due either way, and a date that is missing is told all the same."""
    either = rules({"latest_of": ["recorded", "contract_ended"]}, **terms)
    also = {"id": "h", "kind": "need", "trigger": "occurred", "period": "P30Y", "action": "delete"}
    rule_set = RuleSet((*either.grounds, *((parse_ground({**also, "status": "confirmed"}, "h"),) if kept else ())))
    person = Item(contracts=(Contract("A", started),), events=told(occurred=AFTER))
    row = {"recorded": None, "erasure_requested": ASKED}
    own, none = frozenset(row), frozenset[str]()
    verdicts = compiled.verdicts(person, rule_set, TODAY, own, none)
    found = state(with_own(person, row, {}, False), rule_set)
    assert found in NEITHER or holds_true(
        compiled.attention(rule_set, verdicts, TODAY, own, none, False), row, {}, False
    )
    if started == AFTER:
        assert found not in NEITHER


@settings(max_examples=1000, deadline=None)
@given(rule_sets, people, st.sets(st.sampled_from(NAMES)), st.none() | days, st.data())
def test_whom_the_rules_see_alike_they_say_the_same_of(rule_set, one, mapped, day, data):
    """Two of whom one day differs."""
    places = [("", n) for n in range(len(one.contracts))]
    places += [(name, n) for name, found in one.events.items() for n in range(len(found))]
    assume(places)
    name, n = data.draw(st.sampled_from(places))
    contracts, events = list(one.contracts), {of: list(found) for of, found in one.events.items()}
    if name:
        events[name][n] = replace(events[name][n], day=day)
    else:
        contracts[n] = replace(contracts[n], started=day)
    other = replace(one, contracts=tuple(contracts), events={of: tuple(found) for of, found in events.items()})
    own, none = frozenset(mapped), frozenset[str]()
    sight = Sight.of(rule_set, TODAY, own)
    if looks(sight, one) == looks(sight, other):
        mine, theirs = (compiled.verdicts(person, rule_set, TODAY, own, none) for person in (one, other))
        assert mine == theirs


@settings(max_examples=300, deadline=None)
@given(rule_sets, people)
def test_nothing_changes_by_itself_before_the_day_that_is_told(rule_set, person):
    answers = {}
    for name, since in questions(rule_set, TODAY):
        found = [one.day for one in person.events.get(name, ())]
        found += [c.started if name == "contract_started" else c.ended for c in person.contracts if "contract" in name]
        answers[name, since] = [min((day for day in found if day is not None and day >= since), default=None)]
    day = next_change(rule_set, (), TODAY, answers)
    now = state(person, rule_set)
    for later in (TODAY + ONE, TODAY + 2 * ONE, TODAY + 3 * ONE):
        assert later >= day or decide(person, rule_set, (), later).state is now


def looks(sight, item):
    about = [
        {name: [(o.day, o.thing, o.purpose, o.contract) for o in found] for name, found in told_of.items()}
        for told_of in (item.events, item.still_open)
    ]
    return sight.look(
        [(c.ref, c.started, c.ended, c.closed) for c in item.contracts], about[0], item.facts, item.scope, about[1]
    )


def test_the_order_of_request_and_beginning_is_seen():
    sight = Sight.of(rules(), TODAY)
    contracts = [Item(contracts=(Contract("A", day),), events=told(erasure_requested=ASKED)) for day in (BEFORE, AFTER)]
    assert looks(sight, contracts[0]) != looks(sight, contracts[1])
    without = [Item(contracts=(Contract("A", day),)) for day in (BEFORE, AFTER)]
    assert looks(sight, without[0]) == looks(sight, without[1])
    in_the_row = Sight.of(rules(), TODAY, frozenset({"erasure_requested"}))
    assert looks(in_the_row, without[0]) != looks(in_the_row, without[1])


def test_of_a_row_the_day_that_opened_it_is_read():
    sight = Sight.of(rules("case_closed"), TODAY)
    assert sight.own({"case_opened": BEFORE}, {}) != sight.own({"case_opened": AFTER}, {})
