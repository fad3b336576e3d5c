"""A backlog goes as a hundredth, a tenth and the rest; each waits for the one before, and for a person's look."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retention import night_context
from retention.approvals import approve
from retention.domain.errors import LifecycleError
from retention.evidence_check import verify
from retention.identity import Names
from retention.models import EvidenceEntry, Lot, LotLook
from retention.plan import plan_of
from retention.reviewing import judge, look
from retention.runs import succeeded
from retention.waves import drawn_of, why_not
from tests.retention.company import controller
from tests.retention.shape_house import House, dataset, ground, house

pytestmark = pytest.mark.usefixtures("english")

DAY = date(2025, 7, 1)
PEOPLE = 120
WAVES = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": True}


@pytest.fixture
def backlog(house: House) -> House:
    """A hundred and twenty people whose time has been over for long."""
    house.put("sopimus", *((n, str(1000 + n), f"S{n}", "2010-01-01", "2015-06-30") for n in range(PEOPLE)))
    house.tiedot(*((n, str(1000 + n), None, "2014-01-01") for n in range(PEOPLE)))
    house.publish(dataset(policy=WAVES, grounds=[ground("sopimus", period="P1Y")]))
    return house


def lots(**of) -> list[Lot]:
    return list(Lot.objects.filter(**of).order_by("pk"))


def opened(company: House, lot: Lot, user):
    plan = plan_of(lot.version)
    found = plan.find_dataset(lot.dataset)
    assert found is not None
    with Names(company.organisation, plan) as names, names.connect(found) as connector:
        return look(lot, found, connector, user)


def let_go(company: House, lot: Lot, user) -> None:
    lot.refresh_from_db()
    assert judge(lot, user, lot.digest, drawn_of(lot), []) == 0
    approve(lot, user, lot.digest)


def test_from_the_first_wave_to_the_end_of_the_backlog(backlog):
    user = controller(backlog.organisation, "ada")
    run = backlog.night(DAY)
    first, second, rest = lots()
    assert [(lot.wave, lot.size, lot.approvals_needed) for lot in (first, second, rest)] == [
        (1, 2, 1),
        (2, 12, 1),
        (3, 106, 1),
    ]
    assert len(backlog.left()) == PEOPLE
    assert succeeded(run), "an open wave explains what is overdue"
    for step, (lot, left) in enumerate([(first, 118), (second, 106), (rest, 0)], 1):
        for later in lots(state="flagged")[1:]:
            with pytest.raises(LifecycleError, match=r"wave \d is not over"):
                approve(later, user, later.digest)
        with pytest.raises(LifecycleError, match="have not been looked at"):
            approve(lot, user, lot.digest)
        let_go(backlog, lot, user)
        assert succeeded(backlog.night(DAY + timedelta(days=step)))
        assert len(backlog.left()) == left
    claims = EvidenceEntry.objects.filter(kind="claimed").order_by("pk").values_list("body", flat=True)
    assert ['"wave":1' in claims[0], '"looked_at":20' in claims[2]] == [True, True]
    backlog.put("sopimus", (500, "5000", "S500", "2010-01-01", "2015-06-30"))
    backlog.tiedot((500, "5000", None, "2014-01-01"))
    backlog.night(DAY + timedelta(days=4))
    assert [(lot.wave, lot.size) for lot in lots(state="flagged")] == [(None, 1)]
    verify("testi")


def test_one_that_is_wrong_stops_the_wave_and_the_next_ones_wait(backlog):
    user = controller(backlog.organisation, "ada")
    backlog.night(DAY)
    first, second, _ = lots()
    with pytest.raises(LifecycleError, match="needs a reason"):
        judge(first, user, first.digest, drawn_of(first)[1:], drawn_of(first)[:1])
    assert not LotLook.objects.exists()
    judge(first, user, first.digest, drawn_of(first)[1:], drawn_of(first)[:1], "Sopimus jatkuu toisella numerolla.")
    first.refresh_from_db()
    assert (first.state, first.keys) == ("rejected", None)
    assert "wave 1 is not over" in why_not(second)
    backlog.night(DAY + timedelta(days=1))
    assert len(backlog.left()) == PEOPLE
    again = lots(state="flagged")[-1]
    assert (again.wave, again.size) == (1, 2)
    let_go(backlog, again, user)
    backlog.night(DAY + timedelta(days=2))
    assert len(backlog.left()) == PEOPLE - 2
    let_go(backlog, second, user)


@pytest.fixture
def in_parts(backlog, monkeypatch):
    """A wave is three lots; the first two waves' lots, and an account."""
    monkeypatch.setattr(night_context, "PEOPLE", 50)
    backlog.night(DAY)
    return lots(wave=1), lots(wave=2), controller(backlog.organisation, "ada")


def test_one_lot_of_a_wave_that_is_wrong_keeps_the_next_wave_though_others_have_gone(backlog, in_parts):
    (wrong, *others), (second, *_), user = in_parts
    assert len(others) == 2
    for lot in others:
        let_go(backlog, lot, user)
    backlog.night(DAY + timedelta(days=1))
    assert len(backlog.left()) == PEOPLE - 2
    assert "wave 1 is not over" in why_not(second), "one is open"
    judge(wrong, user, wrong.digest, [], drawn_of(wrong), "Sopimus jatkuu toisella numerolla.")
    assert "wave 1 is not over" in why_not(second), "one was wrong"
    backlog.night(DAY + timedelta(days=2))
    (again,) = lots(wave=1, state="flagged")
    assert again.size == wrong.size
    let_go(backlog, again, user)
    backlog.night(DAY + timedelta(days=3))
    let_go(backlog, second, user)


