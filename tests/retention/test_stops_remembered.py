"""Stops are remembered beside our own database, and what goes on meanwhile is not taken for a restored backup."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from retention import evidence_restore, holds, remembered
from retention.domain.errors import EvidenceError
from retention.evidence_log import copy_heads
from retention.models import Gate, Hold, HoldSubject, StopEvent
from retention.night import run_night
from retention.restoring import adopt
from tests.retention.company import NOW, TODAY

WHO = "rekisterinpitäjä"


def stop(company, registers=None):
    holds.stop(company, registers, WHO, "epäily")


def resume(company, registers=None):
    holds.resume(company, registers, WHO)


def restore(company, events, **gate):
    """What a dump would hold that knows the first of the stop's events only."""
    known = StopEvent.objects.order_by("pk").values_list("pk", flat=True)[:events]
    StopEvent.objects.exclude(pk__in=list(known)).delete()
    Gate.objects.update(stopped=False, stopped_registers=[], stop_reason="", **gate)


def lost_stop(company):
    return remembered.lost(company.slug).stop


def test_every_stop_and_its_end_say_who_and_what_is_stopped_from_then_on(company):
    stop(company, ["crm"])
    stop(company)
    resume(company, ["crm"])
    resume(company)
    told = StopEvent.objects.values_list("by", "everything", "registers", "reason")
    reason = f"epäily ({WHO})"
    assert list(told) == [
        (WHO, False, ["crm"], reason),
        (WHO, True, ["crm"], reason),
        (WHO, True, [], reason),
        (WHO, False, [], ""),
    ]


def test_a_stop_that_is_taken_back_just_now_is_not_lost(company):
    """Committed, and not told yet: a night that begins in this moment goes on."""
    stop(company)
    remembered.tell_stops(company.slug)
    resume(company)
    assert lost_stop(company) is None
    remembered.tell_stops(company.slug)
    assert lost_stop(company) is None


def test_two_who_change_it_at_once_tell_it_in_the_order_of_the_commits(company):
    stop(company)
    resume(company)
    remembered.tell_stops(company.slug)  # the second one comes here first
    remembered.tell_stops(company.slug)
    lines = [record for _, record in remembered._lines(remembered._holds(company.slug))]
    assert [line["everything"] for line in lines] == [True, False]
    restore(company, 0)
    assert lost_stop(company) is None  # what stood at the end stopped nothing


def test_a_stop_of_something_else_in_the_restored_database_hides_nothing(company):
    stop(company, ["tiketointi"])
    remembered.tell_stops(company.slug)
    restore(company, 0, epoch=0)
    stop(company, ["arkisto"])  # takes the epoch of the one that is lost
    remembered.tell_stops(company.slug)
    assert lost_stop(company).registers == ("tiketointi",)
    resume(company, ["arkisto"])
    remembered.tell_stops(company.slug)
    with pytest.raises(EvidenceError, match="the stop of tiketointi"):
        run_night(company, TODAY, NOW)


def test_adopted_it_is_pulled_again_and_may_be_taken_back(company, django_capture_on_commit_callbacks):
    stop(company, ["tiketointi"])
    remembered.tell_stops(company.slug)
    restore(company, 0)
    with django_capture_on_commit_callbacks(execute=True):
        adopt(company, NOW, WHO, "levyrikko")
    assert Gate.objects.get().stopped_registers == ["tiketointi"]
    with django_capture_on_commit_callbacks(execute=True):
        resume(company)
    assert lost_stop(company) is None
    run_night(company, TODAY, NOW)


def test_a_stop_that_could_not_be_told_is_told_by_the_next_night(company):
    stop(company, ["arkisto"])
    run_night(company, TODAY, NOW)
    copy_heads(company.slug)
    restore(company, 0)
    assert lost_stop(company).registers == ("arkisto",)


@pytest.mark.parametrize("read", ["_journals", "heads_directory"])
def test_a_night_of_another_process_is_not_taken_for_a_lost_one(company, monkeypatch, read):
    """It writes and ends while the files beside the database are listed."""
    list_files = getattr(evidence_restore, read)
    ran: list[str] = []

    def meanwhile(slug):
        if not ran:
            ran.append(slug)
            run_night(company, TODAY, NOW)
            copy_heads(slug)
        return list_files(slug)

    run = ran_before(company)
    monkeypatch.setattr(evidence_restore, read, meanwhile)
    evidence_restore.refuse_restored(run)
    assert ran


def ran_before(company):
    run = run_night(company, TODAY - timedelta(days=1), NOW - timedelta(days=1))
    copy_heads(company.slug)
    return run


@pytest.mark.parametrize(("ahead", "known"), [(0, True), (30, False)])
def test_a_hold_whose_release_lies_ahead_holds_still(company, ahead, known):
    """A backup that does not know it would let go what is held for a month yet."""
    today = company.day_of(timezone.now())
    placed = holds.place(company, [("customer", "1008")], "dispute", "", "lakiasiat", today, today, by=WHO).hold
    remembered.tell_hold(placed, [("customer", "1008")])
    holds.release(placed, today + timedelta(days=ahead), WHO)
    remembered.tell_release(placed)
    assert remembered.lost(company.slug).holds == ()
    HoldSubject.objects.filter(hold=placed).delete()
    Hold.objects.filter(pk=placed.pk).delete()
    assert (remembered.lost(company.slug).holds == ()) is known


def released_for(company, day, placed_before=timedelta()):
    """A hold that is released for a day, of which nothing was told."""
    today = company.day_of(timezone.now())
    whom = [("customer", "1008")]
    placed = holds.place(company, whom, "dispute", "", "lakiasiat", today - placed_before, today, by=WHO).hold
    holds.release(placed, day, WHO)
    return placed


def test_one_that_was_told_to_nobody_is_told_by_the_next_night_as_long_as_it_holds(company):
    """It was placed before there was a journal, or when that could not be written."""
    today, month = company.day_of(timezone.now()), timedelta(days=30)
    ahead, over = released_for(company, today + month), released_for(company, today - month, placed_before=2 * month)
    ran_before(company)
    told = [record.get("hold") for _, record in remembered._lines(remembered._holds(company.slug))]
    assert told.count(ahead.pk) == 1
    assert over.pk not in told
    HoldSubject.objects.filter(hold=ahead).delete()
    Hold.objects.filter(pk=ahead.pk).delete()
    (lost,) = remembered.lost(company.slug).holds
    assert lost.number == ahead.pk
    assert not remembered.compare(company.slug)[1]
    again = released_for(company, today + month)
    (lost,), untold = remembered.lost(company.slug).holds, remembered.compare(company.slug)[1]
    assert (lost.again, untold) == (again.pk, True)
