"""Rows that go with an item and are another dataset's too: whose rules are asked, and whose holds."""

from __future__ import annotations

from copy import deepcopy
from datetime import date

import pytest
from django.utils import translation

from retention.holds import place
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


def lines(**over):
    mapping = {"place": "rivi", "key": "id", "subject": "nro", "events": {"recorded": "luotu"}}
    return {**dataset("rivit"), "mapping": mapping, **over}


def said(mapping, other, register="talo"):
    """Where a check says that rules would not be asked."""
    content = deepcopy(document())
    (crm,) = content["registers"]
    content["registers"] = [{**crm, "id": name, "connection": name} for name in ("talo", "muu")]
    content["connections"] = dict.fromkeys(("talo", "muu"), content["connections"]["crm"])
    first = {**dataset(mapping=mapping, grounds=RULE), "activity": "suhde"}
    content["datasets"] = [first, {**other, "activity": "suhde", "register": register}]
    found = [problem for problem in checks.check(content, {}).errors if "rules nobody would ask" in problem.message]
    assert all("'rivi' is the place of 'rivit'" in problem.message for problem in found)
    return [problem.path for problem in found]


@pytest.mark.parametrize(
    ("mapping", "where"), [(CHILD, "children[0]"), (HISTORY, "options.history[0]"), (NAMED, "options.history[0]")]
)
def test_a_place_that_has_rules_of_its_own_goes_with_nobody(mapping, where):
    assert said(mapping, lines(grounds=LAW)) == [f"datasets[tiedot].mapping.{where}"]


def test_what_is_kept_by_nothing_but_the_item_may_go_with_it():
    assert said(CHILD, lines(follows=FOLLOWS)) == []


@pytest.mark.parametrize(
    "over",
    [
        {"follows": [*FOLLOWS, {"dataset": "muut", "by": "muu_id"}]},
        {"follows": [{"dataset": "muut", "by": "muu_id"}]},
        {"follows": [{"dataset": "tiedot"}]},
        {"follows": FOLLOWS, "subject_kind": "employee"},
    ],
)
def test_what_is_kept_by_anything_else_may_not(over):
    assert said(CHILD, lines(**over)) == ["datasets[tiedot].mapping.children[0]"]


def test_a_place_of_another_system_or_of_which_nothing_goes_is_nobodys_business():
    assert said(CHILD, lines(grounds=LAW), register="muu") == []
    assert said({"options": {"history": [{"place": "rivi", "key": None}]}}, lines(grounds=LAW)) == []


@pytest.fixture
def rows_along(house):  # noqa: F811
    """Two items and a row of each, which go together."""
    house.server.run(ROWS, "create index rivi_tieto on rivi(tieto_id)")
    house.tiedot((1, "1001", None, "2024-02-29"), (2, "1002", None, "2024-02-29"))
    house.put("rivi", (900, 1, "1001", "2024-12-01"), (901, 2, "1002", "2024-12-01"))
    return house


def test_of_a_version_from_before_nothing_is_sent(rows_along, monkeypatch):
    monkeypatch.setattr(rule_checks, "_along", lambda *_: iter(()))  # as published before the inventory refused it
    rows_along.publish(dataset(mapping=CHILD, grounds=RULE), lines(grounds=LAW))
    run = rows_along.night(date(2025, 3, 1))
    assert (rows_along.left(), rows_along.left("rivi")) == ({1, 2}, {900, 901})
    assert not succeeded(run)
    problem = DatasetNight.objects.get(run=run, dataset="tiedot").problem
    assert "rows of the dataset rivit along" in problem
    with translation.override("fi"):
        assert "aineiston rivit rivejä" in problem_in_words(problem)


@pytest.mark.parametrize("mapping", [CHILD, HISTORY])
def test_a_hold_on_what_goes_with_an_item_holds_the_item(house, mapping):  # noqa: F811
    house.server.run(ROWS if mapping is CHILD else ROWS.replace(" references tieto(id)", ""))
    house.server.run("create index rivi_tieto on rivi(tieto_id)")
    house.tiedot((1, "1001", None, "2024-02-29"), (2, "1002", None, "2024-02-29"))
    house.put("rivi", (900, 1, "1001", "2024-12-01"), (901, 2, "1002", "2024-12-01"))
    house.publish(dataset(mapping=mapping, grounds=RULE), lines(follows=FOLLOWS))
    day = date(2025, 3, 1)
    place(house.organisation, [("customer", "1001")], "dispute", "", "laki", day, day, dataset="rivit", by="x")
    run = house.night(day)
    assert (house.left(), house.left("rivi")) == ({1}, {900})
    assert succeeded(run), run.summary  # who asks again knows of the hold too