def test_where_something_is_left_of_a_wave_the_next_waits_until_it_is_gone_or_said_why(backlog, in_parts):
    first, (second, *_), user = in_parts
    for lot in first:
        let_go(backlog, lot, user)
    backlog.night(DAY + timedelta(days=1))
    assert "wave 1" not in why_not(second)
    Lot.objects.filter(pk=first[0].pk).update(state="done")
    assert "wave 1 is not over" in why_not(second)
    Lot.objects.filter(pk=first[0].pk).update(residue_kept_until=DAY + timedelta(days=99))
    assert "wave 1" not in why_not(second)


def test_what_is_due_otherwise_when_its_wave_goes_is_looked_at_in_that_wave(backlog):
    user = controller(backlog.organisation, "ada")
    backlog.night(DAY)
    first, second, _ = lots()
    let_go(backlog, first, user)
    number = next(item.subject for item in opened(backlog, second, user))
    backlog.night(DAY + timedelta(days=1))
    let_go(backlog, second, user)
    backlog.server.run(f"update sopimus set loppu = '2015-07-31' where nro = '{number}'")
    backlog.night(DAY + timedelta(days=2))
    assert [(lot.wave, lot.size) for lot in lots(state="flagged")] == [(3, 106), (2, 1)]
    assert number in {str(1000 + n) for n in backlog.left()}


def test_a_person_sees_what_the_register_has_and_that_is_written_down(backlog):
    user = controller(backlog.organisation, "ada")
    backlog.night(DAY)
    lot = lots()[1]
    items = opened(backlog, lot, user)
    assert [item.position for item in items] == drawn_of(lot) == list(range(12))
    assert {item.shown["teksti"] for item in items if item.shown} == {f"teksti {item.key}" for item in items}
    assert {item.right for item in items} == {None}
    assert lot.events.filter(reason="sample opened", who="controller:ada").count() == 1
    assert judge(lot, user, lot.digest, [0, 1], []) == 10
    assert [item.right for item in opened(backlog, lot, user)][:3] == [True, True, None]
    assert not any("teksti" in body for body in EvidenceEntry.objects.values_list("body", flat=True))


@pytest.mark.parametrize(
    ("right", "wrong", "digest", "said"),
    [([999], [], None, "only what was drawn"), ([0], [0], None, "each item once"), ([0], [], "0" * 64, "is not what")],
)
def test_what_is_no_verdict(backlog, right, wrong, digest, said):
    user = controller(backlog.organisation, "ada")
    backlog.night(DAY)
    lot = lots()[1]
    with pytest.raises(LifecycleError, match=said):
        judge(lot, user, digest or lot.digest, right, wrong, "syy")
    assert not LotLook.objects.exists()


def test_a_lot_that_is_of_no_wave_has_no_sample(house):
    house.put("sopimus", (1, "1001", "S1", "2010-01-01", "2015-06-30"))
    house.tiedot((1, "1001", None, "2014-01-01"))
    house.publish(dataset(policy={**WAVES, "waves": False, "approval": "one"}, grounds=[ground("s", period="P1Y")]))
    house.night(DAY)
    (lot,) = lots()
    user = controller(house.organisation, "ada")
    assert (lot.wave, drawn_of(lot)) == (None, [])
    with pytest.raises(LifecycleError, match="of no wave"):
        judge(lot, user, lot.digest, [], [])
    approve(lot, user, lot.digest)


def test_what_falls_due_beside_the_backlog_goes_with_the_wave_that_is_next(backlog):
    backlog.night(DAY)
    backlog.put("sopimus", (500, "5000", "S500", "2010-01-01", "2015-06-30"))
    backlog.tiedot((500, "5000", None, "2014-01-01"))
    backlog.night(DAY + timedelta(days=1))
    assert [(lot.wave, lot.size) for lot in lots()][-1] == (1, 1)


TIGHTER = {**WAVES, "approval": "two"}


def tighten(company: House) -> None:
    company.publish(dataset(policy=TIGHTER, grounds=[ground("sopimus", period="P1Y")]))


def test_a_backlog_that_a_tighter_policy_takes_back_is_three_waves_again(backlog):
    backlog.night(DAY)
    tighten(backlog)
    backlog.night(DAY + timedelta(days=1))
    assert {lot.state for lot in lots()[:3]} == {"withdrawn"}
    assert [(lot.wave, lot.size) for lot in lots(state="flagged")] == [(1, 2), (2, 12), (3, 106)]


def test_what_is_left_of_one_is_split_over_the_waves_that_are_left(backlog):
    backlog.night(DAY)
    let_go(backlog, lots()[0], controller(backlog.organisation, "ada"))
    backlog.night(DAY + timedelta(days=1))
    tighten(backlog)
    backlog.night(DAY + timedelta(days=2))
    assert [(lot.wave, lot.size) for lot in lots(state="flagged")] == [(2, 12), (3, 106)]


def test_where_the_last_wave_alone_is_rejected_it_does_not_come_first(backlog):
    user = controller(backlog.organisation, "ada")
    backlog.night(DAY)
    last = lots()[-1]
    judge(last, user, last.digest, drawn_of(last)[1:], drawn_of(last)[:1], "Sopimus jatkuu toisella numerolla.")
    backlog.night(DAY + timedelta(days=1))
    assert [(lot.wave, lot.size) for lot in lots(state="flagged")] == [(1, 2), (2, 12), (1, 2), (2, 11), (3, 93)]


def test_in_parts_it_is_three_waves_too(backlog, monkeypatch):
    monkeypatch.setattr(night_context, "PEOPLE", 50)
    backlog.night(DAY)
    sizes: dict[int | None, int] = {}
    for lot in lots():
        sizes[lot.wave] = sizes.get(lot.wave, 0) + lot.size
    assert sum(sizes.values()) == PEOPLE
    assert sizes == {1: 3, 2: 12, 3: 105}


__all__ = ["house"]
