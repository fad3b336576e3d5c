"""The day from which an item may go, held to `decide` asked on every single day."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from retention.domain.ahead import MAY_GO, Course, course
from retention.domain.decisions import Contract, Item, State, decide, with_own
from retention.domain.periods import due_from, parse_financial_years
from retention.domain.rules import Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from tests.domain import strategies as some

START = some.TODAY - timedelta(days=1)
DAYS = 420


@st.composite
def rule_sets(draw):
    grounds = draw(some.some(some.ground_documents, 3, "g"))
    ceilings = draw(some.some(some.ceiling_documents, 2, "c"))
    return RuleSet(
        tuple(parse_ground(one, "g") for one in grounds),
        tuple(parse_ceiling(one, "c") for one in ceilings),
        no_reason_to_keep=draw(st.booleans()),
        financial_years=parse_financial_years(draw(st.sampled_from(["12-31", "06-30"]))),
    )


@st.composite
def items(draw):
    item = Item(
        contracts=tuple(draw(some.contracts)),
        scope=draw(st.sampled_from([None, None, "A"])),
        events=draw(some.ledger_events),
        facts=draw(st.dictionaries(st.sampled_from(["known", "house"]), st.booleans())),
    )
    own = draw(st.dictionaries(st.sampled_from(some.OWN_EVENTS), some.maybe_day))
    facts = draw(st.dictionaries(st.just("own"), st.none() | st.booleans()))
    return with_own(item, own, facts, draw(st.booleans()))


@settings(max_examples=150, deadline=None)
@given(rule_sets(), items(), some.hold_lists)
def test_it_is_the_first_day_of_them_all(rules, item, holds):
    until = START + timedelta(days=DAYS)
    found = course(lambda day: decide(item, rules, holds, day), [(item, rules)], holds, START, until)
    expected = Course(decide(item, rules, holds, START).state)
    for n in range(DAYS + 1):
        state = decide(item, rules, holds, START + timedelta(days=n)).state
        if state in MAY_GO:
            expected = Course(expected.state, START + timedelta(days=n), state is State.HELD)
            break
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(some.periods, some.roundings, st.integers(-400, 60), st.sampled_from(["recorded", "case_closed"]))
def test_one_period_ends_on_its_day(period, rounding, ago, name):
    ground = {"id": "g", "kind": "need", "trigger": name, "period": period, "rounding": rounding, "action": "delete"}
    rules = RuleSet((parse_ground({**ground, "status": "confirmed"}, "g"),))
    began = START + timedelta(days=ago)
    item = with_own(Item(), {"case_opened": began, name: began}, {}, False)
    found = course(lambda day: decide(item, rules, (), day), [(item, rules)], (), START, START + timedelta(days=4000))
    assert found.due == max(START, due_from(began, period, rounding), began)


class TestByTheContractsDays:
    """What the ledger's contracts say decides; the day found is the first of them all."""

    END = START + timedelta(days=10)

    def found(self, trigger="contract_ended", until=400, holds=(), **over):
        ground = {"id": "g", "kind": "need", "trigger": trigger, "period": "P1D", "action": "delete"}
        rules = RuleSet((parse_ground({**ground, "status": "confirmed"}, "g"),))
        contract = {"ref": "A", "started": START - timedelta(days=1), "ended": self.END, **over}
        item = Item(contracts=(Contract(**contract),))
        parts = [(item, rules)]
        return course(lambda day: decide(item, rules, holds, day), parts, holds, START, START + timedelta(days=until))

    def test_the_end(self):
        assert self.found() == Course(State.KEEP, self.END + timedelta(days=2))

    def test_the_start(self):
        started = START + timedelta(days=3)
        due = started + timedelta(days=2)
        assert self.found("contract_started", started=started, ended=None) == Course(State.KEEP, due)
        assert self.found(started=None) == Course(State.TRIGGER_MISSING)

    def test_until_the_last_day_and_no_longer(self):
        assert self.found(until=12) == Course(State.KEEP, self.END + timedelta(days=2))
        assert self.found(until=11) == Course(State.KEEP)

    def test_under_a_hold(self):
        assert self.found(holds=[Hold(START)]) == Course(State.KEEP, self.END + timedelta(days=2), True)

    def test_where_nothing_changes_by_itself(self):
        keeps = decide(Item(events={"case_opened": START}), RuleSet(), (), START)
        assert course(lambda day: keeps, [], (), START, START + timedelta(days=9)) == Course(State.REVIEW)
