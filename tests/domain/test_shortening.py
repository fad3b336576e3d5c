"""Whether a change shortens, by the rules alone, held to `decide`: nothing may go earlier where nothing was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from retention.domain.ahead import MAY_GO, course
from retention.domain.decisions import decide
from retention.domain.periods import FinancialYears, due_from, parse_financial_years
from retention.domain.rules import RuleSet
from retention.domain.shortening import Way, shortened
from retention.domain.written import parse_ceiling, parse_follow, parse_ground, parse_step
from tests.domain import strategies as some
from tests.domain.test_ahead import items

EXAMPLES = 25
DAYS = [some.TODAY + timedelta(days=n) for n in (-1500, -700, -300, -45, -1, 0, 1, 40, 400, 2500)]


def rules(grounds=(), ceilings=(), **over):
    return RuleSet(
        tuple(parse_ground(one, "g") for one in grounds), tuple(parse_ceiling(one, "c") for one in ceilings), **over
    )


@st.composite
def written(draw, of="whole"):
    """Documents of grounds and ceilings, at least one of what is to be edited, and what else a rule set has."""
    return (
        list(draw(some.some(some.ground_documents, 2, "g", least=of == "grounds"))),
        list(draw(some.some(some.ceiling_documents, 1, "c", least=of == "ceilings"))),
        {
            "no_reason_to_keep": draw(st.booleans()),
            "financial_years": parse_financial_years(draw(st.sampled_from(["12-31", "12-31", "06-30"]))),
            "first_plausible_day": date(1950, 1, 1),
        },
    )


def made_of(whole):
    grounds, ceilings, over = whole
    return rules(grounds, ceilings, **over)


VALUES = {
    "period": some.periods,
    "rounding": some.roundings,
    "trigger": some.triggers,
    "condition": some.conditions,
    "status": some.statuses,
    "if_absent": some.absences,
    "action": some.actions,
    "kind": st.sampled_from(["need", "instruction", "claim", "obligation", "consent"]),
    "purpose": st.sampled_from(["", "markkinointi"]),
    "ends_on": st.sampled_from([[], ["debt_settled"], ["debt_settled", "objection"]]),
    "yields_to": st.sampled_from(["none", "any_basis", ["obligation"], ["claim"], ["need", "claim"]]),
    "review_by": st.sampled_from(["2026-01-01", "2027-01-01"]),
}


NOT_OF = {"grounds": {"yields_to"}, "ceilings": {"kind", "purpose", "ends_on", "review_by"}}
EDITS = [
    *((of, key) for of in ("grounds", "ceilings") for key in VALUES if key not in NOT_OF[of]),
    *((of, edit) for of in ("grounds", "ceilings") for edit in ("none", "add", "drop", "order", "further", "fewer")),
    ("grounds", "first"),
    ("grounds", "ends on fewer"),
    ("whole", "no_reason_to_keep"),
    ("whole", "financial_years"),
]
ALWAYS_FOUND = {("ceilings", "drop"), ("grounds", "first"), ("grounds", "ends on fewer")}
"""Edits that shorten nothing only where nothing can go afterwards."""


def edit(draw, whole, of, what):
    """One edit such as people make, in place."""
    if of == "whole":
        whole[2][what] = draw(st.booleans()) if what == "no_reason_to_keep" else FinancialYears((6, 30))
        return
    rows = whole[0] if of == "grounds" else whole[1]
    if what == "add":
        documents = some.ground_documents if of == "grounds" else some.ceiling_documents
        rows.append(draw(documents(f"n{len(rows)}")))
        return
    if what == "first":
        rows[:] = [draw(some.ground_documents("n"))]
        return
    assume(rows)
    one = draw(st.sampled_from(rows))
    if what in {"further", "fewer"}:
        how, names = chosen(one["trigger"])
        how = draw(st.sampled_from(["latest_of", "earliest_of"])) if how == "only" else how
        names = [*names, draw(some.names)] if what == "further" else names[:-1]
        assume(names and len(set(names)) == len(names))
        one["trigger"] = {how: names} if len(names) > 1 else names[0]
    elif what == "ends on fewer":
        assume(one.get("ends_on"))
        one["ends_on"] = one["ends_on"][1:]
    elif what == "drop":
        rows.remove(one)
    elif what == "order":
        rows.reverse()
    elif what == "none":
        optional = {"if_absent", "ends_on", "yields_to", "rounding", "condition", "review_by"}
        optional |= {"period"} if of == "grounds" else set()
        key = draw(st.sampled_from(sorted(optional)))
        assume(key in one)
        del one[key]
    else:
        one[what] = draw(VALUES[what])
    for one in whole[0]:
        if one["kind"] == "obligation":
            one.pop("ends_on", None)


def chosen(trigger):
    """How a trigger that was written chooses, and of which events."""
    if isinstance(trigger, str):
        return "only", [trigger]
    ((how, names),) = trigger.items()
    return how, names


@st.composite
def edited(draw, edits):
    """Rules, and the same after these edits."""
    before = draw(written(edits[0][0]))
    if edits == [("grounds", "first")]:
        before[0].clear()
        before[2]["no_reason_to_keep"] = False
    elif edits == [("grounds", "ends on fewer")]:
        before[0][:] = [
            ground(trigger=draw(some.names), period="P1Y", ends_on=draw(ENDING), if_absent=draw(some.absences))
        ]
        before[1].clear()
    after = ([dict(one) for one in before[0]], [dict(one) for one in before[1]], dict(before[2]))
    for of, what in edits:
        edit(draw, after, of, what)
    return made_of(before), made_of(after)


ENDING = st.sampled_from(
    [["debt_settled"], ["objection"], ["debt_settled", "objection"], ["objection", "debt_settled"]]
)
several = st.lists(st.sampled_from(EDITS), min_size=2, max_size=4).flatmap(edited)


@st.composite
def told(draw, pair):
    """An item of which much is known of what these rules ask."""
    item = draw(items())
    asked = set().union(*(rule.trigger.events for whole in pair for rule in (*whole.grounds, *whole.ceilings)))
    asked |= {name for whole in pair for rule in whole.grounds for name in rule.ends_on}
    events = dict(item.events)
    for name in sorted(asked - set(events) - {"contract_ended"}):
        if draw(st.integers(0, 3)):
            events[name] = draw(some.occurrences)
    facts = dict(item.facts)
    for name in ("own", "known", "house"):
        if name not in facts and draw(st.booleans()):
            facts[name] = draw(st.booleans())
    return replace(item, events=events, facts=facts, own=item.own - (set(events) - set(item.events)))


@st.composite
def unshortened(draw, pairs):
    """A change in which nothing was found, and items."""
    pair = draw(pairs)
    assume(not [one for one in shortened(*pair) if one.way is not Way.STRONGER])
    return pair, draw(st.lists(told(pair), min_size=1, max_size=6))


def may_go(item, rule_set, day):
    return decide(item, rule_set, (), day).state in MAY_GO


def days_of(item, rule_set):
    """Days spread out, and the very first ones on which these rules let it go."""
    yield from DAYS
    for start in (DAYS[0], some.TODAY):
        found = course(lambda day: decide(item, rule_set, (), day), [(item, rule_set)], (), start, DAYS[-1])
        if found.due is not None:
            yield found.due


def held_to_decide(found):
    """Nothing was found to be shortened, and then nothing goes earlier."""
    (before, after), some_items = found
    for item in some_items:
        for day in days_of(item, after):
            if may_go(item, after, day):
                assert may_go(item, before, day), (item, day)


@pytest.mark.parametrize(("of", "what"), [one for one in EDITS if one not in ALWAYS_FOUND])
def test_where_one_edit_shortens_nothing_nothing_goes_earlier(of, what):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(unshortened(edited([(of, what)])))
    def ask(found):
        held_to_decide(found)

    ask()


@settings(max_examples=4 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(unshortened(several | st.tuples(written().map(made_of), written().map(made_of))))
def test_where_several_edits_shorten_nothing_nothing_goes_earlier(found):
    held_to_decide(found)


@pytest.mark.parametrize("edit", sorted(ALWAYS_FOUND))
def test_what_shortens_wherever_anything_goes_is_found_wherever_anything_goes(edit):
    @settings(max_examples=4 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(edited([edit]), st.data())
    def ask(pair, data):
        if not shortened(*pair):
            held_to_decide((pair, data.draw(st.lists(told(pair), min_size=1, max_size=8))))

    ask()


@settings(max_examples=200, deadline=None)
@given(written().map(made_of))
def test_the_same_rules_shorten_nothing(one):
    assert shortened(one, one) == ()
    again = replace(one, grounds=one.grounds[::-1], ceilings=one.ceilings[::-1])
    assert shortened(one, again) == ()


def ground(**over):
    return {
        "id": "g",
        "kind": "need",
        "trigger": "case_closed",
        "period": "P3Y",
        "action": "delete",
        "status": "confirmed",
        **over,
    }


def ceiling(**over):
    document = {"id": "c", "trigger": "recorded", "period": "P6Y", "action": "delete", "status": "confirmed", **over}
    return {key: value for key, value in document.items() if value is not None}


def ways(before, after):
    return [(one.way, one.where) for one in shortened(before, after)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"period": "P4Y"}),
        ({}, {"period": "P36M"}),
        ({"period": "P27D"}, {"period": "P1M", "rounding": "end_of_month"}),
        ({"period": "P364D"}, {"period": "P1Y"}),
        ({"period": "P1M"}, {"period": "P31D"}),
        ({}, {"rounding": "end_of_month"}),
        ({"rounding": "end_of_month"}, {"rounding": "end_of_calendar_year"}),
        ({"rounding": "end_of_calendar_year", "period": "P1Y"}, {"period": "P2Y"}),
        ({}, {"trigger": {"latest_of": ["case_closed", "last_contact"]}}),
        ({}, {"status": "proposed"}),
        ({}, {"period": None, "review_by": "2030-01-01"}),
        ({"kind": "instruction"}, {}),
        ({"if_absent": "not_applicable"}, {}),
        ({"action": "delete"}, {"action": "anonymise"}),
        ({"id": "vanha"}, {"id": "uusi"}),
    ],
)
def test_longer_is_no_shortening(before, after):
    assert ways(rules([ground(**before)]), rules([ground(**after)])) == []


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ({}, {"period": "P2Y"}, Way.PERIOD),
        ({}, {"period": "P35M"}, Way.PERIOD),
        ({"period": "P1Y"}, {"period": "P365D"}, Way.PERIOD),  # a leap year has one day more
        ({"period": "P1M"}, {"period": "P30D"}, Way.PERIOD),
        ({"period": "P31D"}, {"period": "P1M"}, Way.PERIOD),
        ({"rounding": "end_of_quarter"}, {"rounding": "end_of_month"}, Way.PERIOD),
        ({"rounding": "end_of_calendar_year", "period": "P1Y"}, {"period": "P23M"}, Way.PERIOD),
        ({"period": None, "review_by": "2030-01-01"}, {}, Way.PERIOD),
        ({"status": "proposed"}, {}, Way.CONFIRMED),
        ({}, {"trigger": "case_opened"}, Way.GROUND_CHANGED),
        ({}, {"condition": [{"fact": "house", "is": True}]}, Way.GROUND_CHANGED),
        ({}, {"ends_on": ["objection"]}, Way.GROUND_CHANGED),
        ({}, {"if_absent": "not_applicable"}, Way.GROUND_CHANGED),
        ({"kind": "obligation"}, {"kind": "need"}, Way.GROUND_CHANGED),
        ({"action": "anonymise"}, {"action": "delete"}, Way.STRONGER),
        ({"trigger": {"latest_of": ["case_closed", "last_contact"]}}, {}, Way.GROUND_CHANGED),
        (
            {"trigger": {"latest_of": ["case_closed", "last_contact"]}},
            {"trigger": {"earliest_of": ["case_closed", "last_contact"]}},
            Way.GROUND_CHANGED,
        ),
        (
            {"trigger": {"earliest_of": ["case_closed", "case_opened"]}},
            {"trigger": {"earliest_of": ["case_closed", "case_opened", "last_contact"]}},
            Way.GROUND_CHANGED,
        ),
        # a thing that only the ending event names is no longer waited for
        ({"ends_on": ["objection"]}, {}, Way.GROUND_CHANGED),
        ({"if_absent": "missing"}, {"if_absent": "not_applicable"}, Way.GROUND_CHANGED),
        ({"trigger": "last_contact", "if_absent": "missing"}, {"trigger": "last_contact"}, Way.GROUND_CHANGED),
        ({"purpose": "markkinointi"}, {}, Way.GROUND_CHANGED),
    ],
)
def test_shorter_is_found_and_named(before, after, way):
    assert ways(rules([ground(**before)]), rules([ground(**after)])) == [(way, "grounds[g]")]


def test_a_ground_that_goes_and_one_that_comes():
    two = rules([ground(), ground(id="h", kind="claim", period="P1Y")])
    one = rules([ground()])
    assert ways(two, one) == [(Way.GROUND_GONE, "grounds[h]")]
    assert ways(one, two) == []


def test_where_nobody_had_decided_a_first_rule_begins():
    assert ways(rules(), rules([ground()])) == [(Way.BEGINS, "")]
    assert ways(rules(), rules(no_reason_to_keep=True)) == [(Way.BEGINS, "")]
    assert ways(rules(no_reason_to_keep=True), rules([ground()])) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], [ceiling()], [(Way.CEILING_NEW, "ceilings[c]")]),
        ([], [ceiling(yields_to="any_basis")], []),
        ([], [ceiling(yields_to=["need"])], []),
        ([ceiling()], [], [(Way.CEILING_GONE, "ceilings[c]")]),
        ([ceiling()], [ceiling(period="P7Y")], []),
        ([ceiling()], [ceiling(period="P5Y")], [(Way.PERIOD, "ceilings[c]")]),
        ([ceiling()], [ceiling(yields_to=["claim"])], []),
        ([ceiling(yields_to=["need"])], [ceiling()], [(Way.CEILING_CHANGED, "ceilings[c]")]),
        ([ceiling(status="proposed")], [ceiling()], [(Way.CONFIRMED, "ceilings[c]")]),
        ([ceiling()], [ceiling(status="proposed")], []),
        ([ceiling()], [ceiling(trigger="case_opened")], [(Way.CEILING_CHANGED, "ceilings[c]")]),
        ([ceiling()], [ceiling(if_absent="not_applicable")], [(Way.CEILING_CHANGED, "ceilings[c]")]),
        ([ceiling()], [ceiling(condition=[{"fact": "house", "is": True}])], [(Way.CEILING_CHANGED, "ceilings[c]")]),
        ([ceiling(yields_to="any_basis")], [ceiling()], [(Way.CEILING_CHANGED, "ceilings[c]")]),
    ],
)
def test_ceilings(before, after, found):
    assert ways(rules([ground()], before), rules([ground()], after)) == found


def test_a_ceiling_of_what_follows_others_cuts_what_those_have():
    """Whatever grounds stand beside it: it yields to those, and not to the others'."""
    follows = (parse_follow({"dataset": "tiketit"}, "f"),)
    before = rules([ground()], follows=follows)
    after = rules([ground()], [ceiling(yields_to=["need"])], follows=follows)
    assert ways(before, after) == [(Way.CEILING_NEW, "ceilings[c]")]


