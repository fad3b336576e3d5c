"""A policy that was made stricter while a lot waits counts for it: it waits for the waves, and for the longer grace."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention.approvals import approve
from retention.models import Lot
from tests.retention.company import controller
from tests.retention.shape_house import POLICY, dataset, ground, house  # noqa: F401

pytestmark = pytest.mark.usefixtures("english")

DAY = date(2025, 7, 1)
PEOPLE = 120


def publish(house, **policy):  # noqa: F811
    house.publish(dataset(policy={**POLICY, **policy}, grounds=[ground("sopimus", period="P1Y")]))


def backlog(house, people):  # noqa: F811
    house.put("sopimus", *((n, str(1000 + n), f"S{n}", "2010-01-01", "2015-06-30") for n in range(people)))
    house.tiedot(*((n, str(1000 + n), None, "2014-01-01") for n in range(people)))


def approve_by_ada(house):  # noqa: F811
    lot = Lot.objects.get()
    approve(lot, controller(house.organisation, "ada"), lot.digest)


def waiting():
    return list(Lot.objects.filter(state__in=["flagged", "approved"]).order_by("pk").values_list("wave", "size"))


@pytest.mark.parametrize("approved", [False, True])
def test_what_waits_as_a_whole_is_split_into_waves(house, approved):  # noqa: F811
    backlog(house, PEOPLE)
    publish(house, mode="flag", approval="one")
    house.night(DAY)
    assert waiting() == [(None, PEOPLE)]
    if approved:
        approve_by_ada(house)
    publish(house, approval="one", waves=True)
    for n in (1, 2):
        house.night(DAY + timedelta(days=n))
        assert waiting() == [(1, 2), (2, 12), (3, 106)]
    assert len(house.left()) == PEOPLE


def test_what_is_being_carried_out_goes_on(house):  # noqa: F811
    """Its items were approved as they are, and some of them have gone."""
    backlog(house, 2)
    house.server.run("create table viite(id integer primary key, tieto_id integer references tieto(id))")
    house.server.run("create index viite_tieto on viite(tieto_id)", "insert into viite values (1, 1)")
    publish(house, approval="one")
    house.night(DAY)
    approve_by_ada(house)
    house.night(DAY + timedelta(days=1))
    assert Lot.objects.get().tally == {"destroyed": 1, "refused": 1}
    house.server.run("delete from viite")
    publish(house, approval="one", waves=True)
    house.night(DAY + timedelta(days=2))
    assert house.left() == set()


def test_a_longer_grace_counts_from_the_same_night(house):  # noqa: F811
    backlog(house, 1)
    publish(house, grace="P3D")
    house.night(DAY)
    publish(house, grace="P5D")
    house.night(DAY + timedelta(days=1))
    publish(house, grace="P1D")
    for n in (3, 4):
        house.night(DAY + timedelta(days=n))
        assert house.left() == {0}
    house.night(DAY + timedelta(days=5))
    assert house.left() == set()


def test_of_a_lot_from_before_that_was_written_down_it_counts_from_its_own_night(house):  # noqa: F811
    backlog(house, 1)
    publish(house, grace="P3D")
    house.night(DAY)
    Lot.objects.update(grace_from=None)
    publish(house, grace="P5D")
    for n in (3, 4):
        house.night(DAY + timedelta(days=n))
        assert house.left() == {0}
    house.night(DAY + timedelta(days=5))
    assert house.left() == set()
