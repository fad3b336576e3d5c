"""What came back from a backup and was opened again since: its own row says that it is needed, and it stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention import replay
from retention.models import Lot
from tests.retention.shape_house import dataset, ground, house  # noqa: F401

DAY = date(2025, 7, 1)
CLOSED = "2014-02-01"


@pytest.fixture
def restored(house):  # noqa: F811
    """A case of a person whom nobody knows any more has gone; `put` is its row as the register then has it."""
    others = ((n, str(1000 + n), f"S{n}", "2010-01-01", None) for n in (2, 3))
    house.put("sopimus", (1, "1001", "S1", "2010-01-01", "2015-06-30"), *others)
    house.publish(
        dataset(
            mapping={"events": {"case_opened": "luotu", "case_closed": "paattyi"}},
            grounds=[ground("asia", trigger="case_closed", period="P6M"), ground("sopimus", period="P1Y")],
        )
    )
    house.tiedot((1, "1001", None, "2014-01-01", CLOSED))
    house.night(DAY)
    assert house.left() == set()
    house.server.run("delete from sopimus where nro = '1001'")
    house.night(DAY + timedelta(days=1))
    return house


def nights(house, *numbers):  # noqa: F811
    for number in numbers:
        house.night(DAY + timedelta(days=number))


def test_as_it_was_it_goes_again(restored):
    restored.tiedot((1, "1001", None, "2014-01-01", CLOSED))
    nights(restored, 2, 3)
    assert restored.left() == set()


@pytest.mark.parametrize("closed", [None, "2025-07-02"])
def test_opened_again_before_the_night_saw_it(restored, closed):
    """No lot is made of it either: nobody is told that it goes."""
    restored.tiedot((1, "1001", None, "2014-01-01", closed))
    nights(restored, 2, 3, 4)
    assert restored.left() == {1}
    assert not Lot.objects.filter(why=replay.WHY)


@pytest.mark.parametrize("closed", ["null", "'2025-07-02'"])
def test_opened_again_while_its_lot_waits(restored, closed):
    restored.tiedot((1, "1001", None, "2014-01-01", CLOSED))
    nights(restored, 2)
    restored.server.run(f"update tieto set paattyi = {closed}")
    nights(restored, 3, 4)
    assert restored.left() == {1}
    assert Lot.objects.get(why=replay.WHY).tally == {"superseded": 1}