def test_a_consent_that_is_not_confirmed_leaves_the_others_to_decide():
    """It counts only where it was given: whoever gave none has their other grounds shortened all the same."""
    consent = ground(id="h", kind="consent", trigger="consent_given", purpose="markkinointi")
    before, after = rules([ground(), consent]), rules([ground(period="P2Y"), {**consent, "status": "proposed"}])
    assert ways(before, after) == [(Way.PERIOD, "grounds[g]")]


def test_what_nobody_has_decided_goes_with_the_ceilings_of_what_follows_it():
    before = rules([ground(), ground(id="h", kind="claim", period="P9Y")])
    after = rules([ground(status="proposed")])
    assert ways(before, after) == []
    assert [one.where for one in shortened(before, after, followed=True)] == ["grounds[h]"]


def test_the_length_is_told_as_it_is_written():
    (found,) = shortened(rules([ground(period="P72M")]), rules([ground(period="P3Y", rounding="end_of_month")]))
    assert (found.before, found.after) == ("P6Y", "P3Y end_of_month")


def test_financial_years_shorten_what_is_rounded_by_them():
    rounded = [ground(rounding="end_of_financial_year")]
    before, after = rules(rounded), rules(rounded, financial_years=FinancialYears((6, 30)))
    assert ways(before, after) == [(Way.PERIOD, "grounds[g]")]
    assert ways(rules([ground()]), rules([ground()], financial_years=FinancialYears((6, 30)))) == []


