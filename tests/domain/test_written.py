"""Bad rules: each error names its place and what is wrong there."""

from __future__ import annotations

import pytest

from retention.domain.cases import parse_cases
from retention.domain.errors import DocumentError, RuleError
from retention.domain.written import parse_ceiling, parse_ground

GROUND = {"id": "g", "kind": "need", "trigger": "recorded", "period": "P1Y", "action": "delete"}
CEILING = {"id": "c", "trigger": "recorded", "period": "P1Y", "action": "delete"}


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"trigger": "contract_endet"}, "g.trigger", "unknown event 'contract_endet'"),
        ({"trigger": {"latest_of": ["recorded", "never"]}}, "g.trigger.latest_of", "unknown event"),
        ({"trigger": {"latest_of": []}}, "g.trigger.latest_of", "names no event"),
        ({"trigger": {"soonest_of": ["recorded"]}}, "g.trigger", "latest_of"),
        ({"trigger": None}, "g.trigger", "no event"),
        ({"period": "6 years"}, "g.period", "'6 years' is not a calendar period"),
        ({"rounding": "end_of_decade"}, "g.rounding", "unknown rounding"),
        ({"kind": "wish"}, "g.kind", "'wish' is none of the known"),
        ({"kind": None}, "g.kind", "is missing"),
        ({"action": "shred"}, "g.action", "none of the known"),
        ({"ends_on": "objection"}, "g.ends_on", "is not a list"),
        ({"kind": "obligation", "ends_on": ["erasure_requested"]}, "g.ends_on", "cannot end earlier"),
        ({"condition": {"fact": "x"}}, "g.condition", "{fact: …, is: …}"),
        ({"condition": [{"fact": "x", "is": 1.5}]}, "g.condition", "cannot be 1.5"),
        ({"if_absent": "perhaps"}, "g.if_absent", "none of the known"),
        ({"review_by": "2026-13-01"}, "g.review_by", "is not a day"),
        ({"perriod": "P1Y"}, "g", "unknown key 'perriod'"),
    ],
)
def test_a_ground_that_is_wrong_says_where(change, where, what):
    with pytest.raises(RuleError) as error:
        parse_ground({**GROUND, **change}, "g")
    assert error.value.path == where
    assert what in error.value.message


@pytest.mark.parametrize(
    ("change", "where"),
    [({"period": None}, "c.period"), ({"yields_to": ["wish"]}, "c.yields_to"), ({"kind": "need"}, "c")],
)
def test_a_ceiling_that_is_wrong_says_where(change, where):
    with pytest.raises(RuleError) as error:
        parse_ceiling({**CEILING, **change}, "c")
    assert error.value.path == where


def test_of_many_cases_each_bad_one_is_named_and_the_others_are_read():
    good = {"id": "good", "today": "2026-01-01", "grounds": [GROUND]}
    backwards = {"ref": "A", "started": "2020-01-02", "ended": "2020-01-01"}
    cases, problems = parse_cases(
        [
            good,
            {**good, "id": "backwards", "contracts": [backwards]},
            {**good, "id": "lost", "ground": [], "grounds": [GROUND]},
            {"id": "none", "today": "2026-01-01"},
            good,
        ]
    )
    assert [case.id for case in cases] == ["good"]
    assert [problem.path for problem in problems] == ["backwards.contracts[0]", "lost", "none", "good"]
    assert "before it starts" in problems[0].message


def test_what_is_no_list_is_refused():
    with pytest.raises(DocumentError):
        parse_cases({"id": "x"})
