"""A version that is not in force yet can be taken back; one whose day has come cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils.translation import override

from retention.domain.errors import DocumentError, LifecycleError
from ropa.models import Version, Withdrawal
from ropa.selectors import NoVersionError, snapshot_on, version_in_force
from ropa.services import draft_digest, give_opinion, opinion_on, publish, withdraw
from tests.ropa.reviewed import appoint
from tests.ropa.test_services import NOW, TODAY, edit, organisation, rule

pytestmark = pytest.mark.usefixtures("english")

__all__ = ["organisation"]
MISTYPED = date(2206, 7, 1)


@pytest.fixture
def standing(organisation):
    """What is in force today, under a draft that says something else."""
    version = publish(organisation, TODAY, datetime(2026, 6, 29, 9, tzinfo=UTC), "controller")
    edit(grounds=[rule("a", kind="need", period="P9Y")])
    return version


def later(organisation, day, now=NOW, **over) -> Version:
    return publish(organisation, day, now, "controller", **over)


def test_a_mistyped_year_does_not_block_what_follows(organisation, standing):
    wrong = later(organisation, MISTYPED)
    with pytest.raises(DocumentError, match="is before version 2"):
        later(organisation, date(2026, 7, 1))

    withdraw(wrong, NOW, "controller", "vuosi väärin")

    right = later(organisation, date(2026, 7, 1))
    assert right.number == 3
    assert version_in_force(organisation, MISTYPED) == right
    assert snapshot_on(organisation, TODAY) == standing


def test_what_was_withdrawn_stays_on_record(organisation, standing):
    wrong = later(organisation, MISTYPED)
    withdraw(wrong, NOW, "controller:alice", "vuosi väärin")
    kept = Version.objects.get(pk=wrong.pk).withdrawal
    assert (kept.withdrawer, kept.reason, kept.withdrawn_at) == ("controller:alice", "vuosi väärin", NOW)
    with pytest.raises(TypeError):
        kept.save()
    with pytest.raises(TypeError):
        kept.delete()


def test_a_version_whose_day_has_come_stays_in_force(organisation, standing):
    with pytest.raises(LifecycleError, match="is in force since"):
        withdraw(standing, NOW, "controller", "katumus")
    assert version_in_force(organisation, TODAY) == standing


def test_the_day_is_the_organisations(organisation, standing):
    """Late in the evening of 30 June UTC it is 1 July in Helsinki: the version of that day is in force."""
    version = later(organisation, date(2026, 7, 1))
    with pytest.raises(LifecycleError, match="is in force since"):
        withdraw(version, datetime(2026, 6, 30, 21, 30, tzinfo=UTC), "controller", "katumus")
    withdraw(version, datetime(2026, 6, 30, 20, 30, tzinfo=UTC), "controller", "katumus")


def test_a_withdrawal_is_said_once_and_with_a_reason(organisation, standing):
    version = later(organisation, MISTYPED)
    with pytest.raises(DocumentError, match="reason"):
        withdraw(version, NOW, "controller", "  ")
    withdraw(version, NOW, "controller", "vuosi väärin")
    with pytest.raises(LifecycleError, match="withdrawn already"):
        withdraw(version, NOW, "controller", "vuosi väärin")
    assert Withdrawal.objects.count() == 1


def test_the_same_draft_is_published_anew_after_its_withdrawal(organisation, standing):
    withdraw(later(organisation, MISTYPED), NOW, "controller", "vuosi väärin")
    assert later(organisation, MISTYPED).number == 3


def test_the_only_version_withdrawn_is_as_if_none_were_published(organisation):
    withdraw(later(organisation, MISTYPED), NOW, "controller", "vuosi väärin")
    with override("en"), pytest.raises(NoVersionError, match="nothing has been published"):
        snapshot_on(organisation, MISTYPED)


def test_an_opinion_outlives_a_withdrawal_but_no_later_version(organisation, standing):
    appoint(organisation, "dpo@example.invalid")
    digest = draft_digest(organisation)
    give_opinion(organisation, digest, "supports", "", NOW, "dpo:bob")
    at = datetime(2026, 6, 30, 13, tzinfo=UTC)
    wrong = later(organisation, MISTYPED, at)
    withdraw(wrong, at, "controller", "vuosi väärin")
    kept = later(organisation, date(2026, 7, 1), at).opinion
    assert kept is not None
    assert kept["by"] == "dpo:bob"

    edit(grounds=[])
    later(organisation, date(2026, 8, 1), at, opinion_reason="kiire")
    edit(grounds=[rule("a", kind="need", period="P9Y")])
    assert draft_digest(organisation) == digest
    assert opinion_on(organisation, digest) is None
    with pytest.raises(DocumentError, match="no opinion on this draft"):
        later(organisation, date(2026, 9, 1), at)


def test_what_is_published_is_what_was_looked_at(organisation, standing):
    seen = draft_digest(organisation)
    edit(grounds=[])
    with pytest.raises(LifecycleError, match="changed since it was looked at"):
        later(organisation, date(2026, 7, 1), digest=seen)
    assert later(organisation, date(2026, 7, 1), digest=draft_digest(organisation)).number == 2