def test_other_days_that_can_be_one_are_another_reading():
    assert ways(rules([ground()]), rules([ground()], first_plausible_day=date(1900, 1, 1))) == [(Way.READING, "")]


def step(**over):
    document = {"id": "s", "trigger": "recorded", "period": "P1Y", "action": "clear", "fields": ["nimi"], **over}
    return {"status": "confirmed", **document}


@pytest.mark.parametrize(
    ("before", "after", "shortens"),
    [
        ([], [step()], True),
        ([], [step(status="proposed")], False),
        ([step()], [step(period="P2Y")], False),
        ([step()], [step(period="P6M")], True),
        ([step()], [step(fields=["nimi", "osoite"])], True),
        ([step(status="proposed")], [step()], True),
        ([step()], [], False),
        ([step(action="transfer", into="arkisto", fields=[])], [], True),
        ([step(action="transfer", into="arkisto", fields=[])], [step(action="transfer", into="muu", fields=[])], True),
    ],
)
def test_steps(before, after, shortens):
    one, two = (rules([ground()], steps=tuple(parse_step(s, "s") for s in side)) for side in (before, after))
    assert bool(ways(one, two)) is shortens


@pytest.mark.parametrize(
    ("before", "after", "shortens"),
    [
        (["tiketit"], ["tiketit"], False),
        (["tiketit"], ["tiketit", "laskut"], False),
        (["tiketit", "laskut"], ["tiketit"], True),
        ([], ["tiketit"], True),
    ],
)
def test_follows(before, after, shortens):
    one, two = (rules(follows=tuple(parse_follow({"dataset": name}, "f") for name in side)) for side in (before, after))
    assert bool(ways(one, two)) is shortens


def test_what_follows_nothing_any_more_is_a_review_or_goes():
    one = rules(follows=(parse_follow({"dataset": "tiketit"}, "f"),))
    assert ways(one, rules()) == []
    assert ways(one, rules(no_reason_to_keep=True)) == [(Way.FOLLOWS, "")]


def test_a_follower_that_is_destroyed_more_strongly():
    follows = [(parse_follow({"dataset": "tiketit", "action": action}, "f"),) for action in ("anonymise", "delete")]
    assert ways(*(rules(follows=one) for one in follows)) == [(Way.STRONGER, "follows[tiketit]")]


@settings(max_examples=300, deadline=None)
@given(
    st.dates(date(1950, 1, 1), date(2199, 12, 31)),
    st.sampled_from([("P1Y", "P365D"), ("P1M", "P31D"), ("P2M", "P59D"), ("P4Y", "P1460D"), ("P3M", "P13W")]),
)
def test_periods_in_months_and_days_are_held_against_each_other_on_every_day(start, pair):
    for old, new in (pair, pair[::-1]):
        if not ways(rules([ground(period=old)]), rules([ground(period=new)])):
            assert due_from(start, new) >= due_from(start, old)
