"""Several who approve the same lots at once, each in a process of its own: one person is never two."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

from django.contrib.auth import get_user_model

from retention.approvals import approve
from retention.domain.errors import LifecycleError
from retention.models import Lot, Run
from ropa.models import Organisation, Version
from tests.own_database import OwnDatabase, wait
from tests.retention.company import controller

LOTS = 25
DIGEST = "0" * 64


def found() -> None:
    """Lots that wait for two persons, and two who may approve them."""
    organisation = Organisation.objects.create(slug="testi", name="Testi Oy")
    version = Version.objects.create(
        organisation=organisation,
        number=1,
        in_force_from="2020-01-01",
        published_at=datetime(2020, 1, 1, tzinfo=UTC),
        publisher="controller",
        snapshot="{}",
        digest=DIGEST,
    )
    run = Run.objects.create(organisation=organisation, business_date=date(2026, 6, 30), version=version)
    for name in ("alice", "ada"):
        controller(organisation, name)
    for _ in range(LOTS):
        Lot.objects.create(
            organisation=organisation,
            run=run,
            version=version,
            register="crm",
            dataset="asiakkaat",
            action="delete",
            why="GROUNDS_ENDED",
            due_from_first=run.business_date,
            due_from_last=run.business_date,
            size=0,
            rules_digest=DIGEST,
            digest=DIGEST,
            approvals_needed=2,
        )


def approving(name: str, backwards: bool) -> None:
    """Every lot that does not refuse it."""
    user = get_user_model().objects.get(username=name)
    for lot in Lot.objects.order_by("-pk" if backwards else "pk"):
        try:
            approve(lot, user, DIGEST)
        except LifecycleError:
            continue


def at_once(own: OwnDatabase, *names: str) -> None:
    assert own.in_process(found) == 0
    pids = [own.start(partial(approving, name, n % 2 == 1)) for n, name in enumerate(names)]
    assert [wait(pid) for pid in pids] == [0] * len(names)


def states(own: OwnDatabase) -> set[tuple[str, int]]:
    """The state of each lot, and how many approvals it has."""
    approvals = "(select count(*) from retention_lotevent e where e.lot_id = l.id and e.reason = 'approval')"
    return {tuple(row) for row in own.rows(f"select l.state, {approvals} from retention_lot l")}


def test_one_person_in_four_tabs_is_one_person(own_database):
    at_once(own_database, "alice", "alice", "alice", "alice")
    assert states(own_database) == {("flagged", 1)}


def test_two_persons_are_two(own_database):
    at_once(own_database, "alice", "ada", "alice", "ada")
    assert states(own_database) == {("approved", 2)}
