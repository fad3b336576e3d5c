"""A foreign key without an index: everything is counted and flagged, and nothing goes before it has one."""

from __future__ import annotations

import pytest
from django.utils import translation

from retention.models import Attempt, DatasetNight, Lot
from retention.runs import succeeded
from tests.retention.shape_house import POLICY, dataset, ground, house  # noqa: F401
from web.connector_words import problem_in_words

DAYS = ("2025-03-01", "2025-03-02", "2025-03-03")


def rules(mode):
    return dataset(grounds=[ground("vuosi", trigger="recorded", period="P1Y")], policy={**POLICY, "mode": mode})


@pytest.fixture
def hindered(house):  # noqa: F811
    """Three records, two of them due, and a table that points at them."""
    house.server.run(
        "create table liite(id integer primary key, tieto_id integer references tieto(id))",
    )
    house.tiedot((1, "1001", None, "2024-01-01"), (2, "1002", None, "2024-01-02"), (3, "1003", None, "2025-01-01"))
    return house


def tonight():
    return DatasetNight.objects.latest("run__business_date")


@pytest.mark.parametrize(("mode", "lots"), [("observe", []), ("flag", ["flagged"]), ("purge", ["flagged"])])
def test_it_is_counted_and_nothing_goes(hindered, mode, lots):
    hindered.publish(rules(mode))
    run = hindered.night(DAYS[0])
    assert not succeeded(run)
    row = tonight()
    assert "without an index is the foreign key liite.tieto_id: " in row.problem
    assert (row.counts["due"], row.overdue_left, hindered.left()) == (2, 2, {1, 2, 3})
    assert [lot.state for lot in Lot.objects.all()] == lots
    assert all(not lot.attempts.exists() for lot in Lot.objects.all())


def test_the_statement_it_names_lets_the_next_night_go_on(hindered):
    hindered.publish(rules("purge"))
    hindered.night(DAYS[0])
    hindered.server.run(tonight().problem.partition("run: ")[2])
    assert succeeded(hindered.night(DAYS[1]))
    assert (tonight().problem, hindered.left()) == ("", {3})


def test_an_index_that_is_gone_again_hinders_what_was_flagged(hindered):
    hindered.server.run("create index liite_tieto on liite(tieto_id)")
    hindered.publish({**rules("purge"), "policy": {**POLICY, "grace": "P1D"}})
    assert succeeded(hindered.night(DAYS[0]))
    hindered.server.run("drop index liite_tieto")
    hindered.night(DAYS[1])
    assert "without an index" in tonight().problem
    assert hindered.left() == {1, 2, 3}


def test_all_that_lack_one_are_named_together(hindered):
    hindered.server.run("create table kuva(id integer primary key, tieto_id integer references tieto(id))")
    hindered.publish(rules("purge"))
    hindered.night(DAYS[0])
    told = tonight().problem
    with translation.override("fi"):
        assert "ei ole indeksiä" in problem_in_words(told)
    for statement in told.partition("run: ")[2].split("; "):
        hindered.server.run(statement)
    assert succeeded(hindered.night(DAYS[1]))
    assert hindered.left() == {3}


class Killed(BaseException):
    """A process that is killed writes nothing more."""


def test_what_was_in_flight_waits_too(hindered):
    """A night is killed after its intent; then a table comes to point at what it sent."""
    hindered.server.run("drop table liite")
    hindered.publish(rules("purge"))

    def at(point):
        if point == "intent journalled":
            raise Killed

    with pytest.raises(Killed):
        hindered.night(DAYS[0], at=at)
    hindered.server.run("create table liite(id integer primary key, tieto_id integer references tieto(id))")
    hindered.night(DAYS[0])
    assert "without an index" in tonight().problem
    assert hindered.left() == {1, 2, 3}
    assert Attempt.objects.get().state == "intent"
    hindered.server.run(tonight().problem.partition("run: ")[2])
    assert succeeded(hindered.night(DAYS[1]))
    assert hindered.left() == {3}
    assert Lot.objects.get().tally == {"destroyed": 2}
