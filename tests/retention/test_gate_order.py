"""Whoever takes the gate takes it before rows and heads: of two at once none waits for ever, and none is refused."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.db import transaction

from retention import campaign as campaigns
from retention import holds, leaving, remembered
from retention.domain.errors import LifecycleError
from retention.holds import alone_at_gate
from retention.models import Campaign, Gate, StopEvent
from retention.night import run_night
from retention.restoring import adopt
from ropa.models import Organisation
from tests.own_database import OwnDatabase, wait
from tests.retention.company import NOW, TODAY, found_company
from tests.retention.test_campaign import LATER, OTHER, OWNER, proposed

pytestmark = pytest.mark.parametrize("own_database", ["postgresql"], indirect=True)

LOCKED = (
    "select l.mode, l.relation::regclass::text from pg_locks l where l.granted"
    " and l.mode in ('RowShareLock', 'RowExclusiveLock') and l.pid in (select pid from pg_locks where not granted"
    " and database = (select oid from pg_database where datname = current_database()))"
)
WAITING = (
    "select count(distinct pid) from pg_locks where not granted"
    " and database = (select oid from pg_database where datname = current_database())"
)
PATIENCE_SECONDS = 30.0


def a_decided_campaign_and_a_stop_that_a_restore_forgot(own: OwnDatabase) -> None:
    company = found_company(own.directory)
    run_night(company, TODAY, NOW)
    found = proposed(company)
    campaigns.decide(found, OWNER, "Kirjanpito kertoo saman.", found.root, NOW)
    holds.stop(company, ["arkisto"], "controller", "epäily")
    remembered.tell_stops(company.slug)
    StopEvent.objects.all().delete()
    Gate.objects.update(stopped_registers=[], stop_reason="")


def confirm() -> None:
    found = Campaign.objects.get()
    campaigns.confirm(found, OTHER, "Tarkistettu.", found.root, LATER)


def withdraw() -> None:
    campaigns.withdraw(Campaign.objects.get(), OTHER, "Ei sittenkään.", LATER)


def go_on_after_the_restore() -> None:
    adopt(Organisation.objects.get(), LATER, "controller", "levyrikko")


def stop() -> None:
    holds.stop(Organisation.objects.get(), ["crm"], "controller", "epäily")


def hold() -> None:
    whom = [("customer", "1002")]
    holds.place(Organisation.objects.get(), whom, "dispute", "", "lakiasiat", TODAY, TODAY)


def reopen() -> None:
    with pytest.raises(LifecycleError):
        leaving.reopen(Organisation.objects.get(), "crm", "controller", "vaihtuu", LATER)


def at_once(own: OwnDatabase, *acts) -> list[int]:
    """Each waits for the gate, with no row of ours locked, before whoever holds it lets go; their exit statuses."""
    pids: list[int] = []

    def holding_the_gate() -> None:
        with transaction.atomic():
            alone_at_gate(Organisation.objects.get())
            (own.directory / "held").touch()
            until(own, len(acts))
            assert own.rows(LOCKED) == []

    holder = own.start(holding_the_gate)
    while not (own.directory / "held").exists():
        threading.Event().wait(0.01)
    for before, act in enumerate(acts):
        until(own, before)  # who holds the gate lets go when the last one waits
        pids.append(own.start(act))
    return [wait(pid) for pid in (holder, *pids)]


def until(own: OwnDatabase, waiting: int) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.02)):
        if own.rows(WAITING) == [(waiting,)]:
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"{waiting} do not wait")


@pytest.fixture
def prepared(own_database):
    assert own_database.in_process(partial(a_decided_campaign_and_a_stop_that_a_restore_forgot, own_database)) == 0
    return own_database


@pytest.mark.parametrize("act", [confirm, withdraw, stop, hold, reopen, go_on_after_the_restore])
def test_whoever_waits_for_the_gate_has_nothing_that_another_needs(prepared, act):
    assert at_once(prepared, act) == [0, 0]


@pytest.mark.parametrize("act", [confirm, withdraw])
def test_who_decides_about_a_campaign_and_who_goes_on_after_a_restore_both_come_to_their_end(prepared, act):
    """The one needs the heads that the other signs, the other the gate."""
    assert at_once(prepared, act, go_on_after_the_restore) == [0, 0, 0]
