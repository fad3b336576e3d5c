"""What is told of each way in which rules shorten, and where the line lies between shortening and not."""

from __future__ import annotations

from datetime import date

import pytest

from retention.domain.rules import Kind
from retention.domain.shortening import Shortening, Way, shortened
from retention.domain.written import parse_follow, parse_step
from tests.domain.test_shortening import ceiling, ground, rules, step, ways

OTHER_DAY = {"first_plausible_day": date(2000, 1, 1)}
PROPOSED, CLAIM = {"status": "proposed"}, {"id": "h", "kind": "claim", "period": "P9Y"}
MOVED = step(action="transfer", into="arkisto", fields=[])
REVIEW = {"period": None, "review_by": "2030-01-01"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (rules([ground()]), rules([ground()], **OTHER_DAY), (Way.READING, "", "1950-01-01", "2000-01-01")),
        (rules(), rules([ground()]), (Way.BEGINS, "", "", "")),
        (rules([ground(), ground(**CLAIM)]), rules([ground()]), (Way.GROUND_GONE, "grounds[h]", "", "")),
        (
            rules([ground(**PROPOSED)]),
            rules([ground()]),
            (Way.CONFIRMED, "grounds[g]", "proposed", "confirmed"),
        ),
        (
            rules([ground(rounding="end_of_month")]),
            rules([ground(period="P1Y")]),
            (Way.PERIOD, "grounds[g]", "P3Y end_of_month", "P1Y"),
        ),
        (rules([ground(**REVIEW)]), rules([ground()]), (Way.PERIOD, "grounds[g]", "review 2030-01-01", "P3Y")),
        (
            rules([ground()]),
            rules([ground(period="P1Y", trigger="case_opened")]),
            (Way.GROUND_CHANGED, "grounds[g]", "", ""),
        ),
        (
            rules([ground(action="anonymise")]),
            rules([ground()]),
            (Way.STRONGER, "grounds[g]", "anonymise", "delete"),
        ),
        (rules([ground()]), rules([ground()], [ceiling()]), (Way.CEILING_NEW, "ceilings[c]", "", "P6Y")),
        (rules([ground()], [ceiling()]), rules([ground()]), (Way.CEILING_GONE, "ceilings[c]", "P6Y", "")),
        (
            rules([ground()], [ceiling(**PROPOSED)]),
            rules([ground()], [ceiling()]),
            (Way.CONFIRMED, "ceilings[c]", "proposed", "confirmed"),
        ),
        (
            rules([ground()], [ceiling()]),
            rules([ground()], [ceiling(period="P5Y", rounding="end_of_month")]),
            (Way.PERIOD, "ceilings[c]", "P6Y", "P5Y end_of_month"),
        ),
        (
            rules([ground()], [ceiling()]),
            rules([ground()], [ceiling(period="P5Y", trigger="case_opened")]),
            (Way.CEILING_CHANGED, "ceilings[c]", "", ""),
        ),
    ],
)
def test_each_way_is_told_with_what_differs(before, after, told):
    (found,) = shortened(before, after)
    assert found == Shortening(*told)


def test_of_steps_and_of_what_is_followed_what_differs_is_told_too():
    moved = {**MOVED, "rounding": "end_of_month"}

    def steps(*written):
        return rules([ground()], steps=tuple(parse_step(one, "s") for one in written))

    def follows(*names, **over):
        return rules(follows=tuple(parse_follow({"dataset": name, **over}, "f") for name in names))

    assert shortened(steps(), steps(step())) == (Shortening(Way.STEP, "steps[s]", "", "P1Y"),)
    assert shortened(steps(step()), steps(step(period="P6M"))) == (Shortening(Way.STEP, "steps[s]", "P1Y", "P6M"),)
    assert shortened(steps(moved), steps()) == (Shortening(Way.STEP, "steps[s]", "P1Y end_of_month", ""),)
    found = shortened(follows("tiketit", "laskut"), follows("viestit"))
    assert found == (Shortening(Way.FOLLOWS, "", "laskut, tiketit", "viestit"),)
    weaker, stronger = follows("tiketit", action="anonymise"), follows("tiketit")
    assert shortened(weaker, stronger) == (Shortening(Way.STRONGER, "follows[tiketit]", "anonymise", "delete"),)
    by = follows("tiketit", by="tiketti_id")
    assert ways(by, follows("tiketit")) == [(Way.FOLLOWS, "")]


