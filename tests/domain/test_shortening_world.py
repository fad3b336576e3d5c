"""Whether a change shortens, held to `decide` in a small world that is asked as a whole.

Random rules seldom meet the one item that tells two ceilings apart. Here every seventh ceiling (`SELOSTE_THOROUGH`:
every one), and each of many grounds, of a few values is changed in every single field, put beside itself so changed,
and taken away from there; and of each item of a few dates, some of them missing, it is asked on a few days whether
anything goes that stayed before. Where it does and nothing was found to be shortened, what is found is not enough.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import islice, product
from typing import Any

import pytest

from retention.domain.ahead import MAY_GO
from retention.domain.decisions import Item, decide
from retention.domain.items import Occurrence
from retention.domain.rules import Ceiling, Ground, RuleSet
from retention.domain.shortening import Way, shortened
from retention.domain.written import parse_ceiling, parse_ground

OLD, OBJECTED, YOUNG = date(2010, 3, 1), date(2010, 9, 1), date(2024, 3, 1)
DAYS = (date(2012, 1, 1), date(2015, 1, 1), date(2026, 6, 30))
"""Between the shorter and the longer period of what is old, after both, and after the shorter of what is young."""


def of_ceilings() -> Iterator[Item]:
    """Dates that are there, missing, or that nobody knows, and a fact that is so, not so or unknown; and young ones."""
    for recorded, contact, house in product([OLD, None], [OLD, None, ...], [True, False, ...]):
        events: dict[str, Any] = {"recorded": recorded}
        if contact is not ...:
            events["last_contact"] = contact
        yield Item(events=events, facts={"house": bool(house)} if house is not ... else {})
    for events in ({"recorded": YOUNG, "last_contact": OLD}, {"recorded": OLD, "last_contact": YOUNG}):
        yield Item(events=events, facts={"house": True})


def of_grounds() -> Iterator[Item]:
    """Cases that are closed, open, or of which nobody knows, and persons who object, for all purposes or for one."""
    cases: tuple[dict[str, Any], ...] = (
        {"case_opened": OLD, "case_closed": OLD},
        {"case_opened": OLD},
        {"case_opened": None},
        {},
    )
    purposes = ((), ("muu",), ("markkinointi",))
    for case, contact, about, house in product(cases, [OLD, None, ...], purposes, [True, ...]):
        events = dict(case)
        if contact is not ...:
            events["last_contact"] = contact
        if about:
            events["objection"] = tuple(Occurrence(OBJECTED, purpose=purpose) for purpose in about)
        yield Item(events=events, facts={"house": bool(house)} if house is not ... else {})
    yield Item(events={"case_opened": OLD, "case_closed": OLD, "last_contact": YOUNG}, facts={"house": False})


ASKED = {"ceilings": tuple(of_ceilings()), "grounds": tuple(of_grounds())}


@cache
def goes(rules: RuleSet, of: str) -> int:
    """A bit for each of these items and days on which the rules let it go."""
    found = (decide(item, rules, (), day).state in MAY_GO for item in ASKED[of] for day in DAYS)
    return sum(bit << n for n, bit in enumerate(found))


def ground(**over):
    return {
        "id": "g",
        "kind": "need",
        "trigger": "recorded",
        "period": "P3Y",
        "action": "delete",
        "status": "confirmed",
        **over,
    }


def varied(values):
    """Every document of these values, each with every other that differs in one field only."""
    for chosen in product(*values.values()):
        one = dict(zip(values, chosen, strict=True))
        yield one, [{**one, name: other} for name in values for other in values[name] if other != one[name]]


def documents(one, **fixed):
    return {name: value for name, value in {**one, **fixed}.items() if value is not None}


CEILINGS = {
    "trigger": ["recorded", "last_contact", {"latest_of": ["recorded", "last_contact"]}],
    "period": ["P1Y", "P3Y"],
    "if_absent": [None, "pending", "missing", "not_applicable"],
    "condition": [None, [{"fact": "house", "is": True}]],
    "status": ["confirmed", "proposed"],
    "yields_to": ["none", "any_basis", ["need"], ["claim"], ["need", "claim", "obligation", "consent", "instruction"]],
}
EVERY = 1 if os.environ.get("SELOSTE_THOROUGH") else 7
"""Of the ceilings each so manieth is changed, others beside other grounds; all of them take two minutes."""
LONG = ground(period="P10Y")
BESIDE = {
    "need": [LONG],
    "short need and claim": [ground(period="P1Y"), ground(id="h", kind="claim", period="P10Y")],
    "obligation": [ground(kind="obligation", period="P10Y")],
    "undecided": [ground(period="P10Y", status="proposed"), ground(id="h", kind="claim", period="P1Y")],
    "nothing": [],
    "no reason to keep": [],
}


def parsed_ceiling(one, code) -> Ceiling:
    return parse_ceiling(documents(one, id=code, action="delete"), "c")


def parsed_ground(one, code) -> Ground:
    return parse_ground(documents(one, id=code, action="delete"), "g")


def must_be_found(before: RuleSet, after: RuleSet, of: str) -> bool:
    """Whether anything was found; raises AssertionError where something goes earlier and nothing was."""
    found = any(one.way is not Way.STRONGER for one in shortened(before, after))
    if not found:
        earlier = goes(after, of) & ~goes(before, of)
        if earlier:
            first = (earlier & -earlier).bit_length() - 1
            raise AssertionError((before, after, ASKED[of][first // len(DAYS)], DAYS[first % len(DAYS)]))
    return found


def changes(one, other):
    """Before and after: changed, a further one, one that goes; under one name and under two."""
    return [
        ([one], [other]),
        ([one], [one, other]),
        ([one, other], [one]),
    ]


@pytest.mark.parametrize("beside", BESIDE)
def test_every_ceiling_changed_in_one_field(beside):
    grounds = tuple(parse_ground(one, "g") for one in BESIDE[beside])
    none = beside == "no reason to keep"
    unnoticed = 0
    for one, others in islice(varied(CEILINGS), sorted(BESIDE).index(beside), None, EVERY):
        mine = parsed_ceiling(one, "c")
        for other in others:
            for before, after in [*changes(mine, parsed_ceiling(other, "d")), ([mine], []), ([], [mine])]:
                old, new = (RuleSet(grounds, tuple(side), no_reason_to_keep=none) for side in (before, after))
                unnoticed += not must_be_found(old, new, "ceilings")
    assert unnoticed > 100  # a finding for everything would show nothing


EACH = 29
"""Of the many grounds each so manieth is changed: a number that shares no factor with those of the values."""
YIELDS_AT = {"nothing": 0, "a ceiling": 9, "a ceiling for needs": 19}
"""And under other ceilings others."""
GROUNDS = {
    "kind": ["need", "claim", "instruction", "obligation"],
    "trigger": ["last_contact", "case_closed", {"latest_of": ["last_contact", "case_closed"]}],
    "period": ["P1Y", "P3Y", None],
    "if_absent": [None, "missing", "not_applicable"],
    "condition": [None, [{"fact": "house", "is": True}]],
    "status": ["confirmed", "proposed"],
    "ends_on": [None, ["objection"]],
    "purpose": [None, "markkinointi"],
}


def can_be_written(one) -> bool:
    return not (one["kind"] == "obligation" and one["ends_on"])


@pytest.mark.parametrize("under", ["nothing", "a ceiling", "a ceiling for needs"])
def test_every_ground_changed_in_one_field(under):
    ceilings = () if under == "nothing" else (parsed_ceiling({**CEILING, "yields_to": YIELDS[under]}, "c"),)
    unnoticed = 0
    for one, others in islice(varied(GROUNDS), YIELDS_AT[under], None, EACH):
        if not can_be_written(one):
            continue
        mine = parsed_ground(one, "g")
        for other in filter(can_be_written, others):
            for before, after in changes(mine, parsed_ground(other, "h")):
                old, new = (RuleSet(tuple(side), ceilings) for side in (before, after))
                unnoticed += not must_be_found(old, new, "grounds")
    assert unnoticed > 100


CEILING = {"trigger": "last_contact", "period": "P1Y", "status": "confirmed"}
YIELDS = {"a ceiling": "none", "a ceiling for needs": ["claim", "obligation"]}
