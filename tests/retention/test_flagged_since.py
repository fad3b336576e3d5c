"""What changed between flag and claim: an approval is of this key, since that day, for that action (V3)."""

from __future__ import annotations

import json
from datetime import date

import pytest

from retention import disposal, holds
from retention.approvals import approve
from retention.evidence_check import verify
from retention.evidence_log import subject_digest
from retention.models import Doubted, EvidenceEntry, KeyOutcome, Lot
from retention.runs import request, stop, succeeded
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


def test_what_was_seen_in_doubt_meanwhile_stays(flagged):
    """Two persons had its address for a night; that one of them has it no more makes it nobody's."""
    lot = Lot.objects.get()
    Doubted.objects.create(organisation=lot.organisation, dataset=lot.dataset, key=subject_digest("1"))
    assert succeeded(flagged.night(DAYS[1]))
    assert flagged.left() == {1}
    assert outcomes(lot) == {"destroyed": 1, "superseded": 1}


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


def test_what_is_asked_about_twice_is_flagged_anew_once(flagged, monkeypatch):
    """As where a source is taken in whole while the first answer is awaited."""
    told = iter([0])
    monkeypatch.setattr("retention.purge.changes_whole", lambda organisation: next(told, 1))
    flagged.server.run("update tieto set luotu = '2024-02-02' where id = 1")
    assert succeeded(flagged.night(DAYS[1]))
    assert next(told, None) is None
    assert Lot.objects.latest("pk").size == 1


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


def test_what_has_no_ground_left_since_was_approved_for_another_reason(flagged):
    """Nobody has approved that it goes for having none, since tonight."""
    flagged.server.run("update tieto set laji = 'outo' where id = 1")
    assert succeeded(flagged.night(DAYS[1]))
    assert flagged.left() == {1}
    first, again = Lot.objects.order_by("pk")
    assert (first.tally, first.why) == ({"destroyed": 1, "superseded": 1}, "GROUNDS_ENDED")
    assert (again.state, again.why, again.due_from_first) == ("flagged", "NO_GROUND", date.fromisoformat(DAYS[1]))
    assert succeeded(flagged.night(DAYS[2]))
    assert (flagged.left(), Lot.objects.count()) == ({1}, 2)


class TestBegunAnew:
    """A night that was broken off and asked for again asks its sources again: its lots are then as old as others."""

    @pytest.fixture
    def broken_off(self, house):  # noqa: F811
        house.tiedot((1, "1001", None, "2024-01-01", None, "muu"), (2, "1002", None, "2024-01-02", None, "muu"))
        house.publish({**rules(), "policy": POLICY})
        run = request(house.organisation, date.fromisoformat(DAYS[0]), "test")

        def at(point):
            if point.startswith("evaluated"):
                stop(run, "a person", "let us look")

        assert house.night(DAYS[0], at=at).state == "stopped"
        assert (Lot.objects.get().size, house.left()) == (2, {1, 2})
        return house

    def again(self, house):  # noqa: F811
        request(house.organisation, date.fromisoformat(DAYS[0]), "test")
        return house.night(DAYS[0])

    def test_what_did_not_change_goes(self, broken_off):
        assert succeeded(self.again(broken_off))
        assert broken_off.left() == set()

    @pytest.mark.parametrize("change", ["luotu = '2024-02-02'", "laji = 'reklamaatio'"])
    def test_what_is_due_otherwise_by_now_drops_out(self, broken_off, change):
        broken_off.server.run(f"update tieto set {change} where id = 1")
        self.again(broken_off)
        first = Lot.objects.earliest("pk")
        assert outcomes(first) == {"destroyed": 1, "superseded": 1}
        assert Lot.objects.latest("pk").anew
        # by its new day, or its other action, it goes in the same night: its policy is automatic
        assert broken_off.server.rows("select id, nimi from tieto where id = 1") == (
            [] if "luotu" in change else [(1, None)]
        )


class TestOutOfProportion:
    """Nothing foresaw another day: where it is much, it waits for a person under every policy (D5)."""

    @staticmethod
    def waiting(house, number):  # noqa: F811
        """So many records, due and in a lot whose grace ends on the second night, beside 100 that are not due."""
        due = ((n, f"1{n:03}", None, "2024-01-01", None, "muu") for n in range(number))
        house.tiedot(*due, *((n, f"1{n:03}", None, "2025-01-01", None, "muu") for n in range(200, 300)))
        house.publish({**rules(), "policy": {**POLICY, "grace": "P1D"}})
        house.night(DAYS[0])
        house.server.run("update tieto set luotu = '2024-02-02' where id < 200")

    def test_a_few_go_by_their_new_day(self, house):  # noqa: F811
        self.waiting(house, 50)
        house.night(DAYS[1])
        assert Lot.objects.latest("pk").breaker == {}
        house.night(DAYS[2])
        assert len(house.left()) == 100

    def test_many_lots_of_a_few_are_added_up(self, house, monkeypatch):  # noqa: F811
        """What makes it too many waits, and all that comes after it; what went its way before goes on."""
        monkeypatch.setattr(disposal, "LOT_SIZE", 20)
        self.waiting(house, 80)
        house.night(DAYS[1])
        again = Lot.objects.filter(anew=True)
        assert [(lot.size, lot.state, lot.breaker.get("due")) for lot in again] == [
            (20, "approved", None),
            (20, "approved", None),
            (20, "flagged", 60),
            (20, "flagged", 80),
        ]
        told = EvidenceEntry.objects.filter(chain=DAYS[1], kind="lot").values_list("body", flat=True)
        assert [json.loads(body)["anew"] for body in told] == [True] * 4
        house.night(DAYS[2])
        assert len(house.left()) == 140

    def test_many_wait_until_somebody_approves_them(self, house):  # noqa: F811
        self.waiting(house, 51)
        house.night(DAYS[1])
        again = Lot.objects.latest("pk")
        assert (again.state, again.approvals_needed, len(house.left())) == ("flagged", 1, 151)
        assert again.breaker == {
            "breaker": "unforeseen",
            "due": 51,
            "unforeseen": 51,
            "items": 151,
            "since": DAYS[0],
        }
        told = json.loads(EvidenceEntry.objects.get(kind="breaker", chain=DAYS[1]).body)
        assert (told["lots"], told["dataset"]) == ([again.pk], again.dataset)
        house.night(DAYS[2])
        assert len(house.left()) == 151
        approve(again, controller(again.organisation), again.digest)
        house.night("2025-03-04")
        house.night("2025-03-05")  # after its own grace
        assert len(house.left()) == 100
        verify(house.organisation.slug)