@pytest.mark.parametrize(
    ("before", "after", "shortens"),
    [
        # whoever is not confirmed counts as no step, before as after
        ([step(status="proposed")], [step(status="proposed", period="P1M")], False),
        ([step(status="proposed")], [], False),
        ([{**MOVED, **PROPOSED}], [], False),
        ([step(action="condense", into="a", fields=[])], [], True),
        ([step(action="block", fields=[])], [], False),
        # no longer confirmed: what was moved first is then destroyed without that
        (
            [step(action="transfer", into="a", fields=[])],
            [step(action="transfer", into="a", fields=[], **PROPOSED)],
            True,
        ),
        ([step()], [step(status="proposed")], False),
        ([step(action="block", fields=[])], [step(action="block", fields=[], **PROPOSED)], False),
        ([step()], [step(law="L 1")], False),
        ([step()], [step(rounding="end_of_month")], False),
        ([step(rounding="end_of_month")], [step()], True),
        ([step()], [step(id="t")], True),
    ],
)
def test_steps_that_are_not_confirmed_and_those_that_make_something(before, after, shortens):
    one, two = (rules([ground()], steps=tuple(parse_step(s, "s") for s in side)) for side in (before, after))
    assert bool(ways(one, two)) is shortens
    assert {where for _, where in ways(one, two)} <= {f"steps[{s['id']}]" for s in [*before, *after]}


@pytest.mark.parametrize(
    ("after", "shortens"),
    [
        ([ground(**PROPOSED)], False),  # a person decides about every item
        ([ground(**PROPOSED, condition=[{"fact": "house", "is": True}])], True),  # not where it does not count
        ([ground(**PROPOSED, kind="consent", trigger="consent_given")], True),
        ([], False),
    ],
)
def test_what_a_person_decides_about_goes_no_earlier(after, shortens):
    before = rules([ground(), ground(**CLAIM)])
    assert bool(ways(before, rules(after))) is shortens
    assert ways(before, rules(after, [ceiling()])) != []
    moves = parse_step(step(), "s")
    assert (Way.STEP, "steps[s]") in ways(before, rules(after, steps=(moves,)))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        # what was kept by a review that a ceiling ends
        (rules((), [ceiling()]), rules([ground()], [ceiling()]), [(Way.BEGINS, "")]),
        (rules((), [ceiling()]), rules((), [ceiling()]), []),
        # follows others: they are its grounds
        (rules(follows=(parse_follow({"dataset": "d"}, "f"),)), rules([ground()]), [(Way.FOLLOWS, "")]),
    ],
)
def test_where_rules_begin(before, after, found):
    assert ways(before, after) == found


@pytest.mark.parametrize(
    ("trigger", "shortens"),
    [
        ("last_contact", True),  # optional: may not apply
        ("debt_settled", True),  # awaited, opened by what is optional
        ("case_closed", False),  # awaited, opened by what is always told
        ("recorded", False),
    ],
)
def test_an_absence_that_a_rule_no_longer_names_is_read_by_the_catalogue(trigger, shortens):
    one, two = (rules([ground(trigger=trigger, **over)]) for over in ({"if_absent": "missing"}, {}))
    assert bool(ways(one, two)) is shortens
    other = rules([ground(trigger=trigger, if_absent="pending")])
    assert ways(one, other) == []
    assert ways(rules([ground(trigger=trigger)]), other) == []


