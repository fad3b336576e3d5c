"""What changed between flag and claim: an approval is of this key, since that day, for that action (V3)."""

from __future__ import annotations

from datetime import date

import pytest

from retention import holds
from retention.approvals import approve
from retention.models import KeyOutcome, Lot
from retention.runs import succeeded
from tests.retention.company import controller, ground
from tests.retention.shape_house import POLICY, dataset, house  # noqa: F401

WAITING = {**POLICY, "approval": "one"}
DAYS = ("2025-03-01", "2025-03-02", "2025-03-03")


def kind(what: str, **over):
    return ground(what, trigger="recorded", period="P1Y", condition={"fact": "contact_kind", "is": what}, **over)


def rules():
    """What is a complaint is anonymised, anything else deleted."""
    grounds = [kind("muu"), kind("reklamaatio", action="anonymise")]
    mapping = {"facts": {"contact_kind": "laji"}, "options": {"anonymise": {"nimi": None, "nro": None}}}
    return dataset(grounds=grounds, mapping=mapping, policy=WAITING)


@pytest.fixture
def flagged(house):  # noqa: F811
    """Two records, due, in one lot that somebody has approved."""
    house.tiedot((1, "1001", None, "2024-01-01", None, "muu"), (2, "1002", None, "2024-01-02", None, "muu"))
    house.publish(rules())
    house.night(DAYS[0])
    lot = Lot.objects.get()
    assert lot.size == 2
    approve(lot, controller(lot.organisation), lot.digest)
    return house


def outcomes(lot):
    lot.refresh_from_db()
    return lot.tally


def test_unchanged_it_goes_as_approved(flagged):
    assert succeeded(flagged.night(DAYS[1]))
    assert flagged.left() == set()


def test_another_due_day_drops_out_and_is_flagged_anew(flagged):
    flagged.server.run("update tieto set luotu = '2024-02-02' where id = 1")  # due still, and not since the same day
    assert succeeded(flagged.night(DAYS[1]))
    assert flagged.left() == {1}
    assert outcomes(Lot.objects.earliest("pk")) == {"destroyed": 1, "superseded": 1}
    assert Lot.objects.count() == 2  # the same night, so that it is explained
    assert succeeded(flagged.night(DAYS[2]))
    again = Lot.objects.latest("pk")
    assert (again.state, again.size, again.due_from_first.isoformat()) == ("flagged", 1, "2025-02-03")
    assert flagged.left() == {1}  # nobody has approved that


def test_another_action_drops_out_and_is_flagged_anew(flagged):
    flagged.server.run("update tieto set laji = 'reklamaatio' where id = 2")
    flagged.night(DAYS[1])
    assert flagged.left() == {2}
    flagged.night(DAYS[2])
    again = Lot.objects.latest("pk")
    assert (again.action, again.size) == ("anonymise", 1)
    assert flagged.server.rows("select nimi from tieto where id = 2") == [("Testi 2",)]


def test_what_was_held_and_changed_since_goes_into_another_lot(flagged):
    """A key that waits for its next attempt is asked about again too."""
    day = date.fromisoformat(DAYS[0])
    placed = holds.place(flagged.organisation, [("customer", "1001")], "dispute", "", "dpo", day, date(2026, 1, 1))
    flagged.night(DAYS[1])
    assert set(KeyOutcome.objects.values_list("outcome", flat=True)) == {"held"}
    holds.release(placed.hold, date.fromisoformat(DAYS[2]), "dpo")
    flagged.server.run("update tieto set luotu = '2024-02-02' where id = 1")
    flagged.night(DAYS[2])
    assert flagged.left() == {1}
    assert outcomes(Lot.objects.earliest("pk")) == {"destroyed": 1, "superseded": 1}


def test_what_was_held_and_did_not_change_goes_as_approved(flagged):
    """A hold extends no ground: the day from which it is due stays."""
    day = date.fromisoformat(DAYS[0])
    placed = holds.place(flagged.organisation, [("customer", "1001")], "dispute", "", "dpo", day, date(2026, 1, 1))
    flagged.night(DAYS[1])
    holds.release(placed.hold, date.fromisoformat(DAYS[2]), "dpo")
    flagged.night(DAYS[2])
    assert flagged.left() == set()
    assert outcomes(Lot.objects.get()) == {"destroyed": 2}


def test_where_nobody_needs_to_approve_it_goes_by_its_new_day_after_its_own_grace(house):  # noqa: F811
    house.tiedot((1, "1001", None, "2024-01-01", None, "muu"))
    house.publish({**rules(), "policy": {**POLICY, "grace": "P1D"}})
    house.night(DAYS[0])
    house.server.run("update tieto set luotu = '2024-02-02' where id = 1")
    assert succeeded(house.night(DAYS[1]))
    first, again = Lot.objects.order_by("pk")
    assert (first.tally, again.state, house.left()) == ({"superseded": 1}, "approved", {1})
    assert succeeded(house.night(DAYS[2]))
    assert house.left() == set()
