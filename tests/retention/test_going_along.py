"""Rows that go with an item and are another dataset's too: whose rules are asked, and whose holds."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta

import pytest
from django.utils import translation

from retention.holds import place, release
from retention.inventory_document import checks, rule_checks
from retention.models import DatasetNight
from retention.runs import succeeded
from tests.retention.shape_house import dataset, ground, house  # noqa: F401
from tests.retention.test_inventory_document import document
from web.connector_words import problem_in_words

pytestmark = pytest.mark.usefixtures("english")
ROWS = "create table rivi(id integer primary key, tieto_id integer references tieto(id), nro varchar(20), luotu date)"
RULE = [ground("tarve", trigger="recorded", period="P1Y")]
LAW = [ground("kirjanpito", kind="obligation", trigger="recorded", period="P6Y")]
FOLLOWS = [{"dataset": "tiedot", "by": "tieto_id"}]
NAMED = {"options": {"history": ["rivi"]}}
CHILD = {"children": ["rivi"]}
HISTORY = {"options": {"history": [{"place": "rivi", "key": "tieto_id"}]}}
DAY = date(2025, 3, 1)


def lines(of_persons=False, **over):
    """The rows; `of_persons`: they say whose they are, which may be another's than the item's that they go with."""
    mapping = {"place": "rivi", "key": "id", "events": {"recorded": "luotu"}}
    return {**dataset("rivit"), "mapping": {**mapping, "subject": "nro"} if of_persons else mapping, **over}


def said(mapping, other, register="talo"):
    """Where a check says that rules would not be asked."""
    content = deepcopy(document())
    (crm,) = content["registers"]
    content["registers"] = [{**crm, "id": name, "connection": name} for name in ("talo", "muu")]
    content["connections"] = dict.fromkeys(("talo", "muu"), content["connections"]["crm"])
    first = {**dataset(mapping=mapping, grounds=RULE), "activity": "suhde"}
    content["datasets"] = [first, {**other, "activity": "suhde", "register": register}]
    found = [
        problem for problem in checks.check(content, {}).errors if "rules or holds nobody would ask" in problem.message
    ]
    assert all("'rivi' is the place of 'rivit'" in problem.message for problem in found)
    return [problem.path for problem in found]


@pytest.mark.parametrize(
    ("mapping", "where"), [(CHILD, "children[0]"), (HISTORY, "options.history[0]"), (NAMED, "options.history[0]")]
)
def test_a_place_that_has_rules_of_its_own_goes_with_nobody(mapping, where):
    assert said(mapping, lines(grounds=LAW)) == [f"datasets[tiedot].mapping.{where}"]


@pytest.mark.parametrize("kind", ["customer", "employee"])
def test_what_is_kept_by_nothing_but_the_item_may_go_with_it(kind):
    assert said(CHILD, lines(follows=FOLLOWS, subject_kind=kind)) == []


@pytest.mark.parametrize(
    "over",
    [
        {"follows": [*FOLLOWS, {"dataset": "muut", "by": "muu_id"}]},
        {"follows": [{"dataset": "muut", "by": "muu_id"}]},
        {"follows": [{"dataset": "tiedot"}]},
        {"follows": FOLLOWS, "of_persons": True},
    ],
)
def test_what_is_kept_by_anything_else_may_not(over):
    assert said(CHILD, lines(**over)) == ["datasets[tiedot].mapping.children[0]"]


def test_a_place_of_another_system_or_of_which_nothing_goes_is_nobodys_business():
    assert said(CHILD, lines(grounds=LAW), register="muu") == []
    assert said({"options": {"history": [{"place": "rivi", "key": None}]}}, lines(grounds=LAW)) == []


def lay(house, rows=ROWS):  # noqa: F811
    """Two cases, and a row of each: the first one's is another person's than the case."""
    house.server.run(rows)
    house.server.run("create index rivi_tieto on rivi(tieto_id)")
    house.tiedot((1, "1001", None, "2024-02-29"), (2, "1002", None, "2024-02-29"))
    house.put("rivi", (900, 1, "7777", "2024-12-01"), (901, 2, "1002", "2024-12-01"))


@pytest.fixture
def rows_along(house):  # noqa: F811
    lay(house)
    return house


def test_of_a_version_from_before_nothing_is_sent(rows_along, monkeypatch):
    monkeypatch.setattr(rule_checks, "_along", lambda *_: iter(()))  # as published before the inventory refused it
    rows_along.publish(dataset(mapping=CHILD, grounds=RULE), lines(grounds=LAW))
    run = rows_along.night(DAY)
    assert (rows_along.left(), rows_along.left("rivi")) == ({1, 2}, {900, 901})
    assert not succeeded(run)
    problem = DatasetNight.objects.get(run=run, dataset="tiedot").problem
    assert "rows of the dataset rivit along" in problem
    with translation.override("fi"):
        assert "aineiston rivit rivejä" in problem_in_words(problem)


def held(house, **scope):  # noqa: F811
    """A hold on whom only a row names."""
    return place(house.organisation, [("customer", "7777")], "dispute", "", "laki", DAY, DAY, by="x", **scope)


@pytest.mark.parametrize("scope", [{"dataset": "rivit"}, {"register": "talo"}])
@pytest.mark.parametrize("mapping", [CHILD, HISTORY])
def test_a_hold_on_what_goes_with_items_holds_them(house, mapping, scope):  # noqa: F811
    lay(house, ROWS if mapping is CHILD else ROWS.replace(" references tieto(id)", ""))
    house.publish(dataset(mapping=mapping, grounds=RULE), lines(follows=FOLLOWS))
    hold = held(house, **scope).hold
    run = house.night(DAY)
    assert (house.left(), house.left("rivi")) == ({1, 2}, {900, 901})
    assert succeeded(run), run.summary  # who asks again knows of the hold too
    release(hold, DAY, "x")
    assert succeeded(house.night(DAY + timedelta(days=1)))
    assert (house.left(), house.left("rivi")) == (set(), set())


def test_of_a_version_from_before_nothing_goes_that_takes_rows_of_others_along(rows_along):
    rows_along.publish(dataset(mapping=CHILD, grounds=RULE), lines(of_persons=True, follows=FOLLOWS))
    held(rows_along)
    run = rows_along.night(DAY)
    assert (rows_along.left(), 900 in rows_along.left("rivi")) == ({1, 2}, True)
    assert "rivit along, whose rules or holds nobody would ask" in run.summary["problems"]["tiedot"]