def test_a_new_rule_is_held_against_the_weakest_action_before():
    weak, strong = ground(action="anonymise"), ground(id="h", kind="claim", period="P9Y")
    assert ways(rules([weak]), rules([weak, strong])) == [(Way.STRONGER, "grounds[h]")]
    assert ways(rules([weak, strong]), rules([weak, strong, ground(id="i", kind="claim")])) == [
        (Way.STRONGER, "grounds[i]")
    ]
    assert ways(rules([strong]), rules([strong, ground(id="i")])) == []
    follows = (parse_follow({"dataset": "tiketit", "action": "anonymise"}, "f"),)
    assert ways(rules(follows=follows), rules(follows=(*follows, parse_follow({"dataset": "laskut"}, "f")))) == []


FOLLOWS = (parse_follow({"dataset": "tiketit"}, "f"),)


@pytest.mark.parametrize("over", [{"yields_to": "any_basis"}, PROPOSED])
def test_a_ceiling_that_ends_nothing_shortens_nothing_of_what_follows_others(over):
    assert ways(rules(follows=FOLLOWS), rules((), [ceiling(**over)], follows=FOLLOWS)) == []
    assert ways(rules([ground()]), rules([ground()], [ceiling(**over)])) == []


def test_of_two_ceilings_the_one_that_is_gone_is_told():
    both, one = [ceiling(), ceiling(id="d", trigger="case_opened")], [ceiling()]
    assert ways(rules([ground()], both), rules([ground()], one)) == [(Way.CEILING_GONE, "ceilings[d]")]


def test_a_ceiling_that_is_rounded_to_an_earlier_day_is_told_as_a_period():
    before, after = (rules([ground()], [ceiling(**over)]) for over in ({"rounding": "end_of_month"}, {}))
    assert shortened(before, after) == (Shortening(Way.PERIOD, "ceilings[c]", "P6Y end_of_month", "P6Y"),)


ALL_KINDS = [kind.value for kind in Kind]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        # without grounds what yields to all of them ends the review all the same; what yields to any basis does not
        ([ceiling(yields_to="any_basis")], [ceiling(yields_to=ALL_KINDS)], [(Way.CEILING_CHANGED, "ceilings[c]")]),
        ([ceiling(yields_to=["claim"])], [ceiling(yields_to=["claim"], period="P7Y")], []),
        (
            [ceiling(**PROPOSED)],
            [ceiling(**PROPOSED, condition=[{"fact": "house", "is": True}])],
            [(Way.CEILING_CHANGED, "ceilings[c]")],
        ),
    ],
)
def test_ceilings_where_there_is_no_ground(before, after, found):
    assert ways(rules((), before), rules((), after)) == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"earliest_of": ["case_closed", "case_opened"]}, {"earliest_of": ["case_closed", "case_opened"]}),
        ({"latest_of": ["case_closed", "case_opened"]}, {"latest_of": ["case_opened", "case_closed"]}),
    ],
)
def test_the_same_start_with_a_longer_period_is_no_shortening(before, after):
    one, two = ground(trigger=before), ground(trigger=after, period="P4Y")
    assert ways(rules([one]), rules([two])) == []


def test_the_weakest_before_is_so_by_its_strength():
    one, two = ground(action="destroy_paper"), ground(**CLAIM)
    assert ways(rules([one, two]), rules([one, two, ground(id="i")])) == [(Way.STRONGER, "grounds[i]")]


def test_a_step_that_is_proposed_hides_none_after_it():
    steps = tuple(parse_step(one, "s") for one in (step(id="a", **PROPOSED), step(id="b")))
    assert ways(rules([ground()]), rules([ground()], steps=steps)) == [(Way.STEP, "steps[b]")]


def test_the_actions_of_what_follows_and_of_its_ceilings_are_held_against_their_own():
    weaker = (parse_follow({"dataset": "tiketit", "action": "anonymise"}, "f"),)
    one, other = ceiling(), ceiling(id="d", period="P9Y")
    assert ways(rules((), [one], follows=weaker), rules((), [one, other], follows=weaker)) == []
    cut, more = [ceiling(action="anonymise")], parse_follow({"dataset": "laskut"}, "f")
    assert ways(rules((), cut, follows=weaker), rules((), cut, follows=(*weaker, more))) == []
